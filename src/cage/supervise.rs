//! One run: the cage started, watched, ended.
//!
//! Runs in: bailiff-cage, outside the cage, as its caller. In: the policy; messages of the cage's first process; calls that
//! the filter refused; signals; the clock. Out: `Outcome`. Never: lets the program exec before its file was hashed and all
//! layers reported, takes a word of the program's for more than a word to print.
use alloc::ffi::CString;
use alloc::string::String;
use alloc::vec::Vec;

use bailiff::shims::cage::spawn::{self, Child, Side};
use bailiff::shims::clock::{monotonic_ns, realtime_ns};
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::io::{PollFd, ppoll};
use bailiff::shims::process::{self, next_signal, signals};
use bailiff::shims::sockets;

use crate::filter;
use crate::group::{self, Group};
use crate::inside::{self, Before};
use crate::listen::Listener;
use crate::namespaces;
use crate::outcome::{End, Layer, Outcome};
use crate::policy::{Bytes, Net, Policy};
use crate::root::{self, c};
use crate::text::said;
use crate::who;

mod messages;

const SIGKILL: u8 = 9;
const SIGTERM: u8 = 15;
const SIGCHLD: u32 = 17;
/// How long a program that was told to end may take.
const GRACE_NS: u64 = 1_000_000_000;

/// A run that is under way.
struct Run<'a> {
    policy: &'a Policy,
    first: Child,
    /// Its control group, or why it has none.
    group: Result<Group, String>,
    channel: Fd,
    signals: Fd,
    listener: Option<Listener>,
    /// The program's process, and the number that its listener has there.
    program: Option<Fd>,
    number: Option<u32>,
    /// Whether the first process keeps nothing any more: only now may the program exec.
    stands_by: bool,
    /// The launcher's own.
    namespaces: Vec<Bytes>,
    outcome: Outcome,
    end: Option<End>,
    /// The program's own end, as the first process said.
    said: Option<End>,
    /// Whether the first process has nothing more to say.
    is_over: bool,
    deadline_ns: Option<u64>,
    killing: bool,
}

/// Runs the policy's command in its cage. `Err`: what was asked for cannot be done; nothing was started.
pub(crate) fn run(policy: &Policy) -> Result<Outcome, String> {
    let program = filter::program(policy)?;
    let texts = |all: &[Bytes]| all.iter().map(|t| c(t)).collect::<Result<Vec<CString>, Errno>>();
    let (Ok(argv), Ok(env)) = (texts(&policy.command), texts(&policy.env)) else {
        return Err(String::from("an argument holds a zero byte"));
    };
    if argv.is_empty() {
        return Err(String::from("no command"));
    }
    let refused = |what: &'static str| move |errno: Errno| said(format_args!("{what}: errno {}", errno.0));
    let outside = who::own().map_err(refused("ids"))?;
    let (own_ids, who) = who::who(policy.user, outside);
    let net = match (&policy.net_path, policy.net) {
        (Some(path), Net::None) => Some(root::opened(path)?),
        _ => None,
    };
    let before = Before {
        policy,
        filter: &program,
        own_ids,
        outside,
        who,
        argv: &argv,
        env: &env,
        net: net.as_ref(),
        here: c"/proc",
    };
    start(&before)
}

/// Starts the cage's first process, and stays with it to its end.
fn start(before: &Before<'_>) -> Result<Outcome, String> {
    let refused = |what: &'static str| move |errno: Errno| said(format_args!("{what}: errno {}", errno.0));
    let policy = before.policy;
    let _ = spawn::die_with_parent(SIGKILL);
    let signals = signals().map_err(refused("signalfd"))?;
    let (channel, theirs) = sockets::pair().map_err(refused("socketpair"))?;
    let outcome = Outcome::new(realtime_ns());
    let from = monotonic_ns();
    let namespaces = inside::namespaces(policy, before.own_ids, before.net.is_some());
    let (forked, group) = group::fork(namespaces, &policy.limits);
    let first = match forked {
        Ok(Side::Parent(child)) => child,
        Ok(Side::Child) => {
            drop(channel);
            inside::run(before, &theirs)
        }
        Err(errno) => {
            let _ = group.map(|group| group.finish());
            let step = String::from("namespaces (see `bailiff-cage doctor`)");
            return Ok(Outcome { end: End::Open { step, errno: errno.0 }, ..outcome });
        }
    };
    drop(theirs);
    let deadline_ns = policy.limits.wall_ms.map(|ms| from.saturating_add(ms.saturating_mul(1_000_000)));
    let run = Run {
        policy,
        first,
        group,
        channel,
        signals,
        listener: None,
        program: None,
        number: None,
        stands_by: false,
        namespaces: namespaces::of("self", false),
        outcome,
        end: None,
        said: None,
        is_over: false,
        deadline_ns,
        killing: false,
    };
    Ok(run.watch().finish(from))
}

