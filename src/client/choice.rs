//! Which filter `test` uses, and how: `sshd[mode=aggressive]`.
//!
//! Runs in: the client. In: the operator's word. Out: a `Choice`, or what was expected in place of a name.
//! Never: guesses a filter: it names those that are near.
use super::show::Quoted;
use bailiff::shared::pure::filter::{FILTERS, Filter, named};
use core::fmt::{Display, Formatter, Result as Printed};

/// A filter and how its lines are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Choice {
    /// Its place in the catalogue; none: each filter in its default mode.
    pub(crate) filter: Option<u8>,
    /// The bits of its mode.
    pub(crate) modes: u8,
    /// Whether lines are entries of the journal, without time.
    pub(crate) journal: bool,
    /// Whether a parameter was given that has no effect here.
    pub(crate) idle: bool,
}

/// What was not expected in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wrong<'a> {
    /// No filter has this name.
    Filter(&'a [u8]),
    /// This filter has no such mode.
    Mode(&'static Filter, &'a [u8]),
    /// There is no such parameter.
    Key(&'a [u8]),
    /// It is not `NAME[KEY=VALUE,...]`.
    Shape(&'a [u8]),
}

impl Choice {
    /// Every filter.
    pub(crate) const ALL: Self = Self { filter: None, modes: 0, journal: false, idle: false };

    /// The choice that this word is.
    pub(crate) fn parse(word: &[u8]) -> Result<Self, Wrong<'_>> {
        let open = word.iter().position(|b| *b == b'[').unwrap_or(word.len());
        let (name, parameters) = word.split_at_checked(open).ok_or(Wrong::Shape(word))?;
        let number = named(name).ok_or(Wrong::Filter(name))?;
        let filter = FILTERS.get(usize::from(number)).ok_or(Wrong::Filter(name))?;
        let mut choice = Self { filter: Some(number), modes: filter.default_modes, ..Self::ALL };
        if let Some(inner) = parameters.strip_prefix(b"[") {
            let inner = inner.strip_suffix(b"]").ok_or(Wrong::Shape(word))?;
            for parameter in inner.split(|b| *b == b',').map(<[u8]>::trim_ascii).filter(|p| !p.is_empty()) {
                choice.parameter(filter, parameter)?;
            }
        }
        Ok(choice)
    }

    fn parameter<'a>(&mut self, filter: &'static Filter, parameter: &'a [u8]) -> Result<(), Wrong<'a>> {
        let equals = parameter.iter().position(|b| *b == b'=').ok_or(Wrong::Shape(parameter))?;
        let (key, value) = parameter.split_at_checked(equals).ok_or(Wrong::Shape(parameter))?;
        let value = value.strip_prefix(b"=").unwrap_or(value).trim_ascii();
        let bare = value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(value);
        match (key.trim_ascii(), bare) {
            (b"mode", mode) => self.modes = filter.mode(mode).ok_or(Wrong::Mode(filter, mode))?,
            (b"logtype", b"journal") => self.journal = true,
            (b"logtype" | b"logging" | b"type", _) => self.idle = true,
            (key, _) => return Err(Wrong::Key(key)),
        }
        Ok(())
    }
}

impl Display for Wrong<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Printed {
        match self {
            Self::Filter(name) => {
                write!(f, "{}: expected a filter's name", Quoted(name))?;
                let close = |f: &&Filter| is_close(name, f.name.as_bytes());
                let beside = |f: &&Filter| !close(f) && is_part(name, f.name.as_bytes());
                let mut near = FILTERS.iter().filter(close).chain(FILTERS.iter().filter(beside)).take(5);
                if let Some(first) = near.next() {
                    write!(f, ", such as {}", first.name)?;
                }
                near.try_for_each(|filter| write!(f, ", {}", filter.name))?;
                write!(f, "; `bailiff filters` lists them")
            }
            Self::Mode(filter, mode) => {
                write!(f, "{}: expected a mode of {}:", Quoted(mode), filter.name)?;
                filter.modes.iter().try_for_each(|mode| write!(f, " {}", mode.name))
            }
            Self::Key(key) => {
                write!(f, "{}: expected one of the parameters mode, logtype, logging, type", Quoted(key))
            }
            Self::Shape(word) => write!(f, "{}: expected FILTER or FILTER[KEY=VALUE,...]", Quoted(word)),
        }
    }
}

/// The name of the filter's mode with these bits.
pub(crate) fn mode_name(filter: &Filter, modes: u8) -> &'static str {
    filter.modes.iter().find(|m| m.bits == modes).map_or("?", |m| m.name)
}

/// Longest name that is compared letter by letter.
const NAME_MAX: usize = 32;

/// Whether one of them is a part of the other.
fn is_part(word: &[u8], name: &[u8]) -> bool {
    let holds = |a: &[u8], b: &[u8]| b.len() > 2 && a.windows(b.len()).any(|part| part == b);
    holds(word, name) || holds(name, word)
}

/// Whether few letters differ.
fn is_close(word: &[u8], name: &[u8]) -> bool {
    let few = if name.len() < 6 { 1 } else { 2 };
    distance(word, name).is_some_and(|letters| letters <= few)
}

/// Letters to be put in, left out or replaced (Levenshtein's distance), row by row.
fn distance(word: &[u8], name: &[u8]) -> Option<usize> {
    let mut row = [0usize; NAME_MAX];
    let row = row.get_mut(..name.len().checked_add(1)?)?;
    row.iter_mut().zip(0..).for_each(|(slot, n)| *slot = n);
    for (n, a) in (1..).zip(word.get(..word.len().min(NAME_MAX))?) {
        let mut slots = row.iter_mut();
        let first = slots.next()?;
        let (mut corner, mut left) = (core::mem::replace(first, n), n);
        for (above, b) in slots.zip(name) {
            let replaced = corner.saturating_add((a != b).into());
            corner = *above;
            left = replaced.min(left.saturating_add(1)).min(above.saturating_add(1));
            *above = left;
        }
    }
    row.last().copied()
}
