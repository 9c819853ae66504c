#!/bin/sh
# From a traced run to the calls of each program: the third column of audit/syscalls.sh.
#
# Usage: traced.sh DIR, where `strace -ff -y -o DIR/t bailiffd ...` has written one file per process. Out:
# target/traced/PROGRAM, the names of the calls it made, after its own exec and before the next. What stands in a
# process's file before its first exec was made by the program that cloned it, the warden.
set -u
here=$(cd "$(dirname "$0")/.." && pwd) || exit 1
cd "$here" || exit 1
out=${CARGO_TARGET_DIR:-target}/traced
mkdir -p "$out"
for file in "$1"/t.*; do
    awk '
    BEGIN { program = "bailiffd" }
    /^(\+\+\+|---)/ { next }
    !match($0, /^[a-z_0-9]+\(/) { next }
    { call = substr($0, 1, RLENGTH - 1) }
    # The exec itself belongs to the program that asked for it; what it became is in its descriptor or its path.
    call ~ /^execve(at)?$/ {
        if (NR > 1 || call != "execve") print program, call
        if ($0 !~ / = 0$/) next
        text = $0
        if (call == "execve") sub(/",.*/, "", text)
        else if (text ~ /^execveat\([0-9]+</) sub(/>.*/, "", text)
        else { sub(/^[^\[]*\["/, "", text); sub(/".*/, "", text) }
        sub(/.*\//, "", text)
        program = text
        next
    }
    { print program, call }' "$file"
done | LC_ALL=C sort -u | while read -r program call; do
    case $program in watcher | tracker | compiler) program=bailiff-$program ;; enforcer) program=bailiff-enforcer-nft ;; esac
    case $program in bailiff | bailiff[d-]*) echo "$call" >>"$out/$program" ;; esac
done
# Traces of several runs add up.
for file in "$out"/*; do LC_ALL=C sort -u -o "$file" "$file"; done
wc -l "$out"/* | sed 's/^/traced: /'
