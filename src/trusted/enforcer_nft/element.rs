//! One set of the table, and one element of it: a ban is an element, its timeout the ban's end.
//!
//! Runs in: the enforcer. In: what the guard admitted. Out: messages; what the kernel holds. Never: touches an address that
//! the guard did not let pass, but for the sentinel, which is no address of anybody's.
use super::guard::Ban;
use super::netlink::Attr::{self, Bytes, Data, Nest, Nothing, Text};
use super::netlink::{NLM_F_ACK, NLM_F_CREATE, Writer, attribute};
use super::socket::{NF_TABLES, Socket, message};
use bailiff::shared::pure::addr::{Addr, Prefix};
use bailiff::shared::pure::wire::verdict::Action;
use bailiff::shims::errno::Errno;

/// The table's name, which in every nf_tables message is attribute 1 (linux/netfilter/nf_tables.h, 6.18:
/// NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE, NFTA_SET_TABLE, NFTA_SET_ELEM_LIST_TABLE).
pub(crate) const TABLE: Attr<'static> = Text(1, [b"bailiff", b""]);
/// Makes an element.
pub(crate) const NFT_MSG_NEWSETELEM: u16 = 12;
/// Deletes an element, or all when none is named.
pub(crate) const NFT_MSG_DELSETELEM: u16 = 14;

/// A family and a length of prefix: each jail has a set for each.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Width {
    /// IPv4.
    pub v4: bool,
    /// Bits.
    pub len: u8,
    /// What follows the jail's name in the set's.
    pub suffix: &'static [u8],
}

/// Every width there is.
pub(crate) const WIDTHS: [Width; 5] = [
    Width { v4: true, len: 32, suffix: b"_v4_32" },
    Width { v4: true, len: 24, suffix: b"_v4_24" },
    Width { v4: false, len: 128, suffix: b"_v6_128" },
    Width { v4: false, len: 64, suffix: b"_v6_64" },
    Width { v4: false, len: 48, suffix: b"_v6_48" },
];

impl Width {
    /// The width of this network, if there are sets for it.
    pub(crate) fn of(prefix: &Prefix) -> Option<&'static Self> {
        WIDTHS.iter().find(|w| w.v4 == prefix.addr.is_v4() && w.len == prefix.len)
    }

    /// Whether this is the length of a whole address.
    pub(crate) fn is_whole(&self) -> bool {
        self.len == if self.v4 { 32 } else { 128 }
    }

    /// The key that every set of this width holds for ever: the unspecified address. Whoever empties a set
    /// takes it away too.
    pub(crate) fn sentinel(&self) -> &'static [u8] {
        if self.v4 { &[0; 4] } else { &[0; 16] }
    }
}

/// A set by its name, in two parts: the jail's, and a suffix.
pub(crate) type Set<'a> = [&'a [u8]; 2];

/// An address as a set's key.
pub(crate) fn key(addr: &Addr) -> &[u8] {
    addr.0.get(if addr.is_v4() { 12 } else { 0 }..).unwrap_or(&[])
}

/// A message about one element, which lasts for ever or for so many milliseconds.
pub(crate) fn element(
    w: &mut Writer<'_>,
    kind: u16,
    flags: u16,
    seq: u32,
    set: Set<'_>,
    key: &[u8],
    ms: Option<u64>,
) {
    let value = ms.unwrap_or(0).to_be_bytes();
    let timeout = ms.map_or(Nothing, |_| Bytes(4, [&value, b""])); // NFTA_SET_ELEM_TIMEOUT
    about(set, key, timeout, |what| message(w, kind, flags, seq, what));
}

/// Hands on the attributes of a message about one element.
fn about<R>(set: Set<'_>, key: &[u8], timeout: Attr<'_>, then: impl FnOnce(&[Attr<'_>]) -> R) -> R {
    let element = [timeout, Data(1, [key, b""])]; // NFTA_SET_ELEM_KEY
    // NFTA_SET_ELEM_LIST_SET, NFTA_SET_ELEM_LIST_ELEMENTS, NFTA_LIST_ELEM
    then(&[TABLE, Text(2, set), Nest(3, &[Nest(1, &element)])])
}

/// The messages of one verdict, all with the number `seq`; the last asks for an ack. To extend is to add, delete and
/// add: kernels before 6.12 ignore a second add and answer 0, and a delete alone fails where nothing is.
pub(crate) fn write(w: &mut Writer<'_>, seq: u32, ban: &Ban, set: Set<'_>) {
    let ms = Some(u64::from(ban.verdict().duration_s).saturating_mul(1000)).filter(|ms| *ms > 0);
    let (add, delete) = ((NFT_MSG_NEWSETELEM, NLM_F_CREATE, ms), (NFT_MSG_DELSETELEM, 0, None));
    let steps: &[_] = match ban.verdict().action {
        Action::Ban => &[add],
        Action::Extend => &[add, delete, add],
        Action::Unban => &[delete],
        Action::Ask => &[],
    };
    for (place, (kind, flags, ms)) in (1..=3).zip(steps) {
        let ack = if place == steps.len() { NLM_F_ACK } else { 0 };
        element(w, *kind, flags | ack, seq, set, ban.key(), *ms);
    }
}

/// How many seconds the kernel will still hold this element (0: for ever); `None`: it does not hold it.
pub(crate) fn left_s(kernel: &mut Socket, set: Set<'_>, key: &[u8]) -> Result<Option<u32>, Errno> {
    let mut left_s = 0;
    let note = |_, answer: &[u8]| {
        // NFTA_SET_ELEM_LIST_ELEMENTS, NFTA_LIST_ELEM, NFTA_SET_ELEM_EXPIRATION: milliseconds
        let ms = attribute(answer, &[3, 1, 5]).and_then(|value| value.first_chunk());
        left_s = ms.map_or(0, |ms| u64::from_be_bytes(*ms).div_ceil(1000).max(1) as u32);
    };
    // NFT_MSG_GETSETELEM
    match about(set, key, Nothing, |what| kernel.ask(NF_TABLES | 13, 0, what, note)) {
        Err(Errno::ENOENT) => Ok(None),
        other => other.map(|()| Some(left_s)),
    }
}
