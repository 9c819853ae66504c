#!/usr/bin/env python3
"""The operator's own filters: compiled at start and at reload in a cage of their own, held to the same rules as bailiff's.

The folder `filters` lies beside the configuration. Lines are written to the logs of jails on such filters, and the addresses are
read in the kernel. What is refused is refused with file, line and column; at a reload the old ones stay at work. `bailiff test` says
of the same lines what the daemon did, and refuses what it refuses. The compiler is caught while it runs.
"""
from house import *

own_namespace()
need("nft")

HEAD = "filter  {name}\nheader  {header}\nclass   auth probe\nmode    normal = auth\nmode    strict = auth probe\ndefault normal\n"
MYAPP = HEAD.format(name="myapp", header="time") + """log     {log}
port    8443

pattern auth
  login of <text> failed, peer <addr>
  hit 198.51.100.66 2026-11-22 10:11:12 login of ghost failed, peer 198.51.100.66
pattern probe
  no such page, peer <addr>: <text>
  hit 198.51.100.66 2026-11-22 10:11:12 no such page, peer 198.51.100.66: /wp-login.php

miss 2026-11-22 10:11:12 login of ghost succeeded, peer 198.51.100.66
"""
MYJSON = HEAD.format(name="myjson", header="raw") + """form    json

pattern auth
  .event login.failed
  .peer.ip <addr>
  hit 198.51.100.66 {"event":"login.failed","user":"ghost","peer":{"ip":"198.51.100.66","port":4242}}
"""
FRAMED = HEAD.format(name="framed", header="raw") + """pattern auth
  login of <word> failed, peer <addr>
  hit 198.51.100.66 login of ghost failed, peer 198.51.100.66
"""
FRAMED_AT = "filters/framed.filter:8:12: the address can be framed"
LONG = "a-jail-of-24-bytes-abcde"


def of_words(name, patterns, note=""):
    """A filter of so many patterns, whose trial takes long: each has free text and many words."""
    text = HEAD.format(name=name, header="raw") + note
    for n in range(patterns):
        line = f"event {n} login of <text> failed, peer <addr> port <number> a b c"
        shown = line.replace("<text>", "x").replace("<addr>", "198.51.100.66").replace("<number>", "22")
        text += f"pattern auth\n  {line}\n  hit 198.51.100.66 {shown}\n"
    return text


class Own(Daemon):
    """A daemon with filters of its operator's, by name."""

    def __init__(self, filters, jails="", **keys):
        super().__init__(jails="", **keys)
        self.folder = self.dir / "filters"
        self.folder.mkdir(mode=0o755)
        self.logs = {}
        for name, text in filters.items():
            self.put(name, text)
        self.log.touch()
        self.configure(jails or "".join(self.jail(name) for name in filters))

    def put(self, name, text):
        path = self.folder / f"{name}.filter"
        path.write_text(text)
        os.chmod(path, 0o644)

    def jail(self, name, filter="", more="", logs=True):
        self.logs[name] = self.dir / f"{name}.log"
        self.logs[name].touch()
        return (f'[jail.{name}]\nenabled = true\nmaxretry = 3\n' + (f'filter = "{filter}"\n' if filter else "")
                + (f'logs = ["{self.logs[name]}"]\n' if logs else "") + more)

    def once(self, *words, timeout=60):
        """A start that must end by itself: exit code, log, seconds."""
        begun = time.monotonic()
        p = subprocess.Popen([self.bin / "bailiffd", "--config", self.config, *words], stderr=subprocess.PIPE, text=True)
        try:
            log = p.communicate(timeout=timeout)[1]
        except subprocess.TimeoutExpired:
            p.terminate()
            return "none, it is up", p.communicate()[1], timeout
        return p.returncode, log, time.monotonic() - begun

    def reload(self):
        mark = self.text().count("ready after")
        self.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.text().count("ready after") > mark, "the next generation is ready", 30)


def as_the_client(daemon, log, what):
    """What the daemon refuses by line and column the client refuses in the same words."""
    said = re.search(r"compiler: (filters/(\S+)\.filter:\d+:\d+: .*)", log)
    if said:
        mine = daemon.client("filters", "check", str(daemon.folder / f"{said[2]}.filter"), check_code=100).stderr.strip()
        check(mine == f"bailiff: {daemon.dir}/{said[1]}", f"{what}: `bailiff filters check` says the same")


