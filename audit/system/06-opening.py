#!/usr/bin/env python3
"""Logs that are traps: whoever owns a log's directory cannot make the warden, which is root, open what is not his.

Each trap is refused by name in the log, has no effect on what it points to, and the daemon goes on with its other sources; one
that is replaced by an honest file is followed at once.
"""
import stat
from house import *

own_namespace()
if not as_root():
    skip("needs root: in a user namespace of one user every file is that user's")
USER = 61999  # owns nothing else

d = Daemon("")
secret = d.dir / "shadow"
secret.write_text(failure("10.0.0.1") + "\n")
secret.chmod(0o600)
home = d.dir / "home"  # the account's own directory
home.mkdir()
shared = d.dir / "shared"  # as /tmp is
shared.mkdir()
shared.chmod(0o1777)

FILE, FOREIGN, SECOND, ABSENT, DEEP = ("not a regular file", "not owned by the owner of its directory or link",
                                       "has a second name in a directory that others can write", "not there yet",
                                       "too many links on the way")


def owned(path, make):
    make(path)
    os.chown(path, USER, USER, follow_symlinks=False)
    return path


def chain(path):
    for n in range(9):
        path.with_name(f"{path.name}{n}").symlink_to(f"{path.name}{n + 1}")
    path.with_name(f"{path.name}9").touch()
    path.symlink_to(f"{path.name}0")


def foreign_copy(path):
    path.touch()
    os.chown(path, USER + 1, USER + 1)


TRAPS = {
    "a FIFO": (owned(home / "fifo", os.mkfifo), FILE),
    "a device": (home / "device", FILE),
    "a socket": (home / "socket", FILE),
    "a directory": (owned(home / "directory", os.mkdir), FILE),
    "the account's link to a secret of root's": (owned(home / "link", lambda p: p.symlink_to(secret)), FOREIGN),
    "root's link to a link of the account's to a secret": (d.dir / "rootlink", FOREIGN),
    "a link in a directory like /tmp to a secret": (owned(shared / "link", lambda p: p.symlink_to(secret)), FOREIGN),
    "a hard link to a secret in the account's directory": (home / "hard", FOREIGN),
    "a hard link to a secret in a directory like /tmp": (shared / "hard", SECOND),
    "another account's file in the account's directory": (home / "another", FOREIGN),
    "/proc/self/environ": (pathlib.Path("/proc/self/environ"), FILE),
    "the account's link to /proc/self/environ": (owned(home / "environ", lambda p: p.symlink_to("/proc/self/environ")),
                                                 f"(?:{FOREIGN}|{FILE})"),
    "a link to /proc/self/fd/0": (owned(home / "fd", lambda p: p.symlink_to("/proc/self/fd/0")), f"(?:{FILE}|.*ELOOP.*|{FOREIGN}|{ABSENT})"),
    "/sys/kernel/notes": (pathlib.Path("/sys/kernel/notes"), FILE),
    "a link to itself": (owned(home / "loop", lambda p: p.symlink_to("loop")), DEEP),
    "ten links": (home / "chain", DEEP),
}
try:
    os.mknod(home / "device", stat.S_IFCHR | 0o600, os.makedev(1, 5))  # /dev/zero: without end
except OSError:
    os.symlink("/dev/zero", home / "device")
    TRAPS["a device"] = (home / "device", f"(?:{FILE}|{FOREIGN})")
(d.dir / "rootlink").symlink_to(home / "link")
os.link(secret, home / "hard")
os.link(secret, shared / "hard")
foreign_copy(home / "another")
chain(home / "chain")
listener = socket.socket(socket.AF_UNIX)
listener.bind(str(home / "socket"))
os.chown(home, USER, USER)

honest = [owned(home / "honest.log", pathlib.Path.touch), d.dir / "auth.log"]
paths = [path for path, _ in TRAPS.values()] + honest
text = "".join(f'[jail.j{n}]\nenabled = true\nfilter = "sshd"\nmaxretry = 1\nlogs = ["{path}"]\n' for n, path in enumerate(paths))
d.configure(text)
d.start()
for what, (path, why) in TRAPS.items():
    m = d.wait_log(rf"source \"?{re.escape(str(path))}\"?: ({why})", timeout=2)
    check(True, f"{what}: {m.group(1)}")
check(d.process.poll() is None, "the daemon runs")

# Nothing of a trap is open anywhere in the daemon, and nobody waits in one.
pids = [d.process.pid, *d.roles().values()]
targets = {os.readlink(f"/proc/{pid}/fd/{fd}") for pid in pids for fd in os.listdir(f"/proc/{pid}/fd")}
bad = {t for t in targets for path, _ in TRAPS.values() if t in (str(path), str(secret))}
check(not bad, f"none of {len(TRAPS)} traps is open in any process")
try:
    os.close(os.open(home / "fifo", os.O_WRONLY | os.O_NONBLOCK))
    fail("somebody has the FIFO open for reading")
except OSError as e:
    check(e.errno == 6, "nobody reads the FIFO")

d.write(failure("10.0.0.2"), path=honest[0])
d.write(failure("10.0.0.3"), path=honest[1])
d.write(failure("10.0.0.4"), path=secret)
wait_for(lambda: {"10.0.0.2", "10.0.0.3"} <= d.banned(), "the other sources are followed")
check(d.banned() == {"10.0.0.2", "10.0.0.3"}, "the other sources are followed, the secret is not")

# The trap is set after the file was followed, and taken away again.
os.unlink(home / "honest.log")
os.symlink(secret, home / "honest.log")
os.chown(home / "honest.log", USER, USER, follow_symlinks=False)
d.wait_log(rf"honest.log\"?: {FOREIGN}")
os.unlink(home / "honest.log")
with open(home / "honest.log", "w") as f:
    f.write(failure("10.0.0.5") + "\n")
os.chown(home / "honest.log", USER, USER)
os.unlink(home / "fifo")
d.write(failure("10.0.0.6"), path=owned(home / "other", pathlib.Path.touch))
(home / "other").rename(home / "fifo")
wait_for(lambda: {"10.0.0.6"} <= d.banned(), "an honest file in a trap's place is followed")
wait_for(lambda: "10.0.0.5" in d.banned(), "a file that root makes and then gives to the account is followed")
check(d.banned() == {"10.0.0.2", "10.0.0.3", "10.0.0.5", "10.0.0.6"}, "nothing else was counted")
check(True, "a trap in the place of a log is refused, an honest file in its place followed")
check(d.stop() == 0, "the daemon ends in order")
d.clean()
ok(f"{len(TRAPS)} traps are refused by name, and change nothing for the other logs")
