//! Sockets: seqpacket pairs and listeners of the unix family, netlink sockets, one descriptor per message.
use super::arch::{nr, syscall2, syscall3, syscall4, syscall5, syscall6};
use super::errno::{Errno, done, value};
use super::fd::Fd;

const AF_UNIX: u16 = 1;
const AF_NETLINK: u16 = 16;
const SOCK_DGRAM: usize = 2;
const SOCK_RAW: usize = 3;
const SOCK_SEQPACKET: usize = 5;
const SOCK_NONBLOCK: usize = 0o4000;
const SOCK_CLOEXEC: usize = 0o2_000_000;
const SOL_SOCKET: usize = 1;
const MSG_DONTWAIT: usize = 0x40;
const MSG_NOSIGNAL: usize = 0x4000;
const MSG_TRUNC: usize = 0x20;
const MSG_CMSG_CLOEXEC: usize = 0x4000_0000;

/// netlink protocol of routes and addresses (linux/netlink.h, 6.18).
pub const NETLINK_ROUTE: u8 = 0;
/// netlink protocol of netfilter (linux/netlink.h, 6.18).
pub const NETLINK_NETFILTER: u8 = 12;

/// Two connected seqpacket sockets (socketpair(2)): what one sends, the other receives, whole or not at all.
pub fn pair() -> Result<(Fd, Fd), Errno> {
    let mut fds = [-1i32; 2];
    let kind = SOCK_SEQPACKET | SOCK_CLOEXEC;
    // SAFETY: the kernel writes two descriptor numbers into `fds`.
    let ret = unsafe { syscall4::<{ nr::SOCKETPAIR }>(AF_UNIX.into(), kind, 0, fds.as_mut_ptr() as usize) };
    done(ret)?;
    let [a, b] = core::hint::black_box(fds);
    Ok((Fd(a), Fd(b)))
}

/// Sends one datagram. With `wait` false a full queue answers EAGAIN at once.
#[inline]
pub fn send(fd: &Fd, bytes: &[u8], wait: bool) -> Result<usize, Errno> {
    let flags = MSG_NOSIGNAL | if wait { 0 } else { MSG_DONTWAIT };
    let (at, len) = (bytes.as_ptr() as usize, bytes.len());
    // SAFETY: the kernel only reads `len` bytes of `bytes`; no address is given.
    value(unsafe { syscall6::<{ nr::SENDTO }>(fd.arg(), at, len, flags, 0, 0) })
}

/// Receives one datagram into `buf`; its true length, which exceeds `buf` when the rest was cut off.
#[inline]
pub fn receive(fd: &Fd, buf: &mut [u8], wait: bool) -> Result<usize, Errno> {
    let flags = MSG_TRUNC | if wait { 0 } else { MSG_DONTWAIT };
    let (at, len) = (buf.as_mut_ptr() as usize, buf.len());
    // SAFETY: the kernel writes at most `len` bytes into `buf`, which is exclusively ours.
    value(unsafe { syscall6::<{ nr::RECVFROM }>(fd.arg(), at, len, flags, 0, 0) })
}

/// `struct msghdr` with one `struct iovec` and room for one descriptor (linux/socket.h, 6.18).
#[repr(C)]
struct Message {
    name: u64,
    namelen: u64,
    iov: u64,
    iovlen: u64,
    control: u64,
    controllen: u64,
    flags: u64,
}
const _: () = assert!(size_of::<Message>() == 56);

/// `struct cmsghdr` and one descriptor, padded to 8.
#[repr(C)]
#[derive(Clone, Copy)]
struct Rights {
    len: u64,
    level: i32,
    kind: i32,
    fd: i32,
    pad: i32,
}
const _: () = assert!(size_of::<Rights>() == 24);
const SCM_RIGHTS: i32 = 1;
const RIGHTS_LEN: u64 = 20;