def refused(daemon, code, wanted, what, timeout=20):
    for words in ([], ["--check"]):
        got, log, _ = daemon.once(*words, timeout=timeout)
        check(got == code and wanted in log, f"{what}, {words[0] if words else 'start'}: exit {got}: "
              f"{re.sub('^<[0-9]>', '', log.strip().splitlines()[0] if log.strip() else '')[:150]!r}")
    as_the_client(daemon, log, what)


def banned_in(name, address, width=32):
    return lambda: address in kernel(f"{name}_v{6 if ':' in address else 4}_{width}")


# 1. Two filters of the operator's own beside one of bailiff's: each bans in its own jail. A jail's name may have 24 bytes.
d = Own({"myapp": MYAPP, "myjson": MYJSON})
d.put("myapp", MYAPP.replace("{log}", str(d.dir / "myapp.log")))
d.configure(d.jail(LONG, "myapp", 'mode = "strict"\n') + d.jail("myapp", logs=False) + d.jail("myjson") + d.sshd("maxretry = 3"))
d.start()
app = "2026-11-22 10:11:12 login of {} failed, peer {}"
page = "2026-11-22 10:11:12 no such page, peer {}: /x"
event = '{{"event":"login.failed","peer":{{"port":1,"ip":"{}"}},"user":"x\\", \\"peer\\": {{"}}'
for n in range(3):
    d.write(app.format("x", "198.51.100.1"), page.format("198.51.100.9"), app.format("x failed, peer 203.0.113.9", "198.51.100.3"), path=d.logs["myapp"])
    d.write(page.format("198.51.100.2"), path=d.logs[LONG])
    d.write(event.format("2001:db8::4"), event.format("198.51.100.5"), path=d.logs["myjson"])
    d.write(failure("198.51.100.6"))
for name, address, width in [("myapp", "198.51.100.1", 32), ("myapp", "198.51.100.3", 32), (LONG, "198.51.100.2", 32),
                             ("myjson", "198.51.100.5", 32), ("myjson", "2001:db8::", 64), ("sshd", "198.51.100.6", 32)]:
    wait_for(banned_in(name, address, width), f"{address} is banned in {name}")
    check(True, f"in the kernel: {address}/{width} in the set of {name}")
check(d.banned() == {"198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.5", "2001:db8::", "198.51.100.6"},
      "nobody else: neither by a class that the mode leaves out, nor whom a user name imitates")
for jail, name, mode, addresses in [("myapp", "myapp", "normal", {"198.51.100.1", "198.51.100.3"}), (LONG, "myapp", "strict", {"198.51.100.2"}),
                                    ("myjson", "myjson", "normal", {"198.51.100.5", "2001:db8::4"})]:
    for word in (name, str(d.folder / f"{name}.filter")):
        rows = [json.loads(row) for row in d.client("--json", "test", f"{word}[mode={mode}]", str(d.logs[jail]), check_code=0).stdout.splitlines()]
        taken = [row["address"] for row in rows if row["match"]]
        check(set(taken) == addresses and all(taken.count(a) == 3 for a in addresses) and {row["filter"] for row in rows if row["match"]} == {name},
              f"bailiff test {name}[mode={mode}], by {'name' if word == name else 'file'}: whom the daemon has banned, by as many lines")
        told = d.client("test", f"{word}[mode={mode}]", str(d.logs[jail])).stdout
        check(f"With the limits of jail {jail} (3 failures " in told and f"{len(addresses)} of {len(addresses)} would have been banned" in told
              or name == "myjson" and "not every line says when" in told, "and by the limits of its jail")
# Where a filter of the operator's own names the log, the client does not know it, nor what is numbered behind it: it says so.
for name, address, where in [(LONG, "198.51.100.2", d.logs[LONG]), ("myapp", "198.51.100.1", "source 1"), ("myjson", "198.51.100.5", "source 2")]:
    said = d.client("explain", address, check_code=0).stdout
    check(f"{address} is banned in {name} " in said and re.search(rf"at byte \d+ of {where}\b", said),
          f"explain {address}: {said.splitlines()[0]} ... {said.splitlines()[2]}")
check({r["jail"] for r in d.client("jails", json_too=True)} >= {"myapp", LONG, "myjson", "sshd"}, "jails names them")
check(d.client("list", "--jail", LONG).returncode == 0 and "198.51.100.2" in d.client("list", "--jail", LONG).stdout, "list --jail takes 24 bytes")
d.client("unban", "198.51.100.2", "--jail", LONG, check_code=0)
check("198.51.100.2" not in kernel(f"{LONG}_v4_32"), "and so does unban")
roles = d.roles()
check(len(roles) == 3 and "bailiff-compile" not in roles, f"the compiler is gone, and nothing of it is left: {sorted(roles)}")

