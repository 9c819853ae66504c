//! Files, directories, inotify, locks. Paths are given without the closing NUL; at most 255 bytes.
use super::arch::{nr, syscall1, syscall2, syscall3, syscall4, syscall5};
use super::errno::{Errno, done, value};
use super::fd::Fd;

/// A path as the kernel takes it: at most 255 bytes and a NUL. EINVAL when longer or holding a NUL.
struct CPath([u8; 256]);

impl CPath {
    fn new(path: &[u8]) -> Result<Self, Errno> {
        let mut bytes = [0u8; 256];
        if path.len() > 255 || path.contains(&0) {
            return Err(Errno::EINVAL);
        }
        for (slot, b) in bytes.iter_mut().zip(path) {
            *slot = *b;
        }
        Ok(Self(bytes))
    }

    fn arg(&self) -> usize {
        self.0.as_ptr() as usize
    }
}

/// Flags of `open` (asm-generic/fcntl.h, 6.18).
#[expect(missing_docs, reason = "each is the kernel's own name: see open(2)")]
pub mod flags {
    pub const O_WRONLY: u64 = 1;
    pub const O_RDWR: u64 = 2;
    pub const O_CREAT: u64 = 0o100;
    pub const O_EXCL: u64 = 0o200;
    pub const O_NOCTTY: u64 = 0o400;
    pub const O_NONBLOCK: u64 = 0o4000;
    #[cfg(target_arch = "x86_64")]
    pub const O_DIRECTORY: u64 = 0o200_000;
    #[cfg(target_arch = "x86_64")]
    pub const O_NOFOLLOW: u64 = 0o400_000;
    #[cfg(target_arch = "aarch64")]
    pub const O_DIRECTORY: u64 = 0o40_000;
    #[cfg(target_arch = "aarch64")]
    pub const O_NOFOLLOW: u64 = 0o100_000;
    pub const O_CLOEXEC: u64 = 0o2_000_000;
    pub const O_PATH: u64 = 0o10_000_000;
    pub const RESOLVE_NO_MAGICLINKS: u64 = 2;
    pub const RESOLVE_NO_SYMLINKS: u64 = 4;
    pub const RESOLVE_BENEATH: u64 = 8;
}

/// Where a path starts.
#[derive(Clone, Copy, Debug)]
pub enum At<'a> {
    /// The process's current directory (or the root, for an absolute path).
    Cwd,
    /// This directory.
    Dir(&'a Fd),
}

impl At<'_> {
    pub(super) fn arg(self) -> usize {
        match self {
            Self::Cwd => -100isize as usize,
            Self::Dir(fd) => fd.arg(),
        }
    }
}

/// openat2(2): opens `path` with these open and resolve flags; `O_CLOEXEC` is always added.
pub fn open(at: At<'_>, path: &[u8], open_flags: u64, mode: u32, resolve: u64) -> Result<Fd, Errno> {
    let path = CPath::new(path)?;
    let how = [open_flags | flags::O_CLOEXEC, mode.into(), resolve];
    // SAFETY: the kernel only reads the path and struct open_how, three 64-bit words.
    Fd::new(unsafe { syscall4::<{ nr::OPENAT2 }>(at.arg(), path.arg(), how.as_ptr() as usize, 24) })
}

/// What statx(2) says of a file (struct statx, linux/stat.h, 6.18).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stat {
    /// Type and permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Hard links.
    pub links: u32,
    /// Device, major in the upper half.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Birth time in nanoseconds; 0 where the file system keeps none.
    pub btime_ns: u64,
    /// Length in bytes.
    pub size: u64,
}

impl Stat {
    /// Whether this is a regular file.
    pub fn is_regular(&self) -> bool {
        self.mode & 0o170_000 == 0o100_000
    }

    /// Whether this is a directory.
    pub fn is_directory(&self) -> bool {
        self.mode & 0o170_000 == 0o040_000
    }

