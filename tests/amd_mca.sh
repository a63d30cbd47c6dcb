#!/bin/sh
# What llvm-mca says of each main loop of the HIP kernels (amd_loop.awk), a table for bench/NOTES.md:
#   amd_mca.sh OBJDUMP MCA CODE.hsaco...      (`make amd-mca`)
# For one pass of one wave: matrix instructions, the clocks these take (doc/AMD.md), other vector
# instructions, LDS instructions, and llvm-mca's cycles, of 4 clocks each on CDNA. The last column is
# for RDNA3, where no vector instruction is issued while WMMA runs: the most of a SIMD's time that
# WMMA can have. For RDNA4, of which that is not known, it is the least.
folder=$(dirname "$0")
objdump=$1 mca=$2
shift 2

# Clocks of the matrix instruction on its SIMD.
clocks_of() {
    case $1 in
    gfx908 | gfx90a | gfx11*) echo 32 ;;
    gfx94* | gfx950) echo 16 ;;
    gfx12*) echo 8 ;;
    *) echo 1 ;;
    esac
}

echo "| target | kernel | matrix | their clocks | other vector | LDS | llvm-mca | issue |"
echo "|---|---|---|---|---|---|---|---|"
for code; do
    arch=$(basename "$code" .hsaco)
    listing=$("$objdump" -d "$code") || exit 1
    case $arch in
    gfx11* | gfx12*) op=v_wmma ;;
    gfx908 | gfx90a | gfx94* | gfx950) op=v_mfma ;;
    *) op=v_dot4 ;;
    esac
    for kernel in $(echo "$listing" | sed -n 's/.*<\(\(tile\|stream\)_.*\)>:$/\1/p'); do
        loop=$(echo "$listing" | awk -v kernel="$kernel" -v op="$op" -f "$folder/amd_loop.awk")
        # Without branches, whose targets are not there, and without RDNA4's waits and barrier, for
        # which LLVM's model assumes thousands of cycles; llvm-mca 19 does not end on some loops.
        clocks=$(echo "$loop" | grep -vE 'branch|s_wait_|s_barrier_(signal|wait)' |
            timeout 5 "$mca" -mtriple=amdgcn-amd-amdhsa -mcpu="$arch" -iterations=10 2>/dev/null |
            awk '$1 == "Total" && $2 == "Cycles:" { print $3 / 10 }')
        echo "$loop" | awk -v arch="$arch" -v kernel="$kernel" -v op="$op" -v clocks="${clocks:--}" \
            -v each="$(clocks_of "$arch")" '
            index($1, op) == 1 { matrix++; next }
            $1 ~ /^v_/ { vector++ }
            $1 ~ /^ds_/ { lds++ }
            END {
                issue = arch ~ /^gfx1[12]/ ? sprintf("%.0f %%", 100 * matrix * each / (matrix * each + vector)) : ""
                printf "| %s | %s | %d | %d | %d | %d | %s | %s |\n", arch, kernel, matrix, matrix * each, vector, lds, clocks, issue
            }'
    done
done
