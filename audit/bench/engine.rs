//! The engine by itself, in one process: from a file to the counted attempt, by the parts that the watcher and the tracker
//! are made of. Left out is what lies between and behind them: channels, the policy, the ban.
//!
//! Run by: bench.py. In: a log; a filter's name, or `all`: every filter in its default mode. Out: what it counted, as JSON.
#![allow(dead_code, reason = "not every part of an included file is measured")]

#[path = "../../src/confined/tracker/bucket.rs"]
mod bucket;
#[path = "../../src/confined/tracker/clock.rs"]
mod clock;
#[path = "../../src/confined/tracker/table.rs"]
mod table;

use self::bucket::{Buckets, Key, WAYS, slots_for};
use self::clock::Clock;
use self::table::{Table, ring_len};
use bailiff::shared::base::lines::Lines;
use bailiff::shared::pure::addr::Prefix;
use bailiff::shared::pure::engine::{Line, Modes, scan_all};
use bailiff::shared::pure::filter::{FILTERS, Match, named};
use bailiff::shared::pure::wire::batch::MOST;
use bailiff::shared::pure::wire::terms::{Jail, Terms};
use bailiff::shims::clock::realtime_ns;
use std::os::unix::fs::FileExt as _;

/// The watcher's own (tail.rs).
const BLOCK: usize = 256 << 10;
/// Room for the addresses of the log, which are fewer.
const ADDRESSES: u32 = 32_000;
/// Any will do where nobody chooses addresses by it.
const SECRET: [u64; 2] = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];

/// What the tracker does to an attempt.
struct Count {
    table: Table,
    clock: Clock,
    /// Matches that were not counted yet: as many as the watcher sends at once.
    batch: Vec<Match>,
    attempts: u64,
    weight: u64,
    due: u64,
}

impl Count {
    fn new() -> Self {
        let mut terms = Terms::EMPTY;
        terms.jail_count = 1;
        terms.jails[0] = Jail { maxretry: 5, findtime_s: 600, ..Jail::EMPTY };
        let slots = slots_for(ADDRESSES) as usize;
        let times = Box::leak(vec![0; slots * ring_len(&terms)].into());
        let tags = Box::leak(vec![[0; WAYS]; slots / WAYS].into());
        let entries = Box::leak(vec![[[0; 5]; WAYS]; slots / WAYS].into());
        let table = Table::new(Buckets::new(tags, entries), times, &terms);
        Self {
            table,
            clock: Clock::default(),
            batch: Vec::with_capacity(MOST),
            attempts: 0,
            weight: 0,
            due: 0,
        }
    }

    fn found(&mut self, found: Match) {
        self.batch.push(found);
        if self.batch.len() == MOST {
            self.count();
        }
    }

    fn count(&mut self) {
        for found in std::mem::replace(&mut self.batch, Vec::with_capacity(MOST)) {
            self.attempt(found);
        }
    }

    fn attempt(&mut self, found: Match) {
        let tick = self.table.monotone(self.clock.tick(u64::MAX));
        let prefix = Prefix::around(found.addr, if found.addr.is_v4() { 32 } else { 64 });
        let key = Key::new(&SECRET, 0, &prefix);
        let place = self.table.find(&key).or_else(|| Some(self.table.open(&key, tick)?.0));
        let tally = place.and_then(|place| self.table.hit(place, found.weight, tick));
        self.attempts += 1;
        self.weight += u64::from(found.weight);
        self.due += u64::from(tally.is_some_and(|tally| tally.is_due));
    }
}

/// Reads the file as the watcher does, block by block; `look` is given each line. How many there were.
fn lines(path: &str, mut look: impl FnMut(&[u8])) -> u64 {
    let file = std::fs::File::open(path).expect("the log");
    let mut buf = vec![0; BLOCK];
    let (mut offset, mut skipping, mut count) = (0u64, false, 0);
    loop {
        let got = file.read_at(&mut buf, offset).expect("the log");
        let mut lines = Lines::new(&buf[..got], skipping);
        for line in lines.by_ref() {
            count += 1;
            look(line.bytes);
        }
        let reach = lines.finish();
        if reach.consumed == 0 {
            return count;
        }
        (offset, skipping) = (offset + reach.consumed as u64, reach.skipping);
    }
}

pub(crate) fn run(path: &str, filter: &str) {
    let mut count = Count::new();
    let start = std::time::Instant::now();
    let _ = count.clock.set(realtime_ns() / 1_000_000);
    let read = match named(filter.as_bytes()) {
        Some(number) => {
            let own = &FILTERS[usize::from(number)];
            lines(path, |line| {
                let found = Line::new(own.headers, line).scan(number, own.default_modes);
                found.into_iter().for_each(|found| count.found(found));
            })
        }
        None if filter == "all" => {
            let mut modes: Modes = [0; 256];
            modes.iter_mut().zip(FILTERS).for_each(|(slot, filter)| *slot = filter.default_modes);
            lines(path, |line| scan_all(&modes, line, |_, found| count.found(found)))
        }
        None => panic!("no filter {filter}"),
    };
    count.count();
    let took = start.elapsed().as_secs_f64();
    let Count { table, attempts, weight, due, .. } = count;
    println!(
        "{{\"seconds\": {took:.4}, \"lines\": {read}, \"matches\": {attempts}, \"attempts\": {weight}, \"addresses\": {}, \"due\": {due}}}",
        table.filling().0
    );
}
