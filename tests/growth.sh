#!/bin/sh
# Structs may grow at their end (octgemm.h). This does it: a library with one more field in each
# struct that carries its size, built in a copy of the tree, and then
#   an older caller on the newer library: this build's accuracy suite,
#   a newer caller on the older library: that build's suite, which leaves the field 0.
#   growth.sh SOURCE      (`make check-growth`), in the build folder, with CC
source=$(cd "$1" && pwd)
build=$PWD
copy=$PWD/grown

if ! ls .libs/liboctgemm.so.* >/dev/null 2>&1; then
    echo "SKIP: no shared library was built"
    exit 77
fi
. "$source/tests/copy_tree.sh"
copy_tree "$source" "$copy"
header=$copy/include/octgemm.h
for name in octgemm_args octgemm_quantize_args; do
    sed -i "s/^} $name;/    int64_t later;\n&/" "$header"
done
[ "$(grep -c '    int64_t later;' "$header")" -eq 2 ] || { echo "FAIL: the structs did not grow"; exit 1; }
(cd "$copy" && ./configure CC="$CC" CFLAGS=-O1 --disable-static --disable-command --without-cuda --without-hip &&
    make -s -j2 tests/run_suite) >"$copy/log" 2>&1 || { tail "$copy/log"; exit 1; }

# suite CALLER LIBRARY WORDS
suite() {
    LD_LIBRARY_PATH=$2/.libs "$1/tests/.libs/run_suite" >"$copy/log" 2>&1 ||
        { tail "$copy/log"; echo "FAIL: $3"; exit 1; }
    echo "ok   $3: $(tail -n 1 "$copy/log")"
}
suite "$build" "$copy" 'an older caller, a newer library'
suite "$copy" "$build" 'a newer caller, an older library'
rm -rf "$copy"
