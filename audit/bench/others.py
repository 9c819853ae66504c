"""Other daemons of the same purpose, each as its own documentation starts it, with a configuration in a directory of its own.

Each has: start(log, maxretry), which returns once it follows the log; stop(). Nothing here fetches or builds a program; what
the distribution holds is installed by `install`, as root and when asked, and never started by the package manager.
"""
import contextlib, os, pathlib, shutil, subprocess, tempfile, time

PATHS = os.environ["PATH"] + ":/usr/sbin:/sbin"


def install():
    """fail2ban and sshguard from the distribution."""
    if os.geteuid() or not (os.environ.get("CI") or os.environ.get("BAILIFF_INSTALL")) or not shutil.which("apt-get"):
        return
    wanted = [p for p, there in (("fail2ban", Fail2ban.here()), ("sshguard", Sshguard.here())) if not there]
    if not wanted:
        return
    # What says here that no service is to be started (invoke-rc.d(8)), for as long as the installation takes.
    policy = pathlib.Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *wanted, "python3-pyinotify"]):
            run = subprocess.run(["apt-get", *words], env=env, capture_output=True, text=True)
        if run.returncode:
            print(f"not installed: {run.stderr.strip().splitlines()[-1]}")
    finally:
        if ours:
            policy.unlink()


class Other:
    """One such daemon, started and stopped."""
    events, lines, failures = 0, 0, 0
    # The probe sleeps while it waits: what takes milliseconds is not to be kept from a CPU.
    probe = "sleep"

    def __init__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="bailiff-other-"))
        self.log = self.home / "auth.log"
        self.log.touch()
        self.processes = []

    def run(self, *words, **more):
        with open(self.home / "said", "ab") as said:
            self.processes.append(subprocess.Popen([str(w) for w in words], **{
                "stdin": subprocess.DEVNULL, "stdout": said, "stderr": said, "env": {**os.environ, "PATH": PATHS}, **more}))
        return self.processes[-1]

    def wait(self, condition):
        end = time.monotonic() + 20
        while not condition():
            if time.monotonic() > end or any(p.poll() is not None for p in self.processes):
                raise RuntimeError("does not start: " + (self.home / "said").read_text()[-500:])
            time.sleep(0.02)

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            if process.poll() is None:
                process.kill()
                process.wait()
        shutil.rmtree(self.home, ignore_errors=True)


class Fail2ban(Other):
    """fail2ban-server with the distribution's filter, nftables, and the backend that it chooses."""
    name, events, lines, failures = "fail2ban", 20, 100_000, 20_000

    @staticmethod
    def here():
        return shutil.which("fail2ban-server", path=PATHS) is not None

    def start(self, maxretry):
        config = self.home / "config"
        shutil.copytree("/etc/fail2ban", config)
        shutil.rmtree(config / "jail.d", ignore_errors=True)
        (config / "fail2ban.local").write_text(f"[Definition]\ndbfile = :memory:\nlogtarget = {self.home}/log\n")
        (config / "jail.local").write_text(
            "[DEFAULT]\nbanaction = nftables-multiport\nbackend = auto\nusedns = no\n[sshd]\nenabled = true\n"
            f"logpath = {self.log}\nmaxretry = {maxretry}\nfindtime = 1h\nbantime = 1h\n")
        socket = self.home / "socket"
        self.run("fail2ban-server", "-f", "-c", config, "-s", socket, "-p", self.home / "pid", "start")
        self.wait(lambda: socket.exists() and not subprocess.run(
            ["fail2ban-client", "-s", socket, "status", "sshd"], capture_output=True, env={**os.environ, "PATH": PATHS}).returncode)
        time.sleep(1)


class Sshguard(Other):
    """sshguard's pipeline as its own script builds it: tail, parser, blocker, firewall."""
    name, events, lines, failures = "sshguard", 200, 500_000, 20_000
    folders = ("/usr/libexec/sshguard", "/usr/lib/sshguard", "/usr/lib/x86_64-linux-gnu/sshguard")

    @classmethod
    def folder(cls):
        return next((pathlib.Path(f) for f in cls.folders if os.path.exists(f"{f}/sshg-parser")), None)

    @classmethod
    def here(cls):
        return cls.folder() is not None

    def start(self, maxretry):
        at = self.folder()
        # Each failure weighs 10.
        blocker = ["-a", 10 * maxretry, "-p", 3600, "-s", 3600, "-N", 128, "-n", 32]
        piped = lambda words, stdin: self.run(*words, stdin=stdin, stdout=subprocess.PIPE)
        first = piped(["tail", "-F", "-n", "0", self.log], subprocess.DEVNULL)
        second = piped([at / "sshg-parser"], first.stdout)
        third = piped([at / "sshg-blocker", *blocker], second.stdout)
        self.run(at / "sshg-fw-nft-sets", stdin=third.stdout)
        for process in (first, second, third):
            process.stdout.close()
        self.wait(lambda: b"sshguard" in subprocess.run(["nft", "list", "tables"], capture_output=True, env={**os.environ, "PATH": PATHS}).stdout)
        time.sleep(0.5)


class Fail2zig(Other):
    """The program that FAIL2ZIG names. It counts every line that holds an address, whatever its filter."""
    name, events, lines, failures = "fail2zig", 400, 200_000, 100_000
    probe = "spin"

    @staticmethod
    def here():
        return os.access(os.environ.get("FAIL2ZIG", ""), os.X_OK)

    def start(self, maxretry):
        config = self.home / "config.toml"
        config.write_text(
            f'[global]\nlog_level = "warn"\npid_file = "{self.home}/pid"\nsocket_path = "{self.home}/socket"\n'
            f'state_file = "{self.home}/state"\nmemory_ceiling_mb = 64\nmetrics_bind = "127.0.0.1"\nmetrics_port = 9100\n'
            f'[defaults]\nbantime = 3600\nfindtime = 3600\nmaxretry = {maxretry}\nbanaction = "nftables"\nignoreip = ["127.0.0.1/8"]\n'
            f'[jails.sshd]\nenabled = true\nfilter = "sshd"\nlogpath = ["{self.log}"]\nmaxretry = {maxretry}\n')
        self.run(os.environ["FAIL2ZIG"], "--foreground", "--config", config)
        self.wait((self.home / "socket").exists)
        time.sleep(0.5)


ALL = (Fail2ban, Sshguard, Fail2zig)