# 2. A changed filter is in force after SIGHUP, the old one no more; one that is wrong leaves all as it was.
d.put("myapp", MYAPP.replace("{log}", str(d.dir / "myapp.log")).replace("login of", "sign-in of"))
d.reload()
d.write(*[app.format("x", "198.51.100.11")] * 3, *[app.format("x", "198.51.100.12").replace("login", "sign-in")] * 3, path=d.logs["myapp"])
wait_for(banned_in("myapp", "198.51.100.12"), "the new pattern bans")
check("198.51.100.11" not in d.banned(), "SIGHUP: the new pattern is in force, the old one is not")
check(banned_in("myapp", "198.51.100.1")(), "and no ban is lifted")
before = d.roles()
for name, text, wanted in [
    ("framed", FRAMED, FRAMED_AT), ("sshd", HEAD.format(name="sshd", header="raw"), "filters/sshd.filter:1:1: bailiff has a filter of this name"),
    ("myapp", "filter myapp\nheader  nonsense\n", "filters/myapp.filter:2:9: an unknown header"), ("x" * 33, "", "expected a name of at most 32"),
]:
    kept = (d.folder / f"{name}.filter").read_bytes() if (d.folder / f"{name}.filter").exists() else None
    d.put(name, text)
    mark = len(d.text())
    d.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "stays: the new one is refused" in d.text()[mark:], "the reload is refused")
    check(wanted in d.text()[mark:], f"SIGHUP, a wrong {name[:6]}.filter: {wanted!r}")
    as_the_client(d, d.text()[mark:], f"a wrong {name[:6]}.filter")
    if kept is None:
        (d.folder / f"{name}.filter").unlink()
    else:
        d.put(name, kept.decode())
check(d.roles() == before, "the roles are the same processes")
d.write(*[app.format("x", "198.51.100.13").replace("login", "sign-in")] * 3, path=d.logs["myapp"])
wait_for(banned_in("myapp", "198.51.100.13"), "the old generation is at work")
(d.folder / "another.filter").write_text(of_words("another", 1))
d.reload()
d.write(*[app.format("x", "198.51.100.14").replace("login", "sign-in")] * 3, path=d.logs["myapp"])
wait_for(banned_in("myapp", "198.51.100.14"), "a reload after refused ones, with one filter more, in front of the others")
check(banned_in("myapp", "198.51.100.14")(), "after refused reloads a good one, with a filter more in front: every jail finds its own")
check(d.stop() == 0, "an orderly end")

# 3. What is refused at start, by file, line and column.
d = Own({"framed": FRAMED})
refused(d, 100, FRAMED_AT, "a filter by which anybody can be framed")
d = Own({"sshd": HEAD.format(name="sshd", header="raw")})
refused(d, 100, "filters/sshd.filter:1:1: bailiff has a filter of this name", "the name of one of bailiff's own")
d = Own({"myjson": MYJSON.replace("class ", "forged  anybody may post\nclass ")})
refused(d, 100, "bailiff.toml:8:2: expected insist = true in this jail", "one whose lines can be forged")
d.configure(d.jail("myjson", more="insist = true\n"))
check(d.once("--check")[0] == 0, "with insist = true it is taken")
d.configure(d.jail("myjson", more='insist = true\nmode = "aggressive"\n'))
refused(d, 100, "mode: expected one that the filter's file names", "a mode that it has not")
d.configure(d.jail("myjsn"))
refused(d, 100, "filter: expected the name of a filter", "a filter that is not there")
d = Own({"myjson": MYJSON})
(d.folder / "myjson.filter").write_bytes(b"filter \xff\n")
refused(d, 100, "filters/myjson.filter:1:1: not UTF-8", "bytes that are no text")
(d.folder / "myjson.filter").unlink()
(d.folder / "myjson.filter").mkdir()
refused(d, 100, "myjson.filter: not a regular file", "a directory")
for name in ("My", "", "a b", "x" * 33):
    d = Own({"myjson": MYJSON})
    d.put(name, MYJSON)
    refused(d, 100, "expected a name of at most 32 of a-z, 0-9, _ and -", f"the file {name[:8] + '.filter'!r}")