/// Sends one datagram with one descriptor in it; the receiver gets a descriptor of its own for the same open file.
pub fn send_with(fd: &Fd, bytes: &[u8], given: &Fd) -> Result<usize, Errno> {
    let iov = [bytes.as_ptr() as u64, bytes.len() as u64];
    let rights = Rights { len: RIGHTS_LEN, level: SOL_SOCKET as i32, kind: SCM_RIGHTS, fd: given.0, pad: 0 };
    let message = Message {
        name: 0,
        namelen: 0,
        iov: iov.as_ptr() as u64,
        iovlen: 1,
        control: &raw const rights as u64,
        controllen: size_of::<Rights>() as u64,
        flags: 0,
    };
    // SAFETY: the kernel only reads: the header, one iovec, `bytes`, and one control message with one descriptor.
    let ret = unsafe { syscall3::<{ nr::SENDMSG }>(fd.arg(), &raw const message as usize, MSG_NOSIGNAL) };
    core::hint::black_box((&iov, &rights));
    value(ret)
}

/// Receives one datagram and the descriptor in it, if there is one. A datagram that is longer than `buf`, or whose
/// descriptors did not fit, answers EMSGSIZE.
pub fn receive_with(fd: &Fd, buf: &mut [u8]) -> Result<(usize, Option<Fd>), Errno> {
    const MSG_CTRUNC: u64 = 8;
    let iov = [buf.as_mut_ptr() as u64, buf.len() as u64];
    let mut rights = Rights { len: 0, level: 0, kind: 0, fd: -1, pad: 0 };
    let mut message = Message {
        name: 0,
        namelen: 0,
        iov: iov.as_ptr() as u64,
        iovlen: 1,
        control: &raw mut rights as u64,
        controllen: size_of::<Rights>() as u64,
        flags: 0,
    };
    let at = &raw mut message as usize;
    // SAFETY: the kernel writes at most `buf.len()` bytes into `buf`, and one control message into `rights`.
    let got = value(unsafe { syscall3::<{ nr::RECVMSG }>(fd.arg(), at, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) })?;
    core::hint::black_box(&iov);
    let rights = core::hint::black_box(rights);
    let message = core::hint::black_box(message);
    let one = rights.len == RIGHTS_LEN && rights.level == SOL_SOCKET as i32 && rights.kind == SCM_RIGHTS;
    // Not then_some: it would make, and so close, an Fd of nothing.
    let given = (one && rights.fd >= 0).then(|| Fd(rights.fd));
    if message.flags & (MSG_CTRUNC | MSG_TRUNC as u64) != 0 {
        return Err(Errno::EMSGSIZE);
    }
    Ok((got.min(buf.len()), given))
}

/// `struct sockaddr_un` for this path; EINVAL when it is longer than 107 bytes.
fn unix_address(path: &[u8]) -> Result<[u8; 110], Errno> {
    let mut address = [0u8; 110];
    let [low, high] = AF_UNIX.to_ne_bytes();
    if path.len() > 107 {
        return Err(Errno::EINVAL);
    }
    for (slot, b) in address.iter_mut().zip([low, high].iter().chain(path)) {
        *slot = *b;
    }
    Ok(address)
}

/// A listening seqpacket socket at this path, which must not exist yet.
pub fn listen(path: &[u8]) -> Result<Fd, Errno> {
    let address = unix_address(path)?;
    let kind = SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC;
    // SAFETY: takes no memory.
    let fd = Fd::new(unsafe { syscall3::<{ nr::SOCKET }>(AF_UNIX.into(), kind, 0) })?;
    // SAFETY: the kernel only reads the address.
    done(unsafe { syscall3::<{ nr::BIND }>(fd.arg(), address.as_ptr() as usize, address.len()) })?;
    // SAFETY: takes no memory.
    done(unsafe { syscall2::<{ nr::LISTEN }>(fd.arg(), 64) })?;
    Ok(fd)
}

/// A seqpacket socket connected to the listener at this path.
pub fn connect(path: &[u8]) -> Result<Fd, Errno> {
    let address = unix_address(path)?;
    // SAFETY: takes no memory.
    let ret = unsafe { syscall3::<{ nr::SOCKET }>(AF_UNIX.into(), SOCK_SEQPACKET | SOCK_CLOEXEC, 0) };
    let fd = Fd::new(ret)?;
    // SAFETY: the kernel only reads the address.
    done(unsafe { syscall3::<{ nr::CONNECT }>(fd.arg(), address.as_ptr() as usize, address.len()) })?;
    Ok(fd)
}

