#!/bin/sh
# configure refuses switches that it would not understand, before it looks for anything. And of each
# architecture from which the CUDA kernels' text differs it makes a virtual one.
set -u
top=$(cd "${srcdir:-.}" && pwd)
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 99
failed=0
for switch in --with-cuda=/usr/local/cuda --with-cuda= --with-hip=maybe; do
    if "$top/configure" "$switch" >log 2>&1 || ! grep -q -e "error: $switch: want check, yes or no" log; then
        echo "FAILED $switch:"
        tail -n 3 log
        failed=1
    fi
done
virtual=$(sed -n 's/.*for virtual in \(.*\); do/ \1 /p' "$top/configure.ac")
for number in $(sed -n 's/.*__CUDA_ARCH__ [<>=]* \([0-9]*\)0\>.*/\1/p' "$top"/src/cuda/*.cu*); do
    case $virtual in
    *" $number "*) ;;
    *)
        echo "FAILED __CUDA_ARCH__ ${number}0 is no virtual architecture of configure.ac:$virtual"
        failed=1
        ;;
    esac
done
exit $failed
