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
use bailiff::shared::base::log::Level;
use bailiff::shared::pure::addr::Prefix;
use bailiff::shared::pure::wire::attempt::{Attempt, Tide};
use bailiff::shared::pure::wire::batch::{ROOM, Record, records};
use bailiff::shared::pure::wire::terms::MANUAL;
use bailiff::shared::pure::wire::verdict::Action;
use bailiff::shims::clock::realtime_ns;

const BREACH: Leave = Leave::Breach("watcher");

impl Tracker {
    /// Whether a datagram of attempts can be taken: each of them may become a verdict and wait for a sync.
    pub(crate) fn takes_attempts(&self) -> bool {
        self.pass.is_table_known() && self.window.is_open() && self.acks.room() >= 512
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
        let wide = policy::counted(&jail, attempt.addr);
        let prefix = if self.narrow.holds(&wide) { policy::alone(attempt.addr) } else { wide };
        let key = self.key(attempt.jail, &prefix);
        let tick = self.clock.tick(attempt.time_ms);
        let tick = self.tallies.monotone(tick);
        let Some(place) = self.tally(&key, tick) else { return Ok(()) };
        let Some(tally) = self.tallies.hit(place, attempt.weight, tick) else { return Ok(()) };
        self.say_attempt(attempt, &prefix, tally);
        if let Some(ban) = policy::judge(attempt, prefix, tally, &jail, self.clock.now_s()) {
            self.ask_for(&key, &ban);
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
        if let Some(count) = self.hush.tell(Matter::Tallies, lost.into(), self.now_ns) {
            say::counted(&self.log, Level::Warning, "unexpired tallies that had to make room", count);
        }
        Some(place)
    }

    fn is_banned(&self, key: &Key) -> bool {
        let now_s = self.clock.now_s();
        self.bans.get(key).is_some_and(|(_, ban)| ban.is_in_force(now_s))
    }

    /// Asks the enforcer for a ban, unless it is there or on its way.
    fn ask_for(&mut self, key: &Key, ban: &Ban) {
        if self.is_banned(key) {
            self.counts.already = self.counts.already.saturating_add(1);
            return;
        }
        let action = if self.bans.find(key).is_some() { Action::Extend } else { Action::Ban };
        self.send_ban(key, ban, action, Errand::Due);
    }

    /// Enters a ban as asked for, notes the intent and adds the verdict; its number.
    pub(crate) fn send_ban(&mut self, key: &Key, ban: &Ban, action: Action, errand: Errand) -> Option<u64> {
        if self.window.room() == 0 {
            return None;
        }
        let before = self.bans.evicted;
        match self.bans.get(key) {
            // Its verdict must not come before that of the lift.
            Some((_, held)) if held.state == State::Lifting => return None,
            // Held, so that its old end stands until the kernel has the new one.
            Some((place, held)) if held.state != State::Asked && held.is_in_force(self.clock.now_s()) => {
                self.bans.set_state(place, State::Unsure);
            }
            _ => {
                self.bans.put(key, ban, self.clock.now_s())?;
            }
        }
        let lost = self.bans.evicted.saturating_sub(before);
        if let Some(count) = self.hush.tell(Matter::Bans, lost, self.now_ns) {
            say::counted(
                &self.log,
                Level::Warning,
                "unexpired bans forgotten for room; the kernel keeps them",
                count,
            );
        }
        self.note(Kind::Intent, ban);
        let token = self.window.push(action, errand, ban, ban.left_s(self.clock.now_s()));
        self.say_verdict(token, action, ban);
        token
    }

    fn say_attempt(&self, attempt: &Attempt, prefix: &Prefix, tally: Tally) {
        self.log.step(|t| {
            say::whom(t.bytes(b"attempt"), &self.terms, attempt.jail, prefix);
            t.bytes(b" rule ").dec(attempt.rule.into()).bytes(b" weight ").dec(attempt.weight.into());
            t.bytes(b" failures ").dec(tally.failures.into()).bytes(if tally.is_due { b" due" } else { b"" });
        });
    }

    /// Says that a verdict is on its way.
    pub(crate) fn say_verdict(&self, token: Option<u64>, action: Action, ban: &Ban) {
        let word: &[u8] = match action {
            Action::Ban => b" ban",
            Action::Extend => b" extend",
            Action::Unban => b" unban",
            Action::Ask => b" ask",
        };
        self.log.step(|t| {
            t.bytes(b"verdict ").dec(token.unwrap_or(0)).bytes(word);
            say::whom(t, &self.terms, ban.jail, &ban.prefix);
        });
    }
}
