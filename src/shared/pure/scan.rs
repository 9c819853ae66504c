//! The tokens of a filter's patterns, each read forwards (from the left) or backwards (`_back`, from the
//! right).
//!
//! Runs in: the watcher (called by the generated code), the filter compiler. In: what is left of a message,
//! hostile bytes. Out: what is left after the token, `None` where the token is not there. Never: goes back on
//! a choice, looks at a byte more than a constant number of times.

use super::bytes::{leading_digits, position, trailing_digits};

/// Digits that a number may have: as many as the largest 64-bit one.
const DIGITS_MAX: usize = 20;
/// Bytes that a hexadecimal code may have: a SHA-512 with a colon after each pair, doubled.
const HEX_MAX: usize = 384;
/// Bytes that a name may have: a host name of RFC 1035 has 253.
const NAME_MAX: usize = 255;

/// What stands behind 1 to `max` bytes of a class; `None` where there are none, or more.
#[inline]
pub(super) fn run(s: &[u8], max: usize, class: impl Fn(&u8) -> bool) -> Option<&[u8]> {
    // One more than may be there shows that there are more.
    let near = s.get(..max.saturating_add(1)).unwrap_or(s);
    let end = near.iter().position(|b| !class(b)).unwrap_or(near.len());
    if end == 0 || end > max { None } else { s.get(end..) }
}

/// [`run`] at the end.
#[inline]
pub(super) fn run_back(s: &[u8], max: usize, class: impl Fn(&u8) -> bool) -> Option<&[u8]> {
    let (mut rest, mut left) = (s, max);
    while let Some((_, before)) = rest.split_last().filter(|(b, _)| class(b)) {
        left = left.checked_sub(1)?;
        rest = before;
    }
    (left < max).then_some(rest)
}

fn is_hex(b: &u8) -> bool {
    b.is_ascii_hexdigit() || *b == b':'
}

/// Bytes of a name, by a table: this is asked of every byte of every name.
const IN_NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut b = 0u8;
    while b < u8::MAX {
        table[b as usize] = b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        b += 1;
    }
    table
};

/// Whether a name may hold this byte.
pub fn is_name(b: &u8) -> bool {
    IN_NAME[usize::from(*b)]
}

/// The first of these texts that stands here.
pub fn alt<'a>(s: &'a [u8], texts: &[&[u8]]) -> Option<&'a [u8]> {
    texts.iter().find_map(|t| s.strip_prefix(*t))
}

/// The first of these texts that stands at the end.
pub fn alt_back<'a>(s: &'a [u8], texts: &[&[u8]]) -> Option<&'a [u8]> {
    texts.iter().find_map(|t| s.strip_suffix(*t))
}

/// 1 to 20 decimal digits.
pub fn number(s: &[u8]) -> Option<&[u8]> {
    match s.first_chunk().map(leading_digits) {
        Some(digits @ 1..8) => s.get(digits..),
        _ => run(s, DIGITS_MAX, u8::is_ascii_digit),
    }
}

/// [`number`] at the end.
pub fn number_back(s: &[u8]) -> Option<&[u8]> {
    match s.last_chunk().map(trailing_digits) {
        Some(digits @ 1..8) => s.get(..s.len().checked_sub(digits)?),
        _ => run_back(s, DIGITS_MAX, u8::is_ascii_digit),
    }
}

/// Hexadecimal digits and colons.
pub fn hex(s: &[u8]) -> Option<&[u8]> {
    run(s, HEX_MAX, is_hex)
}

/// [`hex`] at the end.
pub fn hex_back(s: &[u8]) -> Option<&[u8]> {
    run_back(s, HEX_MAX, is_hex)
}

/// Letters, digits, `.`, `-`, `_`: a name that the service itself chose or checked.
pub fn name(s: &[u8]) -> Option<&[u8]> {
    run(s, NAME_MAX, is_name)
}

/// [`name`] at the end.
pub fn name_back(s: &[u8]) -> Option<&[u8]> {
    run_back(s, NAME_MAX, is_name)
}

/// One or more spaces or tabs.
pub fn blanks(s: &[u8]) -> Option<&[u8]> {
    run(s, s.len(), is_blank)
}

/// [`blanks`] at the end.
pub fn blanks_back(s: &[u8]) -> Option<&[u8]> {
    run_back(s, s.len(), is_blank)
}

