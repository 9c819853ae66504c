//! The root of a cage: a tmpfs with the places of the policy in it, or a directory of the host; /proc, /dev; the old root
//! gone.
//!
//! Runs in: the first process of the cage, in a mount namespace of its own. In: the policy. Out: `/` is the cage's root, and
//! what may be done beneath which of its places, for Landlock. Never: makes anything in a directory of the host, mounts
//! anything with set-id bits or (but for the five devices) devices, follows a link of the cage's root out of it.
use alloc::ffi::CString;
use alloc::vec::Vec;
use core::ffi::CStr;

use bailiff::shared::base::cage::landlock::{EXECUTE, IOCTL_DEV, READ_DIR, READ_FILE, WRITE, WRITE_FILE};
use bailiff::shims::cage::tree::{
    self, NODEV, NOEXEC, NOSUID, RDONLY, attach, change_directory, copy_tree, make_directory, make_file,
    make_link, make_private, pivot_here, set_attributes, set_own_attributes,
};
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::{At, flags, stat};

use crate::policy::{Kind, Place, Policy};
use crate::text::{said, shown};
use alloc::string::String;

/// A step that failed: what, and the kernel's word.
pub(crate) type Failed = (String, Errno);

/// What may be done to a file of the cage, or beneath a directory: what is mounted there, by its own descriptor.
#[derive(Debug)]
pub(crate) struct Right {
    pub(crate) file: Fd,
    pub(crate) is_directory: bool,
    pub(crate) rights: u64,
}

const DIRECTORY: u64 = flags::O_PATH | flags::O_DIRECTORY;
const INSIDE: u64 = flags::RESOLVE_BENEATH | flags::RESOLVE_NO_MAGICLINKS;
const READ: u64 = READ_FILE | READ_DIR;
/// What a program finds as devices: bound from the host's /dev.
const DEVICES: [&CStr; 5] = [c"null", c"zero", c"full", c"random", c"urandom"];
/// Where shm_open(3) and sem_open(3) make their files.
const SHARED: &[u8] = b"/dev/shm";
const DEVICE_LINKS: [(&CStr, &CStr); 4] = [
    (c"/proc/self/fd", c"dev/fd"),
    (c"/proc/self/fd/0", c"dev/stdin"),
    (c"/proc/self/fd/1", c"dev/stdout"),
    (c"/proc/self/fd/2", c"dev/stderr"),
];

/// A text as the kernel takes it: EINVAL when a zero byte is in it.
pub(crate) fn c(bytes: &[u8]) -> Result<CString, Errno> {
    CString::new(bytes).map_err(|_| Errno::EINVAL)
}

/// Opens a file of the host that the policy names.
pub(crate) fn opened(path: &[u8]) -> Result<Fd, String> {
    c(path)
        .and_then(|path| tree::open(At::Cwd, &path, 0, 0, 0))
        .map_err(|errno| said(format_args!("{}: {}", shown(path), crate::text::errno(errno.0))))
}

fn failed<'a>(what: &'a str, path: &'a [u8]) -> impl FnOnce(Errno) -> Failed + 'a {
    move |errno| (said(format_args!("{what} {}", shown(path))), errno)
}

