//! Which files a call speaks of, and what it wants of them.
//!
//! Runs in: bailiff-cage, outside the cage. In: a call's name and registers. Out: where its paths lie in the caller's memory.
//! Never: reads that memory.
use alloc::vec::Vec;

use crate::calls::{Set, set};
use crate::step::paths::is_below;

/// Calls that are reported, though allowed, when files are watched. Those that work on descriptors alone are not: whoever has
/// one was seen to open it.
pub(crate) const WATCHED: Set = set(
    "open creat openat openat2 execve execveat stat lstat newfstatat statx access faccessat \
     faccessat2 readlink readlinkat statfs chdir getxattr lgetxattr listxattr llistxattr getxattrat listxattrat \
     file_getattr truncate chmod fchmodat fchmodat2 chown lchown fchownat utime utimes utimensat futimesat \
     mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat mknod mknodat \
     inotify_add_watch connect",
);

/// Calls that are reported, though allowed, in any case: a program that may not be executed where it lies is to be named.
pub(crate) const EXECUTES: Set = set("execve execveat");

/// AT_FDCWD: a path that starts at the caller's working directory.
const HERE: i32 = -100;

/// What is wanted of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wants {
    /// Whether it is there, and what it is.
    Look,
    Read,
    /// To change it, or what is known of it.
    Write,
    /// To open it for writing, and make it if it is not there.
    Create,
    /// To make it, or to open it for reading, and make it if it is not there.
    Entry,
    /// To take it away.
    Remove,
    /// To put another in its place, if it is there.
    Replace,
    /// To give it another name.
    Link,
    Execute,
}

/// A file that a call speaks of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Use {
    /// The directory where a relative path starts: the caller's descriptor.
    pub(crate) dir: i32,
    /// Where the path lies in the caller's memory.
    pub(crate) at: u64,
    pub(crate) wants: Wants,
    /// Whether a symbolic link at its end is followed.
    pub(crate) follow: bool,
}

/// The files that this call speaks of; of openat2 the flags stand where openat has them.
pub(crate) fn uses(name: &str, args: &[u64; 6]) -> Vec<Use> {
    const NOFOLLOW: u64 = 0x100; // AT_SYMLINK_NOFOLLOW
    const NOREPLACE: u64 = 1; // RENAME_NOREPLACE
    let [a, b, c, d, e, _] = *args;
    let dir = |arg: u64| arg as i32;
    let one = |dir, at, wants, follow| Vec::from([Use { dir, at, wants, follow }]);
    let followed = |flags: u64| flags & NOFOLLOW == 0;
    use Wants::{Entry, Execute, Link, Look, Remove, Replace, Write};
    match name {
        "open" => opens(HERE, a, b),
        "creat" => opens(HERE, a, 0o1101),
        "openat" | "openat2" => opens(dir(a), b, c),
        "execve" => one(HERE, a, Execute, true),
        "execveat" => one(dir(a), b, Execute, followed(e)),
        "stat" | "access" | "statfs" | "chdir" | "getxattr" | "listxattr" => one(HERE, a, Look, true),
        "lstat" | "readlink" | "lgetxattr" | "llistxattr" => one(HERE, a, Look, false),
        "inotify_add_watch" => one(HERE, b, Look, true),
        "newfstatat" | "faccessat2" => one(dir(a), b, Look, followed(d)),
        "statx" | "getxattrat" | "listxattrat" => one(dir(a), b, Look, followed(c)),
        "file_getattr" => one(dir(a), b, Look, followed(e)),
        "faccessat" => one(dir(a), b, Look, true),
        "readlinkat" => one(dir(a), b, Look, false),
        "truncate" | "chmod" | "chown" | "utime" | "utimes" => one(HERE, a, Write, true),
        "lchown" => one(HERE, a, Write, false),
        "fchmodat" | "futimesat" => one(dir(a), b, Write, true),
        "fchmodat2" | "utimensat" => one(dir(a), b, Write, followed(d)),
        "fchownat" => one(dir(a), b, Write, followed(e)),
        "mkdir" | "mknod" => one(HERE, a, Entry, false),
        "mkdirat" | "mknodat" => one(dir(a), b, Entry, false),
        "rmdir" | "unlink" => one(HERE, a, Remove, false),
        "unlinkat" => one(dir(a), b, Remove, false),
        "symlink" => one(HERE, b, Entry, false),
        "symlinkat" => one(dir(b), c, Entry, false),
        "rename" => two((HERE, a, Remove), (HERE, b, Replace)),
        "link" => two((HERE, a, Link), (HERE, b, Entry)),
        "renameat2" if e & NOREPLACE != 0 => two((dir(a), b, Remove), (dir(c), d, Entry)),
        "renameat" | "renameat2" => two((dir(a), b, Remove), (dir(c), d, Replace)),
        "linkat" => two((dir(a), b, Link), (dir(c), d, Entry)),
        _ => refused(name, args).map_or(Vec::new(), |(from, at)| one(from, at, Look, false)),
    }
}

