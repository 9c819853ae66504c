//! The two sockets, and the clients on them: each makes one request, and gets what it asked for.
//!
//! Runs in: the tracker. In: connections and requests of local users; which socket they came by is their
//! authorisation (its file's mode was). Out: replies, as each client takes them. Never: waits for a client,
//! does more than a slice of work for one in a turn, ends a ban or an unban halfway because a client has gone.
use super::ban::Ban;
use super::hush::Matter;
use super::tracker::{CONNECTIONS, Tracker};
use bailiff::shared::base::channel::{Fault, receive, send};
use bailiff::shared::pure::addr::Prefix;
use bailiff::shared::pure::wire::batch::{Batch, HEAD, Record, records};
use bailiff::shared::pure::wire::control::{ANY_JAIL, Ask, Done, Reply, Request};
use bailiff::shims::fd::Fd;
use bailiff::shims::io::PollFd;
use bailiff::shims::sockets::{accept, peer_uid};

/// A client that does not ask, or does not read, is left after this long.
pub(crate) const PATIENCE_NS: u64 = 10_000_000_000;

/// Where a reply in rows stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Rows {
    pub(crate) request: Request,
    /// The next row (answer.rs).
    pub(crate) cursor: u32,
    /// Rows of what was asked for, so far.
    pub(crate) count: u32,
    /// What the kernel has said, to be passed on first.
    pub(crate) heard: Option<Reply>,
}

/// What is done for a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Job {
    /// It has not asked yet.
    Quiet,
    /// Rows are sent.
    Rows(Rows),
    /// The kernel is to be asked about this ban, then rows go on.
    Ask(Rows, Ban),
    /// The kernel is asked.
    Asked(Rows),
    /// This ban is to be asked for.
    Ban(Ban),
    /// It is asked for.
    Banning,
    /// It is held; its record of this number is to be synced.
    Banned(u64),
    /// The bans of this network in this jail, or in all, are to be lifted, once the record of this number is
    /// synced.
    Lift(Prefix, Option<u8>, u64),
    /// So many verdicts are out; what is to be replied if none of them changes it.
    Lifting(u32, Done),
    /// This ends it.
    Done(Done),
}

/// A client.
#[derive(Debug)]
pub(crate) struct Connection {
    fd: Fd,
    /// Whether it came by the control socket.
    may_change: bool,
    pub(crate) uid: u32,
    /// When it last did something.
    pub(crate) active_ns: u64,
    pub(crate) job: Job,
}

impl Connection {
    /// Whether it is the client that is waited for.
    pub(crate) fn is_clients_turn(&self) -> bool {
        matches!(self.job, Job::Quiet | Job::Rows(_) | Job::Done(_))
    }

    /// What to wait for.
    pub(crate) fn poll(&self) -> PollFd {
        match self.job {
            Job::Quiet => PollFd::readable(&self.fd),
            Job::Rows(_) | Job::Done(_) => PollFd::writable(&self.fd),
            _ => PollFd::IDLE,
        }
    }
}

impl Tracker {
    /// Takes the connections that wait on a socket.
    pub(crate) fn accept(&mut self, may_change: bool) {
        for _ in 0..CONNECTIONS {
            let listener = if may_change { &self.given.control } else { &self.given.read };
            let Ok(fd) = accept(listener) else { return };
            let Ok(uid) = peer_uid(&fd) else { continue };
            let new = Connection { fd, may_change, uid, active_ns: self.now_ns, job: Job::Quiet };
            match self.slot() {
                Some(slot) => *slot = Some(new),
                None => {
                    let mut batch = Batch::<Reply>::new();
                    batch.push(&Reply::Done(Done::Busy));
                    let _ = send(&new.fd, batch.datagram(), false);
                }
            }
        }
    }

    /// A free slot, or that of the client that has been quiet for longest.
    fn slot(&mut self) -> Option<&mut Option<Connection>> {
        let rank = |slot: &Option<Connection>| match slot {
            None => 0,
            Some(c) if c.job == Job::Quiet => c.active_ns.max(1),
            Some(_) => u64::MAX,
        };
        self.connections.iter_mut().min_by_key(|c| rank(c)).filter(|c| rank(c) != u64::MAX)
    }

    /// The client in a slot.
    pub(crate) fn client(&mut self, at: u8) -> Option<&mut Connection> {
        self.connections.get_mut(usize::from(at))?.as_mut()
    }

    /// One step for each client. `ready` are their slots of the last wait.
    pub(crate) fn serve_all(&mut self, ready: &[PollFd]) {
        for (at, poll) in (0..CONNECTIONS).zip(ready) {
            let Some(mut client) = self.connections.get_mut(at).and_then(Option::take) else { continue };
            let stays = self.serve(at as u8, &mut client, poll.is_ready());
            let is_late = self.now_ns.saturating_sub(client.active_ns) >= PATIENCE_NS;
            if let Some(slot) = self.connections.get_mut(at)
                && stays
                && !(is_late && client.is_clients_turn())
            {
                *slot = Some(client);
            }
        }
    }

    /// Hears it, replies, works for it. False when it is done with.
    fn serve(&mut self, at: u8, client: &mut Connection, is_ready: bool) -> bool {
        if is_ready && !(self.hear_client(client) && self.reply(client)) {
            return false;
        }
        client.job = self.work(at, client.job);
        true
    }

    fn hear_client(&mut self, client: &mut Connection) -> bool {
        if client.job != Job::Quiet {
            return true;
        }
        let mut buf = [0; HEAD + Request::SIZE];
        let request = match receive(&client.fd, &mut buf, false) {
            Err(Fault::Empty) => return true,
            Err(_) => None,
            Ok(datagram) => records::<Request>(datagram).and_then(|mut all| all.next()?),
        };
        let Some(request) = request else {
            self.tell(Matter::Request, 1, "clients that sent no request");
            return false;
        };
        client.job = self.begin(&request, client);
        client.active_ns = self.now_ns;
        true
    }

    fn begin(&mut self, request: &Request, client: &Connection) -> Job {
        let jail = match self.terms.jails().iter().position(|jail| *jail.name.padded() == request.jail) {
            _ if request.jail == ANY_JAIL => None,
            None => return Job::Done(Done::NoJail),
            Some(jail) => Some(jail as u8),
        };
        match request.ask {
            Ask::Ban | Ask::Unban if !client.may_change => Job::Done(Done::NotHere),
            Ask::Ban => Job::Ban(self.operators_ban(request, jail, client.uid)),
            Ask::Unban => self.begin_lift(&request.prefix, jail),
            Ask::Status | Ask::List | Ask::Explain => {
                Job::Rows(Rows { request: *request, cursor: 0, count: 0, heard: None })
            }
        }
    }

    /// Sends the next batch of rows, or the end.
    fn reply(&self, client: &mut Connection) -> bool {
        let mut batch = Batch::<Reply>::new();
        let next = match client.job {
            Job::Rows(rows) => self.rows(rows, &mut batch),
            Job::Done(done) => {
                batch.push(&Reply::Done(done));
                None
            }
            _ => return true,
        };
        let sent = if batch.count() > 0 { send(&client.fd, batch.datagram(), false) } else { Ok(()) };
        if let (Ok(()), Some(job)) = (sent, next) {
            (client.job, client.active_ns) = (job, self.now_ns);
        }
        sent == Err(Fault::Empty) || sent == Ok(()) && next.is_some()
    }
}
