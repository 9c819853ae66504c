//! Opens a log as root in directories that others may own: component by component, never blocking, never fooled.
//!
//! Runs in: the warden. In: a configured path, and directories and links that a service's account may have made. Out: an
//! open regular file, or why not by name. Never: opens a device, a FIFO, /proc, /sys or FUSE; follows an account's
//! link or hard link to a file that is not that account's own.
//!
//! The rule: once a component belongs to an account other than root, the file must belong to that account; once a
//! directory can be written by others than root, the file must have one name only.
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::{At, Stat, filesystem, flags, open, readlink, stat};

/// Why a log is not opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Why {
    /// It, or a directory on the way, is not there (yet).
    Absent,
    /// The kernel refused.
    Kernel(Errno),
    /// It is not a regular file, or lies in /proc, /sys or FUSE.
    NotAFile,
    /// It does not belong to the account that owns its directory or the link to it.
    Foreign,
    /// It has a second name, and others than root can write to its directory.
    SecondName,
    /// More than eight links, or a path that is too long with them.
    TooDeep,
}

impl Why {
    /// In words.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Absent => "not there yet",
            Self::Kernel(_) => "the kernel refused",
            Self::NotAFile => "not a regular file",
            Self::Foreign => "not owned by the owner of its directory or link",
            Self::SecondName => "has a second name in a directory that others can write",
            Self::TooDeep => "too many links on the way",
        }
    }
}

/// A step of the walk: in this directory, this name is looked up next.
pub(crate) type OnStep<'a> = &'a mut dyn FnMut(&Fd, &[u8], &Trust);

/// What the walk has met so far.
#[derive(Clone, Copy)]
pub(crate) struct Trust {
    /// The account, other than root, whose directory or link was passed.
    owner: Option<u32>,
    /// Whether others than root can write to a directory that was passed.
    shared: bool,
    /// Off in a user namespace of one user: all is that user's anyway.
    strict: bool,
}

impl Trust {
    fn pass(&mut self, s: &Stat) {
        if s.uid != 0 {
            self.owner = Some(s.uid);
        }
        if s.is_directory() && (s.uid != 0 || s.mode & 0o022 != 0) {
            self.shared = true;
        }
    }

    fn allows(&self, s: &Stat) -> Result<(), Why> {
        match self {
            _ if !s.is_regular() => Err(Why::NotAFile),
            Self { strict: false, .. } => Ok(()),
            Self { owner: Some(uid), .. } if s.uid != *uid => Err(Why::Foreign),
            Self { shared: true, .. } if s.links != 1 => Err(Why::SecondName),
            _ => Ok(()),
        }
    }
}

/// The path still to go: what is left of the configured one, behind the targets of links that were met.
struct Rest {
    bytes: [u8; 1024],
    from: usize,
}

impl Rest {
    fn new(path: &[u8]) -> Option<Self> {
        let mut rest = Self { bytes: [0; 1024], from: 1024 };
        rest.put(path).then_some(rest)
    }

    /// Puts bytes and a slash before what is left.
    fn put(&mut self, bytes: &[u8]) -> bool {
        let Some(from) = self.from.checked_sub(bytes.len()).and_then(|n| n.checked_sub(1)) else {
            return false;
        };
        let slash = core::iter::once(&b'/');
        for (slot, b) in self.bytes.iter_mut().skip(from).zip(bytes.iter().chain(slash)) {
            *slot = *b;
        }
        self.from = from;
        true
    }

    /// The next component, and whether it is the last.
    fn next(&mut self, out: &mut [u8; 256]) -> Option<(usize, bool)> {
        loop {
            let rest = self.bytes.get(self.from..)?;
            let end = rest.iter().position(|b| *b == b'/')?;
            let part = rest.get(..end)?;
            self.from = self.from.checked_add(end)?.checked_add(1)?;
            if part.is_empty() || part == b"." {
                continue;
            }
            for (slot, b) in out.get_mut(..end)?.iter_mut().zip(part) {
                *slot = *b;
            }
            let last = self.bytes.get(self.from..)?.iter().all(|b| *b == b'/');
            return Some((end, last));
        }
    }
}

