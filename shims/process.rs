//! Processes: starting, ending, signals, limits, processors.
use super::arch::{nr, syscall1, syscall2, syscall3, syscall4, syscall5};
use super::errno::{Errno, done, value};
use super::fd::Fd;

/// A process this one has started. Only such can be signalled through this layer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pid(i32);

impl Pid {
    /// The number, for log lines.
    pub fn number(self) -> u32 {
        self.0.unsigned_abs()
    }
}

/// Namespaces of clone(2) and unshare(2) (linux/sched.h, 6.18).
#[expect(missing_docs, reason = "each is the kernel's own name: see namespaces(7)")]
pub mod namespace {
    pub const CLONE_NEWNS: u32 = 0x2_0000;
    pub const CLONE_NEWCGROUP: u32 = 0x200_0000;
    pub const CLONE_NEWUTS: u32 = 0x400_0000;
    pub const CLONE_NEWIPC: u32 = 0x800_0000;
    pub const CLONE_NEWUSER: u32 = 0x1000_0000;
    pub const CLONE_NEWPID: u32 = 0x2000_0000;
    pub const CLONE_NEWNET: u32 = 0x4000_0000;
}

/// Which side of `fork` this is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The new process.
    Child,
    /// The old one; this is its child.
    Parent(Pid),
}

/// Copies this process into new namespaces of these kinds (clone(2) without shared memory, SIGCHLD at its end).
pub fn fork(namespaces: u32) -> Result<Side, Errno> {
    const SIGCHLD: usize = 17;
    // SAFETY: no memory is shared and no stack given, so the child goes on with a copy, as after fork(2); bailiff's
    // programs have one thread, so no lock is held by a thread that the child lacks.
    let ret = unsafe { syscall5::<{ nr::CLONE }>(namespaces as usize | SIGCHLD, 0, 0, 0, 0) };
    Ok(match value(ret)? {
        0 => Side::Child,
        pid => Side::Parent(Pid(pid as i32)),
    })
}

/// Arguments of a program to be started, as the kernel takes them: at most 7, with their NULs.
#[derive(Debug)]
pub struct Argv<'a> {
    list: [*const u8; 8],
    used: usize,
    texts: core::marker::PhantomData<&'a core::ffi::CStr>,
}

impl<'a> Argv<'a> {
    /// No arguments.
    pub fn new() -> Self {
        Self { list: [core::ptr::null(); 8], used: 0, texts: core::marker::PhantomData }
    }

    /// One more argument; beyond seven, nothing is added.
    pub fn arg(mut self, text: &'a core::ffi::CStr) -> Self {
        if let Some(slot) = self.list.get_mut(self.used).filter(|_| self.used < 7) {
            *slot = text.as_ptr().cast();
            self.used = self.used.wrapping_add(1);
        }
        self
    }
}

impl Default for Argv<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// Becomes the program in this open file (execveat(2), AT_EMPTY_PATH), with an empty environment. Returns only
/// when that failed.
pub fn exec(program: &Fd, argv: &Argv<'_>) -> Errno {
    const AT_EMPTY_PATH: usize = 0x1000;
    let environment = [0usize; 1];
    let (path, list, env) =
        (c"".as_ptr() as usize, argv.list.as_ptr() as usize, environment.as_ptr() as usize);
    // SAFETY: the kernel only reads: an empty path, a NULL-ended list of NUL-ended texts, an empty list.
    let ret = unsafe { syscall5::<{ nr::EXECVEAT }>(program.arg(), path, list, env, AT_EMPTY_PATH) };
    value(ret).err().unwrap_or(Errno::EIO)
}

/// How a process ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// It left with this code.
    Exit(u8),
    /// This signal ended it.
    Signal(u8),
}

/// A child that has ended, and how (wait4(2), WNOHANG); `None` when none has.
pub fn reap() -> Result<Option<(Pid, End)>, Errno> {
    const WNOHANG: usize = 1;
    let mut status = 0u32;
    let at = &raw mut status as usize;
    // SAFETY: the kernel writes one 32-bit word into `status`; no usage is asked for.
    let pid = value(unsafe { syscall4::<{ nr::WAIT4 }>(usize::MAX, at, WNOHANG, 0) })?;
    let status = core::hint::black_box(status);
    if pid == 0 {
        return Ok(None);
    }
    let signal = (status & 0x7f) as u8;
    let end = if signal == 0 { End::Exit((status >> 8) as u8) } else { End::Signal(signal) };
    Ok(Some((Pid(pid as i32), end)))
}

/// Ends a process at once (kill(2), SIGKILL). The caller has not reaped it, so the number still means it.
pub fn kill(pid: Pid) -> Result<(), Errno> {
    // SAFETY: takes no memory.
    done(unsafe { syscall2::<{ nr::KILL }>(pid.0 as usize, 9) })
}

/// SIGHUP, SIGINT, SIGTERM and SIGCHLD (asm-generic/signal.h, 6.18) as bits of a signal set.
const SIGNALS: u64 = 1 << 0 | 1 << 1 | 1 << 14 | 1 << 16;

/// Blocks SIGHUP, SIGINT, SIGTERM and SIGCHLD and returns a descriptor that reads them (signalfd(2)): bailiff's
/// programs have no signal handlers.
pub fn signals() -> Result<Fd, Errno> {
    const SFD_NONBLOCK_CLOEXEC: usize = 0o2_004_000;
    set_blocked(SIGNALS)?;
    let set = SIGNALS;
    let at = &raw const set as usize;
    // SAFETY: the kernel only reads the 8 bytes of the set.
    Fd::new(unsafe { syscall4::<{ nr::SIGNALFD4 }>(usize::MAX, at, 8, SFD_NONBLOCK_CLOEXEC) })
}

