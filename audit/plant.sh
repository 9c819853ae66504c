#!/bin/bash
# Claim: each script of `make check` fails on a violation, for the reason it should.
#
# How: the tree is copied; one violation after another is planted in the copy, the script is run there, and must fail with
# the text that names this violation; then the copy is mended. A plant that is not found, or for another reason, is a
# script that proves nothing; so is one whose text is there without the plant, which a first run of each script shows.
#
# Usage: plant.sh [NAME...]; PLANT_TIMEOUT_S: seconds for one script run (default 240).
set -u
cd "$(dirname "$0")/.." || exit 1
home=$PWD
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
unset CARGO_TARGET_DIR
mkdir "$work/tree" "$work/before"
tar -cf - --exclude=./target --exclude=./.git . | tar -C "$work/tree" -xf - || exit 1
cd "$work/tree" || exit 1
only=$*
bad=0

# plant NAME 'EXPECTED TEXT' 'SCRIPT ARGUMENTS' FILE...; the plant itself is the function NAME. FILEs are put back.
plant() {
    local name=$1 expected=$2 script=$3 file
    shift 3
    [ -z "$only" ] || [[ " $only " == *" $name "* ]] || return 0
    # What the script says of the tree as it is.
    if [ ! -e "$work/before/$script" ]; then
        # shellcheck disable=SC2086
        timeout "${PLANT_TIMEOUT_S:-240}" audit/$script >"$work/before/$script" 2>&1
    fi
    if ! "$name" || ! changed "$@"; then
        echo "FAIL  $name: could not be planted"; bad=1
    else
        # shellcheck disable=SC2086
        timeout "${PLANT_TIMEOUT_S:-240}" audit/$script >"$work/out" 2>&1
        code=$?
        if grep -qE "^FAIL.*$expected" "$work/before/$script"; then
            echo "FAIL  $name: $script says so without the plant too"; bad=1
        elif [ $code = 0 ]; then
            echo "FAIL  $name: $script did not notice"; bad=1
        elif ! grep -qE "^FAIL.*$expected" "$work/out"; then
            echo "FAIL  $name: $script failed with code $code, but not for this reason:"; tail -5 "$work/out"; bad=1
        else
            echo "ok    $name: $script says: $(grep -E "^FAIL.*$expected" "$work/out" | head -1 | cut -c7-110)"
        fi
    fi
    for file in "$@"; do
        rm -f "$file"
        [ ! -e "$home/$file" ] || { cp "$home/$file" "$file"; touch "$file"; }
    done
}
changed() { local file; for file in "$@"; do cmp -s "$home/$file" "$file" || return 0; done; return 1; }
# Puts lines at the beginning of a program's main, where `start` is at hand.
into_main() { # FILE LINE
    sed -i "/^fn main(start: .*) -> u8 {\$/a $2" "$1"
}
watcher=src/confined/watcher/main.rs
tracker=src/confined/tracker/main.rs
launcher=src/trusted/launcher/main.rs

# --- deps.sh
dependency() { printf '\n[dependencies]\nserde = "1"\n' >>Cargo.toml; }
build_dependency() { printf '\n[target."cfg(unix)".build-dependencies.cc]\nversion = "1"\n' >>Cargo.toml; }
locked_package() { printf '\n[[package]]\nname = "cc"\nversion = "1.0.0"\n' >>Cargo.lock; }
build_runs() { printf 'fn planted() { std::process::Command::new("sh"); }\n' >>build.rs; }
plant dependency 'no table of dependencies' deps.sh Cargo.toml
plant build_dependency 'no table of dependencies' deps.sh Cargo.toml
plant locked_package 'exactly one package' deps.sh Cargo.lock
plant build_runs 'the build runs no program' deps.sh build.rs

# --- layers.sh
layer_skipped() { sed -i '0,/^use /s//use super::super::super::shims::clock::now as _;\nuse /' src/shared/pure/toml.rs; }
pure_uses_base() { printf 'fn planted() { crate::shared::base::turn::wait(); }\n' >>src/shared/pure/addr.rs; }
other_program() { printf '#[path = "../tracker/main.rs"]\nmod planted;\n' >>$watcher; }
leaf_uses_run() { printf 'use crate::run::planted;\n' >>src/trusted/launcher/landlock.rs; touch src/trusted/launcher/run.rs; }
plant layer_skipped 'toml.rs uses shims/clock.rs: layer skipped: pure may not import shims' layers.sh src/shared/pure/toml.rs
plant pure_uses_base 'addr.rs uses .*: layer skipped: pure may not import base' layers.sh src/shared/pure/addr.rs
plant other_program 'watcher/main.rs uses .*: names a file of another folder' layers.sh $watcher
plant leaf_uses_run 'landlock.rs uses .*: a leaf file imports run or main' layers.sh src/trusted/launcher/landlock.rs src/trusted/launcher/run.rs

