//! `test`: the daemon's engine on a log, without the daemon.
//!
//! Runs in: the client, with its user's rights. In: the operator's words; logs, any bytes, hostile. Out: a report,
//! one JSON object a line, or the explanation of one line; the exit code. Never: writes a file, asks the daemon.
use super::choice::{Choice, Wrong};
use super::lint::lint;
use super::look::default_modes;
use super::out::Out;
use super::outcome::{Error, GOOD, SYSTEM, USAGE};
use super::reading::{self, BLOCK, Fault};
use super::record::Records;
use super::report::Report;
use super::show::Quoted;
use super::summary::summary;
use super::words::Command;
use bailiff::shared::pure::settings::Settings;
use bailiff::shims::clock::realtime_ns;
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::{At, flags, open};
use bailiff::shims::slots::slots;
use core::fmt::Write;

/// Nothing matched.
pub(crate) const NO_MATCH: u8 = 1;

/// What is tried.
pub(crate) struct Trial<'a> {
    pub(crate) choice: Choice,
    /// The file that was named.
    file: Option<&'a [u8]>,
}

/// Does it; the exit code.
pub(crate) fn test(
    command: &Command<'_>,
    Trial { choice, file }: &Trial<'_>,
    settings: Option<&Settings>,
    out: &mut Out,
    err: &mut Out,
) -> u8 {
    if choice.idle {
        let _ = writeln!(
            err,
            "bailiff: logtype, logging and type have no effect: headers are recognised by themselves"
        );
    }
    let now_s = realtime_ns() / 1_000_000_000;
    if let (Some(line), Some(written), false) = (command.line, &choice.filter, command.json) {
        return match lint(out, choice, written, line, now_s) {
            Ok(true) => GOOD,
            Ok(false) => NO_MATCH,
            Err(_) => SYSTEM,
        };
    }
    let modes = default_modes();
    let mut logs = Logs { choice, file: *file, err };
    let outcome = if command.json {
        let mut records = Records::new(choice, &modes, now_s);
        let read = match command.line {
            Some(line) => records.write(out, Some(line)).map_err(|_| SYSTEM),
            None => logs.read(&mut |line| records.write(out, line)),
        };
        read.map(|()| records.matches)
    } else {
        Report::new(choice, &modes, settings, now_s).map_err(|errno| logs.refused(b"memory", errno)).and_then(
            |mut report| {
                logs.read(&mut |line| {
                    report.take(line);
                    Ok(())
                })?;
                summary(out, &mut report, command.all).map_err(|_| SYSTEM)?;
                Ok(report.figures.matches)
            },
        )
    };
    match outcome {
        Ok(0) => NO_MATCH,
        Ok(_) => GOOD,
        Err(code) => code,
    }
}

/// The filter and the file that the words name.
pub(crate) fn chosen<'a>(command: &Command<'a>) -> Result<Trial<'a>, Wrong<'a>> {
    let [word, file] = command.operands;
    let Some(word) = word else { return Ok(Trial { choice: Choice::ALL, file }) };
    let is_log = || word == b"-" || open(At::Cwd, word, flags::O_PATH, 0, 0).is_ok();
    match Choice::parse(word, command.config()) {
        Err(Wrong::Filter(_)) if file.is_none() && is_log() => {
            Ok(Trial { choice: Choice::ALL, file: Some(word) })
        }
        choice => Ok(Trial { choice: choice?, file }),
    }
}

/// The logs that are read.
struct Logs<'a> {
    choice: &'a Choice,
    /// The file that was named.
    file: Option<&'a [u8]>,
    err: &'a mut Out,
}

impl Logs<'_> {
    /// Reads every log; after an error, the exit code.
    fn read(&mut self, each: reading::Each<'_>) -> Result<(), u8> {
        let buf = slots(BLOCK).map_err(|errno| self.refused(b"memory", errno))?;
        match self.file {
            Some(b"-") => self.file(&Fd::given(0), b"-", buf, each),
            Some(file) => {
                let fd =
                    open(At::Cwd, file, flags::O_NOCTTY, 0, 0).map_err(|errno| self.refused(file, errno))?;
                self.file(&fd, file, buf, each)
            }
            None => self.logs(buf, each),
        }
    }

    /// The logs that the filter, or each filter, knows of.
    fn logs(&mut self, buf: &mut [u8], each: reading::Each<'_>) -> Result<(), u8> {
        let choice = *self.choice;
        let all = || choice.filters().flat_map(|written| written.filter.logs);
        let (mut opened, mut code) = (false, USAGE);
        for (nth, log) in all().enumerate() {
            if all().take(nth).any(|before| before == log) {
                continue;
            }
            match open(At::Cwd, log.as_bytes(), flags::O_NOCTTY, 0, 0) {
                Ok(fd) => {
                    opened = true;
                    let _ = writeln!(self.err, "bailiff: reading {log}");
                    self.file(&fd, log.as_bytes(), buf, each)?;
                }
                Err(Errno::ENOENT) => {}
                Err(errno) => code = self.refused(log.as_bytes(), errno),
            }
        }
        if !opened && code == USAGE {
            let _ =
                write!(self.err, "bailiff: expected a file, or - for the standard input: there is none of");
            all().for_each(|log| _ = write!(self.err, " {log}"));
            let _ = writeln!(self.err);
        }
        if opened { Ok(()) } else { Err(code) }
    }

    fn file(&mut self, fd: &Fd, name: &[u8], buf: &mut [u8], each: reading::Each<'_>) -> Result<(), u8> {
        reading::lines(fd, buf, self.err, each).map_err(|fault| match fault {
            Fault::Kernel(errno) => self.refused(name, errno),
            Fault::Page => SYSTEM,
        })
    }

    fn refused(&mut self, what: &[u8], errno: Errno) -> u8 {
        let _ = writeln!(self.err, "bailiff: {}: {}", Quoted(what), Error(errno));
        SYSTEM
    }
}
