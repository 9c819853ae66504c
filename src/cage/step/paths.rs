//! Paths, directories and whole files.
//!
//! Runs in: bailiff-cage. In: paths, the file system. Out: names in order, bytes, sentences for what failed. Never: follows
//! a link where it says that it does not; reads a file without a bound.
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::ffi::CStr;

use bailiff::shims::cage::{disk, tree};
use bailiff::shims::clock;
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::{self, At, flags};
use bailiff::shims::io;

use crate::policy::Bytes;
use crate::root::c;
use crate::text::{self, said, shown};

/// How far a path may go: within the directory that it starts from, and through no link.
pub(crate) const BENEATH: u64 =
    flags::RESOLVE_BENEATH | flags::RESOLVE_NO_SYMLINKS | flags::RESOLVE_NO_MAGICLINKS;

/// openat2(2); the empty path is the directory itself.
pub(crate) fn open(at: At<'_>, path: &[u8], flags: u64, mode: u32, resolve: u64) -> Result<Fd, Errno> {
    let path = if path.is_empty() { b"." } else { path };
    tree::open(at, &c(path)?, flags, mode, resolve)
}

/// What an entry of a directory is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Sort {
    File,
    Directory,
    Link,
    /// A device, a fifo, a socket.
    Special,
}

/// The sort that these type and permission bits tell.
pub(crate) fn sort(mode: u32) -> Sort {
    match mode & 0o170_000 {
        0o100_000 => Sort::File,
        0o040_000 => Sort::Directory,
        0o120_000 => Sort::Link,
        _ => Sort::Special,
    }
}

/// A sentence for what the kernel refused.
pub(crate) fn refused(path: &[u8], what: &str, errno: Errno) -> String {
    said(format_args!("{}: {what}: {}", shown(path), text::errno(errno.0)))
}

/// `name` below `directory`; an absolute name as it is.
pub(crate) fn join(directory: &[u8], name: &[u8]) -> Bytes {
    if directory.is_empty() || name.starts_with(b"/") {
        return name.to_vec();
    }
    let mut path = directory.to_vec();
    if !name.is_empty() {
        if !path.ends_with(b"/") {
            path.push(b'/');
        }
        path.extend_from_slice(name);
    }
    path
}

/// The directory that holds this path: empty for a bare name, `/` for a name in the root.
pub(crate) fn parent(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|b| *b == b'/') {
        Some(0) => b"/",
        Some(at) => path.get(..at).unwrap_or_default(),
        None => b"",
    }
}

/// The last name of a path.
pub(crate) fn last(path: &[u8]) -> &[u8] {
    path.rsplit(|b| *b == b'/').next().unwrap_or_default()
}

/// Whether `path` is `top` or lies below it.
pub(crate) fn is_below(path: &[u8], top: &[u8]) -> bool {
    match path.strip_prefix(top) {
        Some(rest) => top.is_empty() || top.ends_with(b"/") || rest.is_empty() || rest.starts_with(b"/"),
        None => false,
    }
}

