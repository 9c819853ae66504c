//! The filters there are, for people and for programs: the catalogue, and the operator's own.
//!
//! Runs in: the client. In: the catalogue; the operator's own filters, by `own`. Out: a table, JSON, one filter's file, or
//! whether it is accepted. Never: reads a log.
use super::choice::mode_name;
use super::json::{Maybe, Str, array};
use super::out::Out;
use super::outcome::{GOOD, SYSTEM, USAGE};
use super::own;
use super::patterns::{File, Written, catalogue};
use super::show::{Plain, Quoted};
use super::words::Command;
use alloc::vec::Vec;
use core::fmt::{Result, Write};

/// `filters`, `filters show NAME`, `filters check NAME`; the exit code.
pub(crate) fn filters(command: &Command<'_>, out: &mut Out, err: &mut Out) -> u8 {
    let (config, mut code) = (command.config(), GOOD);
    let printed = match command.operands {
        [None, _] => {
            let mut all: Vec<Written> = catalogue().collect();
            code = own::append(&mut all, config, err);
            Ok(if command.json { list_json(out, &all) } else { list(out, &all) })
        }
        [Some(b"show"), Some(name)] => own::text(name, config).map(|text| write!(out, "{}", Plain(text))),
        [Some(b"check"), Some(name)] => own::find(name, config).map(|written| match command.json {
            true => list_json(out, &[written]),
            false => check(out, &written),
        }),
        [Some(word), _] => {
            let _ =
                writeln!(err, "bailiff: {}: expected nothing, or show or check and a filter", Quoted(word));
            return USAGE;
        }
    };
    match printed {
        Ok(Ok(())) => code,
        Ok(Err(_)) => SYSTEM,
        Err(wrong) => wrong.say(err),
    }
}

fn list(w: &mut dyn Write, all: &[Written]) -> Result {
    writeln!(w, "{:<24} {:<40} {:<28} LOG", "FILTER", "MODES (* the default)", "PORTS")?;
    all.iter().try_for_each(|written| row(w, written))?;
    if all.iter().any(|written| !written.filter.forged.is_empty()) {
        writeln!(
            w,
            "\n(forged): others can forge its lines or their sources; a jail on it bans only where the operator insists"
        )?;
    }
    Ok(())
}

fn row(w: &mut dyn Write, written: &Written) -> Result {
    let filter = written.filter;
    let default = mode_name(filter, filter.default_modes);
    let modes = filter.modes.iter().map(|m| (m.name, if m.name == default { "*" } else { "" }));
    write!(w, "{:<24} ", filter.name)?;
    let mut width = 0usize;
    for (name, mark) in modes {
        write!(w, "{name}{mark} ")?;
        width = width.saturating_add(name.len()).saturating_add(mark.len()).saturating_add(1);
    }
    (width..41).try_for_each(|_| w.write_char(' '))?;
    width = 0;
    for port in filter.ports {
        write!(w, "{port} ")?;
        width = width.saturating_add(port.checked_ilog10().unwrap_or(0) as usize).saturating_add(2);
    }
    (width..29).try_for_each(|_| w.write_char(' '))?;
    write!(w, "{}", filter.logs.first().unwrap_or(&"-"))?;
    write!(w, "{}", if filter.forged.is_empty() { "" } else { " (forged)" })?;
    if written.own.is_some() {
        write!(w, " (own: {})", File(written))?;
    }
    writeln!(w)
}

/// What is known of a filter that is accepted: every line in it was tried.
fn check(w: &mut dyn Write, written: &Written) -> Result {
    let filter = written.filter;
    let patterns = filter.rules.iter().filter(|rule| rule.weight > 0).count();
    writeln!(w, "{}: accepted: {patterns} patterns; every hit and miss in it holds", File(written))?;
    if !filter.forged.is_empty() {
        writeln!(w, "A jail on it bans only where the operator insists; forged: {}.", Plain(filter.forged))?;
    }
    Ok(())
}

fn list_json(w: &mut dyn Write, all: &[Written]) -> Result {
    let string = |s: &'static str| Str(s.as_bytes());
    array(w, all.iter(), |w, written| {
        let filter = written.filter;
        write!(w, "{{\"filter\":{},\"modes\":", string(filter.name))?;
        list_of(w, filter.modes.iter().map(|m| string(m.name)))?;
        write!(w, ",\"default\":{},\"ports\":", string(mode_name(filter, filter.default_modes)))?;
        list_of(w, filter.ports.iter())?;
        write!(w, ",\"logs\":")?;
        list_of(w, filter.logs.iter().map(|l| string(l)))?;
        write!(w, ",\"journal\":")?;
        list_of(w, filter.journal.iter().map(|j| string(j)))?;
        let forged = Some(filter.forged).filter(|f| !f.is_empty()).map(string);
        write!(w, ",\"forged\":{},\"patterns\":{}", Maybe(forged), filter.rules.len())?;
        write!(w, ",\"file\":{}}}", Maybe(written.own.map(|own| Str(own.file))))
    })?;
    w.write_char('\n')
}

/// Values in brackets, on one line.
fn list_of(w: &mut dyn Write, items: impl Iterator<Item = impl core::fmt::Display>) -> Result {
    w.write_char('[')?;
    for (nth, item) in items.enumerate() {
        write!(w, "{}{item}", if nth == 0 { "" } else { "," })?;
    }
    w.write_char(']')
}