/// Builds the root and goes into it. `here` is a directory of the host to mount on while it is built: what it holds is let go.
/// Answers what may be done beneath which of its places, for Landlock.
pub(crate) fn build(policy: &Policy, here: &CStr) -> Result<Vec<Right>, Failed> {
    make_private().map_err(failed("private mounts", b"/"))?;
    // What is bound is taken before the place to mount on covers it.
    let mut trees = Vec::new();
    for place in &policy.places {
        trees.push(match &place.kind {
            Kind::Bind { source, .. } => match taken(source) {
                Err((_, Errno::ENOENT)) if passes(policy, place) => None,
                taken => Some(taken?),
            },
            _ => None,
        });
    }
    let devices = if policy.dev { devices()? } else { Vec::new() };
    let (tree, rights) = match &policy.root {
        Some(root) => {
            let tree = taken(root)?;
            set_attributes(&tree, RDONLY | NOSUID | NODEV)
                .map_err(failed("mount_setattr (Linux 5.12)", root))?;
            (tree, READ | EXECUTE)
        }
        None => (memory(policy.tmp_size, c"0755", NOSUID | NODEV).map_err(failed("tmpfs", b"/"))?, READ_DIR),
    };
    let place = tree::open(At::Cwd, here, DIRECTORY, 0, 0).map_err(failed("open", here.to_bytes()))?;
    attach(&tree, &place).map_err(failed("mount", b"/"))?;
    change_directory(here).map_err(failed("chdir", b"/"))?;
    let mut all = Vec::from([Right { file: tree, is_directory: true, rights }]);
    for (place, tree) in policy.places.iter().zip(trees) {
        match put(place, tree, is_ours(policy, &place.path)) {
            Err((_, Errno::ENOENT)) if passes(policy, place) => {}
            right => all.extend(right?),
        }
    }
    if policy.proc {
        let options = [(c"hidepid", c"invisible"), (c"subset", c"pid")];
        let tree =
            tree::make(c"proc", &options, NOSUID | NODEV | NOEXEC).map_err(failed("proc", b"/proc"))?;
        let right = Right { file: tree, is_directory: true, rights: READ };
        all.push(mount(right, b"/proc", is_ours(policy, b"/proc"))?);
    }
    all.extend(dev(policy, devices)?);
    pivot_here().map_err(failed("pivot_root", b"/"))?;
    change_directory(c"/").map_err(failed("chdir", b"/"))?;
    let root = tree::open(At::Cwd, c"/", DIRECTORY, 0, 0).map_err(failed("open", b"/"))?;
    set_own_attributes(&root, RDONLY | NOSUID | NODEV).map_err(failed("mount_setattr (Linux 5.12)", b"/"))?;
    Ok(all)
}

/// Whether /dev is the cage's own, and so has links and a place for shared memory.
fn has_own_dev(policy: &Policy) -> bool {
    policy.dev && is_ours(policy, SHARED)
}

/// Whether what holds this path is in memory, so that something may be made there; else it is a directory of the host.
fn is_ours(policy: &Policy, path: &[u8]) -> bool {
    let below = |top: &[u8]| path.strip_prefix(top).is_some_and(|rest| rest.starts_with(b"/"));
    let top = policy.places.iter().filter(|place| below(&place.path)).max_by_key(|place| place.path.len());
    match top.map(|place| &place.kind) {
        Some(Kind::Bind { .. }) => false,
        Some(_) => true,
        None => policy.root.is_none(),
    }
}

/// Whether this file of the host may be gone by now.
fn passes(policy: &Policy, place: &Place) -> bool {
    let below = |top: &[u8]| place.path.strip_prefix(top).is_some_and(|rest| rest.starts_with(b"/"));
    policy.passing.as_ref().is_some_and(|top| below(top))
}

/// A copy of the tree at this path of the host.
fn taken(source: &[u8]) -> Result<Fd, Failed> {
    c(source).and_then(|path| copy_tree(&path)).map_err(failed("bind", source))
}

fn devices() -> Result<Vec<Fd>, Failed> {
    let mut trees = Vec::new();
    for name in DEVICES {
        let path = [b"/dev/".as_slice(), name.to_bytes()].concat();
        let tree = taken(&path)?;
        set_attributes(&tree, NOSUID | NOEXEC).map_err(failed("mount_setattr (Linux 5.12)", &path))?;
        trees.push(tree);
    }
    Ok(trees)
}

/// Mounts these devices; where /dev is the cage's own, with its links and the place for shared memory.
fn dev(policy: &Policy, devices: Vec<Fd>) -> Result<Vec<Right>, Failed> {
    let mut all = Vec::new();
    for (name, tree) in DEVICES.iter().zip(devices) {
        let path = [b"/dev/".as_slice(), name.to_bytes()].concat();
        let right = Right { file: tree, is_directory: false, rights: READ_FILE | WRITE_FILE | IOCTL_DEV };
        all.push(mount(right, &path, is_ours(policy, &path))?);
    }
    if has_own_dev(policy) {
        for (to, at) in DEVICE_LINKS {
            make_link(to, At::Cwd, at).map_err(failed("link", at.to_bytes()))?;
        }
        let set = NOSUID | NODEV | NOEXEC;
        let tree = memory(policy.tmp_size, c"1777", set).map_err(failed("tmpfs", SHARED))?;
        all.push(mount(Right { file: tree, is_directory: true, rights: READ | WRITE }, SHARED, true)?);
    }
    Ok(all)
}

