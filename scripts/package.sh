#!/usr/bin/env bash
# Builds every function as a small static Linux binary and zips it, as Function
# Compute's go1 runtime takes it: an executable named main. The same source
# gives the same bytes, so a deployment can be held against its commit.
#
#   scripts/package.sh [DIR]     default .package, where s.yaml looks
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=${1:-.package}
mkdir -p "$out"
out=$(cd "$out" && pwd)

for function in functions/*/; do
	name=$(basename "$function")
	[[ -f $function/main.go ]] || continue
	GOOS=linux GOARCH=${GOARCH:-amd64} CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags='-s -w -buildid=' -o "$out/$name/main" "./$function"
	go run ./scripts/pack "$out/$name.zip" "$out/$name/main"
	rm -r "${out:?}/$name"
	echo "$out/$name.zip $(wc -c <"$out/$name.zip") bytes"
done
