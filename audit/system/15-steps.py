#!/usr/bin/env python3
# timeout: 900
"""Build steps: what was declared and nothing else goes in and comes out, the same twice; what a step tries beyond that is named.

Real builds: a C project by make, a cargo workspace with a build script, make with a cage as its SHELL and a jobserver, cargo with
rustc and build scripts caged one by one. Malicious ones: network, a key in HOME, files that nobody declared, a poisoned output.
"""
import contextlib, hashlib, json, os, pathlib, shutil, subprocess, sys, threading, time
from caged import HOME, NOBODY, TOOL, own_everything, parts, programs
from house import check, need, ok

own_everything()
need("cc", "make", "b2sum")
programs()
CARGO = shutil.which("cargo")
ENV = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/root"), "SECRET_TOKEN": "x"}
MAKE = 'run = ["make", "-s"]\ntools = ["make", "sh", "cc", "mkdir"]\n'
C = {"src/main.c": '#include <stdio.h>\n#include "a.h"\nint main(void) { return printf("%d\\n", A) < 0; }\n', "src/a.h": "#define A 7\n",
     "Makefile": "out/hello: src/main.c src/a.h\n\tmkdir -p out\n\tcc -O1 -Isrc -o $@ $<\n", "notes.txt": "not declared\n"}
SHELL = 'tools = ["sh", "cat", "ls", "ln", "mkdir", "mkfifo", "sleep", "touch", "wc", "nproc", "uname"]\nrun = ["sh", "-e", "run.sh"]\nin = ["run.sh", "in/*"]\n'


class Project:
    """Files in a directory of its own, and the tool run in it as root or as nobody."""

    def __init__(self, who, name, files, steps=""):
        self.dir, self.before = HOME / f"{name}-{who}", parts()[who]
        shutil.rmtree(self.dir, ignore_errors=True)
        for path, text in {**files, "steps.toml": steps}.items():
            (self.dir / path).parent.mkdir(parents=True, exist_ok=True)
            (self.dir / path).write_text(text)
        if self.before:
            subprocess.run(["chown", "-R", "65534:65534", self.dir], check=True)

    def run(self, *words, env=None, program=TOOL):
        command = [*self.before, program, *words]
        return subprocess.run(list(map(str, command)), cwd=self.dir, capture_output=True, text=True, timeout=300,
                              stdin=subprocess.DEVNULL, env={**ENV, **(env or {})})

    def step(self, name, *words):
        return self.run("step", "--policy", "steps.toml", name, "--record", self.dir / "record", *words)

    def records(self):
        return [json.loads(line) for line in (self.dir / "record").read_bytes().splitlines()]

    def files(self):
        return {str(p.relative_to(self.dir)) for p in self.dir.rglob("*") if not p.is_dir()} - {"steps.toml", "record"}


def b2sum(path):
    return hashlib.blake2b(path.read_bytes(), digest_size=32).hexdigest()


def c_project(who):
    p = Project(who, "c", C, f'[step.build]\n{MAKE}in = ["src", "Makefile"]\nout = ["out/"]\n')
    run = p.step("build", "--verify")
    check(run.returncode == 0, f"{who}: a C project is built twice by make, with equal bytes ({run.returncode}: {run.stderr[-900:]})")
    built = subprocess.run([p.dir / "out/hello"], capture_output=True, text=True)
    first, second = p.records()
    check(built.stdout == "7\n", f"{who}: what came out runs")
    check(p.files() == {*C, "out/hello"}, f"{who}: nothing else came out: {p.files()}")
    check(first["outputs"] == second["outputs"] and first["outputs"][0]["hash"] == b2sum(p.dir / "out/hello"),
          f"{who}: the record's hash is b2sum's")
    check({i["path"]: i["hash"] for i in first["inputs"]} == {n: b2sum(p.dir / n) for n in C if n != "notes.txt"},
          f"{who}: the inputs that were read are in the record, with their hashes")
    check(first["end"] == {"code": 0, "how": "exit"} and first["net"] == "none", f"{who}: the record says how it ended")
    owner = (p.dir / "out/hello").stat()
    check((owner.st_uid, owner.st_mode & 0o7777) == (p.dir.stat().st_uid, 0o755), f"{who}: outputs belong to whoever called")


