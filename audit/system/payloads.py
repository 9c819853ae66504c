"""The payloads of the research page as tables: what each must do outside a cage, and what it meets inside one.

The attempts are those of audit/attack/payload.rs. Inside is what bailiff-cage answers with the calls `default` and no network.
"""
import signal
from caged import HOME

SIGSYS = 128 + signal.SIGSYS
# Page, attempt, arguments, inside, call that the record names (or None: refused without a denial), outside, flags.
# {other}: outside a process that sleeps, inside pid 1. {dir}: a directory that may be written.
E, C = "EPERM", "succeeded"
ROWS = [
    (1, "ptrace.traceme", "", E, "ptrace"), (1, "ptrace.attach", "{other}", E, "ptrace"), (1, "ptrace.seize", "{other}", E, "ptrace"),
    (2, "mount.bind", "{dir}", E, "mount"), (2, "mount.tmpfs", "{dir}", E, "mount"), (2, "mount.remount", "", E, "mount"),
    (2, "mount.move", "{dir}", E, "mount"), (2, "mount.umount", "", E, "umount2"), (2, "mount.fsopen", "", E, "fsopen"),
    (2, "mount.fsmount", "", E, "fsmount"), (2, "mount.open_tree", "", E, "open_tree"),
    (2, "mount.move_mount", "{dir}", E, "move_mount"), (2, "mount.setattr", "", E, "mount_setattr"),
    (3, "chroot.plain", "", E, "chroot"), (3, "chroot.escape", "{dir}/jail", E, "chroot"),
    (3, "dir.up", "{secret}", "ENOENT", None),
    (4, "pivot.root", "{dir}", E, "pivot_root"), (4, "ns.set", "/proc/1/ns/net", E, "setns"), (4, "ns.set", "/proc/1/ns/mnt", E, "setns"),
    (4, "ns.set", "/proc/1/ns/pid", E, "setns"),
    (5, "ns.user", "", E, "unshare"), (5, "ns.net", "", E, "unshare"), (5, "ns.user_then_net", "", E, "unshare"),
    (5, "ns.clone_user", "", E, "clone"), (5, "ns.clone_high", "", E, "clone"), (5, "ns.clone3_user", "", "ENOSYS", "clone3"),
    (6, "handle.name", "", E, "name_to_handle_at"), (6, "handle.open", "{program}", E, "open_by_handle_at", {C, "ESTALE"}),
    (7, "open.read", "/proc/1/root{secret}", {"ENOENT", "EACCES"}, None), (7, "open.read", "/proc/{victim}/cwd/secret", {"ENOENT", "EACCES"}, None),
    (7, "open.both", "/proc/{other}/mem", {"ENOENT", "EACCES"}, None), (7, "open.write", "/proc/sys/kernel/core_pattern", {"ENOENT", "EACCES", "EROFS"}, None),
    (7, "open.write", "/proc/sysrq-trigger", {"ENOENT", "EACCES", "EROFS"}, None), (7, "open.read", "/proc/kcore", {"ENOENT", "EACCES", E}, None),
    (7, "proc.kallsyms", "", {"ENOENT", "EACCES", E}, None), (7, "open.read", "/proc/{victim}/status", "ENOENT", None),
    (10, "unix.connect", "@bailiff-cage-test", {"ECONNREFUSED", E}, None), (10, "unix.connect", "{home}/socket", "ENOENT", None),
    (9, "unix.pass", "@bailiff-cage-test", {"ECONNREFUSED", E}, None), (9, "unix.pass", "{home}/socket", "ENOENT", None),
    (10, "unix.connect", "@bailiff-cage-test", E, None, C, ["--net", "host", "--reason", "the scope of abstract sockets"]),
    (11, "socket.inet", "", E, "socket"), (11, "socket.inet6", "", E, "socket"), (11, "socket.packet", "", E, "socket"),
    (11, "socket.netlink", "", E, "socket"), (11, "socket.vsock", "", E, "socket"), (11, "socket.alg", "", E, "socket"),
    (11, "socket.key", "", E, "socket"), (11, "socket.bluetooth", "", E, "socket"), (11, "socket.mptcp", "", E, "socket"),
    (11, "socket.vsock", "", E, "socket", C, ["--net", "loopback"]), (11, "socket.netlink", "", E, "socket", C, ["--net", "loopback"]),
    (11, "abi.socketcall", "", SIGSYS, None),
    (12, "socket.raw_udp", "", E, "socket"), (12, "socket.icmp", "", E, "socket"), (12, "socket.fast_open", "", E, "socket", {C, "ENETUNREACH", "EINPROGRESS"}),
    (12, "socket.raw_udp", "", E, "socket", C, ["--net", "loopback"]), (12, "socket.icmp", "", E, "socket", C, ["--net", "loopback"]),
    (12, "socket.ping", "", E, "socket", {C, "EACCES"}),
    (13, "uring.setup", "", E, "io_uring_setup"), (13, "uring.enter", "", E, "io_uring_enter", "EBADF"),
    (13, "uring.register", "", E, "io_uring_register", {"EBADF", "EINVAL"}),
    (14, "keys.keyctl", "", E, "keyctl"), (14, "keys.add", "", E, "add_key"), (14, "keys.request", "", E, "request_key"), (14, "keys.read", "", E, "keyctl"),
    (15, "kernel.bpf", "", E, "bpf"), (15, "kernel.perf", "", E, "perf_event_open"), (15, "kernel.userfaultfd", "", E, "userfaultfd"),
    (15, "kernel.kexec", "", E, "kexec_load"), (15, "kernel.module", "", E, "init_module", {C, "ENOEXEC"}),
    (15, "kernel.swapon", "", E, "swapon", "ENOENT"), (15, "kernel.acct", "", E, "acct", "ENOENT"), (15, "kernel.quotactl", "", E, "quotactl", "ENOENT"),
    (15, "kernel.settime", "", E, "settimeofday"), (15, "kernel.reboot", "", E, "reboot", "EINVAL"), (15, "kernel.syslog", "", E, "syslog"),
    (15, "kernel.iopl", "", E, "iopl"), (15, "kernel.ioperm", "", E, "ioperm"),
    (16, "abi.int80", "", SIGSYS, None), (16, "abi.x32", "", SIGSYS, None), (16, "abi.vsyscall", "", C, None),
    (17, "args.prlimit_low", "{other}", E, "prlimit64"), (17, "args.socket_high", "", E, "socket"), (17, "args.prctl_high", "", E, "prctl"),
    (17, "args.personality_high", "1", E, "personality"), (17, "args.swapped", "{allowed} {secret}", "ENOENT", None),
    (19, "self.seccomp", "", E, "seccomp"), (19, "self.prctl_seccomp", "", E, "prctl"), (19, "self.dumpable", "", E, "prctl"),
    (19, "self.parent_death", "", E, "prctl"), (19, "self.personality", "", E, "personality"), (19, "self.new_privileges", "", E, None),
    (20, "vm.readv", "{other}", E, "process_vm_readv", "EFAULT"), (20, "vm.writev", "{other}", E, "process_vm_writev", "EFAULT"),
    (20, "pidfd.getfd", "{other}", E, "pidfd_getfd"), (20, "pidfd.open", "{victim}", {E, "ESRCH", "EINVAL"}, None), (20, "kcmp.vm", "{other}", E, "kcmp"),
    (21, "wx.mmap", "", E, "mmap", C, ["--no-write-exec"]), (21, "wx.mprotect", "", {E, "EACCES"}, None, C, ["--no-write-exec"]),
    (22, "memfd.exec", "", E, "memfd_create"), (22, "exec.empty_path", "", E, "execveat"),
    (23, "exec.written", "{dir}", "EACCES", None), (23, "exec.written", f"{HOME}/work", "EACCES", None, None, ["--rw", f"{HOME}/work", "--reason", "test"]),
    (24, "open.write", "{program}", {"EACCES", "EROFS", "ETXTBSY"}, None, "ETXTBSY"), (24, "open.read", "/proc/1/exe", {"ENOENT", "EACCES"}, None),
    (26, "env.has", "SECRET_TOKEN", E, None), (26, "env.has", "LD_PRELOAD", E, None), (26, "env.has", "GCONV_PATH", E, None),
    (27, "suid.fchmod", "", E, "fchmod"), (27, "suid.fchmodat", "", E, "fchmodat"), (27, "suid.fchmodat2", "", "ENOSYS", "fchmodat2"),
    (27, "suid.chmod_high", "", E, "fchmodat"), (27, "suid.open", "", E, "openat"), (27, "suid.openat2", "", {E, "ENOSYS"}, "openat2"),
    (27, "suid.old_open", "", E, "open"), (27, "suid.old_creat", "", E, "creat"), (27, "suid.old_chmod", "", E, "chmod"), (27, "suid.old_mknod", "", E, "mknod"),
    (27, "suid.mknod", "", E, "mknodat"), (27, "dev.mknod", "", E, "mknodat"),
    (28, "id.capset", "", E, None), (28, "id.ambient", "", E, None), (28, "id.caps", "", E, None), (28, "id.bound", "", E, None),
    (28, "id.securebits", "", E, None), (28, "id.setuid", "0", {E, "EINVAL"}, None), (28, "id.groups", "", E, None), (28, "id.setgroups", "", E, None),
    (32, "kill.all", "", {"ESRCH"}, None), (32, "kill.pid", "{victim} 0", "ESRCH", None), (32, "kill.thread", "{victim}", "ESRCH", None),
    (38, "cpu.nice", "", {"EACCES", E}, None), (38, "cpu.realtime", "", E, None),
    (36, "memory.null", "", {E, "EACCES"}, None),
]
# What this machine's kernel lacks: these cannot succeed outside; inside they say no more than that the call is refused before that.
VOID = {"socket.alg": "CONFIG_CRYPTO_USER_API", "socket.key": "CONFIG_NET_KEY", "socket.bluetooth": "CONFIG_BT", "kernel.kexec": "CONFIG_KEXEC",
        "kernel.module": "CONFIG_MODULES", "abi.x32": "CONFIG_X86_X32_ABI", "kernel.iopl": "CONFIG_X86_IOPL_IOPERM",
        "kernel.ioperm": "CONFIG_X86_IOPL_IOPERM", "open.write /proc/sysrq-trigger": "CONFIG_MAGIC_SYSRQ", "open.read /proc/kcore": "CONFIG_PROC_KCORE",
        "tty.linux": "a console: this is a pseudo-terminal"}

