//! Fields of a message: of a JSON object (RFC 8259), of logfmt.
//!
//! Runs in: the watcher, the client's `test`, the filter compiler. In: one message, any bytes, hostile; its
//! encoder escapes what outsiders chose. Out: one field's value as it stands between its quotes. Never:
//! decodes an escape, takes a field that stands twice, looks deeper than `DEPTH`.

use super::scan::quoted;
use super::stamp::blanks;

/// Objects and lists within each other that are looked into.
const DEPTH: u8 = 32;

/// The value at this path: a string's bytes between its quotes, any other value as it stands. A step is a key,
/// or for a list its place in decimal.
pub fn json<'a>(message: &'a [u8], path: &[&[u8]]) -> Option<&'a [u8]> {
    let mut value = message;
    for step in path {
        value = inside(value, step)?;
    }
    Some(value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(value))
}

/// One member of an object or a list.
fn inside<'a>(text: &'a [u8], step: &[u8]) -> Option<&'a [u8]> {
    let (open, mut rest) = text.split_first()?;
    let is_list = match open {
        b'{' => false,
        b'[' => true,
        _ => return None,
    };
    let (mut found, mut place) = (None, 0u64);
    loop {
        rest = blanks(rest);
        let is_it = if is_list {
            super::bytes::decimal(step) == Some(place)
        } else {
            let behind = quoted(rest)?;
            let key = cut(rest, behind)?;
            rest = blanks(blanks(behind).strip_prefix(b":")?);
            key.strip_prefix(b"\"").and_then(|k| k.strip_suffix(b"\"")) == Some(step)
        };
        let behind = value(rest)?;
        if is_it && found.replace(cut(rest, behind)?).is_some() {
            return None;
        }
        rest = match blanks(behind).split_first()? {
            (b',', rest) => rest,
            (b'}' | b']', _) => return found,
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
    let [key] = path else { return None };
    let opening = message.iter().position(|b| matches!(b, b'=' | b' ' | b'"'))?;
    if message.get(opening) != Some(&b'=') {
        return None;
    }
    let (mut rest, mut found) = (message, None);
    loop {
        rest = blanks(rest);
        if rest.is_empty() {
            return found;
        }
        let at = rest.iter().position(|b| matches!(b, b'=' | b' ' | b'"'));
        let Some((name, behind)) = at.and_then(|at| rest.split_at_checked(at)) else { return found };
        let Some(value) = behind.strip_prefix(b"=") else {
            rest = if behind.starts_with(b"\"") { quoted(behind)? } else { behind };
            continue;
        };
        let end = if value.starts_with(b"\"") { quoted(value)? } else { word_end(value) };
        let whole = cut(value, end)?;
        let bare = whole.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(whole);
        if name == *key && found.replace(bare).is_some() {
            return None;
        }
        rest = end;
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
