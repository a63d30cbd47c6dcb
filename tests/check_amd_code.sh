#!/bin/sh
# What the machine code of the HIP kernels must be, read from the code objects: no GPU is needed.
#   check_amd_code.sh OBJDUMP READELF CODE.hsaco...
# For each kernel: no scratch memory, no spilled vector registers, at most 256 registers (two waves
# on a SIMD), LDS within 64 KB. For each target: the matrix instruction it was written for, signed
# (neg_lo) where that is a flag, no flat memory access, and 16-byte loads somewhere in it.
objdump=$1 readelf=$2
shift 2
failed=0

fail() {
    echo "FAIL $*"
    failed=1
}

# The instruction that does the products; ":-" where plain arithmetic does.
instruction_of() {
    case $1 in
    gfx908 | gfx90a) echo v_mfma_i32_16x16x16 ;;
    gfx940 | gfx941 | gfx942) echo v_mfma_i32_16x16x32_i8 ;;
    gfx950) echo v_mfma_i32_16x16x64_i8 ;;
    gfx11* | gfx12*) echo v_wmma_i32_16x16x16_iu8 ;;
    gfx906 | gfx101[12] | gfx103*) echo v_dot4 ;;
    *) echo v_ ;;
    esac
}

for code; do
    arch=$(basename "$code" .hsaco)
    listing=$("$objdump" -d "$code") || exit 1
    # Lines "kernel scratch spills lds registers" from the metadata note, in which a kernel's fields
    # are in alphabetical order.
    "$readelf" -n "$code" | awk -v arch="$arch" '
        $1 == ".agpr_count:" || $2 == ".agpr_count:" { agprs = $NF }
        $1 == ".group_segment_fixed_size:" { lds = $2 }
        $1 == ".name:" { name = $2 }
        $1 == ".private_segment_fixed_size:" { scratch = $2 }
        $1 == ".vgpr_count:" { vgprs = $2 }
        $1 == ".vgpr_spill_count:" {
            # not in the table for these, and stream_64, which loses a few registers on RDNA2
            skip = name ~ /256x128/ && arch ~ /^gfx(90[068]|10)/ ||
                name ~ /128x128/ && arch ~ /^gfx90[06]/ || name == "stream_64" && arch ~ /^gfx10/
            print arch, name, vgprs, lds, scratch, $2
            if (!skip && (scratch > 0 || $2 > 0 || lds > 65536 || vgprs > 256)) bad = 1
            count++
        }
        END { exit bad || count < 8 }' || fail "$arch: registers, scratch or LDS"
    wanted=$(instruction_of "$arch")
    for kernel in tile_256x128 tile_128x128 tile_64x64 stream_64 stream_32 stream_16; do
        body=$(echo "$listing" | sed -n "/<$kernel>:/,/^\$/p")
        echo "$body" | grep -q "$wanted" || fail "$arch $kernel: no $wanted"
        echo "$body" | grep -E 'iu8' | grep -qv 'neg_lo:\[1,1,0\]' &&
            fail "$arch $kernel: an unsigned operand"
        echo "$body" | grep -qE 'flat_(load|store)|scratch_' &&
            case $kernel/$arch in
            tile_*x128/gfx90[06] | tile_256x128/gfx908 | tile_256x128/gfx10* | stream_64/gfx10*) ;;
            *) fail "$arch $kernel: flat or scratch access" ;;
            esac
        echo "$body" | grep -qE 'global_load_(dwordx4|b128)' || fail "$arch $kernel: no wide load"
    done
done
exit $failed
