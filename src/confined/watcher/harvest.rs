//! What reading yields: attempts and tides, on their way to the tracker.
//!
//! Runs in: the watcher. In: matches, counts. Out: datagrams of records on descriptor 1. Never: waits while
//! there is work: when the tracker has no room, reading stops, and the log file is the queue.
use bailiff::shared::base::channel::{self, Fault};
use bailiff::shared::pure::wire::attempt::{Attempt, Tide};
use bailiff::shared::pure::wire::batch::{Batch, MOST};
use bailiff::shims::fd::Fd;

/// Sources there can be: a source's number is one byte.
pub(crate) const SOURCES: usize = 256;

/// Attempts that were not sent yet, and how far each source was read.
#[derive(Debug)]
pub(crate) struct Harvest {
    tracker: Fd,
    batch: Batch<Attempt>,
    tides: [Tide; SOURCES],
    /// Which tides differ from what was sent.
    changed: [bool; SOURCES],
    /// Lines read, of all sources.
    pub(crate) lines: u64,
    /// Whether the tracker had no room for the batch.
    pub(crate) stuck: bool,
    /// Whether attempts were sent since this was last asked.
    sent: bool,
}

impl Harvest {
    /// Nothing yet.
    pub(crate) fn new(tracker: Fd) -> Self {
        let mut tides = [Tide::default(); SOURCES];
        for (tide, source) in tides.iter_mut().zip(0..=u8::MAX) {
            tide.source = source;
        }
        Self {
            tracker,
            batch: Batch::new(),
            tides,
            changed: [false; SOURCES],
            lines: 0,
            stuck: false,
            sent: false,
        }
    }

    /// The tracker's end, to wait for.
    pub(crate) fn tracker(&self) -> &Fd {
        &self.tracker
    }

    /// Changes a source's tide.
    pub(crate) fn tide(&mut self, source: u8, change: impl FnOnce(&mut Tide)) {
        let number = usize::from(source);
        let (Some(tide), Some(changed)) = (self.tides.get_mut(number), self.changed.get_mut(number)) else {
            return;
        };
        let before = *tide;
        change(tide);
        *changed |= *tide != before;
    }

    /// Whether so many attempts still fit.
    #[inline]
    pub(crate) fn has_room(&self, attempts: usize) -> bool {
        self.batch.count().saturating_add(attempts) <= MOST
    }

    /// Takes an attempt; there must be room.
    #[inline]
    pub(crate) fn push(&mut self, attempt: &Attempt) {
        let _ = self.batch.push(attempt);
    }

    /// Whether every attempt was sent.
    pub(crate) fn is_sent(&self) -> bool {
        self.batch.count() == 0
    }

    /// Sends the attempts there are; false when the tracker has no room for them now. With `wait` it waits
    /// for room.
    pub(crate) fn send(&mut self, wait: bool) -> Result<bool, Fault> {
        if self.is_sent() {
            self.stuck = false;
            return Ok(true);
        }
        self.stuck = match channel::send(&self.tracker, self.batch.datagram(), wait) {
            Ok(()) => false,
            Err(Fault::Empty) => true,
            Err(fault) => return Err(fault),
        };
        if !self.stuck {
            self.batch.clear();
            self.sent = true;
        }
        Ok(!self.stuck)
    }

    /// Whether attempts were sent since this was last asked.
    pub(crate) fn has_sent(&mut self) -> bool {
        core::mem::take(&mut self.sent)
    }

    /// Whether there is room for more, now; if there was none, this is the next try.
    pub(crate) fn is_free(&mut self) -> Result<bool, Fault> {
        if self.stuck { self.send(false) } else { Ok(true) }
    }

    /// Whether some tide was not sent yet.
    pub(crate) fn is_untold(&self) -> bool {
        self.changed.contains(&true)
    }

    /// Sends the tides that have changed; those for which the tracker has no room stay changed.
    pub(crate) fn tell(&mut self, wait: bool) -> Result<(), Fault> {
        while self.is_untold() {
            let mut batch = Batch::<Tide>::new();
            for (tide, _) in self.tides.iter().zip(&self.changed).filter(|(_, changed)| **changed) {
                let _ = batch.push(tide);
            }
            match channel::send(&self.tracker, batch.datagram(), wait) {
                Ok(()) => self.told(batch.count()),
                Err(Fault::Empty) => return Ok(()),
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }

    /// The first so many changed tides were sent.
    fn told(&mut self, count: usize) {
        self.changed.iter_mut().filter(|changed| **changed).take(count).for_each(|changed| *changed = false);
    }
}
