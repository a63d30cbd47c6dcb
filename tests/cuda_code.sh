#!/bin/sh
# What the machine code of the CUDA kernels must look like on every architecture, seen without a GPU:
# nothing spilled to local memory, and from sm_80 on no int8 matrix instruction but the full-width
# one (IMMA.16832): narrow or wrongly shaped ones are what makes int8 slow on sm_89.
# Hopper's own kernels have its own instruction (IGMMA) in every function.
#
#   CUOBJDUMP=cuobjdump tests/cuda_code.sh      in the build folder, over src/cuda/*.fatbin
command -v "${CUOBJDUMP:=cuobjdump}" >/dev/null || { echo "SKIP: no cuobjdump"; exit 77; }
failed=0
fail() {
    echo "FAIL: $1"
    failed=1
}

# sass FATBIN PATTERN: the few lines that matter of millions, found by what finds them fast.
sass() {
    "$CUOBJDUMP" --dump-sass "$1" | LC_ALL=C grep -E "$2"
}

# facts FATBIN: one line of "arch word" for each spill and matrix instruction.
facts() {
    "$CUOBJDUMP" --dump-resource-usage "$1" | awk '
        /^arch = / { arch = $3 }
        /Function/ { name = $2 }
        /STACK:|LOCAL:/ && !(/STACK:0 / && /LOCAL:0 /) { print arch, "spill:" name }
        /STACK:/ { print arch, "function" }'
    sass "$1" '^arch =|IMMA\.[0-9]' | awk '
        $1 == "arch" { arch = $3 }
        match($0, /IMMA\.[0-9]+/) { print arch, substr($0, RSTART, RLENGTH) }' | sort -u
}

for fatbin in src/cuda/*.fatbin; do
    [ -s "$fatbin" ] || { echo "$fatbin: not built"; continue; } # a target that the compiler lacks
    facts=$(facts "$fatbin") || fail "$fatbin: $CUOBJDUMP fails"
    printf '%s: %s functions\n' "$fatbin" "$(printf '%s\n' "$facts" | grep -c ' function$')"
    printf '%s\n' "$facts" | grep -q ' function$' || fail "$fatbin has no function"
    spills=$(printf '%s\n' "$facts" | grep 'spill:' | sort -u)
    [ -z "$spills" ] || fail "$fatbin: local memory is used: $spills"
    narrow=$(printf '%s\n' "$facts" | grep ' IMMA\.' | grep -v '^sm_7\|IMMA\.16832$')
    [ -z "$narrow" ] || fail "$fatbin: narrow matrix instructions: $narrow"
    if [ "$fatbin" = src/cuda/hopper.fatbin ]; then
        without=$(sass "$fatbin" 'Function :|IGMMA' | awk '
            /Function :/ { name = $3; seen[name] += 0 }
            /IGMMA/ { seen[name]++ }
            END { for (name in seen) if (!seen[name]) print name }')
        [ -z "$without" ] || fail "$fatbin: no wgmma in $without"
    fi
    # A file that asks for matrix instructions gets them on every architecture that has them.
    "$CUOBJDUMP" --dump-ptx "$fatbin" | grep -q 'mma\.sync' || continue
    for arch in $(printf '%s\n' "$facts" | sed -n 's/ function$//p' | grep -v '^sm_7' | sort -u); do
        printf '%s\n' "$facts" | grep -q "^$arch IMMA\.16832" || fail "$fatbin: no IMMA.16832 for $arch"
    done
done
exit $failed
