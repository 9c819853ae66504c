//! The enforcer's loop: verdicts in, receipts out; the table watched, the host's addresses followed.
//!
//! Runs in: the enforcer. In: `Verdict` from the tracker, `Pulse` from the warden, events of the kernel. Out: one batch of
//! receipts for each batch of verdicts, in order; `Table` when bans must be sent again. Never: looks at an event before
//! the receipts have left; goes on after a record that the tracker never may send.
use super::bans::{Item, carry_out, set};
use super::commit::{Kernel, MOST};
use super::guard::Guard;
use super::hosts::Hosts;
use super::netlink::Messages;
use super::table::Table;
use bailiff::shared::base::channel::{self, Fault};
use bailiff::shared::base::log::{Level, Log};
use bailiff::shared::base::turn;
use bailiff::shared::pure::wire::batch::{self, Batch, Record, records};
use bailiff::shared::pure::wire::source::{Beat, Pulse};
use bailiff::shared::pure::wire::terms::Terms;
use bailiff::shared::pure::wire::verdict::{self, Action, Outcome, Receipt, Verdict};
use bailiff::shims::clock::monotonic_ns;
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::io::PollFd;
use bailiff::shims::sockets::receive;

/// Shortest time between two looks at the table.
const PAUSE_NS: u64 = 250_000_000;
/// How often a table is tried to be put up while others change the ruleset.
const TRIES: u32 = 16;

/// Why the loop ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// Warden or tracker is gone, or has closed its end.
    Orderly,
    /// A peer process sent what it never may.
    Breach,
    /// The kernel refused what the enforcer cannot do without.
    Kernel(Errno),
}

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Closed | Fault::Empty => Self::Orderly,
            Fault::Breach => Self::Breach,
            Fault::Kernel(errno) => Self::Kernel(errno),
        }
    }
}

impl From<Errno> for End {
    fn from(errno: Errno) -> Self {
        Self::Kernel(errno)
    }
}

/// All that the loop works with.
#[derive(Debug)]
pub(crate) struct Enforcer<'a> {
    /// Log lines.
    pub log: Log,
    /// The configuration.
    pub terms: &'a Terms,
    /// Channel to the warden.
    pub warden: Fd,
    /// Channel to the tracker.
    pub tracker: Fd,
    /// Socket in the group of nf_tables events.
    pub events: Fd,
    /// Port of the request socket: events that bear it are our own doing.
    pub port: u32,
    /// Buffer for events.
    pub buf: &'static mut [u8],
    /// Requests to nf_tables.
    pub kernel: Kernel,
    /// The table.
    pub table: Table<'a>,
    /// The guard.
    pub guard: Guard<'a>,
    /// Own addresses and gateways.
    pub hosts: Hosts,
    /// Whether the table is to be looked at.
    pub changed: bool,
    /// Not before this moment.
    pub next_look_ns: u64,
}

