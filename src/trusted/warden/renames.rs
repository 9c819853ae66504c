//! Files that were logs, by the names that they were given since.
//!
//! Runs in: the warden. In: events with names that others chose: compared and kept while they may be looked up, never
//! logged. Out: under which name a former log is found now. A log can be renamed, and renamed again, before anybody has
//! opened it; a writer may have written to it all the same.
use super::directories::Event;
use bailiff::shims::files::inotify::{IN_MOVED_FROM, IN_MOVED_TO};

/// Renamed logs followed at a time; beyond them the one whose first rename is longest ago is no longer followed.
const FOLLOWED: usize = 32;

/// A file that was a source's log, and its name now.
#[derive(Clone, Copy)]
pub(super) struct Renamed {
    pub(super) source: u16,
    /// The watch on its directory; 0: a free place.
    pub(super) watch: u32,
    name: [u8; 255],
    len: u8,
    /// While a rename is half told (MOVED_FROM seen, MOVED_TO not yet), its cookie.
    cookie: u32,
    /// Whether it has a name under which it was not looked for yet.
    is_due: bool,
}

impl Renamed {
    const NONE: Self = Self { source: 0, watch: 0, name: [0; 255], len: 0, cookie: 0, is_due: false };

    pub(super) fn name(&self) -> &[u8] {
        self.name.get(..self.len.into()).unwrap_or(&[])
    }

    fn rename(&mut self, name: &[u8]) {
        for (slot, b) in self.name.iter_mut().zip(name) {
            *slot = *b;
        }
        (self.len, self.cookie) = (u8::try_from(name.len()).unwrap_or(0), 0);
        self.is_due = self.len > 0;
    }
}

/// All that are followed.
pub(super) struct Renames {
    all: [Renamed; FOLLOWED],
    next: usize,
}

impl Renames {
    pub(super) fn new() -> Self {
        Self { all: [Renamed::NONE; FOLLOWED], next: 0 }
    }

    /// A source's log left its name: where it goes is told by the event with the same cookie.
    pub(super) fn left(&mut self, source: u16, event: &Event<'_>) {
        if let Some(slot) = self.all.get_mut(self.next) {
            *slot = Renamed { source, watch: event.watch, cookie: event.cookie, ..Renamed::NONE };
        }
        self.next = self.next.wrapping_add(1) % FOLLOWED;
    }

    /// Follows later renames, overwriting and deletion.
    pub(super) fn follow(&mut self, event: &Event<'_>) {
        let to = event.mask & IN_MOVED_TO != 0;
        for file in self.all.iter_mut().filter(|f| f.watch == event.watch) {
            if to && file.cookie != 0 && file.cookie == event.cookie {
                file.rename(event.name);
            } else if file.len > 0 && file.name() == event.name {
                (file.len, file.is_due) = (0, false);
                file.cookie = if event.mask & IN_MOVED_FROM != 0 { event.cookie } else { 0 };
            }
        }
    }

    /// The next that is to be looked for, the one that was renamed first before the others.
    pub(super) fn next_due(&mut self) -> Option<Renamed> {
        let (newer, older) = self.all.split_at_mut_checked(self.next)?;
        let file = older.iter_mut().chain(newer).find(|f| f.is_due)?;
        file.is_due = false;
        Some(*file)
    }
}
