#!/bin/sh
# Claim: what must be trusted is small. The table of components, their lines of code and their privileges; fails when one
# is above its budget (audit/budget.txt), naming the file.
#
# How: audit/lines.awk counts lines that are code. What a program uses of shims and shared is not guessed: the debug
# lines of its executable (profile `audit`) say which functions were compiled into it, and those are counted whole, with
# the run time (assembly) and the lines of macros as they are. `tcb.sh --quick` counts files only and builds nothing.
set -u
cd "$(dirname "$0")/.." || exit 1
target=${CARGO_TARGET_DIR:-target}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
here=$(uname -m)

find shims src filters build.rs -name '*.rs' | LC_ALL=C sort >"$work/files"
xargs awk -f audit/lines.awk <"$work/files" >"$work/lines"

# Which lines of the package are in which executable: `PROGRAM FILE LINE`.
: >"$work/hits"
if [ "${1:-}" != --quick ]; then
    export CARGO_PROFILE_AUDIT_DEBUG=line-tables-only
    cargo build --quiet --profile audit --locked --offline >"$work/log" 2>&1 ||
        { grep -A 3 '^error' "$work/log" | head -20; echo "FAIL  the audit build does not compile: nothing was counted"; exit 1; }
    for place in $(sed -n 's/^component [^|]*| *\([^ |]*\) .*/\1/p' audit/budget.txt); do
        objdump --dwarf=decodedline "$target/audit/$place" 2>/dev/null | awk -v program="$place" '
            /:$/ { file = $0; sub(/:$/, "", file); sub(/^\.\//, "", file)
                while (sub(/[^\/.]+\/\.\.\//, "", file)) {}
                next }
            file ~ /^(src|shims)\// && $2 ~ /^[0-9]+$/ && $2 > 0 && !seen[file, $2]++ { print program, file, $2 }'
    done >>"$work/hits"
    [ -s "$work/hits" ] || { echo "FAIL  no debug lines in $target/audit: nothing was counted"; exit 1; }
fi

awk -v here="$here" '
function other(file) { return file ~ /\/(x86_64|aarch64)\.rs$/ && index(file, here) == 0 }
function under(file, place) { return file == place || index(file, place "/") == 1 }
function over(name, count, what) {
    printf "FAIL  %s: %d lines, budget %d (limit %s)\n", what, count, limit[name], name
    bad++
}
function early(file,    i) { for (i = 1; i <= befores; i++) if (under(file, before[i])) return 1; return 0 }

FILENAME ~ /budget.txt$/ {
    sub(/#.*/, "")
    if ($1 == "limit") limit[$2] = $3
    if ($1 == "before") before[++befores] = $2
    if ($1 == "component") {
        split($0, part, / *\| */)
        place[++components] = $2; program[components] = part[2]; user[components] = part[3]; powers[components] = part[4]
    }
    next
}
$1 == "code" { code[$2] = $3; raw[$2] = $4; next }
$1 == "fn" {
    if ($4 > limit["function"]) over("function", $4, $2 ": fn " $3)
    for (i = $5; i <= $6; i++) if (!(($2, i) in holder)) holder[$2, i] = $5
    size[$2, $5] = $7
    next
}
# A debug line: its whole function, once; outside a function, itself.
{
    if ($2 !~ /^(shims|src\/shared)\//) next
    key = ($2 SUBSEP $3) in holder ? $2 SUBSEP holder[$2, $3] : $2 SUBSEP "line" $3
    n = (key in size) ? size[key] : 1
    # The assembly of the run time leaves no debug lines: the run time counts whole, in every program.
    if ($2 ~ /^shims\/rt\//) { key = "rt"; n = sum("shims/rt") }
    if (!(($1, key) in had)) { had[$1, key] = 1; uses[$1] += n; if (!early($2)) reach[$1] += n }
    if (($1 == "bailiffd" || $1 == "bailiff-launcher" || $1 ~ /enforcer/) && !(key in hadroot)) { hadroot[key] = 1; root += n }
}
function sum(place,    file, n) {
    n = 0; files = 0
    for (file in code) if (under(file, place) && !other(file)) { n += code[file]; files++ }
    return n
}
function row(a, b, c, d, e, f) { printf "%-26s %5s %6s %9s  %-58s %s\n", a, b, c, d, e, f }
END {
    for (file in raw) if (raw[file] > limit["file"]) over("file", raw[file], file)
    row("component", "files", "lines", "with used", "runs as", "may do, once its cage is closed")
    for (i = 1; i <= components; i++) {
        n = sum(place[i])
        mine[program[i]] = n
        row(place[i], files, n, n + uses[program[i]], user[i], powers[i])
        if (place[i] ~ /trusted/) { trusted += n }
        if (place[i] !~ /^src\/(client|cage)$/) tcb += n
    }
    tool = sum("shims/cage"); aside = files
    n = sum("shims") - tool; tcb += n; row("shims", files - aside, n, "", "in each (one of two arch counted)", "")
    row("shims/cage", aside, tool, "", "in bailiff-cage alone, no part of the daemon", "")
    n = sum("src/shared/pure"); tcb += n; row("src/shared/pure", files, n, "", "in each", "no system call")
    n = sum("src/shared/cages.rs") + sum("src/shared/base"); files++; tcb += n; row("src/shared/base, cages", files, n, "", "in each", "")
    # It runs at start, for filters of an operator, and when bailiff is built.
    n = sum("filters/compiler"); tcb += n; row("filters/compiler", files, n, "", "as bailiff-compiler; whoever builds", "")
    n = sum("build.rs") + sum("filters/rust"); row("filters/rust, build.rs", files + 1, n, "", "whoever builds", "")
    print ""
    if (root) {
        enforcer = "bailiff-enforcer-nft"
        total("reach", mine[enforcer] + reach[enforcer], "a captured tracker can reach (enforcer, without what ran before its first byte)")
        total("privileged", trusted + root, "ever runs with a privilege (warden, launcher, enforcer, what they use)")
    }
    total("tcb", tcb, "whole TCB (shims, shared, trusted, confined, filters/compiler)")
    exit bad > 0
}
function total(name, count, what) {
    if (count > limit[name]) over(name, count, what)
    else printf "ok    %s: %d lines, budget %d\n", what, count, limit[name]
}' audit/budget.txt "$work/lines" "$work/hits"