def differences(who):
    for text, wanted in (("pwd > out/a", "out/a: differs at byte 1: 0x77, then 0x76"), ("ls -U in > out/a", "out/a: differs at byte"),
                         ("nproc > out/a", "out/a: differs at byte 0: 0x"), ("uname -n > out/a", "out/a: differs at byte 0: 0x63, then 0x61"), ("test -d /verify || touch out/a\ntouch out/b", "first run only")):
        p = Project(who, "differ", {"run.sh": text + "\n", **{f"in/{n}": "" for n in range(9)}}, f'[step.x]\n{SHELL}out = ["out/"]\n')
        run = p.step("x", "--verify")
        if text.startswith("nproc") and os.cpu_count() == 1:
            continue
        check(run.returncode == 124 and wanted in run.stderr, f"{who}: `{text!r}` is found out: {wanted} ({run.returncode} {run.stderr[-600:]})")
        check(not (p.dir / "out").exists(), f"{who}: and nothing came out")


def second(who):
    """What only the second run does; what two runs of less than a second have in common; a memory that is too small."""
    plain = 'tools = ["sh", "cat", "date", "head", "id"]\nout = ["o"]\n'
    p = Project(who, "second", {}, f'[step.denied]\nrun = ["sh", "-c", "test ! -d /verify || cat /etc/hostname; echo 1 >o"]\n{plain}'
                f'[step.date]\nrun = ["sh", "-c", "date +%s >o"]\n{plain}[step.large]\nrun = ["sh", "-c", "head -c 4000000 /dev/zero >o"]\n{plain}'
                f'[step.user]\nrun = ["sh", "-c", "id -u >o"]\n{plain}')
    run = p.step("user", "--verify")
    check(run.returncode == 124 and "o: differs at byte" in run.stderr, f"{who}: the second run has another user ({run.returncode} {run.stderr[-300:]})")
    (p.dir / "record").unlink()
    run = p.step("denied", "--verify")
    check(run.returncode == 124 and "verify: in the second run only: denial: /etc/hostname" in run.stderr and p.records()[0]["verdict"] == "REJECT",
          f"{who}: what is denied in the second run only is said, and the first is not DETERMINISTIC ({run.returncode} {run.stderr[-600:]})")
    for _ in range(4):
        run = p.step("date", "--verify")
        check(run.returncode == 124 and "o: differs at byte" in run.stderr, f"{who}: a date in whole seconds is found, however short the runs ({run.returncode} {run.stderr[-300:]})")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=1777", "none", "/dev/shm"], check=True)
    run = p.step("large", "--verify")
    subprocess.run(["umount", "/dev/shm"], check=True)
    check(run.returncode == 0 and p.records()[-1]["verdict"] == "DETERMINISTIC", f"{who}: a /dev/shm that is too small makes no difference ({run.returncode} {run.stderr[-600:]})")




def abusive(who):
    """Outputs that would keep the launcher, and not the step, at work: nothing is left behind of them, and not for long."""
    tools = 'tools = ["sh", "mkdir", "truncate"]\nout = ["o"]\n'
    p = Project(who, "abusive", {"deep.sh": f"mkdir -p s/{'d/' * 1000}\necho 1 >o\n"}, f'[step.deep]\nrun = ["sh", "deep.sh"]\nin = ["deep.sh"]\nscratch = ["s/"]\n{tools}'
                f'[step.sparse]\nrun = ["sh", "-c", "truncate -s 900G o"]\nwall = "2s"\n{tools}'
                f'[step.many]\nrun = ["python3", "-c", "import os; os.mkdir(\'o/x\'); [os.mkdir(f\'o/x/{{i}}\') for i in range(150000)]"]\ntools = ["python3"]\nout = ["o/"]\n')
    run = p.run("-c", 'ulimit -n 256; exec "$@"', "sh", TOOL, "step", "--policy", "steps.toml", "deep", program="sh")
    check(run.returncode == 0 and not list(p.dir.glob(".bailiff-stage.*")), f"{who}: a stage with 1,000 directories in each other is taken away ({run.returncode} {run.stderr[-300:]})")
    run = p.run("step", "--policy", "steps.toml", "sparse")
    check(run.returncode == 122 and "o: it takes longer to read than the limit `wall`" in run.stderr, f"{who}: a file of holes is not read for hours ({run.returncode} {run.stderr[-300:]})")
    run = p.step("many")
    check(run.returncode == 122 and "more files than a record can hold" in run.stderr and not list(p.dir.glob(".bailiff-stage.*")),
          f"{who}: 150,000 outputs are refused, and taken away ({run.returncode} {run.stderr[-300:]})")


