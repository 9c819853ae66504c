//! This host's own addresses and its gateways, which no ban may ever hold.
//!
//! Runs in: the enforcer. In: the kernel's dumps and events on the rtnetlink socket. Out: a list for the guard. Never:
//! lets a verdict be judged by half a dump; what an event adds holds at once, what it takes away after the next dump.
use super::netlink::{Attributes, NLM_F_DUMP, attribute, behind};
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

/// Most own addresses and gateways that are known at a time.
const MOST: usize = 1280;

/// Own addresses and gateways in fixed memory: 16 bytes of address, and 1 for a gateway.
pub(crate) struct Known {
    room: &'static mut [[u8; 17]],
    used: usize,
}

impl Known {
    /// Nothing is known.
    pub(crate) fn new() -> Result<Self, Errno> {
        Ok(Self { room: slots(MOST)?, used: 0 })
    }

    /// What is known.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Addr, bool)> {
        self.room.iter().take(self.used).map(|[addr @ .., gateway]| (Addr(*addr), *gateway == 1))
    }

    fn add(&mut self, value: &[u8], gateway: bool) {
        let addr = match value.first_chunk() {
            Some(octets) if value.len() == 4 => Some(Addr::v4(*octets)),
            _ => value.try_into().ok().map(Addr),
        };
        let Some(addr) = addr.filter(|addr| !self.all().any(|known| known == (*addr, gateway))) else {
            return;
        };
        if let Some([room @ .., kind]) = self.room.get_mut(self.used) {
            (*room, *kind) = (addr.0, gateway.into());
            self.used = self.used.wrapping_add(1);
        }
    }
}

/// Own addresses and gateways, followed as they change.
pub(crate) struct Hosts {
    /// The rtnetlink socket, in the groups of addresses and routes.
    pub socket: Socket,
    /// As the guard is to see them.
    pub known: Known,
    stale: bool,
    full: bool,
    next_ns: u64,
}

impl Hosts {
    /// Over this socket; nothing is known yet.
    pub(crate) fn new(socket: Socket) -> Result<Self, Errno> {
        Ok(Self { socket, known: Known::new()?, stale: true, full: false, next_ns: 0 })
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
        (self.known.used, self.stale) = (0, false);
        for kind in [RTM_GETADDR, RTM_GETROUTE] {
            match self.socket.ask(kind, NLM_F_DUMP, &[], |kind, body| learn(kind, body, &mut self.known)) {
                Err(Errno::EINTR) => self.stale = true,
                other => other?,
            }
        }
        self.stale |= core::mem::take(&mut self.socket.disturbed);
        // A router may hold a million routes: at most a twentieth of the time goes into reading them again.
        let pause_ns = monotonic_ns().saturating_sub(now_ns).saturating_mul(20).max(PAUSE_NS);
        self.next_ns = now_ns.saturating_add(pause_ns);
        let was_full = core::mem::replace(&mut self.full, self.known.used == MOST);
        if self.full && !was_full {
            log.say(Level::Warning, "1280 own addresses and gateways: more than these are not guarded");
        }
        Ok(())
    }

    /// Takes the events that are there.
    pub(crate) fn drain(&mut self) -> Result<(), Errno> {
        let lost = self.socket.drain(|header, body| {
            self.stale = true;
            learn(header.kind, body, &mut self.known);
        })?;
        self.stale |= lost;
        Ok(())
    }
}

/// Adds the own addresses and gateways that a message of this kind names: `body` is the rest of its struct ifaddrmsg
/// or rtmsg, then its attributes (linux/if_addr.h, linux/rtnetlink.h, 6.18).
pub(crate) fn learn(kind: u16, body: &[u8], known: &mut Known) {
    match kind {
        RTM_NEWADDR => {
            let attributes = body.get(4..).unwrap_or(&[]);
            // IFA_LOCAL, or else IFA_ADDRESS, which on a point-to-point link is the other end.
            let local = attribute(attributes, &[2]).or_else(|| attribute(attributes, &[1]));
            known.add(local.unwrap_or(&[]), false);
        }
        RTM_NEWROUTE => learn_gateways(body.get(8..).unwrap_or(&[]), known, true),
        _ => (),
    }
}

fn learn_gateways(attributes: &[u8], known: &mut Known, with_hops: bool) {
    for (kind, value) in Attributes(attributes) {
        match kind {
            5 => known.add(value, true),                          // RTA_GATEWAY
            18 => known.add(value.get(2..).unwrap_or(&[]), true), // RTA_VIA: struct rtvia, the family first
            9 if with_hops => learn_hops(value, known),           // RTA_MULTIPATH
            _ => (),
        }
    }
}

/// A list of struct rtnexthop (8 bytes), each with its length first and attributes of its own behind it.
fn learn_hops(mut hops: &[u8], known: &mut Known) {
    while let Some(len) = hops.first_chunk() {
        let len = usize::from(u16::from_ne_bytes(*len));
        let Some(attributes) = hops.get(8..len) else { return };
        learn_gateways(attributes, known, false);
        hops = behind(hops, len);
    }
}
