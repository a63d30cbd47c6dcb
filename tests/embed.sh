#!/bin/sh
# examples/embed on a made-up model of two layers: the same bits from every kernel, thread count and
# batch, and those that are written down here, on every machine; files that are wrong are complained of.
# The real model is for examples/embed/run.sh.
. "${srcdir:-.}/tests/command/helpers.sh"
embed=${EMBED:-$PWD/examples/embed/embed}
digest=dd4e155d23ad8f0b

# What a BERT of these sizes is made of, "NAME ROWS COLUMNS" each (0 rows: a vector).
hidden=32 inner=72 words=50 places=16
tensors() {
    echo "embeddings.word_embeddings.weight $words $hidden"
    echo "embeddings.position_embeddings.weight $places $hidden"
    echo "embeddings.token_type_embeddings.weight 2 $hidden"
    norm embeddings
    for layer in encoder.layer.0 encoder.layer.1; do
        for part in attention.self.query attention.self.key attention.self.value attention.output.dense; do
            linear "$layer.$part" $hidden $hidden
        done
        norm "$layer.attention.output"
        linear "$layer.intermediate.dense" $inner $hidden
        linear "$layer.output.dense" $hidden $inner
        norm "$layer.output"
    done
}
norm() {
    echo "$1.LayerNorm.weight 0 $hidden"
    echo "$1.LayerNorm.bias 0 $hidden"
}
linear() {
    echo "$1.weight $2 $3"
    echo "$1.bias 0 $2"
}

# header <TENSORS: that of a .safetensors file of BF16
header() {
    awk '{
        count = ($2 ? $2 : 1) * $3
        printf "%s\"%s\":{\"dtype\":\"BF16\",\"shape\":[%s%d],\"data_offsets\":[%d,%d]}", (NR == 1 ? "{" : ","), $1,
            ($2 ? $2 "," : ""), $3, end, end + 2 * count
        end += 2 * count
    } END { printf "}" }'
}

# values COUNT: BF16 of magnitudes from 0.031 to 0.5, positive and negative
values() {
    awk -v count="$1" 'BEGIN {
        state = 20261122
        for (i = 0; i < count; i++) {
            state = (state * 16807) % 2147483647
            bits = int(state / 1024)
            printf "\\%03o\\%03o", bits % 256, 61 + int(bits / 256) % 2 + 128 * (int(bits / 512) % 2)
        }
    }' | { read -r escapes; printf "$escapes"; }
}

config() {
    cat <<END
{"model_type": "bert", "hidden_act": "${1:-gelu}", "hidden_size": $hidden, "intermediate_size": $inner,
 "num_attention_heads": 4, "num_hidden_layers": 2, "vocab_size": $words, "max_position_embeddings": $places,
 "layer_norm_eps": 1e-12}
END
}

model=$work/model
mkdir "$model"
tensors >"$work/tensors"
count=$(awk '{ sum += ($2 ? $2 : 1) * $3 } END { print sum }' "$work/tensors")
values "$count" | safetensors "$(header <"$work/tensors")" >"$model/model.safetensors"
config >"$model/config.json"
cat >"$work/ids" <<END
1 2 3 4
5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 49
0
1 2 3 5
END

# embeds NAME ARGUMENT...: --digest gives the number that is written down
embeds() {
    name=$1
    shift
    tried=$((tried + 1))
    "$embed" --digest "$@" "$model" "$work/ids" >"$work/stdout" 2>"$work/stderr" && [ "$(cat "$work/stdout")" = $digest ] ||
        complain "$name: not $digest"
}

for threads in 1 2 3; do
    for batch in 1 2 32; do
        OMP_NUM_THREADS=$threads embeds "$threads threads, batches of $batch" --backend cpu --batch $batch
    done
done
embeds 'the reference backend' --backend ref
for kernel in $("$octgemm" info | awk '/^[a-z]/ { cpu = /^cpu/ } cpu && $3 == "usable" { print $1 }'); do
    OCTGEMM_KERNEL=$kernel embeds "kernel $kernel" --backend cpu
