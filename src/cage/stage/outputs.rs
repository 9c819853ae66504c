//! What a step made: checked, and brought into the project.
//!
//! Runs in: bailiff-cage, when no process of the cage is left. In: a stage, the step's declared outputs. Out: the outputs in
//! the project. Never: brings out anything but bytes, a bit that says that they are a program, and links that stay within
//! their output; writes through a link; takes away a file that it does not replace.
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::CStr;

use bailiff::shared::pure::blake::Blake;
use bailiff::shims::cage::{disk, tree};
use bailiff::shims::clock::monotonic_ns;
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::{At, Stat, flags};

use super::{LATE, Stage, copy, holds, is_pattern};
use crate::policy::Bytes;
use crate::root::c;
use crate::step::Step;
use crate::step::glob::{self, Fit};
use crate::step::paths::{self, BENEATH, NAME, Sort, join, last, link, look, names, parent, refused, sort};
use crate::text::{self, said, shown};

/// A file or link that a step made where it had said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Made {
    /// Path below the project.
    pub(crate) path: Bytes,
    /// Of the bytes, or of a link's text.
    pub(crate) hash: [u8; 32],
    pub(crate) size: u64,
    /// The permission bits it gets.
    pub(crate) mode: u32,
    /// A link's text.
    pub(crate) link: Option<Bytes>,
}

/// What was found in a stage after its step.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Found {
    /// Sorted.
    pub(crate) made: Vec<Made>,
    /// What it made beyond its declared outputs: it stays behind.
    pub(crate) undeclared: Vec<Bytes>,
    /// Why nothing may leave the stage.
    pub(crate) faults: Vec<String>,
}

/// As much as the paths that a step made may take, at `NAME` for each besides its bytes: the record has them all.
const ROOM: usize = 8 << 20;

/// Looks at all that the step made, in no more time than it had itself: a file of nothing but holes costs it no time.
pub(crate) fn found(stage: &Stage, step: &Step, wall_ms: Option<u64>) -> Found {
    let (outputs, scratch) = (step.outputs.as_slice(), step.scratch.as_slice());
    let wall_ns = wall_ms.map_or(u64::MAX, |ms| ms.saturating_mul(1_000_000));
    let until_ns = monotonic_ns().saturating_add(wall_ns);
    let (found, links) = (Found::default(), BTreeMap::new());
    let mut search = Search { stage, outputs, scratch, found, links, room: Some(ROOM), until_ns };
    for directory in stage.open() {
        search.directory(directory);
    }
    let linked: Vec<&(Bytes, u32, u32)> = search.links.values().filter(|(_, all, seen)| all > seen).collect();
    for (path, _, _) in linked {
        let fault = said(format_args!("out: {}: a hard link to a file that is not the step's", shown(path)));
        search.found.faults.push(fault);
    }
    let mut found = search.found;
    found.made.sort_by(|a, b| a.path.cmp(&b.path));
    found.undeclared.sort_unstable();
    for output in outputs {
        if !found.made.iter().any(|made| holds(output, &made.path)) {
            found.faults.push(said(format_args!("out: {}: the step did not make it", shown(output))));
        }
    }
    found
}

struct Search<'a> {
    stage: &'a Stage,
    outputs: &'a [Bytes],
    scratch: &'a [Bytes],
    found: Found,
    /// Files with more than one name, by inode: a path, how many names there are, how many were met.
    links: BTreeMap<u64, (Bytes, u32, u32)>,
    /// What is left of `ROOM`; `None`: it was not enough.
    room: Option<usize>,
    until_ns: u64,
}

impl Search<'_> {
    fn fault(&mut self, path: &[u8], what: &str) {
        self.found.faults.push(said(format_args!("out: {}: {what}", shown(path))));
    }

    fn directory(&mut self, path: &[u8]) {
        let name = if path.is_empty() { b"." } else { path };
        let opened = paths::open(At::Dir(&self.stage.work), name, flags::O_DIRECTORY, 0, BENEATH);
        let entries = opened.and_then(|fd| names(&fd));
        let Ok(entries) = entries else { return self.fault(path, "cannot be listed") };
        for entry in entries {
            let at = join(path, &entry);
            if !self.stage.is_given(&at) {
                self.entry(&at);
            }
        }
    }

    fn entry(&mut self, at: &[u8]) {
        let Some(room) = self.room else { return };
        self.room = room.checked_sub(at.len().saturating_add(NAME));
        if self.room.is_none() {
            return self.fault(at, "from here on, more files than a record can hold");
        }
        let Ok(stat) = look(At::Dir(&self.stage.work), at) else {
            return self.fault(at, "cannot be looked at");
        };
        let sort = sort(stat.mode);
        if sort == Sort::File && stat.links > 1 {
            let (_, _, seen) = self.links.entry(stat.ino).or_insert((at.to_vec(), stat.links, 0));
            *seen = seen.saturating_add(1);
        }
        let output = self.outputs.iter().find(|output| holds(output, at));
        match (output, sort) {
            (Some(output), Sort::Directory) if !output.ends_with(b"/") => {
                self.fault(at, "the step made a directory; declare it with a `/` at its end");
            }
            (None, _) => {
                if !self.scratch.iter().any(|scratch| is_scratch(scratch, at)) {
                    self.found.undeclared.push(at.to_vec());
                }
                if sort == Sort::Directory {
                    // Only hard links to its files matter any more.
                    self.aside(at);
                }
            }
            (Some(_), _) if stat.mode & 0o6000 != 0 => self.fault(at, "a set-user-id or set-group-id bit"),
            (Some(_), Sort::Directory) => self.directory(at),
            (Some(_), Sort::Special) => self.fault(at, "a device, fifo or socket"),
            (Some(output), Sort::Link) => self.link(at, output.len()),
            (Some(_), Sort::File) => self.file(at, &stat),
        }
    }

    /// Counts the names of files below an undeclared directory.
    fn aside(&mut self, path: &[u8]) {
        let opened = paths::open(At::Dir(&self.stage.work), path, flags::O_DIRECTORY, 0, BENEATH);
        for entry in opened.and_then(|fd| names(&fd)).unwrap_or_default() {
            let at = join(path, &entry);
            match look(At::Dir(&self.stage.work), &at) {
                Ok(stat) if stat.is_directory() => self.aside(&at),
                Ok(stat) if stat.is_regular() && stat.links > 1 => {
                    let (_, _, seen) = self.links.entry(stat.ino).or_insert((at, stat.links, 0));
                    *seen = seen.saturating_add(1);
                }
                _ => {}
            }
        }
    }

    fn file(&mut self, at: &[u8], stat: &Stat) {
        let copied = open(self.stage, at).and_then(|file| copy(&file, None, self.until_ns));
        let (hash, size) = match copied {
            Ok(copied) => copied,
            Err(LATE) => return self.fault(at, "it takes longer to read than the limit `wall`"),
            Err(e) => return self.fault(at, &said(format_args!("cannot be read: {}", text::errno(e.0)))),
        };
        let mode = if stat.mode & 0o100 != 0 { 0o755 } else { 0o644 };
        self.found.made.push(Made { path: at.to_vec(), hash, size, mode, link: None });
    }

    /// A link may lead anywhere within its output: `top` is the length of that one's path, its slash included.
    fn link(&mut self, at: &[u8], top: usize) {
        let Ok(text) = link(At::Dir(&self.stage.work), at) else { return self.fault(at, "cannot be read") };
        if !stays(at.get(top..).unwrap_or_default(), &text) {
            let what = said(format_args!("a link that leaves the output, to {}", shown(&text)));
            return self.fault(at, &what);
        }
        let mut hash = Blake::new();
        hash.update(&text);
        let (hash, size) = (hash.finish(), text.len() as u64);
        self.found.made.push(Made { path: at.to_vec(), hash, size, mode: 0o777, link: Some(text) });
    }
}

