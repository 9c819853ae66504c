#!/bin/sh
# Claim: the table in audit/README.md is true: its lines are those of the tree, its minutes are lines divided by ten, and
# every file of the whole TCB, and every file that builds it, is read in one step.
#
# How: audit/lines.awk counts lines of code (neither blank nor comment alone); of two architectures that of this machine; of
# a filter, each line that is neither blank nor comment. A row names files and folders in `...`; a file belongs to the row
# that names it most closely.
#
# Usage: reading.sh [--write]: with --write the numbers in the table are put right.
set -u
cd "$(dirname "$0")/.." || exit 1
LC_ALL=C
export LC_ALL
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
here=$(uname -m)
# shellcheck disable=SC2046
awk -f audit/lines.awk $(find build.rs shims src filters -name '*.rs' | sort) | awk '$1 == "code" { print $2, $3 }' >"$work/lines"
for filter in filters/*.filter; do echo "$filter $(grep -cvE '^ *(#|$)' "$filter")"; done >>"$work/lines"

awk -v here="$here" -v table="$work/table" '
function under(file, place) { return file == place || file == place ".rs" || index(file, place "/") == 1 }
FILENAME ~ /lines$/ { code[$1] = $1 ~ /\/(x86_64|aarch64)\.rs$/ && index($1, here) == 0 ? 0 : $2; next }
!/^\| [0-9]+ \|/ { text[++end] = $0; next }
{
    text[++end] = $0
    split($0, column, / *\| */)
    rows[end] = column[2]
    n = split(column[3], part, "`")
    for (i = 2; i <= n; i += 2) step[part[i]] = column[2]
}
END {
    for (file in code) {
        best = ""
        for (place in step) if (under(file, place)) { hit[place] = 1; if (length(place) > length(best)) best = place }
        if (best != "") lines[step[best]] += code[file]
        else if (file !~ /^src\/((client|cage)\/|lib\.rs)/) { print "FAIL  no step reads " file; bad++ }
    }
    for (place in step) if (!hit[place]) { print "FAIL  step " step[place] " names " place ", which is not there"; bad++ }
    for (i = 1; i <= end; i++) {
        if (i in rows) {
            split(text[i], column, / *\| */)
            n = lines[rows[i]]
            all += n
            row = "| " column[2] " | " column[3] " | " n " | " int(n / 10 + 0.5) " |"
            if (row != text[i]) { print "      step " rows[i] ": " n " lines, not " column[4]; stale++ }
            text[i] = row
        }
        print text[i] >table
    }
    if (stale) print "FAIL  " stale " rows are not of this tree (audit/reading.sh --write puts them right)"
    if (!bad && !stale) print "ok    " all " lines, each file in one step"
    exit bad ? 2 : stale > 0
}' "$work/lines" audit/README.md
code=$?
[ "${1:-}" = --write ] && [ $code = 1 ] || exit $code
cat "$work/table" >audit/README.md
echo "ok    written"
