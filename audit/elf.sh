#!/bin/sh
# Claim: each program is a position-independent executable without interpreter and library, whose pages are never both
# writable and executable, and of whose file no page stays writable.
#
# How: readelf, on the files of the release build. That the kernel really sees it so, RELRO applied, is shown on the
# running daemon by audit/system/91-image.py.
#
# Usage: elf.sh [PROGRAM...]
set -u
cd "$(dirname "$0")/.." || exit 1
LC_ALL=C
export LC_ALL
target=${CARGO_TARGET_DIR:-target}
[ $# -gt 0 ] || set -- bailiffd bailiff-launcher bailiff-watcher bailiff-tracker bailiff-enforcer-nft bailiff-compiler bailiff bailiff-cage
bad=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
programs=
for program in "$@"; do programs="$programs --bin $program"; done
# shellcheck disable=SC2086
cargo build --quiet --release --locked --offline $programs >"$work/log" 2>&1 ||
    { grep -A 3 '^error' "$work/log" | head -20; echo "FAIL  the release build does not compile: nothing was looked at"; exit 1; }

for program in "$@"; do
    readelf --wide --file-header --program-headers --dynamic --relocs "$target/release/$program" 2>&1 | awk -v name="$program" '
    function fail(why) { print "FAIL  " name ": " why; bad++ }
    function hex(text,    n, i) {
        sub(/^0x/, "", text)
        n = 0
        for (i = 1; i <= length(text); i++) n = n * 16 + index("0123456789abcdef", tolower(substr(text, i, 1))) - 1
        return n
    }
    /^  Type: / { type = $2 }
    /^  Entry point address:/ { entry = $NF }
    $1 == "INTERP" { fail("has an interpreter (PT_INTERP)") }
    $1 == "TLS" { fail("has thread-local storage (PT_TLS)") }
    # Type Offset VirtAddr PhysAddr FileSiz MemSiz Flg(1 to 3 words) Align
    $1 ~ /^(LOAD|GNU_STACK|GNU_RELRO)$/ {
        flags = ""
        for (i = 7; i < NF; i++) flags = flags $i
        if ($1 == "GNU_STACK") { stack = flags; next }
        if ($1 == "GNU_RELRO") { relro_from = hex($3); relro_to = hex($3) + hex($6); relro = 1; next }
        if (flags ~ /W/ && flags ~ /E/) fail("a segment is writable and executable (" $3 ")")
        if (flags ~ /W/) { writable++; from[writable] = hex($3); to[writable] = hex($3) + hex($6) }
    }
    /\(NEEDED\)/ { fail("needs a library: " $NF) }
    /\(TEXTREL\)/ { fail("relocates its code (TEXTREL)") }
    /\((RELR|RELRSZ|JMPREL|REL)\)/ { fail("has relocations that _start does not apply: " $2) }
    /\(FLAGS\).*BIND_NOW/ { now = 1 }
    /\(FLAGS_1\).*NOW.*PIE/ { pie = 1 }
    / R_[A-Z0-9_]+ / { for (i = 1; i <= NF; i++) if ($i ~ /^R_/) { kinds[$i]++; relocations++ } }
    END {
        if (type != "DYN") fail("is " type ", not position-independent (ET_DYN)")
        if (entry == "" || hex(entry) == 0) fail("has no entry point")
        if (stack == "") fail("says nothing about its stack (PT_GNU_STACK)")
        if (stack ~ /E/) fail("has an executable stack (PT_GNU_STACK " stack ")")
        if (!relro && writable) fail("has no PT_GNU_RELRO")
        if (!now || !pie) fail("is not marked BIND_NOW and PIE")
        page = 4096
        for (i = 1; i <= writable; i++)
            if (from[i] < relro_from || to[i] > int((relro_to + page - 1) / page) * page)
                fail("a page of the file stays writable: there is data outside PT_GNU_RELRO")
        for (kind in kinds) if (kind !~ /^R_(X86_64|AARCH64)_RELATIV(E)?$/) fail("has a relocation " kind)
        if (!bad) print "ok    " name ": PIE, no interpreter, no library, NX stack, W^X, RELRO over all data, " \
            relocations + 0 " relative relocations, bound at start"
        exit bad > 0
    }' || bad=1
done
exit $bad
