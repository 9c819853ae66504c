//! One line under one filter, or under all.
//!
//! Runs in: the client. In: one line of a log, any bytes, hostile. Out: what the daemon's engine makes of it,
//! and if it counts for nobody, why. Never: matches by itself.
use super::choice::Choice;
use super::patterns::{Written, catalogue};
use bailiff::shared::pure::engine::{self, Modes};
use bailiff::shared::pure::filter::{FILTERS, Filter, Match};
use bailiff::shared::pure::form::{self, Seen, before, head, laid_out, timed};
use bailiff::shared::pure::header;

/// What became of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Finding<'a> {
    /// It counts.
    Taken(Match),
    /// The `ignore` in this line of the filter's file took it.
    Ignored(u16),
    /// It is a line of this service, and no pattern takes it.
    Untaken(Seen<'a>),
    /// It is no line of this service.
    Foreign,
}

/// What this filter makes of a line.
pub(crate) fn look<'a>(written: &Written, choice: &Choice, line: &'a [u8]) -> Finding<'a> {
    let Some(seen) = seen(written, choice.journal, line) else { return Finding::Foreign };
    match written.judged(choice.modes, seen) {
        Some(found) => Finding::Taken(found),
        None => written.ignored(&seen).map_or(Finding::Untaken(seen), Finding::Ignored),
    }
}

/// What the filter's patterns see of a line.
pub(crate) fn seen<'a>(written: &Written, journal: bool, line: &'a [u8]) -> Option<Seen<'a>> {
    let Filter { headers, form, .. } = *written.filter;
    let is_own = |name: &[u8]| written.is_own(name);
    let own = || form::seen(headers, form, is_own, line, head(headers, line), || timed(line));
    if !journal {
        return own();
    }
    let entry = before::JOURNAL | headers & before::TIME;
    let bare = || {
        let (peer, message) = laid_out(form, header::trim(line))?;
        (headers & before::SYSLOG != 0).then_some(Seen { peer, message, times: 1 })
    };
    form::seen(entry, form, is_own, line, header::journal(line), || None).or_else(own).or_else(bare)
}

/// The filters that take a line, as bits, and what the first of them by name makes of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Takers {
    bits: [u64; 4],
    pub(crate) first: Option<(u8, Match)>,
}

impl Takers {
    /// All that take this line in these modes.
    pub(crate) fn of(modes: &Modes, line: &[u8]) -> Self {
        let mut takers = Self::default();
        engine::scan_all(modes, line, |number, found| takers.add(number, found));
        takers
    }

    fn add(&mut self, number: u8, found: Match) {
        if let Some(word) = self.bits.get_mut(usize::from(number >> 6)) {
            *word |= 1u64.wrapping_shl(u32::from(number & 63));
        }
        let name = |number: u8| FILTERS.get(usize::from(number)).map(|f| f.name);
        if self.first.is_none_or(|(first, _)| name(number) < name(first)) {
            self.first = Some((number, found));
        }
    }

    /// Their places in the catalogue.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u8> + Clone {
        let bits = self.bits;
        (0..=u8::MAX).filter(move |n| {
            let word = bits.get(usize::from(n >> 6)).copied().unwrap_or(0);
            word.wrapping_shr(u32::from(n & 63)) & 1 == 1
        })
    }
}

/// The default mode of every filter.
pub(crate) fn default_modes() -> Modes {
    let mut modes = [0; 256];
    for (slot, filter) in modes.iter_mut().zip(FILTERS) {
        *slot = filter.default_modes;
    }
    modes
}

/// The first filter of the catalogue that owns the program of a line's syslog header, and what it sees.
pub(crate) fn owner(line: &[u8]) -> Option<(Written, Seen<'_>)> {
    let head = header::syslog(line)?;
    let owns = |written: &Written| {
        written.filter.headers & before::SYSLOG != 0
            && !written.filter.programs.contains(&"*")
            && written.is_own(head.program)
    };
    let mut owners = catalogue().filter(owns);
    owners.find_map(|written| Some((written, seen(&written, false, line)?)))
}
