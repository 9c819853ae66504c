//! The ledger: what must outlive the tracker, in two slots, of which the sealed one with the higher epoch is
//! in use.
//!
//! Runs in: the tracker. In: records, in the order of what happens. Out: writes before anything that depends
//! on them, syncs beside the loop. Never: waits for a disk, ends the tracker because a disk fails: the ban
//! goes on, and a new snapshot is tried in the other slot.
//!
//! Ban: intent written, verdict, kernel, receipt, held written, sync, then told. Unban: lift written and
//! synced, then the verdict, receipt, lifted written, then told. The snapshot (compact.rs) leaves out what is
//! over.
use super::compact::{Flight, Phase};
use super::ledger_record::{Header, Record, encode};
use super::replay::Replay;
use super::slot::Slot;
use super::sync::Sync;
use bailiff::shims::errno::Errno;
use bailiff::shims::files;

/// What went wrong with the ledger, for the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Trouble(pub(crate) &'static str, pub(crate) Errno);

/// The ledger.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// Both slots; the first is in use, the other empty, old, or taking a snapshot.
    pub(crate) slots: [Slot; 2],
    pub(super) epoch: u64,
    /// The kernel's table that is known to hold every held ban; zeros: none.
    pub(crate) table: [u8; 16],
    pub(super) phase: Phase,
    pub(crate) sync: Sync,
    pub(super) flight: Option<Flight>,
    /// Records noted; those up to which a sync is wanted; those up to which one has ended well.
    pub(super) written: u64,
    pub(super) wanted: u64,
    pub(super) synced: u64,
    /// The slot in use has failed: only a snapshot in the other one is to be trusted again.
    pub(super) is_suspect: bool,
    /// The last snapshot failed too.
    pub(super) is_failing: bool,
    pub(super) retry_ns: u64,
    /// Dry run: nothing is written.
    pub(super) is_mute: bool,
    /// Torn records found at start.
    pub(crate) torn: u64,
    /// What went wrong and was not told of yet.
    pub(crate) trouble: Option<Trouble>,
}

impl Ledger {
    /// A ledger in these slots, not read yet.
    pub(crate) fn new(slots: [Slot; 2], sync: Sync, is_mute: bool) -> Self {
        Self {
            slots,
            epoch: 0,
            table: [0; 16],
            phase: Phase::Plain,
            sync,
            flight: None,
            written: 0,
            wanted: 0,
            synced: 0,
            is_suspect: false,
            is_failing: false,
            retry_ns: 0,
            is_mute,
            torn: 0,
            trouble: None,
        }
    }

    /// Reads the slot in use into `replay`, or begins a new ledger where neither slot has a header. The one
    /// place that waits for the disk: nothing else runs yet.
    pub(crate) fn open(&mut self, replay: &mut Replay<'_>, now_s: u32) -> Result<(), Trouble> {
        let [(first, some), (second, more)] = self.slots.each_mut().map(Slot::header);
        if second.map_or(0, |h| h.epoch) > first.map_or(0, |h| h.epoch) {
            self.slots.rotate_left(1);
        }
        let best = [first, second].into_iter().flatten().max_by_key(|h| h.epoch);
        let Some(header) = best else {
            self.torn = u64::from(some).saturating_add(more.into());
            return self.begin();
        };
        self.epoch = header.epoch;
        replay.table = header.table;
        let [slot, _] = &mut self.slots;
        let torn = slot.read(header.epoch, |record| replay.take(record, now_s));
        self.table = replay.table;
        self.torn = torn.map_err(|errno| Trouble("ledger cannot be read", errno))?.into();
        let synced = files::sync(&slot.fd);
        self.now_or_suspect(synced, "ledger cannot be synced")
    }

    /// The first header of a new ledger.
    fn begin(&mut self) -> Result<(), Trouble> {
        self.epoch = 1;
        if self.is_mute {
            return Ok(());
        }
        let [slot, _] = &mut self.slots;
        let header = Header { epoch: 1, table: [0; 16] };
        let begun = slot.empty().and_then(|()| slot.seal(&header)).and_then(|()| files::sync(&slot.fd));
        self.now_or_suspect(begun, "ledger cannot be begun")
    }

    fn now_or_suspect(&mut self, result: Result<(), Errno>, what: &'static str) -> Result<(), Trouble> {
        self.is_suspect = result.is_err();
        result.map_err(|errno| Trouble(what, errno))
    }

    /// Records in the slot in use.
    pub(crate) fn records(&self) -> u64 {
        self.slots[0].records()
    }

    /// Notes a record; its number. It is written by `write`, at the latest at the end of the turn, and synced
    /// only when `is_wanted`.
    pub(crate) fn note(&mut self, record: &Record, is_wanted: bool) -> u64 {
        self.written = self.written.saturating_add(1);
        if is_wanted {
            self.wanted = self.written;
        }
        if let Record::Table(id) = record {
            self.table = *id;
        }
        if self.is_mute {
            return self.written;
        }
        let [slot, other] = &mut self.slots;
        let appended = slot.append(&encode(record, self.epoch));
        let copied = match self.phase {
            Phase::Plain => Ok(()),
            _ => other.append(&encode(record, self.epoch.saturating_add(1))),
        };
        self.wrote(appended, copied);
        self.written
    }

    /// Writes what was noted: before a verdict that depends on it is sent.
    pub(crate) fn write(&mut self) {
        let [slot, other] = &mut self.slots;
        let (wrote, copied) = (slot.write(), if self.phase == Phase::Plain { Ok(()) } else { other.write() });
        self.wrote(wrote, copied);
    }

    pub(super) fn wrote(&mut self, slot: Result<(), Errno>, other: Result<(), Errno>) {
        if let Err(errno) = slot {
            self.suspect("ledger cannot be written", errno);
        }
        if let Err(errno) = other {
            self.abandon("ledger's new slot cannot be written", errno);
        }
    }

    /// Whether what is noted is kept at all.
    pub(crate) fn keeps(&self) -> bool {
        !self.is_mute && !self.is_failing
    }

    /// Whether nobody need wait for the record of this number any more: it is synced, or cannot be.
    pub(crate) fn is_settled(&self, record: u64) -> bool {
        !self.keeps() || record <= self.synced
    }

    /// The same, of a number of which only the lower half is known: it is less than 2^31 behind the newest.
    pub(crate) fn is_settled_low(&self, record: u32) -> bool {
        !self.keeps() || (self.synced as u32).wrapping_sub(record) < 1 << 31
    }

    /// Whether all that wants to be is synced, or cannot be.
    pub(crate) fn is_quiet(&self) -> bool {
        self.is_settled(self.wanted)
    }

    /// Whether there is work for `turn` that no descriptor will announce; when it is to be called at the
    /// latest.
    pub(crate) fn deadline_ns(&self, now_ns: u64) -> Option<u64> {
        match self.phase {
            Phase::Copy(_) => Some(now_ns),
            _ if self.sync.is_ended() => Some(now_ns),
            Phase::Plain if self.is_suspect && self.flight.is_none() => Some(self.retry_ns),
            _ => None,
        }
    }
}