if as_root():
    d = Own({"myjson": MYJSON})
    os.chmod(d.folder / "myjson.filter", 0o664)
    refused(d, 100, "myjson.filter: others than root can write it", "a file that its group can write")
    os.chmod(d.folder / "myjson.filter", 0o644)
    os.chown(d.folder / "myjson.filter", 61200, 61200)
    refused(d, 100, "myjson.filter: others than root can write it", "a file of another owner")
    os.chown(d.folder / "myjson.filter", 0, 0)
    os.chmod(d.folder, 0o777)
    refused(d, 100, "filters: others than root can write it", "a folder that others can write")

# 4. How large, how many, how long.
taken = {}
d = Own({"myjson": MYJSON})
d.put("note", "# an ordinary file beside them\n")
(d.folder / "note.filter").rename(d.folder / "note.txt")
(d.folder / "myjson.filter~").write_text("nonsense")
code, log, taken["one filter of two"] = d.once("--check")
check(code == 0, f"other files in the folder are left alone: {log.strip()}")
big = of_words("big", 40, "# " + "x" * 28000 + "\n")
check(33 << 10 < len(big) < 34 << 10, f"a filter of {len(big)} bytes")
d = Own({"big": big})
d.start()
d.write(*["event 39 login of x failed, peer 198.51.100.21 port 1 a b c"] * 3, path=d.logs["big"])
wait_for(banned_in("big", "198.51.100.21"), "its last pattern bans")
check(True, "of 33 KiB: taken, its last pattern bans")
check(d.stop() == 0, "an orderly end")
d = Own({"big": of_words("big", 1, "# " + "x" * (64 << 10) + "\n")})
refused(d, 100, "big.filter: longer than 64 KiB", "one of more than 64 KiB")
names = [f"own-{n:02}-of-thirty-two-with-32-byt" for n in range(32)]
d = Own({name: of_words(name, 3) for name in names}, jails="x")
d.configure("".join(d.jail(f"j{n}", names[n]) for n in range(31)))
d.start()
for n in (0, 13, 30):
    d.write(*["event 2 login of x failed, peer 198.51.100.%d port 1 a b c" % (40 + n)] * 3, path=d.logs[f"j{n}"])
for n in (0, 13, 30):
    wait_for(banned_in(f"j{n}", f"198.51.100.{40 + n}"), f"the filter of jail j{n} bans")
check(d.banned() == {f"198.51.100.{40 + n}" for n in (0, 13, 30)}, "32 filters, 31 jails on them: each finds its own")
check(d.stop() == 0, "an orderly end")
taken["32 filters of 3 patterns"] = d.once("--check")[2]
d.put("own-33", of_words("own-33", 1))
refused(d, 100, "filters: more than 32 filters", "33 filters")
d = Own({})
for source in sorted((TOP / "filters").glob("*.filter"))[:200]:
    if source.stem in ("sshd", "exim", "dovecot", "postfix", "web-probe-json", "apache-auth"):
        d.put(f"my-{source.stem}", re.sub(r"(?m)^filter(\s+)\S+", rf"filter\g<1>my-{source.stem}", source.read_text(), count=1))
        d.configure(d.jail(f"my-{source.stem}", more="insist = true\n"))
        code, log, taken[f"a copy of {source.stem}"] = d.once("--check")
        check(code == 0, f"a copy of bailiff's own {source.name}, {source.stat().st_size} bytes, compiles: {log.strip()[-60:]}")
        (d.folder / f"my-{source.stem}.filter").unlink()

# 5. The compiler while it runs: its uid, no capability, a seccomp filter, no new privilege, three descriptors, an empty root.
slow = next(n for n in (100, 80, 60, 50, 40, 30, 20) if Own({"slow": of_words("slow", n)}).once("--check")[0] == 0)
d = Own({f"slow{n}": of_words(f"slow{n}", slow) for n in range(2)})
d.start(wait=False)


def compiler():
    return d.roles().get("bailiff-compile")


def status(pid):
    return dict(l.split(":\t", 1) for l in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in l)


wait_for(lambda: compiler() and status(compiler()).get("Seccomp_filters", "2").strip() >= "2" and status(compiler())["Seccomp"] == "2",
         "the compiler is at work", 10)
