#!/bin/sh
# Claim: nothing that reads what others wrote panics, hangs or answers out of nothing: the filter compiler, every token,
# every header, form and field, every filter, every image of the operator's own; whatever bytes come.
#
# How: libFuzzer drives each target (audit/fuzz/NAME.rs) with bytes that it changes until new code is reached, starting from
# the filters and their example lines. The code is what ships, built by plain rustc with counters (sancov), with overflow
# checks and debug assertions; a target asserts beside what it calls what must be true of each answer. An input that ends a
# target is kept, and shown with its strange bytes escaped.
#
# Needs: clang with libFuzzer (Debian: clang-14 libclang-rt-14-dev), installed here when this runs as root and CI or
# BAILIFF_INSTALL is set; without it, each target is skipped.
#
# Usage: fuzz.sh. SECONDS: for each target (default 600). FUZZ_TARGETS: which (default: all).
set -u
seconds=${SECONDS:-600}
[ "$seconds" -gt 0 ] || seconds=600
cd "$(dirname "$0")/../.." || exit 1
ulimit -c 0
compiler=${RUSTC:-rustc}
targets=${FUZZ_TARGETS:-parser primitives headers engine image}
work=$(realpath -m "${CARGO_TARGET_DIR:-target}")/fuzz
mkdir -p "$work/out" "$work/found" || exit 1

# A clang that links a program of libFuzzer's.
clang() {
    for name in clang-14 clang-15 clang-16 clang-17 clang-18 clang-19 clang-20 clang; do
        echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' >"$work/probe.c"
        "$name" -fsanitize=fuzzer -o "$work/probe" "$work/probe.c" 2>/dev/null && echo "$name" && return
    done
}
linker=$(clang)
if [ -z "$linker" ] && [ "$(id -u)" = 0 ] && [ -n "${CI:-}${BAILIFF_INSTALL:-}" ] && command -v apt-get >/dev/null; then
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        clang-14 libclang-rt-14-dev; } >"$work/apt.log" 2>&1 || echo "not installed: $(tail -1 "$work/apt.log")"
    linker=$(clang)
fi
if [ -z "$linker" ]; then
    for target in $targets; do echo "skip  $target: no clang with libFuzzer (BAILIFF_INSTALL=1 as root installs it)"; done
    exit 0
fi

# SOURCE RUSTC-ARGUMENT...: with libFuzzer's counters, and every check that Rust has.
instrumented() {
    OUT_DIR=$work/out "$compiler" --edition 2024 -O -Cpanic=abort -Ccodegen-units=1 -Cdebug-assertions=on \
        -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares --out-dir "$work" "$@"
}
build() { # TARGET: what build.rs makes of the filters, the library, and the target
    instrumented --crate-type staticlib --crate-name "$1" --extern "bailiff=$work/libbailiff.rlib" "audit/fuzz/$1.rs" &&
        "$linker" -fsanitize=fuzzer -o "$work/$1" "$work/lib$1.a" -lgcc_s -lpthread -ldl -lm
}
{ "$compiler" --edition 2024 -O -o "$work/build-script" build.rs && OUT_DIR=$work/out "$work/build-script" &&
    [ "$(grep -c '^cargo::error' "$work/build.log")" = 0 ] &&
    instrumented --crate-type rlib --crate-name bailiff src/lib.rs; } >"$work/build.log" 2>&1 ||
    { grep -v '^cargo::rustc' "$work/build.log" | tail -20; echo "FAIL  the library is not built"; exit 1; }

