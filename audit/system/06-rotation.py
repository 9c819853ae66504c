#!/usr/bin/env python3
"""Rotation in every form, with writers at full speed: each line is counted exactly once.

Every line names an address of its own, and two jails read each log. `once` bans at the first failure: whoever is not banned in
it was lost. `twice` bans at the second: whoever is banned in it was counted twice. What is written while the daemon is down is
looked for in the same way: bans are kept, so a line that is counted again shows as an attempt on an address banned already.
"""
# timeout: 180
import random, stat
from house import *

own_namespace()
random.seed(6)
LINGER = 'linger = "1s"\n'


def address(n):
    return f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"


def number(text):
    _, *parts = map(int, text.split("."))
    return parts[0] << 16 | parts[1] << 8 | parts[2]


class Pen:
    """A writer that appends one line at a time, and goes on in the file it has open until it is told to open again."""
    written = 0  # by all pens of a case: a line's number, from 1

    def __init__(self, path):
        self.path, self.fd = pathlib.Path(path), None
        self.reopen()

    def reopen(self):
        if self.fd is not None:
            os.close(self.fd)
        self.fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)

    def lines(self, count):
        for _ in range(count):
            Pen.written += 1
            os.write(self.fd, failure(address(Pen.written)).encode() + b"\n")


def jails(*logs, twice=None, retries=2):
    """Both jails, on the same logs, or `twice` on others."""
    text = ""
    for name, maxretry, paths in (("once", 1, logs), ("twice", retries, twice or logs)):
        text += (f'[jail.{name}]\nenabled = true\nfilter = "sshd"\nmaxretry = {maxretry}\nfindtime = "1h"\nbantime = "1h"\n'
                 f'logs = [{", ".join(chr(34) + str(p) + chr(34) for p in paths)}]\n')
    return text


class Case:
    """One daemon with these logs, and what it counted."""

    def __init__(self, what, *names, twice=(), retries=2, prepare=None):
        self.what, Pen.written = what, 0
        self.d = Daemon("")
        if prepare:
            prepare(self.d.dir)
        self.logs = [self.d.dir / name for name in names or ["auth.log"]]
        self.log = self.logs[0]
        self.d.configure(jails(*self.logs, twice=[self.d.dir / n for n in twice], retries=retries), LINGER, "rate = 1000000\n")
        self.start()

    def start(self):
        self.d.start()

    def status(self):
        return self.d.client("status", json_too=True)

    def matches(self):
        """Attempts in each jail, as the tracker counts them."""
        status = self.status()
        return [jail["attempts"] for jail in status["jails"] if jail["jail"] in ("once", "twice")]

    def caught_up(self, before=0):
        """Waits until every line written was counted in both jails."""
        end = time.monotonic() + 20
        while (now := self.matches()) != [Pen.written - before] * 2:
            if max(now) > Pen.written - before or time.monotonic() > end:
                lost = sorted(set(range(before + 1, Pen.written + 1)) - {number(a) for a in self.banned("once")})
                edges = [n for n in lost if n - 1 not in lost or n + 1 not in lost]
                fail(f"{self.what}: {Pen.written - before} lines, attempts {now}, missing from and to {edges[:8]}\n"
                     f"{self.status()['sources']}")
            time.sleep(0.002)

    def finish(self, before=0, also=""):
        """Every line exactly once."""
        self.caught_up(before)
        self.no_doubles()
        once, all_ = self.banned("once"), {address(n) for n in range(1, Pen.written + 1)}
        if once != all_:
            fail(f"{self.what}: not counted: {sorted(all_ - once)[:5]}, never written: {sorted(once - all_)[:5]}")
        check(True, f"{self.what}: {Pen.written} lines, each counted once{also}")
        self.close()

    def banned(self, jail):
        wait_for(lambda: self.status()["figures"]["verdicts_unanswered"] == 0, "every verdict answered")
        return {row["address"] for row in self.d.client("list", json_too=True) if row["jail"] == jail}

    def no_doubles(self):
        double = self.banned("twice")
        if double:
            fail(f"{self.what}: {len(double)} lines counted twice, as {sorted(double)[:3]}\n{self.d.text()[-2500:]}")

    def source(self, condition, what):
        """Waits until a source's tide, which comes once a second, is as it should be."""
        end = time.monotonic() + 10
        while True:
            rows = self.status()["sources"]
            if any(condition(row) for row in rows):
                return
            if time.monotonic() > end:
                fail(f"{self.what}: not {what}: {rows}")
            time.sleep(0.01)

    def close(self):
        if self.d.stop() != 0:
            fail(f"{self.what}: bailiffd ended with {self.d.process.returncode}")
        self.d.clean()


