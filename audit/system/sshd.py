"""A real sshd for tests of the whole program: its account, its syslog, and the networks it is attacked from.

All of it lives in the mount and network namespaces of the test, and ends with it. sshd and its PAM see the distribution's
files, but for an account that is added to copies of /etc/passwd and its like, an empty /var/log (sshd writes wtmp and btmp) and
an empty /run; /dev is a copy whose `log` is this test's, so that every line is written the way syslog(3) and a syslogd write it.
"""
import ctypes, itertools, threading
from house import *

CLONE_NEWNET = 0x40000000
USER, PASSWORD = "alice", "correct horse"
HASH = "$6$bailiff0$HNoTpQDNa1oIJqRjVZEoPIrz21tCtcSL.yMLxFzBdIrMGsgPrZUpMUHuPinF6n8bJLCw6f1vM9QQSGzokBNyJ/"  # of PASSWORD
libc = ctypes.CDLL(None, use_errno=True)


def call(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Net:
    """A network namespace without a name; it ends when the test does. Sockets made `inside` stay in it."""

    def __init__(self, here=False):
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self.fd = home
        if not here:
            call(libc.unshare(CLONE_NEWNET))
            self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            call(libc.setns(home, CLONE_NEWNET))
            os.close(home)
        self.path = f"/proc/{os.getpid()}/fd/{self.fd}"
        self.run("ip", "link", "set", "lo", "up")
        self.sysctl("ipv6/conf/all/disable_ipv6", 0)
        self.sysctl("ipv6/conf/default/disable_ipv6", 0)

    @contextlib.contextmanager
    def inside(self):
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        call(libc.setns(self.fd, CLONE_NEWNET))
        try:
            yield
        finally:
            call(libc.setns(before, CLONE_NEWNET))
            os.close(before)

    def run(self, *words, code=0):
        with self.inside():
            run = subprocess.run(words, capture_output=True, text=True, timeout=30)
        if code is not None and run.returncode != code:
            fail(f"{' '.join(map(str, words))}: exit {run.returncode}: {run.stderr}")
        return run.stdout

    def sysctl(self, key, value):
        with self.inside():
            pathlib.Path("/proc/sys/net", key).write_text(str(value))

    def cable(self, end, other, other_end):
        """A veth pair from here to another namespace."""
        self.run("ip", "link", "add", end, "type", "veth", "peer", "name", other_end)
        self.run("ip", "link", "set", other_end, "netns", other.path)

    def up(self, device, *addresses, routes=()):
        for address in addresses:
            self.run("ip", "address", "add", address, "dev", device, *(["nodad"] if ":" in address else []))
        self.run("ip", "link", "set", device, "up")
        for to, *via in routes:
            self.run("ip", "route", "add", to, *via)

    def guard(self):
        """House rule: nothing is sent from a namespace that is the host's or that has a way out."""
        with self.inside():
            if os.readlink("/proc/thread-self/ns/net") == os.environ["BAILIFF_HOST_NET"] or not no_default_route():
                fail("a namespace of this test has a way out")

    def socket(self, source, to, kind=socket.SOCK_STREAM, timeout=2):
        """Connected from `source` to (address, port)."""
        with self.inside():
            s = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET, kind)
        s.settimeout(timeout)
        s.bind((source, 0))
        s.connect(to)
        return s

    def connects(self, source, to, port, timeout=1):
        """`open`, `silent` (nothing came back in the time) or `refused`."""
        try:
            self.socket(source, (to, port), timeout=timeout).close()
        except TimeoutError:
            return "silent"
        except ConnectionRefusedError:
            return "refused"
        return "open"


class Flow:
    """A TCP connection to an echo service."""

    def __init__(self, net, source, to, port):
        self.socket = net.socket(source, (to, port))

    def alive(self, timeout=1.0):
        """Whether a byte sent now comes back in time (with those that are still on their way)."""
        self.socket.settimeout(timeout)
        self.socket.sendall(b"x")
        with contextlib.suppress(TimeoutError):
            return bool(self.socket.recv(4096))
        return False


