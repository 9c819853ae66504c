//! Lines of a service that no pattern takes and that yet look like failures, grouped by their shape.
//!
//! Runs in: the client. In: messages, any bytes, hostile. Out: shapes with counts: what an operator shows to who
//! writes the filters. Never: grows: shapes beyond the first 1,024 are only counted together.
use super::hits::{SAMPLE, Sample, keep};
use bailiff::shared::pure::addr::Addr;
use bailiff::shared::pure::bytes::Text;
use bailiff::shared::pure::form::{Form, Seen};
use bailiff::shared::pure::hash::siphash;
use bailiff::shared::pure::peer::addr_may_port;
use bailiff::shims::errno::Errno;
use bailiff::shims::slots::slots;

/// Shapes that are told apart.
const MOST: usize = 1024;

/// Words of which one stands in the message of a failure, in small letters.
const WORDS: [&[u8]; 10] = [
    b"fail",
    b"invalid",
    b"denied",
    b"error",
    b"refused",
    b"bad",
    b"unknown",
    b"illegal",
    b"reject",
    b"authentication",
];

/// By the five low bits of a letter that begins one of `WORDS`: those of the letters that may follow, as bits.
/// Both sizes of a letter have the same five.
const SECOND: [u32; 32] = {
    let (mut table, mut rest): ([u32; 32], &[&[u8]]) = ([0; 32], &WORDS);
    while let [[first, second, ..], behind @ ..] = rest {
        table[(*first & 31) as usize] |= 1 << (*second & 31);
        rest = behind;
    }
    table
};

/// Whether one of `WORDS` stands in it, in letters of either size; `bad` as a whole word, as it is a number too.
pub(crate) fn is_grave(message: &[u8]) -> bool {
    let pairs = message.iter().zip(message.iter().skip(1));
    let mut places =
        (0..).zip(pairs).filter(|(_, (a, b))| SECOND[usize::from(*a & 31)] >> (*b & 31) & 1 == 1);
    places.any(|(at, _)| {
        let (before, rest) = message.split_at_checked(at).unwrap_or_default();
        WORDS.iter().filter_map(|word| Some((word, rest.split_at_checked(word.len())?))).any(
            |(word, (part, behind))| {
                let beside = [before.last(), behind.first()];
                let is_whole = || !beside.into_iter().flatten().any(u8::is_ascii_alphanumeric);
                part.eq_ignore_ascii_case(word) && (*word != b"bad" || is_whole())
            },
        )
    })
}

/// Whether an untaken line looks like a failure of somebody who has an address.
pub(crate) fn is_suspect(form: Form, seen: &Seen<'_>) -> bool {
    is_grave(seen.message) && (form.names_peer() || pieces(seen.message).any(|p| p == Piece::Addr))
}

/// A message in pieces that are shown as they are, or by their kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Piece {
    Addr,
    Number,
    Byte(u8),
}

/// Addresses and numbers in a message, and every other byte of it.
fn pieces(message: &[u8]) -> impl Iterator<Item = Piece> {
    let (mut rest, mut in_word) = (message, false);
    core::iter::from_fn(move || {
        let (b, behind) = rest.split_first()?;
        let whole: Option<(Addr, &[u8])> = if in_word { None } else { addr_may_port(rest) };
        in_word = b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'%');
        match (whole, b) {
            (Some((_, behind)), _) => {
                rest = behind;
                Some(Piece::Addr)
            }
            (None, b'0'..=b'9') => {
                rest = bailiff::shared::pure::stamp::digits(rest);
                Some(Piece::Number)
            }
            _ => {
                rest = behind;
                Some(Piece::Byte(*b))
            }
        }
    })
}

/// Writes a message's shape.
fn write(message: &[u8], to: &mut Text<'_>) {
    for piece in pieces(message) {
        match piece {
            Piece::Addr => _ = to.bytes(b"<addr>"),
            Piece::Number => _ = to.byte(b'N'),
            Piece::Byte(b) => _ = to.byte(b),
        }
    }
}

/// The shapes there were, and how often.
pub(crate) struct Shapes {
    /// Hash and filter; count.
    counts: &'static mut [[u64; 3]],
    samples: &'static mut [Sample],
    used: usize,
    /// Lines of shapes for which there was no room.
    pub(crate) untold: u64,
}

impl Shapes {
    /// No shape yet.
    pub(crate) fn new() -> Result<Self, Errno> {
        Ok(Self { counts: slots(MOST)?, samples: slots(MOST)?, used: 0, untold: 0 })
    }

    /// Counts the shape of this message of a filter's service.
    pub(crate) fn note(&mut self, filter: u8, message: &[u8]) {
        let mut buf = [0; SAMPLE + 1];
        let mut text = Text::new(&mut buf);
        write(message, &mut text);
        let shape = text.finish();
        let hash = siphash(&[0, filter.into()], shape);
        let known =
            self.counts.iter_mut().take(self.used).find(|[h, f, _]| *h == hash && *f == filter.into());
        if let Some([_, _, count]) = known {
            *count = count.saturating_add(1);
            return;
        }
        match (self.counts.get_mut(self.used), self.samples.get_mut(self.used)) {
            (Some(count), Some(sample)) => {
                *count = [hash, filter.into(), 1];
                keep(sample, shape);
                self.used = self.used.saturating_add(1);
            }
            _ => self.untold = self.untold.saturating_add(1),
        }
    }

    /// The shapes of a filter, the most frequent first, at most `most`; and how many more there are.
    pub(crate) fn of(&mut self, filter: u8, most: usize, mut each: impl FnMut(u64, &Sample)) -> usize {
        for _ in 0..most {
            let own = self
                .counts
                .iter_mut()
                .zip(&*self.samples)
                .filter(|([_, f, n], _)| *f == filter.into() && *n > 0);
            let Some((count, sample)) = own.max_by_key(|([_, _, n], _)| *n) else { return 0 };
            let [_, _, n] = count;
            each(core::mem::take(n), sample);
        }
        self.counts.iter().filter(|[_, f, n]| *f == filter.into() && *n > 0).count()
    }
}
