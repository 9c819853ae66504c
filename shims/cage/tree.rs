//! A root of one's own: mounts by descriptor (linux/mount.h, 6.18), places to mount on, names.
use crate::shims::arch::{nr, syscall1, syscall2, syscall3, syscall4, syscall5};
use crate::shims::errno::{Errno, done};
use crate::shims::fd::Fd;
use crate::shims::files::At;
use core::ffi::CStr;

/// MOUNT_ATTR_RDONLY, ..NOSUID, ..NODEV, ..NOEXEC.
pub const RDONLY: u64 = 1;
/// MOUNT_ATTR_NOSUID.
pub const NOSUID: u64 = 2;
/// MOUNT_ATTR_NODEV.
pub const NODEV: u64 = 4;
/// MOUNT_ATTR_NOEXEC.
pub const NOEXEC: u64 = 8;

const AT_EMPTY_PATH: usize = 0x1000;
const AT_RECURSIVE: usize = 0x8000;

/// A copy of what is mounted at this path and beneath it, attached nowhere (open_tree(2), OPEN_TREE_CLONE, AT_RECURSIVE).
pub fn copy_tree(path: &CStr) -> Result<Fd, Errno> {
    const OPEN_TREE_CLONE_CLOEXEC: usize = 0o2_000_001;
    let flags = OPEN_TREE_CLONE_CLOEXEC | AT_RECURSIVE;
    // SAFETY: the kernel only reads the path.
    Fd::new(unsafe { syscall3::<{ nr::OPEN_TREE }>(-100isize as usize, path.as_ptr() as usize, flags) })
}

/// Sets these attributes on a tree and all that is mounted in it (mount_setattr(2), Linux 5.12).
pub fn set_attributes(tree: &Fd, set: u64) -> Result<(), Errno> {
    attributes(tree, set, AT_EMPTY_PATH | AT_RECURSIVE)
}

/// Sets these attributes on one mount, not on those within.
pub fn set_own_attributes(tree: &Fd, set: u64) -> Result<(), Errno> {
    attributes(tree, set, AT_EMPTY_PATH)
}

fn attributes(tree: &Fd, set: u64, flags: usize) -> Result<(), Errno> {
    // struct mount_attr: attr_set, attr_clr, propagation, userns_fd.
    let attr = [set, 0, 0, 0];
    let (path, at) = (c"".as_ptr() as usize, attr.as_ptr() as usize);
    // SAFETY: the kernel only reads an empty path and the 32 bytes of the struct.
    done(unsafe { syscall5::<{ nr::MOUNT_SETATTR }>(tree.arg(), path, flags, at, 32) })
}

/// Attaches a tree (move_mount(2)) on the file or directory that `place` means.
pub fn attach(tree: &Fd, place: &Fd) -> Result<(), Errno> {
    const MOVE_MOUNT_F_T_EMPTY_PATH: usize = 4 | 0x40;
    let empty = c"".as_ptr() as usize;
    // SAFETY: the kernel only reads the two empty paths.
    done(unsafe {
        syscall5::<{ nr::MOVE_MOUNT }>(tree.arg(), empty, place.arg(), empty, MOVE_MOUNT_F_T_EMPTY_PATH)
    })
}

/// A new file system of this kind with these options (fsopen(2), fsconfig(2), fsmount(2); Linux 5.2), attached nowhere.
pub fn make(kind: &CStr, options: &[(&CStr, &CStr)], attributes: u64) -> Result<Fd, Errno> {
    const FSCONFIG_SET_STRING: usize = 1;
    const FSCONFIG_CMD_CREATE: usize = 6;
    // SAFETY: the kernel only reads the name; 1 is FSOPEN_CLOEXEC.
    let context = Fd::new(unsafe { syscall2::<{ nr::FSOPEN }>(kind.as_ptr() as usize, 1) })?;
    for (key, value) in options {
        let (key, value) = (key.as_ptr() as usize, value.as_ptr() as usize);
        // SAFETY: the kernel only reads the two texts.
        done(unsafe { syscall5::<{ nr::FSCONFIG }>(context.arg(), FSCONFIG_SET_STRING, key, value, 0) })?;
    }
    // SAFETY: takes no memory.
    done(unsafe { syscall5::<{ nr::FSCONFIG }>(context.arg(), FSCONFIG_CMD_CREATE, 0, 0, 0) })?;
    // SAFETY: takes no memory; 1 is FSMOUNT_CLOEXEC.
    Fd::new(unsafe { syscall3::<{ nr::FSMOUNT }>(context.arg(), 1, attributes as usize) })
}

