//! Canonical JSON, byte by byte: whether a line is the one text of its value.
//!
//! Runs in: the client. In: a line of a record in pieces, hostile, of any length. Out: where and why it is not
//! canonical; of some keys of the outermost object, their values as they stand there. Never: holds the line.
//!
//! Canonical is: an object; ASCII without blanks; keys of a to z and `_`, each greater than the one before; whole
//! numbers below 2^53; in strings `\"`, `\\`, and `\u` with lower case digits for all that is not printable ASCII, in
//! whole pairs beyond U+FFFF. Such text is safe to print.

/// Objects and lists within one another; a record has three.
const DEEPEST: usize = 8;
/// The longest key.
const KEY: usize = 24;
/// How much of a value is kept.
pub(crate) const KEPT: usize = 1024;
/// The largest number and one.
const EXACT: u64 = 1 << 53;

/// The keys whose values are kept.
const WANTED: [&str; 9] =
    ["learn", "name", "net", "prev_hash", "reasons", "schema", "started", "torn", "verdict"];

/// What is not canonical, and at which byte of the line, from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Fault {
    pub(crate) at: u64,
    pub(crate) expected: &'static str,
}

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Value,
    /// A value or the end of an empty list.
    Item,
    /// A key, or if `first` the end of an empty object.
    Key {
        first: bool,
    },
    InKey,
    Colon,
    InString,
    Escape,
    /// So many digits of a `\u`, and their value.
    Unit(u8, u16),
    Number(u64),
    /// The rest of `true`, `false` or `null`.
    Word(&'static [u8]),
    /// A comma, or the end of the list or object.
    After,
    Done,
}

/// An object or a list that has begun.
#[derive(Clone, Copy, Debug)]
struct Frame {
    map: bool,
    key: [u8; KEY],
    len: usize,
}

/// A value as it stands in the line, or its beginning.
#[derive(Clone, Copy, Debug)]
struct Kept {
    text: [u8; KEPT],
    len: usize,
}

/// One line being read.
#[derive(Debug)]
pub(crate) struct Canonical {
    state: State,
    frames: [Frame; DEEPEST],
    depth: usize,
    /// The key that is being read.
    fresh: [u8; KEY],
    fresh_len: usize,
    /// Half a pair stands before this.
    half: bool,
    at: u64,
    kept: [Kept; WANTED.len()],
    /// Which of them is being read.
    keeping: Option<usize>,
}

type Step = Result<(), &'static str>;

const A_VALUE: &str = "a value: a string, a whole number, true, false, null, an object or a list";
const A_KEY: &str = "a key: 1 to 24 of a to z and _, greater than the key before";
const A_STRING: &str = "printable ASCII, or an escape";
const AN_ESCAPE: &str =
    "an escape: \\\" or \\\\, or \\u with four lower case digits of what is not printable ASCII";

impl Canonical {
    /// Before the first byte.
    pub(crate) fn new() -> Self {
        Self {
            state: State::Value,
            frames: [Frame { map: false, key: [0; KEY], len: 0 }; DEEPEST],
            depth: 0,
            fresh: [0; KEY],
            fresh_len: 0,
            half: false,
            at: 0,
            kept: [Kept { text: [0; KEPT], len: 0 }; WANTED.len()],
            keeping: None,
        }
    }

    /// More bytes of the line.
    pub(crate) fn feed(&mut self, piece: &[u8]) -> Result<(), Fault> {
        for b in piece {
            self.at = self.at.saturating_add(1);
            self.step(*b).map_err(|expected| Fault { at: self.at, expected })?;
        }
        Ok(())
    }

    /// Whether the object is whole; if not, the line is the beginning of a canonical one.
    pub(crate) fn is_whole(&self) -> bool {
        self.state == State::Done
    }

    /// Bytes so far.
    pub(crate) fn len(&self) -> u64 {
        self.at
    }

    /// The value of one of the keys that are kept, as it stands in the line; at most its first `KEPT` bytes; `null` if
    /// the line has no such key.
    pub(crate) fn value(&self, key: &str) -> &[u8] {
        let nth = WANTED.iter().position(|wanted| *wanted == key);
        let kept = nth.and_then(|nth| self.kept.get(nth)).filter(|kept| kept.len > 0);
        kept.and_then(|kept| kept.text.get(..kept.len)).unwrap_or(b"null")
    }

    fn step(&mut self, b: u8) -> Step {
        self.take(b)?;
        if let Some(kept) = self.keeping.and_then(|nth| self.kept.get_mut(nth))
            && let Some(slot) = kept.text.get_mut(kept.len)
        {
            *slot = b;
            kept.len = kept.len.saturating_add(1);
        }
        if self.depth == 1 && self.state == State::After {
            self.keeping = None;
        }
        Ok(())
    }

