//! `bailiff-cage doctor`: what this kernel and this account can do, and what a cage would lack.
//!
//! Runs in: bailiff-cage. In: a few files of /proc and /sys; the kernel's answer to each thing that a cage needs. Out: a line
//! each, `ok` or `missing` with what that means. Never: tries anything on itself: each trial is a child's, in namespaces
//! that end with it.
use alloc::string::String;
use alloc::vec::Vec;

use bailiff::shims::cage::notify::install;
use bailiff::shims::cage::spawn::{self, CLONE_NEWTIME, Side};
use bailiff::shims::cage::tree::{self, NODEV, NOEXEC, NOSUID};
use bailiff::shims::confine::{Instruction, landlock_abi};
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::{At, flags, readlink};
use bailiff::shims::identity;
use bailiff::shims::io::{read, write};
use bailiff::shims::mount::unshare;
use bailiff::shims::process::namespace as ns;
use bailiff::shims::process::{End, exit};

use crate::group::{self, text};
use crate::outcome::End as RunEnd;
use crate::policy::Limits;
use crate::supervise;
use crate::text::{errno as name, said, shown};
use crate::words::{self, Request};

/// CAP_SYS_ADMIN: who has it needs no user namespace.
const ADMIN: u64 = identity::cap::CAP_SYS_ADMIN;

/// Prints all of it. 0 when a whole cage can be closed here, else 1.
pub(crate) fn run() -> u8 {
    let kernel = text(At::Cwd, c"/proc/sys/kernel/osrelease");
    line("ok", "kernel", &said(format_args!("Linux {}", shown(&kernel))));
    let admin = identity::capabilities().is_ok_and(|caps| caps.effective & ADMIN != 0);
    let user = if admin { 0 } else { ns::CLONE_NEWUSER };
    account(admin);
    mounts_on_root();
    namespaces(user);
    layers(user);
    groups();
    whole()
}

/// One line: how it is, of what, and more.
fn line(state: &str, what: &str, more: &str) {
    let text = said(format_args!("{state:<8} {what:<26} {more}\n"));
    let _ = write(&core::mem::ManuallyDrop::new(Fd::given(1)), text.as_bytes());
}

/// `ok`, or what it means that the kernel refused.
fn result(what: &str, got: Result<(), Errno>, means: &str) {
    match got {
        Ok(()) => line("ok", what, ""),
        Err(errno) => {
            line("missing", what, &said(format_args!("{}: {means}", name(errno.0))));
        }
    }
}

