//! Files beside a log that may have been it while nobody looked: `auth.log.1`, `auth.log-20261121`.
//!
//! Runs in: the warden, when the daemon starts. In: names of directory entries: compared, neither kept nor logged. Out:
//! those that begin with the log's name and go on with digits and marks only, so no compressed file. Which of them was
//! read in part before, only the watcher knows: it lets the others go unread.
use super::walk::is_barred;
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::{At, entries, entry, flags, open};

/// Most that are told of one log.
const MOST: usize = 64;
/// Most readings of a directory, 16 KiB each, some 400 names: it may be an outsider's, and endless.
const READS: usize = 64;

/// Calls `each` with the names of such files.
pub(super) fn former(directory: &Fd, log: &[u8], each: &mut dyn FnMut(&[u8])) -> Result<(), Errno> {
    if is_barred(directory)? {
        return Ok(());
    }
    let directory = open(At::Dir(directory), b".", flags::O_DIRECTORY, 0, 0)?;
    let (mut left, mut buf) = (MOST, [0u8; 16384]);
    for _ in 0..READS {
        let len = entries(&directory, &mut buf)?;
        let mut rest = buf.get(..len).unwrap_or(&[]);
        while let Some((name, behind)) = entry(rest) {
            if is_rotated(name, log) {
                left = left.saturating_sub(1);
                each(name);
            }
            rest = behind;
        }
        if len == 0 || left == 0 {
            break;
        }
    }
    Ok(())
}

fn is_rotated(name: &[u8], log: &[u8]) -> bool {
    let is_mark = |b: &u8| b.is_ascii_digit() || b"._-T:".contains(b);
    name.strip_prefix(log).is_some_and(|rest| !rest.is_empty() && rest.iter().all(is_mark))
}
