//! The ledger's syncs and snapshots, step by step beside the loop.
//!
//! Runs in: the tracker. In: the bans; ends of syncs. Out: syncs, one at a time; a snapshot in the other slot
//! when the slot in use holds far more records than bans, or has failed. Never: writes more than a slice of
//! the snapshot in one turn.
//!
//! A snapshot: empty the other slot; write the bans in slices while new records go to both; sync; write the
//! header with the next epoch; sync; switch. From the first of these syncs to the switch nothing is told as
//! synced: a header that reaches the disk then never hides a record that somebody relies on.
use super::ban::{Ban, State};
use super::bans::Bans;
use super::ledger::{Ledger, Trouble};
use super::ledger_record::{Header, Kind, Record, encode};
use bailiff::shared::pure::wire::terms::Terms;
use bailiff::shims::errno::Errno;

/// Places in one slice of a snapshot.
const SLICE: u32 = 1_024;
/// A snapshot that failed is tried again after a minute.
const RETRY_NS: u64 = 60_000_000_000;
/// More records than this, beyond four for each ban, are worth a snapshot.
const SPARE: u64 = 65_536;

/// How far a snapshot is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// None is made.
    Plain,
    /// The bans from this place on are to be copied.
    Copy(u32),
    /// All are copied, and wait for the sync, or are in it.
    Settle,
    /// The header is written and waits for the sync, or is in it.
    Seal,
}

/// A sync under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flight {
    /// Of the slot in use; it covers the records up to this one.
    Group(u64),
    /// Of a snapshot.
    Settle,
    /// Of a snapshot's header and of what came after it, up to this record.
    Seal(u64),
}

impl Ledger {
    /// Takes the end of a sync in: at the start of a turn.
    pub(crate) fn hear_bell(&mut self) {
        if self.flight.is_none() {
            return;
        }
        let Some(result) = self.sync.ended() else { return };
        if let Some(flight) = self.flight.take() {
            self.land(flight, result);
        }
    }

    /// One step: what is to be copied, what is to be synced. After `write`, at the end of a turn.
    pub(crate) fn turn(&mut self, bans: &Bans, terms: &Terms, now_ns: u64) {
        if self.is_mute {
            return;
        }
        match self.phase {
            Phase::Plain if self.is_due(bans, now_ns) => self.begin_snapshot(now_ns),
            Phase::Copy(from) => self.copy(from, bans, terms),
            _ => {}
        }
        if self.flight.is_none() {
            self.start_sync();
        }
    }

    fn is_due(&self, bans: &Bans, now_ns: u64) -> bool {
        let most = u64::from(bans.count()).saturating_mul(4).saturating_add(SPARE);
        (self.is_suspect || self.records() > most) && self.flight.is_none() && now_ns >= self.retry_ns
    }

    fn begin_snapshot(&mut self, now_ns: u64) {
        self.retry_ns = now_ns.saturating_add(RETRY_NS);
        let [_, other] = &mut self.slots;
        match other.empty() {
            Ok(()) => self.phase = Phase::Copy(0),
            Err(errno) => self.abandon("ledger's other slot cannot be emptied", errno),
        }
    }

    /// Gives the snapshot up.
    pub(super) fn abandon(&mut self, what: &'static str, errno: Errno) {
        self.phase = Phase::Plain;
        self.is_failing = self.is_suspect;
        self.trouble = Some(Trouble(what, errno));
    }

    fn copy(&mut self, from: u32, bans: &Bans, terms: &Terms) {
        let epoch = self.epoch.saturating_add(1);
        let [_, other] = &mut self.slots;
        let mut copied = Ok(());
        let next = from.saturating_add(SLICE);
        for (_, ban) in bans.from(from, next) {
            let Some(jail) = terms.jails().get(usize::from(ban.jail)) else { continue };
            for kind in kinds(&ban).into_iter().flatten() {
                let record = encode(&Record::Ban(kind, *jail.name.padded(), ban), epoch);
                copied = copied.and_then(|()| other.append(&record));
            }
        }
        copied = copied.and_then(|()| other.write());
        match copied {
            Err(errno) => self.abandon("ledger's new slot cannot be written", errno),
            Ok(()) if next >= bans.room() => self.phase = Phase::Settle,
            Ok(()) => self.phase = Phase::Copy(next),
        }
    }

    fn start_sync(&mut self) {
        let [slot, other] = &self.slots;
        let (file, flight) = match self.phase {
            Phase::Settle => (&other.fd, Flight::Settle),
            Phase::Seal => (&other.fd, Flight::Seal(self.written)),
            _ if self.wanted > self.synced && !self.is_suspect => (&slot.fd, Flight::Group(self.written)),
            _ => return,
        };
        self.sync.start(file);
        self.flight = Some(flight);
    }

    fn land(&mut self, flight: Flight, result: Result<(), Errno>) {
        match (flight, result) {
            (Flight::Group(covered), Ok(())) => self.synced = self.synced.max(covered),
            // Its pages are marked clean now: a second sync of this slot would lie.
            (Flight::Group(_), Err(errno)) => self.suspect("ledger cannot be synced", errno),
            // A snapshot that was given up while its sync was under way.
            _ if !matches!(self.phase, Phase::Settle | Phase::Seal) => {}
            (_, Err(errno)) => self.abandon("ledger's new slot cannot be synced", errno),
            (Flight::Settle, Ok(())) => {
                let header = Header { epoch: self.epoch.saturating_add(1), table: self.table };
                match self.slots[1].seal(&header) {
                    Ok(()) => self.phase = Phase::Seal,
                    Err(errno) => self.abandon("ledger's new slot cannot be sealed", errno),
                }
            }
            (Flight::Seal(covered), Ok(())) => {
                self.slots.rotate_left(1);
                self.epoch = self.epoch.saturating_add(1);
                self.phase = Phase::Plain;
                (self.is_suspect, self.is_failing) = (false, false);
                self.synced = self.synced.max(covered);
            }
        }
    }

    /// The slot in use has failed: a snapshot in the other one is made at once.
    pub(super) fn suspect(&mut self, what: &'static str, errno: Errno) {
        if !self.is_suspect {
            self.is_suspect = true;
            self.retry_ns = 0;
        }
        self.trouble = Some(Trouble(what, errno));
    }
}

/// The records that bring a replay to this ban's state.
fn kinds(ban: &Ban) -> [Option<Kind>; 2] {
    match ban.state {
        State::Asked | State::Intent => [Some(Kind::Intent), None],
        State::Kernel | State::Synced => [Some(Kind::Held), None],
        State::Unsure => [Some(Kind::Held), Some(Kind::Intent)],
        State::Lifting => [Some(Kind::Held), Some(Kind::Lift)],
    }
}
