//! Headers of log lines: what the system's logger wrote before the service's own message.
//!
//! Runs in: the watcher, the client's `test`, the filter compiler. In: one line without its newline, any
//! bytes, hostile. Out: program, message, how often the line stands for. Never: reads beyond 128 bytes of one
//! header word.

use super::bytes::{decimal, first_of, leading_digits, position};
use super::stamp::{digits, fraction, stamp};

/// Longest word of a header in bytes (RFC 5424 allows 255 for a host; no host or program on Linux needs
/// more).
const WORD_MAX: usize = 128;

/// Most occurrences that one `message repeated N times` line may stand for. sshd allows some ten attempts a
/// connection and rsyslog compresses equal lines only, so a larger number is no attempt count.
const TIMES_MAX: u64 = 1000;

/// A line whose header was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head<'a> {
    /// The program's name as the logger wrote it, without path and process id.
    pub program: &'a [u8],
    /// The service's message, without blanks at its end.
    pub message: &'a [u8],
    /// How many equal messages this line stands for: 1 to 1000.
    pub times: u16,
    /// Whether blanks stood at its end.
    pub padded: bool,
    /// Whether the program's process id stood there: no file of a service's own looks so.
    pub with_pid: bool,
}

/// Reads the syslog header: RFC 3164 (with or without `<pri>`, host, process id), the same with an RFC 3339
/// time, or RFC 5424. `None` where the line has no such header.
#[inline]
pub fn syslog(line: &[u8]) -> Option<Head<'_>> {
    let Some((program, message)) = usual(line) else { return unusual(line) };
    Some(message_of(program, solaris(message), true))
}

/// Program and message behind the header that most lines have: `Nov 21 19:55:39 host sshd[123]: `. `None`: it is another
/// one, or has a part that is longer than usual.
#[inline]
fn usual(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (stamp, rest) = line.split_first_chunk::<16>()?;
    // All but the first byte and the sixth, a capital and a digit, at one look.
    let fixed =
        u128::from_le_bytes(*stamp) & u128::from_le_bytes(*b"\0\0\0\xff\0\0\xff\0\0\xff\0\0\xff\0\0\xff");
    let [b'A'..=b'Z', _, _, _, _, b'0'..=b'9', ..] = stamp else { return None };
    if fixed != u128::from_le_bytes(*b"\0\0\0 \0\0 \0\0:\0\0:\0\0 ") {
        return None;
    }
    let (host, behind) = rest.split_at_checked(first_of(rest.first_chunk()?, b' ', b' ')?)?;
    // What may be a tag itself, or a word before the host, is left to those who know both.
    if matches!(host.first(), Some(b'[' | b'<')) || host.last() == Some(&b':') {
        return None;
    }
    let tag = behind.get(1..)?;
    let (program, behind) = tag.split_at_checked(first_of(tag.first_chunk()?, b'[', b' ')?)?;
    let pid = behind.strip_prefix(b"[")?;
    let digits = leading_digits(pid.first_chunk()?);
    let message = pid.get(digits..)?.strip_prefix(b"]: ")?;
    (digits > 0 && !program.is_empty()).then_some((program, message))
}

/// [`syslog`] for any header.
#[inline(never)]
fn unusual(line: &[u8]) -> Option<Head<'_>> {
    let bare = pri(line);
    let (program, message, with_pid) = match bare.strip_prefix(b"1 ") {
        Some(rest) => rfc5424(rest)?,
        None => {
            let rest = time(bare)?;
            let rest = if rest.first() == Some(&b'<') { word(rest)?.1 } else { rest };
            tagged(rest)?
        }
    };
    Some(message_of(program, solaris(message), with_pid))
}

/// The line's message: rsyslog's and sysklogd's `message repeated N times: [ ... ]` is unwrapped and counted.
#[inline]
fn message_of<'a>(program: &'a [u8], message: &'a [u8], with_pid: bool) -> Head<'a> {
    let (padded, message) = (message.ends_with(b" "), trim(message));
    let repeated = if message.starts_with(b"message ") { repeated(message) } else { None };
    match repeated {
        Some((times, inner)) => Head { program, message: trim(inner), times, padded, with_pid },
        None => Head { program, message, times: 1, padded, with_pid },
    }
}

fn repeated(message: &[u8]) -> Option<(u16, &[u8])> {
    let (count, rest) = word(message.strip_prefix(b"message repeated ")?)?;
    let times = decimal(count)?.clamp(1, TIMES_MAX).try_into().ok()?;
    Some((times, rest.strip_prefix(b"times: [ ")?.strip_suffix(b"]")?))
}

/// Without blanks at the end.
pub fn trim(mut text: &[u8]) -> &[u8] {
    while let Some(shorter) = text.strip_suffix(b" ") {
        text = shorter;
    }
    text
}

/// A journal's entry as `journalctl` shows it, without its time: `host sshd[123]: message`, or without host.
pub fn journal(line: &[u8]) -> Option<Head<'_>> {
    let (program, message, with_pid) = tagged(line)?;
    Some(message_of(program, message, with_pid))
}

/// One word and what stands behind its one space.
#[inline]
pub fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = position(text.get(..WORD_MAX).unwrap_or(text), b' ')?;
    let (word, rest) = text.split_at_checked(at)?;
    Some((word, rest.get(1..)?))
}

