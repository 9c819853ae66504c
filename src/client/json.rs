//! The same for programs: JSON, ASCII only, one value per command; in arrays one object per line.
//!
//! Runs in: the client. In: records of a reply. Out: JSON (RFC 8259), valid whatever the records hold. Times
//! are seconds since 1970, `null` is for ever, or not known. Never: ends an array whose reply did not come
//! whole.
use super::evidence;
use super::legend::{Legend, filter, mode, name};
use super::outcome::code;
use super::show::{Address, FIGURES, origin, state};
use bailiff::shared::pure::addr::{Addr, Prefix};
use bailiff::shared::pure::wire::control::{Ask, BanRow, Done, Figure, JailRow, Origin, SourceRow, TallyRow};
use bailiff::shared::pure::wire::terms::NO_FILTER;
use core::fmt::{Display, Formatter, Result, Write};

/// Bytes as a JSON string; what is not UTF-8 becomes U+FFFD.
pub(crate) struct Str<'a>(pub(crate) &'a [u8]);

impl Display for Str<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_char('"')?;
        for chunk in self.0.utf8_chunks() {
            chunk.valid().chars().try_for_each(|c| escaped(f, c))?;
            if !chunk.invalid().is_empty() {
                f.write_str("\\ufffd")?;
            }
        }
        f.write_char('"')
    }
}

fn escaped(f: &mut Formatter<'_>, c: char) -> Result {
    match c {
        '"' | '\\' => write!(f, "\\{c}"),
        ' '..='~' => f.write_char(c),
        _ => c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(f, "\\u{unit:04x}")),
    }
}

/// A value, or `null`.
pub(crate) struct Maybe<T>(pub(crate) Option<T>);

impl<T: Display> Display for Maybe<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("null"),
        }
    }
}

/// Writes items with `,` and a new line between them, in brackets.
pub(crate) fn array<T>(
    w: &mut dyn Write,
    items: impl Iterator<Item = T>,
    mut each: impl FnMut(&mut dyn Write, T) -> Result,
) -> Result {
    w.write_char('[')?;
    for (i, item) in items.enumerate() {
        w.write_str(if i == 0 { "\n" } else { ",\n" })?;
        each(w, item)?;
    }
    w.write_char(']')
}

/// `status`.
pub(crate) fn status(w: &mut dyn Write, legend: &Legend<'_>) -> Result {
    let figure = |figure| legend.answer.figure(figure);
    let dry = figure(Figure::DryRun).map(|dry| dry != 0);
    write!(w, "{{\"uptime_s\":{},\"dry_run\":{}", Maybe(figure(Figure::Uptime)), Maybe(dry))?;
    w.write_str(",\n\"figures\":{")?;
    let known = FIGURES.iter().filter_map(|(number, label)| Some((label, figure(*number)?)));
    for (i, (label, value)) in known.enumerate() {
        w.write_str(if i == 0 { "\"" } else { ",\"" })?;
        label.chars().try_for_each(|c| w.write_char(if c == ' ' { '_' } else { c }))?;
        write!(w, "\":{value}")?;
    }
    w.write_str("},\n\"jails\":")?;
    array(w, legend.answer.jails.iter(), jail)?;
    w.write_str(",\n\"sources\":")?;
    array(w, legend.answer.sources.iter(), |w, row| source(w, legend, row))?;
    w.write_str("}\n")
}

fn source(w: &mut dyn Write, legend: &Legend<'_>, row: &SourceRow) -> Result {
    let path = legend.source(row.source).map(|path| Str(path.bytes()));
    write!(w, "{{\"source\":{},\"path\":{},\"open\":{}", row.source, Maybe(path), row.open)?;
    write!(w, ",\"lines\":{},\"matches\":{},\"overlong\":{}", row.lines, row.matches, row.overlong)?;
    write!(w, ",\"truncations\":{},\"lost_bytes\":{}}}", row.truncations, row.lost_bytes)
}

/// `jails`.
pub(crate) fn jails(w: &mut dyn Write, legend: &Legend<'_>) -> Result {
    array(w, legend.answer.jails.iter(), jail)?;
    w.write_char('\n')
}

fn jail(w: &mut dyn Write, row: &JailRow) -> Result {
    let text = |s: &'static str| Str(s.as_bytes());
    write!(w, "{{\"jail\":{},\"filter\":{}", Str(name(row)), Maybe(filter(row).map(|f| text(f.name))))?;
    write!(
        w,
        ",\"mode\":{},\"bans\":{},\"attempts\":{}",
        Maybe(mode(row).map(text)),
        row.bans,
        row.attempts
    )?;
    let counts = (row.filter != NO_FILTER).then_some(());
    write!(w, ",\"maxretry\":{}", Maybe(counts.map(|()| row.maxretry)))?;
    write!(w, ",\"findtime_s\":{}", Maybe(counts.map(|()| row.findtime_s)))?;
    write!(w, ",\"bantime_s\":{}}}", Maybe(counts.map(|()| row.bantime_s).filter(|s| *s != 0)))
}

