"""What the tests of bailiff-cage share: namespaces of their own for all of it, the payloads, one run outside and one inside a cage.

Every payload runs in mount, pid, network, ipc and uts namespaces that the test made, whatever the cage does: nothing here can reach
the machine. A tmpfs with set-id bits and devices in force is the only place that is written.
"""
import json, os, pathlib, resource, shutil, subprocess, sys, tempfile, time
from house import BIN, NAME, ROOT, TOP, fail, need, skip

HOME = pathlib.Path(os.environ.get("BAILIFF_TMP") or "/nonexistent")  # `own_everything` sees to it
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
TOOL, PAYLOAD = HOME / "bailiff-cage", HOME / "payload"


def own_everything():
    """Starts this test again in namespaces of its own, with a /proc of its own and an empty tmpfs at HOME."""
    need("unshare", "setpriv")
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if "BAILIFF_OWN" not in os.environ:
        os.environ["BAILIFF_OWN"] = os.readlink("/proc/self/ns/pid")
        os.environ["BAILIFF_AS_ROOT"] = "1" if ROOT else ""
        flags = ["-mpniuf", "--mount-proc", "--kill-child"] + ([] if ROOT else ["-r"])
        # A folder of its own also where run.sh made none: two tests at once must not share a place to mount on.
        after = "" if "BAILIFF_TMP" in os.environ else '; umount -R "$BAILIFF_TMP" && rmdir "$BAILIFF_TMP"'
        if after:
            os.environ["BAILIFF_TMP"] = tempfile.mkdtemp(prefix="bailiff-caged-")
        os.execvp("unshare", ["unshare", *flags, "sh", "-c", f'"$@"; code=$?{after}; exit $code', "sh", sys.executable, *sys.argv])
    if os.readlink("/proc/self/ns/pid") == os.environ["BAILIFF_OWN"]:
        fail("still in the pid namespace of the machine")
    HOME.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755,size=1g", "none", HOME], check=True)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def programs():
    """Builds the payloads with the programs, and puts both where every user may run them."""
    if "BAILIFF_NO_BUILD" not in os.environ:
        run = subprocess.run(["cargo", "build", "--release", "--locked", "--offline", "--features", "captive", "--bins"],
                             cwd=TOP, capture_output=True, text=True)
        if run.returncode:
            fail(f"the payloads do not build:\n{run.stderr[-2000:]}")
    for source, to in ((BIN / "bailiff-payload", PAYLOAD), (BIN / "bailiff-cage", TOOL)):
        if source.exists():
            shutil.copy(source, to)
            os.chmod(to, 0o755)


def parts():
    """As whom cages are started: the words before the command. BAILIFF_OUTSIDE: none, only what happens outside is looked at."""
    if "BAILIFF_OUTSIDE" in os.environ:
        return {}
    return {"root": [], "nobody": NOBODY} if os.environ.get("BAILIFF_AS_ROOT") == "1" else {"rootless": []}


def said(out):
    """The payload's lines as {attempt: what came}."""
    return dict(line.split(": ", 1) for line in out.decode(errors="replace").splitlines() if ": " in line and line[0] != "#")


def outside(words, before=(), pid=False, **more):
    """A payload in mount, network, ipc and uts namespaces once more its own (with `pid`: and pid), but in no cage."""
    flags = ["-mnui"] + (["-pf", "--mount-proc"] if pid else [])
    command = ["unshare", *flags, *before, PAYLOAD, *words]
    if pid:
        command = ["unshare", *flags, "sh", "-c", 'sleep 60 & "$@"; exit $?', "sh", *before, PAYLOAD, *words]
    return subprocess.run(list(map(str, command)), capture_output=True, timeout=60, cwd=more.pop("cwd", HOME), **more)


class Run:
    """One run of the tool: its exit code, what it said, the last line of its record."""

    def __init__(self, words, before=(), record=None, timeout=60, **more):
        self.record_file = pathlib.Path(record or HOME / "records" / f"{time.monotonic_ns()}.jsonl")
        self.record_file.parent.mkdir(exist_ok=True)
        os.chmod(self.record_file.parent, 0o777)
        more.setdefault("cwd", HOME)
        more.setdefault("stdin", subprocess.DEVNULL)
        command = [*before, TOOL, "--record", self.record_file, *words]
        self.started = time.monotonic()
        run = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, **more)
        self.seconds = time.monotonic() - self.started
        self.code, self.out, self.err = run.returncode, run.stdout, run.stderr

    @property
    def record(self):
        lines = self.record_file.read_bytes().splitlines() if self.record_file.exists() else []
        return json.loads(lines[-1]) if lines else {}

    def denied(self):
        """Names of the calls that the record says were refused."""
        return {d["call"] for d in self.record.get("denials", [])}

    def __str__(self):
        return f"exit {self.code}\n{self.out[-600:]!r}\n{self.err.decode(errors='replace')[-1500:]}"


def inside(words, flags=(), before=(), **more):
    """The payload as the program of a cage that has nothing but it."""
    return Run([*flags, "--exec", f"{PAYLOAD}:/payload", "--", "/payload", *words], before, **more)


def patched(name, kind, flags):
    """A copy of the payload whose program header of this kind (for PT_LOAD: the code's) has these flags."""
    image = bytearray(PAYLOAD.read_bytes())
    start, count = int.from_bytes(image[32:40], "little"), int.from_bytes(image[56:58], "little")
    for at in range(start, start + 56 * count, 56):
        if int.from_bytes(image[at:at + 4], "little") == kind and (kind != 1 or image[at + 4] & 1):
            image[at + 4] = flags
    (HOME / name).write_bytes(image)
    os.chmod(HOME / name, 0o755)
    return HOME / name


def alive(marker):
    """Processes whose arguments hold this text: /proc is this test's own."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if marker.encode() in (entry / "cmdline").read_bytes() and int(entry.name) != os.getpid():
                    found.append(int(entry.name))
            except OSError:
                pass
    return found


told, wrong = [], []


def sweep(directory):
    subprocess.run(["find", directory, "-mindepth", "1", "-delete"], check=True)


def tell(page, words, kind, got, want, run=None):
    """One answer, which is the one that was wanted, or goes to the list of those that are not."""
    told.append(page)
    want = want if isinstance(want, set) else {want}
    if got not in want:
        wrong.append(f"{page} {' '.join(map(str, words))}: {kind}: {got}, wanted {' or '.join(map(str, want))}")
        if os.environ.get("BAILIFF_GO_ON"):
            print(f"   NOT SO: {wrong[-1]}{f' -- {run}' if run else ''}", flush=True)


def answer(run, attempt):
    """What came: the payload's own word, or the exit code of a run that ended without one."""
    return said(run.out if isinstance(run, Run) else run.stdout).get(attempt, run.code if isinstance(run, Run) else run.returncode)