impl Enforcer<'_> {
    /// Puts the table up, says so, and works until there is a reason to end.
    pub(crate) fn run(&mut self) -> End {
        let mut step = self.start();
        while step.is_ok() {
            step = self.turn();
        }
        step.err().unwrap_or(End::Orderly)
    }

    fn start(&mut self) -> Result<(), End> {
        while !self.hosts.is_known {
            self.hosts.refresh(monotonic_ns())?;
            turn::wait(&mut [PollFd::readable(self.hosts.fd())], 0, self.hosts.due_ns())?;
            self.hosts.drain(&self.log)?;
        }
        let mut fresh = true;
        if !self.terms.dry_run {
            let mut tries = (0..TRIES).map(|_| self.table.establish(&mut self.kernel, &self.log));
            fresh = tries.find(|tried| *tried != Err(Errno::EINTR)).unwrap_or(Err(Errno::EBUSY))?;
            let what = if fresh { "table inet bailiff made" } else { "table inet bailiff taken over" };
            self.log.say(Level::Notice, what);
        }
        self.tell_table(fresh)?;
        tell(&self.warden, &Pulse { beat: Beat::Ready, figure: 0 })
    }

    fn turn(&mut self) -> Result<(), End> {
        let events = if self.terms.dry_run { PollFd::IDLE } else { PollFd::readable(&self.events) };
        let [tracker, warden, hosts] = [&self.tracker, &self.warden, self.hosts.fd()].map(PollFd::readable);
        let mut slots = [tracker, warden, hosts, events];
        let look_ns = self.changed.then_some(self.next_look_ns);
        let due_ns = self.hosts.due_ns().into_iter().chain(look_ns).min();
        turn::wait(&mut slots, monotonic_ns(), due_ns)?;
        let now_ns = monotonic_ns();
        let [tracker, warden, hosts, events] = slots.map(|slot| slot.is_ready());
        if hosts {
            self.hosts.drain(&self.log)?;
        }
        self.hosts.refresh(now_ns)?;
        if tracker {
            self.verdicts(now_ns)?;
        }
        if warden {
            self.pulse()?;
        }
        if events {
            self.watch()?;
        }
        if self.changed && now_ns >= self.next_look_ns {
            self.look(now_ns)?;
        }
        Ok(())
    }

    fn pulse(&mut self) -> Result<(), End> {
        let mut buf = [0; 64];
        let datagram = match channel::receive(&self.warden, &mut buf, false) {
            Err(Fault::Empty) => return Ok(()),
            other => other?,
        };
        for pulse in records::<Pulse>(datagram).ok_or(End::Breach)? {
            match pulse.ok_or(End::Breach)?.beat {
                Beat::Ping => tell(&self.warden, &Pulse { beat: Beat::Pong, figure: 0 })?,
                _ => return Err(End::Breach),
            }
        }
        Ok(())
    }

    /// One batch of verdicts, from the channel to its receipts.
    fn verdicts(&mut self, now_ns: u64) -> Result<(), End> {
        let mut buf = [0; batch::ROOM];
        let datagram = match channel::receive(&self.tracker, &mut buf, false) {
            Err(Fault::Empty) => return Ok(()),
            other => other?,
        };
        let mut items = [Item::NONE; MOST];
        let mut count = 0;
        for (slot, verdict) in items.iter_mut().zip(records(datagram).ok_or(End::Breach)?) {
            *slot = self.judge(&verdict.ok_or(End::Breach)?, now_ns);
            count += 1;
        }
        let items = items.get_mut(..count).unwrap_or(&mut []);
        if !self.terms.dry_run {
            carry_out(&mut self.kernel, self.terms, items);
        }
        let mut receipts = Batch::<Receipt>::new();
        for item in items.iter() {
            receipts
                .push(&Receipt { token: item.verdict.token, outcome: item.outcome.unwrap_or(Outcome::Dry) });
        }
        channel::send(&self.tracker, receipts.datagram(), true)?;
        items.iter().for_each(|item| self.report(item));
        Ok(())
    }

    fn judge(&mut self, verdict: &Verdict, now_ns: u64) -> Item {
        let known = self.hosts.known.each_ref().map(|list| list.all());
        let judged = self.guard.admit(verdict, known, now_ns);
        Item { verdict: *verdict, ban: judged.ok(), outcome: judged.err().map(Outcome::Refused) }
    }

    fn report(&self, item: &Item) {
        let Verdict { token, prefix, action, duration_s, .. } = &item.verdict;
        let (lead, detail) = match item.outcome {
            None => ("dry run, not sent: ", ""),
            Some(Outcome::Refused(refusal)) => ("guard refused ", refusal.name()),
            Some(Outcome::Absent) => ("kernel does not hold ", ""),
            Some(Outcome::Kernel(errno)) => ("kernel refused ", Errno(errno).name()),
            Some(_) => ("kernel ack ", ""),
        };
        let word = match action {
            Action::Ban => " add ",
            Action::Extend => " extend ",
            Action::Unban => " delete ",
            Action::Ask => " get ",
        };
        let level = if item.outcome.is_none() { Level::Notice } else { Level::Info };
        if !self.log.steps && level == Level::Info {
            return;
        }
        self.log.line(level, |t| {
            t.bytes(lead.as_bytes()).bytes(b"verdict ").dec(*token).bytes(word.as_bytes()).prefix(prefix);
            if let Some(ban) = &item.ban {
                let [jail, suffix] = set(self.terms, ban);
                t.byte(b' ').bytes(jail).bytes(suffix);
            }
            if matches!(action, Action::Ban | Action::Extend) {
                t.bytes(b" timeout ").dec((*duration_s).into()).byte(b's');
            }
            if !detail.is_empty() {
                t.bytes(b": ").bytes(detail.as_bytes());
            }
        });
    }

    /// Takes the events that are there, at most 64 datagrams; what others did, or what was lost, calls for a look.
    fn watch(&mut self) -> Result<(), End> {
        for _ in 0..64 {
            match receive(&self.events, self.buf, false) {
                Ok(len) => {
                    let datagram = self.buf.get(..len).unwrap_or(&[]);
                    self.changed |=
                        datagram.is_empty() || Messages(datagram).any(|(h, _)| h.port != self.port);
                }
                Err(Errno::ENOBUFS) => self.changed = true,
                Err(Errno::EAGAIN | Errno::EINTR) => break,
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    /// Looks at the table, and puts it back when it is not as it was.
    fn look(&mut self, now_ns: u64) -> Result<(), End> {
        self.next_look_ns = now_ns.saturating_add(PAUSE_NS);
        let looked = match self.table.is_intact(&mut self.kernel) {
            Ok(true) => Ok(None),
            Ok(false) => self.table.establish(&mut self.kernel, &self.log).map(Some),
            Err(errno) => Err(errno),
        };
        // Others change the ruleset at this very moment: look again.
        self.changed = matches!(looked, Err(Errno::EINTR | Errno::ENOBUFS));
        match looked {
            Err(_) if self.changed => Ok(()),
            Err(errno) => Err(errno.into()),
            Ok(None) => Ok(()),
            Ok(Some(fresh)) => {
                self.log.say(Level::Warning, "ruleset was changed from outside: table put back");
                if fresh { self.tell_table(true) } else { Ok(()) }
            }
        }
    }

    fn tell_table(&self, fresh: bool) -> Result<(), End> {
        tell(&self.tracker, &verdict::Table { id: self.table.id, fresh })
    }
}

/// Sends one record.
fn tell<R: Record>(to: &Fd, record: &R) -> Result<(), End> {
    let mut batch = Batch::new();
    batch.push(record);
    Ok(channel::send(to, batch.datagram(), true)?)
}
