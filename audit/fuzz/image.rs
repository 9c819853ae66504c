//! Images of the operator's filters: any bytes, and what is made of any text that parses, whole and spoilt.
//!
//! Run by: libFuzzer (fuzz.sh). In: `i` and an image, `s` and steps, or `f` and a filter's text; a
//! NUL; a line. Out: nothing, or the end of
//! the process. Never: ships.
#![allow(dead_code, reason = "the compiler is used by others too")]

#[path = "../../filters/compiler/mod.rs"]
mod compiler;
mod target;

use bailiff::shared::pure::engine::Line;
use bailiff::shared::pure::image::{self, OwnFilter};
use bailiff::shared::pure::steps::take;
use compiler::parse::Filter;
use target::names;

fn run(bytes: &[u8]) {
    let end = bytes.iter().rposition(|b| *b == 0).unwrap_or(bytes.len());
    let line = bytes.get(end + 1..).unwrap_or(&[]);
    match bytes[..end].split_first() {
        Some((b'f', text)) => text_of(&String::from_utf8_lossy(text), line),
        Some((b's', code)) => drop(take(code, line, &mut ())),
        Some((_, image)) => any(image, line),
        None => {}
    }
}

/// Any image: each of its filters answers all that can be asked of it.
fn any(image: &[u8], line: &[u8]) {
    assert!(image::filters(image).count() <= image::OWN);
    for filter in image::filters(image) {
        let facts = filter.logs().count() + filter.ports().count() + filter.modes().count();
        assert!(facts <= 3 * 255);
        assert!(filter.modes().all(|(name, _)| filter.mode(name).is_some()), "a mode that is not found");
        for modes in [1, u8::MAX] {
            if let Some(found) = Line::new(filter.headers, line).scan_own(&filter, modes) {
                assert!(found.weight > 0);
                assert!(
                    names(line, found.addr) || found.addr == Default::default(),
                    "an address out of nothing"
                );
            }
        }
    }
}

fn text_of(text: &str, line: &[u8]) {
    let Ok(filter) = compiler::parse::parse("t", text) else { return };
    let mut image = Vec::new();
    if compiler::image::append(&mut image, &filter).is_err() {
        return;
    }
    let mut all = image::filters(&image);
    let own = all.next().expect("a filter that was written and is not read");
    assert!(all.next().is_none(), "one filter was written, and two are read");
    facts(&filter, &own);
    let examples = filter.rules.iter().flat_map(|r| &r.examples).chain(&filter.misses);
    examples.for_each(|e| same(&filter, &own, e.text.as_bytes()));
    same(&filter, &own, line);
    spoilt(&image, line);
}

/// What the image says of the filter is what the filter says.
fn facts(filter: &Filter, own: &OwnFilter<'_>) {
    assert_eq!((own.name, own.headers, own.default_modes), (&b"t"[..], filter.headers, filter.default_modes));
    assert_eq!(own.forged, filter.forged.as_bytes());
    assert!(own.ports().eq(filter.ports.iter().copied()));
    assert!(own.logs().eq(filter.logs.iter().map(String::as_bytes)));
    assert!(own.modes().eq(filter.modes.iter().map(|m| (m.name.as_bytes(), m.bits))));
}

/// The image and the interpreter take the same lines, by the same rule, and accuse the same.
fn same(filter: &Filter, own: &OwnFilter<'_>, line: &[u8]) {
    for modes in [1, 2, u8::MAX] {
        let seen = compiler::run::seen(filter, line);
        let judged = seen.and_then(|seen| compiler::run::judge(filter, modes, seen));
        let expected = judged.and_then(|(rule, addr)| Some((rule, addr?.0, filter.rules[rule].weight)));
        let found = image_of(own, modes, line);
        let times = seen.map_or(1, |seen| seen.times);
        assert_eq!(found, expected.map(|(rule, addr, weight)| (rule, addr, weight.saturating_mul(times))));
    }
}

fn image_of<'a>(own: &OwnFilter<'a>, modes: u8, line: &'a [u8]) -> Option<(usize, [u8; 16], u16)> {
    let found = Line::new(own.headers, line).scan_own(own, modes)?;
    Some((found.rule.into(), found.addr.0, found.weight))
}

/// The same image with bytes changed, and cut, where the line says.
fn spoilt(image: &[u8], line: &[u8]) {
    let mut spoilt = image.to_vec();
    for change in line.as_chunks::<3>().0.iter().take(4) {
        let [low, high, value] = *change;
        let at = usize::from(u16::from_le_bytes([low, high]));
        let many = spoilt.len().max(1);
        if let Some(b) = spoilt.get_mut(at % many) {
            *b = value;
        }
        any(&spoilt, line);
        any(image.get(..at % many).unwrap_or(image), line);
    }
}

target::target!(run);
