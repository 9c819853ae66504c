#!/usr/bin/env python3
"""`make bench`: how long a ban takes and how many lines a second are read; in one run, beside a floor and other daemons.

Prints one table; with --json FILE the same figures for programs. All in network namespaces of its own; log, state and ledger lie
on the file system of the temporary directory. BAILIFF_BENCH=short measures less of everything (40 s instead of at most 3
minutes). fail2ban and sshguard are measured where they are installed (as root BAILIFF_INSTALL=1, or CI, makes it install
them, from the distribution, without starting them); FAIL2ZIG=PATH names another daemon's program.

--only cage: what a launch by bailiff-cage costs (cage.py), beside other tools.
--only engine: the filters alone, from a file to the counted attempt (engine.py), beside wc, grep, ripgrep, other parsers.
The probe is road.rs, which sees from outside. Latency: from before write() of the decisive line (maxretry 1) to the kernel's event
of the new element, and to the daemon's line `banned`, which follows the sync of the ledger. The probe asks without sleeping, on
the lowest CPU; the last column of each pair is p99. Loaded: one busy process for each CPU at nice 0. The floor: one process
that does what cannot be left out. Exit code 0, or with --strict 1 when a bar is missed.
"""
import argparse, contextlib, json, os, pathlib, shutil, statistics, subprocess, sys, tempfile, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from house import BIN, TOP, Daemon, own_namespace
import cage, engine, others

SHORT = os.environ.get("BAILIFF_BENCH") == "short"
EVENTS = 300 if SHORT else 1100
ROUNDS = 1 if SHORT else 3
LINES = 1_000_000
# Bars of the project: microseconds; lines a second.
P50_US, P99_US, LINES_S = 75, 250, 5e6
STAMP = time.strftime("%b %e %H:%M:%S")
PROBE = os.environ.get("BAILIFF_PROBE", "")
FIGURES = {"latency": [], "lines": [], "absent": []}


def build():
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


@contextlib.contextmanager
def folder():
    home = pathlib.Path(tempfile.mkdtemp(prefix="bailiff-"))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


class Piped(Daemon):
    """A daemon whose standard error is a pipe, which the probe reads."""

    def start(self):
        self.pipe, theirs = os.pipe()
        self.process = subprocess.Popen([self.bin / "bailiffd", "--config", self.config], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=theirs)
        os.close(theirs)
        said = b""
        while b"ready after" not in said:
            part = os.read(self.pipe, 4096)
            if not part:
                sys.exit(f"bailiffd did not start: {said.decode()}")
            said += part
        os.set_blocking(self.pipe, False)
        return self

    def clean(self):
        # Nobody reads what it says at its end: the pipe takes it.
        super().clean()
        with contextlib.suppress(OSError):
            os.close(self.pipe)


@contextlib.contextmanager
def bailiff(kind, where, jail):
    daemon = kind()
    try:
        daemon.log.touch()
        daemon.configure(daemon.sshd(jail), f'cpu = "{"auto" if where == "one CPU" else "any"}"', "rate = 1000000")
        yield daemon.start()
    finally:
        daemon.clean()


# Latency

class Addresses:
    """No address is banned twice: an element that is there already makes no event. Behind those of the logs of road lines."""
    behind = 110_000

    @classmethod
    def take(cls, count):
        cls.behind += count
        return cls.behind - count


