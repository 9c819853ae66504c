//! The tally table: the window is exact, who makes room is who should, hardly anybody has to.
use super::bucket::{Place, slots_for};
use super::clock::{Clock, ticks};
use super::table::{Table, ring_len, tally_bytes};
use super::{Dice, address, buckets, key, terms};
use bailiff::shared::pure::wire::terms::Terms;

fn table(count: usize, terms: &Terms) -> Table {
    let times = vec![0; count * 8 * ring_len(terms)];
    Table::new(buckets(count), Box::leak(times.into()), terms)
}

fn place(table: &mut Table, n: u32, tick: u32) -> Place {
    let key = key(0, n);
    table.find(&key).unwrap_or_else(|| table.open(&key, tick).unwrap().0)
}

#[test]
fn window_is_that_of_a_list_of_all_times() {
    let mut dice = Dice(7);
    for maxretry in [1, 2, 3, 5, 8, 9, 15, 16, 17, 32, 33, 99, 100] {
        for findtime_s in [1, 10, 600, 31_536_000] {
            let terms = terms(&[(maxretry, findtime_s)]);
            let mut table = table(4, &terms);
            let mut times: Vec<Vec<u64>> = vec![Vec::new(); 3];
            let mut now = 5_000_000_000u64;
            for _ in 0..2_000 {
                let step = u64::from(ticks(findtime_s)) * 2 / u64::from(maxretry) + 2;
                now += dice.below(step);
                // A tick is the same again after 8.5 years.
                if now > 5_000_000_000 + u64::from(u32::MAX) {
                    break;
                }
                let (n, weight) = (dice.below(3) as u32, 1 + dice.below(3) as u16 % 3);
                let tick = table.monotone(now as u32);
                let at = place(&mut table, n, tick);
                let tally = table.hit(at, weight, tick).unwrap();
                let list = &mut times[n as usize];
                list.extend((0..weight).map(|_| now));
                let recent = list.iter().filter(|t| now - **t <= u64::from(ticks(findtime_s))).count();
                assert_eq!(
                    tally.is_due,
                    recent >= usize::from(maxretry),
                    "{maxretry} in {findtime_s} s: {recent}"
                );
                let within = table.within(at, tick).unwrap();
                assert_eq!(usize::from(within.0), recent.min(maxretry.into()));
                assert_eq!(within.1, 0);
                if tally.is_due && dice.below(2) == 0 {
                    table.remove(at);
                    list.clear();
                }
            }
            assert_eq!((table.evicted, table.backward), (0, 0));
        }
    }
}

#[test]
fn earlier_times_count_as_the_newest() {
    let terms = terms(&[(3, 10)]);
    let mut table = table(1, &terms);
    assert_eq!(table.monotone(1_000), 1_000);
    assert_eq!(table.monotone(999), 1_000);
    assert_eq!((table.monotone(1_001), table.backward), (1_001, 1));
}

#[test]
fn weight_counts_as_so_many_failures() {
    let terms = terms(&[(5, 10)]);
    let mut table = table(1, &terms);
    let at = place(&mut table, 1, 0);
    assert!(!table.hit(at, 4, 0).unwrap().is_due);
    assert!(table.hit(at, 1, 0).unwrap().is_due);
    let at = place(&mut table, 2, 0);
    assert!(table.hit(at, u16::MAX, 0).unwrap().is_due);
}

/// One bucket of eight: both choices are the same, and every key contends.
#[test]
fn expired_then_fewest_then_oldest_make_room() {
    let terms = terms(&[(8, 100)]);
    let mut table = table(1, &terms);
    for n in 0..8u32 {
        let at = place(&mut table, n, 0);
        // 0 is heavy but will be expired; 1 has two, 2 to 7 have three, of which 2 is the oldest.
        let (weight, tick) = match n {
            0 => (7, 0),
            1 => (2, 2_000),
            n => (3, 1_990 + n),
        };
        table.hit(at, weight, tick).unwrap();
    }
    for (new, gone, evicted) in [(10, 0, 0), (11, 1, 1), (12, 11, 2)] {
        let at = place(&mut table, new, 2_000);
        assert!(table.find(&key(0, gone)).is_none(), "{gone} should have made room for {new}");
        assert_eq!(table.evicted, evicted);
        table.hit(at, if new == 10 { 4 } else { 1 }, 2_000).unwrap();
    }
    let at = table.find(&key(0, 12)).unwrap();
    table.hit(at, 4, 2_001).unwrap();
    place(&mut table, 13, 2_001);
    assert!(table.find(&key(0, 2)).is_none(), "of those with three, the oldest");
}

#[test]
fn each_place_has_room_for_its_times() {
    let terms = terms(&[(100, 100)]);
    let mut table = table(1, &terms);
    for n in 0..1_000 {
        let at = place(&mut table, n, 5);
        assert!(table.hit(at, 100, 5).unwrap().is_due, "tally {n} has no room for a hundred times");
    }
    assert_eq!(tally_bytes(&terms), 21 + 100 * 4);
}

#[test]
fn hardly_any_tally_is_lost() {
    let terms = terms(&[(5, 600)]);
    for (percent, most) in [(70, 0), (81, 100)] {
        let count = 16_384;
        let mut table = table(count, &terms);
        let inserts = (count * 8 * percent / 100) as u32;
        for n in 0..inserts {
            let at = place(&mut table, n, n / 1000);
            table.hit(at, 1, n / 1000).unwrap();
        }
        let held = (0..inserts).filter(|n| table.find(&key(0, *n)).is_some()).count() as u64;
        assert_eq!(held + table.evicted, u64::from(inserts), "what is lost is counted");
        assert_eq!(u64::from(table.filling().0), held);
        let bound = u64::from(inserts) * most / 100_000;
        assert!(table.evicted <= bound, "{percent} %: {} of {inserts} had to make room", table.evicted);
    }
}

#[test]
fn jails_and_lengths_are_apart() {
    let secret = super::SECRET;
    let mut buckets = buckets::<5>(4);
    let mut wide = address(0);
    wide.len = 24;
    let keys = [key(0, 0), key(1, 0), super::Key::new(&secret, 0, &wide)];
    for k in &keys {
        assert!(buckets.find(k).is_none());
        buckets.make(k, |_, _| 0).unwrap();
    }
    assert_eq!(buckets.held(), 3);
    assert!(slots_for(131_072) * 7 / 10 >= 131_072);
}

#[test]
fn clock_set_back_bends_no_window() {
    let mut clock = Clock::default();
    assert_eq!(clock.set(10_000_000), 0);
    let before = clock.tick(10_000_000);
    assert_eq!(clock.set(9_999_500), 0, "half a second is no step");
    assert_eq!(clock.set(10_000_000 - 7_200_000), 7_200);
    assert_eq!(clock.tick(10_000_000 - 7_200_000), before);
    clock.set(10_000_000 - 7_200_000 + 60_000);
    assert_eq!(clock.tick(u64::MAX), before + 60 * 16, "the future is now");
}