/// `path` made absolute: the current directory goes before it; `.`, `..` and double slashes are taken out as text.
pub(crate) fn absolute(path: &[u8]) -> Result<Bytes, String> {
    let mut here = vec![0; 4096];
    let used = if path.starts_with(b"/") {
        0
    } else {
        disk::current(&mut here).map_err(|e| refused(b".", "the current directory", e))?
    };
    here.truncate(used);
    let mut parts: Vec<&[u8]> = Vec::new();
    let whole = join(&here, path);
    for part in whole.split(|b| *b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    let mut made = b"/".to_vec();
    made.extend_from_slice(&parts.join(&b'/'));
    Ok(made)
}

/// Opens a directory of the operator's, by links too.
pub(crate) fn directory(path: &[u8]) -> Result<Fd, String> {
    open(At::Cwd, path, flags::O_DIRECTORY, 0, 0)
        .map_err(|e| refused(path, "cannot be opened as a directory", e))
}

/// As much as the names of one directory may take, at `NAME` for each besides its bytes: whoever fills a directory with more
/// does not fill the launcher's memory.
const MOST_NAMES: usize = 16 << 20;
pub(crate) const NAME: usize = 64;

/// The names in an open directory, sorted, without `.` and `..`; EMSGSIZE when they are too many.
pub(crate) fn names(directory: &Fd) -> Result<Vec<Bytes>, Errno> {
    let mut names = Vec::new();
    let mut left = MOST_NAMES;
    loop {
        let more = some(directory)?;
        if more.is_empty() {
            names.sort_unstable();
            return Ok(names);
        }
        for name in more {
            left = left.checked_sub(name.len().saturating_add(NAME)).ok_or(Errno::EMSGSIZE)?;
            names.push(name);
        }
    }
}

/// The next names in an open directory; none: it has no more.
fn some(directory: &Fd) -> Result<Vec<Bytes>, Errno> {
    let mut names = Vec::new();
    let mut buf = vec![0u8; 32768];
    while names.is_empty() {
        let got = files::entries(directory, &mut buf)?;
        let mut rest = buf.get(..got).unwrap_or_default();
        if rest.is_empty() {
            break;
        }
        while let Some((name, behind)) = files::entry(rest) {
            if !matches!(name, b"" | b"." | b"..") {
                names.push(name.to_vec());
            }
            rest = behind;
        }
    }
    Ok(names)
}

/// What lies at a path below `at`, links not followed.
pub(crate) fn look(at: At<'_>, path: &[u8]) -> Result<files::Stat, Errno> {
    let fd = open(at, path, flags::O_PATH | flags::O_NOFOLLOW, 0, 0)?;
    files::stat(&fd)
}

/// The text of a link.
pub(crate) fn link(at: At<'_>, path: &[u8]) -> Result<Bytes, Errno> {
    let mut buf = vec![0; 4096];
    let used = disk::readlink(at, &c(path)?, &mut buf)?;
    buf.truncate(used);
    Ok(buf)
}

/// Fills `buf` as far as the file goes: how many bytes came.
pub(crate) fn fill(file: &Fd, buf: &mut [u8]) -> Result<usize, Errno> {
    let mut used = 0usize;
    while let Some(rest) = buf.get_mut(used..).filter(|rest| !rest.is_empty()) {
        match io::read(file, rest) {
            Ok(0) => break,
            Ok(got) => used = used.saturating_add(got),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(used)
}

/// A whole file of at most `most` bytes; EMSGSIZE when it is longer.
pub(crate) fn whole(path: &[u8], most: usize) -> Result<Bytes, Errno> {
    let file = open(At::Cwd, path, flags::O_NONBLOCK | flags::O_NOCTTY, 0, 0)?;
    let stat = files::stat(&file)?;
    if !stat.is_regular() {
        return Err(Errno::EINVAL);
    }
    let mut bytes = Bytes::new();
    let mut buf = vec![0; 1 << 16];
    // Files of /proc do not say how long they are.
    loop {
        let used = fill(&file, &mut buf)?;
        bytes.extend_from_slice(buf.get(..used).unwrap_or_default());
        if bytes.len() > most {
            return Err(Errno::EMSGSIZE);
        }
        if used < buf.len() {
            return Ok(bytes);
        }
    }
}

/// Writes all of it.
pub(crate) fn pour(file: &Fd, bytes: &[u8]) -> Result<(), Errno> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match io::write(file, rest) {
            Ok(went) => rest = rest.get(went..).unwrap_or_default(),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Takes away the directory `name` in `directory` with all that is below. What lies deeper is brought up first, so that neither
/// its depth nor its number asks for more than a few descriptors and little memory.
pub(crate) fn remove(directory: &Fd, name: &[u8]) -> Result<(), Errno> {
    let mut random = [0u8; 8];
    clock::random(&mut random)?;
    let (top, mark, mut brought) = (entered(directory, name)?, u64::from_le_bytes(random), 0u64);
    let mut up = |from: &Fd, name: &CStr| {
        brought = brought.saturating_add(1);
        // Its parent is another then, which only who may write it can change.
        disk::set_mode(At::Dir(from), name, 0o700)?;
        disk::rename((from, name), (&top, &c(said(format_args!("{mark:016x}.{brought}")).as_bytes())?))
    };
    emptied(&top, &mut |from, name| {
        emptied(&entered(from, name.to_bytes())?, &mut up)?;
        disk::unlink(At::Dir(from), name, true)
    })?;
    disk::unlink(At::Dir(directory), &c(name)?, true)
}

/// Takes the files of a directory away, and has `other` do so with its directories, until nothing is left.
fn emptied(directory: &Fd, other: &mut dyn FnMut(&Fd, &CStr) -> Result<(), Errno>) -> Result<(), Errno> {
    loop {
        // Opened anew: a listing that goes on may pass over what came or went meanwhile.
        let names = some(&open(At::Dir(directory), b".", flags::O_DIRECTORY, 0, BENEATH)?)?;
        if names.is_empty() {
            return Ok(());
        }
        for name in names {
            let name = c(&name)?;
            if disk::unlink(At::Dir(directory), &name, false).is_err() {
                other(directory, &name)?;
            }
        }
    }
}

/// Opens a directory, and may do what it likes in it.
fn entered(at: &Fd, name: &[u8]) -> Result<Fd, Errno> {
    if look(At::Dir(at), name)?.mode & 0o700 != 0o700 {
        disk::set_mode(At::Dir(at), &c(name)?, 0o700)?;
    }
    open(At::Dir(at), name, flags::O_DIRECTORY | flags::O_NOFOLLOW, 0, BENEATH)
}
