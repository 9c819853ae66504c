//! From checked filters to Rust: which filters may take a line, so that many cost about as much as one.
//!
//! Runs in: the filter compiler. In: checked filters. Out: the text of `owners`, `timed_text`, `bare_text` and `LISTS` in
//! filters.rs. What they name is looked at by the filters themselves; what they leave out cannot match.

use super::super::compiler::form::{Form, before};
use super::super::compiler::parse::Filter;
use super::super::compiler::program::is_own;
use super::emit::{byte, bytes, openings};
use std::fmt::Write as _;

/// The forms that are told apart before a pattern is looked at, in the order of `LISTS`.
const LAID_OUT: [Form; 6] = [Form::Access, Form::Apache, Form::Nginx, Form::Json, Form::Logfmt, Form::Fields];

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
    for (name, bit, what) in
        [("timed_text", before::TIME, "behind a time"), ("bare_text", before::RAW, "as the whole line")]
    {
        by_first_byte(&mut out, filters, name, bit, what);
    }
    let _ = write!(
        out,
        "\n/// Filters of the forms that are no text, behind a time and bare: access, apache, nginx, json, logfmt, either.\n\
         pub(super) const LISTS: [[&[u8]; 6]; 2] = ["
    );
    for bit in [before::TIME, before::RAW] {
        let lists = LAID_OUT.map(|form| list(&filtered(filters, |f| f.form == form && f.headers & bit != 0)));
        let _ = write!(out, "[{}], ", lists.join(", "));
    }
    out += "];\n";
    let timed = bits(&filtered(filters, |f| f.form == Form::Text && f.headers & before::TIME != 0));
    let by_syslog = bits(&filtered(filters, |f| f.headers & before::SYSLOG != 0));
    for (name, what, bits) in
        [("TIMED", "of form text that know a time", timed), ("BY_SYSLOG", "that know syslog's header", by_syslog)]
    {
        let _ = write!(out, "\n/// Filters {what}, as bits.\npub(super) const {name}: [u64; 4] = {bits:?};\n");
    }
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
        "\n/// Filters whose own this program may be.\npub(super) fn owners(name: &[u8]) -> &'static [u8] {{\n    match name.first() {{\n"
    );
    let globs = |first: Option<u8>| {
        let may_be = |p: &str| p.starts_with('*') || p.contains('*') && p.bytes().next() == first;
        list(&filtered(filters, |f| all(f, &may_be)))
    };
    for first in firsts {
        let _ = writeln!(out, "        Some({}) => match name {{", byte(first));
        for name in names.iter().filter(|n| n.as_bytes()[0] == first) {
            let owns = list(&filtered(filters, |f| all(f, &|p| is_own(p.as_bytes(), name.as_bytes()))));
            let _ = writeln!(out, "            {} => {owns},", bytes(name.as_bytes()));
        }
        let _ = writeln!(out, "            _ => {},\n        }},", globs(Some(first)));
    }
    let _ = writeln!(out, "        _ => {},\n    }}\n}}", globs(None));
}

/// Filters of form text by the first byte that a pattern may open with.
fn by_first_byte(out: &mut String, filters: &[Filter], name: &str, bit: u8, what: &str) {
    let opens: Vec<Vec<Option<u8>>> = filters
        .iter()
        .map(|f| f.rules.iter().flat_map(openings).map(|o| o.first().copied()).collect())
        .collect();
    let may = |first: Option<u8>| -> Vec<usize> {
        let takes = |i: usize| opens[i].iter().any(|o| o.is_none() || *o == first);
        let is_it = |f: &Filter| f.form == Form::Text && f.headers & bit != 0;
        filtered(filters, is_it).into_iter().filter(|i| takes(*i)).collect()
    };
    let any = may(None);
    let _ = write!(
        out,
        "\n/// Filters of form text whose patterns may open with this byte, {what}.\n\
         pub(super) fn {name}(first: u8) -> &'static [u8] {{\n    match first {{\n"
    );
    for first in 0..=u8::MAX {
        let these = may(Some(first));
        if these != any {
            let _ = writeln!(out, "        {} => {},", byte(first), list(&these));
        }
    }
    let _ = writeln!(out, "        _ => {},\n    }}\n}}", list(&any));
}
