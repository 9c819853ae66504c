//! From checked filters to Rust: which filters may take a line, so that many cost about as much as one.
//!
//! Runs in: the filter compiler. In: checked filters. Out: the text of `owners`, `key`, `TIMED` and `BARE` in filters.rs.
//! What they name is looked at by the filters themselves; what they leave out cannot match.

use super::super::compiler::form::{Form, before};
use super::super::compiler::index::DIGEST;
use super::super::compiler::parse::Filter;
use super::super::compiler::program::is_own;
use super::super::compiler::rule::Rule;
use super::opening::Opening;
use super::pattern::{byte, bytes};
use std::fmt::Write as _;

/// Openings that one index holds.
const OPENINGS_MAX: usize = 256;

fn list(numbers: &[usize]) -> String {
    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    format!("&[{}]", numbers.join(", "))
}

fn bits(numbers: &[usize]) -> [u64; 4] {
    let mut bits = [0; 4];
    for number in numbers {
        bits[number / 64] |= 1 << (number % 64);
    }
    bits
}

fn filtered(filters: &[Filter], is_it: impl Fn(&Filter) -> bool) -> Vec<usize> {
    filters.iter().enumerate().filter(|(_, f)| is_it(f)).map(|(i, _)| i).collect()
}

/// The index of all filters.
pub fn index(filters: &[Filter]) -> String {
    let mut out = String::new();
    owners(&mut out, filters);
    let keys = keys(filters);
    key(&mut out, &keys);
    for (name, bit, what) in
        [("TIMED", before::TIME, "behind a time"), ("BARE", before::RAW, "as the whole line")]
    {
        let _ = write!(
            out,
            "\n/// Filters that may take a text {what}.\npub(super) static {name}: Texts = Texts {{\n    index: Index {{\n"
        );
        by_opening(&mut out, filters, bit);
        out += "    },\n";
        for (field, form) in [("access", Form::Access), ("apache", Form::Apache), ("nginx", Form::Nginx)] {
            let these = filtered(filters, |f| f.form == form && f.headers & bit != 0);
            let _ = writeln!(out, "    {field}: {},", list(&these));
        }
        for (field, forms) in
            [("objects", [Form::Json, Form::Fields]), ("pairs", [Form::Logfmt, Form::Fields])]
        {
            let these = filtered(filters, |f| forms.contains(&f.form) && f.headers & bit != 0);
            let _ = writeln!(out, "    {field}: {},", wanted(filters, &these, &keys));
        }
        let known = filtered(filters, |f| f.form == Form::Text && f.headers & bit != 0);
        let _ = writeln!(out, "    known: set({}),\n}};", list(&known));
    }
    let by_syslog = bits(&filtered(filters, |f| f.headers & before::SYSLOG != 0));
    let _ = write!(
        out,
        "\n/// Filters that know syslog's header, as bits.\npub(super) const BY_SYSLOG: [u64; 4] = {by_syslog:?};\n"
    );
    out
}

/// `owners`: by the program's name.
fn owners(out: &mut String, filters: &[Filter]) {
    let all = |f: &Filter, is_it: &dyn Fn(&str) -> bool| {
        f.headers & before::SYSLOG != 0 && f.programs.iter().any(|p| is_it(p))
    };
    let mut names: Vec<&str> = filters.iter().flat_map(|f| &f.programs).map(String::as_str).collect();
    names.retain(|n| !n.contains('*'));
    names.sort_unstable();
    names.dedup();
    let mut firsts: Vec<u8> = filters.iter().flat_map(|f| &f.programs).map(|p| p.as_bytes()[0]).collect();
    firsts.retain(|b| *b != b'*');
    firsts.sort_unstable();
    firsts.dedup();
    let _ = write!(
        out,
        "\n/// Filters whose own this program may be; whether it is.\n\
         pub(super) fn owners(name: &[u8]) -> (&'static [u8], bool) {{\n    match name.first() {{\n"
    );
    let globs = |first: Option<u8>| {
        let may_be = |p: &str| p.starts_with('*') || p.contains('*') && p.bytes().next() == first;
        list(&filtered(filters, |f| all(f, &may_be)))
    };
    for first in firsts {
        let _ = writeln!(out, "        Some({}) => match name {{", byte(first));
        for name in names.iter().filter(|n| n.as_bytes()[0] == first) {
            let owns = list(&filtered(filters, |f| all(f, &|p| is_own(p.as_bytes(), name.as_bytes()))));
            let _ = writeln!(out, "            {} => ({owns}, true),", bytes(name.as_bytes()));
        }
        let _ = writeln!(out, "            _ => ({}, false),\n        }},", globs(Some(first)));
    }
    let _ = writeln!(out, "        _ => ({}, false),\n    }}\n}}", globs(None));
}

