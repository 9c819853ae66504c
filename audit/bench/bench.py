#!/usr/bin/env python3
"""`make bench`: how long a ban takes, and how many lines a second are read; in one run, beside a floor and other daemons.

Prints one table; with --json FILE the same figures for programs. All in network namespaces of its own; the log, the state
and the ledger on the file system of the temporary directory. BAILIFF_BENCH=short measures less of everything (40 s instead
of at most 3 minutes). fail2ban and sshguard are measured where they are installed (as root BAILIFF_INSTALL=1, or CI, makes it install
them, from the distribution, without starting them); FAIL2ZIG=PATH names another daemon's program.

The probe is road.rs: what it counts, it sees from outside. Exit code 1 when a bar is missed and --strict is given.
"""
import argparse, contextlib, json, os, pathlib, shutil, statistics, subprocess, sys, tempfile, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from house import TOP, BIN, Daemon, as_root, own_namespace, wait_for

SHORT = os.environ.get("BAILIFF_BENCH") == "short"
EVENTS = 400 if SHORT else 1500
LINES = 1_000_000
# Bars of the project.
P50_US, P99_US, LINES_S = 75, 250, 5e6


def probe():
    """Builds the probe; its path."""
    run = subprocess.run(
        ["cargo", "bench", "--no-run", "--quiet", "--locked", "--offline", "--bench", "road", "--message-format=json"],
        cwd=TOP, capture_output=True, text=True)
    for line in run.stdout.splitlines():
        message = json.loads(line)
        if message.get("target", {}).get("name") == "road" and message.get("executable"):
            return message["executable"]
    sys.exit(f"the probe does not build:\n{run.stderr[-3000:]}")


def road(*words, stdin=subprocess.DEVNULL):
    run = subprocess.run([PROBE, *map(str, words)], stdin=stdin, capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"probe {' '.join(map(str, words))}: {run.stderr[-2000:]}")
    return json.loads(run.stdout)


def end(process):
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
    if process.poll() is None:
        process.kill()
        process.wait()


@contextlib.contextmanager
def hogs(on):
    """One busy process for each CPU, at nice 0."""
    started = [subprocess.Popen([PROBE, "hog", str(cpu)]) for cpu in sorted(os.sched_getaffinity(0)) if on]
    try:
        yield
    finally:
        for process in started:
            end(process)


class Piped(Daemon):
    """A daemon whose standard error is a pipe that the probe reads."""

    def start(self):
        self.pipe, theirs = os.pipe()
        self.process = subprocess.Popen(
            [self.bin / "bailiffd", "--config", self.config], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=theirs)
        os.close(theirs)
        said = b""
        while b"ready after" not in said:
            part = os.read(self.pipe, 4096)
            if not part:
                sys.exit(f"bailiffd did not start: {said.decode()}")
            said += part
        os.set_blocking(self.pipe, False)
        return self


def fresh(kind, cpu, jail):
    daemon = kind(guard="rate = 1000000")
    daemon.log.touch()
    daemon.configure(daemon.sshd(jail), f'cpu = "{cpu}"', "rate = 1000000")
    return daemon


# Latency

