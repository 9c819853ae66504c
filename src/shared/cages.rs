//! THE privilege table: what each program may do, side by side.
//!
//! Read by: the warden (who is started how), the launcher (which closes the outer cage), each program as it closes
//! the inner one, and audit/syscalls.sh, which compares the lists with the disassembly and with a traced run.
use crate::shims::arch::nr::*;
use crate::shims::identity::cap::*;
use crate::shims::process::namespace::*;

/// A program that the warden starts in a cage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Reads logs.
    Watcher,
    /// Counts and decides.
    Tracker,
    /// Writes to the firewall.
    Enforcer,
    /// Compiles the operator's own filters, at start, and ends.
    Compiler,
}

/// What one program may do.
#[derive(Debug)]
pub struct Cage {
    /// File name of the program.
    pub program: &'static core::ffi::CStr,
    /// Account that it runs as; each role has its own.
    pub user: &'static str,
    /// Capabilities it keeps, in force after the launcher.
    pub capabilities: u64,
    /// Namespaces of its own. A pid namespace is made by the warden's clone, the rest by the launcher.
    pub namespaces: u32,
    /// Most descriptors.
    pub descriptors: u64,
    /// Most bytes of address space; `None`: what the configured ceiling leaves (tracker).
    pub memory: Option<u64>,
    /// Most seconds of a processor; `None`: it runs for as long as the daemon.
    pub seconds: Option<u64>,
    /// Calls it makes only until its cage is closed; afterwards they answer EPERM.
    pub enter: &'static [u32],
    /// Calls it makes for the rest of its life.
    pub run: &'static [u32],
}

/// Every role, in the order in which they are started; they are stopped in the reverse order.
pub const ROLES: [Role; 3] = [Role::Enforcer, Role::Tracker, Role::Watcher];

/// Every program that is started in a cage.
pub const CAGED: [Role; 4] = [Role::Enforcer, Role::Tracker, Role::Watcher, Role::Compiler];

/// Descriptors are given as 0, 1, 2, ... in the order of docs/architecture.md; 2 is the log.
const ISOLATED: u32 =
    CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

/// What `enter` itself needs: the reads that check the cage, and the filter that closes it.
const CLOSE_CAGE: &[u32] = &[MPROTECT, PRCTL, CAPGET, CAPSET, GETRESUID, PRLIMIT64, SECCOMP, MMAP];

const WATCHER: Cage = Cage {
    program: c"bailiff-watcher",
    user: "bailiff-watcher",
    capabilities: 0,
    namespaces: ISOLATED,
    descriptors: 1040,
    memory: Some(2 << 20),
    seconds: None,
    enter: CLOSE_CAGE,
    run: &[READ, WRITE, CLOSE, PREAD64, PWRITE64, SENDTO, RECVMSG, PPOLL, STATX, CLOCK_GETTIME, EXIT_GROUP],
};

const TRACKER: Cage = Cage {
    program: c"bailiff-tracker",
    user: "bailiff-tracker",
    capabilities: 0,
    namespaces: ISOLATED,
    descriptors: 64,
    memory: None,
    seconds: None,
    enter: &[
        MPROTECT, PRCTL, CAPGET, CAPSET, GETRESUID, PRLIMIT64, SECCOMP, MMAP, IO_SETUP, EVENTFD2, GETRANDOM,
    ],
    run: &[
        READ,
        WRITE,
        CLOSE,
        PREAD64,
        PWRITE64,
        FTRUNCATE,
        FDATASYNC,
        SENDTO,
        RECVFROM,
        PPOLL,
        ACCEPT4,
        GETSOCKOPT,
        IO_SUBMIT,
        IO_GETEVENTS,
        CLOCK_GETTIME,
        EXIT_GROUP,
    ],
};

const ENFORCER: Cage = Cage {
    program: c"bailiff-enforcer-nft",
    user: "bailiff-enforcer",
    capabilities: CAP_NET_ADMIN,
    namespaces: ISOLATED & !CLONE_NEWNET,
    descriptors: 16,
    memory: Some(4 << 20),
    seconds: None,
    enter: &[MPROTECT, PRCTL, CAPGET, CAPSET, GETRESUID, PRLIMIT64, SECCOMP, MMAP, GETRANDOM, GETSOCKNAME],
    run: &[WRITE, CLOSE, SENDTO, RECVFROM, PPOLL, CLOCK_GETTIME, EXIT_GROUP],
};

const COMPILER: Cage = Cage {
    program: c"bailiff-compiler",
    user: "bailiff-watcher",
    capabilities: 0,
    namespaces: ISOLATED,
    descriptors: 8,
    memory: Some(72 << 20),
    seconds: Some(10),
    enter: CLOSE_CAGE,
    run: &[WRITE, CLOSE, SENDTO, RECVFROM, EXIT_GROUP],
};

