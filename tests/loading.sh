#!/bin/sh
# Which code is loaded is decided by the system's loader alone: not by the current directory, by
# PATH, by HOME or by a variable of a vendor. A library that tells when it is loaded lies in all
# these places under every name that the sources give to dlopen().
srcdir=$(cd "${srcdir:-.}" && pwd)
octgemm=${OCTGEMM:-$PWD/octgemm}
bait=$PWD/tests/.libs/libtrap.so
if [ ! -e "$bait" ]; then
    echo "SKIP: no shared libraries here"
    exit 77
fi
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
failed=0

# What is loaded by name: string literals that look like libraries, in the library and the command.
names=$(sed -n 's/"\(lib[A-Za-z0-9_]*\.so[.0-9]*\)"/\n<\1>\n/gp' "$srcdir"/src/*/*.c "$srcdir"/tools/*.c |
    sed -n 's/^<\(.*\)>$/\1/p' | sort -u)
[ "$(echo "$names" | wc -l)" -ge 5 ] || { echo "FAILED the names of libraries were not found"; exit 1; }
if grep -n '"[^"]*/[^"]*\.so[.0-9]*"' "$srcdir"/src/*.c "$srcdir"/src/*/*.c "$srcdir"/tools/*.c; then
    echo "FAILED a library is named by a path"
    exit 1
fi
for folder in . lib lib64 bin; do
    mkdir -p "$work/$folder"
    for name in $names; do
        cp "$bait" "$work/$folder/$name"
    done
done

# loads NAME=VALUE...: does a command in the folder of traps load one?
loads() {
    (
        cd "$work" || exit 99
        for arguments in info 'bench --rivals --hot --seconds 0.001 -m 1 16x16'; do
            # shellcheck disable=SC2086
            env "$@" "$octgemm" $arguments </dev/null 2>&1
        done
    ) >"$work/output"
    grep -q 'trap: loaded' "$work/output"
}

# The traps work: the loader's own variable leads into them.
if ! loads LD_LIBRARY_PATH="$work${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"; then
    echo "FAILED the traps are not loaded where they should be"
    cat "$work/output"
    exit 1
fi
# leads NAME=VALUE...: these should lead nowhere
leads() {
    loads "$@" || return
    echo "FAILED $* makes octgemm load a library from there"
    cat "$work/output"
    failed=1
}
leads PATH="$work:$PATH" HOME="$work" TMPDIR="$work" XDG_DATA_HOME="$work" \
    CUDA_HOME="$work" CUDA_PATH="$work" ROCM_PATH="$work" ROCM_HOME="$work" HIP_PATH="$work" \
    OCTGEMM_LIBRARY="$work/libcuda.so.1"
leads OCTGEMM_BACKEND=./libcuda.so.1
leads OCTGEMM_KERNEL=./libcuda.so.1
[ "$failed" -ne 0 ] || echo "$(echo "$names" | wc -l) names: none is loaded from anywhere but the loader's places"
exit $failed