def shift(log, keep=30):
    """logrotate's rename chain: log.2 <- log.1 <- log."""
    name = lambda n: log.with_name(f"{log.name}.{n}" if n else log.name)
    name(keep).unlink(missing_ok=True)
    for n in range(keep - 1, -1, -1):
        if name(n).exists():
            name(n).rename(name(n + 1))


def append():
    case = Case("append, four writers")
    base, each = [n * 5000 for n in range(4)], 5000
    children = []
    for start in base:
        if not (pid := os.fork()):
            Pen.written = start
            Pen(case.log).lines(each)
            os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
    Pen.written = 4 * each
    case.finish()


def rename_create():
    case = Case("rename and create, the writer opens anew late")
    pen = Pen(case.log)
    for _ in range(12):
        pen.lines(random.randrange(1, 1000))
        shift(case.log)
        case.log.touch()
        pen.lines(random.randrange(1, 400))  # until its SIGHUP the writer goes on in log.1
        pen.reopen()
    pen.lines(500)
    case.finish()


def fast_rotations():
    case = Case("three rotations within milliseconds, twenty times")
    pen, slowest = Pen(case.log), 0
    for _ in range(20):
        began = time.monotonic()
        for _ in range(3):
            pen.lines(random.randrange(1, 40))
            shift(case.log)
            pen.reopen()
        slowest = max(slowest, time.monotonic() - began)
        pen.lines(random.randrange(1, 40))
        case.caught_up()
    case.finish(also=f" (three took at most {slowest * 1000:.1f} ms)")


def copytruncate():
    case = Case("copytruncate")
    pen, rounds = Pen(case.log), 12
    for _ in range(rounds):
        pen.lines(random.randrange(200, 1500))
        case.d.log.with_name("auth.log.1").write_bytes(case.log.read_bytes())
        os.truncate(case.log, 0)
    time.sleep(0.3)  # no event tells that the last cut was seen
    marks = Pen.written
    pen.lines(300)
    wait_for(lambda: case.banned("once") >= {address(n) for n in range(marks + 1, Pen.written + 1)}, "the lines after the cuts")
    time.sleep(1.1)
    once, (first, second) = len(case.banned("once")), case.matches()
    case.no_doubles()
    if not once == first == second <= Pen.written:
        fail(f"copytruncate: {Pen.written} lines, {once} banned, attempts {first} and {second}")
    source = case.status()["sources"][0]
    cuts = source["truncations"]
    check(1 <= cuts <= rounds, f"copytruncate: {Pen.written} lines, {once} counted once, none twice; {cuts} of {rounds} cuts met, "
                               f"{source['lost_bytes']} lost bytes seen")
    case.close()


def quiet_copytruncate():
    case = Case("copytruncate of a log that was read to its end")
    pen = Pen(case.log)
    for _ in range(5):
        pen.lines(random.randrange(200, 1500))
        case.caught_up()
        case.log.with_name("auth.log.1").write_bytes(case.log.read_bytes())
        os.truncate(case.log, 0)
    pen.lines(10)
    case.finish()


