//! What went wrong before there was an answer, and what the operator can do about it.
//!
//! Runs in: the client. In: a fault. Out: one line on descriptor 2. Never: prints a word of the operator's
//! unquoted.
use super::config::Unread;
use super::out::Out;
use super::outcome::{Error, SYSTEM, USAGE};
use super::show::Quoted;
use super::talk::{Fault, socket};
use super::words::Command;
use bailiff::shared::pure::bytes::Text;
use bailiff::shared::pure::settings::Settings;
use bailiff::shared::pure::wire::control::Ask;
use bailiff::shims::errno::Errno;
use core::fmt::{Result, Write};

/// Says why there is no configuration, and the exit code, if the command cannot do without: if it names the
/// file.
pub(crate) fn unread(err: &mut Out, command: &Command<'_>, why: &Unread) -> Option<u8> {
    let file = command.config();
    let code = match why {
        Unread::Kernel(_) => SYSTEM,
        Unread::Long | Unread::Fault(_) => USAGE,
    };
    let mut buf = [0; 1024];
    let mut text = Text::new(&mut buf);
    let _ = match why {
        Unread::Kernel(_) if command.config.is_none() => return None,
        Unread::Kernel(errno) => writeln!(err, "bailiff: {}: {}", Quoted(file), Error(*errno)),
        Unread::Long => writeln!(err, "bailiff: {}: expected a file of at most 64 KiB", Quoted(file)),
        Unread::Fault(fault) => {
            fault.write(file, &mut text);
            writeln!(err, "bailiff: {}", core::str::from_utf8(text.finish()).unwrap_or("?"))
        }
    };
    command.config.map(|_| code)
}

/// Says why there is no answer.
pub(crate) fn fault(
    err: &mut Out,
    command: &Command<'_>,
    settings: Option<&Settings>,
    run: &[u8],
    fault: Fault,
) {
    let mut buf = [0; 107];
    let path = socket(run, command.ask(), &mut buf).unwrap_or(run);
    let _ = write!(err, "bailiff: {}: ", Quoted(path)).and_then(|()| match fault {
        Fault::Path => writeln!(err, "expected the directory of the sockets in at most 93 bytes"),
        Fault::Connect(Errno::ENOENT | Errno::ECONNREFUSED) => writeln!(
            err,
            "no daemon listens there; `systemctl start bailiff` starts it, --socket DIR says where else"
        ),
        Fault::Connect(Errno::EACCES | Errno::EPERM) => group(err, command, settings),
        Fault::Connect(errno) => writeln!(err, "cannot connect: {}", Error(errno)),
        Fault::Link(errno) => writeln!(err, "the connection failed: {}", Error(errno)),
        Fault::Silent => writeln!(err, "the daemon has not answered for ten seconds"),
        Fault::Short => writeln!(err, "the daemon ended its answer too early: it is not whole"),
        Fault::Odd => writeln!(err, "what the daemon sends is no answer: is it of another version?"),
        Fault::Page => writeln!(err, "cannot write the answer"),
    });
}

/// Says who may.
fn group(err: &mut Out, command: &Command<'_>, settings: Option<&Settings>) -> Result {
    let changes = matches!(command.ask(), Ask::Ban | Ask::Unban);
    let (key, what) = if changes { ("operators", "ban and unban") } else { ("readers", "ask") };
    let group = settings.map(|s| if changes { s.operators } else { s.readers });
    match group.as_ref().map(|g| g.bytes()) {
        Some(b"") => writeln!(err, "only root may {what}; `{key} = \"GROUP\"` in [daemon] lets a group"),
        Some(name) => writeln!(err, "only root and the group {} may {what}", Quoted(name)),
        None => writeln!(
            err,
            "only root may {what}, and the group that `{key}` in [daemon] of the configuration names"
        ),
    }
}