    /// Whether this is a symbolic link.
    pub fn is_link(&self) -> bool {
        self.mode & 0o170_000 == 0o120_000
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Statx {
    mask: u32,
    blksize: u32,
    attributes: u64,
    nlink: u32,
    uid: u32,
    gid: u32,
    mode: u16,
    pad: u16,
    ino: u64,
    size: u64,
    blocks: u64,
    attributes_mask: u64,
    atime: [u64; 2],
    btime: [u64; 2],
    ctime: [u64; 2],
    mtime: [u64; 2],
    rdev: [u32; 2],
    dev: [u32; 2],
    rest: [u64; 14],
}
const _: () = assert!(size_of::<Statx>() == 256);

/// statx(2) of an open file.
pub fn stat(fd: &Fd) -> Result<Stat, Errno> {
    const AT_EMPTY_PATH: usize = 0x1000;
    const STATX_BASIC_AND_BTIME: usize = 0xfff;
    let mut buf = core::mem::MaybeUninit::<Statx>::zeroed();
    let (path, at) = (c"".as_ptr() as usize, buf.as_mut_ptr() as usize);
    // SAFETY: the kernel reads an empty path and writes one struct statx, 256 bytes, into `buf`.
    done(unsafe { syscall5::<{ nr::STATX }>(fd.arg(), path, AT_EMPTY_PATH, STATX_BASIC_AND_BTIME, at) })?;
    // SAFETY: all of `buf` was initialised (zeroed, then written), and any bytes are a valid `Statx`.
    let s = unsafe { buf.assume_init() };
    let [btime_s, btime_ns] = s.btime;
    let [major, minor] = s.dev;
    let btime = btime_s.wrapping_mul(1_000_000_000).wrapping_add(btime_ns & 0xffff_ffff);
    let dev = u64::from(major) << 32 | u64::from(minor);
    Ok(Stat {
        mode: s.mode.into(),
        uid: s.uid,
        links: s.nlink,
        dev,
        ino: s.ino,
        btime_ns: btime,
        size: s.size,
    })
}

/// The type of the file system that holds this file (statfs(2), linux/magic.h).
pub fn filesystem(fd: &Fd) -> Result<u64, Errno> {
    let mut buf = [0u64; 15];
    // SAFETY: the kernel writes one struct statfs, 120 bytes, into `buf`.
    done(unsafe { syscall2::<{ nr::FSTATFS }>(fd.arg(), buf.as_mut_ptr() as usize) })?;
    Ok(core::hint::black_box(buf).first().copied().unwrap_or(0))
}

/// readlinkat(2): the target of a link; how many bytes of `buf` it fills.
pub fn readlink(at: At<'_>, path: &[u8], buf: &mut [u8]) -> Result<usize, Errno> {
    let path = CPath::new(path)?;
    let (to, len) = (buf.as_mut_ptr() as usize, buf.len());
    // SAFETY: the kernel reads the path and writes at most `len` bytes into `buf`.
    let got = value(unsafe { syscall4::<{ nr::READLINKAT }>(at.arg(), path.arg(), to, len) })?;
    Ok(got.min(len))
}

/// getdents64(2): the next entries of an open directory; how many bytes of `buf` they fill, 0 at the end.
pub fn entries(directory: &Fd, buf: &mut [u8]) -> Result<usize, Errno> {
    let (to, len) = (buf.as_mut_ptr() as usize, buf.len());
    // SAFETY: the kernel writes at most `len` bytes into `buf`.
    let got = value(unsafe { syscall3::<{ nr::GETDENTS64 }>(directory.arg(), to, len) })?;
    Ok(got.min(len))
}

/// Splits the first of what `entries` wrote off (struct linux_dirent64, linux/dirent.h, 6.18): its name, and what stands
/// behind it; `None` at the end.
pub fn entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let ([_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, a, b, _], _) = bytes.split_first_chunk::<19>()?;
    let (entry, behind) = bytes.split_at_checked(u16::from_ne_bytes([*a, *b]).into())?;
    let name = entry.get(19..)?.split(|b| *b == 0).next()?;
    Some((name, behind))
}

/// mkdirat(2).
pub fn mkdir(path: &[u8], mode: u32) -> Result<(), Errno> {
    let path = CPath::new(path)?;
    // SAFETY: the kernel only reads the path.
    done(unsafe { syscall3::<{ nr::MKDIRAT }>(At::Cwd.arg(), path.arg(), mode as usize) })
}

/// unlinkat(2) of a file.
pub fn unlink(path: &[u8]) -> Result<(), Errno> {
    let path = CPath::new(path)?;
    // SAFETY: the kernel only reads the path.
    done(unsafe { syscall3::<{ nr::UNLINKAT }>(At::Cwd.arg(), path.arg(), 0) })
}

/// Gives a file, not what a link at its end points to, to this group (fchownat(2)).
pub fn set_group(path: &[u8], gid: u32) -> Result<(), Errno> {
    const AT_SYMLINK_NOFOLLOW: usize = 0x100;
    let path = CPath::new(path)?;
    let (at, to) = (At::Cwd.arg(), path.arg());
    // SAFETY: the kernel only reads the path; uid -1 means unchanged.
    done(unsafe {
        syscall5::<{ nr::FCHOWNAT }>(at, to, u32::MAX as usize, gid as usize, AT_SYMLINK_NOFOLLOW)
    })
}

/// Permission bits that files made from now on do not get (umask(2)).
pub fn umask(bits: u32) {
    // SAFETY: takes no memory, cannot fail.
    let _ = unsafe { syscall1::<{ nr::UMASK }>(bits as usize) };
}

/// Takes the one exclusive lock on an open file, or answers EAGAIN (flock(2)); it is held until every descriptor
/// of this open file is closed.
pub fn lock(fd: &Fd) -> Result<(), Errno> {
    const LOCK_EX_NB: usize = 2 | 4;
    // SAFETY: takes no memory.
    done(unsafe { syscall2::<{ nr::FLOCK }>(fd.arg(), LOCK_EX_NB) })
}

/// ftruncate(2).
pub fn truncate(fd: &Fd, len: u64) -> Result<(), Errno> {
    // SAFETY: takes no memory.
    done(unsafe { syscall2::<{ nr::FTRUNCATE }>(fd.arg(), len as usize) })
}

/// fdatasync(2): returns when the file's bytes are on the disk.
pub fn sync(fd: &Fd) -> Result<(), Errno> {
    // SAFETY: takes no memory.
    done(unsafe { syscall1::<{ nr::FDATASYNC }>(fd.arg()) })
}

/// Events of inotify(7) (linux/inotify.h, 6.18).
#[expect(missing_docs, reason = "each is the kernel's own name: see inotify(7)")]
pub mod inotify {
    pub const IN_MODIFY: u32 = 0x2;
    pub const IN_ATTRIB: u32 = 0x4;
    pub const IN_MOVED_FROM: u32 = 0x40;
    pub const IN_MOVED_TO: u32 = 0x80;
    pub const IN_CREATE: u32 = 0x100;
    pub const IN_DELETE: u32 = 0x200;
    pub const IN_DELETE_SELF: u32 = 0x400;
    pub const IN_MOVE_SELF: u32 = 0x800;
    pub const IN_Q_OVERFLOW: u32 = 0x4000;
    pub const IN_IGNORED: u32 = 0x8000;
    pub const IN_ONLYDIR: u32 = 0x100_0000;
    pub const IN_MASK_ADD: u32 = 0x2000_0000;
}

/// A new inotify instance, non-blocking.
pub fn inotify_init() -> Result<Fd, Errno> {
    const IN_NONBLOCK_CLOEXEC: usize = 0o2_004_000;
    // SAFETY: takes no memory.
    Fd::new(unsafe { syscall1::<{ nr::INOTIFY_INIT1 }>(IN_NONBLOCK_CLOEXEC) })
}

/// inotify_add_watch(2): the watch descriptor.
pub fn inotify_add_watch(instance: &Fd, path: &[u8], mask: u32) -> Result<u32, Errno> {
    let path = CPath::new(path)?;
    // SAFETY: the kernel only reads the path.
    let wd = unsafe { syscall3::<{ nr::INOTIFY_ADD_WATCH }>(instance.arg(), path.arg(), mask as usize) };
    value(wd).map(|wd| wd as u32)
}

/// inotify_rm_watch(2).
pub fn inotify_rm_watch(instance: &Fd, wd: u32) -> Result<(), Errno> {
    // SAFETY: takes no memory.
    done(unsafe { syscall2::<{ nr::INOTIFY_RM_WATCH }>(instance.arg(), wd as usize) })
}
