//! Single values as text: read, and written for the administrator.
//!
//! Runs in: the warden. In: a string of the configuration. Out: a value, or `None` for text that is not
//! exactly one. Never: wraps a number, takes a path that is not plain.

use super::{Group, Path};
use crate::shared::pure::bytes::{Text, decimal};

const UNITS: [(u8, u64); 5] = [(b'w', 604_800), (b'd', 86_400), (b'h', 3600), (b'm', 60), (b's', 1)];

/// A time in seconds: numbers with w, d, h, m or s behind them, the larger unit first, and more than 0 in
/// all. "forever" is 0.
pub(super) fn duration(text: &[u8]) -> Option<u64> {
    if text == b"forever" {
        return Some(0);
    }
    let mut rest = text;
    let mut total = 0u64;
    for (unit, seconds) in UNITS {
        let Some(at) = rest.iter().position(|b| *b == unit) else { continue };
        let (number, behind) = rest.split_at_checked(at)?;
        total = total.checked_add(decimal(number)?.checked_mul(seconds)?)?;
        rest = behind.get(1..)?;
    }
    (rest.is_empty() && total != 0).then_some(total)
}

/// A number of bytes: a number with K, M, G or T behind it, in powers of 1024.
pub(super) fn size(text: &[u8]) -> Option<u64> {
    let (unit, number) = text.split_last()?;
    let bytes = match unit {
        b'K' => 1 << 10,
        b'M' => 1 << 20,
        b'G' => 1 << 30,
        b'T' => 1u64 << 40,
        _ => return None,
    };
    decimal(number)?.checked_mul(bytes)
}

/// An absolute path of printable bytes, whose every component is a name: no `//`, `.`, `..` or `/` at the
/// end.
pub(super) fn path(text: &[u8]) -> Option<Path> {
    let is_name = |part: &[u8]| !matches!(part, b"" | b"." | b"..");
    let plain = text.strip_prefix(b"/")?.split(|b| *b == b'/').all(is_name);
    let whole = text.len() < 256 && !text.iter().any(u8::is_ascii_control);
    if plain && whole { Path::new(text) } else { None }
}

/// A group's name, or no text for no group.
pub(super) fn group(text: &[u8]) -> Option<Group> {
    let head = |b: &u8| b.is_ascii_alphabetic() || *b == b'_';
    let tail = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    if text.first().is_none_or(head) && text.iter().all(tail) { Group::new(text) } else { None }
}

/// Writes a time in the largest unit up to days that divides it.
pub(super) fn write_time<'w, 'b>(w: &'w mut Text<'b>, seconds: u64) -> &'w mut Text<'b> {
    let (unit, size) = match seconds {
        s if s.is_multiple_of(86_400) => (b'd', 86_400),
        s if s.is_multiple_of(3600) => (b'h', 3600),
        s if s.is_multiple_of(60) => (b'm', 60),
        _ => (b's', 1),
    };
    w.dec(seconds / size).byte(b' ').byte(unit)
}

/// Writes "a, b or c".
pub(super) fn write_list<'w, 'b, T>(
    w: &'w mut Text<'b>,
    items: impl Iterator<Item = T>,
    each: impl Fn(&mut Text<'b>, T),
) -> &'w mut Text<'b> {
    let mut items = items.peekable();
    let mut first = true;
    while let Some(item) = items.next() {
        if !first {
            w.bytes(if items.peek().is_some() { b", " } else { b" or " });
        }
        first = false;
        each(w, item);
    }
    w
}
