#!/bin/sh
# Files that are wrong: each must give one clear line and exit status 2, and leave no output behind.
. "${srcdir:-.}/tests/command/helpers.sh"

f=$work/file
run() {
    name=$1
    pattern=$2
    shift 2
    bad "$name" "$pattern" run --weights "$f" --output "$work/out.npy" --seconds 0.001 "$@"
}

# ---- neither format
: >"$f"
run 'empty file' 'is empty'
printf 'hello, world, this is text' >"$f"
run 'text' 'neither'
zeros 64 >"$f"
run 'zeros' 'neither'
printf '\223NUM' >"$f"
run 'four bytes' 'neither'
rm "$f"
run 'no file' 'No such file'
mkdir "$f"
run 'a folder' 'not a regular file'
rmdir "$f"
mkfifo "$f"
run 'a pipe' 'not a regular file'
rm "$f"

# ---- .npy
printf '\223NUMPY\001' >"$f"
run 'npy: prefix only' 'too short'
printf '\223NUMPY\001\000\166\000' >"$f"
run 'npy: 10 bytes' 'too short'
npy '{}' 2 7 </dev/null >"$f"
run 'npy: version 7' 'version 7'
npy '{}' 2 0 </dev/null >"$f"
run 'npy: version 0' 'too short\|version 0'
npy '{                                 }' 60000 </dev/null >"$f"
run 'npy: header beyond the file' 'truncated'
npy '{                                 }' 4294967295 2 </dev/null >"$f"
run 'npy: header of 4 GB' 'header'

# head NAME PATTERN HEADER: a .npy with 48 bytes of data
head_of_npy() {
    zeros 48 | npy "$3" >"$f"
    run "npy: $1" "$2"
}
order="'fortran_order': False"
descr="'descr': '<f4'"
shape="'shape': (3, 4)"
head_of_npy 'not a dict' 'not a Python dict' 'hello, this is a header'
head_of_npy 'binary header' 'not a Python dict' "$(printf '\001\377\200')"
head_of_npy 'unfinished dict' 'not a Python dict' "{$descr, $order, $shape"
head_of_npy 'no comma' 'not a Python dict' "{$descr $order, $shape}"
head_of_npy 'no colon' 'not a Python dict' "{'descr' '<f4', $order, $shape}"
head_of_npy 'no descr' "lacks 'descr'" "{$order, $shape}"
head_of_npy 'no order' "lacks 'fortran_order'" "{$descr, $shape}"
head_of_npy 'no shape' "lacks 'shape'" "{$descr, $order}"
head_of_npy 'empty dict' 'lacks' '{}'
head_of_npy 'unknown key' "second key 'x'" "{$descr, $order, $shape, 'x': 1}"
head_of_npy 'key twice' "second key 'shape'" "{$descr, $order, $shape, $shape}"
head_of_npy 'key too long' 'not a Python dict' "{'$(printf %0100d 0)': 1}"
head_of_npy 'text behind' 'behind its dict' "{$descr, $order, $shape} import os"
head_of_npy 'big-endian' 'big-endian' "{'descr': '>f4', $order, $shape}"
head_of_npy 'complex' 'does not read' "{'descr': '<c16', $order, $shape}"
head_of_npy 'objects' 'does not read' "{'descr': '|O', $order, $shape}"
head_of_npy 'no type' 'does not read' "{'descr': '', $order, $shape}"
head_of_npy 'records' 'records' "{'descr': [('a', '<f4')], $order, $shape}"
head_of_npy 'unfinished string' 'malformed' "{'descr': '<f4"
head_of_npy 'backslash' 'malformed' "{'descr': '<\\x66', $order, $shape}"
head_of_npy 'Fortran order' 'fortran_order' "{$descr, 'fortran_order': True, $shape}"
head_of_npy 'order 1' 'malformed' "{$descr, 'fortran_order': 1, $shape}"
head_of_npy 'shape (12)' 'malformed' "{$descr, $order, 'shape': (12)}"
head_of_npy 'shape (3,,4)' 'malformed' "{$descr, $order, 'shape': (3,,4)}"
head_of_npy 'shape (,)' 'malformed' "{$descr, $order, 'shape': (,)}"
head_of_npy 'shape [3, 4]' 'malformed' "{$descr, $order, 'shape': [3, 4]}"
head_of_npy 'shape (-3, -4)' 'malformed' "{$descr, $order, 'shape': (-3, -4)}"
head_of_npy 'shape (3.0, 4)' 'malformed' "{$descr, $order, 'shape': (3.0, 4)}"
head_of_npy 'shape unfinished' 'malformed' "{$descr, $order, 'shape': (3, 4"
head_of_npy 'size beyond 64 bits' 'malformed' "{$descr, $order, 'shape': (99999999999999999999, 1)}"
head_of_npy 'product beyond 64 bits' 'malformed' \
    "{$descr, $order, 'shape': (4294967296, 4294967296, 4294967296)}"
