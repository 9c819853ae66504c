"""The engine alone, in one process on one CPU, from the file to the counted attempt; beside what reads the same bytes: wc, grep,
ripgrep with the sshd filter's patterns as regular expressions, other daemons' parsers.

All are run by turns; what counts is the median of the processor time (user and system), which other load on the machine bends
least, and the ratios of these. A process's start is in it, for all alike.
"""
import contextlib, os, shutil, statistics, subprocess, time

import others
from house import TOP

# Bars of the project: so many times as fast as ripgrep; wc's time divided by ours; the same for all filters on one mixed log.
RG, WC, WC_ALL = 2.0, 0.14, 0.07
# What is slow reads so many lines only; its figure is for a million.
SLOW_LINES = 20_000
TYPES = {
    "number": "[0-9]{1,20}", "hex": "[0-9a-fA-F:]+", "name": "[A-Za-z0-9._-]+", "blanks": "[ \\t]+", "word": "[^ ]+",
    "quoted": '"(?:[^"\\\\]|\\\\.)*"', "text": ".*", "addr": "[0-9a-fA-F:.]+", "ip": "[0-9a-fA-F:.]+",
}


def closing(text, at):
    """Where the `<` before this place is closed."""
    depth = 1
    while depth:
        depth += {"<": 1, ">": -1}.get(text[at], 0)
        at += 2 if text[at] == "\\" else 1
    return at


def literal(text):
    return "".join("\\" + c if c in "\\.+*?()|[]{}^$" else c for c in text)


def regex(pattern):
    """A pattern of the filter language as a regular expression; the language's own bounds are left out."""
    out, at = "", 0
    while at < len(pattern):
        if pattern[at] == "\\":
            out, at = out + literal({"s": " "}.get(pattern[at + 1], pattern[at + 1])), at + 2
        elif pattern[at] == "<":
            end = closing(pattern, at + 1)
            inner, at = pattern[at + 1:end - 1], end
            if inner[0] == "?":
                out += f"(?:{regex(inner[1:])})?"
            elif inner.startswith("once:"):
                out += ".*" + regex(inner[5:])
            elif inner.split(":")[0] in TYPES:
                out += TYPES[inner.split(":")[0]]
            else:
                out += "(?:" + "|".join(map(regex, inner.split("|"))) + ")"
        else:
            out, at = out + literal(pattern[at]), at + 1
    return out


def patterns():
    """The sshd filter's patterns in its default mode, each for a whole line."""
    lines = (TOP / "filters/sshd.filter").read_text().splitlines()
    ours = [after.strip() for line, after in zip(lines, lines[1:]) if line.startswith("pattern auth")]
    return [f"sshd(?:-session|-auth)?(?:\\[[0-9]+\\])?: {regex(pattern)} *$" for pattern in ours]


def timed(words, stdin):
    """One run: its processor time, its time, what it wrote. Through a pipe: grep that writes to /dev/null stops at the first match."""
    start = time.monotonic()
    with open(stdin or os.devnull, "rb") as given:
        process = subprocess.Popen([str(w) for w in words], stdin=given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                   env={**os.environ, "PATH": others.PATHS, "LC_ALL": "C"})
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    return used.ru_utime + used.ru_stime, time.monotonic() - start, said


@contextlib.contextmanager
def one_cpu():
    """Everything started within runs on the highest CPU."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def by_turns(runs, rounds):
    """The medians of processor time and time, by name, and what each wrote last."""
    found = {name: [] for name, *_ in runs}
    said = {}
    with one_cpu():
        for _ in range(rounds):
            for name, words, stdin in runs:
                cpu, wall, said[name] = timed(words, stdin)
                found[name].append((cpu, wall))
    return {name: tuple(statistics.median(times) for times in zip(*all)) for name, all in found.items()}, said


def parsers(home, log, few):
    """Other daemons' parsers: those that are fast read the whole log, the others a part of it."""
    fast, slow = [], []
    if others.Sshguard.here():
        fast = [("sshguard's parser", [others.Sshguard.folder() / "sshg-parser"], log)]
    if shutil.which("fail2ban-regex", path=others.PATHS):
        slow = [("fail2ban-regex", ["fail2ban-regex", "--usedns", "no", few, "sshd"], None)]
    return fast, slow


