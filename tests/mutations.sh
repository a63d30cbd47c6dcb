# The mechanism of the mutation checks, sourced by their tables (host_mutations.sh, sim_mutations.sh,
# cuda_mutations.sh): one defect at a time is planted in a copy of the sources, and a test must fail.
# That says of the suite what coverage cannot: that lines are not only run, but looked at.
#
# A table sets, before it sources this file:
#   source        the tree
#   copy          a folder with a copy of the files that it changes, at the same paths
#   attempt TEST  builds what differs and runs that test, its words in $copy/log. Returns 0: it
#                 passes, 1: it fails, 2: there is none (it does not build, it does not end), 3: it
#                 cannot run on this machine
# and then has a line for each defect:
#   defect TEST FILE NAME SED      a sed command on a FILE of the tree
# and ends with `finish`. $only, a shell pattern, chooses defects by "FILE, NAME".
#
# Every test is first run without a defect, and must pass. A defect whose sed command changes nothing
# is a failure, chosen or not: the code has moved on, and the table must follow.
only=${only:-*}
failed=0 killed=0 skipped=0
passing= absent=

report() {
    printf '%-4s %s\n' "$1" "$2"
    [ "$1" != FAIL ] || failed=$((failed + 1))
}

# verdict STATUS: what attempt returns of a test's exit status, or timeout's.
verdict() {
    case $1 in
    0) return 0 ;;
    124) return 2 ;;
    *) return 1 ;;
    esac
}

# all_but FILE FILE...: the files but the first, which a defect's own stands for.
all_but() {
    but=$1
    shift
    for file; do
        [ "$file" = "$but" ] || echo "$file"
    done
}

# sound TEST: does it pass without a defect? Asked once.
sound() {
    case " $passing " in *" $1 "*) return 0 ;; esac
    case " $absent " in *" $1 "*) return 1 ;; esac
    attempt "$1"
    case $? in
    0)
        passing="$passing $1"
        report ok "$1 passes without a defect"
        return 0
        ;;
    3) report skip "$1 cannot run here: $(tail -n 1 "$copy/log")" ;;
    *)
        cat "$copy/log"
        report FAIL "$1 does not pass without a defect"
        ;;
    esac
    absent="$absent $1"
    return 1
}

defect() {
    sed "$4" "$source/$2" >"$copy/defect"
    if cmp -s "$source/$2" "$copy/defect"; then
        report FAIL "$2, $3: nothing there to change"
        return
    fi
    case "$2, $3" in $only) ;; *) return ;; esac
    if ! sound "$1"; then
        skipped=$((skipped + 1))
        return
    fi
    cp "$copy/defect" "$copy/$2"
    attempt "$1"
    case $? in
    1)
        killed=$((killed + 1))
        report ok "$2, $3 ($1): $(grep -E -m 1 'FAIL|:[FE]:|^simulator:|Received signal|runtime error|out of bounds' "$copy/log" | cut -c 1-150)"
        ;;
    0) report FAIL "$2, $3: $1 passes all the same" ;;
    *)
        tail -n 20 "$copy/log"
        report FAIL "$2, $3: does not build, or does not end"
        ;;
    esac
    cp "$source/$2" "$copy/$2"
}

finish() {
    rm -rf "$copy"
    echo "$killed defects found by the tests, $failed failures, $skipped skipped"
    [ "$failed" -eq 0 ]
    exit
}
