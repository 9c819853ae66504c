"""What the system tests share: a network namespace of their own, the daemon as its user starts it, the kernel's view.

Two guards before anything is sent or banned: the network namespace is not the host's, and it has no default route. Addresses
such as 192.0.2.0/24 are real on some machines: tests use 198.51.100.0/24, 203.0.113.0/24 and 2001:db8::/32, inside only.
"""
import atexit, contextlib, json, os, pathlib, re, shutil, signal, socket, subprocess, sys, tempfile, time

TOP = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("BAILIFF_BIN") or pathlib.Path(os.environ.get("CARGO_TARGET_DIR", TOP / "target")) / "release")
NAME = pathlib.Path(sys.argv[0]).stem
ROOT = os.geteuid() == 0


def skip(reason):
    print(f"skip {NAME}: {reason}", flush=True)
    sys.exit(0)


def fail(reason):
    print(f"FAIL {NAME}: {reason}", flush=True)
    sys.exit(1)


def ok(what):
    print(f"ok {NAME}: {what}", flush=True)


def check(holds, what):
    """One named fact of a test."""
    if not holds and not os.environ.get("BAILIFF_GO_ON"):
        fail(what)
    print(f"   {what}" if holds else f"   NOT SO: {what}", flush=True)


def need(*programs):
    for program in programs:
        if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            skip(f"{program} is not installed")


def no_default_route():
    v4 = pathlib.Path("/proc/net/route").read_text().splitlines()[1:]
    v6 = pathlib.Path("/proc/net/ipv6_route")
    lines6 = v6.read_text().splitlines() if v6.exists() else []
    return not any(l.split()[1] == "00000000" for l in v4) and not any(
        l.split()[0] == "0" * 32 and l.split()[1] == "00" and l.split()[-1] != "lo" for l in lines6)


def own_namespace(mount=False):
    """Starts this test again in network (and mount) namespaces of its own, unprivileged ones if need be."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if "BAILIFF_HOST_NET" not in os.environ:
        os.environ["BAILIFF_HOST_NET"] = os.readlink("/proc/self/ns/net")
        os.environ["BAILIFF_AS_ROOT"] = "1" if ROOT else ""
        words = ["unshare", "-n" if ROOT else "-rn"] + (["-m"] if mount else [])
        try:
            os.execvp("unshare", words + [sys.executable, *sys.argv])
        except OSError as e:
            skip(f"unshare: {e}")
    if os.readlink("/proc/self/ns/net") == os.environ["BAILIFF_HOST_NET"]:
        fail("still in the host's network namespace")
    if not no_default_route():
        fail("this namespace has a default route")
    if shutil.which("ip"):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def captives():
    """Builds the captured roles (audit/attack); with the programs, so that all agree about the cages."""
    run = subprocess.run(["cargo", "build", "--release", "--locked", "--offline", "--features", "captive", "--bins"],
                         cwd=TOP, capture_output=True, text=True)
    if run.returncode:
        fail(f"the captured roles do not build:\n{run.stderr[-2000:]}")


def as_root():
    """Whether the test runs as the host's root (own uids can be had), not in a user namespace."""
    return os.environ.get("BAILIFF_AS_ROOT") == "1"


