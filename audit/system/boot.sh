#!/bin/bash
# Boots this machine's own root, as a throw-away overlay, under a real systemd as PID 1 of new namespaces. For 10-systemd.py.
#
# boot.sh start DIR    DIR/files is laid over the root; the state is under DIR, in a tmpfs that goes with the namespace
# boot.sh exec DIR COMMAND...
# boot.sh stop DIR
#
# Root only. Nothing of the host is written; there is no network but loopback.
set -u
action=$1 dir=$2
cgroups=/sys/fs/cgroup/unified
[ -d $cgroups ] || cgroups=/sys/fs/cgroup
inside() {
    set -e
    mkdir -p "$dir/overlay"
    mount -t tmpfs -o mode=755 tmpfs "$dir/overlay"
    mkdir "$dir"/overlay/{upper,work,root}
    root=$dir/overlay/root
    mount -t overlay -o "lowerdir=/,upperdir=$dir/overlay/upper,workdir=$dir/overlay/work" overlay "$root"
    mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    for place in run tmp dev; do mount -t tmpfs -o mode=755 tmpfs "$root/$place"; done
    chmod 1777 "$root/tmp"
    for device in null zero full random urandom tty; do
        touch "$root/dev/$device"
        mount --bind "/dev/$device" "$root/dev/$device"
    done
    mkdir "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
    mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    # Only what the test starts runs.
    rm -rf "$root"/etc/systemd/system/*.wants "$root/etc/machine-id"
    systemd-id128 new >"$root/etc/machine-id"
    ln -sf /lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"
    cp -a "$dir/files/." "$root/"
    ip link set lo up
    cd "$root"
    mkdir -p mnt
    pivot_root . mnt
    umount -l /mnt
    mount --make-rshared /
    exec env -i container=boot PATH=/usr/sbin:/usr/bin:/sbin:/bin /sbin/init --log-target=journal systemd.unified_cgroup_hierarchy=1
}
case $action in
inside) inside ;;
start)
    mkdir -p "$dir" "$cgroups/bailiff-boot.$$" || exit 1
    echo "$cgroups/bailiff-boot.$$" >"$dir/cgroup"
    bash -c "echo \$\$ >$cgroups/bailiff-boot.$$/cgroup.procs; exec setsid unshare --mount --pid --fork --kill-child --net --ipc --uts --cgroup \"$0\" inside \"$dir\"" \
        >"$dir/log" 2>&1 </dev/null &
    outer=$!
    for _ in $(seq 400); do
        first=$(tr -d ' ' </proc/$outer/task/$outer/children 2>/dev/null)
        [ -n "$first" ] && [ "$(cat "/proc/$first/comm" 2>/dev/null)" = systemd ] &&
            nsenter -a -t "$first" test -S /run/systemd/private 2>/dev/null && break
        sleep 0.05
    done
    [ -n "${first:-}" ] || { cat "$dir/log"; exit 1; }
    echo "$first" >"$dir/pid"
    nsenter -a -t "$first" systemctl is-system-running --wait
    exit 0 ;;
exec)
    shift 2
    exec nsenter -a -t "$(cat "$dir/pid")" "$@" ;;
stop)
    first=$(cat "$dir/pid") || exit 0
    nsenter -a -t "$first" systemctl --force poweroff >/dev/null 2>&1
    for _ in $(seq 100); do kill -0 "$first" 2>/dev/null || break; sleep 0.05; done
    kill -9 "$first" 2>/dev/null
    sleep 0.2
    find "$(cat "$dir/cgroup")" -depth -type d -exec rmdir {} \; ;;
esac
