//! The seccomp program: from a policy to instructions.
//!
//! Runs in: bailiff-cage, before the cage is made. In: the policy. Out: classic BPF that looks at the architecture, then at
//! the number, then, where a call has a check, at its arguments. Never: allows what no set or list names; ends the process
//! but for a foreign table of calls: whatever else is not allowed is reported to the launcher, who refuses it by name.
//!
//! The order of calls does not matter: the kernel runs the program for each number when it is put in force, and remembers
//! which ones are allowed whatever the arguments. Installing it is what costs, so its paths are short: a balanced search by
//! ranges of numbers. It is written from its end to its beginning, so that each jump knows how far its target is.
use alloc::string::String;
use alloc::vec::Vec;

use bailiff::shims::arch::{AUDIT_ARCH, FIRST_FOREIGN};
use bailiff::shims::confine::Instruction;

use crate::calls::checks::{Answer, Check, Clause, Given, Test, check};
use crate::calls::{self, Set};
use crate::listen::files::{EXECUTES, WATCHED};
use crate::policy::{Calls, Policy, Watch};
use crate::text::{said, shown};

const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const AND: u16 = 0x54; // BPF_ALU | BPF_AND | BPF_K
const JUMP: u16 = 0x05; // BPF_JMP | BPF_JA
const EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const NOT_BELOW: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K
/// `struct seccomp_data` (linux/seccomp.h, 6.18): number, architecture, instruction pointer, six arguments of 64 bits, the
/// low half first, for both architectures are little-endian.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

const ALLOW: u32 = 0x7fff_0000; // SECCOMP_RET_ALLOW
const NOTIFY: u32 = 0x7fc0_0000; // SECCOMP_RET_USER_NOTIF
const KILL: u32 = 0x8000_0000; // SECCOMP_RET_KILL_PROCESS

/// The kernel's own limit (BPF_MAXINSNS).
const MOST: usize = 4096;

/// What a policy says of calls, ready to be asked.
#[derive(Clone, Debug)]
pub(crate) struct Grants {
    allowed: Set,
    given: Given,
    watch: Watch,
}

/// What becomes of a call.
#[derive(Clone, Copy)]
pub(crate) enum Fate {
    Allowed,
    /// Allowed with arguments that pass.
    Checked(&'static Check),
    Refused,
}

impl Grants {
    /// A list may hold `static` and `default` too: all calls of that set.
    pub(crate) fn new(policy: &Policy) -> Result<Self, String> {
        let mut allowed = Set::ALWAYS;
        let mut narrow = policy.calls == Calls::Static;
        match &policy.calls {
            Calls::Static => allowed = Set::STATIC,
            Calls::Default => allowed = Set::DEFAULT,
            Calls::Listed(names) => {
                narrow = names.iter().any(|n| n == "static")
                    && !names.iter().any(|n| n == "default" || n == "ioctl");
                for name in names {
                    match name.as_str() {
                        "static" => allowed = allowed.and(Set::STATIC),
                        "default" => allowed = allowed.and(Set::DEFAULT),
                        name => allowed.put(calls::number(name).ok_or_else(|| unknown(name))?),
                    }
                }
            }
        }
        let given = Given { net: policy.net, narrow, no_write_exec: policy.no_write_exec };
        Ok(Self { allowed, given, watch: policy.watch })
    }

    pub(crate) fn fate(&self, number: u32) -> Fate {
        if !self.allowed.has(number) {
            return Fate::Refused;
        }
        check(number, self.given).map_or(Fate::Allowed, Fate::Checked)
    }

