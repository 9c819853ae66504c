//! One JSON object for each line of a log.
//!
//! Runs in: the client. In: one line, any bytes, hostile; what became of it. Out: one line of JSON (RFC 8259),
//! ASCII only. Never: repeats the line itself.
use super::choice::Choice;
use super::json::{Maybe, Str};
use super::look::{Finding, Takers, look};
use super::moment::Moment;
use super::patterns::{Written, written};
use super::show::Address;
use bailiff::shared::base::lines::LONGEST;
use bailiff::shared::pure::engine::Modes;
use bailiff::shared::pure::filter::Match;
use core::fmt::{Display, Formatter, Result, Write};

/// Why a line counts for nobody.
enum Why {
    Foreign,
    Untaken,
    Ignored(u16),
    Long,
}

impl Display for Why {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Foreign => f.write_str("\"no header of this service\""),
            Self::Untaken => f.write_str("\"no pattern takes it\""),
            Self::Ignored(line) => write!(f, "\"ignored by line {line}\""),
            Self::Long => write!(f, "\"longer than {LONGEST} bytes\""),
        }
    }
}

/// Writes what becomes of lines.
pub(crate) struct Records<'a> {
    choice: &'a Choice,
    modes: &'a Modes,
    now_s: u64,
    count: u64,
    /// How many lines counted against somebody.
    pub(crate) matches: u64,
}

impl<'a> Records<'a> {
    /// No line yet.
    pub(crate) fn new(choice: &'a Choice, modes: &'a Modes, now_s: u64) -> Self {
        Self { choice, modes, now_s, count: 0, matches: 0 }
    }

    /// Writes the object of one line; of one that is too long without its bytes.
    pub(crate) fn write(&mut self, w: &mut dyn Write, line: Option<&[u8]>) -> Result {
        self.count = self.count.saturating_add(1);
        let Some(line) = line else { return self.unmatched(w, None, &Why::Long) };
        let at = Moment::of(line, self.now_s);
        let Some(chosen) = &self.choice.filter else {
            let takers = Takers::of(self.modes, line);
            return match takers.first.and_then(|(number, found)| Some((written(number)?, found))) {
                Some(taken) => self.matched(w, at, taken, Some(&takers)),
                None => self.unmatched(w, at, &Why::Untaken),
            };
        };
        match look(chosen, self.choice, line) {
            Finding::Taken(found) => self.matched(w, at, (*chosen, found), None),
            Finding::Ignored(by) => self.unmatched(w, at, &Why::Ignored(by)),
            Finding::Untaken(_) => self.unmatched(w, at, &Why::Untaken),
            Finding::Foreign => self.unmatched(w, at, &Why::Foreign),
        }
    }

    fn matched(
        &mut self,
        w: &mut dyn Write,
        at: Option<Moment>,
        (taker, found): (Written, Match),
        takers: Option<&Takers>,
    ) -> Result {
        self.matches = self.matches.saturating_add(1);
        let rule = taker.filter.rules.get(usize::from(found.rule));
        write!(w, "{{\"n\":{},\"match\":true,\"address\":\"{}\"", self.count, Address(&found.addr))?;
        write!(w, ",\"filter\":{}", Str(taker.filter.name.as_bytes()))?;
        write!(w, ",\"pattern\":{}", Maybe(rule.map(|r| Str(r.text.as_bytes()))))?;
        write!(w, ",\"line\":{},\"weight\":{}", Maybe(rule.map(|r| r.line)), found.weight)?;
        write!(w, ",\"time\":{}", Maybe(at.map(Time)))?;
        if let Some(takers) = takers.filter(|t| t.numbers().nth(1).is_some()) {
            for (nth, taker) in takers.numbers().filter_map(written).enumerate() {
                let name = Str(taker.filter.name.as_bytes());
                write!(w, "{}{name}", if nth == 0 { ",\"filters\":[" } else { "," })?;
            }
            w.write_char(']')?;
        }
        w.write_str("}\n")
    }

    fn unmatched(&self, w: &mut dyn Write, at: Option<Moment>, why: &Why) -> Result {
        write!(
            w,
            "{{\"n\":{},\"match\":false,\"address\":null,\"filter\":null,\"pattern\":null",
            self.count
        )?;
        writeln!(w, ",\"line\":null,\"weight\":null,\"time\":{},\"why\":{why}}}", Maybe(at.map(Time)))
    }
}

/// A line's time as a JSON string.
struct Time(Moment);

impl Display for Time {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "\"{}\"", self.0)
    }
}
