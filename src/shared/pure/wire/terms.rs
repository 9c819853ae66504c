//! The first record on every channel: what the warden tells a role about the configuration.
//!
//! Runs in: the warden (encode), watcher, tracker and enforcer (decode). In: 4096 bytes from the warden. Out:
//! `Terms`. Never: carries a path or a descriptor number; yields a value outside its bounds.

mod jail;

pub use self::jail::{Jail, NAME, Name, Word};
use super::cursor::{Get, Put};
use crate::shared::pure::addr::{Addr, Prefix};
use crate::shared::pure::image;

/// Bytes of the record.
pub const LEN: usize = 4096;
/// The record's first byte.
pub const KIND: u8 = b'T';
/// Jails there can be, the manual one among them.
pub const JAILS: usize = 32;
/// Never-ban networks there can be.
pub const NEVER: usize = 128;
/// Ports one jail can name.
pub const PORTS: usize = 8;
/// The manual jail's place in `Terms::jails`: it holds the operators' bans.
pub const MANUAL: usize = 0;
/// The manual jail's name, which no other jail can have.
pub const MANUAL_NAME: &[u8] = b"manual";
/// The filter of the manual jail: none.
pub const NO_FILTER: u8 = 255;
/// The longest time that ends, in seconds: 365 days. 0 stands for a ban without end.
pub const LONGEST_S: u32 = 365 * 86_400;
/// Bounds, smallest and largest: failures that ban.
pub const MAXRETRY: (u64, u64) = (1, 100);
/// Bans held at once.
pub const MAX_BANS: (u64, u64) = (1024, 4_194_304);
/// Bans a second.
pub const RATE: (u64, u64) = (1, 1_000_000);
/// Ceiling of memory in bytes: 32 MiB to 1 TiB: the roles but the tracker take 16.
pub const MEMORY: (u64, u64) = (32 << 20, 1 << 40);
/// Seconds a rotated file is still read.
pub const LINGER_S: (u64, u64) = (1, 86_400);
/// Length of the widest IPv4 prefix that may be banned.
pub const WIDEST4: (u64, u64) = (8, 32);
/// Length of the widest IPv6 prefix that may be banned.
pub const WIDEST6: (u64, u64) = (16, 128);
/// Lengths a jail can ban by: a set of the firewall stands for each.
pub const PREFIX4: [u64; 2] = [24, 32];
/// As `PREFIX4`, for IPv6.
pub const PREFIX6: [u64; 3] = [48, 64, 128];

/// What every role knows of the configuration. One that came from `decode` is within all bounds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terms {
    /// The jails: the first `jail_count` count, and `MANUAL` is always there.
    pub jails: [Jail; JAILS],
    /// How many jails: 1 to `JAILS`.
    pub jail_count: u8,
    /// Networks that are never banned: the first `never_count` count.
    pub never_ban: [Prefix; NEVER],
    /// How many never-ban networks.
    pub never_count: u8,
    /// The longest ban the guard admits, in seconds; 0 admits a ban without end.
    pub max_bantime_s: u32,
    /// The widest IPv4 prefix the guard admits, as its length.
    pub widest4: u8,
    /// The widest IPv6 prefix the guard admits, as its length.
    pub widest6: u8,
    /// Bans a second that the guard admits.
    pub rate: u32,
    /// Bans held at once.
    pub max_bans: u32,
    /// Ceiling of the resident memory of all processes together, in bytes.
    pub memory: u64,
    /// Seconds a rotated file is still read.
    pub linger_s: u32,
    /// Bytes of the image of the operator's own filters, which follows to the watcher; 0: there is none.
    pub own: u32,
    /// Whether the firewall table is to belong to the enforcer, where the kernel can do that.
    pub lock_table: bool,
    /// Whether each line, attempt, verdict and receipt is logged.
    pub steps: bool,
    /// Whether nothing is written to the firewall.
    pub dry_run: bool,
    /// The kernel's boot id: a ban of another boot is no longer in the kernel.
    pub boot_id: [u8; 16],
}

impl Terms {
    /// Terms without a jail and without any value, to be filled.
    pub const EMPTY: Self = Self {
        jails: [Jail::EMPTY; JAILS],
        jail_count: 0,
        never_ban: [Prefix { addr: Addr([0; 16]), len: 0 }; NEVER],
        never_count: 0,
        max_bantime_s: 0,
        widest4: 0,
        widest6: 0,
        rate: 0,
        max_bans: 0,
        memory: 0,
        linger_s: 0,
        own: 0,
        lock_table: false,
        steps: false,
        dry_run: false,
        boot_id: [0; 16],
    };

