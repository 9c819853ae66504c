//! Filters run as the operator's own ones are: by their steps.
//!
//! Runs in: the filter compiler (examples), the tests (held against the generated code). In: a filter, a
//! line. Out: which rule takes it, and whom it accuses.

use super::addr::Addr;
use super::field;
use super::form::{self, Form, Seen};
use super::parse::Filter;
use super::pattern_steps::{Free, take};
use super::program;
use super::rule::{Part, Rule};
use super::words::Vec;

/// The address of this text.
pub fn address(text: &str) -> Option<Addr> {
    Addr::parse(text.as_bytes())
}

/// What the filter's patterns see of a line, if its service wrote it. `headers`: `form::before`'s bits.
pub fn seen_behind<'a>(filter: &Filter, headers: u8, line: &'a [u8]) -> Option<Seen<'a>> {
    let is_own = |name: &[u8]| filter.programs.iter().any(|p| program::is_own(p.as_bytes(), name));
    form::seen(headers, filter.form, is_own, line, form::head(headers, line), || form::timed(line))
}

/// [`seen_behind`] the filter's own headers.
pub fn seen<'a>(filter: &Filter, line: &'a [u8]) -> Option<Seen<'a>> {
    seen_behind(filter, filter.headers, line)
}

/// What a part of a pattern looks at.
fn value<'a>(form: Form, part: &Part, message: &'a [u8]) -> Option<&'a [u8]> {
    let path: Vec<&[u8]> = part.path.iter().map(Vec::as_slice).collect();
    match form {
        Form::Json => field::json(message, &path),
        Form::Logfmt => field::logfmt(message, &path),
        Form::Fields => field::either(message, &path),
        _ => Some(message),
    }
}

/// Whom the rule accuses, if it takes the message: `Some(None)` for a rule that only takes.
fn matches<'a>(
    filter: &Filter,
    rule: &'a Rule,
    seen: Seen<'a>,
    free: &mut impl Free<'a>,
) -> Option<Option<Addr>> {
    if rule.longest > 0 && seen.message.len() > rule.longest {
        return None;
    }
    let mut accused = filter.form.names_peer().then_some(seen.peer);
    for part in &rule.parts {
        let value = value(filter.form, part, seen.message)?;
        accused = take(&part.code, value, free)?.or(accused);
    }
    Some(if rule.weight > 0 { accused } else { None })
}

/// The first rule that takes the message in these modes, by its index, and whom it accuses.
pub fn judge(filter: &Filter, modes: u8, seen: Seen<'_>) -> Option<(usize, Option<Addr>)> {
    let mut rules = filter.rules.iter().enumerate().filter(|(_, r)| r.modes & modes != 0);
    rules.find_map(|(i, r)| Some((i, matches(filter, r, seen, &mut ())?)))
}

/// A part of a message that an outsider chooses, and the bytes that it never holds.
pub type Chosen<'a> = (&'a [u8], &'a [u8]);

#[derive(Default)]
struct Parts<'a>(Vec<Chosen<'a>>);

impl<'a> Free<'a> for Parts<'a> {
    fn free(&mut self, text: &'a [u8], never: &'a [u8]) {
        self.0.push((text, never));
    }
}

/// What of the message an outsider chooses; nothing where the rule does not take it.
pub fn chosen<'a>(filter: &Filter, rule: &'a Rule, seen: Seen<'a>) -> Vec<Chosen<'a>> {
    let mut parts = Parts::default();
    matches(filter, rule, seen, &mut parts).map(|_| parts.0).unwrap_or_default()
}

/// Writes the message with a chosen part replaced by `filling`: by what the service would let through of it.
pub fn refill(form: Form, message: &[u8], (text, never): Chosen<'_>, filling: &[u8], line: &mut Vec<u8>) {
    let start = text.as_ptr().addr().saturating_sub(message.as_ptr().addr());
    let is_encoded = form.has_fields() || form == Form::Access;
    let is_shielded = |b: &u8| is_encoded && matches!(b, b'"' | b'\\') && !never.contains(&b'\\');
    line.clear();
    line.extend_from_slice(message.get(..start).unwrap_or_default());
    for b in filling.iter().filter(|b| !never.contains(b)) {
        if is_shielded(b) {
            line.push(b'\\');
        }
        line.push(*b);
    }
    line.extend_from_slice(message.get(start + text.len()..).unwrap_or_default());
}
