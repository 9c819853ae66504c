//! `bailiff-cage`: runs native code that nobody has to trust, and build steps without side effects.
//!
//! Runs as: whoever calls it, root or any user, with his rights and no other. In: flags, a policy file, a program. Out: what
//! the program says, its exit code, a record of the run. Never: lets the program see or reach what the policy does not name;
//! goes on after a layer that could not be closed.
//!
//! words and file (what is asked for) -> policy -> supervise (starts and watches) -> inside (in the child: root, identity,
//! Landlock, limits, filter, exec) -> outcome -> verdict -> record. step, twice and learn are built on `supervise::run`.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

mod calls;
mod cargo;
mod conclude;
mod denial;
mod doctor;
mod executed;
mod explain;
mod file;
mod filter;
mod group;
mod inside;
mod json;
mod learn;
mod left;
mod listen;
mod namespaces;
mod outcome;
mod policy;
mod record;
mod root;
#[expect(unsafe_code, reason = "process entry")]
#[path = "../../shims/rt/mod.rs"]
mod rt;
mod stage;
mod step;
mod supervise;
mod target;
mod text;
mod tools;
mod twice;
mod verdict;
mod who;
mod words;

use crate::outcome::code;
use crate::words::Request;
use alloc::string::String;
use alloc::vec::Vec;
use bailiff::shims::heap::{self, Heap};
use bailiff::shims::process::Start;

#[global_allocator]
static HEAP: Heap = Heap;

/// Memory for all it does; what is not touched costs nothing.
const ROOM: usize = 256 << 20;

fn main(start: &Start) -> u8 {
    if heap::map(ROOM).is_err() {
        return code::SETUP;
    }
    if let Err(refusal) = words::host::fill_streams() {
        conclude::tell(&refusal);
        return code::USAGE;
    }
    let env = |name: &[u8]| start.env(name);
    if let Some(part) = start.arg(0).and_then(cargo::part) {
        let args: Vec<&'static [u8]> = (1..).map_while(|i| start.arg(i)).collect();
        return cargo::run(part, &args, &env).unwrap_or_else(|refusal| {
            conclude::tell(&refusal);
            code::USAGE
        });
    }
    let done = match words::parse((1..).map_while(|i| start.arg(i)), &env) {
        Ok(request) => carry_out(request, &env),
        Err(usage) => Err(usage),
    };
    done.unwrap_or_else(|refusal| {
        conclude::tell(&refusal);
        code::USAGE
    })
}

/// What was asked for; the exit code.
fn carry_out(request: Request, env: &dyn Fn(&[u8]) -> Option<&'static [u8]>) -> Result<u8, String> {
    if let Request::Run(policy) | Request::Learn(policy) | Request::Step { policy, .. } = &request {
        words::host::are_given(policy)?;
    }
    match request {
        Request::Run(policy) => conclude::run(&policy, |_| {}),
        Request::Explain(policy) => Ok(explain::print(&policy)),
        Request::ExplainStep { policy, step } => Ok(explain::print_step(&policy, &step)),
        Request::Learn(policy) => learn::run(&policy),
        Request::Step { policy, step, verify } => step::run(policy, &step, verify, env),
        Request::Doctor => Ok(doctor::run()),
        Request::Help => Ok(conclude::print(words::HELP)),
        Request::Version => Ok(conclude::print(concat!("bailiff-cage ", env!("CARGO_PKG_VERSION"), "\n"))),
    }
}
