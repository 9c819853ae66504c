//! One ban, as the tracker knows it; in ten words in its table.
//!
//! Runs in: the tracker. In: table entries, ledger records, operators' requests. Out: `Ban`.
use super::bucket::owner;
use bailiff::shared::pure::addr::Prefix;
use bailiff::shared::pure::wire::control::{BanRow, Held, Origin};

/// Words of an entry.
pub(crate) const WORDS: usize = 10;

/// How far a ban has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// Its verdict is on the way.
    Asked = 1,
    /// The kernel holds it; its ledger record is not synced yet.
    Kernel = 2,
    /// The kernel holds it and the ledger's record is synced.
    Synced = 3,
    /// From the ledger: the verdict was written, no receipt.
    Intent = 4,
    /// From the ledger: held, and then a verdict to extend it was written, without receipt.
    Unsure = 5,
    /// It is being lifted.
    Lifting = 6,
}

impl State {
    const ALL: [Self; 6] =
        [Self::Asked, Self::Kernel, Self::Synced, Self::Intent, Self::Unsure, Self::Lifting];
}

/// A ban.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ban {
    pub(crate) prefix: Prefix,
    pub(crate) jail: u8,
    pub(crate) origin: Origin,
    pub(crate) state: State,
    /// The source of the decisive line, its rule, how many failures were counted, where the line starts; of an
    /// operator's ban `offset` is his uid.
    pub(crate) source: u8,
    pub(crate) rule: u16,
    pub(crate) failures: u16,
    pub(crate) offset: u64,
    /// Seconds since 1970; an end of 0 is for ever.
    pub(crate) since_s: u32,
    pub(crate) end_s: u32,
}

impl Ban {
    /// A ban that nothing more is known of, for ever.
    pub(crate) fn new(jail: u8, prefix: Prefix, origin: Origin) -> Self {
        let (state, source, rule, failures) = (State::Asked, 0, 0, 0);
        Self { prefix, jail, origin, state, source, rule, failures, offset: 0, since_s: 0, end_s: 0 }
    }

    /// Whether it has not ended.
    pub(crate) fn is_in_force(&self, now_s: u32) -> bool {
        self.end_s == 0 || self.end_s > now_s
    }

    /// Seconds that are left, at least 1 and at most what it was given; 0 is for ever.
    pub(crate) fn left_s(&self, now_s: u32) -> u32 {
        if self.end_s == 0 {
            return 0;
        }
        let whole = self.end_s.saturating_sub(self.since_s).max(1);
        self.end_s.saturating_sub(now_s).min(whole).max(1)
    }

    /// Gives it so many seconds from now; 0 is for ever.
    pub(crate) fn last(mut self, now_s: u32, duration_s: u32) -> Self {
        self.since_s = now_s;
        self.end_s = if duration_s == 0 { 0 } else { now_s.saturating_add(duration_s) };
        self
    }

    /// The row of a reply; `is_synced` says that all that the ledger was told is synced.
    pub(crate) fn row(&self, is_synced: bool) -> BanRow {
        let held = match self.state {
            State::Asked | State::Intent => Held::Asked,
            State::Kernel if is_synced => Held::Synced,
            State::Kernel | State::Unsure | State::Lifting => Held::Kernel,
            State::Synced => Held::Synced,
        };
        BanRow {
            prefix: self.prefix,
            jail: self.jail,
            origin: self.origin,
            held,
            source: self.source,
            rule: self.rule,
            failures: self.failures,
            offset: self.offset,
            since_s: self.since_s.into(),
            end_s: self.end_s.into(),
        }
    }

    /// Puts all but the key into an entry.
    pub(crate) fn put(&self, entry: &mut [u32; WORDS]) {
        let [jail, len, ..] = entry[4].to_le_bytes();
        entry[4] = u32::from_le_bytes([jail, len, self.state as u8 | (self.origin as u8) << 4, self.source]);
        entry[5] = u32::from(self.rule) | u32::from(self.failures) << 16;
        entry[6] = self.offset as u32;
        entry[7] = (self.offset >> 32) as u32;
        entry[8] = self.since_s;
        entry[9] = self.end_s;
    }

    /// The ban in an entry.
    pub(crate) fn get(entry: &[u32; WORDS]) -> Self {
        let (jail, prefix) = owner(entry);
        let [_, _, state, source] = entry[4].to_le_bytes();
        let state_of = State::ALL.into_iter().find(|one| *one as u8 == state & 15);
        Self {
            prefix,
            jail,
            origin: if state >> 4 == 2 { Origin::Operator } else { Origin::Filter },
            state: state_of.unwrap_or(State::Asked),
            source,
            rule: entry[5] as u16,
            failures: (entry[5] >> 16) as u16,
            offset: u64::from(entry[6]) | u64::from(entry[7]) << 32,
            since_s: entry[8],
            end_s: entry[9],
        }
    }
}
