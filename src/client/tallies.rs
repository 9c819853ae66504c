//! Who failed how often: a tally for each network that counts as one, and when the daemon would have banned it.
//!
//! Runs in: the client. In: matches on addresses that strangers choose. Out: tallies, sorted. Never: grows: when
//! the table is full, matches of further networks are only counted; follows a time backwards.
use super::moment::Moment;
use bailiff::shared::pure::addr::{Addr, Prefix};
use bailiff::shared::pure::hash::siphash;
use bailiff::shared::pure::wire::terms::{Jail, Name};
use bailiff::shims::clock::random;
use bailiff::shims::errno::Errno;
use bailiff::shims::slots::slots;

/// Places in the table, a power of two.
const PLACES: usize = 1 << 17;
/// Tallies there is room for: an eighth of the places stays free, so that searches stay short.
const MOST: usize = PLACES - PLACES / 8;

/// When a filter bans: its jail's limits, or the configuration's defaults.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Limits {
    /// The jail they are of, and the mode that its filter is in.
    pub(crate) jail: Option<(Name, u8)>,
    pub(crate) maxretry: u8,
    pub(crate) findtime_s: u32,
    pub(crate) bantime_s: u32,
    pub(crate) prefix4: u8,
    pub(crate) prefix6: u8,
}

impl Limits {
    /// The configuration's defaults (a test holds them against `settings`).
    pub(crate) const DEFAULT: Self =
        Self { jail: None, maxretry: 5, findtime_s: 600, bantime_s: 600, prefix4: 32, prefix6: 64 };

    /// This jail's.
    pub(crate) fn of(jail: &Jail) -> Self {
        let Jail { maxretry, findtime_s, bantime_s, prefix4, prefix6, .. } = *jail;
        Self { jail: Some((jail.name, jail.modes)), maxretry, findtime_s, bantime_s, prefix4, prefix6 }
    }

    fn counted(&self, addr: Addr) -> Prefix {
        Prefix::around(addr, if addr.is_v4() { self.prefix4 } else { self.prefix6 })
    }
}

/// The words of a tally: one line of the processor's cache.
const WORDS: usize = 8;

/// What is known of one network under one filter.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) filter: u8,
    /// The network's one address; `several` where more were seen.
    pub(crate) addr: Addr,
    pub(crate) several: bool,
    /// The network's length.
    pub(crate) length: u8,
    /// Attempts, weights included.
    pub(crate) attempts: u64,
    /// Of the first and the last line that has a time, packed; 0: none had.
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// The first ban, in seconds since 1970 by the lines' clock, and how many there would have been.
    pub(crate) banned_s: u64,
    pub(crate) bans: u32,
    /// Times in the ring, where the next goes.
    held: u8,
    next: u8,
    /// Until when a ban would have held it off.
    until_s: u64,
}

fn halves(addr: &Addr) -> [u64; 2] {
    let value = u128::from_be_bytes(addr.0);
    [(value >> 64) as u64, value as u64]
}

