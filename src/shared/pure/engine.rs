//! From a line to a match: the code compiled from filters/*.filter.
//!
//! Runs in: the watcher; the client's `test`. In: one log line, any bytes, hostile. Out: who is accused, by
//! which rule, how heavily. Never: allocates, goes back on a choice, looks at a line of a program that is not
//! the filter's.

use super::addr::Addr;
use super::filter::{FILTERS, Filter, Match};
use super::form::{Form, Seen, before, heads, laid_out, seen};
use super::header::{Head, trim};
use super::image::OwnFilter;
use super::stamp::stamp;
use super::{field, header, peer, program, scan};

/// A line, and what was read of its header: once for all filters that look at it.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    bytes: &'a [u8],
    head: Option<Head<'a>>,
    timed: Option<&'a [u8]>,
}

impl<'a> Line<'a> {
    /// A line (without newline and carriage return) for filters that know these headers (`form::before`).
    pub fn new(headers: u8, bytes: &'a [u8]) -> Self {
        let (head, timed) = heads(headers, bytes);
        Self { bytes, head, timed }
    }

    /// What this filter's patterns see of the line, behind one of these headers. `None`: not this service's line.
    pub fn seen(&self, headers: u8, number: u8, filter: &Filter) -> Option<Seen<'a>> {
        seen(headers, filter.form, |name| is_own(number, name), self.bytes, (self.head, self.timed))
    }

    /// Looks at the line with one of the operator's own filters.
    pub fn scan_own(&self, filter: &OwnFilter<'a>, modes: u8) -> Option<Match> {
        let is_own = |name: &[u8]| filter.is_own(name);
        let seen = seen(filter.headers, filter.form, is_own, self.bytes, (self.head, self.timed))?;
        filter.judge(modes, seen)
    }

    /// Looks at the line with a filter (its place in `FILTERS`) in the modes given by bits. `None`: not this
    /// service's line, or nobody is accused by it.
    pub fn scan(&self, number: u8, modes: u8) -> Option<Match> {
        let filter = FILTERS.get(usize::from(number))?;
        judged(number, modes, self.seen(filter.headers, number, filter)?)
    }
}

/// What the filter's patterns make of what they see.
pub fn judged(number: u8, modes: u8, Seen { peer, message, times }: Seen<'_>) -> Option<Match> {
    Some(scan_message(number, modes, peer, message)?.times(times))
}

/// Looks at one line with one filter.
pub fn scan(number: u8, modes: u8, line: &[u8]) -> Option<Match> {
    let filter = FILTERS.get(usize::from(number))?;
    Line::new(filter.headers, line).scan(number, modes)
}

/// The modes in which each filter is used, by its place in `FILTERS`; 0: it is not.
pub type Modes = [u8; 256];

/// Looks at one line with all these filters, each as [`scan`] would; `found` is told of every match. Which of
/// them can take the line is known by its program, or by the first byte of its message.
pub fn scan_all(modes: &Modes, line: &[u8], found: impl FnMut(u8, Match)) {
    let mut asked = Asked { modes, found, done: [0; 4], is_padded: line.ends_with(b" ") };
    if let Some(head) = header::syslog(line) {
        let read = Line { bytes: line, head: Some(head), timed: None };
        let mut foreign = BY_SYSLOG;
        for number in owners(head.program) {
            if is_own(*number, head.program) {
                foreign[usize::from(*number >> 6)] &= !1u64.wrapping_shl(u32::from(*number & 63));
            }
            let seen = FILTERS
                .get(usize::from(*number))
                .and_then(|f| read.seen(f.headers & !before::RAW, *number, f));
            asked.ask(*number, seen);
        }
        // Another program's line is not looked at as a service's own.
        for (done, foreign) in asked.done.iter_mut().zip(foreign).filter(|_| head.with_pid) {
            *done |= foreign;
        }
    }
    if let Some((_, rest)) = stamp(line) {
        asked.text(trim(rest), timed_text, &LISTS[0]);
        // A filter that knows a time looks behind it, or not at all.
        for (done, timed) in asked.done.iter_mut().zip(TIMED) {
            *done |= timed;
        }
    }
    asked.text(trim(line), bare_text, &LISTS[1]);
}

/// The forms of `LISTS`.
const FORMS: [Form; 6] = [Form::Access, Form::Apache, Form::Nginx, Form::Json, Form::Logfmt, Form::Fields];

/// The filters that were asked about a line.
struct Asked<'m, F> {
    modes: &'m Modes,
    found: F,
    /// Those that have seen the line, as bits.
    done: [u64; 4],
    /// Whether the line ends in blanks, which some do not take.
    is_padded: bool,
}

impl<F: FnMut(u8, Match)> Asked<'_, F> {
    /// Asks a filter, if it is in use and was not asked before.
    fn ask(&mut self, number: u8, seen: Option<Seen<'_>>) {
        let bit = 1u64.wrapping_shl(u32::from(number & 63));
        let done = &mut self.done[usize::from(number >> 6)];
        let modes = self.modes[usize::from(number)];
        if self.is_padded && FILTERS.get(usize::from(number)).is_none_or(|f| f.headers & before::UNPADDED != 0) {
            return;
        }
        let Some(seen) = seen.filter(|_| modes != 0 && *done & bit == 0) else { return };
        *done |= bit;
        if let Some(hit) = judged(number, modes, seen) {
            (self.found)(number, hit);
        }
    }

    /// Asks all that may take this text.
    fn text(&mut self, text: &[u8], by_opening: fn(u8) -> &'static [u8], lists: &[&[u8]; 6]) {
        let plain = Seen { peer: Addr::default(), message: text, times: 1 };
        for number in text.first().map_or(&[][..], |b| by_opening(*b)) {
            self.ask(*number, Some(plain));
        }
        for (form, numbers) in FORMS.iter().zip(lists).filter(|(_, numbers)| !numbers.is_empty()) {
            let seen = laid_out(*form, text).map(|(peer, message)| Seen { peer, message, times: 1 });
            numbers.iter().for_each(|number| self.ask(*number, seen));
        }
    }
}

/// One rule's answer, if one of its classes counts.
fn take(
    classes: u8,
    _: Addr,
    message: &[u8],
    of: fn(&[u8]) -> Option<Addr>,
    rule: u16,
    weight: u16,
) -> Option<Match> {
    if classes == 0 { None } else { Some(Match { addr: of(message)?, rule, weight }) }
}

/// [`take`] for a form that names the peer.
fn named(
    classes: u8,
    addr: Addr,
    message: &[u8],
    of: fn(&[u8]) -> Option<()>,
    rule: u16,
    weight: u16,
) -> Option<Match> {
    if classes == 0 { None } else { of(message).map(|()| Match { addr, rule, weight }) }
}

pub use compiled::{is_own, scan_message};
use compiled::{BY_SYSLOG, LISTS, TIMED, bare_text, owners, timed_text};

/// The match code.
#[allow(unused_variables, reason = "a pattern that only takes has no use for the address, nor a part for its rest")]
mod compiled {
    use super::{Addr, Match, field, named, peer, program, scan, take};
    include!(concat!(env!("OUT_DIR"), "/filters.rs"));
}