/// Sends one datagram to the unix datagram socket at this path; a leading `@` means the abstract namespace
/// (sd_notify(3)).
pub fn send_to(path: &[u8], bytes: &[u8]) -> Result<(), Errno> {
    let mut address = unix_address(path)?;
    if let Some(first) = address.get_mut(2).filter(|b| **b == b'@') {
        *first = 0;
    }
    // SAFETY: takes no memory.
    let ret = unsafe { syscall3::<{ nr::SOCKET }>(AF_UNIX.into(), SOCK_DGRAM | SOCK_CLOEXEC, 0) };
    let fd = Fd::new(ret)?;
    let (at, len) = (bytes.as_ptr() as usize, bytes.len());
    let (to, to_len) = (address.as_ptr() as usize, path.len().wrapping_add(2));
    // SAFETY: the kernel only reads `bytes` and the first bytes of `address`, which holds 110.
    done(unsafe { syscall6::<{ nr::SENDTO }>(fd.arg(), at, len, MSG_NOSIGNAL | MSG_DONTWAIT, to, to_len) })
}

/// The next connection on a listener, non-blocking; EAGAIN when there is none.
pub fn accept(fd: &Fd) -> Result<Fd, Errno> {
    // SAFETY: takes no memory: no peer address is asked for.
    Fd::new(unsafe { syscall4::<{ nr::ACCEPT4 }>(fd.arg(), 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC) })
}

/// The uid of who connected this socket, as seen from our user namespace (SO_PEERCRED, unix(7)).
pub fn peer_uid(fd: &Fd) -> Result<u32, Errno> {
    const SO_PEERCRED: usize = 17;
    let mut ucred = [0u32; 3];
    let mut len = 12u32;
    let (at, len_at) = (ucred.as_mut_ptr() as usize, &raw mut len as usize);
    // SAFETY: the kernel writes at most 12 bytes, struct ucred, and the length.
    done(unsafe { syscall5::<{ nr::GETSOCKOPT }>(fd.arg(), SOL_SOCKET, SO_PEERCRED, at, len_at) })?;
    let [_, uid, _] = core::hint::black_box(ucred);
    Ok(uid)
}

/// A netlink socket of this protocol, bound, in the multicast groups whose bits (group 1 is bit 0) are set.
pub fn netlink(protocol: u8, groups: u32) -> Result<Fd, Errno> {
    let kind = SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC;
    // SAFETY: takes no memory.
    let fd = Fd::new(unsafe { syscall3::<{ nr::SOCKET }>(AF_NETLINK.into(), kind, protocol.into()) })?;
    // struct sockaddr_nl: family and padding, port id (0: the kernel chooses), groups.
    let address = [u32::from_ne_bytes([AF_NETLINK as u8, 0, 0, 0]), 0, groups];
    // SAFETY: the kernel only reads the 12 bytes of the address.
    done(unsafe { syscall3::<{ nr::BIND }>(fd.arg(), address.as_ptr() as usize, 12) })?;
    Ok(fd)
}

/// The port id of a bound netlink socket: what the kernel stamps on events that requests from it cause.
pub fn netlink_port(fd: &Fd) -> Result<u32, Errno> {
    let mut address = [0u32; 3];
    let mut len = 12u32;
    let (at, len_at) = (address.as_mut_ptr() as usize, &raw mut len as usize);
    // SAFETY: the kernel writes at most 12 bytes, struct sockaddr_nl, and the length.
    done(unsafe { syscall3::<{ nr::GETSOCKNAME }>(fd.arg(), at, len_at) })?;
    let [_, port, _] = core::hint::black_box(address);
    Ok(port)
}

/// What `buffer` asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Buffer {
    /// SO_SNDBUF.
    Send,
    /// SO_RCVBUF.
    Receive,
    /// SO_SNDBUFFORCE: beyond the system's limit; needs CAP_NET_ADMIN in the initial user namespace.
    SendForce,
    /// SO_RCVBUFFORCE: likewise.
    ReceiveForce,
}

/// Sets the size of a socket's queue, in bytes (socket(7)).
pub fn buffer(fd: &Fd, which: Buffer, bytes: u32) -> Result<(), Errno> {
    let option = match which {
        Buffer::Send => 7,
        Buffer::Receive => 8,
        Buffer::SendForce => 32,
        Buffer::ReceiveForce => 33,
    };
    let at = &raw const bytes as usize;
    // SAFETY: the kernel only reads the four bytes of `bytes`.
    done(unsafe { syscall5::<{ nr::SETSOCKOPT }>(fd.arg(), SOL_SOCKET, option, at, 4) })
}
