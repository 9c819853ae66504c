//! How a service lays out its messages: which part of a line is the message that patterns see, and for some
//! forms who the peer is.
//!
//! Runs in: the watcher, the client's `test`, the filter compiler. In: one line without its newline, any
//! bytes, hostile. Out: peer, message. Never: takes an address that an outsider could have written: each form
//! reads it from the start, through what the service itself writes.

use super::addr::Addr;
use super::header::{self, Head, trim, word};
use super::peer::{addr, addr_port_bare};
use super::scan::number;
use super::stamp::stamp;

/// What may stand before a message, as bits; they are tried in this order.
pub mod before {
    /// A syslog header, with the name of one of the filter's programs.
    pub const SYSLOG: u8 = 1;
    /// A time and nothing else: the service's own file.
    pub const TIME: u8 = 2;
    /// Nothing.
    pub const RAW: u8 = 4;
    /// A syslog header without time, as the journal's entries are shown.
    pub const JOURNAL: u8 = 8;
    /// A message with blanks at its end is not taken.
    pub const UNPADDED: u8 = 16;
}

/// The layout of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Form {
    /// Text, as patterns see it.
    #[default]
    Text,
    /// NCSA common or combined log: the peer stands first.
    Access,
    /// Apache's error log: the peer stands in `[client ...]`.
    Apache,
    /// nginx' error log.
    Nginx,
    /// A JSON object.
    Json,
    /// `key=value key="value"`.
    Logfmt,
    /// A JSON object where the message begins with `{`, otherwise logfmt.
    Fields,
}

impl Form {
    /// Whether the form itself yields the peer.
    pub fn names_peer(self) -> bool {
        matches!(self, Form::Access | Form::Apache)
    }

    /// Whether a pattern speaks of fields.
    pub fn has_fields(self) -> bool {
        matches!(self, Form::Json | Form::Logfmt | Form::Fields)
    }
}

/// A line as its filter's patterns see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen<'a> {
    /// The peer, if the form names it.
    pub peer: Addr,
    /// What patterns look at.
    pub message: &'a [u8],
    /// How many equal messages this line stands for.
    pub times: u16,
}

/// What patterns see of a line, whose syslog header was read before: the first of the headers that stands there,
/// if the form's own parts stand behind it. `timed` is what stands behind its time. `None`: not a line of this
/// service.
#[inline]
pub fn seen<'a>(
    headers: u8,
    form: Form,
    is_own: impl Fn(&[u8]) -> bool,
    line: &'a [u8],
    head: Option<Head<'a>>,
    timed: impl FnOnce() -> Option<&'a [u8]>,
) -> Option<Seen<'a>> {
    let is_padded = line.ends_with(b" ") || head.is_some_and(|h| h.padded);
    if headers & before::UNPADDED != 0 && is_padded {
        return None;
    }
    let own = head.filter(|h| is_own(h.program));
    if headers & (before::SYSLOG | before::JOURNAL) != 0
        && let Some(head) = own
        && let Some((peer, message)) = laid_out(form, without_time(headers, head.message))
    {
        return Some(Seen { peer, message, times: head.times });
    }
    // Another program's line in a shared file: what it holds is not looked at as this service's own.
    if own.is_none() && head.is_some_and(|h| h.with_pid) {
        return None;
    }
    let timed = if headers & before::TIME != 0 { timed() } else { None };
    let of_time = timed.and_then(|m| laid_out(form, trim(m)));
    let (peer, message) = match of_time {
        Some(found) => found,
        None if headers & before::RAW != 0 => laid_out(form, trim(line))?,
        None => return None,
    };
    Some(Seen { peer, message, times: 1 })
}

/// A message of a service that writes its own time too: without it.
fn without_time(headers: u8, message: &[u8]) -> &[u8] {
    let timed = if headers & before::TIME != 0 { stamp(message) } else { None };
    timed.map_or(message, |(_, rest)| rest)
}

/// The syslog header of a line, for filters that know these headers and for those that do not: it tells that the line is
/// another's. With `JOURNAL` among them it has no time.
#[inline]
pub fn head(headers: u8, line: &[u8]) -> Option<Head<'_>> {
    if headers & before::JOURNAL != 0 { header::journal(line) } else { header::syslog(line) }
}

/// What stands behind the time of a line.
pub fn timed(line: &[u8]) -> Option<&[u8]> {
    stamp(line).map(|(_, rest)| rest)
}

