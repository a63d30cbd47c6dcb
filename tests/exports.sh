#!/bin/sh
# The shared library exports what src/octgemm.map lists, and nothing else, also where the linker does
# not take that file: an accidental export is a promise to keep, a lost one breaks programs.
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
listed() {
    sed -n 's/^ *\(octgemm_[a-z_]*\);$/\1/p' "$srcdir/src/octgemm.map" | sort -u
}
# Version nodes (OCTGEMM_0.1, type A) are no symbols; sanitizers add their own with two underscores.
exported() {
    $nm -D --defined-only "$library" |
        awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | grep -v '^__' | sort -u
}
odd=$({ listed && exported; } | sort | uniq -u)
if [ -n "$odd" ]; then
    echo "listed and not exported, or exported and not listed:" $odd
    exit 1
fi
echo "the exports are as listed: $(listed | wc -l)"
