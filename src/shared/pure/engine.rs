//! From a line to a match: the code compiled from filters/*.filter.
//!
//! Runs in: the watcher; the client's `test`. In: one log line, any bytes, hostile. Out: who is accused, by
//! which rule, how heavily. Never: allocates, goes back on a choice, looks at a line of a program that is not
//! the filter's.

use super::addr::Addr;
use super::bytes::position;
use super::filter::{FILTERS, Filter, Match};
use super::form::{Form, Seen, before, head, laid_out, seen, timed};
use super::header::{Head, trim};
use super::image::OwnFilter;
use super::index::{Index, Set, set, table};
use super::{field, header, peer, program, scan};
use core::cell::Cell;

/// A line, and what was read of its header: once for all filters that look at it.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    bytes: &'a [u8],
    head: Option<Head<'a>>,
    /// What stands behind its time, once some filter wanted to know.
    timed: Cell<Option<Option<&'a [u8]>>>,
}

impl<'a> Line<'a> {
    /// A line (without newline and carriage return) for filters that know these headers (`form::before`).
    #[inline]
    pub fn new(headers: u8, bytes: &'a [u8]) -> Self {
        Self { bytes, head: head(headers, bytes), timed: Cell::new(None) }
    }

    fn timed(&self) -> Option<&'a [u8]> {
        let timed = self.timed.get().unwrap_or_else(|| timed(self.bytes));
        self.timed.set(Some(timed));
        timed
    }

    /// What this filter's patterns see of the line, behind one of these headers. `None`: not this service's line.
    #[inline]
    pub fn seen(&self, headers: u8, number: u8, filter: &Filter) -> Option<Seen<'a>> {
        let is_own = |name: &[u8]| is_own(number, name);
        seen(headers, filter.form, is_own, self.bytes, self.head, || self.timed())
    }

    /// Looks at the line with one of the operator's own filters.
    pub fn scan_own(&self, filter: &OwnFilter<'a>, modes: u8) -> Option<Match> {
        let is_own = |name: &[u8]| filter.is_own(name);
        let seen = seen(filter.headers, filter.form, is_own, self.bytes, self.head, || self.timed())?;
        filter.judge(modes, seen)
    }

    /// Looks at the line with a filter (its place in `FILTERS`) in the modes given by bits. `None`: not this
    /// service's line, or nobody is accused by it.
    #[inline]
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
        let mut foreign = BY_SYSLOG;
        let (numbers, is_sure) = owners(head.program);
        for (number, filter) in numbers.iter().filter_map(|n| Some((*n, FILTERS.get(usize::from(*n))?))) {
            let is_own = |name: &[u8]| is_sure || is_own(number, name);
            if is_own(head.program) {
                foreign[usize::from(number >> 6)] &= !1u64.wrapping_shl(u32::from(number & 63));
            }
            let headers = filter.headers & !before::RAW;
            asked.ask(number, seen(headers, filter.form, is_own, line, Some(head), || None));
        }
        // Another program's line is not looked at as a service's own.
        for (done, foreign) in asked.done.iter_mut().zip(foreign).filter(|_| head.with_pid) {
            *done |= foreign;
        }
    }
    if let Some(rest) = timed(line) {
        asked.text(trim(rest), &TIMED);
        asked.done.iter_mut().zip(TIMED.known).for_each(|(done, known)| *done |= known);
    }
    asked.text(trim(line), &BARE);
}

/// The filters that were asked about a line.
struct Asked<'m, F> {
    modes: &'m Modes,
    found: F,
    /// Those that have seen the line, as bits.
    done: Set,
    /// Whether the line ends in blanks, which some do not take.
    is_padded: bool,
}

