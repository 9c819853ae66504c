#!/usr/bin/env python3
"""A captured role can open nothing, connect nowhere, start nothing, reach no other process.

The captive (audit/attack/captive.rs) is started by the real launcher in each role's place and told, call by call, what to try.
Each payload is first made outside a cage and must work there, or the test is void. Expected, by name: EPERM for the calls that
only the start needs, death by SIGSYS for every other one, EBADF for every descriptor that was not given. Then the payloads of the
cage's own tests (audit/attack/payload.rs, tried outside by 13-cage.py) in the same places, with the same answers.
"""
import ctypes, errno, os, signal, socket, struct, subprocess, sys, tempfile
from house import *
from payloads import ROWS

own_namespace(mount=True)
libc = ctypes.CDLL(None, use_errno=True)
CAPTIVE, PAYLOAD = BIN / "bailiff-captive", BIN / "bailiff-payload"
if "BAILIFF_NO_BUILD" not in os.environ:
    captives()
if os.uname().machine != "x86_64":
    skip("call numbers below are x86_64's")

NR = dict(read=0, write=1, open=2, close=3, mmap=9, mprotect=10, ioctl=16, socket=41, connect=42, sendto=44, bind=49, clone=56, fork=57,
          execve=59, kill=62, fcntl=72, truncate=76, chdir=80, rename=82, mkdir=83, link=86, unlink=87, chmod=90, chown=92,
          ptrace=101, setuid=105, capset=126, personality=135, prctl=157, chroot=161, mount=165, reboot=169, init_module=175,
          add_key=248, openat=257, unshare=272, setns=308, process_vm_readv=310, kcmp=312, finit_module=313, seccomp=317,
          memfd_create=319, bpf=321, userfaultfd=323, execveat=322, io_uring_setup=425, pidfd_open=434, clone3=435, openat2=437,
          pidfd_getfd=438, prlimit64=302, perf_event_open=298, landlock_create_ruleset=444, name_to_handle_at=303,
          open_by_handle_at=304, inotify_add_watch=254, accept4=288, setsockopt=54, socketpair=53, capget=125, getresuid=118)
P = 1 << 63  # an argument that points into the order's bytes
GIVEN = {"watcher": 5, "tracker": 8, "enforcer": 6}
PROGRAM = {"watcher": b"bailiff-watcher", "tracker": b"bailiff-tracker", "enforcer": b"bailiff-enforcer-nft"}
ENTER_ONLY = {"mprotect", "prctl", "capget", "capset", "getresuid", "prlimit64", "seccomp", "mmap"}


def batch(kind, *records):
    return bytes([ord(kind), len(records)]) + bytes(6) + b"".join(records)


class Captive:
    """One captive in one role's place."""

    def __init__(self, role, program=CAPTIVE):
        self.role = role
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        own = as_root()
        launch = struct.pack("<IIBBHIQ", 61190 if own else 0, 61190 if own else 0, own, 1, 0, 0, 48 << 20)
        ours.send(batch("L", launch))
        ours.send(b"T" + bytes(4095))
        n = GIVEN[role]
        null = os.open("/dev/null", os.O_RDWR)
        program = os.open(program, os.O_RDONLY)
        sys.stdout.flush()
        self.pid = libc.syscall(NR["clone"], 0x20000000 | signal.SIGCHLD, 0, 0, 0, 0)  # as the warden does: a pid namespace
        if self.pid == 0:
            secret = os.open("/etc/passwd", os.O_RDONLY)
            for i, fd in enumerate([theirs.fileno(), null, 2] + [null] * (n - 3) + [program]):
                os.dup2(fd, 300 + i)
            for i in range(n + 1):
                os.dup2(300 + i, i)
            for far in (n + 1, 77, 200):  # what somebody forgot to close
                os.dup2(secret, far)
            os.execv(BIN / "bailiff-launcher", ["bailiff-launcher", role, str(n)])
        for fd in (null, program):
            os.close(fd)
        theirs.close()
        self.channel = ours
        ours.settimeout(10)

    def order(self, name, *args, data=b""):
        """What the kernel said: a number, or the name of the signal that ended the captive."""
        words = [NR[name]] + list(args) + [0] * (6 - len(args))
        return self.answer(struct.pack("<7Q", *words) + data)

    def answer(self, order):
        try:
            self.channel.send(order)
            answer = self.channel.recv(64)
        except (ConnectionResetError, BrokenPipeError):
            answer = b""
        if len(answer) == 8:
            return struct.unpack("<q", answer)[0]
        _, status = os.waitpid(self.pid, 0)
        self.pid = None
        return signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"exit {os.WEXITSTATUS(status)}"

    def end(self):
        self.channel.close()
        if self.pid:
            os.waitpid(self.pid, 0)


