#!/bin/sh
# `make demo`: bailiff at work in a network namespace of its own, against a bundled attack. Ends by itself.
#
# Claim: from a line of a log to the kernel's firewall and back, through every process, with nothing but this directory.
# Needs unshare(1) (util-linux) and an unprivileged user namespace, or root. Touches nothing of the host: the namespace has
# no interface but loopback, and everything is written to a temporary directory that is removed.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
bin=${BIN:?BIN is the directory of the built programs}
if [ "${1:-}" != inside ]; then
    host=$(readlink /proc/self/ns/net)
    unshare -rn true 2>/dev/null || {
        echo "demo: this system lets you make no user namespace (unshare -rn): run it as root, or on another machine"
        exit 1
    }
    HOST_NET=$host exec unshare -rn "$here/demo.sh" inside
fi
[ "$(readlink /proc/self/ns/net)" != "${HOST_NET:?}" ] || { echo "demo: not in a namespace of its own"; exit 1; }

dir=$(mktemp -d)
daemon=
finish() {
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
    [ -z "$daemon" ] || wait "$daemon" || true
    rm -rf "$dir"
}
trap finish EXIT INT TERM
: >"$dir/auth.log"
cat >"$dir/bailiff.toml" <<TOML
[daemon]
state = "$dir/state"
run = "$dir/run"
missing = "warn"
steps = true

[jail.sshd]
enabled = true
logs = ["$dir/auth.log"]
maxretry = 3
bantime = "1h"
TOML

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
# Waits until the daemon's log holds this text; five seconds at most.
until_log() {
    n=0
    until grep -q -- "$1" "$dir/log"; do
        n=$((n + 1))
        [ $n -lt 250 ] || { cat "$dir/log"; echo "demo: no line '$1'"; exit 1; }
        sleep 0.02
    done
}

say "1. bailiffd starts: three roles, each in its cage (this is a user namespace: what it cannot have is said)"
"$bin/bailiffd" --config "$dir/bailiff.toml" 2>"$dir/log" &
daemon=$!
until_log 'ready after'
cat "$dir/log"

say "2. An attack, line by line: the line, the attempt it is, the verdict, the kernel's answer"
shown=$(wc -l <"$dir/log")
while IFS= read -r line; do
    printf '%s\n' "$line" >>"$dir/auth.log"
    printf '\033[2mlog    %s\033[0m\n' "$line"
    sleep 0.05
    tail -n "+$((shown + 1))" "$dir/log" | sed -e 's/^<[0-9]>/       /' -e 's/: Nov 21.*//'
    shown=$(wc -l <"$dir/log")
done <"$here/auth.log"
until_log 'banned 2001:db8:bad:1::/64'

say "3. What bailiff holds"
"$bin/bailiff" --config "$dir/bailiff.toml" list
say "4. What the kernel itself holds (asked by netlink, element by element)"
"$bin/bailiff" --config "$dir/bailiff.toml" explain 198.51.100.7
if command -v nft >/dev/null; then
    nft list set inet bailiff sshd_v4_32
    nft list set inet bailiff sshd_v6_64
fi
say "5. Three failures from loopback banned nobody: the guard, in a process that never sees a log, refused"
grep -h 'refused 127' "$dir/log" | sed 's/^<[0-9]>//' || true
say "6. The operator lifts a ban"
"$bin/bailiff" --config "$dir/bailiff.toml" unban 198.51.100.7
"$bin/bailiff" --config "$dir/bailiff.toml" list
say "The end: bailiffd stops; in a real system its bans would stay in the kernel."
