#!/bin/sh
# Claim: each program makes exactly the system calls of its row in src/shared/cages.rs, no more and no fewer.
#
# How: three columns. ELF: each `syscall` (`svc`) instruction of the disassembly stands right behind the instruction that
# loads its number, and no other way into the kernel is there. TABLE: audit/cages.rs, compiled against the library, prints
# the rows. TRACE: the calls that a traced run really made (target/traced/PROGRAM, written by audit/system through
# audit/traced.sh). ELF and TABLE must be the same set, TRACE a part of it.
#
# Usage: syscalls.sh [PROGRAM...]
set -u
cd "$(dirname "$0")/.." || exit 1
LC_ALL=C
export LC_ALL
target=${CARGO_TARGET_DIR:-target}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
bad=0
fail() { echo "FAIL  $*"; bad=1; }
[ $# -gt 0 ] || set -- bailiffd bailiff-launcher bailiff-watcher bailiff-tracker bailiff-enforcer-nft bailiff-compiler bailiff

# TABLE, and the kernel's names of the numbers.
{
    cargo build --quiet --lib --locked --offline &&
        rustc --edition 2024 -C panic=abort -L "$target/debug/deps" --extern bailiff="$target/debug/libbailiff.rlib" \
            -o "$work/cages" audit/cages.rs
} >"$work/log" 2>&1 || { grep -A 3 '^error' "$work/log" | head -20; echo "FAIL  the table does not compile: nothing was compared"; exit 1; }
"$work/cages" >"$work/table"
sed -n 's/^ *[A-Z0-9_]* = \([0-9]*\), "\([a-z0-9_]*\)";$/\1 \2/p' "shims/arch/$(uname -m).rs" >"$work/names"

programs=
for program in "$@"; do programs="$programs --bin $program"; done
export CARGO_PROFILE_AUDIT_DEBUG=line-tables-only
# shellcheck disable=SC2086
cargo build --quiet --profile audit --locked --offline $programs >"$work/log" 2>&1 ||
    { grep -A 3 '^error' "$work/log" | head -20; echo "FAIL  the audit build does not compile: nothing was compared"; exit 1; }

for program in "$@"; do
    objdump -d --no-show-raw-insn "$target/audit/$program" >"$work/code" || { fail "$program: no disassembly"; continue; }
    awk '
    /^[0-9a-f]+ </ { where = $2 }
    /\t(syscall|svc)/ { print number == "" ? "unknown " where : number; number = ""; next }
    /\t(sysenter|int +\$0x80|int +0x80|lcall|hvc|smc)/ { print "foreign " where }
    { number = "" }
    match($0, /mov +\$0x[0-9a-f]+,%eax$/) { number = $NF; sub(/^\$/, "", number); sub(/,.*/, "", number) }
    match($0, /mov\tx8, #0x[0-9a-f]+/) { number = $4; sub(/^#/, "", number) }' "$work/code" | sort -u >"$work/sites"
    grep -E '^(unknown|foreign)' "$work/sites" >"$work/odd" &&
        fail "$program: enters the kernel with a number that cannot be read: $(tr '\n' ' ' <"$work/odd")"
    while read -r number; do
        case $number in 0x*) awk -v n=$((number)) '$1 == n { print $2; found = 1 } END { if (!found) print "number_" n }' "$work/names" ;; esac
    done <"$work/sites" | sort -u >"$work/elf"
    awk -v p="$program" '$1 == p { print $2 }' "$work/table" | sort -u >"$work/row"
    [ -s "$work/row" ] || fail "$program: has no row in the table"

    undeclared=$(comm -23 "$work/elf" "$work/row" | tr '\n' ' ')
    unused=$(comm -13 "$work/elf" "$work/row" | tr '\n' ' ')
    [ -z "$undeclared" ] || fail "$program: undeclared system call: $undeclared"
    [ -z "$unused" ] || fail "$program: declared and not in the program: $unused"

    if [ -s "$target/traced/$program" ]; then
        sort -u "$target/traced/$program" >"$work/traced"
        beyond=$(comm -23 "$work/traced" "$work/row" | tr '\n' ' ')
        [ -z "$beyond" ] || fail "$program: made in a traced run and not declared: $beyond"
        traced="$(wc -l <"$work/traced") traced"
    elif command -v strace >/dev/null; then
        traced="not traced (make test writes the traces)"
    else
        traced="not traced (no strace)"
    fi
    [ -n "$undeclared$unused" ] || echo "ok    $program: $(wc -l <"$work/elf") calls in the ELF and in the table, $traced"
    { tr '\n' ' ' <"$work/elf"; echo; } | fold -s -w 100 | sed 's/^/        /'
done
exit $bad
