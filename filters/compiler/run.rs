//! Patterns run as they are planned, by the same primitives that the generated code calls.
//!
//! Runs in: the filter compiler (examples), the tests (held against the generated code). In: a filter, a
//! line. Out: which rule takes it, and whom it accuses.

use super::addr::Addr;
use super::header;
use super::lex::{Kind, Token};
use super::parse::{Filter, Rule};
use super::plan::{Plan, lead};
use super::scan;
use std::ops::Range;

/// What one reading found: the address, and where bytes stand that an outsider chooses.
#[derive(Default, Clone)]
pub struct Found {
    pub addr: Option<Addr>,
    pub free: Vec<Range<usize>>,
}

/// The address of this text.
pub fn address(text: &str) -> Option<Addr> {
    Addr::parse(text.as_bytes())
}

/// The message of a line, if one of the filter's programs wrote it.
pub fn message<'a>(filter: &Filter, line: &'a [u8]) -> Option<&'a [u8]> {
    let head = header::syslog(line)?;
    filter.programs.iter().any(|p| p.as_bytes() == head.program).then_some(head.message)
}

/// The first rule that takes the message in these modes, by its index, and whom it accuses.
pub fn judge(filter: &Filter, modes: u8, message: &[u8]) -> Option<(usize, Option<Addr>)> {
    let fits = |r: &Rule| r.modes & modes != 0 && (r.longest == 0 || message.len() <= r.longest);
    let mut rules = filter.rules.iter().enumerate().filter(|(_, r)| fits(r));
    rules.find_map(|(i, r)| Some((i, matches(&r.plan, message)?.addr)))
}

/// The byte at which a word that stands before (after, when read backwards) token `at` must end.
pub fn stop(tokens: &[Token], at: usize, backwards: bool) -> u8 {
    let beside = if backwards { at.checked_sub(1) } else { Some(at + 1) };
    match beside.and_then(|i| tokens.get(i)).map(|t| &t.kind) {
        Some(Kind::Lit(text)) if backwards => text.last().copied().unwrap_or(b' '),
        Some(Kind::Lit(text)) => text.first().copied().unwrap_or(b' '),
        _ => b' ',
    }
}

fn slices(texts: &[Vec<u8>]) -> Vec<&[u8]> {
    texts.iter().map(Vec::as_slice).collect()
}

/// What is left of `whole[from..]` after the tokens, read from its left or its right end; `s` is that part.
fn read<'a>(
    tokens: &[Token],
    back: bool,
    mut s: &'a [u8],
    whole: &'a [u8],
    found: &mut Found,
) -> Option<&'a [u8]> {
    let order: Vec<usize> =
        if back { (0..tokens.len()).rev().collect() } else { (0..tokens.len()).collect() };
    for i in order {
        let before = s;
        let both = |forwards: fn(&'a [u8]) -> Option<&'a [u8]>,
                    backwards: fn(&'a [u8]) -> Option<&'a [u8]>| {
            if back { backwards(s) } else { forwards(s) }
        };
        s = match &tokens[i].kind {
            Kind::Lit(text) if back => s.strip_suffix(text.as_slice())?,
            Kind::Lit(text) => s.strip_prefix(text.as_slice())?,
            Kind::Alt(texts) if back => scan::alt_back(s, &slices(texts))?,
            Kind::Alt(texts) => scan::alt(s, &slices(texts))?,
            Kind::Number => both(scan::number, scan::number_back)?,
            Kind::Hex => both(scan::hex, scan::hex_back)?,
            Kind::Name => both(scan::name, scan::name_back)?,
            Kind::Word if back => scan::word_back(s, stop(tokens, i, true))?,
            Kind::Word => scan::word(s, stop(tokens, i, false))?,
            Kind::Quoted => scan::quoted(s)?,
            kind @ (Kind::Addr | Kind::AddrPort | Kind::Ip | Kind::IpPort) => {
                let (addr, rest) = from_end(matches!(kind, Kind::Addr | Kind::Ip), back, s)?;
                if matches!(kind, Kind::Addr | Kind::AddrPort) {
                    found.addr = Some(addr);
                }
                rest
            }
            Kind::Opt(inner) => read(inner, back, s, whole, found).unwrap_or(s),
            Kind::Once(_) | Kind::Text => return None,
        };
        if matches!(tokens[i].kind, Kind::Word | Kind::Quoted) {
            found.free.push(if back {
                place(whole, s).end..place(whole, before).end
            } else {
                place(whole, before).start..place(whole, s).start
            });
        }
    }
    Some(s)
}

/// An address, alone or with its port, from this end.
fn from_end(alone: bool, back: bool, s: &[u8]) -> Option<(Addr, &[u8])> {
    match (alone, back) {
        (true, false) => scan::addr(s),
        (true, true) => scan::addr_back(s),
        (false, false) => scan::addr_port(s),
        (false, true) => scan::addr_port_back(s),
    }
}

/// Where `part`, a part of `whole`, lies in it.
fn place(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr() - whole.as_ptr().addr();
    start..start + part.len()
}

/// Runs one plan over one message.
pub fn matches(plan: &Plan, message: &[u8]) -> Option<Found> {
    let mut found = Found::default();
    let mut s = read(&plan.front, false, message, message, &mut found)?;
    if let Some(tokens) = &plan.once {
        found.free.push(before_part(tokens, message, s)?);
        let (addr, rest) = scan::once(s, lead(tokens).0, |s| part(tokens, s))?;
        found.addr = Some(addr);
        s = rest;
    }
    s = read(&plan.after, false, s, message, &mut found)?;
    for tokens in &plan.find {
        found.free.push(before_part(tokens, message, s)?);
        s = scan::find(s, lead(tokens).0, |s| part(tokens, s))?.0.1;
    }
    s = read(&plan.back, true, s, message, &mut found)?;
    if plan.text {
        found.free.push(place(message, s));
    }
    (plan.text || s.is_empty()).then_some(found)
}

/// A searched part behind its lead: its address (of no meaning if it has none), and what stands behind.
fn part<'a>(tokens: &[Token], s: &'a [u8]) -> Option<(Addr, &'a [u8])> {
    let mut found = Found::default();
    let rest = read(lead(tokens).1, false, s, s, &mut found)?;
    Some((found.addr.unwrap_or_default(), rest))
}

/// Where the text before a searched part lies.
fn before_part(tokens: &[Token], message: &[u8], s: &[u8]) -> Option<Range<usize>> {
    let (_, next) = scan::find(s, lead(tokens).0, |s| part(tokens, s))?;
    Some(place(message, s.get(..s.len() - next.len() - 1)?))
}

/// The message with its outsider-chosen parts replaced by `filling`, one at a time.
pub fn refilled(rule: &Rule, message: &[u8], filling: &[u8]) -> Vec<Vec<u8>> {
    let Some(found) = matches(&rule.plan, message) else { return Vec::new() };
    let fill = |range: &Range<usize>| [&message[..range.start], filling, &message[range.end..]].concat();
    found.free.iter().map(fill).collect()
}
