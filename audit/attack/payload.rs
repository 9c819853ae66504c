//! The payloads of the cage's tests: each tries one way out of a cage, with raw system calls, so that no libc decides what comes.
//!
//! Runs as: the program in a cage, under audit/system/13-cage.py; before that outside, in namespaces of its own. In: the name of an
//! attempt and its arguments; or, in a role's place, orders on its channel. Out: one line, `NAME: succeeded`, `NAME: ERRNO` or, where a step before the attempt itself
//! failed, `NAME: void ERRNO`. Not part of what is installed. Never to be run on the bare host.
#![no_std]
#![no_main]

#[path = "payload/calls.rs"]
mod calls;
#[path = "payload/files.rs"]
mod files;
#[path = "payload/kernel.rs"]
mod kernel;
#[path = "payload/own.rs"]
mod own;
#[path = "payload/processes.rs"]
mod processes;
#[path = "../../shims/rt/mod.rs"]
mod rt;
#[path = "payload/sockets.rs"]
mod sockets;

use bailiff::shared::base::enter::enter;
use bailiff::shared::cages::{Cage, ROLES, cage};
use bailiff::shared::pure::bytes::decimal;
use bailiff::shims::arch::nr::RECVFROM;
use bailiff::shims::fd::Fd;
use bailiff::shims::io::{PollFd, ppoll};
use bailiff::shims::process::Start;
use calls::{ERRNO, nr, sys};

/// What follows the name of the attempt, and the environment.
pub(crate) struct Given<'a> {
    words: [&'a [u8]; 3],
    start: &'a Start,
}

impl<'a> Given<'a> {
    /// An argument; empty where there is none. A NUL stands behind it.
    pub(crate) fn text(&self, index: usize) -> &'a [u8] {
        self.words.get(index).copied().unwrap_or(b"")
    }

    /// Where it lies: a path as the kernel takes it.
    pub(crate) fn path(&self, index: usize) -> usize {
        self.text(index).as_ptr() as usize
    }

    /// An argument that is a number.
    pub(crate) fn number(&self, index: usize) -> usize {
        decimal(self.text(index)).unwrap_or(0) as usize
    }

    /// Whether a variable of the environment is set.
    pub(crate) fn has(&self, variable: &[u8]) -> bool {
        self.start.env(variable).is_some()
    }
}

/// One attempt: what the kernel said in the end, or `void`.
pub(crate) type Attempt = fn(&Given<'_>) -> isize;

/// A step before the attempt itself failed: the attempt says nothing.
pub(crate) fn void(got: isize) -> isize {
    got - 10_000
}

const TABLES: [&[(&str, Attempt)]; 5] =
    [kernel::ATTEMPTS, files::ATTEMPTS, own::ATTEMPTS, processes::ATTEMPTS, sockets::ATTEMPTS];

/// Writes all of it to standard output.
pub(crate) fn say(parts: &[&[u8]]) {
    for part in parts {
        let _ = sys(nr::WRITE, [1, part.as_ptr() as usize, part.len()]);
    }
}

/// A number as text.
pub(crate) fn digits(mut number: usize, room: &mut [u8; 20]) -> &[u8] {
    let mut at = room.len();
    loop {
        at -= 1;
        room[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &room[at..];
        }
    }
}

/// The attempt's one line.
pub(crate) fn answer(name: &[u8], got: isize) {
    let (void, errno) = if got <= -10_000 { (&b"void "[..], -got - 10_000) } else { (&b""[..], -got) };
    let named = usize::try_from(errno).ok().and_then(|errno| ERRNO.get(errno));
    match named {
        Some(errno) if got < 0 => say(&[name, b": ", void, errno.as_bytes(), b"\n"]),
        _ => say(&[name, b": succeeded\n"]),
    }
}

fn named(name: &[u8]) -> Option<Attempt> {
    TABLES.iter().copied().flatten().find(|(row, _)| row.as_bytes() == name).map(|(_, attempt)| *attempt)
}

fn main(start: &Start) -> u8 {
    let arg = |index| start.arg(index).unwrap_or(b"");
    if let Some(row) = ROLES.map(cage).into_iter().find(|row| row.program.to_bytes() == arg(0)) {
        return captured(row, start);
    }
    let Some(attempt) = named(arg(1)) else { return 100 };
    answer(arg(1), attempt(&Given { words: [arg(2), arg(3), arg(4)], start }));
    0
}

/// In a role's place: closes the cage as that role does, then takes attempts, `NAME\0ARGUMENT\0...`, and answers each with what the
/// kernel said, in 8 bytes. (audit/system/04-captive.py)
fn captured(row: &Cage, start: &Start) -> u8 {
    let uid = start.arg(1).and_then(decimal).and_then(|uid| u32::try_from(uid).ok());
    let channel = Fd::given(0);
    let take = |buf: &mut [u8]| {
        let _ = ppoll(&mut [PollFd::readable(&channel)], None);
        match row.run.contains(&RECVFROM) {
            true => bailiff::shims::sockets::receive(&channel, buf, true).unwrap_or(0),
            false => bailiff::shims::sockets::receive_with(&channel, buf).map_or(0, |(len, _)| len),
        }
    };
    let mut order = [0u8; 4096];
    if take(&mut order) != 4096 || uid.is_none_or(|uid| enter(row, uid).is_err()) {
        return 111;
    }
    loop {
        let mut order = [0u8; 4096];
        if take(&mut order) == 0 {
            return 0;
        }
        let mut words = order.split(|b| *b == 0);
        let mut next = || words.next().unwrap_or(b"");
        let attempt = named(next());
        let given = Given { words: [next(), next(), next()], start };
        let got = attempt.map_or(-10_000, |attempt| attempt(&given));
        let _ = bailiff::shims::sockets::send(&channel, &got.to_le_bytes(), true);
    }
}
