//! The report on a log, for people.
//!
//! Runs in: the client. In: a `Report`. Out: text. Never: prints a stranger's byte unquoted.
use super::choice::mode_name;
use super::hits::{Sample, kept};
use super::moment::Moment;
use super::patterns::{File, Written};
use super::report::Report;
use super::show::{Net, Plain, Quoted};
use super::tallies::{Limits, Tally};
use super::time::{Span, Term};
use bailiff::shared::base::lines::LONGEST;
use bailiff::shared::pure::addr::Prefix;
use bailiff::shared::pure::filter::FILTERS;
use core::fmt::{Display, Formatter, Result, Write};

/// Addresses that are shown unless all are asked for.
const TOP: usize = 20;
/// Shapes that are shown.
const SHAPES: usize = 10;

/// Prints it all.
pub(crate) fn summary(w: &mut dyn Write, report: &mut Report<'_>, all: bool) -> Result {
    report.tallies.sort();
    figures(w, report)?;
    let mut suspects = 0u64;
    for written in report.choice.filters() {
        section(w, report, &written, all)?;
        suspects = suspects.saturating_add(shapes(w, report, &written)?);
    }
    if report.tallies.untold > 0 {
        writeln!(
            w,
            "\nthe table of addresses is full: {} matches of further ones are not told apart",
            report.tallies.untold
        )?;
    }
    verdict(w, report, suspects)
}

fn figures(w: &mut dyn Write, report: &Report<'_>) -> Result {
    let f = report.figures;
    match report.choice.filter {
        Some(Written { filter, .. }) => {
            writeln!(w, "{}, mode {}", filter.name, mode_name(filter, report.choice.modes))?;
            writeln!(w, "{:>12} lines", f.lines)?;
            writeln!(w, "{:>12} match", f.matches)?;
            writeln!(w, "{:>12} are of its service, and ignored on purpose", f.ignored)?;
            write!(w, "{:>12} are of its service, and no pattern takes them", f.untaken)?;
            if f.other_mode > 0 {
                write!(w, "; {} of them count in another mode", f.other_mode)?;
            }
            writeln!(w, "\n{:>12} are of others", f.foreign)?;
        }
        None => {
            writeln!(w, "all {} filters, each in its default mode", FILTERS.len())?;
            writeln!(w, "{:>12} lines", f.lines)?;
            writeln!(w, "{:>12} match", f.matches)?;
        }
    }
    if f.long > 0 {
        writeln!(w, "{:>12} are longer than {LONGEST} bytes, and never looked at", f.long)?;
    }
    Ok(())
}

/// One filter that took something.
fn section(w: &mut dyn Write, report: &Report<'_>, written: &Written, all: bool) -> Result {
    let Written { number, filter, .. } = *written;
    let Some(count) = report.counts.get(usize::from(number)).filter(|c| c.matches > 0) else { return Ok(()) };
    if report.choice.filter.is_none() {
        let mode = mode_name(filter, filter.default_modes);
        writeln!(w, "\n== {}, mode {mode}: {} matches", filter.name, count.matches)?;
    }
    writeln!(w, "\n{:>12}  PATTERN, by its line in {}, and one line that it took", "HITS", File(written))?;
    for (at, rule) in (0..).zip(filter.rules) {
        let Some((hits, sample)) = report.hits.of(number, at) else { continue };
        writeln!(w, "{hits:>12}  {}: {}", rule.line, Plain(rule.text))?;
        writeln!(w, "{:>12}      {}", "", Cut(sample))?;
    }
    let Some(limits) = report.limits.get(usize::from(number)) else { return Ok(()) };
    let known = count.timeless == 0;
    writeln!(w, "\n{:<40} {:>9}  {:<25} {:<25} WOULD BE BANNED", "ADDRESS", "ATTEMPTS", "FIRST", "LAST")?;
    let most = if all { usize::MAX } else { TOP };
    for tally in report.tallies.of(number).take(most) {
        address(w, &tally, is_never(report.never_ban, &tally), known)?;
    }
    let more = report.tallies.of(number).count().saturating_sub(most);
    if more > 0 {
        writeln!(w, "... and {more} more; --all shows them")?;
    }
    writeln!(w)?;
    bans(w, report, written, limits, known)?;
    if !filter.forged.is_empty() {
        writeln!(
            w,
            "A jail on this filter bans only where the operator insists; forged: {}.",
            Plain(filter.forged)
        )?;
    }
    Ok(())
}

fn is_never(never_ban: &[Prefix], tally: &Tally) -> bool {
    never_ban.iter().any(|p| p.meets(&tally.net()))
}

