//! This host's own addresses and its gateways, which no ban may ever hold.
//!
//! Runs in: the enforcer. In: the kernel's dumps and events on the rtnetlink socket. Out: two lists for the guard. Never:
//! blocks once started: a dump arrives datagram by datagram in the loop, and the lists of the last whole one hold until
//! the next is whole; what an event adds holds at once.
use super::commit::RECEIVE_BYTES;
use super::netlink::{Attributes, Header, Messages, NLM_F_DUMP, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, Writer, attribute};
use bailiff::shared::base::log::{Level, Log};
use bailiff::shared::pure::addr::Addr;
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::slots::slots;
use bailiff::shims::sockets::{netlink_port, receive, send};

/// Message kinds and attributes (linux/rtnetlink.h, linux/if_addr.h, 6.18).
const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;
const RTM_NEWROUTE: u16 = 24;
const RTM_GETROUTE: u16 = 26;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const RTA_GATEWAY: u16 = 5;
const RTA_MULTIPATH: u16 = 9;
const RTA_VIA: u16 = 18;
/// sizeof(struct ifaddrmsg), struct rtmsg, struct rtnexthop.
const IFADDRMSG: usize = 8;
const RTMSG: usize = 12;
const RTNEXTHOP: usize = 8;
/// Most own addresses and gateways that are known at a time.
pub const MOST: [usize; 2] = [1024, 256];
/// Shortest time between two dumps.
const PAUSE_NS: u64 = 1_000_000_000;

/// A list of addresses in fixed memory.
#[derive(Debug)]
pub struct List {
    room: &'static mut [[u8; 16]],
    used: usize,
    lost: bool,
}

impl List {
    fn new(most: usize) -> Result<Self, Errno> {
        Ok(Self { room: slots(most)?, used: 0, lost: false })
    }

    fn add(&mut self, addr: Addr) {
        if self.all().any(|known| known == addr) {
            return;
        }
        match self.room.get_mut(self.used) {
            Some(slot) => {
                *slot = addr.0;
                self.used = self.used.wrapping_add(1);
            }
            None => self.lost = true,
        }
    }

    /// The addresses.
    pub fn all(&self) -> impl Iterator<Item = Addr> + '_ {
        self.room.iter().take(self.used).map(|bytes| Addr(*bytes))
    }
}

/// What a dump under way is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Idle,
    Addresses,
    Routes,
}

/// Own addresses and gateways, followed as they change.
#[derive(Debug)]
pub struct Hosts {
    fd: Fd,
    port: u32,
    seq: u32,
    phase: Phase,
    stale: bool,
    next_ns: u64,
    buf: &'static mut [u8],
    /// Own addresses and gateways, as the guard is to see them.
    pub known: [List; 2],
    next: [List; 2],
}

impl Hosts {
    /// Over this rtnetlink socket, which is in the groups of addresses and routes.
    pub fn new(fd: Fd) -> Result<Self, Errno> {
        let lists = || -> Result<[List; 2], Errno> { Ok([List::new(MOST[0])?, List::new(MOST[1])?]) };
        let (port, buf) = (netlink_port(&fd)?, slots(RECEIVE_BYTES)?);
        Ok(Self { fd, port, seq: 0, phase: Phase::Idle, stale: true, next_ns: 0, buf, known: lists()?, next: lists()? })
    }

    /// The socket, to be waited for.
    pub fn fd(&self) -> &Fd {
        &self.fd
    }

    /// When the next dump is due.
    pub fn due_ns(&self) -> Option<u64> {
        (self.stale && self.phase == Phase::Idle).then_some(self.next_ns)
    }

    /// Whether what is known is of a whole dump.
    pub fn is_settled(&self) -> bool {
        self.phase == Phase::Idle && !self.stale
    }

    /// Starts a dump if one is due.
    pub fn refresh(&mut self, now_ns: u64) -> Result<(), Errno> {
        if self.due_ns().is_some_and(|due| due <= now_ns) {
            self.stale = false;
            self.next_ns = now_ns.saturating_add(PAUSE_NS);
            self.next.iter_mut().for_each(|list| (list.used, list.lost) = (0, false));
            self.dump(Phase::Addresses, RTM_GETADDR, &[0; IFADDRMSG])?;
        }
        Ok(())
    }

