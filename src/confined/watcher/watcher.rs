//! What the watcher has, and why it leaves.
//!
//! Runs in: the watcher; its loop is `run`, what it does with files `take`, what it does beside the road
//! `tick`. In and out: nothing of its own.
use super::generations::Generations;
use super::harvest::Harvest;
use super::positions::Positions;
use bailiff::shared::base::channel::Fault;
use bailiff::shared::base::log::Log;
use bailiff::shared::pure::wire::terms::Terms;
use bailiff::shims::clock::monotonic_ns;
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;

/// How long positions and tides may wait to be told of, in nanoseconds: not on the way of an attempt.
pub(crate) const TICK_NS: u64 = 100_000_000;
/// How long positions may wait once attempts were sent, in nanoseconds: a watcher that is killed before it has saved them
/// reads those lines again, and their second count could bring a ban back that an operator has lifted meanwhile.
pub(crate) const SENT_NS: u64 = 1_000_000;
/// Time between two tides of a source, in nanoseconds.
pub(crate) const TIDE_NS: u64 = 1_000_000_000;
/// No tick is planned.
pub(crate) const NEVER_NS: u64 = u64::MAX;

/// Why the loop ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Leave {
    /// The warden closed its end.
    Stop,
    /// The tracker is gone.
    Alone,
    /// The warden sent what it never may.
    Breach,
    /// The kernel refused what cannot be done without.
    Kernel(&'static str, Errno),
}

impl From<Fault> for Leave {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Closed => Self::Alone,
            Fault::Empty | Fault::Breach => Self::Breach,
            Fault::Kernel(errno) => Self::Kernel("sending to the tracker", errno),
        }
    }
}

/// All the watcher has.
#[derive(Debug)]
pub(crate) struct Watcher<'a> {
    /// The configuration.
    pub(crate) terms: &'a Terms,
    /// The image of the operator's own filters.
    pub(crate) own: &'a [u8],
    /// Where log lines go.
    pub(crate) log: &'a Log,
    /// The warden's end of descriptor 0.
    pub(crate) warden: Fd,
    /// The inotify instance in which the warden sets the watches.
    pub(crate) events: Fd,
    /// Where reading stopped.
    pub(crate) positions: Positions,
    /// What goes to the tracker.
    pub(crate) harvest: Harvest,
    /// The open files.
    pub(crate) generations: Generations,
    /// Room for a block.
    pub(crate) buf: &'a mut [u8],
    /// What is due when.
    pub(crate) clock: Clock,
    /// Whether the last position could not be saved: this is said once.
    pub(crate) unsaved: bool,
}

/// Monotonic times in nanoseconds.
#[derive(Debug)]
pub(crate) struct Clock {
    /// The end of the last turn.
    pub(crate) now_ns: u64,
    /// The next tick.
    pub(crate) tick_ns: u64,
    /// From when on tides may be sent again.
    pub(crate) tides_ns: u64,
}

impl Clock {
    /// Now, with nothing planned.
    pub(crate) fn new() -> Self {
        Self { now_ns: monotonic_ns(), tick_ns: NEVER_NS, tides_ns: 0 }
    }
}
