#!/usr/bin/env python3
"""A real attack on a real sshd ends in the kernel's firewall: banned after maxretry, dropped, and let in again when it is time.

Three network namespaces: bailiff and sshd in the first; an attacker with many addresses, one cable away; and a service behind the
first host, as a container would be, reached by routing and by DNAT. Guesses are ssh's, lines are sshd's, through its PAM and
syslog(3). That packets are dropped is seen from outside: a TCP connect hears nothing, an established flow stops.
"""
import select
from house import *
from sshd import Flow, Net, Sshd, Syslog, echo

HOST, HOST6 = "198.51.100.1", "2001:db8:1::1"
EVIL, OTHER = "198.51.100.7", "198.51.100.8"
GATEWAY6 = "2001:db8:1::fe"
BEHIND, BEHIND6 = "203.0.113.2", "2001:db8:c::2"
SSH, ECHO, PUBLISHED = 22, 7777, 8080

# Each names an address, and none says that somebody failed to log in here.
INNOCENT = """\
Nov 21 22:00:00 victim CRON[501]: (root) CMD (echo Failed password for root from 203.0.113.50 port 22 ssh2)
Nov 21 22:00:00 victim CRON[501]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)
Nov 21 22:00:00 victim dpkg: upgraded openssh-server 203.0.113.51 to 203.0.113.52
Nov 21 22:00:00 victim apt[502]: upgraded foo from 203.0.113.53 to 5.6.7.8
Nov 21 22:00:00 victim sudo: alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/echo Failed password for x from 203.0.113.54
Nov 21 22:00:00 victim kernel: [UFW BLOCK] IN=eth0 OUT= SRC=203.0.113.55 DST=198.51.100.1 PROTO=TCP DPT=22
Nov 21 22:00:00 victim named[503]: client @0x7f 203.0.113.56#53 (example): query denied
Nov 21 22:00:00 victim vsftpd[504]: pam_unix(vsftpd:auth): authentication failure; uid=0 tty=ftp ruser=x rhost=203.0.113.57
Nov 21 22:00:00 victim sshd[505]: Server listening on 203.0.113.58 port 22.
Nov 21 22:00:00 victim sshd[505]: Connection from 203.0.113.59 port 4242 on 198.51.100.1 port 22 rdomain ""
Nov 21 22:00:00 victim sshd[505]: Accepted publickey for alice from 203.0.113.60 port 4242 ssh2: ED25519 SHA256:mmwi6fvKZ3
Nov 21 22:00:00 victim sshd[505]: Received disconnect from 203.0.113.61 port 4242:11: disconnected by user
Nov 21 22:00:00 victim sshd[505]: Disconnected from user alice 203.0.113.62 port 4242
Nov 21 22:00:00 victim sshd[505]: error: connect_to 203.0.113.63 port 80: failed.
Nov 21 22:00:00 victim sshd[505]: Received request from 203.0.113.64 port 4242 to connect to host 203.0.113.65 port 22, Failed
Nov 21 22:00:00 victim logger: sshd[1]: Failed password for root from 203.0.113.66 port 22 ssh2
sshd[505]: Failed password for root from 203.0.113.67 port 22 ssh2
Nov 21 22:00:00 victim sshd[505]: Failed password for root from 203.0.113.68.example port 22 ssh2""".splitlines()


class Session:
    """A shell that alice has opened through sshd, and that echoes."""

    def __init__(self, sshd, net, source):
        self.ssh = sshd.client(net, source, HOST, "cat", options=sshd.key("key"), stdin=subprocess.PIPE)
        if not self.alive(10):
            fail(f"no login by key: {self.ssh.stderr.read()}")

    def alive(self, timeout=1):
        self.ssh.stdin.write(b"x")
        self.ssh.stdin.flush()
        ready = select.select([self.ssh.stdout], [], [], timeout)[0]
        return bool(ready and os.read(self.ssh.stdout.fileno(), 4096))

    def close(self):
        self.ssh.kill()
        self.ssh.communicate()


def unknown_filter():
    daemon = Daemon(jails="")
    daemon.config.write_text(f'[daemon]\nstate = "{daemon.state}"\nrun = "{daemon.run}"\n[jail.web]\nenabled = true\n'
                             f'filter = "sshhd"\nlogs = ["{daemon.log}"]\n')
    for words in ([], ["--check"]):
        run = subprocess.run([BIN / "bailiffd", "--config", daemon.config, *words], capture_output=True, text=True, timeout=20)
        wanted = f"{daemon.config}:6:10: filter: expected the name of a filter"
        check(run.returncode == 100 and wanted in run.stderr,
              f"an unknown filter, {words or 'at start'}: exit 100 and {run.stderr.strip().split('/')[-1]!r}")


