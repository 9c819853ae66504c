//! The catalogue of filters, for people and for programs.
//!
//! Runs in: the client. In: the catalogue. Out: a table, JSON, or one filter's file as it was compiled. Never:
//! reads a file.
use super::choice::{Wrong, mode_name};
use super::json::{Maybe, Str, array};
use super::out::Out;
use super::outcome::{GOOD, SYSTEM, USAGE};
use super::patterns::text;
use super::show::Quoted;
use super::words::Command;
use bailiff::shared::pure::filter::{FILTERS, Filter, named};
use core::fmt::{Result, Write};

/// `filters`, `filters show NAME`; the exit code.
pub(crate) fn filters(command: &Command<'_>, out: &mut Out, err: &mut Out) -> u8 {
    let printed = match command.operands {
        [None, _] if command.json => list_json(out),
        [None, _] => list(out),
        [Some(b"show"), Some(name)] => match named(name) {
            Some(number) => out.write_str(text(number)),
            None => {
                let _ = writeln!(err, "bailiff: {}", Wrong::Filter(name));
                return USAGE;
            }
        },
        [Some(word), _] => {
            let _ = writeln!(err, "bailiff: {}: expected nothing, or show and a filter's name", Quoted(word));
            return USAGE;
        }
    };
    if printed.is_ok() { GOOD } else { SYSTEM }
}

fn list(w: &mut dyn Write) -> Result {
    writeln!(w, "{:<24} {:<40} {:<28} LOG", "FILTER", "MODES (* the default)", "PORTS")?;
    FILTERS.iter().try_for_each(|filter| row(w, filter))?;
    if FILTERS.iter().any(|f| !f.forged.is_empty()) {
        writeln!(
            w,
            "\n(forged): others can forge its lines or their sources; a jail on it bans only where the operator insists"
        )?;
    }
    Ok(())
}

fn row(w: &mut dyn Write, filter: &Filter) -> Result {
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
    writeln!(w, "{}", if filter.forged.is_empty() { "" } else { " (forged)" })
}

fn list_json(w: &mut dyn Write) -> Result {
    let string = |s: &'static str| Str(s.as_bytes());
    array(w, FILTERS.iter(), |w, filter| {
        write!(w, "{{\"filter\":{},\"modes\":", string(filter.name))?;
        list_of(w, filter.modes.iter().map(|m| string(m.name)))?;
        write!(w, ",\"default\":{},\"ports\":", string(mode_name(filter, filter.default_modes)))?;
        list_of(w, filter.ports.iter())?;
        write!(w, ",\"logs\":")?;
        list_of(w, filter.logs.iter().map(|l| string(l)))?;
        write!(w, ",\"journal\":")?;
        list_of(w, filter.journal.iter().map(|j| string(j)))?;
        let forged = Some(filter.forged).filter(|f| !f.is_empty()).map(string);
        write!(w, ",\"forged\":{},\"patterns\":{}}}", Maybe(forged), filter.rules.len())
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
