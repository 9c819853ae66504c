//! The start: terms, memory, cage, ledger, in this order.
//!
//! Runs in: the tracker. In: the terms, from the warden; then the ledger. Out: a tracker at work, or an exit
//! code. Never: reads a log byte, an attempt or a request: that begins in run.rs, when the cage is closed.
use super::acks::{self, Acks};
use super::bans::{self, Bans};
use super::bucket::{Buckets, WAYS, slots_for};
use super::clock::Clock;
use super::hush::Hush;
use super::ledger::{Ledger, Trouble};
use super::policy::Narrow;
use super::replay::Replay;
use super::resend::Pass;
use super::say;
use super::slot::{GATHER, Slot};
use super::sync::Sync;
use super::table::{self, Table, Tallies};
use super::tracker::{CONNECTIONS, Counts, Given, Tracker};
use super::window::Window;
use bailiff::shared::base::channel::receive;
use bailiff::shared::base::enter::enter;
use bailiff::shared::base::log::{Level, Log};
use bailiff::shared::cages::{Role, cage};
use bailiff::shared::pure::wire::terms::{self, Terms};
use bailiff::shims::aio::SyncQueue;
use bailiff::shims::clock::{monotonic_ns, random, realtime_ns};
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::process::{Limit, limit};
use bailiff::shims::slots::slots;

/// Exit codes.
const USAGE: u8 = 100;
const SYSTEM: u8 = 111;

/// What the other processes (watcher 6 MiB, enforcer 4, warden 4) and this one's own pages (2) take of the
/// ceiling.
const OTHERS: u64 = 16 << 20;
/// What this process takes of its address space besides its tables.
const OWN: u64 = 2 << 20;
/// Beside the tables: the ledger's two buffers and the queue of bans that wait for a sync.
const BUFFERS: u64 = (2 * GATHER + acks::ROOM * 8) as u64;
/// Fewer tallies than this protect nothing.
const LEAST_TALLIES: u64 = 16_384;
/// Places have 32 bits; more than this many tallies serve nobody.
const MOST_TALLIES: u64 = 1 << 26;

/// Slots for tallies and for bans: these take what `max_bans` needs, tallies the rest. The error is the ceiling that would do, in bytes.
fn plan(terms: &Terms, address_space: u64) -> Result<(u64, u64), u64> {
    let bans = slots_for(terms.max_bans);
    let fixed = bans.saturating_mul(bans::Slots::SLOT_BYTES).saturating_add(BUFFERS);
    let each = table::tally_bytes(terms);
    let share = terms.memory.saturating_sub(OTHERS).min(address_space.saturating_sub(OWN));
    let tallies = (share.saturating_sub(fixed) / each.max(1)).min(MOST_TALLIES) / WAYS as u64 * WAYS as u64;
    if tallies < LEAST_TALLIES {
        let least = LEAST_TALLIES.saturating_mul(each).saturating_add(fixed);
        return Err(least.saturating_add(OTHERS + OWN));
    }
    Ok((tallies, bans))
}

/// Brings the tracker up; `uid` is the one that it must find itself with.
pub(crate) fn start(log: &mut Log, uid: u32) -> Result<Tracker, u8> {
    let warden = Fd::given(0);
    let terms = hear_terms(&warden).ok_or_else(|| {
        log.say(Level::Error, "the warden sent no terms");
        SYSTEM
    })?;
    log.steps = terms.steps;
    let plan = plan(&terms, limit(Limit::As).unwrap_or(0)).map_err(|least| {
        say::counted(log, Level::Error, "memory is too small for max_bans and maxretry; least bytes", least);
        USAGE
    })?;
    let mut secret = [0u8; 16];
    let prepared = random(&mut secret).and_then(|()| memory(plan, &terms));
    let (tallies, bans, acks, gather) = prepared.map_err(|errno| {
        log.refused(Level::Error, "memory", errno);
        SYSTEM
    })?;
    let queue = SyncQueue::new();
    enter(cage(Role::Tracker), uid).map_err(|open| {
        log.line(Level::Error, |t| {
            t.bytes(b"cage is open: ").bytes(open.what().as_bytes());
        });
        SYSTEM
    })?;
    if let Err(errno) = queue {
        log.refused(Level::Warning, "no queue for syncs, each is waited for", errno);
    }
    let [first, second] = gather;
    let slots = [Slot::new(Fd::given(6), first), Slot::new(Fd::given(7), second)];
    let ledger = Ledger::new(slots, Sync::new(queue.ok()), terms.dry_run);
    let log = core::mem::replace(log, Log::new("tracker"));
    let mut tracker = assemble(terms, warden, log, secret, (tallies, bans, acks), ledger);
    tracker.read_clock(realtime_ns() / 1_000_000);
    tracker.tallies.newest = tracker.clock.tick(u64::MAX);
    tracker.read_ledger();
    Ok(tracker)
}

