#!/bin/sh
# The shared library exports what tests/exports.txt lists, and nothing else: an accidental export is
# a promise to keep, a lost one breaks programs.
srcdir=${srcdir:-.}
library=$(ls .libs/liboctgemm.so .libs/liboctgemm.dylib 2>/dev/null | head -n 1)
if [ -z "$library" ]; then
    echo "SKIP: no shared library was built"
    exit 77
fi
nm=${NM:-nm} # may carry options: "nm -B"
if ! command -v "${nm%% *}" >/dev/null 2>&1; then
    echo "SKIP: no nm"
    exit 77
fi
# Version nodes (OCTGEMM_0.1, type A) are no symbols; sanitizers add their own with two underscores.
$nm -D --defined-only "$library" |
    awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | grep -v '^__' | sort |
    diff "$srcdir/tests/exports.txt" - && echo "the exports are as listed"
