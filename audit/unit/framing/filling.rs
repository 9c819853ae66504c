//! What an outsider writes into his fields: imitations of every pattern's lines that name a victim, cut and put
//! together in every way.
//!
//! In: lines that count, and whom they name. Out: fillings, pseudo-random, the same in each run.

use super::super::crooked::Crooked;

/// Whom the fillings name, as services write addresses.
const VICTIMS: [&str; 9] = [
    "203.0.113.99",
    "2001:db8:ffff::99",
    "::ffff:203.0.113.99",
    "203.0.113.99:22",
    "[203.0.113.99]",
    "[203.0.113.99]:22",
    "[2001:db8:ffff::99]:22",
    "(203.0.113.99)",
    "203.0.113.99.",
];

/// What may stand between two imitations, or around one.
const GLUE: [&[u8]; 44] = [
    b" ",
    b"  ",
    b"\"",
    b"'",
    b"`",
    b"(",
    b")",
    b"[",
    b"]",
    b"<",
    b">",
    b"{",
    b"}",
    b",",
    b", ",
    b":",
    b": ",
    b";",
    b"=",
    b"/",
    b"-",
    b"%",
    b"|",
    b"\\",
    b"\\\"",
    b"\",\"",
    b"\" ",
    b"\n",
    b"\r\n",
    b"\r",
    b"\t",
    b"\0",
    b"\x1b[0m",
    b"\xff",
    "\u{e9}".as_bytes(),
    b", client: ",
    b" from ",
    b" by ",
    b" rhost=",
    b", rip=",
    b" port 22",
    b" [preauth]",
    b"] ",
    b"x",
];

/// Lengths at which services and loggers cut.
const LENGTHS: [usize; 12] = [64, 80, 100, 128, 256, 380, 500, 512, 1024, 2048, 4096, 8000];

/// Whether a word or a sign ends or begins here.
pub(crate) fn border(text: &[u8], at: usize) -> bool {
    let class = |b: &u8| if b.is_ascii_alphanumeric() || b"._".contains(b) { 0 } else { *b };
    at == 0 || at == text.len() || class(&text[at - 1]) != class(&text[at])
}

/// A line that would accuse the victim.
pub(crate) struct Imitation {
    text: Vec<u8>,
    /// Where the victim stands.
    at: usize,
    end: usize,
    /// Where words and signs begin and end.
    borders: Vec<usize>,
}

impl Imitation {
    /// The line with both victims instead of this peer; none where he does not stand in it so.
    pub(crate) fn of(line: &[u8], peer: &str) -> Vec<Self> {
        let Some(at) = line.windows(peer.len()).position(|w| w == peer.as_bytes()) else { return Vec::new() };
        let behind = &line[at + peer.len()..];
        let with = |victim: &&str| {
            let text = [&line[..at], victim.as_bytes(), behind].concat();
            let borders = (0..=text.len()).filter(|i| border(&text, *i)).collect();
            Self { text, at, end: at + victim.len(), borders }
        };
        VICTIMS[..2].iter().map(with).collect()
    }

    fn border(&self, random: &mut Crooked, from: usize, to: usize) -> usize {
        let start = self.borders.partition_point(|b| *b < from);
        let end = self.borders.partition_point(|b| *b <= to);
        if start < end { random.pick(&self.borders[start..end]) } else { from }
    }

    /// The word before the victim.
    fn word(&self) -> usize {
        let before = self.text[..self.at].trim_ascii_end();
        before.iter().rposition(|b| *b == b' ').unwrap_or(0)
    }

    /// A part that holds the victim.
    pub(crate) fn around(&self, random: &mut Crooked) -> &[u8] {
        let start = match random.below(8) {
            0 => 0,
            1 | 2 => self.word(),
            3 => self.at,
            _ => self.border(random, 0, self.at),
        };
        let end = match random.below(4) {
            0 => self.end,
            1 => self.text.len(),
            _ => self.border(random, self.end, self.text.len()),
        };
        &self.text[start..end]
    }

    /// A part that stands before or behind him.
    fn beside(&self, random: &mut Crooked) -> &[u8] {
        let (from, to) = if random.below(2) == 0 { (0, self.at) } else { (self.end, self.text.len()) };
        let (a, b) = (self.border(random, from, to), self.border(random, from, to));
        &self.text[a.min(b)..a.max(b)]
    }
}

/// What fillings are made of.
pub(crate) struct Pool<'a> {
    /// Of the filter under trial, and of those that read the same log.
    pub(crate) own: Vec<&'a Imitation>,
    /// Of all filters.
    pub(crate) all: &'a [Imitation],
}

impl Pool<'_> {
    fn piece(&self, random: &mut Crooked) -> Vec<u8> {
        let own = if self.own.is_empty() { None } else { Some(random.pick(&self.own)) };
        match (random.below(16), own) {
            (0..9, Some(own)) => own.around(random).to_vec(),
            (9..12, Some(own)) => own.beside(random).to_vec(),
            (12, _) => self.all[random.below(self.all.len() as u64) as usize].around(random).to_vec(),
            (13 | 14, _) => random.pick(&VICTIMS).into(),
            _ => random.pick(&GLUE).to_vec(),
        }
    }

    /// One filling.
    pub(crate) fn filling(&self, random: &mut Crooked) -> Vec<u8> {
        let mut filling = Vec::new();
        for _ in 0..=random.below(3) {
            for _ in 0..random.below(3) {
                filling.extend(random.pick(&GLUE));
            }
            filling.extend(self.piece(random));
        }
        if random.below(3) == 0 {
            filling.extend(random.pick(&GLUE));
        }
        if random.below(8) == 0 {
            let again = filling.clone();
            filling.extend(random.pick(&GLUE));
            filling.extend(again);
        }
        if random.below(24) == 0 {
            let room = random.pick(&LENGTHS).saturating_sub(filling.len());
            let at = if random.below(2) == 0 { 0 } else { filling.len() };
            drop(filling.splice(at..at, std::iter::repeat_n(b'x', room)));
        }
        filling
    }
}
