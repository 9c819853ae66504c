#!/bin/sh
# Claim: unsafe code stands under shims/ only, and each piece of it says why it is sound.
#
# How: the word is searched outside comments, and the compiler's own bars are looked for (lib.rs, each root file: the one
# `expect(unsafe_code)` each names shims or its run time). Then every piece is printed on one page with its reason:
# a block or an impl needs `// SAFETY:` right above its statement, a function or a trait a `# Safety` section.
# audit/budget.txt bounds how many there are.
set -u
cd "$(dirname "$0")/.." || exit 1
bad=0
fact() { # NAME OUTPUT: ok when there is no output
    if [ -z "$2" ]; then echo "ok    $1"; else echo "FAIL  $1: $2" | head -5; bad=1; fi
}

# shellcheck disable=SC2046
awk '
FILENAME == "audit/budget.txt" { if ($1 == "limit" && sub(/^unsafe-/, "", $2)) most[$2] = $3; next }
function say(kind, why) { n[kind]++; printf "%-34s %-6s %s\n", FILENAME ":" FNR, kind, why }
function fail(why) { print "FAIL  " FILENAME ":" FNR ": " why; bad++ }
FNR == 1 { safety = doc = ""; at = 0 }
{ line = $0; sub(/^ +/, "", line) }
line ~ /^\/\/\/ # Safety/ { doc = " "; next }
line ~ /^\/\/\// { if (doc != "") doc = doc substr(line, 5) " "; next }
line ~ /^\/\/ SAFETY: / { safety = substr(line, 12); next }
line ~ /^\/\/ / { if (safety != "") safety = safety " " substr(line, 4); next }
line == "" || line ~ /^\/\// { next }
{
    code = line
    gsub(/"([^"\\]|\\.)*"/, "\"\"", code)
    sub(/\/\/.*/, "", code)
    pieces = gsub(/(^|[^A-Za-z_])unsafe($|[^A-Za-z_])/, "&", code)
}
code ~ /global_asm!/ { say("asm", "assembly") }
pieces > 1 { fail("two unsafe pieces in one line") }
pieces && code ~ /unsafe( extern "")? *fn |unsafe trait / {
    kind = code ~ /trait/ ? "trait" : "fn"
    if (doc == "") fail("an unsafe " kind " without a # Safety section"); else say(kind, substr(doc, 2))
}
pieces && code ~ /unsafe \{|unsafe$/ {
    if (safety == "") fail("an unsafe block without a SAFETY comment"); else say("block", safety)
}
pieces && code ~ /unsafe extern "" \{/ { say("extern", code) }
pieces && code ~ /unsafe impl/ {
    if (safety == "") fail("an unsafe impl without a SAFETY comment"); else say("impl", safety)
}
pieces && code ~ /#!?\[unsafe/ { say("attr", code) }
code ~ /(^|[^A-Za-z_\047])(transmute|static mut)($|[^A-Za-z_])/ { fail("transmute or static mut") }
# A reason holds for its statement only.
line !~ /^#\[/ && line ~ /[;{}]$/ { safety = doc = "" }
END {
    if (bad) exit 1
    print "ok    shims: " n["block"] + 0 " blocks, " n["fn"] + 0 " functions, " n["trait"] + 0 " traits, " \
        n["impl"] + 0 " impls, " n["extern"] + 0 " extern blocks, " n["asm"] + 0 " pieces of assembly"
    for (kind in most) if (n[kind] > most[kind]) {
        print "FAIL  unsafe " kind ": " n[kind] ", budget " most[kind] " (audit/budget.txt)"
        bad++
    }
    exit bad > 0
}' audit/budget.txt $(find shims -name '*.rs' | LC_ALL=C sort) || bad=1

fact "no unsafe code outside shims" "$(grep -rnE '(^|[^A-Za-z_])unsafe($|[^A-Za-z_])' build.rs src filters --include='*.rs' |
    grep -vE '^[^:]*:[0-9]+: *//' | head -5)"
fact "no assembly outside shims" \
    "$(grep -rnE 'asm!|no_mangle|link_section|export_name' build.rs src filters --include='*.rs' | grep -vE ':[0-9]+: *//')"
fact "lib.rs denies it, shared forbids it" "$(
    grep -qx '#!\[deny(unsafe_code)\]' src/lib.rs || echo 'src/lib.rs: no deny'
    grep -A1 -x '#\[forbid(unsafe_code)\]' src/lib.rs | grep -qx 'pub mod shared;' || echo 'src/lib.rs: shared is not forbidden it')"
fact "each program denies it" "$(grep -L '^#!\[deny(unsafe_code)\]' src/trusted/*/main.rs src/confined/*/main.rs src/client/main.rs)"
# What lifts the bar, and over which file: the pair must be one of two.
fact "the bar is lifted over shims and the run time only" "$(
    grep -rnE -A1 '(expect|allow|warn)\(.*unsafe_code' src filters build.rs --include='*.rs' |
        grep -vE 'expect\(unsafe_code, reason = |#\[path = "(\.\./)+shims/(rt/)?mod\.rs"\]|^--$')"
exit $bad
