//! Why a configuration is refused, as text that says where and what was expected.
//!
//! Runs in: the warden, with `--check` and before anything is started. In: a `What`. Out: one line.
//! Never: repeats what the file says, only the name that the caller gave it.

use super::text::write_list;
use super::{Filter, KEYS, Key, Section};
use crate::shared::pure::bytes::Text;
use crate::shared::pure::toml::{self, Spot};

/// Why a configuration is not one, and where.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Where.
    pub spot: Spot,
    /// Why.
    pub what: What,
}

/// Why a configuration is not one.
#[derive(Clone, Copy, Debug)]
pub enum What {
    /// It is not of the subset of TOML, which expects this.
    Form(&'static str),
    /// The value is not what this key takes.
    Value(&'static Key),
    /// The section has no such key.
    NoKey(Section),
    /// There is no such section.
    NoSection,
    /// A key stands before the first section.
    Loose,
    /// A key or a table stands there again.
    Again,
    /// That cannot be a jail's name.
    Name,
    /// There is no such filter among these.
    NoFilter(&'static [Filter]),
    /// The filter has no such mode.
    NoMode(&'static Filter),
    /// Neither the jail nor its filter names a log file.
    NoLogs,
    /// There are too many jails.
    Many,
    /// No jail is enabled.
    Idle,
    /// The guard would refuse the jail's bans.
    Guard,
    /// The memory does not suffice for the bans.
    Memory,
}

impl Fault {
    /// Writes `FILE:LINE:COLUMN: ` and what was expected there.
    pub fn write(&self, file: &[u8], w: &mut Text<'_>) {
        w.quoted(file).byte(b':').dec(self.spot.line.into()).byte(b':').dec(self.spot.column.into());
        w.bytes(b": ");
        self.what.write(w);
    }
}

impl What {
    fn write(&self, w: &mut Text<'_>) {
        match self {
            What::Form(expected) => w.bytes(b"expected ").bytes(expected.as_bytes()),
            What::Value(key) => key.expected(w.bytes(key.name.as_bytes()).bytes(b": expected ")),
            What::NoKey(section) => {
                w.bytes(b"expected a key of ").bytes(section.title().as_bytes()).bytes(b": ");
                let names = KEYS.iter().filter(|k| k.section == *section).map(|k| k.name);
                write_list(w, names, |w, name| _ = w.bytes(name.as_bytes()))
            }
            What::NoSection => w.bytes(b"expected [daemon], [guard] or [jail.NAME]"),
            What::Loose => w.bytes(b"expected a section such as [jail.sshd] before the first key"),
            What::Again => w.bytes(b"expected each key and each section once, this one is here again"),
            What::Name => w.bytes(b"expected a jail's name: at most 16 of a-z, 0-9, _ and -, and not manual"),
            What::NoFilter(filters) => {
                w.bytes(b"filter: expected ");
                write_list(w, filters.iter(), |w, filter| _ = w.bytes(filter.name.as_bytes()))
            }
            What::NoMode(filter) => {
                w.bytes(b"mode: expected a mode of ").bytes(filter.name.as_bytes()).bytes(b": ");
                write_list(w, filter.modes.iter(), |w, mode| _ = w.bytes(mode.name.as_bytes()))
            }
            What::NoLogs => w.bytes(b"logs: expected files to follow, as the filter knows of none"),
            What::Many => w.bytes(b"expected at most 31 jails that are enabled, and 128 sections"),
            What::Idle => w.bytes(b"no jail is enabled: expected a section [jail.sshd] with enabled = true"),
            What::Guard => w.bytes(
                b"expected bantime, prefix4 and prefix6 within max_bantime, widest4 and widest6 of [guard]",
            ),
            What::Memory => w.bytes(b"memory: expected more, or max_bans smaller"),
        };
    }
}

impl From<toml::Fault> for Fault {
    fn from(fault: toml::Fault) -> Self {
        Self { spot: fault.spot, what: What::Form(fault.expected) }
    }
}
