//! The program's own process, from fork to exec: limits, what it keeps, the filter.
//!
//! Runs in: the child of the cage's first process, inside all other layers. In: what the launcher decided. Out: each layer as
//! this process itself reads it back; the number of the listener; then it is the program. Never: execs before the launcher,
//! who hears of the exec as of any refused call, lets it go on.
use alloc::ffi::CString;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::CStr;
use core::fmt::Write;

use bailiff::shims::cage::notify::install;
use bailiff::shims::cage::spawn::{self, Child, Side};
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::identity::{self, Capabilities};
use bailiff::shims::io::{pread, write};
use bailiff::shims::process::{Limit, exit, limit, set_limits, unblock_signals};

use crate::inside::{Before, PROGRAM, channel, give_up, missing_or, step, tell};
use crate::root::Failed;
use crate::text::said;

/// The program's process.
pub(crate) fn fork(before: &Before<'_>, landlock: &str) -> Result<Child, Failed> {
    match spawn::fork(0).map_err(step("clone"))? {
        Side::Parent(child) => Ok(child),
        Side::Child => {
            let failed = become_program(before, landlock);
            give_up(failed)
        }
    }
}

/// The last layers, and exec. Returns only when that failed.
fn become_program(before: &Before<'_>, landlock: &str) -> Failed {
    match last_layers(before, landlock) {
        Ok(()) => {}
        Err(failed) => return failed,
    }
    let (mut argv_room, mut env_room) = (Vec::new(), Vec::new());
    argv_room.resize(before.argv.len() + 1, 0);
    env_room.resize(before.env.len() + 1, 0);
    let argv: Vec<&CStr> = before.argv.iter().map(CString::as_c_str).collect();
    let env: Vec<&CStr> = before.env.iter().map(CString::as_c_str).collect();
    let lists = spawn::List::new(&argv, &mut argv_room).zip(spawn::List::new(&env, &mut env_room));
    let Some((argv, env)) = lists else { return step("argv")(Errno::EINVAL) };
    let program = core::mem::ManuallyDrop::new(Fd::given(PROGRAM));
    let listener = match install(before.filter) {
        Ok(listener) => listener,
        Err(errno) => return step("missing: seccomp user notification (Linux 5.0)")(errno),
    };
    let number = said(format_args!("N{}", listener.number()));
    let _ = write(&channel(), number.as_bytes());
    listener.leave_open();
    let errno = spawn::exec(&program, &argv, &env);
    let what = said(format_args!("E{}\0execveat", errno.0));
    let _ = write(&channel(), what.as_bytes());
    exit(crate::outcome::code::SETUP)
}

fn last_layers(before: &Before<'_>, landlock: &str) -> Result<(), Failed> {
    let policy = before.policy;
    if policy.no_write_exec {
        missing_or(policy, "PR_SET_MDWE (Linux 6.3)", identity::set_no_write_exec())?;
    }
    let (limits, mut report) = (policy.limits, String::new());
    for (name, which, most) in [
        ("RLIMIT_CORE", Limit::Core, Some(0)),
        ("RLIMIT_MEMLOCK", Limit::Memlock, Some(0)),
        ("RLIMIT_CPU", Limit::Cpu, limits.cpu_s),
        ("RLIMIT_AS", Limit::As, limits.memory),
        ("RLIMIT_FSIZE", Limit::Fsize, limits.file_size),
        // The first process of the cage is one of them.
        ("RLIMIT_NPROC", Limit::Nproc, limits.processes.map(|n| n.saturating_add(1))),
        ("RLIMIT_NOFILE", Limit::Nofile, Some(limits.descriptors)),
    ] {
        let Some(most) = most else { continue };
        // SIGXCPU comes a second before the kernel ends it without a word.
        let hard = if which == Limit::Cpu { most.saturating_add(1) } else { most };
        set_limits(which, most, hard).map_err(step(name))?;
        let now = limit(which).map_err(step(name))?;
        let _ = writeln!(report, "{name}\0{now}");
    }
    spawn::close_at_exec(3, u32::MAX).map_err(step("close_range"))?;
    for number in &policy.keep {
        spawn::keep_over_exec(*number, true).map_err(step("keep"))?;
    }
    let mut magic = [0u8; 2];
    let program = core::mem::ManuallyDrop::new(Fd::given(PROGRAM));
    if pread(&program, &mut magic, 0) == Ok(2) && magic == *b"#!" {
        // The kernel gives the interpreter /dev/fd/N: the script must stay open for it.
        spawn::keep_over_exec(PROGRAM.into(), true).map_err(step("script"))?;
    }
    unblock_signals().map_err(step("sigmask"))?;
    read_back(before, landlock, report)
}

/// What is in force, as this process sees it itself.
fn read_back(before: &Before<'_>, landlock: &str, mut report: String) -> Result<(), Failed> {
    let caps = identity::capabilities().map_err(step("capget"))?;
    let ids = identity::uids().map_err(step("getresuid"))?;
    let nnp = identity::no_new_privs().map_err(step("PR_GET_NO_NEW_PRIVS"))?;
    let bits = identity::securebits().map_err(step("PR_GET_SECUREBITS"))?;
    let Capabilities { effective, permitted, inheritable } = caps;
    let _ = writeln!(report, "uid\0{}\nno_new_privs\0{nnp}\nsecurebits\0{bits:#x}", ids[0]);
    let _ =
        writeln!(report, "capabilities\0{effective:x}/{permitted:x}/{inheritable:x}\nlandlock\0{landlock}");
    let _ = write!(report, "filter\0{} instructions", before.filter.len());
    tell(b'L', report.as_bytes());
    let holds = caps == Capabilities::default()
        && ids == [before.who.0; 3]
        && nnp == 1
        && bits == identity::SECUREBITS;
    if holds { Ok(()) } else { Err((String::from("identity read back differs"), Errno::EPERM)) }
}
