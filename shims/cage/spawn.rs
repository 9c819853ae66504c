//! Processes of a cage: how they are made, told apart, ended and accounted for.
use crate::shims::arch::{nr, syscall0, syscall2, syscall3, syscall4, syscall5};
use crate::shims::errno::{Errno, done, value};
use crate::shims::fd::Fd;
use crate::shims::process::End;
use core::ffi::CStr;

/// CLONE_NEWTIME (linux/sched.h, 6.18): for unshare(2) only, in force for children.
pub const CLONE_NEWTIME: u32 = 0x80;

/// A process of the cage: its number, as its maker sees it, and a descriptor that means it and no other.
#[derive(Debug)]
pub struct Child {
    /// The number.
    pub pid: u32,
    /// pidfd: readable once the process has ended.
    pub fd: Fd,
}

/// Which side of `fork` this is.
#[derive(Debug)]
pub enum Side {
    /// The new process.
    Child,
    /// The old one.
    Parent(Child),
}

/// Copies this process into new namespaces of these kinds (clone(2), CLONE_PIDFD, SIGCHLD at its end).
pub fn fork(namespaces: u32) -> Result<Side, Errno> {
    const CLONE_PIDFD_SIGCHLD: usize = 0x1000 | 17;
    let mut pidfd = 0i32;
    let at = &raw mut pidfd as usize;
    // SAFETY: no memory is shared and no stack given, so the child goes on with a copy, as after fork(2); there is one
    // thread. The kernel writes the descriptor's number into `pidfd` of the parent.
    let ret = unsafe { syscall5::<{ nr::CLONE }>(namespaces as usize | CLONE_PIDFD_SIGCHLD, 0, at, 0, 0) };
    side(ret, core::hint::black_box(pidfd))
}

/// The same, into this control group from the first moment on (clone3(2), CLONE_INTO_CGROUP, Linux 5.7).
pub fn fork_into(namespaces: u32, group: &Fd) -> Result<Side, Errno> {
    const CLONE_INTO_CGROUP_PIDFD: u64 = 0x2_0000_1000;
    const SIGCHLD: u64 = 17;
    let mut pidfd = 0i32;
    let flags = CLONE_INTO_CGROUP_PIDFD | u64::from(namespaces);
    // struct clone_args: flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup.
    let args = [flags, &raw mut pidfd as u64, 0, 0, SIGCHLD, 0, 0, 0, 0, 0, group.arg() as u64];
    let at = args.as_ptr() as usize;
    // SAFETY: as in `fork`; the kernel only reads the 88 bytes of the struct.
    let ret = unsafe { syscall2::<{ nr::CLONE3 }>(at, 88) };
    core::hint::black_box(&args);
    side(ret, core::hint::black_box(pidfd))
}

fn side(ret: isize, pidfd: i32) -> Result<Side, Errno> {
    match value(ret)? {
        0 => Ok(Side::Child),
        pid => Ok(Side::Parent(Child { pid: pid as u32, fd: Fd::new(pidfd as isize)? })),
    }
}

/// Sends a signal to a process, by its descriptor (pidfd_send_signal(2)).
pub fn signal(process: &Fd, number: u8) -> Result<(), Errno> {
    // SAFETY: no info is given, the kernel makes it.
    done(unsafe { syscall4::<{ nr::PIDFD_SEND_SIGNAL }>(process.arg(), number.into(), 0, 0) })
}

/// A copy of descriptor `number` of that process (pidfd_getfd(2), Linux 5.6); needs the right to trace it.
pub fn fetch(process: &Fd, number: u32) -> Result<Fd, Errno> {
    // SAFETY: takes no memory.
    Fd::new(unsafe { syscall3::<{ nr::PIDFD_GETFD }>(process.arg(), number as usize, 0) })
}

