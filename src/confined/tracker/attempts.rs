//! From attempts to verdicts: the hot path.
//!
//! Runs in: the tracker. In: a datagram of attempts or tides from the watcher, which reads hostile bytes.
//! Out: tallies, verdicts in the window. Never: counts towards a jail that the watcher may not name.
use super::ban::{Ban, State};
use super::bucket::{Key, Place};
use super::hush::Matter;
use super::ledger_record::Kind;
use super::policy;
use super::say;
use super::table::Tally;
use super::tracker::{Leave, Tracker};
use super::window::Errand;
use bailiff::shared::base::channel::{Fault, receive};
use bailiff::shared::pure::addr::Prefix;
use bailiff::shared::pure::wire::attempt::{Attempt, Tide};
use bailiff::shared::pure::wire::batch::{MOST, ROOM, Record, records};
use bailiff::shared::pure::wire::terms::MANUAL;
use bailiff::shared::pure::wire::verdict::Action;
use bailiff::shims::clock::realtime_ns;

const BREACH: Leave = Leave::Breach("watcher");

impl Tracker {
    /// Whether a datagram of attempts can be taken: each of them may become a verdict and wait for a sync.
    pub(crate) fn takes_attempts(&self) -> bool {
        self.pass.is_table_known() && self.window.room() == MOST && self.acks.room() >= 512
    }

    /// Takes one datagram from the watcher. False when it has closed its end.
    pub(crate) fn hear_watcher(&mut self) -> Result<bool, Leave> {
        let mut buf = [0; ROOM];
        let datagram = match receive(&self.given.watcher, &mut buf, false) {
            Ok(datagram) => datagram,
            Err(Fault::Empty) => return Ok(true),
            Err(Fault::Closed) => return Ok(false),
            Err(fault) => return Err(Leave::of(fault, "watcher")),
        };
        // Read now: an attempt's time must not seem to lie ahead.
        self.read_clock(realtime_ns() / 1_000_000);
        match datagram.first() {
            Some(&Attempt::KIND) => {
                for attempt in records::<Attempt>(datagram).ok_or(BREACH)? {
                    self.attempt(&attempt.ok_or(BREACH)?)?;
                }
            }
            _ => {
                for tide in records::<Tide>(datagram).ok_or(BREACH)? {
                    let tide = tide.ok_or(BREACH)?;
                    if let Some(slot) = self.tides.get_mut(usize::from(tide.source)) {
                        *slot = Some(tide);
                    }
                }
            }
        }
        Ok(true)
    }

    fn attempt(&mut self, attempt: &Attempt) -> Result<(), Leave> {
        let place = usize::from(attempt.jail);
        let Some(jail) = self.terms.jails().get(place).filter(|_| place != MANUAL).copied() else {
            return Err(BREACH);
        };
        if let Some(count) = self.counts.attempts.get_mut(place) {
            *count = count.saturating_add(1);
        }
        let prefix = self.counted(&jail, attempt.addr);
        let key = self.key(attempt.jail, &prefix);
        let tick = self.clock.tick(attempt.time_ms);
        let tick = self.tallies.monotone(tick);
        let Some(place) = self.tally(&key, tick) else { return Ok(()) };
        let Some(tally) = self.tallies.hit(place, attempt.weight, tick) else { return Ok(()) };
        self.say_attempt(attempt, &prefix, tally);
        match policy::judge(attempt, prefix, tally, &jail, self.clock.now_s()) {
            Some(_) if self.is_banned(&key) => self.counts.already = self.counts.already.saturating_add(1),
            Some(ban) => {
                self.send_ban(&ban, Errand::Due);
            }
            None => {}
        }
        Ok(())
    }

    /// The tally of a key, perhaps a new one; `None` when the network is banned already. A banned network has
    /// no tally, so one look-up suffices for all but first attempts.
    fn tally(&mut self, key: &Key, tick: u32) -> Option<Place> {
        if let Some(place) = self.tallies.find(key) {
            return Some(place);
        }
        if self.is_banned(key) {
            self.counts.already = self.counts.already.saturating_add(1);
            return None;
        }
        let (place, lost) = self.tallies.open(key, tick)?;
        self.tell(Matter::Tallies, lost.into(), "unexpired tallies that had to make room");
        Some(place)
    }

    fn is_banned(&self, key: &Key) -> bool {
        let now_s = self.clock.now_s();
        self.bans.get(key).is_some_and(|(_, ban)| ban.is_in_force(now_s))
    }

    /// Asks the enforcer for a ban: enters it as asked for, notes the intent and adds the verdict. False when
    /// there is no room for it.
    pub(crate) fn send_ban(&mut self, ban: &Ban, errand: Errand) -> bool {
        if self.window.room() == 0 {
            return false;
        }
        let (key, now_s, before) = (self.key_of(ban), self.clock.now_s(), self.bans.evicted);
        let known = self.bans.get(&key);
        match known {
            // Its verdict must not come before that of the lift.
            Some((_, held)) if held.state == State::Lifting => return false,
            // Held, so that its old end stands until the kernel has the new one.
            Some((place, held)) if held.state != State::Asked && held.is_in_force(now_s) => {
                self.bans.set_state(place, State::Unsure);
            }
            _ if self.bans.put(&key, ban, now_s).is_none() => return false,
            _ => {}
        }
        let lost = self.bans.evicted.saturating_sub(before);
        self.tell(Matter::Bans, lost, "unexpired bans forgotten for room; the kernel keeps them");
        self.note(Kind::Intent, ban);
        self.push(if known.is_some() { Action::Extend } else { Action::Ban }, errand, ban)
    }

    /// Adds a verdict to the window. False when there is no room for it.
    pub(crate) fn push(&mut self, action: Action, errand: Errand, ban: &Ban) -> bool {
        let (word, duration_s): (&[u8], u32) = match action {
            Action::Ban => (b" ban", ban.left_s(self.clock.now_s())),
            Action::Extend => (b" extend", ban.left_s(self.clock.now_s())),
            Action::Unban => (b" unban", 0),
            Action::Ask => (b" ask", 0),
        };
        let Some(token) = self.window.push(action, errand, ban, duration_s) else { return false };
        self.log.step(|t| {
            say::whom(t.bytes(b"verdict ").dec(token).bytes(word), &self.terms, ban.jail, &ban.prefix);
        });
        true
    }

    fn say_attempt(&self, attempt: &Attempt, prefix: &Prefix, tally: Tally) {
        self.log.step(|t| {
            say::whom(t.bytes(b"attempt"), &self.terms, attempt.jail, prefix);
            t.bytes(b" rule ").dec(attempt.rule.into()).bytes(b" weight ").dec(attempt.weight.into());
            t.bytes(b" failures ").dec(tally.failures.into()).bytes(if tally.is_due { b" due" } else { b"" });
        });
    }
}
