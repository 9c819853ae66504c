#!/usr/bin/env python3
"""Somebody changes the ruleset behind bailiff's back: table and bans are back within a second, or cannot be touched at all.

With lock_table = false every way of taking the table, its rules or its elements away is tried, idle and while new bans come in; with
lock_table = true the same is tried and nothing moves. Then stop, restart and reload: by `nft monitor` the kernel's sets never
lose an element, and none that it holds is sent again.
"""
import threading
from house import *

need("nft")
own_namespace()
BANS = 1500
WITHIN_S = 1.0


def nft(*words):
    return subprocess.run(["nft", *words], capture_output=True, text=True)


def rules():
    return nft("-n", "-s", "list", "chain", "inet", "bailiff", "early").stdout


def in_kernel():
    return {(name, e) for name, elements in kernel().items() for e in elements}


def sentinels():
    """Sets that hold theirs."""
    run = json.loads(nft("-j", "list", "sets").stdout)
    return {s["set"]["name"] for s in run["nftables"] if "set" in s and {"0.0.0.0", "::"} & {e for e in s["set"].get("elem", []) if isinstance(e, str)}}


def daemon(locked):
    d = Daemon(jails="")
    d.configure(d.sshd('maxretry = 1\nbantime = "2h"'), guard="max_bantime = \"forever\"\n", daemon=f"lock_table = {str(locked).lower()}\n")
    d.log.write_text("")
    return d.start()


def fill(d):
    """Bans of both families, by the log and by hand."""
    d.write(*(failure(f"2001:db8:{n:x}::7" if n % 3 == 0 else f"198.18.{n >> 8}.{n & 255}") for n in range(BANS - 2)))
    d.client("ban", "203.0.113.0/24", "--for", "1h", check_code=0)
    d.client("ban", "2001:db8:ffff::/48", "--for", "forever", check_code=0)
    wait_for(lambda: len(in_kernel()) == BANS, f"{BANS} bans in the kernel", 20)


def back(d, what, mangle, whole):
    """Does it, and waits until all is as it was."""
    rules_before, sets = rules(), sentinels()
    begun = time.monotonic()
    mangle()
    while True:
        left = whole() - in_kernel()
        took = time.monotonic() - begun
        if not left and rules() == rules_before and sentinels() == sets:
            break
        if took > 10:
            fail(f"{what}: not back after {took:.0f} s, {len(left)} bans missing, rules {'as before' if rules() == rules_before else 'differ'}:\n{d.text()[-1500:]}")
    check(took < WITHIN_S, f"{what}: table, rules and {len(whole())} bans are back in {took * 1000:.0f} ms")


MANGLES = [
    ("nft flush ruleset", "flush ruleset"), ("nft delete table", "delete table inet bailiff"), ("nft flush table", "flush table inet bailiff"),
    ("nft flush set, IPv4", "flush set inet bailiff sshd_v4_32"), ("nft flush set, IPv6", "flush set inet bailiff sshd_v6_64"),
    ("nft delete element, a sentinel", "delete element inet bailiff sshd_v4_32 { 0.0.0.0 }"),
    ("nft flush chain", "flush chain inet bailiff early"), ("nft insert rule, an accept before all", "insert rule inet bailiff early accept"),
    ("nft flush chain and delete chain", "flush chain inet bailiff early; delete chain inet bailiff early"),
    ("nft flush ruleset and a firewall of somebody else's", "flush ruleset; add table inet other; add chain inet other c"),
]


def one(d, command):
    run = nft(command)
    if run.returncode:
        fail(f"nft {command}: {run.stderr}")


# ---- not locked: healed
d = daemon(locked=False)
fill(d)
before = in_kernel()
for what, command in MANGLES:
    back(d, what, lambda: one(d, command), lambda: before)
back(d, "nft flush ruleset, three times at once", lambda: [one(d, "flush ruleset") for _ in range(3)], lambda: before)
check(d.client("status", json_too=True)["figures"]["times_the_table_was_put_back"] > 0, "status says how often the table was put back")

stop, count = threading.Event(), [0]


def load():
    while not stop.is_set():
        d.write(*(failure(f"198.19.{count[0] + n >> 8}.{count[0] + n & 255}") for n in range(8)))
        count[0] += 8
        time.sleep(0.05)  # nft begins its listing anew with every change: between two of ours it must be able to end


writer = threading.Thread(target=load)
writer.start()
try:
    for what, command in MANGLES[:4]:
        time.sleep(0.1)
        banned = set(re.findall(r"banned (198\.19\.\S+) ", d.text()))
        whole = before | {("sshd_v4_32", address) for address in banned}
        back(d, f"{what}, while bans come in", lambda: one(d, command), lambda: whole)
