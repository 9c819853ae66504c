//! The enforcer's pure parts: the bytes it sends, against those of nft; what it makes of the kernel's answers; its guard.
#![allow(
    dead_code,
    reason = "the programs' files are compiled into this test, which does not use all of them"
)]

#[path = "../../src/trusted/enforcer_nft/bans.rs"]
mod bans;
#[path = "../../src/trusted/enforcer_nft/element.rs"]
mod element;
#[path = "../../src/trusted/enforcer_nft/guard.rs"]
mod guard;
#[path = "../../src/trusted/enforcer_nft/hosts.rs"]
mod hosts;
#[path = "../../src/trusted/enforcer_nft/netlink.rs"]
mod netlink;
#[path = "../../src/trusted/enforcer_nft/ruleset.rs"]
mod ruleset;
#[path = "../../src/trusted/enforcer_nft/socket.rs"]
mod socket;

use bailiff::shared::pure::addr::Prefix;
use bailiff::shared::pure::wire::terms::{JAILS, Jail, Name, Terms, Word};
use bailiff::shared::pure::wire::verdict::{Action, Refusal, Verdict};
use bailiff::shims::errno::Errno;
use guard::{Ban, Guard};
use netlink::{Attributes, Header, Messages, Writer};
use socket::Acks;

const NFT: &str = include_str!("../vectors/nft/nft-1.0.6.txt");
const ROUTES: &str = include_str!("../vectors/nft/rtnetlink-6.18.txt");

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split(' ').collect())
}

/// What nft sends for this, without the number of the set in its batch.
fn nft(name: &str) -> Vec<(u16, Vec<u8>)> {
    let row = rows(NFT).find(|row| row[0] == name).unwrap();
    let is_element = row[1].ends_with("SETELEM");
    attributes(&unhex(row[2])).into_iter().filter(|(kind, _)| !(is_element && *kind == 4)).collect()
}

fn attributes(bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    Attributes(bytes).map(|(kind, value)| (kind, value.to_vec())).collect()
}

fn jail(name: &[u8], ports: &[u16]) -> Jail {
    let mut jail = Jail { name: Name::parse(name).unwrap_or(Word::EMPTY), ..Jail::EMPTY };
    jail.ports.iter_mut().zip(ports).for_each(|(slot, port)| *slot = *port);
    jail
}

fn terms() -> Terms {
    let mut terms = Terms { jail_count: 2, max_bans: 1024, rate: 10, max_bantime_s: 86_400, ..Terms::EMPTY };
    (terms.widest4, terms.widest6) = (24, 64);
    terms.jails[0] = jail(b"manual", &[]);
    terms.jails[1] = jail(b"sshd", &[22, 2222]);
    terms.never_ban[0] = Prefix::parse(b"203.0.113.64/26").unwrap();
    terms.never_ban[1] = Prefix::parse(b"2001:db8:7::/48").unwrap();
    terms.never_count = 2;
    terms
}

fn verdict(net: &str, action: Action, duration_s: u32) -> Verdict {
    Verdict { token: 1, prefix: Prefix::parse(net.as_bytes()).unwrap(), action, jail: 1, duration_s }
}

fn ban(net: &str, action: Action, duration_s: u32) -> Ban {
    let mut terms = terms();
    terms.max_bantime_s = 0;
    Guard::new(&terms, 0).admit(&verdict(net, action, duration_s), &nothing(), 0).unwrap()
}

fn nothing() -> hosts::Known {
    hosts::Known::new().unwrap()
}

