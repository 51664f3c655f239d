#!/usr/bin/env bash
# Holds a built library against what it promises: lib-check.sh LIBRARY. Every gate says what it found.
set -euo pipefail
export LC_ALL=C
lib=$1
cd "$(dirname "$0")/.."
cc=${CC:-gcc} cxx=${CXX:-g++}
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

pass() { echo "ok    $*"; }
fail() { echo "FAIL  $*" >&2; failed=1; }
same() { # same WHAT EXPECTED ACTUAL
	if diff -u "$2" "$3" >"$work/diff"; then pass "$1"; else fail "$1:"; cat "$work/diff" >&2; fi
}

# The header is plain C and C++.
for std in c99 c11 c17; do
	if "$cc" -std=$std -pedantic -Wall -Wextra -Werror -fsyntax-only -x c include/tasker.h; then pass "header compiles as $std"; else fail "header as $std"; fi
done
if command -v "$cxx" >/dev/null; then
	for std in c++11 c++17; do
		if "$cxx" -std=$std -pedantic -Wall -Wextra -Werror -fsyntax-only -x c++ include/tasker.h; then pass "header compiles as $std"; else fail "header as $std"; fi
	done
fi

# The C half passes to Go what Go's functions take, and holds up to the compiler's own analysis.
(cd ffi && go tool cgo -objdir "$work/cgo" -- -I. main.go worker.go step.go call.go log.go)
for file in shim.c library.c guard.c; do
	if "$cc" -std=gnu11 -O2 -Wall -Wextra -Wconversion -Werror -fanalyzer -c -o /dev/null -I"$work/cgo" -Iffi "ffi/$file"; then pass "$file passes the analyzer"; else fail "$file"; fi
done

# Its functions are the library's, no more and no fewer.
grep -oE '^TASKER_API [^;(]*[ *](tasker_[a-z_]+)\(' include/tasker.h | grep -oE 'tasker_[a-z_]+\($' | tr -d '(' | sort >"$work/header"
nm -D --defined-only "$lib" | awk '$2 ~ /[TtWwDdBbRr]/ {sub(/@.*/, "", $3); print $3}' | sort >"$work/exports"
same "the library exports the header's $(wc -l <"$work/header") functions and nothing else" "$work/header" "$work/exports"
if nm -D --defined-only "$lib" | awk '$2 == "T" && $3 !~ /@@TASKER_1$/ {print; bad=1} END {exit bad}'; then pass "each is of version TASKER_1"; else fail "symbols without their version"; fi

# Layouts, sizes and values do not move.
"$cc" -std=c11 -Iinclude -o "$work/layout" ffi/testdata/layout.c
"$work/layout" >"$work/abi"
sed -nE '/^TASKER_API/ { s/^TASKER_API //; s/[[:space:]]+/ /g; p }' include/tasker.h | sort >>"$work/abi"
same "signatures, layouts and codes are those of ffi/abi.txt" ffi/abi.txt "$work/abi"

# It loads on old systems.
newest=$(objdump -T "$lib" | grep -oE 'GLIBC_[0-9.]+' | sort -uV | tail -1)
if [ "$(printf '%s\nGLIBC_2.17\n' "$newest" | sort -V | tail -1)" = GLIBC_2.17 ]; then pass "needs no glibc newer than 2.17 (its newest symbol is of $newest)"; else
	fail "needs $newest:"
	objdump -T "$lib" | grep -E "\($newest\)|[[:space:]]$newest[[:space:]]" >&2
fi
objdump -p "$lib" | awk '$1 == "NEEDED" {print $2}' | sort >"$work/needed"
printf 'libc.so.6\nlibpthread.so.0\n' >"$work/needed-expected"
same "needs libc and libpthread alone" "$work/needed-expected" "$work/needed"
soname=$(objdump -p "$lib" | awk '$1 == "SONAME" {print $2}')
if [ "$soname" = libtasker.so.1 ]; then pass "its SONAME is $soname"; else fail "its SONAME is $soname"; fi
if readelf -lW "$lib" | awk '$1 == "GNU_STACK" && $7 ~ /E/ {exit 1}'; then pass "its stack is not executable"; else fail "an executable stack"; fi
if readelf -d "$lib" | grep -q TEXTREL; then fail "text relocations"; else pass "no text relocations"; fi

echo "      $(du -h "$lib" | cut -f1) $lib"
exit $failed
