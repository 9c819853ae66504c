//! probe
#![no_std]
#![no_main]
#![deny(unsafe_code)]
#[expect(unsafe_code, reason = "process entry")]
#[path = "../../../shims/rt/mod.rs"]
mod rt;
use bailiff::shims::process::Start;
fn main(start: &Start) -> u8 {
    let log = bailiff::shared::base::log::Log::new("x");
    log.line(bailiff::shared::base::log::Level::Notice, |t| { t.bytes(b"hello ").quoted(start.arg(1).unwrap_or(b"none")).bytes(b" ").quoted(start.env(b"HOME").unwrap_or(b"-")); });
    3
}
