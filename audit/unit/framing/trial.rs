//! One filter under trial: the lines that its service may write, looked at as the watcher would.
//!
//! In: a line with fields, fillings. Out: who is accused, and whether the line counts. What a watcher does to a line
//! (cut at newlines, skip above `LONGEST`) is done here too.

use super::super::crooked::Crooked;
use super::super::filters::ALL;
use super::filling::Pool;
use super::written::{self, Kind, PEERS, Written};
use bailiff::shared::base::lines::LONGEST;
use bailiff::shared::pure::addr::Addr;
use bailiff::shared::pure::engine::{self, Line, Modes};
use bailiff::shared::pure::filter::{FILTERS, Match};
use bailiff::shared::pure::form::before;
use bailiff::shared::pure::{header, program};

/// One line as the watcher hands it out; `None` instead of one that is too long.
fn pieces(line: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    line.split(|b| *b == b'\n').map(|piece| {
        let piece = piece.strip_suffix(b"\r").unwrap_or(piece);
        (piece.len() <= LONGEST).then_some(piece)
    })
}

/// The program that a line names, if it has a syslog header.
fn program(line: &[u8]) -> Option<&[u8]> {
    header::syslog(line).map(|head| head.program)
}

/// Files that a syslog daemon writes: a line without its header stands in none of them.
const BY_SYSLOG: [&str; 12] = [
    "/var/log/syslog",
    "/var/log/messages",
    "/var/log/auth.log",
    "/var/log/secure",
    "/var/log/mail.log",
    "/var/log/mail.info",
    "/var/log/mail.err",
    "/var/log/mail.warn",
    "/var/log/maillog",
    "/var/log/daemon.log",
    "/var/log/user.log",
    "/var/log/kern.log",
];

/// A filter under trial.
pub(crate) struct Trial {
    pub(crate) number: u8,
    /// The modes an operator may name.
    modes: Vec<u8>,
}

/// What filters make of one line.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Who is accused though he is not the peer: by which filter, in which modes.
    pub(crate) framed: Option<(u8, u8, Match)>,
    /// The modes in which the filter under trial counts it, `ALL` first.
    pub(crate) counted: Vec<u8>,
    pub(crate) overlong: bool,
}

impl Trial {
    pub(crate) fn new(number: u8) -> Self {
        let mut modes: Vec<u8> = FILTERS[usize::from(number)].modes.iter().map(|m| m.bits).collect();
        modes.sort_unstable();
        modes.dedup();
        Self { number, modes }
    }

    /// The filters that may be given this line, all modes on: those that follow a file where it stands, and, where
    /// syslog distributes it, those that look at its program. Of an example this one alone: what one filter calls
    /// free may hold what the service writes, and another filter relies on.
    pub(crate) fn readers_of(&self, written: &Written) -> Modes {
        let mut readers: Modes = [0; 256];
        readers[usize::from(self.number)] = ALL;
        if written.kind == Kind::Example {
            return readers;
        }
        let line = written.line(PEERS[0], &[]);
        let program = program(&line);
        let own = FILTERS[usize::from(self.number)].logs;
        for (reader, other) in readers.iter_mut().zip(FILTERS) {
            let is_place = |log: &str| program.is_some() || !BY_SYSLOG.contains(&log);
            let follows = other.logs.iter().any(|l| own.contains(l) && is_place(l));
            let owns = |name: &[u8]| other.programs.iter().any(|p| program::is_own(p.as_bytes(), name));
            if follows || other.headers & before::SYSLOG != 0 && program.is_some_and(owns) {
                *reader = ALL;
            }
        }
        readers
    }

    /// A line break that the service lets through makes a line of its own: then the filter must say `forged`.
    pub(crate) fn judge(&self, readers: &Modes, line: &[u8], peers: &[Addr]) -> Outcome {
        let mut outcome = Outcome::default();
        let is_broken = line.contains(&b'\n');
        let is_wrong = |number: u8, hit: &Match| {
            let may_be_forged = is_broken && !FILTERS[usize::from(number)].forged.is_empty();
            !peers.contains(&hit.addr) && !may_be_forged
        };
        for piece in pieces(line) {
            let Some(piece) = piece else {
                outcome.overlong = true;
                continue;
            };
            engine::scan_all(readers, piece, |number, hit| {
                if number == self.number {
                    outcome.counted.push(ALL);
                }
                if is_wrong(number, &hit) {
                    outcome.framed = Some((number, ALL, hit));
                }
            });
            let read = Line::new(FILTERS[usize::from(self.number)].headers, piece);
            for modes in &self.modes {
                let Some(hit) = read.scan(self.number, *modes) else { continue };
                outcome.counted.push(*modes);
                if is_wrong(self.number, &hit) {
                    outcome.framed = Some((self.number, *modes, hit));
                }
            }
        }
        outcome
    }

    /// The modes in which an honest line counts: the default ones, or all.
    pub(crate) fn honest(&self, readers: &Modes, written: &Written) -> Option<u8> {
        let peers: Vec<Addr> = PEERS.iter().filter_map(|p| Addr::parse(p.as_bytes())).collect();
        let counted = self.judge(readers, &written.line(PEERS[0], &[]), &peers).counted;
        let default = FILTERS[usize::from(self.number)].default_modes;
        [default, ALL].into_iter().find(|m| counted.contains(m))
    }
}

/// Fillings for a line's fields: for one of them, for several, one text in all, or one over two. Fields of one name
/// hold the same.
pub(crate) fn fillings(random: &mut Crooked, pool: &Pool<'_>, written: &Written) -> Vec<Option<Vec<u8>>> {
    let mut names: Vec<&str> = written.fields().map(|f| f.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let chosen = random.pick(&names);
    let whole = pool.filling(random);
    let (front, behind) = whole.split_at(random.below(whole.len() as u64 + 1) as usize);
    let way = random.below(8);
    let mut chosen_text = |name: &str| match way {
        _ if name == chosen && way != 1 => Some(whole.clone()),
        0 => Some(whole.clone()),
        1 => Some(if name == chosen { front.to_vec() } else { behind.to_vec() }),
        2..5 => (random.below(2) == 0).then(|| pool.filling(random)),
        _ => None,
    };
    let texts: Vec<Option<Vec<u8>>> = names.iter().map(|name| chosen_text(name)).collect();
    let keeps_end = random.below(2) == 0;
    let filled = |field: &written::Field| {
        let at = names.binary_search(&field.name.as_str()).ok()?;
        let text = field.written(texts[at].as_ref()?, keeps_end);
        if written.kind == Kind::Example && text.trim_ascii().is_empty() {
            // The rest of a message that the service itself writes is not empty.
            return None;
        }
        let is_partly = written.kind == Kind::Example && random.below(2) == 0;
        Some(if is_partly { written::within(random, &field.harmless, &text) } else { text })
    };
    written.fields().map(filled).collect()
}