/// Blocks no signal: for a child that is about to become another program.
pub fn unblock_signals() -> Result<(), Errno> {
    set_blocked(0)
}

fn set_blocked(set: u64) -> Result<(), Errno> {
    const SIG_SETMASK: usize = 2;
    let at = &raw const set as usize;
    // SAFETY: the kernel only reads the 8 bytes of the set.
    done(unsafe { syscall4::<{ nr::RT_SIGPROCMASK }>(SIG_SETMASK, at, 0, 8) })
}

/// The next signal that came, by number; EAGAIN when none did.
pub fn next_signal(fd: &Fd) -> Result<u32, Errno> {
    let mut info = [0u32; 32];
    // SAFETY: the kernel writes at most one struct signalfd_siginfo, 128 bytes, into `info`.
    let _ = value(unsafe { syscall3::<{ nr::READ }>(fd.arg(), info.as_mut_ptr() as usize, 128) })?;
    Ok(core::hint::black_box(info).first().copied().unwrap_or(0))
}

/// Ends this process.
pub fn exit(code: u8) -> ! {
    loop {
        // SAFETY: takes no memory; does not return.
        let _ = unsafe { syscall1::<{ nr::EXIT_GROUP }>(code.into()) };
    }
}

/// A limit of prlimit(2) (asm-generic/resource.h, 6.18).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "RLIMIT_ and the kernel's own name: see getrlimit(2)")]
#[repr(u32)]
pub enum Limit {
    Cpu = 0,
    Fsize = 1,
    Core = 4,
    Nproc = 6,
    Nofile = 7,
    Memlock = 8,
    As = 9,
}

/// Sets both the soft and the hard limit of this process.
pub fn set_limit(limit: Limit, most: u64) -> Result<(), Errno> {
    set_limits(limit, most, most)
}

/// Sets the soft and the hard limit of this process.
pub fn set_limits(limit: Limit, soft: u64, hard: u64) -> Result<(), Errno> {
    let new = [soft, hard];
    // SAFETY: the kernel only reads struct rlimit64, two 64-bit words.
    done(unsafe { syscall4::<{ nr::PRLIMIT64 }>(0, limit as usize, new.as_ptr() as usize, 0) })
}

/// The hard limit of this process.
pub fn limit(limit: Limit) -> Result<u64, Errno> {
    let mut old = [0u64; 2];
    // SAFETY: the kernel writes struct rlimit64, two 64-bit words, into `old`.
    done(unsafe { syscall4::<{ nr::PRLIMIT64 }>(0, limit as usize, 0, old.as_mut_ptr() as usize) })?;
    let [_, hard] = core::hint::black_box(old);
    Ok(hard)
}

/// The processors this process may run on, as bits (the first 1,024).
pub fn processors() -> Result<[u64; 16], Errno> {
    let mut set = [0u64; 16];
    // SAFETY: the kernel writes at most 128 bytes into `set`.
    let _ = value(unsafe { syscall3::<{ nr::SCHED_GETAFFINITY }>(0, 128, set.as_mut_ptr() as usize) })?;
    Ok(core::hint::black_box(set))
}

/// Lets this process, and all it starts, run on these processors only.
pub fn set_processors(set: &[u64; 16]) -> Result<(), Errno> {
    // SAFETY: the kernel only reads the 128 bytes of the set.
    done(unsafe { syscall3::<{ nr::SCHED_SETAFFINITY }>(0, 128, set.as_ptr() as usize) })
}

/// Sets the nice value of this process, inherited by all it starts (setpriority(2)).
pub fn set_nice(nice: i8) -> Result<(), Errno> {
    // SAFETY: takes no memory.
    done(unsafe { syscall3::<{ nr::SETPRIORITY }>(0, 0, nice as usize) })
}

/// What a program was started with: its arguments and environment, as the kernel laid them on the stack.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    argv: *const *const u8,
    argc: usize,
}

impl Start {
    /// # Safety
    /// `sp` is the stack pointer that the kernel handed to `_start` (System V ABI: argc, argv, NULL, envp, NULL),
    /// and that memory is never written.
    pub unsafe fn new(sp: *const usize) -> Self {
        // SAFETY: the caller vouches that the word at `sp` is argc.
        let argc = unsafe { sp.read() };
        Self { argv: sp.wrapping_add(1).cast(), argc }
    }

    fn text(&self, index: usize) -> Option<&'static [u8]> {
        // SAFETY: the kernel's two lists are contiguous and each ends in NULL; callers stop at the first NULL.
        let at = unsafe { self.argv.wrapping_add(index).read() };
        if at.is_null() {
            return None;
        }
        // SAFETY: the kernel's texts end in NUL and stay as they are for the life of the process.
        Some(unsafe { core::ffi::CStr::from_ptr(at.cast()) }.to_bytes())
    }

    /// Argument `index`; 0 is the program's name.
    pub fn arg(&self, index: usize) -> Option<&'static [u8]> {
        if index < self.argc { self.text(index) } else { None }
    }

    /// The value of an environment variable.
    pub fn env(&self, name: &[u8]) -> Option<&'static [u8]> {
        let mut index = self.argc.wrapping_add(1);
        while let Some(text) = self.text(index) {
            if let Some(value) = text.strip_prefix(name).and_then(|rest| rest.strip_prefix(b"=")) {
                return Some(value);
            }
            index = index.wrapping_add(1);
        }
        None
    }
}
