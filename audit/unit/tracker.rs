//! The tracker's parts, without its process: the same files, included here.
#![allow(dead_code, reason = "not every part of an included file is tested")]

#[path = "../../src/confined/tracker/acks.rs"]
mod acks;
#[path = "../../src/confined/tracker/ban.rs"]
mod ban;
#[path = "../../src/confined/tracker/bans.rs"]
mod bans;
#[path = "../../src/confined/tracker/bucket.rs"]
mod bucket;
#[path = "../../src/confined/tracker/clock.rs"]
mod clock;
#[path = "../../src/confined/tracker/compact.rs"]
mod compact;
#[path = "../../src/confined/tracker/hush.rs"]
mod hush;
#[path = "../../src/confined/tracker/ledger.rs"]
mod ledger;
#[path = "../../src/confined/tracker/ledger_record.rs"]
mod ledger_record;
#[path = "../../src/confined/tracker/policy.rs"]
mod policy;
#[path = "../../src/confined/tracker/replay.rs"]
mod replay;
#[path = "../../src/confined/tracker/say.rs"]
mod say;
#[path = "../../src/confined/tracker/slot.rs"]
mod slot;
#[path = "../../src/confined/tracker/sync.rs"]
mod sync;
#[path = "../../src/confined/tracker/table.rs"]
mod table;
#[path = "../../src/confined/tracker/window.rs"]
mod window;

#[path = "tracker_bans.rs"]
mod bans_are;
#[path = "tracker_ledger.rs"]
mod ledger_is;
#[path = "tracker_table.rs"]
mod table_is;

use self::ban::{Ban, State};
use self::bans::Bans;
use self::bucket::{Buckets, Key, WAYS};
use bailiff::shared::pure::addr::{Addr, Prefix};
use bailiff::shared::pure::wire::control::Origin;
use bailiff::shared::pure::wire::terms::{Jail, Name, Terms};

/// A generator of numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

const SECRET: [u64; 2] = [1, 2];

fn address(n: u32) -> Prefix {
    let addr = Addr::v4((0x0a00_0000 + n).to_be_bytes());
    Prefix { addr, len: 32 }
}

fn key(jail: u8, n: u32) -> Key {
    Key::new(&SECRET, jail, &address(n))
}

fn buckets<const N: usize>(count: usize) -> Buckets<N> {
    Buckets::new(Box::leak(vec![[0; WAYS]; count].into()), Box::leak(vec![[[0; N]; WAYS]; count].into()))
}

fn terms(limits: &[(u8, u32)]) -> Terms {
    let mut terms = Terms::EMPTY;
    for (at, (maxretry, findtime_s)) in limits.iter().enumerate() {
        let name = Name::new(format!("jail{at}").as_bytes()).unwrap();
        let limits = Jail { maxretry: *maxretry, findtime_s: *findtime_s, ..Jail::EMPTY };
        terms.jails[at] = Jail { name, bantime_s: 600, prefix4: 32, prefix6: 64, ..limits };
        terms.jail_count += 1;
    }
    terms
}

fn ban(jail: u8, n: u32, state: State, end_s: u32) -> Ban {
    let (origin, source, rule) = (Origin::Filter, 9, 7);
    Ban {
        prefix: address(n),
        jail,
        origin,
        state,
        source,
        rule,
        failures: 5,
        offset: 1 << 40,
        since_s: 100,
        end_s,
    }
}

fn all(bans: &Bans) -> Vec<Ban> {
    let mut all: Vec<Ban> = bans.from(0, u32::MAX).map(|(_, ban)| ban).collect();
    all.sort_by_key(|ban| (ban.jail, ban.prefix.addr.0));
    all
}
