//! How a request ended, in words and as an exit code.
//!
//! Runs in: the client. In: the end of a reply. Out: one sentence, one code. Never: calls done what is not.
use super::legend::Legend;
use super::show::{Net, Quoted, state_in_words};
use super::time::Until;
use super::words::Command;
use bailiff::shared::pure::wire::control::{Ask, Done};
use bailiff::shared::pure::wire::terms::MANUAL_NAME;
use bailiff::shared::pure::wire::verdict::Refusal;
use bailiff::shims::errno::Errno;
use core::fmt::{Display, Formatter, Result, Write};

/// As asked.
pub(crate) const GOOD: u8 = 0;
/// There is no such ban.
pub(crate) const NOT_BANNED: u8 = 1;
/// The guard refused.
pub(crate) const REFUSED: u8 = 2;
/// The words, or the configuration, are not what was expected.
pub(crate) const USAGE: u8 = 100;
/// The kernel or the daemon failed.
pub(crate) const SYSTEM: u8 = 111;

/// The exit code of this end, and a word for programs. To explain an address that nothing is known of is
/// done.
pub(crate) fn code(ask: Ask, done: Done) -> (u8, &'static str) {
    match done {
        Done::Good(0) | Done::Absent if ask == Ask::Unban => (NOT_BANNED, "absent"),
        Done::Good(_) => (GOOD, "done"),
        Done::Absent if ask == Ask::Explain => (GOOD, "done"),
        Done::Absent => (NOT_BANNED, "absent"),
        Done::Refused(_) => (REFUSED, "refused"),
        Done::Kernel(_) => (SYSTEM, "kernel"),
        Done::NoJail => (USAGE, "no jail"),
        Done::NotHere => (SYSTEM, "not here"),
        Done::Busy => (SYSTEM, "busy"),
        Done::Dry => (GOOD, "dry"),
    }
}

/// The kernel's name for an error, and its number.
pub(crate) struct Error(pub(crate) Errno);

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let name = self.0.name();
        write!(f, "{name}{}error {}", if name.is_empty() { "" } else { ", " }, self.0.0)
    }
}

/// Says what became of a request that was not `Good`.
pub(crate) fn failure(w: &mut dyn Write, command: &Command<'_>, done: Done) -> Result {
    let prefix = command.prefix.unwrap_or_default();
    let net = Net(&prefix);
    match done {
        Done::Refused(refusal) => {
            let is = if prefix.len == prefix.addr.bits() { "is" } else { "holds" };
            let (verb, reason) = reason(refusal);
            writeln!(w, "refused: {net} {}{reason}", if verb { is } else { "" })
        }
        Done::Kernel(errno) => writeln!(w, "the kernel refused: {}", Error(Errno(errno))),
        Done::Absent | Done::Good(_) => {
            write!(w, "not banned: {net}")?;
            command.jail.map_or(Ok(()), |jail| write!(w, " in {}", Quoted(jail.bytes())))?;
            writeln!(w, "; `bailiff explain` tells what is known of an address")
        }
        Done::NoJail => {
            let named = command.jail.as_ref().map_or(MANUAL_NAME, |jail| jail.bytes());
            writeln!(w, "{}: expected a jail that the daemon has; `bailiff jails` names them", Quoted(named))
        }
        Done::NotHere => writeln!(w, "the daemon does not take this request on this socket"),
        Done::Busy => writeln!(w, "the daemon has too much under way; try again"),
        Done::Dry => writeln!(w, "dry run: the guard admits it, nothing was sent to the firewall"),
    }
}

/// Why, and whether "is" or "holds" stands before it.
fn reason(refusal: Refusal) -> (bool, &'static str) {
    match refusal {
        Refusal::NeverBan => (false, "meets a never-ban network of the configuration"),
        Refusal::Special => (true, " a loopback, unspecified, multicast or link-local address"),
        Refusal::OwnAddress => (true, " an address of this host"),
        Refusal::Gateway => (true, " this host's gateway"),
        Refusal::TooWide => {
            (false, "is wider than the configuration allows, or of a length that no jail bans by")
        }
        Refusal::TooLong => (false, "would be banned for longer than the configuration allows"),
        Refusal::Rate => {
            (false, "came in a second that has brought as many verdicts as the configuration allows")
        }
        Refusal::Jail => (false, "is for a jail that the enforcer does not have"),
    }
}

/// Says what a ban or an unban that was `Good` has changed.
pub(crate) fn success(w: &mut dyn Write, legend: &Legend<'_>, command: &Command<'_>, count: u32) -> Result {
    let ban = command.ask() == Ask::Ban;
    let verb = if ban { "banned" } else { "unbanned" };
    let asked = command.jail.as_ref().map_or(MANUAL_NAME, |jail| jail.bytes());
    for row in legend.answer.bans.iter() {
        let jail = if ban { asked } else { legend.jail(row.jail) };
        write!(w, "{verb} {} in {}", Net(&row.prefix), Quoted(jail))?;
        if ban {
            write!(
                w,
                "{}{}, {}",
                if row.end_s == 0 { " " } else { " until " },
                Until(row.end_s),
                state_in_words(row)
            )?;
        }
        writeln!(w)?;
    }
    if legend.answer.bans.iter().next().is_some() {
        return Ok(());
    }
    write!(w, "{verb} {}", Net(&command.prefix.unwrap_or_default()))?;
    match command.jail {
        None if !ban => write!(w, " in every jail")?,
        _ => write!(w, " in {}", Quoted(asked))?,
    }
    if count > 1 { writeln!(w, ": {count} bans") } else { writeln!(w) }
}