def strangers(who):
    """A stage that another user made in a directory of all is left alone: in it links could be changed while it is taken away."""
    if parts()[who] or os.geteuid() != 0:
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=1777", "none", "/dev/shm"], check=True)
    for uid, name in ((65534, "theirs"), (0, "own")):
        os.makedirs(f"/dev/shm/.bailiff-stage.{name}/inner")
        os.chown(f"/dev/shm/.bailiff-stage.{name}", uid, uid)
    time.sleep(61)
    p = Project(who, "sweep", {}, '[step.x]\nrun = ["sh", "-c", "echo 1 >o"]\ntools = ["sh"]\nout = ["o"]\n')
    run = p.step("x", "--verify")
    left = sorted(os.listdir("/dev/shm"))
    subprocess.run(["umount", "/dev/shm"], check=True)
    check(run.returncode == 0 and left == [".bailiff-stage.theirs"], f"{who}: of two stages that were left, the own one is taken away: {left} {run.stderr[-300:]}")


def unrecorded(who):
    small = HOME / f"small-{who}"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k,mode=777", "none", small], check=True)
    p = Project(who, "unrecorded", {f"in/{n}" + "x" * 99: "" for n in range(40)}, '[step.x]\nrun = ["sh", "-c", "echo 1 >o"]\nin = ["in"]\ntools = ["sh"]\nout = ["o"]\n')
    run = p.run("step", "--policy", "steps.toml", "x", "--record", small / "r")
    check(run.returncode == 125 and not (p.dir / "o").exists(), f"{who}: a step that cannot be recorded leaves with 125, and nothing comes out ({run.returncode} {run.stderr[-300:]})")
    subprocess.run(["umount", small], check=True)


def secret(who):
    """A home with a key in it that whoever runs the test may read."""
    key = HOME / f"key-{who}"
    key.mkdir(exist_ok=True)
    (key / "id_rsa").write_text("secret\n")
    os.chmod(key, 0o755)
    return key


def malicious(who):
    key = secret(who)
    for name, text, named in (
        ("undeclared", "wc -c < notes.txt || true", 'undeclared: openat /work/notes.txt'),
        ("key", f"cat {key}/id_rsa || true", f"undeclared: openat {key}/id_rsa"),
        ("write", "touch in/new || true; cat run.sh > in/0 || true", "read-only: openat /work/in/0"),
        ("setid", "touch out/a; chmod 4755 out/a || true", "chmod"),
    ):
        p = Project(who, "bad", {"run.sh": f"{text}\ntouch out/ok\n", "in/0": "0", "notes.txt": "x"}, f'[step.x]\n{SHELL}out = ["out/"]\n')
        if name == "setid":
            (p.dir / "steps.toml").write_text((p.dir / "steps.toml").read_text().replace('"wc"', '"wc", "chmod"'))
        run = p.step("x")
        check(run.returncode == 122 and named in run.stderr, f"{who}: {name} is named, though the step ignored it ({run.returncode} {run.stderr[-700:]})")
        check(not (p.dir / "out").exists() and (p.dir / "in/0").read_text() == "0", f"{who}: {name}: the project is as it was")
        run = p.step("x", "--audit")
        check(run.returncode == 0 and named in run.stderr and (p.dir / "out/ok").exists(), f"{who}: {name}: --audit only lists it")


def poisoned(who):
    for text, named in (("ln -s /etc/passwd out/a", "out/a: a link that leaves the output, to /etc/passwd"), ("ln -s ../run.sh out/a", "a link that leaves the output"),
                        ("mkfifo out/a", "out/a: a device, fifo or socket"), ("mkdir file", "declare it with a `/` at its end"),
                        ("true", "out: file: the step did not make it"), ("touch file stray", "undeclared output, left behind: stray")):
        p = Project(who, "poison", {"run.sh": text + "\n"}, f'[step.x]\n{SHELL.replace(", " + chr(34) + "in/*" + chr(34), "")}out = ["out/", "file"]\n')
        run = p.step("x")
        check(run.returncode == 122 and named in run.stderr, f"{who}: `{text}`: {named} ({run.returncode} {run.stderr[-600:]})")
        check(p.files() == {"run.sh"}, f"{who}: and nothing came out")


