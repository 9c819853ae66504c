#!/usr/bin/env python3
"""`bailiff test` and `bailiff filters`: the daemon's engine on logs, without a daemon, a network or a privilege. Every example of
every filter yields its address; figures are those of a log that was made with known ones; one JSON object a line, whatever
bytes the log holds; memory stays the same for any log; wrong words are refused by name."""
import random, select
from house import *

bailiff = BIN / "bailiff"
dir = pathlib.Path(tempfile.mkdtemp(prefix="bailiff-test-"))
atexit.register(shutil.rmtree, dir, ignore_errors=True)
NO_CONFIG = ["--config", dir / "none.toml"]
(dir / "none.toml").write_text("[jail.other]\nenabled = true\nfilter = \"sshd\"\nmode = \"aggressive\"\n")


def run(*words, input=b"", code=None):
    done = subprocess.run([bailiff, *words], input=input, capture_output=True, timeout=300)
    if code is not None and done.returncode != code:
        fail(f"bailiff {words}: exit {done.returncode}, expected {code}: {done.stdout[-800:]}{done.stderr[-800:]}")
    return done


def records(word, data, code=None):
    return [json.loads(line) for line in run("--json", "test", *word, "-", input=data, code=code).stdout.splitlines()]


# 1. The catalogue, and every example in it.
listed = json.loads(run("filters", "--json", code=0).stdout)
files = {path.stem: path.read_text() for path in sorted((TOP / "filters").glob("*.filter"))}
check(sorted(f["filter"] for f in listed) == sorted(files), f"{len(files)} filters are listed")
check(all(run("filters", "show", name, code=0).stdout.decode() == text for name, text in files.items()), "each shown as it was compiled")
table = run("filters", code=0).stdout.decode().splitlines()
check(all(any(row.split()[0] == name for row in table[1:] if row.strip()) for name in files), "and in the table")
hits = misses = 0
for f in listed:
    for mode in f["modes"]:
        lines = []
        for line in files[f["filter"]].splitlines():
            m = re.match(r"\s+hit(?:\[(\S+)\])? (\S+) +(.*\S)\s*$", line)
            if m and (m[1] == mode or m[1] is None and f["modes"] == [mode]):
                lines.append((m[2], m[3]))
            m = re.match(r"\s*miss(?:\[(\S+)\])? +(.*\S)\s*$", line)
            if m and (m[1] or mode) == mode:
                lines.append((None, m[2]))
        data = "".join(text + "\n" for _, text in lines).encode()
        for (address, text), record in zip(lines, records([f"{f['filter']}[mode={mode}]"], data), strict=True):
            check_hit = record["address"] == address and record["match"] == (address is not None) and ("why" in record) == (address is None)
            if not check_hit:
                fail(f"{f['filter']}[mode={mode}]: {text}: {record}")
            hits, misses = hits + (address is not None), misses + (address is None)
check(hits > 100 and misses > 100, f"{hits} lines yield their address, {misses} yield nobody")

# 2. A log of known figures, from a file and through a pipe.
rng = random.Random(11)
addresses = [f"198.51.{i // 250}.{i % 250 + 1}" for i in range(3000)] + [f"2001:db8:{i:x}::{i:x}" for i in range(1, 300)]
lines, failures = [], {}
for i in range(200_000):
    t = f"Nov {1 + i * 20 // 200_000:2d} {i // 40 % 24:02d}:{i // 7 % 60:02d}:{i % 60:02d} host"
    if rng.random() < 0.3:
        address = rng.choice(addresses)
        failures[address] = failures.get(address, 0) + 1
        lines.append(f"{t} sshd[{i}]: " + rng.choice(["Failed password for root from {} port 4 ssh2", "Invalid user bob from {} port 5"]).format(address))
    else:
        lines.append(f"{t} CRON[{i}]: pam_unix(cron:session): session opened for user root" if i % 2 else f"{t} sshd[{i}]: Server listening on :: port 22.")
