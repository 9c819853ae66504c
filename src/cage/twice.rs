//! A step's second run, under other circumstances, and what came out differently.
//!
//! Runs in: bailiff-cage. In: a step that ran well once. Out: its second run; the first byte that differs. Never: brings
//! anything of the second run out.
//!
//! What is another the second time: the project's path, the user and the host's name, how long the system has been up, the
//! number of processors (one), the order in which the inputs were made, and mostly the file system that they lie on, by
//! which directories are listed; the date is a later one. What is not: the processor's kind, the kernel.
use alloc::string::String;
use alloc::vec;

use bailiff::shims::cage::disk::{self, NO_EXEC, READ_ONLY};
use bailiff::shims::clock::realtime_ns;
use bailiff::shims::io::ppoll;
use bailiff::shims::process;

use crate::conclude;

use crate::stage::Order;
use crate::stage::outputs::{self, Made};
use crate::step::paths::{self, fill, refused};
use crate::step::{Ran, Ready};
use crate::text::{said, shown};
use crate::verdict::{FORBIDDEN, judge};

/// Where the project is the second time: a longer path.
const WORK: &[u8] = b"/verify/the/second/place/of/work";
/// Four hundred days.
const AHEAD_S: u64 = 400 * 86_400;
/// A user id that nobody has, nor the first run (supervise.rs counts up from beyond it).
const OTHER: u32 = 0x5fff_0001;
/// A file system in memory, where there is one.
const MEMORY: &[u8] = b"/dev/shm";

/// The date is not the kernel's to change; but archives have it in steps of two seconds (zip), and two short runs would have
/// the same.
const SLOT_NS: u64 = 2_000_000_000;

/// The second run; the first ended then.
pub(crate) fn again(ready: &Ready, ended_ns: u64) -> Result<Ran, String> {
    let mut policy = ready.policy.clone();
    policy.name = said(format_args!("{} (again)", policy.name));
    policy.host = b"another-cage".to_vec();
    policy.clock_ahead_s = policy.clock_ahead_s.saturating_add(AHEAD_S);
    policy.user = Some((OTHER, OTHER));
    // How the step ended is told once.
    policy.status_fd = None;
    let all = process::processors().ok();
    if let Some(one) = all.and_then(first) {
        let _ = process::set_processors(&one);
    }
    let slot = |ns: u64| ns / SLOT_NS;
    while slot(realtime_ns()) == slot(ended_ns) {
        let _ = ppoll(&mut [], Some(SLOT_NS - realtime_ns() % SLOT_NS));
    }
    let mut ran = Err(String::new());
    if is_memory() {
        ran = ready.run(MEMORY, WORK, Order::Falling, &policy);
    }
    // It may be too small, for the inputs or for what the step makes.
    if !ran.as_ref().is_ok_and(Ran::is_good) {
        ran = ready.run(&ready.base, WORK, Order::Falling, &policy);
    }
    if let Some(all) = all {
        let _ = process::set_processors(&all);
    }
    ran
}

/// The first processor of a set alone.
fn first(set: [u64; 16]) -> Option<[u64; 16]> {
    let at = set.iter().position(|word| *word != 0)?;
    let mut one = [0; 16];
    let word = set.get(at)?;
    *one.get_mut(at)? = 1 << word.trailing_zeros();
    Some(one)
}

/// Whether programs can be executed in `MEMORY`, and it is what it seems.
fn is_memory() -> bool {
    const TMPFS_MAGIC: u64 = 0x0102_1994;
    let held = paths::directory(MEMORY).ok().and_then(|fd| disk::filesystem(&fd).ok());
    held.is_some_and(|(kind, flags)| kind == TMPFS_MAGIC && flags & (READ_ONLY | NO_EXEC) == 0)
}

/// The first thing that came out differently.
pub(crate) fn difference(first: &Ran, second: &Ran) -> Result<Option<String>, String> {
    if first.stage.given != second.stage.given {
        return Ok(Some(String::from("an input was changed between the two runs")));
    }
    if first.outcome.end != second.outcome.end {
        return Ok(Some(said(format_args!("the second run ended otherwise: {:?}", second.outcome.end))));
    }
    if let Some(fault) = second.found.faults.first() {
        return Ok(Some(said(format_args!("the second run: {fault}"))));
    }
    let (mut ones, mut others) = (first.found.made.iter(), second.found.made.iter());
    loop {
        let only = |made: &Made, which| {
            Ok(Some(said(format_args!("{}: made in the {which} run only", shown(&made.path)))))
        };
        match (ones.next(), others.next()) {
            (None, None) => return Ok(rejected(first, second)),
            (Some(one), None) => return only(one, "first"),
            (None, Some(other)) => return only(other, "second"),
            (Some(one), Some(other)) if one.path < other.path => return only(one, "first"),
            (Some(one), Some(other)) if one.path > other.path => return only(other, "second"),
            (Some(one), Some(other)) if one == other => {}
            (Some(one), Some(other)) => return compare(first, second, one, other).map(Some),
        }
    }
}

/// What the second run alone did that the policy forbids.
fn rejected(first: &Ran, second: &Ran) -> Option<String> {
    let forbidden = |ran: &Ran| {
        let (_, seen) = judge(&ran.policy, &ran.outcome, Some(true), &ran.found.undeclared);
        seen.into_iter().find(|seen| seen.weight >= FORBIDDEN)
    };
    let seen = forbidden(second).filter(|_| forbidden(first).is_none())?;
    conclude::say(&second.policy, &second.outcome);
    Some(said(format_args!("in the second run only: {}: {}", seen.what, shown(&seen.about.join(&b", "[..])))))
}

/// How two outputs of one path differ.
fn compare(first: &Ran, second: &Ran, one: &Made, other: &Made) -> Result<String, String> {
    let path = shown(&one.path);
    if one.link != other.link {
        return Ok(said(format_args!("{path}: a link to another place, or a link in one run only")));
    }
    if one.mode != other.mode {
        return Ok(said(format_args!("{path}: mode {:o}, then {:o}", one.mode, other.mode)));
    }
    let file = |ran: &Ran, made: &Made| {
        outputs::open(&ran.stage, &made.path).map_err(|e| refused(&made.path, "cannot be compared", e))
    };
    let wrong = |e| refused(&one.path, "cannot be compared", e);
    let (a, b) = (file(first, one)?, file(second, other)?);
    let (mut left, mut right) = (vec![0u8; 1 << 16], vec![0u8; 1 << 16]);
    let mut at = 0u64;
    loop {
        let used = fill(&a, &mut left).map_err(wrong)?;
        let got = fill(&b, &mut right).map_err(wrong)?;
        let (left, right) = (left.get(..used).unwrap_or_default(), right.get(..got).unwrap_or_default());
        if let Some(same) = left.iter().zip(right).position(|(x, y)| x != y) {
            let offset = at.saturating_add(same as u64);
            let [x, y] = [left, right].map(|bytes| bytes.get(same).copied().unwrap_or(0));
            return Ok(said(format_args!("{path}: differs at byte {offset}: {x:#04x}, then {y:#04x}")));
        }
        if used != got || used == 0 {
            let (one, other) = (one.size, other.size);
            return Ok(said(format_args!(
                "{path}: as far as both go the same, but {one} bytes, then {other}"
            )));
        }
        at = at.saturating_add(used as u64);
    }
}
