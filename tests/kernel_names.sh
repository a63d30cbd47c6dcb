#!/bin/sh
# doc/which-kernel.md names every kernel of every table, and none that is not there. The tables are
# read as the preprocessor leaves them, so also those of backends and machines that are not built.
set -u
LC_ALL=C
export LC_ALL
top=${srcdir:-.}
page=$top/doc/which-kernel.md
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT

for table in "$top"/src/cpu/kernels_*.c "$top"/src/cuda/kernels.c "$top"/src/hip/hip.c; do
    # shellcheck disable=SC2086  # a compiler with its options
    ${CC:-cc} -E -P -I. -I"$top/include" -I"$top/src" -DOCTGEMM_HIP_ARCHS= "$table" >"$work/text" || exit 1
    # Adjacent strings are one; kernels' names have an underscore, those of backends and calls have none.
    tr '\n' ' ' <"$work/text" | sed 's/" *"//g' | grep -o '\.name = "[a-z0-9]*_[a-z0-9_]*"' >"$work/rows" ||
        { echo "no kernels found in $table"; exit 1; }
    sed 's/.*"\(.*\)"/\1/' "$work/rows"
done | sort -u >"$work/tables"
# What looks like a kernel on the page: a word in backquotes with an underscore and a digit.
grep -o '`[a-z][a-z0-9]*_[a-z0-9_]*`' "$page" | tr -d '`' | grep '[0-9]' | sort -u >"$work/page"

comm -23 "$work/tables" "$work/page" >"$work/missing"
comm -13 "$work/tables" "$work/page" >"$work/unknown"
[ ! -s "$work/missing" ] || sed "s|\$|: in a table, not in doc/which-kernel.md|" "$work/missing"
[ ! -s "$work/unknown" ] || sed "s|\$|: in doc/which-kernel.md, in no table|" "$work/unknown"
echo "$(wc -l <"$work/tables") kernels"
[ -s "$work/tables" ] && [ ! -s "$work/missing" ] && [ ! -s "$work/unknown" ]
