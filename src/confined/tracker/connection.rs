//! One client: a request, then what it gets.
//!
//! Runs in: the tracker. In: one datagram of a local user. Out: batches of reply rows as its socket takes
//! them. Never: makes anybody wait; ends a ban or an unban halfway because the client has gone.
use super::ban::Ban;
use bailiff::shared::base::channel::{Fault, receive};
use bailiff::shared::pure::addr::Prefix;
use bailiff::shared::pure::wire::batch::{HEAD, Record, records};
use bailiff::shared::pure::wire::control::{Done, Reply, Request};
use bailiff::shims::fd::Fd;
use bailiff::shims::io::PollFd;

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
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Job {
    /// There is none.
    #[default]
    Free,
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
    Banned(Ban, u64),
    /// The bans of this network in these jails (bits) are to be lifted, once the record of this number is
    /// synced.
    Lift(Prefix, u32, u64),
    /// So many verdicts are out, so many bans were lifted, or this stood in the way.
    Lifting(u32, u32, Option<Done>),
    /// This ends it.
    Done(Done),
}

/// A slot for a client.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    pub(crate) fd: Option<Fd>,
    /// Whether it came by the control socket.
    pub(crate) may_change: bool,
    pub(crate) uid: u32,
    /// When it last did something.
    pub(crate) active_ns: u64,
    /// Whether its socket took no more.
    pub(crate) is_blocked: bool,
    pub(crate) job: Job,
}

impl Connection {
    /// Nobody.
    pub(crate) const FREE: Self =
        Self { fd: None, may_change: false, uid: 0, active_ns: 0, is_blocked: false, job: Job::Free };

    /// What to wait for.
    pub(crate) fn poll(&self) -> PollFd {
        match (&self.fd, self.job) {
            (Some(fd), Job::Quiet) => PollFd::readable(fd),
            (Some(fd), Job::Rows(_) | Job::Done(_)) => PollFd::writable(fd),
            _ => PollFd::IDLE,
        }
    }

    /// Whether it is the client that is waited for.
    pub(crate) fn is_clients_turn(&self) -> bool {
        matches!(self.job, Job::Quiet | Job::Rows(_) | Job::Done(_))
    }

    /// The request, once it is there. `None`: not yet; `Some(None)`: it is none, or the client has gone.
    pub(crate) fn hear(&self) -> Option<Option<Request>> {
        let mut buf = [0; HEAD + Request::SIZE];
        let Some(fd) = &self.fd else { return Some(None) };
        match receive(fd, &mut buf, false) {
            Ok(datagram) => Some(one(datagram)),
            Err(Fault::Empty) => None,
            Err(_) => Some(None),
        }
    }
}

fn one(datagram: &[u8]) -> Option<Request> {
    let mut all = records::<Request>(datagram)?;
    let request = all.next()?;
    if all.next().is_some() { None } else { request }
}