/// Makes all mounts of this namespace private: nothing that is mounted here is seen outside.
pub fn make_private() -> Result<(), Errno> {
    const MS_REC_PRIVATE: usize = 0x4_4000;
    let (none, root) = (c"none".as_ptr() as usize, c"/".as_ptr() as usize);
    // SAFETY: the kernel only reads the paths.
    done(unsafe { syscall5::<{ nr::MOUNT }>(none, root, none, MS_REC_PRIVATE, 0) })
}

/// Makes the current directory, where something is mounted, the root, and lets go of the old one (pivot_root(2), NOTES).
pub fn pivot_here() -> Result<(), Errno> {
    const MNT_DETACH: usize = 2;
    let here = c".".as_ptr() as usize;
    // SAFETY: the kernel only reads the two paths.
    done(unsafe { syscall2::<{ nr::PIVOT_ROOT }>(here, here) })?;
    // SAFETY: the kernel only reads the path.
    done(unsafe { syscall2::<{ nr::UMOUNT2 }>(here, MNT_DETACH) })
}

/// chdir(2).
pub fn change_directory(path: &CStr) -> Result<(), Errno> {
    // SAFETY: the kernel only reads the path.
    done(unsafe { syscall1::<{ nr::CHDIR }>(path.as_ptr() as usize) })
}

/// Makes a directory (mkdirat(2)).
pub fn make_directory(at: At<'_>, path: &CStr, mode: u32) -> Result<(), Errno> {
    // SAFETY: the kernel only reads the path.
    done(unsafe { syscall3::<{ nr::MKDIRAT }>(at.arg(), path.as_ptr() as usize, mode as usize) })
}

/// Makes an empty regular file (mknodat(2)).
pub fn make_file(at: At<'_>, path: &CStr, mode: u32) -> Result<(), Errno> {
    const S_IFREG: u32 = 0o100_000;
    let mode = (S_IFREG | mode) as usize;
    // SAFETY: the kernel only reads the path.
    done(unsafe { syscall4::<{ nr::MKNODAT }>(at.arg(), path.as_ptr() as usize, mode, 0) })
}

/// Makes a symbolic link at `path` (symlinkat(2)).
pub fn make_link(to: &CStr, at: At<'_>, path: &CStr) -> Result<(), Errno> {
    // SAFETY: the kernel only reads the two texts.
    done(unsafe { syscall3::<{ nr::SYMLINKAT }>(to.as_ptr() as usize, at.arg(), path.as_ptr() as usize) })
}

/// Gives this uts namespace a host name (sethostname(2)).
pub fn set_host_name(name: &[u8]) -> Result<(), Errno> {
    // SAFETY: the kernel only reads `len` bytes of the name.
    done(unsafe { syscall2::<{ nr::SETHOSTNAME }>(name.as_ptr() as usize, name.len()) })
}

/// Opens a path that may be as long as the kernel takes it (openat2(2)); O_CLOEXEC is always added.
pub fn open(at: At<'_>, path: &CStr, flags: u64, mode: u32, resolve: u64) -> Result<Fd, Errno> {
    let how = [flags | crate::shims::files::flags::O_CLOEXEC, mode.into(), resolve];
    let (path, how_at) = (path.as_ptr() as usize, how.as_ptr() as usize);
    // SAFETY: the kernel only reads the path and struct open_how, three 64-bit words.
    let ret = unsafe { syscall4::<{ nr::OPENAT2 }>(at.arg(), path, how_at, 24) };
    core::hint::black_box(&how);
    Fd::new(ret)
}

/// Enters the namespace of this file (setns(2)) if it is of this kind.
pub fn enter(namespace: &Fd, kind: u32) -> Result<(), Errno> {
    // SAFETY: takes no memory.
    done(unsafe { syscall2::<{ nr::SETNS }>(namespace.arg(), kind as usize) })
}
