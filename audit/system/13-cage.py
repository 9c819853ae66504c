#!/usr/bin/env python3
# timeout: 900
"""The forty payloads of the research page: outside each does its harm, inside bailiff-cage each is refused, by name.

Each row is first tried outside the cage, in namespaces of its own, where it must come as far as the column `outside` says, or the row
is void (and listed). Then in a cage, started by root and by a user without rights: there the answer must be the one named, and
where a system call is named, the record must name it as refused.
"""
import json, os, pathlib, resource, shutil, signal, socket, subprocess, sys, time
from caged import *
from payloads import C, E, LIMITS, OUTPUTS, ROWS, VOID
from house import check, ok, skip

if not ROOT and "BAILIFF_OWN" not in os.environ:
    skip("outside the payloads need root to succeed (in namespaces of their own); rootless cages are tested then, too")
own_everything()
programs()
X86 = os.uname().machine == "x86_64"

secret = HOME / "secret"
secret.write_text("secret\n" * 4)
(HOME / "allowed").write_text("harmless\n")
(HOME / "work").mkdir()
os.chmod(HOME / "work", 0o777)
victim = subprocess.Popen(["sleep", "600"], cwd=HOME)

FILL = {"secret": secret, "allowed": HOME / "allowed", "home": HOME, "victim": victim.pid}
OUT = {**FILL, "other": victim.pid, "dir": HOME / "work", "program": PAYLOAD}
IN = {**FILL, "other": 1, "dir": "/tmp", "program": "/payload", "allowed": "/payload"}
ENVIRONMENT = {**os.environ, "SECRET_TOKEN": "x", "GCONV_PATH": "/tmp", "LD_PRELOAD": ""}
HIGHEST = min(65000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 3)
void = []


def listeners():
    """An abstract socket and one with a path, in the network namespace of the test."""
    for name in ("\0bailiff-cage-test", str(HOME / "socket")):
        s = socket.socket(socket.AF_UNIX)
        s.bind(name)
        s.listen(256)
        yield s
    os.chmod(HOME / "socket", 0o777)


def try_outside(page, attempt, words, want, run):
    """Whether the payload did its harm; if not, the row is void."""
    got, want = answer(run, attempt), want if isinstance(want, set) else {want}
    sweep(HOME / "work")
    if got in want:
        return
    reason = VOID.get(attempt) or VOID.get(" ".join(map(str, words)))
    if reason:
        void.append(f"{page} {' '.join(map(str, words))}: {got} outside: needs {reason}")
    else:
        tell(page, words, "outside", got, want)


def table():
    for page, attempt, args, within, call, *rest in ROWS:
        want, flags = rest[0] if rest else None, rest[1] if len(rest) > 1 else []
        if not X86 and attempt.startswith(("abi.", "suid.old", "kernel.iop")):
            continue
        words = [attempt, *(a.format(**OUT) for a in args.split())]
        # The abstract socket lives in this test's own network namespace: only there is it outside.
        run = subprocess.run([PAYLOAD, *words], capture_output=True, cwd=HOME / "work") if attempt.startswith("unix.") else \
            outside(words, env=ENVIRONMENT, cwd=HOME / "work", preexec_fn=lambda: os.setgroups([42]))
        try_outside(page, attempt, words, want or C, run)
        words = [attempt, *(a.format(**IN) for a in args.split())]
        for who, before in parts().items():
            run = inside(words, ["--cwd", "/tmp", *flags], before, env=ENVIRONMENT,
                         preexec_fn=(lambda: os.setgroups([42])) if who == "root" else None)
            tell(page, words, who, answer(run, attempt), within, run)
            if call:
                tell(page, words, f"{who}: in the record", call if call in run.denied() else f"{run.denied()}", call, run)
                tell(page, words, f"{who}: said", call if call.encode() in run.err else "not named", call, run)
            sweep(HOME / "work")


def descriptors():
    """8: what somebody forgot to close, and a directory from which a path leads up."""
    numbers = [3, 4, 5, 6, 7, 8, 9, 1023, 2000, HIGHEST]

    # By a program of its own: these numbers are in use here.
    code = ("import os, sys\nfile, directory = os.open(sys.argv[1], 0), os.open(os.path.dirname(sys.argv[1]), 0)\n"
            f"os.dup2(file, {HIGHEST + 1}), os.dup2(directory, {HIGHEST + 2})\n"
            f"for n in {numbers}: os.dup2({HIGHEST + 1}, n)\nos.dup2({HIGHEST + 2}, 10)\nos.execvp(sys.argv[2], sys.argv[2:])")
    left_open = [sys.executable, "-c", code, secret]
    for words in [["fd.read", n] for n in numbers] + [["fd.beneath", 10, "secret"], ["fd.beneath", 10, "../../etc/passwd"]]:
        try_outside(8, words[0], words, C, outside(words, left_open))
        for who, before in parts().items():
            run = inside(words, [], [*left_open, *before])
            tell(8, words, who, answer(run, words[0]), "EBADF", run)


