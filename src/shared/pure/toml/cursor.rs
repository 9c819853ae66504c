//! The text of a configuration, byte by byte: blanks, comments, strings, numbers.
//!
//! Runs in: the warden. In: text from the administrator. Out: pieces of it, or a `Fault`. Never: goes back.

/// A place in the text, both counted from 1; columns are characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spot {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

/// The text is not of the subset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Where.
    pub spot: Spot,
    /// What should have been there.
    pub expected: &'static str,
}

/// A key or a string. Its escapes are known to be right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Str<'a>(&'a [u8]);

impl<'a> Str<'a> {
    /// Its bytes, escapes resolved.
    pub fn bytes(self) -> impl Iterator<Item = u8> + 'a {
        let mut raw = self.0.iter();
        core::iter::from_fn(move || match raw.next()? {
            b'\\' => unescape(*raw.next()?),
            b => Some(*b),
        })
    }

    /// Whether it is this text.
    pub fn is(self, text: &str) -> bool {
        self.bytes().eq(text.bytes())
    }

    /// Copies it into `out` and returns the part that holds it; `None` when it does not fit.
    pub fn copy(self, out: &mut [u8]) -> Option<&[u8]> {
        let mut len = 0usize;
        for (place, b) in self.bytes().enumerate() {
            *out.get_mut(place)? = b;
            len = place.checked_add(1)?;
        }
        out.get(..len)
    }
}

/// The text that is not yet read, and where that is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    pub(super) rest: &'a [u8],
    pub(super) spot: Spot,
}

impl<'a> Cursor<'a> {
    pub(super) fn fault<T>(&self, expected: &'static str) -> Result<T, Fault> {
        Err(Fault { spot: self.spot, expected })
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(super) fn bump(&mut self) {
        let Some((b, rest)) = self.rest.split_first() else { return };
        self.rest = rest;
        if *b == b'\n' {
            self.spot = Spot { line: self.spot.line.saturating_add(1), column: 1 };
        } else if b & 0xc0 != 0x80 {
            self.spot.column = self.spot.column.saturating_add(1);
        }
    }

    pub(super) fn take(&mut self, b: u8) -> bool {
        let here = self.peek() == Some(b);
        if here {
            self.bump();
        }
        here
    }

    pub(super) fn expect(&mut self, b: u8, expected: &'static str) -> Result<(), Fault> {
        if self.take(b) { Ok(()) } else { self.fault(expected) }
    }

    /// The longest run of bytes that are accepted.
    pub(super) fn run(&mut self, accept: impl Fn(u8) -> bool) -> &'a [u8] {
        let start = self.rest;
        while self.peek().is_some_and(&accept) {
            self.bump();
        }
        start.get(..start.len().saturating_sub(self.rest.len())).unwrap_or(&[])
    }

    pub(super) fn blank(&mut self) {
        self.run(|b| b == b' ' || b == b'\t');
    }

    /// Blanks, a comment, and the end of the line or of the text.
    pub(super) fn line_end(&mut self) -> Result<(), Fault> {
        self.blank();
        if self.take(b'#') {
            self.run(is_text);
        }
        if self.rest.starts_with(b"\r\n") {
            self.bump();
        }
        if self.take(b'\n') || self.rest.is_empty() { Ok(()) } else { self.fault("the end of the line") }
    }

    /// Blanks, comments and line ends inside an array.
    pub(super) fn gap(&mut self) -> Result<(), Fault> {
        self.blank();
        while matches!(self.peek(), Some(b'#' | b'\r' | b'\n')) {
            self.line_end()?;
            self.blank();
        }
        Ok(())
    }

    /// A string; the cursor is at its opening quote.
    pub(super) fn string(&mut self) -> Result<Str<'a>, Fault> {
        self.bump();
        let start = self.rest;
        loop {
            self.run(|b| is_text(b) && b != b'"' && b != b'\\');
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.bump(),
                _ => return self.fault("a closing \" on the same line"),
            }
            if self.peek().and_then(unescape).is_none() {
                return self.fault(r#"one of b t n f r " \ behind a backslash"#);
            }
            self.bump();
        }
        let len = start.len().saturating_sub(self.rest.len());
        self.bump();
        Ok(Str(start.get(..len).unwrap_or(&[])))
    }

    pub(super) fn key(&mut self, expected: &'static str) -> Result<Str<'a>, Fault> {
        if self.peek() == Some(b'"') {
            return self.string();
        }
        let name = self.run(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if name.is_empty() { self.fault(expected) } else { Ok(Str(name)) }
    }

    /// An integer: digits, single `_` between them, no leading zero.
    pub(super) fn number(&mut self) -> Result<u64, Fault> {
        let start = *self;
        let token = self.run(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'+' | b':'));
        let digit = |sum: u64, b: &u8| {
            let digit = Some(b & 15).filter(|_| b.is_ascii_digit())?;
            sum.checked_mul(10)?.checked_add(digit.into())
        };
        let part = |sum, part: &[u8]| if part.is_empty() { None } else { part.iter().try_fold(sum, digit) };
        let zeros = token.len() > 1 && token.first() == Some(&b'0');
        match token.split(|b| *b == b'_').try_fold(0, part) {
            Some(value) if !zeros => Ok(value),
            _ => start.fault(NUMBER),
        }
    }
}

const NUMBER: &str = "a whole decimal number such as 1024, or \"text\" in quotes";

/// Printable text: everything but the control characters other than tab.
fn is_text(b: u8) -> bool {
    b == b'\t' || !b.is_ascii_control()
}

fn unescape(letter: u8) -> Option<u8> {
    match letter {
        b'b' => Some(8),
        b't' => Some(b'\t'),
        b'n' => Some(b'\n'),
        b'f' => Some(12),
        b'r' => Some(b'\r'),
        b'"' | b'\\' => Some(letter),
        _ => None,
    }
}
