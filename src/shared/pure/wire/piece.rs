//! Pieces of what is longer than a datagram: filters on their way to bailiff-compiler, their image on its way back and to
//! the watcher.
//!
//! Runs in: the warden, bailiff-compiler, the watcher. In and out: one byte of kind, and what it is. Never: an empty
//! datagram, which is the end of a channel.

/// Most bytes of a piece.
pub const MOST: usize = 16 << 10;
/// Bytes of the longest datagram.
pub const LEN: usize = MOST + 1;

/// What a piece is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A filter's name.
    Name = b'N' as isize,
    /// More of its text.
    Text = b'X' as isize,
    /// More of the image.
    Image = b'I' as isize,
    /// There is no more.
    End = b'E' as isize,
    /// A filter is refused, and the compiler has said why.
    Refused = b'R' as isize,
}

/// The datagram of a piece; `None` for one that is too long.
pub fn encode<'a>(kind: Kind, part: &[u8], out: &'a mut [u8; LEN]) -> Option<&'a [u8]> {
    let (first, rest) = out.split_first_mut()?;
    *first = kind as u8;
    for (slot, b) in rest.iter_mut().zip(part) {
        *slot = *b;
    }
    if part.len() > MOST { None } else { out.get(..part.len().checked_add(1)?) }
}

/// The piece in a datagram.
pub fn decode(datagram: &[u8]) -> Option<(Kind, &[u8])> {
    let (first, part) = datagram.split_first()?;
    let kinds = [Kind::Name, Kind::Text, Kind::Image, Kind::End, Kind::Refused];
    Some((kinds.into_iter().find(|k| *k as u8 == *first)?, part))
}
