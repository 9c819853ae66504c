//! Which names in which directories lead to a source, and what inotify says of them.
//!
//! Runs in: the warden. In: events with names that others chose: compared, never kept but for the renames of a log itself,
//! never logged. Out: which sources to look at again, and under which names their former files are now. Never: keeps a
//! watch that no source needs.
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::inotify::*;
use bailiff::shims::files::{inotify_add_watch, inotify_init, inotify_rm_watch};
use bailiff::shims::io::read;

use super::renames::{Renamed, Renames};
use super::sources::SOURCES;
use super::walk::through_proc;

/// Room for the steps of all sources: a log of the usual depth takes three or four.
const STEPS: usize = 2560;
/// A name that is looked up in a directory on the way to a source's log.
#[derive(Clone, Copy, Default)]
struct Step {
    /// 0: a free place. inotify counts from 1.
    watch: u32,
    source: u16,
    /// FNV-1a of the name: another name with the same hash causes a look that finds nothing new.
    hash: u32,
    /// Whether it was set by the look before.
    is_old: bool,
}

/// What one reading of the events came to.
pub(super) struct Change {
    dirty: [bool; SOURCES],
    all: bool,
}

impl Change {
    /// Whether this source must be looked at again.
    pub(super) fn touches(&self, source: usize) -> bool {
        self.all || self.dirty.get(source).copied().unwrap_or(false)
    }
}

/// One event of inotify(7).
pub(super) struct Event<'a> {
    pub(super) watch: u32,
    pub(super) mask: u32,
    pub(super) cookie: u32,
    pub(super) name: &'a [u8],
}

/// The instance and its steps.
pub(super) struct Directories {
    instance: Fd,
    steps: [Step; STEPS],
    renames: Renames,
    /// Whether there was ever a step that found no room, or no watch could be had.
    short: Option<Errno>,
}

fn hash(name: &[u8]) -> u32 {
    name.iter().fold(0x811c_9dc5, |h: u32, b| (h ^ u32::from(*b)).wrapping_mul(0x0100_0193))
}

impl Directories {
    pub(super) fn new() -> Result<Self, Errno> {
        Ok(Self {
            instance: inotify_init()?,
            steps: [Step::default(); STEPS],
            renames: Renames::new(),
            short: None,
        })
    }

    pub(super) fn bell(&self) -> &Fd {
        &self.instance
    }

    /// A look at a source begins: it sets the source's steps anew.
    pub(super) fn begin(&mut self, source: usize) {
        for step in self.steps.iter_mut().filter(|s| s.watch != 0 && usize::from(s.source) == source) {
            step.is_old = true;
        }
    }

    /// The look is over: steps that it did not set are forgotten, and directories that no step is left in.
    pub(super) fn end(&mut self) {
        while let Some(old) = self.steps.iter_mut().find(|s| s.is_old) {
            let Step { watch, .. } = core::mem::take(old);
            if !self.steps.iter().any(|s| s.watch == watch) {
                // Refused if the directory is gone: then so is the watch.
                let _ = inotify_rm_watch(&self.instance, watch);
            }
        }
    }

    /// Watches a directory for a name that leads to a source; the watch, or 0 for what `shortage` tells of.
    pub(super) fn watch(&mut self, source: usize, directory: &Fd, name: &[u8]) -> u32 {
        // ATTRIB: a file that root makes is given to its account a moment later.
        let mask = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR;
        let mut buf = [0u8; 32];
        match inotify_add_watch(&self.instance, through_proc(directory, &mut buf), mask) {
            Ok(watch) => {
                self.put(Step { watch, source: source as u16, hash: hash(name), is_old: false });
                watch
            }
            Err(errno) => {
                self.short = Some(errno);
                0
            }
        }
    }

    fn put(&mut self, step: Step) {
        match self.steps.iter_mut().find(|s| s.watch == 0) {
            Some(free) => *free = step,
            None => self.short = Some(Errno::ENOSPC),
        }
    }

    /// A former log under a name that it was not looked for under yet.
    pub(super) fn renamed(&mut self) -> Option<Renamed> {
        self.renames.next_due()
    }

    /// Why something could not be watched, once.
    pub(super) fn shortage(&mut self) -> Option<Errno> {
        self.short.take()
    }

    /// Reads the waiting events.
    pub(super) fn take(&mut self) -> Result<Change, Errno> {
        let mut change = Change { dirty: [false; SOURCES], all: false };
        let mut buf = [0u8; 16384];
        loop {
            let len = match read(&self.instance, &mut buf) {
                Err(Errno::EAGAIN) => return Ok(change),
                Err(Errno::EINTR) => continue,
                other => other?,
            };
            let mut rest = buf.get(..len).unwrap_or(&[]);
            while let Some((event, behind)) = next(rest) {
                self.note(&event, &mut change);
                rest = behind;
            }
        }
    }

    fn note(&mut self, event: &Event<'_>, change: &mut Change) {
        change.all |= event.mask & IN_Q_OVERFLOW != 0;
        self.renames.follow(event);
        let hash = hash(event.name);
        for step in self.steps.iter().filter(|s| s.watch == event.watch && s.watch != 0 && s.hash == hash) {
            if let Some(dirty) = change.dirty.get_mut(usize::from(step.source)) {
                *dirty = true;
            }
            if event.mask & IN_MOVED_FROM != 0 {
                self.renames.left(step.source, event);
            }
        }
    }
}

/// Splits the first event off; `None` at the end.
fn next(bytes: &[u8]) -> Option<(Event<'_>, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<16>()?;
    let [watch, mask, cookie, len] = *head.as_chunks::<4>().0 else { return None };
    let [watch, mask, cookie, len] = [watch, mask, cookie, len].map(u32::from_ne_bytes);
    let (name, rest) = rest.split_at_checked(len as usize)?;
    let name = name.split(|b| *b == 0).next().unwrap_or(&[]);
    Some((Event { watch, mask, cookie, name }, rest))
}
