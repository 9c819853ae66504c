//! The watcher's loop.
//!
//! Runs in: the watcher, cage closed. In: from the warden files, pings and, by its end, the order to stop;
//! from the kernel which watched file was written to. Out: to the tracker attempts at once and tides once a
//! second; to the warden pongs; to the state file positions. Never: waits for the tracker or for a file while a
//! ping may come.
use super::read::Reading;
use super::watcher::{Leave, NEVER_NS, Watcher};
use bailiff::shared::base::channel;
use bailiff::shared::base::turn::wait;
use bailiff::shared::pure::wire::batch::{Batch, Record, records};
use bailiff::shared::pure::wire::source::{Beat, Pulse, Source};
use bailiff::shims::clock::monotonic_ns;
use bailiff::shims::errno::Errno;
use bailiff::shims::files::inotify::{IN_ATTRIB, IN_Q_OVERFLOW};
use bailiff::shims::io::{self, PollFd};
use bailiff::shims::sockets::receive_with;

/// Bytes read, of all files, before the channels are looked at again: about a millisecond.
const TURN: usize = 1 << 20;

const ECONNRESET: Errno = Errno(104);

impl Watcher<'_> {
    /// Turns until there is a reason to leave.
    pub(crate) fn run(&mut self) -> Leave {
        loop {
            if let Err(leave) = self.turn() {
                return leave;
            }
        }
    }

    fn turn(&mut self) -> Result<(), Leave> {
        let stuck = self.harvest.stuck;
        let (events, tracker) = match stuck {
            false => (PollFd::readable(&self.events), PollFd::IDLE),
            true => (PollFd::IDLE, PollFd::writable(self.harvest.tracker())),
        };
        let mut slots = [PollFd::readable(&self.warden), events, tracker];
        let behind = self.generations.is_due();
        let deadline = if behind && !stuck {
            Some(self.clock.now_ns)
        } else {
            Some(self.clock.tick_ns).filter(|t| *t != NEVER_NS)
        };
        wait(&mut slots, self.clock.now_ns, deadline).map_err(|errno| Leave::Kernel("ppoll", errno))?;
        let [warden, events, _] = slots.map(|slot| slot.is_ready());
        if warden {
            self.hear()?;
        }
        if events {
            self.notice()?;
        }
        let stirred = self.read()?;
        self.clock.now_ns = monotonic_ns();
        if stirred {
            self.plan(0);
        }
        self.plan_sent();
        if behind && !self.generations.is_due() {
            // It has caught up: what `status` counts is true again at once.
            (self.clock.tick_ns, self.clock.tides_ns) = (0, 0);
        }
        self.tick()
    }

    /// Reads the files that are due, each a block in its turn, and sends what they gave. Whether there were
    /// any.
    fn read(&mut self) -> Result<bool, Leave> {
        let mut left = TURN;
        while left > 0 && self.harvest.is_free()? {
            let Some(place) = self.generations.next_due() else { break };
            let Some(file) = self.generations.at(place) else { break };
            let mut reading =
                Reading { terms: self.terms, own: self.own, harvest: &mut self.harvest, log: self.log };
            let consumed = reading.block(file, self.buf)?;
            // A file without news costs time too.
            left = left.saturating_sub(consumed.max(1 << 10));
        }
        self.harvest.send(false)?;
        Ok(left < TURN)
    }

    /// Takes the kernel's events. Those of files that are gone mean nothing any more, and those of files that
    /// have not come yet need not be kept: a file is read when it comes.
    fn notice(&mut self) -> Result<(), Leave> {
        let mut buf = [0u8; 4096];
        let got = match io::read(&self.events, &mut buf) {
            Ok(got) => got,
            Err(Errno::EAGAIN | Errno::EINTR) => 0,
            Err(errno) => return Err(Leave::Kernel("inotify", errno)),
        };
        let mut rest = buf.get(..got).unwrap_or(&[]);
        // struct inotify_event: wd, mask, cookie, length of the name behind (linux/inotify.h, 6.18).
        while let Some(([a, b, c, d, mask @ .., _, _, _, _, n0, n1, n2, n3], behind)) =
            rest.split_first_chunk::<16>()
        {
            let [watch, mask, name] = [[*a, *b, *c, *d], *mask, [*n0, *n1, *n2, *n3]].map(u32::from_ne_bytes);
            self.wake(watch, mask);
            rest = behind.get(name as usize..).unwrap_or(&[]);
        }
        Ok(())
    }

    fn wake(&mut self, watch: u32, mask: u32) {
        if mask & IN_Q_OVERFLOW != 0 {
            self.generations.wake_all();
            return;
        }
        for file in self.generations.iter_mut().filter(|file| file.given.watch == watch) {
            file.due = true;
            // A held file tells of its deletion by this event only. Its writers may go on: it lingers like a
            // rotated one.
            if mask & IN_ATTRIB != 0 && file.tail.is_deleted() {
                let _ = file.quiet_ns.get_or_insert(monotonic_ns());
            }
        }
    }

    /// Takes one message of the warden.
    fn hear(&mut self) -> Result<(), Leave> {
        let mut buf = [0u8; 64];
        let (len, fd) = match receive_with(&self.warden, &mut buf) {
            Ok((0, _)) | Err(ECONNRESET) => return Err(Leave::Stop),
            Ok(received) => received,
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(()),
            Err(Errno::EMSGSIZE) => return Err(Leave::Breach),
            Err(errno) => return Err(Leave::Kernel("receiving from the warden", errno)),
        };
        let datagram = buf.get(..len).unwrap_or(&[]);
        match (one::<Source>(datagram), one::<Pulse>(datagram), fd) {
            (Some(given), None, Some(fd)) => self.take(given, fd),
            (None, Some(pulse), None) => self.answer(pulse.beat),
            _ => Err(Leave::Breach),
        }
    }

    fn answer(&mut self, beat: Beat) -> Result<(), Leave> {
        match beat {
            Beat::Ping => {
                // Some file systems (network ones) tell of no writes: a ping is also a look at every file.
                self.generations.wake_all();
                self.pulse(Beat::Pong);
                Ok(())
            }
            Beat::Given => Ok(()),
            Beat::Ready | Beat::Pong => Err(Leave::Breach),
        }
    }

    /// Tells the warden. If it has no room it has not read the last ones: one less does not matter, and its
    /// end is met at the next turn.
    pub(crate) fn pulse(&self, beat: Beat) {
        let mut batch = Batch::new();
        batch.push(&Pulse { beat, figure: self.harvest.lines });
        let _ = channel::send(&self.warden, batch.datagram(), false);
    }
}

/// The one record of a datagram.
fn one<R: Record>(datagram: &[u8]) -> Option<R> {
    let mut all = records::<R>(datagram)?;
    all.next()?.filter(|_| all.next().is_none())
}
