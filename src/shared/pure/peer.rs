//! Addresses as services write them: alone, with a port, in brackets; read forwards or backwards (`_back`).
//!
//! Runs in: the watcher (called by the generated code), the client's `test`, the filter compiler. In: what is
//! left of a message, hostile bytes. Out: the address and what is left; `None` where no whole address stands.
//! Never: takes a part of a longer word, a host name, or an ambiguous form (leading zeros, a scope).

use super::addr::Addr;
use super::scan::{is_name, number, number_back, run, run_back};

/// Bytes of the longest text of an address: `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`.
const ADDR_MAX: usize = 45;
/// Bytes of the longest name of an interface: IFNAMSIZ - 1 (linux/if.h).
const SCOPE_MAX: usize = 15;
/// The addresses that have a scope: fe80::/10.
const LINK_LOCAL: Addr = Addr([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
/// What IPv6 sockets put before an IPv4 address (RFC 4291 section 2.5.5.2), in both cases.
const MAPPED: [&[u8]; 2] = [b"::ffff:", b"::FFFF:"];

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

/// A byte that, standing before an address, makes it part of a longer word.
fn joins(b: Option<&u8>) -> bool {
    b.is_some_and(|b| is_name(b) || *b == b'%')
}

/// Whether what stands behind an address makes it part of a longer word: a host name, a scope. A dot that ends a
/// sentence does not.
fn goes_on(rest: &[u8]) -> bool {
    match rest {
        [b'.', next, ..] => is_name(next),
        [b'.'] => false,
        _ => joins(rest.first()),
    }
}

/// Dotted decimal without leading zeros, and what stands behind it.
fn v4(s: &[u8]) -> Option<(Addr, &[u8])> {
    let (a, rest) = octet(s)?;
    let (b, rest) = octet(rest.strip_prefix(b".")?)?;
    let (c, rest) = octet(rest.strip_prefix(b".")?)?;
    let (d, rest) = octet(rest.strip_prefix(b".")?)?;
    Some((Addr::v4([a, b, c, d]), rest))
}

/// One to three digits.
#[inline]
fn octet(s: &[u8]) -> Option<(u8, &[u8])> {
    let near = match s {
        [a, b, c, d, ..] => [*a, *b, *c, *d],
        [a, b, c] => [*a, *b, *c, 0],
        [a, b] => [*a, *b, 0, 0],
        [a] => [*a, 0, 0, 0],
        [] => return None,
    };
    let values = u32::from_le_bytes(near) ^ ZEROS;
    let digits = (others(values).trailing_zeros() / 8).min(3);
    let last = values.checked_shl(32u32.checked_sub(digits.wrapping_mul(8))?)?;
    Some((number_of(last, digits)?, s.get(digits as usize..)?))
}

/// Four times the digit `0`.
const ZEROS: u32 = u32::from_le_bytes([b'0'; 4]);

/// The highest bit of each byte that is above 9.
#[inline]
fn others(values: u32) -> u32 {
    ((values & 0x7f7f_7f7f).wrapping_add(0x7676_7676) | values) & 0x8080_8080
}

/// The number of one to three digits, whose values are the last bytes of a word behind zeros; `None` where it is above
/// 255, or opens with a zero. Without a branch for each digit: how many an octet has cannot be foretold.
#[inline]
fn number_of(values: u32, digits: u32) -> Option<u8> {
    let [_, a, b, c] = values.to_le_bytes().map(u16::from);
    let number = a.wrapping_mul(100).wrapping_add(b.wrapping_mul(10)).wrapping_add(c);
    let least = [0, 0, 10, 100].get(digits as usize)?;
    if number < *least { None } else { number.try_into().ok() }
}

/// [`v4`], perhaps mapped.
fn mapped(s: &[u8]) -> Option<(Addr, &[u8])> {
    v4(MAPPED.iter().find_map(|m| s.strip_prefix(*m)).unwrap_or(s))
}

/// `fe80::1%eth0`: a link-local address and its scope (RFC 4007 section 11). Its holder must not be overlooked: what he
/// wrote himself would then stand alone in the line.
fn scoped(s: &[u8]) -> Option<(Addr, &[u8])> {
    let rest = run(s, ADDR_MAX, is_addr)?;
    let addr = Addr::parse(s.get(..s.len().checked_sub(rest.len())?)?)?;
    let scope = rest.strip_prefix(b"%")?;
    let rest = run(scope, SCOPE_MAX, is_name)?;
    let name = scope.get(..scope.len().checked_sub(rest.len())?)?;
    // A dot at its end ends the sentence.
    let dot = usize::from(name.ends_with(b"."));
    (name.len() > dot && addr.masked(10) == LINK_LOCAL)
        .then_some((addr, scope.get(name.len().checked_sub(dot)?..)?))
}

/// [`scoped`] at the end, and what stands before it.
fn scoped_back(s: &[u8]) -> Option<(Addr, &[u8])> {
    let before = run_back(s, SCOPE_MAX, is_name)?.strip_suffix(b"%")?;
    bare_back(before).filter(|(addr, _)| addr.masked(10) == LINK_LOCAL)
}

/// A whole address. Not one that is part of a longer word: `1.2.3.4.example`, `dead::beef-x`.
pub fn addr(s: &[u8]) -> Option<(Addr, &[u8])> {
    if let Some((addr, rest)) = v4(s) {
        return (!goes_on(rest)).then_some((addr, rest));
    }
    let rest = run(s, ADDR_MAX, is_addr)?;
    let text = s.get(..s.len().checked_sub(rest.len())?)?;
    if rest.starts_with(b"%") {
        return scoped(s);
    }
    if joins(rest.first()) {
        return None;
    }
    let text = text.strip_suffix(b".").unwrap_or(text);
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
    bare_back(s).or_else(|| scoped_back(s))
}

/// [`v4`] at the end: a whole text of an address, which goes no further to the left.
fn v4_back(s: &[u8]) -> Option<(Addr, &[u8])> {
    let (d, s) = octet_back(s)?;
    let (c, s) = octet_back(s.strip_suffix(b".")?)?;
    let (b, s) = octet_back(s.strip_suffix(b".")?)?;
    let (a, s) = octet_back(s.strip_suffix(b".")?)?;
    if s.last().is_some_and(is_addr) { None } else { Some((Addr::v4([a, b, c, d]), s)) }
}

/// [`octet`] at the end.
#[inline]
fn octet_back(s: &[u8]) -> Option<(u8, &[u8])> {
    let near = match s {
        [.., a, b, c] => [0, *a, *b, *c],
        [b, c] => [0, 0, *b, *c],
        [c] => [0, 0, 0, *c],
        [] => return None,
    };
    let values = u32::from_le_bytes(near) ^ ZEROS;
    let digits = others(values).leading_zeros() / 8;
    let behind = u32::MAX.checked_shl(32u32.checked_sub(digits.wrapping_mul(8))?)?;
    Some((number_of(values & behind, digits)?, s.get(..s.len().checked_sub(digits as usize)?)?))
}

/// An address without scope at the end, and what stands before it.
fn bare_back(s: &[u8]) -> Option<(Addr, &[u8])> {
    if let Some((addr, before)) = v4_back(s) {
        return (!joins(before.last())).then_some((addr, before));
    }
    let before = run_back(s, ADDR_MAX, is_addr)?;
    let text = s.get(before.len()..)?;
    if joins(before.last()) {
        return None;
    }
    if text.contains(&b':') { Some((Addr::parse(text)?, before)) } else { None }
}

/// `[1.2.3.4]` or `[2001:db8::1]`.
fn bracketed(s: &[u8]) -> Option<(Addr, &[u8])> {
    let (addr, rest) = addr(s.strip_prefix(b"[")?)?;
    Some((addr, rest.strip_prefix(b"]")?))
}

/// [`bracketed`] at the end.
fn bracketed_back(s: &[u8]) -> Option<(Addr, &[u8])> {
    let (addr, before) = addr_back(s.strip_suffix(b"]")?)?;
    Some((addr, before.strip_suffix(b"[")?))
}

/// `1.2.3.4:22`, `::ffff:1.2.3.4:22`, `[1.2.3.4]:22` or `[2001:db8::1]:22`.
pub fn addr_port(s: &[u8]) -> Option<(Addr, &[u8])> {
    let (addr, rest) = bracketed(s).or_else(|| mapped(s)).or_else(|| scoped(s))?;
    Some((addr, number(rest.strip_prefix(b":")?)?))
}

/// [`addr_port`] at the end, and what stands before it.
pub fn addr_port_back(s: &[u8]) -> Option<(Addr, &[u8])> {
    let s = number_back(s)?.strip_suffix(b":")?;
    // From the start, a dot at the end of a scope ends the sentence.
    let scope = || scoped_back(s).filter(|_| !s.ends_with(b"."));
    bracketed_back(s).or_else(|| dotted_back(s, mapped)).or_else(scope)
}

/// One way to read an address.
type Reading = fn(&[u8]) -> Option<(Addr, &[u8])>;

/// [`addr_back`] whose whole text is so written: hexadecimal groups that make an IPv4 address are none.
fn dotted_back(s: &[u8], written: Reading) -> Option<(Addr, &[u8])> {
    let (addr, before) = addr_back(s)?;
    let (_, []) = written(s.get(before.len()..)?)? else { return None };
    Some((addr, before))
}

/// [`addr_port`], `[2001:db8::1]` or a bare address.
pub fn addr_may_port(s: &[u8]) -> Option<(Addr, &[u8])> {
    addr_port(s).or_else(|| bracketed(s)).or_else(|| addr(s))
}

/// [`addr_may_port`] at the end, and what stands before it.
pub fn addr_may_port_back(s: &[u8]) -> Option<(Addr, &[u8])> {
    addr_port_back(s).or_else(|| bracketed_back(s)).or_else(|| addr_back(s))
}

/// [`addr_port`], or an IPv6 address without brackets whose last group is the port: `2001:db8::1:22`.
pub fn addr_port_bare(s: &[u8]) -> Option<(Addr, &[u8])> {
    if let Some(found) = addr_port(s) {
        return Some(found);
    }
    let rest = run(s, ADDR_MAX.saturating_add(6), is_addr)?;
    let text = s.get(..s.len().checked_sub(rest.len())?)?;
    let (addr, []) = addr_port_bare_back(text)? else { return None };
    Some((addr, rest))
}

/// [`addr_port_bare`] at the end, and what stands before it.
pub fn addr_port_bare_back(s: &[u8]) -> Option<(Addr, &[u8])> {
    let s = number_back(s)?.strip_suffix(b":")?;
    bracketed_back(s).or_else(|| addr_back(s).filter(|_| !s.ends_with(b".")))
}

/// `1.2.3.4.57178`: an IPv4 address and a port behind a dot.
pub fn addr_dot_port(s: &[u8]) -> Option<(Addr, &[u8])> {
    let (addr, rest) = v4(s)?;
    let rest = number(rest.strip_prefix(b".")?)?;
    (!goes_on(rest)).then_some((addr, rest))
}

/// [`addr_dot_port`] at the end, and what stands before it.
pub fn addr_dot_port_back(s: &[u8]) -> Option<(Addr, &[u8])> {
    dotted_back(number_back(s)?.strip_suffix(b".")?, v4)
}