/// Whether a link at this path below an output leads below the output. `..` may stand only at its beginning: behind a name
/// that is a link itself, it would mean another directory than the text says.
pub(crate) fn stays(path: &[u8], text: &[u8]) -> bool {
    let mut left = path.iter().filter(|b| **b == b'/').count();
    if text.starts_with(b"/") || path.is_empty() {
        return false;
    }
    let mut named = false;
    for part in text.split(|b| *b == b'/') {
        match part {
            b"" | b"." => {}
            b".." if named => return false,
            b".." => match left.checked_sub(1) {
                Some(less) => left = less,
                None => return false,
            },
            _ => named = true,
        }
    }
    true
}

/// Whether nobody needs this afterwards.
fn is_scratch(scratch: &[u8], path: &[u8]) -> bool {
    let meant = || glob::fit(scratch.strip_suffix(b"/").unwrap_or(scratch), path) == Fit::Whole;
    holds(scratch, path) || is_pattern(scratch) && meant()
}

/// A regular file of a stage, to be read.
pub(crate) fn open(stage: &Stage, path: &[u8]) -> Result<Fd, Errno> {
    let flags = flags::O_NOFOLLOW | flags::O_NONBLOCK | flags::O_NOCTTY;
    paths::open(At::Dir(&stage.work), path, flags, 0, BENEATH)
}

/// Brings what was made into the project: each file under a name of its own first, then in place of what was there.
pub(crate) fn deliver(stage: &Stage, project: &Fd, made: &[Made]) -> Result<(), String> {
    for made in made {
        let wrong = |e| refused(&made.path, "cannot be brought into the project", e);
        let directory = below(project, parent(&made.path)).map_err(wrong)?;
        let name = last(&made.path);
        let fresh = [name.get(..200).unwrap_or(name), b".bailiff-new"].concat();
        let (Ok(name), Ok(fresh)) = (c(name), c(&fresh)) else { return Err(wrong(Errno::EINVAL)) };
        let _ = disk::unlink(At::Dir(&directory), &fresh, false);
        let done = put(stage, made, &directory, &fresh)
            .and_then(|()| disk::rename((&directory, &fresh), (&directory, &name)));
        if let Err(errno) = done {
            let _ = disk::unlink(At::Dir(&directory), &fresh, false);
            return Err(wrong(errno));
        }
    }
    Ok(())
}

fn put(stage: &Stage, made: &Made, directory: &Fd, name: &CStr) -> Result<(), Errno> {
    if let Some(text) = &made.link {
        return tree::make_link(&c(text)?, At::Dir(directory), name);
    }
    let new = flags::O_WRONLY | flags::O_CREAT | flags::O_EXCL | flags::O_NOFOLLOW;
    let to = tree::open(At::Dir(directory), name, new, made.mode, BENEATH)?;
    let (hash, _) = copy(&open(stage, &made.path)?, Some(&to), u64::MAX)?;
    if hash == made.hash { Ok(()) } else { Err(Errno::EIO) }
}

/// A directory below the project, made where it is not there, through no link.
fn below(project: &Fd, path: &[u8]) -> Result<Fd, Errno> {
    let step = flags::O_DIRECTORY | flags::O_NOFOLLOW;
    let mut at = paths::open(At::Dir(project), b".", step, 0, BENEATH)?;
    for name in path.split(|b| *b == b'/').filter(|name| !name.is_empty()) {
        match tree::make_directory(At::Dir(&at), &c(name)?, 0o755) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno),
        }
        at = paths::open(At::Dir(&at), name, step, 0, BENEATH)?;
    }
    Ok(at)
}