def outside(name, *args, data=b""):
    """The same call in this process, in a child, so that nothing here changes; 0 or the errno."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        buf = ctypes.create_string_buffer(data + b"\0", len(data) + 1)
        real = [ctypes.c_void_p(ctypes.addressof(buf) + (a & 0xFFFF)) if a >> 63 else ctypes.c_ulong(a) for a in args]
        ret = libc.syscall(NR[name], *real)
        os.write(w, struct.pack("<i", 0 if ret >= 0 else ctypes.get_errno()))
        os._exit(0)
    os.close(w)
    got = os.read(r, 4)
    os.close(r)
    os.waitpid(pid, 0)
    return struct.unpack("<i", got)[0] if len(got) == 4 else "gone"


inet = struct.pack("<HHI8x", 2, 0x1600, 0x0100007F)
# name, arguments, bytes: every one works outside.
PAYLOADS = [
    ("open", (P, 0, 0), b"/etc/passwd"),
    ("openat", ((1 << 64) - 100 & (1 << 62) - 1, P, 0), b"/etc/passwd"),
    ("socket", (2, 1, 0), b""), ("socket", (1, 1, 0), b""), ("socket", (16, 3, 12), b""), ("socket", (40, 1, 0), b""),
    ("socketpair", (1, 1, 0, P), bytes(8)),
    ("fcntl", (0, 0, 100), b""),
    ("chdir", (P,), b"/"),
    ("memfd_create", (P, 0), b"x"),
    ("unshare", (0x10000000,), b""),
    ("kill", (0, 0), b""), ("personality", (0xFFFFFFFF,), b""),
    ("inotify_add_watch", (0, P, 2), b"/"),
    ("ptrace", (0, 0, 0, 0), b""),
    ("pidfd_open", (1, 0), b""),
    ("landlock_create_ruleset", (0, 0, 1), b""),
    ("chroot", (P,), b"/"),
]
# These are not tried outside: there they would change or end this process, or need a set-up of their own.
HARMFUL = ["mkdir", "fork", "clone3", "execve", "execveat", "mount", "setns", "process_vm_readv", "pidfd_getfd", "bpf", "io_uring_setup",
           "perf_event_open", "userfaultfd", "add_key", "init_module", "finit_module", "reboot", "openat2", "open_by_handle_at",
           "connect", "bind", "setuid", "rename", "link", "unlink", "chmod", "chown", "truncate", "kcmp", "ioctl"]

for name, args, data in PAYLOADS:
    args = tuple((1 << 64) - 100 if name == "openat" and i == 0 else a for i, a in enumerate(args))
    got = outside(name, *args, data=data)
    acceptable = {0, errno.EAFNOSUPPORT if args and args[0] == 40 else 0, errno.EPERM if name in ("unshare", "chroot") else 0,
                  errno.EINVAL if name in ("inotify_add_watch", "landlock_create_ruleset") else 0, errno.EBADF if name == "inotify_add_watch" else 0}
    check(got in acceptable, f"outside a cage {name} works or is asked properly ({got})")

for role in ("watcher", "tracker", "enforcer"):
    c = Captive(role)
    got = {fd: c.order("close", fd) for fd in range(1, 420) if c.pid}
    given = [0] + [fd for fd, answer in got.items() if answer != -errno.EBADF]
    check(given == list(range(GIVEN[role])), f"{role}: descriptors open: {given} ({set(got.values())})")
    for name in sorted(ENTER_ONLY):
        got = c.order(name, 1, 0, 0)
        check(got == -errno.EPERM, f"{role}: {name} answers EPERM once the cage is closed")
    c.end()
    for name, args, data in PAYLOADS + [(n, (0,) * 6, b"") for n in HARMFUL]:
        c = Captive(role)
        got = c.order(name, *args, data=data)
        c.end()
        check(got == "SIGSYS", f"{role}: {name}{args[:1] if name == 'socket' else ''}: {got}")

c = Captive("watcher")
got = c.order("sendto", 1, P, 1, 0, P | 8, 16, data=b"x" + bytes(7) + inet)
check(got in (-errno.ENOTSOCK, -errno.EISCONN), f"watcher: sendto with an address goes nowhere ({errno.errorcode[-got]})")
c.end()
# A step before the attempt itself that is refused (10,000 less) says as much.
REFUSED = {"SIGSYS", -errno.EPERM, -errno.EPERM - 10000}
attempts = sorted({(row[1], row[2].format(secret="/etc/passwd", allowed="/", home="/tmp", victim=1, other=1, dir="/tmp", program="/proc/self/exe"))
                   for row in ROWS if row[1] != "env.has"})
for role in ("watcher", "tracker", "enforcer"):
    for attempt, args in attempts:
        c = Captive(role, PAYLOAD)
        got = c.answer("\0".join([attempt, *args.split()]).encode() + b"\0")
        c.end()
        if got not in REFUSED:
            fail(f"{role}: {attempt} {args}: {got}")
    check(True, f"{role}: {len(attempts)} payloads, each refused with EPERM or SIGSYS")
ok("no role can open, connect, start or reach anything that it was not given")
