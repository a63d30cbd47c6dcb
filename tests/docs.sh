#!/bin/sh
# Every command in the documentation: tests/docs.awk finds them, and each is run as it stands, or as
# tests/docs.txt says, with a reason. A command that fails, or that a table's row replaces by something
# that fails, fails the test; so a page cannot go on telling what is no longer true.
#
#   SKIP_DOCS=<reason>    does nothing
if [ "${SKIP_DOCS-}" ]; then
    echo "SKIP: $SKIP_DOCS"
    exit 77
fi
. "${srcdir:-.}/tests/command/helpers.sh"
# Names of the two trees without a space in them: commands have them unquoted.
ln -s "$(cd "${srcdir:-.}" && pwd)" "$work/source"
ln -s "$PWD" "$work/build"
source=$work/source
build=$work/build
unset srcdir MAKEFLAGS MAKELEVEL MFLAGS
export source build work
# The leak checker crashes on threads of OpenBLAS and oneDNN; leaks are tests/command/'s affair.
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
export ASAN_OPTIONS

# What the pages' commands find where they run: octgemm, a model, activations, a program, a library.
mkdir "$work/bin"
cat >"$work/bin/octgemm" <<END
#!/bin/sh
exec "$octgemm" "\$@"
END
chmod +x "$work/bin/octgemm"
PATH=$work/bin:$PATH
cp "$source/examples/simple.c" "$work/engine.c"
sed -e "s|^libdir=.*|libdir=$build/.libs|" -e "s|^includedir=.*|includedir=$source/include|" octgemm.pc >"$work/octgemm.pc"
LD_LIBRARY_PATH=$build/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
cd "$work" || exit 99
n=48 k=64
{
    noise 1 $((n * k))
    noise 2 $((n * k))
    i=0
    while [ $i -lt $n ]; do
        printf '\000\000\200\074' # 0.015625
        i=$((i + 1))
    done
} | safetensors "{\"layer.weight\":{\"dtype\":\"I8\",\"shape\":[$n,$k],\"data_offsets\":[0,3072]},
\"model.layers.0.mlp.up_proj.weight\":{\"dtype\":\"I8\",\"shape\":[$n,$k],\"data_offsets\":[3072,6144]},
\"layer.weight_scale\":{\"dtype\":\"F32\",\"shape\":[$n,1],\"data_offsets\":[6144,6336]}}" >model.safetensors
noise 3 $((5 * k)) | array '|i1' "(5, $k)" >x.npy
noise 4 $((n * k)) | array '|i1' "($n, $k)" >layer.npy

# row COMMAND FIELD: the table's "=" or "-" line for a command
row() {
    wanted=$1 field=$2 awk '/^[^ #]/ { found = $0 == ENVIRON["wanted"] }
        found && $1 == ENVIRON["field"] { sub(/^ *. /, ""); print }' "$source/tests/docs.txt"
}

pages="README.md HACKING.md doc/*.md doc/*.[137] python/README.md examples/embed/README.md"
for page in $(cd "$source" && ls $pages); do
    awk -f "$source/tests/docs.awk" "$source/$page" >"$work/found"
    [ ! -s "$work/found" ] || sed "s|^|$page |" "$work/found" >>"$work/list"
done
sort -u -k 2 "$work/list" >"$work/commands"
[ "$(wc -l <"$work/commands")" -ge 40 ] || { : >stdout; : >stderr; complain 'fewer commands than there were: is tests/docs.awk right?'; }

as_it_stands=0 instead=0 elsewhere=0
while read -r page command; do
    tried=$((tried + 1))
    replacement=$(row "$command" =)
    why=$(row "$command" -)
    if [ -z "$why" ]; then
        replacement=$command
        as_it_stands=$((as_it_stands + 1))
    elif [ -n "$replacement" ]; then
        instead=$((instead + 1))
    else
        elsewhere=$((elsewhere + 1))
        printf 'not run: %s\n    %s\n' "$command" "$why"
        continue
    fi
    sh -c "$replacement" >"$work/stdout" 2>"$work/stderr" </dev/null || complain "$page: $command: exit status $?"
done <"$work/commands"

sed -n '/^[^ #]/p' "$source/tests/docs.txt" | while read -r listed; do
    cut -d ' ' -f 2- "$work/commands" | grep -qxF -e "$listed" || echo "note: in tests/docs.txt, but in no page: $listed"
done
echo "$as_it_stands run as they stand, $instead in another form, $elsewhere elsewhere"
finish
