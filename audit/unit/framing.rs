//! Framing and hiding, tried on every filter in filters/: whatever an outsider writes into the fields that he
//! controls, nobody but the line's true peer is accused, by this filter or by another that reads the same log.
//!
//! Run by `cargo test --test unit framing`. In: audit/vectors/outsider.txt (lines as services write them, with
//! the outsider's fields and their escaping) and the filters' own examples, whose fields are what their patterns
//! call free. Out: the count of lines, and for each filter how often its line was hidden. BAILIFF_FRAMING_S: seconds
//! in all (30).

use super::crooked::Crooked;
use super::filters::{ALL, compiler, sources};
use bailiff::shared::pure::engine::Modes;
use bailiff::shared::pure::filter::{FILTERS, Match};
use compiler::parse::Filter;
use filling::{Imitation, Pool};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use trial::{Trial, fillings};
use written::{Kind, PEERS, Written};

mod escape;
mod filling;
mod trial;
mod written;

const OUTSIDER: &str = include_str!("../vectors/outsider.txt");

/// Filters that nobody hides from (docs/threat-model.md, Hiding), but by text that is named here and in the filter.
const NEVER_HIDDEN: [(&str, &str); 7] = [
    ("dovecot", "Received invalid SSL certificate: "),
    ("postfix", ""),
    ("nginx-http-auth", ""),
    ("nginx-limit-req", ""),
    ("nginx-botsearch", ""),
    ("nginx-forbidden", ""),
    ("nginx-bad-request", ""),
];

/// Times that each line is filled at least, however slow the machine is.
const ROUNDS: u32 = 16;

/// The lines of outsider.txt whose filters are compiled in.
fn templates() -> Vec<Written> {
    let rows = OUTSIDER.lines().enumerate().filter(|(_, l)| !l.is_empty() && !l.starts_with('#'));
    let read = |(n, row): (usize, &str)| {
        let origin = format!("audit/vectors/outsider.txt:{}", n + 1);
        Written::template(origin.clone(), row).unwrap_or_else(|reason| panic!("{origin}: {reason}"))
    };
    rows.filter_map(read).collect()
}

/// The rule that takes a template's honest line.
fn rule_of(source: &Filter, template: &Written) -> Option<usize> {
    let line = template.line(PEERS[0], &[]);
    let seen = compiler::run::seen(source, &line)?;
    Some(compiler::run::judge(source, ALL, seen)?.0)
}

/// The examples of all filters, with what their rules call free; only of rules that no template speaks of, for what
/// they call free may hold what the service writes.
fn examples(sources: &[Filter], templates: &[Written]) -> Vec<Written> {
    let mut all = Vec::new();
    for (number, filter) in (0..).zip(sources) {
        let own = templates.iter().filter(|t| t.filter == number);
        let known: Vec<usize> = own.filter_map(|t| rule_of(filter, t)).collect();
        for (_, rule) in filter.rules.iter().enumerate().filter(|(i, _)| !known.contains(i)) {
            all.extend(rule.examples.iter().filter_map(|e| Written::example(number, filter, rule, e)));
        }
    }
    all
}

/// What makes somebody a victim: all hits of each filter, and the templates with honest fields.
fn imitations(sources: &[Filter], templates: &[Written]) -> Vec<(u8, Imitation)> {
    let mut all = Vec::new();
    for (number, filter) in (0..).zip(sources) {
        for example in filter.rules.iter().flat_map(|r| &r.examples) {
            let Some(addr) = &example.addr else { continue };
            all.extend(Imitation::of(example.text.as_bytes(), addr).into_iter().map(|i| (number, i)));
        }
    }
    for template in templates {
        let line = template.line(PEERS[0], &[]);
        all.extend(Imitation::of(&line, PEERS[0]).into_iter().map(|i| (template.filter, i)));
    }
    all
}

/// What came of the trials of one filter.
#[derive(Default)]
struct Figures {
    lines: u64,
    /// Lines that accuse another than their peer, the first of each origin.
    framed: BTreeMap<String, String>,
    /// Hostile lines of templates that count when they are honest, and how many of these were not counted, or were
    /// too long for the watcher.
    hostile: u64,
    hidden: u64,
    overlong: u64,
    /// Whether a filter of `NEVER_HIDDEN` was hidden from.
    against_its_word: bool,
    /// The hidden ones by their origin, with the shortest of each.
    by_origin: BTreeMap<String, (u64, String)>,
}

