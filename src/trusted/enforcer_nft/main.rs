//! `bailiff-enforcer-nft`: puts bans into the kernel's firewall, and is the only process that can.
//!
//! Started by: the warden, through bailiff-launcher, with its uid as argument. In: `Terms` and `Pulse` from the warden (0),
//! `Verdict` from the tracker (1). Out: `Receipt` and `Table` to the tracker, `Pulse` to the warden, log lines (2), netlink
//! requests (3); it hears nf_tables events (4) and those of addresses and routes (5). Never: opens a file or a socket,
//! starts a program, reads a byte of a log, bans what its guard refuses.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

#[expect(unsafe_code, reason = "process entry")]
#[path = "../../../shims/rt/mod.rs"]
mod rt;

mod bans;
mod element;
mod guard;
mod hosts;
mod netlink;
mod ruleset;
mod run;
mod socket;
mod table;

use crate::{guard::Guard, hosts::Hosts, run::Enforcer, socket::Socket, table::Table};
use bailiff::shared::base::channel::{self, Fault};
use bailiff::shared::base::enter::enter;
use bailiff::shared::base::log::{Level, Log};
use bailiff::shared::cages::{Role, cage};
use bailiff::shared::pure::bytes::decimal;
use bailiff::shared::pure::wire::terms::{LEN, Terms};
use bailiff::shims::{clock::monotonic_ns, errno::Errno, fd::Fd, process::Start};

fn main(start: &Start) -> u8 {
    // The one there is: descriptor 2 is closed with it, and the last words are said below.
    let mut log = Log::new("enforcer");
    let Some(uid) = start.arg(1).and_then(decimal).and_then(|uid| u32::try_from(uid).ok()) else {
        log.say(Level::Error, "usage: started by bailiffd with a uid");
        return 100;
    };
    match serve(uid, &mut log) {
        Fault::Closed | Fault::Empty => {
            log.say(Level::Notice, "ends; the bans stay");
            0
        }
        Fault::Breach => {
            log.say(Level::Error, "breach: a record that it never may send, from another process");
            112
        }
        Fault::Kernel(errno) => {
            log.refused(Level::Error, "the kernel refused", errno);
            111
        }
    }
}

fn serve(uid: u32, log: &mut Log) -> Fault {
    let (warden, mut record) = (Fd::given(0), [0; LEN]);
    let terms = match channel::receive(&warden, &mut record, true) {
        Err(fault) => return fault,
        Ok(datagram) => (*datagram).try_into().ok().and_then(Terms::decode),
    };
    let Some(terms) = terms else { return Fault::Breach };
    log.steps = terms.steps;
    match open(warden, &terms, uid, log) {
        Err(errno) => Fault::Kernel(errno),
        Ok(mut enforcer) => enforcer.run(),
    }
}

/// Takes what only an open cage gives, then closes it.
fn open<'a>(warden: Fd, terms: &'a Terms, uid: u32, log: &'a Log) -> Result<Enforcer<'a>, Errno> {
    let table = Table::new(terms, Fd::given(3), Fd::given(4))?;
    let hosts = Hosts::new(Socket::new(Fd::given(5))?)?;
    let (tracker, guard) = (Fd::given(1), Guard::new(terms, monotonic_ns()));
    if let Err(open) = enter(cage(Role::Enforcer), uid) {
        log.line(Level::Error, |t| _ = t.bytes(b"the cage does not close: ").bytes(open.what().as_bytes()));
        return Err(Errno::EPERM);
    }
    Ok(Enforcer { log, terms, warden, tracker, table, guard, hosts })
}
