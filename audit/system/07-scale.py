#!/usr/bin/env python3
"""100,000 distinct offenders in 2,000,000 lines, with every setting at its default.

Each of the 100,000 fails five times, spread over the whole file, between 1,500,000 lines of other kinds. Meanwhile, every 20 ms,
the resident memory of all processes is added up (VmRSS, which counts shared pages in each; Pss, which shares them out) and
`status` is asked by a connection of its own. In the end every one of them is banned: by `list`, and by the kernel. A million addresses
more fill every table there is: the ceiling stands, and so does every ban.
"""
# timeout: 120
import random, struct
from house import *

own_namespace()
need("nft")
OFFENDERS, TIMES, LINES, SPRAY, CEILING = 100_000, 5, 2_000_000, 1_000_000, 64 << 20
random.seed(7)

OTHERS = [  # what sshd and its neighbours write all day; {} is an address that must not be counted
    "sshd[{1}]: Accepted publickey for deploy from {0} port 40022 ssh2: ED25519 SHA256:mmwi6fvKZ3yFhVlbKLDVcNnwzmW7LXmGMRVJDkMoxzU",
    "sshd[{1}]: Accepted password for alice from {0} port 40022 ssh2",
    "sshd[{1}]: pam_unix(sshd:session): session opened for user alice(uid=1000) by alice(uid=0)",
    "sshd[{1}]: pam_unix(sshd:session): session closed for user alice",
    "sshd[{1}]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={0}  user=root",
    "sshd[{1}]: Received disconnect from {0} port 40022:11: disconnected by user",
    "sshd[{1}]: Disconnected from user alice {0} port 40022",
    "sshd[{1}]: Connection from {0} port 40022 on 203.0.113.5 port 22 rdomain \"\"",
    "sshd[{1}]: Server listening on 0.0.0.0 port 22.",
    "CRON[{1}]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)",
    "CRON[{1}]: pam_unix(cron:session): session closed for user root",
    "sudo:    alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/ping {0}",
    "systemd-logind[{1}]: New session 4242 of user alice.",
    "systemd-logind[{1}]: Session 4242 logged out. Waiting for processes to exit.",
    "kernel: [UFW BLOCK] IN=eth0 OUT= MAC=00:16:3e SRC={0} DST=203.0.113.5 LEN=40 PROTO=TCP SPT=40022 DPT=23",
    "dbus-daemon[{1}]: [system] Successfully activated service 'org.freedesktop.hostname1'",
]
HEAD, TAIL = "Nov 21 22:00:00 host sshd[4242]: Failed password for root from ", " port 50022 ssh2\n"


def address(n):
    return f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}"


