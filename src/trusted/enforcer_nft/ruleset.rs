//! What the table holds: the messages that make its chain, its sets and its rules.
//!
//! Runs in: the enforcer. In: the terms. Out: messages of one batch, which put everything as it must be whatever is
//! there already: elements stay, the chain's rules are written anew, so at no moment is there no protection.
//! Never: reads what the kernel holds (`table` does), writes an address but the sentinels.
//!
//! Numbers are those of linux/netfilter/nf_tables.h, 6.18; the name of each attribute stands beside it.
use super::element::{NFT_MSG_DELSETELEM, NFT_MSG_NEWSETELEM, Set, TABLE, WIDTHS, Width, element};
use super::netlink::Attr::{self, Data, Nest, Nothing, Text, U32};
use super::netlink::{NLM_F_APPEND, NLM_F_CREATE, Writer};
use super::socket::message;
use bailiff::shared::pure::wire::terms::{Jail, Terms};

/// The chain's name.
pub(crate) const CHAIN: [&[u8]; 2] = [b"early", b""];
/// What follows a jail's name in the name of its set of ports.
const PORTS: &[u8] = b"_ports";

/// linux/netfilter.h, linux/in.h, linux/in6.h, 6.18.
const NFPROTO_IPV4: u8 = 2;
const NFPROTO_IPV6: u8 = 10;
const IPPROTO_TCP: u8 = 6;
const IPPROTO_ICMPV6: u8 = 58;

/// Every set that the terms ask for, with its width; a set of ports has none.
pub(crate) fn sets(terms: &Terms) -> impl Iterator<Item = (&Jail, Set<'_>, Option<&'static Width>)> {
    terms.jails().iter().flat_map(|jail| {
        let widths = WIDTHS.iter().map(move |width| (jail, [jail.name.bytes(), width.suffix], Some(width)));
        let ports = jail.ports().next().map(|_| (jail, [jail.name.bytes(), PORTS], None));
        widths.chain(ports)
    })
}

/// How many elements a set of addresses may hold: the sentinel takes one place.
pub(crate) fn size(terms: &Terms) -> u32 {
    terms.max_bans.saturating_add(1)
}

/// Writes chain, sets, sentinels, ports and rules; every message has the number `seq`, and none asks for an ack.
pub(crate) fn write(w: &mut Writer<'_>, seq: u32, terms: &Terms) {
    // NFTA_HOOK_HOOKNUM: NF_INET_PRE_ROUTING; NFTA_HOOK_PRIORITY: NF_IP_PRI_RAW, before connection tracking
    let hook = [U32(1, 0), U32(2, -300i32 as u32)];
    // NFTA_CHAIN_NAME, NFTA_CHAIN_TYPE, NFTA_CHAIN_POLICY: NF_ACCEPT, NFTA_CHAIN_HOOK
    let chain = [TABLE, Text(3, CHAIN), Text(7, [b"filter", b""]), U32(5, 1), Nest(4, &hook)];
    message(w, 3, NLM_F_CREATE, seq, &chain); // NFT_MSG_NEWCHAIN
    message(w, 8, 0, seq, &[TABLE, Text(2, CHAIN)]); // NFT_MSG_DELRULE: all of NFTA_RULE_CHAIN
    for (id, (jail, set, width)) in (1..u32::MAX).zip(sets(terms)) {
        write_set(w, seq, id, set, width, size(terms));
        let mut add = |key: &[u8]| element(w, NFT_MSG_NEWSETELEM, NLM_F_CREATE, seq, set, key, None);
        match width {
            Some(width) => add(width.sentinel()),
            None => jail.ports().for_each(|port| add(&port.to_be_bytes())),
        }
    }
    let kind = 772u16.to_ne_bytes(); // ARPHRD_LOOPBACK, linux/if_arp.h, in its own byte order
    let loopback = [meta(IIFTYPE), compare(EQUAL, &kind), verdict(&RETURN)];
    rule(w, seq, &[&loopback]);
    // Types 133 to 136 (RFC 4861, section 4). Without them no packet could be exchanged with anybody in a banned prefix of
    // our own link, not even by us.
    let [family, icmp] = [compare(EQUAL, &[NFPROTO_IPV6]), compare(EQUAL, &[IPPROTO_ICMPV6])];
    let types =
        [payload(TRANSPORT, 0, 1), compare(AT_LEAST, &[133]), compare(AT_MOST, &[136]), verdict(&RETURN)];
    let neighbour_discovery = [meta(NFPROTO), family, meta(L4PROTO), icmp];
    rule(w, seq, &[&neighbour_discovery, &types]);
    for (jail, set, width) in sets(terms) {
        width.into_iter().for_each(|width| write_drop(w, seq, jail, set, width));
    }
}

fn write_set(w: &mut Writer<'_>, seq: u32, id: u32, set: Set<'_>, width: Option<&Width>, size: u32) {
    // NFT_SET_TIMEOUT; ipv4_addr, ipv6_addr and inet_service by nft's numbers (include/datatype.h, nftables 1.1), for
    // its listing.
    let (flags, kind, len) = match width {
        Some(width) => {
            if width.v4 {
                (0x10, 7, 4)
            } else {
                (0x10, 8, 16)
            }
        }
        None => (0, 13, 2),
    };
    let desc = [U32(1, size)]; // NFTA_SET_DESC_SIZE
    let desc = width.map_or(Nothing, |_| Nest(9, &desc)); // NFTA_SET_DESC
    // NFTA_SET_NAME, NFTA_SET_FLAGS, NFTA_SET_KEY_TYPE, NFTA_SET_KEY_LEN, NFTA_SET_ID
    let made = [TABLE, Text(2, set), U32(3, flags), U32(4, kind), U32(5, len), U32(10, id), desc];
    message(w, 9, NLM_F_CREATE, seq, &made); // NFT_MSG_NEWSET
    if width.is_none() {
        message(w, NFT_MSG_DELSETELEM, 0, seq, &[TABLE, Text(2, set)]);
    }
}

