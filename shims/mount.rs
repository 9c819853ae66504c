//! An empty root: mount namespaces, tmpfs, pivot_root.
use super::arch::{nr, syscall1, syscall2, syscall5};
use super::errno::{Errno, done};

/// Leaves these namespaces for new ones (unshare(2)).
pub fn unshare(namespaces: u32) -> Result<(), Errno> {
    // SAFETY: takes no memory; namespaces only, nothing of this process's memory or descriptors changes.
    done(unsafe { syscall1::<{ nr::UNSHARE }>(namespaces as usize) })
}

const MS_RDONLY: usize = 1;
const MS_NOSUID: usize = 2;
const MS_NODEV: usize = 4;
const MS_NOEXEC: usize = 8;
const MS_REMOUNT: usize = 32;
const MS_BIND: usize = 4096;
const MS_REC: usize = 0x4000;
const MS_PRIVATE: usize = 1 << 18;

fn mount(source: &core::ffi::CStr, target: &core::ffi::CStr, flags: usize) -> Result<(), Errno> {
    let (from, to, kind) = (source.as_ptr() as usize, target.as_ptr() as usize, c"tmpfs".as_ptr() as usize);
    let options = c"size=4k,nr_inodes=2,mode=0555".as_ptr() as usize;
    // SAFETY: the kernel only reads four NUL-ended texts.
    done(unsafe { syscall5::<{ nr::MOUNT }>(from, to, kind, flags, options) })
}

fn chdir(path: &core::ffi::CStr) -> Result<(), Errno> {
    // SAFETY: the kernel only reads the path.
    done(unsafe { syscall1::<{ nr::CHDIR }>(path.as_ptr() as usize) })
}

/// In a mount namespace of its own: makes the root an empty, read-only tmpfs without programs, devices or set-uid,
/// and lets go of everything that was mounted before. `/proc` serves as the place to mount on: it is there on
/// every system, and what it held is let go with the rest.
pub fn empty_root() -> Result<(), Errno> {
    const MNT_DETACH: usize = 2;
    let bare = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    mount(c"none", c"/", MS_REC | MS_PRIVATE)?;
    mount(c"none", c"/proc", bare)?;
    chdir(c"/proc")?;
    let here = c".".as_ptr() as usize;
    // SAFETY: the kernel only reads the two paths. The old root is stacked on the new one (pivot_root(2), NOTES).
    done(unsafe { syscall2::<{ nr::PIVOT_ROOT }>(here, here) })?;
    // SAFETY: the kernel only reads the path.
    done(unsafe { syscall2::<{ nr::UMOUNT2 }>(here, MNT_DETACH) })?;
    chdir(c"/")?;
    mount(c"none", c"/", MS_REMOUNT | MS_BIND | MS_RDONLY | bare)
}
