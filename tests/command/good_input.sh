#!/bin/sh
# Files that are right: every type, both formats, every way round; the same bytes as the reference.
. "${srcdir:-.}/tests/command/helpers.sh"

# A product worked out by hand: W = 1 2 3 / -1 0 127, X = 1 1 1 / 2 -128 5.
{
    printf '\001\002\003\377\000\177'
} | array '|i1' '(2, 3)' >"$work/w.npy"
printf '\001\001\001\002\200\005' |
    safetensors '{"x":{"dtype":"I8","shape":[2,3],"data_offsets":[0,6]}}' >"$work/x.safetensors"
good 'by hand' run -w "$work/w.npy" -a "$work/x.safetensors:x" -d i32 -o "$work/d.npy" --seconds 0.001
says 'by hand: exact' 'inf dB'
says 'by hand: verified' '4 of 4 elements'
{
    little_endian 6 4
    little_endian 126 4
    printf '\021\377\377\377' # -239
    little_endian 633 4
} | cat >"$work/wanted"
tail -c 16 "$work/d.npy" >"$work/got"
same 'by hand' "$work/wanted" "$work/got"

# Weights of every type, made from int8 noise: I8 -> F32, F16, BF16 by multiplying.
n=33
k=70
noise 1 $((n * k)) | array '|i1' "($n, $k)" >"$work/i8.npy"
noise 2 $((k * k)) | array '|i1' "($k, $k)" >"$work/square.npy"
for type in f32 f16 bf16; do
    good "make $type" run -w "$work/square.npy" -a "$work/i8.npy" -d "$type" -o "$work/$type.npy" \
        --weight-scale "$(printf '\000\000\200\070' | array '<f4' '(1,)' >"$work/s.npy" && echo "$work/s.npy")"
done
noise 3 $((7 * k)) | array '|i1' "(7, $k)" >"$work/tokens_i8.npy"
good 'make activations' run -w "$work/square.npy" -a "$work/tokens_i8.npy" -o "$work/tokens.npy"
good 'make a bias' run -w "$work/i8.npy" -a "$(noise 4 "$k" | array '|i1' "(1, $k)" >"$work/1.npy" && echo "$work/1.npy")" \
    -d bf16 -o "$work/bias.npy"

# both NAME ARGUMENT...: the default backend and ref give the same bytes
both() {
    name=$1
    shift
    good "$name" run "$@" --seconds 0.001 -o "$work/default.npy" &&
        good "$name (ref)" run "$@" --seconds 0.001 --backend ref -o "$work/ref.npy" &&
        same "$name" "$work/default.npy" "$work/ref.npy"
}
for type in i8 f32 f16 bf16; do
    for result in f32 f16 bf16 i32; do
        both "$type weights to $result" -w "$work/$type.npy" -a "$work/tokens.npy" -d "$result"
    done
    both "$type weights with zero points" -w "$work/$type.npy" -a "$work/tokens.npy" --asymmetric
    both "$type weights not packed" -w "$work/$type.npy" -a "$work/tokens.npy" --no-pack
    both "$type weights with bias" -w "$work/$type.npy" -a "$work/tokens.npy" --bias "$work/bias.npy"
    both "$type weights, static scale" -w "$work/$type.npy" -a "$work/tokens.npy" \
        --activation-scale "$work/s.npy"
    both "$type weights, made-up tokens" -w "$work/$type.npy" --tokens 3 --seed 7
done
both 'int8 on both sides' -w "$work/i8.npy" -a "$work/tokens_i8.npy"
both 'int8 with scales' -w "$work/i8.npy" --weight-scale "$work/s.npy" -a "$work/tokens_i8.npy" \
    --activation-scale "$work/s.npy"
good 'packed and rows' run -w "$work/f16.npy" -a "$work/tokens.npy" -o "$work/packed.npy"
good 'packed and rows' run -w "$work/f16.npy" -a "$work/tokens.npy" -o "$work/rows.npy" --no-pack
same 'packed and rows' "$work/packed.npy" "$work/rows.npy"

# .safetensors with the same weights among others, under a name with a colon and a line break.
tail -c $((n * k * 2)) "$work/f16.npy" >"$work/data"
{ zeros 5; cat "$work/data"; zeros 8; } | safetensors "{\"__metadata__\":{\"format\":\"pt\"},
\"b\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[$((n * k * 2 + 5)),$((n * k * 2 + 13))]},
\"model:0\\nq\":{\"dtype\":\"F16\",\"shape\":[$n,$k],\"data_offsets\":[5,$((n * k * 2 + 5))]},
\"new\":{\"dtype\":\"F9_NEW\",\"shape\":[5],\"data_offsets\":[0,5]},
\"none\":{\"dtype\":\"F32\",\"shape\":[0,4],\"data_offsets\":[5,5]}}   " >"$work/all.safetensors"
good 'safetensors' run -w "$work/all.safetensors:model:0
q" -a "$work/tokens.npy" -o "$work/from.npy"
same 'safetensors' "$work/packed.npy" "$work/from.npy"
good 'list safetensors' tensors "$work/all.safetensors"
says 'list: type and shape' 'F16 *33 x 70'
says 'list: a name with a line break' 'model:0?q'
says 'list: a type that is new' 'F9_NEW'
good 'list as JSON' tensors --json "$work/all.safetensors"
says 'list as JSON' '"name": "model:0\\nq"'
good 'list npy' tensors "$work/f16.npy"
says 'list npy' 'F16 *33 x 70'

