//! One jail of the `Terms`, and text in fixed memory.
//!
//! Runs in: the warden (encode), watcher, tracker and enforcer (decode). In: a part of the record. Out: a
//! `Jail`. Never: judges whether the filter exists; who has the catalogue does.

use super::{LONGEST_S, MAXRETRY, PORTS, PREFIX4, PREFIX6, within};
use crate::shared::pure::wire::cursor::{Get, Put};

/// Text of at most `N` bytes in fixed memory, without NUL; what is unused is zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Word<const N: usize>([u8; N]);

/// Bytes of a jail's name, at most.
pub const NAME: usize = 24;
/// A jail's name: 1 to 24 of a-z, 0-9, `_` and `-`, the first a letter or digit.
pub type Name = Word<NAME>;

impl<const N: usize> Word<N> {
    /// No text.
    pub const EMPTY: Self = Self([0; N]);

    /// This text, if it fits and holds no NUL.
    pub fn new(text: &[u8]) -> Option<Self> {
        let mut word = Self::EMPTY;
        for (slot, b) in word.0.iter_mut().zip(text) {
            *slot = *b;
        }
        (text.len() <= N && !text.contains(&0)).then_some(word)
    }

    /// The text.
    pub fn bytes(&self) -> &[u8] {
        self.0.split(|b| *b == 0).next().unwrap_or(&[])
    }

    /// The text with the zeros behind it.
    pub fn padded(&self) -> &[u8; N] {
        &self.0
    }
}

impl Name {
    /// A jail's name, if the text is one.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let plain = |b: &u8| matches!(b, b'a'..=b'z' | b'0'..=b'9');
        let rest = |b: &u8| plain(b) || matches!(b, b'_' | b'-');
        (text.first().is_some_and(plain) && text.iter().all(rest)).then(|| Self::new(text))?
    }
}

/// A jail: a filter with its limits. In `Terms`, every field is within its bounds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Jail {
    /// Its name.
    pub name: Name,
    /// Its filter's place in the catalogue, or `NO_FILTER`.
    pub filter: u8,
    /// The modes of the filter that are on, as the filter's bits.
    pub modes: u8,
    /// Failures within `findtime_s` that ban: 1 to 100.
    pub maxretry: u8,
    /// The sliding window, in seconds: 1 to `LONGEST_S`.
    pub findtime_s: u32,
    /// A ban's time, in seconds, to `LONGEST_S`; 0 is without end.
    pub bantime_s: u32,
    /// Length of the IPv4 prefix that counts and is banned as one: 24 or 32.
    pub prefix4: u8,
    /// The same for IPv6: 48, 64 or 128.
    pub prefix6: u8,
    /// The ports that a ban closes, zeros behind; none named is every port.
    pub ports: [u16; PORTS],
}

impl Jail {
    /// No jail: what fills the places behind the last one.
    pub const EMPTY: Self = Self {
        name: Word::EMPTY,
        filter: 0,
        modes: 0,
        maxretry: 0,
        findtime_s: 0,
        bantime_s: 0,
        prefix4: 0,
        prefix6: 0,
        ports: [0; PORTS],
    };

    pub(super) fn put(&self, to: &mut Put<'_>) {
        to.bytes(&self.name.0).u8(self.filter).u8(self.modes).u8(self.maxretry).u8(self.prefix4);
        to.u8(self.prefix6).u32(self.findtime_s).u32(self.bantime_s);
        for port in self.ports {
            to.u16(port);
        }
    }

    pub(super) fn get(from: &mut Get<'_>) -> Option<Self> {
        let name = Word(from.bytes()?);
        let [filter, modes, maxretry, prefix4, prefix6] = from.bytes()?;
        let (findtime_s, bantime_s) = (from.u32()?, from.u32()?);
        let mut ports = [0; PORTS];
        for port in &mut ports {
            *port = from.u16()?;
        }
        Some(Self { name, filter, modes, maxretry, findtime_s, bantime_s, prefix4, prefix6, ports })
    }

    /// Its ports; none is every port.
    pub fn ports(&self) -> impl Iterator<Item = u16> + '_ {
        self.ports.iter().copied().take_while(|p| *p != 0)
    }

    pub(super) fn is_bounded(&self) -> bool {
        let mut ports = self.ports.iter().skip_while(|p| **p != 0);
        Name::parse(self.name.bytes()) == Some(self.name)
            && within(self.maxretry, MAXRETRY)
            && within(self.findtime_s, (1, LONGEST_S.into()))
            && self.bantime_s <= LONGEST_S
            && PREFIX4.contains(&self.prefix4.into())
            && PREFIX6.contains(&self.prefix6.into())
            && ports.all(|p| *p == 0)
    }
}