def terminal():
    """18: letters put into the caller's terminal, by plain number and by one that the kernel cuts to it; the terminal taken."""
    for words, want in ((["tty.sti"], C), (["tty.sti_high"], C), (["tty.linux"], C), (["tty.open"], C), (["tty.take"], C)):
        for who, before in {"outside": [], **parts()}.items():
            main, side = os.openpty()

            def own_terminal():
                os.setsid()
                if words[0] != "tty.take":
                    import fcntl, termios
                    fcntl.ioctl(side, termios.TIOCSCTTY, 0)
            if who == "outside":
                try_outside(18, words[0], words, want, outside(words, stdin=side, preexec_fn=own_terminal))
            else:
                run = inside(words, [], before, stdin=side, preexec_fn=own_terminal)
                tell(18, words, who, answer(run, words[0]), {"ENXIO", "ENOENT", "EACCES"} if words[0] == "tty.open" else E, run)
                if words[0] != "tty.open":
                    tell(18, words, f"{who}: in the record", "ioctl" in run.denied(), True, run)
            os.close(main), os.close(side)


def writable_code():
    """21: a program whose code may be written, one whose stack may be executed: under --no-write-exec neither does its harm."""
    for words, program in ((["wx.code"], patched("writable", 1, 7)), (["wx.stack"], patched("stack", 0x6474E551, 7))):
        try_outside(21, words[0], words, C, subprocess.run(["unshare", "-mnui", program, *words], capture_output=True))
        for who, before in parts().items():
            run = Run(["--no-write-exec", "--exec", f"{program}:/payload", "--", "/payload", *words], before)
            tell(21, words, who, answer(run, words[0]), {120, 121, 128 + signal.SIGSEGV, 128 + signal.SIGKILL}, run)


def own_program():
    """24: the program's own file, and the launcher's, held and written once nobody runs it (CVE-2019-5736)."""
    other = shutil.copy(PAYLOAD, HOME / "other")
    copy = shutil.copy(PAYLOAD, HOME / "copy")
    words = ["exe.later", other, "/proc/self/exe"]
    try_outside(24, "exe.write", words, C, subprocess.run(["unshare", "-mnui", copy, *words], capture_output=True))
    for who, before in parts().items():
        for held, want in (("/proc/self/exe", {"EACCES", "EROFS"}), ("/proc/1/exe", {"EACCES", "ENOENT"})):
            run = inside(["exe.later", "/other", held], ["--exec", f"{other}:/other"], before)
            both = said(run.out)
            tell(24, ["exe.later", held], who, both.get("exe.write", both.get("exe.later", run.code)), want, run)


def set_ids():
    """27: a set-user-id program and one with a file capability, run by a user without rights."""
    if os.environ["BAILIFF_AS_ROOT"] != "1":
        return
    both = {"id.is_root": HOME / "suid", "id.caps": HOME / "capable"}
    for path in both.values():
        shutil.copy(PAYLOAD, path)
    os.chmod(both["id.is_root"], 0o4755)
    os.setxattr(both["id.caps"], "security.capability", (0x02000001).to_bytes(4, "little") + (1 << 21).to_bytes(4, "little") + bytes(12))
    for attempt, path in both.items():
        run = subprocess.run(["unshare", "-mnui", *NOBODY, PAYLOAD, "exec.as", path, attempt], capture_output=True)
        try_outside(27, attempt, ["exec.as", path, attempt], C, run)
        for who, before in parts().items():
            run = inside(["exec.as", "/gain", attempt], ["--exec", f"{path}:/gain"], before)
            tell(27, [attempt, path.name], who, answer(run, attempt), E, run)


