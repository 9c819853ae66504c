//! Bringing the kernel's table and the ledger together, after a start and after somebody emptied the table.
//!
//! Runs in: the tracker. In: the name of the kernel's table. Out: verdicts, paced by the window. Never: dumps
//! the kernel's sets; sends a ban again that the same table holds.
//!
//! Same table as in the ledger, and not fresh: only bans whose outcome is not known are asked about, one by
//! one. Any other: every ban in force is sent again; the ledger names the new table only once all of them are
//! in it, so that a tracker that ends halfway begins anew.
use super::ban::{Ban, State};
use super::bucket::Place;
use super::ledger_record::{Kind, Record};
use super::tracker::Tracker;
use super::window::Errand;
use bailiff::shared::base::log::Level;
use bailiff::shared::pure::wire::verdict::{Action, Outcome, Refusal, Table};

/// Places looked at in one turn.
const SLICE: u32 = 4_096;
/// After the guard's bound of bans a second was met.
const PAUSE_NS: u64 = 100_000_000;

/// One walk over the bans.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Pass {
    /// The kernel's table, once it is known.
    table: Option<[u8; 16]>,
    /// By which action every ban is sent again, if they are: into empty sets, or into sets that may hold
    /// anything (Extend).
    again: Option<Action>,
    /// The next place, while the walk lasts.
    cursor: Option<u32>,
    /// Verdicts of this walk that are not answered.
    out: u32,
    /// Whether one of them came to nothing.
    is_short: bool,
    /// Whether this is the walk after the start: lifts found in the ledger are repeated.
    is_first: bool,
    not_before_ns: u64,
}

impl Pass {
    /// Whether the enforcer has named its table: before that no verdict is sent.
    pub(crate) fn is_table_known(&self) -> bool {
        self.table.is_some()
    }

    /// When the walk goes on by itself.
    pub(crate) fn deadline_ns(&self) -> Option<u64> {
        self.cursor.map(|_| self.not_before_ns)
    }
}

impl Tracker {
    /// The enforcer names the kernel's table.
    pub(crate) fn hear_table(&mut self, table: &Table) {
        let is_first = self.pass.table.is_none();
        if !is_first && table.fresh {
            self.counts.healed = self.counts.healed.saturating_add(1);
        }
        let again = match table.fresh {
            true => Some(Action::Ban),
            false if table.id == self.ledger.table && table.id != [0; 16] => None,
            false => Some(Action::Extend),
        };
        // In a dry run nothing is put back: the walk is over before it begins.
        let cursor = (!self.terms.dry_run).then_some(0);
        let out = self.pass.out;
        self.pass =
            Pass { table: Some(table.id), again, cursor, out, is_first, is_short: false, not_before_ns: 0 };
        if again.is_some() && !self.terms.dry_run {
            self.ledger.note(&Record::Table([0; 16]), false);
        }
        let bans = self.bans.count();
        self.log.line(Level::Notice, |t| {
            t.bytes(if is_first { b"table " } else { b"table put back " });
            t.bytes(if again.is_none() { b"as left, bans " } else { b"to be filled, bans " })
                .dec(bans.into());
        });
    }

    /// One slice of the walk, as far as the window has room.
    pub(crate) fn step_pass(&mut self) {
        let Some(mut cursor) = self.pass.cursor.filter(|_| self.now_ns >= self.pass.not_before_ns) else {
            return;
        };
        let end = cursor.saturating_add(SLICE);
        while self.window.room() > 0 && cursor < end {
            let Some((place, ban)) = self.bans.from(cursor, end).next() else {
                cursor = end;
                break;
            };
            cursor = place.0.saturating_add(1);
            self.resend(place, &ban);
        }
        self.pass.cursor = Some(cursor);
        if cursor >= self.bans.room() && self.pass.out == 0 {
            self.end_pass();
        }
    }

