//! The filter compiler: from filters/*.filter to straight-line match code and a catalogue.
//!
//! Runs in: build.rs and the unit tests, never in a daemon. In: filter files, trusted but checked. Out:
//! OUT_DIR/filters.rs and OUT_DIR/catalogue.rs. Never: writes a filter that fails one of its own examples or
//! that can frame somebody.
//!
//! lex (a pattern's text to tokens) -> parse (a file to a `Filter`) -> plan (which tokens are read from which
//! end; framing) -> check (examples, by `run`, and hostile fillings of them) -> emit.

#![allow(
    unreachable_pub,
    reason = "a build script has no outside; the tests include these files, and so do the programs"
)]

mod catalogue;
mod check;
mod emit;
mod index;
pub mod lex;
pub mod parse;
pub mod plan;
pub mod run;
mod steps;

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

use std::path::{Path, PathBuf};
use std::{fmt, fs};

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

/// Compiles every `*.filter` in `from`, in the order of their names, to `filters.rs` and `catalogue.rs` in
/// `to`. The error's text is `FILE:LINE:COLUMN: reason`.
pub fn compile(from: &Path, to: &Path) -> Result<(), String> {
    let entries = fs::read_dir(from).map_err(|e| format!("{}: {e}", from.display()))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "filter"));
    paths.sort();
    let mut filters = Vec::new();
    for path in &paths {
        let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let name = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        filters.push(read(name, &text).map_err(|fault| format!("{}:{fault}", path.display()))?);
    }
    for (name, code) in
        [("filters.rs", emit::code(&filters)), ("catalogue.rs", catalogue::catalogue(&filters))]
    {
        fs::write(to.join(name), code).map_err(|e| format!("{name}: {e}"))?;
    }
    Ok(())
}
