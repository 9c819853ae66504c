//! What a key's value may be: taken from the text, and told to who wrote something else.
//!
//! Runs in: the warden. In: a value that `toml` read. Out: a field of `Settings`, or where the value is wrong.
//! Never: takes a value out of its bounds.

use super::text::{duration, group, path, size, write_list, write_time};
use super::{Cpu, Draft, Group, LOGS, Name, Path, Settings};
use crate::shared::pure::addr::Prefix;
use crate::shared::pure::bytes::{Text, decimal};
use crate::shared::pure::toml::{Items, Spot, Value};
use crate::shared::pure::wire::terms::{NEVER, PORTS};

pub(super) type Put = fn(&mut Draft<'_>, u64);

/// What a key's value may be. Bounds are smallest and largest.
#[derive(Debug)]
pub(super) enum Kind {
    /// A boolean.
    Switch(Put),
    /// A number within bounds.
    Count((u64, u64), Put),
    /// One of these numbers.
    OneOf(&'static [u64], Put),
    /// A time of at most so many seconds; where it is true also "forever", as 0.
    Duration(u64, bool, Put),
    /// A number of bytes.
    Size((u64, u64), Put),
    /// One of these words, as its place.
    Choice(&'static [&'static str], Put),
    /// Where the roles run.
    Cpu,
    /// A path.
    Path(fn(&mut Settings) -> &mut Path),
    /// A group's name.
    Group(fn(&mut Settings) -> &mut Group),
    /// A jail's log files.
    Logs,
    /// A jail's ports.
    Ports,
    /// The never-ban networks.
    Networks,
    /// A filter of the catalogue.
    Filter,
    /// A mode of the filter.
    Mode,
}

/// The largest number of a CPU.
const LAST_CPU: u64 = 1023;

impl Kind {
    /// Takes this value, or says where it is not what was expected.
    pub(super) fn take(&self, to: &mut Draft<'_>, at: Spot, value: Value<'_>) -> Result<(), Spot> {
        match (self, value) {
            (Kind::Switch(put), Value::Switch(on)) => put(to, on.into()),
            (Kind::Count((min, max), put), Value::Number(n)) if (*min..=*max).contains(&n) => put(to, n),
            (Kind::OneOf(these, put), Value::Number(n)) if these.contains(&n) => put(to, n),
            (Kind::Cpu, Value::Number(n @ 0..=LAST_CPU)) => to.settings.cpu = Cpu::One(n as u16),
            (_, Value::Array(items)) => return self.take_items(to, at, items),
            (_, Value::Text(text)) => {
                let mut buf = [0; 256];
                text.copy(&mut buf).and_then(|text| self.take_text(to, at, text)).ok_or(at)?;
            }
            _ => return Err(at),
        }
        Ok(())
    }

    fn take_text(&self, to: &mut Draft<'_>, at: Spot, text: &[u8]) -> Option<()> {
        match self {
            Kind::Duration(_, true, put) if text == b"forever" => put(to, 0),
            Kind::Duration(max, _, put) => put(to, duration(text).filter(|s| (1..=*max).contains(s))?),
            Kind::Size((min, max), put) => put(to, size(text).filter(|n| (*min..=*max).contains(n))?),
            Kind::Choice(words, put) => put(to, words.iter().position(|w| w.as_bytes() == text)? as u64),
            Kind::Cpu => {
                to.settings.cpu = match text {
                    b"auto" => Cpu::Auto,
                    b"any" => Cpu::Any,
                    _ => Cpu::One(decimal(text).filter(|n| *n <= LAST_CPU)? as u16),
                }
            }
            Kind::Path(place) => *place(to.settings) = path(text)?,
            Kind::Group(place) => *place(to.settings) = group(text)?,
            Kind::Filter => to.filter = (Name::parse(text)?, at),
            Kind::Mode => to.mode = (Name::parse(text)?, at),
            _ => return None,
        }
        Some(())
    }

    fn take_items(&self, to: &mut Draft<'_>, at: Spot, mut items: Items<'_>) -> Result<(), Spot> {
        let mut place = 0usize;
        while let Some((spot, value)) = items.item().map_err(|fault| fault.spot)? {
            self.take_item(to, place, value).ok_or(spot)?;
            place = place.saturating_add(1);
        }
        let full = match self {
            Kind::Logs => place != 0,
            kind => matches!(kind, Kind::Ports | Kind::Networks),
        };
        if full { Ok(()) } else { Err(at) }
    }

    fn take_item(&self, to: &mut Draft<'_>, place: usize, value: Value<'_>) -> Option<()> {
        let terms = &mut to.settings.terms;
        let mut buf = [0; 256];
        match (self, value) {
            (Kind::Ports, Value::Number(port @ 1..=65535)) => {
                put_new(&mut to.jail.ports, place, port as u16)?;
            }
            (Kind::Logs, Value::Text(text)) => put_new(&mut to.logs, place, path(text.copy(&mut buf)?)?)?,
            (Kind::Networks, Value::Text(text)) => {
                *terms.never_ban.get_mut(place)? = Prefix::parse(text.copy(&mut buf)?)?;
                terms.never_count = terms.never_count.checked_add(1)?;
            }
            _ => return None,
        }
        Some(())
    }

    /// Writes what is expected.
    pub(super) fn expected<'w, 'b>(&self, w: &'w mut Text<'b>) -> &'w mut Text<'b> {
        match self {
            Kind::Switch(_) => w.bytes(b"true or false"),
            Kind::Count((min, max), _) => w.bytes(b"a number, ").dec(*min).bytes(b" to ").dec(*max),
            Kind::OneOf(these, _) => write_list(w, these.iter(), |w, n| _ = w.dec(*n)),
            Kind::Duration(max, forever, _) => {
                write_time(w.bytes(b"a duration such as \"10m\", 1 s to "), *max);
                w.bytes(if *forever { b", or \"forever\"" } else { b"" })
            }
            Kind::Size((min, max), _) => w
                .bytes(b"a size such as \"64M\", ")
                .dec(*min >> 20)
                .bytes(b"M to ")
                .dec(*max >> 40)
                .byte(b'T'),
            Kind::Choice(words, _) => {
                let quoted =
                    |w: &mut Text<'_>, word: &&str| _ = w.byte(b'"').bytes(word.as_bytes()).byte(b'"');
                write_list(w, words.iter(), quoted)
            }
            Kind::Cpu => w.bytes(b"\"auto\", \"any\" or the number of a CPU, 0 to ").dec(LAST_CPU),
            Kind::Path(_) => w.bytes(b"an absolute path such as \"/run/bailiff\", at most 255 bytes"),
            Kind::Group(_) => w.bytes(b"a group's name in quotes, at most 32 bytes, or \"\""),
            Kind::Logs => w.bytes(b"an array of 1 to ").dec(LOGS as u64).bytes(b" different absolute paths"),
            Kind::Ports => w.bytes(ARRAY).dec(PORTS as u64).bytes(b" different ports, 1 to 65535"),
            Kind::Networks => w.bytes(ARRAY).dec(NEVER as u64).bytes(b" networks such as \"192.0.2.0/24\""),
            Kind::Filter => w.bytes(b"the name of a filter in quotes"),
            Kind::Mode => w.bytes(b"the name of a mode of the filter in quotes"),
        }
    }
}

const ARRAY: &[u8] = b"an array of at most ";

/// Puts what is not yet in the list into this place.
fn put_new<T: PartialEq>(list: &mut [T], place: usize, value: T) -> Option<()> {
    let known = list.contains(&value);
    *list.get_mut(place).filter(|_| !known)? = value;
    Some(())
}
