#!/usr/bin/env python3
"""What an operator does: a wrong configuration is refused with its place, --check, --dry-run, reload, ban and unban, status and
explain for people and programs, who may use which socket, a second daemon on the same state."""
import stat
from house import *

own_namespace()
need("nft")

# 1. A wrong configuration: exit 100, file, line, column, what was expected.
d = Daemon()
for text, expected in [
    ("[jail.sshd]\nenabled = yes\n", r":2:11: expected a value: .*true, false"),
    ("[jail.sshd]\nenabled = true\nmaxretries = 3\n", r":3:1: expected a key of \[jail.NAME\]"),
    ("[jail.sshd]\nenabled = true\nfindtime = 600\n", r':3:12: findtime: expected a duration such as "10m"'),
    ("[jail.sshd]\nenabled = true\nmaxretry = 0\n", r":3:12: maxretry: expected"),
    ("[jail.web]\nenabled = true\nfilter = \"nonexistent\"\n", r":3:10: filter: expected the name of a filter; `bailiff filters` lists them"),
    ("[jial.sshd]\nenabled = true\n", r":1:2: expected"),
    ("", r":1:1: expected a section such as \[jail.sshd\]"),
]:
    d.config.write_text(text)
    for arguments in ([], ["--check"]):
        run = subprocess.run([d.bin / "bailiffd", "--config", d.config, *arguments], capture_output=True, text=True, timeout=10)
        check(run.returncode == 100, f"exit 100 for {text!r} {arguments}")
        check(re.search("bailiff.toml" + expected, run.stderr), f"and the place: {run.stderr.strip()}")
run = subprocess.run([d.bin / "bailiffd", "--colour"], capture_output=True, text=True)
check(run.returncode == 100 and "usage" in run.stderr, "an unknown flag: exit 100 and the usage")
d.configure(d.sshd())
run = subprocess.run([d.bin / "bailiffd", "--config", d.config, "--check"], capture_output=True, text=True)
check(run.returncode == 0 and "good: jails manual sshd" in run.stderr, "a good one: --check says so and leaves with 0")
if as_root():
    os.chmod(d.config, 0o666)
    run = subprocess.run([d.bin / "bailiffd", "--config", d.config], capture_output=True, text=True)
    check(run.returncode == 100 and "others than root can write it" in run.stderr, "a configuration that others can write is refused")
run = subprocess.run([d.bin / "bailiff", "--config", d.config, "status"], capture_output=True, text=True)
check(run.returncode == 111 and "read.sock" in run.stderr, "no daemon: the client leaves with 111 and names the socket")

# 2. A dry run writes nothing to the firewall and says what it would have done.
d = Daemon(arguments=["--dry-run"])
d.write("x")
d.start()
d.write(*[failure("198.51.100.7")] * 6)
d.wait_log(r"198\.51\.100\.7")
wait_for(lambda: re.search(r"(?i)dry.*198\.51\.100\.7|would.*198\.51\.100\.7", d.text()), "the dry run says whom it would ban")
check(kernel() == {} , "the kernel holds no table of ours in a dry run")
d.client("ban", "198.51.100.9", "--for", "10m")
check(kernel() == {}, "nor after an operator's ban")
check(d.stop() == 0, "an orderly end")

# 3. Ban, unban, list, explain, jails, status; words and JSON.
d = Daemon(guard='never_ban = ["203.0.113.0/24"]\n')
d.write("x")
d.start()
run = d.client("ban", "198.51.100.19", "--for", "forever", check_code=2)
check("long" in run.stdout + run.stderr, f"without end: refused by default: {(run.stdout + run.stderr).strip()}")
d.stop()
d.configure(d.sshd(), guard='never_ban = ["203.0.113.0/24"]\nmax_bantime = "forever"\n')
d.start()
run = d.client("ban", "198.51.100.20", "--for", "1h", check_code=0)
check("198.51.100.20" in run.stdout and "manual" in run.stdout, f"ban: {run.stdout.strip()}")
check(3500 < kernel("manual_v4_32")["198.51.100.20"] <= 3600, "and the kernel holds it for an hour")
d.client("ban", "198.51.100.0/24", "--for", "forever", check_code=0)
check(kernel("manual_v4_24").get("198.51.100.0", 0) is None, "a network, for ever: no time-out in the kernel")
d.client("ban", "2001:db8:5::/64", "--jail", "sshd", check_code=0)
check("2001:db8:5::" in kernel("sshd_v6_64"), "an IPv6 network in a jail of its own")
d.client("ban", "198.51.100.20", "--for", "2h", check_code=0)
check(7100 < kernel("manual_v4_32")["198.51.100.20"] <= 7200, "a second ban extends the first")
for address, name in [("203.0.113.5", "never-ban"), ("127.0.0.1", "special|loopback"), ("198.0.0.0/8", "wide"), ("::/0", "wide|special|never"),
                      ("224.0.0.1", "special|multicast"), ("0.0.0.0", "special|unspecified")]:
    run = d.client("ban", address, check_code=2)
    check(re.search(name, run.stdout + run.stderr), f"ban {address} is refused by name: {(run.stdout + run.stderr).strip()}")
