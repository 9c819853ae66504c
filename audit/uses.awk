# Which source file uses which: prints `FROM TO`, one pair a line, for the files given as arguments.
#
# How: comments and string texts are taken out; every `use` (braces expanded) and every path that starts at crate,
# bailiff, super, self or at an imported module is resolved to the file that holds the module. `mod` declarations are no
# use. Files that a `#[path]` or an `include!` names are told as `FROM #PATH`. Run by audit/layers.sh, audit/tcb.sh.
BEGIN {
    for (i = 1; i < ARGC; i++) known[ARGV[i]] = 1
}
FNR == 1 { finish(); begin(FILENAME) }
{
    raw = $0
    if (match(raw, /#\[path = "[^"]*"\]/)) told(substr(raw, RSTART + 10, RLENGTH - 12))
    if (raw ~ /include(_str|_bytes)?!\(/ && raw !~ /^ *\/\//) included(raw)
    gsub(/'\\?"'/, "' '", raw)
    gsub(/"([^"\\]|\\.)*"/, "\"\"", raw)
    sub(/\/\/.*/, "", raw)
    text = text " " raw
}
END { finish() }

# The module of a file: the crate's root folder and the path below it.
function begin(file,    m) {
    name = file; text = ""; delete alias
    root = ""
    if (file ~ /^src\/(trusted|confined)\/[^\/]+\//) { match(file, /^src\/[a-z]+\/[^\/]+\//); root = substr(file, 1, RLENGTH) }
    else if (file ~ /^src\/client\//) root = "src/client/"
    else if (file ~ /^filters\//) root = "filters/"
    m = root == "" ? file : substr(file, length(root) + 1)
    sub(/^src\//, "", m); sub(/\.rs$/, "", m); sub(/(^|\/)(mod|main|lib)$/, "", m)
    gsub(/\//, "::", m)
    module = m
}

function told(path,    dir) {
    dir = name; sub(/[^\/]*$/, "", dir)
    path = dir path
    while (sub(/[^\/.]+\/\.\.\//, "", path)) {}
    print name, "#" path
}

function included(line) {
    gsub(/^ +|;$/, "", line); gsub(/ /, "", line)
    print name, "#" line
}

function finish(    rest, stmt, word, i, n) {
    if (name == "") return
    rest = text
    # `use` statements: their paths, and the names they bring in.
    while (match(rest, /(^|[^a-zA-Z0-9_])use [^;]*;/)) {
        stmt = substr(rest, RSTART, RLENGTH)
        rest = substr(rest, RSTART + RLENGTH)
        sub(/^.?use /, "", stmt); sub(/;$/, "", stmt)
        expand(stmt, "")
    }
    # Paths within the code.
    rest = text
    gsub(/(^|[^a-zA-Z0-9_])use [^;]*;/, " ", rest)
    while (match(rest, /[A-Za-z_][A-Za-z0-9_]*(::[A-Za-z_][A-Za-z0-9_]*)+/)) {
        word = substr(rest, RSTART, RLENGTH)
        rest = substr(rest, RSTART + RLENGTH)
        edge(word, 0)
    }
    name = ""
}

# a::{b, c::{d, e as f}} -> a::b, a::c::d, a::c::e
function expand(item, before,    open, depth, i, c, part) {
    gsub(/^ +| +$/, "", item)
    open = index(item, "{")
    if (!open) { if (item != "") edge(before item, 1); return }
    before = before substr(item, 1, open - 1)
    depth = 0; part = ""
    for (i = open + 1; i < length(item); i++) {
        c = substr(item, i, 1)
        if (c == "{") depth++
        if (c == "}") depth--
        if (c == "," && depth == 0) { expand(part, before); part = "" } else part = part c
    }
    expand(part, before)
}

# One path: absolute within the package, then to the longest prefix that is a file.
function edge(path, imports,    n, s, i, last, at, first, here, file) {
    last = ""
    if (match(path, / as [A-Za-z_0-9]+$/)) { last = substr(path, RSTART + 4); path = substr(path, 1, RSTART - 1) }
    gsub(/ /, "", path); sub(/::(\*|self)$/, "", path)
    n = split(path, s, "::")
    first = s[1]
    if (!imports && (first in alias)) { at = alias[first]; i = 2 }
    else if (first == "crate") { at = root "|"; i = 2 }
    else if (first == "bailiff") { at = "|"; i = 2 }
    else if (first == "super" || first == "self") {
        here = module; i = first == "self" ? 2 : 1
        while (s[i] == "super") { if (!sub(/::[^:]+$/, "", here)) here = ""; i++ }
        at = root "|" here
    }
    else if (first ~ /^(core|std|alloc)$/) return
    else { at = root "|" module; i = 1 }
    for (; i <= n; i++) at = at (at ~ /\|$/ ? "" : "::") s[i]
    if (imports) alias[last != "" ? last : s[n]] = at
    file = holder(at)
    if (file != "" && file != name && !((name, file) in seen)) { seen[name, file] = 1; print name, file }
}

function holder(at,    base, m, f, k, stem, tries) {
    base = at; sub(/\|.*/, "", base)
    m = at; sub(/^[^|]*\|/, "", m)
    while (m != "") {
        f = m; gsub(/::/, "/", f)
        stem = base != "" ? base f : (f ~ /^shims(\/|$)/ ? f : "src/" f)
        if ((stem ".rs") in known) return stem ".rs"
        if ((stem "/mod.rs") in known) return stem "/mod.rs"
        if (!sub(/::[^:]+$/, "", m)) m = ""
    }
    return ""
}
