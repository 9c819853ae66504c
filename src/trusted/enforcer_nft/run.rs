//! The enforcer's loop: verdicts in, receipts out; the table watched, the host's addresses followed.
//!
//! Runs in: the enforcer. In: `Verdict` from the tracker, `Pulse` from the warden, events of the kernel. Out: one batch of
//! receipts for each batch of verdicts, in order; `Table` when bans must be sent again. Never: looks at an event before
//! the receipts have left; goes on after a record that the tracker never may send.
use super::bans::{Item, carry_out, set};
use super::guard::Guard;
use super::hosts::Hosts;
use super::socket::MOST;
use super::table::Table;
use bailiff::shared::base::channel::{self, Fault};
use bailiff::shared::base::log::{Level, Log};
use bailiff::shared::base::turn;
use bailiff::shared::pure::wire::batch::{Batch, ROOM, Record, records};
use bailiff::shared::pure::wire::source::{Beat, Pulse};
use bailiff::shared::pure::wire::terms::Terms;
use bailiff::shared::pure::wire::verdict::{self, Action, Outcome, Receipt, Verdict};
use bailiff::shims::{clock::monotonic_ns, errno::Errno, fd::Fd, io::PollFd};

/// All that the loop works with.
pub(crate) struct Enforcer<'a> {
    /// Log lines.
    pub log: &'a Log,
    /// The configuration.
    pub terms: &'a Terms,
    /// Channel to the warden.
    pub warden: Fd,
    /// Channel to the tracker.
    pub tracker: Fd,
    /// The table, with the sockets to it.
    pub table: Table<'a>,
    /// The guard.
    pub guard: Guard<'a>,
    /// Own addresses and gateways.
    pub hosts: Hosts,
}

impl Enforcer<'_> {
    /// Puts the table up, says so, and works until there is a reason to end.
    pub(crate) fn run(&mut self) -> Fault {
        let mut step = self.start();
        while step.is_ok() {
            step = self.turn();
        }
        step.err().unwrap_or(Fault::Closed)
    }

    fn start(&mut self) -> Result<(), Fault> {
        self.hosts.refresh(monotonic_ns(), self.log).map_err(Fault::Kernel)?;
        let fresh = self.terms.dry_run || self.table.start(self.log).map_err(Fault::Kernel)?;
        tell(&self.tracker, &verdict::Table { id: self.table.id, fresh })?;
        tell(&self.warden, &Pulse { beat: Beat::Ready, figure: 0 })
    }

    fn turn(&mut self) -> Result<(), Fault> {
        let events = if self.terms.dry_run { PollFd::IDLE } else { self.table.events.readable() };
        let [tracker, warden] = [&self.tracker, &self.warden].map(PollFd::readable);
        let mut slots = [tracker, warden, self.hosts.socket.readable(), events];
        let due_ns = self.hosts.due_ns().into_iter().chain(self.table.look_ns).min();
        turn::wait(&mut slots, monotonic_ns(), due_ns).map_err(Fault::Kernel)?;
        let now_ns = monotonic_ns();
        let [tracker, warden, hosts, events] = slots.map(|slot| slot.is_ready());
        if hosts {
            self.hosts.drain().map_err(Fault::Kernel)?;
        }
        self.hosts.refresh(now_ns, self.log).map_err(Fault::Kernel)?;
        if tracker {
            self.verdicts(now_ns)?;
        }
        if warden {
            self.pulse()?;
        }
        if events {
            self.table.watch(now_ns).map_err(Fault::Kernel)?;
        }
        let fresh = self.table.look(now_ns, self.log).map_err(Fault::Kernel)?;
        self.tell_if(fresh)
    }

    /// Tells the tracker when the sets have lost what they held.
    fn tell_if(&self, fresh: bool) -> Result<(), Fault> {
        let table = verdict::Table { id: self.table.id, fresh };
        if fresh { tell(&self.tracker, &table) } else { Ok(()) }
    }

    fn pulse(&mut self) -> Result<(), Fault> {
        let mut buf = [0; ROOM];
        let datagram = channel::receive(&self.warden, &mut buf, true)?;
        for pulse in records::<Pulse>(datagram).ok_or(Fault::Breach)? {
            match pulse.ok_or(Fault::Breach)?.beat {
                Beat::Ping => tell(&self.warden, &Pulse { beat: Beat::Pong, figure: 0 })?,
                _ => return Err(Fault::Breach),
            }
        }
        Ok(())
    }

    /// One batch of verdicts, from the channel to its receipts.
    fn verdicts(&mut self, now_ns: u64) -> Result<(), Fault> {
        let mut buf = [0; ROOM];
        let datagram = channel::receive(&self.tracker, &mut buf, true)?;
        let (mut items, mut receipts) = ([const { None }; MOST], Batch::<Receipt>::new());
        for (slot, verdict) in items.iter_mut().zip(records(datagram).ok_or(Fault::Breach)?) {
            let verdict: Verdict = verdict.ok_or(Fault::Breach)?;
            let judged = self.guard.admit(&verdict, &self.hosts.known, now_ns);
            *slot = Some(Item { verdict, ban: judged.ok(), outcome: judged.err().map(Outcome::Refused) });
        }
        let mut fresh = false;
        if !self.terms.dry_run {
            carry_out(&mut self.table.kernel, self.terms, &mut items);
            if items.iter_mut().flatten().fold(false, |any, item| any | item.reopen()) {
                // Somebody took the sets away: they come back before the ban is given up.
                self.table.look_ns = Some(0);
                fresh = self.table.look(now_ns, self.log).map_err(Fault::Kernel)?;
                carry_out(&mut self.table.kernel, self.terms, &mut items);
            }
        }
        for item in items.iter().flatten() {
            let (token, outcome) = (item.verdict.token, item.outcome.unwrap_or(Outcome::Dry));
            receipts.push(&Receipt { token, outcome });
        }
        channel::send(&self.tracker, receipts.datagram(), true)?;
        items.iter().flatten().for_each(|item| self.report(item));
        self.tell_if(fresh)
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
        let (word, lasts) = match action {
            Action::Ban => (" add ", true),
            Action::Extend => (" extend ", true),
            Action::Unban => (" delete ", false),
            Action::Ask => (" get ", false),
        };
        if item.outcome.is_some() && !self.log.steps {
            return;
        }
        self.log.line(if item.outcome.is_some() { Level::Info } else { Level::Notice }, |t| {
            t.bytes(lead.as_bytes()).bytes(b"verdict ").dec(*token).bytes(word.as_bytes()).prefix(prefix);
            if let Some(ban) = &item.ban {
                let [jail, suffix] = set(self.terms, ban);
                t.byte(b' ').bytes(jail).bytes(suffix);
            }
            if lasts {
                t.bytes(b" timeout ").dec((*duration_s).into()).byte(b's');
            }
            t.bytes(if detail.is_empty() { b"" } else { b": " }).bytes(detail.as_bytes());
        });
    }
}

/// Sends one record.
fn tell<R: Record>(to: &Fd, record: &R) -> Result<(), Fault> {
    let mut batch = Batch::new();
    batch.push(record);
    channel::send(to, batch.datagram(), true)
}