head_of_npy 'bytes beyond 64 bits' 'bytes of data' \
    "{$descr, $order, 'shape': (3037000499, 3037000499)}"
head_of_npy 'too little data' '48 bytes of data' "{$descr, $order, 'shape': (3, 5)}"
head_of_npy 'too much data' '48 bytes of data' "{$descr, $order, 'shape': (3, 3)}"
head_of_npy 'one dimension' 'cannot have 1 dim' "{$descr, $order, 'shape': (12,)}"
head_of_npy 'no dimension' '48 bytes of data' "{$descr, $order, 'shape': ()}"
head_of_npy 'three dimensions' 'cannot have 3 dim' "{$descr, $order, 'shape': (3, 2, 2)}"
head_of_npy 'twenty dimensions' 'cannot have 20 dim' \
    "{$descr, $order, 'shape': (3, 4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)}"
head_of_npy 'int32 weights' "type I32 (NumPy's <i4); want F32, F16, BF16, I8 or F64" "{'descr': '<i4', $order, $shape}"
head_of_npy 'int64 weights' "type I64 (NumPy's <i8); want" "{'descr': '<i8', $order, 'shape': (3, 2)}"
head_of_npy 'uint8 weights' "type U8 (NumPy's |u1)" "{'descr': '|u1', $order, 'shape': (3, 16)}"
head_of_npy 'bool weights' "type BOOL (NumPy's |b1)" "{'descr': '|b1', $order, 'shape': (3, 16)}"

# ---- .safetensors
printf '\002\000\000\000\000\000\000\000{' >"$f"
run 'safetensors: header beyond the file' 'truncated'
printf '\377\377\377\377\377\377\377\377{}' >"$f"
run 'safetensors: header of 2^64 bytes' 'limit'
printf '\000\000\000\000\000\000\000\200{}' >"$f"
run 'safetensors: header of 2^63 bytes' 'limit'
safetensors '{}' 104857601 </dev/null >"$f"
run 'safetensors: header of 100 MB and one byte' 'limit'
safetensors '{}' 104857600 </dev/null >"$f"
run 'safetensors: header of 100 MB' 'truncated'

