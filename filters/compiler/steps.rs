//! From a plan to steps: the pattern as data, which `shared::pure::steps` reads.
//!
//! Runs in: the filter compiler. In: a plan. Out: its steps, or that they are too many.

use super::lex::{Kind, Token};
use super::pattern_steps::{TO_END, op};
use super::plan::{Plan, lead};
use super::stop::{Stop, stop_of};
use super::words::Vec;
use super::{Fault, fault};

/// The steps of a plan.
pub fn code(plan: &Plan, line: usize) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    written(&mut out, plan).or_else(|reason| fault(line, 1, reason)).map(|()| out)
}

type Written = Result<(), &'static str>;

fn written(out: &mut Vec<u8>, plan: &Plan) -> Written {
    sequence(out, &plan.front, false)?;
    if let Some(part) = &plan.once {
        searched(out, op::ONCE, part)?;
    }
    sequence(out, &plan.after, false)?;
    for part in &plan.find {
        searched(out, op::FIND, part)?;
    }
    if !plan.back.is_empty() {
        out.push(op::BACK);
        sequence(out, &plan.back, true)?;
    }
    if plan.text {
        out.push(op::TEXT);
    }
    Ok(())
}

fn text(out: &mut Vec<u8>, text: &[u8]) -> Written {
    out.push(u8::try_from(text.len()).map_err(|_| "a literal has more than 255 bytes")?);
    out.extend_from_slice(text);
    Ok(())
}

fn steps(out: &mut Vec<u8>, inner: &[u8]) -> Written {
    let length = u16::try_from(inner.len()).map_err(|_| "the pattern is too long")?;
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(inner);
    Ok(())
}

fn searched(out: &mut Vec<u8>, step: u8, part: &[Token]) -> Written {
    let (lead, rest) = lead(part);
    out.push(step);
    text(out, lead)?;
    let mut inner = Vec::new();
    sequence(&mut inner, rest, false)?;
    steps(out, &inner)
}

/// The byte at which a word that stands before (after, when read backwards) token `at` must end.
pub fn word_end(tokens: &[Token], at: usize, back: bool) -> u8 {
    let beside = if back { at.checked_sub(1) } else { Some(at + 1) };
    match beside.and_then(|i| tokens.get(i)).map(|t| &t.kind) {
        Some(Kind::Lit(text)) if back => text.last().copied().unwrap_or(b' '),
        Some(Kind::Lit(text)) => text.first().copied().unwrap_or(b' '),
        _ => b' ',
    }
}

fn sequence(out: &mut Vec<u8>, tokens: &[Token], back: bool) -> Written {
    let order: Vec<usize> =
        if back { (0..tokens.len()).rev().collect() } else { (0..tokens.len()).collect() };
    for at in order {
        match &tokens[at].kind {
            Kind::Lit(bytes) => {
                out.push(op::LIT);
                text(out, bytes)?;
            }
            Kind::Alt(texts) => {
                out.push(op::ALT);
                out.push(u8::try_from(texts.len()).map_err(|_| "more than 255 alternatives")?);
                for bytes in texts {
                    text(out, bytes)?;
                }
            }
            Kind::Number => out.push(op::NUMBER),
            Kind::Hex => out.push(op::HEX),
            Kind::Name => out.push(op::NAME),
            Kind::Blanks => out.push(op::BLANKS),
            Kind::Word => out.extend([op::WORD, word_end(tokens, at, back)]),
            Kind::Quoted => out.push(op::QUOTED),
            Kind::Not(never) | Kind::Near(never) => {
                out.push(if matches!(tokens[at].kind, Kind::Not(_)) { op::NOT } else { op::NEAR });
                text(out, never)?;
                out.push(match stop_of(tokens, at, back) {
                    Some(Stop::Held(held)) => held,
                    _ => TO_END,
                });
            }
            Kind::Addr(form, accused) => out.extend([op::ADDR, *form, u8::from(*accused)]),
            Kind::Opt(inner) => {
                out.push(op::OPT);
                let mut part = Vec::new();
                sequence(&mut part, inner, back)?;
                steps(out, &part)?;
            }
            Kind::Once(_) | Kind::Text => return Err("free text inside a part"),
        }
    }
    Ok(())
}
