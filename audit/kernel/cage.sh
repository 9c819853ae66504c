# bailiff-cage on this kernel: what it lacks is named, a cage without it refused by name, or run and recorded; payloads.
bailiff-cage doctor | sed 's/^/      /'
case $(uname -r) in
5.10.*)
    # mount_setattr came with 5.12: there is no cage, and that is said.
    holds "doctor: what this kernel lacks" 1 "missing  mounts by descriptor" "missing  Landlock" -- bailiff-cage doctor
    for as in "" nobody; do
        holds "${as:-root}: no cage on this kernel, with a layer missing or not: it is said" 121 "not started: mount_setattr (Linux 5.12)" -- \
            $as bailiff-cage --warn-missing --exec /bin -- /bin/busybox true
    done
    return ;;
6.1.*)
    lacks="missing: Landlock for TCP (Linux 6.7)"
    holds "doctor: what this kernel lacks" 1 "missing  Landlock                   version 2" "missing  no write and execute" \
        "missing  a whole cage               $lacks" -- bailiff-cage doctor ;;
6.12.*) lacks= ;;
esac
for as in "" nobody; do
    who=${as:-root} run="$as bailiff-cage --env PATH=/bin --exec /bin"
    mkdir -p /tmp/$who && chown $who /tmp/$who && record=/tmp/$who/record
    if [ -n "$lacks" ]; then
        holds "$who: a cage that lacks a layer does not start, and says which" 121 "not started: $lacks" -- $run -- /bin/true
        run="$run --warn-missing"
        holds "$who: with warn_missing it runs, and says it" 7 "$lacks" -- $run --record $record -- /bin/sh -c "exit 7"
        holds "$who: and records it" 0 "\"$lacks" '"what":"missing layer"' -- cat $record
    else
        holds "$who: a cage runs" 7 -- $run --record $record -- /bin/sh -c "exit 7"
    fi
    while read -r attempt given answer; do
        holds "$who: $attempt: $answer" 0 "$attempt: $answer" -- \
            $run --quiet --record $record --exec /opt -- /opt/bailiff-payload $attempt $given
    done <<'ROWS'
mount.tmpfs /tmp EPERM
ns.user . EPERM
ns.clone_user . EPERM
pivot.root /tmp EPERM
ptrace.traceme . EPERM
socket.inet . EPERM
kernel.bpf . EPERM
uring.setup . EPERM
keys.keyctl . EPERM
handle.name . EPERM
open.read /etc/passwd ENOENT
ROWS
    holds "$who: the wall-clock limit" 123 -- $run --wall 1s --record $record -- /bin/sleep 60
    holds "$who: the chain of records" 0 -- bailiff audit verify $record
done
