#!/usr/bin/env bash
# Builds the shared library: lib-build.sh OUTPUT [EXTRA_TAGS]. VERSION and the extra flags for Go in LIB_GOFLAGS come from
# the environment.
set -euo pipefail
out=$1
tags=netgo,osusergo${2:+,$2}
version=${VERSION:-$(git describe --tags --always --dirty 2>/dev/null || echo unknown)}

cd "$(dirname "$0")/.."
root=$PWD
dir=$(dirname "$out")
mkdir -p "$dir"
if ! command -v "${CC:-gcc}" >/dev/null; then
	echo "building libtasker.so needs a C compiler: install gcc, or set CC" >&2
	exit 1
fi

# The version as C sees it. It is linked in rather than compiled in, so that a new one does not build everything again.
object=$root/$dir/version.o
echo "const char tkc_build_version[] = \"$version $(go env GOVERSION)\";" | "${CC:-gcc}" -c -fPIC -fvisibility=hidden -x c -o "$object" -

link="-Wl,--version-script=$root/ffi/export.map -Wl,-soname,libtasker.so.1 -Wl,-z,now -Wl,--no-as-needed -l:libpthread.so.0 $object"
CGO_ENABLED=1 CGO_CFLAGS="-O2 -g -include $root/ffi/glibc_compat.h" go build ${LIB_GOFLAGS:-} -tags "$tags" -trimpath -buildmode=c-shared \
	-ldflags "-s -w -X github.com/tasker-systems/tasker-go/internal/system.Version=$version -extldflags '$link'" -o "$out" ./ffi
rm -f "${out%.so}.h" # cgo's own header; the contract is include/tasker.h
ln -sf "$(basename "$out")" "$dir/libtasker.so.1" # its SONAME, by which programs that link to it look for it
echo "built $out $version"
