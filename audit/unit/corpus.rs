//! The filters on annotated lines: with BAILIFF_CORPUS=FILE, one JSON object a line (filter, options.mode, line,
//! journal, match, host), one figure for each filter and their sum.
//!
//! A line of a journal has no time; it is looked at as such a line, then as one of the service's own file, then as the
//! bare message. A line whose host is no address, or does not stand in it, cannot be decided by this line alone.

use bailiff::shared::pure::addr::Addr;
use bailiff::shared::pure::engine::{self, Line, judged};
use bailiff::shared::pure::filter::{FILTERS, Match, named};
use bailiff::shared::pure::form::{Seen, before, laid_out};
use std::collections::BTreeMap;

/// One annotated line.
pub(crate) struct Entry {
    pub(crate) filter: String,
    pub(crate) mode: Option<String>,
    pub(crate) line: String,
    pub(crate) is_journal: bool,
    pub(crate) must_match: bool,
    pub(crate) host: Option<String>,
}

/// What a JSON string field of a flat object holds.
fn field(line: &str, key: &str) -> Option<String> {
    let at = line.find(&format!("\"{key}\": "))? + key.len() + 4;
    let rest = line[at..].strip_prefix('"')?;
    let mut out = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next()? {
            '"' => return Some(out),
            '\\' => match chars.next()? {
                'n' => out.push('\n'),
                't' => out.push('\t'),
                'u' => {
                    let code: String = chars.by_ref().take(4).collect();
                    out.push(char::from_u32(u32::from_str_radix(&code, 16).ok()?).unwrap_or('?'));
                }
                c => out.push(c),
            },
            c => out.push(c),
        }
    }
}

fn entry(text: &str) -> Option<Entry> {
    Some(Entry {
        filter: field(text, "filter")?,
        mode: field(text, "mode"),
        line: field(text, "line")?.trim_end_matches(['\n', '\r']).to_owned(),
        is_journal: text.contains("\"journal\": true"),
        must_match: text.contains("\"match\": true"),
        host: field(text, "host"),
    })
}

/// The lines of BAILIFF_CORPUS; none where it is not set.
pub(crate) fn entries() -> Vec<Entry> {
    let Ok(path) = std::env::var("BAILIFF_CORPUS") else { return Vec::new() };
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| entry(line).unwrap_or_else(|| panic!("no entry: {line}"))).collect()
}

/// What the filter makes of an entry's line.
fn found(number: u8, entry: &Entry) -> Option<Match> {
    let filter = &FILTERS[usize::from(number)];
    let mode = entry.mode.as_deref().and_then(|m| filter.mode(m.as_bytes()));
    let modes = mode.unwrap_or(filter.default_modes);
    let line = entry.line.as_bytes();
    if !entry.is_journal {
        return engine::scan(number, modes, line);
    }
    let headers = filter.headers | before::JOURNAL;
    let as_journal = Line::new(headers, line).seen(headers, number, filter);
    let bare = || laid_out(filter.form, line).map(|(peer, message)| Seen { peer, message, times: 1 });
    as_journal
        .and_then(|seen| judged(number, modes, seen))
        .or_else(|| engine::scan(number, modes, line))
        .or_else(|| judged(number, modes, bare()?))
}

/// What came of one filter's lines.
#[derive(Default, Clone, Copy)]
struct Figures {
    right: u32,
    wrong: u32,
    must: u32,
    undecidable: u32,
    false_hits: u32,
    must_not: u32,
}

impl Figures {
    fn add(&mut self, other: Self) {
        self.right += other.right;
        self.wrong += other.wrong;
        self.must += other.must;
        self.undecidable += other.undecidable;
        self.false_hits += other.false_hits;
        self.must_not += other.must_not;
    }

    fn show(&self, name: &str) {
        let Self { right, wrong, must, undecidable, false_hits, must_not } = self;
        let share = if *must == 0 { 100.0 } else { 100.0 * f64::from(*right) / f64::from(*must) };
        println!(
            "{name:24} {right} of {must} right ({share:.1} %), {wrong} wrong, {false_hits} of {must_not} must-not; \
             {undecidable} not decidable"
        );
    }

    /// One line; what is not as it should be is printed.
    fn one(&mut self, entry: &Entry, got: Option<Match>) {
        let (filter, line) = (&entry.filter, &entry.line);
        if !entry.must_match {
            self.must_not += 1;
            self.false_hits += u32::from(got.is_some());
            if got.is_some() {
                println!("must not match: {filter}: {line}");
            }
            return;
        }
        let host =
            entry.host.as_deref().filter(|h| line.contains(*h)).and_then(|h| Addr::parse(h.as_bytes()));
        let Some(host) = host else {
            self.undecidable += 1;
            self.wrong += u32::from(got.is_some());
            let told = if got.is_some() { "decided all the same" } else { "not decidable" };
            println!("{told}: {filter}: {line}");
            return;
        };
        self.must += 1;
        self.right += u32::from(got.is_some_and(|m| m.addr == host));
        self.wrong += u32::from(got.is_some_and(|m| m.addr != host));
        if got.is_none_or(|m| m.addr != host) {
            let mode = entry.mode.as_deref().unwrap_or("-");
            println!("{}: {filter} ({mode}): {line}", if got.is_some() { "wrong" } else { "missed" });
        }
    }
}

#[test]
fn annotated_lines() {
    let entries = entries();
    if entries.is_empty() {
        println!("skipped: BAILIFF_CORPUS names no file with lines");
        return;
    }
    let mut figures: BTreeMap<&str, Figures> = BTreeMap::new();
    let mut without = BTreeMap::new();
    for entry in &entries {
        match named(entry.filter.as_bytes()) {
            None => *without.entry(entry.filter.as_str()).or_insert(0) += 1,
            Some(number) => figures.entry(&entry.filter).or_default().one(entry, found(number, entry)),
        }
    }
    let mut total = Figures::default();
    for (name, f) in &figures {
        f.show(name);
        total.add(*f);
    }
    println!("lines of services without a filter: {without:?}");
    total.show("total");
    assert_eq!((total.wrong, total.false_hits), (0, 0), "wrong, must-not");
}
