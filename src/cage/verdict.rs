//! The verdict on a run: what was observed, what each observation weighs, and what the sum says.
//!
//! Runs in: bailiff-cage. In: the policy, the outcome, whether a second run gave the same outputs. Out: a verdict with
//! the observations that it rests on; the exit code. Never: says DETERMINISTIC of a run that was not made twice.
//!
//! The rule: each kind of observation is made at most once; the weights are added up; 0 is DETERMINISTIC, 1 to 99 is
//! UNCERTAIN, from 100 on it is REJECT. What the policy forbids weighs 100. All doubts together weigh less than 100: by
//! themselves they never reject. A run that was not made twice has the doubt `unverified`, so it is never
//! DETERMINISTIC.
use alloc::string::String;
use alloc::vec::Vec;

use crate::outcome::{End, Outcome, Why, code};
use crate::policy::{Bytes, Net, Policy, Watch};
use crate::text::said;

/// From this sum on a run is rejected: what each thing weighs that the policy forbids.
pub(crate) const FORBIDDEN: u32 = 100;

/// What no observation can see, said in each record: clock and random numbers that a program has of the processor or of
/// memory that the kernel maps, and calls that the policy allows. `--verify` runs with other clocks since boot, and
/// finds what they change in the outputs.
const UNSEEN: [&str; 5] = ["vdso clock_gettime", "rdtsc", "rdrand", "getrandom, where allowed", "AT_RANDOM"];

/// Files (and, with a `/` at the end, all below) whose bytes are another's at each read: randomness, then clocks.
const RANDOM: [&str; 4] = ["/dev/random", "/dev/urandom", "/dev/hwrng", "/proc/sys/kernel/random/"];
const CLOCK: [&str; 8] = [
    "/dev/rtc",
    "/dev/rtc0",
    "/proc/driver/rtc",
    "/proc/loadavg",
    "/proc/schedstat",
    "/proc/stat",
    "/proc/timer_list",
    "/proc/uptime",
];

/// What the observations come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// A second run under other circumstances gave the same outputs, and nothing weighs against it.
    Deterministic,
    /// The run did what the policy forbids, or was not what it should have been.
    Reject,
    /// Neither.
    Uncertain,
}

impl Verdict {
    /// As in the record.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Deterministic => "DETERMINISTIC",
            Self::Reject => "REJECT",
            Self::Uncertain => "UNCERTAIN",
        }
    }
}

/// Something that was observed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Observation {
    pub(crate) what: &'static str,
    pub(crate) weight: u32,
    /// Which: paths, names of calls, an exit code.
    pub(crate) about: Vec<Bytes>,
}

/// The verdict on this run. `equal` says whether a second run gave the same outputs; `None`: there was none.
/// `undeclared_outputs` are files that it left and that no one had asked for.
pub(crate) fn judge(
    policy: &Policy,
    outcome: &Outcome,
    equal: Option<bool>,
    undeclared_outputs: &[Bytes],
) -> (Verdict, Vec<Observation>) {
    let mut seen = Seen(Vec::new());
    forbidden(&mut seen, policy, outcome, equal);
    let if_strict = |doubt| if policy.strict { FORBIDDEN } else { doubt };
    seen.each(
        "denial",
        if_strict(20),
        outcome.denials.iter().map(|d| match (&d.path, d.why) {
            (Some(path), Why::Undeclared | Why::ReadOnly) => path.clone(),
            _ => d.call.clone().into_bytes(),
        }),
    );
    seen.each("undeclared output", if_strict(10), undeclared_outputs.iter().cloned());
    seen.each("left running", if_strict(5), outcome.left.iter().cloned());
    doubts(&mut seen, policy, outcome, equal);
    seen.each("unseen", 0, UNSEEN.iter().map(|what| what.as_bytes().to_vec()));
    let verdict = match score(&seen.0) {
        0 => Verdict::Deterministic,
        1..FORBIDDEN => Verdict::Uncertain,
        FORBIDDEN.. => Verdict::Reject,
    };
    (verdict, seen.0)
}

/// The sum of the weights.
pub(crate) fn score(observations: &[Observation]) -> u32 {
    observations.iter().fold(0, |sum, seen| sum.saturating_add(seen.weight))
}