log = dir / "auth.log"
log.write_text("\n".join(lines) + "\n")
n = sum(failures.values())
for where, data in [([log], b""), (["-"], log.read_bytes()), (["-"], log.read_bytes()[:-1])]:
    text = run(*NO_CONFIG, "test", "sshd", *where, "--all", input=data, code=0).stdout.decode()
    check(re.search(rf"^ +{len(lines)} lines\n +{n} match\n", text, re.M) is not None, f"{len(lines)} lines, {n} match")
    seen = {m[1]: int(m[2]) for m in re.finditer(r"^([0-9a-f.:]+) +(\d+)  \d{4}-", text, re.M)}
    check(seen == failures, f"all {len(seen)} addresses with their attempts")
counts = [int(m[1]) for m in re.finditer(r"^[0-9a-f.:]+ +(\d+)  \d{4}-", run("test", "sshd", log, code=0).stdout.decode(), re.M)]
check(counts == sorted(failures.values(), reverse=True)[:20], "the twenty with the most attempts, sorted")
check(f"{n} of {len(lines)} lines match" in text.splitlines()[-1], f"the verdict: {text.splitlines()[-1]}")
check("Jail other has mode aggressive" in text, "the configured jail's limits, and that its mode is another")
check(re.search(rf"^ +{n} match", run("test", log, code=0).stdout.decode(), re.M), "all filters together find as many")
# The kernel counts resident pages a processor at a time (include/linux/percpu_counter.h), and what is still in the pipe
# differs from run to run: a hundred KiB is nothing, a hundredth of what was written would be more than a MiB.
peak = []
for times in (1, 10):
    process = subprocess.Popen([bailiff, "test", "sshd", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    for _ in range(times):
        process.stdin.write(log.read_bytes())
    process.stdin.flush()
    peak.append(int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{process.pid}/status").read_text())[1]))
    process.stdin.close()
    process.wait(60)
check(peak[1] <= peak[0] + 512 and peak[1] < 32768, f"memory does not grow with the log: {peak} KiB")

# 3. Hostile bytes: one object a line, ASCII, whatever there is.
LONGEST = 1024 * int(re.search(r"LONGEST: usize = (\d+) << 10", (TOP / "src/shared/base/lines.rs").read_text())[1])
blob = [b"", b"\0", b"Nov 21 19:55:43 h sshd[1]: Invalid user \xff\"\\\x1b]0;x\x07 from 198.51.100.66 port 5", b"\r", b"{" * 3000, b"x" * LONGEST,
        b"x" * (LONGEST + 1), b"Nov 21 19:55:43 h sshd[1]: Invalid user " + b"y" * 2 * LONGEST + b" from 198.51.100.66 port 5"]
blob += [rng.randbytes(rng.randrange(300)).replace(b"\n", b"\r") for _ in range(3000)]
for word in ([], ["sshd"], ["dovecot[logtype=journal]"], ["nginx-http-auth"]):
    done = run("--json", "test", *word, "-", input=b"\n".join(blob) + b"\n")
    got = [json.loads(line) for line in done.stdout.splitlines()]
    check([r["n"] for r in got] == list(range(1, len(blob) + 1)) and done.stdout.isascii(), f"{len(blob)} objects, all ASCII: {word}")
    check([r["why"] for r in got if "longer" in r.get("why", "")] == [f"longer than {LONGEST} bytes"] * 2, "two lines are too long")
    keys = {"n", "match", "address", "filter", "pattern", "line", "weight", "time"}
    check(all(keys <= set(r) and ("why" in r) != r["match"] for r in got), "each with its keys")
    text = run("test", *word, "-", input=b"\n".join(blob) + b"\n").stdout
    check(not re.search(rb"[^\n -~]", b"\n".join(l for l in text.splitlines() if b"\\x" in l or b"198.51" in l)), "for people: quoted")
got = records(["sshd"], blob[2] + b"\nNov 21 19:55:44 h sshd[1]: x\n<38>1 2026-11-21T19:55:45+02:00 h sshd 1 - - Invalid user a from 198.51.100.7\n", code=0)
check([r["address"] for r in got] == ["198.51.100.66", None, "198.51.100.7"], "the matches are the matches")
check(got[2]["time"] == "2026-11-21T19:55:45+02:00" and got[0]["time"][4:] == "-11-21T19:55:43", "with the lines' own times")
check(got[1]["why"] == "no pattern takes it", "and why not")
check(records(["sshd"], b"", code=1) == [], "an empty log: nothing, exit 1")

# 4. The limits of the configuration.
(dir / "b.toml").write_text('[guard]\nnever_ban = ["203.0.113.0/24"]\n[jail.s]\nenabled = true\nfilter = "sshd"\nmaxretry = 2\nfindtime = "30s"\n')
data = "".join(f"Nov 21 19:55:{s:02d} h sshd[1]: Invalid user a from {a} port 5\n"
               for s, a in [(0, "198.51.100.1"), (1, "198.51.100.2"), (2, "203.0.113.1"), (3, "203.0.113.1"), (29, "198.51.100.2"), (31, "198.51.100.1")]).encode()
text = run("--config", dir / "b.toml", "test", "sshd", "-", input=data, code=0).stdout.decode()
check("With the limits of jail s (2 failures within 30s, bans of 10m): 1 of 3 would have been banned" in text, "what the jail would ban")
check(re.search(r"^198\.51\.100\.2 .* yes$", text, re.M) and re.search(r"^203\.0\.113\.1 .* never", text, re.M), "and whom, and whom never")
timeless = data.replace(b"Nov 21 19:55:31 h ", b"")
text = run("--config", dir / "b.toml", "test", "sshd[logtype=journal]", "-", input=timeless, code=0).stdout.decode()
check("not every line says when it was written" in text, "lines without a time: it says that it does not know")
run("--config", dir / "absent.toml", "test", "sshd", "-", input=data, code=111)
(dir / "bad.toml").write_text("[jail.s]\nenabled = yes\n")
check(b"bad.toml:2:11" in run("--config", dir / "bad.toml", "test", "sshd", "-", input=data, code=100).stderr, "a wrong configuration that was named: exit 100 and the place")

# 5. One line explained; words that are refused.
line = "Nov 21 19:55:43 h sshd[1]: Invalid user a from %s port 5"
text = run("test", "sshd", "--line", line % "198.51.100.7", code=0).stdout.decode()
check("taken by filters/sshd.filter:" in text and "address  198.51.100.7, read from the end" in text, "a line explained")
text = run("test", "sshd", "--line", line % "host.example", code=1).stdout.decode()
check("furthest got" in text and "expected an address, and no host name" in text, "and one that no pattern takes")
check(json.loads(run("--json", "test", "sshd", "--line", line % "198.51.100.7", code=0).stdout)["address"] == "198.51.100.7", "in JSON too")
for words, expected in [
    (["test", "shd"], "sshd"), (["test", "sshd[mode=all]"], "normal ddos"), (["test", "sshd[x=1]"], "logtype"), (["test", "sshd[mode"], "FILTER[KEY=VALUE"),
    (["test", "sshd", "-", "-"], "at most a filter and a file"), (["test", "--line", "x"], "--line"), (["filters", "show", "dovecott"], "dovecot"),
    (["filters", "show"], "show"), (["filters", "now"], "show"), (["status", "--all"], "--all"),
]:
    done = run(*words, code=100)
    check(expected in done.stderr.decode() and not done.stdout, f"exit 100: {done.stderr.decode().strip().splitlines()[0]}")
check(b"ENOENT" in run("test", "sshd", dir / "absent", code=111).stderr, "a file that is not there: exit 111")
check(b"logtype" in run("test", "sshd[logtype=short]", log, code=0).stderr, "a parameter without effect is said")
check(run("test", log, code=0).stdout.startswith(b"all "), "a file in a filter's place is the file")
check(b"test [FILTER" in run("help", code=0).stdout, "help names it")

# 6. At a terminal it says how far it is, and wipes that when it is done; elsewhere it does not.
master, slave = os.openpty()
process = subprocess.Popen([bailiff, "test", "sshd", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=slave)
said, end = b"", time.monotonic() + 20
while b"lines/s" not in said and time.monotonic() < end:
    process.stdin.write(data)
    process.stdin.flush()
    if select.select([master], [], [], 0.05)[0]:
        said += os.read(master, 4096)
process.stdin.close()
report = process.stdout.read()
process.wait(60)
said += os.read(master, 4096)
check(b"lines/s" in said and said.endswith(b"\x1b[K") and b"lines/s" not in report, f"on a terminal: {said[:60]}")
check(b"lines/s" not in run("test", "sshd", log).stderr, "and nothing elsewhere")
ok("what filters make of a log, without a daemon")
