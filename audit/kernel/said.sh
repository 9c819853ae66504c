# What the parts share. Sourced by /init, in the virtual machine of audit/kernel.sh.

# Runs a command, and says whether it left with this code and its output holds each of the texts (`!TEXT`: does not).
# Usage: holds WHAT CODE [TEXT...] -- COMMAND...
holds() {
    what=$1 code=$2 wrong=
    shift 2
    : >/tmp/wanted
    while [ "$1" != -- ]; do echo "$1" >>/tmp/wanted; shift; done
    shift
    "$@" >/tmp/out 2>&1
    got=$?
    [ $got = "$code" ] || wrong="left with $got, not $code"
    while read -r text; do
        case $text in
        !*) ! grep -qF -- "${text#!}" /tmp/out || wrong="$wrong; it says ${text#!}" ;;
        *) grep -qF -- "$text" /tmp/out || wrong="$wrong; it does not say $text" ;;
        esac
    done </tmp/wanted
    if [ -z "$wrong" ]; then echo "ok    $what"; else echo "FAIL  $what: $wrong"; sed 's/^/      /' /tmp/out; fi
}

# Waits until a command holds.
until_so() {
    for _ in $(seq 100); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
    return 1
}
