//! From bytes to lines.
//!
//! Runs in: the watcher, the client's `test`. In: a block of a log file, any bytes, hostile, that begins where
//! a line begins (or within one that is being skipped). Out: its whole lines, and where the first one that is
//! not whole begins: it is read again when more of it has come, so no part of a line is ever kept. Never:
//! copies, hands out a part of a line.
use crate::shims::arch::newline_mask;

/// Longest line in bytes, without its newline: longer ones are counted and skipped. Syslog lines end at 8 KiB (rsyslog's
/// maxMessageSize); a line of an access log holds what nginx takes of a request (large_client_header_buffers: 4 of 8 KiB),
/// each byte as four at most. Whoever could make a longer one would hide it.
pub const LONGEST: usize = 128 << 10;

/// A whole line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Line<'a> {
    /// Where it begins in the block.
    pub start: usize,
    /// Its bytes, without newline and without a carriage return before that. NUL is a byte like any other.
    pub bytes: &'a [u8],
}

/// How far the reading of a block has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reach {
    /// Bytes of the block that are done with.
    pub consumed: usize,
    /// Whether what follows is the rest of a line that is too long.
    pub skipping: bool,
}

/// The lines of one block, one after another.
#[derive(Debug)]
pub struct Lines<'a> {
    data: &'a [u8],
    /// Pieces of 64 bytes that were not yet searched, and the shorter one behind them.
    pieces: core::slice::Iter<'a, [u8; 64]>,
    rest: &'a [u8],
    /// Where the piece at hand begins, and its newlines that were not yet met, as bits.
    piece: usize,
    newlines: u64,
    /// Where the line at hand begins.
    start: usize,
    skipping: bool,
    /// Lines that were too long.
    pub overlong: u64,
}

impl<'a> Lines<'a> {
    /// The lines of `data`; with `skipping` everything to the first newline belongs to a line that was
    /// counted as too long before.
    pub fn new(data: &'a [u8], skipping: bool) -> Self {
        let (pieces, rest) = data.as_chunks();
        // One piece before the first: `newline` steps forward before it looks.
        let piece = 0usize.wrapping_sub(64);
        Self { data, pieces: pieces.iter(), rest, piece, newlines: 0, start: 0, skipping, overlong: 0 }
    }

    /// The place of the next newline.
    #[inline]
    fn newline(&mut self) -> Option<usize> {
        while self.newlines == 0 {
            self.newlines = match self.pieces.next() {
                Some(piece) => newline_mask(piece),
                None => newline_mask(&padded(core::mem::take(&mut self.rest))?),
            };
            self.piece = self.piece.wrapping_add(64);
        }
        let bit = self.newlines.trailing_zeros();
        self.newlines &= self.newlines.wrapping_sub(1);
        self.piece.checked_add(bit as usize)
    }

    /// Where this stands, after as many lines as were taken: the rest of the block stays for another time.
    pub fn pause(&self) -> Reach {
        Reach { consumed: self.start, skipping: self.skipping }
    }

    /// Where this stands after the last line: at the line that is not whole yet, or, if that is too long
    /// already, at the end, with the rest of it to be skipped.
    pub fn finish(&mut self) -> Reach {
        let all = self.data.len();
        let left = all.saturating_sub(self.start);
        if left > LONGEST && !self.skipping {
            self.overlong = self.overlong.saturating_add(1);
            self.skipping = true;
        }
        Reach { consumed: if self.skipping { all } else { self.start }, skipping: self.skipping }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    #[inline]
    fn next(&mut self) -> Option<Line<'a>> {
        loop {
            let end = self.newline()?;
            let start = core::mem::replace(&mut self.start, end.checked_add(1)?);
            if core::mem::take(&mut self.skipping) {
                continue;
            }
            let bytes = self.data.get(start..end)?;
            if bytes.len() <= LONGEST {
                return Some(Line { start, bytes: bytes.strip_suffix(b"\r").unwrap_or(bytes) });
            }
            self.overlong = self.overlong.saturating_add(1);
        }
    }
}

/// The last, short piece, with zeros behind; `None` when it is empty.
fn padded(rest: &[u8]) -> Option<[u8; 64]> {
    let mut piece = [0u8; 64];
    for (slot, b) in piece.iter_mut().zip(rest) {
        *slot = *b;
    }
    (!rest.is_empty()).then_some(piece)
}