/// What a child that tries this says of it: it begins in these namespaces, and ends with them.
fn tried(namespaces: u32, attempt: fn() -> Result<(), Errno>) -> Result<(), Errno> {
    match spawn::fork(namespaces)? {
        Side::Child => exit(attempt().err().map_or(0, |errno| u8::try_from(errno.0).unwrap_or(u8::MAX))),
        Side::Parent(child) => loop {
            match spawn::reap(true) {
                Ok(Some((pid, End::Exit(code), _))) if pid == child.pid => {
                    return if code == 0 { Ok(()) } else { Err(Errno(code.into())) };
                }
                Ok(Some((pid, End::Signal(_), _))) if pid == child.pid => return Err(Errno::EIO),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        },
    }
}

/// Who asks, and what the system's settings say of user namespaces.
fn account(admin: bool) {
    let uid = identity::uids().map_or(0, |[uid, ..]| uid);
    let how = if admin { "with CAP_SYS_ADMIN: no user namespace is needed" } else { "without CAP_SYS_ADMIN" };
    line("ok", "account", &said(format_args!("uid {uid}, {how}")));
    for (path, bad, means) in [
        (c"/proc/sys/user/max_user_namespaces", &b"0"[..], "no user namespace may be made"),
        (c"/proc/sys/kernel/unprivileged_userns_clone", b"0", "only root may make a user namespace (Debian)"),
        (
            c"/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
            b"1",
            "a user namespace has no rights but for programs with an AppArmor profile (Ubuntu)",
        ),
    ] {
        let now = text(At::Cwd, path);
        let what = said(format_args!("{} = {}", shown(path.to_bytes()), shown(&now)));
        match (now.is_empty(), now == bad, admin) {
            (true, ..) => {}
            (_, true, true) => line("ok", "setting", &said(format_args!("{what}: {means}; not needed here"))),
            (_, true, false) => line("missing", "setting", &said(format_args!("{what}: {means}"))),
            _ => line("ok", "setting", &what),
        }
    }
}

/// Whether the root of this process is the one of its mount namespace: else no user namespace can be made.
fn mounts_on_root() {
    let mounts = text(At::Cwd, c"/proc/self/mountinfo");
    let at_root = |line: &&[u8]| line.split(|b| *b == b' ').nth(4) == Some(b"/");
    match mounts.split(|b| *b == b'\n').filter(at_root).count() {
        1 => line("ok", "root directory", "one mount"),
        0 => line("missing", "root directory", "a chroot: user namespaces are refused with EPERM"),
        n => {
            let more = "mounts stacked on /: user namespaces are refused with EPERM until `umount /..` removes the upper ones";
            line("missing", "root directory", &said(format_args!("{n} {more}")));
        }
    }
}

/// Each namespace by itself.
fn namespaces(user: u32) {
    let nothing = || Ok(());
    if user != 0 {
        result("user namespace", tried(user, nothing), "this account cannot close a cage: run it as root");
    }
    for (flag, what, means) in [
        (ns::CLONE_NEWNS, "mount namespace", "no root of its own"),
        (ns::CLONE_NEWPID, "pid namespace", "it would see other processes"),
        (ns::CLONE_NEWNET, "net namespace", "it would have the host's network"),
        (ns::CLONE_NEWIPC, "ipc namespace", "it would share memory with others"),
        (ns::CLONE_NEWUTS, "uts namespace", "it would see the host's name"),
        (ns::CLONE_NEWCGROUP, "cgroup namespace", "it would see its place among the host's control groups"),
    ] {
        result(what, tried(user | flag, nothing), means);
    }
    let time = || unshare(CLONE_NEWTIME);
    result("time namespace", tried(user, time), "--verify cannot shift the clocks since boot");
}

/// What is closed within them.
fn layers(user: u32) {
    let within = user | ns::CLONE_NEWNS | ns::CLONE_NEWPID;
    let tmpfs = || {
        let tree = tree::make(c"tmpfs", &[(c"size", c"4096")], NODEV | NOSUID)?;
        tree::set_attributes(&tree, tree::RDONLY)
    };
    result(
        "mounts by descriptor",
        tried(within, tmpfs),
        "fsopen, mount_setattr (Linux 5.12): no root of its own",
    );
    let copy = || tree::make_private().and_then(|()| tree::copy_tree(c"/")).map(|_| ());
    result("binds", tried(within, copy), "open_tree (Linux 5.2): nothing of the host can be shown inside");
    let proc = || {
        let options = [(c"hidepid", c"invisible"), (c"subset", c"pid")];
        tree::make(c"proc", &options, NOSUID | NODEV | NOEXEC).map(|_| ())
    };
    let means = "no /proc of its own (in a container that covers parts of /proc: use --no-proc)";
    result("proc, hidepid and subset", tried(within, proc), means);
    match landlock_abi() {
        Ok(abi @ 6..) => line("ok", "Landlock", &said(format_args!("version {abi}"))),
        Ok(abi) => {
            let more = "before 4 no TCP, before 6 no scopes (abstract sockets, signals)";
            line("missing", "Landlock", &said(format_args!("version {abi}: {more}")));
        }
        Err(errno) => {
            result("Landlock", Err(errno), "Linux 5.13, and `landlock` in lsm=: no second line for files")
        }
    }
    let notify = || {
        identity::set_no_new_privs()?;
        install(&[Instruction { code: 6, jt: 0, jf: 0, k: 0x7fff_0000 }]).map(|_| ())
    };
    result("seccomp user notification", tried(0, notify), "Linux 5.0: refused calls cannot be named");
    let fetch = || spawn::open_process(spawn::own_number()).and_then(|own| spawn::fetch(&own, 1)).map(|_| ());
    result("pidfd_getfd", tried(0, fetch), "Linux 5.6: refused calls cannot be listened to");
    let means = "PR_SET_MDWE, Linux 6.3: --no-write-exec is the filter's alone";
    result("no write and execute", tried(0, identity::set_no_write_exec), means);
}

/// A control group for a cage: of use where it can be had, not needed.
fn groups() {
    let limits = Limits {
        wall_ms: None,
        cpu_s: None,
        memory: Some(64 << 20),
        file_size: None,
        processes: Some(64),
        descriptors: 256,
    };
    match group::make(&limits) {
        Ok(group) => {
            group.finish();
            line("ok", "cgroup v2", &group.state);
        }
        Err(why) => {
            let more = "limits hold for each process (rlimits), not for the cage as a whole";
            line("missing", "cgroup v2", &said(format_args!("{why}: {more}")));
        }
    }
}

/// A whole cage, with this very program in it. Its exit code is the answer.
fn whole() -> u8 {
    match closed() {
        Ok(()) => {
            line("ok", "a whole cage", "closed, and a program ran in it");
            0
        }
        Err(why) => {
            line("missing", "a whole cage", &why);
            1
        }
    }
}

/// Tries it in a child, whose output goes nowhere; `Err`: why not.
fn closed() -> Result<(), String> {
    let word = |what: &'static str| move |errno: Errno| said(format_args!("{what}: {}", name(errno.0)));
    let (reads, writes) = spawn::pipe().map_err(word("pipe"))?;
    match spawn::fork(0).map_err(word("clone"))? {
        Side::Parent(_) => {
            drop(writes);
            let mut why = Vec::new();
            let mut buf = [0u8; 512];
            while let Ok(got @ 1..) = read(&reads, &mut buf) {
                why.extend_from_slice(buf.get(..got).unwrap_or(&[]));
            }
            let _ = spawn::reap(true);
            if why == b"closed" { Ok(()) } else { Err(String::from_utf8_lossy(&why).into_owned()) }
        }
        Side::Child => {
            for number in 0..3 {
                let null = tree::open(At::Cwd, c"/dev/null", flags::O_RDWR, 0, 0);
                let _ = null.and_then(|null| null.copy_to(number, false));
            }
            let _ = write(&writes, trial().unwrap_or_else(|why| why).as_bytes());
            exit(0)
        }
    }
}

/// `closed` when the program left its cage with code 0.
fn trial() -> Result<String, String> {
    let mut path = [0u8; 4096];
    let own = readlink(At::Cwd, b"/proc/self/exe", &mut path).unwrap_or(0);
    let place = [path.get(..own).unwrap_or(&[]), b":/doctor"].concat().leak();
    let command: [&[u8]; 6] = [b"--wall", b"10s", b"--exec", place, b"--", b"/doctor"];
    let request = words::parse(command.into_iter().chain([&b"version"[..]]), &|_| None)?;
    let Request::Run(policy) = request else { return Err(String::from("no run")) };
    match supervise::run(&policy)?.end {
        RunEnd::Exit(0) => Ok(String::from("closed")),
        RunEnd::Open { step, errno } => {
            Err(said(format_args!("{}: {}", shown(step.as_bytes()), name(errno))))
        }
        other => Err(said(format_args!("it ended with {other:?}"))),
    }
}
