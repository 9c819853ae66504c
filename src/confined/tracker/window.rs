//! Verdicts on their way: gathered into one batch a turn, numbered, and matched with their receipts.
//!
//! Runs in: the tracker. In: verdicts with what they are for; the enforcer's receipts, in the order of the
//! verdicts. Out: a batch to the enforcer; each verdict's errand. Never: has more than two batches (256
//! verdicts) unanswered: so the enforcer can always answer, and sending to it ends.
use super::ban::Ban;
use super::bucket::Place;
use bailiff::shared::base::channel::{Fault, send};
use bailiff::shared::pure::wire::batch::{Batch, MOST};
use bailiff::shared::pure::wire::verdict::{Action, Receipt, Verdict};
use bailiff::shims::fd::Fd;

/// Batches that may be unanswered.
const FLIGHTS: usize = 2;
/// Verdicts that may be unanswered.
const UNANSWERED: usize = FLIGHTS * MOST;

/// What a verdict is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Errand {
    /// A tally was due.
    Due,
    /// A ban at this place is put back into a table that does not hold it.
    Again(Place),
    /// At start, the kernel is asked about, or told of, a ban at this place whose outcome is not in the
    /// ledger.
    Resolve(Place),
    /// The operator on this connection bans.
    Ban(u8),
    /// The operator on this connection lifts a ban.
    Lift(u8),
    /// The client on this connection wants to know what the kernel says.
    Ask(u8),
}

/// A verdict's errand, and the ban that it is about.
pub(crate) type Pending = (Errand, Ban);

/// The window.
#[derive(Debug)]
pub(crate) struct Window {
    batch: Batch<Verdict>,
    pending: [Option<Pending>; UNANSWERED],
    /// Numbers of the next verdict and of the next one to be answered.
    next: u64,
    answered: u64,
    /// Verdicts in each unanswered batch, the oldest first; 0 is none.
    flights: [usize; FLIGHTS],
}

impl Window {
    /// Nothing on its way.
    pub(crate) fn new() -> Self {
        Self { batch: Batch::new(), pending: [None; UNANSWERED], next: 1, answered: 1, flights: [0; FLIGHTS] }
    }

    /// Verdicts without receipt, and those not sent yet.
    pub(crate) fn unanswered(&self) -> u64 {
        self.next.saturating_sub(self.answered)
    }

    /// Verdicts so far.
    pub(crate) fn verdicts(&self) -> u64 {
        self.next.saturating_sub(1)
    }

    /// How many verdicts can be added now.
    pub(crate) fn room(&self) -> usize {
        let [_, last] = self.flights;
        if last == 0 { MOST.saturating_sub(self.batch.count()) } else { 0 }
    }

    /// Adds a verdict about a ban; its number, or `None` when there is no room.
    pub(crate) fn push(&mut self, action: Action, errand: Errand, ban: &Ban, duration_s: u32) -> Option<u64> {
        let token = self.next;
        let slot = self.pending.get_mut((token % UNANSWERED as u64) as usize)?;
        let (prefix, jail) = (ban.prefix, ban.jail);
        let [_, last] = self.flights;
        if last != 0 || !self.batch.push(&Verdict { token, prefix, action, jail, duration_s }) {
            return None;
        }
        *slot = Some((errand, *ban));
        self.next = token.saturating_add(1);
        Some(token)
    }

    /// Sends what was added.
    pub(crate) fn send(&mut self, enforcer: &Fd) -> Result<(), Fault> {
        let count = self.batch.count();
        if count == 0 {
            return Ok(());
        }
        send(enforcer, self.batch.datagram(), true)?;
        self.batch.clear();
        if let Some(free) = self.flights.iter_mut().find(|flight| **flight == 0) {
            *free = count;
        }
        Ok(())
    }

    /// The oldest batch is answered by so many receipts: each goes to `answer` next. `None` when it had
    /// another size.
    pub(crate) fn land(&mut self, receipts: usize) -> Option<()> {
        let [first, second] = &mut self.flights;
        let oldest = core::mem::replace(first, core::mem::take(second));
        (oldest == receipts && oldest > 0).then_some(())
    }

    /// What the next receipt is about; `None` when it is not the next verdict's.
    pub(crate) fn answer(&mut self, receipt: &Receipt) -> Option<Pending> {
        if receipt.token != self.answered {
            return None;
        }
        let slot = self.pending.get_mut((receipt.token % UNANSWERED as u64) as usize)?;
        self.answered = self.answered.saturating_add(1);
        slot.take()
    }
}