/// The messages that `write` writes: kind, flags, number, attributes.
fn written(write: impl FnOnce(&mut Writer<'_>)) -> Vec<(u16, u16, u32, Vec<u8>)> {
    let mut room = vec![0; 192 << 10];
    let mut w = Writer::new(&mut room);
    write(&mut w);
    let bytes = w.finish().unwrap();
    let all: Vec<_> = Messages(bytes).map(|(h, body)| (h.kind, h.flags, h.seq, body[4..].to_vec())).collect();
    let whole: usize = Messages(bytes).map(|(_, body)| 16 + body.len()).sum();
    assert_eq!(whole, bytes.len());
    all
}

#[test]
fn elements_are_those_of_nft() {
    let set = [b"sshd".as_slice(), b"_v4_32"];
    for (name, net, action, duration_s) in [
        ("add4", "198.51.100.7", Action::Ban, 600),
        ("perm", "198.51.100.9", Action::Ban, 0),
        ("del4", "198.51.100.7", Action::Unban, 600),
        ("add6", "2001:db8:1:2::/64", Action::Ban, 600),
    ] {
        let ban = ban(net, action, duration_s);
        let set = if name == "add6" { [b"sshd".as_slice(), b"_v6_64"] } else { set };
        let messages = written(|w| element::write(w, 7, &ban, set));
        let (kind, flags) = if action == Action::Ban { (0xa0c, 0x405) } else { (0xa0e, 5) };
        assert_eq!(messages.len(), 1);
        assert_eq!((messages[0].0, messages[0].1, messages[0].2), (kind, flags, 7), "{name}");
        assert_eq!(attributes(&messages[0].3), nft(name), "{name}");
    }
}

#[test]
fn an_extension_is_add_delete_add_and_one_ack() {
    let ban = ban("198.51.100.7", Action::Extend, 600);
    let messages = written(|w| element::write(w, 9, &ban, [b"sshd", b"_v4_32"]));
    let heads: Vec<_> = messages.iter().map(|m| (m.0, m.1, m.2)).collect();
    assert_eq!(heads, [(0xa0c, 0x401, 9), (0xa0e, 1, 9), (0xa0c, 0x405, 9)]);
    assert_eq!(attributes(&messages[2].3), nft("add4"));
}

#[test]
fn chain_and_first_rules_are_those_of_nft() {
    let messages = written(|w| ruleset::write(w, 3, &terms()));
    assert!(messages.iter().all(|m| m.2 == 3 && m.1 & 4 == 0));
    assert_eq!(
        (messages[0].0, messages[0].3.clone()),
        (0xa03, unhex(rows(NFT).find(|r| r[0] == "chain").unwrap()[2]))
    );
    assert_eq!(messages[1].0, 0xa08, "the chain's rules go before they come anew");
    let rules: Vec<_> = messages.iter().filter(|m| m.0 == 0xa06).collect();
    assert_eq!(attributes(&rules[0].3), nft("lo"));
    assert_eq!(attributes(&rules[1].3), nft("nd"));
    assert_eq!(rules.len(), 2 + 2 * 5);
    assert!(messages.iter().any(|m| m.0 == 0xa0c && attributes(&m.3).len() == 3));
    // A /24 without ports: nft's rule, but for two numbers that are optional (the operation, the set's number).
    let mask = String::from_utf8(hex(&rules[3].3)).unwrap();
    let theirs = rows(NFT).find(|r| r[0] == "mask").unwrap()[2].replace("0800060000000000", "");
    let at = theirs.find("0c00048008000100ffffff000c0005800800010000000000").unwrap();
    assert!(mask.contains(&theirs[at..at + 48]), "{mask}");
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|b| format!("{b:02x}").into_bytes()).collect()
}

#[test]
fn the_largest_table_fits() {
    let mut terms = terms();
    terms.jail_count = JAILS as u8;
    for (i, slot) in terms.jails.iter_mut().enumerate() {
        *slot = jail(format!("a-long-name---{i:02}").as_bytes(), &[1, 2, 3, 4, 5, 6, 7, 8]);
    }
    let messages = written(|w| ruleset::write(w, 3, &terms));
    let bytes: usize = messages.iter().map(|m| m.3.len() + 20).sum();
    // Above 212,960 the kernel would refuse the datagram where the queue cannot be made larger.
    assert!(bytes < 192 << 10 && messages.len() == 2 + 32 * (6 + 5 + 1 + 8) + 2 + 32 * 5, "{bytes}");
}

#[test]
fn what_does_not_fit_is_void() {
    for room in 0..60 {
        let mut buf = vec![0; room];
        let mut w = Writer::new(&mut buf);
        w.message(1, 0, 1, &[0; 4], &[element::TABLE, netlink::Attr::Nest(4, &[netlink::Attr::U32(1, 2)])]);
        assert_eq!(w.finish().map(<[u8]>::len), (room >= 44).then_some(44), "{room}");
    }
}

