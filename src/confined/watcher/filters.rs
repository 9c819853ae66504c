//! From a line to a match: the code compiled from filters/*.filter.
//!
//! Runs in: the watcher; the client's `test`. In: one log line, any bytes, hostile. Out: who is accused, by
//! which rule, how heavily. Never: allocates, goes back on a choice, looks at a line of a program that is not
//! the filter's.

use bailiff::shared::pure::addr::Addr;
use bailiff::shared::pure::filter::Match;
use bailiff::shared::pure::header::{self, Head};
use bailiff::shared::pure::scan;

/// Looks at one line (without newline and carriage return) with a filter (index in `FILTERS`) in the modes
/// given by bits. `None`: not this service's line, or nobody is accused by it.
pub(crate) fn scan(filter: u8, modes: u8, line: &[u8]) -> Option<Match> {
    let head = header(filter, line)?;
    Some(scan_message(filter, modes, head.message)?.times(head.times))
}

/// One rule's answer, if one of its classes counts.
fn take(classes: u8, message: &[u8], of: fn(&[u8]) -> Option<Addr>, rule: u16, weight: u16) -> Option<Match> {
    if classes == 0 { None } else { Some(Match { addr: of(message)?, rule, weight }) }
}

include!(concat!(env!("OUT_DIR"), "/filters.rs"));
