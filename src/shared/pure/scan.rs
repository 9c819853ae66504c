//! The tokens of a filter's patterns, each read forwards (from the left) or backwards (`_back`, from the
//! right).
//!
//! Runs in: the watcher (called by the generated code), the filter compiler. In: what is left of a message,
//! hostile bytes. Out: what is left after the token, `None` where the token is not there. Never: goes back on
//! a choice, looks at a byte more than a constant number of times.

use super::addr::Addr;

/// Digits that a number may have: as many as the largest 64-bit one.
const DIGITS_MAX: usize = 20;
/// Bytes that a hexadecimal code may have: a SHA-512 with a colon after each pair, doubled.
const HEX_MAX: usize = 384;
/// Bytes that a name may have: a host name of RFC 1035 has 253.
const NAME_MAX: usize = 255;
/// Bytes of the longest text of an address: `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`.
const ADDR_MAX: usize = 45;

/// What stands behind 1 to `max` bytes of a class; `None` where there are none, or more.
fn run(s: &[u8], max: usize, class: impl Fn(&u8) -> bool) -> Option<&[u8]> {
    let (mut rest, mut left) = (s, max);
    while let Some((_, behind)) = rest.split_first().filter(|(b, _)| class(b)) {
        left = left.checked_sub(1)?;
        rest = behind;
    }
    (left < max).then_some(rest)
}

/// [`run`] at the end.
fn run_back(s: &[u8], max: usize, class: impl Fn(&u8) -> bool) -> Option<&[u8]> {
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

fn is_name(b: &u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')
}

/// Bytes of an address's text, by a table: this is asked of every byte of every address.
const IN_ADDR: [bool; 256] = {
    let mut table = [false; 256];
    let mut rest: &[u8] = b"0123456789abcdefABCDEF:.";
    while let [b, behind @ ..] = rest {
        table[*b as usize] = true;
        rest = behind;
    }
    table
};

fn is_addr(b: &u8) -> bool {
    IN_ADDR[usize::from(*b)]
}

/// Bytes that, standing beside an address, make it part of a longer word: a host name, a scope.
fn joins(b: Option<&u8>) -> bool {
    b.is_some_and(|b| is_name(b) || *b == b'%')
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
    run(s, DIGITS_MAX, u8::is_ascii_digit)
}

/// [`number`] at the end.
pub fn number_back(s: &[u8]) -> Option<&[u8]> {
    run_back(s, DIGITS_MAX, u8::is_ascii_digit)
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
    let mut shielded = false;
    while let Some((b, behind)) = rest.split_first() {
        match b {
            _ if shielded => shielded = false,
            b'\\' => shielded = true,
            b'"' => return Some(behind),
            _ => {}
        }
        rest = behind;
    }
    None
}

/// What `part` yields at the first place where `lead` stands and `part` matches behind it; and what stands
/// behind that place's first byte, where the next one may begin.
pub fn find<'a, T>(s: &'a [u8], lead: &[u8], part: impl Fn(&'a [u8]) -> Option<T>) -> Option<(T, &'a [u8])> {
    let mut rest = s;
    while let Some((_, next)) = rest.split_first() {
        if let Some(behind) = rest.strip_prefix(lead)
            && let Some(found) = part(behind)
        {
            return Some((found, next));
        }
        rest = next;
    }
    None
}

/// What `part` yields behind `lead` at the one place where both stand. `None` where there is no such place,
/// or a second: then somebody imitates the service, and nobody is accused.
pub fn once<'a, T>(s: &'a [u8], lead: &[u8], part: impl Fn(&'a [u8]) -> Option<T>) -> Option<T> {
    let (found, next) = find(s, lead, &part)?;
    if find(next, lead, part).is_some() { None } else { Some(found) }
}

/// Dotted decimal without leading zeros, and what stands behind it.
fn v4(s: &[u8]) -> Option<(Addr, &[u8])> {
    let mut octets = [0u8; 4];
    let mut rest = s;
    let dots: [&[u8]; 4] = [b"", b".", b".", b"."];
    for (octet, dot) in octets.iter_mut().zip(dots) {
        (*octet, rest) = self::octet(rest.strip_prefix(dot)?)?;
    }
    Some((Addr::v4(octets), rest))
}

fn octet(s: &[u8]) -> Option<(u8, &[u8])> {
    let digit = |b: &u8| b.is_ascii_digit().then_some(u16::from(b.wrapping_sub(b'0')));
    let (b, mut rest) = s.split_first()?;
    let mut value = digit(b)?;
    for _ in 0..2 {
        let Some((b, behind)) = rest.split_first() else { break };
        let Some(next) = digit(b) else { break };
        if value == 0 {
            return None;
        }
        value = value.wrapping_mul(10).wrapping_add(next);
        rest = behind;
    }
    Some((value.try_into().ok()?, rest))
}

/// A whole address. Not one that is part of a longer word: `1.2.3.4.example`, `dead::beef-x`, `fe80::1%eth0`.
pub fn addr(s: &[u8]) -> Option<(Addr, &[u8])> {
    if let Some((addr, rest)) = v4(s) {
        return (!joins(rest.first())).then_some((addr, rest));
    }
    let rest = run(s, ADDR_MAX, is_addr)?;
    let text = s.get(..s.len().checked_sub(rest.len())?)?;
    if joins(rest.first()) {
        return None;
    }
    let ends_in_gap = text.ends_with(b"::") && !text.ends_with(b":::");
    let bare = match text.strip_suffix(b":") {
        Some(bare) if !ends_in_gap => bare,
        _ => text,
    };
    if !bare.contains(&b':') {
        return None;
    }
    Some((Addr::parse(bare)?, s.get(bare.len()..)?))
}

/// [`addr`] at the end, and what stands before it.
pub fn addr_back(s: &[u8]) -> Option<(Addr, &[u8])> {
    let before = run_back(s, ADDR_MAX, is_addr)?;
    let text = s.get(before.len()..)?;
    if joins(before.last()) {
        return None;
    }
    if let Some((addr, [])) = v4(text) {
        return Some((addr, before));
    }
    if text.contains(&b':') { Some((Addr::parse(text)?, before)) } else { None }
}

/// `1.2.3.4:22`, `[1.2.3.4]:22` or `[2001:db8::1]:22`.
pub fn addr_port(s: &[u8]) -> Option<(Addr, &[u8])> {
    let (addr, rest) = match s.strip_prefix(b"[") {
        Some(s) => {
            let (addr, rest) = addr(s)?;
            (addr, rest.strip_prefix(b"]")?)
        }
        None => v4(s)?,
    };
    Some((addr, number(rest.strip_prefix(b":")?)?))
}

/// [`addr_port`] at the end, and what stands before it.
pub fn addr_port_back(s: &[u8]) -> Option<(Addr, &[u8])> {
    let s = number_back(s)?.strip_suffix(b":")?;
    match s.strip_suffix(b"]") {
        Some(s) => {
            let (addr, before) = addr_back(s)?;
            Some((addr, before.strip_suffix(b"[")?))
        }
        None => addr_back(s).filter(|(addr, _)| addr.is_v4()),
    }
}
