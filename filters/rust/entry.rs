//! By which first bytes patterns are told apart.
//!
//! Runs in: the filter compiler. In: a pattern's tokens. Out: its literal openings; entries by their byte at one place.

use super::super::compiler::lex::{Kind, Token};

/// Leading literals of one pattern that are told apart; more are left to the pattern itself.
const OPENINGS_MAX: usize = 16;

/// Whether all that this takes is known from its text.
pub fn is_literal(token: &Token) -> bool {
    match &token.kind {
        Kind::Lit(_) | Kind::Alt(_) => true,
        Kind::Opt(inner) => inner.iter().all(is_literal),
        _ => false,
    }
}

/// Openings, and whether each goes on behind these tokens.
pub fn opened(tokens: &[Token]) -> Vec<(Vec<u8>, bool)> {
    let mut all = vec![(Vec::new(), true)];
    for token in tokens {
        let choices: Vec<(Vec<u8>, bool)> = match &token.kind {
            Kind::Lit(text) => vec![(text.clone(), true)],
            Kind::Alt(texts) => texts.iter().map(|t| (t.clone(), true)).collect(),
            Kind::Opt(inner) => {
                let mut choices = opened(inner);
                choices.push((Vec::new(), true));
                choices
            }
            _ => vec![(Vec::new(), false)],
        };
        let open = all.iter().filter(|a| a.1).count();
        if open == 0 {
            break;
        }
        if open * choices.len() > OPENINGS_MAX {
            all.iter_mut().for_each(|a| a.1 = false);
            break;
        }
        let longer = |(text, open): &(Vec<u8>, bool)| -> Vec<(Vec<u8>, bool)> {
            if !open {
                return vec![(text.clone(), false)];
            }
            choices.iter().map(|(more, open)| ([text.as_slice(), more].concat(), *open)).collect()
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

/// A unit under one of its openings.
pub type Entry = (usize, Vec<u8>);

pub fn ids(entries: &[Entry]) -> Vec<usize> {
    let mut ids: Vec<usize> = entries.iter().map(|e| e.0).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The entries by their byte at `depth`; bytes behind which the same patterns stand share a branch.
pub fn branches(entries: &[Entry], depth: usize) -> Vec<(Vec<u8>, Vec<Entry>)> {
    let mut firsts: Vec<u8> = entries.iter().filter_map(|e| e.1.get(depth).copied()).collect();
    firsts.sort_unstable();
    firsts.dedup();
    let mut merged: Vec<(Vec<u8>, Vec<Entry>)> = Vec::new();
    for first in firsts {
        let fits = |e: &&Entry| e.1.get(depth).is_none_or(|b| *b == first);
        let under: Vec<Entry> = entries.iter().filter(fits).cloned().collect();
        match merged.iter_mut().find(|m| ids(&m.1) == ids(&under)) {
            Some(twin) => {
                twin.0.push(first);
                twin.1.extend(under);
                twin.1.sort_unstable();
                twin.1.dedup();
            }
            None => merged.push((vec![first], under)),
        }
    }
    merged
}
