//! From the command line to a request.
//!
//! Runs in: bailiff-cage. In: the operator's words, the policy file that they name, the launcher's environment.
//! Out: a `Request` with every default filled in, or what was expected in place of a word. Never: starts anything;
//! passes over a word; takes what the program is told for a flag of its own.
use alloc::string::String;
use alloc::vec::Vec;

use crate::file;
use crate::policy::{Bytes, Policy};
use crate::step::Step;
use crate::text::{said, shown};

pub(crate) mod draft;
pub(crate) mod host;
pub(crate) mod keys;
pub(crate) mod value;

use draft::{Draft, For};
use host::directory;
use keys::{FLAG, Form, Key};

/// What `help` prints.
pub(crate) const HELP: &str = "\
usage: bailiff-cage [run] [FLAGS] -- COMMAND [ARG...]
       bailiff-cage learn [FLAGS] -- COMMAND [ARG...]   run once, print the smallest policy as a diff
       bailiff-cage step --policy FILE NAME [--verify] [--audit]
       bailiff-cage explain [FLAGS] [-- COMMAND]        say what the program would get; run nothing
       bailiff-cage doctor | help | version

  --policy FILE --cage NAME      a table of a policy file; flags go before its keys
  --root DIR                     a directory as root, read-only; without: an empty one
  --ro --rw --exec PATH[:INSIDE] a path of the host: to read, to write, to execute
  --system                       /usr and the like (without --root and --exec: always)
  --tmp SIZE  --no-proc  --no-dev
  --cwd DIR  --env NAME[=VALUE]  the environment is PATH and nothing else
  --net none|loopback|host       --pinned-net PATH
  --calls static|default|NAME,...
  --wall 60s  --cpu 10s  --memory 512M  --file-size 64M  --processes 256  --descriptors 256
  --user UID[:GID]  --keep-fd N  --jobserver  --expect-hash HEX  --no-write-exec
  --landlock N  --warn-missing   go on without a layer that this kernel lacks
  --reason TEXT                  why it may have more than anybody gets
  --watch calls|files  --strict  --record FILE  --append-only  --status-fd N  --quiet  --explain

exit codes: the program's own; 128+n signal n; 120 usage or policy; 121 the cage was not closed; 122 denied or rejected;
123 time is over; 124 two runs differ; see bailiff-cage(1)
";

