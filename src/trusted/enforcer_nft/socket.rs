//! A netlink socket: transactions, every answer of which is read; single questions; events.
//!
//! Runs in: the enforcer. In: messages that `ruleset`, `element` and `hosts` write; the kernel's answers. Out: what
//! failed, by number. Never: reports success before the last answer was read: in an aborted batch the good messages
//! still get ack 0. Never has a request under way when it returns: the kernel answers before sendto(2) returns.
use super::netlink::*;
use bailiff::shims::io::{PollFd, ppoll};
use bailiff::shims::sockets::{receive, send};
use bailiff::shims::{errno::Errno, fd::Fd, slots::slots};

/// NFNL_SUBSYS_NFTABLES (linux/netfilter/nfnetlink.h, 6.18), the upper half of the kind of each of its messages.
pub(crate) const NF_TABLES: u16 = 10 << 8;
/// struct nfgenmsg of a batch's frame: its resource is the subsystem, big-endian.
const FRAME: [u8; 4] = [0, 0, 0, 10];
/// struct nfgenmsg of an nf_tables message: family NFPROTO_INET (linux/netfilter.h, 6.18).
const INET: [u8; 4] = [1, 0, 0, 0];
/// Most verdicts in a batch, as in `wire`; at most so many acks then wait in the queue, which holds 256.
pub(crate) const MOST: usize = 128;
/// Room for the largest batch: a table of 32 jails with long names and ports takes 150 KB.
const SEND_BYTES: usize = 192 << 10;
/// The largest datagram of a dump: `netlink_dump` (net/netlink/af_netlink.c, 6.18) never makes a larger one.
const RECEIVE_BYTES: usize = 32 << 10;
/// The answers are there when sendto(2) returns; waiting is for a kernel that will do it otherwise.
const PATIENCE_NS: u64 = 5_000_000_000;

/// An nf_tables message, to be part of a batch.
pub(crate) fn message(w: &mut Writer<'_>, kind: u16, flags: u16, seq: u32, what: &[Attr<'_>]) {
    w.message(NF_TABLES | kind, flags, seq, &INET, what);
}

/// What the kernel has answered to one batch. Message group `g` of a batch has the number `base + 1 + g`.
pub(crate) struct Acks {
    base: u32,
    /// Groups whose last message was not answered yet, as bits.
    waiting: u128,
    /// Why the batch as a whole failed; 0: it did not.
    pub whole: u16,
    /// The first error of each group; 0: none.
    pub errno: [u16; MOST],
}

impl Acks {
    /// Of a batch with these groups, nothing was answered yet.
    pub(crate) fn new(base: u32, groups: u128) -> Self {
        Self { base, waiting: groups, whole: 0, errno: [0; MOST] }
    }

    /// Takes one message of the kernel; what does not belong to this batch is passed over.
    pub(crate) fn note(&mut self, header: &Header, body: &[u8]) {
        let group = header.seq.wrapping_sub(self.base).wrapping_sub(1);
        let (NLMSG_ERROR, Some((errno, request))) = (header.kind, error(body)) else { return };
        if header.seq == self.base && errno != 0 {
            // The commit failed, or an answer could not be kept: nothing of this batch is in force.
            (self.whole, self.waiting) = (errno, 0);
        }
        let Some(slot) = usize::try_from(group).ok().and_then(|g| self.errno.get_mut(g)) else { return };
        *slot = if *slot == 0 { errno } else { *slot };
        // Of a group only the last message asks for an ack.
        if Header::read(request).is_some_and(|(r, _)| r.flags & NLM_F_ACK != 0) {
            self.waiting &= !1u128.wrapping_shl(group);
        }
    }

    /// Good only when every answer is there and every one is 0: in no other state is anything in force.
    pub(crate) fn result(&self) -> Result<(), Errno> {
        let late = if self.waiting == 0 { 0 } else { Errno::EIO.0 };
        let all = [self.whole, late].into_iter().chain(self.errno);
        all.filter(|errno| *errno != 0).map(|errno| Err(Errno(errno))).next().unwrap_or(Ok(()))
    }
}

/// A netlink socket with its two buffers.
pub(crate) struct Socket {
    fd: Fd,
    seq: u32,
    tx: &'static mut [u8],
    rx: &'static mut [u8],
    /// Whether an event came, or was lost, while a dump was read.
    pub disturbed: bool,
}

impl Socket {
    /// Over this non-blocking netlink socket.
    pub(crate) fn new(fd: Fd) -> Result<Self, Errno> {
        Ok(Self { fd, seq: 1, tx: slots(SEND_BYTES)?, rx: slots(RECEIVE_BYTES)?, disturbed: false })
    }

