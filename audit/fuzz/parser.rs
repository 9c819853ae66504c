//! The filter compiler on any text, in the memory that bailiff-compiler has: a filter or a refusal.
//!
//! Run by: libFuzzer (fuzz.sh). In: a filter's text. Out: nothing, or the end of the process. Never: ships.
#![allow(dead_code, reason = "the compiler is used by others too")]

#[path = "../../filters/compiler/mod.rs"]
mod compiler;
mod room;
mod target;

/// As `ROOM` of bailiff-compiler.
const ROOM: usize = 256 << 20;

#[global_allocator]
static HEAP: room::Room = room::Room;

fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    room::open(ROOM);
    let lines = text.lines().count();
    match compiler::read("t", &text) {
        Ok(filter) => {
            let mut image = Vec::new();
            if let Err(fault) = compiler::image::append(&mut image, &filter) {
                place(&fault, lines);
            }
        }
        Err(fault) => place(&fault, lines),
    }
    room::close();
}

/// A refusal has a place in the file, and a reason.
fn place(fault: &compiler::Fault, lines: usize) {
    assert!(
        (1..=lines.max(1)).contains(&fault.line) && fault.col >= 1 && !fault.reason.is_empty(),
        "{fault}"
    );
}

target::target!(run);
