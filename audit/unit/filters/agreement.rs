//! One line, one answer: the generated code, the interpreter of the same filters' steps, and all filters at once.
//!
//! In: every example, the lines of BAILIFF_CORPUS if it is set, and spoiled ones, from a fixed seed. Out: the first
//! line on which two of them differ. Within `TIME`, however many filters there are.

use super::super::corpus;
use super::super::crooked::Crooked;
use super::compiler::parse::Filter;
use super::compiler::run;
use super::{ALL, sources};
use bailiff::shared::pure::engine::{self, Modes};
use bailiff::shared::pure::filter::{FILTERS, Match};
use bailiff::shared::pure::sieve::{Sieve, members, rows};
use std::time::{Duration, Instant};

/// For the spoiled lines of all filters together.
const TIME: Duration = Duration::from_secs(18);
/// Spoiled lines of one filter (some are whole), if the time is enough.
const LINES: u32 = 20_000;
/// One line of so many is also asked of all filters.
const ALL_TOGETHER: u64 = 64;

/// What the interpreter says: the rule, the address, the weight.
fn interpreted(filter: &Filter, modes: u8, line: &[u8]) -> Option<(usize, [u8; 16], u16)> {
    let seen = run::seen(filter, line)?;
    let (rule, addr) = run::judge(filter, modes, seen)?;
    Some((rule, addr?.0, filter.rules[rule].weight.saturating_mul(seen.times)))
}

fn answer(hit: Match) -> (usize, [u8; 16], u16) {
    (usize::from(hit.rule), hit.addr.0, hit.weight)
}

/// Whether the filter counts the line, after both ways were found to say the same.
fn agree(number: u8, filter: &Filter, modes: u8, line: &[u8]) -> bool {
    let generated = engine::scan(number, modes, line).map(answer);
    let told = String::from_utf8_lossy(line);
    assert_eq!(generated, interpreted(filter, modes, line), "{} in modes {modes:#x}: {told:?}", filter.name);
    generated.is_some()
}

/// All filters at once against each by itself.
fn all_agree(modes: &Modes, line: &[u8]) {
    let mut together = Vec::new();
    engine::scan_all(modes, line, |number, hit| together.push((number, answer(hit))));
    together.sort_unstable();
    let alone: Vec<_> = (0..FILTERS.len() as u8)
        .filter(|number| modes[usize::from(*number)] != 0)
        .filter_map(|number| Some((number, answer(engine::scan(number, modes[usize::from(number)], line)?))))
        .collect();
    assert_eq!(together, alone, "all at once, and each alone: {:?}", String::from_utf8_lossy(line));
}

/// The lines that a filter is shown: its own, and those of the corpus.
fn shown<'a>(filter: &'a Filter, corpus: &'a [corpus::Entry]) -> Vec<&'a str> {
    let examples = filter.rules.iter().flat_map(|r| &r.examples).chain(&filter.misses);
    let entries = corpus.iter().filter(|e| e.filter == filter.name);
    examples.map(|e| e.text.as_str()).chain(entries.map(|e| e.line.as_str())).collect()
}

#[test]
fn generated_code_and_interpreter_agree() {
    let (sources, corpus) = (sources(), corpus::entries());
    let mut random = Crooked::new(7);
    let everything: Modes = [ALL; 256];
    let start = Instant::now();
    let (mut lines, mut hits, mut together) = (0u64, 0u64, 0u64);
    for (number, filter) in (0u8..).zip(&sources) {
        let shown = shown(filter, &corpus);
        for line in &shown {
            let named = FILTERS[usize::from(number)].modes.iter().map(|m| m.bits);
            let counted = named.chain([ALL]).filter(|m| agree(number, filter, *m, line.as_bytes())).count();
            hits += u64::from(counted > 0);
            all_agree(&everything, line.as_bytes());
        }
        let until = start + TIME * u32::from(number + 1) / sources.len() as u32;
        let spoiled = (0..LINES).take_while(|n| n % 64 > 0 || Instant::now() < until);
        for _ in spoiled {
            let mut line = random.pick(&shown).as_bytes().to_vec();
            if random.below(4) > 0 {
                random.spoil(&mut line, &shown);
            }
            let modes = if random.below(2) == 0 { ALL } else { random.next() as u8 };
            hits += u64::from(agree(number, filter, modes, &line));
            lines += 1;
            if random.below(ALL_TOGETHER) == 0 {
                let some: Modes = std::array::from_fn(|_| random.next() as u8 & random.next() as u8);
                all_agree(&some, &line);
                all_agree(&everything, &line);
                together += 1;
            }
        }
    }
    println!(
        "{lines} spoiled lines, {hits} matched, {together} asked of all filters, in {:?}",
        start.elapsed()
    );
    assert!(
        lines > 5_000 && hits * 10 > lines,
        "{hits} of {lines} lines matched: the comparison compares little"
    );
}

/// Filters of a sieve of its own: one without needles, and needles that are parts of others, share ends, or are long.
const NEEDLES: &[(&[u8], &[u8])] = &[
    (b"abcd", &[0]),
    (b"bcde", &[1, 64]),
    (b"xbcde", &[127]),
    (b"\0\0\0\0", &[128]),
    (b"eight+++", &[3, 255]),
];
static SIEVE: Sieve<{ rows(NEEDLES) }> = Sieve::new(NEEDLES, &[200]);

#[test]
fn a_needle_is_found_wherever_it_stands() {
    let mut random = Crooked::new(11);
    for round in 0..200_000u32 {
        // Few different bytes, so that needles come about in parts too.
        let mut line: Vec<u8> =
            (0..random.below(24)).map(|_| b"abcdex+\0"[random.below(8) as usize]).collect();
        if round % 2 == 0 {
            let (needle, _) = NEEDLES[random.below(NEEDLES.len() as u64) as usize];
            let at = random.below(line.len() as u64 + 1) as usize;
            line.splice(at..at, needle.iter().copied());
        }
        let found: Vec<u8> = members(SIEVE.of(&line)).collect();
        let holds = |text: &[u8]| line.windows(text.len()).any(|window| window == text);
        for (needle, filters) in NEEDLES {
            // Zeros also stand before the line.
            let must = holds(needle);
            let may = needle.starts_with(b"\0") || holds(&needle[..needle.len() - 1]);
            for filter in *filters {
                let is_found = found.contains(filter);
                assert!(is_found || !must, "{filter} is left out: {:?}", line.escape_ascii().to_string());
                assert!(may || !is_found, "{filter} is not meant: {:?}", line.escape_ascii().to_string());
            }
        }
        assert!(found.contains(&200) && found.is_sorted());
    }
}
