//! From checked filters to Rust: which filters may take a line, so that many cost about as much as one.
//!
//! Runs in: the filter compiler. In: checked filters. Out: the text of `owners` and `SIEVE` in filters.rs.
//! What they name is looked at by the filters themselves; what they leave out cannot match.

use super::super::compiler::form::before;
use super::super::compiler::parse::Filter;
use super::super::compiler::program::is_own;
use super::emit::glob;
use super::needle::{Common, Needle, needles};
use super::pattern::{byte, bytes};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Words of a set of filters.
const WORDS: usize = 4;

fn list(numbers: &[usize]) -> String {
    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    format!("&[{}]", numbers.join(", "))
}

/// The index of all filters.
pub fn index(filters: &[Filter]) -> String {
    let mut out = String::new();
    owners(&mut out, filters);
    sieve(&mut out, filters);
    out
}

/// `owners`: by the program's name. One that no filter names may still be of the form that one does.
fn owners(out: &mut String, filters: &[Filter]) {
    let heads = || filters.iter().enumerate().filter(|(_, f)| f.headers & before::SYSLOG != 0);
    let mut names: Vec<&str> = heads().flat_map(|(_, f)| &f.programs).map(String::as_str).collect();
    names.retain(|name| !name.contains('*'));
    names.sort_unstable();
    names.dedup();
    let mut firsts: Vec<u8> = heads().flat_map(|(_, f)| &f.programs).map(|p| p.as_bytes()[0]).collect();
    firsts.retain(|b| *b != b'*');
    firsts.sort_unstable();
    firsts.dedup();
    let set = |is_own: &dyn Fn(&str) -> Option<String>| {
        let mut words = vec![Vec::new(); WORDS];
        for (number, filter) in heads() {
            let these: Vec<String> = filter.programs.iter().filter_map(|p| is_own(p)).collect();
            let (word, bit) = (&mut words[number / 64], number % 64);
            match these.as_slice() {
                [] => {}
                sure if sure.iter().any(|is_own| is_own == "true") => word.push(format!("1 << {bit}")),
                these => word.push(format!("u64::from({}) << {bit}", these.join(" || "))),
            }
        }
        let words = words.into_iter().map(|w| if w.is_empty() { String::from("0") } else { w.join(" | ") });
        format!("[{}]", words.collect::<Vec<String>>().join(", "))
    };
    let globs = |first: Option<u8>| {
        let may_be = |p: &&str| p.starts_with('*') || p.contains('*') && p.bytes().next() == first;
        set(&|p| Some(p).filter(may_be).map(glob))
    };
    *out += "\n/// The filters whose own this program is.\n\
             pub(super) fn owners(name: &[u8]) -> Set {\n    match name.first() {\n";
    for first in firsts {
        let _ = writeln!(out, "        Some({}) => match name {{", byte(first));
        for name in names.iter().filter(|n| n.as_bytes()[0] == first) {
            let owns = set(&|p| is_own(p.as_bytes(), name.as_bytes()).then(|| String::from("true")));
            let _ = writeln!(out, "            {} => {owns},", bytes(name.as_bytes()));
        }
        let _ = writeln!(out, "            _ => {},\n        }},", globs(Some(first)));
    }
    let _ = writeln!(out, "        _ => {},\n    }}\n}}", globs(None));
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