/// Calls of the launcher, which runs for milliseconds between the warden's clone and the role's first instruction.
pub const LAUNCHER: &[u32] = &[
    WRITE,
    CLOSE,
    MPROTECT,
    RECVFROM,
    PRLIMIT64,
    UNSHARE,
    MOUNT,
    CHDIR,
    PIVOT_ROOT,
    UMOUNT2,
    SETGROUPS,
    SETRESGID,
    SETRESUID,
    GETRESUID,
    CAPGET,
    CAPSET,
    PRCTL,
    LANDLOCK_CREATE_RULESET,
    LANDLOCK_ADD_RULE,
    LANDLOCK_RESTRICT_SELF,
    OPENAT2,
    SECCOMP,
    EXECVEAT,
    CLOSE_RANGE,
    DUP3,
    EXIT_GROUP,
];

/// Calls of the warden itself. Its filter holds those of the launcher and of all roles too, because filters are
/// inherited.
pub const WARDEN: &[u32] = &[
    READ,
    WRITE,
    CLOSE,
    MPROTECT,
    SOCKET,
    BIND,
    LISTEN,
    SOCKETPAIR,
    SENDTO,
    SENDMSG,
    RECVFROM,
    SETSOCKOPT,
    CLONE,
    WAIT4,
    KILL,
    FLOCK,
    UMASK,
    FCHOWNAT,
    RT_SIGPROCMASK,
    SETPRIORITY,
    SCHED_SETAFFINITY,
    SCHED_GETAFFINITY,
    CLOCK_GETTIME,
    EXIT_GROUP,
    MKDIRAT,
    UNLINKAT,
    READLINKAT,
    PPOLL,
    FSTATFS,
    SIGNALFD4,
    DUP3,
    INOTIFY_INIT1,
    INOTIFY_ADD_WATCH,
    INOTIFY_RM_WATCH,
    GETDENTS64,
    SECCOMP,
    EXECVEAT,
    STATX,
    OPENAT2,
    PRCTL,
    CAPGET,
    CAPSET,
    GETRESUID,
    FTRUNCATE,
];

/// The capabilities that the warden keeps, in its permitted and bounding sets. With CAP_SYS_ADMIN and CAP_SETUID it
/// *is* root (docs/tcb.md); the list says what it uses, not what it could be kept from.
pub const WARDEN_CAPABILITIES: u64 = CAP_CHOWN
    | CAP_DAC_READ_SEARCH
    | CAP_KILL
    | CAP_SETGID
    | CAP_SETUID
    | CAP_SETPCAP
    | CAP_NET_ADMIN
    | CAP_SYS_ADMIN
    | CAP_SYS_NICE;

/// The row of a role.
pub const fn cage(role: Role) -> &'static Cage {
    match role {
        Role::Watcher => &WATCHER,
        Role::Tracker => &TRACKER,
        Role::Enforcer => &ENFORCER,
        Role::Compiler => &COMPILER,
    }
}

impl Role {
    /// The word for this role: the argument of the launcher, the source of its log lines.
    pub const fn word(self) -> &'static core::ffi::CStr {
        match self {
            Self::Watcher => c"watcher",
            Self::Tracker => c"tracker",
            Self::Enforcer => c"enforcer",
            Self::Compiler => c"compiler",
        }
    }

    /// The role of this word.
    pub fn named(word: &[u8]) -> Option<Self> {
        CAGED.into_iter().find(|role| role.word().to_bytes() == word)
    }
}

/// The filter of a cage: its `run` calls allowed, with `more` calls too, and, when `closing`, its `enter` calls
/// refused with EPERM (else allowed). Rules ascend by number. `None` when there are too many.
pub fn rules(cage: &Cage, closing: bool, more: &[u32], out: &mut [(u32, u32); 100]) -> Option<usize> {
    use super::pure::bpf::{ALLOW, REFUSE};
    let mut len = 0;
    let first = if closing { REFUSE } else { ALLOW };
    for (list, action) in [(cage.run, ALLOW), (more, ALLOW), (cage.enter, first)] {
        for number in list {
            len = insert(out, len, (*number, action))?;
        }
    }
    Some(len)
}

/// Puts a rule into its place; a number that is there already keeps its first rule.
pub fn insert(out: &mut [(u32, u32); 100], len: usize, rule: (u32, u32)) -> Option<usize> {
    let used = out.get(..len)?;
    if used.iter().any(|r| r.0 == rule.0) {
        return Some(len);
    }
    let at = used.iter().take_while(|r| r.0 < rule.0).count();
    let longer = len.checked_add(1)?;
    let mut carried = rule;
    for slot in out.get_mut(at..longer)? {
        core::mem::swap(slot, &mut carried);
    }
    Some(longer)
}
