#!/bin/sh
# The command line itself: help, versions, wrong options, info, demo, accuracy and bench.
. "${srcdir:-.}/tests/command/helpers.sh"
shapes=${srcdir:-.}/bench/shapes

bad 'no command' 'no command'
bad 'unknown command' 'no command is called' frobnicate
bad 'line break in a command' 'no command is called' "$(printf 'a\nb')"
good 'help' --help
says 'help' 'Usage'
good 'version' --version
says 'version' '^octgemm [0-9]*\.[0-9]*\.[0-9]*$'
for command in info demo run tensors check accuracy bench; do
    good "$command --help" "$command" --help
    says "$command --help" "^Usage: octgemm $command"
    bad "$command: unknown option" "$command: unknown option --frob (--help lists" "$command" --frob
    bad "$command: unknown letter" "$command: unknown option -Z (--help lists" "$command" -Z
done
bad 'unknown letter among others' 'option -z ' run -zz
bad 'unknown letter before an operand' 'option -j ' tensors -jj a.npy
bad 'a value for help' 'option --help=3: it takes no value' run --help=3
bad 'a value for a flag' 'option --json=3: it takes no value' run --json=3
bad 'the beginning of two options' '--weig is the beginning of several: --weights, --weight-scale$' run --weig a.npy
bad 'an option of another command' '--plot=a.svg (it belongs to bench;' run --plot=a.svg
bad 'a letter of other commands' '-d (it belongs to demo, run, bench;' info -d f32

# Options and names of JSON are in the manual page, in the command's section.
manual=${srcdir:-.}/doc/octgemm.1
section() { # COMMAND: its part of the page, and what it has in common with others
    awk -v command="$1" '/^[.]S[hs] / { inside = /^[.]Ss / && $2 == command } inside' "$manual"
}
for command in info demo run tensors check accuracy bench; do
    section "$command" >"$work/section"
    good "$command --help" "$command" --help
    for option in $(sed -n 's/^  *\(-.,\)\{0,1\} *--\([a-z-]*\) .*/\2/p' "$work/stdout"); do
        tried=$((tried + 1))
        [ "$option" = help ] || grep -q "^[.].*Fl.* -$option\( \|$\)" "$work/section" ||
            complain "$command --$option is not in its section of $manual"
    done
done
in_manual() { # COMMAND NAME...: the last command's JSON
    command=$1
    shift
    tried=$((tried + 1))
    section "$command" | grep '^[.]Cm ' | tr ' ' '\n' >"$work/section"
    for name in "$@" $(sed -n 's/^ *"\([a-z_]*\)": .*/\1/p' "$work/stdout" | sort -u); do
        grep -qxF -e "$name" "$work/section" || complain "$command: \"$name\" is not in its section of $manual"
    done
}
bad 'no weights' 'weights' run
bad 'value is missing' 'wants a value' run --weights
bad 'operand' 'options only' run w.npy
bad 'no file' 'name one file' tensors
bad 'two files' 'name one file' tensors a b
bad 'type' 'd-type f8: want f32, f16, bf16 or i32$' demo --d-type f8
bad 'not a number' 'whole number' demo -m 1x
bad 'zero' 'whole number' demo -m 0
bad 'negative' 'whole number' demo -m -1
bad 'too large' 'whole number' demo -k 131072
bad 'beyond 64 bits' 'whole number' demo -m 99999999999999999999
for seconds in nan 0 -1 86401 1e300 1x ''; do
    bad "seconds: $seconds" 'want seconds, above 0 and at most 86400' bench --seconds "$seconds"
done
for command in run bench; do
    good "$command: the most seconds" "$command" --help
    says "$command: the most seconds" 'at most 86400'