    fn dump(&mut self, phase: Phase, kind: u16, head: &[u8]) -> Result<(), Errno> {
        let mut buf = [0; 64];
        self.seq = self.seq.wrapping_add(1);
        self.phase = phase;
        let mut w = Writer::new(&mut buf);
        w.message(kind, NLM_F_DUMP, self.seq, head, |_| ());
        send(&self.fd, w.finish().ok_or(Errno::EMSGSIZE)?, false).map(|_| ())
    }

    /// Takes the datagrams that are there, at most 64: the loop has other work too.
    pub fn drain(&mut self, log: &Log) -> Result<(), Errno> {
        for _ in 0..64 {
            match receive(&self.fd, self.buf, false) {
                Ok(len) => self.take(len, log)?,
                Err(Errno::EAGAIN | Errno::EINTR) => break,
                // Events were lost, and perhaps a part of the dump with them.
                Err(Errno::ENOBUFS) => (self.stale, self.phase) = (true, Phase::Idle),
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    fn take(&mut self, len: usize, log: &Log) -> Result<(), Errno> {
        let mut ended = false;
        for (header, body) in Messages(self.buf.get(..len).unwrap_or(&[])) {
            let ours = header.seq == self.seq && header.port == self.port;
            let lists = if ours { &mut self.next } else { &mut self.known };
            learn(&header, body, lists);
            self.stale |= !ours || header.flags & NLM_F_DUMP_INTR != 0 || header.kind == NLMSG_ERROR;
            ended |= ours && matches!(header.kind, NLMSG_DONE | NLMSG_ERROR);
        }
        match self.phase {
            Phase::Addresses if ended => self.dump(Phase::Routes, RTM_GETROUTE, &[0; RTMSG]),
            Phase::Routes if ended => {
                self.phase = Phase::Idle;
                core::mem::swap(&mut self.known, &mut self.next);
                if self.known.iter().any(|list| list.lost) && !self.next.iter().any(|list| list.lost) {
                    log.say(Level::Warning, "more than 1024 own addresses or 256 gateways: the rest is not guarded");
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Adds the own addresses and gateways that this message names.
pub fn learn(header: &Header, body: &[u8], [own, gateways]: &mut [List; 2]) {
    match header.kind {
        RTM_NEWADDR => {
            let attributes = body.get(IFADDRMSG..).unwrap_or(&[]);
            // On a point-to-point link IFA_ADDRESS is the other end.
            let local = attribute(attributes, IFA_LOCAL).or_else(|| attribute(attributes, IFA_ADDRESS));
            local.and_then(address).into_iter().for_each(|addr| own.add(addr));
        }
        RTM_NEWROUTE => routes(body.get(RTMSG..).unwrap_or(&[]), gateways),
        _ => (),
    }
}

fn routes(attributes: &[u8], gateways: &mut List) {
    for (kind, value) in Attributes(attributes) {
        match kind {
            RTA_MULTIPATH => hops(value, gateways),
            _ => gateway(kind, value, gateways),
        }
    }
}

fn hops(mut rest: &[u8], gateways: &mut List) {
    while let Some(len) = rest.first_chunk() {
        let len = usize::from(u16::from_ne_bytes(*len));
        let Some(attributes) = rest.get(RTNEXTHOP..len) else { return };
        Attributes(attributes).for_each(|(kind, value)| gateway(kind, value, gateways));
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or(&[]);
    }
}

fn gateway(kind: u16, value: &[u8], gateways: &mut List) {
    let addr = match kind {
        RTA_GATEWAY => address(value),
        RTA_VIA => value.get(2..).and_then(address), // struct rtvia: the family first
        _ => None,
    };
    addr.into_iter().for_each(|addr| gateways.add(addr));
}

fn address(value: &[u8]) -> Option<Addr> {
    match value.len() {
        4 => value.try_into().ok().map(Addr::v4),
        16 => value.try_into().ok().map(Addr),
        _ => None,
    }
}
