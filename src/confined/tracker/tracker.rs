//! All that the tracker knows, in one place.
//!
//! Runs in: the tracker. Each other file adds the steps of one concern.
use super::acks::Acks;
use super::ban::Ban;
use super::bans::Bans;
use super::bucket::Key;
use super::clock::Clock;
use super::control::Connection;
use super::hush::{Hush, Matter};
use super::ledger::Ledger;
use super::ledger_record::{Kind, Record};
use super::policy::{self, Narrow};
use super::resend::Pass;
use super::say;
use super::table::Table;
use super::window::Window;
use bailiff::shared::base::channel::Fault;
use bailiff::shared::base::log::{Level, Log};
use bailiff::shared::pure::addr::{Addr, Prefix};
use bailiff::shared::pure::wire::attempt::Tide;
use bailiff::shared::pure::wire::terms::{JAILS, Jail, NAME, Terms};
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;

/// Connections at once, on both sockets together.
pub(crate) const CONNECTIONS: usize = 16;

/// Why the tracker ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Leave {
    /// The warden wishes so, and all is done.
    Orderly,
    /// A peer process sent what it never may.
    Breach(&'static str),
    /// A channel that it cannot do without is closed.
    Closed(&'static str),
    /// The kernel refused.
    Kernel(&'static str, Errno),
}

impl Leave {
    /// What a fault on the channel to this process means.
    pub(crate) fn of(fault: Fault, peer: &'static str) -> Self {
        match fault {
            Fault::Breach => Self::Breach(peer),
            Fault::Kernel(errno) => Self::Kernel(peer, errno),
            Fault::Closed | Fault::Empty => Self::Closed(peer),
        }
    }
}

/// The descriptors it was given.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) warden: Fd,
    pub(crate) watcher: Fd,
    pub(crate) enforcer: Fd,
    pub(crate) read: Fd,
    pub(crate) control: Fd,
}

/// What `status` counts and no other part does.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Counts {
    pub(crate) attempts: [u64; JAILS],
    pub(crate) already: u64,
    pub(crate) refused: u64,
    pub(crate) kernel_refused: u64,
    pub(crate) healed: u64,
    pub(crate) intents_dropped: u64,
    pub(crate) gone_jails: u64,
}

/// The tracker.
#[derive(Debug)]
pub(crate) struct Tracker {
    pub(crate) terms: Terms,
    pub(crate) log: Log,
    pub(crate) given: Given,
    pub(crate) secret: [u64; 2],
    pub(crate) clock: Clock,
    /// The monotonic clock at the start of this turn, and at the tracker's start.
    pub(crate) now_ns: u64,
    pub(crate) started_ns: u64,
    pub(crate) tallies: Table,
    pub(crate) bans: Bans,
    pub(crate) ledger: Ledger,
    pub(crate) acks: Acks,
    pub(crate) window: Window,
    pub(crate) narrow: Narrow,
    pub(crate) hush: Hush,
    pub(crate) counts: Counts,
    pub(crate) tides: [Option<Tide>; 256],
    pub(crate) pass: Pass,
    pub(crate) connections: [Option<Connection>; CONNECTIONS],
    pub(crate) swept_ns: u64,
}

impl Tracker {
    /// The key of a network in a jail.
    pub(crate) fn key(&self, jail: u8, prefix: &Prefix) -> Key {
        Key::new(&self.secret, jail, prefix)
    }

    /// The key of a ban.
    pub(crate) fn key_of(&self, ban: &Ban) -> Key {
        self.key(ban.jail, &ban.prefix)
    }

    /// The network that is counted for this address in a jail.
    pub(crate) fn counted(&self, jail: &Jail, addr: Addr) -> Prefix {
        let wide = policy::counted(jail, addr);
        if self.narrow.holds(&wide) { policy::alone(addr) } else { wide }
    }

    /// Says that this has happened so many times, not more than once a minute.
    pub(crate) fn tell(&mut self, matter: Matter, times: u64, what: &str) {
        if let Some(count) = self.hush.tell(matter, times, self.now_ns) {
            say::counted(&self.log, Level::Warning, what, count);
        }
    }

    /// Notes something about a ban in the ledger; the record's number.
    pub(crate) fn note(&mut self, kind: Kind, ban: &Ban) -> u64 {
        let name =
            self.terms.jails().get(usize::from(ban.jail)).map_or([0; NAME], |jail| *jail.name.padded());
        // An intent and a lifted ban are safe without a sync: at worst the kernel is asked, or told, once
        // more.
        self.ledger.note(&Record::Ban(kind, name, *ban), matches!(kind, Kind::Held | Kind::Lift))
    }
}
