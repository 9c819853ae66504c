//! Files of a build step: names, links, times, whatever the daemon itself has no need of. Paths may be of any length.
use crate::shims::arch::{nr, syscall2, syscall3, syscall4, syscall5};
use crate::shims::errno::{Errno, done, value};
use crate::shims::fd::Fd;
use crate::shims::files::At;
use core::ffi::CStr;

/// readlinkat(2): the target of a link; how many bytes of `buf` it fills.
pub fn readlink(at: At<'_>, path: &CStr, buf: &mut [u8]) -> Result<usize, Errno> {
    let (to, len) = (buf.as_mut_ptr() as usize, buf.len());
    // SAFETY: the kernel reads the path and writes at most `len` bytes into `buf`.
    let got = value(unsafe { syscall4::<{ nr::READLINKAT }>(at.arg(), path.as_ptr() as usize, to, len) })?;
    Ok(got.min(len))
}

/// unlinkat(2), of a directory or of anything else.
pub fn unlink(at: At<'_>, path: &CStr, directory: bool) -> Result<(), Errno> {
    const AT_REMOVEDIR: usize = 0x200;
    let flags = if directory { AT_REMOVEDIR } else { 0 };
    // SAFETY: the kernel only reads the path.
    done(unsafe { syscall3::<{ nr::UNLINKAT }>(at.arg(), path.as_ptr() as usize, flags) })
}

/// renameat2(2), from a name in one directory to a name in another: what is there is replaced.
pub fn rename((old, from): (&Fd, &CStr), (new, to): (&Fd, &CStr)) -> Result<(), Errno> {
    let (from, to) = (from.as_ptr() as usize, to.as_ptr() as usize);
    // SAFETY: the kernel only reads the two paths.
    done(unsafe { syscall5::<{ nr::RENAMEAT2 }>(old.arg(), from, new.arg(), to, 0) })
}

/// fchmodat(2): follows a link.
pub fn set_mode(at: At<'_>, path: &CStr, mode: u32) -> Result<(), Errno> {
    // SAFETY: the kernel only reads the path.
    done(unsafe { syscall3::<{ nr::FCHMODAT }>(at.arg(), path.as_ptr() as usize, mode as usize) })
}

/// Sets the times of access and change of a file, or of the link itself, to this second (utimensat(2)).
pub fn set_time(at: At<'_>, path: &CStr, time_s: u64) -> Result<(), Errno> {
    const AT_SYMLINK_NOFOLLOW: usize = 0x100;
    let times = [time_s, 0, time_s, 0];
    let (text, list) = (path.as_ptr() as usize, times.as_ptr() as usize);
    // SAFETY: the kernel only reads the path and two struct timespec, four 64-bit words.
    let ret = unsafe { syscall4::<{ nr::UTIMENSAT }>(at.arg(), text, list, AT_SYMLINK_NOFOLLOW) };
    core::hint::black_box(&times);
    done(ret)
}

/// The current directory, absolute (getcwd(2)): how many bytes of `buf` it fills.
pub fn current(buf: &mut [u8]) -> Result<usize, Errno> {
    let (to, len) = (buf.as_mut_ptr() as usize, buf.len());
    // SAFETY: the kernel writes at most `len` bytes into `buf`, a NUL last, which is counted.
    let got = value(unsafe { syscall2::<{ nr::GETCWD }>(to, len) })?;
    Ok(got.min(len).saturating_sub(1))
}

/// The mount of this file forbids writing (ST_RDONLY, linux/statfs.h, 6.18).
pub const READ_ONLY: u64 = 1;
/// The mount of this file forbids executing (ST_NOEXEC).
pub const NO_EXEC: u64 = 8;

/// A file system's type (linux/magic.h) and the flags of its mount (fstatfs(2)).
pub fn filesystem(fd: &Fd) -> Result<(u64, u64), Errno> {
    let mut buf = [0u64; 15];
    // SAFETY: the kernel writes one struct statfs, 120 bytes, into `buf`.
    done(unsafe { syscall2::<{ nr::FSTATFS }>(fd.arg(), buf.as_mut_ptr() as usize) })?;
    let [kind, _, _, _, _, _, _, _, _, _, flags, ..] = core::hint::black_box(buf);
    Ok((kind, flags))
}