    /// To be waited for.
    pub(crate) fn readable(&self) -> PollFd {
        PollFd::readable(&self.fd)
    }

    /// Sends one batch and reads every answer. `fill` writes the messages, numbered from what it is given on;
    /// `groups` has a bit for each number whose last message asks for an ack. `Err`: what became of it is unknown.
    pub(crate) fn transact(
        &mut self,
        groups: u128,
        fill: impl FnOnce(&mut Writer<'_>, u32),
    ) -> Result<Acks, Errno> {
        let base = self.seq;
        self.seq = base.wrapping_add(1 + MOST as u32);
        let mut acks = Acks::new(base, groups);
        let mut w = Writer::new(self.tx);
        w.message(16, 0, base, &FRAME, &[]); // NFNL_MSG_BATCH_BEGIN
        fill(&mut w, base.wrapping_add(1));
        w.message(17, 0, base, &FRAME, &[]); // NFNL_MSG_BATCH_END
        let sent = w.finish().ok_or(Errno::EMSGSIZE).and_then(|batch| send(&self.fd, batch, false));
        if let Err(errno) = sent {
            (acks.whole, acks.waiting) = (errno.0, 0);
        }
        while acks.waiting != 0 {
            next(&self.fd, self.rx)?.for_each(|(header, body)| acks.note(&header, body));
        }
        Ok(acks)
    }

    /// Asks one question (no batch) and hands each answer to `each`: its kind, and what stands behind the four bytes
    /// that begin with the family. `Err(EINTR)`: the answer to a dump is whole, but not of one moment.
    pub(crate) fn ask(
        &mut self,
        kind: u16,
        flags: u16,
        what: &[Attr<'_>],
        mut each: impl FnMut(u16, &[u8]),
    ) -> Result<(), Errno> {
        self.seq = self.seq.wrapping_add(1);
        let mut w = Writer::new(self.tx);
        // struct nfgenmsg, or struct rtgenmsg with any family.
        let head = if kind & NF_TABLES == 0 { [0; 4] } else { INET };
        w.message(kind, flags | NLM_F_ACK, self.seq, &head, what);
        send(&self.fd, w.finish().ok_or(Errno::EMSGSIZE)?, false)?;
        let mut torn = 0;
        loop {
            let messages = match next(&self.fd, self.rx) {
                // A dump waits for room: only events were lost.
                Err(Errno::ENOBUFS) if flags & NLM_F_DUMP != 0 => Messages(&[]),
                other => other?,
            };
            self.disturbed |= messages.0.is_empty();
            for (header, body) in messages {
                if header.seq != self.seq {
                    self.disturbed = true;
                    continue;
                }
                torn |= header.flags & NLM_F_DUMP_INTR;
                match (header.kind, error(body)) {
                    (NLMSG_ERROR | NLMSG_DONE, Some((0, _))) if torn != 0 => return Err(Errno::EINTR),
                    (NLMSG_ERROR | NLMSG_DONE, Some((0, _))) => return Ok(()),
                    (NLMSG_ERROR | NLMSG_DONE, Some((errno, _))) => return Err(Errno(errno)),
                    (kind, _) => each(kind, body.get(4..).unwrap_or(&[])),
                }
            }
        }
    }

    /// Hands the events that are there to `each`, in the same way, at most 64 datagrams: the loop has other work too. True: some
    /// were lost.
    pub(crate) fn drain(&mut self, mut each: impl FnMut(&Header, &[u8])) -> Result<bool, Errno> {
        for _ in 0..64 {
            match receive(&self.fd, self.rx, false) {
                Ok(len) => Messages(self.rx.get(..len).unwrap_or(&[]))
                    .for_each(|(h, body)| each(&h, body.get(4..).unwrap_or(&[]))),
                Err(Errno::ENOBUFS) => return Ok(true),
                Err(Errno::EAGAIN | Errno::EINTR) => break,
                Err(errno) => return Err(errno),
            }
        }
        Ok(false)
    }
}

/// The messages of the next datagram. ENOBUFS: answers were lost. EIO: none came in time.
fn next<'a>(fd: &Fd, buf: &'a mut [u8]) -> Result<Messages<'a>, Errno> {
    loop {
        match receive(fd, buf, false) {
            Ok(len) => return buf.get(..len).map(Messages).ok_or(Errno::EMSGSIZE),
            Err(Errno::EAGAIN) if ppoll(&mut [PollFd::readable(fd)], Some(PATIENCE_NS)) == Ok(0) => break,
            Err(Errno::EAGAIN | Errno::EINTR) => (),
            Err(errno) => return Err(errno),
        }
    }
    Err(Errno::EIO)
}
