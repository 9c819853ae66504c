//! `bailiff-launcher ROLE`: the launcher. Started by the warden for each role, it closes the outer cage around itself and then
//! becomes the role's program.
//!
//! Runs: as root for milliseconds (or as the only user of a user namespace). In: its row of `cages`, one `Launch`
//! record from the warden on descriptor 0, and the role's program, open, on the last descriptor. Out: the role's
//! program, inside. Never: opens a file, chooses a program, goes on after a step that failed.
//!
//! The order is the argument: each step still needs what the next one takes away.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

#[expect(unsafe_code, reason = "process entry")]
#[path = "../../../shims/rt/mod.rs"]
mod rt;

use bailiff::shared::base::cage::Failed;
use bailiff::shared::base::cage::identity::{Who, become_user};
use bailiff::shared::base::cage::landlock::{self, Rule};
use bailiff::shared::base::enter::install;
use bailiff::shared::base::log::{Level, Log};
use bailiff::shared::cages::{Cage, Role, cage, rules};
use bailiff::shared::pure::bytes::{Text, decimal};
use bailiff::shared::pure::wire::batch;
use bailiff::shared::pure::wire::source::Launch;
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::{At, flags, open};
use bailiff::shims::mount::{empty_root, unshare};
use bailiff::shims::process::{Argv, Limit, Start, exec, namespace, set_limit};
use bailiff::shims::sockets;

/// Exit codes: usage, and a kernel that refused.
const USAGE: u8 = 100;
const SYSTEM: u8 = 111;

fn main(start: &Start) -> u8 {
    let log = Log::new("cage");
    let role = start.arg(1).and_then(Role::named);
    let program = start.arg(2).and_then(decimal).and_then(|n| u8::try_from(n).ok());
    let (Some(role), Some(program)) = (role, program) else {
        log.say(
            Level::Error,
            "usage: bailiff-launcher watcher|tracker|enforcer|compiler DESCRIPTOR (started by bailiffd)",
        );
        return USAGE;
    };
    let channel = Fd::given(0);
    let Some(launch) = launch(&channel) else {
        log.say(Level::Error, "no launch record on descriptor 0");
        return 112;
    };
    let row = cage(role);
    let Ok(program) = last(Fd::given(program)) else {
        log.say(Level::Error, "no program on the last descriptor");
        return USAGE;
    };
    let Err(Failed(what, errno)) = close(row, &launch, &program, &log) else {
        let errno = become_role(row, &launch, &program);
        log.refused(Level::Error, "execveat", errno);
        return SYSTEM;
    };
    log.line(Level::Error, |t| {
        t.bytes(role.word().to_bytes()).bytes(b": ").bytes(what.as_bytes()).bytes(b": ");
        t.bytes(errno.name().as_bytes()).bytes(b" (").dec(errno.0.into()).byte(b')');
    });
    SYSTEM
}

/// The program under the next number, where it does not outlive the exec: the role is not given its own file.
fn last(program: Fd) -> Result<Fd, Errno> {
    let number = u8::try_from(program.number()).ok().and_then(|n| n.checked_add(1)).ok_or(Errno::EINVAL)?;
    program.copy_to(number, true)?;
    Ok(Fd::given(number))
}

/// The one record of the warden that is for the launcher.
fn launch(channel: &Fd) -> Option<Launch> {
    let mut buf = [0u8; 64];
    let len = sockets::receive(channel, &mut buf, true).ok()?;
    batch::records::<Launch>(buf.get(..len)?)?.next()?
}

/// Closes the outer cage, layer by layer.
fn close(row: &Cage, launch: &Launch, program: &Fd, log: &Log) -> Result<(), Failed> {
    let step = |what: &'static str| move |errno| Failed(what, errno);
    // 1. Nothing that somebody left open comes along: behind the program's descriptor all is closed.
    Fd::close_from(program.number().wrapping_add(1)).map_err(step("close_range"))?;
    // 2. Own namespaces, and in them an empty root. The pid namespace is there already: the warden's clone made it.
    unshare(row.namespaces & !namespace::CLONE_NEWPID).map_err(step("unshare"))?;
    empty_root().map_err(step("empty root"))?;
    // 3. Who this is: ids, capabilities, securebits, no new privileges.
    let Launch { uid, gid, own_ids, .. } = *launch;
    become_user(&Who { uid, gid, own_ids, capabilities: row.capabilities })?;
    // 4. No file, no TCP, no abstract socket, no signal to the outside, even if a descriptor leaked.
    domain(program, launch, log)?;
    // 5. Limits. Only now: a process limit of 0 would make exec fail if it came before the change of user.
    for (limit, most) in [
        (Limit::Core, 0),
        (Limit::Nproc, 0),
        (Limit::Memlock, 0),
        (Limit::Nofile, row.descriptors),
        (Limit::As, row.memory.unwrap_or(launch.memory)),
    ] {
        set_limit(limit, most).map_err(step("prlimit64"))?;
    }
    if let Some(most) = row.seconds {
        set_limit(Limit::Cpu, most).map_err(step("prlimit64"))?;
    }
    // 6. The role's calls and what is still needed to get there. The role itself removes the rest.
    filter(row)
}

/// Closes the Landlock domain but for the one program, and proves it: afterwards not even the empty root can be opened.
fn domain(program: &Fd, launch: &Launch, log: &Log) -> Result<(), Failed> {
    let rights = landlock::EXECUTE | landlock::READ_FILE;
    let rule = Rule { rights, file: program, is_directory: false };
    let abi = landlock::close(&[rule], landlock::TCP, landlock::NEWEST, |what, errno| match launch.warn {
        true => {
            log.refused(Level::Warning, what, errno);
            Ok(())
        }
        false => Err(Failed(what, errno)),
    })?;
    match open(At::Cwd, b"/", flags::O_DIRECTORY, 0, 0) {
        Err(Errno::EACCES) => Ok(()),
        _ if abi == 0 => Ok(()),
        _ => Err(Failed("Landlock read back: the root could be opened", Errno::EPERM)),
    }
}

fn filter(row: &Cage) -> Result<(), Failed> {
    use bailiff::shims::arch::nr::{EXECVEAT, EXIT_GROUP, WRITE};
    let mut list = [(0, 0); 100];
    let used = rules(row, false, &[EXECVEAT, EXIT_GROUP, WRITE], &mut list);
    let rules = used.and_then(|n| list.get(..n)).ok_or(Failed("seccomp rules", Errno::EINVAL))?;
    install(rules).map_err(|open| Failed(open.what(), Errno::EINVAL))
}

/// Becomes the role's program, which is told the uid it must find itself with.
fn become_role(row: &Cage, launch: &Launch, program: &Fd) -> Errno {
    let mut buf = [0u8; 11];
    let len = Text::new(&mut buf).dec(launch.uid.into()).length();
    if let Some(end) = buf.get_mut(len) {
        *end = 0;
    }
    let Ok(uid) = core::ffi::CStr::from_bytes_until_nul(&buf) else { return Errno::EINVAL };
    exec(program, &Argv::new().arg(row.program).arg(uid))
}
