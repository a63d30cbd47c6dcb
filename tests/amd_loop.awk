# The main loop of a kernel, from the listing that `llvm-objdump -d` makes of a code object: of the
# innermost loops with a matrix instruction the one with most of them. Prints its instructions.
#   awk -v kernel=tile_128x128 -v op=v_mfma -f amd_loop.awk

function hex(text,    i, value) {
    for (i = 1; i <= length(text); i++)
        value = value * 16 + index("0123456789abcdef", tolower(substr(text, i, 1))) - 1
    return value
}

/^[0-9a-f]+ <.*>:$/ { inside = $2 == "<" kernel ">:"; start = hex($1) }

inside && match($0, /\/\/ [0-9A-F]+:/) {
    at[++count] = hex(substr($0, RSTART + 3, RLENGTH - 4)) - start
    text[count] = $0
    sub(/ *\/\/.*/, "", text[count])
    number[at[count]] = count
    matrix[count] = matrix[count - 1] + (index($1, op) == 1)
    if ($1 ~ /^s_c?branch/ && match($0, /\+0x[0-9a-f]+>/)) {
        target = hex(substr($0, RSTART + 3, RLENGTH - 4))
        if (target < at[count]) { # from a branch back to where it goes
            first[++loops] = number[target]
            last[loops] = count
        }
    }
}

# Loops are in the order of their ends, so that a loop comes behind those within it.
END {
    for (i = 1; i <= loops; i++) {
        operations = matrix[last[i]] - matrix[first[i] - 1]
        for (j = 1; j < i; j++)
            if (first[j] >= first[i] && matrix[last[j]] > matrix[first[j] - 1])
                operations = 0 # not an innermost one
        if (operations > most) {
            most = operations
            found = i
        }
    }
    for (i = first[found]; found && i <= last[found]; i++)
        print text[i]
}