done
bad 'backend' 'no backend is called' demo --backend abacus
bad 'device' 'device 7' demo --backend ref --device 7
bad 'kernel' '^octgemm: --kernel abacus.*"octgemm info" lists' run -w "$(printf '\001' | array '|i1' '(1, 1)' >"$work/w.npy" && echo "$work/w.npy")" --kernel abacus
if [ -c /dev/full ]; then
    tried=$((tried + 1))
    "$octgemm" info >/dev/full 2>"$work/stderr"
    [ $? -eq 2 ] || complain 'report on a full disk'
fi

good 'info' info
says 'info: the reference' '^ref'
says 'info: the others too' '^cuda'
good 'info as JSON' info --json
says 'info as JSON' '"backend": "hip"'
says 'info as JSON' '"kernels": \['
says 'info as JSON: a default' '"default_reason": ""'
in_manual info
OCTGEMM_BACKEND=abacus good 'info: no default' info
says 'info: no default' 'default: none (.*no backend is called "abacus"'
OCTGEMM_BACKEND=$(printf 'a\351\033') good 'info as JSON: no default' info --json
says 'info as JSON: no default' '"default": "none"'
says 'info as JSON: no default' '"default_reason": ".*no backend is called'
good 'kernel auto' run -w "$work/w.npy" --kernel auto --seconds 0.001
OCTGEMM_KERNEL=abacus good 'kernel auto, whatever the environment says' run -w "$work/w.npy" --kernel auto --seconds 0.001
good 'run as JSON' run -w "$work/w.npy" --json --seconds 0.001
in_manual run
good 'tensors as JSON' tensors --json "$work/w.npy"
in_manual tensors
# The product is told of once, however often it is verified and timed.
for command in 'demo -m 3 -n 50 -k 64' 'bench -b cpu --hot --seconds 0.01 3x40x64'; do
    # shellcheck disable=SC2086  # words
    OCTGEMM_VERBOSE=1 octgemm_says 0 "verbose: $command" $command
    [ "$(grep -c '^octgemm: ' "$work/stderr")" -eq 1 ] || complain "verbose: $command: not one line"
    # shellcheck disable=SC2086
    OCTGEMM_VERBOSE=0 good "not verbose: $command" $command
done
# shellcheck disable=SC2086
OCTGEMM_VERBOSE=1 octgemm_says 0 'verbose: rivals' bench -b cpu --rivals --hot --seconds 0.001 3x40x64
[ "$(grep -c '^octgemm: ' "$work/stderr")" -eq 2 ] || complain 'verbose: rivals: not a line for the sums, and one for the results'

good 'demo' demo -m 3 -n 50 -k 64 --outliers 16
says 'demo' '^SQNR'
says 'demo: verified' '150 of 150 elements'
good 'demo as JSON' demo -m 3 -n 50 -k 64 --asymmetric --json -b ref
says 'demo as JSON' '"backend": "ref"'
says 'demo as JSON' '"verified": 150'

OMP_NUM_THREADS=3 good 'demo: threads' demo -b cpu -m 2 -n 16 -k 16
says 'demo: threads' ', \(up to 3 threads\|1 thread\)$' # 1 where there is no OpenMP
OMP_NUM_THREADS=5000 good 'demo: too many threads' demo -b cpu -m 2 -n 16 -k 16
says 'demo: too many threads' ', \(up to [1-4][0-9]\{3\} threads\|1 thread\)$'
OMP_NUM_THREADS=1 good 'demo: one thread' demo -b cpu -m 2 -n 16 -k 16
says 'demo: one thread' ', 1 thread$'
# The same figures on every machine, backend and number of threads: these are of any of them.
good 'accuracy' accuracy -m 8 -n 24 -k 1024
says 'accuracy' '^normal  *40\.8 dB  *41\.0 dB  *40\.6 dB$'
cp "$work/stdout" "$work/accuracy"
OMP_NUM_THREADS=1 good 'accuracy (ref)' accuracy -m 8 -n 24 -k 1024 -b ref
cp "$work/stdout" "$work/accuracy_ref"
same 'accuracy' "$work/accuracy" "$work/accuracy_ref"
good 'accuracy as JSON' accuracy -m 2 -n 3 -k 64 --json
says 'accuracy as JSON' '"quantisation": "asymmetric"'
in_manual accuracy
bad 'accuracy: K beyond the exact range of zero points' 'whole number' accuracy -k 65794