# header NAME PATTERN HEADER [ARGUMENT...]: 48 bytes of data
header() {
    name=$1
    pattern=$2
    zeros 48 | safetensors "$3" >"$f"
    shift 3
    run "safetensors: $name" "$pattern" "$@"
}
# entry NAME PATTERN MEMBERS: one tensor with these members
entry() {
    header "$1" "$2" "{\"w\":{$3}}"
}
type='"dtype":"F32"'
size='"shape":[3,4]'
place='"data_offsets":[0,48]'
header 'no tensors' '48 bytes at the end' '{}'
header 'unfinished JSON' 'not JSON' '{'
header 'a name only' 'not JSON' '{"w"}'
header 'garbage behind' 'not JSON' "{\"w\":{$type,$size,$place}} x"
header 'a comma too much' 'not JSON' "{\"w\":{$type,$size,$place},}"
header 'single quotes' 'not JSON' "{'w':{}}"
header 'name twice' 'not JSON: duplicate' "{\"w\":{$type,$size,$place},\"w\":{$type,$size,$place}}"
header 'member twice' 'not JSON: duplicate' "{\"w\":{$type,$type,$size,$place}}"
header 'zero in a name' 'not JSON' "{\"w\\u0000x\":{$type,$size,$place}}"
header 'invalid UTF-8' 'not JSON' "{\"$(printf '\377\376')\":{$type,$size,$place}}"
header 'number too large' 'not JSON' "{\"w\":{$type,\"shape\":[99999999999999999999,1],$place}}"
header 'nested deeply' 'not JSON' "$(printf '{"w":'; printf %05000d 0 | tr 0 '[')"
header 'tensor is a number' 'no dtype' '{"w":1}'
header 'tensor is null' 'no dtype' '{"w":null}'
header 'tensor is a list' 'no dtype' '{"w":[]}'
entry 'no dtype' 'no dtype' "$size,$place"
entry 'dtype a number' 'no dtype' "\"dtype\":32,$size,$place"
entry 'dtype too long' 'a dtype of 40 characters' "\"dtype\":\"$(printf %040d 0)\",$size,$place"
entry 'no shape' 'no shape' "$type,$place"
entry 'shape a number' 'no shape' "$type,\"shape\":12,$place"
entry 'shape of strings' 'impossible shape' "$type,\"shape\":[\"3\",4],$place"
entry 'shape of fractions' 'impossible shape' "$type,\"shape\":[3.0,4.0],$place"
entry 'negative size' 'impossible shape' "$type,\"shape\":[-3,-4],$place"
entry 'product beyond 64 bits' 'impossible shape' \
    "$type,\"shape\":[4294967296,4294967296,4294967296],$place"
entry 'bytes beyond 64 bits' 'type and shape differ' "$type,\"shape\":[3037000499,3037000499],$place"
entry 'no offsets' 'bad data_offsets' "$type,$size"
entry 'one offset' 'bad data_offsets' "$type,$size,\"data_offsets\":[48]"
entry 'three offsets' 'bad data_offsets' "$type,$size,\"data_offsets\":[0,48,48]"
entry 'offsets are strings' 'bad data_offsets' "$type,$size,\"data_offsets\":[\"0\",\"48\"]"
entry 'negative offset' 'bad data_offsets' "$type,$size,\"data_offsets\":[-48,0]"
entry 'end before begin' 'bad data_offsets' "$type,$size,\"data_offsets\":[48,0]"
entry 'end behind the file' 'truncated' "$type,$size,\"data_offsets\":[1,49]"
entry 'end at 2^63' 'truncated' "$type,$size,\"data_offsets\":[0,9223372036854775807]"
entry 'too few bytes' 'type and shape differ' "$type,$size,\"data_offsets\":[0,47]"
entry 'a gap at the beginning' 'gap' "$type,\"shape\":[3,3],\"data_offsets\":[12,48]"
entry 'bytes that belong to none' '12 bytes at the end' "$type,\"shape\":[3,3],\"data_offsets\":[0,36]"
header 'overlap' 'overlaps' "{\"w\":{$type,$size,$place},\"v\":{$type,\"shape\":[1,3],\"data_offsets\":[36,48]}}"
header 'a gap between' 'gap' \
    "{\"w\":{$type,\"shape\":[1,3],\"data_offsets\":[0,12]},\"v\":{$type,\"shape\":[1,3],\"data_offsets\":[36,48]}}"
header 'line break in a name' 'overlaps' \
    "{\"w\\n\\u001b[31mred\":{$type,$size,$place},\"v\":{$type,$size,$place}}"
