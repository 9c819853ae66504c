//! What follows from what: pure.
//!
//! Runs in: the tracker. In: attempts, tallies, refusals, the terms of a jail. Out: the network to count, the
//! ban to ask for. Never: knows the state of anything.
use super::ban::Ban;
use super::table::Tally;
use bailiff::shared::pure::addr::{Addr, Prefix};
use bailiff::shared::pure::wire::attempt::Attempt;
use bailiff::shared::pure::wire::control::Origin;
use bailiff::shared::pure::wire::terms::Jail;
use bailiff::shared::pure::wire::verdict::Refusal;

/// The network that counts as one with this address.
pub(crate) fn counted(jail: &Jail, addr: Addr) -> Prefix {
    Prefix::around(addr, if addr.is_v4() { jail.prefix4 } else { jail.prefix6 })
}

/// The address by itself.
pub(crate) fn alone(addr: Addr) -> Prefix {
    Prefix::around(addr, addr.bits())
}

/// The ban that a tally asks for, if it is due.
pub(crate) fn judge(attempt: &Attempt, prefix: Prefix, tally: Tally, jail: &Jail, now_s: u32) -> Option<Ban> {
    let ban = Ban {
        source: attempt.source,
        rule: attempt.rule,
        failures: tally.failures,
        offset: attempt.offset,
        ..Ban::new(attempt.jail, prefix, Origin::Filter)
    };
    tally.is_due.then(|| ban.last(now_s, jail.bantime_s))
}

/// Whether a network was refused only because one of ours or a gateway lies in it beside the offender.
pub(crate) fn is_shared(refusal: Refusal, prefix: &Prefix) -> bool {
    matches!(refusal, Refusal::OwnAddress | Refusal::Gateway) && prefix.len < prefix.addr.bits()
}

/// The newest networks that are counted address by address, because they hold one of our own or a gateway.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Narrow {
    known: [Prefix; 32],
    next: usize,
}

impl Narrow {
    /// Whether this network is counted address by address.
    pub(crate) fn holds(&self, prefix: &Prefix) -> bool {
        self.known.contains(prefix)
    }

    /// Remembers one, and forgets the oldest.
    pub(crate) fn add(&mut self, prefix: Prefix) {
        if !self.holds(&prefix)
            && let Some(slot) = self.known.get_mut(self.next)
        {
            *slot = prefix;
            self.next = self.next.wrapping_add(1) % 32;
        }
    }
}