pid = compiler()
is_ = status(pid)
fds = sorted(os.listdir(f"/proc/{pid}/fd"), key=int) if as_root() else []
root = os.listdir(f"/proc/{pid}/root") if as_root() else []
spaces = {n: os.readlink(f"/proc/{pid}/ns/{n}") for n in ("mnt", "net", "pid", "ipc", "uts", "cgroup")} if as_root() else {}
limits = pathlib.Path(f"/proc/{pid}/limits").read_text() if as_root() else ""
watcher = "61102" if as_root() else "0"
check(set(is_["Uid"].split()) == {watcher}, f"its uid is the watcher's, {is_['Uid'].split()}")
check(all(int(is_[c], 16) == 0 for c in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")), "no capability in any of five sets")
check(is_["Seccomp"] == "2" and is_["NoNewPrivs"] == "1", f"seccomp mode 2, {is_.get('Seccomp_filters', '?')} filters; no_new_privs")
if as_root():
    check(fds == ["0", "1", "2"] and root == [], f"descriptors {fds}, an empty root")
    check(all(os.readlink(f"/proc/self/ns/{n}") != s for n, s in spaces.items()), f"namespaces of its own: {', '.join(spaces)}")
    check(re.search(r"Max cpu time +10 +10 ", limits) and re.search(r"Max address space +75497472 ", limits), "10 seconds, 72 MiB of address space")
d.wait_log("ready after", 60)
check(d.stop() == 0, "an orderly end")
taken[f"two filters of {slow} patterns each"] = d.once("--check")[2]

# 6. Who is not root cannot start the cage: --check reads the configuration alone, and says so.
if as_root():
    words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", d.bin / "bailiffd", "--config", d.config, "--check"]
    run = subprocess.run(words, capture_output=True, text=True, timeout=60)
    if run.returncode in (0, 100):
        check(run.returncode == 0 and "filters/*.filter are not checked" in run.stderr, f"nobody's --check: {run.stderr.splitlines()[0]}")
    else:
        print(f"   (nobody cannot reach the program in this directory: {run.stderr.strip()[:80]})")
# 7. Too much: all filters together have 64 KiB compiled, and 10 seconds of a processor. Whoever waits for the latter at a reload
# is protected meanwhile, and goes on as before.
plain = [f"pattern auth\n  event {n} of <addr>: login failed\n  hit 198.51.100.66 event {n} of 198.51.100.66: login failed\n" for n in range(100)]
d = Own({f"large{n:02}": HEAD.format(name=f"large{n:02}", header="raw") + "".join(plain) for n in range(32)}, jails="x")
d.configure(d.jail("large00"))
code, log, taken["of 32 filters of 100 plain patterns those that fit into 64 KiB"] = d.once("--check")
check(code == 100 and re.search(r"filters/large\d\d.filter:1:1: all filters together are too large", log), f"exit 100: {log.strip()}")
d = Own({"myjson": MYJSON})
d.start()
short = [f"pattern auth\n  e{n} <text> <addr>\n  hit 198.51.100.66 e{n} x 198.51.100.66\n" for n in range(400)]
for n in range(6):
    d.put(f"slow{n}", HEAD.format(name=f"slow{n}", header="raw") + "".join(short))
before, begun = d.roles(), time.monotonic()
d.process.send_signal(signal.SIGHUP)
wait_for(compiler, "the compiler is at work")
d.write(*[event.format("198.51.100.91")] * 3, path=d.logs["myjson"])
wait_for(banned_in("myjson", "198.51.100.91"), "a ban")
check(compiler(), f"a ban while the compiler is at work, {time.monotonic() - begun:.1f} s after SIGHUP")
wait_for(lambda: d.text().count("ready after") > 1 or "the new one is refused" in d.text(), "an end of it", 120)
seconds = time.monotonic() - begun
if d.text().count("ready after") > 1:
    print(f"   (six filters of 400 patterns took {seconds:.1f} s here: the limit of 10 s was not reached)")
else:
    check("bailiff-compiler ended before it was done" in d.text(), f"six filters of 400 patterns: ended after {seconds:.1f} s, and said")
    wait_for(lambda: d.roles() == before, "no other process")
    d.write(*[event.format("198.51.100.92")] * 3, path=d.logs["myjson"])
    wait_for(banned_in("myjson", "198.51.100.92"), "the old generation bans on")
    check(d.roles() == before, "the old generation bans on")
check(d.stop() == 0, "an orderly end")

for what, seconds in taken.items():
    print(f"   compiled and checked in {seconds * 1000:.0f} ms: {what}")
ok("filters of the operator's own: compiled in a cage, held to the same rules, at work beside bailiff's")
