//! Bans and unbans by an operator: the same road as a filter's.
//!
//! Runs in: the tracker. In: requests from the control socket, receipts. Out: records, verdicts, the reply's
//! last row, a line that names who asked. Never: replies before the kernel has acknowledged and the ledger is
//! synced.
use super::ban::{Ban, State};
use super::connection::Job;
use super::ledger_record::Kind;
use super::say;
use super::tracker::Tracker;
use super::window::Errand;
use bailiff::shared::pure::addr::Prefix;
use bailiff::shared::pure::wire::control::{Done, Origin, Reply, Request};
use bailiff::shared::pure::wire::terms::MANUAL;
use bailiff::shared::pure::wire::verdict::{Action, Outcome};

impl Tracker {
    /// Takes up a request to ban.
    pub(crate) fn begin_ban(&mut self, request: &Request, jail: Option<u8>) -> Job {
        let ban = Ban {
            prefix: request.prefix,
            jail: jail.unwrap_or(MANUAL as u8),
            origin: Origin::Operator,
            state: State::Asked,
            source: 0,
            rule: 0,
            failures: 0,
            offset: 0,
            since_s: 0,
            end_s: 0,
        };
        Job::Ban(ban.last(self.clock.now_s(), request.duration_s))
    }

    /// Takes up a request to lift: notes it first. Where no jail holds the network, the kernel is told
    /// nevertheless: it may hold what was forgotten here for room.
    pub(crate) fn begin_lift(&mut self, prefix: &Prefix, jail: Option<u8>) -> Job {
        let (mut all, mut held, mut record) = (0u32, 0u32, 0);
        for at in 0..self.terms.jail_count {
            if jail.is_some_and(|jail| jail != at) {
                continue;
            }
            let bit = 1u32.wrapping_shl(at.into());
            all |= bit;
            if let Some((place, ban)) = self.bans.get(&self.key(at, prefix)) {
                held |= bit;
                self.bans.set_state(place, State::Lifting);
                record = self.note(Kind::Lift, &ban);
            } else if self.bans.evicted > 0 {
                // It may be in the ledger still, and would come back with the next start.
                record = self.note(Kind::Lift, &Ban { jail: at, prefix: *prefix, ..NONE });
            }
        }
        Job::Lift(*prefix, if held == 0 { all } else { held }, record)
    }

    /// One step of a job that waits for the window or for a sync.
    pub(crate) fn work(&mut self, at: u8, uid: u32, job: Job) -> Job {
        let is_open = self.pass.is_table_known() && self.window.room() >= self.terms.jails().len();
        match job {
            Job::Ask(rows, ban) if is_open => {
                let token = self.window.push(Action::Ask, Errand::Ask(at), &ban, 0);
                self.say_verdict(token, Action::Ask, &ban);
                Job::Asked(rows)
            }
            // While it is being lifted, a ban of it waits: its verdict must not come before that of the lift.
            Job::Ban(ban) if is_open && !self.is_lifting(&ban) => {
                let key = self.key_of(&ban);
                let action = if self.bans.find(&key).is_some() { Action::Extend } else { Action::Ban };
                match self.send_ban(&key, &ban, action, Errand::Ban(at)) {
                    Some(_) => Job::Banning,
                    None => Job::Done(Done::Busy),
                }
            }
            Job::Banned(ban, record) if self.ledger.is_settled(record) => {
                self.settle(&ban);
                say::banned(&self.log, &self.terms, &ban, Some(uid));
                Job::Done(if self.terms.dry_run { Done::Dry } else { Done::Good(1) })
            }
            Job::Lift(prefix, jails, record) if is_open && self.ledger.is_settled(record) => {
                self.lift(at, &prefix, jails)
            }
            other => other,
        }
    }

    fn settle(&mut self, ban: &Ban) {
        let held = self.bans.get(&self.key_of(ban)).filter(|(_, held)| held.state == State::Kernel);
        if let Some((place, _)) = held.filter(|_| self.ledger.keeps()) {
            self.bans.set_state(place, State::Synced);
        }
    }

    fn is_lifting(&self, ban: &Ban) -> bool {
        self.bans.get(&self.key_of(ban)).is_some_and(|(_, held)| held.state == State::Lifting)
    }

