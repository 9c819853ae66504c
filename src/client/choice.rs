//! Which filter `test` uses, and how: `sshd[mode=aggressive]`.
//!
//! Runs in: the client. In: the operator's word. Out: a `Choice`, or what was expected in place of a name.
//! Never: guesses a filter: it names those that are near.
use super::outcome::{SYSTEM, USAGE};
use super::own::{self, Refused};
use super::patterns::{Written, catalogue};
use super::show::Quoted;
use alloc::vec::Vec;
use bailiff::shared::pure::filter::{FILTERS, Filter};
use core::fmt::{Display, Formatter, Result as Printed, Write};

/// A filter and how its lines are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice {
    /// The filter; none: each of the catalogue in its default mode.
    pub(crate) filter: Option<Written>,
    /// The bits of its mode.
    pub(crate) modes: u8,
    /// Whether lines are entries of the journal, without time.
    pub(crate) journal: bool,
    /// Whether a parameter was given that has no effect here.
    pub(crate) idle: bool,
}

/// What was not expected in it.
#[derive(Debug)]
pub(crate) enum Wrong<'a> {
    /// No filter has this name.
    Filter(&'a [u8]),
    /// One of the operator's own, in this file, is refused.
    Own(Vec<u8>, Refused),
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

    /// The choice that this word is. The operator's own filters are beside this configuration.
    pub(crate) fn parse<'a>(word: &'a [u8], config: &[u8]) -> Result<Self, Wrong<'a>> {
        let open = word.iter().rposition(|b| *b == b'[').unwrap_or(word.len());
        let (name, parameters) = word.split_at_checked(open).ok_or(Wrong::Shape(word))?;
        let written = own::find(name, config)?;
        let filter = written.filter;
        let mut choice = Self { filter: Some(written), modes: filter.default_modes, ..Self::ALL };
        if let Some(inner) = parameters.strip_prefix(b"[") {
            let inner = inner.strip_suffix(b"]").ok_or(Wrong::Shape(word))?;
            for parameter in inner.split(|b| *b == b',').map(<[u8]>::trim_ascii).filter(|p| !p.is_empty()) {
                choice.parameter(filter, parameter)?;
            }
        }
        Ok(choice)
    }

    /// The filters that are chosen.
    pub(crate) fn filters(&self) -> impl Iterator<Item = Written> + use<> {
        let (one, all) = (self.filter, self.filter.is_none().then(catalogue));
        one.into_iter().chain(all.into_iter().flatten())
    }

    /// The image of the chosen filter, if it is one of the operator's own.
    pub(crate) fn image(&self) -> &'static [u8] {
        self.filter.and_then(|written| written.own).map_or(&[], |own| own.image)
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

impl Wrong<'_> {
    /// Says it; the exit code.
    pub(crate) fn say(&self, err: &mut dyn Write) -> u8 {
        let _ = writeln!(err, "bailiff: {self}");
        if matches!(self, Self::Own(_, Refused::Kernel(_))) { SYSTEM } else { USAGE }
    }
}

impl Display for Wrong<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Printed {
        match self {
            Self::Filter(name) => {
                write!(f, "{}: expected a filter's name", Quoted(name))?;
                if name.contains(&b'/') {
                    write!(f, ", or its file, NAME.filter")?;
                }
                let close = |f: &&Filter| is_close(name, f.name.as_bytes());
                let beside = |f: &&Filter| !close(f) && is_part(name, f.name.as_bytes());
                let mut near = FILTERS.iter().filter(close).chain(FILTERS.iter().filter(beside)).take(5);
                if let Some(first) = near.next() {
                    write!(f, ", such as {}", first.name)?;
                }
                near.try_for_each(|filter| write!(f, ", {}", filter.name))?;
                write!(f, "; `bailiff filters` lists them")
            }
            Self::Own(file, refused) => write!(f, "{}:{refused}", Quoted(file)),
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
