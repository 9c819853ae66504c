//! Attempts at the network and at sockets of other processes.
//!
//! Runs in: the payload program. In: names of sockets. Out: what the kernel said in the end.
use crate::calls::{nr, sys};
use crate::files::{Joined, open};
use crate::{Attempt, Given, void};

fn socket(family: usize, kind: usize, protocol: usize) -> isize {
    sys(nr::SOCKET, [family, kind, protocol])
}

/// Connects to a socket of the family unix by this name: its first byte is `@` for one without a file.
fn connect(name: &[u8]) -> (isize, isize) {
    let fd = socket(1, 1, 0);
    let mut address = Joined::new(&[&[1, 0], name]);
    address.abstracted();
    let got = sys(nr::CONNECT, [fd as usize, address.path(), address.bytes().len()]);
    (fd, if fd < 0 { void(fd) } else { got })
}

/// Listens under this name, as `connect`, for so many milliseconds.
fn listen(given: &Given<'_>) -> isize {
    let fd = socket(1, 1, 0);
    let mut address = Joined::new(&[&[1, 0], given.text(0)]);
    address.abstracted();
    let _ = sys(nr::BIND, [fd as usize, address.path(), address.bytes().len()]);
    let got = sys(nr::LISTEN, [fd as usize, 8]);
    if got == 0 {
        crate::say(&[b"# here\n"]);
        crate::processes::sleep_ms(given.number(1));
    }
    got
}

/// CVE-2024-27297: hands an open file to whoever listens outside.
fn pass(given: &Given<'_>) -> isize {
    let (fd, connected) = connect(given.text(0));
    if connected < 0 {
        return connected;
    }
    let file = open(c"/".as_ptr() as usize, 0, 0);
    let control: [usize; 3] = [20, 1 | 1 << 32, file as usize];
    let vector = [c"x".as_ptr() as usize, 1];
    let message = [0, 0, vector.as_ptr() as usize, 1, control.as_ptr() as usize, 24, 0];
    sys(nr::SENDMSG, [fd as usize, message.as_ptr() as usize, 0])
}

/// Data in the very first packet (TCP fast open): no connect(2) is ever called. Nobody listens: what matters is whether it goes.
fn fast_open(_: &Given<'_>) -> isize {
    let address: [u8; 16] = [2, 0, 0, 9, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    let fd = socket(2, 1, 0);
    let to = address.as_ptr() as usize;
    let sent = sys(nr::SENDTO, [fd as usize, c"x".as_ptr() as usize, 1, 0x2000_0000, to, 16]);
    if fd < 0 { fd } else { sent }
}

/// A packet to the address that is given in the order of the network, port 9.
fn datagram(given: &Given<'_>) -> isize {
    let [a, b, c, d] = (given.number(0) as u32).to_be_bytes();
    let address: [u8; 16] = [2, 0, 0, 9, a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0];
    let fd = socket(2, 2, 0);
    let to = address.as_ptr() as usize;
    if fd < 0 { fd } else { sys(nr::SENDTO, [fd as usize, c"x".as_ptr() as usize, 1, 0, to, 16]) }
}

pub(crate) const ATTEMPTS: &[(&str, Attempt)] = &[
    ("socket.inet", |_| socket(2, 1, 0)),
    ("socket.inet6", |_| socket(10, 1, 0)),
    ("socket.packet", |_| socket(17, 3, 0x0300)),
    ("socket.netlink", |_| socket(16, 3, 0)),
    ("socket.vsock", |_| socket(40, 1, 0)),
    ("socket.alg", |_| socket(38, 5, 0)),
    ("socket.key", |_| socket(15, 3, 2)),
    ("socket.bluetooth", |_| socket(31, 3, 1)),
    ("socket.raw_udp", |_| socket(2, 3, 17)),
    ("socket.icmp", |_| socket(2, 3, 1)),
    ("socket.ping", |_| socket(2, 2, 1)),
    ("socket.mptcp", |_| socket(2, 1, 262)),
    ("socket.fast_open", fast_open),
    ("socket.datagram", datagram),
    ("unix.connect", |given| connect(given.text(0)).1),
    ("unix.listen", listen),
    ("unix.pass", pass),
];