def table(title, rows, lines):
    print(f"\n{title}\n{'':<36} {'CPU s':>8} {'s':>8} {'ns a line':>10}")
    for name, (cpu, wall), note in rows:
        print(f"{name:<36} {cpu:8.4f} {wall:8.4f} {cpu / lines * 1e9:10.1f}  {note}", flush=True)


def bar(value, least):
    return f"{value:.2f} (bar {least:g}: {'met' if value >= least else 'NOT MET'})"


def measure(home, road, probe, stamp, lines, rounds):
    """Both logs, both tables; the figures."""
    auth, mixed, few, regexes = home / "auth.log", home / "mixed.log", home / "few.log", home / "patterns"
    expected = road("lines", auth, stamp, lines, 30)
    road("mixed", mixed, stamp, lines)
    with open(auth) as whole, open(few, "w") as part:
        part.writelines(line for line, _ in zip(whole, range(SLOW_LINES)))
    regexes.write_text("\n".join(patterns()) + "\n")

    own = lambda log, what: (f"bailiff, {what}", [probe, "engine", log, what], None)
    rg = [("rg -c with sshd's patterns", ["rg", "-j1", "-c", "--no-config", "--no-unicode", "-f", regexes, auth], None)]
    rg = rg if shutil.which("rg", path=others.PATHS) else []
    fast, slow = parsers(home, auth, few)
    first = [("wc -l", ["wc", "-l", auth], None), ("grep -c -F", ["grep", "-c", "-F", "Failed password", auth], None), *rg, own(auth, "sshd")]
    second = [("wc -l", ["wc", "-l", mixed], None), own(mixed, "sshd"), own(mixed, "all")]
    medians, said = by_turns(first, rounds)
    medians |= by_turns(fast, 1)[0]
    for name, (cpu, wall) in by_turns(slow, 1)[0].items():
        medians[name] = (cpu * lines / SLOW_LINES, wall * lines / SLOW_LINES)
    check(expected, said, rg)

    ours = medians["bailiff, sshd"][0]
    ratios = {"wc/ours": medians["wc -l"][0] / ours, **({"rg/ours": medians[rg[0][0]][0] / ours} if rg else {})}
    notes = {name: f"from {SLOW_LINES:,} lines" for name, *_ in slow}
    notes["bailiff, sshd"] = ", ".join(f"{name} {bar(value, WC if name == 'wc/ours' else RG)}" for name, value in ratios.items())
    table(f"the engine: an auth.log of {lines:,} lines, 30 % failures, {expected['addresses']:,} addresses",
          [(name, times, notes.get(name, "")) for name, times in medians.items()], lines)
    absent = [name for name, there in (("ripgrep", rg), ("sshguard", fast), ("fail2ban", slow)) if not there]
    if absent:
        print(f"absent: {', '.join(absent)} (as root BAILIFF_INSTALL=1 installs them)")

    mixture, _ = by_turns(second, rounds)
    every, alone = mixture["bailiff, all"][0], mixture["bailiff, sshd"][0]
    ratios["all: wc/ours"], ratios["all/sshd"] = mixture["wc -l"][0] / every, every / alone
    notes = {"bailiff, all": f"wc/ours {bar(ratios['all: wc/ours'], WC_ALL)}, {every / alone:.1f} times sshd alone"}
    table(f"the engine: a mixed log of {lines:,} lines, with every filter of the library",
          [(name, times, notes.get(name, "")) for name, times in mixture.items()], lines)
    bars = {"wc/ours": WC, "rg/ours": RG, "all: wc/ours": WC_ALL}
    met = all(ratios[name] >= least for name, least in bars.items() if name in ratios)
    return {"auth": medians, "mixed": mixture, "ratios": ratios, "met": met}


def check(expected, said, rg):
    """What was counted is what the log holds."""
    ours = said["bailiff, sshd"].decode()
    if f'"matches": {expected["failures"]},' not in ours:
        raise SystemExit(f"the engine counted {ours}, the log holds {expected}")
    if rg and int(said[rg[0][0]]) != expected["failures"]:
        raise SystemExit(f"ripgrep counted {said[rg[0][0]]}, the log holds {expected}")
