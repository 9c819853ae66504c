//! What the enforcer's answers mean.
//!
//! Runs in: the tracker. In: receipts, in the order of the verdicts, and the name of the kernel's table. Out:
//! bans held or given up, records, replies on their way. Never: takes a ban for held that the kernel did not
//! acknowledge.
use super::ban::{Ban, State};
use super::hush::Matter;
use super::ledger_record::Kind;
use super::policy;
use super::say;
use super::tracker::{Leave, Tracker};
use super::window::{Errand, Pending};
use bailiff::shared::base::channel::{Fault, receive};
use bailiff::shared::base::log::Level;
use bailiff::shared::pure::hash::siphash;
use bailiff::shared::pure::wire::batch::{HEAD, ROOM, Record, records};
use bailiff::shared::pure::wire::verdict::{Outcome, Receipt, Refusal, Table};

const BREACH: Leave = Leave::Breach("enforcer");

impl Tracker {
    /// Takes one datagram from the enforcer.
    pub(crate) fn hear_enforcer(&mut self) -> Result<(), Leave> {
        let mut buf = [0; ROOM];
        let datagram = match receive(&self.given.enforcer, &mut buf, false) {
            Ok(datagram) => datagram,
            Err(Fault::Empty) => return Ok(()),
            Err(fault) => return Err(Leave::of(fault, "enforcer")),
        };
        if datagram.first() == Some(&Table::KIND) {
            for table in records::<Table>(datagram).ok_or(BREACH)? {
                self.hear_table(&table.ok_or(BREACH)?);
            }
            return Ok(());
        }
        let receipts = records::<Receipt>(datagram).ok_or(BREACH)?;
        self.window.land(datagram.len().saturating_sub(HEAD) / Receipt::SIZE).ok_or(BREACH)?;
        for receipt in receipts {
            let receipt = receipt.ok_or(BREACH)?;
            let pending = self.window.answer(&receipt).ok_or(BREACH)?;
            self.say_receipt(&receipt);
            self.outcome(pending, receipt.outcome);
        }
        Ok(())
    }

    fn outcome(&mut self, (errand, ban): Pending, outcome: Outcome) {
        match outcome {
            Outcome::Refused(_) => self.counts.refused = self.counts.refused.saturating_add(1),
            Outcome::Kernel(_) => self.counts.kernel_refused = self.counts.kernel_refused.saturating_add(1),
            _ => {}
        }
        match errand {
            Errand::Due => self.answered_due(&ban, outcome),
            Errand::Again(place) => self.answered_again(place, &ban, outcome),
            Errand::Resolve(place) => self.answered_resolve(place, &ban, outcome),
            Errand::Ban(slot) => self.answered_operator(slot, &ban, outcome),
            Errand::Lift(slot) => self.answered_lift(slot, &ban, outcome),
            Errand::Ask(slot) => self.answered_ask(slot, &ban, outcome),
        }
    }

    /// A ban that was asked for is held now, and its record's number is returned, or it is given up.
    pub(crate) fn settle(&mut self, ban: &Ban, outcome: Outcome) -> Option<u64> {
        if matches!(outcome, Outcome::Done(_) | Outcome::Dry) {
            return self.hold(ban);
        }
        self.give_up(ban);
        None
    }

    /// The kernel holds this ban now: it is noted, and told of once that is synced. The record's number; `None`
    /// where it is being lifted meanwhile.
    pub(crate) fn hold(&mut self, ban: &Ban) -> Option<u64> {
        let key = self.key_of(ban);
        if self.bans.get(&key).is_some_and(|(_, held)| held.state == State::Lifting) {
            return None;
        }
        let held = Ban { state: State::Kernel, ..*ban };
        let place = self.bans.put(&key, &held, self.clock.now_s());
        let record = self.note(Kind::Held, &held);
        if let Some(place) = place {
            self.acks.push(place, record);
        }
        Some(record)
    }

    /// The ban did not come to be: what was there before it stands, or nothing does.
    fn give_up(&mut self, ban: &Ban) {
        match self.bans.get(&self.key_of(ban)) {
            Some((place, held)) if held.state == State::Unsure => self.bans.set_state(place, State::Synced),
            Some((place, held)) if held.state == State::Asked => {
                self.bans.remove(place);
                self.note(Kind::Lifted, ban);
            }
            _ => {}
        }
    }

    fn answered_due(&mut self, ban: &Ban, outcome: Outcome) {
        self.settle(ban, outcome);
        match outcome {
            Outcome::Done(_) | Outcome::Dry => self.forget_tally(ban),
            Outcome::Refused(Refusal::Rate) => {
                self.tell(Matter::Rate, 1, "verdicts refused by the bound of bans a second");
            }
            Outcome::Refused(refusal) => {
                self.forget_tally(ban);
                // Who of this network failed how often is not known: from now on each address is counted by
                // itself.
                if policy::is_shared(refusal, &ban.prefix) {
                    self.narrow.add(ban.prefix);
                }
                self.say_refused(ban, refusal);
            }
            Outcome::Kernel(errno) => self.say_kernel(errno),
            Outcome::Absent => {}
        }
    }

    /// Says that the guard refused a network, not more than once in ten minutes.
    pub(crate) fn say_refused(&mut self, ban: &Ban, refusal: Refusal) {
        let [low, high] = self.secret;
        let hash = siphash(&[low, high ^ u64::from(ban.prefix.len)], &ban.prefix.addr.0);
        if self.hush.is_new(hash, self.now_ns) {
            say::refused(&self.log, &self.terms, ban, refusal.name());
        }
    }

    /// Says that the kernel refused.
    pub(crate) fn say_kernel(&mut self, errno: u16) {
        if let Some(count) = self.hush.tell(Matter::Kernel, 1, self.now_ns) {
            self.log.line(Level::Warning, |t| {
                t.bytes(b"verdicts refused by the kernel: ").dec(count);
                t.bytes(b", the last with error ").dec(errno.into());
            });
        }
    }

    fn forget_tally(&mut self, ban: &Ban) {
        if let Some(place) = self.tallies.find(&self.key_of(ban)) {
            self.tallies.remove(place);
        }
    }

    /// Tells of the bans whose records are synced, or cannot be.
    pub(crate) fn tell_synced(&mut self) {
        let (keeps, ledger) = (self.ledger.keeps(), &self.ledger);
        while let Some(place) = self.acks.pop(|record| ledger.is_settled_low(record)) {
            let Some(ban) = self.bans.at(place).filter(|ban| ban.state == State::Kernel) else { continue };
            if keeps {
                self.bans.set_state(place, State::Synced);
            }
            say::banned(&self.log, &self.terms, &ban);
        }
    }

    fn say_receipt(&self, receipt: &Receipt) {
        self.log.step(|t| {
            t.bytes(b"receipt ").dec(receipt.token);
            match receipt.outcome {
                Outcome::Done(left_s) if left_s > 0 => t.bytes(b" done, seconds left ").dec(left_s.into()),
                Outcome::Done(_) => t.bytes(b" done"),
                Outcome::Absent => t.bytes(b" absent"),
                Outcome::Refused(refusal) => t.bytes(b" refused: ").bytes(refusal.name().as_bytes()),
                Outcome::Kernel(errno) => t.bytes(b" kernel error ").dec(errno.into()),
                Outcome::Dry => t.bytes(b" dry run"),
            };
        });
    }
}
