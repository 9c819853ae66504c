//! A build step: declared inputs and outputs and nothing else.
//!
//! Runs in: bailiff-cage. In: a step's table (file.rs), the project's files. Out: the step's outputs in the project, its
//! record. Never: lets the step write into the project itself, or see a file of it that is not declared; brings out
//! anything of a step that failed or was rejected; lets a dependency's request widen what the root project does not grant.
use alloc::string::String;
use alloc::vec::Vec;

use bailiff::shims::fd::Fd;
use bailiff::shims::files;

use crate::conclude::{self, tell};
use crate::outcome::{End, Outcome};
use crate::policy::{Bytes, Net, Policy, Watch};
use crate::record::{self, Record};
use crate::stage::outputs::{self, Found, Made};
use crate::stage::{Given, Order, Plan, Stage, inputs};
use crate::text::{said, shown};
use crate::tools::Env;
use crate::verdict::{self, FORBIDDEN, Observation, Verdict};
use crate::{supervise, twice};

pub(crate) mod absent;
pub(crate) mod glob;
pub(crate) mod grants;
pub(crate) mod paths;
mod ready;

use absent::{excuse, hint};
use paths::join;

/// What a step's table says beyond its policy. The policy's own fields, for a step: `command` as `run` says (a name
/// without slash is looked for among the tools), `cwd` empty or below the project's place in the cage, `places` and `env`
/// only what the table lists (this file adds the rest), `strict` and `Watch::Files` unless told otherwise.
#[derive(Clone, Debug, Default)]
pub(crate) struct Step {
    /// Directory of the policy file, on the host; all paths of the step are relative to it. Empty: the current one.
    pub(crate) base: Bytes,
    /// `in`: patterns of files (`*`, `?`, `**`; a directory's name means all below it), seen read-only.
    pub(crate) inputs: Vec<Bytes>,
    /// `out`: what the step makes: a file, or with a `/` at its end a directory.
    pub(crate) outputs: Vec<Bytes>,
    /// `scratch`: where the step may write what nobody needs afterwards: directories with a `/` at their end, files, patterns
    /// of files in directories that can be written anyway.
    pub(crate) scratch: Vec<Bytes>,
    /// `tools`: names to be found on PATH, or absolute paths: with all that they need to run.
    pub(crate) tools: Vec<Bytes>,
    /// `absent`: absolute paths, each with all below it, that the step may look for and that are not there: no denial.
    pub(crate) absent: Vec<Bytes>,
    /// `epoch`: SOURCE_DATE_EPOCH, and the time of change that all inputs have; `None`: 1.
    pub(crate) epoch: Option<u64>,
    /// The tables `[request.WHO]` of the files that `requests` lists: dependencies ask.
    pub(crate) requests: Vec<Ask>,
    /// The tables `[grant.WHO]` of the root project's file: in force is what the same WHO's request asks for, too.
    pub(crate) grants: Vec<Ask>,
}

/// What a dependency asks for, or the root project grants it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Ask {
    /// The table's name.
    pub(crate) who: String,
    pub(crate) wishes: Vec<Wish>,
    /// Never empty.
    pub(crate) reason: String,
}

/// One thing that widens: the keys `net`, `ro`, `exec`, `env`, `calls`, `tools`, `in`, `absent` of such a table, one value each.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Wish {
    Net(Net),
    Ro(Bytes),
    Exec(Bytes),
    Env(Bytes),
    Call(String),
    Tool(Bytes),
    Input(Bytes),
    Absent(Bytes),
}

/// Where the project is in the cage.
pub(crate) const WORK: &[u8] = b"/work";
/// An empty directory.
pub(crate) const HOME: &[u8] = b"/home";
/// A step that can be run: its policy but for what the stage adds, and what the stage is made of.
pub(crate) struct Ready {
    pub(crate) policy: Policy,
    pub(crate) step: Step,
    /// The project's directory, absolute.
    pub(crate) base: Bytes,
    project: Fd,
    inputs: Vec<inputs::Input>,
    /// The caller's home.
    home: Option<Bytes>,
}

/// One run of it.
pub(crate) struct Ran {
    pub(crate) stage: Stage,
    pub(crate) policy: Policy,
    pub(crate) outcome: Outcome,
    pub(crate) found: Found,
}

/// The whole of a step, its record included; with `verify` it runs twice. Answers the tool's exit code.
pub(crate) fn run(policy: Policy, step: &Step, verify: bool, env: Env<'_>) -> Result<u8, String> {
    files::umask(0o22);
    let ready = ready::ready(policy, step.clone(), env)?;
    let record = record::of(&ready.policy)?;
    let first = ready.run(&ready.base, WORK, Order::Rising, &ready.policy)?;
    let second =
        if verify && first.is_good() { Some(twice::again(&ready, first.outcome.ended_ns)?) } else { None };
    let difference = match &second {
        Some(second) => twice::difference(&first, second)?,
        None => None,
    };
    if let Some(difference) = &difference {
        tell(&said(format_args!("verify: {difference}")));
    }
    let equal = second.as_ref().map(|_| difference.is_none());
    let code = first.judge(equal, &record, true)?;
    if let Some(second) = &second {
        let again = second.judge(equal, &record, false)?;
        return bring(&ready, &first, if code == 0 { again } else { code });
    }
    bring(&ready, &first, code)
}

