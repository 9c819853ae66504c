//! `bailiff`: the operator's command.
//!
//! Runs as: the operator, with his rights and no other. In: argv, the configuration, the daemon's replies, logs.
//! Out: text for people or JSON, one exit code. Never: runs anything, writes a file, tells the daemon a path.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod audit;
mod canonical;
mod chain;
mod choice;
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
use bailiff::shims::process::Start;
use core::fmt::Write;
use errand::Errand;
use out::Out;
use words::{Command, Verb};

fn main(start: &Start) -> u8 {
    let (mut out, mut err) = (Out::new(1), Out::new(2));
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
        _ => return configured(command, out, err),
    };
    if printed.is_ok() { outcome::GOOD } else { outcome::SYSTEM }
}

/// Reads the configuration, and does what may need it.
fn configured(command: &Command<'_>, out: &mut Out, err: &mut Out) -> u8 {
    let mut settings = Settings::EMPTY;
    let read = config::read(command.config.unwrap_or(config::FILE), &mut settings);
    if let Err(unread) = &read
        && let Some(code) = trouble::unread(err, command, unread)
    {
        return code;
    }
    let settings = read.is_ok().then_some(&settings);
    match command.verb {
        Verb::Test => test::test(command, settings, out, err),
        _ => consult(command, settings, out, err),
    }
}

/// Finds the daemon, does the errand there.
fn consult(command: &Command<'_>, settings: Option<&Settings>, out: &mut Out, err: &mut Out) -> u8 {
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