def daemons(who):
    p = Project(who, "daemon", {"run.sh": "sleep 4242 &\ntouch out/a\n"}, f'[step.x]\n{SHELL.replace(", " + chr(34) + "in/*" + chr(34), "")}out = ["out/"]\n')
    p.step("x")
    left = subprocess.run(["pgrep", "-f", "^sleep 4242"], capture_output=True, text=True).stdout
    check(not left, f"{who}: a daemon that a step leaves ends with it")


def requests(who):
    steps = f'[step.x]\n{SHELL}out = ["out/"]\nrequests = ["dep/steps.toml"]\n'
    dep = '[request.dep]\nro = ["/etc/hostname"]\nreason = "it likes names"\n'
    files = {"run.sh": "cat /etc/hostname > out/a || touch out/b\n", "in/0": "", "dep/steps.toml": dep}
    p = Project(who, "ask", files, steps)
    run = p.step("x")
    check(run.returncode == 122 and 'not granted to dep: ro = "/etc/hostname" (it says: it likes names)' in run.stderr,
          f"{who}: a dependency's request is only a request ({run.returncode} {run.stderr[-600:]})")
    p = Project(who, "ask", files, steps + '[grant.dep]\nro = ["/etc/hostname"]\nreason = "so do I"\n')
    run = p.step("x")
    check(run.returncode == 0 and (p.dir / "out/a").exists(), f"{who}: what the root project grants is in force ({run.stderr[-600:]})")
    check(p.records()[-1]["reasons"] == [{"reason": "so do I (dep: it likes names)", "what": 'ro = "/etc/hostname"'}], f"{who}: and recorded, with both reasons")


def learned(who):
    p = Project(who, "learn", C)
    run = p.run("learn", "--rw", p.dir, *(["--user", "0", "--reason", "its directory is root's"] if not p.before and os.geteuid() == 0 else []), "--", "make", "-s")
    check(run.returncode == 0, f"{who}: learn runs the command ({run.returncode} {run.stderr[-600:]})")
    lines = [line[1:] for line in run.stdout.splitlines() if line[:1] in (" ", "+")]
    extra = ['user = "0"', 'reason = "its directory is the root user\'s"'] if not p.before and os.geteuid() == 0 else []
    (p.dir / "learned.toml").write_text("\n".join(lines + extra) + "\n")
    check(len(lines) < 50 and '  "/usr/include",' in lines, f"{who}: and folds what it saw into {len(lines)} lines")
    (p.dir / "out/hello").unlink()
    run = p.run("--policy", "learned.toml", "--strict", "--watch", "files")
    check(run.returncode == 0 and (p.dir / "out/hello").exists(), f"{who}: the policy it printed is enough ({run.returncode} {run.stderr[-900:]} {run.stdout[-300:]})")


def learned_calls(who):
    """What `static` has in a narrow form only, and a program named as `./program`."""
    (HOME / "shared.c").write_text("#include <sys/mman.h>\nint main(void) { return mmap(0, 4096, 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED; }\n")
    p = Project(who, "learn-calls", {})
    subprocess.run(["cc", "-o", p.dir / "shared", HOME / "shared.c"], check=True)
    run = p.run("learn", "--", "./shared")
    lines = [line[1:] for line in run.stdout.splitlines() if line[:1] in (" ", "+")]
    (p.dir / "learned.toml").write_text("\n".join(lines) + "\n")
    again = p.run("--policy", "learned.toml", "--strict", "--watch", "files")
    check(run.returncode == 0 and again.returncode == 0 and "/./" not in run.stdout, f"{who}: learned: shared memory is in the policy ({again.returncode} {again.stderr[-600:]} {run.stdout})")


def jobserver(who):
    """make 4.4 tells of its jobserver by the name of a pipe."""
    p = Project(who, "fifo", {})
    pipe = HOME / f"jobs-{who}"
    os.mkfifo(pipe)
    subprocess.run(["chown", "--reference", p.dir, pipe], check=True)
    tokens = os.open(pipe, os.O_RDWR)
    os.write(tokens, b"+")
    take = "import os, re; r, w = map(int, re.search(r'--jobserver-auth=(\\d+),(\\d+)', os.environ['MAKEFLAGS']).groups()); print(os.read(r, 1)); os.write(w, b'-')"
    run = p.run("--jobserver", "--", "/usr/bin/python3", "-c", take, env={"MAKEFLAGS": f" -j2 --jobserver-auth=fifo:{pipe}"})
    check(run.returncode == 0 and run.stdout == "b'+'\n" and os.read(tokens, 1) == b"-", f"{who}: a job of a jobserver that is a named pipe is taken and given back inside ({run.returncode} {run.stderr[-600:]})")
    os.close(tokens)


