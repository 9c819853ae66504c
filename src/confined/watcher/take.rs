//! Files come and go.
//!
//! Runs in: the watcher. In: a file's descriptor and what the warden says of it. Out: a generation, read from
//! the right place on. Never: trusts a place in the configuration to mean the same file as before.
//!
//! Where reading of a file begins: where it stopped, if a position of this very file was saved (a file that
//! was cut since shows it at the first read, and is read from its start); else at its first byte, if the
//! warden saw it come or if it was made after the last position of any file was saved, so while no watcher
//! ran; else at the end that it had when the warden opened it. A file that was rotated while no watcher ran is read on from its position.
use super::generations::{Generation, file};
use super::tail::Tail;
use super::watcher::{Leave, Watcher};
use bailiff::shared::base::log::Level;
use bailiff::shared::pure::wire::source::{Source, Standing};
use bailiff::shared::pure::wire::terms::NO_FILTER;
use bailiff::shims::clock::{monotonic_ns, realtime_ns};
use bailiff::shims::fd::Fd;

impl Watcher<'_> {
    /// Takes a file; one that is open already is let go.
    pub(crate) fn take(&mut self, given: Source, fd: Fd) -> Result<(), Leave> {
        let reads = |number: u32| given.jails.checked_shr(number).is_some_and(|bits| bits & 1 == 1);
        let known =
            |number: u32| self.terms.jails().get(number as usize).is_some_and(|j| j.filter != NO_FILTER);
        if (0..u32::BITS).any(|number| reads(number) && !known(number)) {
            return Err(Leave::Breach);
        }
        if self.generations.holds(&given, monotonic_ns()) {
            self.show(given.source);
            return Ok(());
        }
        let id = file(&given);
        let tail = match self.positions.find(&id, given.source) {
            Some(position) => Ok(Tail::resume(fd, &position)),
            None if given.standing == Standing::Former => return Ok(()),
            None if given.standing.is_whole() || self.positions.is_unread(&id) => Ok(Tail::whole(fd, id)),
            None => Tail::end(fd, id, given.size, self.buf),
        };
        match tail {
            Ok(tail) => self.add(tail, given),
            Err(errno) => self.log.refused(Level::Warning, "cannot read a log file", errno),
        }
        Ok(())
    }

    fn add(&mut self, tail: Tail, given: Source) {
        if self.generations.is_full()
            && let Some(place) = self.generations.longest_quiet()
        {
            self.let_go(place);
        }
        let slot = self.positions.claim(&tail.file, given.source);
        let mut new = Generation::new(tail, given, slot);
        // At once: were this process killed before the first tick, what is written meanwhile would be taken
        // for old.
        let outcome = new.keep(&mut self.positions, realtime_ns() / 1_000_000);
        self.kept(outcome);
        if !self.generations.add(new, monotonic_ns()) {
            self.log.say(Level::Warning, "too many log files: one is not read");
        }
        self.show(given.source);
    }

    /// Tells of whether a source's file is open.
    fn show(&mut self, source: u8) {
        let open = self.generations.is_open(source);
        self.harvest.tide(source, |tide| tide.open = open);
    }

    /// Closes a file; what of it was not read is lost, and counted.
    pub(crate) fn let_go(&mut self, place: usize) {
        let Some(gone) = self.generations.remove(place) else { return };
        let lost = if gone.due { gone.tail.unread() } else { 0 };
        let source = gone.given.source;
        self.harvest.tide(source, |tide| tide.lost_bytes = tide.lost_bytes.saturating_add(lost));
        if lost > 0 {
            self.log.line(Level::Warning, |t| {
                t.bytes(b"source ").dec(source.into()).bytes(b" has too many rotated files: ");
                t.dec(lost).bytes(b" bytes are not read");
            });
        }
        if let Some(slot) = gone.slot {
            self.positions.release(slot);
        }
        self.show(source);
    }
}