# --- unsafe.sh
unsafe_outside() { printf 'fn planted() { unsafe { core::hint::unreachable_unchecked() } }\n' >>src/shared/pure/addr.rs; }
unsafe_unexplained() { printf 'fn planted() {\n    unsafe { core::hint::unreachable_unchecked() }\n}\n' >>shims/clock.rs; }
bar_lifted() { printf '#[allow(unsafe_code, reason = "planted")]\nmod planted;\n' >>$watcher; }
plant unsafe_outside 'no unsafe code outside shims: src/shared/pure/addr.rs' unsafe.sh src/shared/pure/addr.rs
plant unsafe_unexplained 'shims/clock.rs:[0-9]*: an unsafe block without a SAFETY comment' unsafe.sh shims/clock.rs
plant bar_lifted 'the bar is lifted over shims and the run time only: .*watcher/main.rs' unsafe.sh $watcher

# --- tcb.sh
long_file() { yes '// planted' | head -300 >>src/shared/pure/addr.rs; }
long_function() { { echo 'fn planted() {'; yes '    ();' | head -50; echo '}'; } >>src/shared/pure/addr.rs; }
grown_tcb() {
    local i
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28; do
        yes 'const _: () = ();' | head -290 >src/trusted/warden/planted$i.rs
    done
}
plant long_file 'src/shared/pure/addr.rs: [0-9]* lines, budget' 'tcb.sh --quick' src/shared/pure/addr.rs
plant long_function 'fn planted: 52 lines, budget 50' 'tcb.sh --quick' src/shared/pure/addr.rs
# shellcheck disable=SC2046
plant grown_tcb 'whole TCB .*: [0-9]* lines, budget' 'tcb.sh --quick' $(eval echo src/trusted/warden/planted{1..28}.rs)

# --- syscalls.sh
undeclared_call() { into_main $watcher '    let _ = bailiff::shims::fd::Fd::close_from(start.arg(9).map_or(99, |a| a.len() as u32));'; }
unused_call() { sed -i '/^const WATCHER/,/^};/s/ enter: CLOSE_CAGE,/ enter: \&[MPROTECT, PRCTL, CAPGET, CAPSET, GETRESUID, PRLIMIT64, SECCOMP, MMAP, UNSHARE],/' src/shared/cages.rs; }
traced_call() { mkdir -p target/traced && echo ptrace >target/traced/bailiff-launcher; }
plant undeclared_call 'bailiff-watcher: undeclared system call: close_range' 'syscalls.sh bailiff-watcher' $watcher
plant unused_call 'bailiff-watcher: declared and not in the program: .*unshare' 'syscalls.sh bailiff-watcher' src/shared/cages.rs
plant traced_call 'bailiff-launcher: made in a traced run and not declared: ptrace' 'syscalls.sh bailiff-launcher' target/traced/bailiff-launcher

# --- panics.sh
reachable_panic() { into_main $tracker '    if start.arg(1).is_some_and(|a| a[a.len() / 2] == 7) { return 9; }'; }
broken_program() { printf 'fn planted() { nothing_of_this_name(); }\n' >>$tracker; }
plant reachable_panic 'bailiff-tracker: a panic is reachable \(a_panic_is_reachable\)' 'panics.sh bailiff-tracker' $tracker
plant broken_program 'for another reason: nothing was proved' 'panics.sh bailiff-tracker' $tracker

# --- elf.sh
executable_stack() { sed -i 's/-z,noexecstack/-z,execstack/' build.rs; }
writable_code() { sed -i 's/"-Wl,-z,noexecstack",/"-Wl,-z,noexecstack", "-Wl,--omagic",/; s/const LINK: \[&str; [0-9]*\]/const LINK: \&[\&str]/; s/= \[$/= \&[/' build.rs; }
writable_data() {
    into_main $launcher '    { use core::sync::atomic::{AtomicUsize, Ordering}; static N: AtomicUsize = AtomicUsize::new(1); N.store(start.arg(1).map_or(0, <[u8]>::len), Ordering::SeqCst); if N.load(Ordering::SeqCst) == 77 { return 9; } }'
}
interpreter() { sed -i 's/"-Wl,--no-dynamic-linker",/"-Wl,--dynamic-linker=\/lib\/ld.so",/' build.rs; }
plant executable_stack 'bailiff-launcher: has an executable stack' 'elf.sh bailiff-launcher' build.rs
plant writable_code 'bailiff-launcher: a segment is writable and executable' 'elf.sh bailiff-launcher' build.rs
plant writable_data 'bailiff-launcher: a page of the file stays writable' 'elf.sh bailiff-launcher' $launcher
plant interpreter 'bailiff-launcher: has an interpreter' 'elf.sh bailiff-launcher' build.rs

# --- repro.sh
timestamp() {
    sed -i '/^fn main() {$/a \    println!("cargo::rustc-env=PLANTED={:?}", std::time::SystemTime::now());' build.rs
    into_main $launcher '    if start.arg(1) == Some(env!("PLANTED").as_bytes()) { return 9; }'
}
plant timestamp 'bailiff-launcher: the two builds differ' 'repro.sh bailiff-launcher' build.rs $launcher

exit $bad
