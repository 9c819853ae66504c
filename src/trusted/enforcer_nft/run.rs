//! The enforcer's loop: verdicts in, receipts out; the table watched, the host's addresses followed.
//!
//! Runs in: the enforcer. In: `Verdict` from the tracker, `Pulse` from the warden, events of the kernel. Out: one batch of
//! receipts for each batch of verdicts, in order; `Table` when bans must be sent again. Never: looks at an event before
//! the receipts have left; goes on after a record that the tracker never may send.
use super::commit::{Kernel, MOST, RECEIVE_BYTES};
use super::element::{self, left_s};
use super::guard::{Ban, Guard};
use super::hosts::Hosts;
use super::netlink::Messages;
use super::table::Table;
use bailiff::shared::base::channel::{self, Fault};
use bailiff::shared::base::log::{Level, Log};
use bailiff::shared::base::turn;
use bailiff::shared::pure::bytes::Text;
use bailiff::shared::pure::wire::batch::{self, Batch, records};
use bailiff::shared::pure::wire::source::{Beat, Pulse};
use bailiff::shared::pure::wire::terms::Terms;
use bailiff::shared::pure::wire::verdict::{self, Action, Outcome, Receipt, Verdict};
use bailiff::shims::clock::monotonic_ns;
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::io::PollFd;
use bailiff::shims::sockets::receive;

/// Shortest time between two looks at the table.
const PAUSE_NS: u64 = 250_000_000;

/// Why the loop ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// Warden or tracker is gone, or has said goodbye.
    Orderly,
    /// A peer process sent what it never may.
    Breach,
    /// The kernel refused what the enforcer cannot do without.
    Kernel(Errno),
}

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Closed | Fault::Empty => Self::Orderly,
            Fault::Breach => Self::Breach,
            Fault::Kernel(errno) => Self::Kernel(errno),
        }
    }
}

impl From<Errno> for End {
    fn from(errno: Errno) -> Self {
        Self::Kernel(errno)
    }
}

/// One verdict, whether the guard let it pass, and what has become of it.
#[derive(Clone, Copy, Debug)]
struct Item {
    verdict: Verdict,
    ban: Option<Ban>,
    outcome: Option<Outcome>,
}
