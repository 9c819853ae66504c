//! The two sockets, and the clients on them.
//!
//! Runs in: the tracker. In: connections of local users; which socket they came by is their authorisation
//! (its file's mode was). Out: replies. Never: waits for a client, does more than a slice of work for one in
//! a turn.
use super::connection::{Connection, Job, PATIENCE_NS, Rows};
use super::hush::Matter;
use super::say;
use super::tracker::{CONNECTIONS, Tracker};
use bailiff::shared::base::channel::{Fault, send};
use bailiff::shared::base::log::Level;
use bailiff::shared::pure::wire::batch::Batch;
use bailiff::shared::pure::wire::control::{ANY_JAIL, Ask, Done, Reply, Request};
use bailiff::shims::io::PollFd;
use bailiff::shims::sockets::{accept, peer_uid};

/// Batches of rows for one client in one turn.
const BATCHES: usize = 2;

impl Tracker {
    /// Takes the connections that wait on a socket.
    pub(crate) fn accept(&mut self, may_change: bool) {
        for _ in 0..CONNECTIONS {
            let listener = if may_change { &self.given.control } else { &self.given.read };
            let Ok(fd) = accept(listener) else { return };
            let Ok(uid) = peer_uid(&fd) else { continue };
            let (active_ns, job) = (self.now_ns, Job::Quiet);
            let new = Connection { fd: Some(fd), may_change, uid, active_ns, is_blocked: false, job };
            match self.slot() {
                Some(slot) => *slot = new,
                None => {
                    let mut batch = Batch::<Reply>::new();
                    batch.push(&Reply::Done(Done::Busy));
                    let _ = new.fd.map(|fd| send(&fd, batch.datagram(), false));
                }
            }
        }
    }

    /// A free slot, or that of the client that has been quiet for longest.
    fn slot(&mut self) -> Option<&mut Connection> {
        let rank = |c: &Connection| match c.job {
            Job::Free => 0,
            Job::Quiet => c.active_ns.max(1),
            _ => u64::MAX,
        };
        self.connections.iter_mut().min_by_key(|c| rank(c)).filter(|c| rank(c) != u64::MAX)
    }

    /// One step for each client. `ready` are their slots of the last wait.
    pub(crate) fn serve_all(&mut self, ready: &[PollFd]) {
        for (at, slot) in (0..CONNECTIONS).zip(ready) {
            let Some(connection) = self.connections.get_mut(at) else { return };
            if connection.job == Job::Free {
                continue;
            }
            let mut connection = core::mem::take(connection);
            connection.is_blocked &= !slot.is_ready();
            self.serve(at as u8, &mut connection, slot.is_ready());
            let late = self.now_ns.saturating_sub(connection.active_ns) >= PATIENCE_NS;
            if late && connection.is_clients_turn() {
                connection = Connection::default();
            }
            if let Some(slot) = self.connections.get_mut(at) {
                *slot = connection;
            }
        }
    }

    fn serve(&mut self, at: u8, connection: &mut Connection, is_ready: bool) {
        if connection.job == Job::Quiet && is_ready {
            match connection.hear() {
                None => return,
                Some(Some(request)) => connection.job = self.begin(&request, connection.may_change),
                Some(None) => {
                    *connection = Connection::default();
                    if let Some(count) = self.hush.tell(Matter::Request, 1, self.now_ns) {
                        say::counted(&self.log, Level::Warning, "clients that sent no request", count);
                    }
                    return;
                }
            }
            connection.active_ns = self.now_ns;
        }
        for _ in 0..BATCHES {
            let before = connection.job;
            connection.job = self.work(at, connection.uid, before);
            self.reply(connection);
            if connection.job == before {
                return;
            }
        }
    }

    fn begin(&mut self, request: &Request, may_change: bool) -> Job {
        let named = self.terms.jails().iter().position(|jail| *jail.name.padded() == request.jail);
        let jail = match (request.jail == ANY_JAIL, named) {
            (true, _) => None,
            (false, Some(jail)) => Some(jail as u8),
            (false, None) => return Job::Done(Done::NoJail),
        };
        match request.ask {
            Ask::Ban | Ask::Unban if !may_change => Job::Done(Done::NotHere),
            Ask::Ban => self.begin_ban(request, jail),
            Ask::Unban => self.begin_lift(&request.prefix, jail),
            Ask::Status | Ask::List | Ask::Explain => {
                Job::Rows(Rows { request: *request, cursor: 0, count: 0, heard: None })
            }
        }
    }

    /// Sends the next batch of rows, or the end.
    fn reply(&mut self, connection: &mut Connection) {
        let mut batch = Batch::<Reply>::new();
        let next = match connection.job {
            _ if connection.is_blocked => return,
            Job::Rows(rows) => self.rows(rows, &mut batch),
            Job::Done(done) => {
                batch.push(&Reply::Done(done));
                Job::Free
            }
            _ => return,
        };
        let Some(fd) = &connection.fd else {
            *connection = Connection::default();
            return;
        };
        let sent = if batch.count() > 0 { send(fd, batch.datagram(), false) } else { Ok(()) };
        match sent {
            Ok(()) if next == Job::Free => *connection = Connection::default(),
            Ok(()) => (connection.job, connection.active_ns) = (next, self.now_ns),
            Err(Fault::Empty) => connection.is_blocked = true,
            Err(_) => *connection = Connection::default(),
        }
    }
}
