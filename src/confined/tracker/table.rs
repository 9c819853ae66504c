//! Tallies: who failed how often, when, in which jail. An exact sliding window in fixed memory.
//!
//! Runs in: the tracker. In: attempts on networks that strangers choose. Out: tallies. Never: grows, scans,
//! forgets a tally that could still ban without counting it, unless the ban itself has taken its place.
//!
//! A tally keeps the times of the last `maxretry` failures in a ring: they ban iff the ring is full and its
//! oldest time lies within findtime of the newest. Where 16 tallies contend for a new one's place, the first
//! to go is an expired one, then the one with the fewest failures, then the oldest.
use super::bucket::{Buckets, Key, Place, owner};
use super::clock::ticks;
use super::slab::{self, Slab};
use bailiff::shared::pure::wire::terms::{JAILS, Terms};

/// Times that a tally holds by itself; with more, the same words number rooms of the slab.
const OWN: u32 = 8;
const WORDS: usize = 13;
/// Ranks from here on are of unexpired tallies.
const UNEXPIRED: u64 = 1 << 32;

/// The tallies' buckets.
pub(crate) type Tallies = Buckets<WORDS>;

/// Rooms of the slab that one tally can need under these terms.
pub(crate) fn rooms(terms: &Terms) -> u32 {
    terms.jails().iter().map(|jail| slab::rooms_for(jail.maxretry, OWN)).max().unwrap_or(0)
}

/// Bytes that one tally can need under these terms: 53, and 64 for each 16 of a maxretry above 8.
pub(crate) fn tally_bytes(terms: &Terms) -> u64 {
    u64::from(rooms(terms)).saturating_mul(slab::ROOM_BYTES).saturating_add(Tallies::SLOT_BYTES)
}

/// What a hit has made of a tally.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Tally {
    /// Failures it holds, at most maxretry.
    pub(crate) failures: u16,
    /// Whether they are maxretry within findtime.
    pub(crate) is_due: bool,
}

/// A jail's limits.
#[derive(Clone, Copy, Default, Debug)]
struct Limits {
    maxretry: u32,
    findtime: u32,
}

/// The table.
#[derive(Debug)]
pub(crate) struct Table {
    tallies: Tallies,
    slab: Slab,
    limits: [Limits; JAILS],
    /// The newest attempt's time.
    pub(crate) newest: u32,
    /// Unexpired tallies that had to make room.
    pub(crate) evicted: u64,
    /// Attempts earlier than an earlier one.
    pub(crate) backward: u64,
}

impl Table {
    /// An empty table with these jails' limits.
    pub(crate) fn new(tallies: Tallies, slab: Slab, terms: &Terms) -> Self {
        let mut limits = [Limits::default(); JAILS];
        for (limit, jail) in limits.iter_mut().zip(terms.jails()) {
            *limit = Limits { maxretry: jail.maxretry.into(), findtime: ticks(jail.findtime_s) };
        }
        Self { tallies, slab, limits, newest: 0, evicted: 0, backward: 0 }
    }

    /// Tallies held, and room for them.
    pub(crate) fn filling(&self) -> (u32, u32) {
        (self.tallies.held(), self.tallies.room())
    }

    /// The time to count with: never before that of an earlier attempt.
    pub(crate) fn monotone(&mut self, tick: u32) -> u32 {
        if is_before(tick, self.newest) {
            self.backward = self.backward.saturating_add(1);
        } else {
            self.newest = tick;
        }
        self.newest
    }

    /// The tally of a key.
    pub(crate) fn find(&self, key: &Key) -> Option<Place> {
        self.tallies.find(key)
    }

    /// An empty tally for a key that has none. True where an unexpired one had to make room.
    pub(crate) fn open(&mut self, key: &Key, tick: u32) -> Option<(Place, bool)> {
        let (limits, slab) = (&self.limits, &self.slab);
        let rank = |entry: &[u32; WORDS]| rank_of(entry, limits, slab, tick);
        let (place, victim) = self.tallies.make(key, rank)?;
        let lost = victim.is_some_and(|entry| {
            let lost = rank_of(&entry, &self.limits, &self.slab, tick) >= UNEXPIRED;
            self.vacate(&entry);
            lost
        });
        self.evicted = self.evicted.saturating_add(lost.into());
        Some((place, lost))
    }

    /// Counts `weight` failures at this time (of `monotone`).
    pub(crate) fn hit(&mut self, place: Place, weight: u16, tick: u32) -> Option<Tally> {
        let mut entry = *self.tallies.at(place)?;
        let limits = self.limits_of(&entry)?;
        for _ in 0..u32::from(weight).min(limits.maxretry) {
            self.store(&mut entry, limits.maxretry, tick);
        }
        let ring = Ring::of(&entry, limits.maxretry);
        let oldest = time(&entry, &self.slab, limits.maxretry, ring.head)?;
        let is_due = ring.used == limits.maxretry && tick.wrapping_sub(oldest) <= limits.findtime;
        *self.tallies.at_mut(place)? = entry;
        Some(Tally { failures: ring.used as u16, is_due })
    }

