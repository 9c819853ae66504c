//! What the file of records needs: a lock that is waited for, and the mark that lets it only grow.
use crate::shims::arch::{nr, syscall2, syscall3};
use crate::shims::errno::{Errno, done};
use crate::shims::fd::Fd;

/// Waits for the one exclusive lock on an open file, and takes it (flock(2)).
pub fn lock(fd: &Fd) -> Result<(), Errno> {
    const LOCK_EX: usize = 2;
    // SAFETY: takes no memory.
    done(unsafe { syscall2::<{ nr::FLOCK }>(fd.arg(), LOCK_EX) })
}

/// Gives the lock back.
pub fn unlock(fd: &Fd) -> Result<(), Errno> {
    const LOCK_UN: usize = 8;
    // SAFETY: takes no memory.
    done(unsafe { syscall2::<{ nr::FLOCK }>(fd.arg(), LOCK_UN) })
}

/// Marks an open file so that it can only be appended to, not even by root until root lifts the mark (chattr +a;
/// FS_APPEND_FL, linux/fs.h, 6.18). Leaves a file that is marked as it is. EPERM without CAP_LINUX_IMMUTABLE; ENOTTY or
/// EOPNOTSUPP where the file system has no such mark.
pub fn append_only(fd: &Fd) -> Result<(), Errno> {
    const FS_IOC_GETFLAGS: usize = 0x8008_6601;
    const FS_IOC_SETFLAGS: usize = 0x4008_6602;
    const FS_APPEND_FL: u32 = 0x20;
    // The request's number says `long`, but the kernel takes an `int`; the rest stays zero.
    let mut flags = [0u32; 2];
    // SAFETY: the kernel writes an int, and at most a long, into `flags`.
    done(unsafe { syscall3::<{ nr::IOCTL }>(fd.arg(), FS_IOC_GETFLAGS, flags.as_mut_ptr() as usize) })?;
    let [old, _] = core::hint::black_box(flags);
    if old & FS_APPEND_FL != 0 {
        return Ok(());
    }
    let new = [old | FS_APPEND_FL, 0];
    // SAFETY: the kernel only reads an int, and at most a long, of `new`.
    let ret = unsafe { syscall3::<{ nr::IOCTL }>(fd.arg(), FS_IOC_SETFLAGS, new.as_ptr() as usize) };
    core::hint::black_box(&new);
    done(ret)
}