/// The root directory.
fn root() -> Result<Fd, Why> {
    open(At::Cwd, b"/", flags::O_PATH | flags::O_DIRECTORY, 0, 0).map_err(Why::Kernel)
}

/// Walks to `path` and opens it for reading. `on_step` sees every directory on the way with the name looked up in it,
/// so that the caller can watch it, also when the file is not there.
pub(crate) fn walk(path: &[u8], strict: bool, on_step: OnStep<'_>) -> Result<(Fd, Stat), Why> {
    let mut trust = Trust { owner: None, shared: false, strict };
    let mut rest = Rest::new(path).ok_or(Why::TooDeep)?;
    let mut here = root()?;
    let mut name = [0u8; 256];
    let mut links_left = 8u8;
    while let Some((len, last)) = rest.next(&mut name) {
        let part = name.get(..len).unwrap_or(&[]);
        on_step(&here, part, &trust);
        let (entry, s) = entry(&here, part)?;
        if s.is_link() {
            links_left = links_left.checked_sub(1).ok_or(Why::TooDeep)?;
            trust.pass(&s);
            let absolute = follow(&entry, &mut rest)?;
            here = if absolute { root()? } else { here };
        } else if last {
            trust.allows(&s)?;
            return reopen(&entry, &s);
        } else {
            trust.pass(&s);
            here = entry;
        }
    }
    Err(Why::NotAFile)
}

/// Opens a name in a directory without following or opening what it means.
fn entry(directory: &Fd, name: &[u8]) -> Result<(Fd, Stat), Why> {
    let open_flags = flags::O_PATH | flags::O_NOFOLLOW;
    match open(At::Dir(directory), name, open_flags, 0, flags::RESOLVE_NO_MAGICLINKS) {
        Ok(fd) => stat(&fd).map(|s| (fd, s)).map_err(Why::Kernel),
        Err(Errno::ENOENT) => Err(Why::Absent),
        Err(errno) => Err(Why::Kernel(errno)),
    }
}

/// Opens another file of a directory that a walk has reached, by the same rule; a link is not followed.
pub(crate) fn sibling(directory: &Fd, name: &[u8], trust: &Trust) -> Result<(Fd, Stat), Why> {
    let (fd, s) = entry(directory, name)?;
    trust.allows(&s)?;
    reopen(&fd, &s)
}

/// Puts a link's target before what is left of the path; whether the target starts at the root.
fn follow(link: &Fd, rest: &mut Rest) -> Result<bool, Why> {
    let mut target = [0u8; 255];
    let len = readlink(At::Dir(link), b"", &mut target).map_err(Why::Kernel)?;
    let target = target.get(..len).filter(|t| t.len() < 255).ok_or(Why::TooDeep)?;
    if !rest.put(target) {
        return Err(Why::TooDeep);
    }
    Ok(target.first() == Some(&b'/'))
}

/// Whether it lies in a file system where looking has effects, or never ends: proc, sysfs, FUSE (linux/magic.h, 6.18).
pub(crate) fn is_barred(entry: &Fd) -> Result<bool, Errno> {
    filesystem(entry).map(|kind| [0x9fa0, 0x6265_6572, 0x6573_5546].contains(&kind))
}

/// From the checked entry to a readable descriptor of the very same file.
fn reopen(entry: &Fd, checked: &Stat) -> Result<(Fd, Stat), Why> {
    if is_barred(entry).map_err(Why::Kernel)? {
        return Err(Why::NotAFile);
    }
    let mut buf = [0u8; 32];
    let path = through_proc(entry, &mut buf);
    let fd = open(At::Cwd, path, flags::O_NONBLOCK | flags::O_NOCTTY, 0, 0).map_err(Why::Kernel)?;
    let s = stat(&fd).map_err(Why::Kernel)?;
    if (s.dev, s.ino) == (checked.dev, checked.ino) { Ok((fd, s)) } else { Err(Why::Absent) }
}

/// The name of an open file that no rename can change: `/proc/self/fd/N`.
pub(crate) fn through_proc<'a>(fd: &Fd, buf: &'a mut [u8; 32]) -> &'a [u8] {
    let mut text = bailiff::shared::pure::bytes::Text::new(buf);
    text.bytes(b"/proc/self/fd/").dec(fd.number().into());
    text.finish()
}