def percentiles(times):
    kept = sorted(times[len(times) // 20:])
    if not kept:
        return None
    return statistics.median(kept), kept[min(len(kept) - 1, len(kept) * 99 // 100)]


class Addresses:
    """No address is banned twice: an element that is there makes no event."""
    behind = 0

    def first(self, count):
        self.behind += count
        return self.behind - count


ADDRESSES = Addresses()


def latency(who, where, loaded, how, log, stdin, events):
    with hogs(loaded):
        found = road("latency", log, ADDRESSES.first(events), events, how, stdin=stdin)
    kernel, ledger = percentiles(found["kernel_us"]), percentiles(found["ledger_us"])
    row = {"who": who, "where": where, "machine": "loaded" if loaded else "idle", "observer": how,
           "kernel_us": kernel, "ledger_us": ledger, "events": len(found["kernel_us"]), "missed": found["missed"],
           "calm": found["calm"]}
    ROWS.append(row)
    cell = lambda pair: f"{pair[0]:9.0f} {pair[1]:9.0f}" if pair else f"{'-':>9} {'-':>9}"
    bar = ""
    if who == "bailiff" and where == "one CPU" and kernel and how == "spin":
        met = kernel[1] <= P99_US and (loaded or kernel[0] <= P50_US)
        bar = f"p99 <= {P99_US}: " if loaded else f"p50 <= {P50_US}, p99 <= {P99_US}: "
        row["met"] = met
        bar += "met" if met else "NOT MET"
    lost = f" ({found['missed']} never banned)" if found["missed"] else ""
    print(f"{who:<10} {where:<12} {row['machine']:<7} {how:<7} {row['events']:6} {cell(kernel)} {cell(ledger)}  {bar}{lost}",
          flush=True)


def floor(where):
    """The one-process floor, on the daemon's CPU or on any, with the daemon's nice value."""
    home = pathlib.Path(tempfile.mkdtemp(prefix="bailiff-"))
    log = home / "auth.log"
    log.touch()

    def place():
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, -10)
        if where == "one CPU":
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

    process = subprocess.Popen([PROBE, "floor", log], stdout=subprocess.PIPE, preexec_fn=place)
    try:
        process.stdout.readline()
        for loaded in (False, True):
            for how in OBSERVERS:
                latency("floor", where, loaded, how, log, subprocess.DEVNULL, EVENTS)
    finally:
        end(process)
        shutil.rmtree(home)


def bailiff(where):
    cpu = "auto" if where == "one CPU" else "any"
    for loaded in (False, True):
        for how in OBSERVERS:
            daemon = fresh(Piped, cpu, 'maxretry = 1\nbantime = "1h"')
            try:
                daemon.start()
                latency("bailiff", where, loaded, how, daemon.log, daemon.pipe, EVENTS)
            finally:
                daemon.clean()


# Lines per second

def cpu_s(pids):
    """Processor seconds of these processes so far."""
    ticks = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def timed(*words):
    """The best of three runs, in seconds."""
    best = None
    for _ in range(3):
        start = time.monotonic()
        # Through a pipe: grep that writes to /dev/null stops at the first match.
        subprocess.run(words, stdout=subprocess.PIPE, env={**os.environ, "LC_ALL": "C"}, check=False)
        best = min(best or 1e9, time.monotonic() - start)
    return best


def throughput(where, what, path, expected):
    cpu = "auto" if where == "one CPU" else "any"
    found = []
    for _ in range(ROUNDS):
        daemon = fresh(Daemon, cpu, 'findtime = "1h"\nbantime = "1h"')
        try:
            daemon.start()
            pids = [daemon.process.pid, *daemon.roles().values()]
            before = {name: cpu_s([pid]) for name, pid in daemon.roles().items()}
            run = road("append", daemon.log, path, daemon.run / "read.sock", expected["lines"])
            run["cpu_s"] = {name: round(cpu_s([pid]) - before[name], 3) for name, pid in daemon.roles().items()}
            found.append(run)
            if (run["lines"], run["matches"]) != (expected["lines"], expected["failures"]):
                sys.exit(f"bailiff counted {run}, the log holds {expected}")
        finally:
            daemon.clean()
    run = sorted(found, key=lambda run: run["seconds"])[len(found) // 2]
    rate = expected["lines"] / run["seconds"]
    met = rate >= LINES_S
    LOGS.append({"who": "bailiff", "where": where, "log": what, "lines_per_s": rate, **run, "met": met})
    print(f"{'bailiff':<10} {where:<12} {what:<16} {run['seconds']:8.3f} {rate / 1e6:8.2f} {run['bans']:7}  "
          f"{LINES_S / 1e6:.0f} M: {'met' if met else 'NOT MET'}  {run['cpu_s']} status {run['status_ms']} ms", flush=True)


def logs(home):
    for what, percent in (("30 % failures", 30), ("no failure", 0)):
        path = home / f"{percent}.log"
        expected = road("lines", path, LINES, percent)
        for name, words in (("wc -l", ["wc", "-l", path]), ("grep -c -F", ["grep", "-c", "-F", "Failed password", path])):
            seconds = timed(*words)
            LOGS.append({"who": name, "where": "", "log": what, "lines_per_s": LINES / seconds, "seconds": seconds})
            print(f"{name:<10} {'':<12} {what:<16} {seconds:8.3f} {LINES / seconds / 1e6:8.2f}", flush=True)
        for where in ("one CPU", "any CPU"):
            throughput(where, what, path, expected)


ROUNDS = 1 if SHORT else 3
LOGS = []
OBSERVERS = ["spin"]
ROWS = []

if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--json", metavar="FILE")
    words.add_argument("--strict", action="store_true")
    words.add_argument("-n", type=int, default=EVENTS)
    words.add_argument("--sleep", action="store_true")
    words = words.parse_args()
    PROBE = os.environ.get("BAILIFF_PROBE") or probe()
    os.environ["BAILIFF_PROBE"] = PROBE
    own_namespace()
    EVENTS = words.n
    if words.sleep:
        OBSERVERS = ["spin", "sleep"]
    home = pathlib.Path(tempfile.mkdtemp(prefix="bailiff-"))
    try:
        logs(home)
    finally:
        shutil.rmtree(home)
    for where in ("one CPU", "any CPU"):
        floor(where)
        bailiff(where)