def processes():
    """32, 33: every other process killed, the parent, the own group stopped; a daemon left behind."""
    try_outside(32, "kill.all_dead", ["kill.all_dead"], C, outside(["kill.all_dead"], pid=True))
    for who, before in parts().items():
        tell(32, ["kill.all_dead"], who, answer(inside(["kill.all_dead"], [], before), "kill.all_dead"), "ESRCH")
        for number in (9, 19):
            run = inside(["kill.parent", number], [], before)
            tell(32, ["kill.parent", number], who, (answer(run, "kill.parent"), run.code), {("succeeded", 0), ("ESRCH", 0), (E, 0)}, run)
        run = inside(["kill.group", 19], ["--wall", "1s"], before)
        tell(32, ["kill.group", 19], who, run.code, 123, run)
    run = outside(["daemon.leave", 30123])
    try_outside(33, "there", ["daemon.leave"], C, subprocess.CompletedProcess([], 0, b"there: succeeded\n" if alive("30123") else b""))
    for pid in alive("30123"):
        os.kill(pid, 9)
    for who, before in parts().items():
        run = inside(["daemon.leave", 30123], [], before)
        tell(33, ["daemon.leave"], who, (answer(run, "daemon.leave"), run.code, len(alive("30123"))), {(C, 0, 0)}, run)


def limits():
    for page, attempt, args, within, flags, want in LIMITS:
        words = [attempt, *(args or "").format(**OUT).split()]
        if args is not None:
            try_outside(page, attempt, words, C, outside(words))
        for who, before in parts().items():
            ours, theirs = os.pipe()
            run = inside([attempt, *within.split()], flags.split(), before, stdin=ours)
            os.close(ours), os.close(theirs)
            got = answer(run, attempt)
            if want == "signal":
                tell(page, [attempt, flags], who, run.code in (128 + 9, 128 + 24, 128 + 25) and bool(run.record.get("limit")), True, run)
            else:
                tell(page, [attempt, flags], who, got, want, run)
            tell(page, [attempt, flags], f"{who}: in time", run.seconds < 20, True, run)
            tell(page, [attempt, flags], f"{who}: left behind", len(alive("/payload")), 0, run)


def outputs():
    project = HOME / "project"
    for who, before in parts().items():
        for page, script, word in OUTPUTS:
            shutil.rmtree(project, ignore_errors=True)
            project.mkdir()
            (project / "in.txt").write_text("input\n")
            (project / "steps.toml").write_text(
                f'[step.s]\nrun = ["sh", "-c", "{script.format(**OUT)}"]\nin = ["in.txt"]\nout = ["out/"]\n'
                'tools = ["sh", "ln", "mkdir", "mkfifo", "mknod", "mv", "cp", "chmod", "rm"]\n')
            os.chmod(project, 0o777)
            seen = sorted(p.name for p in project.rglob("*"))
            run = subprocess.run([*before, TOOL, "step", "--policy", project / "steps.toml", "s"], capture_output=True, cwd=project)
            tell(page, [script], who, (run.returncode != 0, sorted(p.name for p in project.rglob("*") if p.name != "out") == seen, word.encode() in run.stderr),
                 {(True, True, True)}, run.stderr.decode())


def swapped_place():
    """29: the place within a root, where something is to be mounted, is now a directory, now a link (CVE-2021-30465)."""
    root = HOME / "root"
    for name in ("proc", "dev", "tmp", "in", "real"):
        (root / name).mkdir(parents=True)
    for name in ("null", "zero", "full", "random", "urandom"):
        (root / "dev" / name).touch()
    shutil.copy(PAYLOAD, root / "payload")
    (HOME / "work" / "word").write_text("harmless\n")
    code = ("import os, sys, time\nos.chdir(sys.argv[1])\nwhile True:\n time.sleep(0.02)\n for to in ('/', '../../../..', '/proc'):\n"
            "  os.rename('in', 'real/in'), os.symlink(to, 'in'), os.unlink('in'), os.rename('real/in', 'in')")
    changer = subprocess.Popen([sys.executable, "-c", code, root])
    mounts = pathlib.Path("/proc/self/mountinfo").read_text()
    for who, before in parts().items():
        got = {}
        for _ in range(60):
            run = Run(["--root", root, "--ro", f"{HOME / 'work'}:/in", "--", "/payload", "open.read", "/in/word"], before)
            word = said(run.out).get("open.read", run.code)
            got[word] = got.get(word, 0) + 1
            tell(29, ["swapped place"], who, word, {C, 121, "ENOENT", "ENOTDIR"}, run)
        tell(29, ["swapped place"], f"{who}: never", got.get(C, 0) > 0, True, got)
    changer.kill()
    changer.wait()
    tell(29, ["swapped place"], "mounts", pathlib.Path("/proc/self/mountinfo").read_text() == mounts, True)
    sweep(HOME / "work")


