//! How a message of a filter may begin: what `shared::pure::index` looks at, worked out from its patterns.
//!
//! Runs in: build.rs. In: the tokens of a pattern. Out: its openings: for each of the six bytes that a text is told by,
//! which values it may have.

use super::super::compiler::index::DIGEST;
use super::super::compiler::lex::{Kind, Token};
use super::super::compiler::scan::is_name;

/// Ways in which one pattern may begin that are told apart: with an optional part and without it, say. Behind more
/// of them anything may stand.
const WAYS_MAX: usize = 100;

/// Values that a byte may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Bytes([bool; 256]);

impl Bytes {
    const NONE: Self = Self([false; 256]);

    fn of(is_it: impl Fn(u8) -> bool) -> Self {
        let mut bytes = Self::NONE;
        bytes.0.iter_mut().zip(0..=u8::MAX).for_each(|(slot, b)| *slot = is_it(b));
        bytes
    }

    pub fn holds(&self, b: u8) -> bool {
        self.0[usize::from(b)]
    }

    fn and(&self, is_it: impl Fn(u8) -> bool) -> Self {
        Self::of(|b| self.holds(b) && is_it(b))
    }

    fn add(&mut self, more: &Self) {
        *self = Self::of(|b| self.holds(b) || more.holds(b));
    }

    fn is_within(&self, other: &Self) -> bool {
        (0..=u8::MAX).all(|b| other.holds(b) || !self.holds(b))
    }
}

/// A piece of a text.
#[derive(Clone)]
enum Piece {
    /// One byte.
    One(Bytes),
    /// Any number of bytes.
    Any(Bytes),
    /// One of these texts.
    Choice(Vec<Vec<u8>>),
}

/// One way in which a message may begin, as the bytes of `index::digest`.
#[derive(Clone, PartialEq, Eq)]
pub struct Opening(pub [Bytes; DIGEST]);

/// How far a walk along a text has come: the state of `index::digest`'s own walk.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Reached {
    /// Bytes of the digest that are known, but for the last.
    known: usize,
    /// Whether it stands right behind the first `[` (1) or further (2).
    bracket: usize,
}

impl Opening {
    /// All ways in which a text of these tokens may begin.
    pub fn all(tokens: &[Token]) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for way in ways(tokens) {
            let mut opening = Self([Bytes::NONE; DIGEST]);
            let mut reached = vec![Reached { known: 0, bracket: 0 }];
            for piece in &way {
                reached = opening.walk(piece, &reached);
            }
            opening.end(&reached);
            if !all.iter().any(|other| opening.is_within(other)) {
                all.retain(|other| !other.is_within(&opening));
                all.push(opening);
            }
        }
        all
    }

    fn is_within(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(own, other)| own.is_within(other))
    }

    /// Both in one.
    pub fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(own, other)| own.add(other));
    }

    fn walk(&mut self, piece: &Piece, from: &[Reached]) -> Vec<Reached> {
        match piece {
            Piece::One(bytes) => self.byte(bytes, from),
            Piece::Any(bytes) => {
                let mut all = from.to_vec();
                loop {
                    let before = all.len();
                    let mut next = self.byte(bytes, &all.clone());
                    next.retain(|reached| !all.contains(reached));
                    all.extend(next);
                    if all.len() == before {
                        return all;
                    }
                }
            }
            Piece::Choice(texts) => {
                let mut all = Vec::new();
                for text in texts {
                    let one = |reached: Vec<Reached>, b: &u8| self.byte(&Bytes::of(|o| o == *b), &reached);
                    all.extend(text.iter().fold(from.to_vec(), one));
                }
                all
            }
        }
    }

    /// One byte of these values.
    fn byte(&mut self, bytes: &Bytes, from: &[Reached]) -> Vec<Reached> {
        let mut to: Vec<Reached> = Vec::new();
        for reached in from {
            if reached.bracket == 1 {
                self.0[DIGEST - 1].add(bytes);
            }
            for (is_in, is_bracket) in [(true, false), (false, false), (false, true)] {
                let these = bytes.and(|b| is_name(&b) == is_in && (b == b'[') == is_bracket);
                if these == Bytes::NONE {
                    continue;
                }
                let known = self.known(&these, reached.known, is_in);
                let bracket = match reached.bracket {
                    0 => usize::from(is_bracket),
                    _ => 2,
                };
                let next = Reached { known, bracket };
                if !to.contains(&next) {
                    to.push(next);
                }
            }
        }
        to
    }

    /// Notes a byte: the first is known; then the first that is no part of a name, and the one behind it; then
    /// both again. Which of them are known then.
    fn known(&mut self, these: &Bytes, known: usize, is_name: bool) -> usize {
        let mut known = known;
        // The first byte may be that which is no part of a name, and so may the one behind it.
        if matches!(known, 0 | 2 | 4) {
            self.0[known].add(these);
            known += 1;
        }
        if matches!(known, 1 | 3) && !is_name {
            self.0[known].add(these);
            known += 1;
        }
        known
    }

    /// The text ends: what is not known counts as zero.
    fn end(&mut self, reached: &[Reached]) {
        let zero = Bytes::of(|b| b == 0);
        for end in reached {
            self.0.iter_mut().take(DIGEST - 1).skip(end.known).for_each(|bytes| bytes.add(&zero));
            if end.bracket < 2 {
                self.0[DIGEST - 1].add(&zero);
            }
        }
    }
}

