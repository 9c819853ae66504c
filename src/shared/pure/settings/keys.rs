//! The one table of keys: what each is called, what it may be, what it is when it is not given, where it goes.
//!
//! Runs in: the warden, which reads the configuration and tells its faults by it. In, out: nothing, it is a table.
//! Never: says what the manual page and the example do not say; a test holds both against it.

use super::Missing;
use super::kind::Kind::{self, Choice, Count, Duration, OneOf, Size, Switch};
use crate::shared::pure::bytes::Text;
use crate::shared::pure::wire::terms::{
    LINGER_S, LONGEST_S, MAX_BANS, MAXRETRY, MEMORY, PREFIX4, PREFIX6, RATE, WIDEST4, WIDEST6,
};

use Section::{Daemon, Guard, Jail};

/// Where a key stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Section {
    /// `[daemon]`
    Daemon,
    /// `[guard]`
    Guard,
    /// `[jail.NAME]`
    Jail,
}

impl Section {
    /// As it is written.
    pub fn title(self) -> &'static str {
        match self {
            Daemon => "[daemon]",
            Guard => "[guard]",
            Jail => "[jail.NAME]",
        }
    }
}

/// A key.
#[derive(Debug)]
pub struct Key {
    /// Its section.
    pub section: Section,
    /// Its name.
    pub name: &'static str,
    /// What it is when it is not given, as it would be written; empty where `doc` says it.
    pub default: &'static str,
    /// What it may be.
    pub(super) kind: Kind,
    /// What it is for.
    pub doc: &'static str,
}

impl Key {
    /// Writes what its value may be.
    pub fn expected<'w, 'b>(&self, w: &'w mut Text<'b>) -> &'w mut Text<'b> {
        self.kind.expected(w)
    }
}

const fn key(
    section: Section,
    name: &'static str,
    default: &'static str,
    kind: Kind,
    doc: &'static str,
) -> Key {
    Key { section, name, default, kind, doc }
}

/// Every key there is.
#[rustfmt::skip]
pub static KEYS: [Key; 27] = [
    key(Daemon, "memory", r#""64M""#, Size(MEMORY, |d, n| d.settings.terms.memory = n),
        "Ceiling of the resident memory of all processes together."),
    key(Daemon, "state", r#""/var/lib/bailiff""#, Kind::Path(|s| &mut s.state),
        "Directory of the ledger of bans."),
    key(Daemon, "run", r#""/run/bailiff""#, Kind::Path(|s| &mut s.run),
        "Directory of the sockets."),
    key(Daemon, "missing", r#""refuse""#, Choice(&["refuse", "warn"], |d, n| d.settings.missing = missing(n)),
        "Whether to start on a kernel that lacks a feature which confines a process."),
    key(Daemon, "cpu", r#""auto""#, Kind::Cpu,
        "The CPU that watcher, tracker and enforcer share; sharing one is what makes a ban fast."),
    key(Daemon, "max_bans", "131072", Count(MAX_BANS, |d, n| d.settings.terms.max_bans = n as u32),
        "Bans held at once."),
    key(Daemon, "lock_table", "true", Switch(|d, n| d.settings.terms.lock_table = n != 0),
        "Whether the firewall table belongs to bailiff alone, where the kernel can do that."),
    key(Daemon, "steps", "false", Switch(|d, n| d.settings.terms.steps = n != 0),
        "Whether each line that matches, attempt, verdict and receipt is logged."),
    key(Daemon, "uid_base", "", Count((1, 4_294_967_290), |d, n| d.settings.uid_base = Some(n as u32)),
        "First of the user ids of the processes; without it the accounts bailiff-watcher, bailiff-tracker and \
         bailiff-enforcer are looked up."),
    key(Daemon, "readers", r#""""#, Kind::Group(|s| &mut s.readers),
        "Group that may ask what is banned; without it root alone."),
    key(Daemon, "operators", r#""""#, Kind::Group(|s| &mut s.operators),
        "Group that may ban and unban; without it root alone."),
    key(Daemon, "linger", r#""60s""#, Duration(LINGER_S.1, false, |d, n| d.settings.terms.linger_s = n as u32),
        "How long a rotated file is still read."),
    key(Guard, "never_ban", "[]", Kind::Networks,
        "Networks that are never banned; loopback, own addresses and gateways never are."),
    key(Guard, "max_bantime", r#""forever""#, Duration(LONGEST_S as u64, true, |d, n| d.settings.terms.max_bantime_s = n as u32),
        "The longest ban there may be."),
    key(Guard, "widest4", "24", Count(WIDEST4, |d, n| d.settings.terms.widest4 = n as u8),
        "Length of the widest IPv4 prefix that may be banned."),
    key(Guard, "widest6", "48", Count(WIDEST6, |d, n| d.settings.terms.widest6 = n as u8),
        "Length of the widest IPv6 prefix that may be banned."),
    key(Guard, "rate", "10000", Count(RATE, |d, n| d.settings.terms.rate = n as u32),
        "Bans per second that are let through."),
    key(Jail, "enabled", "false", Switch(|d, n| d.enabled = n != 0),
        "Whether the jail is in use; at most 31 are."),
    key(Jail, "filter", "", Kind::Filter,
        "What finds failures in its logs; without it the filter of the jail's own name."),
    key(Jail, "mode", "", Kind::Mode,
        "How much of the filter is in use; without it the filter's own choice."),
    key(Jail, "logs", "", Kind::Logs,
        "Files to follow; without it those that the filter knows of."),
    key(Jail, "maxretry", "5", Count(MAXRETRY, |d, n| d.jail.maxretry = n as u8),
        "Failures that ban."),
    key(Jail, "findtime", r#""10m""#, Duration(LONGEST_S as u64, false, |d, n| d.jail.findtime_s = n as u32),
        "Time within which that many failures ban."),
    key(Jail, "bantime", r#""10m""#, Duration(LONGEST_S as u64, true, |d, n| d.jail.bantime_s = n as u32),
        "How long a ban lasts."),
    key(Jail, "prefix4", "32", OneOf(&PREFIX4, |d, n| d.jail.prefix4 = n as u8),
        "Length of the IPv4 prefix that is counted and banned as one."),
    key(Jail, "prefix6", "64", OneOf(&PREFIX6, |d, n| d.jail.prefix6 = n as u8),
        "Length of the IPv6 prefix that is counted and banned as one."),
    key(Jail, "ports", "[]", Kind::Ports,
        "Ports that a ban closes; without it every port."),
];

fn missing(place: u64) -> Missing {
    if place == 0 { Missing::Refuse } else { Missing::Warn }
}
