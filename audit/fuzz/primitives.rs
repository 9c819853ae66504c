//! Every token of a pattern, read from both ends of any bytes, against what it says it takes.
//!
//! Run by: libFuzzer (fuzz.sh). In: a byte that chooses the token, one of its parameter, text. Out: nothing, or the end of
//! the process. Never: ships.

mod addresses;
mod target;

use bailiff::shared::pure::addr::Addr;
use bailiff::shared::pure::bytes::position;
use bailiff::shared::pure::{peer, program, scan};
use target::is_within;

fn run(bytes: &[u8]) {
    let [choice, parameter, text @ ..] = bytes else { return };
    let digit = |b: &u8| b.is_ascii_digit();
    let hex = |b: &u8| b.is_ascii_hexdigit() || *b == b':';
    let name = |b: &u8| b.is_ascii_alphanumeric() || b".-_".contains(b);
    let blank = |b: &u8| b" \t".contains(b);
    let word = |b: &u8| *b != b' ' && b != parameter;
    assert_eq!(position(text, *parameter), text.iter().position(|b| b == parameter));
    match choice % 16 {
        0 => class(text, 20, digit, scan::number(text), scan::number_back(text)),
        1 => class(text, 384, hex, scan::hex(text), scan::hex_back(text)),
        2 => class(text, 255, name, scan::name(text), scan::name_back(text)),
        3 => class(text, usize::MAX, blank, scan::blanks(text), scan::blanks_back(text)),
        4 => {
            let (front, back) = (scan::word(text, *parameter), scan::word_back(text, *parameter));
            class(text, usize::MAX, word, front, back);
        }
        5 => alternatives(*parameter, text),
        6 => without(*parameter, text),
        7 => quoted(text),
        8 => searched(*parameter, text, scan::number),
        9 => searched(*parameter, text, |s| Some(peer::addr(s)?.1)),
        10 => searched(*parameter, text, |s| Some(s.get(usize::from(*parameter & 3)..).unwrap_or(&[]))),
        11 => program_names(*parameter, text),
        12 => written(text),
        form => addresses::read(form, *parameter, text),
    }
}

/// One to `most` bytes of a class, all that stand there, from either end.
fn class(text: &[u8], most: usize, of: impl Fn(&u8) -> bool, front: Option<&[u8]>, back: Option<&[u8]>) {
    let is_some = |n: &usize| (1..=most).contains(n);
    let first = Some(text.iter().take_while(|b| of(b)).count()).filter(is_some);
    let last = Some(text.iter().rev().take_while(|b| of(b)).count()).filter(is_some);
    assert_eq!(front, first.map(|n| &text[n..]));
    assert_eq!(back, last.map(|n| &text[..text.len() - n]));
    for rest in [front, back].into_iter().flatten() {
        is_within(text, rest);
    }
}

/// Cuts off the parameter, so many bytes of the text.
fn cut(parameter: u8, most: u8, text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at_checked((parameter % (most + 1)).into()).unwrap_or((&[], text))
}

fn alternatives(parameter: u8, text: &[u8]) {
    let (choices, text) = cut(parameter, 31, text);
    let choices: Vec<&[u8]> = choices.split(|b| *b == b'|').collect();
    let front = choices.iter().find(|c| text.starts_with(c)).map(|c| &text[c.len()..]);
    let back = choices.iter().find(|c| text.ends_with(c)).map(|c| &text[..text.len() - c.len()]);
    assert_eq!((scan::alt(text, &choices), scan::alt_back(text, &choices)), (front, back));
}

/// What `<not X>` takes never holds one of its bytes, and ends where one stands.
fn without(parameter: u8, text: &[u8]) {
    let (never, text) = cut(parameter, 4, text);
    let held = usize::from(parameter / 5);
    let is_it = |b: &u8| never.contains(b);
    match scan::not(text, never, held) {
        Some(rest) => {
            is_within(text, rest);
            let taken = &text[..text.len() - rest.len()];
            assert!(text.ends_with(rest) && !taken.iter().any(is_it) && is_it(&rest[held]));
        }
        None => assert!(!text.iter().skip(held).any(is_it) || text.iter().take(held).any(is_it)),
    }
    let within = text.iter().take(255).any(is_it);
    assert_eq!(scan::near(text, never, held), scan::not(text, never, held).filter(|_| within));
    // From the end, the literal beside it holds that byte itself.
    let held = held.max(1);
    match scan::not_back(text, never, held) {
        Some(rest) => {
            is_within(text, rest);
            let taken = &text[rest.len()..];
            assert!(text.starts_with(rest) && !taken.iter().any(is_it) && is_it(&rest[rest.len() - held]));
        }
        None => assert!(
            !text.iter().rev().skip(held - 1).any(is_it) || text.iter().rev().take(held - 1).any(is_it)
        ),
    }
    assert_eq!(scan::none(text, never).is_some(), !text.iter().any(is_it));
}

fn quoted(text: &[u8]) {
    let mut shields = 0;
    let closes = |b: u8| {
        let is_shielded = shields % 2 == 1;
        shields = if b == b'\\' { shields + 1 } else { 0 };
        b == b'"' && !is_shielded
    };
    let inner = text.strip_prefix(b"\"");
    let end = inner.and_then(|t| t.iter().copied().position(closes));
    assert_eq!(scan::quoted(text), inner.zip(end).map(|(inner, end)| &inner[end + 1..]));
}

/// `find` answers with the first place of all, `once` with the only one.
fn searched<'a>(parameter: u8, text: &'a [u8], part: impl Fn(&'a [u8]) -> Option<&'a [u8]>) {
    let (lead, text) = cut(parameter, 7, text);
    let at = |i: usize| Some((part(text[i..].strip_prefix(lead)?)?, &text[i + 1..]));
    let places: Vec<_> = (0..text.len()).filter_map(at).collect();
    assert_eq!(scan::find(text, lead, &part), places.first().copied());
    let only = if let [(rest, _)] = places[..] { Some(rest) } else { None };
    assert_eq!(scan::once(text, lead, &part), only);
}

/// A program's name with `*`, byte by byte: which beginnings of the name each beginning of the own one takes.
fn program_names(parameter: u8, text: &[u8]) {
    let (own, name) = cut(parameter, 31, text);
    let mut takes = vec![false; name.len() + 1];
    takes[0] = true;
    for b in own {
        let mut next = vec![false; name.len() + 1];
        for i in 0..=name.len() {
            next[i] = match b {
                b'*' => takes[i] || i > 0 && next[i - 1],
                b => i > 0 && takes[i - 1] && name[i - 1] == *b,
            };
        }
        takes = next;
    }
    assert_eq!(program::is_own(own, name), takes[name.len()]);
}

/// An address that is read is that of the standard library, and is read again as it is written.
fn written(text: &[u8]) {
    let ours = Addr::parse(text);
    let theirs = core::str::from_utf8(text).ok().and_then(|t| t.parse().ok());
    let theirs = theirs.map(|a| match a {
        core::net::IpAddr::V4(a) => Addr::v4(a.octets()),
        core::net::IpAddr::V6(a) => Addr(a.octets()),
    });
    assert_eq!(ours, theirs);
    if let Some(addr) = ours {
        assert_eq!(Addr::parse(addr.write(&mut [0; 40])), ours);
    }
}

target::target!(run);
