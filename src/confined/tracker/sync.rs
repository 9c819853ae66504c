//! One fdatasync at a time, without waiting for it.
//!
//! Runs in: the tracker. In: a slot of the ledger. Out: later, how its sync ended. Never: waits, where the
//! kernel has a queue for it; where it has none (said once, at start) each sync is waited for.
use bailiff::shims::aio::SyncQueue;
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files;
use bailiff::shims::io::{PollFd, read};

/// The sync under way, if any.
#[derive(Debug)]
pub(crate) struct Sync {
    queue: Option<SyncQueue>,
    ended: Option<Result<(), Errno>>,
}

impl Sync {
    /// With the kernel's queue, or without.
    pub(crate) fn new(queue: Option<SyncQueue>) -> Self {
        Self { queue, ended: None }
    }

    /// Starts a sync of this file; none other is under way.
    pub(crate) fn start(&mut self, fd: &Fd) {
        let started = self.queue.as_ref().map(|queue| queue.start(fd, 0));
        if !matches!(started, Some(Ok(()))) {
            self.ended = Some(files::sync(fd));
        }
    }

    /// How the sync under way ended, if it has; silences the bell.
    pub(crate) fn ended(&mut self) -> Option<Result<(), Errno>> {
        self.ended.take().or_else(|| {
            let queue = self.queue.as_ref()?;
            let _ = read(&queue.bell, &mut [0; 8]);
            queue.ended().ok()?.map(|(_, result)| result)
        })
    }

    /// Whether `ended` has an answer already.
    pub(crate) fn is_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// Readable once a sync has ended.
    pub(crate) fn bell(&self) -> PollFd {
        self.queue.as_ref().map_or(PollFd::IDLE, |queue| PollFd::readable(&queue.bell))
    }
}
