//! The open files of all sources. A source has a queue of them: when its file is rotated away the next
//! generation comes, and writers may go on writing to the old one for a while.
//!
//! Runs in: the watcher. In: what the warden says of each file, the kernel's events by watch. Out: which file
//! is to be read next, which one is to be let go. Never: opens; lets a file go before its end was seen,
//! unless room is short, and then what was not read is counted.
use super::positions::{FileId, Positions};
use super::tail::Tail;
use bailiff::shared::pure::wire::source::Source;
use bailiff::shims::errno::Errno;

/// Most files open at once: 256 sources of 4 generations each.
pub(crate) const FILES: usize = 1024;
/// Generations of one source beyond which the oldest is let go at its end, without lingering.
const PER_SOURCE: usize = 4;

/// An offset that no file has: its position was not saved.
pub(crate) const NOWHERE: u64 = u64::MAX;

/// One open file of a source.
#[derive(Debug)]
pub(crate) struct Generation {
    /// The file and how far it was read.
    pub(crate) tail: Tail,
    /// What the warden said of it.
    pub(crate) given: Source,
    /// Whether something may have been written since its end was last seen.
    pub(crate) due: bool,
    /// Since when it has been quiet, once it is retired: monotonic nanoseconds. `None`: it is the source's
    /// present file.
    pub(crate) quiet_ns: Option<u64>,
    /// Whether it has been quiet for long enough: if it is at its end now, it goes.
    pub(crate) leaving: bool,
    /// Where its position is saved.
    pub(crate) slot: Option<u16>,
    /// The offset that is saved there.
    pub(crate) saved: u64,
    /// Whether the kernel refused the last read: this is said once.
    pub(crate) refused: bool,
}

impl Generation {
    /// A file as it was given: it is read to its end at once.
    pub(crate) fn new(tail: Tail, given: Source, slot: Option<u16>) -> Self {
        Self { tail, given, due: true, quiet_ns: None, leaving: false, slot, saved: NOWHERE, refused: false }
    }

    /// Saves how far it was read.
    pub(crate) fn keep(&mut self, positions: &mut Positions, saved_ms: u64) -> Result<(), Errno> {
        let Some(slot) = self.slot else { return Ok(()) };
        self.saved = self.tail.offset();
        positions.save(slot, &self.tail.position(self.given.source, saved_ms))
    }
}

/// Which file a source record is about.
pub(crate) fn file(given: &Source) -> FileId {
    FileId { dev: given.dev, ino: given.ino, btime_ns: given.btime_ns }
}

/// All of them, in places that stay the same while a file is open.
#[derive(Debug)]
pub(crate) struct Generations {
    places: [Option<Generation>; FILES],
    /// No place from here on is in use.
    used: usize,
    /// Where the search for a due file goes on, so that each gets its turn.
    cursor: usize,
}

impl Default for Generations {
    fn default() -> Self {
        Self { places: [const { None }; FILES], used: 0, cursor: 0 }
    }
}

impl Generations {
    /// The open files.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Generation> {
        self.places.iter().take(self.used).flatten()
    }

    /// The open files.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Generation> {
        self.places.iter_mut().take(self.used).flatten()
    }

    /// The file at this place.
    pub(crate) fn at(&mut self, place: usize) -> Option<&mut Generation> {
        self.places.get_mut(place)?.as_mut()
    }

    /// Whether this file is open for this source already. If it has become the present one again, it is
    /// retired no longer, and the others are.
    pub(crate) fn holds(&mut self, given: &Source, now_ns: u64) -> bool {
        let held = |g: &&mut Generation| g.given.source == given.source && g.tail.file == file(given);
        let Some(again) = self.iter_mut().find(held) else { return false };
        if given.standing.is_present() {
            (again.given, again.quiet_ns, again.leaving, again.due) = (*given, None, false, true);
            self.retire(given, now_ns);
        }
        true
    }

    /// The older files of this one's source are retired, and quiet from this time on, if nothing more comes.
    fn retire(&mut self, present: &Source, now_ns: u64) {
        let older =
            |g: &&mut Generation| g.given.source == present.source && g.given.generation < present.generation;
        for old in self.iter_mut().filter(older) {
            let _ = old.quiet_ns.get_or_insert(now_ns);
            // It may be surplus now: a look at its end lets it go.
            old.due = true;
        }
    }

    /// Whether a file is open that is this source's present one.
    pub(crate) fn is_open(&self, source: u8) -> bool {
        self.iter().any(|g| g.given.source == source && g.quiet_ns.is_none())
    }

    /// Adds a file. A present one retires the older ones of its source; any other is retired itself. A full
    /// table stays as it is and answers false: see `longest_quiet`.
    pub(crate) fn add(&mut self, mut new: Generation, now_ns: u64) -> bool {
        let Some(place) = self.places.iter().position(Option::is_none) else { return false };
        if new.given.standing.is_present() {
            self.retire(&new.given, now_ns);
        } else {
            new.quiet_ns = Some(now_ns);
        }
        if let Some(free) = self.places.get_mut(place) {
            *free = Some(new);
        }
        self.used = self.used.max(place.saturating_add(1));
        true
    }

    /// Whether there is no place for a further file.
    pub(crate) fn is_full(&self) -> bool {
        self.places.iter().all(Option::is_some)
    }

    /// The place of a retired file that is not waited for any longer: its end was seen since it was quiet for
    /// long enough, or its source has enough newer ones.
    pub(crate) fn outlived(&self) -> Option<usize> {
        let is_over = |g: &Generation| !g.due && (g.leaving || self.is_surplus(&g.given));
        (0..self.used).find(|place| self.retired(*place).is_some_and(is_over))
    }

    /// The place of the retired file that has been quiet for longest: it makes room when the table is full.
    pub(crate) fn longest_quiet(&self) -> Option<usize> {
        let quiet = |place| Some((self.retired(place)?.quiet_ns?, place));
        (0..self.used).filter_map(quiet).min().map(|(_, place)| place)
    }

    fn retired(&self, place: usize) -> Option<&Generation> {
        self.places.get(place)?.as_ref().filter(|g| g.quiet_ns.is_some())
    }

    /// Lets the file at this place go.
    pub(crate) fn remove(&mut self, place: usize) -> Option<Generation> {
        let gone = self.places.get_mut(place)?.take();
        while self.used.checked_sub(1).is_some_and(|last| self.places.get(last).is_some_and(Option::is_none))
        {
            self.used = self.used.saturating_sub(1);
        }
        gone
    }

    /// Whether its source has so many newer files that this one is not waited for. The order is that of their
    /// births: one that was renamed before it was seen may be given after its successors.
    fn is_surplus(&self, given: &Source) -> bool {
        let age = |s: &Source| (s.btime_ns, s.generation);
        let newer = |g: &&Generation| g.given.source == given.source && age(&g.given) > age(given);
        self.iter().filter(newer).nth(PER_SOURCE - 1).is_some()
    }

    /// Anything may have happened to any file.
    pub(crate) fn wake_all(&mut self) {
        self.iter_mut().for_each(|g| g.due = true);
    }

    /// Whether some file is due.
    pub(crate) fn is_due(&self) -> bool {
        self.iter().any(|g| g.due)
    }

    /// The place of the next due file, round and round.
    pub(crate) fn next_due(&mut self) -> Option<usize> {
        let due = |place: &usize| self.places.get(*place).is_some_and(|p| p.as_ref().is_some_and(|g| g.due));
        let found = (self.cursor..self.used).find(due).or_else(|| (0..self.used).find(due))?;
        self.cursor = found.saturating_add(1);
        Some(found)
    }
}
