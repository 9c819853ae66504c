//! Text that is made up while the tool runs.
//!
//! Runs in: bailiff-cage. In: formatted values, a stranger's bytes. Out: text; a stranger's bytes cannot reach a terminal
//! as control codes. Never: fails (without memory the tool ends).
use alloc::string::String;
use core::fmt::{Arguments, Write};

use bailiff::shims::errno::Errno;

/// What is to be said, as text. Not `format!`: its own code in `alloc` could unwind, which puts data into the program that
/// stays writable (audit/elf.sh).
pub(crate) fn said(what: Arguments<'_>) -> String {
    let mut text = String::new();
    let _ = text.write_fmt(what);
    text
}

/// A stranger's bytes: everything but printable ASCII, and the backslash, as `\xNN`.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let mut text = String::new();
    for b in bytes {
        let _ = match b {
            b'\\' | 0..=31 | 127.. => write!(text, "\\x{b:02x}"),
            _ => text.write_char(char::from(*b)),
        };
    }
    text
}

/// The kernel's name of an error, or its number.
pub(crate) fn errno(number: u16) -> String {
    match Errno(number).name() {
        "" => said(format_args!("errno {number}")),
        name => String::from(name),
    }
}
