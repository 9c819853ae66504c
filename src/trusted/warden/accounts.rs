//! Accounts: the uid and gid of a name in /etc/passwd and /etc/group, and whether this user namespace maps an id.
//!
//! Runs in: the warden, at start and reload. In: files that root alone writes. Out: numbers. Never: asks a name service.
use bailiff::shared::pure::bytes::decimal;
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::{At, open};
use bailiff::shims::io::read;

/// A line of at most this many bytes is looked at whole; a longer one is passed over.
const ROOM: usize = 4096;

/// Calls `found` with each line of a file until it answers.
fn lines<T>(path: &[u8], mut found: impl FnMut(&[u8]) -> Option<T>) -> Result<Option<T>, Errno> {
    let fd = open(At::Cwd, path, 0, 0, 0)?;
    let mut buf = [0u8; ROOM];
    let mut used = 0;
    let mut skip = false;
    loop {
        let got = fill(&fd, &mut buf, used)?;
        let filled = used.saturating_add(got);
        let text = buf.get(..filled).unwrap_or(&[]);
        let mut start = 0;
        while let Some(rest) = text.get(start..) {
            let Some(end) = rest.iter().position(|b| *b == b'\n') else { break };
            let hit = rest.get(..end).filter(|_| !skip).and_then(&mut found);
            if hit.is_some() {
                return Ok(hit);
            }
            skip = false;
            start = start.saturating_add(end).saturating_add(1);
        }
        if got == 0 {
            return Ok(None);
        }
        skip |= start == 0 && filled == ROOM;
        let start = if skip { filled } else { start };
        buf.copy_within(start.min(filled)..filled, 0);
        used = filled.saturating_sub(start);
    }
}

fn fill(fd: &Fd, buf: &mut [u8; ROOM], used: usize) -> Result<usize, Errno> {
    buf.get_mut(used..).map_or(Ok(0), |room| read(fd, room))
}

/// Field `index` of a colon-separated line whose first field is `name`.
fn field(line: &[u8], name: &[u8], index: usize) -> Option<u32> {
    let mut fields = line.split(|b| *b == b':');
    if fields.next()? != name {
        return None;
    }
    decimal(fields.nth(index.checked_sub(1)?)?)?.try_into().ok()
}

/// uid and gid of an account (passwd(5)).
pub(crate) fn user(name: &str) -> Result<Option<(u32, u32)>, Errno> {
    lines(b"/etc/passwd", |line| Some((field(line, name.as_bytes(), 2)?, field(line, name.as_bytes(), 3)?)))
}

/// gid of a group (group(5)).
pub(crate) fn group(name: &[u8]) -> Result<Option<u32>, Errno> {
    lines(b"/etc/group", |line| field(line, name, 2))
}

/// Whether this user namespace maps that uid (user_namespaces(7), uid_map). In the initial one all are mapped.
pub(crate) fn is_mapped(uid: u32) -> Result<bool, Errno> {
    let hit = lines(b"/proc/self/uid_map", |line| {
        let mut numbers = line.split(|b| *b == b' ').filter(|f| !f.is_empty()).map(decimal);
        let (first, _, count) = (numbers.next()??, numbers.next()??, numbers.next()??);
        u64::from(uid).checked_sub(first).is_some_and(|at| at < count).then_some(())
    });
    hit.map(|found| found.is_some())
}