finally:
    stop.set()
    writer.join()
wait_for(lambda: len(re.findall(r"banned 198\.19\.", d.text())) >= count[0], f"all {count[0]} new bans", 20)
wait_for(lambda: len(in_kernel()) == BANS + count[0] == len(d.banned()), "the same number in kernel and list", 5)
check(True, f"after it {BANS + count[0]} bans in the kernel, as many in the list")

d.stop()
whole = in_kernel()
one(d, "delete table inet bailiff")
d.start()
wait_for(lambda: in_kernel() == whole, "all bans after a start into an empty firewall", 5)
check(True, f"table deleted while the daemon was down: its start brings {len(whole)} bans back")
check(d.stop() == 0 and in_kernel() == whole, "a stop leaves them there")
d.clean()
one(d, "delete table inet bailiff")

# ---- locked: cannot be touched
d = daemon(locked=True)
fill(d)
before = in_kernel()
if re.search(r"lock_table: flags owner and persist are not to be had", d.text()):
    print("   skipped: this kernel has no table flags owner and persist (6.9)", flush=True)
else:
    as_it_was = rules()
    for what, command in MANGLES[:8]:
        run = nft(command)
        refused = run.returncode != 0 and "Operation not permitted" in run.stderr
        same = in_kernel() == before and rules() == as_it_was
        check(same and (refused or command == "flush ruleset"), f"locked: {what}: {'refused (EPERM)' if refused else 'passes the table over'}, nothing is gone")
    check("put back" not in d.text(), "locked: nothing had to be put back")


# ---- stop, restart, reload
class Monitor:
    """What `nft monitor` sees from here on."""

    def __init__(self):
        self.file = open(d.dir / "monitor", "w+")
        self.process = subprocess.Popen(["nft", "-n", "monitor"], stdout=self.file, stderr=subprocess.STDOUT)
        atexit.register(self.process.kill)
        self.mark("begin")

    def mark(self, name):
        """Changes the ruleset until the monitor says so: all that came before has then been said."""
        def seen():
            one(d, f"add table inet {name}; delete table inet {name}")
            return name in (d.dir / "monitor").read_text()
        wait_for(seen, "nft monitor at work")

    def end(self):
        self.mark("ends")
        self.process.kill()
        self.process.wait()
        return [l for l in (d.dir / "monitor").read_text().splitlines() if "bailiff" in l]


def watched(what, act):
    lost, over = [], threading.Event()

    def poll():
        while not over.is_set():
            lost.extend(before - in_kernel())
    watcher = threading.Thread(target=poll)
    monitor = Monitor()
    watcher.start()
    try:
        act()
    finally:
        over.set()
        watcher.join()
    lines = monitor.end()
    # The rules are written anew, in one transaction with their deletion.
    gone = [l for l in lines if re.match(r"(delete|destroy|flush) (element|set|chain|table)", l)]
    again = [l for l in lines if re.match(r"add element", l) and any(re.search(rf"[{{ ]{re.escape(e)}[ ,}}]", l) for _, e in before)]
    check(not lost and not gone, f"{what}: no element is ever gone ({len(lines)} events)" if not lost and not gone else f"{what}: lost {lost[:3]} {gone[:3]}")
    check(not again, f"{what}: no ban that the kernel holds is sent again" if not again else f"{what}: sent again: {again[:3]}")
    check(in_kernel() == before and len(d.banned()) == BANS, f"{what}: {BANS} bans in kernel and list")


def restart():
    check(d.stop() == 0, "stopped, exit 0")
    d.start()
    d.wait_log(rf"table as left, bans {BANS}", since_start=True)


def reload():
    d.mark = (d.dir / "stderr").stat().st_size
    d.process.send_signal(signal.SIGHUP)
    d.wait_log(r"the new configuration is in force", since_start=True)
    d.wait_log(rf"table as left, bans {BANS}", since_start=True)
    d.wait_log(r"ready after", since_start=True)


def reload_refused():
    good = d.config.read_text()
    d.config.write_text(good + "\nnonsense = 1\n")
    d.process.send_signal(signal.SIGHUP)
    d.wait_log(r"the configuration in force stays")
    d.config.write_text(good)


watched("stop and start", restart)
watched("reload", reload)
watched("reload of a bad configuration", reload_refused)
check(d.stop() == 0 and in_kernel() == before, "the last stop leaves all bans in the kernel")
ok("a flush is healed within a second or has no effect; stop, restart and reload lift no ban and send none again")
