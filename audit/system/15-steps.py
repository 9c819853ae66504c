#!/usr/bin/env python3
# timeout: 900
"""Build steps: what was declared and nothing else goes in and comes out, the same twice; what a step tries beyond that is named.

Real builds: a C project by make, a cargo workspace with a build script, make with a cage as its SHELL and a jobserver, cargo with
rustc and build scripts caged one by one. Malicious ones: network, a key in HOME, files that nobody declared, a poisoned output.
"""
import contextlib, hashlib, json, os, pathlib, shutil, subprocess, sys, threading
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


for who in parts():
    for part in (c_project, differences, malicious, poisoned, daemons, requests, learned, make_shell, cargo_step, cargo_wrapper):
        if part in (cargo_step, cargo_wrapper) and not CARGO:
            continue
        if len(sys.argv) > 1 and part.__name__ not in sys.argv[1:]:
            continue
        part(who)
ok("steps see and leave what they declare, the same twice, and what they try beyond is named")
