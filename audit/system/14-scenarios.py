#!/usr/bin/env python3
# timeout: 900
"""Z-Jail's seventeen scenarios with the result that its page promises; many cages at once; ends of every kind; nothing left behind.

Where that page says `killed`, here the call must be refused and named: a program that goes on can do no more than one that is dead,
and the caller learns what it tried. Programs in C are real ones of the distribution's libc, static and dynamic.
"""
import concurrent.futures, hashlib, json, os, re, shutil, signal, subprocess, sys, time
from caged import *
from house import check, ok, need

own_everything()
programs()
need("cc")
VERIFY = [BIN / "bailiff", "audit", "verify"]

SOURCES = {
    "hello": '#include <stdio.h>\nint main(void){puts("hello");return 0;}',
    "again": '#include <stdio.h>\n#include <unistd.h>\n#include <errno.h>\n#include <string.h>\n'
             'int main(int n,char**a){if(n>1){puts("replaced");return 0;}char*v[]={a[0],"x",0},*e[]={0};execve(a[0],v,e);'
             'puts(strerrorname_np(errno));return 0;}',
    "reader": '#include <stdio.h>\nint main(void){char b[99];return fgets(b,99,stdin)?fputs(b,stdout)<0:9;}',
    "grow": '#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\nint main(void){char*p=malloc(1<<20);memset(p,1,1<<20);p=realloc(p,16<<20);'
            'if(!p)return 9;memset(p,2,16<<20);printf("%d %f\\n",p[(16<<20)-1],3.5);free(p);return 0;}',
    "shared": '#include <stdio.h>\n#include <errno.h>\n#include <string.h>\n#include <sys/mman.h>\nint main(void){'
              'void*p=mmap(0,4096,3,MAP_SHARED|MAP_ANONYMOUS,-1,0);puts(p==MAP_FAILED?strerrorname_np(errno):"mapped");return 0;}',
    "code": '#include <stdio.h>\n#include <errno.h>\n#include <string.h>\n#include <sys/mman.h>\nint main(void){'
            'void*p=mmap(0,4096,7,MAP_PRIVATE|MAP_ANONYMOUS,-1,0);puts(p==MAP_FAILED?strerrorname_np(errno):"mapped");return 0;}',
    "modify": '#include <stdio.h>\n#include <errno.h>\n#include <stdint.h>\n#include <string.h>\n#include <sys/mman.h>\nint main(void){'
              'void*at=(void*)((uintptr_t)main&~4095UL);puts(mprotect(at,4096,7)?strerrorname_np(errno):"changed");return 0;}',
}
USR = [w for d in ("/usr", "/lib", "/lib64") if os.path.exists(d) for w in ("--exec", d)]


def compile_all():
    for name, text in SOURCES.items():
        (HOME / f"{name}.c").write_text("#define _GNU_SOURCE\n" + text)
        for kind, flags in (("static", ["-static"]), ("dynamic", [])):
            run = subprocess.run(["cc", "-O1", *flags, "-o", HOME / f"{name}_{kind}", HOME / f"{name}.c"], capture_output=True, text=True)
            if run.returncode:
                fail(f"cc: {run.stderr[-800:]}")
        if shutil.which("musl-gcc"):
            for kind, flags in (("musl_static", ["-static"]), ("musl_dynamic", [])):
                if name in ("hello", "reader", "grow"):
                    subprocess.run(["musl-gcc", *flags, "-o", HOME / f"{name}_{kind}", HOME / f"{name}.c"], check=True)


def c_program(name, before, flags=(), **more):
    places = [] if name.endswith("static") else USR
    return Run([*flags, *places, "--exec", f"{HOME / name}:/program", "--", "/program"], before, **more)


def sure(holds, what, run):
    """A fact about one run, which is shown when it is not so."""
    check(holds, what if holds else f"{what}: {run}")


def blake(path):
    return hashlib.blake2b(pathlib.Path(path).read_bytes(), digest_size=32).hexdigest()


def refused(number, run, call, output=None):
    """The promise `killed`: the call was refused, and named in the record and to the caller."""
    sure(call in run.denied() and call.encode() in run.err and (output is None or run.out == output), f"scenario {number}: {call} refused and named", run)


