#!/usr/bin/env python3
"""Hostile user names through the whole program: never is anyone but the true peer of a line in the kernel's sets.

The lines are those that sshd would write: the name is cut, escaped and cut again as OpenSSH does it (log.c, packet.c,
auth.c). The names imitate what stands around the address in every pattern of filters/sshd.filter, and are padded so that
sshd's own cut falls behind their victim, or into the true address. Each line has a peer of its own, so that each one that is
hidden is seen; what an attacker's whole session says must never be hidden. Then the worst of the names, through a real sshd.
"""
import random
from house import *

LINES, SESSIONS = 24000, 4000
JAILS = {"normal": {"auth"}, "aggressive": {"auth", "flood", "probe"}, "pam": {"pam"}}
ESCAPES = {7: b"\\a", 8: b"\\b", 9: b"\t", 10: b"\n", 11: b"\\v", 12: b"\\f", 13: b"\\r", 92: b"\\\\"}


def vis(text):
    """strnvis(VIS_CSTYLE | VIS_NL | VIS_TAB | VIS_OCTAL) as sshd calls it, into 1,024 bytes."""
    out = bytearray()
    for byte in text:
        escaped = ESCAPES.get(byte) or (bytes([byte]) if 32 <= byte < 127 else b"\\%03o" % byte)
        if len(out) + len(escaped) > 1023:
            break
        out += escaped
    return bytes(out)


