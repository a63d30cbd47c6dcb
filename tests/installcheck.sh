#!/bin/sh
# Builds examples/simple.c against an installed octgemm, as a user would, and checks its output.
# Called by `make installcheck` with CC, the pkg-config folder, the example and the library folder set.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PKG_CONFIG_PATH=$OCTGEMM_PKGCONFIG
export PKG_CONFIG_PATH
# A staged install (DESTDIR) moves the prefix; pkg-config's variable follows it.
flags=$(pkg-config --define-variable=prefix="$OCTGEMM_PREFIX" --cflags --libs octgemm)
# shellcheck disable=SC2086  # flags are words
$CC "$OCTGEMM_EXAMPLE" $flags -o "$work/simple"
LD_LIBRARY_PATH=$OCTGEMM_LIBDIR "$work/simple" >"$work/out"
cat "$work/out"
[ "$(wc -l <"$work/out")" -eq 3 ]
[ "$(sed -n 1p "$work/out" | wc -w)" -eq 4 ]
echo "installcheck: examples/simple.c built and ran against $OCTGEMM_PREFIX"
