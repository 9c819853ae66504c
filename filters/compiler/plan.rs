//! How a pattern is read: what from the start, what from the end, what is searched; and whether it is framed.
//!
//! Runs in: the filter compiler. In: one pattern's tokens. Out: its plan, or why an outsider could stretch
//! what stands between an end of the message and the address.

use super::lex::{Kind, Token};
use super::stop::nots_end;
use super::words::Vec;
use super::{Fault, fault};

/// A pattern in the order in which it is read. All but `text` may be empty.
#[derive(Clone, Default)]
pub struct Plan {
    /// Read forwards from the start.
    pub front: Vec<Token>,
    /// Then searched: it must stand exactly once in what is left.
    pub once: Option<Vec<Token>>,
    /// Then read forwards.
    pub after: Vec<Token>,
    /// Then found, one behind the other.
    pub find: Vec<Vec<Token>>,
    /// Then read backwards from the end (in the order of the text; the last is read first).
    pub back: Vec<Token>,
    /// Whether bytes may be left between the two ends.
    pub text: bool,
}

/// Where a pattern stands, and what it may hold.
#[derive(Clone, Copy)]
pub struct Place {
    pub line: usize,
    pub col: usize,
    /// Whether it may open with anything: it is one field of many, or its address stands before it.
    pub anywhere: bool,
}

/// Plans a pattern. That it holds the address it must hold is looked at for the whole rule.
pub fn plan(tokens: &[Token], place: Place) -> Result<Plan, Fault> {
    let line = place.line;
    inner_parts(tokens, line)?;
    if !place.anywhere {
        opens_held(tokens, place)?;
    }
    let addrs: Vec<&Token> = tokens.iter().filter(|t| holds_addr(t)).collect();
    if let Some(second) = addrs.get(1) {
        return fault(line, second.col, "a second address: only one peer is accused; write <ip> for another");
    }
    let is_stretch = |t: &Token| matches!(t.kind, Kind::Text | Kind::Once(_));
    let cut = tokens.iter().position(is_stretch).unwrap_or(tokens.len());
    let (front, rest) = tokens.split_at(cut);
    let mut plan = Plan { front: front.to_vec(), ..Plan::default() };
    let framed_in_front = front.iter().any(holds_addr);
    if framed_in_front {
        fixed_before_addr(front, line)?;
    }
    match rest.split_first() {
        None => {}
        Some((Token { kind: Kind::Once(group), .. }, rest)) => {
            group_is_framed(group, line)?;
            plan.once = Some(searched(group, line)?);
            let cut = rest.iter().position(is_stretch).unwrap_or(rest.len());
            plan.after = rest[..cut].to_vec();
            tail(&mut plan, &rest[cut..], line)?;
        }
        Some(_) if framed_in_front || addrs.is_empty() => tail(&mut plan, rest, line)?,
        Some((_, back)) => {
            plan.text = true;
            plan.back = back.to_vec();
            framed_from_the_end(back, line)?;
        }
    }
    no_quoted(&plan.back, line)?;
    let open = plan.text || !plan.find.is_empty();
    nots_end(&plan.front, false, rest.is_empty(), line)?;
    nots_end(&plan.after, false, !open, line)?;
    for tokens in plan.once.iter().chain(&plan.find) {
        nots_end(tokens, false, false, line)?;
    }
    nots_end(&plan.back, true, false, line)?;
    Ok(plan)
}

/// What stands behind the address: text, literals that are searched in it, and tokens read from the end.
fn tail(plan: &mut Plan, rest: &[Token], line: usize) -> Result<(), Fault> {
    let mut parts = rest.split(|t| t.kind == Kind::Text).skip(1).peekable();
    plan.text = parts.peek().is_some();
    while let Some(part) = parts.next() {
        match (parts.peek(), part) {
            (None, back) => plan.back = back.to_vec(),
            (Some(_), [Token { kind: Kind::Lit(_), .. }, ..]) if part.iter().all(is_fixed) => {
                plan.find.push(searched(part, line)?);
            }
            (Some(_), _) => {
                let col = part.first().or(rest.first()).map_or(1, |t| t.col);
                return fault(
                    line,
                    col,
                    "what stands between two <text> opens with literal text, and nobody stretches it",
                );
            }
        }
    }
    if let Some(once) = rest.iter().find(|t| matches!(t.kind, Kind::Once(_))) {
        return fault(line, once.col, "<once:...> is the first free stretch of a pattern, or none");
    }
    no_quoted(&plan.back, line)
}

/// Whether the token is the accused, or a part that holds him.
pub fn holds_addr(token: &Token) -> bool {
    match &token.kind {
        Kind::Addr(_, accused) => *accused,
        Kind::Once(inner) | Kind::Opt(inner) => inner.iter().any(holds_addr),
        _ => false,
    }
}

/// Whether no outsider can stretch it: the service writes it, or its bytes cannot hold what stands beside it.
fn is_fixed(token: &Token) -> bool {
    match &token.kind {
        Kind::Word | Kind::Quoted | Kind::Text | Kind::Once(_) => false,
        Kind::Opt(inner) => inner.iter().all(is_fixed),
        _ => true,
    }
}

