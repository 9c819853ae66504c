//! Filters as they were written, and their patterns as steps: what the compiled code does at one stroke is done here
//! pattern by pattern, for who asks why.
//!
//! Runs in: the client. In: what build.rs made of filters/*.filter, and `own` of the operator's; one message, any bytes, hostile. Out:
//! which pattern takes it, how far a pattern reads it. Never: decides what the daemon counts: that is
//! `engine`'s; a test holds the two against each other.
use super::show::Quoted;
use bailiff::shared::pure::addr::Addr;
use bailiff::shared::pure::filter::{FILTERS, Filter, Match, Rule};
use bailiff::shared::pure::form::{Form, Seen};
use bailiff::shared::pure::image::OwnFilter;
use bailiff::shared::pure::steps::{Free, op, take};
use bailiff::shared::pure::{engine, field};
use core::fmt::{Display, Formatter, Result};

/// What a pattern says of the message, or of one of its fields.
#[derive(Debug)]
pub(crate) struct Part {
    /// The field's keys, from the outside in; none: the message itself.
    pub(crate) path: &'static [&'static [u8]],
    /// Its steps.
    pub(crate) code: &'static [u8],
}

/// A pattern.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// Bytes above which it takes no message; 0: no such bound.
    pub(crate) longest: usize,
    /// Its parts, all of which must hold.
    pub(crate) parts: &'static [Part],
}

include!(concat!(env!("OUT_DIR"), "/texts.rs"));

/// What makes a filter one of the operator's own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Own {
    /// Its file.
    pub(crate) file: &'static [u8],
    /// The image that bailiff-compiler makes of it, and what the daemon reads in it.
    pub(crate) image: &'static [u8],
    pub(crate) facts: OwnFilter<'static>,
}

/// A filter as it was written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    /// Its place in the catalogue; of the operator's own, the place behind it.
    pub(crate) number: u8,
    pub(crate) filter: &'static Filter,
    pub(crate) own: Option<Own>,
    /// Its file's text.
    pub(crate) text: &'static str,
    /// Its patterns, in the order of the filter's rules.
    pub(crate) patterns: &'static [Pattern],
}

/// All filters of the catalogue.
pub(crate) fn catalogue() -> impl Iterator<Item = Written> {
    (0..=u8::MAX).map_while(written)
}

/// The filter in this place of the catalogue.
pub(crate) fn written(number: u8) -> Option<Written> {
    let place = usize::from(number);
    let (filter, text, patterns) = (FILTERS.get(place)?, TEXTS.get(place)?, STEPS.get(place)?);
    Some(Written { number, filter, own: None, text, patterns })
}

impl Written {
    /// Its rules, each with its place among them and its pattern.
    pub(crate) fn patterns(&self) -> impl Iterator<Item = (u16, &'static Rule, &'static Pattern)> + use<> {
        (0..).zip(self.filter.rules).zip(self.patterns).map(|((at, rule), pattern)| (at, rule, pattern))
    }

    /// Whether this program is one of its service's.
    pub(crate) fn is_own(&self, program: &[u8]) -> bool {
        match &self.own {
            Some(own) => own.facts.is_own(program),
            None => engine::is_own(self.number, program),
        }
    }

    /// What the daemon makes of what its patterns see.
    pub(crate) fn judged(&self, modes: u8, seen: Seen<'_>) -> Option<Match> {
        match &self.own {
            Some(own) => own.facts.judge(modes, seen),
            None => engine::judged(self.number, modes, seen),
        }
    }

    /// The line of the `ignore` that takes what no pattern has counted, if one does.
    pub(crate) fn ignored(&self, seen: &Seen<'_>) -> Option<u16> {
        let mut silent = self.patterns().filter(|(_, rule, _)| rule.weight == 0);
        silent.find(|(_, _, p)| p.takes(self.filter.form, seen).is_some()).map(|(_, rule, _)| rule.line)
    }
}

/// Where a filter stands.
pub(crate) struct File<'a>(pub(crate) &'a Written);

impl Display for File<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.0.own {
            Some(own) => Quoted(own.file).fmt(f),
            None => write!(f, "filters/{}.filter", self.0.filter.name),
        }
    }
}

impl Part {
    /// What it looks at.
    pub(crate) fn value<'m>(&self, form: Form, message: &'m [u8]) -> Option<&'m [u8]> {
        match form {
            Form::Json => field::json(message, self.path),
            Form::Logfmt => field::logfmt(message, self.path),
            Form::Fields => field::either(message, self.path),
            _ => Some(message),
        }
    }
}

