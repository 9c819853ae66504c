//! Why a configuration is refused, as text that says where and what was expected.
//!
//! Runs in: the warden, with `--check` and before anything is started. In: a `What`. Out: one line.
//! Never: repeats what the file says, only the name that the caller gave it.

use super::text::write_list;
use super::{KEYS, Key};
use crate::shared::pure::bytes::Text;
use crate::shared::pure::filter::Filter;
use crate::shared::pure::toml::{self, Spot};

/// Why a configuration is not one, and where.
#[derive(Clone, Copy)]
pub struct Fault {
    /// Where.
    pub spot: Spot,
    /// Why.
    pub what: What,
}

/// Why a configuration is not one.
#[derive(Clone, Copy)]
pub enum What {
    /// This was expected.
    Expected(&'static str),
    /// The value is not what this key takes.
    Value(&'static Key),
    /// This section has no such key.
    NoKey(&'static str),
    /// There is no such filter.
    NoFilter,
    /// This filter has no such mode; `None`: one of the operator's own.
    NoMode(Option<&'static Filter>),
}

impl Fault {
    /// Writes `FILE:LINE:COLUMN: ` and what was expected there.
    pub fn write(&self, file: &[u8], w: &mut Text<'_>) {
        w.quoted(file).byte(b':').dec(self.spot.line.into()).byte(b':').dec(self.spot.column.into());
        w.bytes(b": ");
        match self.what {
            What::Expected(expected) => w.bytes(b"expected ").bytes(expected.as_bytes()),
            What::Value(key) => key.expected(w.bytes(key.name.as_bytes()).bytes(b": expected ")),
            What::NoKey(section) => {
                let names = KEYS.iter().filter(|k| k.section == section).map(|k| k.name);
                let w = w.bytes(b"expected a key of ").bytes(section.as_bytes()).bytes(b": ");
                write_list(w, names, |w, name| _ = w.bytes(name.as_bytes()))
            }
            What::NoFilter => w.bytes(b"filter: expected the name of a filter; `bailiff filters` lists them"),
            What::NoMode(None) => w.bytes(b"mode: expected one that the filter's file names"),
            What::NoMode(Some(filter)) => {
                let w = w.bytes(b"mode: expected one of ").bytes(filter.name.as_bytes()).bytes(b": ");
                write_list(w, filter.modes.iter(), |w, mode| _ = w.bytes(mode.name.as_bytes()))
            }
        };
    }
}

impl From<toml::Fault> for Fault {
    fn from(fault: toml::Fault) -> Self {
        Self { spot: fault.spot, what: What::Expected(fault.expected) }
    }
}
