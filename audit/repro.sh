#!/bin/sh
# Claim: the same source and compiler give the same bytes, whoever builds, wherever, whenever.
#
# How: the tree is copied to two directories of different depth and built there by the shipped command, the second time as
# another user (a user namespace, where that is allowed), with another home, umask, locale, time zone, number of jobs, and
# seconds later; then the sums are compared. On success they are printed: SHA256SUMS of this source with this compiler.
#
# Usage: repro.sh [PROGRAM...]
set -u
cd "$(dirname "$0")/.." || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
[ $# -gt 0 ] || set -- bailiffd bailiff-launcher bailiff-watcher bailiff-tracker bailiff-enforcer-nft bailiff-compiler bailiff bailiff-cage
programs=
for program in "$@"; do programs="$programs --bin $program"; done
command="cargo build --release --locked --offline"

one=$work/a
two=$work/much/deeper/than/the/first/bailiff-0.0.0
for place in "$one" "$two"; do
    mkdir -p "$place"
    tar -cf - --exclude=./target --exclude=./.git . | tar -C "$place" -xf - || exit 1
done
# The compiler, reached without rustup, which looks for its own settings in the home folder.
tools=$(rustc --print sysroot)/bin
stranger=
if unshare --user --map-user=4711 --map-group=4711 true 2>/dev/null; then
    stranger="unshare --user --map-user=4711 --map-group=4711"
fi

# shellcheck disable=SC2086
(umask 022 && cd "$one" && env -u CARGO_TARGET_DIR PATH="$tools:$PATH" TZ=UTC LC_ALL=C \
    $command $programs --quiet) >"$work/log" 2>&1 ||
    { grep -A 3 '^error' "$work/log" | head -20; echo "FAIL  the first build does not compile: nothing was compared"; exit 1; }
mkdir -p "$work/home"
sleep 1
# shellcheck disable=SC2086
(umask 077 && cd "$two" && env -u CARGO_TARGET_DIR PATH="$tools:$PATH" HOME="$work/home" CARGO_HOME="$work/home/cargo" \
    USER=stranger LOGNAME=stranger TZ=Asia/Kolkata LC_ALL=tr_TR.UTF-8 LANG=tr_TR.UTF-8 CARGO_BUILD_JOBS=1 \
    $stranger $command $programs --quiet) >"$work/log" 2>&1 ||
    { grep -A 3 '^error' "$work/log" | head -20; echo "FAIL  the second build does not compile: nothing was compared"; exit 1; }

bad=0
for program in "$@"; do
    cmp "$one/target/release/$program" "$two/target/release/$program" >"$work/log" 2>&1 && continue
    echo "FAIL  $program: the two builds differ: $(cat "$work/log")"
    bad=1
done
if grep -la "$work" "$one"/target/release/bailiff* 2>/dev/null | grep -v '\.d$' | grep -q .; then
    echo "FAIL  a program holds the path that it was built at"
    bad=1
fi
[ $bad = 0 ] || exit 1
echo "ok    two builds, the same bytes (second directory${stranger:+, another user}, umask, locale, time zone, time, jobs)"
echo "      $command, $(rustc --version), $(rustc -vV | sed -n 's/^host: //p')"
(cd "$one/target/release" && sha256sum "$@")
