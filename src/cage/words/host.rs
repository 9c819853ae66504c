//! What the host and the launcher have: system directories, the true path of a directory, make's jobserver.
//!
//! Runs in: bailiff-cage. In: paths, MAKEFLAGS. Out: places, paths without links. Never: changes anything.
use alloc::ffi::CString;
use alloc::string::String;
use alloc::vec::Vec;

use bailiff::shims::cage::tree;
use bailiff::shims::files::{At, flags, open, readlink, stat};

use crate::policy::{Bytes, Kind, Place};
use crate::text::{said, shown};

use super::draft::Draft;
use super::keys::{self, FLAG};
use super::value::variable;

/// Of the host's root, what programs need to start: links stay links.
const SYSTEM: [&[u8]; 6] = [b"/usr", b"/bin", b"/lib", b"/lib32", b"/lib64", b"/sbin"];
const SYSTEM_FILES: [&[u8]; 2] = [b"/etc/alternatives", b"/etc/ld.so.cache"];

/// Those that there are.
pub(crate) fn system() -> impl Iterator<Item = Place> {
    SYSTEM.iter().chain(&SYSTEM_FILES).filter_map(|path| place(path))
}

/// A path of the host as it is: a link, or a file or directory; `None` where nothing is.
fn place(path: &[u8]) -> Option<Place> {
    let mut to = [0u8; 255];
    if let Ok(len) = readlink(At::Cwd, path, &mut to) {
        let to = to.get(..len)?.to_vec();
        return Some(Place { path: path.to_vec(), kind: Kind::Link { to } });
    }
    let file = open(At::Cwd, path, flags::O_PATH, 0, 0).ok()?;
    let execute = stat(&file).ok()?.is_directory() && !path.starts_with(b"/etc/");
    let kind = Kind::Bind { source: path.to_vec(), write: false, execute };
    Some(Place { path: path.to_vec(), kind })
}

/// The path of the directory at this path, without links; empty where there is none, or /proc does not tell.
pub(crate) fn directory(path: &[u8]) -> Bytes {
    let path = CString::new(if path.is_empty() { b"." } else { path });
    let opened = path.ok().map(|path| tree::open(At::Cwd, &path, flags::O_PATH | flags::O_DIRECTORY, 0, 0));
    let Some(Ok(directory)) = opened else { return Vec::new() };
    let link = said(format_args!("/proc/self/fd/{}", directory.number()));
    let mut path = [0u8; 4096];
    let len = readlink(At::Cwd, link.as_bytes(), &mut path).unwrap_or(0);
    path.get(..len).filter(|path| path.starts_with(b"/")).map_or_else(Vec::new, <[u8]>::to_vec)
}

/// Whether the launcher has a pipe under this number.
fn is_pipe(number: &[u8]) -> bool {
    let mut to = [0u8; 16];
    let len = readlink(At::Cwd, &[b"/proc/self/fd/", number].concat(), &mut to).unwrap_or(0);
    to.get(..len).is_some_and(|to| to.starts_with(b"pipe:"))
}

/// Keeps the descriptors, or binds the pipe, that make tells of in MAKEFLAGS.
pub(crate) fn keep_jobserver(
    to: &mut Draft,
    env: &dyn Fn(&[u8]) -> Option<&'static [u8]>,
) -> Result<(), String> {
    let flags = env(b"MAKEFLAGS").unwrap_or(b"");
    let value = flags.split(|b| *b == b' ').rev().find_map(|word| {
        word.strip_prefix(b"--jobserver-auth=").or_else(|| word.strip_prefix(b"--jobserver-fds="))
    });
    let Some(value) = value else { return Ok(()) };
    let wrong = || said(format_args!("jobserver: MAKEFLAGS says {}", shown(value)));
    match value.strip_prefix(b"fifo:") {
        Some(path) => keys::named(b"rw", FLAG).and_then(|key| key.take(to, path)).ok_or_else(wrong)?,
        None => {
            let key = keys::named(b"keep_fd", FLAG);
            // make closes them for a recipe that calls no make: its own tells so then.
            for number in value.split(|b| *b == b',').filter(|number| is_pipe(number)) {
                key.and_then(|key| key.take(to, number)).ok_or_else(wrong)?;
            }
        }
    }
    to.policy.env.retain(|item| variable(item) != Some(b"MAKEFLAGS"));
    to.policy.env.push(b"MAKEFLAGS".to_vec());
    Ok(())
}
