#!/usr/bin/env bash
# Builds every function as a small static Linux binary and zips it: for Function
# Compute's go1 runtime as an executable named main, for Lambda's provided.al2023
# as one named bootstrap. The same source gives the same bytes, so a deployment
# can be held against its commit.
#
#   scripts/package.sh [DIR]            for Function Compute; default .package, where s.yaml looks
#   scripts/package.sh --lambda [DIR]   for Lambda, arm64; default .package/lambda, where infra/aws looks
#
# GOARCH=amd64 builds for Lambda on x86_64, to go with architecture = "x86_64".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

executable=main arch=${GOARCH:-amd64} out=.package tags=
if [[ ${1-} == --lambda ]]; then
	shift
	# norpc leaves out what only the retired go1.x runtime of Lambda spoke.
	executable=bootstrap arch=${GOARCH:-arm64} out=.package/lambda tags=lambda.norpc
fi
if [[ ${1-} == -* || $# -gt 1 ]]; then
	echo "usage: scripts/package.sh [--lambda] [DIR]" >&2
	exit 2
fi
out=${1:-$out}
mkdir -p "$out"
out=$(cd "$out" && pwd)

built=$(mktemp -d)
trap 'rm -r "$built"' EXIT
GOOS='' GOARCH='' go build -o "$built/pack" ./scripts/pack
GOOS=linux GOARCH=$arch CGO_ENABLED=0 go build -tags="$tags" -trimpath -buildvcs=false -ldflags='-s -w -buildid=' -o "$built/functions/" ./functions/...
for function in "$built"/functions/*; do
	name=$(basename "$function")
	mv "$function" "$built/$executable"
	"$built/pack" "$out/$name.zip" "$built/$executable"
	echo "$out/$name.zip $(wc -c <"$out/$name.zip") bytes"
done
