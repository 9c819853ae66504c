//! The listener: calls that the filter reports are named, and answered.
//!
//! Runs in: bailiff-cage, outside the cage. In: notifications of the kernel's; for the report alone, the caller's memory,
//! its working directory and its view of files. Out: EPERM (ENOSYS where a library knows another way) for what the filter
//! does not allow; for a file that is only watched, CONTINUE; at the end all denials and accesses. Never: lets a call go on
//! for what it read in memory: registers alone decide, by the same checks of which the filter was made.
pub(crate) mod files;
pub(crate) mod process;
mod watch;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use bailiff::shims::cage::notify::{self, Waiting};
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;

use crate::calls;
use crate::calls::rules::{ATTRIBUTE, NAMESPACE, NAMESPACES, S_ID, S_ID_RULE};
use crate::denial;
use crate::filter::Grants;
use crate::inside::PROGRAM;
use crate::outcome::{Access, Denial, Why};
use crate::policy::{Bytes, Policy, Watch};
use crate::step::paths::NAME;
use crate::text::said;
use files::uses;

/// So many different denials are kept, and as many files as their and the denials' texts, at `NAME` for each, have room here;
/// the rest is counted. A program that makes up names does not fill the launcher's memory.
const DENIALS: usize = 1000;
const ROOM: usize = 4 << 20;
/// Calls from here on are answered ENOSYS: libraries that know them also do without (Linux 6.5 and later).
const NEW: u32 = 451;

/// The filter's other end.
pub(crate) struct Listener {
    fd: Fd,
    policy: Policy,
    grants: Option<Grants>,
    /// Whether the program was started: the launcher's own exec is the first call that is reported.
    started: bool,
    /// Whether the last process under the filter has ended.
    over: bool,
    /// The root of the cage, once it was seen.
    root: Option<Fd>,
    denials: Vec<Denial>,
    /// Path; whether it was written; whether it was executed.
    accesses: BTreeMap<Bytes, (bool, bool)>,
    /// What is left of `ROOM`.
    room: usize,
    /// Denials and files beyond the limits.
    beyond: u64,
}

impl Listener {
    pub(crate) fn new(fd: Fd, policy: &Policy) -> Self {
        let _ = notify::quick(&fd);
        Self {
            fd,
            policy: policy.clone(),
            grants: Grants::new(policy).ok(),
            started: false,
            over: false,
            root: None,
            denials: Vec::new(),
            accesses: BTreeMap::new(),
            room: ROOM,
            beyond: 0,
        }
    }

    /// To be polled, until `is_over`.
    pub(crate) fn fd(&self) -> &Fd {
        &self.fd
    }

    /// Nobody is left whose calls could come: the descriptor stays ready, but there is nothing to answer.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// Answers one call, if one waits; else the last process under the filter has ended.
    pub(crate) fn answer(&mut self, waits: bool) {
        self.over = !waits;
        let Some(Ok(call)) = waits.then(|| notify::receive(&self.fd)) else { return };
        let name = calls::name(call.number).unwrap_or("");
        let answer = self.decide(&call, name);
        let _ = notify::answer(&self.fd, call.id, answer);
    }

    /// What was refused, and what was used.
    pub(crate) fn finish(mut self) -> (Vec<Denial>, Vec<Access>) {
        if self.beyond > 0 {
            let rule = said(format_args!("of different denials and files only the first are listed"));
            let more = self.beyond;
            self.denials.push(denied(Why::Call, "more", &Waiting::default(), (rule, String::new())));
            self.denials.iter_mut().rev().take(1).for_each(|last| last.count = more);
        }
        let access = |(path, (write, execute))| Access { path, write, execute };
        (self.denials, self.accesses.into_iter().map(access).collect())
    }

    fn decide(&mut self, call: &Waiting, name: &str) -> Option<Errno> {
        if !self.started && name == "execveat" && call.args[0] == PROGRAM.into() {
            self.started = true;
            self.note_program(call);
            return None;
        }
        let Some(grants) = &self.grants else { return Some(Errno::EPERM) };
        let Some(rule) = denial::rule(grants, &self.policy.calls, call.number, &call.args) else {
            self.look(call, name);
            return None;
        };
        // Of these libraries do without: they ask whether the call is there, or whether the file system can do it.
        let usual = match name {
            "clone3" | "openat2" => Some(Errno::ENOSYS),
            "setxattr" | "lsetxattr" | "fsetxattr" | "setxattrat" => Some(Errno::EOPNOTSUPP),
            _ => None,
        };
        match (usual, hidden_rule(call, name)) {
            (Some(usual), None) => return Some(usual),
            (_, Some(rule)) => self.refuse(call, name, (said(format_args!("{rule}")), String::new())),
            (None, None) => self.refuse(call, name, rule),
        }
        match usual {
            Some(Errno::ENOSYS) => usual,
            _ if call.number >= NEW => Some(Errno::ENOSYS),
            _ if self.policy.learn => {
                self.look(call, name);
                None
            }
            _ => Some(Errno::EPERM),
        }
    }

