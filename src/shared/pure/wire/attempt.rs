//! `Attempt`: the watcher's word that a line accuses an address. Watcher -> tracker. The watcher reads hostile bytes, so
//! the tracker trusts none of it beyond its shape.
use super::batch::Record;
use super::cursor::{Get, Put};
use crate::shared::pure::addr::Addr;

/// One accusation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// Who.
    pub addr: Addr,
    /// When the line was read: wall clock, milliseconds since 1970.
    pub time_ms: u64,
    /// Where the line starts in its source, in bytes: the evidence, for `explain`.
    pub offset: u64,
    /// Which jail, by its place in the terms.
    pub jail: u8,
    /// Which source.
    pub source: u8,
    /// Which rule of the jail's filter.
    pub rule: u16,
    /// How many failures this line stands for; at least 1.
    pub weight: u16,
}

impl Record for Attempt {
    const KIND: u8 = b'A';
    const SIZE: usize = 40;

    fn put(&self, to: &mut Put<'_>) {
        to.bytes(&self.addr.0).u64(self.time_ms).u64(self.offset);
        to.u8(self.jail).u8(self.source).u16(self.rule).u16(self.weight).u16(0);
    }

    fn get(from: &mut Get<'_>) -> Option<Self> {
        let attempt = Self {
            addr: Addr(from.bytes()?),
            time_ms: from.u64()?,
            offset: from.u64()?,
            jail: from.u8()?,
            source: from.u8()?,
            rule: from.u16()?,
            weight: from.u16()?,
        };
        from.end()?;
        (attempt.weight > 0).then_some(attempt)
    }
}

/// `Tide`: what the watcher has read from one source so far. Watcher -> tracker, at most once a second and source.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tide {
    /// Which source.
    pub source: u8,
    /// Whether a file is open for it now.
    pub open: bool,
    /// Lines read.
    pub lines: u64,
    /// Lines that matched.
    pub matches: u64,
    /// Lines longer than 8 KiB, skipped.
    pub overlong: u64,
    /// Times the file was cut short behind our back (copytruncate): what was lost then cannot be known.
    pub truncations: u64,
    /// Bytes known to be lost: unread bytes that a truncation took away, as far as they could be seen.
    pub lost_bytes: u64,
}

impl Record for Tide {
    const KIND: u8 = b'W';
    const SIZE: usize = 48;

    fn put(&self, to: &mut Put<'_>) {
        to.u8(self.source).u8(self.open.into()).u16(0).u32(0);
        to.u64(self.lines).u64(self.matches).u64(self.overlong).u64(self.truncations).u64(self.lost_bytes);
    }

    fn get(from: &mut Get<'_>) -> Option<Self> {
        let (source, open) = (from.u8()?, from.u8()?);
        let zero = from.u16()? == 0 && from.u32()? == 0;
        let tide = Self {
            source,
            open: open == 1,
            lines: from.u64()?,
            matches: from.u64()?,
            overlong: from.u64()?,
            truncations: from.u64()?,
            lost_bytes: from.u64()?,
        };
        (zero && open < 2).then_some(tide)
    }
}
