//! Fields of JSON objects and of logfmt.
//!
//! Part of: the target `headers`. In: a message. Out: nothing, or the end of the process. Never: ships.

use super::target::is_within;
use bailiff::shared::pure::field;

/// Paths as filters have them.
const PATHS: [&[&[u8]]; 8] = [
    &[b"msg"],
    &[b"message"],
    &[b"remote"],
    &[b"remote_ip"],
    &[b"req", b"remoteAddress"],
    &[b"request", b"remote_ip"],
    &[b"a", b"0", b"b"],
    &[b"0"],
];

/// Reads every path, and the one whose keys the message's own first strings are.
pub(crate) fn read(message: &[u8]) {
    let strings: Vec<&[u8]> = message.split(|b| *b == b'"').skip(1).step_by(2).take(3).collect();
    let own: Vec<&[&[u8]]> = (1..=strings.len()).map(|n| &strings[..n]).collect();
    // A list has places, not keys; no form takes one.
    if let [first, second, ..] = strings[..]
        && !message.starts_with(b"[")
    {
        at_one_stroke(message, &[first, second, b"msg"]);
    }
    for path in PATHS.into_iter().chain(own).chain(strings.iter().map(std::slice::from_ref)) {
        json(message, path);
        logfmt(message, path);
        let either = if message.starts_with(b"{") { field::json } else { field::logfmt };
        assert_eq!(field::either(message, path), either(message, path));
    }
}

/// Many keys read at once are those read one by one.
fn at_one_stroke<'a>(message: &'a [u8], keys: &[&[u8]; 3]) {
    let values = [field::object(message, keys), field::pairs(message, keys), field::fields(message, keys)];
    let alone: [fn(&'a [u8], &[&[u8]]) -> Option<&'a [u8]>; 3] =
        [|m, p| field::json(m, p), |m, p| field::logfmt(m, p), |m, p| field::either(m, p)];
    for (values, alone) in values.iter().zip(alone) {
        for (place, key) in keys.iter().enumerate().filter(|(place, key)| !keys[..*place].contains(key)) {
            assert_eq!(values.at(place, &[]), alone(message, &[*key]));
            assert_eq!(values.at(place, &[b"a"]), alone(message, &[*key, b"a".as_slice()]));
            assert_eq!(values.at(place, &[b"0"]), alone(message, &[*key, b"0".as_slice()]));
        }
    }
}

fn json(message: &[u8], path: &[&[u8]]) {
    let Some(value) = field::json(message, path) else { return };
    is_within(message, value);
    let at = value.as_ptr().addr() - message.as_ptr().addr();
    let is_text = at > 0 && message[at - 1] == b'"';
    let (depth, keys) = walk(&message[..at - usize::from(is_text)]);
    assert_eq!(depth, Some(path.len()), "a value that does not stand in the object");
    if is_text {
        let shields = value.iter().rev().take_while(|b| **b == b'\\').count();
        assert!(
            message.get(at + value.len()) == Some(&b'"') && shields % 2 == 0,
            "a string that does not end"
        );
    }
    if let ([key], Some(b'{')) = (path, message.first()) {
        let all = walk(message).1;
        assert_eq!(keys.last(), Some(key), "another key's value");
        assert_eq!(all.iter().filter(|k| *k == key).count(), 1, "a key that stands twice");
    }
}

/// How many objects and lists are open at the end of the text (`None`: it ends in a string), and the outermost object's
/// keys, until that object ends.
fn walk(text: &[u8]) -> (Option<usize>, Vec<&[u8]>) {
    let (mut depth, mut keys, mut opened, mut last, mut at) = (0usize, Vec::new(), None, None, 0);
    while let Some(b) = text.get(at) {
        match (opened, b) {
            (Some(_), b'\\') => at += 1,
            (Some(from), b'"') => {
                last = text.get(from..at);
                opened = None;
            }
            (Some(_), _) => {}
            (None, b'"') => opened = Some(at + 1),
            (None, b':') if depth == 1 => keys.extend(last.take()),
            (None, b'{' | b'[') => depth += 1,
            (None, b'}' | b']') if depth == 1 => break,
            (None, b'}' | b']') => depth = depth.saturating_sub(1),
            (None, _) => {}
        }
        at += 1;
    }
    (opened.is_none().then_some(depth), keys)
}

fn logfmt(message: &[u8], path: &[&[u8]]) {
    let Some(value) = field::logfmt(message, path) else { return };
    is_within(message, value);
    let ([key], at) = (path, value.as_ptr().addr() - message.as_ptr().addr()) else { panic!("a path") };
    let before = message[..at].strip_suffix(b"\"").filter(|b| b.ends_with(b"=")).unwrap_or(&message[..at]);
    let before = before.strip_suffix(b"=").and_then(|b| b.strip_suffix(*key));
    let is_apart = |b: &[u8]| b.last().is_none_or(|b| b" \t\"".contains(b));
    assert!(before.is_some_and(is_apart), "a value behind another key");
}
