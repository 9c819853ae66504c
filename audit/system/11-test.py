#!/usr/bin/env python3
"""`bailiff test` and `bailiff filters`: the daemon's engine on logs, without a daemon, a network or a privilege. Every example of
every filter yields its address; figures are those of a log that was made with known ones; one JSON object a line, whatever
bytes the log holds; memory stays the same for any log; wrong words are refused by name. Filters of the operator's own are tried
as bailiff's are, and refused as bailiff-compiler refuses them."""
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
listed = json.loads(run(*NO_CONFIG, "filters", "--json", code=0).stdout)
files = {path.stem: path.read_text() for path in sorted((TOP / "filters").glob("*.filter"))}
check(sorted(f["filter"] for f in listed) == sorted(files), f"{len(files)} filters are listed")
check(all(run("filters", "show", name, code=0).stdout.decode() == text for name, text in files.items()), "each shown as it was compiled")
table = run(*NO_CONFIG, "filters", code=0).stdout.decode().splitlines()
check(all(any(row.split()[0] == name for row in table[1:] if row.strip()) for name in files), "and in the table")
copies = dir / "copies"
copies.mkdir()
hits = misses = 0
for f in listed:
    copy = copies / f"my-{f['filter']}.filter"
    copy.write_text(re.sub(r"(?m)^filter(\s+)\S+", r"filter\1" + copy.stem, files[f["filter"]], count=1))
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
        got, own = (records([f"{name}[mode={mode}]"], data) for name in (f["filter"], copy))
        if [{**r, "filter": r["filter"] and r["filter"].removeprefix("my-")} for r in own] != got:
            fail(f"{copy.name}[mode={mode}] makes something else of its examples than bailiff's own")
        for (address, text), record in zip(lines, got, strict=True):
            check_hit = record["address"] == address and record["match"] == (address is not None) and ("why" in record) == (address is None)
            if not check_hit:
                fail(f"{f['filter']}[mode={mode}]: {text}: {record}")
            hits, misses = hits + (address is not None), misses + (address is None)
check(hits > 100 and misses > 100, f"{hits} lines yield their address, {misses} yield nobody, and a copy of each filter as the operator's own says the same of them")

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

# 7. Filters of the operator's own: by the name that the folder beside the configuration knows, and by their file.
own = dir / "own"
(own / "filters").mkdir(parents=True)
(own / "bailiff.toml").write_text('[jail.app]\nenabled = true\nfilter = "myapp"\nmode = "strict"\nmaxretry = 2\n')
CONFIG = ["--config", own / "bailiff.toml"]
MYAPP = """filter  myapp
header  time
class   auth probe
mode    normal = auth
mode    strict = auth probe
default normal
log     {log}
port    8443

pattern auth
  login of <text> failed, peer <addr>
  hit 198.51.100.66 2026-11-22 10:11:12 login of ghost failed, peer 198.51.100.66
pattern probe weight 2
  no such page, peer <addr>: <text>
  hit 198.51.100.66 2026-11-22 10:11:12 no such page, peer 198.51.100.66: /wp-login.php
ignore
  login of <text> failed: no peer
  miss 2026-11-22 10:11:12 login of ghost failed: no peer

miss 2026-11-22 10:11:12 login of ghost succeeded, peer 198.51.100.66
"""
mine, mylog = own / "filters" / "myapp.filter", own / "app.log"
mine.write_text(MYAPP.replace("{log}", str(mylog)))
mylog.write_text("""2026-11-22 10:11:12 login of x failed, peer 198.51.100.1
2026-11-22 10:11:13 login of x failed, peer 203.0.113.9 failed, peer 198.51.100.1
2026-11-22 10:11:14 no such page, peer 198.51.100.2: /x
2026-11-22 10:11:15 login of x failed: no peer
2026-11-22 10:11:16 login denied for 198.51.100.7
sshd[4]: Invalid user x from 198.51.100.8 port 4
""")
loose = dir / "loose" / "myapp.filter"
loose.parent.mkdir()
loose.write_text(mine.read_text())
for mode, expected in [("normal", [("198.51.100.1", 11), ("198.51.100.1", 11), None]), ("strict", [("198.51.100.1", 11), ("198.51.100.1", 11), ("198.51.100.2", 14)])]:
    said = [run(*CONFIG, "--json", "test", f"{name}[mode={mode}]", mylog, code=0).stdout for name in ("myapp", mine, loose)]
    got = [json.loads(line) for line in said[0].splitlines()]
    check([r["match"] and (r["address"], r["line"]) or None for r in got] == expected + [None] * 3 and len(set(said)) == 1, f"myapp[mode={mode}], by name and by file")
