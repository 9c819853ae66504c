//! From the command line to a request.
//!
//! Runs in: the client. In: the operator's words. Out: a `Command`, or what was expected in place of a word.
//! Never: sends, looks a name up, passes over a word.
use super::config;
use super::show::Quoted;
use super::time::duration;
use bailiff::shared::pure::addr::{Addr, Prefix};
use bailiff::shared::pure::wire::control::{ANY_JAIL, Ask, Request};
use bailiff::shared::pure::wire::terms::Name;
use core::fmt::{Display, Formatter};

/// What `help` prints.
pub(crate) const HELP: &str = "\
usage: bailiff [--config FILE] [--socket DIR] [--json] COMMAND

  status                     what the daemon does: bans, jails, sources, figures
  jails                      the jails and their limits
  list [--jail J]            every ban in force
  explain ADDRESS            why this address is banned, or is not
  ban ADDRESS[/LEN] [--jail J] [--for 10m|1d12h|forever]
  unban ADDRESS[/LEN] [--jail J]
  test [FILTER[mode=M]] [FILE|-] [--all]
                             what a filter, or each, makes of a log; asks no daemon
  test FILTER[mode=M] --line TEXT
                             what a filter makes of one line, and why
  filters                    the filters there are, your own among them
  filters show|check FILTER  the text of one; whether one of your own is accepted
  audit verify FILE          whether the records of bailiff-cage are whole
  audit list-widened FILE    runs on the host's network, or widened with a reason
  version
  help

FILTER is a name, or a file of yours: NAME.filter
exit codes: 0 done, 1 not banned, no match or not whole, 2 refused, 100 usage, 111 system; see bailiff(1)
";

/// What the operator wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Verb {
    /// What the daemon is asked.
    Ask(Ask),
    /// The jails, of all that `status` is told.
    Jails,
    /// What filters make of a log.
    Test,
    /// The catalogue of filters.
    Filters,
    /// The records of bailiff-cage.
    Audit,
    /// This program's version.
    Version,
    /// `HELP`.
    #[default]
    Help,
}

/// A whole command line. One from `parse` has exactly the arguments that its verb takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Command<'a> {
    /// What to do.
    pub(crate) verb: Verb,
    /// The configuration file, if named.
    pub(crate) config: Option<&'a [u8]>,
    /// The directory of the sockets, if named.
    pub(crate) socket: Option<&'a [u8]>,
    /// Whether a program reads the answer.
    pub(crate) json: bool,
    /// The network (Explain: one address); `None` for verbs that take none.
    pub(crate) prefix: Option<Prefix>,
    /// The jail, if named.
    pub(crate) jail: Option<Name>,
    /// How long, in seconds, if said; 0 is for ever.
    pub(crate) duration_s: Option<u32>,
    /// What stands behind `test`, `filters` and `audit`.
    pub(crate) operands: [Option<&'a [u8]>; 2],
    /// Whether every address is to be shown.
    pub(crate) all: bool,
    /// The one line to be tested.
    pub(crate) line: Option<&'a [u8]>,
}

impl Command<'_> {
    /// The configuration file.
    pub(crate) fn config(&self) -> &[u8] {
        self.config.unwrap_or(config::FILE)
    }

    /// What the daemon is asked.
    pub(crate) fn ask(&self) -> Ask {
        if let Verb::Ask(ask) = self.verb { ask } else { Ask::Status }
    }

    /// The request. `default_s` is how long a ban lasts for which no time was said.
    pub(crate) fn request(&self, default_s: u32) -> Request {
        let ask = self.ask();
        let duration_s = if ask == Ask::Ban { self.duration_s.unwrap_or(default_s) } else { 0 };
        let jail = self.jail.map_or(ANY_JAIL, |name| *name.padded());
        Request { ask, prefix: self.prefix.unwrap_or_default(), jail, duration_s }
    }
}

/// A word that was not expected, and what was. The word is empty where one is missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Usage<'a> {
    pub(crate) word: &'a [u8],
    pub(crate) expected: &'static str,
}

impl Display for Usage<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> core::fmt::Result {
        if !self.word.is_empty() {
            write!(f, "{}: ", Quoted(self.word))?;
        }
        write!(f, "expected {}", self.expected)
    }
}

const A_VERB: &str = "status, jails, list, explain, ban, unban, test, filters, audit, version or help";
const AN_ADDRESS: &str = "an address such as 198.51.100.7 or 2001:db8::7";
const A_NETWORK: &str = "an address, or a network such as 198.51.100.0/24 with no bit set behind its length";

const A_FILTER: &str = "at most a filter and a file behind test";
const A_NAME: &str = "nothing, or show or check and a filter, behind filters";
const A_RECORD: &str = "verify or list-widened, and a file, behind audit";

/// A verb's name, the verb, what its operand is (empty: it takes none), and whether it takes a jail.
type Row = (&'static [u8], Verb, &'static str, bool);

