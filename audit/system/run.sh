#!/bin/bash
# Runs every test of the whole program, in the order of their numbers: audit/system/NN-NAME.{sh,py}, one claim each.
#
# Each test prints lines `ok NAME`, `skip NAME: reason`, `FAIL NAME: reason`. One that ends with another code than 0, that
# runs out of time or that says nothing at all has failed. The last line is `N passed, N failed, N skipped`; the exit code
# is 0 when none failed.
#
# Tests find the programs in $BAILIFF_BIN, and a folder of their own, removed afterwards, in $BAILIFF_TMP. What they need
# from the distribution is installed here when this runs as root and CI or BAILIFF_INSTALL is set.
#
# Usage: run.sh [NAME...], where NAME is a part of a file's name. BAILIFF_TIMEOUT_S: seconds for one test (default 600; a
# test asks for another with a line `# timeout: SECONDS` of its own).
set -u
cd "$(dirname "$0")/../.." || exit 1
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
export BAILIFF_BIN=${BAILIFF_BIN:-$target/release}
[ -x "$BAILIFF_BIN/bailiffd" ] || { echo "FAIL run: no bailiffd in $BAILIFF_BIN (make builds it)"; exit 1; }

# Commands that tests use, and the Debian packages that hold them.
needs="nft:nftables strace:strace sshd:openssh-server ip:iproute2 python3:python3 unshare:util-linux"
missing() {
    local pair
    for pair in $needs; do
        PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" >/dev/null || echo "${pair##*:}"
    done
}
wanted=$(missing | tr '\n' ' ')
if [ -n "$wanted" ]; then
    if [ "$(id -u)" = 0 ] && [ -n "${CI:-}${BAILIFF_INSTALL:-}" ] && command -v apt-get >/dev/null; then
        echo "installing $wanted"
        # A service that the package manager starts would be a stranger to these tests.
        export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
        # shellcheck disable=SC2086
        { apt-get update -qq && apt-get install -y -qq --no-install-recommends $wanted; } >"$target/apt.log" 2>&1 ||
            echo "not installed: $(tail -1 "$target/apt.log")"
    fi
    wanted=$(missing | tr '\n' ' ')
    [ -z "$wanted" ] || echo "missing here: $wanted(BAILIFF_INSTALL=1 as root installs them)"
fi

passed=0 failed=0 skipped=0
failures=
chosen() { # whether one of the names given is a part of this file's name
    local file=$1 name
    shift
    [ $# = 0 ] && return 0
    for name in "$@"; do [[ $(basename "$file") == *"$name"* ]] && return 0; done
    return 1
}
shopt -s nullglob
for test in audit/system/[0-9][0-9]-*; do
    [ -x "$test" ] && chosen "$test" "$@" || continue
    name=$(basename "${test%.*}")
    seconds=$(sed -n 's/^# timeout: \([0-9]*\)$/\1/p' "$test" | head -1)
    BAILIFF_TMP=$(mktemp -d)
    export BAILIFF_TMP
    started=$SECONDS
    echo "== $name"
    if [[ $test == *.py ]] && ! command -v python3 >/dev/null; then
        echo "skip $name: no python3"
        failures+="skip $name: no python3"$'\n' skipped=$((skipped + 1))
        rmdir "$BAILIFF_TMP"
        continue
    fi
    timeout --kill-after=10 "${seconds:-${BAILIFF_TIMEOUT_S:-600}}" "$test" </dev/null >"$BAILIFF_TMP.log" 2>&1
    code=$?
    # Not through a pipe: whatever a test leaves running could hold its end for ever.
    cat "$BAILIFF_TMP.log"
    ok=$(grep -c '^ok ' "$BAILIFF_TMP.log")
    bad=$(grep -c '^FAIL ' "$BAILIFF_TMP.log")
    skip=$(grep -c '^skip ' "$BAILIFF_TMP.log")
    if [ $code = 124 ] || [ $code = 137 ]; then
        echo "FAIL $name: not finished after $((SECONDS - started)) s"
        bad=$((bad + 1)) failures+="FAIL $name: out of time"$'\n'
    elif [ $code != 0 ] && [ "$bad" = 0 ]; then
        echo "FAIL $name: ended with code $code"
        bad=1 failures+="FAIL $name: ended with code $code"$'\n'
    elif [ $((ok + bad + skip)) = 0 ]; then
        echo "FAIL $name: said nothing"
        bad=1 failures+="FAIL $name: said nothing"$'\n'
    fi
    failures+=$(grep -E '^(FAIL|skip) ' "$BAILIFF_TMP.log")$'\n'
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
    rm -rf "$BAILIFF_TMP" "$BAILIFF_TMP.log"
done

echo "== what failed or was skipped"
printf '%s' "$failures" | grep . || echo "nothing"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
