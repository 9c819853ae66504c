//! What filters make of a whole log, in figures.
//!
//! Runs in: the client. In: lines, any bytes, hostile; the limits that the configuration sets, if it can be
//! read. Out: counts in fixed memory, for `summary`. Never: prints, holds a whole line.
use super::choice::Choice;
use super::hits::Hits;
use super::look::{Finding, look, owner};
use super::moment::Moment;
use super::patterns::Written;
use super::shapes::{Shapes, is_grave, is_suspect};
use super::tallies::{Limits, Tallies};
use bailiff::shared::pure::addr::Prefix;
use bailiff::shared::pure::engine::{self, Modes};
use bailiff::shared::pure::filter::Match;
use bailiff::shared::pure::form::Seen;
use bailiff::shared::pure::settings::Settings;
use bailiff::shims::errno::Errno;

/// How many lines became what.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) lines: u64,
    /// Lines that count against somebody, by any filter.
    pub(crate) matches: u64,
    pub(crate) ignored: u64,
    /// Lines of the service that no pattern takes, and how many of them one takes in another mode.
    pub(crate) untaken: u64,
    pub(crate) other_mode: u64,
    /// Lines that are none of the service's; of all filters, lines that none takes.
    pub(crate) foreign: u64,
    pub(crate) long: u64,
}

/// What is known of one filter's matches.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Count {
    pub(crate) matches: u64,
    /// Matches whose line does not say when it was written.
    pub(crate) timeless: u64,
}

/// The whole of it.
pub(crate) struct Report<'a> {
    pub(crate) choice: &'a Choice,
    modes: &'a Modes,
    now_s: u64,
    pub(crate) figures: Figures,
    pub(crate) counts: [Count; 256],
    pub(crate) limits: [Limits; 256],
    /// Networks that are never banned.
    pub(crate) never_ban: &'a [Prefix],
    pub(crate) hits: Hits,
    pub(crate) tallies: Tallies,
    pub(crate) shapes: Shapes,
}

/// The limits that hold for each filter: those of the first jail that has it in this mode, or has it at all.
fn limits(settings: Option<&Settings>, choice: &Choice) -> [Limits; 256] {
    let mut limits = [Limits::DEFAULT; 256];
    let jails = settings.map_or(&[][..], |s| s.terms.jails());
    for Written { number, filter, .. } in choice.filters() {
        let modes = if choice.filter.is_some() { choice.modes } else { filter.default_modes };
        // A jail on any other filter of the operator's own has no modes here, as only the daemon knows that.
        let own = || jails.iter().filter(|jail| jail.filter == number && jail.modes != 0);
        let jail = own().find(|jail| jail.modes == modes).or_else(|| own().next());
        if let (Some(limit), Some(jail)) = (limits.get_mut(usize::from(number)), jail) {
            *limit = Limits::of(jail);
        }
    }
    limits
}

impl<'a> Report<'a> {
    /// Nothing read yet.
    pub(crate) fn new(
        choice: &'a Choice,
        modes: &'a Modes,
        settings: Option<&'a Settings>,
        now_s: u64,
    ) -> Result<Self, Errno> {
        let limits = limits(settings, choice);
        let maxretry = limits.iter().map(|l| l.maxretry).max().unwrap_or(0);
        Ok(Self {
            choice,
            modes,
            now_s,
            figures: Figures::default(),
            counts: [Count::default(); 256],
            limits,
            never_ban: settings.map_or(&[], |s| s.terms.never_ban()),
            hits: Hits::new(choice)?,
            tallies: Tallies::new(maxretry)?,
            shapes: Shapes::new()?,
        })
    }

    /// Takes one line; of one that is too long only that it is.
    pub(crate) fn take(&mut self, line: Option<&[u8]>) {
        let figures = &mut self.figures;
        figures.lines = figures.lines.saturating_add(1);
        let Some(line) = line else {
            figures.long = figures.long.saturating_add(1);
            return;
        };
        match &self.choice.filter {
            Some(written) => self.one(written, line),
            None => self.each(line),
        }
    }

    fn one(&mut self, written: &Written, line: &[u8]) {
        let finding = look(written, self.choice, line);
        let figures = &mut self.figures;
        let count = match finding {
            Finding::Taken(_) => &mut figures.matches,
            Finding::Ignored(_) => &mut figures.ignored,
            Finding::Untaken(_) => &mut figures.untaken,
            Finding::Foreign => &mut figures.foreign,
        };
        *count = count.saturating_add(1);
        match finding {
            Finding::Taken(found) => self.matched(written.number, found, line),
            Finding::Untaken(seen) => self.untaken(written, &seen),
            _ => {}
        }
    }

    fn each(&mut self, line: &[u8]) {
        let mut is_match = false;
        engine::scan_all(self.modes, line, |number, found| {
            is_match = true;
            self.matched(number, found, line);
        });
        if is_match {
            self.figures.matches = self.figures.matches.saturating_add(1);
            return;
        }
        self.figures.foreign = self.figures.foreign.saturating_add(1);
        if is_grave(line)
            && let Some((written, seen)) = owner(line)
            && written.ignored(&seen).is_none()
        {
            self.untaken(&written, &seen);
        }
    }

    fn matched(&mut self, number: u8, found: Match, line: &[u8]) {
        let at = Moment::of(line, self.now_s);
        let place = usize::from(number);
        if let Some(count) = self.counts.get_mut(place) {
            count.matches = count.matches.saturating_add(1);
            count.timeless = count.timeless.saturating_add(at.is_none().into());
        }
        self.hits.note(number, found.rule, line);
        if let Some(limits) = self.limits.get(place) {
            self.tallies.note(number, (found.addr, found.weight), at, limits);
        }
    }

    fn untaken(&mut self, written: &Written, seen: &Seen<'_>) {
        if written.judged(u8::MAX, *seen).is_some() {
            self.figures.other_mode = self.figures.other_mode.saturating_add(1);
        } else if is_suspect(written.filter.form, seen) {
            self.shapes.note(written.number, seen.message);
        }
    }
}