impl<F: FnMut(u8, Match)> Asked<'_, F> {
    /// Asks a filter, if it is in use and was not asked before.
    fn ask(&mut self, number: u8, seen: Option<Seen<'_>>) {
        let bit = 1u64.wrapping_shl(u32::from(number & 63));
        let done = &mut self.done[usize::from(number >> 6)];
        let modes = self.modes[usize::from(number)];
        if self.is_padded
            && FILTERS.get(usize::from(number)).is_none_or(|f| f.headers & before::UNPADDED != 0)
        {
            return;
        }
        let Some(seen) = seen.filter(|_| modes != 0 && *done & bit == 0) else { return };
        *done |= bit;
        if let Some(hit) = judged(number, modes, seen) {
            (self.found)(number, hit);
        }
    }

    /// Asks all that may take this text.
    fn text(&mut self, text: &[u8], texts: &Texts) {
        let plain = Some(Seen { peer: Addr::default(), message: text, times: 1 });
        texts.index.of(text).for_each(|number| self.ask(number, plain));
        for (form, numbers) in
            [(Form::Access, texts.access), (Form::Apache, texts.apache), (Form::Nginx, texts.nginx)]
        {
            let laid_out = || laid_out(form, text).map(|(peer, message)| Seen { peer, message, times: 1 });
            let seen = if numbers.is_empty() { None } else { laid_out() };
            numbers.iter().for_each(|number| self.ask(*number, seen));
        }
        if text.starts_with(b"{") {
            self.fields(texts.objects, object_keys(text), plain);
        }
        if !texts.pairs.is_empty() {
            self.fields(texts.pairs, pair_keys(text), plain);
        }
    }

    /// Asks those of whose patterns one has all the keys that it asks for.
    fn fields(&mut self, filters: &[(u8, u64)], keys: u64, seen: Option<Seen<'_>>) {
        let may_take = |(_, wanted): &&(u8, u64)| keys != 0 && wanted & !keys == 0;
        filters.iter().filter(may_take).for_each(|(number, _)| self.ask(*number, seen));
    }
}

/// The bits of the keys that a JSON object has.
fn object_keys(text: &[u8]) -> u64 {
    let mut keys = 0;
    let whole = field::members(text, |name, _, _| keys |= name.map_or(0, key));
    whole.map_or(0, |()| keys)
}

/// The bits of the keys that stand before a `=`.
fn pair_keys(text: &[u8]) -> u64 {
    let (mut keys, mut rest) = (0, text);
    while let Some((before, behind)) = position(rest, b'=').and_then(|at| rest.split_at_checked(at)) {
        let name = before.rsplit(|b| matches!(b, b' ' | b'\t' | b'"')).next();
        keys |= name.map_or(0, key);
        rest = behind.get(1..).unwrap_or(&[]);
    }
    keys
}

/// Filters that may take a text.
struct Texts {
    /// Those of form text.
    index: Index,
    /// Those of these forms.
    access: &'static [u8],
    apache: &'static [u8],
    nginx: &'static [u8],
    /// For each pattern of fields its filter, and the keys it asks for, as `key`'s bits: of an object, of pairs.
    objects: &'static [(u8, u64)],
    pairs: &'static [(u8, u64)],
    /// All of form text that know this header: one that knows a time looks behind it, or not at all.
    known: Set,
}

/// One rule's answer, if one of its classes counts.
fn take<M>(
    classes: u8,
    _: Addr,
    message: M,
    of: fn(M) -> Option<Addr>,
    rule: u16,
    weight: u16,
) -> Option<Match> {
    if classes == 0 { None } else { Some(Match { addr: of(message)?, rule, weight }) }
}

/// [`take`] for a form that names the peer.
fn named<M>(
    classes: u8,
    addr: Addr,
    message: M,
    of: fn(M) -> Option<()>,
    rule: u16,
    weight: u16,
) -> Option<Match> {
    if classes == 0 { None } else { of(message).map(|()| Match { addr, rule, weight }) }
}

use compiled::{BARE, BY_SYSLOG, TIMED, key, owners};
pub use compiled::{is_own, scan_message};

/// The match code.
#[allow(
    unused_variables,
    reason = "a pattern that only takes has no use for the address, nor a part for its rest"
)]
#[allow(clippy::all, clippy::too_many_lines, reason = "a filter decides its code's length and form")]
mod compiled {
    use super::{Addr, Index, Match, Texts, field, named, peer, program, scan, set, table, take};
    include!(concat!(env!("OUT_DIR"), "/filters.rs"));
}