# Page, attempt, arguments outside, arguments inside, flags, inside, limit that the record names.
LIMITS = [
    (35, "bomb.fork", "400", "400", "--processes 32", "EAGAIN"), (35, "bomb.thread", "400", "400", "--processes 32", "EAGAIN"),
    (36, "memory.anonymous", "300", "300", "--memory 128M", "ENOMEM"), (36, "memory.shared", "300", "300", "--memory 128M", "ENOMEM"),
    (36, "memory.tables", "20", "20", "--memory 4G", "ENOMEM"), (36, "memory.memfd", "64", "64", "", E),
    (36, "memory.pipes", "400", "400", "--descriptors 256", "EMFILE"), (36, "memory.sockets", "400", "400", "--descriptors 256", "EMFILE"),
    (37, "disk.fill", "{dir} 96", "/tmp 96", "--tmp 64M", "ENOSPC"), (37, "disk.fill", "{dir} 96", "/tmp 96", "--tmp 128M --file-size 32M", "signal"),
    (37, "disk.inodes", "{dir} 70000", "/tmp 1000000", "--tmp 16M", "ENOSPC"), (37, "disk.sparse", "{dir}", "/tmp", "--file-size 32M", "EFBIG"),
    (37, "disk.deep", "{dir} 3000", "/tmp 1000000", "--tmp 4M", {"ENOSPC", "ENOMEM", "EMLINK"}),
    (38, "cpu.spin", "2", "30", "--cpu 1s", "signal"), (38, "sleep", "1", "60000", "--wall 1s", 123),
    (38, "daemon.deaf", "100", "60000", "--wall 1s", 123), (38, "cpu.blocked", None, "", "--wall 1s", 123),
]

# What a step does, and what its caller is told: nothing of it reaches the project.
OUTPUTS = [
    (29, "ln -s {secret} out/x", "link"), (29, "mkdir out/d && ln -s / out/d/x", "link"),
    (30, "ln in.txt out/x", ""), (30, "mkfifo out/x", "fifo"), (30, "mknod out/x c 1 3", "mknod"), (30, "mv in.txt out/x", ""),
    (27, "cp in.txt out/x && chmod u+s out/x", "chmod"), (30, "echo a >out/x && echo b >beside", ""), (29, "rm -r out && ln -s {home}/work out", ""),
]
