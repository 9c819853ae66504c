//! Bans that the kernel holds and whose ledger record is not synced yet: they are told of once it is.
//!
//! Runs in: the tracker. In: places with the number of their record. Out: places, in that order. Never:
//! grows: when it is full, no attempt is read until a sync has ended (the log file is the queue).
use super::bucket::Place;

/// Bans that can wait for one sync.
pub(crate) const ROOM: usize = 32_768;

/// The queue: a ring of places and the lower halves of record numbers.
#[derive(Debug)]
pub(crate) struct Acks {
    ring: &'static mut [u64],
    first: u64,
    behind: u64,
}

impl Acks {
    /// Empty, in this memory of `ROOM` words.
    pub(crate) fn new(ring: &'static mut [u64]) -> Self {
        Self { ring, first: 0, behind: 0 }
    }

    /// How many more bans can wait.
    pub(crate) fn room(&self) -> usize {
        self.ring.len().saturating_sub(self.behind.saturating_sub(self.first) as usize)
    }

    /// One more waits for this record.
    pub(crate) fn push(&mut self, place: Place, record: u64) {
        let len = self.ring.len() as u64;
        let at = self.behind.checked_rem(len).unwrap_or(0) as usize;
        if let Some(slot) = self.ring.get_mut(at) {
            *slot = u64::from(place.0) << 32 | record & 0xffff_ffff;
            self.behind = self.behind.saturating_add(1);
        }
    }

    /// The first that waits, if `is_settled` says so of its record (the lower half of its number).
    pub(crate) fn pop(&mut self, is_settled: impl Fn(u32) -> bool) -> Option<Place> {
        if self.first >= self.behind {
            return None;
        }
        let at = self.first.checked_rem(self.ring.len() as u64)? as usize;
        let word = *self.ring.get(at)?;
        is_settled(word as u32).then(|| {
            self.first = self.first.saturating_add(1);
            Place((word >> 32) as u32)
        })
    }
}