#[test]
fn wrong_lengths_end_the_reading() {
    let mut messages = Vec::new();
    for len in [20u32, 16, 15, 0, 400] {
        let mut bytes = len.to_ne_bytes().to_vec();
        bytes.resize(20, 7);
        messages.push(Messages(&bytes).count());
    }
    assert_eq!(messages, [1, 1, 0, 0, 0]);
    for (bytes, count) in
        [(vec![4, 0, 1, 0], 1), (vec![3, 0, 1, 0], 0), (vec![9, 0, 1, 0, 0], 0), (vec![5, 0, 1], 0)]
    {
        assert_eq!(Attributes(&bytes).count(), count, "{bytes:?}");
    }
}

/// An NLMSG_ERROR for message `seq`, sent with these flags.
fn ack(acks: &mut Acks, seq: u32, flags: u16, errno: i32) {
    let mut body = (-errno).to_ne_bytes().to_vec();
    body.extend(20u32.to_ne_bytes());
    body.extend(0xa0cu16.to_ne_bytes());
    body.extend(flags.to_ne_bytes());
    body.extend([0; 8]);
    acks.note(&Header { kind: 2, flags: 0, seq, port: 1 }, &body);
}

#[test]
fn success_needs_every_ack() {
    let mut acks = Acks::new(100, 0b111);
    ack(&mut acks, 101, 5, 0);
    ack(&mut acks, 103, 5, 0);
    ack(&mut acks, 99, 5, 0);
    ack(&mut acks, 500, 5, 2);
    assert_eq!(acks.result(), Err(Errno::EIO), "one is still out");
    ack(&mut acks, 102, 1, 0);
    assert_eq!(acks.result(), Err(Errno::EIO), "not the last of its group");
    ack(&mut acks, 102, 5, 0);
    assert_eq!(acks.result(), Ok(()));
}

#[test]
fn the_first_error_of_a_group_counts_and_fails_the_batch() {
    let mut acks = Acks::new(u32::MAX - 1, 0b11);
    ack(&mut acks, u32::MAX, 1, 23);
    ack(&mut acks, u32::MAX, 1, 2);
    ack(&mut acks, u32::MAX, 5, 0);
    ack(&mut acks, 0, 5, 0);
    assert_eq!(acks.result(), Err(Errno::ENFILE));
    assert_eq!(acks.errno[..3], [23, 0, 0]);
}

#[test]
fn a_failed_commit_fails_all_at_once() {
    let mut acks = Acks::new(100, 0b11);
    ack(&mut acks, 100, 0, 12);
    assert_eq!((acks.whole, acks.result()), (12, Err(Errno::ENOMEM)));
    ack(&mut acks, 101, 5, 0);
    assert_eq!(acks.result(), Err(Errno::ENOMEM));
}

#[test]
fn hosts_learn_what_the_kernel_says() {
    let text = |known: &hosts::Known, gateway: bool| -> String {
        let chosen = known.all().filter(|(_, is)| *is == gateway);
        chosen
            .map(|(a, _)| String::from_utf8(a.write(&mut [0; 40]).to_vec()).unwrap())
            .collect::<Vec<_>>()
            .join(",")
    };
    for row in rows(ROUTES) {
        let mut known = nothing();
        let body = unhex(row[2]);
        hosts::learn(row[0].parse().unwrap(), &body[4..], &mut known);
        hosts::learn(row[0].parse().unwrap(), &body[4..], &mut known);
        let got = match (text(&known, false), text(&known, true)) {
            (own, none) if none.is_empty() && !own.is_empty() => format!("own={own}"),
            (none, gateways) if none.is_empty() && !gateways.is_empty() => format!("gateway={gateways}"),
            (own, gateways) => format!("nothing{own}{gateways}"),
        };
        assert_eq!(got, row[1]);
        for cut in 0..body.len() {
            hosts::learn(row[0].parse().unwrap(), &body[cut..], &mut known);
            hosts::learn(row[0].parse().unwrap(), &body[..cut], &mut known);
        }
    }
}

