//! `bailiff-enforcer-nft`: puts bans into the kernel's firewall, and is the only process that can.
//!
//! Started by: the warden, through bailiff-cage, with its uid as argument. In: `Terms` and `Pulse` from the warden (0),
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
mod commit;
mod element;
mod guard;
mod hosts;
mod netlink;
mod ruleset;
mod run;
mod table;

use crate::run::{End, Enforcer};
use bailiff::shared::base::channel;
use bailiff::shared::base::enter::enter;
use bailiff::shared::base::log::{Level, Log};
use bailiff::shared::cages::{Role, cage};
use bailiff::shared::pure::bytes::decimal;
use bailiff::shared::pure::wire::terms::{LEN, Terms};
use bailiff::shims::clock::{monotonic_ns, random};
use bailiff::shims::fd::Fd;
use bailiff::shims::process::Start;
use bailiff::shims::slots::slots;
use bailiff::shims::sockets::netlink_port;

fn main(start: &Start) -> u8 {
    let mut log = Log::new("enforcer");
    let uid = start.arg(1).and_then(decimal).and_then(|uid| u32::try_from(uid).ok());
    let Some(uid) = uid else {
        log.say(Level::Error, "usage: started by bailiffd with a uid");
        return 100;
    };
    let warden = Fd::given(0);
    let mut record = [0; LEN];
    let received = channel::receive(&warden, &mut record, true).map(|datagram| datagram.len() == LEN);
    let end = match (received, Terms::decode(&record)) {
        (Ok(true), Some(terms)) => {
            log.steps = terms.steps;
            serve(log, &terms, warden, uid)
        }
        (Ok(_), _) => End::Breach,
        (Err(fault), _) => fault.into(),
    };
    let log = Log::new("enforcer");
    match end {
        End::Orderly => {
            log.say(Level::Notice, "ends; the bans stay");
            0
        }
        End::Breach => {
            log.say(Level::Error, "malformed record from another process");
            112
        }
        End::Kernel(errno) => {
            log.refused(Level::Error, "the kernel refused", errno);
            111
        }
    }
}

/// Takes what only an open cage gives, closes it, and works.
fn serve(log: Log, terms: &Terms, warden: Fd, uid: u32) -> End {
    let requests = Fd::given(3);
    let prepared = || {
        let mut id = [0; 16];
        random(&mut id)?;
        let (port, hosts, buf) = (netlink_port(&requests)?, hosts::Hosts::new(Fd::given(5))?, slots(commit::RECEIVE_BYTES)?);
        Ok((id, port, hosts, buf, commit::Kernel::new(requests)?))
    };
    let (id, port, hosts, buf, kernel) = match prepared() {
        Ok(all) => all,
        Err(errno) => return End::Kernel(errno),
    };
    if let Err(open) = enter(cage(Role::Enforcer), uid) {
        log.line(Level::Error, |t| {
            t.bytes(b"the cage does not close: ").bytes(open.what().as_bytes());
        });
        return End::Kernel(bailiff::shims::errno::Errno::EPERM);
    }
    let (tracker, events) = (Fd::given(1), Fd::given(4));
    let (table, guard) = (table::Table::new(terms, id), guard::Guard::new(terms, monotonic_ns()));
    // One look, in case somebody changed the table while it was put up.
    let (changed, next_look_ns) = (!terms.dry_run, 0);
    Enforcer { log, terms, warden, tracker, events, port, buf, kernel, table, guard, hosts, changed, next_look_ns }.run()
}
