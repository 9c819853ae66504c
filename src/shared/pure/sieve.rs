//! Which filters may take a line: told by short texts that stand in it, so that many filters cost about as much as one.
//!
//! Runs in: the watcher, the client's `test`. In: a line, any bytes, hostile. Out: filters, which then look for themselves;
//! one that is left out cannot take the line, as each of its patterns asks for one of its needles.

/// Slots in which needles are looked for: so many that most hold none.
const SLOTS: usize = 1 << 16;
/// Slots that share a first row.
const SHARED: usize = 32;

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
    /// For each slot a bit: whether a needle is in it.
    filled: [u64; SLOTS / 64],
    /// For so many slots the number of the first row, from 1 on; 0: none.
    first: [u16; SLOTS / SHARED],
    rows: [Row; ROWS],
    /// Filters that a line may belong to whatever it holds.
    always: Set,
}

/// The slot of a text: told by its last three bytes.
#[inline]
const fn slot(text: u64) -> usize {
    ((text as u32 & 0x00ff_ffff).wrapping_mul(0x9e37_79b1) >> 16) as usize & (SLOTS - 1)
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
        let (filled, first) = ([0; SLOTS / 64], [0; SLOTS / SHARED]);
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
        let slot = slot(needle);
        self.filled[slot / 64] |= 1 << (slot % 64);
        while let [filter, behind @ ..] = filters {
            self.rows[row] = Row { needle, filter: *filter, next: self.first[slot / SHARED] };
            row += 1;
            self.first[slot / SHARED] = row as u16;
            filters = behind;
        }
    }

    /// The filters that may take this line.
    #[inline]
    pub fn of(&self, line: &[u8]) -> Set {
        let (mut set, mut last) = (self.always, 0u64);
        let (words, rest) = line.as_chunks();
        for word in words {
            let word = u64::from_be_bytes(*word);
            let both = u128::from(last) << 64 | u128::from(word);
            for behind in [48u8, 32, 16, 0] {
                self.look((both >> behind) as u64, &mut set);
            }
            last = word;
        }
        for pair in rest.as_chunks().0 {
            last = last << 16 | u64::from(u16::from_be_bytes(*pair));
            self.look(last, &mut set);
        }
        set
    }

    /// Adds the filters of which a text may end the last eight bytes.
    #[inline]
    fn look(&self, last: u64, set: &mut Set) {
        let slot = slot(last);
        if self.filled[slot / 64] >> (slot % 64) & 1 != 0 {
            self.add(last, slot, set);
        }
    }

    /// Adds the filters of which a text ends them.
    fn add(&self, last: u64, slot: usize, set: &mut Set) {
        let mut at = usize::from(self.first[slot / SHARED]);
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
pub fn members(set: Set) -> impl Iterator<Item = u8> {
    set.into_iter().zip([0u8, 64, 128, 192]).flat_map(|(word, base)| {
        let mut word = word;
        core::iter::from_fn(move || {
            let place = word.trailing_zeros() as u8;
            word &= word.wrapping_sub(1);
            (place < 64).then_some(base | place)
        })
    })
}
