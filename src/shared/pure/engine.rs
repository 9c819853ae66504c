//! From a line to a match: the code compiled from filters/*.filter.
//!
//! Runs in: the watcher; the client's `test`. In: one log line, any bytes, hostile. Out: who is accused, by
//! which rule, how heavily. Never: allocates, goes back on a choice, looks at a line of a program that is not
//! the filter's.

use super::addr::Addr;
use super::filter::{FILTERS, Filter, Match};
use super::form::{Seen, before, head, seen, timed};
use super::header::Head;
use super::image::OwnFilter;
use super::sieve::{Set, Sieve, members, rows};
use super::{field, peer, program, scan};
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
        self.scan_by(number, modes, |name| is_own(number, name))
    }

    /// [`Line::scan`], where it is known whether its program is the filter's own.
    #[inline]
    fn scan_by(&self, number: u8, modes: u8, is_own: impl Fn(&[u8]) -> bool) -> Option<Match> {
        let filter = FILTERS.get(usize::from(number)).filter(|_| modes != 0)?;
        let seen = seen(filter.headers, filter.form, is_own, self.bytes, self.head, || self.timed())?;
        judged(number, modes, seen)
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
/// them can take the line is known by its program, or by what it holds.
pub fn scan_all(modes: &Modes, bytes: &[u8], mut found: impl FnMut(u8, Match)) {
    let line = Line::new(before::SYSLOG, bytes);
    let mut tell = |number, hit: Option<Match>| hit.into_iter().for_each(|hit| found(number, hit));
    let mut owned = Set::default();
    if let Some(head) = line.head {
        owned = owners(head.program);
        members(owned)
            .for_each(|number| tell(number, line.scan_by(number, modes[usize::from(number)], |_| true)));
        // What has a process id is nobody else's, who might be told by what it holds.
        if head.with_pid {
            return;
        }
    }
    let mut others = SIEVE.of(bytes);
    others.iter_mut().zip(owned).for_each(|(word, owned)| *word &= !owned);
    members(others).for_each(|number| tell(number, line.scan(number, modes[usize::from(number)])));
}

/// What a pattern makes of a message. `None`: it does not take it; `Some(None)`: it does, and nobody is accused.
type Taken = Option<Option<Match>>;

/// One rule's answer, if one of its classes counts.
fn take<M>(classes: u8, _: Addr, message: M, of: fn(M) -> Option<Addr>, rule: u16, weight: u16) -> Taken {
    if classes == 0 { None } else { Some(Some(Match { addr: of(message)?, rule, weight })) }
}

/// [`take`] for a form that names the peer.
fn named<M>(classes: u8, addr: Addr, message: M, of: fn(M) -> Option<()>, rule: u16, weight: u16) -> Taken {
    if classes == 0 { None } else { of(message).map(|()| Some(Match { addr, rule, weight })) }
}

use compiled::{SIEVE, owners};
pub use compiled::{is_own, scan_message};

/// The match code.
#[allow(
    unused_variables,
    reason = "a pattern that only takes has no use for the address, nor a part for its rest"
)]
#[allow(clippy::all, clippy::too_many_lines, reason = "a filter decides its code's length and form")]
mod compiled {
    use super::{Addr, Match, Set, Sieve, Taken, field, named, peer, program, rows, scan, take};
    include!(concat!(env!("OUT_DIR"), "/filters.rs"));
}
