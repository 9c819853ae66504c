//! The filter compiler: reads a filter file, and refuses what does not hold its own examples or could frame
//! somebody.
//!
//! Runs in: build.rs (for filters/*.filter), bailiff-compiler (for the operator's own), `bailiff test`, the
//! unit tests; never where a log is read by the daemon. In: filter files, trusted but checked. Out: a `Filter`.
//!
//! lex (a pattern's text to tokens) -> parse (a file to a `Filter`) -> plan (which tokens are read from which
//! end; framing) -> steps (the plan as data) -> check (examples, by `run`, and hostile fillings of them).

#![allow(redundant_imports, reason = "std has them in its prelude, core has not")]
#![allow(
    unreachable_pub,
    reason = "a build script has no outside; the tests include these files, and so do the programs"
)]

mod check;
#[allow(dead_code, reason = "for the operator's own filters, which build.rs never sees")]
pub mod image;
pub mod lex;
pub mod parse;
pub mod plan;
pub mod rule;
pub mod run;
pub mod steps;
pub mod stop;

#[allow(dead_code, reason = "the compiler uses only a part of what the programs do")]
#[path = "../../src/shared/pure/addr.rs"]
pub mod addr;
#[allow(dead_code, reason = "the compiler uses only a part of what the programs do")]
#[path = "../../src/shared/pure/bytes.rs"]
pub mod bytes;
#[allow(dead_code, reason = "the compiler uses only a part of what the programs do")]
#[path = "../../src/shared/pure/field.rs"]
pub mod field;
#[allow(dead_code, reason = "the compiler uses only a part of what the programs do")]
#[path = "../../src/shared/pure/form.rs"]
pub mod form;
#[allow(dead_code, reason = "the compiler uses only a part of what the programs do")]
#[path = "../../src/shared/pure/header.rs"]
pub mod header;
#[allow(dead_code, reason = "the compiler uses only a part of what the programs do")]
#[path = "../../src/shared/pure/steps.rs"]
pub mod pattern_steps;
#[allow(dead_code, reason = "the compiler uses only a part of what the programs do")]
#[path = "../../src/shared/pure/peer.rs"]
pub mod peer;
#[allow(dead_code, reason = "the compiler uses only a part of what the programs do")]
#[path = "../../src/shared/pure/program.rs"]
pub mod program;
#[allow(dead_code, reason = "the compiler uses only a part of what the programs do")]
#[path = "../../src/shared/pure/scan.rs"]
pub mod scan;
#[allow(dead_code, reason = "the compiler uses only a part of what the programs do")]
#[path = "../../src/shared/pure/stamp.rs"]
pub mod stamp;

extern crate alloc;

use core::fmt;
use words::String;

/// What a program with a heap has at hand, and one without std must name.
mod words {
    pub use super::alloc::borrow::ToOwned;
    pub use super::alloc::string::String;
    pub use super::alloc::vec;
    pub use super::alloc::vec::Vec;
}

/// Why a filter is refused, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    pub line: usize,
    pub col: usize,
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.col, self.reason)
    }
}

/// What is to be said, as text. Not `format!`: its own code in `alloc` could unwind, which puts data into a program that
/// stays writable (audit/elf.sh).
pub fn said(what: fmt::Arguments<'_>) -> String {
    let mut text = String::new();
    let _ = fmt::Write::write_fmt(&mut text, what);
    text
}

/// A refusal at this place.
pub fn fault<T>(line: usize, col: usize, reason: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { line, col, reason: reason.into() })
}

/// Reads and checks one filter. `name` is the file's, without `.filter`.
pub fn read(name: &str, text: &str) -> Result<parse::Filter, Fault> {
    let filter = parse::parse(name, text)?;
    check::check(&filter)?;
    Ok(filter)
}