def percentiles(times):
    """p50 and p99, without the first twentieth."""
    kept = sorted(times[len(times) // 20:])
    return (statistics.median(kept), kept[min(len(kept) - 1, len(kept) * 99 // 100)]) if kept else None


def latency(who, where, loaded, how, log, stdin, events):
    with hogs(loaded):
        found = road("latency", log, STAMP, Addresses.take(events), events, how, stdin=stdin)
    kernel, ledger = percentiles(found["kernel_us"]), percentiles(found["ledger_us"])
    machine = "loaded" if loaded else "idle"
    row = {"who": who, "where": where, "machine": machine, "probe": how, "events": len(found["kernel_us"]),
           "missed": found["missed"], "kernel_us": kernel, "ledger_us": ledger, "probe_first": found["calm"]}
    bars = []
    if who == "bailiff" and where == "one CPU" and kernel and how == "spin":
        bars = [(f"p99 <= {P99_US}", kernel[1] <= P99_US)]
        bars += [] if loaded else [(f"p50 <= {P50_US}", kernel[0] <= P50_US)]
        row["met"] = all(met for _, met in bars)
    FIGURES["latency"].append(row)
    cell = lambda pair: f"{pair[0]:10,.0f} {pair[1]:10,.0f}" if pair else f"{'-':>10} {'-':>10}"
    notes = [f"{text}: {'met' if met else 'NOT MET'}" for text, met in reversed(bars)]
    notes += [f"{found['missed']} never banned"] if found["missed"] else []
    notes += [] if found["calm"] else ["the probe cannot come first: its own waiting is in this"]
    print(f"{who:<9} {where:<8} {machine:<7} {how:<6}{row['events']:5} {cell(kernel)} {cell(ledger)}  {', '.join(notes)}", flush=True)


def floor(where, how):
    """The one-process floor, on the daemon's CPU or on any, with the daemon's nice value."""
    def place():
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, -10)
        if where == "one CPU":
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

    with folder() as home:
        log = home / "auth.log"
        log.touch()
        process = subprocess.Popen([PROBE, "floor", log], stdout=subprocess.PIPE, preexec_fn=place)
        try:
            process.stdout.readline()
            for loaded in (False, True):
                latency("floor", where, loaded, how, log, subprocess.DEVNULL, EVENTS)
        finally:
            end(process)


def latencies():
    print("\nfrom write() of the decisive line, microseconds       to the kernel's event  to the synced ledger\n"
          f"{'':<9} {'':<8} {'':<7} {'probe':<6}{'n':>5} {'p50':>10} {'p99':>10} {'p50':>10} {'p99':>10}")
    for where, how in (("one CPU", "spin"), ("any CPU", "spin"), ("any CPU", "sleep")):
        if SHORT and how == "sleep":
            continue
        floor(where, how)
        for loaded in (False, True):
            with bailiff(Piped, where, 'maxretry = 1\nbantime = "1h"') as daemon:
                latency("bailiff", where, loaded, how, daemon.log, daemon.pipe, EVENTS)


# Lines per second

def line_row(who, where, what, count, seconds, met=None, note="", **more):
    rate = count / seconds
    FIGURES["lines"].append({"who": who, "where": where, "log": what, "lines": count, "seconds": seconds, "lines_per_s": rate,
                             **({} if met is None else {"met": met}), **more})
    bar = "" if met is None else f"{LINES_S / 1e6:.0f} M lines/s: {'met' if met else 'NOT MET'}"
    print(f"{who:<11} {where:<8} {what:<24} {count:9,} {seconds:8.3f} {rate / 1e6:8.3f}  {bar}{note}", flush=True)


def timed(*words):
    """The median of three runs, in seconds."""
    took = []
    for _ in range(3):
        start = time.monotonic()
        # Through a pipe: grep that writes to /dev/null stops at the first match.
        subprocess.run(words, stdout=subprocess.PIPE, env={**os.environ, "LC_ALL": "C"}, check=False)
        took.append(time.monotonic() - start)
    return statistics.median(took)


def appended(where, what, jail, path, expected):
    """One log at once: until `status` counts every line, and no verdict is without an answer."""
    found = []
    for _ in range(ROUNDS):
        with bailiff(Daemon, where, f'{jail}\nfindtime = "1h"\nbantime = "1h"') as daemon:
            run = road("append", daemon.log, path, daemon.run / "read.sock", expected["lines"])
        if (run["lines"], run["matches"]) != (expected["lines"], expected["failures"]):
            sys.exit(f"bailiff counted {run}, the log holds {expected}")
        found.append(run)
    run = sorted(found, key=lambda run: run["seconds"])[len(found) // 2]
    met = expected["lines"] / run["seconds"] >= LINES_S
    line_row("bailiff", where, what, expected["lines"], run["seconds"], met, f", {run['bans']:,} bans", bans=run["bans"],
             status_ms=run["status_ms"])


def lines(home):
    print(f"\nlines per second: a log appended at once\n{'':<11} {'':<8} {'':<24} {'lines':>9} {'s':>8} {'M/s':>8}")
    full, calm = home / "full.log", home / "calm.log"
    expected = {path: road("lines", path, STAMP, LINES, percent) for path, percent in ((full, 30), (calm, 0))}
    for path, what in ((calm, "no failure"), (full, "30 % failures")):
        line_row("wc -l", "", what, LINES, timed("wc", "-l", path))
        line_row("grep -c -F", "", what, LINES, timed("grep", "-c", "-F", "Failed password", path))
    for where in ("one CPU", "any CPU"):
        appended(where, "no failure", "", calm, expected[calm])
        appended(where, "30 % failures, few due", "maxretry = 100", full, expected[full])
        appended(where, "30 % failures, maxretry 5", "maxretry = 5", full, expected[full])


# Other daemons

def other(kind):
    """One of them, here: this is a namespace of its own."""
    def step(maxretry, measure):
        daemon = kind()
        try:
            daemon.start(maxretry)
            measure(daemon)
        except RuntimeError as e:
            print(f"{kind.name}: {e}")
        finally:
            daemon.stop()

    events = min(kind.events, EVENTS) // (3 if SHORT else 1)
    step(1, lambda daemon: latency(kind.name, "", False, kind.probe, daemon.log, subprocess.DEVNULL, events))
    with folder() as home:
        for what, count, percent in (("no failure", kind.lines, 0), ("30 % failures", kind.failures, 30)):
            count //= 5 if SHORT else 1
            path = home / "log"
            road("lines", path, STAMP, count, percent)

            def measure(daemon):
                run = road("sentinel", daemon.log, STAMP, path)
                note = "" if run["banned"] else "  not done: the time is a lower bound"
                line_row(kind.name, "", what, count, run["seconds"], note=note, done=run["banned"])

            step(5, measure)


def all_others():
    print("\nother daemons, as above (latency, then lines)")
    for kind in others.ALL:
        if not kind.here():
            FIGURES["absent"].append(kind.name)
            why = "FAIL2ZIG names no program" if kind is others.Fail2zig else "not installed; as root BAILIFF_INSTALL=1 installs it"
            print(f"{kind.name}: absent ({why})")
            continue
        with tempfile.NamedTemporaryFile("r") as figures:
            subprocess.run(["unshare", "-n", sys.executable, __file__, "--other", kind.name, "--json", figures.name], check=False)
            text = figures.read()
            for name, rows in (json.loads(text) if text else {}).items():
                FIGURES[name] += rows


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--json", metavar="FILE")
    words.add_argument("--only", choices=("engine", "lines", "latency", "others", "cage"), help="one part of it")
    words.add_argument("--strict", action="store_true")
    words.add_argument("--other", help=argparse.SUPPRESS)
    words = words.parse_args()
    global PROBE
    if not PROBE and words.only != "cage":
        PROBE = os.environ["BAILIFF_PROBE"] = build()
    if "BAILIFF_HOST_NET" not in os.environ:
        others.install()
        cage.install()
    own_namespace(mount=words.only in (None, "cage"))
    if words.other:
        other(next(kind for kind in others.ALL if kind.name == words.other))
    else:
        load = os.getloadavg()[0]
        print(f"{os.cpu_count()} CPUs, Linux {os.uname().release}, load at the start {load:.1f}"
              + ("" if load < 0.5 else ": not idle, the figures suffer"))
        FIGURES["machine"] = {"cpus": os.cpu_count(), "kernel": os.uname().release, "load": load}
        if words.only in (None, "engine"):
            with folder() as home:
                FIGURES["engine"] = engine.measure(home, road, PROBE, STAMP, LINES, 3 if SHORT else 7)
        if words.only in (None, "cage"):
            with folder() as home:
                FIGURES["cage"] = cage.measure(home, BIN / "bailiff-cage", 5 if SHORT else 20)
        if words.only in (None, "lines"):
            with folder() as home:
                lines(home)
        if words.only in (None, "latency"):
            latencies()
        if words.only in (None, "others"):
            all_others()
    if words.json:
        pathlib.Path(words.json).write_text(json.dumps(FIGURES, indent=1) + "\n")
    met = all(FIGURES.get(part, {}).get("met", True) for part in ("engine", "cage")) and all(row.get("met", True) for rows in (FIGURES["latency"], FIGURES["lines"]) for row in rows)
    return 0 if met or not words.strict else 1


if __name__ == "__main__":
    sys.exit(main())
