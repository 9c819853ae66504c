//! What the warden opens for the roles: the ledger's two slots, the watcher's positions, the two control sockets, the
//! netlink sockets, the boot id.
//!
//! Runs in: the warden, at start and reload. In: configured directories, which must be root's. Out: descriptors. Never:
//! reads what a role wrote.
use super::accounts;
use bailiff::shared::pure::bytes::Text;
use bailiff::shared::pure::settings::{Path, Settings};
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::{At, flags, lock, mkdir, open, set_group, stat, truncate, umask, unlink};
use bailiff::shims::io::read;
use bailiff::shims::sockets::{Buffer, NETLINK_NETFILTER, NETLINK_ROUTE, buffer, listen, netlink};

/// What could not be opened, and why.
pub(crate) struct Unopened(pub(crate) &'static str, pub(crate) Errno);

fn failed(what: &'static str) -> impl Fn(Errno) -> Unopened {
    move |errno| Unopened(what, errno)
}

/// All of it.
pub(crate) struct State {
    pub(crate) ledger: [Fd; 2],
    pub(crate) positions: Fd,
    pub(crate) read_socket: Fd,
    pub(crate) control_socket: Fd,
    pub(crate) requests: Fd,
    pub(crate) events: Fd,
    pub(crate) routes: Fd,
}

/// `DIRECTORY/NAME`.
fn join<'a>(directory: &Path, name: &str, out: &'a mut [u8; 300]) -> &'a [u8] {
    let mut text = Text::new(out);
    text.bytes(directory.bytes()).byte(b'/').bytes(name.as_bytes());
    text.finish()
}

/// The directory must be there, or be made, and nobody but its owner (this uid) may write to it.
fn directory(path: &Path, mode: u32, what: &'static str, strict: bool) -> Result<(), Unopened> {
    match mkdir(path.bytes(), mode) {
        Ok(()) | Err(Errno::EEXIST) => {}
        Err(errno) => return Err(Unopened(what, errno)),
    }
    let fd = open(At::Cwd, path.bytes(), flags::O_PATH | flags::O_DIRECTORY, 0, 0).map_err(failed(what))?;
    let s = stat(&fd).map_err(failed(what))?;
    let own = !strict || s.uid == 0;
    if own && s.mode & 0o022 == 0 { Ok(()) } else { Err(Unopened(what, Errno::EACCES)) }
}

/// Opens everything. The lock on the ledger's first slot keeps a second bailiffd out: `wait` is asked whether to try
/// once more while an earlier one's roles are still on their way out.
pub(crate) fn open_all(
    settings: &Settings,
    strict: bool,
    dry_run: bool,
    mut wait: impl FnMut() -> bool,
) -> Result<State, Unopened> {
    umask(0o022);
    directory(&settings.state, 0o700, "daemon.state: a directory that only root can write", strict)?;
    directory(&settings.run, 0o755, "daemon.run: a directory that only root can write", strict)?;
    let names =
        if dry_run { ["dry.a", "dry.b", "dry.positions"] } else { ["ledger.a", "ledger.b", "positions"] };
    let [a, b, positions] = names;
    let file = |name| {
        let open_flags = flags::O_RDWR | flags::O_CREAT | flags::O_NOFOLLOW;
        open(At::Cwd, join(&settings.state, name, &mut [0; 300]), open_flags, 0o600, 0)
            .map_err(failed("daemon.state"))
    };
    let ledger = [file(a)?, file(b)?];
    while let Err(errno) = ledger.first().map_or(Ok(()), lock) {
        if errno != Errno::EAGAIN || !wait() {
            return Err(Unopened("another bailiffd is at work on this state directory", errno));
        }
    }
    let positions = file(positions)?;
    if dry_run {
        for fd in ledger.iter().chain([&positions]) {
            truncate(fd, 0).map_err(failed("daemon.state"))?;
        }
    }
    let (requests, events, routes) = firewall()?;
    Ok(State {
        ledger,
        positions,
        read_socket: socket(settings, "read.sock", settings.readers.bytes())?,
        control_socket: socket(settings, "control.sock", settings.operators.bytes())?,
        requests,
        events,
        routes,
    })
}

/// A listening socket for root and one group: its file mode is the authorisation.
fn socket(settings: &Settings, name: &str, group: &[u8]) -> Result<Fd, Unopened> {
    let mut buf = [0; 300];
    let path = join(&settings.run, name, &mut buf);
    match unlink(path) {
        Ok(()) | Err(Errno::ENOENT) => {}
        Err(errno) => return Err(Unopened("daemon.run", errno)),
    }
    umask(0o117);
    let fd = listen(path).map_err(failed("daemon.run: a control socket"))?;
    if !group.is_empty() {
        let gid = accounts::group(group).map_err(failed("/etc/group"))?;
        let gid = gid.ok_or(Unopened("daemon.readers or daemon.operators: no such group", Errno::ENOENT))?;
        set_group(path, gid).map_err(failed("daemon.run: a control socket"))?;
    }
    Ok(fd)
}

/// The enforcer's sockets: requests, ruleset events (NFNLGRP_NFTABLES, 7), addresses and routes (RTNLGRP_IPV4_IFADDR 5,
/// IPV4_ROUTE 7, IPV6_IFADDR 9, IPV6_ROUTE 11). Their queues are made large where that is allowed.
fn firewall() -> Result<(Fd, Fd, Fd), Unopened> {
    const QUEUE: u32 = 4 << 20;
    let requests = netlink(NETLINK_NETFILTER, 0).map_err(failed("nfnetlink"))?;
    let events = netlink(NETLINK_NETFILTER, 1 << 6).map_err(failed("nfnetlink events"))?;
    let routes = netlink(NETLINK_ROUTE, 1 << 4 | 1 << 6 | 1 << 8 | 1 << 10).map_err(failed("rtnetlink"))?;
    for (fd, force, plain) in [
        (&requests, Buffer::ReceiveForce, Buffer::Receive),
        (&requests, Buffer::SendForce, Buffer::Send),
        (&events, Buffer::ReceiveForce, Buffer::Receive),
        (&routes, Buffer::ReceiveForce, Buffer::Receive),
    ] {
        if buffer(fd, force, QUEUE).is_err() {
            buffer(fd, plain, QUEUE).map_err(failed("a netlink queue"))?;
        }
    }
    Ok((requests, events, routes))
}

/// The kernel's boot id: 32 hexadecimal digits with dashes.
pub(crate) fn boot_id() -> Result<[u8; 16], Errno> {
    let fd = open(At::Cwd, b"/proc/sys/kernel/random/boot_id", 0, 0, 0)?;
    let mut text = [0u8; 64];
    let len = read(&fd, &mut text)?;
    let mut digits = text.iter().take(len).filter(|b| b.is_ascii_hexdigit());
    let mut digit = || digits.next().and_then(|b| char::from(*b).to_digit(16)).map_or(0, |d| d as u8);
    let mut id = [0u8; 16];
    for byte in &mut id {
        *byte = digit().wrapping_shl(4) | digit();
    }
    Ok(id)
}