/// The ways in which these tokens may be written.
fn ways(tokens: &[Token]) -> Vec<Vec<Piece>> {
    let mut all = vec![Vec::new()];
    for token in tokens {
        let choices = written(&token.kind);
        if all.len() * choices.len() > WAYS_MAX {
            all.iter_mut().for_each(|way| way.push(Piece::Any(Bytes::of(|_| true))));
            break;
        }
        let longer = |way: &Vec<Piece>| -> Vec<Vec<Piece>> {
            choices.iter().map(|choice| [way.as_slice(), choice].concat()).collect()
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

fn written(kind: &Kind) -> Vec<Vec<Piece>> {
    let many = |bytes: Bytes| vec![vec![Piece::One(bytes), Piece::Any(bytes)]];
    match kind {
        Kind::Lit(text) => vec![vec![Piece::Choice(vec![text.clone()])]],
        Kind::Alt(texts) => vec![vec![Piece::Choice(texts.clone())]],
        Kind::Opt(inner) => {
            let mut all = ways(inner);
            all.push(Vec::new());
            all
        }
        Kind::Number => many(Bytes::of(|b| b.is_ascii_digit())),
        Kind::Hex => many(Bytes::of(|b| b.is_ascii_hexdigit() || b == b':')),
        Kind::Name => many(Bytes::of(|b| is_name(&b))),
        Kind::Blanks => many(Bytes::of(|b| matches!(b, b' ' | b'\t'))),
        Kind::Addr(..) => many(Bytes::of(|b| b.is_ascii_hexdigit() || b".:[]".contains(&b))),
        Kind::Quoted => {
            let quote = Piece::Choice(vec![b"\"".to_vec()]);
            vec![vec![quote.clone(), Piece::Any(Bytes::of(|_| true)), quote]]
        }
        Kind::Word => free(Bytes::of(|b| b != b' ')),
        Kind::Not(never) | Kind::Near(never) => free(Bytes::of(|b| !never.contains(&b))),
        Kind::Once(_) | Kind::Text => free(Bytes::of(|_| true)),
    }
}

/// Any number of bytes: those of a name only, or others too.
fn free(bytes: Bytes) -> Vec<Vec<Piece>> {
    let names = Piece::Any(bytes.and(|b| is_name(&b)));
    let other = Piece::One(bytes.and(|b| !is_name(&b)));
    vec![vec![names.clone()], vec![names, other, Piece::Any(bytes)]]
}
