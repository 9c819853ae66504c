//! Single values: times, sizes, paths, hashes, as flags and policy files write them.
//!
//! Runs in: bailiff-cage. In: the text of one value, from the operator. Out: the value, or `None` for text that is not
//! exactly one. Never: wraps a number, looks whether a path is there.
use alloc::vec::Vec;

use bailiff::shared::pure::bytes::decimal;

use crate::policy::Bytes;
use crate::step::paths::parent;

/// A time in milliseconds: `500ms`, `60s`, `1h30m`; units fall, and each is there once.
pub(crate) fn time_ms(text: &[u8]) -> Option<u64> {
    const UNITS: [(&[u8], u64); 5] =
        [(b"ms", 1), (b"s", 1000), (b"m", 60_000), (b"h", 3_600_000), (b"d", 86_400_000)];
    let (mut rest, mut total, mut below) = (text, 0u64, u64::MAX);
    while !rest.is_empty() {
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let (number, behind) = rest.split_at_checked(digits)?;
        let letters = behind.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        let (unit, behind) = behind.split_at_checked(letters)?;
        let (_, ms) = UNITS.iter().find(|(name, ms)| *name == unit && *ms < below)?;
        total = total.checked_add(decimal(number)?.checked_mul(*ms)?)?;
        (rest, below) = (behind, *ms);
    }
    (total != 0).then_some(total)
}

/// A number of bytes: `4096`, or with K, M, G or T behind it, in powers of 1024.
pub(crate) fn size(text: &[u8]) -> Option<u64> {
    let (last, number) = text.split_last()?;
    let shift = match last {
        b'K' => 10,
        b'M' => 20,
        b'G' => 30,
        b'T' => 40,
        _ => return decimal(text),
    };
    decimal(number)?.checked_mul(1 << shift)
}

/// What `read` makes of the text, within these bounds; `none` is no limit.
pub(crate) fn limit(
    text: &[u8],
    read: fn(&[u8]) -> Option<u64>,
    (least, most): (u64, u64),
) -> Option<Option<u64>> {
    if text == b"none" {
        return Some(None);
    }
    read(text).filter(|n| (least..=most).contains(n)).map(Some)
}

/// An absolute path in which every component is a name: without `//`, `.` and a `/` at its end. `..` would need a look
/// at the file system: `None`.
pub(crate) fn plain(path: &[u8]) -> Option<Bytes> {
    let mut out = Vec::new();
    for name in path.strip_prefix(b"/")?.split(|b| *b == b'/') {
        match name {
            b"" | b"." => {}
            b".." => return None,
            _ => {
                out.push(b'/');
                out.extend_from_slice(name);
            }
        }
    }
    if out.is_empty() {
        out.push(b'/');
    }
    Some(out)
}

/// A path as it is seen from `base`, which is absolute and has no link in it: so `..` may stand at its beginning.
pub(crate) fn absolute(base: &[u8], path: &[u8]) -> Option<Bytes> {
    if path.is_empty() || path.starts_with(b"/") {
        return plain(path);
    }
    let (mut base, mut rest) = (base.strip_prefix(b"/").map(|_| base)?, path);
    loop {
        let (first, behind) = rest.iter().position(|b| *b == b'/').map_or((rest, &b""[..]), |at| {
            let (first, behind) = rest.split_at_checked(at).unwrap_or((rest, b""));
            (first, behind.strip_prefix(b"/").unwrap_or(behind))
        });
        match first {
            b".." => base = parent(base),
            b"." => {}
            _ => return plain(&[base, b"/", rest].concat()),
        }
        rest = behind;
        if rest.is_empty() {
            return plain(base);
        }
    }
}

/// `PATH` or `PATH:INSIDE`, where INSIDE begins with a slash: the two paths.
pub(crate) fn pair(base: &[u8], text: &[u8]) -> Option<(Bytes, Bytes)> {
    let at = text.windows(2).rposition(|w| w == b":/");
    let (source, inside) = at.and_then(|at| text.split_at_checked(at)).unwrap_or((text, b""));
    let source = absolute(base, source)?;
    let inside = match inside.strip_prefix(b":") {
        Some(inside) => plain(inside)?,
        None => source.clone(),
    };
    Some((source, inside))
}

/// 64 hexadecimal digits.
pub(crate) fn hash(text: &[u8]) -> Option<[u8; 32]> {
    let mut hash = [0u8; 32];
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    if pairs.len() != hash.len() {
        return None;
    }
    for (slot, [high, low]) in hash.iter_mut().zip(pairs) {
        *slot = digit(*high)? << 4 | digit(*low)?;
    }
    Some(hash)
}

/// `UID` or `UID:GID`; one number is both.
pub(crate) fn user(text: &[u8]) -> Option<(u32, u32)> {
    let id = |text| decimal(text).and_then(|n| u32::try_from(n).ok()).filter(|n| *n != u32::MAX);
    let mut parts = text.splitn(2, |b| *b == b':');
    let uid = id(parts.next()?)?;
    Some((uid, parts.next().map_or(Some(uid), id)?))
}

/// `NAME` or `NAME=VALUE`: the name.
pub(crate) fn variable(text: &[u8]) -> Option<&[u8]> {
    let name = text.split(|b| *b == b'=').next()?;
    let plain = name.iter().all(|b| b.is_ascii_graphic());
    (plain && !name.is_empty()).then_some(name)
}

/// How many letters must be changed, left out or put in to make the one text of the other; for words of at most 31.
pub(crate) fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row = [0usize; 32];
    for (slot, n) in row.iter_mut().zip(0..) {
        *slot = n;
    }
    for (x, n) in a.iter().zip(1..) {
        let mut diagonal = core::mem::replace(&mut row[0], n);
        for (y, at) in b.iter().zip(1..row.len()) {
            let (left, up) = (row[at - 1], row[at]);
            row[at] = (left + 1).min(up + 1).min(diagonal + usize::from(x != y));
            diagonal = up;
        }
    }
    row[b.len().min(31)]
}