def make_shell(who):
    cages = '[cage.recipe]\nsystem = true\nrw = ["."]\nenv = ["PATH=/usr/bin:/bin", "HOME=/tmp"]\njobserver = true\nstrict = true\nwatch = "files"\n'
    if not parts()[who] and os.geteuid() == 0:
        cages += 'user = "0"\nreason = "its directory is root\'s"\n'
    files = {"cages.toml": cages, "sub/Makefile": "x y:\n\t@echo $@ $(MAKEFLAGS) > $@\n",
             "Makefile": f"SHELL = {TOOL}\n.SHELLFLAGS = --policy $(CURDIR)/cages.toml --cage recipe --cwd $(CURDIR) -- /bin/sh -c\n"
                         "all: a b sub\na b:\n\t@echo \"one 'quoted' $$HOME\" > $@\nsub:\n\t+@$(MAKE) -s -C sub SHELL=/bin/sh .SHELLFLAGS=-c x y\n"
                         "bad:\n\t@cat $(HOME)/id_rsa; true\n.PHONY: sub\n"}
    p = Project(who, "make", files)
    run = p.run("-j2", program="make")
    check(run.returncode == 0 and (p.dir / "a").read_text() == "one 'quoted' /tmp\n", f"{who}: each recipe of make runs in a cage of its own ({run.stderr[-900:]})")
    check("jobserver" in (p.dir / "sub/x").read_text() and "jobserver unavailable" not in run.stderr, f"{who}: the jobserver works inside")
    run = p.run("bad", program="make", env={"HOME": str(secret(who))})
    check(run.returncode == 2 and "undeclared: openat" in run.stderr, f"{who}: a recipe that reads a key fails, though it says `true` ({run.stderr[-600:]})")


CRATES = {
    "Cargo.toml": '[workspace]\nmembers = ["a", "b", "m"]\nresolver = "2"\n',
    "a/Cargo.toml": '[package]\nname = "a"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\nb = { path = "../b" }\nm = { path = "../m" }\n',
    "b/Cargo.toml": '[package]\nname = "b"\nversion = "0.1.0"\nedition = "2021"\n',
    "m/Cargo.toml": '[package]\nname = "m"\nversion = "0.1.0"\nedition = "2021"\n[lib]\nproc-macro = true\n',
    "a/build.rs": 'fn main() { let o = std::env::var("OUT_DIR").unwrap(); std::fs::write(format!("{o}/g.rs"), "pub const G: u32 = 5;").unwrap();\n'
                  'println!("cargo::rustc-env=WORD=word"); }\n',
    "a/src/main.rs": 'include!(concat!(env!("OUT_DIR"), "/g.rs")); fn main() { println!("{} {}", G + b::f() + m::five!(), env!("WORD")); }\n',
    "b/src/lib.rs": "pub fn f() -> u32 { 32 }\n",
    "m/src/lib.rs": '#[proc_macro] pub fn five(_: proc_macro::TokenStream) -> proc_macro::TokenStream { "5u32".parse().unwrap() }\n',
}
CARGO_STEP = """[step.build]
run = ["cargo", "build", "--release", "--offline", "--locked"]
tools = ["cargo", "rustc", "cc"]
in = ["**/*.rs", "**/Cargo.toml", "Cargo.lock"]
out = ["target/release/a"]
scratch = ["target/"]
env = ["CARGO_HOME=/home/.cargo"]
"""


def crates(who, name, more=()):
    p = Project(who, name, {**CRATES, **dict(more)}, CARGO_STEP)
    run = subprocess.run([*p.before, "cargo", "generate-lockfile", "--offline"], cwd=p.dir, capture_output=True, text=True, env=ENV)
    return p if run.returncode == 0 else None


