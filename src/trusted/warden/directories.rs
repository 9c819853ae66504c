//! Which names in which directories lead to a source, and what inotify says of them.
//!
//! Runs in: the warden. In: events with names that others chose: compared, never kept but for the renames of a log itself,
//! never logged. Out: which sources to look at again, and under which names their former files are now.
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::inotify::*;
use bailiff::shims::files::{inotify_add_watch, inotify_init};
use bailiff::shims::io::read;

use super::sources::SOURCES;
use super::walk::through_proc;

/// Room for the steps of all sources: a log of the usual depth takes three or four.
const STEPS: usize = 2560;
/// Renamed logs followed at a time.
const RENAMED: usize = 16;

/// A name that is looked up in a directory on the way to a source's log.
#[derive(Clone, Copy, Default)]
struct Step {
    /// 0: a free place. inotify counts from 1.
    watch: u32,
    source: u16,
    /// FNV-1a of the name: another name with the same hash causes a look that finds nothing new.
    hash: u32,
}

/// A file that was a source's log, and its name now.
#[derive(Clone, Copy)]
pub(super) struct Renamed {
    pub(super) source: u16,
    watch: u32,
    name: [u8; 255],
    len: u8,
    /// While a rename is half told (MOVED_FROM seen, MOVED_TO not yet), its cookie.
    cookie: u32,
}

impl Renamed {
    pub(super) fn name(&self) -> &[u8] {
        self.name.get(..self.len.into()).unwrap_or(&[])
    }

    fn rename(&mut self, name: &[u8]) {
        for (slot, b) in self.name.iter_mut().zip(name) {
            *slot = *b;
        }
        self.len = u8::try_from(name.len()).unwrap_or(0);
        self.cookie = 0;
    }
}

/// What one reading of the events came to.
pub(super) struct Change {
    dirty: [bool; SOURCES],
    all: bool,
    renamed: [Renamed; RENAMED],
    count: usize,
}

impl Change {
    /// Whether this source must be looked at again.
    pub(super) fn touches(&self, source: usize) -> bool {
        self.all || self.dirty.get(source).copied().unwrap_or(false)
    }

    /// Former logs, under their names now, oldest first.
    pub(super) fn renamed(&self) -> impl Iterator<Item = &Renamed> {
        self.renamed.iter().take(self.count).filter(|r| r.len > 0)
    }
}

/// One event of inotify(7).
struct Event<'a> {
    watch: u32,
    mask: u32,
    cookie: u32,
    name: &'a [u8],
}

/// The instance and its steps.
pub(super) struct Directories {
    instance: Fd,
    steps: [Step; STEPS],
    /// Whether there was ever a step that found no room, or no watch could be had.
    short: Option<Errno>,
}

fn hash(name: &[u8]) -> u32 {
    name.iter().fold(0x811c_9dc5, |h: u32, b| (h ^ u32::from(*b)).wrapping_mul(0x0100_0193))
}

impl Directories {
    pub(super) fn new() -> Result<Self, Errno> {
        Ok(Self { instance: inotify_init()?, steps: [Step::default(); STEPS], short: None })
    }

    pub(super) fn bell(&self) -> &Fd {
        &self.instance
    }

    /// Forgets the steps of a source: a look sets them anew.
    pub(super) fn forget(&mut self, source: usize) {
        for step in self.steps.iter_mut().filter(|s| usize::from(s.source) == source) {
            *step = Step::default();
        }
    }

    /// Watches a directory for a name that leads to a source. What cannot be watched is told by `shortage`.
    pub(super) fn watch(&mut self, source: usize, directory: &Fd, name: &[u8]) {
        let mask = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR;
        let mut buf = [0u8; 32];
        match inotify_add_watch(&self.instance, through_proc(directory, &mut buf), mask) {
            Ok(watch) => self.put(Step { watch, source: source as u16, hash: hash(name) }),
            Err(errno) => self.short = Some(errno),
        }
    }

    fn put(&mut self, step: Step) {
        match self.steps.iter_mut().find(|s| s.watch == 0) {
            Some(free) => *free = step,
            None => self.short = Some(Errno::ENOSPC),
        }
    }

    /// Why something could not be watched, once.
    pub(super) fn shortage(&mut self) -> Option<Errno> {
        self.short.take()
    }

    /// Reads the waiting events.
    pub(super) fn take(&mut self) -> Result<Change, Errno> {
        let none = Renamed { source: 0, watch: 0, name: [0; 255], len: 0, cookie: 0 };
        let mut change = Change { dirty: [false; SOURCES], all: false, renamed: [none; RENAMED], count: 0 };
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

    fn note(&self, event: &Event<'_>, change: &mut Change) {
        change.all |= event.mask & IN_Q_OVERFLOW != 0;
        change.follow(event);
        let hash = hash(event.name);
        for step in self.steps.iter().filter(|s| s.watch == event.watch && s.watch != 0 && s.hash == hash) {
            if let Some(dirty) = change.dirty.get_mut(usize::from(step.source)) {
                *dirty = true;
            }
            if event.mask & IN_MOVED_FROM != 0 {
                change.left(step.source, event);
            }
        }
    }
}

impl Change {
    /// A log left its name: where it goes is told by the event with the same cookie.
    fn left(&mut self, source: u16, event: &Event<'_>) {
        if let Some(slot) = self.renamed.get_mut(self.count) {
            *slot = Renamed { source, watch: event.watch, name: [0; 255], len: 0, cookie: event.cookie };
            self.count = self.count.wrapping_add(1);
        }
    }

    /// Follows the files that were logs through later renames, overwriting and deletion.
    fn follow(&mut self, event: &Event<'_>) {
        let to = event.mask & IN_MOVED_TO != 0;
        for file in self.renamed.iter_mut().take(self.count).filter(|f| f.watch == event.watch) {
            if to && file.cookie == event.cookie {
                file.rename(event.name);
            } else if file.len > 0 && file.name() == event.name {
                file.len = 0;
                file.cookie = if event.mask & IN_MOVED_FROM != 0 { event.cookie } else { 0 };
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