impl Figures {
    fn share(&self) -> f64 {
        if self.hostile == 0 { 0.0 } else { 100.0 * self.hidden as f64 / self.hostile as f64 }
    }

    fn hide(&mut self, name: &str, origin: &str, line: &[u8]) {
        self.hidden += 1;
        let line = String::from_utf8_lossy(line);
        let never = NEVER_HIDDEN.iter().find(|(filter, _)| *filter == name);
        self.against_its_word |= never.is_some_and(|(_, but)| but.is_empty() || !line.contains(but));
        let (hidden, shortest) = self.by_origin.entry(origin.to_owned()).or_default();
        *hidden += 1;
        if shortest.is_empty() || line.len() < shortest.len() {
            *shortest = line.into_owned();
        }
    }
}

fn tried(trial: &Trial, lines: &[&Written], pool: &Pool<'_>, until: Instant) -> Figures {
    let mut random = Crooked::new(u64::from(trial.number) + 42);
    let readers: Vec<Modes> = lines.iter().map(|w| trial.readers_of(w)).collect();
    let honest = |(w, readers): (&&Written, &Modes)| {
        if w.kind == Kind::Counts { trial.honest(readers, w) } else { None }
    };
    let honest: Vec<Option<u8>> = lines.iter().zip(&readers).map(honest).collect();
    let mut figures = Figures::default();
    if lines.is_empty() {
        return figures;
    }
    let mut rounds = 0;
    while rounds < ROUNDS || Instant::now() < until {
        rounds += 1;
        for (written, (honest, readers)) in lines.iter().zip(honest.iter().zip(&readers)) {
            one(trial, readers, written, *honest, pool, &mut random, &mut figures);
        }
    }
    figures
}

fn one(
    trial: &Trial,
    readers: &Modes,
    written: &Written,
    honest: Option<u8>,
    pool: &Pool<'_>,
    random: &mut Crooked,
    figures: &mut Figures,
) {
    let peer = written.peer(random);
    let texts = fillings(random, pool, written);
    let line = written.line(peer, &texts);
    let outcome = trial.judge(readers, &line, &written.accusable(peer));
    figures.lines += 1;
    if let Some(framed) = outcome.framed.as_ref().filter(|_| written.kind != Kind::Forged) {
        let tell = || told(trial, &line, framed);
        figures.framed.entry(written.origin.clone()).or_insert_with(tell);
    }
    // Services write no name, or `-`, for nobody.
    let is_nobody = texts.iter().flatten().any(|t| matches!(t.trim_ascii(), b"" | b"-"));
    let Some(modes) = honest.filter(|_| peer == PEERS[0] && !is_nobody) else { return };
    figures.hostile += 1;
    match outcome.counted.contains(&modes) {
        true => {}
        false if outcome.overlong => figures.overlong += 1,
        false => figures.hide(FILTERS[usize::from(trial.number)].name, &written.origin, &line),
    }
}

fn told(trial: &Trial, line: &[u8], (by, modes, hit): &(u8, u8, Match)) -> String {
    let (own, by) = (&FILTERS[usize::from(trial.number)], &FILTERS[usize::from(*by)]);
    let rule = by.rules.get(usize::from(hit.rule)).map_or(0, |r| r.line);
    let (mut room, line) = ([0; 40], String::from_utf8_lossy(line));
    let addr = String::from_utf8_lossy(hit.addr.write(&mut room)).into_owned();
    format!("{}: filters/{}.filter:{rule} in modes {modes:#x} accuses {addr}: {line:?}", own.name, by.name)
}

/// Seconds for all filters together.
fn budget() -> Duration {
    let given = std::env::var("BAILIFF_FRAMING_S").ok().and_then(|s| s.parse().ok());
    Duration::from_secs(given.unwrap_or(30))
}