    /// A call that the filter does not allow, and what it speaks of.
    fn refuse(&mut self, call: &Waiting, name: &str, rule: (String, String)) {
        let shown = if name.is_empty() {
            said(format_args!("call_{}", call.number))
        } else {
            said(format_args!("{name}"))
        };
        let mut denial = denied(Why::Call, &shown, call, rule);
        denial.path = match name {
            "clone3" => process::word(call.pid, call.args[0]).map(|flags| denial::flags(flags).into_bytes()),
            "memfd_create" | "fsopen" => process::text(call.pid, call.args[0]),
            "bind" | "connect" => process::address(call, call.args[1], call.args[2]),
            "sendto" => process::address(call, call.args[4], call.args[5]),
            "execveat" if call.args[4] & 0x1000 != 0 => process::opened(call.pid, call.args[0] as i32),
            _ => match denial::words(name, &call.args) {
                Some(words) => Some(words.into_bytes()),
                None => uses(name, &call.args).first().and_then(|file| process::path(call.pid, file)),
            },
        };
        self.deny(call, denial);
    }

    /// Keeps a denial, or counts it with its like.
    fn deny(&mut self, call: &Waiting, mut denial: Denial) {
        denial.program = process::program(call.pid);
        if !notify::waits(&self.fd, call.id) {
            // Whoever made the call has ended: what was read may be another's.
            (denial.path, denial.program) = (None, Bytes::new());
        }
        let same = |known: &Denial| {
            (known.why, known.number) == (denial.why, denial.number)
                && known.path == denial.path
                && known.program == denial.program
                && known.rule == denial.rule
        };
        if let Some(known) = self.denials.iter_mut().find(|known| same(known)) {
            known.count = known.count.saturating_add(1);
            return;
        }
        let texts = [
            denial.path.as_deref().unwrap_or(&[]),
            &denial.program,
            denial.rule.as_bytes(),
            denial.allow.as_bytes(),
        ];
        match self.denials.len() {
            DENIALS.. => self.beyond = self.beyond.saturating_add(1),
            _ if self.fits(&texts) => self.denials.push(denial),
            _ => {}
        }
    }

    /// The launcher's own exec: which file it starts.
    fn note_program(&mut self, call: &Waiting) {
        if let Some(path) = process::opened(call.pid, call.args[0] as i32) {
            self.note(path, false, true);
        }
    }

    fn note(&mut self, path: Bytes, write: bool, execute: bool) {
        if self.policy.watch == Watch::Calls {
            return;
        }
        if let Some(known) = self.accesses.get_mut(&path) {
            *known = (known.0 || write, known.1 || execute);
        } else if self.fits(&[&path]) {
            self.accesses.insert(path, (write, execute));
        }
    }

    /// Takes room for one more; if there is none, it is counted alone.
    fn fits(&mut self, texts: &[&[u8]]) -> bool {
        let left = texts.iter().try_fold(self.room, |room, text| room.checked_sub(text.len()));
        let left = left.and_then(|room| room.checked_sub(NAME));
        self.room = left.unwrap_or(self.room);
        self.beyond = self.beyond.saturating_add(left.is_none().into());
        left.is_some()
    }
}

fn denied(why: Why, name: &str, call: &Waiting, (rule, allow): (String, String)) -> Denial {
    Denial {
        why,
        call: said(format_args!("{name}")),
        number: call.number,
        args: call.args,
        path: None,
        pid: call.pid,
        program: Bytes::new(),
        rule,
        allow,
        count: 1,
    }
}

/// The rule that a call breaks whose arguments lie in memory; `None`: none, or it has no such arguments.
fn hidden_rule(call: &Waiting, name: &str) -> Option<&'static str> {
    let [a, b, c, ..] = call.args;
    let attribute =
        |at| process::text(call.pid, at).is_none_or(|name| !is_harmless(&name)).then_some(ATTRIBUTE);
    match name {
        "clone3" => (process::word(call.pid, a)? & (NAMESPACES | 0x80) != 0).then_some(NAMESPACE),
        "openat2" => (process::word(call.pid, c.wrapping_add(8))? & S_ID != 0).then_some(S_ID_RULE),
        "setxattr" | "lsetxattr" | "fsetxattr" => attribute(b),
        "setxattrat" => attribute(call.args[3]),
        _ => None,
    }
}

/// Attributes that copying programs carry over where they can: the user's own, and access lists.
fn is_harmless(attribute: &[u8]) -> bool {
    attribute.starts_with(b"user.") || attribute.starts_with(b"system.posix_acl_")
}