impl Run<'_> {
    /// Until the first process of the cage has ended.
    fn watch(mut self) -> Self {
        loop {
            let idle = PollFd::IDLE;
            let calls = match &self.listener {
                Some(listener) if self.stands_by && !listener.is_over() => PollFd::readable(listener.fd()),
                _ => idle,
            };
            let mut slots = [
                if self.is_over { idle } else { PollFd::readable(&self.channel) },
                PollFd::readable(&self.signals),
                calls,
                PollFd::readable(&self.first.fd),
            ];
            let left = self.deadline_ns.map(|at| at.saturating_sub(monotonic_ns()));
            let _ = ppoll(&mut slots, left);
            let [message, signal, call, ended] = slots.map(|slot| slot.is_ready());
            let [_, _, waits, _] = slots.map(|slot| slot.has_data());
            if message {
                self.messages();
            }
            if signal {
                self.told();
            }
            if call && let Some(listener) = &mut self.listener {
                listener.answer(waits);
            }
            if ended {
                self.messages();
                return self;
            }
            // Whatever else is ready: in a cage with many threads a call may always wait.
            if left == Some(0) {
                self.out_of_time();
            }
        }
    }

    fn told(&mut self) {
        while let Ok(number) = next_signal(&self.signals) {
            if number == SIGCHLD {
                continue;
            }
            let number = u8::try_from(number).unwrap_or(SIGTERM);
            let _ = spawn::signal(&self.first.fd, number);
            self.end.get_or_insert(End::Told(number));
            let soon = monotonic_ns().saturating_add(GRACE_NS);
            self.deadline_ns = Some(self.deadline_ns.map_or(soon, |at| at.min(soon)));
            self.killing = true;
        }
    }

    /// The deadline is reached: first the program is told, then all of it is ended.
    fn out_of_time(&mut self) {
        if self.killing {
            self.kill();
            return;
        }
        self.end.get_or_insert(End::Wall);
        self.killing = true;
        let _ = spawn::signal(&self.first.fd, SIGTERM);
        self.deadline_ns = Some(monotonic_ns().saturating_add(GRACE_NS));
    }

    fn kill(&mut self) {
        let _ = spawn::signal(&self.first.fd, SIGKILL);
        self.deadline_ns = None;
    }

    fn finish(mut self, from: u64) -> Outcome {
        let used = loop {
            match spawn::reap(true) {
                Ok(Some((pid, end, used))) if pid == self.first.pid => break (end, used),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => break (process::End::Signal(SIGKILL), spawn::Used::default()),
            }
        };
        let (end, used) = used;
        let ended = match end {
            process::End::Exit(_) => self.said.take(),
            process::End::Signal(signal) => Some(End::Signal(signal)),
        };
        let mut outcome = self.outcome;
        outcome.end = self.end.or(ended).unwrap_or(End::Signal(SIGKILL));
        outcome.ended_ns = realtime_ns();
        outcome.usage.wall_us = monotonic_ns().saturating_sub(from) / 1000;
        outcome.usage.user_us = used.user_us;
        outcome.usage.system_us = used.system_us;
        outcome.usage.peak_kib = used.peak_kib;
        if let Some(listener) = self.listener {
            (outcome.denials, outcome.accesses) = listener.finish();
        }
        outcome.limit = outcome.limit_reached(self.policy.limits.cpu_s);
        let state = match &self.group {
            Ok(group) => {
                let (peak, was_short) = group.finish();
                outcome.usage.peak_kib = peak.unwrap_or(used.peak_kib);
                if was_short {
                    outcome.limit = Some("memory");
                }
                group.state.clone()
            }
            Err(why) => said(format_args!("none: {why}")),
        };
        outcome.layers.push(Layer { name: String::from("group"), state });
        outcome
    }
}