class Daemon:
    """One bailiffd with a directory of its own. `jails` is TOML text; `daemon` extra keys of [daemon]; `guard` of [guard]."""

    def __init__(self, jails=None, daemon="", guard="", arguments=(), bin=None):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="bailiff-"))
        os.chmod(self.dir, 0o755)
        atexit.register(self.clean)
        self.bin = pathlib.Path(bin or BIN)
        self.log = self.dir / "auth.log"
        self.state, self.run = self.dir / "state", self.dir / "run"
        self.process, self.lines, self.arguments = None, [], list(arguments)
        self.configure(jails if jails is not None else self.sshd(), daemon, guard)

    def sshd(self, extra=""):
        return f'[jail.sshd]\nenabled = true\nlogs = ["{self.log}"]\n{extra}\n'

    def configure(self, jails, daemon="", guard=""):
        ids = "uid_base = 61100\n" if as_root() else 'missing = "warn"\n'
        self.config = self.dir / "bailiff.toml"
        self.config.write_text(
            f'[daemon]\nstate = "{self.state}"\nrun = "{self.run}"\n{ids}{daemon}\n[guard]\n{guard}\n{jails}\n')
        os.chmod(self.config, 0o644)

    def start(self, wait=True, env=None):
        self.stderr = open(self.dir / "stderr", "ab")
        self.mark = (self.dir / "stderr").stat().st_size
        self.process = subprocess.Popen(
            [self.bin / "bailiffd", "--config", self.config, *self.arguments], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=self.stderr, env={**os.environ, **(env or {})})
        if wait:
            self.wait_log("ready after", since_start=True)
        return self

    def text(self, since_start=False):
        data = (self.dir / "stderr").read_bytes()
        return (data[self.mark:] if since_start else data).decode("utf-8", "replace")

    def wait_log(self, pattern, timeout=15, since_start=False):
        """Waits for a log line; returns the match."""
        end = time.monotonic() + timeout
        while True:
            m = re.search(pattern, self.text(since_start))
            if m:
                return m
            if self.process.poll() is not None:
                m = re.search(pattern, self.text(since_start))
                return m or fail(f"bailiffd left with {self.process.returncode}, no line {pattern!r}:\n{self.text()[-3000:]}")
            if time.monotonic() > end:
                fail(f"no log line {pattern!r} in {timeout} s:\n{self.text()[-3000:]}")
            time.sleep(0.005)

    def stop(self, timeout=20):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                fail(f"bailiffd did not stop in {timeout} s:\n{self.text()[-2000:]}")
        code = self.process.returncode if self.process else None
        return code

    def roles(self):
        """pid of each role, by name."""
        found = {}
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for pid in children:
            with contextlib.suppress(OSError):
                found[pathlib.Path(f"/proc/{pid}/comm").read_text().strip()] = int(pid)
        return found

    def client(self, *words, json_too=False, check_code=None):
        run = subprocess.run([self.bin / "bailiff", "--config", self.config, *(["--json"] if json_too else []), *words],
                             capture_output=True, text=True, timeout=60)
        if check_code is not None and run.returncode != check_code:
            fail(f"bailiff {' '.join(words)}: exit {run.returncode}, expected {check_code}: {run.stdout}{run.stderr}\n"
                 f"{self.text()[-2000:]}")
        return json.loads(run.stdout) if json_too else run

    def banned(self):
        """Addresses that `bailiff list` shows."""
        return {row["address"] for row in self.client("list", json_too=True)}

    def write(self, *lines, path=None):
        with open(path or self.log, "ab") as f:
            f.write(b"".join((l if isinstance(l, bytes) else l.encode()) + b"\n" for l in lines))

    def clean(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(15)
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
        if not os.environ.get("BAILIFF_KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)


def failure(address, user="root", pid=4242):
    """A failed login as sshd logs it."""
    return f"Nov 21 22:00:00 host sshd[{pid}]: Failed password for {user} from {address} port 50022 ssh2"


def kernel(set_name=None):
    """The kernel's own view: addresses in the sets of table inet bailiff, without sentinels, as {set: {element: seconds left}}."""
    # Not `list table`: nft 1.0.6 writes no sound JSON of a table whose only flag (persist) it does not know.
    run = subprocess.run(["nft", "-j", "list", "sets"], capture_output=True, text=True)
    if run.returncode:
        return {}
    sets = {}
    for item in json.loads(run.stdout)["nftables"]:
        if "set" not in item or item["set"]["table"] != "bailiff" or item["set"].get("type") == "inet_service":
            continue
        elements = {}
        for e in item["set"].get("elem", []):
            value, left = (e["elem"]["val"], e["elem"].get("expires")) if isinstance(e, dict) and "elem" in e else (e, None)
            if value not in ("0.0.0.0", "::"):
                elements[value] = left
        sets[item["set"]["name"]] = elements
    return sets.get(set_name, {}) if set_name else sets


def wait_for(condition, what, timeout=10):
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            fail(f"not within {timeout} s: {what}")
        time.sleep(0.01)
    return True
