//! The rows of a reply: bans, jails, sources, tallies, and the numbers of the figures. Tracker -> client.
use super::cursor::Get;
use super::terms::NAME;
use crate::shared::pure::addr::{Addr, Prefix};

/// Where a ban comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A filter's matches.
    Filter = 1,
    /// An operator.
    Operator = 2,
}

/// How far a ban has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Held {
    /// The verdict is on its way: the kernel has not answered yet.
    Asked = 1,
    /// Acknowledged by the kernel.
    Kernel = 2,
    /// Acknowledged by the kernel, and its ledger entry is synced.
    Synced = 3,
}

/// One ban.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BanRow {
    /// The network.
    pub prefix: Prefix,
    /// Which jail, by its place in the terms.
    pub jail: u8,
    /// Where it comes from.
    pub origin: Origin,
    /// How far it has come.
    pub held: Held,
    /// The source of the line that decided; meaningless for an operator's ban.
    pub source: u8,
    /// The rule that matched it.
    pub rule: u16,
    /// Failures counted when it was decided.
    pub failures: u16,
    /// Where that line starts in its source.
    pub offset: u64,
    /// Since when, seconds since 1970.
    pub since_s: u64,
    /// Until when; 0 is for ever.
    pub end_s: u64,
}

/// One jail and its limits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JailRow {
    /// Its place in the terms.
    pub jail: u8,
    /// Its filter, by its place in the catalogue; 255 for `manual`.
    pub filter: u8,
    /// Modes in force.
    pub modes: u8,
    /// Its name, zero-padded.
    pub name: [u8; NAME],
    /// Limit.
    pub maxretry: u16,
    /// Limit, seconds.
    pub findtime_s: u32,
    /// Limit, seconds; 0 is for ever.
    pub bantime_s: u32,
    /// Bans in force.
    pub bans: u32,
    /// Attempts since start.
    pub attempts: u64,
}

/// One source's tide, as the watcher told it.
pub type SourceRow = super::attempt::Tide;

/// What is known of an address in one jail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TallyRow {
    /// The network that is counted.
    pub prefix: Prefix,
    /// Which jail.
    pub jail: u8,
    /// Failures within findtime.
    pub failures: u16,
    /// The newest, milliseconds since 1970.
    pub newest_ms: u64,
}

/// Figures of `status`, by number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Figure {
    /// Seconds since the tracker started.
    Uptime = 1,
    /// Bans in force.
    Bans = 2,
    /// Room for bans.
    BanRoom = 3,
    /// Tallies held.
    Tallies = 4,
    /// Room for tallies.
    TallyRoom = 5,
    /// Unexpired tallies that had to make room.
    TalliesEvicted = 6,
    /// Unexpired bans forgotten for room: the kernel still holds them.
    BansEvicted = 7,
    /// Attempts since start.
    Attempts = 8,
    /// Attempts with a time before an earlier one's, counted as that one's.
    Backward = 9,
    /// Verdicts sent.
    Verdicts = 10,
    /// Verdicts refused by the guard.
    Refused = 11,
    /// Verdicts refused by the kernel.
    KernelRefused = 12,
    /// Times the table had to be put back.
    Healed = 13,
    /// Records in the ledger's slot.
    LedgerRecords = 14,
    /// Torn or foreign records found in the ledger at start.
    LedgerTorn = 15,
    /// Whether this is a dry run.
    DryRun = 16,
    /// Intents at start that the kernel turned out not to hold.
    IntentsDropped = 17,
    /// Bans of jails that are no longer configured, given up at start.
    BansOfGoneJails = 18,
    /// Verdicts not answered yet.
    Unanswered = 19,
    /// Attempts on networks that are banned already.
    Already = 20,
}

pub(super) fn get_prefix(from: &mut Get<'_>) -> Option<Prefix> {
    Some(Prefix { addr: Addr(from.bytes()?), len: from.u8()? })
}

pub(super) fn get_jail(from: &mut Get<'_>) -> Option<JailRow> {
    Some(JailRow {
        jail: from.u8()?,
        filter: from.u8()?,
        modes: from.u8()?,
        name: from.bytes()?,
        maxretry: from.u16()?,
        findtime_s: from.u32()?,
        bantime_s: from.u32()?,
        bans: from.u32()?,
        attempts: from.u64()?,
    })
}

pub(super) fn get_ban(from: &mut Get<'_>) -> Option<BanRow> {
    let (jail, prefix) = (from.u8()?, get_prefix(from)?);
    let origin = if from.u8()? == 2 { Origin::Operator } else { Origin::Filter };
    let held = match from.u8()? {
        1 => Held::Asked,
        2 => Held::Kernel,
        _ => Held::Synced,
    };
    Some(BanRow {
        prefix,
        jail,
        origin,
        held,
        source: from.u8()?,
        rule: from.u16()?,
        failures: from.u16()?,
        offset: from.u64()?,
        since_s: from.u64()?,
        end_s: from.u64()?,
    })
}
