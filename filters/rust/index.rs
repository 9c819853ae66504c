//! From checked filters to Rust: which filters may take a line, so that many cost about as much as one.
//!
//! Runs in: the filter compiler. In: checked filters. Out: the text of `owners` and `SIEVE` in filters.rs.
//! What they name is looked at by the filters themselves; what they leave out cannot match.

use super::super::compiler::form::before;
use super::super::compiler::parse::Filter;
use super::super::compiler::program::is_own;
use super::needle::{Common, Needle, needles};
use super::pattern::{byte, bytes};
use std::collections::BTreeMap;
use std::fmt::Write as _;

fn list(numbers: &[usize]) -> String {
    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    format!("&[{}]", numbers.join(", "))
}

fn filtered(filters: &[Filter], is_it: impl Fn(&Filter) -> bool) -> Vec<usize> {
    filters.iter().enumerate().filter(|(_, f)| is_it(f)).map(|(i, _)| i).collect()
}

/// The index of all filters.
pub fn index(filters: &[Filter]) -> String {
    let mut out = String::new();
    owners(&mut out, filters);
    sieve(&mut out, filters);
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

/// `SIEVE`: by what a line holds.
fn sieve(out: &mut String, filters: &[Filter]) {
    let common = Common::of(filters);
    let (mut owners, mut always): (BTreeMap<Needle, Vec<usize>>, _) = (BTreeMap::new(), Vec::new());
    for (number, filter) in filters.iter().enumerate() {
        match needles(number, filter, &common) {
            Some(own) => own.into_iter().for_each(|needle| owners.entry(needle).or_default().push(number)),
            None => always.push(number),
        }
    }
    *out += "\n/// Texts of which one stands in every line that a filter counts, and the filters.\n\
             const NEEDLES: &[(&[u8], &[u8])] = &[\n";
    for (needle, numbers) in owners {
        let _ = writeln!(out, "    ({}, {}),", bytes(&needle), list(&numbers));
    }
    let always = list(&always);
    let _ = write!(
        out,
        "];\n\n/// Filters by their needles; those at the end have none.\n\
         pub(super) static SIEVE: Sieve<{{ rows(NEEDLES) }}> = Sieve::new(NEEDLES, {always});\n"
    );
}