/// Brings the outputs of a run that nothing speaks against into the project.
fn bring(ready: &Ready, ran: &Ran, code: u8) -> Result<u8, String> {
    if code == 0 {
        outputs::deliver(&ran.stage, &ready.project, &ran.found.made)?;
    }
    Ok(code)
}

impl Ready {
    /// Runs the step in a stage of its own below `holder`, the project at `work` in the cage.
    pub(crate) fn run(
        &self,
        holder: &[u8],
        work: &[u8],
        order: Order,
        policy: &Policy,
    ) -> Result<Ran, String> {
        let plan = Plan {
            project: &self.project,
            inputs: &self.inputs,
            outputs: &self.step.outputs,
            scratch: &self.step.scratch,
            cwd: if policy.cwd.starts_with(b"/") { b"" } else { &policy.cwd },
            epoch: self.step.epoch.unwrap_or(1),
        };
        let stage = Stage::make(&plan, holder, order)?;
        let mut policy = policy.clone();
        policy.places.extend(stage.places(work));
        policy.cwd = join(work, &policy.cwd);
        policy.twin = Some((work.to_vec(), self.base.clone()));
        policy.home.clone_from(&self.home);
        let mut outcome = supervise::run(&policy)?;
        excuse(&mut outcome, &self.step.absent);
        // What an earlier run of it made.
        let own = self.step.outputs.iter().chain(&self.step.scratch);
        let own: Vec<Bytes> = own.map(|path| join(work, path.strip_suffix(b"/").unwrap_or(path))).collect();
        excuse(&mut outcome, &own);
        outcome.denials.iter_mut().for_each(|denial| hint(denial, work, &policy.env));
        let found = outputs::found(&stage, &self.step, policy.limits.wall_ms);
        Ok(Ran { stage, policy, outcome, found })
    }
}

impl Ran {
    /// Whether there is something to compare or to bring out.
    pub(crate) fn is_good(&self) -> bool {
        self.outcome.end == End::Exit(0) && self.found.faults.is_empty()
    }

    /// The verdict: said, recorded, and as an exit code.
    fn judge(&self, equal: Option<bool>, record: &Option<Record>, aloud: bool) -> Result<u8, String> {
        let (policy, outcome) = (&self.policy, &self.outcome);
        let mut judged = verdict::judge(policy, outcome, equal, &self.found.undeclared);
        // What a failed program left behind is no news.
        if outcome.end == End::Exit(0) && !self.found.faults.is_empty() {
            let about = self.found.faults.iter().map(|fault| fault.as_bytes().to_vec()).collect();
            judged.1.push(Observation { what: "output refused", weight: FORBIDDEN, about });
            judged.0 = Verdict::Reject;
        }
        if aloud {
            self.say(&judged);
        }
        let own = verdict::exit_code(outcome, equal, judged.0);
        if let Some(record) = record {
            let outputs: Vec<record::Output> = self.found.made.iter().map(output).collect();
            let inputs: Vec<record::Input> = self.stage.given.iter().map(|given| self.input(given)).collect();
            let line = |previous: &_| record::line(policy, outcome, &judged, &outputs, &inputs, previous);
            return Ok(conclude::recorded(record.append(line), own));
        }
        Ok(own)
    }

    fn input(&self, given: &Given) -> record::Input {
        let work = self.policy.twin.as_ref().map_or(WORK, |(work, _)| work);
        let path = join(work, &given.path);
        let read = self.policy.watch == Watch::Calls || self.outcome.accesses.iter().any(|a| a.path == path);
        record::Input { path: given.path.clone(), hash: given.hash, size: given.size, read }
    }

    /// What was wrong, for whoever called.
    fn say(&self, (verdict, observations): &(Verdict, Vec<Observation>)) {
        conclude::say(&self.policy, &self.outcome);
        for path in &self.found.undeclared {
            tell(&said(format_args!("undeclared output, left behind: {}", shown(path))));
        }
        for fault in self.found.faults.iter().filter(|_| self.outcome.end == End::Exit(0)) {
            tell(fault);
        }
        if !self.policy.quiet {
            let weighing = observations.iter().filter(|o| o.weight > 0 && o.what != "unverified");
            let why: Vec<&str> = weighing.map(|o| o.what).collect();
            let why =
                if why.is_empty() { String::new() } else { said(format_args!(" ({})", why.join(", "))) };
            tell(&said(format_args!("step {}: {}{why}", self.policy.name, verdict.name())));
        }
    }
}

fn output(made: &Made) -> record::Output {
    record::Output { path: made.path.clone(), hash: made.hash, mode: made.mode, size: made.size }
}
