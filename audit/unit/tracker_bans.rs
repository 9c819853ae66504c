//! The ban table, its cursor, what is told of a ban, the window of verdicts, and the rules between them.
use super::ban::{Ban, State, WORDS};
use super::bans::Bans;
use super::hush::{Hush, Matter};
use super::policy::{Narrow, alone, counted, is_shared};
use super::window::{Errand, Window};
use super::{Dice, address, all, ban, buckets, key, say, terms};
use bailiff::shared::pure::addr::{Addr, Prefix};
use bailiff::shared::pure::bytes::Text;
use bailiff::shared::pure::wire::verdict::{Action, Outcome, Receipt, Refusal};
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn entry_holds_the_ban() {
    let mut entry = [0; WORDS];
    let mut bans = Bans::new(buckets(4));
    for state in [State::Asked, State::Kernel, State::Synced, State::Intent, State::Unsure, State::Lifting] {
        let one =
            Ban { offset: u64::MAX - 1, rule: 65_535, failures: 65_534, source: 255, ..ban(31, 5, state, 7) };
        let place = bans.put(&key(31, 5), &one, 0).unwrap();
        assert_eq!(bans.at(place), Some(one));
    }
    ban(0, 0, State::Asked, 0).put(&mut entry);
    assert_eq!((bans.count(), bans.of_jail(31)), (1, 1));
}

#[test]
fn cursor_sees_each_ban_that_stays_once() {
    let mut dice = Dice(3);
    let mut bans = Bans::new(buckets(512));
    let stay: BTreeSet<u32> = (0..2_000).collect();
    for n in &stay {
        bans.put(&key(0, *n), &ban(0, *n, State::Synced, 0), 0).unwrap();
    }
    let mut seen: BTreeMap<[u8; 16], u32> = BTreeMap::new();
    let (mut cursor, mut other) = (0, 10_000);
    while cursor < bans.room() {
        for (_, ban) in bans.from(cursor, cursor + 8) {
            *seen.entry(ban.prefix.addr.0).or_default() += 1;
        }
        cursor += 8;
        // Others come and go meanwhile.
        for _ in 0..3 {
            other += 1;
            bans.put(&key(0, other), &ban(0, other, State::Synced, 0), 0).unwrap();
            if let Some(place) = bans.find(&key(0, 10_000 + dice.below(other as u64 - 9_999) as u32)) {
                bans.remove(place);
            }
        }
    }
    assert_eq!(bans.evicted, 0);
    for n in &stay {
        assert_eq!(seen.get(&address(*n).addr.0), Some(&1), "ban {n}");
    }
}

#[test]
fn soonest_to_end_makes_room_unless_on_its_way() {
    let mut bans = Bans::new(buckets(1));
    for n in 0..8u32 {
        let state = if n == 0 { State::Asked } else { State::Synced };
        bans.put(&key(0, n), &ban(0, n, state, if n == 7 { 0 } else { 1_000 + n }), 0).unwrap();
    }
    for (new, gone, evicted) in [(10, 1, 1), (11, 2, 2)] {
        bans.put(&key(0, new), &ban(0, new, State::Synced, 0), 0).unwrap();
        assert!(bans.find(&key(0, gone)).is_none(), "{gone} ends soonest");
        assert_eq!((bans.evicted, bans.count(), bans.of_jail(0)), (evicted, 8, 8));
    }
    assert!(bans.find(&key(0, 0)).is_some() && bans.find(&key(0, 7)).is_some());
    let mut full = Bans::new(buckets(1));
    for n in 0..8u32 {
        full.put(&key(0, n), &ban(0, n, State::Asked, 5), 0).unwrap();
    }
    assert_eq!(full.put(&key(0, 9), &ban(0, 9, State::Asked, 5), 0), None);
}

#[test]
fn sweep_takes_what_is_over_and_nothing_else() {
    let mut bans = Bans::new(buckets(256));
    for n in 0..1_000u32 {
        let state = if n % 10 == 0 { State::Asked } else { State::Synced };
        bans.put(&key(1, n), &ban(1, n, state, if n % 2 == 0 { 0 } else { 500 + n }), 0).unwrap();
    }
    let mut told = 0;
    for _ in 0..20 {
        bans.sweep(1_002, |ban| {
            assert!(ban.end_s != 0 && ban.end_s <= 1_000);
            told += 1;
        });
    }
    assert_eq!(told, 250);
    assert_eq!((bans.count(), bans.of_jail(1)), (750, 750));
    assert_eq!(bans.evicted, 0);
}

