//! All that is known of one address, in sentences.
//!
//! Runs in: the client. In: the reply to `explain`, the configuration, the log. Out: text. Never: says more
//! than a record says.
use super::evidence;
use super::legend::Legend;
use super::show::{Log, Net, Quoted, state_in_words};
use super::time::{Span, Until, Utc};
use bailiff::shared::pure::addr::{Addr, Prefix};
use bailiff::shared::pure::wire::control::{BanRow, Origin, TallyRow};
use core::fmt::{Result, Write};

/// Explains this address.
pub(crate) fn explain(w: &mut dyn Write, legend: &Legend<'_>, addr: &Addr) -> Result {
    let address = Prefix::around(*addr, addr.bits());
    if legend.answer.bans.iter().next().is_none() {
        writeln!(w, "{} is not banned.", Net(&address))?;
    }
    legend.answer.bans.iter().try_for_each(|row| ban(w, legend, &address, row))?;
    legend.answer.tallies.iter().try_for_each(|row| tally(w, legend, row))?;
    let unclaimed =
        |net: &Prefix, jail: u8| !legend.answer.bans.iter().any(|b| b.jail == jail && b.prefix == *net);
    for (jail, net, _) in
        legend.answer.kernel.iter().filter(|(j, net, left)| left.is_some() && unclaimed(net, *j))
    {
        writeln!(
            w,
            "The kernel holds {} in {}, of which the ledger does not know.",
            Net(net),
            Quoted(legend.jail(*jail))
        )?;
    }
    if let Some(net) = legend.never_ban(addr) {
        writeln!(w, "It is never banned: never_ban of the configuration names {}.", Net(net))?;
    }
    Ok(())
}

fn ban(w: &mut dyn Write, legend: &Legend<'_>, address: &Prefix, row: &BanRow) -> Result {
    let jail = Quoted(legend.jail(row.jail));
    if row.prefix == *address {
        write!(w, "{} is banned in {jail}", Net(address))?;
    } else {
        write!(w, "{} lies in {}, which is banned in {jail}", Net(address), Net(&row.prefix))?;
    }
    write!(w, " since {}", Utc(row.since_s))?;
    match legend.left_s(row) {
        Some(left_s) => writeln!(w, " until {} ({} left).", Until(row.end_s), Span(left_s))?,
        None => writeln!(w, " for ever.")?,
    }
    match row.origin {
        Origin::Operator => writeln!(w, "An operator asked for it.")?,
        Origin::Filter => why(w, legend, row)?,
    }
    write!(w, "It is {}", state_in_words(row))?;
    match legend.answer.kernel_of(row) {
        None => writeln!(w, "."),
        Some(None) => writeln!(w, ". The kernel does NOT hold it now."),
        Some(Some(0)) => writeln!(w, ". The kernel holds it for ever."),
        Some(Some(left_s)) => writeln!(w, ". The kernel holds it for {} more.", Span(left_s.into())),
    }
}

/// What a filter's ban rests on.
fn why(w: &mut dyn Write, legend: &Legend<'_>, row: &BanRow) -> Result {
    let plural = if row.failures == 1 { "" } else { "s" };
    write!(w, "{} failure{plural} decided it", row.failures)?;
    match legend.rule(row) {
        Some((filter, rule)) => {
            writeln!(w, ", the last by the rule filters/{}.filter:{}", filter.name, rule.line)?;
            writeln!(w, "    {}", Quoted(rule.text.as_bytes()))?;
        }
        None => writeln!(w, ", the last by rule {} of its filter,", row.rule)?,
    }
    write!(w, "which took the line at byte {} of {}", row.offset, Log(legend, row.source))?;
    let mut buf = [0; evidence::ROOM];
    let path = legend.source(row.source);
    match path.and_then(|path| evidence::line(path.bytes(), row.offset, &row.prefix, &mut buf)) {
        Some(line) => writeln!(w, "{}\n    {}", line.suffix, Quoted(line.text)),
        None => writeln!(w, " (not there any more, or not to be read by you)."),
    }
}

/// Failures that have not led to a ban.
fn tally(w: &mut dyn Write, legend: &Legend<'_>, row: &TallyRow) -> Result {
    write!(w, "{} has {} failures", Net(&row.prefix), row.failures)?;
    if let Some(jail) = legend.answer.jail(row.jail) {
        write!(w, " of {} within {}", jail.maxretry, Span(jail.findtime_s.into()))?;
    }
    writeln!(w, " in {}, the newest at {}.", Quoted(legend.jail(row.jail)), Utc(row.newest_ms / 1000))
}
