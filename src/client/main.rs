//! `bailiff`: the operator's command.
//!
//! Runs as: the operator, with his rights and no other. In: argv, the configuration, the daemon's replies, logs.
//! Out: text for people or JSON, one exit code. Never: runs anything, writes a file, tells the daemon a path.
//!
//! The filter compiler in it may panic on a filter that it does not foresee: the file is the operator's, and all that
//! ends is this program.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

mod audit;
mod canonical;
mod chain;
mod choice;
#[allow(dead_code, reason = "build.rs uses the rest")]
#[path = "../../filters/compiler/mod.rs"]
mod compiler;
mod config;
mod errand;
mod evidence;
mod explain;
mod filters;
mod hits;
mod json;
mod legend;
mod lint;
mod look;
mod moment;
mod out;
mod outcome;
mod own;
mod patterns;
mod reading;
mod record;
mod report;
#[expect(unsafe_code, reason = "process entry")]
#[path = "../../shims/rt/mod.rs"]
mod rt;
mod shapes;
mod show;
mod summary;
mod talk;
mod tallies;
mod test;
mod time;
mod trouble;
mod words;

use bailiff::shared::pure::settings::Settings;
use bailiff::shims::heap::{self, Heap};
use bailiff::shims::process::Start;
use core::fmt::Write;
use errand::Errand;
use out::Out;
use words::{Command, Verb};

#[global_allocator]
static HEAP: Heap = Heap;

/// Memory for filters of the operator's own: as much as bailiff-compiler has.
const ROOM: usize = 64 << 20;

fn main(start: &Start) -> u8 {
    let (mut out, mut err) = (Out::new(1), Out::new(2));
    if let Err(errno) = heap::map(ROOM) {
        let _ = writeln!(err, "bailiff: memory: {}", outcome::Error(errno)).map(|()| err.flush());
        return outcome::SYSTEM;
    }
    let mut code = match words::parse((1..).map_while(|i| start.arg(i))) {
        Ok(command) => run(&command, &mut out, &mut err),
        Err(usage) => {
            let _ = writeln!(err, "bailiff: {usage}\nbailiff: `bailiff help` names the commands");
            outcome::USAGE
        }
    };
    if let Err(errno) = out.flush() {
        let _ = writeln!(err, "bailiff: cannot write the answer: {}", outcome::Error(errno));
        code = outcome::SYSTEM;
    }
    // Where this fails too there is nobody left to tell.
    let _ = err.flush();
    code
}

fn run(command: &Command<'_>, out: &mut Out, err: &mut Out) -> u8 {
    let printed = match command.verb {
        Verb::Help => out.write_str(words::HELP),
        Verb::Version => writeln!(out, "bailiff {}", env!("CARGO_PKG_VERSION")),
        Verb::Filters => return filters::filters(command, out, err),
        Verb::Audit => return audit::audit(command, out, err),
        Verb::Test => return tried(command, out, err),
        _ => return consult(command, out, err),
    };
    if printed.is_ok() { outcome::GOOD } else { outcome::SYSTEM }
}

/// Finds the filter that is to be tried, and with what it says of itself the limits of its jail.
fn tried(command: &Command<'_>, out: &mut Out, err: &mut Out) -> u8 {
    let trial = match test::chosen(command) {
        Ok(trial) => trial,
        Err(wrong) => return wrong.say(err),
    };
    let mut settings = Settings::EMPTY;
    match configured(command, trial.choice.image(), &mut settings, err) {
        Ok(settings) => test::test(command, &trial, settings, out, err),
        Err(code) => code,
    }
}

/// Reads the configuration; after an error that the command cannot do with, the exit code.
fn configured<'s>(
    command: &Command<'_>,
    own: &[u8],
    to: &'s mut Settings,
    err: &mut Out,
) -> Result<Option<&'s Settings>, u8> {
    match config::read(command.config(), own, to) {
        Ok(()) => Ok(Some(to)),
        Err(unread) => trouble::unread(err, command, &unread).map_or(Ok(None), Err),
    }
}

/// Finds the daemon, does the errand there.
fn consult(command: &Command<'_>, out: &mut Out, err: &mut Out) -> u8 {
    let mut settings = Settings::EMPTY;
    let settings = match configured(command, &[], &mut settings, err) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    let run = command.socket.or(settings.map(|s| s.run.bytes())).unwrap_or(config::RUN);
    let mut errand = Errand { command, settings, run, out };
    match errand.run() {
        Ok((code, None)) => code,
        Ok((code, Some(done))) => {
            let _ = err.write_str("bailiff: ").and_then(|()| outcome::failure(err, command, done));
            code
        }
        Err(fault) => {
            trouble::fault(err, command, settings, run, fault);
            outcome::SYSTEM
        }
    }
}
