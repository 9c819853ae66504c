//! What a step may look for in vain, and what else of its denials the operator is to be told.
//!
//! Runs in: bailiff-cage. In: the denials of a run, what is declared to be absent. Out: those that count, each with the line of
//! the step's table that would allow it. Never: excuses a call, or a try to write outside of the step's own places.
use alloc::vec::Vec;

use super::HOME;
use super::paths::{absolute, is_below, last, parent};
use crate::outcome::{Denial, Outcome, Why};
use crate::policy::Bytes;
use crate::text::{said, shown};
use crate::tools::Closure;

/// Where programs look by habit, whether anything is there or not: accounts, names, languages, times, processors, terminal.
const ABSENT: [&[u8]; 16] = [
    b"/dev/fd",
    b"/dev/tty",
    b"/etc/group",
    b"/etc/host.conf",
    b"/etc/hosts",
    b"/etc/ld.so.preload",
    b"/etc/localtime",
    b"/etc/nsswitch.conf",
    b"/etc/passwd",
    b"/etc/resolv.conf",
    b"/etc/timezone",
    b"/proc",
    b"/sys",
    b"/usr/lib/locale",
    b"/usr/share/locale",
    b"/usr/share/zoneinfo",
];

/// What programs, and these tools, look for by habit.
pub(crate) fn quietly_absent(tools: &Closure) -> Vec<Bytes> {
    ABSENT.iter().map(|path| path.to_vec()).chain(tools.absent.iter().cloned()).collect()
}

/// To look for what is declared to be absent is nothing that was denied; nor to try and write it in the step's own home,
/// which it may write.
pub(crate) fn excuse(outcome: &mut Outcome, absent: &[Bytes]) {
    outcome.denials.retain(|denial| {
        let Some(path) = denial.path.as_ref().and_then(|path| absolute(path).ok()) else { return true };
        let counts = match denial.why {
            Why::Undeclared => false,
            Why::ReadOnly => !is_below(&path, HOME),
            Why::Call => true,
        };
        counts || !absent.iter().any(|top| is_below(&path, top))
    });
}

/// The line of the step's table that would allow it: a plain policy has no inputs, outputs and tools.
pub(super) fn hint(denial: &mut Denial, work: &[u8], env: &[Bytes]) {
    let Some(path) = denial.path.as_deref().filter(|_| denial.why != Why::Call) else { return };
    let rest = path.strip_prefix(work).and_then(|rest| rest.strip_prefix(b"/"));
    let mut places =
        env.iter().filter_map(|e| e.strip_prefix(b"PATH=")).flat_map(|p| p.split(|b| *b == b':'));
    let (key, value) = match (rest, denial.why) {
        (Some(rest), _) if rest.split(|b| *b == b'/').any(|part| part == b"..") => return,
        (Some(rest), Why::ReadOnly) => ("scratch", rest),
        (Some(rest), _) => ("in", rest),
        (None, Why::Undeclared) if places.any(|place| place == parent(path)) => ("tools", last(path)),
        _ => return,
    };
    denial.allow = said(format_args!("{key} = [\"{}\"]", shown(value)));
}
