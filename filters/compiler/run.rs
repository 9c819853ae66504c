//! Patterns run as they are planned, by the same primitives that the generated code calls.
//!
//! Runs in: the filter compiler (examples), the tests (held against the generated code). In: a filter, a line.
//! Out: which rule takes it, and whom it accuses.

use super::addr::Addr;
use super::header;
use super::lex::{Kind, Token};
use super::parse::{Filter, Rule};
use super::plan::{Plan, first_byte};
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
    if filter.longest > 0 && message.len() > filter.longest {
        return None;
    }
    let mut rules = filter.rules.iter().enumerate().filter(|(_, r)| r.modes & modes != 0);
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

fn forward<'a>(tokens: &[Token], mut s: &'a [u8], whole: usize, found: &mut Found) -> Option<&'a [u8]> {
    for (i, token) in tokens.iter().enumerate() {
        let start = whole - s.len();
        s = match &token.kind {
            Kind::Lit(text) => s.strip_prefix(text.as_slice())?,
            Kind::Alt(texts) => scan::alt(s, &slices(texts))?,
            Kind::Number => scan::number(s)?,
            Kind::Hex => scan::hex(s)?,
            Kind::Name => scan::name(s)?,
            Kind::Word => scan::word(s, stop(tokens, i, false))?,
            Kind::Quoted => scan::quoted(s)?,
            Kind::Addr | Kind::AddrPort | Kind::Ip | Kind::IpPort => {
                let is_bare = matches!(token.kind, Kind::Addr | Kind::Ip);
                let (addr, rest) = if is_bare { scan::addr(s)? } else { scan::addr_port(s)? };
                if matches!(token.kind, Kind::Addr | Kind::AddrPort) {
                    found.addr = Some(addr);
                }
                rest
            }
            Kind::Opt(inner) => forward(inner, s, whole, found).unwrap_or(s),
            Kind::Once(_) | Kind::Text => return None,
        };
        if matches!(token.kind, Kind::Word | Kind::Quoted) {
            found.free.push(start..whole - s.len());
        }
    }
    Some(s)
}

fn backward<'a>(tokens: &[Token], mut s: &'a [u8], from: usize, found: &mut Found) -> Option<&'a [u8]> {
    for (i, token) in tokens.iter().enumerate().rev() {
        let end = from + s.len();
        s = match &token.kind {
            Kind::Lit(text) => s.strip_suffix(text.as_slice())?,
            Kind::Alt(texts) => scan::alt_back(s, &slices(texts))?,
            Kind::Number => scan::number_back(s)?,
            Kind::Hex => scan::hex_back(s)?,
            Kind::Name => scan::name_back(s)?,
            Kind::Word => scan::word_back(s, stop(tokens, i, true))?,
            Kind::Addr | Kind::AddrPort | Kind::Ip | Kind::IpPort => {
                let is_bare = matches!(token.kind, Kind::Addr | Kind::Ip);
                let (addr, rest) = if is_bare { scan::addr_back(s)? } else { scan::addr_port_back(s)? };
                if matches!(token.kind, Kind::Addr | Kind::AddrPort) {
                    found.addr = Some(addr);
                }
                rest
            }
            Kind::Opt(inner) => backward(inner, s, from, found).unwrap_or(s),
            Kind::Quoted | Kind::Once(_) | Kind::Text => return None,
        };
        if token.kind == Kind::Word {
            found.free.push(from + s.len()..end);
        }
    }
    Some(s)
}

/// Runs one plan over one message.
pub fn matches(plan: &Plan, message: &[u8]) -> Option<Found> {
    let mut found = Found::default();
    let whole = message.len();
    let mut s = forward(&plan.front, message, whole, &mut found)?;
    if let Some(group) = &plan.once {
        let read = |s: &[u8]| {
            let mut inner = Found::default();
            let n = forward(group, s, s.len(), &mut inner)?.len();
            Some((inner.addr?, n))
        };
        let start = whole - s.len();
        let place = (0..s.len()).find(|i| s.get(*i..).is_some_and(|s| read(s).is_some()))?;
        let (addr, rest) = scan::once(s, first_byte(group), |s| {
            let (addr, n) = read(s)?;
            Some((addr, s.get(s.len() - n..)?))
        })?;
        found.addr = Some(addr);
        found.free.push(start..start + place);
        s = rest;
    }
    s = forward(&plan.after, s, whole, &mut found)?;
    for group in &plan.find {
        let start = whole - s.len();
        let before = s.len();
        let read = |s: &[u8]| Some(forward(group, s, s.len(), &mut Found::default())?.len());
        let place = (0..before).find(|i| s.get(*i..).is_some_and(|s| read(s).is_some()))?;
        s = scan::find(s, first_byte(group), |s| s.get(s.len() - read(s)?..))?;
        found.free.push(start..start + place);
    }
    let start = whole - s.len();
    s = backward(&plan.back, s, start, &mut found)?;
    if plan.text {
        found.free.push(start..start + s.len());
    } else if !s.is_empty() {
        return None;
    }
    Some(found)
}

/// The message with its outsider-chosen parts replaced by `filling`, one at a time.
pub fn refilled(rule: &Rule, message: &[u8], filling: &[u8]) -> Vec<Vec<u8>> {
    let Some(found) = matches(&rule.plan, message) else { return Vec::new() };
    let fill = |range: &Range<usize>| [&message[..range.start], filling, &message[range.end..]].concat();
    found.free.iter().map(fill).collect()
}