/// The tokens of a part that is searched: it is tried at many places, so at each it must be short, or the work would be
/// quadratic.
fn searched(part: &[Token], line: usize) -> Result<Vec<Token>, Fault> {
    let mut tokens = Vec::new();
    for Token { col, kind } in part {
        let kind = match kind {
            Kind::Not(never) => Kind::Near(never.clone()),
            Kind::Opt(inner) => Kind::Opt(searched(inner, line)?),
            Kind::Blanks => {
                return fault(
                    line,
                    *col,
                    "<blanks> has no bound, and this part is searched: the work would be quadratic",
                );
            }
            kind => kind.clone(),
        };
        tokens.push(Token { col: *col, kind });
    }
    Ok(tokens)
}

fn inner_parts(tokens: &[Token], line: usize) -> Result<(), Fault> {
    for token in tokens {
        match &token.kind {
            Kind::Opt(inner) => {
                let bad =
                    inner.iter().find(|t| holds_addr(t) || matches!(t.kind, Kind::Text | Kind::Once(_)));
                if let Some(bad) = bad {
                    return fault(line, bad.col, "an optional part holds no address and no free text");
                }
                inner_parts(inner, line)?;
            }
            Kind::Once(inner) => inner_parts(inner, line)?,
            _ => {}
        }
    }
    Ok(())
}

fn opens_held(tokens: &[Token], place: Place) -> Result<(), Fault> {
    let optional = tokens.iter().take_while(|t| matches!(t.kind, Kind::Opt(_))).count();
    if tokens.iter().take(optional + 1).all(is_fixed) {
        return Ok(());
    }
    fault(
        place.line,
        place.col,
        "a pattern opens with what the service writes: literal text, an address, a name",
    )
}

fn fixed_before_addr(front: &[Token], line: usize) -> Result<(), Fault> {
    let loose = front.iter().take_while(|t| !holds_addr(t)).find(|t| !is_fixed(t));
    match loose {
        None => Ok(()),
        Some(t) => fault(
            line,
            t.col,
            "the address can be framed: an outsider may stretch this token, and the address stands behind it; \
             write <text>, and what follows is read from the end of the line",
        ),
    }
}

/// The literal text that opens a searched part, and the tokens behind it.
pub fn lead(part: &[Token]) -> (&[u8], &[Token]) {
    match part.split_first() {
        Some((Token { kind: Kind::Lit(text), .. }, rest)) => (text, rest),
        _ => (b"", part),
    }
}

/// The token before an address that is read backwards must be a literal whose last byte no address holds.
fn held_by_literal(tokens: &[Token], line: usize) -> Result<(), Fault> {
    let at = tokens.iter().position(holds_addr).unwrap_or(0);
    let col = tokens.get(at).map_or(1, |t| t.col);
    let before = at.checked_sub(1).and_then(|i| tokens.get(i)).map(|t| &t.kind);
    let ends_apart = |b: Option<&u8>| b.is_some_and(|b| !b.is_ascii_alphanumeric() && !b".:-_%".contains(b));
    match before {
        Some(Kind::Lit(text)) if ends_apart(text.last()) => Ok(()),
        Some(Kind::Alt(texts)) if texts.iter().all(|t| ends_apart(t.last())) => Ok(()),
        Some(Kind::Blanks) => Ok(()),
        _ => fault(
            line,
            col,
            "the address can be framed: between it and the free text before it must stand literal text whose last \
             byte is no part of a word or an address",
        ),
    }
}

fn framed_from_the_end(back: &[Token], line: usize) -> Result<(), Fault> {
    let at = back.iter().position(holds_addr).unwrap_or(0);
    if let Some(t) = back.iter().take(at + 1).find(|t| matches!(t.kind, Kind::Text | Kind::Once(_))) {
        return fault(line, t.col, "more than one unbounded stretch before the address");
    }
    match back.iter().skip(at).find(|t| !is_fixed(t)) {
        None => held_by_literal(back, line),
        Some(t) => fault(
            line,
            t.col,
            "the address can be framed: free text stands before it, and an outsider may stretch this token behind \
             it; write <once:...> around what surrounds the address",
        ),
    }
}

fn group_is_framed(group: &[Token], line: usize) -> Result<(), Fault> {
    if let Some(t) = group.iter().find(|t| !is_fixed(t)) {
        return fault(
            line,
            t.col,
            "the address can be framed: an outsider may stretch this token inside <once:...>",
        );
    }
    match group.first() {
        Some(Token { kind: Kind::Lit(_), .. }) if group.iter().any(holds_addr) => {
            held_by_literal_or_held(group, line)
        }
        Some(t) => fault(line, t.col, "<once:...> opens with literal text and holds the address"),
        None => Ok(()),
    }
}

/// As `held_by_literal`; but behind a token that nobody stretches, read forwards, any literal will do.
fn held_by_literal_or_held(group: &[Token], line: usize) -> Result<(), Fault> {
    let at = group.iter().position(holds_addr).unwrap_or(0);
    if at > 1 && group[..at].iter().all(is_fixed) { Ok(()) } else { held_by_literal(group, line) }
}

fn no_quoted(back: &[Token], line: usize) -> Result<(), Fault> {
    match back.iter().find(|t| t.kind == Kind::Quoted) {
        None => Ok(()),
        Some(t) => fault(line, t.col, "<quoted> cannot be read from the end of the line"),
    }
}
