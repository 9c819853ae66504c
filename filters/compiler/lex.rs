//! From a pattern's text to its tokens.
//!
//! Runs in: the filter compiler. In: one pattern as written. Out: tokens with their columns, or what is
//! wrong.

use super::words::{String, Vec, vec};
use super::{Fault, fault, said};

/// What a pattern consists of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    Lit(Vec<u8>),
    Alt(Vec<Vec<u8>>),
    Number,
    Hex,
    Name,
    Blanks,
    Word,
    Quoted,
    /// Text without these bytes: the service never lets them through.
    Not(Vec<u8>),
    /// `Not` in a part that is searched: of a bounded length, as it is tried at many places.
    Near(Vec<u8>),
    /// An address: its form (an index of `ADDRESSES`), and whether it is the accused.
    Addr(u8, bool),
    Opt(Vec<Token>),
    Once(Vec<Token>),
    Text,
}

/// One token and its column in the file's line.
#[derive(Clone, Debug)]
pub struct Token {
    pub col: usize,
    pub kind: Kind,
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Eq for Token {}

const TYPES: [(&str, Kind); 17] = [
    ("number", Kind::Number),
    ("hex", Kind::Hex),
    ("name", Kind::Name),
    ("blanks", Kind::Blanks),
    ("word", Kind::Word),
    ("quoted", Kind::Quoted),
    ("addr", Kind::Addr(0, true)),
    ("addr:port", Kind::Addr(1, true)),
    ("addr:port?", Kind::Addr(2, true)),
    ("addr.port", Kind::Addr(3, true)),
    ("addr:port6", Kind::Addr(4, true)),
    ("ip:port6", Kind::Addr(4, false)),
    ("ip", Kind::Addr(0, false)),
    ("ip:port", Kind::Addr(1, false)),
    ("ip:port?", Kind::Addr(2, false)),
    ("ip.port", Kind::Addr(3, false)),
    ("text", Kind::Text),
];

struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
    col: usize,
}

/// The tokens of a pattern that starts at this line and column of its file.
pub fn lex(text: &str, line: usize, col: usize) -> Result<Vec<Token>, Fault> {
    let mut cursor = Cursor { text: text.as_bytes(), at: 0, line, col };
    let tokens = cursor.sequence(0)?;
    if tokens.is_empty() { fault(line, col, "an empty pattern") } else { Ok(tokens) }
}

/// Whether the token that opens here is `<a|b>`: a bare `|` stands before its `>`.
fn is_choice(text: &[u8]) -> bool {
    let mut before = b' ';
    for b in text {
        match (before, *b) {
            (b'\\', b'\\') => {
                before = b' ';
                continue;
            }
            (b'\\', _) => {}
            (_, b'|') => return true,
            (_, b'>') => return false,
            _ => {}
        }
        before = *b;
    }
    false
}

impl Cursor<'_> {
    fn here(&self) -> usize {
        self.col + self.at
    }

    fn fault<T>(&self, reason: impl Into<String>) -> Result<T, Fault> {
        fault(self.line, self.here(), reason)
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Tokens up to the end, or up to the `>` that closes an optional or single part.
    fn sequence(&mut self, depth: usize) -> Result<Vec<Token>, Fault> {
        let mut tokens = Vec::new();
        loop {
            let col = self.here();
            let kind = match self.peek() {
                None if depth == 0 => return Ok(tokens),
                None => return self.fault("`<` without its `>`"),
                Some(b'>') if depth == 0 => {
                    return self.fault("`>` without its `<`; a literal one is written `\\>`");
                }
                Some(b'>') => {
                    self.at += 1;
                    return Ok(tokens);
                }
                Some(b'<') => self.token(depth)?,
                Some(_) => Kind::Lit(self.literal(b"<>")?),
            };
            tokens.push(Token { col, kind });
        }
    }

    /// Bytes up to one of `ends`; `\<`, `\>`, `\|`, `\\` and `\s` (a space) are escapes.
    fn literal(&mut self, ends: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        while let Some(b) = self.peek().filter(|b| !ends.contains(b)) {
            self.at += 1;
            bytes.push(match (b, self.peek()) {
                (b'\\', Some(c @ (b'<' | b'>' | b'|' | b'\\'))) => c,
                (b'\\', Some(b's')) => b' ',
                (b'\\', _) => return self.fault("an unknown escape; there are \\< \\> \\| \\\\ \\s"),
                _ => {
                    bytes.push(b);
                    continue;
                }
            });
            self.at += 1;
        }
        Ok(bytes)
    }

    fn token(&mut self, depth: usize) -> Result<Kind, Fault> {
        let opened = self.here();
        self.at += 1;
        let nested = self.text.get(self.at..).unwrap_or_default();
        if nested.starts_with(b"?") || nested.starts_with(b"once:") {
            if depth > 3 {
                return self.fault("parts nested more than four deep");
            }
            let is_once = nested.starts_with(b"once:");
            self.at += if is_once { 5 } else { 1 };
            let inner = self.sequence(depth + 1)?;
            return match (is_once, inner.is_empty()) {
                (_, true) => fault(self.line, opened, "an empty part"),
                (true, _) => Ok(Kind::Once(inner)),
                (false, _) => Ok(Kind::Opt(inner)),
            };
        }
        let is_choice = is_choice(nested);
        if nested.starts_with(b"not ") && !is_choice {
            self.at += 4;
            return self.not(opened);
        }
        let mut choices = vec![self.literal(b"<>|")?];
        while self.peek() == Some(b'|') {
            self.at += 1;
            choices.push(self.literal(b"<>|")?);
        }
        if self.peek() != Some(b'>') {
            return fault(self.line, opened, "`<` without its `>`");
        }
        self.at += 1;
        if choices.len() > 1 {
            return self.alternatives(choices, opened);
        }
        let name = String::from_utf8_lossy(&choices[0]).into_owned();
        match TYPES.iter().find(|(n, _)| *n == name) {
            Some((_, kind)) => Ok(kind.clone()),
            None => fault(
                self.line,
                opened,
                said(format_args!("`<{name}>` is no token; a literal `<` is written `\\<`")),
            ),
        }
    }

    /// The bytes of a `<not ...>`, whose `>` follows.
    fn not(&mut self, opened: usize) -> Result<Kind, Fault> {
        let never = self.literal(b"<>")?;
        if self.peek() != Some(b'>') {
            return fault(self.line, opened, "`<` without its `>`");
        }
        self.at += 1;
        match never.len() {
            1..=4 => Ok(Kind::Not(never)),
            _ => fault(self.line, opened, "<not X> names one to four bytes; a space is written `\\s`"),
        }
    }

    fn alternatives(&self, choices: Vec<Vec<u8>>, col: usize) -> Result<Kind, Fault> {
        for (i, later) in choices.iter().enumerate() {
            if later.is_empty() {
                return fault(self.line, col, "an empty alternative; an optional part is written `<?...>`");
            }
            if choices.iter().take(i).any(|c| later.starts_with(c) || later.ends_with(c)) {
                let later = String::from_utf8_lossy(later);
                return fault(
                    self.line,
                    col,
                    said(format_args!("the alternative `{later}` can never win: an earlier one takes it")),
                );
            }
        }
        Ok(Kind::Alt(choices))
    }
}
