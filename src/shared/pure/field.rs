//! Fields of a message: of a JSON object (RFC 8259), of logfmt.
//!
//! Runs in: the watcher, the client's `test`, the filter compiler. In: one message, any bytes, hostile; its
//! encoder escapes what outsiders chose. Out: one field's value as it stands between its quotes. Never:
//! decodes an escape, takes a field that stands twice, looks deeper than `DEPTH`.

use super::bytes::decimal;
use super::scan::quoted;
use super::stamp::blanks;

/// Objects and lists within each other that are looked into.
const DEPTH: u8 = 32;

/// A value, if it stands once.
#[derive(Clone, Copy, Debug, Default)]
struct Single<'a> {
    value: Option<&'a [u8]>,
    stands: bool,
}

impl<'a> Single<'a> {
    fn add(&mut self, value: &'a [u8]) {
        self.value = if self.stands { None } else { Some(value) };
        self.stands = true;
    }
}

/// The values of some keys of a message, read at one stroke.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a, const N: usize> {
    values: [Single<'a>; N],
    is_object: bool,
}

impl<'a, const N: usize> Values<'a, N> {
    /// The value at a path: a key by its place among those that were asked for, and the steps behind it.
    pub fn at(&self, key: usize, path: &[&[u8]]) -> Option<&'a [u8]> {
        let value = self.values.get(key)?.value?;
        if self.is_object || path.is_empty() { inner(value, path) } else { None }
    }
}

/// The values of these keys of an object.
pub fn object<'a, const N: usize>(message: &'a [u8], keys: &[&[u8]; N]) -> Values<'a, N> {
    let mut values = [Single::default(); N];
    let whole = members(message, |key, _, value| {
        let own = values.iter_mut().zip(keys).find(|(_, own)| key == Some(**own));
        own.into_iter().for_each(|(single, _)| single.add(value));
    });
    Values { values: whole.map_or([Single::default(); N], |()| values), is_object: true }
}

/// The values of these keys of logfmt.
pub fn pairs<'a, const N: usize>(message: &'a [u8], keys: &[&[u8]; N]) -> Values<'a, N> {
    let mut values = [Single::default(); N];
    let whole = each_pair(message, |key, value| {
        let own = values.iter_mut().zip(keys).find(|(_, own)| key == **own);
        own.into_iter().for_each(|(single, _)| single.add(value));
    });
    Values { values: whole.map_or([Single::default(); N], |()| values), is_object: false }
}

/// [`object`] where the message begins with `{`, otherwise [`pairs`].
pub fn fields<'a, const N: usize>(message: &'a [u8], keys: &[&[u8]; N]) -> Values<'a, N> {
    if message.starts_with(b"{") { object(message, keys) } else { pairs(message, keys) }
}

/// The value at this path: a string's bytes between its quotes, any other value as it stands. A step is a key,
/// or for a list its place in decimal.
pub fn json<'a>(message: &'a [u8], path: &[&[u8]]) -> Option<&'a [u8]> {
    inner(message, path)
}

fn inner<'a>(text: &'a [u8], path: &[&[u8]]) -> Option<&'a [u8]> {
    let mut value = text;
    for step in path {
        let mut found = Single::default();
        members(value, |key, place, value| {
            let is_it = key.map_or_else(|| decimal(step) == Some(place), |key| key == *step);
            if is_it {
                found.add(value);
            }
        })?;
        value = found.value?;
    }
    Some(bare(value))
}

/// Without its quotes.
fn bare(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(value)
}

/// Tells of each member of an object or a list: its key (a list's have none), its place, its value. `None`: it is
/// neither, or not a whole one.
pub fn members<'a>(text: &'a [u8], mut each: impl FnMut(Option<&[u8]>, u64, &'a [u8])) -> Option<()> {
    let (open, mut rest) = text.split_first()?;
    let is_list = match open {
        b'{' => false,
        b'[' => true,
        _ => return None,
    };
    let mut place = 0u64;
    loop {
        rest = blanks(rest);
        let mut key = None;
        if !is_list {
            let behind = quoted(rest)?;
            key = Some(bare(cut(rest, behind)?));
            rest = blanks(blanks(behind).strip_prefix(b":")?);
        }
        let behind = value(rest)?;
        each(key, place, cut(rest, behind)?);
        rest = match blanks(behind).split_first()? {
            (b',', rest) => rest,
            (b'}' | b']', _) => return Some(()),
            _ => return None,
        };
        place = place.wrapping_add(1);
    }
}

/// What of `text` stands before `rest`, its end.
fn cut<'a>(text: &'a [u8], rest: &[u8]) -> Option<&'a [u8]> {
    text.get(..text.len().checked_sub(rest.len())?)
}

/// What stands behind one value.
fn value(text: &[u8]) -> Option<&[u8]> {
    let mut depth = 0u8;
    let mut rest = text;
    loop {
        rest = match rest.first()? {
            b'"' => quoted(rest)?,
            b'{' | b'[' => {
                depth = depth.checked_add(1).filter(|d| *d <= DEPTH)?;
                rest.get(1..)?
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                rest.get(1..)?
            }
            b',' | b':' | b' ' | b'\t' if depth > 0 => rest.get(1..)?,
            _ => scalar(rest)?,
        };
        if depth == 0 {
            return Some(rest);
        }
    }
}

/// What stands behind a number, `true`, `false` or `null`.
fn scalar(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    while let [b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'+' | b'-' | b'.', behind @ ..] = rest {
        rest = behind;
    }
    (rest.len() < text.len()).then_some(rest)
}

/// The value of this key in a message that opens with a field: `key=value`, or `key="value"` in which `\` shields one byte.
pub fn logfmt<'a>(message: &'a [u8], path: &[&[u8]]) -> Option<&'a [u8]> {
    let [own] = path else { return None };
    let mut found = Single::default();
    each_pair(message, |key, value| {
        if key == *own {
            found.add(value);
        }
    })?;
    found.value.map(bare)
}

/// Tells of each key and its value. `None`: a quote is not closed.
fn each_pair<'a>(message: &'a [u8], mut each: impl FnMut(&[u8], &'a [u8])) -> Option<()> {
    let opening = message.iter().position(|b| matches!(b, b'=' | b' ' | b'"'))?;
    if message.get(opening) != Some(&b'=') {
        return None;
    }
    let mut rest = message;
    loop {
        rest = blanks(rest);
        let at = rest.iter().position(|b| matches!(b, b'=' | b' ' | b'"'));
        let Some((key, behind)) = at.and_then(|at| rest.split_at_checked(at)) else { return Some(()) };
        let Some(value) = behind.strip_prefix(b"=") else {
            rest = if behind.starts_with(b"\"") { quoted(behind)? } else { behind };
            continue;
        };
        rest = if value.starts_with(b"\"") { quoted(value)? } else { word_end(value) };
        each(key, cut(value, rest)?);
    }
}

/// What stands behind a word.
fn word_end(mut text: &[u8]) -> &[u8] {
    while let [b, behind @ ..] = text
        && !matches!(b, b' ' | b'\t')
    {
        text = behind;
    }
    text
}

/// [`json`] where the message begins with `{`, otherwise [`logfmt`].
pub fn either<'a>(message: &'a [u8], path: &[&[u8]]) -> Option<&'a [u8]> {
    if message.starts_with(b"{") { json(message, path) } else { logfmt(message, path) }
}
