//! `Verdict`: what shall be done to a network. Tracker -> enforcer, which trusts none of it beyond its shape: the guard
//! decides. `Receipt`: what became of it, once the kernel has said so. Enforcer -> tracker. `Table`: which table the
//! kernel holds. Enforcer -> tracker.
use super::batch::Record;
use super::cursor::{Get, Put};
use crate::shared::pure::addr::{Addr, Prefix};

/// What a verdict asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Ban a network that is not banned.
    Ban = 1,
    /// Ban a network that may be banned already: the old end is replaced.
    Extend = 2,
    /// Lift a ban.
    Unban = 3,
    /// Say whether the kernel holds this ban, and for how long still.
    Ask = 4,
}

/// One verdict.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// The tracker's number for it: comes back in the receipt.
    pub token: u64,
    /// The network.
    pub prefix: Prefix,
    /// What for.
    pub action: Action,
    /// Which jail, by its place in the terms: decides the set.
    pub jail: u8,
    /// How long, in seconds; 0 is for ever. Only Ban and Extend carry one.
    pub duration_s: u32,
}

impl Record for Verdict {
    const KIND: u8 = b'V';
    const SIZE: usize = 32;

    fn put(&self, to: &mut Put<'_>) {
        to.u64(self.token).bytes(&self.prefix.addr.0).u8(self.prefix.len);
        to.u8(self.action as u8).u8(self.jail).u8(0).u32(self.duration_s);
    }

    fn get(from: &mut Get<'_>) -> Option<Self> {
        let (token, addr, len) = (from.u64()?, Addr(from.bytes()?), from.u8()?);
        let action = match from.u8()? {
            1 => Action::Ban,
            2 => Action::Extend,
            3 => Action::Unban,
            4 => Action::Ask,
            _ => return None,
        };
        let (jail, zero, duration_s) = (from.u8()?, from.u8()?, from.u32()?);
        let prefix = Prefix { addr, len };
        let sound = zero == 0 && Prefix::around(addr, len) == prefix;
        sound.then_some(Self { token, prefix, action, jail, duration_s })
    }
}

/// Why the guard refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Refusal {
    /// The network meets a never-ban network of the configuration.
    NeverBan = 1,
    /// It holds a loopback, unspecified, multicast or link-local address.
    Special = 2,
    /// It holds an address of this host.
    OwnAddress = 3,
    /// It holds a gateway of this host.
    Gateway = 4,
    /// It is wider than the configuration allows, or of a length without a set.
    TooWide = 5,
    /// It would last longer than the configuration allows.
    TooLong = 6,
    /// Too many verdicts per second.
    Rate = 7,
    /// No such jail.
    Jail = 8,
}

impl Refusal {
    /// Every refusal, by its number less one.
    pub const ALL: [Self; 8] = [
        Self::NeverBan,
        Self::Special,
        Self::OwnAddress,
        Self::Gateway,
        Self::TooWide,
        Self::TooLong,
        Self::Rate,
        Self::Jail,
    ];

    /// Its name in log lines and replies.
    pub fn name(self) -> &'static str {
        match self {
            Self::NeverBan => "never-ban",
            Self::Special => "special address",
            Self::OwnAddress => "own address",
            Self::Gateway => "gateway",
            Self::TooWide => "too wide",
            Self::TooLong => "too long",
            Self::Rate => "rate",
            Self::Jail => "no such jail",
        }
    }

    /// The refusal of this number.
    pub fn numbered(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }
}

/// What became of a verdict.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The whole batch is committed: the kernel holds the ban, or has lifted it; for Ask: it holds it, and
    /// for so many seconds still (0: for ever).
    Done(u32),
    /// The kernel does not hold it (Ask), or did not (Unban).
    Absent,
    /// The guard refused.
    Refused(Refusal),
    /// The kernel refused, with this error.
    Kernel(u16),
    /// A dry run: nothing was sent.
    Dry,
}

/// The answer to one verdict.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// The verdict's number.
    pub token: u64,
    /// What became of it.
    pub outcome: Outcome,
}

impl Record for Receipt {
    const KIND: u8 = b'R';
    const SIZE: usize = 16;

    fn put(&self, to: &mut Put<'_>) {
        let (kind, detail) = match self.outcome {
            Outcome::Done(left_s) => (1, left_s),
            Outcome::Absent => (2, 0),
            Outcome::Refused(refusal) => (3, u32::from(refusal as u8)),
            Outcome::Kernel(errno) => (4, errno.into()),
            Outcome::Dry => (5, 0),
        };
        to.u64(self.token).u32(kind).u32(detail);
    }

    fn get(from: &mut Get<'_>) -> Option<Self> {
        let (token, kind, detail) = (from.u64()?, from.u32()?, from.u32()?);
        let outcome = match kind {
            1 => Outcome::Done(detail),
            2 if detail == 0 => Outcome::Absent,
            3 => Outcome::Refused(Refusal::numbered(detail.try_into().ok()?)?),
            4 => Outcome::Kernel(detail.try_into().ok()?),
            5 if detail == 0 => Outcome::Dry,
            _ => return None,
        };
        Some(Self { token, outcome })
    }
}

/// Which table the kernel holds now. Sent once the enforcer is ready, and again whenever it had to put the table back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Table {
    /// Random number given to the table when it was made, kept in the kernel with it.
    pub id: [u8; 16],
    /// Whether its sets are empty because it was just made: every ban must be sent again.
    pub fresh: bool,
}

impl Record for Table {
    const KIND: u8 = b'I';
    const SIZE: usize = 24;

    fn put(&self, to: &mut Put<'_>) {
        to.bytes(&self.id).u8(self.fresh.into());
    }

    fn get(from: &mut Get<'_>) -> Option<Self> {
        let (id, fresh) = (from.bytes()?, from.u8()?);
        from.end()?;
        (fresh < 2).then_some(Self { id, fresh: fresh == 1 })
    }
}