good 'check: list' check --list
says 'check: list' '^plain$'
good 'check: list of a pattern' check --list --case 'dots/1x1x*'
says 'check: list of a pattern' '^dots/1x1x1/'
tried=$((tried + 1))
grep -v '^dots/1x1x' "$work/stdout" >"$work/others" && complain 'check: the list has what was not asked for'
bad 'check: list of no case' 'no case of tier quick matches "nosuch' check --list --case 'nosuch*'
bad 'check: no case' 'no case of tier quick matches "nosuch' check --case 'nosuch*'
good 'check: list of the quantiser' check --list --case 'quantize/1x*'
says 'check: list of the quantiser' '^quantize/1x1023/f32/symmetric/0$'
good 'check: the quantiser alone' check --backend ref --case 'quantize/1x*'
says 'check: the quantiser alone' '^ok   ref/ref'
octgemm_says 2 'check: no kernel' check --kernel avx2
grep -q 'no kernel of a backend that works here is called "avx2"' "$work/stderr" || complain 'check: no kernel'
octgemm_says 2 'check: kernel of another backend' check --kernel generic_i16_2x4 --backend ref
grep -q 'no kernel of ref is called "generic_i16_2x4"' "$work/stderr" || complain 'check: kernel of another backend'
octgemm_says 2 'check: no device' check --backend ref --device 1
grep -q 'no backend called ref has a device 1' "$work/stderr" || complain 'check: no device'
good 'check as JSON' check --backend ref --case plain --json
in_manual check backend kernel case variant array i j
for option in '--backend ref' '--kernel ref' '--require ref' '--device 1' --json; do
    # shellcheck disable=SC2086  # words
    bad "check: list with $option" 'list takes' check --list $option
done
bad 'check: tier' 'want quick, big or paranoid' check --tier huge
bad 'check: no such backend is required' 'called "cudaa"' check --require ref,cudaa --backend ref --case plain
bad 'check: part of a name is required' 'called "re"' check --require re --backend ref --case plain
good 'check: required' check --require ref,cpu --backend ref --case plain

quick="--seconds 0.001 --hot"
# shellcheck disable=SC2086  # words
good 'bench' bench 3x40x64 $quick
says 'bench' ' 3 *40 *64 '
good 'bench: every kernel' bench 40x64 -m 1,5 --kernel all $quick
says 'bench: every kernel' 'fastest is'
good 'bench: rows' bench 3x40x64 --rows --d-type i32 $quick
good 'bench: cold' bench 3x3000x3000 --seconds 0.001
good 'bench: weights' bench -b cpu 3x40x64 --weights heavy $quick
says 'bench: weights' 'weights packed, heavy, hot'
good 'bench: weights of rivals' bench -b cpu --rivals 3x40x64 --weights normal $quick
bad 'weights' 'want uniform, normal or heavy' bench --weights light
good 'bench: CSV' bench 3x40x64 4x40x64 --csv $quick
says 'bench: CSV' '^model,layer,m,n,k'
tried=$((tried + 1))
[ "$(wc -l <"$work/stdout")" -eq 3 ] || complain 'bench: CSV has not three lines'
fields_agree() { # NAME: of CSV without commas in texts, each line has a field for each column
    tried=$((tried + 1))
    awk -F , 'NR == 1 { columns = NF } NF != columns { exit 1 }' "$work/stdout" || complain "$1: fields"
}
OMP_NUM_THREADS=1 good 'bench: CSV of how' bench -b ref 3x40x64 --csv --seed 7 $quick
fields_agree 'bench: CSV of how'
says 'bench: CSV of how' ',uniform,hot,1,7,[0-9.]*$'
# shellcheck disable=SC2046  # names
in_manual bench $(head -n 1 "$work/stdout" | tr , ' ')
good 'bench: threads' bench -b ref 3x40x64 $quick
says 'bench: threads' '^ref, .*, 1 thread; '
good 'bench: the choice by name' bench 3x40x64 --kernel auto --csv $quick
says 'bench: the choice by name' ',auto,packed,'
bad 'bench: no kernel' '--kernel abacus.*"octgemm info" lists' bench 3x40x64 --kernel abacus
good 'bench: JSON' bench 3x40x64 --json $quick
says 'bench: JSON' '"median_seconds"'
says 'bench: JSON' '"cache": "hot"'
in_manual bench
# AddressSanitizer's leak checker crashes on threads of OpenBLAS and oneDNN, where they are installed.
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
export ASAN_OPTIONS
# Libraries that are not there are said to be missing, and no failure.
for format in '' --csv --json; do
    # shellcheck disable=SC2086
    good "bench: rivals $format" bench -b cpu --rivals 3x40x64 $format $quick
    says "bench: rivals $format" 'octgemm bf16'
    says "bench: rivals $format" 'OpenBLAS f32'