impl Pattern {
    /// Whether it takes what is seen of a line, and whom it names.
    pub(crate) fn takes(&self, form: Form, seen: &Seen<'_>) -> Option<Option<Addr>> {
        if self.longest > 0 && seen.message.len() > self.longest {
            return None;
        }
        let mut accused = form.names_peer().then_some(seen.peer);
        for part in self.parts {
            accused = take(part.code, part.value(form, seen.message)?, &mut ())?.or(accused);
        }
        Some(accused)
    }
}

/// One step of a pattern: its kind (`op`), its text, and what else stands behind its kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Step<'c> {
    pub(crate) kind: u8,
    /// A literal; the bytes that are never held; the literal that opens a part.
    pub(crate) text: &'c [u8],
    /// The rest of the step: alternatives, an address' form, the steps of a part.
    pub(crate) more: &'c [u8],
}

/// The first of these steps, and those behind it.
pub(crate) fn step(code: &[u8]) -> Option<(Step<'_>, &[u8])> {
    let (kind, rest) = code.split_first()?;
    let text = |code| -> Option<(_, _)> {
        let (length, rest): (&u8, &[u8]) = <[u8]>::split_first(code)?;
        rest.split_at_checked((*length).into())
    };
    let part = |code: &'_ [u8]| {
        let (length, _) = code.split_first_chunk::<2>()?;
        Some(usize::from(u16::from_le_bytes(*length)).saturating_add(2))
    };
    let (text, rest) = match *kind {
        op::LIT | op::NOT | op::ONCE | op::FIND => text(rest)?,
        _ => (&[][..], rest),
    };
    let more = match *kind {
        op::ALT => alternatives(rest)?,
        op::WORD | op::NOT => 1,
        op::ADDR => 2,
        op::OPT | op::ONCE | op::FIND => part(rest)?,
        _ => 0,
    };
    let (more, rest) = rest.split_at_checked(more)?;
    Some((Step { kind: *kind, text, more }, rest))
}

/// Bytes of a list of alternatives.
fn alternatives(code: &[u8]) -> Option<usize> {
    let (count, mut rest) = code.split_first()?;
    for _ in 0..*count {
        let (length, behind) = rest.split_first()?;
        rest = behind.get(usize::from(*length)..)?;
    }
    code.len().checked_sub(rest.len())
}

/// How far steps read a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Reach<'m> {
    /// Bytes that were read, from either end.
    pub(crate) read: usize,
    /// What was left.
    pub(crate) left: &'m [u8],
    /// Whether the next step would have been read from the end.
    pub(crate) back: bool,
    /// The step at which it stopped; none: nothing but `left` is in the way.
    pub(crate) stop: Option<Step<'static>>,
}

/// The length of what is left when steps that end in free text have been read.
#[derive(Default)]
struct Left(usize);

impl Free<'_> for Left {
    fn free(&mut self, text: &[u8], _: &[u8]) {
        self.0 = text.len();
    }
}

/// Bytes of the longest pattern that is traced.
const CODE_MAX: usize = 4096;

/// Reads with ever more of the steps, as if free text stood behind, until they no longer read the message.
pub(crate) fn reach<'m>(code: &'static [u8], message: &'m [u8]) -> Reach<'m> {
    let (mut rest, mut prefix, mut used) = (code, [0; CODE_MAX], 0usize);
    let mut reach = Reach { read: 0, left: message, back: false, stop: None };
    while let Some((step, behind)) = step(rest) {
        if step.kind == op::TEXT {
            reach.left = &[];
            return reach;
        }
        let whole = rest.len().saturating_sub(behind.len());
        let room = prefix.get_mut(used..).unwrap_or(&mut []);
        for (slot, b) in room.iter_mut().zip(rest.get(..whole).unwrap_or(&[]).iter().chain(&[op::TEXT])) {
            *slot = *b;
        }
        used = used.saturating_add(whole);
        let mut left = Left::default();
        let code = prefix.get(..used.saturating_add(1)).unwrap_or(&[]);
        if code.is_empty() || take(code, message, &mut left).is_none() {
            reach.stop = Some(step);
            return reach;
        }
        reach.back |= step.kind == op::BACK;
        let taken = reach.left.len().saturating_sub(left.0);
        let (first, last) =
            reach.left.split_at_checked(if reach.back { left.0 } else { taken }).unwrap_or_default();
        reach.left = if reach.back { first } else { last };
        reach.read = reach.read.saturating_add(taken);
        rest = behind;
    }
    reach
}
