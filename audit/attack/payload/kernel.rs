//! Attempts at the kernel itself: tracing, mounts, roots, namespaces, handles, keys, rings, what only an administrator may.
//!
//! Runs in: the payload program. Where an argument is invalid on purpose, the call still gets past every check of rights outside a
//! cage, and harms nobody should a cage be open: the test names the error that shows this.
use crate::calls::{HERE, nr, sys};
use crate::processes::child;
use crate::{Attempt, Given};

const MS_REMOUNT_BIND: usize = 32 | 4096;
const MS_BIND: usize = 4096;
const MS_MOVE: usize = 8192;
const CLONE_NEWUSER: usize = 0x1000_0000;
const CLONE_NEWNET: usize = 0x4000_0000;

fn at(text: &core::ffi::CStr) -> usize {
    text.as_ptr() as usize
}

fn mount(from: &core::ffi::CStr, to: usize, kind: &core::ffi::CStr, flags: usize) -> isize {
    sys(nr::MOUNT, [at(from), to, at(kind), flags, 0])
}

/// A tmpfs that is mounted nowhere yet.
fn detached() -> isize {
    let context = sys(nr::FSOPEN, [at(c"tmpfs"), 0]);
    let _ = sys(nr::FSCONFIG, [context as usize, 6, 0, 0, 0]);
    sys(nr::FSMOUNT, [context as usize, 0, 0])
}

fn chroot_escape(given: &Given<'_>) -> isize {
    let _ = sys(nr::MKDIRAT, [HERE, given.path(0), 0o755]);
    let root = sys(nr::OPENAT, [HERE, at(c"/"), 0o200_000, 0]);
    let first = sys(nr::CHROOT, [given.path(0)]);
    let _ = sys(nr::FCHDIR, [root as usize]);
    for _ in 0..64 {
        let _ = sys(nr::CHDIR, [at(c"..")]);
    }
    if first < 0 { first } else { sys(nr::CHROOT, [at(c".")]) }
}

fn pivot(given: &Given<'_>) -> isize {
    let _ = mount(c"none", given.path(0), c"tmpfs", 0);
    let _ = sys(nr::CHDIR, [given.path(0)]);
    sys(nr::PIVOT_ROOT, [at(c"."), at(c".")])
}

fn setns(given: &Given<'_>) -> isize {
    let fd = sys(nr::OPENAT, [HERE, given.path(0), 0o2_000_000, 0]);
    sys(nr::SETNS, [fd as usize, 0])
}

/// The inode 2 of the file system that holds the first argument, by handle (the "shocker").
fn handle(given: &Given<'_>) -> isize {
    let root: [u32; 4] = [8, 1, 2, 0];
    let file = sys(nr::OPENAT, [HERE, given.path(0), 0, 0]);
    sys(nr::OPEN_BY_HANDLE_AT, [file as usize, (&raw const root) as usize, 0])
}

fn handle_name(_: &Given<'_>) -> isize {
    let mut room = [0u32; 34];
    room[0] = 128;
    let mut mount = 0u32;
    let to = (&raw mut mount) as usize;
    sys(nr::NAME_TO_HANDLE_AT, [HERE, at(c"/"), room.as_mut_ptr() as usize, to, 0])
}

fn clone3(_: &Given<'_>) -> isize {
    let args: [u64; 8] = [CLONE_NEWUSER as u64, 0, 0, 0, 17, 0, 0, 0];
    child(sys(nr::CLONE3, [args.as_ptr() as usize, 64]))
}

fn user_then_net(_: &Given<'_>) -> isize {
    let first = sys(nr::UNSHARE, [CLONE_NEWUSER]);
    let then = sys(nr::UNSHARE, [CLONE_NEWNET]);
    if first < 0 { first } else { then }
}

fn ring(_: &Given<'_>) -> isize {
    let mut parameters = [0u32; 30];
    sys(nr::IO_URING_SETUP, [4, parameters.as_mut_ptr() as usize])
}

fn key() -> isize {
    sys(nr::ADD_KEY, [at(c"user"), at(c"payload"), at(c"x"), 1, -2isize as usize])
}

fn request_key(_: &Given<'_>) -> isize {
    let _ = key();
    sys(nr::REQUEST_KEY, [at(c"user"), at(c"payload"), 0, 0])
}

