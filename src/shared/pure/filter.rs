//! What the filters hold, as data: names, modes, logs, ports, rules. The code that matches is in the watcher.
//!
//! Runs in: every program that names a filter or shows a rule. In: nothing; the catalogue is compiled from
//! filters/*.filter by build.rs. Out: `FILTERS`, `Match`. Never: sees a log line.

use super::addr::Addr;
use super::form::Form;

/// A line that counts against somebody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Match {
    /// The peer, as the service wrote it.
    pub addr: Addr,
    /// Which rule of the filter took the line: an index into [`Filter::rules`].
    pub rule: u16,
    /// How many attempts the line is: the rule's weight times the lines it stands for. At least 1.
    pub weight: u16,
}

impl Match {
    /// The same match for a line that stands for `times` equal ones.
    #[must_use]
    pub fn times(self, times: u16) -> Self {
        Self { weight: self.weight.saturating_mul(times), ..self }
    }
}

/// A choice of rules that an operator names, such as `aggressive`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mode {
    /// Its name in the configuration.
    pub name: &'static str,
    /// The classes of rules that count in it: `scan`'s `modes`.
    pub bits: u8,
}

/// One pattern of a filter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    /// The line of the filter file where it stands.
    pub line: u16,
    /// Its classes: it counts in a mode that shares a bit.
    pub modes: u8,
    /// Attempts that one line is worth; 0: a line of this pattern counts for nobody.
    pub weight: u16,
    /// The pattern as written.
    pub text: &'static str,
}

/// One service's filter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Filter {
    /// Its name: the file's, without `.filter`.
    pub name: &'static str,
    /// The modes an operator may name.
    pub modes: &'static [Mode],
    /// The bits of the mode that holds when none is named.
    pub default_modes: u8,
    /// Where the service logs, by distribution: absolute paths.
    pub logs: &'static [&'static str],
    /// The ports it serves.
    pub ports: &'static [u16],
    /// The program names whose lines it accepts; any other program's line is never looked at.
    pub programs: &'static [&'static str],
    /// What may stand before its messages: the bits of `form::before`.
    pub headers: u8,
    /// How its service lays out a message.
    pub form: Form,
    /// Why its lines, or the addresses in them, can be forged by others (UDP, say); empty: they cannot. A jail
    /// on it bans only when the operator insists.
    pub forged: &'static str,
    /// Where the journal has the service's messages, as `FIELD=VALUE`.
    pub journal: &'static [&'static str],
    /// Its patterns, in the order in which they are tried.
    pub rules: &'static [Rule],
}

impl Filter {
    /// The bits of the mode of this name.
    pub fn mode(&self, name: &[u8]) -> Option<u8> {
        self.modes.iter().find(|m| m.name.as_bytes() == name).map(|m| m.bits)
    }
}

include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));

/// The filter of this name, as its index in [`FILTERS`].
pub fn named(name: &[u8]) -> Option<u8> {
    FILTERS.iter().position(|f| f.name.as_bytes() == name)?.try_into().ok()
}
