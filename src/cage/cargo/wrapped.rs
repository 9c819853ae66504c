//! A build script with this program before it, in one file.
//!
//! Runs in: bailiff-cage. In: the program that rustc made of a build script; later this program's own file. Out: the two in one
//! file, by the script's name; the script alone again. Never: follows a link that was left in their place.
use alloc::string::String;

use bailiff::shims::cage::{disk, tree};
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::{At, flags, stat};
use bailiff::shims::io::pread;

use crate::root::c;
use crate::stage::copy;
use crate::step::paths::{last, open, parent, pour, refused};

/// What a wrapped build script ends in, behind the length of the script.
const MARK: &[u8; 16] = b"bailiff-cage/1\n\n";

/// Puts this program before a build script's, in one file.
pub(super) fn wrap(path: &[u8]) -> Result<(), String> {
    let wrong = |e| refused(path, "the build script cannot be wrapped", e);
    let fresh = [path, b".bailiff-new"].concat();
    let done = || {
        // What made it ran in a cage, and may have left a link or a pipe instead.
        let script = open(At::Cwd, path, flags::O_NOFOLLOW | flags::O_NONBLOCK | flags::O_NOCTTY, 0, 0)?;
        if !stat(&script)?.is_regular() {
            return Err(Errno::EINVAL);
        }
        let own = open(At::Cwd, b"/proc/self/exe", 0, 0, 0)?;
        let to = create(&fresh)?;
        copy(&own, Some(&to), u64::MAX)?;
        let (_, size) = copy(&script, Some(&to), u64::MAX)?;
        pour(&to, &size.to_le_bytes())?;
        pour(&to, MARK)?;
        let directory = directory_of(path)?;
        disk::rename((&directory, &c(last(&fresh))?), (&directory, &c(last(path))?))
    };
    done().map_err(wrong)
}

/// Takes the script out of this program's own file.
pub(super) fn unwrap(to: &[u8]) -> Result<(), String> {
    let done = || {
        let own = open(At::Cwd, b"/proc/self/exe", 0, 0, 0)?;
        let end = stat(&own)?.size;
        let mut tail = [0u8; 24];
        let at = end.checked_sub(24).ok_or(Errno::EINVAL)?;
        pread(&own, &mut tail, at)?;
        let (size, mark) = tail.split_first_chunk::<8>().ok_or(Errno::EINVAL)?;
        let from = at.checked_sub(u64::from_le_bytes(*size)).filter(|_| mark == MARK).ok_or(Errno::EINVAL)?;
        let (file, mut buf, mut at) = (create(to)?, alloc::vec![0u8; 1 << 16], from);
        let end = end.saturating_sub(24);
        while at < end {
            let most = usize::try_from(end.saturating_sub(at)).unwrap_or(buf.len()).min(buf.len());
            let got = pread(&own, buf.get_mut(..most).unwrap_or_default(), at)?;
            if got == 0 {
                return Err(Errno::EIO);
            }
            pour(&file, buf.get(..got).unwrap_or_default())?;
            at = at.saturating_add(got as u64);
        }
        Ok(())
    };
    done().map_err(|e| refused(to, "the build script cannot be taken out", e))
}

/// A file that was not there before.
pub(super) fn create(path: &[u8]) -> Result<Fd, Errno> {
    let _ = disk::unlink(At::Cwd, &c(path)?, false);
    let how = flags::O_RDWR | flags::O_CREAT | flags::O_EXCL | flags::O_NOFOLLOW;
    tree::open(At::Cwd, &c(path)?, how, 0o755, 0)
}

fn directory_of(path: &[u8]) -> Result<Fd, Errno> {
    open(At::Cwd, parent(path), flags::O_DIRECTORY, 0, 0)
}