class Form:
    """A message with a name in it: who is accused by which class of patterns; how sshd cuts and escapes it.

    `net` messages are written by the process that talks to the peer: escaped there and once more where they are logged. `twice`:
    there may be chosen text on both sides of the address, and a name that imitates the address's own side hides the line.
    """

    def __init__(self, text, of=None, cap=100, net=False, twice=False):
        self.before, self.behind = (part.encode() for part in text.split("{}", 1))
        self.text, self.of, self.cap, self.net, self.twice = text, of, cap, net, twice
        # sshd.filter's `longest`.
        self.bound = 380 if net else 499

    def whole(self, name, peer):
        name = name.split(b"\0")[0][:self.cap]
        line = (self.before + name + self.behind).replace(b"{peer}", peer.encode()).replace(b"{}", name)
        line = vis(line[:1023])
        return vis((line + b" [preauth]")[:1023]) if self.net else line

    def message(self, name, peer):
        """What syslog(3) gets: log.c cuts at 500."""
        return self.whole(name, peer)[:500]

    def padded(self, tail, peer, blanks=0, cut=500):
        """A name whose `tail` ends, with so many blanks behind it, exactly where sshd cuts. None: it cannot be done."""
        start = vis(vis(self.before)) if self.net else vis(self.before)
        start = start.replace(b"{peer}", peer.encode())
        missing = cut - blanks - len(start) - len(vis(vis(tail)) if self.net else vis(tail))
        room = self.cap - len(tail) - blanks
        long, short = (5, 4) if self.net else (4, 2)
        for controls in range(max(missing, 0) // long, -1, -1):
            left = missing - controls * long
            slashes = min(left // short, 4)
            plain = left - slashes * short
            if controls + slashes + plain <= room:
                return b"\x01" * controls + b"\\" * slashes + b"y" * plain + tail + b" " * blanks + b"z" * 90
            if plain > room:
                return None
        return None


PORT = "port 50022"
FORMS = [
    Form(f"Invalid user {{}} from {{peer}} {PORT}", "auth"),
    Form("Invalid user {} from {peer}", "auth"),
    *[Form(f"Failed {how} for invalid user {{}} from {{peer}} {PORT} ssh2", "auth", twice=True)
      for how in ("password", "keyboard-interactive/pam", "gssapi-with-mic")],
    Form(f"Failed publickey for invalid user {{}} from {{peer}} {PORT} ssh2: ED25519 SHA256:mmwi6fvKZ3yFhVlbKLDVcNn", "auth",
         twice=True),
    Form(f"Failed hostbased for alice from {{peer}} {PORT} ssh2: RSA SHA256:mmwi6fv, client user \"{{}}\", client host \"{{}}\"",
         "auth", twice=True),
    Form("error: PAM: Authentication failure for illegal user {} from {peer}", "auth"),
    Form("error: PAM: User not known to the underlying authentication module for illegal user {} from {peer}", "auth"),
    Form("User {} from {peer} not allowed because not listed in AllowUsers", "auth"),
    Form("User {} from {peer} not allowed because none of user's groups are listed in AllowGroups", "auth"),
    Form("Authentication tried for {} with correct key but not from a permitted host (host=client.example, ip={peer}).", "auth"),
    Form(f"error: maximum authentication attempts exceeded for invalid user {{}} from {{peer}} {PORT} ssh2", "auth", net=True),
    Form(f"Disconnecting invalid user {{}} {{peer}} {PORT}: Change of username or service not allowed: ({{}},ssh-connection)",
         "auth", 187, net=True, twice=True),
    Form(f"Disconnecting invalid user {{}} {{peer}} {PORT}: Too many authentication failures", "auth", 187, net=True, twice=True),
    Form(f"Failed none for invalid user {{}} from {{peer}} {PORT} ssh2", "auth", twice=True),
    Form(f"Failed keyboard-interactive/pam for invalid user {{}} from {{peer}} {PORT} ssh2", "auth", net=True, twice=True),
    Form(f"Invalid user {{}} from {{peer}} {PORT}", "auth", net=True),
    Form(f"Connection closed by invalid user {{}} {{peer}} {PORT}", "flood", 187, net=True),
    Form(f"Connection reset by invalid user {{}} {{peer}} {PORT}", "flood", 187, net=True),
    Form(f"Disconnected from invalid user {{}} {{peer}} {PORT}", "flood", 187, net=True),
    Form(f"fatal: ssh_dispatch_run_fatal: Connection from invalid user {{}} {{peer}} {PORT}: incomplete message", "flood", 187,
         net=True, twice=True),
    Form(f"Received disconnect from {{peer}} {PORT}:11: {{}}", "auth", 400, net=True),
    Form(f"Unable to negotiate with {{peer}} {PORT}: no matching cipher found. Their offer: {{}}", "flood", 900, net=True),
    Form("pam_sss(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={peer} user={}", "pam", 8192),
    # Nobody is accused.
    Form(f"Accepted password for {{}} from {{peer}} {PORT} ssh2"),
    Form(f"Failed none for {{}} from {{peer}} {PORT} ssh2"),
    Form(f"Failed publickey for {{}} from {{peer}} {PORT} ssh2: RSA SHA256:mmwi6fvKZ3yFhVlbKLDVcNn"),
    Form(f"Postponed keyboard-interactive for invalid user {{}} from {{peer}} {PORT} ssh2", net=True),
    Form("input_userauth_request: invalid user {}", net=True, cap=900),
    Form(f"Disconnected from user {{}} {{peer}} {PORT}", cap=187),
    Form("pam_unix(sshd:session): session opened for user {}(uid=1000) by (uid=0)", cap=8192),
    Form(f"Connection from {{peer}} {PORT} on 198.51.100.1 port 22 rdomain \"{{}}\""),
]
SESSION = [FORMS[0], FORMS[2], FORMS[2], *[f for f in FORMS if f.net and f.of][:1], *[f for f in FORMS if "closed by" in f.text]]
VICTIMS = ["192.0.2.4", "192.0.2.44", "198.19.0.1", "203.0.113.99", "2001:db8::bad", "2001:db8:bad:bad:bad:bad:bad:bad"]
ODD = ["", "x", "[preauth]", "\u00fc\u4e16\U0001f600", "\x1b[31m", "\x7f\x80\xff", "\t", "\r", "\n", "\\", "\\001", "%s%n", "'\"`",
       "root", "message repeated 5 times: [ ", "]", "Nov 21 22:00:00 victim sshd[1]: ", "::ffff:192.0.2.4", "[192.0.2.4]:22", "A" * 8192,
       " " * 60, "port 22 ssh2", ": ", "; rhost=192.0.2.4", " ssh2: ", "from "]


def imitations():
    """What stands around the address in every line that sshd.filter must take, about a victim."""
    parts = set()
    text = (TOP / "filters/sshd.filter").read_text()
    for address, line in re.findall(r"^  hit\S* (\S+) (.*)$", text, re.M):
        message = line.split("]: ", 1)[-1]
        at = message.find(address)
        if at < 0:
            continue
        word = message[:at].rstrip().rfind(" ") + 1
        for part in (message, message[at:], message[word:], message[word:at + len(address)], " " + message[word:]):
            parts.add(part.replace(address, "{victim}"))
    return sorted(parts)


def hostile(dice, parts, form, peer):
    victim = dice.choice(VICTIMS)
    pick = lambda: (dice.choice(parts) if dice.random() < 0.8 else dice.choice(ODD)).replace("{victim}", victim)
    tail = "".join(pick() + dice.choice(["", " "]) for _ in range(dice.choice([1, 1, 1, 2, 3]))).encode()
    kind = dice.randrange(4)
    if kind == 0:
        return tail
    if kind == 1:
        return tail[:form.cap] if dice.random() < 0.5 else tail[-form.cap:]
    blanks = dice.choice([0, 0, 0, 1, 2, 3, 10, 40])
    if kind == 2:
        return form.padded(b" " + tail.strip(), peer, blanks) or tail
    # The cut falls into the true address.
    return form.padded(b"", peer, cut=500 - len(form.behind.split(b"{peer}")[0]) - dice.randrange(1, len(peer) + 1)) or tail


def header(dice, message, pid):
    stamp = dice.choice(["Nov 21 22:00:00 victim", "2026-11-21T22:00:00.123456+00:00 victim", "Nov  1 02:00:00 victim.example"])
    program = dice.choice(["sshd", "sshd", "sshd-session", "sshd-auth"])
    if dice.random() < 0.1:
        message = b"message repeated %d times: [ %s]" % (dice.randrange(2, 9), message)
    # What sshd did not write itself, rsyslog escapes.
    message = b"".join(b"#%03o" % c if c < 32 else bytes([c]) for c in message)
    return f"{stamp} {program}[{pid}]: ".encode() + message


def peer_of(n):
    return f"198.18.{n // 250 % 250}.{n % 250 + 1}" if n % 2 else f"2001:db8:{0x1000 + n:x}:{n % 7:x}::{n % 9 + 1:x}"


def key(peer):
    """As the set shows it: a /64 by its first address."""
    if ":" not in peer:
        return peer
    return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, peer)[:8] + bytes(8))


