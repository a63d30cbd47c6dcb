#!/bin/sh
# Every test that needs a GPU, for whoever sits at one. A short summary comes last.
#
#   tests/device/run.sh BUILD [STEP ...]     steps: suite sanitizer torch; default: all
#
# BUILD is a build folder with liboctgemm.so and the octgemm command; OCTGEMM_TIER=big makes the suite
# take its large cases too. PyTorch and compute-sanitizer are used where they are installed; a step
# whose tool is missing is reported as skipped.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: $0 BUILD [STEP ...]}" && pwd)
shift
library=$build/.libs/liboctgemm.so
command=$build/.libs/octgemm # not libtool's script around it: the sanitizer wants the program
export LD_LIBRARY_PATH="$build/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
log=$(mktemp)
summary=

note() {
    summary="$summary
$1"
}

# attempt NAME COMMAND...: the last lines of the output tell a failure.
attempt() {
    name=$1
    shift
    if "$@" >"$log" 2>&1; then
        note "ok    $name: $(grep -E 'cases,|ERROR SUMMARY|RACECHECK SUMMARY' "$log" | tail -n 1)"
    else
        tail -n 40 "$log"
        note "FAIL  $name"
    fi
}

suite() {
    attempt "suite, every kernel" "$command" check --backend cuda --require cuda \
        --tier "${OCTGEMM_TIER:-quick}"
}

# A few small cases of each kind: the tools slow kernels down a hundred times.
sanitizer() {
    command -v compute-sanitizer >/dev/null || { note "skip  sanitizer: not installed"; return; }
    for tool in memcheck racecheck initcheck; do
        for cases in everything odd-addresses one-cold 'edges/*x33x129/*' 'empty/*'; do
            attempt "$tool '$cases'" compute-sanitizer --tool "$tool" --error-exitcode 1 \
                "$command" check --backend cuda --require cuda --case "$cases"
        done
    done
}

torch() {
    python3 -c 'import torch' 2>/dev/null || { note "skip  torch: not installed"; return; }
    for order in "" --octgemm-first; do
        if python3 "$here/torch_tests.py" "$library" $order; then
            note "ok    torch tests $order"
        else
            note "FAIL  torch tests $order"
        fi
    done
}

[ $# -gt 0 ] || set -- suite sanitizer torch
for step; do
    "$step"
done
rm -f "$log"
printf '%s\n' "==== summary$summary"
case $summary in *FAIL*) exit 1 ;; esac
