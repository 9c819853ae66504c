//! What stands in a slot of the ledger: a header sector, then records of 72 bytes, each with a checksum.
//!
//! Runs in: the tracker. In: bytes of a slot, torn or not. Out: records. Never: takes a record of another
//! epoch for one of this: what an older use of the slot left behind is not read.
use super::ban::Ban;
use bailiff::shared::pure::addr::{Addr, Prefix};
use bailiff::shared::pure::hash::crc32c;
use bailiff::shared::pure::wire::control::Origin;
use bailiff::shared::pure::wire::cursor::{Get, Put};
use bailiff::shared::pure::wire::terms::NAME;

/// Bytes of the header.
pub(crate) const HEADER: usize = 4096;
/// Bytes of a record.
pub(crate) const RECORD: usize = 72;
/// Those before the checksum.
const BODY: usize = RECORD - 4;
/// The first bytes of a slot: name and version.
const MAGIC: [u8; 8] = *b"bailiff2";

/// A slot's header: written last, so that it vouches for what stands behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    /// Counts up with each slot that was begun; the higher one is in use.
    pub(crate) epoch: u64,
    /// The kernel's table that held these bans; zeros where none held them all.
    pub(crate) table: [u8; 16],
}

impl Header {
    /// The sector.
    pub(crate) fn encode(&self) -> [u8; HEADER] {
        let mut out = [0; HEADER];
        let mut body = [0; 32];
        Put::new(&mut body).bytes(&MAGIC).u64(self.epoch).bytes(&self.table);
        Put::new(&mut out).bytes(&body).u32(crc32c(&body));
        out
    }

    /// The header in this sector, if it is whole.
    pub(crate) fn decode(sector: &[u8]) -> Option<Self> {
        let (body, rest) = sector.split_first_chunk::<32>()?;
        let mut from = Get::new(body);
        let magic: [u8; 8] = from.bytes()?;
        let header = Self { epoch: from.u64()?, table: from.bytes()? };
        let sound = magic == MAGIC && Get::new(rest).u32()? == crc32c(body);
        (sound && header.epoch > 0).then_some(header)
    }
}

/// What a record says of a ban.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// It is about to be asked for.
    Intent = 1,
    /// The kernel holds it.
    Held = 2,
    /// It is about to be lifted.
    Lift = 3,
    /// It is no more.
    Lifted = 4,
}

/// One record. Jails are named, because their places change with the configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Record {
    /// Of a ban (whose `jail` and `state` mean nothing here) in the jail of this name.
    Ban(Kind, [u8; NAME], Ban),
    /// From here on every held ban is in this table of the kernel; zeros: not all of them are.
    Table([u8; 16]),
}

const TABLE: u8 = 5;

/// A record's bytes, in a slot of this epoch.
pub(crate) fn encode(record: &Record, epoch: u64) -> [u8; RECORD] {
    let mut body = [0; BODY];
    let mut to = Put::new(&mut body);
    match record {
        Record::Table(id) => {
            to.u8(TABLE).bytes(&[0; 7]).bytes(id).bytes(&[0; 40]);
        }
        Record::Ban(kind, name, ban) => {
            to.u8(*kind as u8).u8(ban.prefix.len).u8(ban.origin as u8).u8(ban.source).u16(ban.rule);
            to.u16(ban.failures).bytes(&ban.prefix.addr.0).bytes(name);
            to.u64(ban.offset).u32(ban.since_s).u32(ban.end_s);
        }
    }
    to.u32(epoch as u32);
    let mut out = [0; RECORD];
    Put::new(&mut out).bytes(&body).u32(crc32c(&body));
    out
}

/// The record in these bytes; `None` when it is torn, of another epoch, or not one.
pub(crate) fn decode(bytes: &[u8; RECORD], epoch: u64) -> Option<Record> {
    let (body, crc) = bytes.split_first_chunk::<BODY>()?;
    let (fields, own) = body.split_first_chunk::<64>()?;
    if Get::new(crc).u32()? != crc32c(body) || Get::new(own).u32()? != epoch as u32 {
        return None;
    }
    let mut from = Get::new(fields);
    let kind = match from.u8()? {
        1 => Kind::Intent,
        2 => Kind::Held,
        3 => Kind::Lift,
        4 => Kind::Lifted,
        TABLE => {
            let _: [u8; 7] = from.bytes()?;
            return Some(Record::Table(from.bytes()?));
        }
        _ => return None,
    };
    let (len, origin, source, rule) = (from.u8()?, from.u8()?, from.u8()?, from.u16()?);
    let (failures, addr, name) = (from.u16()?, Addr(from.bytes()?), from.bytes()?);
    let origin = if origin == Origin::Operator as u8 { Origin::Operator } else { Origin::Filter };
    let ban = Ban {
        source,
        rule,
        failures,
        offset: from.u64()?,
        since_s: from.u32()?,
        end_s: from.u32()?,
        ..Ban::new(0, Prefix { addr, len }, origin)
    };
    (Prefix::around(addr, len) == ban.prefix).then_some(Record::Ban(kind, name, ban))
}