def cargo_step(who):
    p = crates(who, "cargo")
    if not p:
        return print(f"   {who}: cargo does not run here", flush=True)
    run = p.step("build", "--verify")
    built = subprocess.run([p.dir / "target/release/a"], capture_output=True, text=True) if run.returncode == 0 else run
    check(built.stdout == "42 word\n", f"{who}: a cargo workspace with a build script and a macro builds, network off, same bytes twice ({run.stderr[-900:]})")
    check({f for f in p.files() if f.startswith("target")} == {"target/release/a"}, f"{who}: of all that cargo makes one file came out")


@contextlib.contextmanager
def passing(deps):
    """Files that come and go in there, as those of compilers that run beside."""
    over = threading.Event()

    def come_and_go():
        files = [deps / f"x-{i}.rcgu.o" for i in range(50)]
        while not over.is_set():
            for file in files if deps.exists() else []:
                file.touch()
            for file in files:
                file.unlink(missing_ok=True)

    beside = threading.Thread(target=come_and_go)
    beside.start()
    try:
        yield
    finally:
        over.set()
        beside.join()


def cargo_wrapper(who):
    wrapper = HOME / "bailiff-cage-rustc"
    shutil.copy(TOOL, wrapper)
    p = crates(who, "wrapped")
    if not p:
        return
    with passing(p.dir / "target/release/deps"):
        run = p.run("build", "--release", "--offline", "--locked", program="cargo", env={"RUSTC_WRAPPER": str(wrapper), "BAILIFF_CAGE_RECORD": str(p.dir / "record")})
    built = subprocess.run([p.dir / "target/release/a"], capture_output=True, text=True) if run.returncode == 0 else run
    check(built.stdout == "42 word\n", f"{who}: cargo builds with rustc and the build script caged one by one ({run.stderr[-900:]})")
    check("/build-script" in {r["argv"][0] for r in p.records()}, f"{who}: the build script is in the record")
    evil = 'use std::*; fn main() { let o = env::var("OUT_DIR").unwrap(); fs::write(format!("{o}/g.rs"), "pub const G: u32 = 5;").unwrap();\n' \
           'println!("cargo::rustc-env=WORD=word"); %s; }\n'
    for text, named in (('let _ = net::TcpStream::connect("127.0.0.1:22")', "refused: socket AF_INET"), ('let _ = fs::read("../notes")', "undeclared: openat"),
                        ('let _ = fs::write("src/main.rs", "x")', "read-only: openat"), ('assert!(env::var("SECRET_TOKEN").is_err())', "")):
        p = crates(who, "evil", {"a/build.rs": evil % text, "notes": "x"}.items())
        run = p.run("build", "--release", "--offline", "--locked", program="cargo", env={"RUSTC_WRAPPER": str(wrapper)})
        check((run.returncode == 0) == (not named) and named in run.stderr, f"{who}: a build script that tries `{text}` is stopped: {named} ({run.stderr[-900:]})")
    macro = CRATES["m/src/lib.rs"].replace("{ \"5u32", "{ let _ = std::fs::read(\"/etc/hostname\"); \"5u32")
    p = crates(who, "macro", {"m/src/lib.rs": macro}.items())
    run = p.run("build", "--release", "--offline", "--locked", program="cargo", env={"RUSTC_WRAPPER": str(wrapper)})
    check(run.returncode != 0 and "undeclared: openat /etc/hostname" in run.stderr, f"{who}: a macro that reads a file is stopped ({run.stderr[-900:]})")