done
says 'bench: rivals as JSON' '"wrong": 0'
says 'bench: rivals as JSON' '"weights": "uniform"'
says 'bench: rivals as JSON' '"cache": "hot"'
in_manual bench
# shellcheck disable=SC2086
good 'bench: rivals as CSV' bench -b ref --rivals 3x40x64 --csv --seed 7 --weights heavy $quick
fields_agree 'bench: rivals as CSV'
says 'bench: rivals as CSV' ',heavy,7,[0-9.]*$'
# shellcheck disable=SC2046
in_manual bench $(head -n 1 "$work/stdout" | tr , ' ')
# shellcheck disable=SC2086
good 'bench: rivals, rows' bench -b cpu --rivals --rows 3x40x64 $quick
says 'bench: rivals, rows' "octgemm's rows"
good 'bench: rivals of a small product, cold' bench -b cpu --rivals 1x16x16 --seconds 0.001
# shellcheck disable=SC2086
good 'bench: rivals of sums only' bench -b ref --rivals -d i32 3x40x64 $quick
says 'bench: rivals of sums only' 'exact'
# A picture, where gnuplot is; one clear line where it is not.
# shellcheck disable=SC2086
mkdir "$work/broken"
printf '#!/bin/sh\necho picture\nexit 127\n' >"$work/broken/gnuplot"
chmod +x "$work/broken/gnuplot"
# shellcheck disable=SC2086
PATH=$work/broken:$PATH bad 'bench: no gnuplot' '--plot .*gnuplot' bench -b cpu 3x40x64 $quick --plot "$work/plot.svg"
printf '#!/bin/sh\n[ "$1" = --version ] && exit\necho picture\nexit 1\n' >"$work/broken/gnuplot"
# shellcheck disable=SC2086
PATH=$work/broken:$PATH octgemm_says 2 'bench: gnuplot fails' bench -b cpu 3x40x64 $quick --plot "$work/plot.svg"
grep -q picture "$work/stdout" && complain 'bench: what gnuplot wrote is on stdout'
# shellcheck disable=SC2086
PATH=$work/broken:$PATH octgemm_says 2 'bench: no such backend' bench -b abacus 3x40x64 $quick --plot "$work/plot.svg"
ls "$work"/plot.svg* >"$work/others" 2>/dev/null && complain 'bench: a broken gnuplot leaves a file'
if command -v gnuplot >/dev/null; then
    # shellcheck disable=SC2086
    bad 'bench: no place for a plot' 'none/plot.svg: cannot be written' bench -b cpu 3x40x64 $quick --plot "$work/none/plot.svg"
    # shellcheck disable=SC2086
    good 'bench: plot' bench -b cpu --rivals 40x64 -m 1,3 $quick --plot "$work/plot.svg"
    grep -q 'octgemm bf16' "$work/plot.svg" || complain 'bench: the plot has no legend'
    # shellcheck disable=SC2086
    good 'bench: plot of kernels' bench -b cpu --kernel all 40x64 -m 1,3 $quick --plot "$work/plot.svg"
    grep -q 'generic_i16' "$work/plot.svg" || complain 'bench: the plot has no kernels'