def write_log(path):
    """Failures in another order each time round, each with three other lines behind."""
    other = [f"Nov 21 22:00:00 host {text.format(f'172.16.{n & 255}.9', 1000 + n)}\n" for n, text in
             ((n, random.choice(OTHERS)) for n in range(3000))]
    between = ["".join(random.sample(other, LINES // OFFENDERS // TIMES - 1)) for _ in range(1000)]
    names, lines = [HEAD + address(n) + TAIL for n in range(1, OFFENDERS + 1)], 0
    with open(path, "w") as f:
        for _ in range(TIMES):
            random.shuffle(names)
            for start in range(0, OFFENDERS, 1000):
                random.shuffle(between)
                f.write("".join(a + b for a, b in zip(names[start:start + 1000], between)))


def memory(pids):
    """VmRSS and Pss of all, in bytes."""
    rss = pss = 0
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            rss += int(line.split()[1]) << 10 if line.startswith("Rss:") else 0
            pss += int(line.split()[1]) << 10 if line.startswith("Pss:") else 0
    return rss, pss


STATUS = struct.pack("<BB6x BBBBI16s24s", ord("Q"), 1, 1, 1, 0, 0, 0, b"", b"")


def status(path):
    """`status` by the wire (docs/protocol.md): its figures and jails' attempts, and how long all of it took."""
    began, figures = time.monotonic(), {}
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.settimeout(10)
        s.connect(str(path))
        s.send(STATUS)
        while True:
            datagram = s.recv(16384)
            if not datagram:
                fail("status ended before its end")
            for at in range(8, len(datagram), 64):
                kind, number, value = struct.unpack_from("<BBQ", datagram, at)
                if kind == 1:
                    figures[number] = value
                if kind == 7:
                    return figures, time.monotonic() - began


class Road:
    """What is seen of the daemon, every 20 ms, while it works on what was put before it."""

    def __init__(self, d):
        self.d, self.pids, self.rss, self.pss, self.latencies = d, [d.process.pid, *d.roles().values()], 0, 0, []

    def look(self):
        rss, pss = memory(self.pids)
        self.rss, self.pss = max(self.rss, rss), max(self.pss, pss)
        figures, took = status(self.d.run / "read.sock")
        self.latencies.append(took)
        return figures

    def cpu(self):
        """Seconds of CPU of each process so far."""
        ticks = lambda pid: sum(map(int, pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1].split()[11:13]))
        return [ticks(pid) / os.sysconf("SC_CLK_TCK") for pid in self.pids]

    def run(self, what, log, lines, is_done):
        """Puts a file that is written already in the log's place, and waits; the figures at the end."""
        size, began, spent = log.stat().st_size, time.monotonic(), self.cpu()
        shutil.move(log, self.d.log)
        while not is_done(figures := self.look()):
            if time.monotonic() - began > 60:
                fail(f"{what}: not after 60 s: {figures}\n{self.d.text()[-1500:]}")
            time.sleep(0.02)
        took, spent = time.monotonic() - began, [b - a for a, b in zip(spent, self.cpu())]
        of = ", ".join(f"{name} {s:.2f}" for name, s in zip(["warden", *self.d.roles()], spent))
        print(f"   {what}: {lines} lines, {megabytes(size)}, in {took:.2f} s: {lines / took / 1e6:.2f} M lines/s; seconds of CPU: {of}")
        return figures

    def check(self, when):
        self.latencies.sort()
        p50, p99, most = (self.latencies[at] * 1000 for at in (len(self.latencies) // 2, len(self.latencies) * 99 // 100, -1))
        check(self.rss < CEILING, f"{when}: peak of all processes Rss {megabytes(self.rss)}, Pss {megabytes(self.pss)}, "
                                  f"below {megabytes(CEILING)} in {len(self.latencies)} samples")
        # The largest is the machine's as much as the daemon's.
        check(p99 < 100 and most < 1000, f"{when}: status is answered in {p50:.2f} ms (p50), {p99:.2f} ms (p99), {most:.2f} ms at most")


megabytes = lambda n: f"{n / (1 << 20):.1f} MiB"
d = Daemon()
big, spray = d.dir / "big", d.dir / "spray"
write_log(big)
with open(spray, "w") as f:  # more addresses than there is room for tallies
    f.writelines(f"{HEAD}11.{n >> 16}.{n >> 8 & 255}.{n & 255}{TAIL}" for n in range(1, SPRAY + 1))
d.start()
with contextlib.suppress(OSError):
    os.nice(-10)  # as the daemon: what is measured is its answer, not the wait of this test for a CPU
road = Road(d)
attempts, bans, unanswered = 8, 2, 19
figures = road.run("all", big, LINES, lambda f: f[attempts] >= OFFENDERS * TIMES and not f[unanswered])
road.check("2,000,000 lines")
check((figures[attempts], figures[bans]) == (OFFENDERS * TIMES, OFFENDERS), f"{figures[attempts]} attempts, {figures[bans]} bans")
due = {address(n) for n in range(1, OFFENDERS + 1)}
began = time.monotonic()
banned = d.banned()
check(banned == due, f"list shows all {len(banned)} of them, in {time.monotonic() - began:.2f} s")
began = time.monotonic()
elements = {e for held in kernel().values() for e in held}
check(elements == due, f"the kernel holds all {len(elements)} of them, listed by nft in {time.monotonic() - began:.2f} s")
figures = road.run("one failure each of a million others", spray, SPRAY, lambda f: f[attempts] >= OFFENDERS * TIMES + SPRAY)
road.check("and a million addresses")
check(figures[6] > 0, f"tallies: {figures[4]} held, room for {figures[5]}, {figures[6]} had to make room and are counted")
check(figures[bans] == OFFENDERS and d.banned() == due, "no ban had to")
check(d.stop() == 0, "the daemon ends in order")
d.clean()
ok(f"{OFFENDERS} offenders in {LINES} lines within {megabytes(CEILING)}, all banned")
