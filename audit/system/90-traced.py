#!/usr/bin/env python3
"""A run of the whole daemon under strace: the calls that each program really made, for the third column of `make syscalls`.

The daemon goes through what it does in a life: a ban from the log, a rotation, an operator's bans and questions, a flushed
ruleset, a reload, a stop. audit/traced.sh writes target/traced/PROGRAM from the trace; each must then be a part of its row.
"""
import shutil, signal, subprocess
from house import *

need("strace")
own_namespace()
daemon = Daemon()
(daemon.dir / "filters").mkdir(mode=0o755)
(daemon.dir / "filters" / "own.filter").write_text(
    "filter own\nheader raw\nclass auth\nmode normal = auth\ndefault normal\npattern auth\n  no <addr>\n  hit 198.51.100.66 no 198.51.100.66\n")
traces = daemon.dir / "traces"
traces.mkdir()
# strace stands where bailiffd would stand, and becomes it: -D makes the tracer a process aside.
wrapped = daemon.dir / "bin"
wrapped.mkdir()
(wrapped / "bailiffd").write_text(f'#!/bin/sh\nexec strace -D -ff -y -o "{traces}/t" "{BIN}/bailiffd" "$@"\n')
os.chmod(wrapped / "bailiffd", 0o755)
daemon.log.touch()
daemon.bin = wrapped
daemon.start()
daemon.bin = BIN

daemon.write(*[failure("198.51.100.7") for _ in range(5)])
wait_for(lambda: "198.51.100.7" in daemon.banned(), "a ban from the log")
daemon.log.rename(daemon.dir / "auth.log.1")
daemon.write(*[failure("2001:db8::7") for _ in range(5)])
wait_for(lambda: any(a.startswith("2001:db8:") for a in daemon.banned()), "a ban after a rotation", 30)
daemon.client("ban", "203.0.113.9", "--for", "10m", check_code=0)
daemon.client("explain", "203.0.113.9")
daemon.client("status")
daemon.client("unban", "203.0.113.9", check_code=0)
if shutil.which("nft"):
    subprocess.run(["nft", "delete", "table", "inet", "bailiff"], capture_output=True)
    subprocess.run(["nft", "flush", "ruleset"], capture_output=True)
    wait_for(lambda: "198.51.100.7" in str(kernel()), "the ban is back after a flush")
daemon.process.send_signal(signal.SIGHUP)
wait_for(lambda: daemon.text().count("ready after") == 2, "a second generation is ready", 30)
daemon.client("list", check_code=0)
subprocess.run(["strace", "-ff", "-y", "-o", traces / "t", BIN / "bailiff", "--config", daemon.config, "list"],
               stdout=subprocess.DEVNULL, check=True)
daemon.stop()
ends = {t.name: t.read_text(errors="replace").splitlines()[-1] for t in traces.iterdir()}
check(all("+++ exited with 0 +++" in end for end in ends.values()), f"all {len(ends)} processes ended as they should: {set(ends.values())}")
subprocess.run([TOP / "audit" / "traced.sh", traces], check=True, stdout=subprocess.DEVNULL)

where = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", TOP / "target")) / "traced"
for program in ("bailiffd", "bailiff-launcher", "bailiff-watcher", "bailiff-tracker", "bailiff-enforcer-nft", "bailiff-compiler", "bailiff"):
    calls = (where / program).read_text().split() if (where / program).exists() else []
    check(len(calls) > 2, f"{program}: {len(calls)} calls traced")
ok("seven programs traced; make syscalls compares")
