//! The event loop's one wait.
//!
//! Runs in: every daemon process. Never: calls back; the caller looks at its slots and matches.
use crate::shims::errno::Errno;
use crate::shims::io::{PollFd, ppoll};

/// Waits until a slot is ready, or until `deadline_ns` on the monotonic clock, of which `now_ns` is the present.
/// An interrupted wait counts as one that ended early.
pub fn wait(slots: &mut [PollFd], now_ns: u64, deadline_ns: Option<u64>) -> Result<usize, Errno> {
    match ppoll(slots, deadline_ns.map(|at| at.saturating_sub(now_ns))) {
        Err(Errno::EINTR) => Ok(0),
        other => other,
    }
}
