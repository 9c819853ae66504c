//! Where a `<not ...>` ends: at the literal beside it, which holds one of the bytes that it never holds.
//!
//! Runs in: the filter compiler. In: one pattern's tokens. Out: where it ends, or that nothing says so.

use super::lex::{Kind, Token};
use super::words::Vec;
use super::{Fault, fault};

/// How a `<not ...>` ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// So many bytes of the literal beside it stand between it and the first byte that it never holds (read
    /// from the end: from that byte on).
    Held(u8),
    /// At the end of what is read.
    End,
}

/// Where the `<not ...>` in this place ends; `None` where what stands beside it does not say.
pub fn stop_of(tokens: &[Token], at: usize, back: bool) -> Option<Stop> {
    let Some(Token { kind: Kind::Not(never) | Kind::Near(never), .. }) = tokens.get(at) else { return None };
    let beside = if back { tokens[..at].last() } else { tokens.get(at + 1) };
    let held = |text: &[u8]| {
        let is_it = |b: &u8| never.contains(b);
        let held =
            if back { text.len() - text.iter().rposition(is_it)? } else { text.iter().position(is_it)? };
        u8::try_from(held).ok().filter(|h| *h < 255)
    };
    match beside.map(|t| &t.kind) {
        None => Some(Stop::End),
        Some(Kind::Lit(text)) => held(text).map(Stop::Held),
        Some(Kind::Alt(texts)) => {
            let all: Vec<Option<u8>> = texts.iter().map(|t| held(t)).collect();
            let first = (*all.first()?)?;
            all.iter().all(|h| *h == Some(first)).then_some(Stop::Held(first))
        }
        Some(Kind::Blanks) if never.contains(&b' ') && never.contains(&b'\t') => {
            Some(Stop::Held(u8::from(back)))
        }
        // The part may be missing: then what stands behind it must end the text just so.
        Some(Kind::Opt(inner)) => {
            let mut with = inner.clone();
            let mut without = Vec::new();
            if back {
                with.push(tokens[at].clone());
                without.extend_from_slice(&tokens[..at - 1]);
                without.push(tokens[at].clone());
                let stop = stop_of(&with, with.len() - 1, true)?;
                (stop_of(&without, without.len() - 1, true)? == stop).then_some(stop)
            } else {
                with.insert(0, tokens[at].clone());
                without.push(tokens[at].clone());
                without.extend_from_slice(tokens.get(at + 2..).unwrap_or_default());
                let stop = stop_of(&with, 0, false)?;
                (stop_of(&without, 0, false)? == stop).then_some(stop)
            }
        }
        _ => None,
    }
}

/// Every `<not ...>` ends somewhere; `whole`: the end of the tokens is the end of what is read.
pub fn nots_end(tokens: &[Token], back: bool, whole: bool, line: usize) -> Result<(), Fault> {
    for (at, token) in tokens.iter().enumerate() {
        if let Kind::Opt(inner) = &token.kind {
            nots_end(inner, back, false, line)?;
        }
        let stop = stop_of(tokens, at, back);
        if matches!(token.kind, Kind::Not(_) | Kind::Near(_))
            && (stop.is_none() || stop == Some(Stop::End) && !whole)
        {
            return fault(
                line,
                token.col,
                "beside <not X> must stand literal text that holds one of its bytes, or the end",
            );
        }
    }
    Ok(())
}