    fn end_pass(&mut self) {
        self.pass.cursor = None;
        let Some(id) = self.pass.table.filter(|_| self.pass.again.is_some() && !self.pass.is_short) else {
            return;
        };
        self.ledger.note(&Record::Table(id), true);
        self.log.say(Level::Notice, "table filled");
    }

    fn resend(&mut self, place: Place, ban: &Ban) {
        let now_s = self.clock.now_s();
        let (first, again) = (self.pass.is_first, self.pass.again);
        let (action, errand) = match (ban.state, again) {
            (State::Intent, Some(Action::Ban)) => return self.drop_intent(place, ban),
            (State::Intent, _) | (State::Unsure, None) if first => (Action::Ask, Errand::Resolve(place)),
            (State::Lifting, _) if first => (Action::Unban, Errand::Resolve(place)),
            (State::Kernel | State::Synced | State::Unsure, Some(action)) if ban.is_in_force(now_s) => {
                (action, Errand::Again(place))
            }
            _ => return,
        };
        self.pass.out = self.pass.out.saturating_add(self.push(action, errand, ban).into());
    }

    fn drop_intent(&mut self, place: Place, ban: &Ban) {
        self.counts.intents_dropped = self.counts.intents_dropped.saturating_add(1);
        self.bans.remove(place);
        self.note(Kind::Lifted, ban);
    }

    /// The guard's bound was met: the walk goes back to this place, after a pause.
    fn walk_back(&mut self, place: Place) {
        self.pass.cursor = Some(self.pass.cursor.map_or(place.0, |cursor| cursor.min(place.0)));
        self.pass.not_before_ns = self.now_ns.saturating_add(PAUSE_NS);
    }

    /// A ban that was sent again is answered.
    pub(crate) fn answered_again(&mut self, place: Place, ban: &Ban, outcome: Outcome) {
        self.pass.out = self.pass.out.saturating_sub(1);
        match outcome {
            Outcome::Done(_) | Outcome::Dry => {
                let held = self.bans.at(place).filter(|held| held.prefix == ban.prefix);
                if held.is_some_and(|held| held.state == State::Unsure) {
                    self.bans.set_state(place, State::Synced);
                }
            }
            Outcome::Refused(Refusal::Rate) => self.walk_back(place),
            Outcome::Refused(refusal) => {
                self.forget(ban);
                self.say_refused(ban, refusal);
            }
            Outcome::Kernel(errno) => {
                self.pass.is_short = true;
                self.say_kernel(errno);
            }
            Outcome::Absent => self.pass.is_short = true,
        }
    }

    /// A ban whose outcome was unknown is answered.
    pub(crate) fn answered_resolve(&mut self, place: Place, ban: &Ban, outcome: Outcome) {
        self.pass.out = self.pass.out.saturating_sub(1);
        match (outcome, ban.state) {
            (Outcome::Refused(Refusal::Rate), _) => self.walk_back(place),
            (Outcome::Done(_) | Outcome::Absent, State::Lifting) => self.forget(ban),
            (Outcome::Done(left_s), _) => {
                let now_s = self.clock.now_s();
                let end_s = if left_s == 0 { 0 } else { now_s.saturating_add(left_s) };
                self.hold(&Ban { end_s, ..*ban });
            }
            (Outcome::Absent, _) => {
                self.counts.intents_dropped = self.counts.intents_dropped.saturating_add(1);
                self.forget(ban);
            }
            (Outcome::Refused(refusal), _) => self.say_refused(ban, refusal),
            (Outcome::Kernel(errno), _) => self.say_kernel(errno),
            (Outcome::Dry, _) => {}
        }
    }

    /// A ban is no more, in the table and in the ledger.
    pub(crate) fn forget(&mut self, ban: &Ban) {
        if let Some(place) = self.bans.find(&self.key_of(ban)) {
            self.bans.remove(place);
        }
        self.note(Kind::Lifted, ban);
    }
}
