//! The record of runs: one line of canonical JSON for each, chained.
//!
//! Runs in: bailiff-cage. In: what was to be done, what became of it. Out: one line at the end of the record's file,
//! which holds the hash of the line before. Never: records a value of the environment; writes behind a line that is not
//! whole; lets two runs write at once.
//!
//! A line is torn if the machine, or the launcher by a KILL, was stopped within its one write. It stays as it is: the
//! next run ends the line, hashes it with the record before it, and says in its own line how long it is.
use alloc::string::String;

use bailiff::shared::pure::blake::Blake;
use bailiff::shims::cage::record::{append_only, lock, unlock};
use bailiff::shims::cage::tree;
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::{At, flags, stat, sync, truncate};
use bailiff::shims::io::{pread, write};

use crate::listen::process::own;
use crate::policy::{Bytes, Kind, Policy};
use crate::root::c;
use crate::step::paths::{self, is_below};
use crate::text::{errno, said, shown};

mod line;
pub(crate) use line::line;

/// What every line begins with: the first of its keys.
const HEAD: &[u8; 12] = b"{\"accesses\":";
/// What every line ends with: the last of its keys, and nothing of a name, whose quotes are escaped.
const TAIL: &[u8; 14] = b",\"whole\":true}";

/// A file that the run left, moved to its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Output {
    pub(crate) path: Bytes,
    pub(crate) hash: [u8; 32],
    /// Permission bits.
    pub(crate) mode: u32,
    pub(crate) size: u64,
}

/// A file that was declared as an input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Input {
    pub(crate) path: Bytes,
    pub(crate) hash: [u8; 32],
    pub(crate) size: u64,
    /// Whether it was opened; if not, it is in the record as unused. Where files are not watched: `true`.
    pub(crate) read: bool,
}

/// What stands before the line that is to be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Before {
    /// The hash of the last whole line and of what is torn behind it, without the last line end; zeros: there is
    /// nothing.
    pub(crate) hash: [u8; 32],
    /// How many bytes behind that line (and its end) are torn.
    pub(crate) torn: Option<u64>,
    /// The last line has no end.
    open: bool,
}

/// An open file of records.
#[derive(Debug)]
pub(crate) struct Record {
    file: Fd,
    path: Bytes,
}

/// The policy's file of records, if it has one: not where the program could change it, or put another in its place.
pub(crate) fn of(policy: &Policy) -> Result<Option<Record>, String> {
    let Some(path) = &policy.record else { return Ok(None) };
    let record = open(path, policy.append_only)?;
    for place in &policy.places {
        let Kind::Bind { source, write: true, .. } = &place.kind else { continue };
        let written = paths::open(At::Cwd, source, flags::O_PATH, 0, 0).ok().and_then(|file| own(&file));
        if own(&record.file).zip(written).is_some_and(|(real, written)| is_below(&real, &written)) {
            let (path, source) = (shown(path), shown(source));
            return Err(said(format_args!(
                "{path}: the program could change the record there: rw = \"{source}\""
            )));
        }
    }
    Ok(Some(record))
}

/// Opens the file of records before the run, so that no run starts that cannot be recorded; makes it if it is not
/// there.
pub(crate) fn open(path: &[u8], only_append: bool) -> Result<Record, String> {
    const O_APPEND: u64 = 0o2000;
    let how =
        flags::O_RDWR | flags::O_CREAT | O_APPEND | flags::O_NOFOLLOW | flags::O_NONBLOCK | flags::O_NOCTTY;
    let refused = |what: &str| said(format_args!("{}: {what}", shown(path)));
    let name = c(path).map_err(|_| refused("expected a path without a zero byte"))?;
    let file = tree::open(At::Cwd, &name, how, 0o600, 0).map_err(|e| failed(path, "cannot open it", e))?;
    if !stat(&file).is_ok_and(|s| s.is_regular()) {
        return Err(refused("expected a regular file for the record"));
    }
    if only_append {
        append_only(&file).map_err(|e| match e {
            Errno::EPERM => failed(path, "append-only needs root (CAP_LINUX_IMMUTABLE)", e),
            _ => failed(path, "its file system cannot mark it append-only", e),
        })?;
    }
    let record = Record { file, path: Bytes::from(path) };
    record.locked(|size| record.last(size).map(|_| ()))?;
    Ok(record)
}

impl Record {
    /// Appends the line that `make` makes of what is known of the line before, and waits until it is on the disk; not
    /// under the lock, so that those who append at the same time wait together.
    pub(crate) fn append(&self, make: impl FnOnce(&Before) -> String) -> Result<(), String> {
        self.add(make)?;
        sync(&self.file).map_err(|e| failed(&self.path, "the record may not be on the disk", e))
    }

