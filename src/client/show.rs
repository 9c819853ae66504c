//! Tables and sentences for people.
//!
//! Runs in: the client. In: records of a reply. Out: text, ASCII only. Never: prints a stranger's byte
//! unquoted.
use super::legend::{Legend, filter, mode, name};
use super::time::{Span, Term, Until, pad};
use bailiff::shared::pure::addr::{Addr, Prefix};
use bailiff::shared::pure::bytes::Text;
use bailiff::shared::pure::wire::control::{BanRow, Figure, Held, JailRow, Origin, SourceRow};
use bailiff::shared::pure::wire::terms::NO_FILTER;
use core::fmt::{Display, Formatter, Result, Write};

/// A stranger's bytes: all but printable ASCII, and the backslash, as `\xNN`.
#[derive(Clone, Copy)]
pub(crate) struct Quoted<'a>(pub(crate) &'a [u8]);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let mut width = 0usize;
        for b in self.0 {
            if matches!(b, b' '..=b'~' if *b != b'\\') {
                f.write_char(char::from(*b))?;
                width = width.saturating_add(1);
            } else {
                write!(f, "\\x{b:02x}")?;
                width = width.saturating_add(4);
            }
        }
        (width..f.width().unwrap_or(0)).try_for_each(|_| f.write_char(' '))
    }
}

/// Text of a filter's: the operator's own may hold what moves a terminal's cursor.
#[derive(Clone, Copy)]
pub(crate) struct Plain<'a>(pub(crate) &'a str);

impl Display for Plain<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.0.chars().try_for_each(|c| match c {
            '\n' | '\t' => f.write_char(c),
            _ if c.is_control() => write!(f, "\\x{:02x}", u32::from(c)),
            _ => f.write_char(c),
        })
    }
}

/// A network: the bare address where it is one.
#[derive(Clone, Copy)]
pub(crate) struct Net<'a>(pub(crate) &'a Prefix);

impl Display for Net<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let mut buf = [0; 48];
        let mut text = Text::new(&mut buf);
        text.prefix(self.0);
        pad(f, text)
    }
}

/// One address.
#[derive(Clone, Copy)]
pub(crate) struct Address<'a>(pub(crate) &'a Addr);

impl Display for Address<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.pad(core::str::from_utf8(self.0.write(&mut [0; 40])).unwrap_or("?"))
    }
}

/// A source: its path, else its number.
pub(crate) struct Log<'a>(pub(crate) &'a Legend<'a>, pub(crate) u8);

impl Display for Log<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.0.source(self.1) {
            Some(path) => Quoted(path.bytes()).fmt(f),
            None => write!(f, "source {}", self.1),
        }
    }
}

/// The figures that `status` lists by name.
pub(crate) const FIGURES: [(Figure, &str); 18] = [
    (Figure::Bans, "bans"),
    (Figure::BanRoom, "room for bans"),
    (Figure::BansEvicted, "bans evicted"),
    (Figure::Tallies, "tallies"),
    (Figure::TallyRoom, "room for tallies"),
    (Figure::TalliesEvicted, "tallies evicted"),
    (Figure::Attempts, "attempts"),
    (Figure::Already, "attempts already banned"),
    (Figure::Backward, "attempts back in time"),
    (Figure::Verdicts, "verdicts"),
    (Figure::Unanswered, "verdicts unanswered"),
    (Figure::Refused, "verdicts refused by the guard"),
    (Figure::KernelRefused, "verdicts refused by the kernel"),
    (Figure::Healed, "times the table was put back"),
    (Figure::LedgerRecords, "ledger records"),
    (Figure::LedgerTorn, "ledger records torn"),
    (Figure::IntentsDropped, "ledger intents dropped"),
    (Figure::BansOfGoneJails, "bans of gone jails"),
];

/// All that `status` was told.
pub(crate) fn status(w: &mut dyn Write, legend: &Legend<'_>) -> Result {
    let figure = |figure| legend.answer.figure(figure);
    let (up, bans) = (figure(Figure::Uptime).unwrap_or(0), figure(Figure::Bans).unwrap_or(0));
    writeln!(w, "bailiff has been up for {}; bans in force: {bans}", Span(up))?;
    if figure(Figure::DryRun).is_some_and(|dry| dry != 0) {
        writeln!(w, "dry run: nothing is written to the firewall")?;
    }
    writeln!(w)?;
    jails(w, legend)?;
    writeln!(w, "\nSTATE       LINES     MATCHES  OVERLONG  TRUNCATED  LOST BYTES  SOURCE")?;
    legend.answer.sources.iter().try_for_each(|row| source(w, legend, row))?;
    writeln!(w, "\n{:<31} {:>12}", "FIGURE", "VALUE")?;
    for (number, label) in FIGURES {
        if let Some(value) = figure(number) {
            writeln!(w, "{label:<31} {value:>12}")?;
        }
    }
    Ok(())
}

