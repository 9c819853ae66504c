//! This host's own addresses and its gateways, which no ban may ever hold.
//!
//! Runs in: the enforcer. In: the kernel's dumps and events on the rtnetlink socket. Out: two lists for the guard. Never:
//! lets a verdict be judged by half a dump; what an event adds holds at once, what it takes away after the next dump.
use super::netlink::{Attributes, Header, NLM_F_DUMP, attribute, behind};
use super::socket::Socket;
use bailiff::shared::base::log::{Level, Log};
use bailiff::shared::pure::addr::Addr;
use bailiff::shims::{clock::monotonic_ns, errno::Errno, slots::slots};

/// Kinds of messages (linux/rtnetlink.h, 6.18).
const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;
const RTM_NEWROUTE: u16 = 24;
const RTM_GETROUTE: u16 = 26;
/// Shortest time between two dumps.
const PAUSE_NS: u64 = 1_000_000_000;

/// Addresses in fixed memory.
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
        let addr = match value.first_chunk() {
            Some(octets) if value.len() == 4 => Some(Addr::v4(*octets)),
            _ => value.try_into().ok().map(Addr),
        };
        let Some(addr) = addr.filter(|addr| !self.all().contains(&addr.0)) else { return };
        if let Some(slot) = self.room.get_mut(self.used) {
            *slot = addr.0;
            self.used = self.used.wrapping_add(1);
        }
    }
}

/// Own addresses and gateways, followed as they change.
pub(crate) struct Hosts {
    /// The rtnetlink socket, in the groups of addresses and routes.
    pub socket: Socket,
    own: List,
    gateways: List,
    stale: bool,
    full: bool,
    next_ns: u64,
}

impl Hosts {
    /// Over this socket; nothing is known yet.
    pub(crate) fn new(socket: Socket) -> Result<Self, Errno> {
        let (own, gateways) = (List::new(1024)?, List::new(256)?);
        Ok(Self { socket, own, gateways, stale: true, full: false, next_ns: 0 })
    }

    /// Own addresses, and gateways.
    pub(crate) fn known(&self) -> [&[[u8; 16]]; 2] {
        [self.own.all(), self.gateways.all()]
    }

    /// When the next dump is due.
    pub(crate) fn due_ns(&self) -> Option<u64> {
        self.stale.then_some(self.next_ns)
    }

    /// Reads all anew, if that is due.
    pub(crate) fn refresh(&mut self, now_ns: u64, log: &Log) -> Result<(), Errno> {
        if self.due_ns().is_none_or(|due| due > now_ns) {
            return Ok(());
        }
        (self.own.used, self.gateways.used, self.stale) = (0, 0, false);
        for kind in [RTM_GETADDR, RTM_GETROUTE] {
            let each = |kind, body: &[u8]| learn(kind, body, &mut self.own, &mut self.gateways);
            match self.socket.ask(kind, NLM_F_DUMP, &[], each) {
                Err(Errno::EINTR) => self.stale = true,
                other => other?,
            }
        }
        self.stale |= core::mem::take(&mut self.socket.disturbed);
        // A router may hold a million routes: at most a twentieth of the time goes into reading them again.
        let pause_ns = monotonic_ns().saturating_sub(now_ns).saturating_mul(20).max(PAUSE_NS);
        self.next_ns = now_ns.saturating_add(pause_ns);
        let full = self.own.used == self.own.room.len() || self.gateways.used == self.gateways.room.len();
        if full && !core::mem::replace(&mut self.full, full) {
            log.say(Level::Warning, "1024 own addresses or 256 gateways: more than these are not guarded");
        }
        Ok(())
    }

    /// Takes the events that are there.
    pub(crate) fn drain(&mut self) -> Result<(), Errno> {
        let each = |header: &Header, body: &[u8]| {
            self.stale = true;
            learn(header.kind, body, &mut self.own, &mut self.gateways);
        };
        let lost = self.socket.drain(each)?;
        self.stale |= lost;
        Ok(())
    }
}

/// Adds the own addresses and gateways that a message of this kind names: `body` is the rest of its struct ifaddrmsg
/// or rtmsg, then its attributes (linux/if_addr.h, linux/rtnetlink.h, 6.18).
pub(crate) fn learn(kind: u16, body: &[u8], own: &mut List, gateways: &mut List) {
    match kind {
        RTM_NEWADDR => {
            let attributes = body.get(4..).unwrap_or(&[]);
            // IFA_LOCAL, or else IFA_ADDRESS, which on a point-to-point link is the other end.
            let local = attribute(attributes, &[2]).or_else(|| attribute(attributes, &[1]));
            own.add(local.unwrap_or(&[]));
        }
        RTM_NEWROUTE => learn_gateways(body.get(8..).unwrap_or(&[]), gateways, true),
        _ => (),
    }
}

fn learn_gateways(attributes: &[u8], gateways: &mut List, with_hops: bool) {
    for (kind, value) in Attributes(attributes) {
        match kind {
            5 => gateways.add(value),                          // RTA_GATEWAY
            18 => gateways.add(value.get(2..).unwrap_or(&[])), // RTA_VIA: struct rtvia, the family first
            9 if with_hops => learn_hops(value, gateways),     // RTA_MULTIPATH
            _ => (),
        }
    }
}

/// A list of struct rtnexthop (8 bytes), each with its length first and attributes of its own behind it.
fn learn_hops(mut hops: &[u8], gateways: &mut List) {
    while let Some(len) = hops.first_chunk() {
        let len = usize::from(u16::from_ne_bytes(*len));
        let Some(attributes) = hops.get(8..len) else { return };
        learn_gateways(attributes, gateways, false);
        hops = behind(hops, len);
    }
}