check([r.get("why") for r in got[3:]] == ["ignored by line 17", "no pattern takes it", "no header of this service"], "and why the others do not count")
check(got[2]["pattern"] == "no such page, peer <addr>: <text>" and got[2]["weight"] == 2 and got[2]["filter"] == "myapp", "with the pattern as it was written")
for words in (["myapp", mylog], ["myapp"], [mine, mylog], [mine]):
    text = run(*CONFIG, "test", *words, code=0).stdout.decode()
    check(re.search(rf"PATTERN, by its line in {mine}, .*\n +2  11: login of <text> failed, peer <addr>\n", text), f"test {' '.join(map(str, words))}: hits per pattern")
    check("1 of them count in another mode" in text and "Jail app has mode strict: see `bailiff test myapp[mode=strict]`" in text
          and "With the limits of jail app (2 failures" in text, "the limits of its jail, and the jail's mode")
    check(re.search(r"look like failures, by their shape:\n +1  login denied for <addr>\n", text), "and a line that looks like a failure")
text = run(*CONFIG, "test", "myapp", "--line", "2026-11-22 10:11:12 login of x failed, peer 198.51.100.1", code=0).stdout.decode()
check(f"taken by {mine}:11\n" in text and "read from the end of the message" in text, "a line explained")
text = run(*CONFIG, "test", "myapp", "--line", "2026-11-22 10:11:12 login of x failed, peer host.example", code=1).stdout.decode()
check(f"furthest got {mine}:11\n" in text and "expected an address, and no host name" in text, "and one that no pattern takes")
text = run(*CONFIG, "test", "myapp", "--line", "2026-11-22 10:11:12 no such page, peer 198.51.100.1: /", code=1).stdout.decode()
check(f"{mine}:14 takes it, but only in other modes:\n         myapp[mode=strict]" in text, "or one of another mode")
rows = json.loads(run(*CONFIG, "filters", "--json", code=0).stdout)
check([r["file"] for r in rows] == [None] * len(files) + [str(mine)] and rows[-1] | {"file": 0} == {"filter": "myapp", "modes": ["normal", "strict"],
      "default": "normal", "ports": [8443], "logs": [str(mylog)], "journal": [], "forged": None, "patterns": 3, "file": 0}, "it is listed, with its file")
check(re.search(rf"^myapp +normal\* strict +8443 +{mylog} \(own: {mine}\)$", run(*CONFIG, "filters", code=0).stdout.decode(), re.M), "and in the table, marked")
check(all(run(*CONFIG, "filters", "show", name, code=0).stdout.decode() == mine.read_text() for name in ("myapp", loose)), "and shown")
for name, where in [("myapp", mine), (loose, loose), ("sshd", "filters/sshd.filter")]:
    text = run(*CONFIG, "filters", "check", name, code=0).stdout.decode()
    check(re.match(rf"{where}: accepted: \d+ patterns; every hit and miss in it holds\n$", text), f"filters check {name}: {text.strip()}")
if ROOT:
    os.chmod(dir, 0o755)
    shutil.copy(bailiff, dir / "bailiff")
    os.chmod(dir / "bailiff", 0o755)
    words = [*CONFIG, "--json", "test", "myapp", mylog]
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", dir / "bailiff", *words], capture_output=True)
    check(done.returncode == 0 and done.stdout == run(*words).stdout, f"nobody's own rights are enough: {done.stderr.decode().strip()}")