/// What the operator wants.
#[derive(Debug)]
pub(crate) enum Request {
    Run(Policy),
    Explain(Policy),
    ExplainStep { policy: Policy, step: Step },
    Learn(Policy),
    Step { policy: Policy, step: Step, verify: bool },
    Doctor,
    Help,
    Version,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verb {
    Run,
    Learn,
    Step,
    Explain,
    Doctor,
    Help,
    Version,
}

const VERBS: [(&[u8], Verb); 9] = [
    (b"run", Verb::Run),
    (b"learn", Verb::Learn),
    (b"step", Verb::Step),
    (b"explain", Verb::Explain),
    (b"doctor", Verb::Doctor),
    (b"help", Verb::Help),
    (b"--help", Verb::Help),
    (b"version", Verb::Version),
    (b"--version", Verb::Version),
];

/// The command line, taken apart.
struct Line {
    verb: Verb,
    flags: Vec<(&'static Key, &'static [u8])>,
    policy: Option<&'static [u8]>,
    /// The table of the policy file: `--cage NAME`, or the name behind `step`.
    table: Option<&'static [u8]>,
    explain: bool,
    verify: bool,
    command: Vec<Bytes>,
}

/// The request that these words are, the program's own name not among them. `env` is the launcher's environment.
pub(crate) fn parse(
    args: impl Iterator<Item = &'static [u8]>,
    env: &dyn Fn(&[u8]) -> Option<&'static [u8]>,
) -> Result<Request, String> {
    let line = taken_apart(args)?;
    let whom = match line.verb {
        Verb::Doctor => return Ok(Request::Doctor),
        Verb::Help => return Ok(Request::Help),
        Verb::Version => return Ok(Request::Version),
        Verb::Step => For::Step,
        Verb::Learn => For::Learn,
        Verb::Run | Verb::Explain => For::Run,
    };
    let here = directory(b"");
    let mut draft = match line.policy {
        None if whom == For::Step => return Err(String::from("step: expected --policy FILE")),
        None if line.table.is_some() => return Err(String::from("--cage: expected --policy FILE, too")),
        None => Draft::new(whom, here.clone()),
        Some(path) => file::draft(&file::contents(path)?, path, whom, name(line.table)?)?,
    };
    if draft.base != here {
        draft.homes.push(here.clone());
    }
    draft.base = here;
    for (key, value) in &line.flags {
        flag(&mut draft, key, value)?;
    }
    if !line.command.is_empty() {
        draft.policy.command = line.command;
    }
    let (policy, step) = draft.finish(env)?;
    if policy.command.is_empty() && line.verb != Verb::Explain {
        return Err(String::from("expected a command: bailiff-cage [FLAGS] -- COMMAND [ARG...]"));
    }
    Ok(match line.verb {
        Verb::Step if line.explain => Request::ExplainStep { policy, step },
        _ if line.explain || line.verb == Verb::Explain => Request::Explain(policy),
        Verb::Step => Request::Step { policy, step, verify: line.verify },
        Verb::Learn => Request::Learn(policy),
        _ => Request::Run(policy),
    })
}

fn name(table: Option<&'static [u8]>) -> Result<Option<&'static str>, String> {
    let wrong = |_| String::from("--cage: expected the name of a table");
    table.map(core::str::from_utf8).transpose().map_err(wrong)
}

fn taken_apart(args: impl Iterator<Item = &'static [u8]>) -> Result<Line, String> {
    let mut args = args.peekable();
    let verb =
        args.peek().and_then(|word| VERBS.iter().find(|(name, _)| name == word)).map(|(_, verb)| *verb);
    let _ = verb.and_then(|_| args.next());
    let mut line = Line {
        verb: verb.unwrap_or(Verb::Run),
        flags: Vec::new(),
        policy: None,
        table: None,
        explain: false,
        verify: false,
        command: Vec::new(),
    };
    if matches!(line.verb, Verb::Help | Verb::Version) {
        return Ok(line);
    }
    while let Some(word) = args.next() {
        match word {
            b"--" if line.verb != Verb::Step && line.verb != Verb::Doctor => {
                line.command = args.by_ref().map(<[u8]>::to_vec).collect();
            }
            [b'-', b'-', _, ..] => option(&mut line, word, &mut args)?,
            _ if line.verb == Verb::Step && line.table.is_none() => line.table = Some(word),
            _ => return Err(unexpected(line.verb, word)),
        }
        if line.verb == Verb::Help {
            break;
        }
    }
    Ok(line)
}

fn unexpected(verb: Verb, word: &[u8]) -> String {
    let expected = match verb {
        Verb::Step => "one step's name, and flags",
        Verb::Doctor => "nothing behind doctor",
        _ => "run, learn, step, explain, doctor, help, version or a flag; the command stands behind --",
    };
    said(format_args!("{}: expected {expected}", shown(word)))
}

/// One word that begins with `--`, and its value: behind a `=`, or the next word.
fn option(
    line: &mut Line,
    word: &'static [u8],
    args: &mut dyn Iterator<Item = &'static [u8]>,
) -> Result<(), String> {
    let mut parts = word.splitn(2, |b| *b == b'=');
    let (flag, attached) = (parts.next().unwrap_or(word), parts.next());
    let step = line.verb == Verb::Step;
    match (flag, attached) {
        (b"--help", None) => line.verb = Verb::Help,
        (b"--explain", None) => line.explain = true,
        (b"--verify", None) if step => line.verify = true,
        (b"--audit", None) if step => {
            line.flags.extend(keys::named(b"strict", FLAG).map(|key| (key, &b"false"[..])))
        }
        (b"--policy", _) => line.policy = Some(value(flag, attached, args)?),
        (b"--cage", _) if !step => line.table = Some(value(flag, attached, args)?),
        _ => {
            let name: Bytes = flag.iter().skip(2).map(|b| if *b == b'-' { b'_' } else { *b }).collect();
            let Some(key) = keys::named(&name, FLAG).filter(|_| !flag.contains(&b'_')) else {
                let near = file::nearest(&name, FLAG).replace('_', "-").replace("is ", "is --");
                return Err(said(format_args!("{}: no such flag{near}", shown(flag))));
            };
            let value = match (key.form, attached) {
                (Form::Switch, None) => b"true",
                _ => value(flag, attached, args)?,
            };
            line.flags.push((key, value));
        }
    }
    Ok(())
}

fn value(
    flag: &[u8],
    attached: Option<&'static [u8]>,
    args: &mut dyn Iterator<Item = &'static [u8]>,
) -> Result<&'static [u8], String> {
    attached
        .or_else(|| args.next())
        .ok_or_else(|| said(format_args!("{}: expected a value behind it", shown(flag))))
}

/// A flag's value goes where the key's goes; names of calls may stand in one word.
fn flag(draft: &mut Draft, key: &'static Key, value: &[u8]) -> Result<(), String> {
    draft.open(key);
    let list = key.name == "calls";
    for item in value.split(|b| list && *b == b',') {
        let wrong = || {
            let name = key.name.replace('_', "-");
            said(format_args!("--{name}: expected {}, not {}", key.expected, shown(value)))
        };
        draft.take(key, item).ok_or_else(wrong)?;
    }
    Ok(())
}
