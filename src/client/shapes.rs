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
    b"fail", b"invalid", b"denied", b"error", b"refused", b"bad", b"unknown", b"illegal", b"reject", b"authentication",
];

/// First letters of `WORDS`, as bits above `a`.
const FIRSTS: u32 = {
    let (mut bits, mut rest): (u32, &[&[u8]]) = (0, &WORDS);
    while let [word, behind @ ..] = rest {
        if let [first, ..] = word {
            bits |= 1 << (*first - b'a');
        }
        rest = behind;
    }
    bits
};

/// Whether one of `WORDS` stands in it, in letters of either size.
fn is_grave(message: &[u8]) -> bool {
    let mut rest = message;
    while let Some((b, behind)) = rest.split_first() {
        let letter = (b | 0x20).wrapping_sub(b'a');
        if letter < 26
            && FIRSTS >> letter & 1 == 1
            && WORDS.iter().any(|w| rest.get(..w.len()).is_some_and(|part| part.eq_ignore_ascii_case(w)))
        {
            return true;
        }
        rest = behind;
    }
    false
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
        let known = self.counts.iter_mut().take(self.used).find(|[h, f, _]| *h == hash && *f == filter.into());
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
            let own = self.counts.iter_mut().zip(&*self.samples).filter(|([_, f, n], _)| *f == filter.into() && *n > 0);
            let Some((count, sample)) = own.max_by_key(|([_, _, n], _)| *n) else { return 0 };
            let [_, _, n] = count;
            each(core::mem::take(n), sample);
        }
        self.counts.iter().filter(|[_, f, n]| *f == filter.into() && *n > 0).count()
    }
}
