//! The operator's own filters, as bailiff-compiler made them: their facts and the steps of their patterns.
//!
//! Runs in: the warden and the client (facts), the watcher (scanning). In: an image from bailiff-compiler, and in the
//! watcher hostile lines. Out: facts, matches. Never: trusts the image to be whole: what is not there does not match.

use super::field;
use super::filter::Match;
use super::form::{Form, Seen};
use super::program;
use super::steps::take;

/// Filters that an operator can have of his own.
pub const OWN: usize = 32;
/// Bytes of the longest image.
pub const LONGEST: usize = 64 << 10;
/// Parts that one pattern can have.
const PARTS: usize = 16;
/// Keys of one field's path.
const KEYS: usize = 8;

const FORMS: [Form; 7] =
    [Form::Text, Form::Access, Form::Apache, Form::Nginx, Form::Json, Form::Logfmt, Form::Fields];

/// One filter of an image.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OwnFilter<'a> {
    /// Its name: the file's, without `.filter`.
    pub name: &'a [u8],
    /// The bits of `form::before`.
    pub headers: u8,
    /// How its service lays out a message.
    pub form: Form,
    /// The mode that holds when none is named.
    pub default_modes: u8,
    /// Why its lines can be forged; empty: they cannot.
    pub forged: &'a [u8],
    modes: List<'a>,
    ports: List<'a>,
    logs: List<'a>,
    programs: List<'a>,
    rules: &'a [u8],
}

/// Bytes that were not yet read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    fn number(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes([self.byte()?, self.byte()?]))
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.byte()?;
        self.bytes(length.into())
    }

    /// Two bytes of length, and so many bytes.
    fn block(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.bytes(length.into())
    }

    fn list(&mut self) -> Option<List<'a>> {
        let count = self.byte()?;
        let list = List { count, texts: *self };
        for _ in 0..count {
            self.text()?;
        }
        Some(list)
    }
}

/// Texts, one behind the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct List<'a> {
    count: u8,
    texts: Rest<'a>,
}

impl<'a> List<'a> {
    fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.texts;
        (0..self.count).map_while(move |_| rest.text())
    }
}

/// The filters of an image, in the order of their names.
pub fn filters(image: &[u8]) -> impl Iterator<Item = OwnFilter<'_>> {
    let mut rest = Rest(image);
    core::iter::from_fn(move || OwnFilter::read(rest.block()?)).take(OWN)
}

impl<'a> OwnFilter<'a> {
    fn read(block: &'a [u8]) -> Option<Self> {
        let mut rest = Rest(block);
        let (headers, form, default_modes) = (rest.byte()?, rest.byte()?, rest.byte()?);
        Some(Self {
            headers,
            form: *FORMS.get(usize::from(form))?,
            default_modes,
            name: rest.text()?,
            forged: rest.text()?,
            modes: rest.list()?,
            ports: rest.list()?,
            logs: rest.list()?,
            programs: rest.list()?,
            rules: rest.0,
        })
    }

    /// The bits of the mode of this name.
    pub fn mode(&self, name: &[u8]) -> Option<u8> {
        let found = self.modes.iter().find(|m| m.get(1..) == Some(name))?;
        found.first().copied()
    }

    /// The names of its modes, and their bits.
    pub fn modes(&self) -> impl Iterator<Item = (&'a [u8], u8)> {
        self.modes.iter().filter_map(|m| m.split_first().map(|(bits, name)| (name, *bits)))
    }

    /// Where its service logs.
    pub fn logs(&self) -> impl Iterator<Item = &'a [u8]> {
        self.logs.iter()
    }

    /// The ports it serves.
    pub fn ports(&self) -> impl Iterator<Item = u16> {
        self.ports.iter().filter_map(|p| Some(u16::from_le_bytes(p.try_into().ok()?)))
    }

    /// Whether this program is one of its own.
    pub fn is_own(&self, name: &[u8]) -> bool {
        self.programs.iter().any(|own| program::is_own(own, name))
    }

    /// What its patterns make of what they see: the first that takes the message decides.
    pub fn judge(&self, modes: u8, seen: Seen<'a>) -> Option<Match> {
        let mut rest = Rest(self.rules);
        let mut number = 0u16;
        while let Some(block) = rest.block() {
            if let Some(taken) = self.rule(block, number, modes, seen) {
                return taken.map(|found| found.times(seen.times));
            }
            number = number.saturating_add(1);
        }
        None
    }

    /// `None`: the rule does not take the message; `Some(None)`: it does, and nobody is accused.
    fn rule(&self, block: &'a [u8], rule: u16, modes: u8, seen: Seen<'a>) -> Option<Option<Match>> {
        let mut rest = Rest(block);
        let (_line, bits, weight, longest) = (rest.number()?, rest.byte()?, rest.byte()?, rest.number()?);
        if bits & modes == 0 || longest > 0 && seen.message.len() > usize::from(longest) {
            return None;
        }
        let mut accused = self.form.names_peer().then_some(seen.peer);
        for _ in 0..PARTS {
            if rest.0.is_empty() {
                break;
            }
            let path = rest.list()?;
            let code = rest.block()?;
            let value = self.value(path, seen.message)?;
            accused = take(code, value, &mut ())?.or(accused);
        }
        if weight == 0 {
            return Some(None);
        }
        Some(accused.map(|addr| Match { addr, rule, weight: weight.into() }))
    }

    fn value(&self, path: List<'a>, message: &'a [u8]) -> Option<&'a [u8]> {
        if !self.form.has_fields() {
            return Some(message);
        }
        let mut keys: [&[u8]; KEYS] = [&[]; KEYS];
        for (slot, key) in keys.iter_mut().zip(path.iter()) {
            *slot = key;
        }
        let keys = keys.get(..path.count.into())?;
        match self.form {
            Form::Json => field::json(message, keys),
            Form::Logfmt => field::logfmt(message, keys),
            _ => field::either(message, keys),
        }
    }
}
