//! What the watcher does beside the road of an attempt: positions, tides, old files.
//!
//! Runs in: the watcher, ten times a second while something was read, a millisecond after attempts were sent, and at an
//! orderly stop. Out: positions, when all that they cover was sent; tides. Never: syncs.
use super::watcher::{Leave, NEVER_NS, SENT_NS, TICK_NS, TIDE_NS, Watcher};
use bailiff::shared::base::log::Level;
use bailiff::shims::clock::realtime_ns;
use bailiff::shims::errno::Errno;

impl Watcher<'_> {
    /// Does what is due, and plans when to look again.
    pub(crate) fn tick(&mut self) -> Result<(), Leave> {
        let now = self.clock.now_ns;
        if now < self.clock.tick_ns {
            return Ok(());
        }
        self.clock.tick_ns = NEVER_NS;
        self.save(false);
        self.sweep(now);
        if self.harvest.is_untold() && now >= self.clock.tides_ns {
            self.harvest.tell(false)?;
            self.clock.tides_ns = now.saturating_add(TIDE_NS);
        }
        if self.harvest.is_untold() {
            self.plan(self.clock.tides_ns);
        }
        Ok(())
    }

    /// Plans a tick at this time, but not before `TICK_NS` has passed.
    pub(crate) fn plan(&mut self, at: u64) {
        let soonest = self.clock.now_ns.saturating_add(TICK_NS);
        self.clock.tick_ns = self.clock.tick_ns.min(at.max(soonest));
    }

    /// Plans a tick soon after attempts were sent.
    pub(crate) fn plan_sent(&mut self) {
        if self.harvest.has_sent() {
            self.clock.tick_ns = self.clock.tick_ns.min(self.clock.now_ns.saturating_add(SENT_NS));
        }
    }

    /// Saves positions that have changed, or with `all` every one. While attempts wait to be sent, none: they
    /// would be lost if this process ended now.
    fn save(&mut self, all: bool) {
        if !self.harvest.is_sent() {
            return self.plan(0);
        }
        let saved_ms = realtime_ns() / 1_000_000;
        let mut outcome = Ok(());
        for file in self.generations.iter_mut().filter(|f| all || f.saved != f.tail.offset()) {
            outcome = outcome.and(file.keep(&mut self.positions, saved_ms));
        }
        self.kept(outcome);
    }

    /// Says that positions cannot be saved: once, until they can.
    pub(crate) fn kept(&mut self, outcome: Result<(), Errno>) {
        let before = core::mem::replace(&mut self.unsaved, outcome.is_err());
        if let Err(errno) = outcome
            && !before
        {
            self.log.refused(Level::Warning, "cannot save a position", errno);
        }
    }

    /// Lets rotated files go that were quiet for long enough, or are too many, once their end is reached.
    fn sweep(&mut self, now: u64) {
        let linger = u64::from(self.terms.linger_s).saturating_mul(1_000_000_000);
        if !self.harvest.is_sent() {
            return;
        }
        let mut next = NEVER_NS;
        while let Some(place) = self.generations.outlived() {
            self.let_go(place);
        }
        for file in self.generations.iter_mut() {
            let Some(quiet) = file.quiet_ns else { continue };
            let end = quiet.saturating_add(linger);
            if now >= end && !file.leaving {
                (file.leaving, file.due) = (true, true);
            }
            next = next.min(if file.leaving { 0 } else { end });
        }
        if next != NEVER_NS {
            self.plan(next);
        }
    }

    /// The orderly end: nothing more is read; what was found is sent, positions are saved, the last tides
    /// told.
    pub(crate) fn finish(&mut self) -> Result<(), Leave> {
        self.harvest.send(true)?;
        self.save(true);
        self.harvest.tell(true)?;
        Ok(())
    }
}