def scenarios(who, before):
    static = ["--calls", "static"]
    run = c_program("hello_static", before, static)
    check(run.record["program"]["hash"] == blake(HOME / "hello_static"), f"{who}: scenario 0: BLAKE2b-256 of the program")
    for attempt, call in (("ns.user", "unshare"), ("bomb.fork", "clone"), ("uring.setup", "io_uring_setup"), ("socket.inet", "socket"), ("memfd.exec", "memfd_create")):
        run = inside([attempt, 1], static, before)
        check(call in run.denied(), f"{who}: scenario 1: the static list has no {call}")
    kinds = ["hello_static", "hello_dynamic"] + sorted(p.name for p in HOME.glob("hello_musl_*"))
    for number, name in enumerate(kinds, 2):
        run = c_program(name, before, static)
        sure((run.code, run.out) == (0, b"hello\n"), f"{who}: scenario {min(number, 3)}: {name} runs under the static list", run)
    run = c_program("again_static", before, static)
    refused(4, run, "execve", b"EPERM\n")
    for kind in ("static", "dynamic"):
        read, write = os.pipe()
        os.write(write, b"a word\n"), os.close(write)
        run = c_program(f"reader_{kind}", before, static, stdin=read)
        os.close(read)
        sure((run.code, run.out) == (0, b"a word\n"), f"{who}: scenario 5: {kind}: standard input and output are the caller's", run)
        run = c_program(f"grow_{kind}", before, static)
        sure((run.code, run.out) == (0, b"2 3.500000\n"), f"{who}: scenario 7: {kind}: private memory, realloc of 16 MiB", run)
        refused(6, c_program(f"shared_{kind}", before, static), "mmap", b"EPERM\n")
        refused(8, c_program(f"code_{kind}", before, [*static, "--no-write-exec"]), "mmap", b"EPERM\n")
        run = c_program(f"modify_{kind}", before, [*static, "--no-write-exec"])
        sure(run.out in (b"EPERM\n", b"EACCES\n"), f"{who}: scenario 9: {kind}: own code stays as it is", run)
    for number, words, call in ((10, ["ptrace.traceme"], "ptrace"), (11, ["socket.inet"], "socket"), (12, ["chroot.plain"], "chroot"),
                                (13, ["chroot.escape", "/tmp/jail"], "chroot"), (14, ["mount.remount"], "mount"), (16, ["kill.parent", 15], "kill")):
        refused(number, inside(words, static, before), call)
    run = inside(["cpu.spin", 30], [*static, "--cpu", "1s"], before)
    sure(run.code in (128 + 9, 128 + 24) and run.record["limit"] == "cpu", f"{who}: scenario 15: a spinning program is ended by its limit", run)
    run = inside(["bomb.fork", 400], ["--processes", "16"], before)
    sure(said(run.out).get("bomb.fork") == "EAGAIN" and run.code == 0, f"{who}: scenario 15: a bomb of processes meets its limit", run)
    good = blake(HOME / "hello_static")
    for given, code in ((good, 0), ("0" * 64, 121)):
        run = c_program("hello_static", before, [*static, "--expect-hash", given])
        sure(run.code == code and (run.out == b"hello\n") == (code == 0), f"{who}: scenario 17: --expect-hash: exit {code}", run)
    run = c_program("hello_static", before, [*static, "--expect-hash", good + "00"])
    sure(run.code == 120 and not run.out, f"{who}: scenario 17: text behind the hash is refused", run)