    fn lift(&mut self, at: u8, prefix: &Prefix, jails: u32) -> Job {
        let mut out = 0u32;
        for jail in (0..self.terms.jail_count).filter(|jail| jails.wrapping_shr((*jail).into()) & 1 == 1) {
            let held = self.bans.get(&self.key(jail, prefix)).map(|(_, ban)| ban);
            // Another operator has lifted it meanwhile, and it was banned again: that ban came after this request.
            if held.is_some_and(|held| held.state != State::Lifting) {
                continue;
            }
            let ban = held.unwrap_or(Ban { jail, prefix: *prefix, ..NONE });
            let token = self.window.push(Action::Unban, Errand::Lift(at), &ban, 0);
            out = out.saturating_add(token.is_some().into());
            self.say_verdict(token, Action::Unban, &ban);
        }
        if out == 0 { Job::Done(Done::Absent) } else { Job::Lifting(out, 0, None) }
    }

    /// The answer to an operator's ban.
    pub(crate) fn answered_operator(&mut self, at: u8, ban: &Ban, outcome: Outcome) {
        let next = match outcome {
            Outcome::Done(_) | Outcome::Dry => match self.hold(ban) {
                Some((_, record)) => Job::Banned(*ban, record),
                // Somebody lifts it at this moment.
                None => Job::Done(Done::Absent),
            },
            Outcome::Refused(refusal) => {
                self.give_up(ban);
                Job::Done(Done::Refused(refusal))
            }
            Outcome::Kernel(errno) => {
                self.give_up(ban);
                Job::Done(Done::Kernel(errno))
            }
            Outcome::Absent => {
                self.give_up(ban);
                Job::Done(Done::Absent)
            }
        };
        if let Some(connection) = self.connections.get_mut(usize::from(at)) {
            connection.job = next;
            connection.active_ns = self.now_ns;
        }
    }

    /// The answer to one verdict of an unban.
    pub(crate) fn answered_lift(&mut self, at: u8, ban: &Ban, outcome: Outcome) {
        let held = self.bans.get(&self.key_of(ban)).filter(|(_, held)| held.state == State::Lifting);
        let trouble = match outcome {
            Outcome::Done(_) | Outcome::Absent => None,
            Outcome::Dry => Some(Done::Dry),
            Outcome::Refused(refusal) => Some(Done::Refused(refusal)),
            Outcome::Kernel(errno) => Some(Done::Kernel(errno)),
        };
        let stays = matches!(trouble, Some(Done::Refused(_) | Done::Kernel(_)));
        match held {
            // It is held still: the ledger must not say otherwise.
            Some((place, held)) if stays => {
                self.bans.set_state(place, State::Synced);
                self.note(Kind::Held, &held);
            }
            Some((_, held)) => self.forget(&held),
            None if !stays && self.bans.evicted > 0 => {
                self.note(Kind::Lifted, ban);
            }
            None => {}
        }
        let is_lifted = held.is_some() && !stays || matches!(outcome, Outcome::Done(_));
        let Some(connection) = self.connections.get_mut(usize::from(at)) else { return };
        if is_lifted {
            say::unbanned(&self.log, &self.terms, ban, connection.uid);
        }
        if let Job::Lifting(out, done, before) = connection.job {
            let (out, done) = (out.saturating_sub(1), done.saturating_add(is_lifted.into()));
            let trouble = trouble.or(before);
            connection.active_ns = self.now_ns;
            connection.job = match (out, trouble) {
                (1.., _) => Job::Lifting(out, done, trouble),
                (0, Some(trouble)) => Job::Done(trouble),
                (0, None) if done > 0 => Job::Done(Done::Good(done)),
                (0, None) => Job::Done(Done::Absent),
            };
        }
    }

    /// What the kernel says of a ban, for `explain`.
    pub(crate) fn answered_ask(&mut self, at: u8, ban: &Ban, outcome: Outcome) {
        let left_s = match outcome {
            Outcome::Done(left_s) => Some(left_s),
            _ => None,
        };
        let heard = (outcome != Outcome::Dry).then_some(Reply::Kernel(ban.jail, ban.prefix, left_s));
        let Some(connection) = self.connections.get_mut(usize::from(at)) else { return };
        if let Job::Asked(mut rows) = connection.job {
            rows.heard = heard;
            connection.job = Job::Rows(rows);
            connection.active_ns = self.now_ns;
        }
    }
}

/// No ban in particular.
const NONE: Ban = Ban {
    prefix: Prefix { addr: bailiff::shared::pure::addr::Addr([0; 16]), len: 0 },
    jail: 0,
    origin: Origin::Operator,
    state: State::Intent,
    source: 0,
    rule: 0,
    failures: 0,
    offset: 0,
    since_s: 0,
    end_s: 0,
};