/// A descriptor that means this process (pidfd_open(2)).
pub fn open_process(pid: u32) -> Result<Fd, Errno> {
    // SAFETY: takes no memory.
    Fd::new(unsafe { syscall2::<{ nr::PIDFD_OPEN }>(pid as usize, 0) })
}

/// What the processes that were waited for used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Used {
    /// Microseconds of user time.
    pub user_us: u64,
    /// Microseconds of system time.
    pub system_us: u64,
    /// Largest resident set in KiB.
    pub peak_kib: u64,
}

/// The next child that has ended (wait4(2)): its number, how, what it and those it waited for used. With `wait` false
/// `None` when none has.
pub fn reap(wait: bool) -> Result<Option<(u32, End, Used)>, Errno> {
    const WNOHANG: usize = 1;
    let (mut status, mut usage) = (0u32, [0i64; 18]);
    let (at, used) = (&raw mut status as usize, usage.as_mut_ptr() as usize);
    let flags = if wait { 0 } else { WNOHANG };
    // SAFETY: the kernel writes one word into `status` and struct rusage, 144 bytes, into `usage`.
    let pid = value(unsafe { syscall4::<{ nr::WAIT4 }>(usize::MAX, at, flags, used) })?;
    if pid == 0 {
        return Ok(None);
    }
    let (status, usage) = core::hint::black_box((status, usage));
    let signal = (status & 0x7f) as u8;
    let end = if signal == 0 { End::Exit((status >> 8) as u8) } else { End::Signal(signal) };
    let [us, uu, ss, su, peak, ..] = usage.map(i64::unsigned_abs);
    let micros = |s: u64, u: u64| s.saturating_mul(1_000_000).saturating_add(u);
    let used = Used { user_us: micros(us, uu), system_us: micros(ss, su), peak_kib: peak };
    Ok(Some((pid as u32, end, used)))
}

/// kill(2): `pid` is a process of this pid namespace that the caller has not reaped; 0 is its own group, -1 all.
pub fn kill(pid: i32, number: u8) -> Result<(), Errno> {
    // SAFETY: takes no memory.
    done(unsafe { syscall2::<{ nr::KILL }>(pid as usize, number.into()) })
}

/// A session of its own, without a terminal (setsid(2)).
pub fn new_session() -> Result<(), Errno> {
    // SAFETY: takes no memory.
    done(unsafe { syscall0::<{ nr::SETSID }>() })
}

/// This process gets `signal` when the one that made it ends (PR_SET_PDEATHSIG). A change of user takes it back.
pub fn die_with_parent(signal: u8) -> Result<(), Errno> {
    // SAFETY: takes numbers only.
    done(unsafe { syscall5::<{ nr::PRCTL }>(1, signal.into(), 0, 0, 0) })
}

/// The number of the process that made this one, 0 when it is in another pid namespace (getppid(2)).
pub fn parent() -> u32 {
    // SAFETY: takes no memory.
    value(unsafe { syscall0::<{ nr::GETPPID }>() }).unwrap_or(0) as u32
}

/// This process's number (getpid(2)).
pub fn own_number() -> u32 {
    // SAFETY: takes no memory.
    value(unsafe { syscall0::<{ nr::GETPID }>() }).unwrap_or(0) as u32
}

/// A NULL-ended list of texts, as execve takes it.
#[derive(Debug)]
pub struct List<'a> {
    pointers: &'a [usize],
}

