//! What the guard has let pass is carried out: one transaction for a batch, and what became of each verdict.
//!
//! Runs in: the enforcer. In: items, some with a `Ban`. Out: the same items, each with its outcome. Never: says `Done` of
//! anything before the whole batch it was in is committed.
use super::element::{self, Set, left_s};
use super::guard::Ban;
use super::socket::{MOST, Socket};
use bailiff::shared::pure::wire::terms::Terms;
use bailiff::shared::pure::wire::verdict::{Action, Outcome, Verdict};
use bailiff::shims::errno::Errno;

/// One verdict of a batch.
#[derive(Clone, Copy)]
pub(crate) struct Item {
    /// The verdict.
    pub verdict: Verdict,
    /// Set when the guard has let it pass.
    pub ban: Option<Ban>,
    /// What became of it; `None`: nothing yet.
    pub outcome: Option<Outcome>,
}

impl Item {
    /// Takes back that the kernel knew no such set; whether it said so.
    pub(crate) fn reopen(&mut self) -> bool {
        let gone = self.outcome == Some(Outcome::Kernel(ENOENT));
        self.outcome = self.outcome.filter(|_| !gone);
        gone
    }

    /// Its ban, if that is still to be written to the kernel.
    fn pending(&self) -> Option<&Ban> {
        self.ban.as_ref().filter(|_| self.outcome.is_none() && self.verdict.action != Action::Ask)
    }
}

/// The set of this ban.
pub(crate) fn set<'a>(terms: &'a Terms, ban: &Ban) -> Set<'a> {
    let jail = terms.jails().get(usize::from(ban.verdict().jail));
    [jail.map_or(&[], |jail| jail.name.bytes()), ban.suffix()]
}

/// Carries out all that has no outcome yet. Writes come first, then the questions.
pub(crate) fn carry_out(kernel: &mut Socket, terms: &Terms, items: &mut [Option<Item>]) {
    // Every failed round settles the verdicts that made it fail, so there are at most as many as verdicts.
    for _ in 0..=MOST {
        if items.iter().flatten().all(|item| item.pending().is_none()) || transact(kernel, terms, items) {
            break;
        }
    }
    for item in items.iter_mut().flatten().filter(|item| item.outcome.is_none()) {
        item.outcome = Some(look_up(kernel, terms, item));
    }
}

/// One transaction of all that is pending; whether nothing remains to be sent.
fn transact(kernel: &mut Socket, terms: &Terms, items: &mut [Option<Item>]) -> bool {
    let numbered =
        || (0..MOST as u32).zip(items.iter()).filter_map(|(n, item)| Some((n, item.as_ref()?.pending()?)));
    let groups = numbered().fold(0, |groups, (n, _)| groups | 1u128.wrapping_shl(n));
    let acks = kernel.transact(groups, |w, first| {
        numbered().for_each(|(n, ban)| element::write(w, first.wrapping_add(n), ban, set(terms, ban)));
    });
    // Acks were lost: what became of the batch must be looked up.
    let Ok(acks) = acks else { return true };
    let committed = acks.result().is_ok();
    for (item, errno) in items.iter_mut().zip(acks.errno) {
        let Some(item) = item.as_mut().filter(|item| item.pending().is_some()) else { continue };
        item.outcome = match if errno == 0 { acks.whole } else { errno } {
            0 => committed.then_some(Outcome::Done(0)),
            ENOENT if item.verdict.action == Action::Unban => Some(Outcome::Absent),
            errno => Some(Outcome::Kernel(errno)),
        };
    }
    committed || acks.whole != 0
}

const ENOENT: u16 = Errno::ENOENT.0;

/// The outcome of a question, or of a verdict whose acks were lost, by what the kernel holds now.
fn look_up(kernel: &mut Socket, terms: &Terms, item: &Item) -> Outcome {
    let Some(ban) = &item.ban else { return Outcome::Absent };
    let Verdict { action, duration_s, .. } = item.verdict;
    // A ban that ends within seconds of when it should is the one that was asked for.
    let is_it = |left_s: u32| (left_s == 0) == (duration_s == 0) && left_s.saturating_add(10) >= duration_s;
    match (action, left_s(kernel, set(terms, ban), ban.key())) {
        (_, Err(errno)) => Outcome::Kernel(errno.0),
        (Action::Ask, Ok(Some(left_s))) => Outcome::Done(left_s),
        (Action::Ask, Ok(None)) => Outcome::Absent,
        (Action::Unban, Ok(None)) => Outcome::Done(0),
        (Action::Ban | Action::Extend, Ok(Some(left_s))) if is_it(left_s) => Outcome::Done(0),
        _ => Outcome::Kernel(Errno::ENOBUFS.0),
    }
}
