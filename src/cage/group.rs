//! A control group of the cage's own (cgroup v2): its limits hold for all processes of the cage together.
//!
//! Runs in: bailiff-cage, outside the cage, as its caller. In: the policy's limits; the kernel's files of groups. Out: a group
//! with the limits as they were read back; at the end what was reached, and the group is gone. Never: changes a limit of another
//! group, leaves the unit of the service manager that the caller is in, or the limits of the group that the caller is in.
use alloc::ffi::CString;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::CStr;

use bailiff::shims::cage::spawn::{self, Side};
use bailiff::shims::cage::{disk, tree};
use bailiff::shims::clock::monotonic_ns;
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::{At, flags, lock};
use bailiff::shims::io::{ppoll, pread, write};

use crate::policy::{Bytes, Limits};
use crate::root::c;
use crate::step::paths;
use crate::text::{errno as name_of, said, shown};

/// Where the hierarchy is: alone, or beside those of cgroup v1.
const TOPS: [&CStr; 2] = [c"/sys/fs/cgroup", c"/sys/fs/cgroup/unified"];
const CGROUP2_SUPER_MAGIC: u64 = 0x6367_7270;
/// What the names of all groups of cages begin with.
const NAME: &[u8] = b"bailiff-cage.";
/// A group that is the service manager's own: what is beside it is not the caller's to change.
const UNITS: [&[u8]; 3] = [b".scope", b".service", b".slice"];
const DIRECTORY: u64 = flags::O_DIRECTORY | flags::O_NOFOLLOW;

/// The group of one cage. It is locked as long as its launcher lives: what is not locked may be removed.
#[derive(Debug)]
pub(crate) struct Group {
    above: Fd,
    name: CString,
    own: Fd,
    /// The limits that hold, as the kernel says them.
    pub(crate) state: String,
}

/// Copies this process into new namespaces and, where one can be had, a group of its own; else `Err` says why there is none.
pub(crate) fn fork(namespaces: u32, limits: &Limits) -> (Result<Side, Errno>, Result<Group, String>) {
    let group = match make(limits) {
        Ok(group) => group,
        Err(why) => return (spawn::fork(namespaces), Err(why)),
    };
    match spawn::fork_into(namespaces, &group.own) {
        Err(errno) => {
            group.finish();
            (spawn::fork(namespaces), Err(failed("clone3", errno)))
        }
        side => (side, Ok(group)),
    }
}

/// A group with these limits: in the root of the hierarchy, if the caller is there, else beside the caller's own group: below
/// that there is none, for where processes are the kernel lets nothing be limited (cgroups(7), no internal processes).
pub(crate) fn make(limits: &Limits) -> Result<Group, String> {
    let is_top = |top: &Fd| disk::filesystem(top).is_ok_and(|(kind, _)| kind == CGROUP2_SUPER_MAGIC);
    let opened = |top: &&CStr| tree::open(At::Cwd, top, DIRECTORY, 0, 0).ok().filter(is_top);
    let top = TOPS.iter().find_map(opened).ok_or("no cgroup v2 below /sys/fs/cgroup")?;
    let offered = text(At::Dir(&top), c"cgroup.controllers");
    if !offered.split(|b| *b == b' ').any(|word| matches!(word, b"memory" | b"pids")) {
        return Err(String::from("cgroup v2 has no controller of memory or pids here"));
    }
    let listed = text(At::Cwd, c"/proc/self/cgroup");
    let own = listed.split(|b| *b == b'\n').find_map(|line| line.strip_prefix(b"0::/"));
    let own = own.ok_or("no cgroup v2 in /proc/self/cgroup")?;
    let at = |path: &[u8]| {
        let path = if path.is_empty() { b"." } else { path };
        let group =
            c(path).and_then(|path| tree::open(At::Dir(&top), &path, DIRECTORY, 0, flags::RESOLVE_BENEATH));
        group.map_err(|errno| failed(&shown(path), errno))
    };
    let has = |group: &Fd, file: &CStr| !matches!(&*text(At::Dir(group), file), b"" | b"max");
    let above = at(own)?;
    // The root of the hierarchy has no type, and may have processes.
    if !has(&above, c"cgroup.type") {
        return below(above, limits);
    }
    let is_unit = UNITS.iter().any(|unit| own.ends_with(unit));
    if own.is_empty() || is_unit || has(&above, c"memory.max") || has(&above, c"pids.max") {
        let why = "is a unit of the service manager's, or has a limit: nothing is made beside it";
        return Err(said(format_args!("the group /{} {why}", shown(own))));
    }
    let beside = own.rsplitn(2, |b| *b == b'/').nth(1).unwrap_or(b"");
    let above = at(beside)?;
    if has(&above, c"cgroup.type") && has(&above, c"cgroup.procs") {
        return Err(said(format_args!("the group /{} has processes", shown(beside))));
    }
    below(above, limits)
}