fi
good 'bench: models' bench --models --shapes "$shapes"
says 'bench: models' '^llama-3.1-8b$'
printf '# a model\n\nqkv 48 32 # layer\n  down\t32   48\n' >"$work/tiny.txt"
good 'bench: model' bench Tiny --shapes "$work" -m 2 $quick
says 'bench: model' '^down *2 *32 *48'
good 'bench: model by path' bench "$work/tiny.txt" -m 2 $quick
# A comment is one, however long.
printf '# %0252d 48 32\n#%0300d 48 32\nqkv 48 32 #%0300d\n' 0 0 0 >"$work/tiny.txt"
good 'bench: long comments' bench tiny --shapes "$work" -m 2 --csv $quick
tried=$((tried + 1))
[ "$(wc -l <"$work/stdout")" -eq 2 ] || complain 'bench: long comments became shapes'
# Names from files and of files may be anything, in every format.
model=$work/'a"b,c.txt'
printf 'q"\033\351 48 32\n' >"$model"
good 'bench: names' bench "$model" -m 2 $quick
says 'bench: names' "^q\"?$(printf '\351') *2 *48 *32"
good 'bench: names as CSV' bench "$model" -m 2 --csv $quick
says 'bench: names as CSV' "^\"a\"\"b,c.txt\",\"q\"\"?$(printf '\351')\",2,48,32,"
good 'bench: names as JSON' bench "$model" -m 2 --json $quick
says 'bench: names as JSON' '"layer": "q\\"\\u001[bB]?"'
printf 'q 48 32\n' >"$work/$(printf 'a\033').txt"
good 'bench: names of models' bench --models --shapes "$work"
says 'bench: names of models' '^a?$'
for model in "$shapes"/*.txt; do
    bad "bench: $model can be read" 'no backend is called' bench "$model" --backend abacus
done
bad 'bench: no such model' 'cannot be opened' bench gpt-7 --shapes "$shapes"
bad 'bench: shape with four numbers' 'a size is NxK or MxNxK' bench 1x2x3x4 --shapes "$shapes"
bad 'bench: zero' 'a size is NxK or MxNxK' bench 0x2x3 --shapes "$shapes"
bad 'bench: no such file of shapes' 'cannot be opened: No such file or directory$' bench no/such --shapes "$shapes"
bad 'bench: two kinds of output' 'not both' bench --csv --json 8x8
bad 'bench: models as JSON' 'text alone' bench --models --json
bad 'bench: every kernel beside rivals' 'times one kernel' bench --rivals --kernel all 8x8
bad 'bench: K too large' 'at most 131071' bench 1x2x131072
bad 'bench: list of M' '--tokens 1,,2: "" is no whole number' bench 2x3 -m 1,,2
bad 'bench: list of M' '--tokens 1,x,2: "x" is no whole number' bench 2x3 -m 1,x,2
bad 'bench: list of M' 'at most 64 values' bench 2x3 -m "$(printf %0128d 0 | sed 's/00/1,/g')1"
printf 'qkv 48\n' >"$work/tiny.txt"
bad 'bench: line too short' 'tiny.txt:1' bench tiny --shapes "$work"
printf '\nqkv 48 32 1\n' >"$work/tiny.txt"
bad 'bench: line too long' 'tiny.txt:2' bench tiny --shapes "$work"
printf 'qkv 48 131072\n' >"$work/tiny.txt"
bad 'bench: K of a model too large' 'tiny.txt:1' bench tiny --shapes "$work"
printf '# nothing\n' >"$work/tiny.txt"
bad 'bench: empty model' 'has no shapes' bench tiny --shapes "$work"
finish
