# bailiff-cage with a control group of its own: limits hold for all processes of a cage together.
case $(uname -r) in 5.10.*) echo "skip  group: no cage on this kernel"; return ;; esac
top=/sys/fs/cgroup
# 200 MiB in five processes, none of which is above a limit of 64 MiB by itself.
five='for n in 1 2 3 4 5; do dd if=/dev/zero bs=40M count=1 2>/dev/null | sleep 2 & done; wait; echo all five'
# Forty processes at once.
forty='n=0; while [ $n -lt 40 ]; do sleep 2 & n=$((n+1)); done; wait; echo all forty'
none() { ! ls $top $top/d | grep bailiff-cage; }
there() { ls $top | grep bailiff-cage; }
beside() { sh -c 'echo $$ >/sys/fs/cgroup/d/run/cgroup.procs && exec "$@"' sh "$@"; }
mkdir -p $top/d/run
chown nobody $top/d $top/d/cgroup.procs $top/d/cgroup.subtree_control $top/d/run $top/d/run/cgroup.procs
echo "+memory +pids" >$top/cgroup.subtree_control
for as in "" "beside nobody"; do
    who=${as:-root} run="$as bailiff-cage --warn-missing --env PATH=/bin --exec /bin --record /tmp/${as##* }group"
    [ -z "$as" ] || who="nobody, a group given to him"
    holds "$who: 200 MiB in five processes, without a limit" 0 "all five" -- $run -- /bin/sh -c "$five"
    holds "$who: under --memory 64M they are ended, and it is said" 137 "the memory limit of the cage was reached" "!all five" -- \
        $run --memory 64M -- /bin/sh -c "$five"
    holds "$who: the record has it" 0 '"limit":"memory"' '{"name":"group","state":"memory.max 67108864, memory.swap.max 0, memory.oom.group 1, pids.max 257"}' -- \
        tail -n 1 /tmp/${as##* }group
    holds "$who: no group is left" 0 -- none
    holds "$who: --processes 16" 2 "can't fork" "!all forty" -- $run --processes 16 -- /bin/sh -c "$forty"
done
# RLIMIT_NPROC does not hold root's own id: what holds here is the group.
run="bailiff-cage --warn-missing --env PATH=/bin --exec /bin --user 0 --reason test"
holds "a cage with root's id: forty processes" 0 "all forty" -- $run --processes none -- /bin/sh -c "$forty"
holds "a cage with root's id: --processes 16" 2 "can't fork" "!all forty" -- $run --processes 16 -- /bin/sh -c "$forty"
# What the cage sees of it: its own group is the root of all there is.
holds "inside, its group is the root" 0 "0::/" "!bailiff-cage." -- bailiff-cage --warn-missing --exec /bin --root / --reason test -- /bin/cat /proc/self/cgroup
# A launcher that was told to end takes its group with it; what a killed one leaves, the next one removes.
for signal in TERM KILL; do
    $run -- /bin/sleep 60 >/dev/null 2>&1 &
    until_so there
    kill -$signal $!
    wait $! 2>/dev/null
    [ $signal = TERM ] || holds "a killed launcher leaves its group" 0 "bailiff-cage." -- ls $top
    holds "after a $signal to the launcher, and another run" 0 -- $run -- /bin/true
    holds "no group is left after $signal" 0 -- none
done
# One that is alive is let alone.
$run -- /bin/sh -c "sleep 3; exit 5" >/dev/null 2>&1 &
until_so there
holds "a run beside another" 0 -- $run -- /bin/true
holds "leaves the other its group" 0 "bailiff-cage." -- ls $top
wait $!
holds "which ends as it would alone" 0 -- [ $? = 5 ]
# Where there is nothing for the caller, it is said.
holds "nobody, without a group of his own: it runs, and the record says so" 0 -- \
    nobody bailiff-cage --warn-missing --exec /bin --record /tmp/alone --memory 64M -- /bin/true
holds "without a group" 0 '{"name":"group","state":"none: mkdir: EACCES"}' -- tail -n 1 /tmp/alone
sh -c 'mkdir -p /sys/fs/cgroup/x.scope; echo $$ >/sys/fs/cgroup/x.scope/cgroup.procs; bailiff-cage doctor' >/tmp/doctor
holds "doctor, in a unit of a service manager" 0 "is a unit of the service manager" -- grep "missing  cgroup v2" /tmp/doctor
bailiff-cage doctor >/tmp/doctor
holds "doctor, in the root" 0 "memory.max 67108864" -- grep "ok       cgroup v2" /tmp/doctor
