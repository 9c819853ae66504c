//! The chain of records, line by line.
//!
//! Runs in: the client. In: lines in pieces, hostile, of any length. Out: the first line that breaks the chain, and
//! why. Never: holds a line.
//!
//! A torn line is the beginning of a record: the machine, or whoever wrote it, was stopped. It belongs to the chain if
//! the next record says how many bytes are torn, and names the hash of the record before with them: so they were torn
//! when it was written, not later.
use super::canonical::{Canonical, Fault};
use bailiff::shared::pure::blake::Blake;
use bailiff::shared::pure::bytes::decimal;
use core::fmt::{Display, Formatter, Result as Printed};

/// What every line says it is, quoted.
const SCHEMA: &[u8] = b"\"bailiff-cage/1\"";

/// Why a line breaks the chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Why {
    /// It is not canonical.
    Form(Fault),
    /// From it on so many bytes are torn, and no record behind them says so.
    Torn(u64),
    /// It says that something before it is torn, which is not, or not so.
    Said,
    /// It is of another kind, or of another version.
    Schema,
    /// Its `prev_hash` is not this.
    Previous([u8; 32]),
}

/// Bytes in hexadecimal digits.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Printed {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl Display for Why {
    fn fmt(&self, f: &mut Formatter<'_>) -> Printed {
        match self {
            Self::Form(fault) => write!(f, "not canonical at byte {}: expected {}", fault.at, fault.expected),
            Self::Torn(bytes) => {
                write!(f, "torn: {bytes} bytes that are no whole record, and none behind says so")
            }
            Self::Said => write!(f, "torn: what it says of the bytes before it is not so"),
            Self::Schema => write!(f, "expected the schema bailiff-cage/1"),
            Self::Previous([0, rest @ ..]) if *rest == [0; 31] => {
                write!(f, "prev_hash: expected zeros: no line is before it")
            }
            Self::Previous(hash) => {
                write!(f, "prev_hash: expected {}, the hash of the line before", Hex(hash))
            }
        }
    }
}

/// The chain up to some byte.
#[derive(Debug)]
pub(crate) struct Chain {
    /// Lines that have ended; how many of them are records, and how many are torn and sealed.
    pub(crate) lines: u64,
    pub(crate) records: u64,
    pub(crate) torn: u64,
    /// The last record, with the torn lines behind it.
    last: Blake,
    /// The first of these lines, how many there are, and their bytes.
    half: Option<(u64, u64, u64)>,
    /// The line that is being read; its hash, and that of it behind `last`.
    pub(crate) line: Canonical,
    alone: Blake,
    behind: Blake,
}

impl Chain {
    /// Before the first line.
    pub(crate) fn new() -> Self {
        let [last, alone, behind] = [const { Blake::new() }; 3];
        Self { lines: 0, records: 0, torn: 0, last, half: None, line: Canonical::new(), alone, behind }
    }

    /// More bytes of the line, without its end. An error is told with the number of its line.
    pub(crate) fn piece(&mut self, piece: &[u8]) -> Result<(), (u64, Why)> {
        self.alone.update(piece);
        self.behind.update(piece);
        self.line.feed(piece).map_err(|fault| self.unsealed(Why::Form(fault)))
    }

    /// The line's end: whether it is a record, and the chain's next. Its values can be asked for until `next`.
    pub(crate) fn end(&mut self) -> Result<bool, (u64, Why)> {
        let is_record = self.line.is_whole();
        if is_record {
            self.follows().map_err(|why| self.unsealed(why))?;
            self.records = self.records.saturating_add(1);
            self.torn = self.torn.saturating_add(self.half.take().map_or(0, |(_, lines, _)| lines));
            self.last = self.alone.clone();
        } else {
            let (first, lines, bytes) = self.half.unwrap_or((self.lines.saturating_add(1), 0, 0));
            let end = u64::from(lines > 0);
            let bytes = bytes.saturating_add(end).saturating_add(self.line.len());
            self.half = Some((first, lines.saturating_add(1), bytes));
            self.last = self.behind.clone();
        }
        self.lines = self.lines.saturating_add(1);
        Ok(is_record)
    }

    /// Goes on to the next line.
    pub(crate) fn next(&mut self) {
        (self.line, self.alone, self.behind) = (Canonical::new(), Blake::new(), self.last.clone());
        self.behind.update(b"\n");
    }

    /// The hash that the next record has to name; zeros: nothing is before it.
    pub(crate) fn last(&self) -> [u8; 32] {
        if self.lines == 0 { [0; 32] } else { self.last.clone().finish() }
    }

    /// Whether this record follows. Behind what is torn it has to say so: then that was no later change.
    fn follows(&self) -> Result<(), Why> {
        let last = self.last();
        if self.line.value("schema") != SCHEMA {
            return Err(Why::Schema);
        }
        if !is_quoted(self.line.value("prev_hash"), &last) {
            return Err(Why::Previous(last));
        }
        let says = decimal(self.line.value("torn"));
        if says == self.half.map(|(.., bytes)| bytes) { Ok(()) } else { Err(Why::Said) }
    }

    /// What is wrong behind torn lines that nothing has sealed are they.
    fn unsealed(&self, why: Why) -> (u64, Why) {
        let here = (self.lines.saturating_add(1), why);
        self.half.map_or(here, |(first, _, bytes)| (first, Why::Torn(bytes)))
    }

    /// The end of the file.
    pub(crate) fn finish(&self) -> Result<(), (u64, Why)> {
        match (self.line.len(), self.half) {
            (0, None) => Ok(()),
            (bytes, _) => Err(self.unsealed(Why::Torn(bytes))),
        }
    }
}

/// Whether this text is the hash in quotes.
fn is_quoted(text: &[u8], hash: &[u8; 32]) -> bool {
    let digit = |half: u8| if half < 10 { b'0' + half } else { b'a' - 10 + half };
    let digits = hash.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]);
    core::iter::once(b'"').chain(digits).chain([b'"']).eq(text.iter().copied())
}
