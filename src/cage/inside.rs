//! The first process of a cage, and the program: what happens between clone and exec.
//!
//! Runs in: the child of bailiff-cage, pid 1 of the cage. In: the policy; nothing from the program. Out: messages to the
//! launcher on one channel: the program's open file, each layer as it was read back, the listener's number, how the
//! program ended, or the step that failed. Never: goes on after a failed step; outlives the launcher.
//!
//! The order is the argument: each step still needs what the next one takes away.
use alloc::ffi::CString;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::CStr;

use bailiff::shared::base::cage::Failed as Core;
use bailiff::shared::base::cage::identity::{Who, become_user};
use bailiff::shared::base::cage::landlock::{self, Rule};
use bailiff::shims::cage::spawn::{self, Child};
use bailiff::shims::cage::tree;
use bailiff::shims::confine::Instruction;
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::{At, flags};
use bailiff::shims::io::{PollFd, ppoll, write};
use bailiff::shims::mount::unshare;
use bailiff::shims::process::{End, exit, namespace, next_signal, signals};
use bailiff::shims::{identity, sockets};

use crate::left;
use crate::policy::{Net, Policy};
use crate::root::{self, Failed, c};
use crate::target;
use crate::text::{said, shown};

/// The channel and the program's file, out of the way of what the program is given.
pub(crate) const CHANNEL: u8 = 200;
pub(crate) const PROGRAM: u8 = 201;

const SIGKILL: u8 = 9;
const SIGTERM: u8 = 15;
const SIGCHLD: u32 = 17;

/// What the launcher has decided before.
pub(crate) struct Before<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) filter: &'a [Instruction],
    /// Whether the launcher may change ids: then `who` is another user; else there is a user namespace, for `who` alone.
    pub(crate) own_ids: bool,
    pub(crate) who: (u32, u32),
    /// Who the launcher is.
    pub(crate) outside: (u32, u32),
    pub(crate) argv: &'a [CString],
    pub(crate) env: &'a [CString],
    /// The network namespace to enter, if there is one to share.
    pub(crate) net: Option<&'a Fd>,
    /// Where the root is built: a directory that every system has.
    pub(crate) here: &'a CStr,
}

/// Namespaces that clone makes; that of time is made by unshare, for children, and that of control groups likewise, so that its
/// root is the group that the first process is in.
pub(crate) fn namespaces(policy: &Policy, own_ids: bool, shared_net: bool) -> u32 {
    use namespace::*;
    let mut all = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
    if policy.net != Net::Host && !shared_net {
        all |= CLONE_NEWNET;
    }
    if own_ids { all } else { all | CLONE_NEWUSER }
}

pub(crate) fn tell(kind: u8, text: &[u8]) {
    let _ = sockets::send(&channel(), &[&[kind], text].concat(), true);
}

/// The channel; dropped without being closed by whoever goes on.
pub(crate) fn channel() -> core::mem::ManuallyDrop<Fd> {
    core::mem::ManuallyDrop::new(Fd::given(CHANNEL))
}

pub(crate) fn step(what: &str) -> impl FnOnce(Errno) -> Failed + '_ {
    move |errno| (String::from(what), errno)
}

fn core_step(Core(what, errno): Core) -> Failed {
    (String::from(what), errno)
}

/// Says which step failed, and ends.
pub(crate) fn give_up((what, errno): Failed) -> ! {
    tell(b'E', said(format_args!("{}\0{what}", errno.0)).as_bytes());
    exit(crate::outcome::code::SETUP)
}

/// The life of the cage's first process.
pub(crate) fn run(before: &Before<'_>, channel: &Fd) -> ! {
    let closed = channel.copy_to(CHANNEL, true).map_err(step("channel")).and_then(|()| close(before));
    let target = closed.and_then(|landlock| target::fork(before, &landlock));
    match target.and_then(stand_by) {
        Ok(target) => reap(target),
        Err(failed) => give_up(failed),
    }
}

/// All layers that the first process and the program share.
fn close(before: &Before<'_>) -> Result<String, Failed> {
    let policy = before.policy;
    spawn::die_with_parent(SIGKILL).map_err(step("PR_SET_PDEATHSIG"))?;
    spawn::new_session().map_err(step("setsid"))?;
    if !before.own_ids {
        map_ids(before.who, before.outside)?;
    }
    if let Some(net) = before.net {
        tree::enter(net, namespace::CLONE_NEWNET).map_err(step("setns(net)"))?;
    }
    unshare(namespace::CLONE_NEWCGROUP).map_err(step("unshare(cgroup)"))?;
    missing_or(policy, "time namespace (Linux 5.6)", unshare(spawn::CLONE_NEWTIME))?;
    if policy.clock_ahead_s > 0 {
        let ahead = policy.clock_ahead_s;
        wrote(
            c"/proc/self/timens_offsets",
            &said(format_args!("monotonic {ahead} 0\nboottime {ahead} 0\n")),
        )?;
    }
    tree::set_host_name(&policy.host).map_err(step("sethostname"))?;
    if policy.net == Net::Loopback {
        spawn::inet_socket().and_then(|s| spawn::loopback_up(&s)).map_err(step("lo"))?;
    }
    let rights = root::build(policy, before.here)?;
    let program = program(policy)?;
    tree::change_directory(&c(&policy.cwd).map_err(step("cwd"))?)
        .map_err(|errno| (said(format_args!("cwd {}", shown(&policy.cwd))), errno))?;
    let (uid, gid) = before.who;
    become_user(&Who { uid, gid, own_ids: before.own_ids, capabilities: 0 }).map_err(core_step)?;
    // A change of user takes it back; whoever has died meanwhile left a process without parent.
    spawn::die_with_parent(SIGKILL).map_err(step("PR_SET_PDEATHSIG"))?;
    let landlock = domain(policy, &rights)?;
    program.copy_to(PROGRAM, true).map_err(step("dup3"))?;
    let _ = sockets::send_with(&channel(), b"P", &program).map_err(step("sendmsg"))?;
    Ok(landlock)
}

