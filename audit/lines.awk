# Counts the Rust files given as arguments: `code FILE CODE RAW` for each file, `fn FILE NAME RAW FROM TO CODE` for each
# function.
#
# Code is a line that is neither blank nor comment alone (`//`, `///`, `//!`, `/* */`). A function's RAW lines run from
# its `fn` to the brace that closes it, comments and blanks included; rustfmt (audit/rustfmt.toml) is what makes the
# closing brace stand under the line that opened it. Run by audit/tcb.sh.
FNR == 1 { finish(); name = FILENAME; code = raw = block = depth = 0 }
{
    raw++
    line = $0
    sub(/^[ \t]+/, "", line)
    sub(/[ \t\r]+$/, "", line)
}
block { if (index(line, "*/")) block = 0; next }
line ~ /^\/\*/ { if (!index(line, "*/")) block = 1; next }
line == "" || line ~ /^\/\// { next }
{ code++; match($0, /^ */); column = RLENGTH }
line ~ /^(pub(\([a-z ]+\))? )?(const )?(unsafe )?(extern "C" )?fn [$A-Za-z_]/ {
    fn = line
    sub(/^.*fn /, "", fn)
    sub(/[^A-Za-z0-9_$].*/, "", fn)
    depth++
    names[depth] = fn
    columns[depth] = column
    from[depth] = FNR
    before[depth] = code - 1
    if (line ~ /[;}]$/) close_fn()
    next
}
# The brace that closes the body, or the semicolon of a declaration over several lines.
depth && column == columns[depth] && (line ~ /^\}/ || line ~ /;$/) { close_fn() }
END { finish() }

function close_fn() {
    print "fn", name, names[depth], FNR - from[depth] + 1, from[depth], FNR, code - before[depth]
    depth--
}

function finish() {
    if (name != "") print "code", name, code, raw
}
