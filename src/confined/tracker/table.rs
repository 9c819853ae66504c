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
use bailiff::shared::pure::wire::terms::{JAILS, Terms};

/// An entry: its key; in the upper half of the last word how many times are held, and where the next goes.
const WORDS: usize = 5;
/// Ranks from here on are of unexpired tallies.
const UNEXPIRED: u64 = 1 << 32;

/// The tallies' buckets.
pub(crate) type Tallies = Buckets<WORDS>;

/// Failures that each tally has room for: the largest maxretry of these terms.
pub(crate) fn ring_len(terms: &Terms) -> usize {
    terms.jails().iter().map(|jail| usize::from(jail.maxretry)).max().unwrap_or(0)
}

/// Bytes that one tally takes under these terms: 21, and 4 for each failure that it has room for.
pub(crate) fn tally_bytes(terms: &Terms) -> u64 {
    (ring_len(terms) as u64).saturating_mul(4).saturating_add(Tallies::SLOT_BYTES)
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
    maxretry: u8,
    findtime: u32,
}

/// The times of the tallies' failures, by place.
#[derive(Debug)]
struct Rings {
    times: &'static mut [u32],
    len: usize,
    limits: [Limits; JAILS],
}

/// The table.
#[derive(Debug)]
pub(crate) struct Table {
    tallies: Tallies,
    rings: Rings,
    /// The newest attempt's time.
    pub(crate) newest: u32,
    /// Unexpired tallies that had to make room.
    pub(crate) evicted: u64,
    /// Attempts earlier than an earlier one.
    pub(crate) backward: u64,
}

impl Rings {
    fn limits(&self, entry: &[u32; WORDS]) -> Limits {
        self.limits.get(usize::from(owner(entry).0)).copied().unwrap_or_default()
    }

    /// The words of a tally's ring in a jail of this maxretry.
    fn ring(&mut self, place: Place, maxretry: u8) -> Option<&mut [u32]> {
        let at = (place.0 as usize).saturating_mul(self.len);
        self.times.get_mut(at..)?.get_mut(..maxretry.into())
    }

    /// Of a tally's failures within findtime before `tick`: how many there are, and the age of the newest.
    fn recent(&self, place: Place, entry: &[u32; WORDS], tick: u32) -> Option<(u16, u32)> {
        let [_, _, used, _] = entry[4].to_le_bytes();
        let at = (place.0 as usize).saturating_mul(self.len);
        let times = self.times.get(at..)?.get(..used.into())?;
        let findtime = self.limits(entry).findtime;
        let ages = times.iter().map(|time| tick.wrapping_sub(*time)).filter(|age| *age <= findtime);
        let (count, newest) =
            ages.fold((0u16, u32::MAX), |(n, least), age| (n.saturating_add(1), age.min(least)));
        (count > 0).then_some((count, newest))
    }

    /// Lowest first to make room: expired; then fewer failures; then older.
    fn rank(&self, place: Place, entry: &[u32; WORDS], tick: u32) -> u64 {
        let [_, _, used, _] = entry[4].to_le_bytes();
        match self.recent(place, entry, tick) {
            Some((_, age)) => (UNEXPIRED * u64::from(used)) | u64::from(u32::MAX - age),
            None => 0,
        }
    }
}

impl Table {
    /// An empty table with these jails' limits; `times` has `ring_len` words for each place.
    pub(crate) fn new(tallies: Tallies, times: &'static mut [u32], terms: &Terms) -> Self {
        let mut limits = [Limits::default(); JAILS];
        for (limit, jail) in limits.iter_mut().zip(terms.jails()) {
            *limit = Limits { maxretry: jail.maxretry, findtime: ticks(jail.findtime_s) };
        }
        let rings = Rings { times, len: ring_len(terms), limits };
        Self { tallies, rings, newest: 0, evicted: 0, backward: 0 }
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
        let rings = &self.rings;
        let (place, victim) = self.tallies.make(key, |place, entry| rings.rank(place, entry, tick))?;
        let lost = victim.is_some_and(|entry| rings.rank(place, &entry, tick) >= UNEXPIRED);
        self.evicted = self.evicted.saturating_add(lost.into());
        Some((place, lost))
    }

    /// Counts `weight` failures at this time (of `monotone`).
    pub(crate) fn hit(&mut self, place: Place, weight: u16, tick: u32) -> Option<Tally> {
        let entry = self.tallies.at_mut(place)?;
        let Limits { maxretry, findtime } = self.rings.limits(entry);
        let ring = self.rings.ring(place, maxretry)?;
        let [jail, len, mut used, mut next] = entry[4].to_le_bytes();
        for _ in 0..weight.min(maxretry.into()) {
            *ring.get_mut(usize::from(next))? = tick;
            next = if next.saturating_add(1) < maxretry { next.saturating_add(1) } else { 0 };
            used = used.saturating_add(1).min(maxretry);
        }
        entry[4] = u32::from_le_bytes([jail, len, used, next]);
        // Once the ring is full, the next to go is the oldest.
        let oldest = *ring.get(usize::from(next))?;
        let is_due = used == maxretry && tick.wrapping_sub(oldest) <= findtime;
        Some(Tally { failures: used.into(), is_due })
    }

    /// Forgets a tally.
    pub(crate) fn remove(&mut self, place: Place) {
        self.tallies.remove(place);
    }

    /// Of a tally's failures within findtime before `tick`: how many there are, and the age of the newest in
    /// ticks.
    pub(crate) fn within(&self, place: Place, tick: u32) -> Option<(u16, u32)> {
        self.rings.recent(place, self.tallies.at(place)?, tick)
    }
}

fn is_before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) > u32::MAX / 2
}
