//! bailiff-watcher: reads logs.
//!
//! Started by: the warden, through the launcher, with the uid it must find itself with as its argument.
//! Given: 0 the warden's channel, 1 the tracker's, 2 the log, 3 an inotify instance, 4 its own state file.
//! In: hostile bytes of logs, through descriptors that the warden hands down. Out: attempts and tides. Never:
//! opens anything, learns a path.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

#[expect(unsafe_code, reason = "process entry")]
#[path = "../../../shims/rt/mod.rs"]
mod rt;

mod generations;
mod harvest;
mod positions;
mod read;
mod run;
mod tail;
mod take;
mod tick;
mod watcher;

use bailiff::shared::base::enter::enter;
use bailiff::shared::base::log::{Level, Log};
use bailiff::shared::base::turn::wait;
use bailiff::shared::cages::{Role, cage};
use bailiff::shared::pure::bytes::decimal;
use bailiff::shared::pure::wire::piece::{self, Kind};
use bailiff::shared::pure::wire::source::Beat;
use bailiff::shared::pure::wire::terms::{LEN, Terms};
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::io::PollFd;
use bailiff::shims::process::Start;
use bailiff::shims::slots::slots;
use bailiff::shims::sockets::receive_with;
use generations::Generations;
use harvest::Harvest;
use positions::{Positions, SIZE, SLOTS};
use tail::BLOCK;
use watcher::{Clock, Leave, Watcher};

/// Memory that is mapped before the cage is closed: room for a block, and the slots of positions.
type Memory = (&'static mut [u8], &'static mut [[u8; SIZE]]);

fn main(start: &Start) -> u8 {
    let mut log = Log::new("watcher");
    let uid = start.arg(1).and_then(decimal).and_then(|uid| u32::try_from(uid).ok());
    let Some(uid) = uid else {
        log.say(Level::Error, "is started by bailiffd, with its uid as the argument");
        return 100;
    };
    let warden = Fd::given(0);
    let terms = match terms(&warden) {
        Ok(terms) => terms,
        Err(leave) => return code(leave, &log),
    };
    log.steps = terms.steps;
    match (slots(BLOCK), slots::<[u8; SIZE]>(SLOTS), slots(terms.own as usize)) {
        (Ok(buf), Ok(slots), Ok(image)) => caged(uid, (&terms, image), &log, warden, (buf, slots)),
        (Err(errno), ..) | (_, Err(errno), _) | (.., Err(errno)) => {
            code(Leave::Kernel("memory", errno), &log)
        }
    }
}

/// Closes the cage; then, and only then, reads what others wrote.
fn caged(uid: u32, (terms, image): (&Terms, &mut [u8]), log: &Log, warden: Fd, (buf, slots): Memory) -> u8 {
    if let Err(open) = enter(cage(Role::Watcher), uid) {
        log.say(Level::Error, open.what());
        return 111;
    }
    let own = match own(&warden, image) {
        Ok(own) => own,
        Err(leave) => return code(leave, log),
    };
    let (positions, outcome) = Positions::load(Fd::given(4), slots);
    if let Err(errno) = outcome {
        log.refused(Level::Warning, "cannot read the positions", errno);
    }
    let mut watcher = Watcher {
        terms,
        own,
        log,
        warden,
        events: Fd::given(3),
        positions,
        harvest: Harvest::new(Fd::given(1)),
        generations: Generations::default(),
        buf,
        clock: Clock::new(),
        unsaved: false,
    };
    watcher.pulse(Beat::Ready);
    let leave = match watcher.run() {
        Leave::Stop => watcher.finish().err().unwrap_or(Leave::Stop),
        other => other,
    };
    code(leave, log)
}

/// The exit code, and the last word.
fn code(leave: Leave, log: &Log) -> u8 {
    match leave {
        Leave::Stop | Leave::Alone => 0,
        Leave::Breach => {
            log.say(Level::Error, "the warden sent what it never may");
            112
        }
        Leave::Kernel(what, errno) => {
            log.refused(Level::Error, what, errno);
            111
        }
    }
}

/// The image of the operator's own filters, as long as the terms said: nothing, if there are none.
fn own<'a>(warden: &Fd, image: &'a mut [u8]) -> Result<&'a [u8], Leave> {
    let mut buf = [0; piece::LEN];
    let mut rest = &mut *image;
    while !rest.is_empty() {
        let Some((Kind::Image, part)) = piece::decode(message(warden, &mut buf)?) else {
            return Err(Leave::Breach);
        };
        let split = if part.is_empty() { None } else { rest.split_at_mut_checked(part.len()) };
        let (room, behind) = split.ok_or(Leave::Breach)?;
        for (slot, b) in room.iter_mut().zip(part) {
            *slot = *b;
        }
        rest = behind;
    }
    Ok(image)
}

/// The one message that is read before the cage is closed: it comes from the warden, which is trusted.
fn terms(warden: &Fd) -> Result<Terms, Leave> {
    let mut record = [0u8; LEN];
    if message(warden, &mut record)?.len() < LEN {
        return Err(Leave::Breach);
    }
    Terms::decode(&record).ok_or(Leave::Breach)
}

/// Waits for one message of the warden, without a descriptor.
fn message<'a>(warden: &Fd, buf: &'a mut [u8]) -> Result<&'a [u8], Leave> {
    let kernel = |errno| Leave::Kernel("receiving the terms", errno);
    wait(&mut [PollFd::readable(warden)], 0, None).map_err(kernel)?;
    match receive_with(warden, buf) {
        Ok((0, _)) => Err(Leave::Stop),
        Ok((len, None)) => buf.get(..len).ok_or(Leave::Breach),
        Ok(_) | Err(Errno::EMSGSIZE) => Err(Leave::Breach),
        Err(errno) => Err(kernel(errno)),
    }
}
