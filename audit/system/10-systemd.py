#!/usr/bin/env python3
"""The shipped unit under a really booted systemd: READY, STATUS, the watchdog, restart after a crash, no restart after a wrong
configuration, reload and stop that lift no ban, accounts by sysusers, `make install`."""
import pathlib
from house import *

if not ROOT:
    skip("booting a systemd needs root")
need("systemctl", "nsenter", "nft", "ip", "setsid")
if not pathlib.Path("/lib/systemd/systemd").exists():
    skip("no systemd on this machine")
cgroups = pathlib.Path("/sys/fs/cgroup/unified")
if not (cgroups if cgroups.exists() else pathlib.Path("/sys/fs/cgroup")).joinpath("cgroup.procs").exists():
    skip("no cgroup v2 here")

dir = pathlib.Path(tempfile.mkdtemp(prefix="bailiff-boot-"))
boot = TOP / "audit/system/boot.sh"


def clean():
    subprocess.run([boot, "stop", dir], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    shutil.rmtree(dir, ignore_errors=True)


def run(*words, code=0, text=None):
    r = subprocess.run([boot, "exec", dir, *words], capture_output=True, text=True, input=text, timeout=60)
    if code is not None and r.returncode != code:
        journal = subprocess.run([boot, "exec", dir, "journalctl", "-u", "bailiff", "-n", "40", "--no-pager"], capture_output=True, text=True)
        fail(f"{' '.join(words)}: exit {r.returncode}, expected {code}: {r.stdout}{r.stderr}\n{journal.stdout}")
    return r.stdout


def show(property):
    return run("systemctl", "show", "-P", property, "bailiff").strip()


def write(*lines):
    run("sh", "-c", "cat >>/var/log/auth.log", text="".join(l + "\n" for l in lines))


def in_set(name):
    return run("nft", "list", "set", "inet", "bailiff", name, code=None)


def role(name):
    return run("pgrep", "-x", "-f", f"{name} [0-9]*", code=None).split()


atexit.register(clean)
(dir / "files").mkdir(parents=True)
made = subprocess.run(["make", "-C", TOP, "install", f"DESTDIR={dir}/files", "PREFIX=/usr"], capture_output=True, text=True,
                      env={**os.environ, "CARGO_TARGET_DIR": str(BIN.parent)})
check(made.returncode == 0, f"make install: {made.stderr[-500:]}")
config = dir / "files/etc/bailiff/bailiff.toml"
check("[jail.sshd]" in config.read_text(), "an example configuration is installed")
config.write_text('[jail.sshd]\nenabled = true\nmaxretry = 3\n[jail.own]\nenabled = true\nmaxretry = 3\n')
(config.parent / "filters" / "own.filter").write_text(
    "filter own\nheader raw\nlog /var/log/own.log\nclass auth\nmode normal = auth\ndefault normal\n"
    "pattern auth\n  no <addr>\n  hit 198.51.100.66 no 198.51.100.66\n")
drop = dir / "files/etc/systemd/system/bailiff.service.d"
drop.mkdir(parents=True)
(drop / "test.conf").write_text("[Service]\nWatchdogSec=2\n")
# The install path of a unit is the distribution's choice; systemd looks at /usr/lib and /lib.
for folder in ("files/var/log", "files/usr/lib/systemd/system"):
    (dir / folder).mkdir(parents=True, exist_ok=True)
(dir / "files/var/log/auth.log").write_text("")
(dir / "files/var/log/own.log").write_text("")
subprocess.run([boot, "start", dir], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
check(run("readlink", "/proc/self/ns/net").strip() != os.readlink("/proc/self/ns/net"), "systemd has a network namespace of its own")
check("default" not in run("ip", "route"), "without a default route")

run("systemd-sysusers")
check("bailiff-enforcer" in run("getent", "passwd"), "systemd-sysusers made the accounts")
run("systemctl", "start", "bailiff")
check(show("ActiveState") == "active" and show("Type") == "notify", "systemctl start returned after READY=1")
uids = {p: run("stat", "-c", "%u", f"/proc/{role(p)[0]}").strip() for p in ("bailiff-watcher", "bailiff-tracker", "bailiff-enforcer-nft")}
status = {p: run("grep", "Uid", f"/proc/{role(p)[0]}/status").split()[1] for p in uids}
check(len(set(status.values())) == 3 and "0" not in status.values(), f"each role has a uid of its own: {status}")
write(*[failure("198.51.100.7")] * 3)
wait_for(lambda: "198.51.100.7" in in_set("sshd_v4_32"), "a ban under the shipped unit")
check(True, "three failures in /var/log/auth.log: banned in the kernel")
check("198.51.100.7" in run("bailiff", "list"), "bailiff list shows it")
run("sh", "-c", "cat >>/var/log/own.log", text="no 198.51.100.17\n" * 3)
wait_for(lambda: "198.51.100.17" in in_set("own_v4_32"), "a ban by a filter of the operator's own")
check(True, "a filter in /etc/bailiff/filters: compiled under the shipped unit, and it bans")
wait_for(lambda: "2 bans in force" in show("StatusText"), "the status line")
check(True, f"STATUS: {show('StatusText')}")

pid = show("MainPID")
run("systemctl", "reload", "bailiff")
wait_for(lambda: run("journalctl", "-u", "bailiff", "--no-pager").count("ready after") == 2, "a second generation")
check(show("MainPID") == pid and "198.51.100.7" in in_set("sshd_v4_32"), "systemctl reload: the same warden, no ban lifted")
run("kill", "-9", role("bailiff-tracker")[0])
wait_for(lambda: show("NRestarts") == "1" and show("ActiveState") == "active", "a restart after kill -9 of the tracker")
check("198.51.100.7" in in_set("sshd_v4_32"), "kill -9 of the tracker: restarted by systemd, no ban lifted")
check("198.51.100.7" in run("bailiff", "list"), "and the ledger knows it still")
run("kill", "-STOP", role("bailiff-tracker")[0])
wait_for(lambda: show("NRestarts") == "2" and show("ActiveState") == "active", "the watchdog", timeout=30)
check("watchdog" in run("journalctl", "-u", "bailiff", "--no-pager").lower(), "a stopped tracker starves the watchdog: restarted")
check("198.51.100.7" in in_set("sshd_v4_32"), "no ban lifted")
run("sh", "-c", "echo 'bantme = 1' >>/etc/bailiff/bailiff.toml")
run("systemctl", "restart", "bailiff", code=None)
wait_for(lambda: show("ActiveState") == "failed", "a wrong configuration fails")
check(show("ExecMainStatus") == "100" and show("NRestarts") == "0", "a wrong configuration: exit 100, no restart loop")
check("198.51.100.7" in in_set("sshd_v4_32"), "and the bans stay in the kernel")
run("sed", "-i", "/bantme/d", "/etc/bailiff/bailiff.toml")
run("systemctl", "reset-failed", "bailiff")
run("systemctl", "start", "bailiff")
run("systemctl", "stop", "bailiff")
check(show("ExecMainStatus") == "0" and not role("bailiff-watcher"), "systemctl stop: exit 0, nobody left")
check("198.51.100.7" in in_set("sshd_v4_32"), "stopping lifts no ban")
run("systemctl", "start", "bailiff")
check("198.51.100.7" in run("bailiff", "list"), "started again: it is known")
score = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=100",
                        dir / "files/usr/lib/systemd/system/bailiff.service"], capture_output=True, text=True).stdout.strip().splitlines()
print(f"   systemd-analyze security: {score[-1] if score else 'not to be had'}")
ok("the unit works under a real systemd")