/// One ban of `list`, which is the `nth`, from 0.
pub(crate) fn ban(w: &mut dyn Write, legend: &Legend<'_>, row: &BanRow, nth: u32) -> Result {
    w.write_str(if nth == 0 { "[\n{" } else { ",\n{" })?;
    fields(w, legend, row)?;
    w.write_char('}')
}

/// The end of `list` after so many bans.
pub(crate) fn end(w: &mut dyn Write, count: u32) -> Result {
    w.write_str(if count == 0 { "[]\n" } else { "\n]\n" })
}

fn network(w: &mut dyn Write, prefix: &Prefix) -> Result {
    write!(w, "\"address\":\"{}\",\"length\":{}", Address(&prefix.addr), prefix.len)
}

fn fields(w: &mut dyn Write, legend: &Legend<'_>, row: &BanRow) -> Result {
    network(w, &row.prefix)?;
    let until_s = (row.end_s != 0).then_some(row.end_s);
    write!(w, ",\"jail\":{},\"origin\":\"{}\"", Str(legend.jail(row.jail)), origin(row))?;
    write!(w, ",\"state\":\"{}\",\"since_s\":{}", state(row), row.since_s)?;
    write!(w, ",\"until_s\":{},\"left_s\":{}", Maybe(until_s), Maybe(legend.left_s(row)))?;
    let counted = (row.origin == Origin::Filter).then_some(row);
    write!(
        w,
        ",\"failures\":{},\"rule\":{}",
        Maybe(counted.map(|r| r.failures)),
        Maybe(counted.map(|r| r.rule))
    )?;
    write!(
        w,
        ",\"source\":{},\"offset\":{}",
        Maybe(counted.map(|r| r.source)),
        Maybe(counted.map(|r| r.offset))
    )
}

/// `explain`.
pub(crate) fn explain(w: &mut dyn Write, legend: &Legend<'_>, addr: &Addr) -> Result {
    let (bans, tallies) = (&legend.answer.bans, &legend.answer.tallies);
    write!(w, "{{\"address\":\"{}\",\"banned\":{}", Address(addr), bans.iter().next().is_some())?;
    match legend.never_ban(addr) {
        Some(net) => write!(w, ",\"never_ban\":\"{}/{}\"", Address(&net.addr), net.len)?,
        None => w.write_str(",\"never_ban\":null")?,
    }
    w.write_str(",\n\"bans\":")?;
    array(w, bans.iter(), |w, row| {
        w.write_char('{')?;
        fields(w, legend, row)?;
        grounds(w, legend, row)?;
        w.write_char('}')
    })?;
    w.write_str(",\n\"tallies\":")?;
    array(w, tallies.iter(), |w, row| tally(w, legend, row))?;
    w.write_str("}\n")
}

/// What a ban rests on, and what the kernel says of it.
fn grounds(w: &mut dyn Write, legend: &Legend<'_>, row: &BanRow) -> Result {
    let rule = legend.rule(row);
    write!(w, ",\"filter\":{}", Maybe(rule.map(|(filter, _)| Str(filter.name.as_bytes()))))?;
    write!(w, ",\"rule_line\":{}", Maybe(rule.map(|(_, rule)| rule.line)))?;
    write!(w, ",\"rule_text\":{}", Maybe(rule.map(|(_, rule)| Str(rule.text.as_bytes()))))?;
    let path = legend.source(row.source).filter(|_| row.origin == Origin::Filter);
    let mut buf = [0; evidence::ROOM];
    let line = path.and_then(|path| evidence::line(path.bytes(), row.offset, &row.prefix, &mut buf));
    write!(
        w,
        ",\"path\":{},\"line\":{}",
        Maybe(path.map(|p| Str(p.bytes()))),
        Maybe(line.map(|l| Str(l.text)))
    )?;
    let kernel = legend.answer.kernel_of(row);
    write!(w, ",\"in_kernel\":{}", Maybe(kernel.map(|left_s| left_s.is_some())))?;
    write!(w, ",\"kernel_left_s\":{}", Maybe(kernel.flatten().filter(|s| *s != 0)))
}

fn tally(w: &mut dyn Write, legend: &Legend<'_>, row: &TallyRow) -> Result {
    w.write_char('{')?;
    network(w, &row.prefix)?;
    write!(w, ",\"jail\":{},\"failures\":{}", Str(legend.jail(row.jail)), row.failures)?;
    let maxretry = legend.answer.jail(row.jail).map(|j| j.maxretry);
    write!(w, ",\"maxretry\":{},\"newest_ms\":{}}}", Maybe(maxretry), row.newest_ms)
}

/// What became of `ban` or `unban`.
pub(crate) fn outcome(w: &mut dyn Write, legend: &Legend<'_>, ask: Ask, done: Done) -> Result {
    let reason = match done {
        Done::Refused(refusal) => Some(Str(refusal.name().as_bytes())),
        _ => None,
    };
    write!(w, "{{\"outcome\":\"{}\",\"reason\":{},\"bans\":", code(ask, done).1, Maybe(reason))?;
    array(w, legend.answer.bans.iter(), |w, row| {
        w.write_char('{')?;
        fields(w, legend, row)?;
        w.write_char('}')
    })?;
    w.write_str("}\n")
}