def jails(daemon, extra=""):
    return "\n".join(f'[jail.{mode}]\nenabled = true\nfilter = "sshd"\nmode = "{mode}"\nlogs = ["{daemon.log}"]\nmaxretry = 1\n'
                     f'bantime = "1h"\n{extra}' for mode in JAILS)


def bans():
    """The kernel's elements by jail, each as `key` writes it."""
    found = {mode: set() for mode in JAILS}
    for name, elements in kernel().items():
        for mode in JAILS:
            if name.startswith(mode + "_"):
                found[mode] |= {e if isinstance(e, str) else e["prefix"]["addr"] for e in elements}
    return found


def feed(daemon, lines):
    """Writes the lines and a last one, and waits until that one has led to a ban in each jail."""
    daemon.write(*lines, failure("198.51.100.250"),
                 f"Nov 21 22:00:00 host sshd[1]: pam_unix(sshd:auth): authentication failure; logname= uid=0 "
                 "euid=0 tty=ssh ruser= rhost=198.51.100.250  user=root")
    wait_for(lambda: daemon.client("explain", "198.51.100.250").stdout.count("is banned in") == len(JAILS),
             "the last line's bans", 120)
    return {mode: found - {"198.51.100.250"} for mode, found in bans().items()}


def framed(daemon, found, peers, lines):
    """Ends the test if anybody is banned who is nobody's peer."""
    for mode in JAILS:
        for victim in sorted(found[mode] - peers):
            stem = victim.rstrip(":").encode()
            shown = "\n".join(repr(l) for l in lines if stem in l)[:2000]
            fail(f"{mode}: {victim} is banned and is nobody's peer; bailiff explains:\n"
                 f"{daemon.client('explain', victim).stdout}and these lines name him:\n{shown}")


def made(daemon):
    dice, parts = random.Random(20261121), imitations()
    check(len(parts) > 100, f"{len(parts)} imitations of what stands around the address in sshd.filter's patterns")
    lines, told = [], []
    for n in range(LINES):
        form, peer = FORMS[n % len(FORMS)], peer_of(n)
        name = hostile(dice, parts, form, peer)
        whole = form.whole(name, peer)
        lines.append(header(dice, whole[:500], 100 + n))
        told.append((form, key(peer), len(whole)))
    sessions = []
    for n in range(LINES, LINES + SESSIONS):
        name = hostile(dice, parts, dice.choice(SESSION), peer_of(n))
        sessions.append(key(peer_of(n)))
        lines += [header(dice, form.message(name, peer_of(n)), 100 + n) for form in SESSION]
    check(len({p for _, p, _ in told} | set(sessions)) == LINES + SESSIONS,
          f"{len(lines)} lines: {LINES} with a peer each, and those of {SESSIONS} sessions")
    found = feed(daemon, lines)
    framed(daemon, found, {p for _, p, _ in told} | set(sessions), lines)
    check(True, f"framed: nobody; banned: {', '.join(f'{len(found[m])} by {m}' for m in JAILS)}")
    for mode, classes in JAILS.items():
        wrong = [f.text for f, p, _ in told if p in found[mode] and f.of not in classes]
        check(not wrong, f"{mode}: no line of another kind counts {wrong[:1]}")
    rate(found, told)
    hidden = [p for p in sessions if p not in found["normal"] or p not in found["aggressive"]]
    check(not hidden, f"{len(sessions)} sessions of guesses under such names: each one's peer is banned {hidden[:3]}")