def swapped_target():
    """25: the file changes all the time: what ran is what was hashed."""
    first, second = PAYLOAD.read_bytes(), PAYLOAD.read_bytes().replace(b"EPERM", b"EQERM")
    for name, image in (("one", first), ("two", second)):
        (HOME / name).write_bytes(image)
        os.chmod(HOME / name, 0o755)
    hashes = {hashlib.blake2b(image, digest_size=32).hexdigest(): word for image, word in ((first, "EPERM"), (second, "EQERM"))}
    folder = HOME / "swap"
    folder.mkdir()
    code = ("import os, shutil, sys\nwhile True:\n for n in ('one', 'two'):\n  shutil.copy(f'{sys.argv[1]}/{n}', f'{sys.argv[1]}/swap/next'); "
            "os.rename(f'{sys.argv[1]}/swap/next', f'{sys.argv[1]}/swap/target')")
    shutil.copy(PAYLOAD, folder / "target")
    changer = subprocess.Popen([sys.executable, "-c", code, HOME])
    seen = {}
    for _ in range(100):
        run = Run(["--exec", f"{folder}:/swap", "--", "/swap/target", "id.caps"])
        word = said(run.out).get("id.caps", str(run))
        if hashes.get(run.record["program"]["hash"]) != word:
            fail(f"25: the record says {hashes.get(run.record['program']['hash'])}, and {word} ran: {run}")
        seen[word] = seen.get(word, 0) + 1
    changer.kill()
    changer.wait()
    check(len(seen) == 2, f"25: in 100 runs of a file that changes, the hash is always of what ran ({seen})")


def together(who, before):
    """39: 300 runs, ten at a time, one root, one record."""
    root = HOME / f"root-{who}"
    root.mkdir()
    for name in ("proc", "dev", "tmp"):
        (root / name).mkdir()
    for name in ("null", "zero", "full", "random", "urandom"):
        (root / "dev" / name).touch()
    shutil.copy(PAYLOAD, root / "payload")
    record = HOME / "records" / f"together-{who}.jsonl"

    def one(n):
        if n % 3:
            return Run(["--root", root, "--", "/payload", "end.with", n % 100], before, record)
        return Run(["--root", root, "--", "/payload", "env.has", f"X{n}"], before, record)

    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        runs = list(pool.map(one, range(300)))
    wrong = [(n, run) for n, run in enumerate(runs) if (run.code, run.out) != ((n % 100, b"") if n % 3 else (0, b"env.has: EPERM\n"))]
    check(not wrong, f"{who}: 300 runs, ten at a time: {300 - len(wrong)} right {[(n, str(r)) for n, r in wrong[:2]]}")
    lines = [json.loads(line) for line in record.read_bytes().splitlines()]
    arguments = sorted(tuple(line["argv"]) for line in lines)
    expected = sorted(("/payload", "end.with", str(n % 100)) if n % 3 else ("/payload", "env.has", f"X{n}") for n in range(300))
    check(len(lines) == 300 and arguments == expected, f"{who}: 300 records, one of each run")
    previous = "0" * 64
    for n, line in enumerate(record.read_bytes().splitlines()):
        check_chain = json.loads(line)["prev_hash"] == previous
        if not check_chain:
            fail(f"{who}: the chain breaks at record {n}")
        previous = hashlib.blake2b(line, digest_size=32).hexdigest()
    run = subprocess.run([*VERIFY, record], capture_output=True, text=True)
    check(run.returncode == 0 and "300" in run.stdout, f"{who}: `bailiff audit verify`: {run.stdout.strip()} {run.stderr}")
    check(sorted(p.name for p in root.iterdir()) == ["dev", "payload", "proc", "tmp"], f"{who}: nothing was made in the root")
    text = record.read_bytes().replace(b'"argv":["/payload","end.with","7"]', b'"argv":["/payload","end.with","8"]', 1)
    record.write_bytes(text)
    run = subprocess.run([*VERIFY, record], capture_output=True, text=True)
    check(run.returncode != 0, f"{who}: a changed record is found: {run.stdout.strip()}{run.stderr.strip()}")


def gone(marker, within=3.0):
    end = time.monotonic() + within
    while alive(marker) and time.monotonic() < end:
        time.sleep(0.02)
    return not alive(marker)


def ends(who, before):
    """34: the program is deaf and has left a daemon behind; whatever ends the launcher, nothing stays."""
    marker = 41000
    for how in ("TERM", "INT", "HUP", "KILL", "parent", "twice"):
        marker += 1
        tool = [*before, TOOL, "--exec", f"{PAYLOAD}:/payload", "--", "/payload", "daemon.deaf", marker]
        tool = list(map(str, tool))
        words = ["sh", "-c", '"$@" & wait', "sh", *tool] if how == "parent" else tool
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        line = process.stdout.readline()
        if line != b"# here\n":
            fail(f"{who}: {how}: the program does not start: {line!r}")
        check(len(alive(str(marker))) >= 2, f"{who}: {how}: launcher, program and daemon are there")
        os.kill(process.pid, getattr(signal, f"SIG{how}", signal.SIGKILL if how == "parent" else signal.SIGTERM))
        if how == "twice":
            os.kill(process.pid, signal.SIGTERM)
        left = not gone(str(marker))
        check(not left, f"{who}: {how} of the launcher{' (its parent is killed)' if how == 'parent' else ''}: nothing is left: {alive(str(marker))}")
        code = process.wait()
        if how in ("TERM", "INT", "HUP"):
            check(code == 128 + getattr(signal, f"SIG{how}"), f"{who}: {how}: the launcher leaves with 128 + the signal: {code}")
        for pid in alive(str(marker)):
            os.kill(pid, 9)