# 8. What is refused, by file, line and column, as the daemon refuses it; nothing is read then.
def refused(path, wanted, data, code=100):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    for words in (["test", path, mylog], ["test", path], ["test", f"{path}[mode=strict]", "--line", "x"], ["filters", "check", path]):
        done = run(*CONFIG, *words, code=code)
        if not done.stderr.decode().startswith(f"bailiff: {path}:{wanted}") or done.stdout:
            fail(f"bailiff {words}: {done.stdout[:200]}{done.stderr[:500]}")
    check(True, f"exit {code}: {path.name}:{wanted}")
    path.unlink()
there = own / "there"
there.mkdir()
text = MYAPP.replace("{log}", str(mylog))
refused(there / "myapp.filter", "11:12: the address can be framed", text.replace("login of <text> failed, peer <addr>", "login of <word> failed, peer <addr>"))
refused(there / "myapp.filter", "12:7: this example does not hold: another address", text.replace("hit 198.51.100.66 2026-11-22 10:11:12 login", "hit 198.51.100.67 2026-11-22 10:11:12 login"))
refused(there / "myapp.filter", "20:6: this line must not match", text.replace("succeeded", "failed"))
refused(there / "myapp.filter", "11:3: no example reaches this pattern", re.sub(r"  hit .* login .*\n", "", text))
refused(there / "myapp.filter", "2:9: an unknown header", text.replace("  time", "  nonsense"))
refused(there / "other.filter", "1:9: the name must be the file's", text)
refused(there / "sshd.filter", "1:1: bailiff has a filter of this name", text)
refused(there / "myapp.filter", "1:1: not UTF-8", b"filter \xff\n")
refused(there / "myapp.filter", "4:9: `\\x1b[2J` is no class", text.replace("= auth\n", "= \x1b[2J\n"))
refused(there / "myapp.filter", " longer than 64 KiB", text + "#" * 65536)
refused(there / "My.filter", " expected a name of at most 32 of a-z, 0-9, _ and - before .filter", text)
for words, code, expected in [
    (["test", there / "no.filter", mylog], 111, f"{there}/no.filter: ENOENT"), (["test", "myapp[mode=all]", mylog], 100, "all: expected a mode of myapp: normal strict"),
    (["test", mylog, mylog], 100, "expected a filter's name, or its file, NAME.filter"), (["filters", "check"], 100, "show or check"),
    (["filters", "show", "no-such"], 100, "expected a filter's name"), (["filters", "check", "no-such"], 100, "expected a filter's name"),
]:
    done = run(*CONFIG, *words, code=code)
    check(expected in done.stderr.decode() and not done.stdout, f"exit {code}: {done.stderr.decode().strip()[:110]}")
check(run(*CONFIG, "test", mylog, code=1).stdout.startswith(b"all ") and run("test", "myapp", mylog, code=100), "a log is still a log; without the folder there is no such filter")
(own / "filters" / "framed.filter").write_text(text.replace("myapp", "framed", 1).replace("login of <text> failed, peer <addr>", "login of <word> failed, peer <addr>"))
done = run(*CONFIG, "filters", "--json", code=100)
check(json.loads(done.stdout) == rows and f"{own}/filters/framed.filter:11:12: the address can be framed" in done.stderr.decode(), "filters: the others, and why one is refused")
(own / "filters" / "framed.filter").write_text("# \x1b[2J\n")
check(run(*CONFIG, "filters", "show", "framed", code=0).stdout == b"# \\x1b[2J\n", "shown though it is refused, and no control byte as it is")
for n in range(32):
    (own / "filters" / f"n{n}.filter").write_text(text.replace("myapp", f"n{n}", 1))
check(f"bailiff: {own}/filters: more than 32 filters" in run(*CONFIG, "filters", code=100).stderr.decode(), "more than the daemon takes")
ok("what filters make of a log, without a daemon")
