#!/usr/bin/env python3
# timeout: 900
"""Every deed of a malicious build script, in a plain script and in a cargo project's build.rs, is stopped and named; projects of
several files in two languages come out the same twice; whatever is left to chance is found, with file and offset.

The projects are in audit/system/steps; each run has a fresh copy of one, beside a home that holds a key. Cargo's toolchain is bound
to where every user may read it.
"""
import re, shutil, subprocess
from caged import *
from house import check, ok, need

own_everything()
programs()
need("cc", "make", "cargo", "rustc", "bash")
STEPS = TOP / "audit" / "system" / "steps"
VICTIM = HOME / "victim"
KEY, PROFILE = VICTIM / "home/.ssh/id_ed25519", VICTIM / "home/.bashrc"

# What each deed must be called; {by} is the program that did it.
DEEDS = {
    "network": ['refused: socket AF_INET SOCK_STREAM.* by {by} .*: net = "none": sockets of the family unix only'],
    "key": ["undeclared: openat {key} by .*: not declared: there outside, missing inside"],
    "home": ["undeclared: openat /home/.ssh/id_ed25519 by "],
    "outside": ["read-only: openat {profile} by {by} "],
    "root": ["read-only: openat /etc/ld.so.preload by {by} "],
    "input": ["read-only: openat /work/open.txt by {by} "],
    "undeclared": ['undeclared: openat /work/secret.txt by .*to allow it: in = \\["secret.txt"\\]', "undeclared: openat /work/../neighbour.txt by "],
    "look": ["undeclared: (statx|newfstatat) /work/secret.txt by "],
    "extra": ["undeclared output, left behind: out/more"],
    "daemon": ["left running, and ended: .*(sleep|build-script-build)"],
    "symlink": ["out: out/report: a link that leaves the output, to {profile}"],
    "climb": ["out: out/report: a link that leaves the output, to ../../neighbour.txt"],
    "hardlink": ["read-only: linkat /work/open.txt by ", "out: out/report: the step did not make it"],
    "keyring": ["undeclared: linkat {key} by "],
    "setid": ["refused: f?chmod(at)? /work/out/report by .*: no set-user-ID or set-group-ID bit"],
    "fifo": ["out: out/report: a device, fifo or socket"],
    "device": ["(refused: mknodat /work/out/device by .*no device files|undeclared output, left behind: out/device)"],
}
# What --verify must find, and what two runs have in common.
CHANCE = ["clock", "boot", "date", "cores", "path", "user", "host", "random", "address", "inode", "order"]
SAME = ["nothing", "pid", "age"]


def fact(holds, what, run):
    check(holds, what if holds else f"{what}: {run}")


def victim():
    for file, text in ((KEY, "KEY\n"), (PROFILE, "mine\n")):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        os.chmod(file, 0o666)
    for folder in (VICTIM, VICTIM / "home", VICTIM / "home/.ssh"):
        os.chmod(folder, 0o777)


def toolchain():
    """Rustup's proxies look into a home that other users do not have."""
    root = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True).stdout.strip()
    place = HOME / "toolchain"
    place.mkdir()
    subprocess.run(["mount", "--bind", root, place], check=True)
    return f"{place}/bin:/usr/bin:/bin"


def project(name, who, before):
    """A fresh copy, beside files that are none of its business."""
    place = HOME / who / name
    shutil.rmtree(place.parent, ignore_errors=True)
    shutil.copytree(STEPS / name, place)
    (place.parent / "neighbour.txt").write_text("NEIGHBOUR\n")
    (place / "secret.txt").write_text("SECRET\n")
    if before:
        subprocess.run(["chown", "-R", "65534:65534", place.parent], check=True)
    return place


class Step(Run):
    """One step of a project's steps.toml, with these variables."""

    def __init__(self, place, name, before, *flags, **env):
        self.record_file = place.parent / "record.jsonl"
        words = ["step", "--policy", place / "steps.toml", name, "--record", self.record_file, *flags]
        words += [w for n in env for w in ("--env", n)]
        environment = {"PATH": PATH, "HOME": str(VICTIM / "home"), **env}
        run = subprocess.run(list(map(str, [*before, TOOL, *words])), cwd=place, env=environment, stdin=subprocess.DEVNULL,
                             capture_output=True, timeout=200)
        self.code, self.out, self.err = run.returncode, run.stdout, run.stderr


def deeds(who, before):
    for name, program in (("script", "/usr/bin/bash"), ("cargo", "/work/target/debug/build/evil-[0-9a-f]*/build-script-build")):
        place = project("evil", who, before)
        run = Step(place, name, before, DEED="nothing", VICTIM=str(VICTIM))
        fact(run.code == 0 and (place / "out/report").read_text() == "made\n", f"{who}: {name}: without a deed the step ends well", run)
        for deed, words in DEEDS.items():
            place = project("evil", who, before)
            run = Step(place, name, before, DEED=deed, VICTIM=str(VICTIM))
            for word in words:
                word = word.format(by=program, key=re.escape(str(KEY)), profile=re.escape(str(PROFILE)))
                fact(re.search(word, run.err.decode(errors="replace")), f"{who}: {name}: {deed} is named: {word}", run)
            fact(run.code == 122 and run.record["verdict"] == "REJECT", f"{who}: {name}: {deed}: exit 122, REJECT", run)
            fact(not (place / "out").exists() and not (place / "target").exists(), f"{who}: {name}: {deed}: nothing was brought out", run)
            fact(PROFILE.read_text() == "mine\n" and KEY.read_text() == "KEY\n" and (place / "open.txt").read_text() == "declared\n"
                 and KEY.stat().st_nlink == 1 and not alive("sleep\0004711") and not alive("build-script-build"),
                 f"{who}: {name}: {deed}: nobody was harmed, nothing goes on", run)