def status(words, before):
    """Exit code of a run, and the line on its status descriptor."""
    read, write = os.pipe()
    run = Run(["--status-fd", write, *words], before, pass_fds=[write])
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        return run, json.loads(pipe.read() or b"{}")


def codes():
    """40: each exit code, each signal, each failure before: told apart by the descriptor and by the record."""
    cage = ["--exec", f"{PAYLOAD}:/payload", "--", "/payload"]
    for n in range(256):
        run, line = status([*cage, "end.with", n], [])
        if run.code != n or line.get("stage") != "exited" or line.get("code") != n or run.record["end"] != {"code": n, "how": "exit"}:
            fail(f"40: exit {n}: {run.code} {line} {run.record.get('end')}: {run}")
    check(True, "40: exit codes 0 to 255 come through, on the descriptor and in the record")
    # 17, 18, 23 and 28 do nothing by themselves, 19 to 22 stop.
    numbers = [n for n in range(1, 65) if n not in (17, 18, 19, 20, 21, 22, 23, 28, 32, 33)]
    for n in numbers:
        run, line = status([*cage, "end.by", n], [])
        if run.code != 128 + n or run.record["end"]["number"] != n or run.record["end"]["how"] != "signal":
            fail(f"40: signal {n}: {run.code} {line} {run.record.get('end')}: {run}")
    check(True, f"40: {len(numbers)} signals: 128 + the number, named in the record")
    _, exited = status([*cage, "end.with", 128 + 9], [])
    _, killed = status([*cage, "end.by", 9], [])
    check(exited != killed, f"40: exit 137 and SIGKILL differ on the descriptor: {exited} {killed}")
    for flags, code, what in ((["--exec", "/nonexistent:/payload", "--", "/payload"], {120, 121}, "a bind that is not there"),
                              ([*cage[:-1], "/nothing"], {120, 121, 127}, "a program that is not there"),
                              (["--root", "/nonexistent", "--", "/payload"], {120, 121}, "a root that is not there"),
                              (["--ro", f"{PAYLOAD}:/payload", "--", "/payload"], {121, 126}, "a program that may not be executed"),
                              (["--no-such-flag", *cage, "say"], {120}, "an unknown flag"), ([], {120}, "no command")):
        run, line = status(flags, [])
        check(run.code in code and not run.out and run.err and line.get("stage") != "exited", f"40: {what}: exit {run.code}, {line}, {run.err[-200:]!r}")


def given(who, before):
    """Descriptors that the caller did not give, or that lead out: what the launcher opens is never taken for them."""
    record, cage = HOME / "records" / f"given-{who}.jsonl", ["--exec", f"{PAYLOAD}:/payload", "--", "/payload"]
    for n in range(3, 10):
        run = Run(["--keep-fd", n, "--reason", "none is there", *cage, "fd.read", n], before, record)
        sure(run.code == 120 and b"descriptor %d is not open" % n in run.err, f"{who}: --keep-fd {n}, which is not there, is nothing of the launcher's", run)
    run = Run(["--status-fd", 3, *cage, "end.with", 0], before, record)
    sure(run.code == 120 and b"descriptor 3 is not open" in run.err, f"{who}: --status-fd 3, which is not there, is not the record", run)
    folder = os.open(HOME, os.O_RDONLY)
    for stream in ("stdin", "stdout"):
        run = subprocess.run([*before, TOOL, *map(str, cage), "fd.beneath", "0", "../../etc/passwd"], stderr=subprocess.PIPE, **{"stdin": subprocess.DEVNULL, stream: folder})
        sure(run.returncode == 120 and b"is a directory" in run.stderr, f"{who}: a directory as {stream} leads nowhere", run)
    os.close(folder)
    for closed in ("0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"):
        words = [*before, TOOL, "--record", record, "--strict", *cage, "ns.user"]
        run = subprocess.run(["sh", "-c", f'exec "$@" {closed}', "sh", *map(str, words)], capture_output=True)
        sure(run.returncode == 122, f"{who}: {closed}: the run is what it is", run)
    run = subprocess.run([*VERIFY, record], capture_output=True, text=True)
    sure(run.returncode == 0 and len(record.read_bytes().splitlines()) == 4, f"{who}: and the record is a chain of these runs and nothing else", run)