fn below(above: Fd, limits: &Limits) -> Result<Group, String> {
    let (mut files, mut lacking) = (Vec::new(), String::new());
    let memory =
        [(c"memory.max", limits.memory), (c"memory.swap.max", Some(0)), (c"memory.oom.group", Some(1))];
    // The first process of the cage is one of them.
    let pids = [(c"pids.max", limits.processes.map(|n| n.saturating_add(1)))];
    for (controller, wanted) in [("memory", &memory[..]), ("pids", &pids)] {
        if !matches!(wanted, [(_, Some(_)), ..]) {
            continue;
        }
        match enable(&above, controller) {
            Ok(()) => files.extend(wanted),
            Err(errno) => {
                let before = if lacking.is_empty() { "" } else { ", " };
                lacking.push_str(&said(format_args!("{before}no {controller} ({})", name_of(errno.0))));
            }
        }
    }
    if files.is_empty() {
        return Err(if lacking.is_empty() {
            String::from("no limit is for all processes together")
        } else {
            lacking
        });
    }
    remove_dead(&above);
    let name = said(format_args!("bailiff-cage.{}.{}", spawn::own_number(), monotonic_ns()));
    let name = c(name.as_bytes()).map_err(|errno| failed("name", errno))?;
    tree::make_directory(At::Dir(&above), &name, 0o755).map_err(|errno| failed("mkdir", errno))?;
    let open = tree::open(At::Dir(&above), &name, DIRECTORY, 0, flags::RESOLVE_BENEATH);
    let own = open.and_then(|own| lock(&own).map(|()| own)).map_err(|errno| failed("lock", errno))?;
    let mut group = Group { above, name, own, state: lacking };
    for (file, limit) in files {
        let Some(limit) = limit else { continue };
        let file_name = shown(file.to_bytes());
        match put(&group.own, file, &said(format_args!("{limit}"))) {
            // Not every kernel accounts for swap.
            Err(Errno::ENOENT) if limit == 0 => continue,
            Err(errno) => {
                group.finish();
                return Err(failed(&file_name, errno));
            }
            Ok(()) => {}
        }
        let before = if group.state.is_empty() { "" } else { ", " };
        let now = shown(&text(At::Dir(&group.own), file));
        group.state.push_str(&said(format_args!("{before}{file_name} {now}")));
    }
    Ok(group)
}

impl Group {
    /// Once all its processes have ended: the most memory that they had together, in KiB, and whether the kernel ended them
    /// for want of it. Removes the group.
    pub(crate) fn finish(&self) -> (Option<u64>, bool) {
        let own = At::Dir(&self.own);
        let peak = bailiff::shared::pure::bytes::decimal(&text(own, c"memory.peak"));
        let events = text(own, c"memory.events");
        let kills = events.split(|b| *b == b'\n').find_map(|line| line.strip_prefix(b"oom_kill "));
        // The last of them may not be quite gone.
        for _ in 0..100 {
            match disk::unlink(At::Dir(&self.above), &self.name, true) {
                Err(Errno::EBUSY) => drop(ppoll(&mut [], Some(1_000_000))),
                _ => break,
            }
        }
        (peak.map(|bytes| bytes / 1024), kills.is_some_and(|n| n != b"0"))
    }
}

/// Lets groups below this one have limits of this kind.
fn enable(above: &Fd, controller: &str) -> Result<(), Errno> {
    let has =
        |file| text(At::Dir(above), file).split(|b| *b == b' ').any(|word| word == controller.as_bytes());
    match (has(c"cgroup.subtree_control"), has(c"cgroup.controllers")) {
        (true, _) => Ok(()),
        (_, false) => Err(Errno::ENOENT),
        _ => put(above, c"cgroup.subtree_control", &said(format_args!("+{controller}"))),
    }
}

/// Removes groups of launchers that were killed: those that nobody has locked, and that are empty.
fn remove_dead(above: &Fd) {
    let names: Vec<Bytes> = paths::names(above).unwrap_or_default();
    for name in names.iter().filter(|name| name.starts_with(NAME)).filter_map(|name| c(name).ok()) {
        let open = tree::open(At::Dir(above), &name, DIRECTORY, 0, flags::RESOLVE_BENEATH);
        if open.is_ok_and(|group| lock(&group).is_ok()) {
            let _ = disk::unlink(At::Dir(above), &name, true);
        }
    }
}

fn put(at: &Fd, file: &CStr, word: &str) -> Result<(), Errno> {
    let file = tree::open(At::Dir(at), file, flags::O_WRONLY, 0, flags::RESOLVE_BENEATH)?;
    write(&file, word.as_bytes()).map(|_| ())
}

fn failed(what: &str, errno: Errno) -> String {
    said(format_args!("{what}: {}", name_of(errno.0)))
}

/// A file of the kernel's, without the newline at its end; empty where it cannot be read.
pub(crate) fn text(at: At<'_>, path: &CStr) -> Bytes {
    let (mut all, mut buf) = (Vec::new(), [0u8; 4096]);
    let file = tree::open(at, path, 0, 0, 0);
    while let Ok(file) = &file
        && let Ok(got @ 1..) = pread(file, &mut buf, all.len() as u64)
    {
        all.extend_from_slice(buf.get(..got).unwrap_or_default());
    }
    all.trim_ascii_end().to_vec()
}
