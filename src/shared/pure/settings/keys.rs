//! The one table of keys: what each is called, what it is when it is not given, what it may be, where it
//! goes.
//!
//! Runs in: the warden. In: values that `toml` read. Out: fields of `Settings`, or where a value is wrong.
//! Never: takes a value out of its bounds. A test holds the manual page and the example against the table.

use super::draft::{Draft, put, put_new};
use super::text::{duration, group, path, size, write_list, write_time};
use super::{Cpu, FilterName, Missing, Name};
use crate::shared::pure::addr::Prefix;
use crate::shared::pure::bytes::{Text, decimal};
use crate::shared::pure::toml::{Spot, Str, Value};
use crate::shared::pure::wire::terms::{
    LINGER_S, LONGEST_S, MAX_BANS, MAXRETRY, MEMORY, PREFIX4, PREFIX6, RATE, WIDEST4, WIDEST6,
};

type Put = fn(&mut Draft<'_>, u64);

/// What a value may be, and how it gets to its place. Bounds are smallest and largest.
pub(super) enum Kind {
    Switch(Put),
    Count((u64, u64), Put),
    OneOf(&'static [u64], Put),
    /// Seconds; 0 is "forever".
    Time((u64, u64), Put),
    Bytes((u64, u64), Put),
    /// Text that the function takes, and what it takes.
    Word(fn(&mut Draft<'_>, &[u8]) -> Option<()>, &'static str),
    /// Items that the function takes with their place, and what it takes.
    List(fn(&mut Draft<'_>, usize, Value<'_>) -> Option<()>, &'static str),
}

/// A key.
pub struct Key {
    /// Its section: `DAEMON`, `GUARD` or `JAIL`.
    pub section: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it is when it is not given, as it would be written; empty where that depends.
    pub default: &'static str,
    kind: Kind,
}

/// The section of the processes.
pub const DAEMON: &str = "[daemon]";
/// The section of what no ban may exceed.
pub const GUARD: &str = "[guard]";
/// The section of one jail.
pub const JAIL: &str = "[jail.NAME]";

use Kind::{Bytes, Count, List, OneOf, Switch, Time, Word};

const fn key(section: &'static str, name: &'static str, default: &'static str, kind: Kind) -> Key {
    Key { section, name, default, kind }
}

/// Every key there is.
#[rustfmt::skip]
pub static KEYS: [Key; 28] = [
    // Ceiling of the resident memory of all processes together.
    key(DAEMON, "memory", r#""64M""#, Bytes(MEMORY, |d, n| d.settings.terms.memory = n)),
    // Directory of the ledger of bans.
    key(DAEMON, "state", r#""/var/lib/bailiff""#, Word(|d, t| put(&mut d.settings.state, path(t)), PATH)),
    // Directory of the sockets.
    key(DAEMON, "run", r#""/run/bailiff""#, Word(|d, t| put(&mut d.settings.run, path(t)), PATH)),
    // Whether to start on a kernel that lacks a feature which confines a process.
    key(DAEMON, "missing", r#""warn""#, Word(|d, t| put(&mut d.settings.missing, missing(t)), MISSING)),
    // The CPU that watcher, tracker and enforcer share; sharing one is what makes a ban fast.
    key(DAEMON, "cpu", r#""auto""#, Word(|d, t| put(&mut d.settings.cpu, cpu(t)), CPU)),
    // Bans held at once.
    key(DAEMON, "max_bans", "131072", Count(MAX_BANS, |d, n| d.settings.terms.max_bans = n as u32)),
    // Whether the firewall table belongs to bailiff alone, where the kernel can do that.
    key(DAEMON, "lock_table", "true", Switch(|d, n| d.settings.terms.lock_table = n != 0)),
    // Whether each line that matches, attempt, verdict and receipt is logged.
    key(DAEMON, "steps", "false", Switch(|d, n| d.settings.terms.steps = n != 0)),
    // First of the user ids of the processes; without it accounts are looked up by name.
    key(DAEMON, "uid_base", "", Count(UIDS, |d, n| d.settings.uid_base = Some(n as u32))),
    // Group that may ask what is banned; without it root alone.
    key(DAEMON, "readers", r#""""#, Word(|d, t| put(&mut d.settings.readers, group(t)), GROUP)),
    // Group that may ban and unban; without it root alone.
    key(DAEMON, "operators", r#""""#, Word(|d, t| put(&mut d.settings.operators, group(t)), GROUP)),
    // How long a rotated file is still read.
    key(DAEMON, "linger", r#""60s""#, Time(LINGER_S, |d, n| d.settings.terms.linger_s = n as u32)),
    // Networks that are never banned; loopback, own addresses and gateways never are.
    key(GUARD, "never_ban", "[]", List(never_ban, "at most 128 networks such as \"192.0.2.0/24\"")),
    // The longest ban there may be.
    key(GUARD, "max_bantime", r#""365d""#, Time(BAN_S, |d, n| d.settings.terms.max_bantime_s = n as u32)),
    // Length of the widest IPv4 prefix that may be banned.
    key(GUARD, "widest4", "24", Count(WIDEST4, |d, n| d.settings.terms.widest4 = n as u8)),
    // Length of the widest IPv6 prefix that may be banned.
    key(GUARD, "widest6", "48", Count(WIDEST6, |d, n| d.settings.terms.widest6 = n as u8)),
    // Bans per second that are let through.
    key(GUARD, "rate", "10000", Count(RATE, |d, n| d.settings.terms.rate = n as u32)),
    // Whether the jail is in use; at most 31 are.
    key(JAIL, "enabled", "false", Switch(|d, n| d.enabled = n != 0)),
    // What finds failures in its logs; without it the filter of the jail's own name.
    key(JAIL, "filter", "", Word(|d, t| put(&mut d.filter, filter(t).zip(Some(d.at))), FILTER)),
    // How much of the filter is in use; without it the filter's own choice.
    key(JAIL, "mode", "", Word(|d, t| put(&mut d.mode, Name::parse(t).zip(Some(d.at))), MODE)),
    // Whether a filter whose lines others can forge may ban all the same.
    key(JAIL, "insist", "false", Switch(|d, n| d.insist = n != 0)),
    // Files to follow; without any those that the filter knows of.
    key(JAIL, "logs", "[]", List(log, "at most 8 different absolute paths")),
    // Failures that ban.
    key(JAIL, "maxretry", "5", Count(MAXRETRY, |d, n| d.jail.maxretry = n as u8)),
    // Time within which that many failures ban.
    key(JAIL, "findtime", r#""10m""#, Time(FIND_S, |d, n| d.jail.findtime_s = n as u32)),
    // How long a ban lasts.
    key(JAIL, "bantime", r#""10m""#, Time(BAN_S, |d, n| d.jail.bantime_s = n as u32)),
    // Length of the IPv4 prefix that is counted and banned as one.
    key(JAIL, "prefix4", "32", OneOf(&PREFIX4, |d, n| d.jail.prefix4 = n as u8)),
    // Length of the IPv6 prefix that is counted and banned as one.
    key(JAIL, "prefix6", "64", OneOf(&PREFIX6, |d, n| d.jail.prefix6 = n as u8)),
    // Ports that a ban closes; without any every port.
    key(JAIL, "ports", "[]", List(port, "at most 8 different ports, 1 to 65535")),
];

const FIND_S: (u64, u64) = (1, LONGEST_S as u64);
const BAN_S: (u64, u64) = (0, LONGEST_S as u64);
/// 4294967295 is no id; others of the largest are left to the processes beside the first.
const UIDS: (u64, u64) = (1, 4_294_967_290);
const LAST_CPU: u64 = 1023;
const PATH: &str = "an absolute path such as \"/run/bailiff\", at most 255 bytes";
const MISSING: &str = "\"refuse\" or \"warn\"";
const CPU: &str = "\"auto\", \"any\" or a CPU's number in quotes, \"0\" to \"1023\"";
const GROUP: &str = "a group's name in quotes, at most 32 bytes, or \"\"";
const FILTER: &str = "a filter's name in quotes";
const MODE: &str = "the name of a mode of the filter in quotes";

fn missing(text: &[u8]) -> Option<Missing> {
    match text {
        b"refuse" => Some(Missing::Refuse),
        b"warn" => Some(Missing::Warn),
        _ => None,
    }
}

fn cpu(text: &[u8]) -> Option<Cpu> {
    match text {
        b"auto" => Some(Cpu::Auto),
        b"any" => Some(Cpu::Any),
        _ => Some(Cpu::One(decimal(text).filter(|n| *n <= LAST_CPU)? as u16)),
    }
}

fn never_ban(to: &mut Draft<'_>, place: usize, value: Value<'_>) -> Option<()> {
    let terms = &mut to.settings.terms;
    let net = with_text(value, Prefix::parse)?;
    terms.never_count = terms.never_count.checked_add(1)?;
    put(terms.never_ban.get_mut(place)?, Some(net))
}

fn log(to: &mut Draft<'_>, place: usize, value: Value<'_>) -> Option<()> {
    put_new(&mut to.logs, place, with_text(value, path)?)
}

fn port(to: &mut Draft<'_>, place: usize, value: Value<'_>) -> Option<()> {
    let Value::Number(port @ 1..=65535) = value else { return None };
    put_new(&mut to.jail.ports, place, port as u16)
}

/// What this function makes of a value that is text of at most 255 bytes.
fn with_text<T>(value: Value<'_>, make: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
    let Value::Text(text) = value else { return None };
    make(Str::copy(text, &mut [0; 255])?)
}

/// A filter's name, if the text can be one.
fn filter(text: &[u8]) -> Option<FilterName> {
    let plain = |b: &u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    (!text.is_empty() && text.iter().all(plain)).then(|| FilterName::new(text))?
}

impl Key {
    /// Takes this value, or says where it is not what was expected.
    pub(super) fn take(&self, to: &mut Draft<'_>, at: Spot, value: Value<'_>) -> Result<(), Spot> {
        to.at = at;
        let (number, put) = match (&self.kind, value) {
            (Switch(put), Value::Switch(on)) => (Some(on.into()), put),
            (Count((min, max), put), Value::Number(n)) => {
                (Some(n).filter(|n| (*min..=*max).contains(n)), put)
            }
            (OneOf(these, put), Value::Number(n)) => (Some(n).filter(|n| these.contains(n)), put),
            (Time((min, max), put), text) => {
                (with_text(text, duration).filter(|s| (*min..=*max).contains(s)), put)
            }
            (Bytes((min, max), put), text) => {
                (with_text(text, size).filter(|n| (*min..=*max).contains(n)), put)
            }
            (Word(put, _), text) => return with_text(text, |text| put(to, text)).ok_or(at),
            (List(put, _), Value::Array(mut items)) => {
                let mut place = 0usize;
                while let Some((spot, item)) = items.item().map_err(|fault| fault.spot)? {
                    put(to, place, item).ok_or(spot)?;
                    place = place.saturating_add(1);
                }
                return Ok(());
            }
            _ => return Err(at),
        };
        put(to, number.ok_or(at)?);
        Ok(())
    }

    /// Writes what its value may be.
    pub fn expected<'w, 'b>(&self, w: &'w mut Text<'b>) -> &'w mut Text<'b> {
        match &self.kind {
            Switch(_) => w.bytes(b"true or false"),
            Count((min, max), _) => w.bytes(b"a number, ").dec(*min).bytes(b" to ").dec(*max),
            OneOf(these, _) => write_list(w, these.iter(), |w, n| _ = w.dec(*n)),
            Time((min, max), _) => {
                let w = write_time(w.bytes(b"a duration such as \"10m\", 1 s to "), *max);
                w.bytes(if *min == 0 { b", or \"forever\"" } else { b"" })
            }
            Bytes((min, max), _) => {
                let w = w.bytes(b"a size such as \"64M\", ").dec(*min >> 20);
                w.bytes(b"M to ").dec(*max >> 40).byte(b'T')
            }
            Word(_, expected) => w.bytes(expected.as_bytes()),
            List(_, expected) => w.bytes(b"an array of ").bytes(expected.as_bytes()),
        }
    }
}