def recorded(who, before):
    """The record is not the program's to write, nor to make too long to be written."""
    place = HOME / f"place-{who}"
    place.mkdir()
    os.chmod(place, 0o777)
    run = Run(["--rw", place, "--reason", "test", "--system", "--", "/bin/sh", "-c", f"rm -f {place}/r; echo forged >{place}/r"], before, place / "r")
    sure(run.code == 120 and b"the program could change the record there" in run.err and (place / "r").read_bytes() == b"", f"{who}: a record where the program may write is refused", run)
    run = Run(["--rw", place / "r", "--reason", "test", "--system", "--", "/bin/true"], before, place / "r")
    sure(run.code == 120, f"{who}: so is one that is itself a place", run)
    (HOME / "flood.py").write_text("import os\np = '/tmp'\nfor i in range(15):\n p += '/' + chr(1) * 240\n os.mkdir(p)\nos.chdir(p)\n"
                                   "for i in range(100000):\n n = f'{i:06}' + chr(1) * 200\n os.close(os.open(n, os.O_CREAT | os.O_RDWR)), os.unlink(n)\n")
    run = Run(["--watch", "files", "--system", "--ro", f"{HOME}/flood.py:/flood.py", "--", "/usr/bin/python3", "/flood.py"], before, timeout=200)
    more = [d["count"] for d in run.record.get("denials", []) if d["call"] == "more"]
    size = run.record_file.stat().st_size
    sure(run.code == 0 and more and more[0] > 90000 and size < 64 << 20, f"{who}: 100,000 names of 4 KiB: the record has the first, and counts the others ({size} bytes)", run)
    small = HOME / f"small-{who}"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k,mode=777", "none", small], check=True)
    run = Run(["--exec", f"{PAYLOAD}:/payload", "--", "/payload", "say", "x" * 5000], before, small / "r")
    sure(run.code == 125 and run.out and (small / "r").read_bytes() == b"", f"{who}: a record for which the disk has no room: the program ran, exit 125, and nothing half is left", run)
    subprocess.run(["umount", small], check=True)
    run = Run(["--wall", "5s", "--", "/dev/zero"], before)
    sure(run.code == 121 and b"no regular file" in run.err, f"{who}: a device is no program, and is not read for ever", run)


def doctor():
    as_nobody = [*NOBODY, TOOL, "doctor"] if "nobody" in parts() else [TOOL, "doctor"]
    run = subprocess.run(as_nobody, capture_output=True, text=True)
    check(run.returncode == 0 and "a whole cage" in run.stdout, f"doctor: a whole cage can be closed here{'' if run.returncode == 0 else run.stdout}")
    if "nobody" in parts():
        stacked = ["unshare", "-m", "sh", "-c", 'mount --bind / / && exec "$@"', "sh", *as_nobody]
        run = subprocess.run(stacked, capture_output=True, text=True)
        check(run.returncode == 1 and "mounts stacked on /" in run.stdout,
              "doctor: a mount stacked on / is named; an account without rights can close no cage there")


def main():
    compile_all()
    for who, before in parts().items():
        for part in (scenarios, together, ends, given, recorded):
            if not ONLY or part.__name__ in ONLY:
                part(who, before)
    for part in (swapped_target, codes):
        if not ONLY or part.__name__ in ONLY:
            part()
    doctor()
    ok(f"Z-Jail's scenarios, 300 runs ten at a time, ends and exit codes, as {' and '.join(parts())}")


ONLY = sys.argv[1:]
main()