def refill():
    case = Case("truncated and filled beyond the old end before anyone looks")
    pen = Pen(case.log)
    for lines in (300, 700, 2000):
        pen.lines(lines)
        case.caught_up()
        os.kill(case.d.roles()["bailiff-watcher"], signal.SIGSTOP)
        size = case.log.stat().st_size
        os.truncate(case.log, 0)
        pen.lines(lines + 200)
        check(case.log.stat().st_size > size, f"a file of {size} bytes is one of {case.log.stat().st_size} now")
        os.kill(case.d.roles()["bailiff-watcher"], signal.SIGCONT)
        case.caught_up()
        os.truncate(case.log, 0)
    case.finish()


def delete_create():
    case = Case("delete and create")
    pen = Pen(case.log)
    for _ in range(10):
        pen.lines(random.randrange(1, 50))
        case.caught_up()  # a file that is deleted before anybody has opened it is read by nobody
        pen.lines(random.randrange(1, 600))
        case.log.unlink()
        pen.lines(random.randrange(1, 200))
        pen.reopen()
    case.finish()


def created_later():
    case = Case("created later, with its directories; a directory renamed away and made anew", "a/b/auth.log")
    first = case.d.dir / "a"
    case.d.wait_log("not there yet")
    for n in range(5):
        (first / "b").mkdir(parents=True)
        pen = Pen(case.log)
        pen.lines(random.randrange(1, 300))
        case.caught_up()
        (first if n % 2 else first / "b").rename(case.d.dir / f"old{n}")
        pen.lines(50)  # into the file in the directory that was renamed
    (first / "b").mkdir(parents=True)
    Pen(case.log).lines(100)
    case.finish()


def many_files():
    names = [f"service{n}.log" for n in range(8)]
    case = Case("eight files in one directory, each rotated", *names)
    pens = [Pen(log) for log in case.logs]
    for _ in range(6):
        random.shuffle(pens)
        for pen in pens:
            pen.lines(random.randrange(1, 200))
            if random.random() < 0.7:
                shift(pen.path)
                pen.lines(20)
                pen.reopen()
    case.finish()


def two_paths():
    def prepare(top):
        (top / "real").mkdir()
        (top / "link").symlink_to("real")
        (top / "real/auth.log").touch()
    case = Case("one file by two paths, a jail on each", "real/auth.log", twice=["link/auth.log"], prepare=prepare)
    pen = Pen(case.log)
    for _ in range(6):
        pen.lines(random.randrange(100, 800))
        shift(case.log)
        pen.lines(50)
        pen.reopen()
    case.finish()


def link_target_rotates():
    def prepare(top):
        (top / "data").mkdir()
        (top / "auth.log").symlink_to("data/current")
        (top / "data/current").touch()
    case = Case("a link whose target rotates", prepare=prepare)
    pen = Pen(case.d.dir / "data/current")
    for _ in range(8):
        pen.lines(random.randrange(1, 500))
        shift(pen.path)
        pen.lines(30)
        pen.reopen()
    case.finish()


def link_swapped():
    case = Case("a link that is pointed to another file, and back after the first was let go",
                prepare=lambda top: ((top / "a").touch(), (top / "auth.log").symlink_to("a")))
    for target in ("a", "b", "c", "a", "b"):
        new = case.d.dir / "new"
        new.symlink_to(target)
        pen = Pen(case.d.dir / target)
        new.rename(case.log)
        pen.lines(random.randrange(1, 500))
        case.caught_up()
        time.sleep(1.3)  # longer than a file without news is kept
    case.finish()