# The example lines of the filters, each a file of its own, behind so many bytes of a target's own.
lines() { # FOLDER
    awk -v folder="$1" '
        { line = "" }
        /^ *miss(\[[^ ]*)? / { line = $0; sub(/^ *miss(\[[^ ]*)? +/, "", line) }
        /^ *hit(\[[^ ]*)? / { line = $0; sub(/^ *hit(\[[^ ]*)? +[^ ]+ +/, "", line) }
        line != "" { file = folder "/" ++n; printf "%s", line >file; close(file) }' filters/*.filter
}
# Each pattern with its examples, as a filter of its own.
patterns() { # FOLDER BEFORE BEHIND
    awk -v folder="$1" -v before="$2" -v behind="$3" '
        function write() { if (body) { file = folder "/" ++n; printf "%s%s%s%s", before, head, body, behind >file; close(file) } body = "" }
        FNR == 1 { write(); head = "" }
        /^ *(#|$)/ { next }
        /^(pattern|ignore)/ { write(); body = $0 "\n"; next }
        /^ / { body = body $0 "\n"; next }
        /^miss/ { write(); next }
        { write(); sub(/^filter .*/, "filter t"); head = head $0 "\n" }
        END { write() }' filters/*.filter
}
seeds() { # TARGET FOLDER
    case $1 in
    parser) patterns "$2" "" "" ;;
    image)
        patterns "$2" "f" ""
        # A search within a search, and an optional part within an optional part.
        printf 's\014\001a\006\000\014\001a\002\000\007b\000a a a b' >"$2/searches"
        printf 's\013\004\000\013\001\000\003\000a' >"$2/parts" ;;
    headers | engine)
        lines "$2"
        printf 'Nov 21 19:55:39 host t[1]: message repeated 1001 times: [ x ]' >"$2/repeated"
        printf '<38>1 2026-11-21T19:55:39.123Z host t 1 - [a b="]\\""] x' >"$2/structured"
        printf 'Nov 21 19:55:39 host t[1]: [ID 800047 auth.info] x' >"$2/solaris" ;;
    primitives)
        # A byte for the token, one of its parameter.
        for text in '192.0.2.1:22' '[2001:db8::1]:22' '::ffff:192.0.2.1' '192.0.2.1.22 x' '"a\"b" c' 'fe80::1%eth0:1' '12ab:cd.e-f_g'; do
            for token in 0 1 2 3 4 5 6 7 8 9 : ';' '<' = '>' '?'; do
                printf '%s3%s' "$token" "$text" >"$2/$token$text"
            done
        done ;;
    esac
}
number() { sed -n "s/^stat::$2: *//p" "$1" | tail -1; }

bad=0
for target in $targets; do
    build "$target" >"$work/build.log" 2>&1 ||
        { tail -20 "$work/build.log"; echo "FAIL  $target: is not built"; bad=1; continue; }
    corpus=$work/corpus/$target log=$work/$target.log
    rm -rf "$corpus" && mkdir -p "$corpus/seeds" "$corpus/new" && seeds "$target" "$corpus/seeds" || exit 1
    words=audit/fuzz/lines.dict most=1024
    case $target in parser | image) words=audit/fuzz/parser.dict most=4096 ;; esac
    "$work/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=$most -dict="$words" \
        -print_final_stats=1 -artifact_prefix="$work/found/$target-" "$corpus/new" "$corpus/seeds" >"$log" 2>&1
    code=$?
    kept=$(sed -n 's/.*Test unit written to //p' "$log" | tail -1)
    told=$(sed -n 's/.* cov: \([0-9]*\) ft: \([0-9]*\) .*/\1 edges, \2 features/p' "$log" | tail -1)
    runs=$(number "$log" number_of_executed_units) told=${told:-still at the seeds}
    if [ "$code" = 0 ]; then
        echo "ok    $target: ${runs:-?} executions in $seconds s, $told, peak $(number "$log" peak_rss_mb) MB, 0 crashes"
        continue
    fi
    bad=1
    echo "FAIL  $target: ${runs:-?} executions, $told, 1 crash; the input is ${kept:-not kept} (run: $work/$target ${kept:-})"
    grep -aE "panicked at|^SUMMARY|assertion|left:|right:|ERROR: libFuzzer" -A 1 "$log" | head -12 | sed -n l
    [ -z "$kept" ] || { echo "its bytes:"; sed -n l "$kept" | head -40; }
done
exit $bad