/// The tool's exit code after a run. A cage that was not closed, a limit of time and a signal come first; then what is
/// wrong with a run that ended by itself; then its own code.
pub(crate) fn exit_code(outcome: &Outcome, equal: Option<bool>, verdict: Verdict) -> u8 {
    match outcome.end {
        End::Open { .. } => code::SETUP,
        End::Wall => code::WALL,
        End::Signal(signal) | End::Told(signal) => signal.saturating_add(128),
        End::Exit(_) if equal == Some(false) => code::DIFFER,
        End::Exit(_) if verdict == Verdict::Reject => code::REJECT,
        End::Exit(own) => own,
    }
}

/// The kernel's name of a signal (asm-generic/signal.h, 6.18).
pub(crate) fn signal_name(signal: u8) -> String {
    const NAMES: [&str; 31] = [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
        "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
        "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];
    match usize::from(signal).checked_sub(1).and_then(|nth| NAMES.get(nth)) {
        Some(name) => said(format_args!("SIG{name}")),
        None => said(format_args!("signal {signal}")),
    }
}

/// The observations of one run.
struct Seen(Vec<Observation>);

impl Seen {
    /// One observation about all of these, if there are any.
    fn each(&mut self, what: &'static str, weight: u32, about: impl Iterator<Item = Bytes>) {
        let mut about: Vec<Bytes> = about.collect();
        about.sort_unstable();
        about.dedup();
        if !about.is_empty() {
            self.0.push(Observation { what, weight, about });
        }
    }

    fn one(&mut self, what: &'static str, weight: u32, about: &str) {
        self.0.push(Observation { what, weight, about: Vec::from([about.as_bytes().to_vec()]) });
    }

    fn bare(&mut self, what: &'static str, weight: u32) {
        self.0.push(Observation { what, weight, about: Vec::new() });
    }
}

/// What rejects by itself, whether the policy is strict or not.
fn forbidden(seen: &mut Seen, policy: &Policy, outcome: &Outcome, equal: Option<bool>) {
    // Zeros: the file was not reached.
    if outcome.program_hash != [0; 32] && policy.expect_hash.is_some_and(|hash| hash != outcome.program_hash)
    {
        seen.bare("hash mismatch", FORBIDDEN);
    }
    if let End::Open { step, .. } = &outcome.end {
        seen.one("set-up", FORBIDDEN, step);
    }
    match (&outcome.end, outcome.limit) {
        (End::Wall, _) => seen.one("limit", FORBIDDEN, "wall"),
        (_, Some(limit)) => seen.one("limit", FORBIDDEN, limit),
        _ => {}
    }
    if equal == Some(false) {
        seen.bare("outputs differ", FORBIDDEN);
    }
}

/// What only makes it less sure: 19, 15, 10, 5, 5, 5, 4, 1, and of the caller 20, 10, 5: 99.
fn doubts(seen: &mut Seen, policy: &Policy, outcome: &Outcome, equal: Option<bool>) {
    match outcome.end {
        End::Exit(0) | End::Open { .. } | End::Wall => {}
        End::Exit(own) => seen.one("exit", 19, &said(format_args!("{own}"))),
        End::Signal(signal) | End::Told(signal) => seen.one("signal", 19, &signal_name(signal)),
    }
    if policy.net == Net::Host {
        seen.one("network", 15, "host");
    }
    seen.each("missing layer", 10, outcome.missing.iter().map(|layer| layer.clone().into_bytes()));
    let read = |files: &'static [&str]| {
        let is_one = move |path: &Bytes| {
            files.iter().any(|f| path == f.as_bytes() || (f.ends_with('/') && path.starts_with(f.as_bytes())))
        };
        outcome.accesses.iter().map(|a| &a.path).filter(move |path| is_one(path)).cloned()
    };
    // A second run that left the same bytes had other random numbers, and other clocks since boot.
    let weight = if equal == Some(true) { 0 } else { 5 };
    seen.each("randomness", weight, read(&RANDOM));
    seen.each("clock", weight, read(&CLOCK));
    if policy.watch == Watch::Calls && (policy.dev || policy.proc) {
        seen.bare("files not watched", 5);
    }
    if policy.learn {
        seen.bare("nothing refused", 4);
    }
    if equal.is_none() {
        seen.bare("unverified", 1);
    }
}
