#!/bin/sh
# Can the simulator's test fail? The kernels of src/hip/ with one defect planted at a time: the short
# list of tests/check_sim.c must find each, and nothing without one.
#   sim_mutations.sh SOURCE CHECK_SIM, in the build folder (`make check-sim-mutations`), with
#   SIM_CXX, SIM_LINK: the commands that compile and link the simulator
# A defect is a sed command on a copy of a file; one that changes nothing is an error of this test.
source=$1 check_sim=$2
folder=tests/sim/mutant
failed=0 count=0

# try_kernels TARGET: 0: the test passes, 1: it fails, 2: there is no test
try_kernels() {
    generation=$(echo "$1" | sed 's/gfx\(.*\)..$/GFX\1/')
    others=
    for object in tests/sim/gfx*.o; do
        [ "$object" = "tests/sim/$1.o" ] || others="$others $object"
    done
    $SIM_CXX -iquote "$folder" "-D__$1__" "-D__${generation}__" "-DSIM_TARGET=$1" \
        -c -o "$folder/kernels.o" "$source/tests/sim/kernels.cc" >"$folder/log" 2>&1 || return 2
    $SIM_LINK -o "$folder/libamdhip64.so.7" "$source/tests/sim/sim.c" "$source/tests/sim/runtime.c" \
        "$folder/kernels.o" $others -lstdc++ -lpthread -lm >>"$folder/log" 2>&1 || return 2
    OCTGEMM_SIM_LIBRARY=$folder/libamdhip64.so.7 OCTGEMM_SIM_TARGET=$1 timeout 120 "$check_sim" \
        >"$folder/log" 2>&1
    case $? in
    0) return 0 ;;
    124) return 2 ;;
    *) return 1 ;;
    esac
}

fresh_copy() {
    rm -rf "$folder"
    mkdir -p "$folder/hip"
    cp "$source"/src/hip/*.h "$source/src/hip/kernels.hip" "$folder/hip/"
}

# sound TARGET: no defect, no failure
sound() {
    fresh_copy
    if try_kernels "$1"; then
        echo "ok   $1: passes as it is"
    else
        cat "$folder/log"
        echo "FAIL $1: does not pass as it is"
        failed=1
    fi
}

# defect TARGET FILE NAME SED
defect() {
    fresh_copy
    count=$((count + 1))
    sed "$4" "$source/src/hip/$2" >"$folder/hip/$2"
    if cmp -s "$source/src/hip/$2" "$folder/hip/$2"; then
        echo "FAIL $1, $3: nothing in $2 to change"
        failed=1
        return
    fi
    try_kernels "$1"
    case $? in
    1) echo "ok   $1, $3: $(grep -E -m 1 '^FAIL|^simulator:|Received signal|runtime error' "$folder/log")" ;;
    0)
        echo "FAIL $1, $3: not found"
        failed=1
        ;;
    *)
        cat "$folder/log"
        echo "FAIL $1, $3: does not build, or does not end"
        failed=1
        ;;
    esac
}

sound gfx942
sound gfx1100
sound gfx1201

defect gfx942 tile.h 'no barrier in a k step' '/stash(lds + buffer);/{n;s/block_barrier();//;}'
defect gfx1100 stream.h 'no barrier before the waves are added' '0,/block_barrier();/s///'
defect gfx942 reduce.h 'no barrier in a reduction' '0,/block_barrier();/s///'
defect gfx942 tile.h 'the buffer of the step before' 's/multiply(lds + buffer);/multiply(lds + buffer_bytes - buffer);/'
defect gfx1100 tile.h 'one buffer for two steps' 's/buffer = buffer_bytes - buffer;//'
defect gfx942 matrix.h 'operands A and B swapped' 's/((i64x2)a)\[i\], ((i64x2)b)\[i\]/((i64x2)b)[i], ((i64x2)a)[i]/'
defect gfx1201 matrix.h 'operands A and B swapped' 's/true, half_a, true, half_b/true, half_b, true, half_a/'
defect gfx942 matrix.h 'rows of D in the order of another layout' 's,return 4 \* (lane / 16) + v;,return 4 * v + lane / 16;,'
defect gfx1100 matrix.h 'rows of D in the layout of RDNA4' 's,return 2 \* v + lane / 16;,return 8 * (lane / 16) + v;,'
defect gfx1100 matrix.h 'an unsigned operand' 's/iu8_w32(true, a, true, b/iu8_w32(true, a, false, b/'
defect gfx1201 matrix.h 'an unsigned operand' 's/(true, half_a, true, half_b/(false, half_a, true, half_b/'
defect gfx942 finish.h 'rows behind the last one written' 's/if (row >= p.m)/if (false)/'
defect gfx942 finish.h 'columns behind the last one written' 's/if (col + run <= p.n)/if (true)/'
defect gfx942 tile.h 'rows behind the last one read' 's/clamp_index(first + r, rows)/(first + r)/'
defect gfx1100 device.h 'bytes behind the end of k multiplied' 's/past < chunk_bytes ? bits >> 8 \* past : 0/bits/'
defect gfx942 finish.h 'zero points added' 's/sums\[i\] - values.za/sums[i] + values.za/'
defect gfx1100 finish.h 'zero points of the tensor for those of rows' 's/row \* p.za_step/0/'

rm -rf "$folder"
echo "$count defects"
exit $failed