/// The peer, if this form names him, and the message; `None` where the form's own parts are not there.
#[inline]
pub fn laid_out(form: Form, message: &[u8]) -> Option<(Addr, &[u8])> {
    match form {
        Form::Text | Form::Logfmt | Form::Fields => Some((Addr::default(), message)),
        Form::Json => message.starts_with(b"{").then_some((Addr::default(), message)),
        Form::Access => access(message),
        Form::Apache => apache(message),
        Form::Nginx => Some((Addr::default(), nginx(message)?)),
    }
}

/// `ADDR IDENT USER [TIME] "REQUEST" ...`, or with `VHOST:PORT` before it: the peer, and what begins at the
/// quote of the request. A server that escapes quotes in a user's name keeps him from hiding by one.
pub fn access(line: &[u8]) -> Option<(Addr, &[u8])> {
    let (first, rest) = word(line)?;
    let (peer, rest) = match addr(first) {
        Some((peer, [])) => (peer, rest),
        _ if is_vhost(first) => {
            let (second, rest) = word(rest)?;
            let (peer, []) = addr(second)? else { return None };
            (peer, rest)
        }
        _ => return None,
    };
    // A user's name may be empty, which Apache writes `""`; none holds a bare quote.
    let behind_time = rest.windows(3).position(|w| w == b"] \"").and_then(|at| at.checked_add(2));
    let at = behind_time.or_else(|| rest.windows(2).position(|w| w == b" \"")?.checked_add(1))?;
    Some((peer, rest.get(at..)?))
}

/// `example.com:443`: a name the server chose and its port.
fn is_vhost(word: &[u8]) -> bool {
    let colon = word.iter().rposition(|b| *b == b':');
    colon.and_then(|at| number(word.get(at.checked_add(1)?..)?)).is_some_and(<[u8]>::is_empty)
}

/// `[MODULE:LEVEL] [pid N:tid N] (N)REASON: [client ADDR:PORT] MESSAGE`: the parts in brackets, up to the client's. Since
/// 2.4 the level has its module and the address its port, that of IPv6 too, and without brackets; before, neither.
pub fn apache(line: &[u8]) -> Option<(Addr, &[u8])> {
    let (mut rest, mut has_port) = (line, false);
    for _ in 0..4 {
        rest = reason(rest);
        let inner = rest.strip_prefix(b"[")?;
        for who in [&b"client "[..], b"remote "] {
            if let Some(peer) = inner.strip_prefix(who) {
                let with_port = addr_port_bare(peer).filter(|(a, _)| has_port || a.is_v4());
                let (peer, rest) =
                    with_port.or_else(|| addr(peer).filter(|(a, _)| !has_port || a.is_v4()))?;
                return Some((peer, rest.strip_prefix(b"] ")?));
            }
        }
        let at = inner.iter().zip(0..64).find(|(b, _)| **b == b']')?.1;
        has_port |= inner.get(..at)?.contains(&b':');
        rest = inner.get(at..)?.strip_prefix(b"] ")?;
    }
    None
}

/// What stands behind `(13)Permission denied: `, the kernel's reason.
fn reason(text: &[u8]) -> &[u8] {
    let behind = text.strip_prefix(b"(").and_then(number).filter(|r| r.starts_with(b")"));
    let at = behind.and_then(|r| r.iter().zip(0..64).find(|(b, _)| **b == b'[')).map(|(_, at)| at);
    behind.zip(at).and_then(|(r, at): (&[u8], usize)| r.get(at..)).unwrap_or(text)
}

/// `2012/04/09 11:53:29 [error] 2865#0: *66647 MESSAGE`: the message. journald's forwarders put a second
/// syslog tag before the time.
pub fn nginx(line: &[u8]) -> Option<&[u8]> {
    let (_, rest) = stamp(line).or_else(|| stamp(header::journal(line)?.message))?;
    let (level, rest) = word(rest)?;
    if !level.starts_with(b"[") || !level.ends_with(b"]") {
        return None;
    }
    let (process, rest) = word(rest)?;
    let [] = number(number(process)?.strip_prefix(b"#")?)?.strip_prefix(b":")? else { return None };
    let connection = rest.strip_prefix(b"*").and_then(number).and_then(|r| r.strip_prefix(b" "));
    Some(connection.unwrap_or(rest))
}
