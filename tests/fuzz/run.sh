#!/usr/bin/env bash
# run.sh SECONDS CORPUS PROGRAM...: fuzzes with each program for so long, starting from CORPUS, and
# prints what each one did: executions, edges covered of those there are. What it finds lies in
# fuzz.found/. With FUZZ_UPDATE=1 the corpus is replaced by the smallest one of the same coverage.
set -euo pipefail
seconds=$1
corpus=$2
shift 2
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export ASAN_OPTIONS=allocator_may_return_null=1
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
mkdir -p fuzz.found

# The inputs of a text file as files in a folder, and back.
unpack() {
    local line number=0
    while read -r line; do
        [ "$line" != - ] || line=
        # shellcheck disable=SC2059
        printf "$(sed 's/../\\x&/g' <<<"$line")" >"$2/$(printf %06d "$number")"
        number=$((number + 1))
    done <"$1"
}

pack() {
    local file bytes
    for file in "$1"/*; do
        bytes=$(od -An -v -tx1 "$file" | tr -d ' \n')
        echo "${bytes:--}"
    done | sort
}

status=0
for program; do
    name=${program##*/}
    known=$(mktemp -d)
    new=$(mktemp -d)
    [ ! -e "$corpus/$name.txt" ] || unpack "$corpus/$name.txt" "$known"
    "$program" -max_total_time="$seconds" -max_len=4096 -timeout=25 -rss_limit_mb=2048 \
        -malloc_limit_mb=256 -print_final_stats=1 -artifact_prefix="fuzz.found/$name-" \
        "$new" "$known" >"fuzz.$name.log" 2>&1 || status=1
    edges=$(grep -a -o 'cov: [0-9]*' "fuzz.$name.log" | tail -n 1)
    of=$(grep -a -o '([0-9]* inline' "fuzz.$name.log" | head -n 1)
    runs=$(grep -a -o 'number_of_executed_units: [0-9]*' "fuzz.$name.log" | tail -n 1)
    echo "$name: ${runs##* } executions, ${edges##* } edges of ${of//[^0-9]/}, $(ls fuzz.found | grep -c "^$name-" || true) findings"
    if [ "${FUZZ_UPDATE-0}" != 0 ]; then
        least=$(mktemp -d)
        "$program" -merge=1 -use_counters=0 -max_len=4096 "$least" "$known" "$new" >>"fuzz.$name.log" 2>&1
        pack "$least" >"$corpus/$name.txt"
        rm -rf "$least"
    fi
    rm -rf "$known" "$new"
done
exit $status
