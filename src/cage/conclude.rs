//! The end of a run: what is told to whoever started it.
//!
//! Runs in: bailiff-cage, as its caller. In: policy and outcome. Out: the refusals in words on standard error, one line for
//! the status descriptor, the record's line, the exit code. Never: shows a stranger's bytes as they are.
use alloc::string::String;

use bailiff::shims::fd::Fd;
use bailiff::shims::io::write;

use crate::outcome::{Denial, End, Outcome, Why, code};
use crate::policy::Policy;
use crate::record;
use crate::step::paths::pour;
use crate::supervise;
use crate::text::{errno as errno_name, said, shown};
use crate::verdict::{exit_code, judge, signal_name};

/// Writes a line to standard error.
pub(crate) fn tell(text: &str) {
    let error = core::mem::ManuallyDrop::new(Fd::given(2));
    let _ = write(&error, said(format_args!("bailiff-cage: {text}\n")).as_bytes());
}

/// Prints what was asked for.
pub(crate) fn print(text: &str) -> u8 {
    let out = core::mem::ManuallyDrop::new(Fd::given(1));
    let _ = pour(&out, text.as_bytes());
    0
}

/// A refusal in words: what, on what, by whom, by which rule, and what would allow it.
fn refusal(denial: &Denial) -> String {
    let what = match denial.why {
        Why::Call => "refused",
        Why::Undeclared => "undeclared",
        Why::ReadOnly => "read-only",
    };
    let path = denial.path.as_deref().map_or_else(String::new, |path| said(format_args!(" {}", shown(path))));
    let [a, b, c, ..] = denial.args;
    let args = if path.is_empty() { said(format_args!("({a:#x}, {b:#x}, {c:#x})")) } else { path };
    let times = if denial.count > 1 { said(format_args!(", {} times", denial.count)) } else { String::new() };
    let allow = match denial.allow.as_str() {
        "" => String::from("; nothing in a policy allows it"),
        line => said(format_args!("; to allow it: {line}")),
    };
    let Denial { call, pid, rule, .. } = denial;
    said(format_args!("{what}: {call}{args} by {} (pid {pid}){times}: {rule}{allow}", shown(&denial.program)))
}

/// How it ended, for people; nothing where the program just left.
fn ending(outcome: &Outcome) -> Option<String> {
    match &outcome.end {
        End::Exit(_) => None,
        End::Signal(31) => Some(String::from("ended by SIGSYS: a call of another architecture's table")),
        End::Signal(signal) => Some(said(format_args!("ended by {}", signal_name(*signal)))),
        End::Open { step, errno: 0 } => Some(said(format_args!("not started: {step}"))),
        End::Open { step, errno } => Some(said(format_args!("not started: {step}: {}", errno_name(*errno)))),
        End::Wall => Some(String::from("ended: the wall-clock limit was reached")),
        End::Told(signal) => Some(said(format_args!("told to end by {}", signal_name(*signal)))),
    }
}

/// One line of JSON that tells an exit code of the tool's from an equal one of the program's.
fn status(outcome: &Outcome) -> String {
    match &outcome.end {
        End::Exit(code) => said(format_args!("{{\"stage\":\"exited\",\"code\":{code}}}\n")),
        End::Signal(signal) => {
            said(format_args!("{{\"stage\":\"signaled\",\"signal\":\"{}\"}}\n", signal_name(*signal)))
        }
        End::Open { step, errno } => said(format_args!(
            "{{\"stage\":\"setup\",\"step\":{},\"errno\":\"{}\"}}\n",
            crate::json::Value::Text(step).text(),
            errno_name(*errno)
        )),
        End::Wall => String::from("{\"stage\":\"wall\"}\n"),
        End::Told(signal) => {
            said(format_args!("{{\"stage\":\"told\",\"signal\":\"{}\"}}\n", signal_name(*signal)))
        }
    }
}

/// Tells what happened: refusals and layers that are missing, how it ended, the status descriptor's line.
pub(crate) fn say(policy: &Policy, outcome: &Outcome) {
    for what in &outcome.missing {
        tell(what);
    }
    if !policy.quiet {
        outcome.denials.iter().for_each(|denial| tell(&refusal(denial)));
    }
    for program in outcome.left.iter().filter(|_| !policy.quiet) {
        tell(&said(format_args!("left running, and ended: {}", shown(program))));
    }
    if let Some(text) = ending(outcome) {
        tell(&text);
    }
    if outcome.limit == Some("memory") {
        tell("ended: the memory limit of the cage was reached");
    }
    if let Some(number) = policy.status_fd {
        let out = core::mem::ManuallyDrop::new(Fd::given(number));
        let _ = write(&out, status(outcome).as_bytes());
    }
}

/// The exit code of a run that is recorded, or that could not be.
pub(crate) fn recorded(done: Result<(), String>, own: u8) -> u8 {
    done.map_or_else(
        |refusal| {
            tell(&refusal);
            code::UNRECORDED
        },
        |()| own,
    )
}

/// Runs the policy's command, tells and records what happened; the exit code. `excuse` takes out of the outcome what is no
/// denial.
pub(crate) fn run(policy: &Policy, excuse: impl FnOnce(&mut Outcome)) -> Result<u8, String> {
    let record = record::of(policy)?;
    let mut outcome = supervise::run(policy)?;
    excuse(&mut outcome);
    let judged = judge(policy, &outcome, None, &[]);
    say(policy, &outcome);
    let own = exit_code(&outcome, None, judged.0);
    let Some(record) = record else { return Ok(own) };
    let line = |previous: &_| record::line(policy, &outcome, &judged, &[], &[], previous);
    // Whoever wants a record that nobody takes back wants one that no power cut takes back either.
    Ok(recorded(if policy.append_only { record.append(line) } else { record.add(line) }, own))
}