# Shapes: the activations' leading dimensions stay; one dimension is one token; none is fine.
noise 5 $((6 * k)) | array '|i1' "(2, 3, $k)" >"$work/3d.npy"
both '2 x 3 x K' -w "$work/i8.npy" -a "$work/3d.npy"
good 'shape is kept' tensors "$work/default.npy"
says 'shape is kept' '2 x 3 x 33'
noise 5 "$k" | array '|i1' "($k,)" >"$work/1d.npy"
both 'one token' -w "$work/i8.npy" -a "$work/1d.npy"
good 'shape is kept' tensors "$work/default.npy"
says 'shape is kept' 'F32 *33 '
array '<f4' "(0, $k)" </dev/null >"$work/none.npy"
both 'no tokens' -w "$work/i8.npy" -a "$work/none.npy"
both 'no channels' -w "$work/none.npy" -a "$work/i8.npy"
array '<f4' '(3, 0)' </dev/null >"$work/none.npy"
both 'K = 0' -w "$work/none.npy" -a "$work/none.npy"
zeros $((n * k * 8)) | array '<f8' "($n, $k)" >"$work/f64.npy"
both 'float64' -w "$work/f64.npy" -a "$work/tokens.npy"
zeros $((n * k)) | npy "{ \"shape\" : (${n}L, ${k}L) , \"fortran_order\" : False, \"descr\" : \"|i1\" }" '' 2 >"$work/v2.npy"
both 'format 2, double quotes, Python 2 numbers' -w "$work/v2.npy" -a "$work/tokens.npy"

# Errors in words and in JSON, also where there is nothing to divide by.
good 'zero weights' run -w "$work/f64.npy" -a "$work/tokens.npy"
says 'zero weights' 'SQNR *inf dB'
good 'zero weights as JSON' run -w "$work/f64.npy" -a "$work/tokens.npy" --json
says 'zero weights as JSON' '"sqnr_db": null'
says 'JSON has the largest error' '"error_max": 0.0'
says 'JSON has what was compared' '"compared": 231'
{ printf '\000\000\300\177'; zeros $((k * 4 - 4)); } | array '<f4' "(1, $k)" >"$work/nan.npy"
good 'NaN' run -w "$work/f32.npy" -a "$work/nan.npy"
says 'NaN' '33 elements are infinite or NaN'
says 'NaN: nothing is left' 'SQNR *not defined: no element is left'
if grep -q '^error' "$work/stdout"; then complain 'NaN: has an error'; fi
good 'NaN as JSON' run -w "$work/f32.npy" -a "$work/nan.npy" --json
for member in '"compared": 0' '"left_out": 33' '"sqnr_db": null' '"error_max": null'; do
    says 'NaN as JSON' "$member"
done
{ printf '\000\000\300\177'; zeros $((k * 8 - 4)); } | array '<f4' "(2, $k)" >"$work/nan.npy"
good 'NaN in one row of two' run -w "$work/f32.npy" -a "$work/nan.npy" --json
says 'NaN in one row of two' '"compared": 33'
array '<f4' "(0, $k)" </dev/null >"$work/none.npy"
good 'no tokens, no error' run -w "$work/f32.npy" -a "$work/none.npy"
says 'no tokens, no error' 'SQNR *not defined'
good 'no comparison' run -w "$work/f32.npy" -m 1 --no-compare
if grep -q SQNR "$work/stdout"; then complain 'no comparison: has an SQNR'; fi

# Output: the rights of a new file, and a symbolic link that stays one.
(
    umask 027
    exec "$octgemm" run -w "$work/i8.npy" -m 1 -o "$work/rights.npy" >/dev/null
)
tried=$((tried + 1))
[ "$(ls -l "$work/rights.npy" | cut -c1-10)" = -rw-r----- ] || complain 'rights of the output'
: >"$work/target.npy"
ln -s target.npy "$work/link.npy"
good 'symbolic link' run -w "$work/i8.npy" -m 1 -o "$work/link.npy"
tried=$((tried + 1))
{ [ -L "$work/link.npy" ] && [ -s "$work/target.npy" ]; } || complain 'symbolic link'
ln -s nothing.npy "$work/dangling.npy"
bad 'symbolic link to nothing' 'No such file' run -w "$work/i8.npy" -m 1 -o "$work/dangling.npy"
: >"$work/private.npy"
chmod 600 "$work/private.npy"
good 'a private file' run -w "$work/i8.npy" -m 1 -o "$work/private.npy"
tried=$((tried + 1))
[ "$(ls -l "$work/private.npy" | cut -c1-10)" = -rw------- ] || complain 'rights of the file that was there'

# A name that is not UTF-8, and more dimensions than are listed.
odd=$work/$(printf 'caf\351').npy
if cp "$work/i8.npy" "$odd" 2>/dev/null; then
    good 'a Latin-1 name as JSON' tensors --json "$odd"
    says 'a Latin-1 name as JSON' 'caf?\.npy'
    good 'a product of a Latin-1 name as JSON' run -w "$odd" -m 1 --json
    says 'a product of a Latin-1 name as JSON' '"weights": ".*caf?\.npy"'
else
    echo 'skipped: a Latin-1 name as JSON (this file system has none)'
fi
zeros 2 | array '|i1' '(1, 1, 1, 1, 1, 1, 1, 1, 2)' >"$work/nine.npy"
good 'nine dimensions as JSON' tensors --json "$work/nine.npy"
says 'nine dimensions as JSON' '"rank": 9'
finish
