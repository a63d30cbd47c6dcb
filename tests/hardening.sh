#!/bin/sh
# That the library stays loaded, and what configure's hardening promises of it and the command:
# relocations read-only once they are bound, all bound at the start, no executable stack, no text
# relocations, no search path of ours inside, stack protection; and none of it in the kernels' code.
hardening=${HARDENING:-no}
readelf=${READELF:-readelf}
failed=0

fail() {
    echo "FAILED $*"
    failed=1
}

# has FILE WHAT PATTERN: a line of its headers
has() {
    "$readelf" -lWd "$1" | grep -q -e "$3" || fail "$1: $2"
}

has_not() {
    ! "$readelf" -lWd "$1" | grep -q -e "$3" || fail "$1: $2"
}

if ! command -v "$readelf" >/dev/null 2>&1; then
    echo "SKIP: no readelf"
    exit 77
fi
checked=0
for file in .libs/liboctgemm.so .libs/octgemm octgemm; do
    "$readelf" -h "$file" >/dev/null 2>&1 || continue # absent, or libtool's script
    checked=$((checked + 1))
    has_not "$file" 'an executable stack' 'GNU_STACK.*RWE'
    has_not "$file" 'relocations in its text' TEXTREL
    [ "$hardening" = yes ] || continue
    has "$file" 'no GNU_RELRO' GNU_RELRO
    has "$file" 'not bound at the start' 'BIND_NOW\|Flags: NOW'
    "$readelf" -sW "$file" | grep -q __stack_chk_fail || fail "$file: no stack protection"
done
# Where the loader looks is the system's affair: no RPATH, no RUNPATH, but for the folder that the
# compiler brings its OpenMP runtime from, which is the system's too.
if [ -e .libs/liboctgemm.so ]; then
    has .libs/liboctgemm.so 'dlclose() takes the code of running threads' NODELETE
    for folder in $("$readelf" -dW .libs/liboctgemm.so | sed -n '/RPATH\|RUNPATH/s/.*\[\(.*\)\]/\1/p' | tr : ' '); do
        case $folder in
        /usr/lib/* | /usr/lib64/* | /opt/*) ;;
        *) fail ".libs/liboctgemm.so: a search path inside, $folder" ;;
        esac
    done
fi
[ "$checked" -gt 0 ] || { echo "SKIP: no ELF file was built"; exit 77; }

# An assembly file that says nothing of the stack makes it executable, or the linker complain.
for file in src/*/code.o src/*/modules.o; do
    [ ! -e "$file" ] || "$readelf" -SW "$file" | grep -q '\.note\.GNU-stack' ||
        fail "$file: no .note.GNU-stack"
done

case "${CFLAGS-}" in
*-fstack-protector*) echo "CFLAGS ask for stack protection everywhere: kernels not looked at" ;;
*)
    kernels=$(ls src/cpu/libcpu_*.o src/cpu/.libs/libcpu_*.o 2>/dev/null) # static, shared: what was built
    [ -n "$kernels" ] || fail 'no objects of kernels'
    for file in $kernels; do
        ! "$readelf" -sW "$file" | grep -q __stack_chk_fail || fail "$file: stack protection in a kernel"
    done
    ;;
esac
[ "$failed" -ne 0 ] || echo "$checked files and the kernels are as they should be"
exit $failed