/// The filters of BAILIFF_FRAMING, separated by blanks; all without it.
fn under_trial(name: &str) -> bool {
    std::env::var("BAILIFF_FRAMING").map_or(true, |names| names.split_whitespace().any(|n| n == name))
}

fn figures() -> Vec<(&'static str, Figures)> {
    let sources = sources();
    let templates = templates();
    let examples = examples(&sources, &templates);
    let lines: Vec<Written> = templates.into_iter().chain(examples).collect();
    let (owners, imitations): (Vec<u8>, Vec<Imitation>) = imitations(&sources, &lines).into_iter().unzip();
    let names: Vec<(u8, &str)> =
        (0..).zip(FILTERS.iter().map(|f| f.name)).filter(|f| under_trial(f.1)).collect();
    let start = Instant::now();
    let mut figures = Vec::new();
    for (done, (number, name)) in (1..).zip(&names) {
        let trial = Trial::new(*number);
        let logs = FILTERS[usize::from(*number)].logs;
        let is_near = |o: u8| o == *number || FILTERS[usize::from(o)].logs.iter().any(|l| logs.contains(l));
        let own = owners.iter().zip(&imitations).filter(|(o, _)| is_near(**o));
        let pool = Pool { own: own.map(|(_, i)| i).collect(), all: &imitations };
        let lines: Vec<&Written> = lines.iter().filter(|w| w.filter == *number).collect();
        // A filter with fewer lines leaves its time to the later ones.
        let until = start + budget() * done / names.len() as u32;
        figures.push((*name, tried(&trial, &lines, &pool, until)));
    }
    figures
}

fn table(figures: &mut [(&str, Figures)]) {
    figures.sort_by(|a, b| b.1.share().total_cmp(&a.1.share()).then(a.0.cmp(b.0)));
    println!("{:24} {:>9} {:>9} {:>8} {:>7} {:>9}", "filter", "lines", "hostile", "hidden", "%", "too long");
    for (name, f) in figures.iter() {
        println!("{name:24} {:9} {:9} {:8} {:7.2} {:9}", f.lines, f.hostile, f.hidden, f.share(), f.overlong);
    }
    for (name, f) in figures.iter() {
        for (origin, (hidden, line)) in &f.by_origin {
            println!("  hidden {hidden:6} {name} ({origin}): {line:?}");
        }
    }
}

#[test]
fn nobody_is_framed_and_few_can_hide() {
    let start = Instant::now();
    let mut figures = figures();
    table(&mut figures);
    let lines: u64 = figures.iter().map(|(_, f)| f.lines).sum();
    println!("framing: {lines} lines of {} filters in {:?}", figures.len(), start.elapsed());
    let framed: Vec<String> = figures
        .iter()
        .flat_map(|(_, f)| &f.framed)
        .map(|(origin, told)| format!("{origin}: {told}"))
        .collect();
    assert!(framed.is_empty(), "{} can be framed:\n{}", framed.len(), framed.join("\n"));
    for (name, f) in &figures {
        let never = NEVER_HIDDEN.iter().any(|(filter, _)| filter == name);
        assert!(!never || f.hostile > 0, "{name}: outsider.txt does not tell what its service writes");
        assert!(!f.against_its_word, "{name}: {} of {} lines were hidden", f.hidden, f.hostile);
    }
}

/// A template whose honest line does not count measures nothing.
#[test]
fn honest_lines_count() {
    let is_wrong = |written: &Written| {
        let trial = Trial::new(written.filter);
        let is_counted = trial.honest(&trial.readers_of(written), written).is_some();
        match written.kind {
            // Honest or not, the filter says what such a line is worth.
            Kind::Forged => FILTERS[usize::from(written.filter)].forged.is_empty(),
            Kind::Innocent => is_counted,
            _ => !is_counted,
        }
    };
    let told = |w: &Written| {
        let line = String::from_utf8_lossy(&w.line(PEERS[0], &[])).into_owned();
        format!("{} ({}): {line}", w.origin, FILTERS[usize::from(w.filter)].name)
    };
    let wrong: Vec<String> = templates().iter().filter(|w| is_wrong(w)).map(told).collect();
    assert!(wrong.is_empty(), "counted against its word, or not counted:\n{}", wrong.join("\n"));
}