fn source(w: &mut dyn Write, legend: &Legend<'_>, row: &SourceRow) -> Result {
    let state = if row.open { "open" } else { "absent" };
    write!(w, "{state:<6} {:>10} {:>11} {:>9} ", row.lines, row.matches, row.overlong)?;
    writeln!(w, "{:>10} {:>11}  {}", row.truncations, row.lost_bytes, Log(legend, row.source))?;
    if !row.open {
        writeln!(w, "       ^ no such file now; it will be read from its first byte once it is made")?;
    } else if row.lines > 0 && row.matches == 0 {
        writeln!(
            w,
            "       ^ lines, but no match so far: is this the service's log, and does the jail's filter fit?"
        )?;
    }
    Ok(())
}

/// The jails and their limits.
pub(crate) fn jails(w: &mut dyn Write, legend: &Legend<'_>) -> Result {
    writeln!(
        w,
        "{:<16} {:<16} {:<12} {:>8} {:>10} {:>8} {:>9} {:>9}",
        "JAIL", "FILTER", "MODE", "BANS", "ATTEMPTS", "MAXRETRY", "FINDTIME", "BANTIME"
    )?;
    legend.answer.jails.iter().try_for_each(|row| jail(w, row))
}

fn jail(w: &mut dyn Write, row: &JailRow) -> Result {
    let (filter, mode) = (filter(row).map_or("-", |f| f.name), mode(row).unwrap_or("-"));
    write!(w, "{:<16} {filter:<16} {mode:<12} {:>8} {:>10} ", Quoted(name(row)), row.bans, row.attempts)?;
    if row.filter == NO_FILTER {
        return writeln!(w, "{:>8} {:>9} {:>9}", "-", "-", "-");
    }
    writeln!(w, "{:>8} {:>9} {:>9}", row.maxretry, Span(row.findtime_s.into()), Term(row.bantime_s.into()))
}

/// The head of a list of bans.
pub(crate) fn head(w: &mut dyn Write) -> Result {
    writeln!(
        w,
        "{:<24} {:<16} {:<20} {:>13} {:>8}  {:<8} STATE",
        "ADDRESS", "JAIL", "UNTIL", "LEFT", "FAILURES", "ORIGIN"
    )
}

/// One ban of a list.
pub(crate) fn ban(w: &mut dyn Write, legend: &Legend<'_>, row: &BanRow) -> Result {
    let (jail, until) = (Quoted(legend.jail(row.jail)), Until(row.end_s));
    write!(w, "{:<24} {jail:<16} {until:<20} ", Net(&row.prefix))?;
    match legend.left_s(row) {
        Some(left_s) => write!(w, "{:>13} ", Span(left_s))?,
        None => write!(w, "{:>13} ", "-")?,
    }
    match row.origin {
        Origin::Filter => write!(w, "{:>8}  {:<8} ", row.failures, origin(row))?,
        Origin::Operator => write!(w, "{:>8}  {:<8} ", "-", origin(row))?,
    }
    writeln!(w, "{}", state(row))
}

/// Where a ban comes from, in a word.
pub(crate) fn origin(row: &BanRow) -> &'static str {
    match row.origin {
        Origin::Filter => "filter",
        Origin::Operator => "operator",
    }
}

/// How far a ban has come, in a word.
pub(crate) fn state(row: &BanRow) -> &'static str {
    match row.held {
        Held::Asked => "asked",
        Held::Kernel => "kernel",
        Held::Synced => "synced",
    }
}

/// How far a ban has come, in a sentence's end.
pub(crate) fn state_in_words(row: &BanRow) -> &'static str {
    match row.held {
        Held::Asked => "not yet acknowledged by the kernel",
        Held::Kernel => "acknowledged by the kernel, not yet synced to the ledger",
        Held::Synced => "acknowledged by the kernel and synced",
    }
}