def cargo_directives(who):
    """What a build script has cargo do: no more than it could itself, but for what the root project grants."""
    wrapper, key = HOME / "bailiff-cage-rustc", secret(who)
    shutil.copy(TOOL, wrapper)
    script = ('use std::*; fn main() { let o = env::var("OUT_DIR").unwrap(); fs::write(format!("{o}/g.rs"), "pub const G: u32 = 5;").unwrap();\n'
              'println!("cargo::rustc-env=WORD=word\\ncargo::rustc-cfg=plain\\ncargo:rustc-link-search=native={o}\\ncargo:rerun-if-changed=build.rs\\ncargo:key=value");\n%s }\n')
    policy = "[cage.rustc]\nroot = \"/\"\nnet = \"host\"\nreason = \"mine now\"\n[cage.build-script]\n"
    stolen = CRATES["a/src/main.rs"] + f'const _: &str = include_str!("{key}/id_rsa");'
    for text, named, main in (
        (f'fs::write(format!("{{o}}/p.toml"), {json.dumps(policy)}).unwrap(); println!("cargo::rustc-env=BAILIFF_CAGE_POLICY={{o}}/p.toml");', "refused: rustc-env BAILIFF_CAGE_POLICY=", stolen),
        (f'println!("cargo:rustc-link-search=native={key}");', f"refused: rustc-link-search native={key}", stolen),
        (f'let _ = os::unix::fs::symlink("{key}", format!("{{o}}/l")); println!("  cargo::rustc-link-search={{o}}/l");', "refused: rustc-link-search ", stolen),
        (f'println!("cargo:rustc-flags=-l m -L{key}");', f"refused: rustc-flags -l m -L{key}", stolen),
        ('println!("cargo::rustc-link-search=..");', "refused: rustc-link-search ..", None),
        ('println!("cargo::rustc-env=MAKEFLAGS=--jobserver-auth=fifo:/tmp");', "refused: rustc-env MAKEFLAGS=", None),
        ('println!("cargo::rustc-link-arg=-Wl,-z,now");', 'refused: rustc-link-arg -Wl,-z,now', None),
        ('println!("cargo::rustc-link-arg-bins=-Wl,-z,now");', 'directives = ["rustc-link-arg-bins=-Wl,-z,now"]', None),
    ):
        more = {"a/build.rs": script % text, **({"a/src/main.rs": main} if main else {})}
        p = crates(who, "asks", more.items())
        if not p:
            return
        run = p.run("build", "--offline", "--locked", program="cargo", env={"RUSTC_WRAPPER": str(wrapper), "BAILIFF_CAGE_RECORD": str(p.dir / "record")})
        check(run.returncode != 0 and named in run.stderr, f"{who}: a build script that prints `{text[-60:]}` is stopped: {named} ({run.returncode} {run.stderr[-900:]})")
        denied = [r for r in p.records() if r["denials"]]
        check([r["argv"][0] for r in denied] == ["/build-script"] and denied[0]["verdict"] == "REJECT", f"{who}: and the record has it")
    check(stolen and not list(p.dir.glob("target/debug/a")), f"{who}: nothing was built")
    (p.dir / "cages.toml").write_text('[cage.rustc]\n[cage.build-script]\ndirectives = ["rustc-link-arg-bins=-Wl,-z,now"]\nreason = "it is hardened so"\n')
    (p.dir / "record").unlink()
    run = p.run("build", "--offline", "--locked", program="cargo", env={"RUSTC_WRAPPER": str(wrapper), "BAILIFF_CAGE_RECORD": str(p.dir / "record"),
                                                                        "BAILIFF_CAGE_POLICY": str(p.dir / "cages.toml")})
    said = subprocess.run([p.dir / "target/debug/a"], capture_output=True, text=True) if run.returncode == 0 else run
    check(said.stdout == "42 word\n", f"{who}: what the policy grants, and what reaches nothing, cargo does ({run.returncode} {run.stderr[-900:]})")
    check([r["reasons"] for r in p.records() if r["argv"][0] == "/build-script"][0][0]["what"] == 'directives = "rustc-link-arg-bins=-Wl,-z,now"', f"{who}: with its reason in the record")
    p = crates(who, "token", {"a/build.rs": script % 'assert!(env::var("CARGO_REGISTRY_TOKEN").is_err() && env::var("CARGO_REGISTRIES_X_TOKEN").is_err());'}.items())
    run = p.run("build", "--offline", "--locked", program="cargo", env={"RUSTC_WRAPPER": str(wrapper), "CARGO_REGISTRY_TOKEN": "x", "CARGO_REGISTRIES_X_TOKEN": "x"})
    check(run.returncode == 0, f"{who}: no token of a registry is in a script's environment ({run.stderr[-900:]})")


for who in parts():
    for part in (c_project, differences, malicious, poisoned, daemons, requests, learned, make_shell, cargo_step, cargo_wrapper,
                 second, abusive, strangers, unrecorded, learned_calls, jobserver, cargo_directives):
        if part in (cargo_step, cargo_wrapper, cargo_directives) and not CARGO:
            continue
        if len(sys.argv) > 1 and part.__name__ not in sys.argv[1:]:
            continue
        part(who)
ok("steps see and leave what they declare, the same twice, and what they try beyond is named")