impl<'a> List<'a> {
    /// Fills `room` with the texts' places and a NULL; `None` when it is too small.
    pub fn new(texts: &[&'a CStr], room: &'a mut [usize]) -> Option<Self> {
        let (list, _) = room.split_at_mut_checked(texts.len().checked_add(1)?)?;
        for (slot, text) in list.iter_mut().zip(texts.iter().map(|t| t.as_ptr() as usize).chain([0])) {
            *slot = text;
        }
        Some(Self { pointers: list })
    }
}

/// Becomes the program in this open file (execveat(2), AT_EMPTY_PATH). Returns only when that failed.
pub fn exec(program: &Fd, argv: &List<'_>, env: &List<'_>) -> Errno {
    const AT_EMPTY_PATH: usize = 0x1000;
    let (path, list, env) =
        (c"".as_ptr() as usize, argv.pointers.as_ptr() as usize, env.pointers.as_ptr() as usize);
    // SAFETY: the kernel only reads: an empty path, two NULL-ended lists of NUL-ended texts that outlive the call.
    let ret = unsafe { syscall5::<{ nr::EXECVEAT }>(program.arg(), path, list, env, AT_EMPTY_PATH) };
    value(ret).err().unwrap_or(Errno::EIO)
}

/// A pipe: reading end, writing end (pipe2(2), O_CLOEXEC).
pub fn pipe() -> Result<(Fd, Fd), Errno> {
    const O_CLOEXEC: usize = 0o2_000_000;
    let mut ends = [0i32; 2];
    let at = ends.as_mut_ptr() as usize;
    // SAFETY: the kernel writes two descriptor numbers into `ends`.
    done(unsafe { syscall2::<{ nr::PIPE2 }>(at, O_CLOEXEC) })?;
    let [reads, writes] = core::hint::black_box(ends);
    Ok((Fd::new(reads as isize)?, Fd::new(writes as isize)?))
}

/// Makes an open file keep its number across exec, or not (fcntl(2), F_SETFD).
pub fn keep_over_exec(number: u32, keep: bool) -> Result<(), Errno> {
    const F_SETFD: usize = 2;
    // SAFETY: takes no memory.
    done(unsafe { syscall3::<{ nr::FCNTL }>(number as usize, F_SETFD, usize::from(!keep)) })
}

/// Marks the descriptors from `first` to `last` to be closed by exec (close_range(2), CLOSE_RANGE_CLOEXEC, Linux 5.11).
pub fn close_at_exec(first: u32, last: u32) -> Result<(), Errno> {
    const CLOSE_RANGE_CLOEXEC: usize = 4;
    // SAFETY: takes no memory.
    done(unsafe { syscall3::<{ nr::CLOSE_RANGE }>(first as usize, last as usize, CLOSE_RANGE_CLOEXEC) })
}

/// Closes the descriptors from `first` to `last` (close_range(2)), whoever may have opened them.
pub fn close_between(first: u32, last: u32) -> Result<(), Errno> {
    // SAFETY: takes no memory; descriptors closed under an `Fd` only make later calls on it answer EBADF.
    done(unsafe { syscall3::<{ nr::CLOSE_RANGE }>(first as usize, last as usize, 0) })
}

/// Brings the interface `lo` of this network namespace up (ioctl SIOCSIFFLAGS, linux/sockios.h), through a socket.
pub fn loopback_up(socket: &Fd) -> Result<(), Errno> {
    const SIOCSIFFLAGS: usize = 0x8914;
    const IFF_UP: u8 = 1;
    // struct ifreq: 16 bytes of name, then the flags.
    let mut request = [0u8; 40];
    for (slot, b) in request.iter_mut().zip(*b"lo") {
        *slot = b;
    }
    if let Some(flags) = request.get_mut(16) {
        *flags = IFF_UP;
    }
    let at = request.as_ptr() as usize;
    // SAFETY: the kernel only reads struct ifreq, 40 bytes.
    let ret = unsafe { syscall3::<{ nr::IOCTL }>(socket.arg(), SIOCSIFFLAGS, at) };
    core::hint::black_box(&request);
    done(ret)
}

/// A datagram socket of family inet (socket(2)), for `loopback_up`.
pub fn inet_socket() -> Result<Fd, Errno> {
    const AF_INET: usize = 2;
    const SOCK_DGRAM_CLOEXEC: usize = 0o2_000_002;
    // SAFETY: takes no memory.
    Fd::new(unsafe { syscall3::<{ nr::SOCKET }>(AF_INET, SOCK_DGRAM_CLOEXEC, 0) })
}