    /// Appends it: from then on it is there for every process, and outlives this one, but not the machine.
    pub(crate) fn add(&self, make: impl FnOnce(&Before) -> String) -> Result<(), String> {
        self.locked(|size| {
            let before = self.last(size)?;
            let mut text = String::from(if before.open { "\n" } else { "" });
            text.push_str(&make(&before));
            text.push('\n');
            self.write(text.as_bytes()).map_err(|e| {
                // Where the file may only grow, half a line stays: it is torn.
                let _ = truncate(&self.file, size);
                failed(&self.path, "cannot write the record", e)
            })
        })
    }

    /// Does this under the lock that all who append take; told how long the file is.
    fn locked<T>(&self, work: impl FnOnce(u64) -> Result<T, String>) -> Result<T, String> {
        while let Err(e) = lock(&self.file) {
            if e != Errno::EINTR {
                return Err(failed(&self.path, "cannot lock it", e));
            }
        }
        let size = stat(&self.file).map_err(|e| failed(&self.path, "cannot look at it", e));
        let done = size.and_then(|s| work(s.size));
        // The lock ends with this process at the latest.
        let _ = unlock(&self.file);
        done
    }

    /// One write, but for a kernel that takes less than all.
    fn write(&self, mut line: &[u8]) -> Result<(), Errno> {
        while !line.is_empty() {
            match write(&self.file, line) {
                Ok(0) => return Err(Errno::EIO),
                Ok(went) => line = line.get(went..).unwrap_or(&[]),
                Err(Errno::EINTR) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// What the file ends with. Nothing is written behind what is no line of this tool, or the beginning of one.
    fn last(&self, size: u64) -> Result<Before, String> {
        let Some(end) = size.checked_sub(1) else { return Ok(Before::default()) };
        let mut byte = [0];
        self.read(&mut byte, end)?;
        let open = byte != *b"\n";
        let end = if open { size } else { end };
        let mut stop = end;
        loop {
            let start = self.start(stop)?;
            let whole = self.is_whole(start, stop)?;
            let torn = if whole { end.checked_sub(stop.saturating_add(1)) } else { Some(end) };
            if whole || start == 0 {
                return Ok(Before { hash: self.hash(start, end)?, torn, open });
            }
            stop = start.saturating_sub(1);
        }
    }

    /// Whether this line is whole; if not, it is torn.
    fn is_whole(&self, start: u64, stop: u64) -> Result<bool, String> {
        let (mut head, mut tail) = ([0; HEAD.len()], [0; TAIL.len()]);
        let length = stop.saturating_sub(start);
        let wanted = usize::try_from(length).unwrap_or(head.len()).min(head.len());
        let head = head.get_mut(..wanted).unwrap_or(&mut []);
        self.read(head, start)?;
        if head.is_empty() || !HEAD.starts_with(head) {
            return Err(said(format_args!("{}: its last line is no record of a run", shown(&self.path))));
        }
        let from = stop.saturating_sub(tail.len() as u64).max(start);
        if length > tail.len() as u64 {
            self.read(&mut tail, from)?;
        }
        Ok(tail == *TAIL)
    }

    fn hash(&self, mut at: u64, end: u64) -> Result<[u8; 32], String> {
        let (mut hash, mut buf) = (Blake::new(), [0; 4096]);
        while at < end {
            let wanted = usize::try_from(end.saturating_sub(at)).unwrap_or(buf.len()).min(buf.len());
            let piece = buf.get_mut(..wanted).unwrap_or(&mut []);
            self.read(piece, at)?;
            hash.update(piece);
            at = at.saturating_add(wanted as u64);
        }
        Ok(hash.finish())
    }

    /// Where the line begins that ends before `end`.
    fn start(&self, end: u64) -> Result<u64, String> {
        let (mut from, mut buf) = (end, [0; 4096]);
        while from > 0 {
            let wanted = usize::try_from(from).unwrap_or(buf.len()).min(buf.len());
            let piece = buf.get_mut(..wanted).unwrap_or(&mut []);
            from = from.saturating_sub(wanted as u64);
            self.read(piece, from)?;
            if let Some(at) = piece.iter().rposition(|b| *b == b'\n') {
                return Ok(from.saturating_add(at as u64).saturating_add(1));
            }
        }
        Ok(0)
    }

    /// All of these bytes, from `at` on: nobody shortens the file while it is locked.
    fn read(&self, mut to: &mut [u8], mut at: u64) -> Result<(), String> {
        while !to.is_empty() {
            match pread(&self.file, to, at) {
                Ok(0) => return Err(said(format_args!("{}: became shorter", shown(&self.path)))),
                Ok(got) => {
                    to = to.get_mut(got..).unwrap_or(&mut []);
                    at = at.saturating_add(got as u64);
                }
                Err(Errno::EINTR) => {}
                Err(e) => return Err(failed(&self.path, "cannot read it", e)),
            }
        }
        Ok(())
    }
}

fn failed(path: &[u8], what: &str, e: Errno) -> String {
    said(format_args!("{}: {what}: {}", shown(path), errno(e.0)))
}