def rate(found, told):
    """Prints what share of each form's lines was hidden; only what is too long may be, and what stands twice."""
    everywhere = found["aggressive"] | found["pam"]
    due = all_hidden = 0
    for form in FORMS:
        mine = [(peer, length) for f, peer, length in told if f is form and form.of]
        hidden = [length for peer, length in mine if peer not in everywhere]
        short = [length for length in hidden if length <= form.bound]
        due, all_hidden = due + len(mine), all_hidden + len(hidden)
        if hidden:
            print(f"   hidden {len(hidden):4} of {len(mine)}, {len(short):3} of them not too long: {form.text}", flush=True)
        if short and not form.twice:
            fail(f"{len(short)} lines are hidden that are not too long and whose address stands once: {form.text}")
    check(True, f"hidden in all: {all_hidden} of {due} lines, {100 * all_hidden / due:.1f} %, none for another reason")


def real():
    """The worst of them by a real sshd and ssh, from one address; the jails close another port, so that all is said."""
    from sshd import Net, Sshd, Syslog
    daemon = Daemon(jails="")
    daemon.configure(jails(daemon, "ports = [9]\n"))
    daemon.log.touch()
    host, attacker = Net(here=True), Net()
    host.cable("v0", attacker, "v1")
    host.up("v0", "198.51.100.1/24")
    attacker.up("v1", "198.51.100.7/24")
    host.guard(), attacker.guard()
    daemon.start()
    log = Syslog(daemon)
    sshd = Sshd(host, daemon.dir)
    maximum, change = (next(f for f in FORMS if word in f.text) for word in ("maximum", "closed by"))
    names = [b"root from 192.0.2.4 port 22 ssh2", "\u00fc [preauth]\t\x1b[31m'\"\\ from 192.0.2.4".encode(),
             b"A" * 300 + b" from 192.0.2.4",
             b"x from 192.0.2.4 port 22 ssh2: from 192.0.2.44 port 22 ssh2", b"x 192.0.2.4 port 22 [preauth]"]
    for blanks in (0, 1, 2):
        names.append(maximum.padded(b" from 192.0.2.4", "", blanks))
    for blanks in (0, 1, 40):
        names.append(change.padded(b" 192.0.2.4 port 22 [preauth]", "", blanks))
    names = [n for n in names if n]
    def all_at_once(**more):
        for running in [sshd.start_guess(attacker, "198.51.100.7", "198.51.100.1", user=n, **more) for n in names]:
            running.communicate(timeout=90)

    all_at_once(prompts=6)
    log.wait("Disconnecting invalid user", len(names), 30)
    all_at_once(method="none")
    log.wait("Connection (closed|reset) by invalid user", len(names), 30)
    said = len(log.messages)
    cut = sum(len(m.split(": ", 1)[1]) == 500 for m in log.messages)
    check(said > 100 and cut > 5, f"{len(names)} names through a real sshd: {said} lines, {cut} of them cut by it")
    found = feed(daemon, [])
    lines = [m.encode() for m in log.messages]
    framed(daemon, found, {"198.51.100.7"}, lines)
    check(all("198.51.100.7" in found[mode] for mode in JAILS), "in each jail the attacker is banned, and nobody else")
    check(daemon.stop() == 0, "orderly end")


own_namespace(mount=True)
need("nft")
daemon = Daemon(jails="", guard="rate = 1000000\n")
daemon.configure(jails(daemon), guard="rate = 1000000\n")
daemon.log.touch()
daemon.start()
made(daemon)
check(daemon.stop() == 0, "orderly end")
if not as_root():
    print(f"skip {NAME}: the part with a real sshd, which changes its user: this test is not root", flush=True)
elif missing := [p for p in ("sshd", "ssh", "ip") if not shutil.which(p)]:
    print(f"skip {NAME}: the part with a real sshd: {missing[0]} is not installed", flush=True)
else:
    subprocess.run(["nft", "flush", "ruleset"], check=True, capture_output=True)
    real()
ok("hostile names: never is anyone but the true peer banned, no attacker's session is hidden")
