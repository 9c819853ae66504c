//! Which filters may take a text: told by six of its bytes, so that many filters cost about as much as one.
//!
//! Runs in: the watcher, the client's `test`, the filter compiler. In: a text, any bytes, hostile. Out: filters, which
//! then look for themselves; one that is left out cannot take the text.

use super::bytes::position;
use super::scan::is_name;

/// Bytes that a text is told by.
pub const DIGEST: usize = 6;
/// Different sets of openings in one table.
const ROWS: usize = 128;

/// Openings, as bits by their place in [`Index::filters`].
pub type Set = [u64; 4];

/// The first byte of a text; the first that is no part of a name, and the one behind it; from there on the same two
/// again; the one behind the first `[`. Zero for each that is not there.
#[inline]
fn digest(text: &[u8]) -> [u8; DIGEST] {
    let past_name = |text: &[u8]| text.iter().position(|b| !is_name(b)).unwrap_or(text.len());
    let at = |text: &[u8], at: usize| text.get(at).copied().unwrap_or(0);
    let from_stop = text.get(past_name(text)..).unwrap_or(&[]);
    let second = from_stop.get(1..).unwrap_or(&[]);
    let from_second = second.get(past_name(second)..).unwrap_or(&[]);
    let bracket = position(text, b'[').and_then(|at| text.get(at..)).unwrap_or(&[]);
    let [first, stop, next] = [at(text, 0), at(from_stop, 0), at(from_stop, 1)];
    [first, stop, next, at(from_second, 0), at(from_second, 1), at(bracket, 1)]
}

/// For each value of a byte a set.
#[derive(Debug)]
pub struct Table {
    row: [u8; 256],
    sets: [Set; ROWS],
}

/// The openings of filters: by each byte of a text's digest those that may have it there.
#[derive(Debug)]
pub struct Index {
    /// For each opening, the filter.
    pub filters: &'static [u8],
    /// For each byte of a digest.
    pub tables: [Table; DIGEST],
}

impl Index {
    /// The filters that may take this text, lowest first; some more than once.
    pub fn of(&self, text: &[u8]) -> impl Iterator<Item = u8> {
        let mut set = [u64::MAX; 4];
        for (table, byte) in self.tables.iter().zip(digest(text)) {
            let row = table.row[usize::from(byte)];
            let these = &table.sets[usize::from(row) & (ROWS - 1)];
            set.iter_mut().zip(these).for_each(|(word, other)| *word &= other);
        }
        Bits { set, base: 0 }.filter_map(|place| self.filters.get(place).copied())
    }
}

/// The places of the bits of a set.
struct Bits {
    set: Set,
    base: usize,
}

impl Iterator for Bits {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        loop {
            let [word, rest @ ..] = &mut self.set;
            if *word != 0 {
                let place = self.base | word.trailing_zeros() as usize;
                *word &= word.wrapping_sub(1);
                return Some(place);
            }
            let [a, b, c] = *rest;
            if self.base >= 192 {
                return None;
            }
            self.set = [a, b, c, 0];
            self.base = self.base.saturating_add(64);
        }
    }
}

/// A table whose rows name bytes and openings; all other bytes have the usual ones.
pub const fn table(usual: &[u8], rows: &[(&[u8], &[u8])]) -> Table {
    let mut table = Table { row: [0; 256], sets: [set(usual); ROWS] };
    let mut row = 0;
    while row < rows.len() {
        let (bytes, openings) = rows[row];
        row += 1;
        table.sets[row] = set(openings);
        let mut at = 0;
        while at < bytes.len() {
            table.row[bytes[at] as usize] = row as u8;
            at += 1;
        }
    }
    table
}

/// These places.
pub const fn set(places: &[u8]) -> Set {
    let mut set = [0; 4];
    let mut at = 0;
    while at < places.len() {
        set[(places[at] >> 6) as usize] |= 1 << (places[at] & 63);
        at += 1;
    }
    set
}