def echo(net, port):
    """An echo service on every address of a namespace."""
    with net.inside():
        server = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)

    def pump(peer):
        with contextlib.suppress(OSError):
            while data := peer.recv(4096):
                peer.sendall(data)

    def serve():
        while True:
            threading.Thread(target=pump, args=(server.accept()[0],), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()


class Syslog(threading.Thread):
    """/dev/log of the mount namespace, to the file that `daemon` follows, as rsyslog writes auth.log: RFC 3164, or RFC 3339."""

    def __init__(self, daemon, iso=False):
        super().__init__(daemon=True)
        self.log, self.iso, self.messages = daemon.log, iso, []
        private_dev(daemon.dir)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("/dev/log")
        os.chmod("/dev/log", 0o666)
        self.start()

    def follow(self, daemon, iso=False):
        daemon.log.touch()
        self.log, self.iso, self.messages = daemon.log, iso, []

    def run(self):
        while True:
            data = self.socket.recv(65536).rstrip(b"\0\n")
            m = re.match(rb"<(\d+)>(\w{3} [ \d]\d \d\d:\d\d:\d\d) (.*)", data, re.S)
            if m and int(m[1]) >> 3 in (4, 10):
                stamp = time.strftime("%Y-%m-%dT%H:%M:%S.123456+00:00", time.gmtime()).encode() if self.iso else m[2]
                with contextlib.suppress(FileNotFoundError), open(self.log, "ab") as f:
                    f.write(stamp + b" victim " + m[3] + b"\n")
                self.messages.append(m[3].decode("utf-8", "replace"))

    def wait(self, pattern, count=1, timeout=20):
        wait_for(lambda: sum(bool(re.search(pattern, m)) for m in list(self.messages)) >= count,
                 f"{count} syslog lines {pattern!r}, got {self.messages[-12:]}", timeout)


def mount(*words):
    subprocess.run(["mount", *map(str, words)], check=True)


def private_dev(scratch):
    new = scratch / "dev"
    new.mkdir()
    mount("-t", "tmpfs", "tmpfs", new)
    for name in ("null", "zero", "full", "random", "urandom", "tty", "ptmx"):
        (new / name).touch()
        mount("--bind", f"/dev/{name}", new / name)
    for name in ("pts", "shm"):
        (new / name).mkdir()
        if os.path.isdir(f"/dev/{name}"):
            mount("--rbind", f"/dev/{name}", new / name)
    for n, name in enumerate(("stdin", "stdout", "stderr")):
        (new / name).symlink_to(f"/proc/self/fd/{n}")
    (new / "fd").symlink_to("/proc/self/fd")
    mount("--rbind", new, "/dev")
    subprocess.run(["umount", "--lazy", new], check=True)


class Sshd:
    """The distribution's sshd with an account alice; listens on every address of `net`."""

    def __init__(self, net, scratch, options=""):
        self.dir, self.serial = scratch / "sshd", itertools.count()
        self.dir.mkdir()
        os.chmod(self.dir, 0o755)
        for place in ("/run", "/var/log"):
            mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", place)
        os.mkdir("/run/sshd", 0o755)
        self.account()
        self.keygen("host")
        self.keygen("key")
        self.keygen("stranger")
        shutil.copy(self.dir / "key.pub", self.dir / "authorized")
        os.chmod(self.dir / "authorized", 0o644)
        config = self.dir / "config"
        text = (f"HostKey {self.dir}/host\nAuthorizedKeysFile {self.dir}/authorized\nPidFile none\nUsePAM yes\n"
                f"PasswordAuthentication yes\nPrintMotd no\nStrictModes no\nMaxStartups 100\n{options}\n")
        # 9.8 and later hold off those who fail, by themselves: here only bailiff shall.
        for more in ("PerSourcePenalties no\n", ""):
            config.write_text(text + more)
            if subprocess.run(["/usr/sbin/sshd", "-t", "-f", config], capture_output=True).returncode == 0:
                break
        with net.inside():
            self.process = subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", config], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=open(self.dir / "stderr", "wb"))
        atexit.register(self.clean)
        wait_for(lambda: self.listens(net), "sshd listens")
        script = self.dir / "askpass"
        script.write_text('#!/bin/sh\necho "${BAILIFF_GUESS:-wrong}"\n')
        os.chmod(script, 0o755)

    def listens(self, net):
        if self.process.poll() is not None:
            fail(f"sshd left: {(self.dir / 'stderr').read_text()}")
        return net.connects("127.0.0.1", "127.0.0.1", 22) == "open"

    def account(self):
        home = self.dir / "home"
        home.mkdir()
        os.chown(home, 61099, 61099)
        more = {"passwd": f"{USER}:x:61099:61099::{home}:/bin/sh\n", "group": f"{USER}:x:61099:\n",
                "shadow": f"{USER}:{HASH}:19000:0:99999:7:::\n"}
        for name, line in more.items():
            copy = self.dir / name
            shutil.copy(f"/etc/{name}", copy)
            os.chmod(copy, 0o600 if name == "shadow" else 0o644)
            with open(copy, "a") as f:
                f.write(line)
            mount("--bind", copy, f"/etc/{name}")

    def keygen(self, name):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.dir / name], check=True)

    def client(self, net, source, to, *words, user=USER, options=(), **more):
        """Starts ssh in a namespace."""
        env = {**os.environ, "SSH_ASKPASS": str(self.dir / "askpass"), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": "none:0"}
        env.pop("SSH_AUTH_SOCK", None)
        # Of names from its command line, ssh refuses some; not of those from its file.
        config = self.dir / f"client.{next(self.serial)}"
        quoted = user if isinstance(user, bytes) else user.encode()
        config.write_bytes(b'User "' + quoted.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"\n')
        command = ["ssh", "-F", config, "-T", "-b", source, "-o", "StrictHostKeyChecking=no",
                   "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=5",
                   *[w for o in options for w in ("-o", o)], to, *words]
        with net.inside():
            return subprocess.Popen(command, env=env, stdin=more.pop("stdin", subprocess.DEVNULL), stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, start_new_session=True, **more)

    def start_guess(self, net, source, to, user=USER, method="password", prompts=1):
        """Starts a client that has a wrong password, so many times."""
        options = [f"PreferredAuthentications={method}", f"NumberOfPasswordPrompts={prompts}", "PubkeyAuthentication=no"]
        return self.client(net, source, to, "true", user=user, options=options)

    def guess(self, net, source, to, times=1, **more):
        """Wrong passwords: so many connections at once. Answers what the clients said."""
        running = [self.start_guess(net, source, to, **more) for _ in range(times)]
        return [p.communicate(timeout=60)[1].decode("utf-8", "replace") for p in running]

    def key(self, *names):
        """Options for a login by these keys, in this order."""
        return ["IdentitiesOnly=yes", "PreferredAuthentications=publickey"] + [f"IdentityFile={self.dir}/{n}" for n in names]

    def clean(self):
        """Ends sshd, its sessions and the clients: all that is called so in the mount namespace of this test."""
        mine = os.readlink("/proc/self/ns/mnt")
        for place in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (place / "comm").read_text().startswith("ssh") and os.readlink(place / "ns/mnt") == mine:
                    os.kill(int(place.name), signal.SIGKILL)
        self.process.wait()
