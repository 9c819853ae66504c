//! The bans in force, in fixed memory.
//!
//! Runs in: the tracker. In: bans that were asked for, held or read from the ledger. Out: bans, and a cursor
//! over them that holds while they come and go. Never: grows; forgets an unexpired ban without counting it;
//! scans itself whole, but where the clock was set back.
use super::ban::{Ban, State, WORDS};
use super::bucket::{Buckets, Key, Place};
use bailiff::shared::pure::wire::terms::JAILS;

/// The bans' buckets.
pub(crate) type Slots = Buckets<WORDS>;

/// Seconds that an ended ban is kept, so that the kernel has surely ended it too when it may be asked for
/// again.
const GRACE_S: u32 = 2;
/// Most places that one slice of the sweep looks at.
const SLICE: u32 = 65_536;

/// The table.
#[derive(Debug)]
pub(crate) struct Bans {
    slots: Slots,
    by_jail: [u32; JAILS],
    swept: u32,
    /// Unexpired bans forgotten for room.
    pub(crate) evicted: u64,
}

impl Bans {
    /// An empty table.
    pub(crate) fn new(slots: Slots) -> Self {
        Self { slots, by_jail: [0; JAILS], swept: 0, evicted: 0 }
    }

    /// How many it holds.
    pub(crate) fn count(&self) -> u32 {
        self.slots.held()
    }

    /// How many of them are this jail's.
    pub(crate) fn of_jail(&self, jail: u8) -> u32 {
        self.by_jail.get(usize::from(jail)).copied().unwrap_or(0)
    }

    /// How many places it has.
    pub(crate) fn room(&self) -> u32 {
        self.slots.room()
    }

    /// The place of a ban.
    pub(crate) fn find(&self, key: &Key) -> Option<Place> {
        self.slots.find(key)
    }

    /// The ban at a place.
    pub(crate) fn at(&self, place: Place) -> Option<Ban> {
        self.slots.at(place).map(Ban::get)
    }

    /// The ban of this key.
    pub(crate) fn get(&self, key: &Key) -> Option<(Place, Ban)> {
        let place = self.find(key)?;
        Some((place, self.at(place)?))
    }

    /// Puts a ban where its key is or, when it has no place, where there is room: where there is none, the
    /// one of the 16 candidates that ends soonest and is settled makes room. `None` when none of them is.
    pub(crate) fn put(&mut self, key: &Key, ban: &Ban, now_s: u32) -> Option<Place> {
        if let Some(place) = self.find(key) {
            ban.put(self.slots.at_mut(place)?);
            return Some(place);
        }
        let (place, victim) = self.slots.make(key, |_, entry| rank(entry))?;
        ban.put(self.slots.at_mut(place)?);
        self.counted(ban.jail, 1);
        if let Some(victim) = victim.map(|entry| Ban::get(&entry)) {
            self.counted(victim.jail, -1);
            self.evicted = self.evicted.saturating_add(victim.is_in_force(now_s).into());
        }
        Some(place)
    }

    /// Sets how far a ban has come.
    pub(crate) fn set_state(&mut self, place: Place, state: State) {
        if let Some(entry) = self.slots.at_mut(place) {
            let ban = Ban { state, ..Ban::get(entry) };
            ban.put(entry);
        }
    }

    /// Forgets a ban.
    pub(crate) fn remove(&mut self, place: Place) {
        if let Some(entry) = self.slots.remove(place) {
            self.counted(Ban::get(&entry).jail, -1);
        }
    }

    fn counted(&mut self, jail: u8, by: i32) {
        if let Some(count) = self.by_jail.get_mut(usize::from(jail)) {
            *count = count.saturating_add_signed(by);
        }
    }

    /// The bans in the places from `from` on, before `end`: a cursor goes on behind the last place it saw or, at
    /// the end, at `end`. Done at `room`.
    pub(crate) fn from(&self, from: u32, end: u32) -> impl Iterator<Item = (Place, Ban)> {
        self.slots.from(from, end).map(|(place, entry)| (place, Ban::get(entry)))
    }

    /// Looks at the next eighth of the table, or 65,536 places, for bans that have ended; at most 128 are
    /// forgotten at once and given to `told`. False when there may be more in this slice.
    pub(crate) fn sweep(&mut self, now_s: u32, mut told: impl FnMut(&Ban)) -> bool {
        let end = self.swept.saturating_add((self.room() / 8).clamp(1, SLICE));
        for _ in 0..128 {
            let Some((place, ban)) = self.from(self.swept, end).find(|(_, ban)| is_over(ban, now_s)) else {
                self.swept = if end >= self.room() { 0 } else { end };
                return true;
            };
            self.swept = place.0;
            told(&ban);
            self.remove(place);
        }
        false
    }

    /// The clock was set back by so many seconds: every ban moves with it, so that none lasts longer than it
    /// was given. The one walk over the whole table; no stranger can cause it.
    pub(crate) fn set_back(&mut self, by_s: u32) {
        for at in 0..self.room() {
            let Some(entry) = self.slots.at_mut(Place(at)) else { continue };
            let mut ban = Ban::get(entry);
            ban.since_s = ban.since_s.saturating_sub(by_s);
            // 0 would be for ever.
            ban.end_s = if ban.end_s == 0 { 0 } else { ban.end_s.saturating_sub(by_s).max(1) };
            ban.put(entry);
        }
    }
}

/// Whether a ban has ended for long enough to be forgotten: those on their way are left alone.
fn is_over(ban: &Ban, now_s: u32) -> bool {
    let on_its_way = matches!(ban.state, State::Asked | State::Lifting);
    !on_its_way && !ban.is_in_force(now_s.saturating_sub(GRACE_S))
}

/// Soonest to end first, those whose record is not synced after all others; one that is on its way never.
fn rank(entry: &[u32; WORDS]) -> u64 {
    const UNSYNCED: u64 = 1 << 33;
    let ban = Ban::get(entry);
    let end = u64::from(if ban.end_s == 0 { u32::MAX } else { ban.end_s });
    match ban.state {
        State::Synced | State::Unsure | State::Intent => end,
        State::Kernel => UNSYNCED | end,
        State::Asked | State::Lifting => u64::MAX,
    }
}
