//! What a filter's lines hold: short texts, of which one stands in every line that the filter counts.
//!
//! Runs in: build.rs. In: checked filters. Out: their needles, for `shared::pure::sieve`. A pattern's literal text stands byte
//! for byte in the line, as a message and a field's value are parts of it; so do the keys of fields.

use super::super::compiler::form::Form;
use super::super::compiler::lex::{Kind, Token};
use super::super::compiler::parse::Filter;
use super::super::compiler::rule::{Part, Rule};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::slice;

/// Bytes of a needle, at least and at most.
const LEAST: usize = 4;
const MOST: usize = 8;
/// Bytes at the end of one, and before its last, by which it is found. A shorter one has fewer.
const END: usize = 4;

/// A short text that a line may hold.
pub type Needle = Vec<u8>;

/// Texts of which one stands in every line that a rule takes.
type Choice = Vec<Vec<u8>>;

/// How common needles are: how many lines hold one, how many bytes it is short of two whole ends, how many lines hold those.
type Cost = [usize; 3];

/// For each needle, and each end of one, the examples that hold it: the filter and the line.
pub struct Common(HashMap<Needle, Vec<(usize, usize)>>);

/// The needles of a text: one for each place where one may end.
fn within(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    (LEAST..=text.len()).map(|end| &text[end.saturating_sub(MOST)..end])
}

/// Both ends of a needle.
fn ends(needle: &[u8]) -> [&[u8]; 2] {
    [needle, &needle[..needle.len() - 1]].map(|text| &text[text.len().saturating_sub(END)..])
}

impl Common {
    /// Counted in the examples of all filters.
    pub fn of(filters: &[Filter]) -> Self {
        let of_rule = |form, rule| values(rule).into_iter().chain(names(form, rule));
        let choices =
            filters.iter().flat_map(|f| accusing(f).flat_map(move |r| of_rule(f.form, r))).flatten();
        let mut all: HashMap<Needle, Vec<(usize, usize)>> = HashMap::new();
        for text in choices {
            for needle in within(&text) {
                all.entry(needle.to_vec()).or_default();
                ends(needle).iter().for_each(|end| _ = all.entry(end.to_vec()).or_default());
            }
        }
        for (number, filter) in filters.iter().enumerate() {
            let lines = filter.rules.iter().flat_map(|r| &r.examples).chain(&filter.misses);
            for (place, line) in lines.enumerate() {
                let pieces = (LEAST - 1..=MOST).flat_map(|length| line.text.as_bytes().windows(length));
                let held: HashSet<&[u8]> = pieces.filter(|piece| all.contains_key(*piece)).collect();
                for piece in held {
                    all.entry(piece.to_vec()).or_default().push((number, place));
                }
            }
        }
        Self(all)
    }

    /// The lines of other filters that hold this text. A filter's own lines must be looked at anyway.
    fn others(&self, number: usize, text: &[u8]) -> impl Iterator<Item = (usize, usize)> {
        self.0.get(text).into_iter().flatten().copied().filter(move |(n, _)| *n != number)
    }

    /// What it costs a filter to look for a needle beside these.
    fn cost(&self, number: usize, needle: &[u8], known: &BTreeSet<Needle>) -> Cost {
        if known.contains(needle) {
            return [0; 3];
        }
        let others = |text| self.others(number, text).count();
        [others(needle), (END + 1).saturating_sub(needle.len()), ends(needle).map(others).iter().sum()]
    }

    /// The rarest needle of each of these texts, and what they cost. A line that holds many of them costs once.
    fn rarest(
        &self,
        number: usize,
        choice: &Choice,
        known: &BTreeSet<Needle>,
    ) -> Option<(Cost, BTreeSet<Needle>)> {
        let (mut cost, mut all, mut lines) = ([0; 3], BTreeSet::new(), HashSet::new());
        for text in choice {
            let rarest = within(text).min_by_key(|needle| self.cost(number, needle, known))?;
            if !known.contains(rarest) && all.insert(rarest.to_vec()) {
                lines.extend(self.others(number, rarest));
                cost.iter_mut().zip(self.cost(number, rarest, known)).for_each(|(sum, one)| *sum += one);
            }
        }
        cost[0] = lines.len();
        Some((cost, all))
    }
}

/// The rules by which a filter accuses somebody.
fn accusing(filter: &Filter) -> impl Iterator<Item = &Rule> {
    filter.rules.iter().filter(|r| r.weight > 0)
}

/// The needles of a filter, the one of this number; `None`: it has a pattern without any.
pub fn needles(number: usize, filter: &Filter, common: &Common) -> Option<BTreeSet<Needle>> {
    let mut known = BTreeSet::new();
    for rule in accusing(filter) {
        let rarest = |all: Vec<Choice>| {
            let rarest = all.iter().filter_map(|choice| common.rarest(number, choice, &known));
            rarest.min_by_key(|(cost, _)| *cost)
        };
        // The names of fields stand in each line of the service, be it of interest or not.
        let best = rarest(values(rule)).or_else(|| rarest(names(filter.form, rule)));
        known.extend(best?.1);
    }
    Some(known)
}

/// Of each text that a rule asks for.
fn values(rule: &Rule) -> Vec<Choice> {
    let mut all = Vec::new();
    for part in &rule.parts {
        in_tokens(&part.tokens, &mut all);
        all.extend(in_value(part));
    }
    all
}

/// Of each field's name. One of digits may be a place in a list.
fn names(form: Form, rule: &Rule) -> Vec<Choice> {
    let names = rule.parts.iter().flat_map(|p| &p.path).filter(|name| !name.iter().all(u8::is_ascii_digit));
    let written = |name: &Vec<u8>| match form {
        Form::Json => [b"\"", name.as_slice(), b"\""].concat(),
        Form::Logfmt => [name.as_slice(), b"="].concat(),
        _ => name.clone(),
    };
    names.map(|name| vec![written(name)]).collect()
}

/// Of a field's short text: with what may stand before a value.
fn in_value(part: &Part) -> Option<Choice> {
    let (false, Some(token)) = (part.path.is_empty(), part.tokens.first()) else { return None };
    let texts = match &token.kind {
        Kind::Lit(text) => slice::from_ref(text),
        Kind::Alt(texts) => texts,
        _ => return None,
    };
    let before = texts.iter().flat_map(|text| b":\t \"[,=".iter().map(|b| [&[*b], text.as_slice()].concat()));
    Some(before.collect())
}

/// Of literal text, and of alternatives with the literal text beside them.
fn in_tokens(tokens: &[Token], all: &mut Vec<Choice>) {
    let literal = |at: Option<usize>| match at.and_then(|at| tokens.get(at)).map(|t| &t.kind) {
        Some(Kind::Lit(text)) => text.as_slice(),
        _ => b"",
    };
    for (at, token) in tokens.iter().enumerate() {
        match &token.kind {
            Kind::Lit(text) => all.push(vec![text.clone()]),
            Kind::Alt(texts) => {
                let (before, behind) = (literal(at.checked_sub(1)), literal(Some(at + 1)));
                all.push(texts.iter().map(|text| [before, text, behind].concat()).collect());
            }
            Kind::Once(inner) => in_tokens(inner, all),
            _ => {}
        }
    }
}
