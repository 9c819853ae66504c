//! The record `Terms`: there and back, and nothing out of bounds comes back.
use bailiff::shared::pure::addr::Prefix;
use bailiff::shared::pure::wire::terms::{
    JAILS, Jail, KIND, LEN, LONGEST_S, MANUAL_NAME, NEVER, NO_FILTER, Name, Terms,
};

fn jail(name: &[u8], filter: u8) -> Jail {
    Jail {
        name: Name::parse(name).unwrap(),
        filter,
        modes: 5,
        maxretry: 5,
        findtime_s: 600,
        bantime_s: 3600,
        prefix4: 32,
        prefix6: 64,
        ports: [22, 65535, 0, 0, 0, 0, 0, 0],
    }
}

fn some() -> Terms {
    let mut terms = Terms {
        jail_count: 2,
        never_count: 3,
        max_bantime_s: 7200,
        widest4: 24,
        widest6: 48,
        rate: 10_000,
        max_bans: 131_072,
        memory: 64 << 20,
        linger_s: 60,
        lock_table: true,
        steps: false,
        dry_run: true,
        boot_id: *b"0123456789abcdef",
        ..Terms::EMPTY
    };
    terms.jails[0] = jail(MANUAL_NAME, NO_FILTER);
    terms.jails[1] = jail(b"sshd", 0);
    for (slot, text) in terms.never_ban.iter_mut().zip(["192.0.2.0/24", "2001:db8::/32", "::1"]) {
        *slot = Prefix::parse(text.as_bytes()).unwrap();
    }
    terms
}

#[test]
fn there_and_back() {
    let record = some().encode();
    assert_eq!(record[0], KIND);
    assert_eq!(Terms::decode(&record), Some(some()));
    let mut full = some();
    full.jail_count = JAILS as u8;
    for place in 1..JAILS {
        full.jails[place] = jail(format!("jail-{place:019}").as_bytes(), place as u8);
    }
    full.never_count = NEVER as u8;
    full.never_ban = [Prefix::parse(b"2001:db8:1234:5678::/64").unwrap(); NEVER];
    full.jails[JAILS - 1].ports = [1; 8];
    full.own = 64 << 10;
    assert_eq!(Terms::decode(&full.encode()), Some(full), "the fields do not fit the record");
    assert_eq!(full.jails().len(), JAILS);
    assert_eq!(full.never_ban().len(), NEVER);
    assert_eq!(some().jails().len(), 2);
    assert_eq!(some().jails[1].ports().collect::<Vec<_>>(), [22, 65535]);
}

/// Terms that are wrong in one field each.
#[test]
fn out_of_bounds_is_refused() {
    let wrong: [(&str, fn(&mut Terms)); 38] = [
        ("no jail", |t| t.jail_count = 0),
        ("too many jails", |t| t.jail_count = 33),
        ("a jail that is not there", |t| t.jail_count = 3),
        ("a jail behind the last", |t| t.jail_count = 1),
        ("too many networks", |t| t.never_count = 129),
        ("a network behind the last", |t| t.never_count = 2),
        ("a network's bits", |t| t.never_ban[0].len = 8),
        ("a network's length", |t| t.never_ban[2].len = 129),
        ("max_bantime", |t| t.max_bantime_s = LONGEST_S + 1),
        ("widest4 small", |t| t.widest4 = 7),
        ("widest4 large", |t| t.widest4 = 33),
        ("widest6 small", |t| t.widest6 = 15),
        ("widest6 large", |t| t.widest6 = 129),
        ("rate small", |t| t.rate = 0),
        ("rate large", |t| t.rate = 1_000_001),
        ("max_bans small", |t| t.max_bans = 1023),
        ("max_bans large", |t| t.max_bans = 4_194_305),
        ("memory small", |t| t.memory = (32 << 20) - 1),
        ("memory large", |t| t.memory = (1 << 40) + 1),
        ("linger small", |t| t.linger_s = 0),
        ("linger large", |t| t.linger_s = 86_401),
        ("an image too long", |t| t.own = (64 << 10) + 1),
        ("manual filter", |t| t.jails[0].filter = 0),
        ("manual name", |t| t.jails[0].name = Name::parse(b"manu").unwrap()),
        ("another manual name", |t| t.jails[1].name = Name::parse(b"manual").unwrap()),
        ("another without filter", |t| t.jails[1].filter = NO_FILTER),
        ("name", |t| t.jails[1].name = Name::EMPTY),
        ("name's letters", |t| t.jails[1].name = Name::new(b"-sshd").unwrap()),
        ("maxretry small", |t| t.jails[1].maxretry = 0),
        ("maxretry large", |t| t.jails[1].maxretry = 101),
        ("findtime small", |t| t.jails[1].findtime_s = 0),
        ("findtime large", |t| t.jails[1].findtime_s = LONGEST_S + 1),
        ("bantime beyond max_bantime", |t| t.jails[1].bantime_s = 7201),
        ("bantime without end", |t| t.jails[1].bantime_s = 0),
        ("prefix4", |t| t.jails[1].prefix4 = 28),
        ("prefix6", |t| t.jails[1].prefix6 = 65),
        ("prefix4 wider than widest4", |t| (t.widest4, t.jails[1].prefix4) = (25, 24)),
        ("a port behind none", |t| t.jails[1].ports = [0, 22, 0, 0, 0, 0, 0, 0]),
    ];
    for (what, spoil) in wrong {
        let mut terms = some();
        spoil(&mut terms);
        assert_eq!(Terms::decode(&terms.encode()), None, "{what}");
    }
}

/// Whatever is read is exactly what would be written: no byte without a meaning passes.
#[test]
fn random_records() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |n: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 11) as usize % n
    };
    let good = some().encode();
    let (mut refused, mut taken) = (0, 0);
    for _ in 0..20_000 {
        let mut record = good;
        for _ in 0..1 + random(3) {
            let place = if random(2) == 0 { random(160) } else { random(LEN) };
            record[place] = if random(2) == 0 { random(256) as u8 } else { record[place] ^ 1 << random(8) };
        }
        match Terms::decode(&record) {
            None => refused += 1,
            Some(terms) => {
                assert_eq!(terms.encode(), record);
                taken += usize::from(record != good);
            }
        }
    }
    assert!(refused > 10_000 && taken > 200, "{refused} refused, {taken} taken");
    let mut record = good;
    record[0] ^= 1;
    assert_eq!(Terms::decode(&record), None, "another kind");
    for place in 48 + 2 * 53..48 + 32 * 53 {
        let mut record = good;
        record[place] = 1;
        assert_eq!(Terms::decode(&record), None, "a byte behind the last jail: {place}");
    }
}
