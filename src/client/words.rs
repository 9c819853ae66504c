//! From the command line to a request.
//!
//! Runs in: the client. In: the operator's words. Out: a `Command`, or what was expected in place of a word.
//! Never: sends, looks a name up, passes over a word.
use super::time::duration;
use bailiff::shared::pure::addr::{Addr, Prefix};
use bailiff::shared::pure::bytes::Text;
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
  version
  help

exit codes: 0 done, 1 not banned, 2 refused, 100 usage, 111 system; see bailiff(1)
";

/// What the operator wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verb {
    /// See `HELP`, as for all.
    Status,
    Jails,
    List,
    Explain,
    Ban,
    Unban,
    Version,
    Help,
}

/// A whole command line. One from `parse` has exactly the arguments that its verb takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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
}

/// A word that was not expected, and what was. The word is empty where one is missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Usage<'a> {
    pub(crate) word: &'a [u8],
    pub(crate) expected: &'static str,
}

impl Display for Usage<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> core::fmt::Result {
        let mut buf = [0; 64];
        let mut text = Text::new(&mut buf);
        let cut = text.quoted(self.word).is_full();
        super::time::pad(f, text)?;
        f.write_str(if cut {
            "...: "
        } else if self.word.is_empty() {
            ""
        } else {
            ": "
        })?;
        write!(f, "expected {}", self.expected)
    }
}

const VERBS: [(&[u8], Verb); 8] = [
    (b"status", Verb::Status),
    (b"jails", Verb::Jails),
    (b"list", Verb::List),
    (b"explain", Verb::Explain),
    (b"ban", Verb::Ban),
    (b"unban", Verb::Unban),
    (b"version", Verb::Version),
    (b"help", Verb::Help),
];
const A_VERB: &str = "status, jails, list, explain, ban, unban, version or help";
const AN_ADDRESS: &str = "an address such as 198.51.100.7 or 2001:db8::7";
const A_NETWORK: &str = "an address, or a network such as 198.51.100.0/24 with no bit set behind its length";

/// The command that these words are, the program's name not among them.
pub(crate) fn parse<'a>(mut words: impl Iterator<Item = &'a [u8]>) -> Result<Command<'a>, Usage<'a>> {
    let mut to = Command {
        verb: Verb::Help,
        config: None,
        socket: None,
        json: false,
        prefix: None,
        jail: None,
        duration_s: None,
    };
    let mut verb = None;
    while let Some(word) = words.next() {
        match (word, verb) {
            (b"--help" | b"-h", _) => return Ok(Command { verb: Verb::Help, ..to }),
            (b"--version", _) => return Ok(Command { verb: Verb::Version, ..to }),
            (b"--json", _) => to.json = true,
            ([b'-', ..], _) => option(&mut to, word, words.next())?,
            (_, None) => {
                let found = VERBS.iter().find(|(name, _)| *name == word);
                verb = Some(found.ok_or(Usage { word, expected: A_VERB })?.1);
            }
            (_, Some(verb)) => to.prefix = Some(operand(verb, to.prefix.is_some(), word)?),
        }
    }
    to.verb = verb.ok_or(Usage { word: b"", expected: A_VERB })?;
    whole(&to)?;
    Ok(to)
}

/// Takes an option with its value.
fn option<'a>(to: &mut Command<'a>, word: &'a [u8], value: Option<&'a [u8]>) -> Result<(), Usage<'a>> {
    let (known, expected) = match word {
        b"--config" => (to.config.is_some(), "a file behind --config"),
        b"--socket" => (to.socket.is_some(), "a directory behind --socket"),
        b"--jail" => (to.jail.is_some(), "a jail's name behind --jail: at most 16 of a-z, 0-9, _ and -"),
        b"--for" => {
            (to.duration_s.is_some(), "behind --for a duration such as 10m or 1d12h, 1s to 365d, or forever")
        }
        _ => return Err(Usage { word, expected: "--config, --socket, --json, --jail or --for" }),
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
        _ => to.duration_s = Some(duration(value).ok_or(wrong)?),
    }
    Ok(())
}

/// The network that this word names, if the verb takes one and has none yet.
fn operand(verb: Verb, known: bool, word: &[u8]) -> Result<Prefix, Usage<'_>> {
    match verb {
        _ if known => Err(Usage { word, expected: "one address, and nothing behind it" }),
        Verb::Explain => {
            let addr = Addr::parse(word).ok_or(Usage { word, expected: AN_ADDRESS })?;
            Ok(Prefix::around(addr, addr.bits()))
        }
        Verb::Ban | Verb::Unban => Prefix::parse(word).ok_or(Usage { word, expected: A_NETWORK }),
        _ => Err(Usage { word, expected: "nothing behind this command but options" }),
    }
}

/// Whether the verb has what it needs, and no option that would be without effect.
fn whole(command: &Command<'_>) -> Result<(), Usage<'static>> {
    let verb = command.verb;
    let missing = |expected| Err(Usage { word: b"", expected });
    match verb {
        Verb::Explain if command.prefix.is_none() => return missing(AN_ADDRESS),
        Verb::Ban | Verb::Unban if command.prefix.is_none() => return missing(A_NETWORK),
        _ => {}
    }
    if command.jail.is_some() && !matches!(verb, Verb::List | Verb::Ban | Verb::Unban) {
        return Err(Usage { word: b"--jail", expected: "it with list, ban or unban only" });
    }
    if command.duration_s.is_some() && verb != Verb::Ban {
        return Err(Usage { word: b"--for", expected: "it with ban only" });
    }
    Ok(())
}

/// What to ask the daemon. `default_s` is how long a ban lasts for which no time was said.
pub(crate) fn request(command: &Command<'_>, default_s: u32) -> Request {
    let ask = match command.verb {
        Verb::List => Ask::List,
        Verb::Explain => Ask::Explain,
        Verb::Ban => Ask::Ban,
        Verb::Unban => Ask::Unban,
        Verb::Status | Verb::Jails | Verb::Version | Verb::Help => Ask::Status,
    };
    let duration_s = if ask == Ask::Ban { command.duration_s.unwrap_or(default_s) } else { 0 };
    Request {
        ask,
        prefix: command.prefix.unwrap_or_default(),
        jail: command.jail.map_or(ANY_JAIL, |name| *name.padded()),
        duration_s,
    }
}