fn address(w: &mut dyn Write, tally: &Tally, never: bool, known: bool) -> Result {
    let alone = Prefix::around(tally.addr, tally.addr.bits());
    let net = if tally.several { tally.net() } else { alone };
    write!(
        w,
        "{:<40} {:>9}  {:<25} {:<25}",
        Net(&net),
        tally.attempts,
        Packed(tally.first),
        Packed(tally.last)
    )?;
    match (known, never, tally.bans) {
        (false, ..) => writeln!(w, " unknown"),
        (_, true, _) => writeln!(w, " never: never_ban names it"),
        (.., 0) => writeln!(w, " no"),
        (.., 1) => writeln!(w, " yes"),
        (.., bans) => writeln!(w, " yes, {bans} times"),
    }
}

/// What would be banned under the present limits.
fn bans(w: &mut dyn Write, report: &Report<'_>, written: &Written, limits: &Limits, known: bool) -> Result {
    let Written { number, filter, .. } = *written;
    match &limits.jail {
        Some((name, _)) => write!(w, "With the limits of jail {}", Quoted(name.bytes()))?,
        None => write!(w, "With the default limits")?,
    }
    write!(w, " ({} failures within {}", limits.maxretry, Span(limits.findtime_s.into()))?;
    write!(w, ", bans of {}): ", Term(limits.bantime_s.into()))?;
    let tallies = || report.tallies.of(number).filter(|t| !is_never(report.never_ban, t));
    let all = report.tallies.of(number).count();
    if known {
        let (nets, bans) = tallies().fold((0u64, 0u64), |(nets, bans), t| {
            (nets.saturating_add((t.bans > 0).into()), bans.saturating_add(t.bans.into()))
        });
        writeln!(w, "{nets} of {all} would have been banned; bans in all: {bans}.")?;
    } else {
        let enough = tallies().filter(|t| t.attempts >= limits.maxretry.into()).count();
        write!(w, "not every line says when it was written, so nobody can say who would have been banned;")?;
        writeln!(w, " {enough} of {all} have so many failures.")?;
    }
    let modes = if report.choice.filter.is_some() { report.choice.modes } else { filter.default_modes };
    match &limits.jail {
        None if report.choice.filter.is_some() => {
            writeln!(w, "No jail has this filter, or the configuration cannot be read.")
        }
        Some((name, other)) if *other != modes => {
            let mode = mode_name(filter, *other);
            writeln!(
                w,
                "Jail {} has mode {mode}: see `bailiff test {}[mode={mode}]`.",
                Quoted(name.bytes()),
                filter.name
            )
        }
        _ => Ok(()),
    }
}

/// Lines that look like failures; how many.
fn shapes(
    w: &mut dyn Write,
    report: &mut Report<'_>,
    Written { number, filter, .. }: &Written,
) -> core::result::Result<u64, core::fmt::Error> {
    let (mut lines, mut printed) = (0u64, Ok(()));
    let more = report.shapes.of(*number, SHAPES, |count, sample| {
        if lines == 0 && printed.is_ok() {
            printed = writeln!(
                w,
                "\nLines of {} that no pattern takes and that look like failures, by their shape:",
                filter.name
            );
        }
        lines = lines.saturating_add(count);
        printed = printed.and_then(|()| writeln!(w, "{count:>12}  {}", Cut(sample)));
    });
    printed?;
    if more > 0 {
        writeln!(w, "... and {more} more shapes")?;
    }
    Ok(lines)
}

fn verdict(w: &mut dyn Write, report: &Report<'_>, suspects: u64) -> Result {
    let f = report.figures;
    write!(w, "\nverdict: ")?;
    match (f.lines, f.matches, f.untaken.saturating_add(f.ignored)) {
        (0, ..) => write!(w, "the log is empty")?,
        (_, 0, _) if report.choice.filter.is_none() => write!(w, "nothing matches")?,
        (_, 0, 0) => write!(w, "nothing matches, and no line is of the service: is this its log?")?,
        (_, 0, _) => write!(w, "nothing matches, though there are lines of the service")?,
        (lines, matches, _) => write!(w, "{matches} of {lines} lines match")?,
    }
    match suspects {
        0 => writeln!(w),
        _ => writeln!(
            w,
            "; {suspects} more look like failures: does the filter lack a pattern, or is it the mode?"
        ),
    }
}

/// What was kept of a line.
struct Cut<'a>(&'a Sample);

impl Display for Cut<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let (text, is_cut) = kept(self.0);
        write!(f, "{}{}", Quoted(text), if is_cut { "..." } else { "" })
    }
}

/// A time, or that there is none.
struct Packed(u64);

impl Display for Packed {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.0 == 0 { f.pad("-") } else { Moment::unpack(self.0).fmt(f) }
    }
}
