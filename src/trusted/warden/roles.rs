//! Starts and stops the roles, each through the launcher.
//!
//! Runs in: the warden. In: the programs beside its own, open; descriptors to be given. Out: children that hold those
//! descriptors and no other. Never: runs a program by a name that came from elsewhere.
use bailiff::shared::cages::{Role, cage};
use bailiff::shared::pure::wire::batch::Batch;
use bailiff::shared::pure::wire::source::Launch;
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::{At, flags, open, readlink};
use bailiff::shims::process::{Argv, Pid, Side, exec, exit, fork, namespace, unblock_signals};
use bailiff::shims::sockets::{pair, send};

/// The programs that this one starts, opened once at start.
pub(crate) struct Programs {
    launcher: Fd,
    watcher: Fd,
    tracker: Fd,
    enforcer: Fd,
    compiler: Fd,
}

impl Programs {
    /// Opens the programs that lie beside this one (/proc/self/exe).
    pub(crate) fn beside_own() -> Result<Self, Errno> {
        let mut own = [0u8; 255];
        let len = readlink(At::Cwd, b"/proc/self/exe", &mut own)?;
        let own = own.get(..len).unwrap_or(&[]);
        let slash = own.iter().rposition(|b| *b == b'/').ok_or(Errno::ENOENT)?;
        let directory = open(At::Cwd, own.get(..slash.max(1)).unwrap_or(b"/"), flags::O_PATH, 0, 0)?;
        let program = |name: &core::ffi::CStr| open(At::Dir(&directory), name.to_bytes(), 0, 0, 0);
        Ok(Self {
            launcher: program(c"bailiff-launcher")?,
            watcher: program(cage(Role::Watcher).program)?,
            tracker: program(cage(Role::Tracker).program)?,
            enforcer: program(cage(Role::Enforcer).program)?,
            compiler: program(cage(Role::Compiler).program)?,
        })
    }

    fn of(&self, role: Role) -> &Fd {
        match role {
            Role::Watcher => &self.watcher,
            Role::Tracker => &self.tracker,
            Role::Enforcer => &self.enforcer,
            Role::Compiler => &self.compiler,
        }
    }
}

/// A role at work.
pub(crate) struct Child {
    pub(crate) role: Role,
    pub(crate) pid: Pid,
    /// Our end of its channel; closed when the role is asked to finish.
    pub(crate) channel: Option<Fd>,
    /// Whether it has said that it works.
    pub(crate) ready: bool,
    /// Whether its answer to the last ping is still out.
    pub(crate) silent: bool,
    /// What its last pong said.
    pub(crate) figure: u64,
}

/// Starts a role. `given` become its descriptors 1, 2, 3, ...; 0 is its channel. `terms` is its first message.
pub(crate) fn start(
    role: Role,
    programs: &Programs,
    launch: &Launch,
    terms: &[u8],
    given: &[&Fd],
) -> Result<Child, Errno> {
    let (ours, theirs) = pair()?;
    let mut record = Batch::<Launch>::new();
    record.push(launch);
    send(&ours, record.datagram(), true)?;
    send(&ours, terms, true)?;
    match fork(cage(role).namespaces & namespace::CLONE_NEWPID)? {
        Side::Parent(pid) => {
            Ok(Child { role, pid, channel: Some(ours), ready: false, silent: false, figure: 0 })
        }
        Side::Child => {
            // Whatever fails here, the launcher did not start: the warden sees exit code 111.
            let _ = become_launcher(role, programs, &theirs, given);
            exit(111)
        }
    }
}

/// In the child: lays the descriptors out and becomes the launcher. They are copied out of the way first, because a
/// number to be given may be in use for another one.
fn become_launcher(role: Role, programs: &Programs, channel: &Fd, given: &[&Fd]) -> Result<(), Errno> {
    const ASIDE: u8 = 200;
    let all = core::iter::once(channel).chain(given.iter().copied());
    for (at, fd) in (ASIDE..=u8::MAX).zip(all) {
        fd.copy_to(at, true)?;
    }
    let count = u8::try_from(given.len()).map_err(|_| Errno::EINVAL)?.wrapping_add(1);
    let (launcher, program) = (ASIDE.wrapping_add(count), ASIDE.wrapping_add(count).wrapping_add(1));
    programs.launcher.copy_to(launcher, true)?;
    programs.of(role).copy_to(program, true)?;
    for number in 0..count {
        Fd::given(ASIDE.wrapping_add(number)).copy_to(number, false)?;
    }
    Fd::given(program).copy_to(count, false)?;
    unblock_signals()?;
    let mut buf = [0u8; 4];
    let mut text = bailiff::shared::pure::bytes::Text::new(&mut buf);
    text.dec(count.into()).byte(0);
    let place = core::ffi::CStr::from_bytes_until_nul(text.finish()).map_err(|_| Errno::EINVAL)?;
    Err(exec(&Fd::given(launcher), &Argv::new().arg(c"bailiff-launcher").arg(role.word()).arg(place)))
}