/// The only user of this user namespace, and his number there.
fn map_ids((uid, gid): (u32, u32), (own_uid, own_gid): (u32, u32)) -> Result<(), Failed> {
    for (path, text) in [
        (c"/proc/self/setgroups", said(format_args!("deny"))),
        (c"/proc/self/uid_map", said(format_args!("{uid} {own_uid} 1"))),
        (c"/proc/self/gid_map", said(format_args!("{gid} {own_gid} 1"))),
    ] {
        wrote(path, &text)?;
    }
    Ok(())
}

/// Writes to a file of the kernel's, in the host's /proc.
fn wrote(path: &CStr, text: &str) -> Result<(), Failed> {
    let file = tree::open(At::Cwd, path, flags::O_WRONLY, 0, 0);
    let wrote = file.and_then(|file| write(&file, text.as_bytes()));
    wrote.map(|_| ()).map_err(|errno| (shown(path.to_bytes()), errno))
}

/// A layer that is not there is an error, or is told to the launcher.
pub(crate) fn missing_or(policy: &Policy, what: &str, done: Result<(), Errno>) -> Result<(), Failed> {
    match done {
        Ok(()) => Ok(()),
        Err(errno) if policy.warn_missing => {
            tell(b'M', said(format_args!("missing: {what} (errno {})", errno.0)).as_bytes());
            Ok(())
        }
        Err(errno) => Err((said(format_args!("missing: {what}")), errno)),
    }
}

/// The program's open file: as the command names it, or as its PATH finds it.
fn program(policy: &Policy) -> Result<Fd, Failed> {
    let name = policy.command.first().map_or(&[][..], Vec::as_slice);
    // Not to wait for the other end of a pipe that stands there instead.
    let opened = |path: &[u8]| tree::open(At::Cwd, &c(path)?, flags::O_NONBLOCK | flags::O_NOCTTY, 0, 0);
    let failed = |errno| (said(format_args!("program {}", shown(name))), errno);
    if name.contains(&b'/') {
        // A relative name is meant where the program is to run.
        let path =
            if name.first() == Some(&b'/') { name.to_vec() } else { [&policy.cwd, &b"/"[..], name].concat() };
        return opened(&path).map_err(failed);
    }
    let path = policy.env.iter().find_map(|e| e.strip_prefix(b"PATH=")).unwrap_or(b"/usr/bin:/bin");
    for place in path.split(|b| *b == b':').filter(|place| !place.is_empty()) {
        match opened(&[place, name].join(&b'/')) {
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::EACCES) => {}
            found => return found.map_err(failed),
        }
    }
    Err(failed(Errno::ENOENT))
}

fn domain(policy: &Policy, rights: &[root::Right]) -> Result<String, Failed> {
    let rules: Vec<Rule<'_>> = rights
        .iter()
        .map(|r| Rule { rights: r.rights, file: &r.file, is_directory: r.is_directory })
        .collect();
    let tcp = if policy.net == Net::None { landlock::TCP } else { 0 };
    let newest = policy.landlock.map_or(landlock::NEWEST, |abi| abi as usize);
    let abi = landlock::close(&rules, tcp, newest, |what, errno| {
        tell(b'M', said(format_args!("{what} (errno {})", errno.0)).as_bytes());
        if policy.warn_missing { Ok(()) } else { Err(Core(what, errno)) }
    });
    let abi = abi.map_err(core_step)?;
    Ok(said(format_args!("abi {abi}, {} rules", rules.len())))
}

/// The first process, once the program's is there: hands that one to the launcher, and keeps nothing. Its number.
fn stand_by(target: Child) -> Result<u32, Failed> {
    identity::set_not_dumpable().map_err(step("PR_SET_DUMPABLE"))?;
    let _ = sockets::send_with(&channel(), b"T", &target.fd).map_err(step("sendmsg"))?;
    drop(target.fd);
    spawn::close_between(0, u32::from(CHANNEL) - 1).map_err(step("close_range"))?;
    Fd::close_from(u32::from(CHANNEL) + 1).map_err(step("close_range"))?;
    tell(b'I', b"");
    Ok(target.pid)
}

/// Reaps whoever ends, hands signals on, and ends when the program has ended: the kernel then ends the rest.
fn reap(target: u32) -> ! {
    let Ok(signals) = signals() else { exit(crate::outcome::code::SETUP) };
    loop {
        while let Ok(Some((pid, end, _))) = spawn::reap(false) {
            if pid == target {
                let (kind, value) = match end {
                    End::Exit(code) => (b'x', code),
                    End::Signal(signal) => (b's', signal),
                };
                left::tell_left();
                tell(b'D', &[kind, value]);
                exit(0);
            }
        }
        let _ = ppoll(&mut [PollFd::readable(&signals)], None);
        while let Ok(number) = next_signal(&signals) {
            if number != SIGCHLD {
                let _ = spawn::kill(target as i32, u8::try_from(number).unwrap_or(SIGTERM));
            }
        }
    }
}
