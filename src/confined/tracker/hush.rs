//! Lines that strangers can cause are not written as often as strangers like.
//!
//! Runs in: the tracker. In: occasions. Out: whether to write a line now, and how many were passed over.
const MINUTE_NS: u64 = 60_000_000_000;

/// What is told of at most once a minute, with how often it happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Matter {
    /// An unexpired tally had to make room.
    Tallies,
    /// An unexpired ban had to make room.
    Bans,
    /// The guard's bound of bans a second.
    Rate,
    /// The kernel refused.
    Kernel,
    /// The ledger failed.
    Ledger,
    /// A client sent what is no request.
    Request,
}

/// What was said when.
#[derive(Debug)]
pub(crate) struct Hush {
    matters: [(u64, u64); 6],
    refusals: [(u64, u64); 256],
}

impl Hush {
    /// Nothing was said.
    pub(crate) fn new() -> Self {
        Self { matters: [(0, 0); 6], refusals: [(0, 0); 256] }
    }

    /// This has happened so many times: how many times since it was told of, if it is to be told of now.
    pub(crate) fn tell(&mut self, matter: Matter, times: u64, now_ns: u64) -> Option<u64> {
        let (next_ns, missed) = self.matters.get_mut(matter as usize)?;
        *missed = missed.saturating_add(times);
        if *missed == 0 || now_ns < *next_ns {
            return None;
        }
        *next_ns = now_ns.saturating_add(MINUTE_NS);
        Some(core::mem::take(missed))
    }

    /// Whether the refusal of the network with this keyed hash is to be told of: once in ten minutes, as far
    /// as 256 of them can be told apart.
    pub(crate) fn is_new(&mut self, hash: u64, now_ns: u64) -> bool {
        let Some(slot) = self.refusals.get_mut((hash >> 56) as usize) else { return true };
        let is_known = slot.0 == hash && now_ns < slot.1;
        if !is_known {
            *slot = (hash, now_ns.saturating_add(10 * MINUTE_NS));
        }
        !is_known
    }
}
