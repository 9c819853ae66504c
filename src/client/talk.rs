//! One question to the daemon, and its answer.
//!
//! Runs in: the client. In: datagrams of `Reply` records from the tracker, not trusted: sizes are fixed,
//! every record is decoded, every network is checked. Out: each record, in the order of arrival, until the
//! end. Never: waits longer than ten seconds for a datagram; takes a reply without its end for a whole one.
use bailiff::shared::pure::addr::Prefix;
use bailiff::shared::pure::bytes::Text;
use bailiff::shared::pure::wire::batch::{Batch, ROOM, records};
use bailiff::shared::pure::wire::control::{
    Ask, BanRow, Done, Figure, JailRow, Reply, Request, SourceRow, TallyRow,
};
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::io::{PollFd, ppoll};
use bailiff::shims::sockets;

/// How long one datagram may take.
const PATIENCE_NS: u64 = 10_000_000_000;

/// The other end is gone and has not read all that was sent (asm-generic/errno.h, 6.18).
const ECONNRESET: Errno = Errno(104);

/// Why there is no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// The path of the socket is too long.
    Path,
    /// Nobody could be reached.
    Connect(Errno),
    /// The connection failed.
    Link(Errno),
    /// Nothing came for ten seconds.
    Silent,
    /// The reply ended before its end.
    Short,
    /// The reply holds what no reply holds.
    Odd,
    /// What was to be printed could not be written.
    Page,
}

impl From<core::fmt::Error> for Fault {
    fn from(_: core::fmt::Error) -> Self {
        Self::Page
    }
}

/// The socket in the directory `run` that takes such requests; `None` where the path is longer than 107
/// bytes.
pub(crate) fn socket<'b>(run: &[u8], ask: Ask, buf: &'b mut [u8; 107]) -> Option<&'b [u8]> {
    let mut text = Text::new(buf);
    text.bytes(run).bytes(if matches!(ask, Ask::Ban | Ask::Unban) {
        b"/control.sock"
    } else {
        b"/read.sock"
    });
    if text.is_full() { None } else { Some(text.finish()) }
}

/// Asks the daemon whose sockets are in `run`, hands each record to `each`, and returns how it ended.
pub(crate) fn ask(
    run: &[u8],
    request: &Request,
    each: &mut dyn FnMut(&Reply) -> Result<(), Fault>,
) -> Result<Done, Fault> {
    let mut path = [0; 107];
    let path = socket(run, request.ask, &mut path).ok_or(Fault::Path)?;
    let fd = sockets::connect(path).map_err(Fault::Connect)?;
    let mut batch = Batch::<Request>::new();
    batch.push(request);
    sockets::send(&fd, batch.datagram(), true).map_err(Fault::Link)?;
    let mut buf = [0; ROOM];
    loop {
        let datagram = receive(&fd, &mut buf)?;
        for record in records::<Reply>(datagram).ok_or(Fault::Odd)? {
            match record.ok_or(Fault::Odd)? {
                Reply::Done(done) => return Ok(done),
                reply if is_sound(&reply) => each(&reply)?,
                _ => return Err(Fault::Odd),
            }
        }
    }
}

fn receive<'a>(fd: &Fd, buf: &'a mut [u8; ROOM]) -> Result<&'a [u8], Fault> {
    loop {
        match ppoll(&mut [PollFd::readable(fd)], Some(PATIENCE_NS)) {
            Ok(0) => return Err(Fault::Silent),
            Ok(_) => break,
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(Fault::Link(errno)),
        }
    }
    match sockets::receive(fd, buf, true) {
        Ok(0) | Err(ECONNRESET) => Err(Fault::Short),
        Ok(len) => buf.get(..len).ok_or(Fault::Odd),
        Err(errno) => Err(Fault::Link(errno)),
    }
}

/// Whether the networks in a record are networks.
fn is_sound(reply: &Reply) -> bool {
    let is_network = |p: &Prefix| *p == Prefix::around(p.addr, p.len);
    match reply {
        Reply::Ban(ban) => is_network(&ban.prefix),
        Reply::Tally(tally) => is_network(&tally.prefix),
        Reply::Kernel(_, prefix, _) => is_network(prefix),
        _ => true,
    }
}

/// At most `N` records, in the order in which they came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<T, const N: usize> {
    rows: [Option<T>; N],
    used: usize,
}

impl<T: Copy, const N: usize> Rows<T, N> {
    const EMPTY: Self = Self { rows: [None; N], used: 0 };

    fn push(&mut self, row: T) -> Result<(), Fault> {
        *self.rows.get_mut(self.used).ok_or(Fault::Odd)? = Some(row);
        self.used = self.used.saturating_add(1);
        Ok(())
    }

    /// The records.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.rows.iter().flatten()
    }
}

/// A reply that is kept whole: of `status` and `explain`, whose size has a bound. Of each kind the jails
/// (32), each with its five prefix lengths, bound the count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    figures: [Option<u64>; 256],
    /// The jails.
    pub(crate) jails: Rows<JailRow, 32>,
    /// The sources.
    pub(crate) sources: Rows<SourceRow, 256>,
    /// Bans that hold the address.
    pub(crate) bans: Rows<BanRow, 160>,
    /// What the kernel says of them: jail, network, seconds left.
    pub(crate) kernel: Rows<(u8, Prefix, Option<u32>), 160>,
    /// Failures counted.
    pub(crate) tallies: Rows<TallyRow, 160>,
}

impl Answer {
    /// Nothing yet.
    pub(crate) const EMPTY: Self = Self {
        figures: [None; 256],
        jails: Rows::EMPTY,
        sources: Rows::EMPTY,
        bans: Rows::EMPTY,
        kernel: Rows::EMPTY,
        tallies: Rows::EMPTY,
    };

    /// Keeps a record; more of a kind than there can be is odd.
    pub(crate) fn take(&mut self, reply: &Reply) -> Result<(), Fault> {
        match reply {
            Reply::Figure(number, value) => {
                *self.figures.get_mut(usize::from(*number)).ok_or(Fault::Odd)? = Some(*value);
                Ok(())
            }
            Reply::Jail(jail) => self.jails.push(*jail),
            Reply::Source(source) => self.sources.push(*source),
            Reply::Ban(ban) => self.bans.push(*ban),
            Reply::Tally(tally) => self.tallies.push(*tally),
            Reply::Kernel(jail, prefix, left_s) => self.kernel.push((*jail, *prefix, *left_s)),
            Reply::Done(_) => Ok(()),
        }
    }

    /// A figure, if it was sent.
    pub(crate) fn figure(&self, figure: Figure) -> Option<u64> {
        self.figures.get(usize::from(figure as u8)).copied().flatten()
    }

    /// The jail of this number, if it was sent.
    pub(crate) fn jail(&self, number: u8) -> Option<&JailRow> {
        self.jails.iter().find(|j| j.jail == number)
    }

    /// What the kernel says of this ban, if it was asked: `Some(None)` is that it does not hold it.
    pub(crate) fn kernel_of(&self, ban: &BanRow) -> Option<Option<u32>> {
        self.kernel.iter().find(|(jail, prefix, _)| *jail == ban.jail && *prefix == ban.prefix).map(|k| k.2)
    }
}
