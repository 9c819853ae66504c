//! From checked filters to Rust: straight-line match code and a catalogue.
//!
//! Runs in: build.rs and the unit tests. In: filters/*.filter. Out: OUT_DIR/filters.rs, catalogue.rs and texts.rs.
//! Never: writes a filter that fails one of its own examples or that can frame somebody.

#![allow(unreachable_pub, reason = "a build script has no outside")]

mod catalogue;
mod choice;
mod emit;
mod entry;
mod index;
mod needle;
mod pattern;

use super::compiler::read;
use std::fs;
use std::path::{Path, PathBuf};

/// Compiles every `*.filter` in `from`, in the order of their names, to `filters.rs`, `catalogue.rs` and
/// `texts.rs` in `to`. The error's text is `FILE:LINE:COLUMN: reason`.
pub fn compile(from: &Path, to: &Path) -> Result<(), String> {
    let entries = fs::read_dir(from).map_err(|e| format!("{}: {e}", from.display()))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "filter"));
    paths.sort();
    let (mut filters, mut files) = (Vec::new(), Vec::new());
    for path in &paths {
        let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let name = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        filters.push(read(name, &text).map_err(|fault| format!("{}:{fault}", path.display()))?);
        files.push(text);
    }
    for (name, code) in [
        ("filters.rs", emit::code(&filters)),
        ("catalogue.rs", catalogue::catalogue(&filters)),
        ("texts.rs", catalogue::texts(&filters, &files)),
    ] {
        fs::write(to.join(name), code).map_err(|e| format!("{name}: {e}"))?;
    }
    Ok(())
}