/// `[tcp dport @NAME_ports] ip saddr [& MASK] @SET drop`, or the same of `ip6`.
fn write_drop(w: &mut Writer<'_>, seq: u32, jail: &Jail, set: Set<'_>, width: &Width) {
    // Where the source address stands in the header (RFC 791, RFC 8200), and how long it is.
    let (family, offset, len) = if width.v4 { ([NFPROTO_IPV4], 12, 4) } else { ([NFPROTO_IPV6], 8, 16) };
    let (tcp, port) = (compare(EQUAL, &[IPPROTO_TCP]), payload(TRANSPORT, 2, 2));
    let ports = [meta(L4PROTO), tcp, port, lookup([jail.name.bytes(), PORTS])];
    let source = [meta(NFPROTO), compare(EQUAL, &family), payload(NETWORK, offset, len)];
    let (mask, end) = ([mask(len, width.len)], [lookup(set), verdict(&DROP)]);
    let ports = if jail.ports().next().is_some() { ports.as_slice() } else { &[] };
    let mask = if width.is_whole() { &[] } else { mask.as_slice() };
    rule(w, seq, &[ports, &source, mask, &end]);
}

/// One step of a rule: its name and its attributes. Steps hand a value on in a register.
type Step<'a> = (&'static [u8], [Attr<'a>; 5]);

/// NFT_REG_1; NFT_META_IIFTYPE, NFT_META_NFPROTO, NFT_META_L4PROTO; NFT_CMP_EQ, NFT_CMP_LTE, NFT_CMP_GTE;
/// NFT_PAYLOAD_NETWORK_HEADER, NFT_PAYLOAD_TRANSPORT_HEADER.
const REG_1: u32 = 1;
const IIFTYPE: u32 = 8;
const NFPROTO: u32 = 15;
const L4PROTO: u32 = 16;
const EQUAL: u32 = 0;
const AT_MOST: u32 = 3;
const AT_LEAST: u32 = 5;
const NETWORK: u32 = 1;
const TRANSPORT: u32 = 2;

fn rule(w: &mut Writer<'_>, seq: u32, parts: &[&[Step<'_>]]) {
    let (mut steps, mut list) = ([[Nothing; 2]; 12], [Nothing; 12]);
    for ((step, slot), (name, data)) in steps.iter_mut().zip(&mut list).zip(parts.iter().copied().flatten()) {
        *step = [Text(1, [name, b""]), Nest(2, data)]; // NFTA_EXPR_NAME, NFTA_EXPR_DATA
        *slot = Nest(1, step); // NFTA_LIST_ELEM
    }
    // NFT_MSG_NEWRULE: NFTA_RULE_CHAIN, NFTA_RULE_EXPRESSIONS
    message(w, 6, NLM_F_CREATE | NLM_F_APPEND, seq, &[TABLE, Text(2, CHAIN), Nest(4, &list)]);
}

fn meta(what: u32) -> Step<'static> {
    (b"meta", [U32(2, what), U32(1, REG_1), Nothing, Nothing, Nothing]) // NFTA_META_KEY, NFTA_META_DREG
}

fn compare(how: u32, value: &[u8]) -> Step<'_> {
    // NFTA_CMP_SREG, NFTA_CMP_OP, NFTA_CMP_DATA
    (b"cmp", [U32(1, REG_1), U32(2, how), Data(3, [value, b""]), Nothing, Nothing])
}

fn payload(header: u32, offset: u32, len: u32) -> Step<'static> {
    // NFTA_PAYLOAD_DREG, NFTA_PAYLOAD_BASE, NFTA_PAYLOAD_OFFSET, NFTA_PAYLOAD_LEN
    (b"payload", [U32(1, REG_1), U32(2, header), U32(3, offset), U32(4, len), Nothing])
}

/// Keeps the first `bits` of `len` bytes.
fn mask(len: u32, bits: u8) -> Step<'static> {
    let part = |bytes: &'static [u8; 16], len: u32| bytes.get(..len as usize).unwrap_or(&[]);
    let keep = u32::from(bits / 8);
    let mask = [part(&[0xff; 16], keep), part(&[0; 16], len.saturating_sub(keep))];
    // NFTA_BITWISE_SREG, NFTA_BITWISE_DREG, NFTA_BITWISE_LEN, NFTA_BITWISE_MASK, NFTA_BITWISE_XOR
    let xor = Data(5, [part(&[0; 16], len), b""]);
    (b"bitwise", [U32(1, REG_1), U32(2, REG_1), U32(3, len), Data(4, mask), xor])
}

fn lookup(set: Set<'_>) -> Step<'_> {
    (b"lookup", [Text(1, set), U32(2, REG_1), Nothing, Nothing, Nothing]) // NFTA_LOOKUP_SET, NFTA_LOOKUP_SREG
}

fn verdict(code: &'static [Attr<'static>; 1]) -> Step<'static> {
    // NFTA_IMMEDIATE_DREG: 0, the register of verdicts; NFTA_IMMEDIATE_DATA
    (b"immediate", [U32(1, 0), Nest(2, code), Nothing, Nothing, Nothing])
}

/// What `verdict` may say, NF_DROP and NFT_RETURN: NFTA_DATA_VERDICT, NFTA_VERDICT_CODE.
const DROP: [Attr<'static>; 1] = [Nest(2, &[U32(1, 0)])];
const RETURN: [Attr<'static>; 1] = [Nest(2, &[U32(1, -5i32 as u32)])];