def bytes_of_lines():
    case = Case("NUL, CR LF, pieces, lines of 131072 and 131073 bytes and of 10 MB")
    fd = os.open(case.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    numbers = iter(range(1, 100))
    line = lambda: failure(address(next(numbers))).encode()
    failure_of = lambda size: (b := line()).replace(b" root ", b" " + b"x" * (size - len(b) + 4) + b" ")
    os.write(fd, b"\0\0\0\n" + line() + b"\r\n" + b"a\0b\n" + line() + b"\n\r\n\n")
    for _ in range(3):
        whole = line()
        for piece in (whole[:20], whole[20:60], whole[60:] + b"\n"):
            os.write(fd, piece)
            time.sleep(0.03)  # so that each piece is read by itself
    counted = 5
    wait_for(lambda: case.matches() == [counted] * 2, f"5 of the short lines: {case.matches()}")
    for size in (131072, 131073):
        text = failure_of(size)
        assert len(text) == size
        os.write(fd, text + b"\n")
    long = failure("10.9.9.9").encode()
    for _ in range(80):
        os.write(fd, long + b"y" * (131072 - len(long)))
    os.write(fd, long + b"\n" + line() + b"\n")
    case.source(lambda s: s["overlong"] == 2 and s["lines"] == 11, "11 lines and 2 that are too long")
    once = case.banned("once")
    case.no_doubles()
    # What sshd never writes is no failure, however long a line may be (filters/sshd.filter: longest 1000).
    expected = {address(n) for n in (1, 2, 3, 4, 5, 8)}
    check(once == expected, f"{case.what}: {len(once)} failures, 2 lines too long, the next ones counted")
    case.close()


def gone_for_good():
    case = Case("deleted and never back")
    pen = Pen(case.log)
    pen.lines(100)
    case.caught_up()
    pen.lines(400)
    case.log.unlink()
    pen.lines(500)
    case.caught_up()
    case.source(lambda s: not s["open"], "the source is no longer open")
    files = len(list(pathlib.Path(f"/proc/{case.d.roles()['bailiff-watcher']}/fd").iterdir())) if as_root() else 5
    check(files == 5, "the deleted file is let go")
    case.finish()


def after_restart(what, between, *names, **two):
    """Lines are written before, while and after the daemon is down; here both jails ban at once, so that a line which is
    counted again is an attempt on an address banned already."""
    case = Case(what, *names, retries=1, **two)
    pen = Pen(case.log)
    for n in range(4):
        pen.lines(random.randrange(100, 2000))
        if n == 0:
            case.caught_up()
        case.d.stop()  # but for the first time in the midst of it
        between(case, pen)
        case.start()
    pen.lines(100)
    everyone = {address(n) for n in range(1, Pen.written + 1)}
    for jail in ("once", "twice"):
        end = time.monotonic() + 10
        while missing := everyone - case.banned(jail):
            if time.monotonic() > end:
                fail(f"{what}: {len(missing)} lines not counted, as {sorted(missing)[:3]}\n{case.d.text()[-1500:]}")
    again = case.status()["figures"]["attempts_already_banned"]
    check(again == 0, f"{what}: {Pen.written} lines, each counted, none again after a restart ({again})")
    case.close()


def rotated_while_down(case, pen):
    pen.lines(300)
    shift(case.log)
    pen.lines(20)
    pen.reopen()
    pen.lines(300)


FORMS = [append, rename_create, fast_rotations, copytruncate, quiet_copytruncate, refill, delete_create, created_later, many_files,
         two_paths, link_target_rotates, link_swapped, bytes_of_lines, gone_for_good]
AFTER = [("restarted in order, in the middle", lambda case, pen: pen.lines(500), ["auth.log"], {}),
         ("rotated while the daemon was down", rotated_while_down, ["auth.log"], {}),
         ("one file by two paths, restarted in the middle", lambda case, pen: pen.lines(500), ["real.log"],
          {"twice": ["link.log"], "prepare": lambda top: (top / "link.log").symlink_to("real.log")})]

chosen = sys.argv[1:]
for form in FORMS:
    if not chosen or form.__name__ in chosen:
        form()
for what, between, names, more in AFTER:
    if not chosen or "after_restart" in chosen:
        after_restart(what, between, *names, **more)
ok("every form of rotation counts each line once; copytruncate at most once")
