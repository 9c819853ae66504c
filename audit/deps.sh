#!/bin/sh
# Claim: bailiff is one package and depends on nothing; its build runs nothing.
#
# How: Cargo.toml has no table of dependencies, patches or replacements; Cargo.lock, committed, holds one package without
# a source; cargo itself resolves the tree, offline and locked, to that one package; no `extern crate` but of the
# compiler's own; no Cargo configuration in the tree; the build script starts no program and asks no clock or network.
set -u
cd "$(dirname "$0")/.." || exit 1
bad=0
fact() { # NAME OUTPUT: ok when there is no output
    if [ -z "$2" ]; then echo "ok    $1"; else echo "FAIL  $1: $2" | head -5; bad=1; fi
}

fact "Cargo.toml: no table of dependencies" \
    "$(grep -nE '^ *\[+ *.*(dependencies|patch|replace)|^ *"?(dev-|build-)?dependencies"? *[.=]' Cargo.toml)"
fact "Cargo.toml: no native library" "$(grep -nE '^ *links *=' Cargo.toml)"
packages=$(grep -c '^\[\[package\]\]' Cargo.lock 2>&1)
[ "$packages" = 1 ] && packages=
fact "Cargo.lock: exactly one package" "$packages"
fact "Cargo.lock: no source" "$(grep -nE '^(source|checksum|dependencies) *=' Cargo.lock)"
if git rev-parse --git-dir >/dev/null 2>&1; then
    fact "Cargo.lock: committed" "$(git ls-files --error-unmatch Cargo.lock 2>&1 >/dev/null)"
fi
tree=$(cargo tree --offline --locked --edges all --all-features --target all --prefix none 2>&1)
case $tree in "bailiff v"*) tree=$(echo "$tree" | sed 1d) ;; esac
fact "cargo tree: one package" "$tree"
fact "no Cargo configuration in the tree" "$(find . -maxdepth 2 -path ./target -prune -o -name .cargo -print)"

sources=$(find build.rs src shims filters audit -name '*.rs')
# shellcheck disable=SC2086
fact "no extern crate beyond the compiler's own" \
    "$(grep -nE '^ *(pub )?extern crate ' $sources | grep -vE 'extern crate (std|core|alloc|test|bailiff)( as [a-z_]+)?;')"
fact "the build runs no program, asks no clock, no network" \
    "$(grep -rnE 'process::|Command::new|std::net|SystemTime|Instant::|UNIX_EPOCH' build.rs filters --include='*.rs' |
        grep -vE ':[0-9]+: *//|process::exit|ExitCode')"
exit $bad