/// Without `<pri>`, if there is one.
fn pri(line: &[u8]) -> &[u8] {
    let Some(rest) = line.strip_prefix(b"<") else { return line };
    let closed = rest.iter().zip(0..4).find(|(b, _)| !b.is_ascii_digit());
    let behind = closed.and_then(|(_, at)| rest.get(at..)?.strip_prefix(b">"));
    behind.unwrap_or(line)
}

/// What stands behind the time, which RFC 3164 (`Nov 21 19:55:39 `, a one-digit day with one space or two, a fraction or
/// none) or RFC 3339 writes. Its shape is looked at, not its value: nothing is decided by the time of a line.
#[inline]
fn time(line: &[u8]) -> Option<&[u8]> {
    match line.split_first_chunk::<15>()? {
        ([b'A'..=b'Z', _, _, b' ', _, b'0'..=b'9', b' ', _, _, b':', _, _, b':', _, _], rest) => {
            fraction(rest).strip_prefix(b" ")
        }
        ([b'A'..=b'Z', _, _, b' ', b'0'..=b'9', b' ', _, _, b':', _, _, b':', _, _, b' '], rest) => {
            Some(rest)
        }
        _ => rfc3339(line).or_else(|| with_year(line)),
    }
}

/// `Oct 27 2015 09:24:46 `, as macOS writes it.
fn with_year(line: &[u8]) -> Option<&[u8]> {
    let (stamp, rest) = line.first()?.is_ascii_uppercase().then(|| stamp(line))??;
    (stamp.month > 0 && stamp.year > 0).then_some(rest)
}

/// What stands behind `2026-11-21T19:55:39`, a fraction or none, `Z`, `+01:00`, `+0100` or nothing, and a
/// space.
fn rfc3339(line: &[u8]) -> Option<&[u8]> {
    let (stamp, rest) = line.split_first_chunk::<19>()?;
    let [b'0'..=b'9', _, _, _, b'-', _, _, b'-', _, _, b'T' | b' ', _, _, b':', _, _, b':', _, b'0'..=b'9'] =
        stamp
    else {
        return None;
    };
    let (zone, rest) = word(rest)?;
    let zone = match zone {
        [b'.' | b',', fraction @ ..] => digits(fraction),
        _ => zone,
    };
    match zone {
        [] | [b'Z'] | [b'+' | b'-', _, _, b':', _, _] | [b'+' | b'-', _, _, _, _] => Some(rest),
        _ => None,
    }
}

/// The program, what stands behind its tag, which is the first word or the second (the host stands before it and
/// has no colon) or the third, and whether the process id stands in it.
#[inline]
fn tagged(text: &[u8]) -> Option<(&[u8], &[u8], bool)> {
    let (first, rest) = word(text)?;
    if let Some((program, with_pid)) = tag(first) {
        return Some((program, rest, with_pid));
    }
    let (second, rest) = word(rest)?;
    // BusyBox's syslogd writes the level behind the host: `authpriv.info`.
    let (last, rest) = if levelled(second) { word(rest)? } else { (second, rest) };
    let (program, with_pid) = tag(last)?;
    Some((program, rest, with_pid))
}

/// Whether a word is `FACILITY.LEVEL`.
fn levelled(word: &[u8]) -> bool {
    word.contains(&b'.') && word.iter().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.'))
}

/// The program of `sshd[123]:`, `sshd:` or metalog's `[sshd]`, and whether a process id stands there.
#[inline]
fn tag(word: &[u8]) -> Option<(&[u8], bool)> {
    if let Some(inner) = word.strip_prefix(b"[") {
        return Some((inner.strip_suffix(b"]")?, false));
    }
    let word = word.strip_suffix(b":")?;
    let Some(open) = word.strip_suffix(b"]") else { return Some((word, false)) };
    let (name, pid) = open.split_at_checked(position(open, b'[')?)?;
    Some((name, pid.iter().skip(1).all(u8::is_ascii_digit)))
}

/// `TIME HOST PROGRAM PID MSGID DATA MESSAGE`, behind the version.
fn rfc5424(line: &[u8]) -> Option<(&[u8], &[u8], bool)> {
    let (program, rest) = word(word(rfc3339(line)?)?.1)?;
    let rest = word(word(rest)?.1)?.1;
    let rest = match rest.strip_prefix(b"- ") {
        Some(rest) => rest,
        None => data(rest)?,
    };
    Some((program, rest.strip_prefix(b"\xef\xbb\xbf").unwrap_or(rest), true))
}

/// What stands behind structured data: `[id name="value"]...`, where `\` shields one byte of a value.
fn data(text: &[u8]) -> Option<&[u8]> {
    let (mut in_value, mut shielded, mut depth) = (false, false, false);
    let mut rest = text;
    while let Some((b, behind)) = rest.split_first() {
        match b {
            _ if shielded => shielded = false,
            b'\\' if in_value => shielded = true,
            b'"' => in_value = !in_value,
            _ if in_value => {}
            b'[' => depth = true,
            b']' => depth = false,
            b' ' if !depth => return Some(behind),
            _ => {}
        }
        rest = behind;
    }
    None
}

/// Without the `[ID 800047 auth.info] ` that Solaris puts before a message.
#[inline]
fn solaris(message: &[u8]) -> &[u8] {
    let Some(rest) = message.strip_prefix(b"[ID ") else { return message };
    let Some((digits, rest)) = word(rest) else { return message };
    let Some((level, rest)) = word(rest) else { return message };
    if decimal(digits).is_some() && level.ends_with(b"]") { rest } else { message }
}
