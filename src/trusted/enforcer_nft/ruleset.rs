//! What the table holds: the messages that make its chain, its sets and its rules.
//!
//! Runs in: the enforcer. In: the terms. Out: messages of one batch, which put everything as it must be whatever is
//! there already: elements stay, the chain's rules are written anew, so at no moment is there no protection.
//! Never: reads what the kernel holds (`table` does), writes an address but the sentinels.
use super::commit::message;
use super::element::{
    NFT_MSG_DELSETELEM, NFT_MSG_NEWSETELEM, NFTA_DATA_VALUE, NFTA_LIST_ELEM, NFTA_SET, NFTA_TABLE, Set, TABLE,
    WIDTHS, Width, element, elements, key, one,
};
use super::netlink::{NLM_F_APPEND, NLM_F_CREATE, Writer};
use bailiff::shared::pure::wire::terms::{Jail, Terms};

/// The chain.
pub const CHAIN: &[u8] = b"early";
/// What follows a jail's name in the name of its set of ports.
pub const PORTS: &[u8] = b"_ports";

/// Message kinds and attributes (linux/netfilter/nf_tables.h, 6.18).
const NFT_MSG_NEWCHAIN: u16 = 3;
/// NFTA_CHAIN_NAME.
pub const NFTA_CHAIN_NAME: u16 = 3;
const NFTA_CHAIN_HOOK: u16 = 4;
const NFTA_CHAIN_POLICY: u16 = 5;
const NFTA_CHAIN_TYPE: u16 = 7;
const NFTA_HOOK_HOOKNUM: u16 = 1;
const NFTA_HOOK_PRIORITY: u16 = 2;
const NF_INET_PRE_ROUTING: u32 = 0; // linux/netfilter.h
const NF_ACCEPT: u32 = 1;
const PRIORITY_RAW: i32 = -300; // NF_IP_PRI_RAW, linux/netfilter_ipv4.h: before connection tracking
const NFT_MSG_NEWSET: u16 = 9;
const NFT_MSG_DELSET: u16 = 11;
const NFTA_SET_FLAGS: u16 = 3;
const NFTA_SET_KEY_TYPE: u16 = 4;
const NFTA_SET_KEY_LEN: u16 = 5;
const NFTA_SET_DESC: u16 = 9;
const NFTA_SET_ID: u16 = 10;
const NFTA_SET_DESC_SIZE: u16 = 1;
const NFT_SET_TIMEOUT: u32 = 0x10;
const IPV4_ADDR: u32 = 7; // key types are nft's own numbers (include/datatype.h, nftables 1.1), kept for its listing
const IPV6_ADDR: u32 = 8;
const INET_SERVICE: u32 = 13;
const NFT_MSG_NEWRULE: u16 = 6;
const NFT_MSG_DELRULE: u16 = 8;
/// NFTA_RULE_CHAIN.
pub const NFTA_RULE_CHAIN: u16 = 2;
const NFTA_RULE_EXPRESSIONS: u16 = 4;

/// Every set that the terms ask for, with its width; a set of ports has none.
pub fn sets(terms: &Terms) -> impl Iterator<Item = (&Jail, Set<'_>, Option<&'static Width>)> {
    terms.jails().iter().flat_map(|jail| {
        let widths = WIDTHS.iter().map(move |width| (jail, [jail.name.bytes(), width.suffix], Some(width)));
        let ports = jail.ports().next().map(|_| (jail, [jail.name.bytes(), PORTS], None));
        widths.chain(ports)
    })
}

/// Writes chain, sets, sentinels, ports and rules; every message has the number `seq`, and none asks for an ack.
/// `gone` are the sets to be deleted.
pub fn write<'g>(w: &mut Writer<'_>, seq: u32, terms: &Terms, gone: impl Iterator<Item = &'g [u8]>) {
    write_chain(w, seq);
    for name in gone {
        message(w, NFT_MSG_DELSET, 0, seq, |w| named(w, [name, b""]));
    }
    for (id, (jail, set, width)) in (1u32..).zip(sets(terms)) {
        write_set(w, seq, id, set, width, terms.max_bans);
        match width {
            Some(width) => message(w, NFT_MSG_NEWSETELEM, NLM_F_CREATE, seq, |w| {
                element(w, set, key(&width.sentinel()), |_| ());
            }),
            None => {
                message(w, NFT_MSG_DELSETELEM, 0, seq, |w| named(w, set));
                message(w, NFT_MSG_NEWSETELEM, NLM_F_CREATE, seq, |w| {
                    elements(w, set, |w| write_ports(w, jail));
                });
            }
        }
    }
    rule(w, seq, |w| {
        meta(w, NFT_META_IIFTYPE);
        compare(w, NFT_CMP_EQ, &ARPHRD_LOOPBACK.to_ne_bytes());
        verdict(w, NFT_RETURN);
    });
    rule(w, seq, neighbour_discovery);
    for (jail, set, width) in sets(terms) {
        if let Some(width) = width {
            rule(w, seq, |w| drop_rule(w, jail, set, width));
        }
    }
}

