# shellcheck shell=sh disable=SC2059
# What the tests of the command share: making tensor files with printf, and expecting things of
# octgemm. Sourced; runs in the build folder, or anywhere with OCTGEMM naming the command.
set -u
LC_ALL=C
export LC_ALL
octgemm=${OCTGEMM:-$PWD/octgemm}
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 99' HUP INT TERM
tried=0
failed=0

# little_endian VALUE BYTES
little_endian() {
    value=$1
    i=0
    while [ "$i" -lt "$2" ]; do
        printf "\\$(printf %03o $((value % 256)))"
        value=$((value / 256))
        i=$((i + 1))
    done
}

zeros() {
    [ "$1" -eq 0 ] || head -c "$1" /dev/zero
}

# noise SEED BYTES: the same bytes for the same seed
noise() {
    awk -v seed="$1" -v count="$2" 'BEGIN {
        state = seed + 12345
        for (i = 0; i < count; i++) {
            state = (state * 16807) % 2147483647
            printf "\\%03o", int(state / 65536) % 256
        }
    }' | { read -r escapes; printf "$escapes"; }
}

# safetensors HEADER [LENGTH]: the data comes from stdin
safetensors() {
    little_endian "${2:-${#1}}" 8
    printf %s "$1"
    cat
}

# npy HEADER [LENGTH] [MAJOR]: the data comes from stdin
npy() {
    major=${3:-1}
    printf '\223NUMPY'
    little_endian "$major" 1
    little_endian 0 1
    if [ "$major" -eq 1 ]; then
        little_endian "${2:-${#1}}" 2
    else
        little_endian "${2:-${#1}}" 4
    fi
    printf %s "$1"
    cat
}

# array DESCR SHAPE: a correct .npy, data from stdin
array() {
    npy "{'descr': '$1', 'fortran_order': False, 'shape': $2, }
"
}

complain() {
    failed=$((failed + 1))
    printf 'FAILED %s\n' "$*"
    sed 's/^/    stdout: /' "$work/stdout"
    sed 's/^/    stderr: /' "$work/stderr"
}

# octgemm_says STATUS NAME ARGUMENT...: runs it, checks the exit status
octgemm_says() {
    wanted=$1
    name=$2
    shift 2
    tried=$((tried + 1))
    "$octgemm" "$@" >"$work/stdout" 2>"$work/stderr" </dev/null
    status=$?
    [ "$status" -eq "$wanted" ] || { complain "$name: exit status $status, not $wanted"; return 1; }
}

good() {
    octgemm_says 0 "$@" || return 1
    [ ! -s "$work/stderr" ] || { complain "$1: something on stderr"; return 1; }
}

# bad NAME PATTERN ARGUMENT...: exit status 2, one line on stderr that has PATTERN, no output
bad() {
    name=$1
    pattern=$2
    shift 2
    octgemm_says 2 "$name" "$@" || return 1
    if [ "$(wc -l <"$work/stderr")" -ne 1 ] || ! grep -q '^octgemm: ' "$work/stderr"; then
        complain "$name: not one line on stderr"
    elif ! grep -q -e "$pattern" "$work/stderr"; then
        complain "$name: the line does not say \"$pattern\""
    elif [ -s "$work/stdout" ]; then
        complain "$name: something on stdout"
    elif ls "$work"/out.npy* >/dev/null 2>&1; then
        complain "$name: left a file"
        rm -f "$work"/out.npy*
    fi
}

# says NAME PATTERN: what the last command printed
says() {
    tried=$((tried + 1))
    grep -q -e "$2" "$work/stdout" || complain "$1: stdout has no \"$2\""
}

same() {
    tried=$((tried + 1))
    cmp "$2" "$3" >"$work/stdout" 2>&1 || complain "$1: $2 and $3 differ"
}

finish() {
    printf '%d checks, %d failed\n' "$tried" "$failed"
    [ "$failed" -eq 0 ]
    exit
}
