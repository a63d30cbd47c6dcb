#!/bin/sh
# Output that cannot be written: a full disk and a closed descriptor for what every command prints,
# a full file system and a limit of size for its file. One line, exit status 2, no part of a file.
. "${srcdir:-.}/tests/command/helpers.sh"

noise 1 48 | array '<f4' '(3, 4)' >"$work/w.npy"

# fails NAME PATTERN: the last command ended with $status as a failed writer should
fails() {
    tried=$((tried + 1))
    if [ "$status" -ne 2 ]; then
        complain "$1: exit status $status"
    elif [ "$(wc -l <"$work/stderr")" -ne 1 ] || ! grep -q -e "^octgemm: .*$2" "$work/stderr"; then
        complain "$1: not one line that says \"$2\""
    fi
}

# prints COMMAND...: what it prints has nowhere to go
prints() {
    : >"$work/stdout"
    "$octgemm" "$@" >/dev/full 2>"$work/stderr" </dev/null
    status=$?
    fails "$* >/dev/full" 'No space left'
    "$octgemm" "$@" >&- 2>"$work/stderr" </dev/null
    status=$?
    fails "$* >&-" 'Bad file descriptor'
}

if [ -c /dev/full ]; then
    prints --help
    prints --version
    prints info
    prints info --json
    prints tensors "$work/w.npy"
    prints tensors --json "$work/w.npy"
    prints run -w "$work/w.npy" --seconds 0.001
    prints run -w "$work/w.npy" --seconds 0.001 --json
    prints demo -m 2 -n 16 -k 16
    prints bench 2x16x32 --hot --seconds 0.001
    prints bench 2x16x32 --hot --seconds 0.001 --csv
    prints bench 2x16x32 --hot --seconds 0.001 --json
    prints bench --models --shapes "${srcdir:-.}/bench/shapes"
    prints check --list
    prints check --backend cpu --kernel auto --case plain
fi

# A file system of 64 KB, where this user may make one.
mkdir "$work/small"
if mount -t tmpfs -o size=64k none "$work/small" 2>/dev/null; then
    echo keep >"$work/small/kept"
    for file in new kept; do
        "$octgemm" run -w "$work/w.npy" -m 20000 -o "$work/small/$file" --seconds 0.001 \
            >"$work/stdout" 2>"$work/stderr" </dev/null
        status=$?
        fails "full file system ($file)" 'No space left'
    done
    [ "$(cat "$work/small/kept")" = keep ] || complain 'full file system: the old file is gone'
    [ "$(ls "$work/small")" = kept ] || complain 'full file system: left a part of a file'
    umount "$work/small"
else
    echo 'no small file system can be made here: not tried'
fi
finish
