//! One end of a seqpacket pair: one datagram is one message of `wire`.
//!
//! Runs in: every daemon process. In and out: whole datagrams. A message of the wrong size or kind is a `Breach`: the
//! peer process is not reasoned with any more, and this one leaves with exit code 112.
use crate::shims::errno::Errno;
use crate::shims::fd::Fd;
use crate::shims::sockets;

/// Why nothing was received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The other end is closed.
    Closed,
    /// Nothing is there now.
    Empty,
    /// The peer sent what it never may.
    Breach,
    /// The kernel refused.
    Kernel(Errno),
}

/// Receives one datagram; what of `buf` it filled. One that is longer than `buf` is a breach.
pub fn receive<'a>(fd: &Fd, buf: &'a mut [u8], wait: bool) -> Result<&'a mut [u8], Fault> {
    match sockets::receive(fd, buf, wait) {
        Ok(0) => Err(Fault::Closed),
        Ok(len) => buf.get_mut(..len).ok_or(Fault::Breach),
        Err(Errno::EAGAIN | Errno::EINTR) => Err(Fault::Empty),
        Err(errno) if errno.0 == ECONNRESET => Err(Fault::Closed),
        Err(errno) => Err(Fault::Kernel(errno)),
    }
}

const ECONNRESET: u16 = 104;

/// Sends one datagram whole, waiting for room when `wait`. `Closed` when the other end is gone, `Empty` when there
/// is no room.
pub fn send(fd: &Fd, message: &[u8], wait: bool) -> Result<(), Fault> {
    loop {
        return match sockets::send(fd, message, wait) {
            Ok(_) => Ok(()),
            Err(Errno::EINTR) => continue,
            Err(Errno::EAGAIN | Errno::ENOBUFS) => Err(Fault::Empty),
            Err(Errno::EPIPE) => Err(Fault::Closed),
            Err(errno) if errno.0 == ECONNRESET => Err(Fault::Closed),
            Err(errno) => Err(Fault::Kernel(errno)),
        };
    }
}