def networks():
    host, attacker, behind = Net(here=True), Net(), Net()
    host.cable("v0", attacker, "v1")
    host.cable("c0", behind, "c1")
    host.sysctl("ipv4/ip_forward", 1)
    host.sysctl("ipv6/conf/all/forwarding", 1)
    attacker.up("v1", f"{EVIL}/24", f"{OTHER}/24", "2001:db8:1::66/64", "2001:db8:1::67/64", f"{GATEWAY6}/64",
                *[f"2001:db8:{net}::{n}/128" for net in (2, 3, 5) for n in (7, 8)])
    behind.up("c1", f"{BEHIND}/24", f"{BEHIND6}/64")
    host.up("c0", "203.0.113.1/24", "2001:db8:c::1/64")
    # 2001:db8:2 and :3 lie behind a router; :5 is on the link, though the host has no address in it.
    host.up("v0", f"{HOST}/24", f"{HOST6}/64", routes=[("2001:db8:5::/64", "dev", "v0")] + [
        (f"2001:db8:{net}::/64", "via", GATEWAY6) for net in (2, 3)])
    attacker.up("v1", routes=[("203.0.113.0/24", "via", HOST), ("2001:db8:c::/64", "via", HOST6)])
    behind.up("c1", routes=[("198.51.100.0/24", "via", "203.0.113.1")] + [
        (f"2001:db8:{net}::/64", "via", "2001:db8:c::1") for net in (1, 2, 3, 5)])
    for net in (host, attacker, behind):
        net.guard()
    echo(host, ECHO)
    echo(behind, ECHO)
    dnat = (f"add table ip published\nadd chain ip published pre {{ type nat hook prerouting priority -100; }}\n"
            f"add rule ip published pre tcp dport {PUBLISHED} dnat to {BEHIND}:{ECHO}\n")
    subprocess.run(["nft", "-f", "-"], input=dnat, text=True, check=True)
    return host, attacker, behind


def start(log, keys, iso=False):
    """A daemon of its own for each part: nothing is left of the one before."""
    subprocess.run(["nft", "delete", "table", "inet", "bailiff"], capture_output=True)
    daemon = Daemon(jails="")
    daemon.configure(daemon.sshd(keys))
    log.follow(daemon, iso)
    return daemon.start()


def stop(daemon):
    check(daemon.stop() == 0, "orderly end")


def failures(daemon, address, count, of):
    """Waits until the tracker has counted so many."""
    wanted = f" has {count} failures of {of} "
    wait_for(lambda: wanted in daemon.client("explain", address).stdout, f"{address}{wanted}", 20)


def held():
    """Every address in a set of the kernel."""
    return {element if isinstance(element, str) else json.dumps(element) for s in kernel().values() for element in s}


def listed(daemon):
    return {f"{row['address']}/{row['length']}" for row in daemon.client("list", json_too=True)}


def innocents(log, sshd, attacker):
    daemon = start(log, 'maxretry = 2\nbantime = "10m"')
    daemon.write(*INNOCENT * 3)
    for _ in range(2):
        logins = [sshd.client(attacker, EVIL, HOST, "true", options=sshd.key("stranger", "key")) for _ in range(3)]
        logins.append(sshd.client(attacker, "2001:db8:1::66", HOST6, "true", options=sshd.key("stranger", "key")))
        os.environ["BAILIFF_GUESS"] = "correct horse"
        logins.append(sshd.start_guess(attacker, EVIL, HOST))
        del os.environ["BAILIFF_GUESS"]
        check(all(p.wait(30) == 0 for p in logins), "five logins, four by the second key that is offered, one by password")
    log.wait("Accepted", 10)
    log.wait("Failed publickey for alice", 8)
    log.wait("session closed for user alice", 10)
    # What is read in one file is judged in its order.
    daemon.write(failure("198.51.100.99"), failure("198.51.100.99"))
    wait_for(lambda: "198.51.100.99" in daemon.banned(), "the failures behind them are counted")
    check(daemon.banned() == held() == {"198.51.100.99"},
          f"{len(log.messages)} lines of logins and {3 * len(INNOCENT)} that merely name an address: nobody is banned")
    stop(daemon)


