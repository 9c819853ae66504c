//! The tracker's loop: one wait, then each concern's step, in an order that lets nothing be told before it is
//! kept.
//!
//! Runs in: the tracker. In: whatever is ready. Out: calls. Never: decides anything itself but when to end.
use super::control::{Connection, PATIENCE_NS};
use super::hush::Matter;
use super::ledger::Trouble;
use super::say;
use super::tracker::{CONNECTIONS, Leave, Tracker};
use bailiff::shared::base::channel::{Fault, receive, send};
use bailiff::shared::base::log::Level;
use bailiff::shared::base::turn::wait;
use bailiff::shared::pure::wire::batch::{Batch, HEAD, Record, records};
use bailiff::shared::pure::wire::source::{Beat, Pulse};
use bailiff::shims::clock::{monotonic_ns, realtime_ns};
use bailiff::shims::io::PollFd;

const SECOND_NS: u64 = 1_000_000_000;
/// At the end, receipts and the last sync are waited for so long.
const LAST_NS: u64 = 2 * SECOND_NS;

/// Who is still there.
struct Peers {
    watcher: bool,
    /// When to end at the latest, once the warden wishes it.
    last_ns: Option<u64>,
}

/// Works until the end; its exit code.
pub(crate) fn run(tracker: &mut Tracker) -> u8 {
    let mut peers = Peers { watcher: true, last_ns: None };
    let mut left = tracker.pulse(Beat::Ready);
    while left.is_ok() {
        left = tracker.turn(&mut peers);
    }
    match left {
        Ok(()) | Err(Leave::Orderly) => {
            tracker.log.say(Level::Notice, "stopped");
            0
        }
        Err(Leave::Breach(peer)) => {
            tracker.log.line(Level::Error, |t| {
                t.bytes(b"breach: a record that it never may send, from the ").bytes(peer.as_bytes());
            });
            112
        }
        Err(Leave::Closed(peer)) => {
            tracker.log.line(Level::Error, |t| {
                t.bytes(b"channel closed by the ").bytes(peer.as_bytes());
            });
            111
        }
        Err(Leave::Kernel(what, errno)) => {
            tracker.log.refused(Level::Error, what, errno);
            111
        }
    }
}

impl Tracker {
    fn turn(&mut self, peers: &mut Peers) -> Result<(), Leave> {
        let mut slots = [PollFd::IDLE; 6 + CONNECTIONS];
        slots[0] = PollFd::readable(&self.given.enforcer);
        slots[1] = self.ledger.sync.bell();
        slots[2] = PollFd::readable(&self.given.read);
        slots[3] = PollFd::readable(&self.given.control);
        if peers.last_ns.is_none() {
            slots[4] = PollFd::readable(&self.given.warden);
        }
        if peers.watcher && self.takes_attempts() {
            slots[5] = PollFd::readable(&self.given.watcher);
        }
        for (slot, client) in slots.iter_mut().skip(6).zip(&self.connections) {
            *slot = client.as_ref().map_or(PollFd::IDLE, Connection::poll);
        }
        let deadline_ns = self.deadline_ns(peers);
        wait(&mut slots, monotonic_ns(), deadline_ns).map_err(|errno| Leave::Kernel("ppoll", errno))?;
        self.now_ns = monotonic_ns();
        self.read_clock(realtime_ns() / 1_000_000);
        self.steps(&slots, peers)
    }

    fn steps(&mut self, slots: &[PollFd; 6 + CONNECTIONS], peers: &mut Peers) -> Result<(), Leave> {
        let [enforcer, _, read, control, warden, watcher, clients @ ..] = slots;
        self.ledger.hear_bell();
        self.tell_synced();
        if enforcer.is_ready() {
            self.hear_enforcer()?;
        }
        if warden.is_ready() && !self.hear_warden()? {
            peers.last_ns = Some(self.now_ns.saturating_add(LAST_NS));
        }
        if watcher.is_ready() && self.takes_attempts() {
            peers.watcher = self.hear_watcher()?;
        }
        if read.is_ready() {
            self.accept(false);
        }
        if control.is_ready() {
            self.accept(true);
        }
        self.serve_all(clients);
        self.step_pass();
        self.sweep();
        self.ledger.write();
        self.window.send(&self.given.enforcer).map_err(|fault| Leave::of(fault, "enforcer"))?;
        self.ledger.turn(&self.bans, &self.terms, self.now_ns);
        self.say_trouble();
        self.is_over(peers)
    }