fn map(_: &Given<'_>) -> isize {
    let array: [u32; 18] = [2, 4, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    sys(nr::BPF, [0, array.as_ptr() as usize, 72])
}

fn perf(_: &Given<'_>) -> isize {
    let mut attributes = [0u32; 32];
    attributes[0] = 1;
    attributes[1] = 128;
    sys(nr::PERF_EVENT_OPEN, [attributes.as_ptr() as usize, 0, usize::MAX, usize::MAX, 0])
}

fn move_mount(given: &Given<'_>) -> isize {
    sys(nr::MOVE_MOUNT, [detached() as usize, at(c""), HERE, given.path(0), 4])
}

fn setattr(_: &Given<'_>) -> isize {
    let nosuid: [u64; 4] = [2, 0, 0, 0];
    sys(nr::MOUNT_SETATTR, [HERE, at(c"/"), 0, nosuid.as_ptr() as usize, 32])
}

fn seize(given: &Given<'_>) -> isize {
    sys(nr::PTRACE, [0x4206, given.number(0), 0, 0])
}

fn remote(number: u32, pid: usize) -> isize {
    let mut byte = [0u8; 8];
    let ours = [byte.as_mut_ptr() as usize, 8];
    // The first bytes that the argument's process has mapped are not known here: EFAULT says that it may be read.
    let theirs = [0x1000usize, 8];
    sys(number, [pid, ours.as_ptr() as usize, 1, theirs.as_ptr() as usize, 1, 0])
}

fn take_descriptor(given: &Given<'_>) -> isize {
    let process = sys(nr::PIDFD_OPEN, [given.number(0), 0]);
    sys(nr::PIDFD_GETFD, [process as usize, 0, 0])
}

pub(crate) const ATTEMPTS: &[(&str, Attempt)] = &[
    ("ptrace.traceme", |_| sys(nr::PTRACE, [0, 0, 0, 0])),
    ("ptrace.attach", |given| sys(nr::PTRACE, [16, given.number(0), 0, 0])),
    ("ptrace.seize", seize),
    ("mount.bind", |given| mount(c"/", given.path(0), c"none", MS_BIND)),
    ("mount.tmpfs", |given| mount(c"none", given.path(0), c"tmpfs", 0)),
    ("mount.remount", |_| mount(c"none", at(c"/"), c"none", MS_REMOUNT_BIND)),
    ("mount.move", |given| mount(c"/proc", given.path(0), c"none", MS_MOVE)),
    ("mount.umount", |_| sys(nr::UMOUNT2, [at(c"/proc"), 2])),
    ("mount.fsopen", |_| sys(nr::FSOPEN, [at(c"tmpfs"), 0])),
    ("mount.fsmount", |_| detached()),
    ("mount.open_tree", |_| sys(nr::OPEN_TREE, [HERE, at(c"/"), 1])),
    ("mount.move_mount", move_mount),
    ("mount.setattr", setattr),
    ("chroot.plain", |_| sys(nr::CHROOT, [at(c"/")])),
    ("chroot.escape", chroot_escape),
    ("pivot.root", pivot),
    ("ns.set", setns),
    ("ns.user", |_| sys(nr::UNSHARE, [CLONE_NEWUSER])),
    ("ns.net", |_| sys(nr::UNSHARE, [CLONE_NEWNET])),
    ("ns.user_then_net", user_then_net),
    ("ns.clone_user", |_| child(sys(nr::CLONE, [CLONE_NEWUSER | 17, 0, 0, 0, 0]))),
    ("ns.clone_high", |_| child(sys(nr::CLONE, [1 << 32 | CLONE_NEWUSER | 17, 0, 0, 0, 0]))),
    ("ns.clone3_user", clone3),
    ("handle.name", handle_name),
    ("handle.open", handle),
    ("uring.setup", ring),
    ("uring.enter", |_| sys(nr::IO_URING_ENTER, [usize::MAX, 0, 0, 0, 0, 0])),
    ("uring.register", |_| sys(nr::IO_URING_REGISTER, [usize::MAX, 0, 0, 0])),
    ("keys.keyctl", |_| sys(nr::KEYCTL, [0, -3isize as usize, 1])),
    ("keys.add", |_| key()),
    ("keys.request", request_key),
    ("keys.read", |_| sys(nr::KEYCTL, [11, -3isize as usize, 0, 0])),
    ("kernel.bpf", map),
    ("kernel.perf", perf),
    ("kernel.userfaultfd", |_| sys(nr::USERFAULTFD, [1])),
    ("kernel.kexec", |_| sys(nr::KEXEC_LOAD, [0, 0, 0, 0])),
    ("kernel.module", |_| sys(nr::INIT_MODULE, [at(c"x"), 1, at(c"")])),
    ("kernel.swapon", |_| sys(nr::SWAPON, [at(c"/nothing/here"), 0])),
    ("kernel.acct", |_| sys(nr::ACCT, [at(c"/nothing/here")])),
    ("kernel.quotactl", |_| sys(nr::QUOTACTL, [0x8000_0700, at(c"/nothing/here"), 0, 0])),
    ("kernel.settime", |_| sys(nr::SETTIMEOFDAY, [0, 0])),
    ("kernel.reboot", |_| sys(nr::REBOOT, [0, 0, 0, 0])),
    ("kernel.syslog", |_| sys(nr::SYSLOG, [10, 0, 0])),
    #[cfg(target_arch = "x86_64")]
    ("kernel.iopl", |_| sys(nr::IOPL, [3])),
    #[cfg(target_arch = "x86_64")]
    ("kernel.ioperm", |_| sys(nr::IOPERM, [0x80, 1, 1])),
    ("vm.readv", |given| remote(nr::PROCESS_VM_READV, given.number(0))),
    ("vm.writev", |given| remote(nr::PROCESS_VM_WRITEV, given.number(0))),
    ("pidfd.getfd", take_descriptor),
    ("pidfd.open", |given| sys(nr::PIDFD_OPEN, [given.number(0), 0])),
    ("kcmp.vm", |given| sys(nr::KCMP, [sys(nr::GETPID, []) as usize, given.number(0), 1, 0, 0])),
];
