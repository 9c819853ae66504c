//! This host's own addresses and its gateways, which no ban may ever hold.
//!
//! Runs in: the enforcer. In: the kernel's dumps and events on the rtnetlink socket. Out: two lists for the guard. Never:
//! blocks once started: a dump arrives datagram by datagram in the loop, and the lists of the last whole one hold until
//! the next is whole; what an event adds holds at once.
use super::commit::RECEIVE_BYTES;
use super::netlink::{
    Attributes, Header, Messages, NLM_F_DUMP, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, Writer, attribute,
    behind,
};
use bailiff::shared::base::log::{Level, Log};
use bailiff::shared::pure::addr::Addr;
use bailiff::shims::clock::monotonic_ns;
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::slots::slots;
use bailiff::shims::sockets::{netlink_port, receive, send};

/// Kinds and attributes of messages (linux/rtnetlink.h, linux/if_addr.h, 6.18).
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
/// Most own addresses, and most gateways, that are known at a time.
const MOST: [usize; 2] = [1024, 256];
/// Shortest time between two dumps.
const PAUSE_NS: u64 = 1_000_000_000;

/// Addresses in fixed memory.
#[derive(Debug)]
pub(crate) struct List {
    room: &'static mut [[u8; 16]],
    used: usize,
}

impl List {
    /// An empty list with room for so many.
    pub(crate) fn new(most: usize) -> Result<Self, Errno> {
        Ok(Self { room: slots(most)?, used: 0 })
    }

    /// The addresses.
    pub(crate) fn all(&self) -> &[[u8; 16]] {
        self.room.get(..self.used).unwrap_or(&[])
    }

    fn add(&mut self, value: &[u8]) {
        let addr = match value.len() {
            4 => value.try_into().ok().map(Addr::v4),
            16 => value.try_into().ok().map(Addr),
            _ => None,
        };
        let Some(addr) = addr.filter(|addr| !self.all().contains(&addr.0)) else { return };
        if let Some(slot) = self.room.get_mut(self.used) {
            *slot = addr.0;
            self.used = self.used.wrapping_add(1);
        }
    }
}

/// Own addresses and gateways, followed as they change.
#[derive(Debug)]
pub(crate) struct Hosts {
    fd: Fd,
    port: u32,
    seq: u32,
    /// The request whose dump is under way; 0: none.
    under_way: u16,
    stale: bool,
    started_ns: u64,
    next_ns: u64,
    buf: &'static mut [u8],
    /// Own addresses and gateways, as the guard is to see them.
    pub known: [List; 2],
    next: [List; 2],
    /// Whether what is known is of a whole dump.
    pub is_known: bool,
}

impl Hosts {
    /// Over this rtnetlink socket, which is in the groups of addresses and routes.
    pub(crate) fn new(fd: Fd) -> Result<Self, Errno> {
        let [addresses, gateways] = MOST;
        let known = [List::new(addresses)?, List::new(gateways)?];
        let next = [List::new(addresses)?, List::new(gateways)?];
        let (port, buf) = (netlink_port(&fd)?, slots(RECEIVE_BYTES)?);
        let (seq, under_way, stale, started_ns, next_ns, is_known) = (0, 0, true, 0, 0, false);
        Ok(Self { fd, port, seq, under_way, stale, started_ns, next_ns, buf, known, next, is_known })
    }

    /// The socket, to be waited for.
    pub(crate) fn fd(&self) -> &Fd {
        &self.fd
    }

    /// When the next dump is due.
    pub(crate) fn due_ns(&self) -> Option<u64> {
        (self.stale && self.under_way == 0).then_some(self.next_ns)
    }

    /// Starts a dump if one is due.
    pub(crate) fn refresh(&mut self, now_ns: u64) -> Result<(), Errno> {
        if self.due_ns().is_none_or(|due| due > now_ns) {
            return Ok(());
        }
        (self.stale, self.started_ns) = (false, now_ns);
        self.next.iter_mut().for_each(|list| list.used = 0);
        self.dump(RTM_GETADDR, &[0; IFADDRMSG])
    }