done
# GPUs: those that are here, and the HIP kernels in the simulator where it was built.
for gpu in hip cuda; do
    "$octgemm" info | grep -A 1 "^$gpu, device 0" | grep -q ' usable' && embeds "backend $gpu" --backend $gpu
done
simulator=$PWD/tests/sim
[ ! -e "$simulator/libamdhip64.so.7" ] || LD_LIBRARY_PATH=$simulator embeds 'HIP in the simulator' --backend hip

tried=$((tried + 1))
"$embed" --compare --seconds 0.001 -o "$work/out.npy" "$model" "$work/ids" >"$work/stdout" 2>"$work/stderr" ||
    complain 'a report: failed'
says 'a report: batches' 'one by one: the same bits'
says 'a report: float32' 'cosine to float32: mean 0.99'
says 'a report: speed' 'speed: [0-9]* sentences/s'
says 'a report: digest' $digest
"$octgemm" tensors "$work/out.npy" >"$work/stdout" 2>"$work/stderr"
says 'a file' '^F32  *4 x 32'

# wrong NAME PATTERN: exit status 2 and a line that has PATTERN, with $model and $work/wrong
wrong() {
    tried=$((tried + 1))
    "$embed" "$model" "$work/wrong" >"$work/stdout" 2>"$work/stderr"
    status=$?
    if [ "$status" -ne 2 ] || [ "$(wc -l <"$work/stderr")" -ne 1 ] || ! grep -q -e "$2" "$work/stderr"; then
        complain "$1: exit status $status, or not one line on stderr that says \"$2\""
    fi
}
ids() {
    printf '%b' "$1" >"$work/wrong"
}

ids '1 50\n' && wrong 'an id too large' 'line 1: "50'
ids '1\n-1\n' && wrong 'a negative id' 'line 2: "-1'
ids '1 x\n' && wrong 'a word' 'line 1: "x'
ids '1\n\n2\n' && wrong 'a line without ids' 'line 2: 0 ids'
ids '1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n' && wrong 'too many ids' 'line 1: 17 ids'
ids '' && wrong 'no sentences' 'no sentences'
rm "$work/wrong" && wrong 'no file' 'No such file'
cp "$work/ids" "$work/wrong"
config relu >"$model/config.json" && wrong 'another activation' 'hidden_act'
config >"$model/config.json"
sed 's/encoder.layer.1.output.dense.bias/another/' "$work/tensors" >"$work/renamed"
values "$count" | safetensors "$(header <"$work/renamed")" >"$model/model.safetensors" && wrong 'a tensor is missing' 'no tensor'
sed 's/position_embeddings.weight 16 32/position_embeddings.weight 32 16/' "$work/tensors" >"$work/turned"
values "$count" | safetensors "$(header <"$work/turned")" >"$model/model.safetensors" && wrong 'another shape' '32 x 16'
rm "$model/model.safetensors" && wrong 'no weights' 'cannot be opened'
# The examples that fetch a model look for their programs first: this python3 would be told.
mkdir "$work/bin"
printf '#!/bin/sh\n: >"%s/fetched"\nexit 1\n' "$work" >"$work/bin/python3"
chmod +x "$work/bin/python3"
# looks NAME PROGRAM COMMAND...: the exit status is 1, and stderr has the name of what is missing
looks() {
    name=$1 program=$2
    shift 2
    tried=$((tried + 1))
    PATH=$work/bin:$PATH "$@" >"$work/stdout" 2>"$work/stderr"
    status=$?
    if [ $status -ne 1 ] || [ -e "$work/fetched" ] || ! grep -q "there is no $program" "$work/stderr"; then
        complain "$name: exit status $status, or it fetched, or $program is not said to be missing"
    fi
    rm -f "$work/fetched"
}
examples=${srcdir:-.}/examples
looks 'minilm.sh' "$work/none" env OCTGEMM="$work/none" sh "$examples/minilm.sh"
looks 'run.sh' "$work/none" env EMBED="$work/none" OCTGEMM="$octgemm" sh "$examples/embed/run.sh"
looks 'run.sh' "$work/none" env EMBED="$embed" OCTGEMM="$work/none" sh "$examples/embed/run.sh"

rm "$model/config.json" && wrong 'no sizes' 'config.json'

finish
