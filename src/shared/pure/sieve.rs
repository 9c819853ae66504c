//! Which filters may take a line: told by short texts that stand in it, so that many filters cost about as much as one.
//!
//! Runs in: the watcher, the client's `test`. In: a line, any bytes, hostile. Out: filters, which then look for themselves;
//! one that is left out cannot take the line, as each of its patterns asks for one of its needles.

/// Slots in which needles are looked for: so many that most hold none.
const SLOTS: usize = 1 << 16;
/// First rows: those slots share one that differ by the byte before the last three.
const FIRSTS: usize = 1 << 13;

/// Filters, as bits by their place in `FILTERS`.
pub type Set = [u64; 4];

/// A needle of one filter, and the next row.
#[derive(Clone, Copy, Debug)]
struct Row {
    /// The number that its bytes are.
    needle: u64,
    filter: u8,
    next: u16,
}

/// The needles of all filters: texts of four to eight bytes. A line is looked at behind every second byte; so each needle
/// has two rows, one without its last byte: behind one of the two places an even number of bytes stands.
#[derive(Debug)]
pub struct Sieve<const ROWS: usize> {
    /// Of each slot: whether a needle is in it.
    filled: [bool; SLOTS],
    /// The number of the first row, from 1 on; 0: none.
    first: [u16; FIRSTS],
    rows: [Row; ROWS],
    /// Filters that a line may belong to whatever it holds.
    always: Set,
}

/// The slots of four texts at once, each of which ends in one of four pairs of bytes: told by these, by the byte before a
/// pair, and by three bits of the one before that. `before` are the pairs before them.
#[inline]
const fn slots(pairs: u64, before: u64) -> u64 {
    pairs ^ (before & 0x07ff_07ff_07ff_07ff) << 5
}

/// The slot of the text that ends here.
#[inline]
const fn slot(text: u64) -> usize {
    slots(text, text >> 16) as u16 as usize
}

/// How many rows these needles take.
pub const fn rows(needles: &[(&[u8], &[u8])]) -> usize {
    let (mut at, mut rows) = (0, 0);
    while at < needles.len() {
        rows += needles[at].1.len() * 2;
        at += 1;
    }
    rows
}

impl<const ROWS: usize> Sieve<ROWS> {
    /// Of these needles, each with its filters; and of filters that have none.
    pub const fn new(needles: &[(&[u8], &[u8])], always: &[u8]) -> Self {
        let (filled, first) = ([false; SLOTS], [0; FIRSTS]);
        let rows = [Row { needle: 0, filter: 0, next: 0 }; ROWS];
        assert!(ROWS < 1 << 16, "a row has a number");
        let mut sieve = Self { filled, first, rows, always: set(always) };
        let (mut at, mut row) = (0, 0);
        while at < needles.len() {
            let (mut text, filters) = needles[at];
            at += 1;
            let mut needle = 0u64;
            while let [b, behind @ ..] = text {
                needle = needle << 8 | *b as u64;
                text = behind;
            }
            sieve.put(needle >> 8, filters, row);
            sieve.put(needle, filters, row + filters.len());
            row += filters.len() * 2;
        }
        sieve
    }

    /// Puts a text of these filters into rows from this one on.
    const fn put(&mut self, needle: u64, mut filters: &[u8], mut row: usize) {
        let (slot, mut before) = (slot(needle), 0);
        self.filled[slot] = true;
        // Before three bytes may stand any other.
        while needle < 1 << 24 && before < 8 {
            self.filled[slot ^ (before * FIRSTS)] = true;
            before += 1;
        }
        let first = slot % FIRSTS;
        while let [filter, behind @ ..] = filters {
            self.rows[row] = Row { needle, filter: *filter, next: self.first[first] };
            row += 1;
            self.first[first] = row as u16;
            filters = behind;
        }
    }

    /// The filters that may take this line.
    #[inline]
    pub fn of(&self, line: &[u8]) -> Set {
        let (mut set, mut last) = (self.always, 0);
        let (words, rest) = line.as_chunks();
        for word in words {
            let both = last << 64 | u128::from(u64::from_be_bytes(*word));
            self.look(both, &mut set);
            last = both;
        }
        // The last eight bytes once more, with the rest among them.
        let end = match line.last_chunk() {
            Some(word) => u64::from_be_bytes(*word),
            None => rest.iter().fold(0, |all, b| all << 8 | u64::from(*b)),
        };
        let before = last.wrapping_shl((rest.len() as u32) << 3);
        self.look(before | u128::from(end), &mut set);
        set
    }

    /// Adds the filters of which a needle ends behind one of the last four pairs of these bytes.
    #[inline]
    fn look(&self, bytes: u128, set: &mut Set) {
        let slots = slots(bytes as u64, (bytes >> 16) as u64);
        let held = |behind: u8| self.filled[usize::from((slots >> behind) as u16)];
        if held(48) | held(32) | held(16) | held(0) {
            // Which they are cannot be foretold: no branch for each.
            let bits = [0u8, 16, 32, 48].map(|behind| u64::from(held(behind)) << behind);
            let mut ends = bits.into_iter().fold(0, |all, bit| all | bit);
            while ends != 0 {
                self.add((bytes >> ends.trailing_zeros()) as u64, set);
                ends &= ends.wrapping_sub(1);
            }
        }
    }

    /// Adds the filters of which a needle ends the last eight bytes.
    fn add(&self, last: u64, set: &mut Set) {
        let mut at = usize::from(self.first[slot(last) % FIRSTS]);
        while let Some(row) = at.checked_sub(1).and_then(|at| self.rows.get(at)) {
            let unused = row.needle.leading_zeros() & !7;
            if (row.needle ^ last).checked_shl(unused).is_none_or(|differs| differs == 0) {
                set[usize::from(row.filter >> 6)] |= 1 << (row.filter & 63);
            }
            at = usize::from(row.next);
        }
    }
}

/// These filters.
pub const fn set(filters: &[u8]) -> Set {
    let mut set = [0; 4];
    let mut at = 0;
    while at < filters.len() {
        set[(filters[at] >> 6) as usize] |= 1 << (filters[at] & 63);
        at += 1;
    }
    set
}

/// The filters of a set, lowest first.
pub fn members(mut set: Set) -> impl Iterator<Item = u8> {
    core::iter::from_fn(move || {
        let (word, base) = set.iter_mut().zip([0u8, 64, 128, 192]).find(|(word, _)| **word != 0)?;
        let place = word.trailing_zeros() as u8;
        *word &= word.wrapping_sub(1);
        Some(base | place)
    })
}
