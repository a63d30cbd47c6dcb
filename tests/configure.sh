#!/bin/sh
# configure refuses switches that it would not understand, before it looks for anything. And of each
# architecture from which the CUDA kernels' text differs it makes a virtual one. And what it compiles for
# where it is asked for this machine's GPUs.
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

# native WANTED COMMAND...: the words that it prints.
native() {
    wanted=$1
    shift
    found=$("$@" 2>/dev/null | xargs)
    [ "$found" = "$wanted" ] && return
    echo "FAILED $*: \"$found\", not \"$wanted\""
    failed=1
}

printf '#!/bin/sh\nprintf "$CAPABILITIES"\n' >nvidia-smi
chmod +x nvidia-smi
PATH=$work:$PATH
export CAPABILITIES
while read -r CAPABILITIES wanted; do
    native "$wanted" "$top/src/cuda/native.sh" 110 75 80 86 87 89 90 100 120 121 70
done <<'END'
8.9\n 89
12.0\n8.9\n8.9\n 89 120
7.5\n9.0\n 75 90
8.8\n 87
13.0\n 121
7.0\n
No\n
END
for node in 0:0 1:90402 2:90010 3:110003 4:100300 5:90010 6:120001; do
    mkdir -p "nodes/${node%:*}"
    printf 'cpu_cores_count 0\ngfx_target_version %d\nvendor_id 4098\n' "${node#*:}" >"nodes/${node%:*}/properties"
done
native 'gfx90a gfx942 gfx1030 gfx1103 gfx1201' "$top/src/hip/native.sh" nodes
native '' "$top/src/hip/native.sh" "$work/nothing"
exit $failed
