//! The one hash table scheme of the tracker: two choices of buckets, eight ways each, in fixed memory.
//!
//! Runs in: the tracker. In: networks that strangers choose. Out: the place of an entry, which never moves.
//! Never: looks at more than 16 entries for one key, allocates, chains, scans the whole table.
use bailiff::shared::pure::addr::{Addr, Prefix};
use bailiff::shared::pure::hash::siphash_words;

/// Entries in one bucket.
pub(crate) const WAYS: usize = 8;

/// Slots that hold `entries` entries without one in ten thousand having to make room: two choices of eight
/// ways evict nothing up to a load of 70 % (research: 0.00 % there, 0.025 % at 81 %).
pub(crate) fn slots_for(entries: u32) -> u64 {
    (u64::from(entries) * 10 / 7 / WAYS as u64 + 1) * WAYS as u64
}

/// What an entry is found by: a jail and a network, with their keyed hash.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    words: [u32; 5],
    hash: u64,
}

impl Key {
    /// The key of this network in this jail. `secret` is random and known to nobody else.
    pub(crate) fn new(secret: &[u64; 2], jail: u8, prefix: &Prefix) -> Self {
        let mut words = [0u32; 5];
        for (word, four) in words.iter_mut().zip(prefix.addr.0.as_chunks::<4>().0) {
            *word = u32::from_le_bytes(*four);
        }
        words[4] = u32::from_le_bytes([jail, prefix.len, 0, 0]);
        let [a, b, c, d, end] = words.map(u64::from);
        // 18 bytes: the address, the jail, the length.
        let hash = siphash_words(secret, [a | b << 32, c | d << 32, end | 18 << 56].into_iter());
        Self { words, hash }
    }

    /// Never zero, which marks a free slot.
    fn tag(&self) -> u8 {
        let [low, ..] = self.hash.to_le_bytes();
        low.max(1)
    }

    /// The two buckets, by the upper bits of the two halves of the hash (the tag is from the lowest).
    fn buckets(&self, count: usize) -> [usize; 2] {
        let count = u64::from(count as u32);
        let a = ((self.hash & 0xffff_ffff) * count) >> 32;
        let b = ((self.hash >> 32) * count) >> 32;
        [a as usize, b as usize]
    }

    /// Whether this entry is of this key.
    fn is_of(&self, entry: &[u32]) -> bool {
        let [a, b, c, d, meta] = self.words;
        let [e, f, g, h, m, ..] = entry else { return false };
        a == *e && b == *f && c == *g && d == *h && meta == *m & 0xffff
    }
}

/// The jail and network that an entry is of: its first four words are the address, the lower half of the
/// fifth the jail and the length.
pub(crate) fn owner(entry: &[u32]) -> (u8, Prefix) {
    let mut addr = [0u8; 16];
    for (four, word) in addr.as_chunks_mut::<4>().0.iter_mut().zip(entry) {
        *four = word.to_le_bytes();
    }
    let [jail, len, ..] = entry.get(4).copied().unwrap_or(0).to_le_bytes();
    (jail, Prefix { addr: Addr(addr), len })
}

/// Where an entry stays for its life: bucket times eight plus way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Place(pub(crate) u32);

impl Place {
    fn new(bucket: usize, way: usize) -> Self {
        Self((bucket as u32).wrapping_mul(WAYS as u32) | way as u32)
    }

    fn split(self) -> (usize, usize) {
        ((self.0 / WAYS as u32) as usize, (self.0 % WAYS as u32) as usize)
    }
}

/// The highest bit of each byte that equals the tag.
fn equal(tags: &[u8; WAYS], tag: u8) -> u64 {
    const LOWER: u64 = u64::from_le_bytes([0x7f; WAYS]);
    let differs = u64::from_le_bytes(*tags) ^ u64::from_le_bytes([tag; WAYS]);
    !((differs & LOWER).wrapping_add(LOWER) | differs | LOWER)
}

/// A table of entries of `N` words each.
#[derive(Debug)]
pub(crate) struct Buckets<const N: usize> {
    tags: &'static mut [[u8; WAYS]],
    entries: &'static mut [[[u32; N]; WAYS]],
    held: u32,
}

impl<const N: usize> Buckets<N> {
    /// Bytes of one slot.
    pub(crate) const SLOT_BYTES: u64 = (N * 4 + 1) as u64;

    /// An empty table in this zeroed memory: as many tags as entries.
    pub(crate) fn new(tags: &'static mut [[u8; WAYS]], entries: &'static mut [[[u32; N]; WAYS]]) -> Self {
        Self { tags, entries, held: 0 }
    }