#[test]
fn the_guard_refuses_by_name() {
    use Action::{Ask, Ban, Extend, Unban};
    use Refusal::{Gateway, NeverBan, OwnAddress, Special, TooLong, TooWide};
    let terms = terms();
    let mut known = nothing();
    for row in rows(ROUTES) {
        hosts::learn(row[0].parse().unwrap(), &unhex(row[2])[4..], &mut known);
    }
    for (net, action, duration_s, want) in [
        ("203.0.113.65", Ban, 600, Some(NeverBan)),
        ("203.0.113.0/24", Ban, 600, Some(NeverBan)),
        ("203.0.113.128", Ban, 600, None),
        ("2001:db8:7:1::/64", Extend, 600, Some(NeverBan)),
        ("127.0.0.1", Ban, 600, Some(Special)),
        ("127.9.9.0/24", Ban, 600, Some(Special)),
        ("169.254.1.1", Ban, 600, Some(Special)),
        ("224.0.0.5", Ban, 600, Some(Special)),
        ("239.255.255.255", Extend, 600, Some(Special)),
        ("0.0.0.0", Ban, 600, Some(Special)),
        ("0.0.0.0/24", Ban, 600, Some(Special)),
        ("::", Ban, 600, Some(Special)),
        ("::1", Ban, 600, Some(Special)),
        ("::/64", Ban, 600, Some(Special)),
        ("fe80::/64", Ban, 600, Some(Special)),
        ("febf::1", Ban, 600, Some(Special)),
        ("fec0::1", Ban, 600, None),
        ("ff02::1", Ban, 600, Some(Special)),
        ("198.51.100.1", Ban, 600, Some(OwnAddress)),
        ("198.51.100.0/24", Ban, 600, Some(OwnAddress)),
        ("2001:db8:5::/64", Ban, 600, Some(OwnAddress)),
        ("198.51.100.254", Ban, 600, Some(Gateway)),
        ("2001:db8:5::fe", Extend, 600, Some(Gateway)),
        ("198.51.100.2", Ban, 600, None),
        ("2001:db8:5::2", Ban, 600, None),
        ("2001:db8:9::/48", Ban, 600, Some(TooWide)),
        ("198.51.0.0/16", Ban, 600, Some(TooWide)),
        ("198.51.100.128/25", Ban, 600, Some(TooWide)),
        ("0.0.0.0/0", Ban, 600, Some(TooWide)),
        ("198.51.100.2", Ban, 86_400, None),
        ("198.51.100.2", Ban, 86_401, Some(TooLong)),
        ("198.51.100.2", Extend, 0, Some(TooLong)),
        ("198.51.100.1", Unban, 0, None),
        ("203.0.113.65", Ask, 0, None),
        ("2001:db8:9::/48", Unban, 0, None),
        ("198.51.100.128/25", Unban, 0, Some(TooWide)),
        ("0.0.0.0", Unban, 0, Some(Special)),
        ("0.0.0.0/24", Unban, 0, Some(Special)),
        ("::/48", Ask, 0, Some(Special)),
    ] {
        let got = Guard::new(&terms, 0).admit(&verdict(net, action, duration_s), &known, 0);
        assert_eq!(got.err(), want, "{net} {action:?} {duration_s}");
    }
    for action in [Ban, Extend, Unban, Ask] {
        for jail in [2, 31, 255] {
            let verdict = Verdict { jail, ..verdict("198.51.100.2", action, 600) };
            assert_eq!(Guard::new(&terms, 0).admit(&verdict, &nothing(), 0).err(), Some(Refusal::Jail));
        }
    }
}

#[test]
fn the_bucket_bounds_bans_only() {
    let terms = terms();
    let mut guard = Guard::new(&terms, 0);
    let mut admitted = |action, count: u32, now_ns| {
        (0..count)
            .filter(|_| guard.admit(&verdict("198.51.100.2", action, 600), &nothing(), now_ns).is_ok())
            .count()
    };
    assert_eq!(admitted(Action::Ban, 1000, 0), 1000);
    assert_eq!(admitted(Action::Extend, 100, 0), 24, "max_bans at once");
    assert_eq!(admitted(Action::Unban, 100, 0), 100);
    assert_eq!(admitted(Action::Ban, 100, 99_999_999), 0);
    assert_eq!(admitted(Action::Ban, 100, 100_000_000), 1, "then rate a second");
    assert_eq!(admitted(Action::Ban, 100, 1_100_000_000), 10);
    assert_eq!(admitted(Action::Ban, 2000, u64::MAX), 1024, "never more than max_bans");
}