const VERBS: [Row; 11] = [
    (b"status", Verb::Ask(Ask::Status), "", false),
    (b"jails", Verb::Jails, "", false),
    (b"list", Verb::Ask(Ask::List), "", true),
    (b"explain", Verb::Ask(Ask::Explain), AN_ADDRESS, false),
    (b"ban", Verb::Ask(Ask::Ban), A_NETWORK, true),
    (b"unban", Verb::Ask(Ask::Unban), A_NETWORK, true),
    (b"test", Verb::Test, A_FILTER, false),
    (b"filters", Verb::Filters, A_NAME, false),
    (b"audit", Verb::Audit, A_RECORD, false),
    (b"version", Verb::Version, "", false),
    (b"help", Verb::Help, "", false),
];

/// The command that these words are, the program's name not among them.
pub(crate) fn parse<'a>(mut words: impl Iterator<Item = &'a [u8]>) -> Result<Command<'a>, Usage<'a>> {
    let (mut to, mut found) = (Command::default(), None::<&Row>);
    while let Some(word) = words.next() {
        match (word, found) {
            (b"--help" | b"-h", _) => return Ok(Command { verb: Verb::Help, ..to }),
            (b"--version", _) => return Ok(Command { verb: Verb::Version, ..to }),
            (b"--json", _) => to.json = true,
            (b"--all", _) => to.all = true,
            (_, Some((_, Verb::Test | Verb::Filters | Verb::Audit, expected, _)))
                if word == b"-" || !word.starts_with(b"-") =>
            {
                let free = to.operands.iter_mut().find(|slot| slot.is_none());
                *free.ok_or(Usage { word, expected })? = Some(word);
            }
            ([b'-', ..], _) => option(&mut to, word, words.next())?,
            (_, None) => {
                let verb = VERBS.iter().find(|(name, ..)| *name == word);
                found = Some(verb.ok_or(Usage { word, expected: A_VERB })?);
            }
            (_, Some((.., "", _))) => return Err(Usage { word, expected: "nothing but options behind it" }),
            _ if to.prefix.is_some() => return Err(Usage { word, expected: "nothing behind the address" }),
            (_, Some((.., expected, _))) => {
                let network =
                    if *expected == AN_ADDRESS { Addr::parse(word).map(whole) } else { Prefix::parse(word) };
                to.prefix = Some(network.ok_or(Usage { word, expected })?);
            }
        }
    }
    let (_, verb, operand, takes_jail) = found.ok_or(Usage { word: b"", expected: A_VERB })?;
    to.verb = *verb;
    if matches!(verb, Verb::Ask(_)) && !operand.is_empty() && to.prefix.is_none() {
        return Err(Usage { word: b"", expected: operand });
    }
    fits(&to, *takes_jail)?;
    Ok(to)
}

/// Whether the options are those of the verb.
fn fits<'a>(to: &Command<'a>, takes_jail: bool) -> Result<(), Usage<'a>> {
    let test = to.verb == Verb::Test;
    if to.jail.is_some() && !takes_jail {
        return Err(Usage { word: b"--jail", expected: "it with list, ban or unban only" });
    }
    if to.duration_s.is_some() && to.ask() != Ask::Ban {
        return Err(Usage { word: b"--for", expected: "it with ban only" });
    }
    if to.all && !test {
        return Err(Usage { word: b"--all", expected: "it with test only" });
    }
    if to.line.is_some() && (!test || to.operands.iter().flatten().count() != 1) {
        return Err(Usage { word: b"--line", expected: "it with test and a filter only" });
    }
    Ok(())
}

/// The network of this address alone.
fn whole(addr: Addr) -> Prefix {
    Prefix { addr, len: addr.bits() }
}

/// Takes an option with its value.
fn option<'a>(to: &mut Command<'a>, word: &'a [u8], value: Option<&'a [u8]>) -> Result<(), Usage<'a>> {
    let (known, expected) = match word {
        b"--config" => (to.config.is_some(), "a file behind --config"),
        b"--socket" => (to.socket.is_some(), "a directory behind --socket"),
        b"--jail" => (to.jail.is_some(), "a jail's name behind --jail: at most 24 of a-z, 0-9, _ and -"),
        b"--for" => {
            (to.duration_s.is_some(), "behind --for a duration such as 10m or 1d12h, 1s to 365d, or forever")
        }
        b"--line" => (to.line.is_some(), "a line of a log behind --line"),
        _ => {
            return Err(Usage {
                word,
                expected: "--config, --socket, --json, --jail, --for, --all or --line",
            });
        }
    };
    if known {
        return Err(Usage { word, expected: "each option once" });
    }
    let value = value.filter(|v| !v.is_empty()).ok_or(Usage { word: b"", expected })?;
    let wrong = Usage { word: value, expected };
    match word {
        b"--config" => to.config = Some(value),
        b"--socket" => to.socket = Some(value),
        b"--jail" => to.jail = Some(Name::parse(value).ok_or(wrong)?),
        b"--line" => to.line = Some(value),
        _ => to.duration_s = Some(duration(value).ok_or(wrong)?),
    }
    Ok(())
}
