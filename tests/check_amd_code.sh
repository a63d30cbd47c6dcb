#!/bin/sh
# What the machine code of the HIP kernels must be, read from the code objects: no GPU is needed.
#   check_amd_code.sh OBJDUMP READELF CODE.hsaco...
# For each kernel: no scratch memory, no spilled vector registers, at most 256 registers (two waves
# on a SIMD), LDS within 64 KB. For each target: the matrix instruction it was written for, signed
# (neg_lo) where that is a flag, and no flat memory access. For each main loop (amd_loop.awk): loads
# from memory are of 16 bytes each, and there is one barrier for each step of k, none where the waves
# stream B. Where parts of k meet: what makes them visible to blocks on other dies, which no simulator
# shows.
folder=$(dirname "$0")
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

# fences_of ARCH: what hands stores on to other blocks, and what lets theirs be seen
fences_of() {
    case $1 in
    gfx94* | gfx950) echo 'buffer_wbl2 sc1,buffer_inv sc1' ;;
    gfx12*) echo 'global_wb scope:SCOPE_DEV,global_inv scope:SCOPE_DEV' ;;
    gfx1*) echo 's_waitcnt_vscnt null. 0x0,buffer_gl0_inv' ;;
    *) echo 's_waitcnt vmcnt[(]0[)],buffer_wbinvl1' ;;
    esac
}

# hands_over ARCH: in this listing every wave hands its stores on before one of them counts the block,
# and the last block's waves look afresh after that.
hands_over() {
    awk -v fences="$(fences_of "$1")" '
        BEGIN {
            split(fences, fence, ",")
            split(fence[1] ",s_barrier,global_atomic,s_barrier," fence[2], step, ",")
        }
        $0 ~ step[done + 1] && done < 5 { done++ }
        END { exit done < 5 }'
}

# too_wide ARCH KERNEL: hip.c's table does not have it for this target, and so the code object not either
too_wide() {
    case $1/$2 in
    gfx90[0-69c]/tile_*x128 | gfx101[03]/tile_*x128 | gfx908/tile_256x128* | gfx10*/tile_256x128) return 0 ;;
    esac
    return 1
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
            skip = name == "stream_64" && arch ~ /^gfx10/ # loses a few registers on RDNA2
            print arch, name, vgprs, lds, scratch, $2
            if (!skip && (scratch > 0 || $2 > 0 || lds > 65536 || vgprs > 256)) bad = 1
            count++
        }
        END { exit bad || count < 6 }' || fail "$arch: registers, scratch or LDS"
    wanted=$(instruction_of "$arch")
    kernels="tile_256x128 tile_128x128 tile_64x64 stream_64 stream_32 stream_16"
    case $wanted in v_mfma*) kernels="$kernels $(echo "$kernels " | sed 's/ /_packed /g')" ;; esac
    for kernel in $kernels; do
        body=$(echo "$listing" | sed -n "/<$kernel>:/,/^\$/p")
        if too_wide "$arch" "$kernel"; then
            [ -z "$body" ] || fail "$arch: $kernel is for no device"
            continue
        fi
        [ "$body" ] || fail "$arch: no $kernel"
        echo "$body" | grep -q "$wanted" || fail "$arch $kernel: no $wanted"
        echo "$body" | grep -E 'iu8' | grep -qv 'neg_lo:\[1,1,0\]' &&
            fail "$arch $kernel: an unsigned operand"
        echo "$body" | grep -qE 'flat_(load|store)|scratch_' &&
            case $arch/$kernel in
            gfx10*/stream_64) ;; # spills, as above
            *) fail "$arch $kernel: flat or scratch access" ;;
            esac
        loop=$(echo "$listing" | awk -v kernel="$kernel" -v op="$wanted" -f "$folder/amd_loop.awk")
        echo "$loop" | grep -qE 'global_load_(dwordx4|b128)' ||
            fail "$arch $kernel: no 16-byte load in its loop"
        echo "$loop" | grep -E '(global|flat|buffer)_load' | grep -qvE '_load_(dwordx4|b128)' &&
            fail "$arch $kernel: a narrow load in its loop"
        echo "$body" | hands_over "$arch" || fail "$arch $kernel: parts of k are not handed over"
        barriers=$(echo "$loop" | grep -cE 's_barrier(_wait|[[:space:]]*$)')
        case $kernel in tile*) expected=1 ;; *) expected=0 ;; esac
        [ "$barriers" -eq "$expected" ] || fail "$arch $kernel: $barriers barriers in its loop"
    done
done
exit $failed
