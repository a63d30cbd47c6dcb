# Prints the commands of a page, one per line: `awk -f docs.awk PAGE`.
#
# Markdown (*.md): the lines of indented blocks and of ```sh blocks, up to two spaces (what follows is
# a remark), and what looks like a command in `...`. Manual pages: the literal displays of EXAMPLES.
BEGIN {
    assignments = "^([A-Z_]+=[^ ]+ )*"
    programs = "(octgemm|make|pip|python3?|cc|cmake|dpkg-buildpackage|mandoc|git)"
    path = "[.]*/?([A-Za-z0-9_.]+/)+[A-Za-z0-9_.]+"
}

function command(text) {
    sub(/^ +/, "", text)
    sub(/   *[^ ].*$/, "", text)
    sub(/ +$/, "", text)
    if (text != "")
        print text
}

# What looks like a command in a paragraph's code spans, which may go over the end of a line.
function spans(text,    parts, count, i, span) {
    count = split(text, parts, "`")
    for (i = 2; i <= count; i += 2) {
        span = parts[i]
        gsub(/ +/, " ", span)
        if (span ~ assignments "(" programs "|" path ") [^ ]" || span ~ /^([.][.]?\/[a-z\/]+|[.\/]*examples\/.*[.]sh)$/)
            print span
    }
}

FNR == 1 { roff = FILENAME !~ /[.]md$/ }

roff && /^[.]Sh / { examples = /EXAMPLES/ }
roff && examples && /^[.]Bd -literal/ { display = 1; next }
roff && /^[.]Ed/ { display = 0 }
roff && display { command($0) }
roff { next }

/^```/ { fence = fence ? "" : substr($0, 4) "-"; next }
fence == "sh-" { command($0) }
fence { next }
/^    [^ ]/ && paragraph == "" { command($0); next }
/^ *$/ || /^[|]/ { spans(paragraph); paragraph = "" }
{ if ($0 !~ /^ *$/) paragraph = paragraph " " $0; if (/^[|]/) { spans(paragraph); paragraph = "" } }
END { spans(paragraph) }
