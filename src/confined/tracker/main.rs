//! bailiff-tracker: counts attempts, decides, keeps the ledger, answers the operator.
//!
//! Run by: the warden, through bailiff-launcher, under an account of its own with no privilege. In: attempts from
//! the watcher, receipts from the enforcer, requests from clients, terms and pulses from the warden. Out:
//! verdicts to the enforcer, replies to clients, records to the two slots of the ledger. Never: opens
//! anything, talks to the kernel's firewall, trusts a field that another process filled in.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod acks;
mod answer;
mod attempts;
mod ban;
mod bans;
mod bucket;
mod clock;
mod compact;
mod control;
mod hush;
mod ledger;
mod ledger_record;
mod operator;
mod policy;
mod receipts;
mod replay;
mod resend;
#[expect(unsafe_code, reason = "process entry")]
#[path = "../../../shims/rt/mod.rs"]
mod rt;
mod run;
mod say;
mod slot;
mod start;
mod sync;
mod table;
mod tracker;
mod window;

use bailiff::shared::base::log::{Level, Log};
use bailiff::shared::pure::bytes::decimal;
use bailiff::shims::process::Start;

/// Argument 1 is the uid that it must find itself with.
fn main(start: &Start) -> u8 {
    let mut log = Log::new("tracker");
    let uid = start.arg(1).and_then(decimal).and_then(|uid| u32::try_from(uid).ok());
    let Some(uid) = uid else {
        log.say(Level::Error, "started by the warden only: argument 1 is a uid");
        return 100;
    };
    match start::start(&mut log, uid) {
        Ok(mut tracker) => run::run(&mut tracker),
        Err(code) => code,
    }
}