def attack(log, sshd, attacker):
    """IPv4: after maxretry and not before; everything stops; nobody else's does; unban."""
    daemon = start(log, 'maxretry = 3\nbantime = "10m"', iso=True)
    flows = {"to the host": Flow(attacker, EVIL, HOST, ECHO), "through it": Flow(attacker, EVIL, BEHIND, ECHO),
             "by DNAT": Flow(attacker, EVIL, HOST, PUBLISHED), "of ssh": Session(sshd, attacker, EVIL)}
    others = [Flow(attacker, OTHER, HOST, ECHO), Flow(attacker, OTHER, BEHIND, ECHO)]
    check(all(f.alive() for f in [*flows.values(), *others]), f"established before: {', '.join(flows)}")
    sshd.guess(attacker, EVIL, HOST, times=2)
    log.wait(f"Failed password for alice from {EVIL}", 2)
    failures(daemon, EVIL, 2, 3)
    check(not held() and not daemon.banned() and attacker.connects(EVIL, HOST, SSH) == "open",
          "two failures of three: not banned")
    guess = sshd.start_guess(attacker, EVIL, HOST)
    wait_for(lambda: EVIL in held(), "the third failure bans")
    check(daemon.banned() == held() == {EVIL}, "the third failure: banned, in the kernel and in bailiff's list")
    for name, flow in flows.items():
        check(not flow.alive(), f"the established flow {name} stops")
    for port, to in ((SSH, HOST), (ECHO, HOST), (PUBLISHED, HOST), (ECHO, BEHIND)):
        check(attacker.connects(EVIL, to, port) == "silent", f"a new connection to {to} port {port} hears nothing")
    check(all(f.alive() for f in others) and attacker.connects(OTHER, HOST, SSH) == "open", "the second address is unaffected")
    daemon.client("unban", EVIL, check_code=0)
    check(attacker.connects(EVIL, HOST, SSH) == attacker.connects(EVIL, BEHIND, ECHO) == "open" and not held(),
          "unban: the next connection is open, the kernel's set empty")
    # TCP sends again what was lost, at growing distances.
    check(all(f.alive(20) for f in flows.values()), "and the flows go on")
    check(not daemon.banned(), "bailiff's list is empty")
    flows["of ssh"].close()
    guess.communicate(timeout=30)
    stop(daemon)


def expiry(log, sshd, attacker):
    daemon = start(log, 'maxretry = 2\nbantime = "3s"')
    flow = Flow(attacker, EVIL, HOST, ECHO)
    guesses = [sshd.start_guess(attacker, EVIL, HOST) for _ in range(2)]
    wait_for(lambda: EVIL in held(), "banned")
    began = time.monotonic()
    check(attacker.connects(EVIL, HOST, SSH, 0.5) == "silent" and not flow.alive(0.2), "a ban of 3 s: silence")
    wait_for(lambda: attacker.connects(EVIL, HOST, SSH, 0.1) == "open", "the ban ends")
    took = time.monotonic() - began
    check(2.4 < took < 4, f"it ended after {took:.1f} s (seen some 0.1 s late at both ends)")
    check(flow.alive(20), "the flow goes on")
    wait_for(lambda: not daemon.banned(), "bailiff's list is empty", 2)
    check(not held(), "the kernel's set and bailiff's list are empty")
    for p in guesses:
        p.communicate(timeout=30)
    stop(daemon)


def resolves(net, source, to):
    """Whether neighbour discovery finds the address: what is known is forgotten, a datagram asks anew."""
    net.run("ip", "-6", "neighbour", "flush", "to", to)
    net.socket(source, (to, 9), socket.SOCK_DGRAM).send(b"x")
    state = lambda: net.run("ip", "-6", "neighbour", "show", "to", to)
    wait_for(lambda: re.search("REACHABLE|STALE|DELAY|PROBE|FAILED", state()), f"an answer about {to}", 8)
    return "lladdr" in state() and "FAILED" not in state()


