//! How often each pattern took a line, with one of these lines.
//!
//! Runs in: the client. In: matches, hostile lines. Out: counts, samples. Never: keeps more of a line than is shown.
use super::choice::Choice;
use bailiff::shims::errno::Errno;
use bailiff::shims::slots::slots;

/// Bytes of a line that are kept.
pub(crate) const SAMPLE: usize = 240;

/// The first bytes of a text: how many, then they. One byte more than are shown tells that it was longer.
pub(crate) type Sample = [u8; SAMPLE + 2];

/// Keeps the first bytes of this text.
pub(crate) fn keep(to: &mut Sample, text: &[u8]) {
    let [length, bytes @ ..] = to;
    *length = text.len().min(SAMPLE + 1) as u8;
    for (slot, b) in bytes.iter_mut().zip(text) {
        *slot = *b;
    }
}

/// What was kept, and whether the text went on.
pub(crate) fn kept(sample: &Sample) -> (&[u8], bool) {
    let [length, bytes @ ..] = sample;
    let length = usize::from(*length);
    (bytes.get(..length.min(SAMPLE)).unwrap_or(&[]), length > SAMPLE)
}

/// The counts of all patterns of the filters that are chosen.
pub(crate) struct Hits {
    /// Where the patterns of each filter begin.
    first: [u32; 256],
    counts: &'static mut [u64],
    samples: &'static mut [Sample],
}

impl Hits {
    /// No hit yet.
    pub(crate) fn new(choice: &Choice) -> Result<Self, Errno> {
        let (mut first, mut all) = ([0u32; 256], 0u32);
        for written in choice.filters() {
            if let Some(slot) = first.get_mut(usize::from(written.number)) {
                *slot = all;
            }
            all = all.saturating_add(written.filter.rules.len() as u32);
        }
        Ok(Self { first, counts: slots(all as usize)?, samples: slots(all as usize)? })
    }

    fn place(&self, filter: u8, rule: u16) -> usize {
        let first = self.first.get(usize::from(filter)).copied().unwrap_or(0);
        first.saturating_add(rule.into()) as usize
    }

    /// Counts a line that this pattern took.
    pub(crate) fn note(&mut self, filter: u8, rule: u16, line: &[u8]) {
        let place = self.place(filter, rule);
        let (Some(count), Some(sample)) = (self.counts.get_mut(place), self.samples.get_mut(place)) else {
            return;
        };
        if *count == 0 {
            keep(sample, line);
        }
        *count = count.saturating_add(1);
    }

    /// How often this pattern took a line, and the first of them.
    pub(crate) fn of(&self, filter: u8, rule: u16) -> Option<(u64, &Sample)> {
        let place = self.place(filter, rule);
        Some((*self.counts.get(place)?, self.samples.get(place)?)).filter(|(count, _)| *count > 0)
    }
}