check(d.client("ban", "198.51.100.300").returncode == 100, "what is not an address: exit 100")
check(d.client("ban", "198.51.100.9/16").returncode == 100, "bits behind the length: exit 100")
check(d.client("ban", "198.51.100.77", "--jail", "nosuch").returncode in (2, 100), "no such jail is refused")
rows = d.client("list", json_too=True)
check(len(rows) == 3, f"list has three: {[r['address'] for r in rows]}")
check(len(d.client("list", "--jail", "sshd", json_too=True)) == 1, "and one of the jail sshd")
run = d.client("explain", "198.51.100.20", check_code=0)
check("manual" in run.stdout and "kernel" in run.stdout, "explain says jail and the kernel's word")
e = d.client("explain", "198.51.100.20", json_too=True)
check(isinstance(e, dict), "explain --json is one object")
check(any(j["jail"] == "sshd" for j in d.client("jails", json_too=True)), "jails --json has sshd")
s = d.client("status", json_too=True)
check(isinstance(s, dict) and s.get("figures", {}).get("bans") == 3 or "bans" in json.dumps(s), "status --json is one object with the figures")
check(d.client("unban", "198.51.100.20", check_code=0) and "198.51.100.20" not in kernel("manual_v4_32"), "unban works at once")
check(d.client("unban", "198.51.100.20").returncode == 1, "unban of what is not banned: exit 1")

# 4. Who may: file modes are the authorisation.
modes = {n: stat.S_IMODE((d.run / n).stat().st_mode) for n in ("read.sock", "control.sock")}
check(set(modes.values()) == {0o660}, f"both sockets are 0660: {modes}")
if as_root():
    os.chmod(d.bin / "bailiff", 0o755)
    run = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", d.bin / "bailiff", "--socket", d.run, "status"],
                         capture_output=True, text=True)
    if run.returncode == 127 or "setpriv" in run.stderr or "Permission denied" in run.stderr and "bailiff:" not in run.stderr:
        print("   (nobody cannot reach the program in this directory: not tried as another user)")
    else:
        check(run.returncode == 111 and "read.sock" in run.stderr, f"nobody is kept out: {run.stderr.strip()}")
import socket as sockets
read = sockets.socket(sockets.AF_UNIX, sockets.SOCK_SEQPACKET)
read.connect(str(d.run / "read.sock"))
prefix = bytes(10) + b"\xff\xff" + bytes([198, 51, 100, 99])
read.send(b"Q\x01" + bytes(6) + bytes([1, 4, 32, 0]) + (600).to_bytes(4, "little") + prefix + bytes(24))
read.settimeout(5)
answer = read.recv(8192)
check(answer[-64:-62] == bytes([7, 6]), f"a ban asked for on read.sock is answered NotHere ({answer[:2]}, {len(answer)} bytes)")
check("198.51.100.99" not in kernel("manual_v4_32"), "and not done")
read.close()
bad = sockets.socket(sockets.AF_UNIX, sockets.SOCK_SEQPACKET)
bad.connect(str(d.run / "control.sock"))
bad.send(b"\xff" * 300)
bad.settimeout(5)
check(bad.recv(64) == b"" , "a bad request closes its own connection")
check(d.client("status").returncode == 0, "and nothing else")

# 5. A second daemon on the same state; reload; stop.
run = subprocess.run([d.bin / "bailiffd", "--config", d.config], capture_output=True, text=True, timeout=30)
check(run.returncode == 111 and "another bailiffd" in run.stderr, "a second bailiffd on the same state is refused by name")
d.stop()
d.start()
before = kernel()
d.config.write_text(d.config.read_text().replace("enabled = true", "enabled = maybe"))
d.process.send_signal(signal.SIGHUP)
d.wait_log("stays: the new one is refused", since_start=True)
run = subprocess.run([d.bin / "bailiff", "--socket", d.run, "status"], capture_output=True)
check(run.returncode == 0, "reload of a wrong configuration: said, and the daemon works on")
d.configure(d.sshd("maxretry = 2"), guard='never_ban = ["203.0.113.0/24"]\nmax_bantime = "forever"\n')
d.process.send_signal(signal.SIGHUP)
wait_for(lambda: d.text(since_start=True).count("ready after") == 2, "a second generation is ready")
after = kernel()
check({k: set(v) for k, v in before.items()} == {k: set(v) for k, v in after.items()}, "reload lifts no ban")
d.write(*[failure("198.51.100.30")] * 2)
wait_for(lambda: "198.51.100.30" in kernel("sshd_v4_32"), "the new limit is in force")
check(d.stop() == 0, "SIGTERM: exit 0")
check("198.51.100.30" in kernel("sshd_v4_32"), "stopping lifts no ban")
ok("an operator is told what, where and why")