/// The elements of a jail's set of ports.
pub fn write_ports(w: &mut Writer<'_>, jail: &Jail) {
    jail.ports().for_each(|port| one(w, &port.to_be_bytes(), |_| ()));
}

fn named(w: &mut Writer<'_>, set: Set<'_>) {
    w.text(NFTA_TABLE, [TABLE, b""]);
    w.text(NFTA_SET, set);
}

fn write_chain(w: &mut Writer<'_>, seq: u32) {
    message(w, NFT_MSG_NEWCHAIN, NLM_F_CREATE, seq, |w| {
        w.text(NFTA_TABLE, [TABLE, b""]);
        w.text(NFTA_CHAIN_NAME, [CHAIN, b""]);
        w.nest(NFTA_CHAIN_HOOK, |w| {
            w.be32(NFTA_HOOK_HOOKNUM, NF_INET_PRE_ROUTING);
            w.be32(NFTA_HOOK_PRIORITY, PRIORITY_RAW.cast_unsigned());
        });
        w.be32(NFTA_CHAIN_POLICY, NF_ACCEPT);
        w.text(NFTA_CHAIN_TYPE, [b"filter", b""]);
    });
    message(w, NFT_MSG_DELRULE, 0, seq, |w| {
        w.text(NFTA_TABLE, [TABLE, b""]);
        w.text(NFTA_RULE_CHAIN, [CHAIN, b""]);
    });
}

fn write_set(w: &mut Writer<'_>, seq: u32, id: u32, set: Set<'_>, width: Option<&Width>, max_bans: u32) {
    let (flags, kind, len) = match width {
        Some(width) if width.v4 => (NFT_SET_TIMEOUT, IPV4_ADDR, 4),
        Some(_) => (NFT_SET_TIMEOUT, IPV6_ADDR, 16),
        None => (0, INET_SERVICE, 2),
    };
    message(w, NFT_MSG_NEWSET, NLM_F_CREATE, seq, |w| {
        named(w, set);
        w.be32(NFTA_SET_FLAGS, flags);
        w.be32(NFTA_SET_KEY_TYPE, kind);
        w.be32(NFTA_SET_KEY_LEN, len);
        w.be32(NFTA_SET_ID, id);
        if width.is_some() {
            // The sentinel takes one place.
            w.nest(NFTA_SET_DESC, |w| w.be32(NFTA_SET_DESC_SIZE, max_bans.saturating_add(1)));
        }
    });
}

// Rules: each is a row of expressions, which pass a value on in register 1.

const NFTA_EXPR_NAME: u16 = 1;
const NFTA_EXPR_DATA: u16 = 2;
const NFT_REG_VERDICT: u32 = 0;
const NFT_REG_1: u32 = 1;
const NFT_META_NFPROTO: u32 = 15;
const NFT_META_L4PROTO: u32 = 16;
const NFT_META_IIFTYPE: u32 = 8;
const NFT_CMP_EQ: u32 = 0;
const NFT_CMP_LTE: u32 = 3;
const NFT_CMP_GTE: u32 = 5;
const NFT_PAYLOAD_NETWORK_HEADER: u32 = 1;
const NFT_PAYLOAD_TRANSPORT_HEADER: u32 = 2;
const NFTA_DATA_VERDICT: u16 = 2;
const NFTA_VERDICT_CODE: u16 = 1;
const NF_DROP: i32 = 0;
const NFT_RETURN: i32 = -5;
const NFPROTO_IPV4: u8 = 2; // linux/netfilter.h
const NFPROTO_IPV6: u8 = 10;
const IPPROTO_TCP: u8 = 6; // linux/in.h
const IPPROTO_ICMPV6: u8 = 58; // linux/in6.h
const ARPHRD_LOOPBACK: u16 = 772; // linux/if_arp.h
const ROUTER_SOLICITATION: u8 = 133; // RFC 4861, section 4
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;

fn rule(w: &mut Writer<'_>, seq: u32, fill: impl FnOnce(&mut Writer<'_>)) {
    message(w, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, seq, |w| {
        w.text(NFTA_TABLE, [TABLE, b""]);
        w.text(NFTA_RULE_CHAIN, [CHAIN, b""]);
        w.nest(NFTA_RULE_EXPRESSIONS, fill);
    });
}

