//! What can be learned of a process of the cage, for reports: its memory, its files, its program.
//!
//! Runs in: bailiff-cage, outside the cage. In: another process's memory and /proc/PID. Out: bytes, none of them trusted: the
//! process may change its memory at any time, and may be gone. Never: writes there.
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use bailiff::shims::cage::notify::{self, Waiting};
use bailiff::shims::fd::Fd;
use bailiff::shims::files::{At, flags, open, readlink};

use super::files::{Use, joined};
use crate::denial;
use crate::policy::Bytes;
use crate::text::said;

/// PATH_MAX (linux/limits.h, 6.18), the closing NUL included.
const PATH: usize = 4096;
const PAGE: u64 = 4096;

/// At most `most` bytes from there on; fewer where the memory ends.
pub(super) fn bytes(pid: u32, at: u64, most: usize) -> Bytes {
    let mut buf = vec![0; most];
    let got = notify::memory(pid, at, &mut buf).unwrap_or(0);
    buf.truncate(got);
    buf
}

/// The 64-bit word there.
pub(super) fn word(pid: u32, at: u64) -> Option<u64> {
    bytes(pid, at, 8).first_chunk().map(|word| u64::from_le_bytes(*word))
}

/// The text there, up to its NUL, read page by page: behind its last page may be nothing.
pub(super) fn text(pid: u32, at: u64) -> Option<Bytes> {
    let mut text = Vec::new();
    while text.len() < PATH {
        let at = at.wrapping_add(text.len() as u64);
        let piece = bytes(pid, at, (PAGE - at % PAGE) as usize);
        if let Some(end) = piece.iter().position(|b| *b == 0) {
            text.extend_from_slice(piece.get(..end)?);
            return (text.len() < PATH).then_some(text);
        }
        if piece.is_empty() {
            return None;
        }
        text.extend_from_slice(&piece);
    }
    None
}

/// What a symbolic link says.
fn link_text(at: At<'_>, path: &[u8]) -> Option<Bytes> {
    let mut buf = vec![0; PATH];
    let got = readlink(at, path, &mut buf).ok()?;
    buf.truncate(got);
    Some(buf)
}

/// A link of /proc, if it means a path.
fn link(path: &str) -> Option<Bytes> {
    link_text(At::Cwd, path.as_bytes()).filter(|text| text.first() == Some(&b'/'))
}

/// What this symbolic link says.
pub(super) fn target(link: &Fd) -> Option<Bytes> {
    link_text(At::Dir(link), b"")
}

fn of(pid: u32, what: &str) -> String {
    said(format_args!("/proc/{pid}/{what}"))
}

/// The program that a process runs.
pub(super) fn program(pid: u32) -> Bytes {
    link(&of(pid, "exe")).unwrap_or_default()
}

/// What a descriptor of a process means, as a path inside; AT_FDCWD is its working directory.
pub(super) fn opened(pid: u32, number: i32) -> Option<Bytes> {
    match number {
        -100 => link(&of(pid, "cwd")),
        number => link(&of(pid, &said(format_args!("fd/{number}")))),
    }
}

/// The path of a file that this process has open, as it is inside.
pub(crate) fn own(file: &Fd) -> Option<Bytes> {
    link(&said(format_args!("/proc/self/fd/{}", file.number())))
}

/// The root directory of a process, and so of its cage.
pub(super) fn root(pid: u32) -> Option<Fd> {
    open(At::Cwd, of(pid, "root").as_bytes(), flags::O_PATH | flags::O_DIRECTORY, 0, 0).ok()
}

/// The absolute path that `path` means to a process, from this descriptor on.
pub(super) fn absolute(pid: u32, dir: i32, path: &[u8]) -> Option<Bytes> {
    match path.first()? {
        b'/' => Some(joined(b"", path)),
        _ => Some(joined(&opened(pid, dir)?, path)),
    }
}

/// The absolute path of a file that a call speaks of; `None`: its memory cannot be read, or it speaks of a descriptor alone.
pub(super) fn path(pid: u32, file: &Use) -> Option<Bytes> {
    absolute(pid, file.dir, &text(pid, file.at)?)
}

/// The address of a socket, in words.
pub(super) fn address(call: &Waiting, at: u64, length: u64) -> Option<Bytes> {
    let length = usize::try_from(length & 0xffff_ffff).ok()?.min(128);
    denial::address(&bytes(call.pid, at, length)).map(String::into_bytes)
}
