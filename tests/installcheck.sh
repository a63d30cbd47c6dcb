#!/bin/sh
# Builds examples/simple.c against an installed octgemm, as a user would, and checks its output: with
# pkg-config, and with CMake where there is one. Called by `make installcheck` with CC, the prefix and
# the library's and pkg-config's folders, the version, the example and the CMake project set.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
LD_LIBRARY_PATH=$OCTGEMM_LIBDIR
PKG_CONFIG_PATH=$OCTGEMM_PKGCONFIG
export LD_LIBRARY_PATH PKG_CONFIG_PATH

# A staged install (DESTDIR) moves the prefix; pkg-config's variable follows it.
flags=$(pkg-config --define-variable=prefix="$OCTGEMM_PREFIX" --cflags --libs octgemm)
# shellcheck disable=SC2086  # flags are words
$CC "$OCTGEMM_EXAMPLE" $flags -o "$work/simple"
"$work/simple" >"$work/out"
cat "$work/out"
[ "$(wc -l <"$work/out")" -eq 3 ]
[ "$(sed -n 1p "$work/out" | wc -w)" -eq 4 ]
[ "$(pkg-config --modversion octgemm)" = "$OCTGEMM_VERSION" ]
echo "installcheck: examples/simple.c built and ran against $OCTGEMM_PREFIX with pkg-config"

# project PREFIX VERSION: builds a CMake project that wants that version in $work/VERSION
project() {
    CC=$CC cmake -S "$OCTGEMM_CONSUMER" -B "$work/$2" -DCMAKE_PREFIX_PATH="$1" -DEXAMPLE="$OCTGEMM_EXAMPLE" \
        -DWANTED_VERSION="$2" >"$work/log" 2>&1 && cmake --build "$work/$2" >>"$work/log" 2>&1
}
# consumer PREFIX: builds it and runs it without $LD_LIBRARY_PATH, so against the library that CMake found
consumer() {
    project "$1" "$OCTGEMM_VERSION" || { cat "$work/log"; exit 1; }
    env -u LD_LIBRARY_PATH "$work/$OCTGEMM_VERSION/consumer" | cmp - "$work/out"
    rm -r "${work:?}/$OCTGEMM_VERSION"
}
if ! command -v cmake >/dev/null 2>&1; then
    echo "installcheck: no cmake here, its config file was not tried"
    exit 0
fi
consumer "$OCTGEMM_PREFIX"
major=${OCTGEMM_VERSION%%.*}
taken=
refused='0.0 99.0'
if cmake --help-policy CMP0114 >/dev/null 2>&1; then # versions may be ranges
    taken="0 0.0...$((major + 1)).0 0.0...$OCTGEMM_VERSION $OCTGEMM_VERSION...<99"
    refused="$refused 0.0...<$OCTGEMM_VERSION $((major + 1)).0...99"
fi
for version in $taken; do
    project "$OCTGEMM_PREFIX" "$version" || { cat "$work/log"; exit 1; }
done
for version in $refused; do
    if project "$OCTGEMM_PREFIX" "$version"; then
        echo "installcheck: CMake took $OCTGEMM_VERSION for $version"
        exit 1
    fi
    grep -q "$OCTGEMM_VERSION" "$work/log" # it was found, and refused
done
echo "installcheck: the same with CMake's find_package(octgemm)"

# The static library alone, in another place: what it needs, CMake adds, and the place is no matter.
[ -e "$OCTGEMM_LIBDIR/liboctgemm.a" ] || exit 0
moved=$work/moved/${OCTGEMM_LIBDIR#"$OCTGEMM_PREFIX"/}
mkdir -p "$moved"
cp -R "$OCTGEMM_PREFIX/include" "$work/moved/"
cp -R "$OCTGEMM_LIBDIR/cmake" "$OCTGEMM_LIBDIR/liboctgemm.a" "$moved/"
consumer "$work/moved"
echo "installcheck: and with the static library, moved"