    fn take(&mut self, b: u8) -> Step {
        match self.state {
            State::Item if b == b']' => self.close(),
            State::Value | State::Item => self.value_begins(b),
            State::Key { first: true } if b == b'}' => self.close(),
            State::Key { .. } if b == b'"' => {
                self.fresh_len = 0;
                self.go(State::InKey)
            }
            State::Key { .. } => Err(A_KEY),
            State::InKey => self.key(b),
            State::Colon if b == b':' => self.go(State::Value),
            State::Colon => Err("a colon"),
            State::InString => self.string(b),
            State::Escape if b == b'u' => self.go(State::Unit(0, 0)),
            State::Escape if matches!(b, b'"' | b'\\') && !self.half => self.go(State::InString),
            State::Escape => Err(AN_ESCAPE),
            State::Unit(digits, value) => self.unit(b, digits, value),
            State::Number(value) => self.number(b, value),
            State::Word(rest) => match rest.split_first() {
                Some((first, [])) if *first == b => self.go(State::After),
                Some((first, rest)) if *first == b => self.go(State::Word(rest)),
                _ => Err(A_VALUE),
            },
            State::After => self.after(b),
            State::Done => Err("the end of the line"),
        }
    }

    fn go(&mut self, state: State) -> Step {
        self.state = state;
        Ok(())
    }

    fn frame(&mut self) -> Option<&mut Frame> {
        self.frames.get_mut(self.depth.checked_sub(1)?)
    }

    fn value_begins(&mut self, b: u8) -> Step {
        if self.depth == 1 {
            self.keeping = self.frame().map(|f| (f.key, f.len)).and_then(|(key, len)| {
                WANTED.iter().position(|wanted| key.get(..len) == Some(wanted.as_bytes()))
            });
        }
        match b {
            b'{' => self.open(true),
            _ if self.depth == 0 => Err("an object"),
            b'[' => self.open(false),
            b'"' => self.go(State::InString),
            b'0' => self.go(State::After),
            b'1'..=b'9' => self.go(State::Number((b - b'0').into())),
            b't' => self.go(State::Word(b"rue")),
            b'f' => self.go(State::Word(b"alse")),
            b'n' => self.go(State::Word(b"ull")),
            _ => Err(A_VALUE),
        }
    }

    fn open(&mut self, map: bool) -> Step {
        let frame =
            self.frames.get_mut(self.depth).ok_or("at most eight objects and lists in one another")?;
        *frame = Frame { map, key: [0; KEY], len: 0 };
        self.depth = self.depth.saturating_add(1);
        self.go(if map { State::Key { first: true } } else { State::Item })
    }

    fn close(&mut self) -> Step {
        self.depth = self.depth.saturating_sub(1);
        self.go(if self.depth == 0 { State::Done } else { State::After })
    }

    fn after(&mut self, b: u8) -> Step {
        match (self.frame().is_some_and(|f| f.map), b) {
            (true, b',') => self.go(State::Key { first: false }),
            (false, b',') => self.go(State::Value),
            (true, b'}') | (false, b']') => self.close(),
            (true, _) => Err("a comma or }"),
            (false, _) => Err("a comma or ]"),
        }
    }

    fn number(&mut self, b: u8, value: u64) -> Step {
        if b.is_ascii_digit() {
            let more = value.saturating_mul(10).saturating_add(u64::from(b - b'0'));
            return if more < EXACT { self.go(State::Number(more)) } else { Err("a number below 2^53") };
        }
        if self.depth == 1 {
            self.keeping = None;
        }
        self.after(b)
    }

    fn string(&mut self, b: u8) -> Step {
        match b {
            b'\\' => self.go(State::Escape),
            _ if self.half => Err("the other half of a pair"),
            b'"' => self.go(State::After),
            b' '..=b'~' => Ok(()),
            _ => Err(A_STRING),
        }
    }

    fn unit(&mut self, b: u8, digits: u8, value: u16) -> Step {
        let digit = match b {
            b'0'..=b'9' => b - b'0',
            b'a'..=b'f' => b - b'a' + 10,
            _ => return Err(AN_ESCAPE),
        };
        let value = value.wrapping_shl(4) | u16::from(digit);
        if digits < 3 {
            return self.go(State::Unit(digits.saturating_add(1), value));
        }
        match (value, self.half) {
            (0xd800..=0xdbff, false) => self.half = true,
            (0xdc00..=0xdfff, true) => self.half = false,
            (0xd800..=0xdfff, _) | (_, true) => return Err("the two halves of a pair"),
            (0x20..=0x7e, _) => return Err(AN_ESCAPE),
            _ => {}
        }
        self.go(State::InString)
    }

    fn key(&mut self, b: u8) -> Step {
        let (fresh, len) = (self.fresh, self.fresh_len);
        if b != b'"' {
            let slot = self.fresh.get_mut(len).filter(|_| matches!(b, b'a'..=b'z' | b'_')).ok_or(A_KEY)?;
            *slot = b;
            self.fresh_len = len.saturating_add(1);
            return Ok(());
        }
        let frame = self.frame().ok_or(A_KEY)?;
        // Before the first key the old one is empty: less than any.
        if fresh.get(..len) <= frame.key.get(..frame.len) {
            return Err(A_KEY);
        }
        (frame.key, frame.len) = (fresh, len);
        self.go(State::Colon)
    }
}
