//! One set of the table, and one element of it: a ban is an element, its timeout the ban's end.
//!
//! Runs in: the enforcer. In: what the guard admitted. Out: messages; what the kernel holds. Never: touches an address that
//! the guard did not let pass, but for the sentinel, which is no address of anybody's.
use super::commit::{Kernel, message};
use super::guard::Ban;
use super::netlink::{NLM_F_ACK, NLM_F_CREATE, Writer, attribute};
use bailiff::shared::pure::addr::{Addr, Prefix};
use bailiff::shared::pure::wire::verdict::{Action, Verdict};
use bailiff::shims::errno::Errno;

/// The table.
pub const TABLE: &[u8] = b"bailiff";
/// The attribute that names the table in every nf_tables message (linux/netfilter/nf_tables.h, 6.18):
/// NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE, NFTA_SET_TABLE, NFTA_SET_ELEM_LIST_TABLE.
pub const NFTA_TABLE: u16 = 1;
/// The attribute that names the set: NFTA_SET_NAME, NFTA_SET_ELEM_LIST_SET.
pub const NFTA_SET: u16 = 2;
/// NFTA_LIST_ELEM: one of a list.
pub const NFTA_LIST_ELEM: u16 = 1;
/// NFTA_DATA_VALUE.
pub const NFTA_DATA_VALUE: u16 = 1;
/// NFT_MSG_NEWSETELEM.
pub const NFT_MSG_NEWSETELEM: u16 = 12;
const NFT_MSG_GETSETELEM: u16 = 13;
/// NFT_MSG_DELSETELEM; with no element named it empties the set.
pub const NFT_MSG_DELSETELEM: u16 = 14;
const NFTA_SET_ELEM_LIST_ELEMENTS: u16 = 3;
const NFTA_SET_ELEM_KEY: u16 = 1;
const NFTA_SET_ELEM_TIMEOUT: u16 = 4; // milliseconds; none given: for ever
const NFTA_SET_ELEM_EXPIRATION: u16 = 5; // milliseconds left

/// A family and a length of prefix: each jail has a set for each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Width {
    /// IPv4.
    pub v4: bool,
    /// Bits.
    pub len: u8,
    /// What follows the jail's name in the set's.
    pub suffix: &'static [u8],
}

/// Every width there is.
pub const WIDTHS: [Width; 5] = [
    Width { v4: true, len: 32, suffix: b"_v4_32" },
    Width { v4: true, len: 24, suffix: b"_v4_24" },
    Width { v4: false, len: 128, suffix: b"_v6_128" },
    Width { v4: false, len: 64, suffix: b"_v6_64" },
    Width { v4: false, len: 48, suffix: b"_v6_48" },
];

impl Width {
    /// The width of this network, if there are sets for it.
    pub fn of(prefix: &Prefix) -> Option<&'static Self> {
        WIDTHS.iter().find(|w| w.v4 == prefix.addr.is_v4() && w.len == prefix.len)
    }

    /// The element that every set of this width holds for ever: the unspecified address. Whoever empties a set
    /// takes it away too.
    pub fn sentinel(&self) -> Addr {
        if self.v4 { Addr::v4([0; 4]) } else { Addr([0; 16]) }
    }
}

/// A set by its name, in two parts: the jail's, and a suffix.
pub type Set<'a> = [&'a [u8]; 2];

/// An address as a set's key.
pub fn key(addr: &Addr) -> &[u8] {
    let skip = if addr.is_v4() { 12 } else { 0 };
    addr.0.get(skip..).unwrap_or(&[])
}

/// The attributes of a message about this element of this set, `fill` writing what more is to be said of it.
pub fn element(w: &mut Writer<'_>, set: Set<'_>, key: &[u8], fill: impl FnOnce(&mut Writer<'_>)) {
    elements(w, set, |w| one(w, key, fill));
}

/// The same about several; `fill` writes each by `one`.
pub fn elements(w: &mut Writer<'_>, set: Set<'_>, fill: impl FnOnce(&mut Writer<'_>)) {
    w.text(NFTA_TABLE, [TABLE, b""]);
    w.text(NFTA_SET, set);
    w.nest(NFTA_SET_ELEM_LIST_ELEMENTS, fill);
}

/// One element of a list.
pub fn one(w: &mut Writer<'_>, key: &[u8], fill: impl FnOnce(&mut Writer<'_>)) {
    w.nest(NFTA_LIST_ELEM, |w| {
        w.nest(NFTA_SET_ELEM_KEY, |w| w.attr(NFTA_DATA_VALUE, &[key]));
        fill(w);
    });
}

/// The messages of one verdict, all with the number `seq`; the last asks for an ack. To extend is to add, delete and
/// add: kernels before 6.12 ignore a second add and answer 0, and a delete alone fails where nothing is.
pub fn write(w: &mut Writer<'_>, seq: u32, ban: &Ban, set: Set<'_>) {
    let Verdict { prefix, action, duration_s, .. } = ban.verdict();
    let timeout_ms = u64::from(*duration_s).saturating_mul(1000);
    let timeout = |w: &mut Writer<'_>| {
        if timeout_ms > 0 {
            w.attr(NFTA_SET_ELEM_TIMEOUT, &[&timeout_ms.to_be_bytes()]);
        }
    };
    let add = |w: &mut Writer<'_>, ack| {
        message(w, NFT_MSG_NEWSETELEM, NLM_F_CREATE | ack, seq, |w| element(w, set, key(&prefix.addr), timeout));
    };
    let delete = |w: &mut Writer<'_>, ack| {
        message(w, NFT_MSG_DELSETELEM, ack, seq, |w| element(w, set, key(&prefix.addr), |_| ()));
    };
    match action {
        Action::Ban => add(w, NLM_F_ACK),
        Action::Extend => {
            add(w, 0);
            delete(w, 0);
            add(w, NLM_F_ACK);
        }
        Action::Unban => delete(w, NLM_F_ACK),
        Action::Ask => (),
    }
}

/// How many seconds the kernel will still hold this element (0: for ever); `None`: it does not hold it.
pub fn left_s(kernel: &mut Kernel, set: Set<'_>, addr: &Addr) -> Result<Option<u32>, Errno> {
    let mut left_s = 0;
    let answer = kernel.ask(NFT_MSG_GETSETELEM, 0, |w| element(w, set, key(addr), |_| ()), |answer| {
        let ms = attribute(answer, NFTA_SET_ELEM_LIST_ELEMENTS)
            .and_then(|list| attribute(list, NFTA_LIST_ELEM))
            .and_then(|element| attribute(element, NFTA_SET_ELEM_EXPIRATION))
            .and_then(|value| value.first_chunk())
            .map(|ms| u64::from_be_bytes(*ms));
        left_s = ms.map_or(0, |ms| u32::try_from(ms.div_ceil(1000).max(1)).unwrap_or(u32::MAX));
    });
    match answer {
        Ok(()) => Ok(Some(left_s)),
        Err(Errno::ENOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Whether this set holds all elements that `fill` writes by `one`.
pub fn holds(kernel: &mut Kernel, set: Set<'_>, fill: impl FnOnce(&mut Writer<'_>)) -> Result<bool, Errno> {
    match kernel.ask(NFT_MSG_GETSETELEM, 0, |w| elements(w, set, fill), |_| ()) {
        Ok(()) => Ok(true),
        Err(Errno::ENOENT) => Ok(false),
        Err(errno) => Err(errno),
    }
}