/// The path of a call that no set allows, to be named when it is refused.
fn refused(name: &str, args: &[u64; 6]) -> Option<(i32, u64)> {
    let [a, b, _, d, ..] = *args;
    Some(match name {
        "chroot" | "pivot_root" | "umount2" | "swapon" | "swapoff" | "acct" | "uselib" | "setxattr"
        | "lsetxattr" | "removexattr" | "lremovexattr" => (HERE, a),
        "mount" | "quotactl" => (HERE, b),
        "open_tree" | "fspick" | "name_to_handle_at" | "mount_setattr" | "setxattrat" | "removexattrat"
        | "file_setattr" | "open_tree_attr" => (a as i32, b),
        "move_mount" => (args[2] as i32, d),
        _ => return None,
    })
}

fn two(first: (i32, u64, Wants), second: (i32, u64, Wants)) -> Vec<Use> {
    let one = |(dir, at, wants)| Use { dir, at, wants, follow: false };
    Vec::from([one(first), one(second)])
}

/// Flags of open (asm-generic/fcntl.h, 6.18).
fn opens(dir: i32, at: u64, flags: u64) -> Vec<Use> {
    const O_ACCMODE: u64 = 3;
    const O_CREAT: u64 = 0o100;
    const O_TRUNC: u64 = 0o1000;
    const O_PATH: u64 = 0o10_000_000;
    let nofollow = bailiff::shims::files::flags::O_NOFOLLOW;
    let wants = match flags {
        flags if flags & O_PATH != 0 => Wants::Look,
        flags => match (flags & (O_ACCMODE | O_TRUNC) != 0, flags & O_CREAT != 0) {
            (true, true) => Wants::Create,
            (true, false) => Wants::Write,
            (false, true) => Wants::Entry,
            (false, false) => Wants::Read,
        },
    };
    Vec::from([Use { dir, at, wants, follow: flags & nofollow == 0 }])
}

/// What libraries and shells look for at each start and do without, and what is another one to each process (/proc, /dev/fd):
/// that it is missing inside, or not seen from here, is no undeclared input.
const DISPENSABLE: [&[u8]; 17] = [
    b"/dev/fd",
    b"/dev/stderr",
    b"/dev/stdin",
    b"/dev/stdout",
    b"/dev/tty",
    b"/etc/ld.so.cache",
    b"/etc/ld.so.preload",
    b"/etc/localtime",
    b"/etc/nsswitch.conf",
    b"/lib/terminfo",
    b"/proc",
    b"/sys/devices/system/cpu",
    b"/sys/fs/cgroup",
    b"/sys/kernel/mm/transparent_hugepage",
    b"/usr/lib/locale",
    b"/usr/share/locale",
    b"/usr/share/zoneinfo",
];

/// Whether this path is, or lies below, one of those.
pub(crate) fn is_dispensable(path: &[u8]) -> bool {
    let plain = !path.split(|b| *b == b'/').any(|part| part == b"..");
    plain && DISPENSABLE.iter().any(|known| is_below(path, known))
}

/// Whether this path is no file of a disk's: what it is depends on who asks.
pub(crate) fn is_own(path: &[u8]) -> bool {
    is_dispensable(path) && [&b"/dev"[..], b"/proc"].iter().any(|top| is_below(path, top))
}

/// `base` and `path`, as one absolute path without `//` and `/./`; `..` stays, for links decide what it means.
pub(crate) fn joined(base: &[u8], path: &[u8]) -> Vec<u8> {
    let base = if path.first() == Some(&b'/') { &[][..] } else { base };
    let mut whole = Vec::new();
    for part in base.split(|b| *b == b'/').chain(path.split(|b| *b == b'/')) {
        if !part.is_empty() && part != b"." {
            whole.push(b'/');
            whole.extend_from_slice(part);
        }
    }
    if whole.is_empty() {
        whole.push(b'/');
    }
    whole
}