def ipv6(log, sshd, host, attacker):
    """By /64; on the host's own link by address; neighbour discovery goes on; a gateway is never banned."""
    daemon = start(log, 'maxretry = 3\nbantime = "10m"', iso=True)
    routed, twin, far = "2001:db8:2::7", "2001:db8:2::8", "2001:db8:3::7"
    near, neighbour, shared, sharer = "2001:db8:1::66", "2001:db8:1::67", "2001:db8:5::7", "2001:db8:5::8"
    flows = [Flow(attacker, source, HOST6, ECHO) for source in (routed, twin, near, shared)]
    flows.append(Flow(attacker, twin, BEHIND6, ECHO))
    others = [Flow(attacker, source, HOST6, ECHO) for source in (far, neighbour, GATEWAY6)]
    check(all(f.alive() for f in flows + others), "eight flows are established")
    evil = (routed, near, shared)
    guesses = [sshd.start_guess(attacker, source, HOST6) for source in evil for _ in range(2)]
    for p in guesses:
        p.communicate(timeout=60)
    failures(daemon, routed, 2, 3)
    failures(daemon, near, 2, 3)
    failures(daemon, shared, 2, 3)
    check(not held(), "two failures of three each: nobody is banned")
    guesses = [sshd.start_guess(attacker, source, HOST6) for source in evil]
    wanted = {"2001:db8:2::/64", "2001:db8:5::/64"}
    wait_for(lambda: wanted <= listed(daemon), f"{wanted}")
    daemon.wait_log("refused 2001:db8:1::/64 jail sshd: own address")
    check(listed(daemon) == wanted, "a /64 with an own address is refused; who of it failed how often is counted from now on")
    guesses += [sshd.start_guess(attacker, near, HOST6) for _ in range(3)]
    wanted |= {f"{near}/128"}
    wait_for(lambda: wanted <= listed(daemon), f"{wanted}")
    check(listed(daemon) == wanted, f"banned: {', '.join(sorted(wanted))}: by /64, but an address where the host has its own")
    check(kernel("sshd_v6_128").keys() == {near} and kernel("sshd_v6_64").keys() == {"2001:db8:2::", "2001:db8:5::"},
          "and so they stand in the kernel's sets")
    check(not any(f.alive(0.5) for f in flows),
          "their flows stop, also one from another address of the /64, also one through the host")
    silent = {attacker.connects(s, HOST6, SSH) for s in (routed, twin, near, shared, sharer)} == {"silent"}
    check(silent, "new connections: silence")
    check(attacker.connects(twin, BEHIND6, ECHO) == "silent", "silence behind the host as well")
    check(all(f.alive() for f in others), "another /64, the banned one's neighbour and the gateway are unaffected")
    guesses += [sshd.start_guess(attacker, GATEWAY6, HOST6) for _ in range(3)]
    check(daemon.wait_log(f"refused {GATEWAY6} jail sshd: gateway"), "three failures of the gateway: its ban is refused by name")
    check(listed(daemon) == wanted, "and nothing else changed")
    for source, to in ((HOST6, near), (HOST6, shared), (HOST6, GATEWAY6)):
        check(resolves(host, source, to), f"neighbour discovery: the host finds {to}")
    for source in (near, shared):
        check(resolves(attacker, source, HOST6), f"neighbour discovery: {source} finds the host")
    daemon.client("unban", "2001:db8:5::/64", check_code=0)
    check(attacker.connects(shared, HOST6, SSH) == "open", "unban of a /64: open")
    for p in guesses:
        p.communicate(timeout=30)
    stop(daemon)


def ports(log, sshd, attacker):
    daemon = start(log, f'maxretry = 2\nbantime = "10m"\nports = [{SSH}]')
    session, flow = Session(sshd, attacker, EVIL), Flow(attacker, EVIL, HOST, ECHO)
    pairs = ((EVIL, HOST), ("2001:db8:2::7", HOST6))
    guesses = [sshd.start_guess(attacker, source, to) for source, to in pairs for _ in range(2)]
    wait_for(lambda: held() == {EVIL, "2001:db8:2::"}, "both are banned")
    for source, to in pairs:
        check(attacker.connects(source, to, SSH) == "silent" and attacker.connects(source, to, ECHO) == "open",
              f"ports = [{SSH}], {source}: silence there, port {ECHO} is open")
    check(not session.alive() and flow.alive(), "alice's session stops, the other flow does not")
    session.close()
    for p in guesses:
        p.communicate(timeout=30)
    stop(daemon)


own_namespace(mount=True)
need("nft")
unknown_filter()
need("sshd", "ssh", "ssh-keygen", "ip")
if not as_root():
    skip("sshd changes its user, and this test is not root")
host, attacker, behind = networks()
scratch = Daemon(jails="")
log = Syslog(scratch)
sshd = Sshd(host, scratch.dir, "LogLevel VERBOSE")
innocents(log, sshd, attacker)
attack(log, sshd, attacker)
expiry(log, sshd, attacker)
ipv6(log, sshd, host, attacker)
ports(log, sshd, attacker)
ok("a real sshd attacked: banned after maxretry, dropped, let in again; the innocent are left alone")