    fn is_over(&self, peers: &Peers) -> Result<(), Leave> {
        let Some(last_ns) = peers.last_ns else { return Ok(()) };
        let is_done = !peers.watcher && self.window.unanswered() == 0 && self.ledger.is_quiet();
        if is_done || self.now_ns >= last_ns { Err(Leave::Orderly) } else { Ok(()) }
    }

    /// When the next turn is due even if nothing is ready.
    fn deadline_ns(&self, peers: &Peers) -> Option<u64> {
        let sweep = (self.bans.count() > 0).then(|| self.swept_ns.saturating_add(SECOND_NS));
        let busy = self.connections.iter().flatten().filter(|c| c.is_clients_turn());
        let client = busy.map(|c| c.active_ns.saturating_add(PATIENCE_NS)).min();
        let pass = self.pass.deadline_ns().filter(|_| self.window.room() > 0);
        [sweep, client, pass, self.ledger.deadline_ns(self.now_ns), peers.last_ns].into_iter().flatten().min()
    }

    /// Takes the warden's pulse. False when it has closed its end.
    fn hear_warden(&mut self) -> Result<bool, Leave> {
        let mut buf = [0; HEAD + Pulse::SIZE];
        let datagram = match receive(&self.given.warden, &mut buf, false) {
            Ok(datagram) => datagram,
            Err(Fault::Empty) => return Ok(true),
            Err(Fault::Closed) => return Ok(false),
            Err(fault) => return Err(Leave::of(fault, "warden")),
        };
        for pulse in records::<Pulse>(datagram).ok_or(Leave::Breach("warden"))? {
            match pulse.ok_or(Leave::Breach("warden"))?.beat {
                Beat::Ping => self.pulse(Beat::Pong)?,
                _ => return Err(Leave::Breach("warden")),
            }
        }
        Ok(true)
    }

    fn pulse(&self, beat: Beat) -> Result<(), Leave> {
        let mut batch = Batch::<Pulse>::new();
        batch.push(&Pulse { beat, figure: self.bans.count().into() });
        match send(&self.given.warden, batch.datagram(), false) {
            // A warden that has gone is seen by the next turn; one that does not read has pulses enough.
            Ok(()) | Err(Fault::Closed | Fault::Empty) => Ok(()),
            Err(fault) => Err(Leave::of(fault, "warden")),
        }
    }

    /// Takes a reading of the wall clock; where it was set back, the bans go back with it.
    pub(crate) fn read_clock(&mut self, now_ms: u64) {
        let back_s = self.clock.set(now_ms);
        if back_s > 0 {
            self.bans.set_back(back_s);
            say::counted(
                &self.log,
                Level::Warning,
                "the clock was set back, and the bans with it; seconds",
                back_s.into(),
            );
        }
    }

    fn sweep(&mut self) {
        if self.bans.count() == 0 || self.now_ns < self.swept_ns.saturating_add(SECOND_NS) {
            return;
        }
        let (log, terms) = (&self.log, &self.terms);
        if self.bans.sweep(self.clock.now_s(), |ban| say::ended(log, terms, ban)) {
            self.swept_ns = self.now_ns;
        }
    }

    fn say_trouble(&mut self) {
        let Some(Trouble(what, errno)) = self.ledger.trouble.take() else { return };
        if self.hush.tell(Matter::Ledger, 1, self.now_ns).is_some() {
            self.log.refused(Level::Warning, what, errno);
        }
    }
}