    fn dump(&mut self, kind: u16, head: &[u8]) -> Result<(), Errno> {
        let mut buf = [0; 64];
        (self.under_way, self.seq) = (kind, self.seq.wrapping_add(1));
        let mut w = Writer::new(&mut buf);
        w.message(kind, NLM_F_DUMP, self.seq, head, &[]);
        send(&self.fd, w.finish().ok_or(Errno::EMSGSIZE)?, false).map(|_| ())
    }

    /// Takes the datagrams that are there, at most 64: the loop has other work too.
    pub(crate) fn drain(&mut self, log: &Log) -> Result<(), Errno> {
        for _ in 0..64 {
            match receive(&self.fd, self.buf, false) {
                Ok(len) => self.take(len, log)?,
                Err(Errno::EAGAIN | Errno::EINTR) => break,
                // Events were lost, and perhaps a part of the dump with them.
                Err(Errno::ENOBUFS) => (self.stale, self.under_way) = (true, 0),
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    fn take(&mut self, len: usize, log: &Log) -> Result<(), Errno> {
        let mut ended = false;
        for (header, body) in Messages(self.buf.get(..len).unwrap_or(&[])) {
            let ours = header.seq == self.seq && header.port == self.port;
            learn(&header, body, &mut self.next);
            if !ours {
                learn(&header, body, &mut self.known);
            }
            self.stale |= !ours || header.flags & NLM_F_DUMP_INTR != 0 || header.kind == NLMSG_ERROR;
            ended |= ours && matches!(header.kind, NLMSG_DONE | NLMSG_ERROR);
        }
        match self.under_way {
            RTM_GETADDR if ended => self.dump(RTM_GETROUTE, &[0; RTMSG])?,
            RTM_GETROUTE if ended => self.finish(log),
            _ => (),
        }
        Ok(())
    }

    fn finish(&mut self, log: &Log) {
        // A router may hold a million routes: at most a twentieth of the time goes into reading them again.
        let pause_ns = monotonic_ns().saturating_sub(self.started_ns).saturating_mul(20).max(PAUSE_NS);
        self.next_ns = self.started_ns.saturating_add(pause_ns);
        (self.under_way, self.is_known) = (0, true);
        core::mem::swap(&mut self.known, &mut self.next);
        let is_full = |lists: &[List; 2]| lists.iter().any(|list| list.used == list.room.len());
        if is_full(&self.known) && !is_full(&self.next) {
            log.say(Level::Warning, "1024 own addresses or 256 gateways: more than these are not guarded");
        }
    }
}

/// Adds the own addresses and gateways that this message names.
pub(crate) fn learn(header: &Header, body: &[u8], [own, gateways]: &mut [List; 2]) {
    match header.kind {
        RTM_NEWADDR => {
            let attributes = body.get(IFADDRMSG..).unwrap_or(&[]);
            // On a point-to-point link IFA_ADDRESS is the other end.
            let local = attribute(attributes, &[IFA_LOCAL]).or_else(|| attribute(attributes, &[IFA_ADDRESS]));
            local.into_iter().for_each(|addr| own.add(addr));
        }
        RTM_NEWROUTE => learn_gateways(body.get(RTMSG..).unwrap_or(&[]), gateways),
        _ => (),
    }
}

fn learn_gateways(attributes: &[u8], gateways: &mut List) {
    for (kind, value) in Attributes(attributes) {
        match kind {
            RTA_MULTIPATH => learn_hops(value, gateways),
            _ => learn_gateway((kind, value), gateways),
        }
    }
}

fn learn_gateway((kind, value): (u16, &[u8]), gateways: &mut List) {
    match kind {
        RTA_GATEWAY => gateways.add(value),
        RTA_VIA => gateways.add(value.get(2..).unwrap_or(&[])), // struct rtvia: the family first
        _ => (),
    }
}

/// A list of struct rtnexthop, each with its length first and attributes of its own.
fn learn_hops(mut hops: &[u8], gateways: &mut List) {
    while let Some(len) = hops.first_chunk() {
        let len = usize::from(u16::from_ne_bytes(*len));
        let Some(attributes) = hops.get(RTNEXTHOP..len) else { return };
        Attributes(attributes).for_each(|hop| learn_gateway(hop, gateways));
        hops = behind(hops, len);
    }
}