fn joined(high: u64, low: u64) -> Addr {
    Addr((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
}

impl Tally {
    fn pack(&self) -> [u64; WORDS] {
        let [a, b] = halves(&self.addr);
        // Filter and length never fill 16 bits; attempts do not reach 2^48.
        let key = u64::from(self.filter) | u64::from(self.length) << 8 | self.attempts << 16;
        let [e, f, g, h] = self.bans.to_le_bytes();
        let counts = u64::from_le_bytes([e, f, g, h, self.held, self.next, self.several.into(), 0]);
        [a, b, key, self.first, self.last, self.banned_s, self.until_s, counts]
    }

    fn unpack(words: &[u64; WORDS]) -> Self {
        let [a, b, key, first, last, banned_s, until_s, counts] = *words;
        let [e, f, g, h, held, next, several, _] = counts.to_le_bytes();
        let (filter, length, attempts) = (key as u8, (key >> 8) as u8, key >> 16);
        let (addr, several, bans) = (joined(a, b), several != 0, u32::from_le_bytes([e, f, g, h]));
        Self { filter, length, addr, several, attempts, first, last, banned_s, bans, held, next, until_s }
    }

    /// The network.
    pub(crate) fn net(&self) -> Prefix {
        Prefix::around(self.addr, self.length)
    }

    /// Notes one match.
    fn note(&mut self, addr: Addr, weight: u16, at: Option<Moment>, limits: &Limits, ring: &mut [u32]) {
        self.several |= self.addr != addr;
        self.attempts = self.attempts.saturating_add(weight.into());
        let Some(at) = at else { return };
        let now_s = at.seconds().max(if self.last == 0 { 0 } else { Moment::unpack(self.last).seconds() });
        if self.first == 0 {
            self.first = at.pack();
        }
        if now_s == at.seconds() {
            self.last = at.pack();
        }
        if now_s >= self.until_s && self.is_due(weight, now_s, limits, ring) {
            self.banned_s = if self.bans == 0 { now_s } else { self.banned_s };
            self.bans = self.bans.saturating_add(1);
            let ban_s = if limits.bantime_s == 0 { u64::MAX } else { limits.bantime_s.into() };
            (self.held, self.next, self.until_s) = (0, 0, now_s.saturating_add(ban_s));
        }
    }

    /// Puts an attempt into the ring: whether it is the one that bans, as in the tracker's table.
    fn is_due(&mut self, weight: u16, now_s: u64, limits: &Limits, ring: &mut [u32]) -> bool {
        let ring = ring.get_mut(..limits.maxretry.into()).unwrap_or(&mut []);
        for _ in 0..weight.min(limits.maxretry.into()) {
            if let Some(slot) = ring.get_mut(usize::from(self.next)) {
                *slot = now_s.min(u32::MAX.into()) as u32;
            }
            let next = self.next.saturating_add(1);
            self.next = if next < limits.maxretry { next } else { 0 };
            self.held = self.held.saturating_add(1).min(limits.maxretry);
        }
        let oldest = ring.get(usize::from(self.next)).map_or(0, |s| u64::from(*s));
        self.held == limits.maxretry && now_s.saturating_sub(oldest) <= limits.findtime_s.into()
    }
}

/// The table.
pub(crate) struct Tallies {
    /// By the hash of a network: the number of its tally, from 1; 0 is free.
    places: &'static mut [u32],
    /// The tallies, in the order in which their networks came.
    tallies: &'static mut [[u64; WORDS]],
    /// The newest times of each, `ring` for each tally.
    times: &'static mut [u32],
    ring: usize,
    key: [u64; 2],
    held: usize,
    /// Matches of networks for which there was no room.
    pub(crate) untold: u64,
}

impl Tallies {
    /// An empty table, for limits of at most this many failures.
    pub(crate) fn new(maxretry: u8) -> Result<Self, Errno> {
        let (mut secret, ring) = ([0; 16], usize::from(maxretry.max(1)));
        random(&mut secret)?;
        let (places, tallies, times) = (slots(PLACES)?, slots(MOST)?, slots(MOST.saturating_mul(ring))?);
        Ok(Self { places, tallies, times, ring, key: halves(&Addr(secret)), held: 0, untold: 0 })
    }

    /// Notes one match of this filter.
    pub(crate) fn note(&mut self, filter: u8, found: (Addr, u16), at: Option<Moment>, limits: &Limits) {
        let (addr, weight) = found;
        let net = limits.counted(addr);
        let Some(number) = self.find(filter, &net) else {
            self.untold = self.untold.saturating_add(1);
            return;
        };
        let Some(words) = self.tallies.get_mut(number) else { return };
        let from = number.saturating_mul(self.ring);
        let ring = self.times.get_mut(from..).and_then(|t| t.get_mut(..self.ring)).unwrap_or(&mut []);
        let mut tally = if number < self.held {
            Tally::unpack(words)
        } else {
            self.held = self.held.saturating_add(1);
            Tally { length: net.len, filter, addr, ..Tally::default() }
        };
        tally.note(addr, weight, at, limits, ring);
        *words = tally.pack();
    }

    /// The number of this network's tally, or of the one that it can have; none where the table is full.
    fn find(&mut self, filter: u8, net: &Prefix) -> Option<usize> {
        let mut bytes = [0; 18];
        for (slot, b) in bytes.iter_mut().zip(net.addr.0.iter().chain(&[filter, net.len])) {
            *slot = *b;
        }
        let mut place = siphash(&self.key, &bytes) as usize & (PLACES - 1);
        loop {
            let slot = self.places.get_mut(place)?;
            let Some(number) = slot.checked_sub(1) else {
                *slot = u32::try_from(self.held).ok().filter(|_| self.held < MOST)?.checked_add(1)?;
                return Some(self.held);
            };
            let [high, low, key, ..] = self.tallies.get(number as usize)?;
            let [owner, length, ..] = key.to_le_bytes();
            if owner == filter && length == net.len && joined(*high, *low).masked(length) == net.addr {
                return Some(number as usize);
            }
            place = place.wrapping_add(1) & (PLACES - 1);
        }
    }

    /// Sorts: by filter, then the most attempts first. No match can be noted afterwards.
    pub(crate) fn sort(&mut self) {
        let held = self.tallies.get_mut(..self.held).unwrap_or(&mut []);
        held.sort_unstable_by_key(|words| {
            let tally = Tally::unpack(words);
            (tally.filter, !tally.attempts, tally.addr)
        });
    }

    /// The tallies of a filter, once they are sorted.
    pub(crate) fn of(&self, filter: u8) -> impl Iterator<Item = Tally> {
        self.tallies.iter().take(self.held).map(Tally::unpack).filter(move |tally| tally.filter == filter)
    }
}
