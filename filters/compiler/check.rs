//! Whether a filter holds what it shows, and whether anybody can be framed by it.
//!
//! Runs in: the filter compiler. In: a parsed filter. Out: nothing, or the first thing that is wrong.

use super::addr::Addr;
use super::form::Seen;
use super::parse::Filter;
use super::rule::{Example, Rule};
use super::run::{Chosen, address, chosen, judge, refill, seen};
use super::words::{String, Vec};
use super::{Fault, fault, said};

/// The address that hostile fillings name: TEST-NET-3, which no example uses.
const VICTIM: &str = "203.0.113.99";
/// Bytes of hostile lines that are tried with a filter: about three times what bailiff's own need.
const TRIAL: usize = 48 << 20;

/// Checks a filter's examples and frames.
pub fn check(filter: &Filter) -> Result<(), Fault> {
    for (i, rule) in filter.rules.iter().enumerate() {
        reached(filter, i, rule)?;
    }
    for (i, rule) in filter.rules.iter().enumerate() {
        for example in &rule.examples {
            holds(filter, i, rule, example)?;
        }
    }
    for miss in &filter.misses {
        stays_unmatched(filter, miss)?;
    }
    hostile(filter)
}

/// The rule that takes an example, in the example's mode or the rule's own classes.
fn winner(filter: &Filter, rule: &Rule, example: &Example) -> Option<usize> {
    let seen = seen(filter, example.text.as_bytes())?;
    Some(judge(filter, example.modes.unwrap_or(rule.modes), seen)?.0)
}

fn is_own(rule: &Rule, example: &Example) -> bool {
    example.addr.is_some() == (rule.weight > 0)
}

/// Every pattern has an example that it takes; an earlier pattern that takes them all hides it.
fn reached(filter: &Filter, at: usize, rule: &Rule) -> Result<(), Fault> {
    let mut own = rule.examples.iter().filter(|e| is_own(rule, e)).peekable();
    if own.peek().is_none() {
        return fault(rule.line, rule.col, "no example reaches this pattern");
    }
    let winners: Vec<Option<usize>> = own.map(|e| winner(filter, rule, e)).collect();
    match winners.first() {
        _ if winners.contains(&Some(at)) => Ok(()),
        Some(Some(first)) if winners.iter().all(|w| w.is_some_and(|w| w < at)) => {
            let reason = said(format_args!(
                "this pattern can never win: the one of line {} takes its lines",
                filter.rules[*first].line
            ));
            fault(rule.line, rule.col, reason)
        }
        _ => fault(rule.line, rule.col, "no example reaches this pattern"),
    }
}

fn holds(filter: &Filter, at: usize, rule: &Rule, example: &Example) -> Result<(), Fault> {
    let (line, col) = (example.line, example.col);
    let Some(wanted) = &example.addr else {
        return match rule.weight {
            0 if winner(filter, rule, example) == Some(at) => Ok(()),
            0 => fault(line, col, "this example does not hold: the pattern does not take the line"),
            _ => stays_unmatched(filter, example),
        };
    };
    let Some(wanted) = address(wanted) else {
        return fault(line, col, said(format_args!("`{wanted}` is no address")));
    };
    let Some(seen) = seen(filter, example.text.as_bytes()) else {
        return fault(line, col, "this example does not hold: no header of one of the filter's programs");
    };
    let modes = example.modes.unwrap_or(rule.modes);
    for modes in [modes, u8::MAX] {
        match judge(filter, modes, seen) {
            Some((_, Some(addr))) if addr == wanted => {}
            Some((_, Some(_))) => {
                return fault(line, col, "this example does not hold: another address is read");
            }
            _ => return fault(line, col, "this example does not hold: nobody is accused"),
        }
    }
    match judge(filter, modes, seen) {
        Some((taken, _)) if taken != at => {
            let reason = said(format_args!(
                "this example does not hold: the pattern of line {} takes it",
                filter.rules[taken].line
            ));
            fault(line, col, reason)
        }
        _ => Ok(()),
    }
}

fn stays_unmatched(filter: &Filter, miss: &Example) -> Result<(), Fault> {
    let Some(seen) = seen(filter, miss.text.as_bytes()) else { return Ok(()) };
    match judge(filter, miss.modes.unwrap_or(u8::MAX), seen) {
        Some((taken, Some(_))) => {
            let reason = said(format_args!(
                "this line must not match, but the pattern of line {} takes it",
                filter.rules[taken].line
            ));
            fault(miss.line, miss.col, reason)
        }
        _ => Ok(()),
    }
}

/// Fills what an outsider chooses in one line of every pattern with what makes a line of any pattern: nobody
/// but the line's own peer may come out.
fn hostile(filter: &Filter) -> Result<(), Fault> {
    let imitations: Vec<Imitation> = filter.rules.iter().filter_map(|r| Imitation::of(filter, r)).collect();
    let mut left = TRIAL;
    for rule in filter.rules.iter().filter(|r| r.weight > 0) {
        let Some(example) = rule.examples.iter().find(|e| e.addr.is_some()) else { continue };
        let Some(seen) = seen(filter, example.text.as_bytes()) else { continue };
        let peer = example.addr.as_deref().and_then(address);
        for part in chosen(filter, rule, seen) {
            left = refilled(filter, rule, seen, part, peer, &imitations, left)?;
        }
    }
    Ok(())
}

/// Fills one part of one line with every imitation, within so many bytes; how many are left.
fn refilled(
    filter: &Filter,
    rule: &Rule,
    seen: Seen<'_>,
    part: Chosen<'_>,
    peer: Option<Addr>,
    imitations: &[Imitation],
    left: usize,
) -> Result<usize, Fault> {
    let (mut line, mut left) = (Vec::new(), left);
    for filling in imitations.iter().flat_map(Imitation::parts) {
        refill(filter.form, seen.message, part, filling, &mut line);
        let accused = judge(filter, u8::MAX, Seen { message: &line, ..seen }).and_then(|(_, addr)| addr);
        if accused.is_some() && accused != peer {
            let shown = String::from_utf8_lossy(&line).into_owned();
            return fault(
                rule.line,
                rule.col,
                said(format_args!("the address can be framed, as in `{shown}`")),
            );
        }
        let Some(rest) = left.checked_sub(line.len()) else {
            let reason = "the trial of hostile lines is too long: shorten the examples of many words";
            return fault(rule.line, rule.col, reason);
        };
        left = rest;
    }
    Ok(left)
}

/// A rule's first hit, of which every part that is cut at its words and names the victim is an imitation.
struct Imitation {
    text: String,
    starts: Vec<usize>,
    ends: Vec<usize>,
}

impl Imitation {
    fn of(filter: &Filter, rule: &Rule) -> Option<Self> {
        let hit = rule.examples.iter().find(|e| e.addr.is_some())?;
        let seen = seen(filter, hit.text.as_bytes())?;
        let text = String::from_utf8_lossy(seen.message).replace(hit.addr.as_deref()?, VICTIM);
        let at = text.find(VICTIM)?;
        let end = at + VICTIM.len();
        let is_blank = |i: usize| text.as_bytes().get(i).is_none_or(|b| *b == b' ');
        let starts = (0..=at).filter(|i| *i == 0 || is_blank(*i) || is_blank(*i - 1)).collect();
        let ends = (end..=text.len()).filter(|i| *i == end || is_blank(*i)).collect();
        Some(Self { text, starts, ends })
    }

    fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let text = self.text.as_bytes();
        self.starts.iter().flat_map(move |from| self.ends.iter().filter_map(move |to| text.get(*from..*to)))
    }
}