    /// Whether it is reported even though it is allowed.
    fn is_watched(&self, number: u32) -> bool {
        match self.watch {
            Watch::Files => WATCHED.has(number),
            Watch::Calls => EXECUTES.has(number),
        }
    }
}

fn unknown(name: &str) -> String {
    let name_shown = shown(name.as_bytes());
    match calls::nearest(name) {
        Some(near) => said(format_args!("calls: there is no system call {name_shown}: {near} is meant?")),
        None => said(format_args!("calls: there is no system call {name_shown}")),
    }
}

/// The program for this policy.
pub(crate) fn program(policy: &Policy) -> Result<Vec<Instruction>, String> {
    let grants = Grants::new(policy)?;
    let mut writer = Writer { reversed: Vec::new(), copies: Vec::new() };
    let kill = writer.put(RETURN, 0, 0, KILL);
    let notify = writer.put(RETURN, 0, 0, NOTIFY);
    let allow = writer.put(RETURN, 0, 0, ALLOW);
    let mut blocks: Vec<(&'static Check, Label)> = Vec::new();
    let mut ranges: Vec<(u32, Label)> = Vec::new();
    for number in 0..=calls::MOST as u32 {
        let to = match grants.fate(number) {
            _ if grants.is_watched(number) => notify,
            Fate::Refused => notify,
            Fate::Allowed => allow,
            Fate::Checked(check) => match blocks.iter().find(|(known, _)| core::ptr::eq(*known, check)) {
                Some((_, label)) => *label,
                None => {
                    let label = writer.check(check, allow, notify);
                    blocks.push((check, label));
                    label
                }
            },
        };
        if ranges.last().is_none_or(|(_, before)| *before != to) {
            ranges.push((number, to));
        }
    }
    ranges.push((FIRST_FOREIGN, kill));
    let search = writer.search(&ranges);
    let number = writer.then(search, LOAD, NUMBER);
    let start = writer.jump(EQUAL, AUDIT_ARCH, number, kill);
    writer.then(start, LOAD, ARCHITECTURE);
    writer.reversed.reverse();
    if writer.reversed.len() > MOST {
        return Err(said(format_args!("calls: the filter has {} instructions", writer.reversed.len())));
    }
    Ok(writer.reversed)
}

/// An instruction, counted from the end.
type Label = usize;

struct Writer {
    reversed: Vec<Instruction>,
    /// What stands nearer to the beginning and does the same as the first.
    copies: Vec<(Label, Label)>,
}

impl Writer {
    fn put(&mut self, code: u16, jt: u8, jf: u8, k: u32) -> Label {
        self.reversed.push(Instruction { code, jt, jf, k });
        self.reversed.len() - 1
    }

    /// Instructions that a jump put now skips to reach `label`.
    fn distance(&self, label: Label) -> usize {
        self.reversed.len() - 1 - label
    }

    /// `label`, or something that does the same and is near enough for two jumps of 8 bits put now.
    fn near(&mut self, label: Label) -> Label {
        let copy = self.copies.iter().rev().find(|(of, _)| *of == label).map_or(label, |(_, copy)| *copy);
        if self.distance(copy) < 250 {
            return copy;
        }
        let distance = self.distance(label);
        let there = self.reversed.get(label).copied().unwrap_or_default();
        let copy = match there.code {
            RETURN => self.put(RETURN, 0, 0, there.k),
            _ => self.put(JUMP, 0, 0, u32::try_from(distance).unwrap_or(u32::MAX)),
        };
        self.copies.push((label, copy));
        copy
    }

    fn jump(&mut self, code: u16, k: u32, yes: Label, no: Label) -> Label {
        if yes == no {
            return yes;
        }
        let (yes, no) = (self.near(yes), self.near(no));
        let to = |label| u8::try_from(self.distance(label)).unwrap_or(u8::MAX);
        let (jt, jf) = (to(yes), to(no));
        self.put(code, jt, jf, k)
    }

    /// An instruction that goes on with the one at `next`.
    fn then(&mut self, next: Label, code: u16, k: u32) -> Label {
        let distance = self.distance(next);
        if distance > 0 {
            self.put(JUMP, 0, 0, u32::try_from(distance).unwrap_or(u32::MAX));
        }
        self.put(code, 0, 0, k)
    }

    /// The range that the number lies in: `(first, where to)`. Wide ranges stand nearer to the top, for the kernel tries each
    /// number once.
    fn search(&mut self, ranges: &[(u32, Label)]) -> Label {
        let [(start, to), rest @ ..] = ranges else { return 0 };
        let Some((last, _)) = rest.last() else { return *to };
        let middle = start.midpoint((*last).min(calls::MOST as u32)).max(start + 1);
        let at = 1 + rest.iter().position(|(first, _)| *first >= middle).unwrap_or(0);
        let (low, high) = ranges.split_at(at);
        let first = high.first().map_or(0, |(first, _)| *first);
        let yes = self.search(high);
        let no = self.search(low);
        self.jump(NOT_BELOW, first, yes, no)
    }

    fn check(&mut self, check: &Check, allow: Label, notify: Label) -> Label {
        let to = |answer| if answer == Answer::Allow { allow } else { notify };
        let clause = |next, clause: &Clause| {
            let then = to(clause.answer);
            clause.when.iter().rev().fold(then, |yes, test| self.test(test, yes, next))
        };
        check.clauses.iter().rev().fold(to(check.otherwise), clause)
    }

    fn test(&mut self, test: &Test, yes: Label, no: Label) -> Label {
        let (yes, no) = if test.is { (yes, no) } else { (no, yes) };
        let low = ARGUMENTS + u32::from(test.arg) * 8;
        let half = |value: u64| value as u32;
        if test.mask <= u64::from(u32::MAX) {
            let next = test.values.iter().rev().fold(no, |no, value| self.jump(EQUAL, half(*value), yes, no));
            return self.load(next, low, half(test.mask));
        }
        // All 64 bits: for each value the high half, then the low one.
        test.values.iter().rev().fold(no, |no, value| {
            let next = self.jump(EQUAL, half(*value), yes, no);
            let next = self.load(next, low, half(test.mask));
            let next = self.jump(EQUAL, half(*value >> 32), next, no);
            self.load(next, low + 4, half(test.mask >> 32))
        })
    }

    fn load(&mut self, next: Label, at: u32, mask: u32) -> Label {
        let next = if mask == u32::MAX { next } else { self.then(next, AND, mask) };
        self.then(next, LOAD, at)
    }
}
