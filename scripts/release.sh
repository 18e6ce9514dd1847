#!/usr/bin/env bash
# Builds the command ferry for Linux, macOS and Windows, amd64 and arm64: static binaries
# and their checksums. The same commit and the same Go give the same bytes, so anybody can
# build a release again and compare.
#
#   scripts/release.sh DIR               all of them, and DIR/SHA256SUMS
#   scripts/release.sh DIR linux/arm64   those platforms alone
#
# They are named after the commit's tag, or after the commit where it has none. In a tree with
# changes that are not committed it builds, too, and the names say so: nobody can build
# these again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ $# -lt 1 || $1 == -* ]]; then
	echo "usage: scripts/release.sh DIR [OS/ARCH]…" >&2
	exit 2
fi
out=$1
shift
platforms=("$@")
[[ ${#platforms[@]} -gt 0 ]] || platforms=(linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64)
version=$(git describe --tags --always --dirty)
mkdir -p "$out"
out=$(cd "$out" && pwd)

names=()
for platform in "${platforms[@]}"; do
	name=ferry_${version}_${platform/\//_}
	[[ $platform != windows/* ]] || name+=.exe
	# Of the machine that builds nothing gets in: no paths, no C compiler, no settings.
	GOOS=${platform%/*} GOARCH=${platform#*/} GOAMD64=v1 GOARM64=v8.0 GOFLAGS='' GOEXPERIMENT='' CGO_ENABLED=0 \
		go build -trimpath -buildvcs=true -ldflags='-s -w -buildid=' -o "$out/$name" ./scripts/ferry
	names+=("$name")
	echo "$name $(wc -c <"$out/$name") bytes"
done
cd "$out"
if command -v sha256sum >/dev/null; then sha256sum "${names[@]}"; else shasum -a 256 "${names[@]}"; fi >SHA256SUMS
echo "$out/SHA256SUMS"
