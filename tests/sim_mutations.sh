#!/bin/sh
# Can the simulator's test fail? Defects in the kernels of src/hip/, each of which the short list of
# tests/check_sim.c must find (mutations.sh). The tests' names are those of the targets.
#   sim_mutations.sh SOURCE CHECK_SIM [PATTERN], in the build folder (`make check-sim-mutations`), with
#   SIM_CXX, SIM_LINK: the commands that compile and link the simulator
source=$1 check_sim=$2 only=$3
copy=tests/sim/mutant.$$ # one table in several processes, each with a part of it, is faster

trap 'rm -rf "$copy"' EXIT
mkdir -p "$copy/src/hip"
cp "$source"/src/hip/*.h "$source/src/hip/kernels.hip" "$copy/src/hip/"

attempt() {
    generation=$(echo "$1" | sed 's/gfx\(.*\)..$/GFX\1/')
    $SIM_CXX -iquote "$copy/src" "-D__$1__" "-D__${generation}__" "-DSIM_TARGET=$1" \
        -c -o "$copy/kernels.o" "$source/tests/sim/kernels.cc" >"$copy/log" 2>&1 || return 2
    $SIM_LINK -o "$copy/libamdhip64.so.7" "$source/tests/sim/sim.c" "$source/tests/sim/runtime.c" \
        "$copy/kernels.o" $(all_but "tests/sim/$1.o" tests/sim/gfx*.o) -lstdc++ -lpthread -lm >>"$copy/log" 2>&1 || return 2
    OCTGEMM_SIM_LIBRARY=$copy/libamdhip64.so.7 OCTGEMM_SIM_TARGET=$1 timeout 300 "$check_sim" \
        >"$copy/log" 2>&1
    verdict $?
}

. "$source/tests/mutations.sh"

defect gfx942 src/hip/tile.h 'no barrier in a k step' '/stash(lds + buffer);/{n;s/block_barrier();//;}'
defect gfx1100 src/hip/stream.h 'no barrier before the waves are added' '0,/block_barrier();/s///'
defect gfx942 src/hip/reduce.h 'no barrier in a reduction' '0,/block_barrier();/s///'
defect gfx942 src/hip/tile.h 'the buffer of the step before' 's/multiply(lds + buffer);/multiply(lds + buffer_bytes - buffer);/'
defect gfx1100 src/hip/tile.h 'one buffer for two steps' 's/buffer = buffer_bytes - buffer;//'
defect gfx942 src/hip/matrix.h 'operands A and B swapped' 's/((i64x2)a)\[i\], ((i64x2)b)\[i\]/((i64x2)b)[i], ((i64x2)a)[i]/'
defect gfx1201 src/hip/matrix.h 'operands A and B swapped' 's/true, half_a, true, half_b/true, half_b, true, half_a/'
defect gfx942 src/hip/matrix.h 'rows of D in the order of another layout' 's,return 4 \* (lane / 16) + v;,return 4 * v + lane / 16;,'
defect gfx1100 src/hip/matrix.h 'rows of D in the layout of RDNA4' 's,return 2 \* v + lane / 16;,return 8 * (lane / 16) + v;,'
defect gfx1100 src/hip/matrix.h 'an unsigned operand' 's/iu8_w32(true, a, true, b/iu8_w32(true, a, false, b/'
defect gfx1201 src/hip/matrix.h 'an unsigned operand' 's/(true, half_a, true, half_b/(false, half_a, true, half_b/'
defect gfx942 src/hip/finish.h 'rows behind the last one written' 's/if (row >= p.m)/if (false)/'
defect gfx942 src/hip/finish.h 'columns behind the last one written' 's/if (col + run <= p.n)/if (true)/'
defect gfx942 src/hip/tile.h 'rows behind the last one read' 's/clamp_index(first + r, rows)/(first + r)/'
defect gfx942 src/hip/tile.h 'a last step that is whole' 's/end - k >= 2 \* step/end - k > step/'
defect gfx1030 src/hip/tile.h 'one place in LDS for two rows' 's/row += more % period;//'
defect gfx1201 src/hip/tile.h 'rows of A that lie on others in LDS' 's,more / period \* period \* step,more / period * step,'
defect gfx1100 src/hip/device.h 'bytes behind the end of k multiplied' 's/past < chunk_bytes ? bits >> 8 \* past : 0/bits/'
defect gfx942 src/hip/finish.h 'zero points added' 's/sums\[i\] - values.za/sums[i] + values.za/'
defect gfx1100 src/hip/finish.h 'zero points of the tensor for those of rows' 's/row \* p.za_step/0/'
defect gfx942 src/hip/blocks.h 'packed rows in the order of another layout' 's/r \* group_blocks + block % group_blocks/r + block % group_blocks * block_rows/'
defect gfx942 src/hip/blocks.h 'packed blocks behind the last one read' 's/(block < last ? block : last)/block/'
defect gfx942 src/hip/tile.h 'packed weights of the next step' 's/return now\[j\];/return next[j];/'
defect gfx942 src/hip/stream.h 'packed weights behind the end of k' 's/return k < end ? block.load(j, k)/return true ? block.load(j, k)/'

# What AddressSanitizer alone finds, in a build with it (.ci/run, sanitize_hip)
case $SIM_CXX in
*=address*) defect gfx942 src/hip/tile.h 'LDS smaller than what is written' 's/lds_bytes = 2 \* buffer_bytes,/lds_bytes = 2 * buffer_bytes - 16,/' ;;
esac

finish