#[test]
fn clock_set_back_moves_bans_with_it() {
    let mut bans = Bans::new(buckets(8));
    bans.put(&key(0, 1), &Ban { since_s: 10_000, ..ban(0, 1, State::Synced, 10_600) }, 0).unwrap();
    bans.put(&key(0, 2), &Ban { since_s: 10_000, ..ban(0, 2, State::Synced, 0) }, 0).unwrap();
    bans.set_back(4_000);
    let left: Vec<u32> = all(&bans).iter().map(|ban| ban.left_s(6_100)).collect();
    assert_eq!(left, [500, 0]);
}

#[test]
fn left_is_at_least_one_and_at_most_what_was_given() {
    let one = Ban { since_s: 1_000, ..ban(0, 1, State::Synced, 1_600) };
    for (now, left) in [(1_000, 600), (1_599, 1), (1_600, 1), (9_999, 1), (0, 600)] {
        assert_eq!(one.left_s(now), left, "at {now}");
    }
    assert!(one.is_in_force(1_599) && !one.is_in_force(1_600));
    assert_eq!(one.last(50, 0).left_s(7), 0);
}

#[test]
fn networks_are_counted_as_the_jail_says() {
    let mut jail = terms(&[(5, 600)]).jails[0];
    let v6 = Addr::parse(b"2001:db8:1:2:3::4").unwrap();
    assert_eq!(counted(&jail, v6), Prefix::parse(b"2001:db8:1:2::/64").unwrap());
    assert_eq!(counted(&jail, Addr::parse(b"::ffff:198.51.100.7").unwrap()).len, 32);
    jail.prefix4 = 24;
    assert_eq!(counted(&jail, Addr::v4([198, 51, 100, 7])), Prefix::parse(b"198.51.100.0/24").unwrap());
    let net = Prefix::around(v6, 64);
    assert!(is_shared(Refusal::Gateway, &net));
    assert!(is_shared(Refusal::OwnAddress, &net));
    assert!(!is_shared(Refusal::NeverBan, &net));
    assert!(!is_shared(Refusal::Gateway, &alone(v6)));
    let mut narrow = Narrow::default();
    for n in 0..40 {
        narrow.add(address(n));
        narrow.add(address(n));
    }
    assert!(!narrow.holds(&address(7)) && narrow.holds(&address(8)) && narrow.holds(&address(39)));
}

#[test]
fn window_holds_two_batches_and_takes_receipts_in_order_only() {
    let (ours, theirs) = bailiff::shims::sockets::pair().unwrap();
    let mut window = Window::new();
    let one = ban(0, 1, State::Asked, 0);
    for round in 0..2 {
        while window.push(Action::Ban, Errand::Ask(3), &one, 60).is_some() {}
        assert_eq!(window.unanswered(), 128 * (round + 1));
        window.send(&ours).unwrap();
    }
    assert_eq!((window.room(), window.push(Action::Ban, Errand::Ask(3), &one, 60)), (0, None));
    let receipt = |token| Receipt { token, outcome: Outcome::Dry };
    assert!(window.land(128).is_some());
    assert!(window.answer(&receipt(2)).is_none(), "out of order");
    for token in 1..=128 {
        assert_eq!(window.answer(&receipt(token)), Some((Errand::Ask(3), one)));
    }
    assert_eq!((window.room(), window.unanswered()), (128, 128));
    assert!(window.land(127).is_none(), "another size than the batch");
    drop(theirs);
}

#[test]
fn little_is_said_of_what_happens_often() {
    let mut hush = Hush::new();
    assert_eq!(hush.tell(Matter::Rate, 0, 5), None);
    assert_eq!(hush.tell(Matter::Rate, 1, 5), Some(1));
    assert_eq!((0..1_000).filter_map(|n| hush.tell(Matter::Rate, 1, 6 + n)).count(), 0);
    assert_eq!(hush.tell(Matter::Rate, 1, 61_000_000_000), Some(1_001));
    assert!(hush.is_new(77, 0) && !hush.is_new(77, 599_000_000_000) && hush.is_new(77, 601_000_000_000));
}

#[test]
fn times_are_those_of_the_calendar() {
    for (time_s, text) in [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_399, "2000-02-28T23:59:59Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (1_795_299_000, "2026-11-21T22:10:00Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"),
        (u32::MAX, "2106-02-07T06:28:15Z"),
    ] {
        let mut buf = [0; 40];
        let mut out = Text::new(&mut buf);
        say::time(&mut out, time_s);
        assert_eq!(String::from_utf8_lossy(out.finish()), text);
    }
}