    /// How many entries it holds.
    pub(crate) fn held(&self) -> u32 {
        self.held
    }

    /// How many places it has.
    pub(crate) fn room(&self) -> u32 {
        (self.tags.len() as u32).saturating_mul(WAYS as u32)
    }

    /// The place of this key's entry.
    pub(crate) fn find(&self, key: &Key) -> Option<Place> {
        let buckets = key.buckets(self.tags.len());
        let [a, b] = buckets.map(|bucket| self.tags.get(bucket).map_or(0, |tags| equal(tags, key.tag())));
        // Both at once: which of the two buckets it is in, and where, cannot be foretold.
        let mut left = a | b >> 1;
        while left != 0 {
            let bit = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            let (bucket, way) = (if bit & 1 == 1 { buckets[0] } else { buckets[1] }, bit / WAYS);
            if self.entries.get(bucket)?.get(way).is_some_and(|entry| key.is_of(entry)) {
                return Some(Place::new(bucket, way));
            }
        }
        None
    }

    /// The entry at this place, if one is held there.
    pub(crate) fn at(&self, place: Place) -> Option<&[u32; N]> {
        let (bucket, way) = place.split();
        let taken = *self.tags.get(bucket)?.get(way)? != 0;
        self.entries.get(bucket)?.get(way).filter(|_| taken)
    }

    /// The same, to be changed; its key must stay.
    pub(crate) fn at_mut(&mut self, place: Place) -> Option<&mut [u32; N]> {
        let (bucket, way) = place.split();
        let taken = *self.tags.get(bucket)?.get(way)? != 0;
        self.entries.get_mut(bucket)?.get_mut(way).filter(|_| taken)
    }

    /// Gives a place up; what it held.
    pub(crate) fn remove(&mut self, place: Place) -> Option<[u32; N]> {
        let (bucket, way) = place.split();
        let tag = self.tags.get_mut(bucket)?.get_mut(way)?;
        if core::mem::take(tag) == 0 {
            return None;
        }
        self.held = self.held.saturating_sub(1);
        self.entries.get(bucket)?.get(way).copied()
    }

    /// A new entry for a key that has none: zeros behind its key. In the emptier bucket; where both are full,
    /// in the place of the entry of the lowest rank among the 16, which is returned. Rank `u64::MAX` never
    /// makes room: `None` when all 16 are such.
    pub(crate) fn make(
        &mut self,
        key: &Key,
        rank: impl Fn(Place, &[u32; N]) -> u64,
    ) -> Option<(Place, Option<[u32; N]>)> {
        let (place, victim) = match self.free(key) {
            Some(place) => (place, None),
            None => {
                let place = self.lowest(key, rank)?;
                (place, self.remove(place))
            }
        };
        let (bucket, way) = place.split();
        let entry = self.entries.get_mut(bucket)?.get_mut(way)?;
        *entry = [0; N];
        for (slot, word) in entry.iter_mut().zip(key.words) {
            *slot = word;
        }
        *self.tags.get_mut(bucket)?.get_mut(way)? = key.tag();
        self.held = self.held.saturating_add(1);
        Some((place, victim))
    }

    fn free(&self, key: &Key) -> Option<Place> {
        let used = |bucket: &usize| self.tags.get(*bucket).map(|t| t.iter().filter(|tag| **tag != 0).count());
        let bucket = key.buckets(self.tags.len()).into_iter().min_by_key(|b| used(b).unwrap_or(WAYS))?;
        let way = self.tags.get(bucket)?.iter().position(|tag| *tag == 0)?;
        Some(Place::new(bucket, way))
    }

    fn lowest(&self, key: &Key, rank: impl Fn(Place, &[u32; N]) -> u64) -> Option<Place> {
        let ways = key.buckets(self.tags.len()).into_iter().filter_map(|b| Some((b, self.entries.get(b)?)));
        let all = ways.flat_map(|(b, ways)| (0..WAYS).zip(ways).map(move |(way, e)| (Place::new(b, way), e)));
        let (rank, place) =
            all.map(|(place, entry)| (rank(place, entry), place)).min_by_key(|(rank, _)| *rank)?;
        (rank != u64::MAX).then_some(place)
    }

    /// The entries held in the places from `from` on, before `end`.
    pub(crate) fn from(&self, from: u32, end: u32) -> impl Iterator<Item = (Place, &[u32; N])> {
        (from..end.min(self.room())).filter_map(|at| Some((Place(at), self.at(Place(at))?)))
    }
}