two="{\"w\":{$type,\"shape\":[2,3],\"data_offsets\":[0,24]},\"v\":{$type,\"shape\":[2,3],\"data_offsets\":[24,48]}}"
header 'which of two' 'has 2 tensors' "$two"
bad 'safetensors: no such tensor' 'no tensor "u"' run --weights "$f:u"
bad 'safetensors: no such tensor (empty name)' 'no tensor ""' run --weights "$f:"
entry 'type U8' 'type U8; want F32' "\"dtype\":\"U8\",\"shape\":[3,16],$place"
entry 'type F8_E4M3' 'type F8_E4M3' "\"dtype\":\"F8_E4M3\",\"shape\":[3,16],$place"
entry 'type unheard of' 'type F3_X' "\"dtype\":\"F3_X\",\"shape\":[3,16],$place"
entry 'one dimension' 'cannot have 1 dim' "$type,\"shape\":[12],$place"
entry 'a scalar' 'type and shape differ' "$type,\"shape\":[],$place"

# ---- good files that do not go together
zeros 48 | array '<f4' '(3, 4)' >"$f"
run 'option twice is fine, but K differs' 'columns instead of K' --activations "$f" --activations \
    "$(zeros 20 | array '<f4' '(1, 5)' >"$work/x" && echo "$work/x")"
zeros 16 | array '<f4' '(4,)' >"$work/x"
run 'bias of the wrong length' 'N = 3' --bias "$work/x"
zeros 3 | array '|i1' '(3,)' >"$work/x"
run 'bias of int8' "type I8 (NumPy's |i1); want F32, F16, BF16 or F64" --bias "$work/x"
run 'bias of sums' 'bias is not in the sums' --bias "$work/x" -d i32
run 'scale for float weights' 'for I8 weights' --weight-scale "$work/x"
zeros 8 | array '|i1' '(2, 4)' >"$work/x"
run 'zero points for int8 activations' 'asymmetric' --asymmetric --activations "$work/x"
run 'activations are no tensor of that file' 'no tensor "y"' --activations "$work/x:y"
run 'tokens and activations' 'tokens' --activations "$work/x" --tokens 2
zeros 12 | array '<f4' '(3,)' >"$work/x"
run 'a static scale per token' 'one static scale' --tokens 3 --activation-scale "$work/x"
run 'a static scale of the wrong length' 'one static scale' --tokens 5 --activation-scale "$work/x"
zeros 12 | array '|i1' '(3, 4)' >"$f"
zeros 16 | array '<f4' '(4,)' >"$work/x"
run 'weight scale of the wrong length' 'want 1 or 3' --weight-scale "$work/x"
zeros 131072 | array '|i1' '(1, 131072)' >"$f"
run 'K beyond the exact range' '131071' --tokens 1
zeros 65794 | array '|i1' '(1, 65794)' >"$f"
run 'K beyond the exact range of zero points' '65793' --tokens 1 --asymmetric

# ---- output that cannot be written
zeros 48 | array '<f4' '(3, 4)' >"$f"
here=$PWD
cd "$work" || exit 99
bad 'output to standard output' 'output -: the result goes to a file' run -w "$f" -o -
[ ! -e - ] || complain 'output to standard output: there is a file'
cd "$here" || exit 99
bad 'output in no folder' 'cannot be written' run -w "$f" -o "$work/none/out.npy"
mkdir "$work/folder"
bad 'output is a folder' 'Is a directory' run -w "$f" -o "$work/folder"
[ ! -c /dev/full ] || bad 'full disk' 'No space left' run -w "$f" -o /dev/full
tried=$((tried + 1))
echo keep >"$work/kept"
(
    ulimit -f 8 # enough for the file in which LLVM's OpenMP runtime registers itself
    exec "$octgemm" run -w "$f" -m 1000 -o "$work/kept" --seconds 0.001
) >"$work/stdout" 2>"$work/stderr"
[ $? -eq 2 ] || complain 'file size limit: exit status'
[ "$(cat "$work/kept")" = keep ] || complain 'file size limit: the old file is gone'
[ "$(ls "$work"/kept* | wc -l)" -eq 1 ] || complain 'file size limit: left a temporary file'
finish