def pinned():
    """9, 10: two cages in one pinned network namespace: the one's abstract socket is not there for the other."""
    net = HOME / "net"
    net.touch()
    subprocess.run(["unshare", f"--net={net}", "true"], check=True)
    words = ["unix.connect", "@between-cages"]
    for who, before in parts().items():
        flags = ["--exec", f"{PAYLOAD}:/payload"] + (["--pinned-net", net] if who == "root" else ["--net", "host", "--reason", "one net for two"])
        listener = subprocess.Popen(list(map(str, [*before, TOOL, *flags, "--", "/payload", "unix.listen", "@between-cages", 20000])), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        tell(9, ["unix.listen"], who, listener.stdout.readline(), b"# here\n")
        enter = ["nsenter", f"--net={net}"] if who == "root" else []
        got = subprocess.run([*enter, PAYLOAD, *words], capture_output=True)
        try_outside(9, words[0], words, C, got)
        run = Run([*flags, "--", "/payload", *words], before)
        tell(9, words, who, answer(run, words[0]), E, run)
        listener.terminate()
        listener.wait()
    subprocess.run(["umount", net], check=True)


def flood():
    """36: refused calls without end: what the launcher remembers, writes and says of them is bounded."""
    for who, before in parts().items():
        run = inside(["flood.calls", 100000], [], before, timeout=120)
        tell(36, ["flood.calls"], who, answer(run, "flood.calls"), E, run)
        denials = run.record["denials"]
        tell(36, ["flood.calls"], f"{who}: bounded", (len(denials) <= 1001, sum(d["count"] for d in denials), len(run.err) < 1 << 20), {(True, 100000, True)}, len(run.err))
        words = [*before, TOOL, "--exec", f"{PAYLOAD}:/payload", "--", "/payload", "flood.calls", 100000000]
        tool = subprocess.Popen(list(map(str, words)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(2)
        text = pathlib.Path(f"/proc/{tool.pid}/status").read_text()
        peak = int(next(line.split()[1] for line in text.splitlines() if line.startswith("VmHWM")))
        tell(36, ["flood.calls"], f"{who}: launcher's memory", peak < 4096, True, f"{peak} KiB")
        tool.terminate()
        tool.wait()


def names():
    """31: names that no report may trip over, in what is made, asked for, and given as arguments."""
    for who, before in parts().items():
        odd = b"/no\nsuch\x1b[31m\xff\"},{"
        place = os.fsencode(HOME / "work") + odd
        with open(place, "wb") as file:
            file.write(b"secret")
        record = HOME / "records" / f"names-{who}.jsonl"
        flags = ["--watch", "files", "--rw", f"{HOME / 'work'}:/work", "--reason", "test"]
        for words, want in ((["names.odd", "/work"], C), ([b"open.read", place], "ENOENT"), ([b"say", odd], None)):
            run = subprocess.run([*map(str, before), TOOL, "--record", record, *flags, "--exec", f"{PAYLOAD}:/payload", "--", "/payload", *words], capture_output=True)
            if want:
                tell(31, words[:1], who, said(run.stdout).get(os.fsdecode(words[0])), want, run.stderr)
            printable = all(b == 10 or 32 <= b < 127 for b in run.stderr) and all(line.startswith(b"bailiff-cage: ") for line in run.stderr.splitlines())
            tell(31, words[:1], f"{who}: said", printable, True, run.stderr)
        lines = [json.loads(line) for line in record.read_bytes().splitlines()]
        tell(31, ["record"], who, (len(lines), {"bytes": odd.hex()} in lines[2]["argv"], [d["why"] for d in lines[1]["denials"]] == ["undeclared"]), {(3, True, True)}, lines)
        run = subprocess.run([BIN / "bailiff", "audit", "verify", record], capture_output=True, text=True)
        tell(31, ["audit verify"], who, run.returncode, 0, run.stdout + run.stderr)
        sweep(HOME / "work")


def main():
    kept = list(listeners())
    for part in (table, descriptors, terminal, writable_code, own_program, set_ids, processes, limits, outputs, swapped_place, pinned, flood, names):
        if not ONLY or part.__name__ in ONLY:
            part()
    for s in kept:
        s.close()
    victim.kill()
    for line in void:
        print(f"   void: {line}")
    if wrong:
        fail("\n     ".join([f"{len(wrong)} of {len(told)} answers are not those wanted:", *wrong]))
    ok(f"{len(told)} answers as wanted, outside and inside, as {' and '.join(parts())}; {len(void)} rows void, as this kernel lacks what they need")


ONLY = sys.argv[1:]
main()