fn assemble(
    terms: Terms,
    warden: Fd,
    log: Log,
    secret: [u8; 16],
    (tallies, bans, acks): (Table, Bans, Acks),
    ledger: Ledger,
) -> Tracker {
    let secret = u128::from_le_bytes(secret);
    let now_ns = monotonic_ns();
    let [watcher, enforcer, read, control] = [1, 3, 4, 5].map(Fd::given);
    Tracker {
        terms,
        log,
        given: Given { warden, watcher, enforcer, read, control },
        secret: [secret as u64, (secret >> 64) as u64],
        clock: Clock::default(),
        now_ns,
        started_ns: now_ns,
        tallies,
        bans,
        ledger,
        acks,
        window: Window::new(),
        narrow: Narrow::default(),
        hush: Hush::new(),
        counts: Counts::default(),
        tides: [None; 256],
        pass: Pass::default(),
        connections: [const { None }; CONNECTIONS],
        swept_ns: 0,
    }
}

fn hear_terms(warden: &Fd) -> Option<Terms> {
    let mut buf = [0; terms::LEN];
    let record = receive(warden, &mut buf, true).ok()?;
    Terms::decode(record.first_chunk()?)
}

type Memory = (Table, Bans, Acks, [&'static mut [u8]; 2]);

fn memory((tallies, bans): (u64, u64), terms: &Terms) -> Result<Memory, Errno> {
    let count = |slots: u64| (slots / WAYS as u64) as usize;
    let times = tallies.saturating_mul(table::ring_len(terms) as u64) as usize;
    let tallies: Tallies = Buckets::new(slots(count(tallies))?, slots(count(tallies))?);
    let bans: bans::Slots = Buckets::new(slots(count(bans))?, slots(count(bans))?);
    let table = Table::new(tallies, slots(times)?, terms);
    Ok((table, Bans::new(bans), Acks::new(slots(acks::ROOM)?), [slots(GATHER)?, slots(GATHER)?]))
}

impl Tracker {
    /// Reads the ledger into the bans; says what was wrong with it.
    fn read_ledger(&mut self) {
        let now_s = self.clock.now_s();
        let (terms, secret, bans) = (&self.terms, &self.secret, &mut self.bans);
        let mut replay = Replay { terms, secret, bans, table: [0; 16], newest_s: 0, gone: 0 };
        let opened = self.ledger.open(&mut replay, now_s);
        let (newest_s, gone) = (replay.newest_s, replay.gone);
        // Written before the clock was set back: each ban keeps the time that it had left by the ledger's
        // newest record.
        if newest_s > now_s {
            self.bans.set_back(newest_s.saturating_sub(now_s));
        }
        self.counts.gone_jails = gone;
        if let Err(Trouble(what, errno)) = opened {
            self.log.refused(Level::Warning, what, errno);
        }
        if self.ledger.torn > 0 {
            self.log.say(Level::Warning, "ledger: torn or foreign records at its end were cut off");
        }
        if gone > 0 {
            say::counted(&self.log, Level::Warning, "bans given up whose jail is no longer configured", gone);
        }
        say::counted(&self.log, Level::Notice, "started, bans in the ledger", self.bans.count().into());
    }
}
