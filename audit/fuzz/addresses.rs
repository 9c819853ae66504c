//! Addresses with and without ports, from both ends of any bytes.
//!
//! Part of: the target `primitives`. In: a form of address, a parameter, text. Out: nothing, or the end of the process.
//! Never: ships.

use super::target::is_within;
use bailiff::shared::pure::addr::Addr;
use bailiff::shared::pure::peer;

type Answer<'a> = Option<(Addr, &'a [u8])>;

/// A form of address: read from both ends, and which texts it may have taken for an address.
struct Form {
    front: fn(&[u8]) -> Answer<'_>,
    back: fn(&[u8]) -> Answer<'_>,
    /// With a port: 0 never, 1 perhaps, 2 always.
    port: u8,
}

const FORMS: [Form; 5] = [
    Form { front: peer::addr, back: peer::addr_back, port: 0 },
    Form { front: peer::addr_port, back: peer::addr_port_back, port: 2 },
    Form { front: peer::addr_may_port, back: peer::addr_may_port_back, port: 1 },
    Form { front: peer::addr_port_bare, back: peer::addr_port_bare_back, port: 2 },
    Form { front: peer::addr_dot_port, back: peer::addr_dot_port_back, port: 2 },
];

/// Reads the text as a form that the parameter chooses; `from`: from the start, the end, or each part of it.
pub(crate) fn read(from: u8, parameter: u8, text: &[u8]) {
    let form = &FORMS[usize::from(parameter) % FORMS.len()];
    match from {
        13 => front(form, text),
        14 => back(form, text),
        _ => both(form, text),
    }
}

fn front(form: &Form, text: &[u8]) {
    let Some((addr, rest)) = (form.front)(text) else { return };
    is_within(text, rest);
    let (taken, _) = text.split_at(text.len() - rest.len());
    assert!(text.ends_with(rest) && spells(form, taken, addr), "{addr:?} from {taken:?}");
    // A bracket ends an address, a scope ends where no name goes on, and no digit is left of a port.
    let joins = |b: &u8| b.is_ascii_alphanumeric() || b"-_".contains(b);
    let is_scope = rest.starts_with(b"%") && !taken.contains(&b'%');
    let goes_on = is_scope || rest.strip_prefix(b".").unwrap_or(rest).first().is_some_and(joins);
    assert!(form.port > 0 || !goes_on, "a part of a longer word: {taken:?}, then {rest:?}");
}

fn back(form: &Form, text: &[u8]) {
    let Some((addr, rest)) = (form.back)(text) else { return };
    is_within(text, rest);
    let taken = &text[rest.len()..];
    assert!(text.starts_with(rest) && spells(form, taken, addr), "{addr:?} from {taken:?}");
    if !taken.starts_with(b"[") {
        let joins = |b: &u8| b.is_ascii_alphanumeric() || b".-_%:".contains(b);
        assert!(!rest.last().is_some_and(joins), "a part of a longer word: {rest:?}, then {taken:?}");
    }
}

/// What is all of a text from one end is so from the other, and names the same address.
fn both(form: &Form, text: &[u8]) {
    let all = |answer: Answer<'_>| answer.filter(|(_, rest)| rest.is_empty()).map(|(addr, _)| addr);
    let (front, back) = (all((form.front)(text)), all((form.back)(text)));
    // A dot behind a scope ends the sentence, or the scope.
    let is_unclear = text.contains(&b'%') && text.ends_with(b".");
    assert!(front == back || is_unclear, "{front:?}, from the end {back:?}");
}

/// Whether these bytes spell the address, with what the form writes around it.
fn spells(form: &Form, taken: &[u8], addr: Addr) -> bool {
    let bare = |text: &[u8]| {
        let end = text.iter().position(|b| *b == b'%').unwrap_or(text.len());
        let may_have_scope = addr.0.starts_with(&[0xfe]) && addr.0[1] & 0xc0 == 0x80;
        (may_have_scope || end == text.len()) && Addr::parse(&text[..end]) == Some(addr)
    };
    let bracketed =
        |text: &[u8]| text.strip_prefix(b"[").and_then(|t| t.strip_suffix(b"]")).is_some_and(bare);
    let digits = taken.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let with_port = taken[..taken.len() - digits].split_last().is_some_and(|(mark, text)| {
        (1..=20).contains(&digits) && b":.".contains(mark) && (bare(text) || bracketed(text))
    });
    match form.port {
        0 => bare(taken),
        1 => with_port || bare(taken) || bracketed(taken),
        _ => with_port,
    }
}