def delivery(who, before):
    """Links that lie in the project where outputs go."""
    place = project("evil", who, before)
    (place / "out").mkdir()
    (place / "out/report").symlink_to(PROFILE)
    subprocess.run(["chown", "-R", "--reference", place, place / "out"], check=True)
    run = Step(place, "script", before, DEED="nothing", VICTIM=str(VICTIM))
    report = place / "out/report"
    fact(run.code == 0 and not report.is_symlink() and report.read_text() == "made\n" and PROFILE.read_text() == "mine\n",
         f"{who}: an output takes the place of a link, and is not written through it", run)
    place = project("evil", who, before)
    (place / "out").symlink_to(VICTIM)
    run = Step(place, "script", before, DEED="nothing", VICTIM=str(VICTIM))
    fact(run.code != 0 and not (VICTIM / "report").exists() and b"out/report: cannot be brought into the project" in run.err,
         f"{who}: nothing is brought out through a directory that is a link", run)


def honest(who, before):
    place = project("c", who, before)
    run = Step(place, "checksum", before, "--verify")
    fact(run.code == 0 and run.record["verdict"] == "DETERMINISTIC" and b"jobserver" not in run.err,
         f"{who}: a C project: make -j2, a second make, a made table, an archive: twice the same bytes", run)
    said = subprocess.run([place / "build/checksum", "hello"], capture_output=True, text=True).stdout
    fact(said == "3610a686  hello, built Jan  1 1970 in src/text.c\n", f"{who}: the program that came out works", said)
    left = sorted(p.name for p in (place / "build").iterdir())
    fact(left == ["checksum", "libcheck.a"], f"{who}: its two outputs and nothing else came out", left)
    place = project("cargo", who, before)
    run = Step(place, "app", before, "--verify")
    fact(run.code == 0 and run.record["verdict"] == "DETERMINISTIC" and not run.record["denials"],
         f"{who}: a cargo workspace with a build script and compiled-in files: twice the same bytes", run)
    said = subprocess.run([place / "target/release/app"], capture_output=True, text=True).stdout
    fact(said == "168 a note that is compiled in\n", f"{who}: the program that came out works", said)
    names = {i["path"] for i in run.record["inputs"]}
    fact({"table/bound.txt", "table/src/note.txt", "table/build.rs"} <= names and "secret.txt" not in names, f"{who}: the record lists what it read", names)
    verified = subprocess.run([BIN / "bailiff", "audit", "verify", run.record_file], capture_output=True, text=True)
    fact(verified.returncode == 0, f"{who}: the chain of both runs is whole", verified)


def chance(who, before):
    cannot = [] if len(os.sched_getaffinity(0)) > 1 else ["cores"]
    for what in (what for what in CHANCE if what not in cannot):
        run = Step(project("twice", who, before), "chance", before, "--verify", WHAT=what)
        found = re.search(rb"verify: out/file: differs at byte (\d+): 0x", run.err)
        fact(run.code == 124 and found and int(found[1]) >= 100_000, f"{who}: --verify finds {what}, with file and offset", run)
    for what in SAME:
        place = project("twice", who, before)
        run = Step(place, "chance", before, "--verify", WHAT=what)
        fact(run.code == 0 and run.record["verdict"] == "DETERMINISTIC" and (place / "out/file").stat().st_size >= 100_000,
             f"{who}: --verify: {what} is the same twice", run)


def jobs(who, before):
    place = project("parallel", who, before)
    run = Step(place, "jobs", before)
    fact(run.code == 0 and b"jobserver" not in run.err, f"{who}: a second make gets a job of the first one's jobserver, inside", run)
    run = Step(place, "alone", before)
    fact(run.code == 123, f"{who}: and with one job the two would wait for ever", run)
    shutil.rmtree(place / "out")
    (place / "out").mkdir()
    os.chmod(place / "out", 0o777)
    make = subprocess.run([*before, "make", "-j2", "-f", "caged.mk"], cwd=place, env={"PATH": PATH, "CAGE": str(TOOL)}, capture_output=True, text=True, timeout=60)
    made = sorted(p.name for p in (place / "out").iterdir())
    fact(make.returncode == 0 and "jobserver" not in make.stderr and made == ["one", "two"], f"{who}: SHELL is a cage: a make inside gets a job of the make outside", make)


PATH = toolchain()
victim()
for who, before in parts().items():
    for part in (deeds, delivery, honest, chance, jobs):
        if part.__name__ in (sys.argv[1:] or [part.__name__]):
            part(who, before)
    left = [p for top in (HOME, pathlib.Path("/dev/shm")) for p in top.rglob(".bailiff-stage.*")]
    fact(not left, f"{who}: no staging directory is left", left)
subprocess.run(["umount", "--lazy", HOME / "toolchain"], check=True)
ok("build scripts that misbehave are stopped and named; honest projects give the same bytes twice; what is left to chance is found")