/// A file system in memory, with a file for each KiB of it and at least 1,024.
fn memory(size: u64, mode: &CStr, attributes: u64) -> Result<Fd, Errno> {
    let files = c(said(format_args!("{}", (size / 1024).max(1024))).as_bytes())?;
    let size = c(said(format_args!("{size}")).as_bytes())?;
    tree::make(c"tmpfs", &[(c"mode", mode), (c"size", &size), (c"nr_inodes", &files)], attributes)
}

/// The directory that holds this place, with all above it made where they are missing; and the place's own name. No
/// symbolic link is followed: none leads out of the root that is being built.
fn parent(path: &[u8], may_make: bool) -> Result<(Fd, CString), Failed> {
    // Where all is there already, one call finds it.
    if let [b'/', directory @ .., last] = path
        && let Some(cut) = directory.iter().rposition(|b| *b == b'/')
        && let Some((directory, name)) = [directory, &[*last]].concat().split_at_checked(cut)
        && let (Ok(directory), Ok(name)) = (c(directory), c(name.get(1..).unwrap_or(&[])))
        && let Ok(at) = tree::open(At::Cwd, &directory, DIRECTORY, 0, INSIDE)
    {
        return Ok((at, name));
    }
    let mut at = tree::open(At::Cwd, c".", DIRECTORY, 0, 0).map_err(failed("open", path))?;
    let mut names = path.split(|b| *b == b'/').filter(|name| !name.is_empty()).peekable();
    while let Some(name) = names.next() {
        let name = c(name).map_err(failed("path", path))?;
        if names.peek().is_none() {
            return Ok((at, name));
        }
        if may_make {
            made(make_directory(At::Dir(&at), &name, 0o755), path)?;
        }
        at = tree::open(At::Dir(&at), &name, DIRECTORY, 0, INSIDE).map_err(failed("open", path))?;
    }
    Ok((at, c".".into()))
}

/// What is there already is as good.
fn made(done: Result<(), Errno>, path: &[u8]) -> Result<(), Failed> {
    match done {
        Ok(()) | Err(Errno::EEXIST) => Ok(()),
        Err(errno) => Err(failed("mount point", path)(errno)),
    }
}

/// Mounts a tree at this path, which is made where it is missing; in a directory of the host it must be there.
fn mount(right: Right, path: &[u8], may_make: bool) -> Result<Right, Failed> {
    let (at, name) = parent(path, may_make)?;
    if may_make {
        let done = match right.is_directory {
            true => make_directory(At::Dir(&at), &name, 0o755),
            false => make_file(At::Dir(&at), &name, 0o444),
        };
        made(done, path)?;
    }
    let place =
        tree::open(At::Dir(&at), &name, flags::O_PATH, 0, INSIDE).map_err(failed("mount point", path))?;
    attach(&right.file, &place).map_err(failed("mount", path))?;
    Ok(right)
}

/// Puts a place into the root that is being built; what may be done there, if it is more than a name.
fn put(place: &Place, tree: Option<Fd>, may_make: bool) -> Result<Option<Right>, Failed> {
    let path = place.path.as_slice();
    let right = match (&place.kind, tree) {
        (Kind::Bind { write, execute, .. }, Some(tree)) => {
            let is_directory = stat(&tree).map_err(failed("stat", path))?.is_directory();
            let set = NOSUID | NODEV | if *write { 0 } else { RDONLY } | if *execute { 0 } else { NOEXEC };
            set_attributes(&tree, set).map_err(failed("mount_setattr (Linux 5.12)", path))?;
            let rights = READ | if *write { WRITE } else { 0 } | if *execute { EXECUTE } else { 0 };
            Right { file: tree, is_directory, rights }
        }
        (Kind::Tmpfs { size, execute }, _) => {
            let (set, more) = if *execute { (0, EXECUTE) } else { (NOEXEC, 0) };
            let tree = memory(*size, c"1777", NOSUID | NODEV | set).map_err(failed("tmpfs", path))?;
            Right { file: tree, is_directory: true, rights: READ | WRITE | more }
        }
        (Kind::Link { to }, _) => {
            let (at, name) = parent(path, may_make)?;
            let to = c(to).map_err(failed("link", path))?;
            return make_link(&to, At::Dir(&at), &name).map(|()| None).map_err(failed("link", path));
        }
        (Kind::Bind { .. }, None) => return Ok(None),
    };
    mount(right, path, may_make).map(Some)
}
