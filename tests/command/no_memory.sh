#!/bin/sh
# Every allocation of the command and the library fails once, and from some call on for good: the
# command says in one line that there is no memory, or its result is complete and right. It never
# leaves a file behind that is not.
. "${srcdir:-.}/tests/command/helpers.sh"

failing=$PWD/tests/.libs/libfail_allocation.so
real=$PWD/.libs/octgemm # not libtool's script
if [ ! -e "$failing" ] || [ ! -x "$real" ]; then
    echo "SKIP: needs shared libraries"
    exit 77
fi
LD_LIBRARY_PATH=$PWD/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
LD_PRELOAD=$failing OCTGEMM_TEST_FAIL=1 OCTGEMM_TEST_FAILED=$work/mark "$real" info >/dev/null 2>&1
if [ ! -e "$work/mark" ]; then
    echo "SKIP: malloc() cannot be replaced here"
    exit 77
fi
OMP_NUM_THREADS=1
export OMP_NUM_THREADS

# one_line_about_memory FILE
one_line_about_memory() {
    read -r line <"$1" || return 1
    case $line in
    octgemm:*memory*) [ "$(wc -l <"$1")" -eq 1 ] ;;
    *) return 1 ;;
    esac
}

# right: is what a successful run left what it should be?
right() {
    if [ -s "$work/stderr" ]; then
        return 1
    elif [ -e "$work/right.npy" ] && ! cmp -s "$work/out.npy" "$work/right.npy"; then
        return 1
    elif [ "$exact" = yes ]; then
        cmp -s "$work/stdout" "$work/right"
    else # figures of time differ; `info` has a line that says which backend had no memory
        [ "$(wc -l <"$work/stdout")" -eq "$lines" ] || grep -q 'no memory' "$work/stdout"
    fi
}

# try FAIL COMMAND...: one run with that allocation failing. False when it was not reached.
try() {
    fail=$1
    shift
    rm -f "$work/mark" "$work"/out.npy*
    LD_PRELOAD=$failing OCTGEMM_TEST_FAIL=$fail OCTGEMM_TEST_FAILED=$work/mark \
        "$real" "$@" >"$work/stdout" 2>"$work/stderr" </dev/null
    status=$?
    [ -e "$work/mark" ] || return 1
    tried=$((tried + 1))
    case $status in
    0) right || complain "$* ($fail): exit status 0, but not its result" ;;
    2)
        one_line_about_memory "$work/stderr" || complain "$* ($fail): not one line about memory"
        for file in "$work"/out.npy*; do
            [ ! -e "$file" ] || cmp -s "$file" "$work/right.npy" || complain "$* ($fail): left a file"
        done
        ;;
    *) complain "$* ($fail): exit status $status" ;;
    esac
    return 0
}

# each EXACT COMMAND...: its allocations in turn; EXACT: yes when the output holds nothing that may
# differ. Of the many, alike, behind the first 60 every tenth is taken, or fewer.
each() {
    exact=$1
    shift
    rm -f "$work/right.npy" "$work/out.npy"
    "$real" "$@" >"$work/right" 2>/dev/null </dev/null || complain "$*: without a fault"
    lines=$(wc -l <"$work/right")
    [ ! -e "$work/out.npy" ] || mv "$work/out.npy" "$work/right.npy"
    number=1
    while try "$number" "$@"; do
        number=$((number < ${NO_MEMORY_ALL:-60} ? number + 1 : number + 10 + number / 10))
    done
    for number in 1+ 4+ 20+; do
        try "$number" "$@" || break
    done
}

noise 1 48 | array '<f4' '(3, 4)' >"$work/w.npy"
noise 2 8 | array '|i1' '(2, 4)' >"$work/x.npy"
two='{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"F16","shape":[2,6],"data_offsets":[24,48]}}'
noise 3 48 | safetensors "$two" >"$work/two.safetensors"
each yes tensors "$work/two.safetensors"
each yes tensors --json "$work/two.safetensors"
each yes tensors "$work/w.npy"
each no info
each no info --json
each no run -w "$work/two.safetensors:b" -o "$work/out.npy" --seconds 0.001
each no run -w "$work/w.npy" --activations "$work/x.npy" -o "$work/out.npy" --seconds 0.001 --json
each no bench 2x16x32 --hot --seconds 0.001 --csv
each no bench 2x16x32 --hot --seconds 0.001 --json
printf 'qkv 32 16 # layer\n' >"$work/tiny.txt"
each no bench "$work/tiny.txt" -b ref -m 2 --hot --seconds 0.001
each no check --list
if [ -e tests/sim/libamdhip64.so.7 ]; then # a GPU's context, on the simulated driver
    LD_LIBRARY_PATH=$PWD/tests/sim:$LD_LIBRARY_PATH
    each no run --backend hip -w "$work/w.npy" --activations "$work/x.npy" -o "$work/out.npy" --seconds 0.001
fi
finish
