//! Every filter of the catalogue on any line: what is generated, alone and all at once, and what interprets the same file.
//!
//! Run by: libFuzzer (fuzz.sh), in the repository's root. In: a line. Out: nothing, or the end of the process. Never: ships.
#![allow(dead_code, reason = "the compiler is used by others too")]

#[path = "../../filters/compiler/mod.rs"]
mod compiler;
mod target;

use bailiff::shared::pure::engine::{Line, judged, scan, scan_all};
use bailiff::shared::pure::filter::{FILTERS, Match};
use bailiff::shared::pure::form::before::JOURNAL;
use bailiff::shared::pure::image::{OwnFilter, filters};
use std::sync::OnceLock;
use target::names;

/// The catalogue's filters, as if they were the operator's own.
fn own() -> &'static [OwnFilter<'static>] {
    static OWN: OnceLock<Vec<OwnFilter<'static>>> = OnceLock::new();
    OWN.get_or_init(|| FILTERS.iter().map(|f| image(f.name)).collect())
}

fn image(name: &str) -> OwnFilter<'static> {
    let path = format!("filters/{name}.filter");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let filter = compiler::parse::parse(name, &text).unwrap_or_else(|f| panic!("{path}:{f}"));
    let mut image = Vec::new();
    compiler::image::append(&mut image, &filter).unwrap_or_else(|f| panic!("{path}:{f}"));
    filters(image.leak()).next().expect("one filter")
}

fn run(line: &[u8]) {
    let modes = [u8::MAX, 1, u8::MAX, 2][line.len() % 4];
    let mut one = Vec::new();
    for (number, own) in (0..).zip(own()) {
        let found = scan(number, modes, line);
        one.extend(found.map(|found| (number, found)));
        let interpreted = Line::new(own.headers, line).scan_own(own, modes);
        assert_eq!(found, interpreted, "{} is interpreted otherwise", name(own));
        shown(number, own, line);
    }
    let mut all = Vec::new();
    scan_all(&[modes; 256], line, |number, found| all.push((number, found)));
    all.sort_by_key(|(number, _)| *number);
    assert_eq!(one, all, "asked one by one, and all at once");
    one.iter().for_each(|(number, found)| holds(*number, *found, line));
}

fn name(own: &OwnFilter<'_>) -> String {
    String::from_utf8_lossy(own.name).into_owned()
}

/// The same for an entry of the journal.
fn shown(number: u8, own: &OwnFilter<'static>, line: &[u8]) {
    let (filter, headers) = (&FILTERS[usize::from(number)], own.headers | JOURNAL);
    let read = Line::new(headers, line);
    let seen = read.seen(headers, number, filter);
    let found = seen.and_then(|seen| judged(number, u8::MAX, seen));
    let mut own = *own;
    own.headers = headers;
    let interpreted = read.scan_own(&own, u8::MAX);
    assert_eq!(found, interpreted, "{} is interpreted otherwise in the journal", name(&own));
    found.into_iter().for_each(|found| holds(number, found, line));
}

/// A match names a rule that counts, and an address that stands in the line.
fn holds(number: u8, found: Match, line: &[u8]) {
    let rule = &FILTERS[usize::from(number)].rules[usize::from(found.rule)];
    assert!(rule.weight > 0 && (rule.weight..=rule.weight * 1000).contains(&found.weight));
    assert!(names(line, found.addr), "an address that does not stand in the line");
}

target::target!(run);