    /// Forgets a tally.
    pub(crate) fn remove(&mut self, place: Place) {
        if let Some(entry) = self.tallies.remove(place) {
            self.vacate(&entry);
        }
    }

    /// How many failures of a tally lie within findtime before `tick`, and the age of the newest in ticks.
    pub(crate) fn within(&self, place: Place, tick: u32) -> Option<(u16, u32)> {
        let entry = self.tallies.at(place)?;
        let limits = self.limits_of(entry)?;
        let ring = Ring::of(entry, limits.maxretry);
        let age = |at| Some(tick.wrapping_sub(time(entry, &self.slab, limits.maxretry, at)?));
        let recent = (0..ring.used).filter_map(age).filter(|age| *age <= limits.findtime);
        let count = recent.fold(0u16, |count, _| count.saturating_add(1));
        Some((count, age(ring.newest(limits.maxretry))?))
    }

    fn limits_of(&self, entry: &[u32; WORDS]) -> Option<Limits> {
        self.limits.get(usize::from(owner(entry).0)).copied().filter(|l| l.maxretry > 0)
    }

    fn store(&mut self, entry: &mut [u32; WORDS], maxretry: u32, tick: u32) {
        let mut ring = Ring::of(entry, maxretry);
        let at = if ring.used < maxretry { ring.used } else { ring.head };
        if maxretry > OWN && ring.used < maxretry && at % slab::TIMES == 0 {
            // There are as many rooms as all tallies can ask for: without one, the failure is not counted.
            let Some(room) = self.slab.take() else { return };
            put_word(entry, at / slab::TIMES, room);
        }
        if ring.used < maxretry {
            ring.used = ring.used.wrapping_add(1);
        } else {
            ring.head = (ring.head + 1) % maxretry.max(1);
        }
        ring.put(entry);
        if maxretry <= OWN {
            put_word(entry, at, tick);
        } else if let Some(room) = word(entry, at / slab::TIMES) {
            self.slab.set(room, at % slab::TIMES, tick);
        }
    }

    /// Gives the rooms of an entry that is no more back.
    fn vacate(&mut self, entry: &[u32; WORDS]) {
        let maxretry = self.limits_of(entry).map_or(0, |l| l.maxretry);
        if maxretry > OWN {
            let used = Ring::of(entry, maxretry).used.div_ceil(slab::TIMES);
            for room in (0..used).filter_map(|n| word(entry, n)) {
                self.slab.give(room);
            }
        }
    }
}

/// The ring of an entry: how many times it holds, and where the oldest is once it is full.
#[derive(Clone, Copy)]
struct Ring {
    used: u32,
    head: u32,
}

impl Ring {
    fn of(entry: &[u32; WORDS], maxretry: u32) -> Self {
        let [_, _, used, head] = entry[4].to_le_bytes();
        Self { used: u32::from(used).min(maxretry), head: u32::from(head) }
    }

    fn put(self, entry: &mut [u32; WORDS]) {
        let [jail, len, ..] = entry[4].to_le_bytes();
        entry[4] = u32::from_le_bytes([jail, len, self.used as u8, self.head as u8]);
    }

    fn newest(self, maxretry: u32) -> u32 {
        let behind = if self.used < maxretry { self.used } else { self.head };
        behind.checked_sub(1).unwrap_or(maxretry.saturating_sub(1))
    }
}

/// Word `n` of the ring: a time, or a room's number.
fn word(entry: &[u32; WORDS], n: u32) -> Option<u32> {
    entry.get((n as usize).saturating_add(5)).copied()
}

fn put_word(entry: &mut [u32; WORDS], n: u32, value: u32) {
    if let Some(slot) = entry.get_mut((n as usize).saturating_add(5)) {
        *slot = value;
    }
}

fn time(entry: &[u32; WORDS], slab: &Slab, maxretry: u32, at: u32) -> Option<u32> {
    if maxretry <= OWN {
        return word(entry, at);
    }
    slab.time(word(entry, at / slab::TIMES)?, at % slab::TIMES)
}

fn is_before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) > u32::MAX / 2
}

/// Lowest first to make room: expired; then fewer failures; then older.
fn rank_of(entry: &[u32; WORDS], limits: &[Limits; JAILS], slab: &Slab, tick: u32) -> u64 {
    let Some(limit) = limits.get(usize::from(owner(entry).0)) else { return 0 };
    let ring = Ring::of(entry, limit.maxretry);
    let newest = time(entry, slab, limit.maxretry, ring.newest(limit.maxretry));
    match newest.map(|time| tick.wrapping_sub(time)) {
        Some(age) if age <= limit.findtime => {
            (UNEXPIRED * u64::from(ring.used.max(1))) | u64::from(u32::MAX - age)
        }
        _ => 0,
    }
}
