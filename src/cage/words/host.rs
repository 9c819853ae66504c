//! What the host and the launcher have: system directories, the true path of a directory, make's jobserver.
//!
//! Runs in: bailiff-cage. In: paths, MAKEFLAGS. Out: places, paths without links. Never: changes anything.
use alloc::ffi::CString;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem::ManuallyDrop;

use bailiff::shared::pure::bytes::decimal;
use bailiff::shims::cage::tree;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::{At, flags, open, readlink, stat};

use crate::policy::{Bytes, Kind, Place, Policy};
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
    let number = decimal(number).and_then(|n| u8::try_from(n).ok());
    let given = number.map(|number| ManuallyDrop::new(Fd::given(number)));
    given.and_then(|given| stat(&given).ok()).is_some_and(|stat| stat.mode & 0o170_000 == 0o010_000)
}

/// Whether the caller gave a descriptor of this number. A directory would lead out of any cage: by `..`, and past Landlock for
/// whoever asks for modes and times.
fn is_given(number: u32) -> Result<bool, String> {
    let Ok(given) = u8::try_from(number).map(|number| ManuallyDrop::new(Fd::given(number))) else {
        return Ok(false);
    };
    match stat(&given) {
        Ok(stat) if stat.is_directory() => Err(said(format_args!("descriptor {number} is a directory"))),
        found => Ok(found.is_ok()),
    }
}

/// Whether the descriptors that a policy names are the caller's: under a number that is not open would soon be what this program
/// opens, such as the record or the cage's own channel.
pub(crate) fn are_given(policy: &Policy) -> Result<(), String> {
    for number in policy.keep.iter().copied().chain(policy.status_fd.map(u32::from)) {
        if !is_given(number)? {
            return Err(said(format_args!("descriptor {number} is not open")));
        }
    }
    Ok(())
}

/// Standard input, output and error are there: else what this program opens would be taken for them.
pub(crate) fn fill_streams() -> Result<(), String> {
    for number in 0..3 {
        if !is_given(number)?
            && let Ok(null) = tree::open(At::Cwd, c"/dev/null", flags::O_RDWR, 0, 0)
        {
            null.leave_open();
        }
    }
    Ok(())
}

/// Keeps the descriptors that make tells of in MAKEFLAGS; of a pipe with a name, two that are opened here.
pub(crate) fn keep_jobserver(
    to: &mut Draft,
    env: &dyn Fn(&[u8]) -> Option<&'static [u8]>,
) -> Result<(), String> {
    fn told(word: &[u8]) -> Option<&[u8]> {
        word.strip_prefix(b"--jobserver-auth=").or_else(|| word.strip_prefix(b"--jobserver-fds="))
    }
    let words = || env(b"MAKEFLAGS").unwrap_or(b"").split(|b| *b == b' ');
    let Some(value) = words().rev().find_map(told) else { return Ok(()) };
    let wrong = || said(format_args!("jobserver: MAKEFLAGS says {}", shown(value)));
    let mut flags = words().collect::<Vec<_>>().join(&b' ');
    let mut numbers = value.to_vec();
    if let Some(path) = value.strip_prefix(b"fifo:") {
        // The program is mostly another user, who could not open it.
        let pipe = || open(At::Cwd, path, flags::O_RDWR | flags::O_NOCTTY, 0, 0).map_err(|_| wrong());
        let (reads, writes) = (pipe()?, pipe()?);
        numbers = said(format_args!("{},{}", reads.number(), writes.number())).into_bytes();
        let others = words().filter(|word| told(word).is_none());
        flags = others
            .chain([[b"--jobserver-auth=", numbers.as_slice()].concat().as_slice()])
            .collect::<Vec<_>>()
            .join(&b' ');
        reads.leave_open();
        writes.leave_open();
    }
    let key = keys::named(b"keep_fd", FLAG);
    // make closes them for a recipe that calls no make: its own tells so then.
    for number in numbers.split(|b| *b == b',').filter(|number| is_pipe(number)) {
        key.and_then(|key| key.take(to, number)).ok_or_else(wrong)?;
    }
    to.policy.env.retain(|item| variable(item) != Some(b"MAKEFLAGS"));
    to.policy.env.push([b"MAKEFLAGS=", flags.as_slice()].concat());
    Ok(())
}
