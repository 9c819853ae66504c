#!/bin/sh
# Claim: no panic is reachable in the daemon's programs, with overflow checks on.
#
# How: with the feature `prove-no-panic` the panic handler (shims/rt) calls `a_panic_is_reachable`, a function that does
# not exist: where the optimiser cannot show that a panic never happens, the program does not link. A link that fails for
# this reason is a finding, and a second build, in which the function is defined, names who reaches it; any other failure
# is reported as what it is, and proves nothing.
#
# bailiff-compiler is not among them: the filter compiler is ordinary Rust, with a heap, and may panic on a filter that it
# does not foresee. It reads what root wrote and runs before the daemon: a panic ends it, and then the daemon does not start,
# or, at a reload, goes on with what it has.
#
# Usage: panics.sh [PROGRAM...]
set -u
cd "$(dirname "$0")/.." || exit 1
# A folder of its own: these programs must never stand where the shipped ones stand.
target=${CARGO_TARGET_DIR:-target}/panics
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
bad=0
[ $# -gt 0 ] || set -- bailiffd bailiff-launcher bailiff-watcher bailiff-tracker bailiff-enforcer-nft

build() { # PROFILE PROGRAM [RUSTC ARGUMENT...]
    profile=$1 program=$2
    shift 2
    cargo rustc --quiet --profile "$profile" --locked --offline --target-dir "$target" --features prove-no-panic \
        --bin "$program" -- "$@"
}

# From where the panic handler is reached, without core's own panic functions: function and line, those to mend.
who() {
    CARGO_PROFILE_AUDIT_DEBUG=line-tables-only \
        build audit "$1" -C link-arg=-Wl,--defsym=a_panic_is_reachable=0 >"$work/again" 2>&1 ||
        { echo "        (not named)"; return; }
    objdump -d -C --no-show-raw-insn "$target/audit/$1" | awk '
        /^[0-9a-f]+ <.*>:$/ { where = $0; sub(/^[0-9a-f]+ </, "", where); sub(/>:$/, "", where); next }
        /\t(call|jmp|j[a-z]+|bl|b) / && match($0, /<.*>$/) {
            to = substr($0, RSTART + 1, RLENGTH - 2)
            sub(/\+0x[0-9a-f]+$/, "", to)
            if (to !~ /^core::panicking::|^core::.*_fail$|unwrap_failed|expect_failed|rust_begin_unwind/) next
            if (where ~ /^core::(panicking|slice::index|option|result|str)::|__rustc::/) next
            at = $1; sub(/:$/, "", at)
            print at, where " -> " to
        }' | sed 's/::h[0-9a-f]\{16\}//g' | while read -r at what; do
        line=$(addr2line -i -e "$target/audit/$1" "$at" | grep -oE '(src/(shared|trusted|confined)|shims|filters)[^ ]*:[0-9]+' | head -1)
        echo "        ${line:-?}: $what"
    done | sort -u
}

for program in "$@"; do
    if build release "$program" >"$work/log" 2>&1; then
        echo "ok    $program: links without a panic"
        continue
    fi
    bad=1
    if grep -q 'undefined.*a_panic_is_reachable' "$work/log"; then
        echo "FAIL  $program: a panic is reachable (a_panic_is_reachable), from:"
        who "$program"
    else
        grep -E '^error' -A 6 "$work/log" | head -30
        echo "FAIL  $program: does not compile or link for another reason: nothing was proved"
    fi
done
exit $bad