/// The rules by which a filter accuses somebody.
fn accusing(filter: &Filter) -> impl Iterator<Item = &Rule> {
    filter.rules.iter().filter(|r| r.weight > 0)
}

/// The keys that patterns ask for: the first of each path.
fn keys(filters: &[Filter]) -> Vec<Vec<u8>> {
    let parts = filters.iter().filter(|f| f.form.has_fields()).flat_map(accusing).flat_map(|r| &r.parts);
    let mut keys: Vec<Vec<u8>> = parts.filter_map(|p| p.path.first().cloned()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// A key's bit: two may share one.
fn bit_of(keys: &[Vec<u8>], key: &[u8]) -> u64 {
    let place = keys.iter().position(|k| k == key).unwrap_or(0);
    1 << (place % 64)
}

fn key(out: &mut String, keys: &[Vec<u8>]) {
    let _ = write!(
        out,
        "\n/// The bit of a key that patterns ask for.\npub(super) fn key(name: &[u8]) -> u64 {{\n    match name {{\n"
    );
    for key in keys {
        let _ = writeln!(out, "        {} => {:#x},", bytes(key), bit_of(keys, key));
    }
    *out += "        _ => 0,\n    }\n}\n";
}

/// For each pattern of these filters the keys that it asks for.
fn wanted(filters: &[Filter], these: &[usize], keys: &[Vec<u8>]) -> String {
    let mut all = Vec::new();
    for (number, filter) in these.iter().filter_map(|n| Some((n, filters.get(*n)?))) {
        let asked = |r: &Rule| {
            r.parts.iter().filter_map(|p| p.path.first()).fold(0, |bits, key| bits | bit_of(keys, key))
        };
        let mut masks: Vec<u64> = accusing(filter).map(asked).collect();
        masks.sort_unstable();
        masks.dedup();
        all.extend(masks.iter().map(|mask| format!("({number}, {mask:#x})")));
    }
    format!("&[{}]", all.join(", "))
}

/// The tables of an index: filters of form text by the bytes that a text is told by.
fn by_opening(out: &mut String, filters: &[Filter], bit: u8) {
    let openings = openings(filters, bit);
    let owners: Vec<usize> = openings.iter().map(|o| o.0).collect();
    let _ = writeln!(out, "        filters: {},\n        tables: [", list(&owners));
    for at in 0..DIGEST {
        let mut rows: Vec<(Vec<u8>, Vec<usize>)> = Vec::new();
        for b in 0..=u8::MAX {
            let takes = |(_, (_, opening)): &(usize, &(usize, Opening))| opening.0[at].holds(b);
            let these: Vec<usize> = openings.iter().enumerate().filter(takes).map(|(i, _)| i).collect();
            match rows.iter_mut().find(|row| row.1 == these) {
                Some(row) => row.0.push(b),
                None => rows.push((vec![b], these)),
            }
        }
        rows.sort_by_key(|row| row.0.len());
        let usual = rows.pop().map(|row| row.1).unwrap_or_default();
        let _ = writeln!(out, "            table({}, &[", list(&usual));
        for (these, numbers) in rows {
            let _ = writeln!(out, "                ({}, {}),", bytes(&these), list(&numbers));
        }
        *out += "            ]),\n";
    }
    *out += "        ],\n";
}

/// The openings of all filters of form text that know this header, each with its filter: as many as have a bit.
fn openings(filters: &[Filter], bit: u8) -> Vec<(usize, Opening)> {
    let mut all: Vec<(usize, Opening)> = Vec::new();
    for number in filtered(filters, |f| f.form == Form::Text && f.headers & bit != 0) {
        let parts = filters.get(number).into_iter().flat_map(accusing).flat_map(|r| &r.parts);
        let mut own: Vec<Opening> = Vec::new();
        for opening in parts.flat_map(|p| Opening::all(&p.tokens)) {
            if !own.contains(&opening) {
                own.push(opening);
            }
        }
        all.extend(own.into_iter().map(|opening| (number, opening)));
    }
    while all.len() > OPENINGS_MAX {
        join(&mut all);
    }
    all
}

/// Makes one of the last two openings of the filter that has most of them.
fn join(all: &mut Vec<(usize, Opening)>) {
    let count = |number: usize| all.iter().filter(|o| o.0 == number).count();
    let Some(most) = all.iter().map(|o| o.0).max_by_key(|n| count(*n)) else { return };
    let Some(last) = all.iter().rposition(|o| o.0 == most) else { return };
    let (_, opening) = all.remove(last);
    if let Some(other) = all.iter_mut().rev().find(|o| o.0 == most) {
        other.1.add(&opening);
    }
}
