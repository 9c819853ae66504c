#!/bin/sh
# Claim: each layer imports only what stands left of it: shims -> shared::pure (no shims) -> shared::cages ->
# shared::base -> one program's leaf files -> its run -> its main; programs do not see one another.
#
# How: audit/uses.awk tells which file uses which, by every `use` and every path in the code; each such pair is held
# against the rows below. What is in no row is a layer skipped.
set -u
cd "$(dirname "$0")/.." || exit 1
# shellcheck disable=SC2046
awk -f audit/uses.awk $(find build.rs src shims filters -name '*.rs' | LC_ALL=C sort) | awk '
function layer(file) {
    if (file ~ /^shims\//) return "shims"
    if (file ~ /^src\/shared\/pure(\/|\.rs)/) return "pure"
    if (file ~ /^src\/shared\/cages/) return "cages"
    if (file ~ /^src\/shared\/base(\/|\.rs)/) return "base"
    if (file ~ /^src\/(lib|shared\/mod)\.rs$/) return "library"
    if (file ~ /^src\/(trusted|confined)\/[^\/]+\// || file ~ /^src\/(client|cage)\//) return "program"
    if (file ~ /^filters\// || file == "build.rs") return "build"
    return "unknown"
}
function program(file) {
    if (match(file, /^src\/(trusted|confined)\/[^\/]+\//) || match(file, /^src\/(client|cage)\//)) return substr(file, 1, RLENGTH)
    return ""
}
# 0 for a leaf file, 1 for run, 2 for main: the order within one program.
function rank(file) {
    sub(program(file), "", file)
    return file == "main.rs" ? 2 : file == "run.rs" ? 1 : 0
}
BEGIN {
    split("shims>shims pure>pure cages>pure cages>shims base>base base>cages base>pure base>shims " \
        "library>pure library>cages library>base library>shims " \
        "program>pure program>cages program>base program>shims build>build", row)
    for (i in row) may[row[i]] = 1
    # Files that a `#[path]` or an `include!` may name, beside those of the own folder.
    named["src/lib.rs", "shims/mod.rs"] = 1
    named["build.rs", "filters/compiler/mod.rs"] = 1
    named["build.rs", "filters/rust/mod.rs"] = 1
    # Filters of an operator are held to the same rules as those of bailiff, by the same compiler.
    named["src/confined/compiler/main.rs", "filters/compiler/mod.rs"] = 1
    # Before the daemon takes one, `bailiff test` tries it.
    named["src/client/main.rs", "filters/compiler/mod.rs"] = 1
    # The filter compiler reads the tokens of a pattern with the very functions that the compiled filter calls.
    compiler = "^src/shared/pure/[a-z]+\\.rs$"
    generated = "^include!\\(concat!\\(env!\\(\"OUT_DIR\"\\),\"/[a-z]+\\.rs\"\\)\\)$"
}
function refuse(why) { print "FAIL  " $1 " uses " to ": " why; bad++ }
{
    pairs++
    to = $2
    from = layer($1)
    if (sub(/^#/, "", to)) { path_to(); next }
    target = layer(to)
    if (from == "program" && target == "program") {
        if (program($1) != program(to)) refuse("a program imports another")
        else if (rank(to) > rank($1)) refuse("a leaf file imports run or main")
    } else if (!((from ">" target) in may)) refuse("layer skipped: " from " may not import " target)
}
function path_to() {
    if (to ~ /^include/) {
        if (to !~ generated) refuse("includes what the build did not generate")
        return
    }
    if (($1, to) in named) return
    if ($1 ~ /^filters\/compiler\/mod\.rs$/ && to ~ compiler) return
    if (from == "program" && to == "shims/rt/mod.rs") {
        if (rank($1) != 2) refuse("only main includes the run time")
        return
    }
    dir = $1
    sub(/[^\/]*$/, "", dir)
    if (index(to, dir) == 1) return
    refuse("names a file of another folder")
}
END {
    if (pairs < 20) { print "FAIL  audit/uses.awk found only " pairs + 0 " imports"; bad++ }
    if (!bad) print "ok    " pairs " imports, each from the left"
    exit bad > 0
}'
