//! `Request` and `Reply`: between the client and the tracker's two sockets. Text is parsed and printed in the client
//! only; the daemon answers fixed records.
use super::batch::Record;
use super::cursor::{Get, Put};
pub use super::rows::{BanRow, Figure, Held, JailRow, Origin, SourceRow, TallyRow};
use super::rows::{get_ban, get_jail, get_prefix};
use super::terms::NAME;
use crate::shared::pure::addr::{Addr, Prefix};

/// What a client asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ask {
    /// Figures, jails and sources.
    Status = 1,
    /// Every ban in force.
    List = 2,
    /// All that is known of one address.
    Explain = 3,
    /// Ban a network. Control socket only.
    Ban = 4,
    /// Lift the bans of a network, in one jail or in all. Control socket only.
    Unban = 5,
}

/// `jail` of a request that means every jail.
pub const ANY_JAIL: [u8; NAME] = [0; NAME];

/// One request; a connection carries one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Request {
    /// What for.
    pub ask: Ask,
    /// The network, where the request names one; else all zero.
    pub prefix: Prefix,
    /// The jail's name, zero-padded; all zero for any (List, Unban) or for `manual` (Ban).
    pub jail: [u8; NAME],
    /// Seconds, 0 for ever (Ban).
    pub duration_s: u32,
}

/// Version of request and reply: another one is refused by name.
pub const VERSION: u8 = 1;

impl Record for Request {
    const KIND: u8 = b'Q';
    const SIZE: usize = 48;

    fn put(&self, to: &mut Put<'_>) {
        to.u8(VERSION).u8(self.ask as u8).u8(self.prefix.len).u8(0).u32(self.duration_s);
        to.bytes(&self.prefix.addr.0).bytes(&self.jail);
    }

    fn get(from: &mut Get<'_>) -> Option<Self> {
        let version = from.u8()?;
        let ask = match from.u8()? {
            1 => Ask::Status,
            2 => Ask::List,
            3 => Ask::Explain,
            4 => Ask::Ban,
            5 => Ask::Unban,
            _ => return None,
        };
        let (len, zero, duration_s) = (from.u8()?, from.u8()?, from.u32()?);
        let (prefix, jail) = (Prefix { addr: Addr(from.bytes()?), len }, from.bytes()?);
        from.end()?;
        let sound = version == VERSION && zero == 0 && Prefix::around(prefix.addr, len) == prefix;
        sound.then_some(Self { ask, prefix, jail, duration_s })
    }
}

/// How a request ended; always the last record of a reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Done {
    /// As asked, so many things.
    Good(u32),
    /// The guard refused.
    Refused(super::verdict::Refusal),
    /// The kernel refused, with this error.
    Kernel(u16),
    /// There is no such ban.
    Absent,
    /// There is no such jail.
    NoJail,
    /// This socket does not take such requests.
    NotHere,
    /// Too much is under way; try again.
    Busy,
    /// A dry run: nothing was sent to the firewall.
    Dry,
}

/// One record of a reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reply {
    /// A figure of `status`: its number and value. A client skips a number it does not know.
    Figure(u8, u64),
    /// A jail.
    Jail(JailRow),
    /// A source.
    Source(SourceRow),
    /// A ban.
    Ban(BanRow),
    /// A tally.
    Tally(TallyRow),
    /// What the kernel says of a ban: jail, network, seconds left (0: for ever); `None`: it does not hold it.
    Kernel(u8, Prefix, Option<u32>),
    /// The end.
    Done(Done),
}

impl Record for Reply {
    const KIND: u8 = b'E';
    const SIZE: usize = 64;

    fn put(&self, to: &mut Put<'_>) {
        match self {
            Self::Figure(number, value) => {
                to.u8(1).u8(*number).u64(*value);
            }
            Self::Jail(j) => {
                to.u8(2).u8(j.jail).u8(j.filter).u8(j.modes).bytes(&j.name).u16(j.maxretry);
                to.u32(j.findtime_s).u32(j.bantime_s).u32(j.bans).u64(j.attempts);
            }
            Self::Source(s) => {
                s.put(to.u8(3));
            }
            Self::Ban(b) => {
                to.u8(4)
                    .u8(b.jail)
                    .bytes(&b.prefix.addr.0)
                    .u8(b.prefix.len)
                    .u8(b.origin as u8)
                    .u8(b.held as u8);
                to.u8(b.source).u16(b.rule).u16(b.failures).u64(b.offset).u64(b.since_s).u64(b.end_s);
            }
            Self::Tally(t) => {
                to.u8(5).u8(t.jail).bytes(&t.prefix.addr.0).u8(t.prefix.len).u16(t.failures).u64(t.newest_ms);
            }
            Self::Kernel(jail, prefix, left) => {
                to.u8(6).u8(*jail).bytes(&prefix.addr.0).u8(prefix.len).u8(left.is_some().into());
                to.u32(left.unwrap_or(0));
            }
            Self::Done(done) => {
                let (kind, detail) = match done {
                    Done::Good(count) => (1, *count),
                    Done::Refused(refusal) => (2, u32::from(*refusal as u8)),
                    Done::Kernel(errno) => (3, u32::from(*errno)),
                    Done::Absent => (4, 0),
                    Done::NoJail => (5, 0),
                    Done::NotHere => (6, 0),
                    Done::Busy => (7, 0),
                    Done::Dry => (8, 0),
                };
                to.u8(7).u8(kind).u32(detail);
            }
        }
    }

    fn get(from: &mut Get<'_>) -> Option<Self> {
        Some(match from.u8()? {
            1 => Self::Figure(from.u8()?, from.u64()?),
            2 => Self::Jail(get_jail(from)?),
            3 => Self::Source(super::attempt::Tide::get(from)?),
            4 => Self::Ban(get_ban(from)?),
            5 => {
                let (jail, prefix) = (from.u8()?, get_prefix(from)?);
                Self::Tally(TallyRow { prefix, jail, failures: from.u16()?, newest_ms: from.u64()? })
            }
            6 => {
                let (jail, prefix, there, left) = (from.u8()?, get_prefix(from)?, from.u8()?, from.u32()?);
                Self::Kernel(jail, prefix, (there == 1).then_some(left))
            }
            7 => Self::Done(get_done(from)?),
            _ => return None,
        })
    }
}

fn get_done(from: &mut Get<'_>) -> Option<Done> {
    let (kind, detail) = (from.u8()?, from.u32()?);
    Some(match kind {
        1 => Done::Good(detail),
        2 => Done::Refused(super::verdict::Refusal::numbered(detail.try_into().ok()?)?),
        3 => Done::Kernel(detail.try_into().ok()?),
        4 => Done::Absent,
        5 => Done::NoJail,
        6 => Done::NotHere,
        7 => Done::Busy,
        8 => Done::Dry,
        _ => return None,
    })
}