fn is_blank(b: &u8) -> bool {
    matches!(b, b' ' | b'\t')
}

/// Text that none of these bytes ends before the first of them, less the `held` bytes that the literal behind
/// it has before that byte.
pub fn not<'a>(s: &'a [u8], never: &[u8], held: usize) -> Option<&'a [u8]> {
    let at = match never {
        [one] => position(s, *one)?,
        _ => s.iter().position(|b| never.contains(b))?,
    };
    s.get(at.checked_sub(held)?..)
}

/// [`not`] of at most 255 bytes, for a part that is tried at many places.
pub fn near<'a>(s: &'a [u8], never: &[u8], held: usize) -> Option<&'a [u8]> {
    let (_, at) = s.iter().zip(0..NAME_MAX).find(|(b, _)| never.contains(b))?;
    s.get(at.checked_sub(held)?..)
}

/// [`not`] at the end; the literal before it has `held` bytes from the last such byte on.
pub fn not_back<'a>(s: &'a [u8], never: &[u8], held: usize) -> Option<&'a [u8]> {
    let at = s.iter().rposition(|b| never.contains(b))?;
    s.get(..at.checked_add(held)?)
}

/// The rest, if it holds none of these bytes.
pub fn none<'a>(s: &'a [u8], never: &[u8]) -> Option<&'a [u8]> {
    if s.iter().any(|b| never.contains(b)) { None } else { Some(&[]) }
}

/// One byte or more up to a space, to `stop` (the first byte of the literal that follows) or to the end.
pub fn word(s: &[u8], stop: u8) -> Option<&[u8]> {
    run(s, s.len(), |b| *b != b' ' && *b != stop)
}

/// [`word`] at the end; `stop` is the last byte of the literal before it.
pub fn word_back(s: &[u8], stop: u8) -> Option<&[u8]> {
    run_back(s, s.len(), |b| *b != b' ' && *b != stop)
}

/// Text in double quotes, in which a backslash shields one byte.
pub fn quoted(s: &[u8]) -> Option<&[u8]> {
    let mut rest = s.strip_prefix(b"\"")?;
    loop {
        let (before, behind) = rest.split_at_checked(position(rest, b'"')?)?;
        rest = behind.get(1..)?;
        // Each backslash shields the byte behind it, be it another.
        let (mut left, mut shielded) = (before, false);
        while let Some(shorter) = left.strip_suffix(b"\\") {
            (left, shielded) = (shorter, !shielded);
        }
        if !shielded {
            return Some(rest);
        }
    }
}

/// What `part` yields at the first place where `lead` stands and `part` matches behind it; and what stands
/// behind that place's first byte, where the next one may begin.
#[inline]
pub fn find<'a, T>(s: &'a [u8], lead: &[u8], part: impl Fn(&'a [u8]) -> Option<T>) -> Option<(T, &'a [u8])> {
    let mut rest = s;
    // A space stands before every word.
    let place = lead.iter().position(|b| *b != b' ').unwrap_or(0);
    loop {
        let at = match lead.get(place) {
            Some(byte) => position(rest.get(place..)?, *byte)?,
            None => 0,
        };
        rest = rest.get(at..)?;
        let (_, next) = rest.split_first()?;
        if let Some(behind) = rest.strip_prefix(lead)
            && let Some(found) = part(behind)
        {
            return Some((found, next));
        }
        rest = next;
    }
}

/// What stands before the last place where `lead` stands and `part` matches behind it.
pub fn before_last<'a, T>(
    s: &'a [u8],
    lead: &[u8],
    part: impl Fn(&'a [u8]) -> Option<T>,
) -> Option<&'a [u8]> {
    let (mut rest, mut before) = (s, None);
    while let Some((_, next)) = find(rest, lead, &part) {
        before = s.len().checked_sub(next.len()).and_then(|behind| s.get(..behind.checked_sub(1)?));
        rest = next;
    }
    before
}

/// What `part` yields behind `lead` at the one place where both stand. `None` where there is no such place,
/// or a second: then somebody imitates the service, and nobody is accused.
pub fn once<'a, T>(s: &'a [u8], lead: &[u8], part: impl Fn(&'a [u8]) -> Option<T>) -> Option<T> {
    let (found, next) = find(s, lead, &part)?;
    if find(next, lead, part).is_some() { None } else { Some(found) }
}