/// `icmpv6 type 133-136 return`: without it, a banned prefix of our own link could not be reached to be told so.
fn neighbour_discovery(w: &mut Writer<'_>) {
    meta(w, NFT_META_NFPROTO);
    compare(w, NFT_CMP_EQ, &[NFPROTO_IPV6]);
    meta(w, NFT_META_L4PROTO);
    compare(w, NFT_CMP_EQ, &[IPPROTO_ICMPV6]);
    payload(w, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
    compare(w, NFT_CMP_GTE, &[ROUTER_SOLICITATION]);
    compare(w, NFT_CMP_LTE, &[NEIGHBOUR_ADVERTISEMENT]);
    verdict(w, NFT_RETURN);
}

/// `[tcp dport @NAME_ports] ip saddr [& MASK] @SET drop`, or the same of `ip6`.
fn drop_rule(w: &mut Writer<'_>, jail: &Jail, set: Set<'_>, width: &Width) {
    if jail.ports().next().is_some() {
        meta(w, NFT_META_L4PROTO);
        compare(w, NFT_CMP_EQ, &[IPPROTO_TCP]);
        payload(w, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
        lookup(w, [jail.name.bytes(), PORTS]);
    }
    // Where the source address stands in the header (RFC 791, RFC 8200), and how long it is.
    let (family, offset, len) = if width.v4 { (NFPROTO_IPV4, 12, 4) } else { (NFPROTO_IPV6, 8, 16) };
    meta(w, NFT_META_NFPROTO);
    compare(w, NFT_CMP_EQ, &[family]);
    payload(w, NFT_PAYLOAD_NETWORK_HEADER, offset, len);
    mask(w, len, width.len);
    lookup(w, set);
    verdict(w, NF_DROP);
}

fn expression(w: &mut Writer<'_>, name: &[u8], fill: impl FnOnce(&mut Writer<'_>)) {
    w.nest(NFTA_LIST_ELEM, |w| {
        w.text(NFTA_EXPR_NAME, [name, b""]);
        w.nest(NFTA_EXPR_DATA, fill);
    });
}

fn meta(w: &mut Writer<'_>, what: u32) {
    expression(w, b"meta", |w| {
        w.be32(1, NFT_REG_1); // NFTA_META_DREG
        w.be32(2, what); // NFTA_META_KEY
    });
}

fn compare(w: &mut Writer<'_>, how: u32, value: &[u8]) {
    expression(w, b"cmp", |w| {
        w.be32(1, NFT_REG_1); // NFTA_CMP_SREG
        w.be32(2, how); // NFTA_CMP_OP
        w.nest(3, |w| w.attr(NFTA_DATA_VALUE, &[value])); // NFTA_CMP_DATA
    });
}

fn payload(w: &mut Writer<'_>, header: u32, offset: u32, len: u32) {
    expression(w, b"payload", |w| {
        w.be32(1, NFT_REG_1); // NFTA_PAYLOAD_DREG
        w.be32(2, header); // NFTA_PAYLOAD_BASE
        w.be32(3, offset); // NFTA_PAYLOAD_OFFSET
        w.be32(4, len); // NFTA_PAYLOAD_LEN
    });
}

/// Keeps the first `bits` of `len` bytes; writes nothing where that is all of them.
fn mask(w: &mut Writer<'_>, len: u32, bits: u8) {
    let (Some(keep), Ok(bytes)) = ([0xff; 16].get(..usize::from(bits / 8)), usize::try_from(len)) else { return };
    let Some(zeros) = [0; 16].get(..bytes.saturating_sub(keep.len())) else { return };
    if zeros.is_empty() {
        return;
    }
    expression(w, b"bitwise", |w| {
        w.be32(1, NFT_REG_1); // NFTA_BITWISE_SREG
        w.be32(2, NFT_REG_1); // NFTA_BITWISE_DREG
        w.be32(3, len); // NFTA_BITWISE_LEN
        w.nest(4, |w| w.attr(NFTA_DATA_VALUE, &[keep, zeros])); // NFTA_BITWISE_MASK
        w.nest(5, |w| w.attr(NFTA_DATA_VALUE, &[[0; 16].get(..bytes).unwrap_or(&[])])); // NFTA_BITWISE_XOR
    });
}

fn lookup(w: &mut Writer<'_>, set: Set<'_>) {
    expression(w, b"lookup", |w| {
        w.text(1, set); // NFTA_LOOKUP_SET
        w.be32(2, NFT_REG_1); // NFTA_LOOKUP_SREG
    });
}

fn verdict(w: &mut Writer<'_>, code: i32) {
    expression(w, b"immediate", |w| {
        w.be32(1, NFT_REG_VERDICT); // NFTA_IMMEDIATE_DREG
        w.nest(2, |w| { // NFTA_IMMEDIATE_DATA
            w.nest(NFTA_DATA_VERDICT, |w| w.be32(NFTA_VERDICT_CODE, code.cast_unsigned()));
        });
    });
}
