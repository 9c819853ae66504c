//! The roles of one generation: are they alive, and how are they ended.
//!
//! Runs in: the warden. In: pongs and the ends of children. Out: the service manager's watchdog, the end of each role in
//! order. Never: feeds the watchdog for a role whose own loop has not answered.
use super::roles::{Child, Programs};
use bailiff::shared::base::log::{Level, Log};
use bailiff::shared::base::notify::Notify;
use bailiff::shared::base::turn;
use bailiff::shared::pure::wire::batch::Batch;
use bailiff::shared::pure::wire::source::{Beat, Pulse};
use bailiff::shims::clock::monotonic_ns;
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::io::PollFd;
use bailiff::shims::process::{End, kill, next_signal, reap};
use bailiff::shims::sockets::send;

const SECOND: u64 = 1_000_000_000;
/// A role that is asked to finish has this long.
const PATIENCE_NS: u64 = 5 * SECOND;
/// Pings that a role may leave unanswered before all is taken down: a minute at the usual beat.
const MISSED: u32 = 30;

/// Why a generation ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Exit with this code.
    Stop(u8),
    /// SIGHUP: the configuration shall be read again.
    Reload,
}

/// What all generations share.
pub(crate) struct House<'a> {
    pub(crate) log: &'a Log,
    pub(crate) notify: Notify,
    pub(crate) signals: &'a Fd,
    pub(crate) programs: &'a Programs,
    /// Nanoseconds between two pings.
    pub(crate) beat_ns: u64,
}

/// The roles of one generation.
pub(crate) struct Family<'a> {
    pub(crate) house: &'a House<'a>,
    pub(crate) children: [Option<Child>; 3],
    pub(crate) missed: u32,
    pub(crate) announced: bool,
    pub(crate) begun_ns: u64,
    /// What is known of why roles have ended: 112, 100, or nothing that counts.
    pub(crate) code: u8,
}

/// Sends one sign of life, if there is room for it.
pub(crate) fn pulse(channel: &Fd, beat: Beat) -> Result<(), Errno> {
    let mut message = Batch::<Pulse>::new();
    message.push(&Pulse { beat, figure: 0 });
    send(channel, message.datagram(), false).map(|_| ())
}

impl Family<'_> {
    /// Once a beat: feeds the service manager's watchdog if every role's own loop has answered, and asks again.
    pub(crate) fn ping(&mut self) -> Option<Ended> {
        let all = self.children.iter().flatten();
        let (mut silent, mut figures) = (0u32, [0u64; 3]);
        for (child, figure) in all.zip(&mut figures) {
            silent |= u32::from(child.silent);
            *figure = child.figure;
        }
        self.missed = if silent == 0 { 0 } else { self.missed.saturating_add(1) };
        if silent == 0 && self.announced {
            let [_, bans, lines] = figures;
            self.house.notify.send(|t| {
                t.bytes(b"WATCHDOG=1\nSTATUS=")
                    .dec(bans)
                    .bytes(b" bans in force, ")
                    .dec(lines)
                    .bytes(b" lines read");
            });
        }
        if self.missed > MISSED {
            self.house.log.say(Level::Error, "a role no longer answers");
            return Some(Ended::Stop(111));
        }
        for child in self.children.iter_mut().flatten().filter(|c| c.ready && !c.silent) {
            child.silent = child.channel.as_ref().is_some_and(|channel| pulse(channel, Beat::Ping).is_ok());
        }
        self.begun_ns = monotonic_ns();
        None
    }

    /// Takes the roles down from the logs to the firewall: each is asked by the end of its channel, and killed when it
    /// takes too long.
    pub(crate) fn finish(&mut self) {
        for index in (0..3).rev() {
            if let Some(child) = self.children.get_mut(index).and_then(Option::as_mut) {
                child.channel = None;
            }
            let mut until = monotonic_ns().saturating_add(PATIENCE_NS);
            while let Some(Some(child)) = self.children.get(index) {
                let now = monotonic_ns();
                if now >= until {
                    self.end_at_once(child);
                    until = now.saturating_add(SECOND);
                }
                if turn::wait(&mut [PollFd::readable(self.house.signals)], now, Some(until)).is_err() {
                    break;
                }
                while next_signal(self.house.signals).is_ok() {}
                self.bury(true);
            }
        }
    }

    fn end_at_once(&self, child: &Child) {
        self.house.log.line(Level::Error, |t| {
            t.bytes(child.role.word().to_bytes()).bytes(b" does not finish: killed");
        });
        let _ = kill(child.pid);
    }

    /// Reaps what has ended, and says how, unless it is as `asked` for. Whether there was a role among it.
    pub(crate) fn bury(&mut self, asked: bool) -> bool {
        let mut any = false;
        while let Ok(Some((pid, end))) = reap() {
            let dead = self.children.iter_mut().find(|c| c.as_ref().is_some_and(|c| c.pid == pid));
            let Some(child) = dead.and_then(Option::take) else { continue };
            any = true;
            let (how, number) = match end {
                End::Exit(code) => (&b" left with "[..], code),
                End::Signal(signal) => (&b" was ended by signal "[..], signal),
            };
            if let End::Exit(code) = end {
                self.code = worse(self.code, code);
            }
            if !asked || end != End::Exit(0) {
                self.house.log.line(Level::Error, |t| {
                    t.bytes(child.role.word().to_bytes()).bytes(how).dec(number.into());
                });
            }
        }
        any
    }
}

/// The code that counts when a role has left with `other`: that of a breach before that of bad settings, and both before
/// all others, because whoever is left over after a breach ends too, and may be seen to end first.
pub(crate) fn worse(code: u8, other: u8) -> u8 {
    [112, 100].into_iter().find(|c| code == *c || other == *c).unwrap_or(code)
}