    /// The jails there are.
    pub fn jails(&self) -> &[Jail] {
        self.jails.get(..self.jail_count.into()).unwrap_or(&[])
    }

    /// The never-ban networks there are.
    pub fn never_ban(&self) -> &[Prefix] {
        self.never_ban.get(..self.never_count.into()).unwrap_or(&[])
    }

    /// Whether the guard can admit this jail's bans: their length and the width of their prefixes.
    pub fn admits(&self, jail: &Jail) -> bool {
        let time = self.max_bantime_s == 0 || jail.bantime_s != 0 && jail.bantime_s <= self.max_bantime_s;
        time && jail.prefix4 >= self.widest4 && jail.prefix6 >= self.widest6
    }

    /// The record. Numbers are little-endian, what is unused is zero.
    pub fn encode(&self) -> [u8; LEN] {
        let mut out = [0; LEN];
        let mut to = Put::new(&mut out);
        to.u8(KIND).u8(self.lock_table.into()).u8(self.steps.into()).u8(self.dry_run.into());
        to.u8(self.jail_count).u8(self.never_count).u8(self.widest4).u8(self.widest6);
        to.u32(self.max_bantime_s).u32(self.rate).u32(self.max_bans).u32(self.linger_s);
        to.u64(self.memory).bytes(&self.boot_id);
        for jail in &self.jails {
            jail.put(&mut to);
        }
        for prefix in &self.never_ban {
            to.bytes(&prefix.addr.0).u8(prefix.len);
        }
        to.u32(self.own);
        out
    }

    /// The terms in this record; `None` when any byte is not what `encode` writes of terms within bounds.
    pub fn decode(record: &[u8; LEN]) -> Option<Self> {
        let mut terms = Self::EMPTY;
        let mut from = Get::new(record);
        let [KIND, lock_table, steps, dry_run] = from.bytes()? else { return None };
        (terms.lock_table, terms.steps, terms.dry_run) = (lock_table != 0, steps != 0, dry_run != 0);
        [terms.jail_count, terms.never_count, terms.widest4, terms.widest6] = from.bytes()?;
        (terms.max_bantime_s, terms.rate) = (from.u32()?, from.u32()?);
        (terms.max_bans, terms.linger_s) = (from.u32()?, from.u32()?);
        (terms.memory, terms.boot_id) = (from.u64()?, from.bytes()?);
        for jail in &mut terms.jails {
            *jail = Jail::get(&mut from)?;
        }
        for prefix in &mut terms.never_ban {
            *prefix = Prefix { addr: Addr(from.bytes()?), len: from.u8()? };
        }
        terms.own = from.u32()?;
        (terms.is_bounded() && terms.encode() == *record).then_some(terms)
    }

    fn is_bounded(&self) -> bool {
        let (jails, no_jails) = self.jails.split_at_checked(self.jail_count.into()).unwrap_or((&[], &[]));
        let (nets, no_nets) = self.never_ban.split_at_checked(self.never_count.into()).unwrap_or((&[], &[]));
        let Some((manual, others)) = jails.split_first() else { return false };
        let other = |j: &Jail| j.filter != NO_FILTER && j.name.bytes() != MANUAL_NAME;
        usize::from(self.never_count) <= NEVER
            && within(self.widest4, WIDEST4)
            && within(self.widest6, WIDEST6)
            && self.max_bantime_s <= LONGEST_S
            && within(self.rate, RATE)
            && within(self.max_bans, MAX_BANS)
            && within(self.linger_s, LINGER_S)
            && self.own as usize <= image::LONGEST
            && within(self.memory, MEMORY)
            && jails.iter().all(|j| j.is_bounded() && self.admits(j))
            && (manual.filter == NO_FILTER && manual.name.bytes() == MANUAL_NAME)
            && others.iter().all(other)
            && no_jails.iter().all(|j| *j == Jail::EMPTY)
            && nets.iter().all(|p| *p == Prefix::around(p.addr, p.len))
            && no_nets.iter().all(|p| *p == Prefix::default())
    }
}

fn within(value: impl Into<u64>, (min, max): (u64, u64)) -> bool {
    (min..=max).contains(&value.into())
}
