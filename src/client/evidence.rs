//! The line that decided a ban, read again from its log.
//!
//! Runs in: the client, with its user's rights. In: a path of the configuration, an offset, the log's bytes,
//! hostile. Out: the line, if it still stands there and names the banned network. Never: reads what is no
//! regular file, shows a line that happens to stand there now.
use bailiff::shared::base::lines::LONGEST;
use bailiff::shared::pure::addr::{Addr, Prefix};
use bailiff::shared::pure::bytes::Text;
use bailiff::shims::files::{At, flags, open, stat};
use bailiff::shims::io::pread;

/// The byte before a line, the longest line that the watcher reads, and its end.
pub(crate) const ROOM: usize = LONGEST + 3;

/// The line, and what had to be put behind the path to find it.
pub(crate) struct Line<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) suffix: &'static str,
}

/// The line that starts at `offset` in the log or, if that was rotated since, in the file that logrotate
/// calls `.1`.
pub(crate) fn line<'a>(path: &[u8], offset: u64, net: &Prefix, buf: &'a mut [u8; ROOM]) -> Option<Line<'a>> {
    let (suffix, from, len) = ["", ".1"].into_iter().find_map(|suffix| {
        let mut name = [0; 256];
        let mut text = Text::new(&mut name);
        text.bytes(path).bytes(suffix.as_bytes());
        if text.is_full() {
            return None;
        }
        let (from, len) = read(text.finish(), offset, net, buf)?;
        Some((suffix, from, len))
    })?;
    Some(Line { text: buf.get(from..)?.get(..len)?, suffix })
}

/// Where in `buf` the line stands.
fn read(path: &[u8], offset: u64, net: &Prefix, buf: &mut [u8; ROOM]) -> Option<(usize, usize)> {
    let fd =
        open(At::Cwd, path, flags::O_NONBLOCK | flags::O_NOCTTY, 0, flags::RESOLVE_NO_MAGICLINKS).ok()?;
    if !stat(&fd).ok()?.is_regular() {
        return None;
    }
    let got = pread(&fd, buf, offset.saturating_sub(1)).ok()?;
    let bytes = buf.get(..got)?;
    let (from, rest) = if offset == 0 { (0, bytes) } else { (1, bytes.strip_prefix(b"\n")?) };
    let line = rest.split_at_checked(rest.iter().position(|b| *b == b'\n')?)?.0;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    names(line, net).then_some((from, line.len()))
}

/// Whether an address of the network stands in the line, alone or with a port behind it.
fn names(line: &[u8], net: &Prefix) -> bool {
    let holds = |text: &[u8]| Addr::parse(text).is_some_and(|addr| net.holds(&addr));
    line.split(|b| !matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' | b':' | b'.')).any(|word| {
        let colon = word.iter().rposition(|b| *b == b':').unwrap_or(word.len());
        let bare = word.strip_suffix(b".").or_else(|| word.strip_suffix(b":")).unwrap_or(word);
        holds(bare) || word.get(..colon).is_some_and(holds)
    })
}
