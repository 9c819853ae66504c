//! Bans and unbans by an operator: the same road as a filter's.
//!
//! Runs in: the tracker. In: requests from the control socket, receipts. Out: records, verdicts, the reply's
//! last row, a line that names who asked. Never: replies before the kernel has acknowledged and the ledger is
//! synced.
use super::ban::{Ban, State};
use super::control::Job;
use super::ledger_record::Kind;
use super::say;
use super::tracker::Tracker;
use super::window::Errand;
use bailiff::shared::pure::addr::Prefix;
use bailiff::shared::pure::wire::control::{Done, Origin, Reply, Request};
use bailiff::shared::pure::wire::terms::MANUAL;
use bailiff::shared::pure::wire::verdict::{Action, Outcome};

/// What an outcome is to an operator.
fn done(outcome: Outcome) -> Done {
    match outcome {
        Outcome::Done(_) => Done::Good(1),
        Outcome::Absent => Done::Absent,
        Outcome::Refused(refusal) => Done::Refused(refusal),
        Outcome::Kernel(errno) => Done::Kernel(errno),
        Outcome::Dry => Done::Dry,
    }
}

impl Tracker {
    /// The ban that a request asks for.
    pub(crate) fn operators_ban(&self, request: &Request, jail: Option<u8>, uid: u32) -> Ban {
        let ban = Ban::new(jail.unwrap_or(MANUAL as u8), request.prefix, Origin::Operator);
        Ban { offset: uid.into(), ..ban }.last(self.clock.now_s(), request.duration_s)
    }

    /// This jail, or all.
    fn named(&self, jail: Option<u8>) -> impl Iterator<Item = u8> + use<> {
        (0..self.terms.jail_count).filter(move |at| jail.is_none_or(|jail| jail == *at))
    }

    fn known(&self, jail: u8, prefix: &Prefix) -> Ban {
        let held = self.bans.get(&self.key(jail, prefix)).map(|(_, ban)| ban);
        held.unwrap_or(Ban { state: State::Lifting, ..Ban::new(jail, *prefix, Origin::Operator) })
    }

    fn is_lifting(&self, ban: &Ban) -> bool {
        self.bans.get(&self.key_of(ban)).is_some_and(|(_, held)| held.state == State::Lifting)
    }

    /// Takes up a request to lift: notes it first. Where a jail does not hold the network, the kernel is told
    /// nevertheless: it, and the ledger, may hold what was forgotten here for room.
    pub(crate) fn begin_lift(&mut self, prefix: &Prefix, jail: Option<u8>) -> Job {
        let mut record = 0;
        for at in self.named(jail) {
            if let Some(place) = self.bans.find(&self.key(at, prefix)) {
                self.bans.set_state(place, State::Lifting);
            }
            record = self.note(Kind::Lift, &self.known(at, prefix));
        }
        Job::Lift(*prefix, jail, record)
    }

    /// One step of a job that waits for the window or for a sync.
    pub(crate) fn work(&mut self, at: u8, job: Job) -> Job {
        let is_open = self.pass.is_table_known() && self.window.room() >= self.terms.jails().len();
        match job {
            Job::Ask(rows, ban) if is_open => {
                self.push(Action::Ask, Errand::Ask(at), &ban);
                Job::Asked(rows)
            }
            // While it is being lifted, a ban of it waits: its verdict must not come before that of the lift.
            Job::Ban(ban) if is_open && !self.is_lifting(&ban) => {
                match self.send_ban(&ban, Errand::Ban(at)) {
                    true => Job::Banning,
                    false => Job::Done(Done::Busy),
                }
            }
            Job::Banned(record) if self.ledger.is_settled(record) => {
                Job::Done(if self.terms.dry_run { Done::Dry } else { Done::Good(1) })
            }
            Job::Lift(prefix, jail, record) if is_open && self.ledger.is_settled(record) => {
                self.lift(at, &prefix, jail)
            }
            other => other,
        }
    }

    fn lift(&mut self, at: u8, prefix: &Prefix, jail: Option<u8>) -> Job {
        let mut out = 0u32;
        for jail in self.named(jail) {
            let ban = self.known(jail, prefix);
            // Lifted by another operator meanwhile, and banned again: that ban came after this request.
            if ban.state == State::Lifting {
                out = out.saturating_add(self.push(Action::Unban, Errand::Lift(at), &ban).into());
            }
        }
        if out == 0 { Job::Done(Done::Absent) } else { Job::Lifting(out, Done::Absent) }
    }

    /// The answer to an operator's ban.
    pub(crate) fn answered_operator(&mut self, at: u8, ban: &Ban, outcome: Outcome) {
        let next = match (outcome, self.settle(ban, outcome)) {
            (_, Some(record)) => Job::Banned(record),
            // Somebody lifts it at this moment.
            (Outcome::Done(_) | Outcome::Dry, None) => Job::Done(Done::Absent),
            (other, None) => Job::Done(done(other)),
        };
        self.go_on(at, next);
    }

    fn go_on(&mut self, at: u8, job: Job) {
        let active_ns = self.now_ns;
        if let Some(client) = self.client(at) {
            (client.job, client.active_ns) = (job, active_ns);
        }
    }

    /// The answer to one verdict of an unban.
    pub(crate) fn answered_lift(&mut self, at: u8, ban: &Ban, outcome: Outcome) {
        let known = self.bans.get(&self.key_of(ban));
        let is_held = self.is_lifting(ban);
        let stays = matches!(outcome, Outcome::Refused(_) | Outcome::Kernel(_));
        match known {
            // It is held still: the ledger must not say otherwise.
            Some((place, held)) if is_held && stays => {
                self.bans.set_state(place, State::Synced);
                self.note(Kind::Held, &held);
            }
            Some((_, held)) if is_held => self.forget(&held),
            None if !stays => {
                self.note(Kind::Lifted, ban);
            }
            _ => {}
        }
        let is_lifted = is_held && !stays || matches!(outcome, Outcome::Done(_));
        let Some(client) = self.client(at) else { return };
        let (uid, job) = (client.uid, client.job);
        if is_lifted {
            say::unbanned(&self.log, &self.terms, ban, uid);
        }
        let Job::Lifting(out, so_far) = job else { return };
        let so_far = match (outcome, so_far) {
            (Outcome::Refused(_) | Outcome::Kernel(_) | Outcome::Dry, _) => done(outcome),
            (_, Done::Absent) if is_lifted => Done::Good(1),
            (_, Done::Good(count)) if is_lifted => Done::Good(count.saturating_add(1)),
            _ => so_far,
        };
        self.go_on(at, if out > 1 { Job::Lifting(out.saturating_sub(1), so_far) } else { Job::Done(so_far) });
    }

    /// What the kernel says of a ban, for `explain`.
    pub(crate) fn answered_ask(&mut self, at: u8, ban: &Ban, outcome: Outcome) {
        let left_s = if let Outcome::Done(left_s) = outcome { Some(left_s) } else { None };
        let heard = (outcome != Outcome::Dry).then_some(Reply::Kernel(ban.jail, ban.prefix, left_s));
        if let Some(Job::Asked(mut rows)) = self.client(at).map(|client| client.job) {
            rows.heard = heard;
            self.go_on(at, Job::Rows(rows));
        }
    }
}
