//! seccomp with a listener: the filter that asks, the calls that wait for an answer, and what can be learned of the process
//! that made them.
use crate::shims::arch::{nr, syscall3, syscall6};
use crate::shims::confine::Instruction;
use crate::shims::errno::{Errno, done, value};
use crate::shims::fd::Fd;

const SECCOMP_IOCTL_NOTIF_RECV: usize = 0xc050_2100; // _IOWR('!', 0, 80 bytes) (linux/seccomp.h, 6.18)
const SECCOMP_IOCTL_NOTIF_SEND: usize = 0xc018_2101; // _IOWR('!', 1, 24 bytes)
const SECCOMP_IOCTL_NOTIF_ID_VALID: usize = 0x4008_2102; // _IOW('!', 2, 8 bytes)
const SECCOMP_IOCTL_NOTIF_SET_FLAGS: usize = 0x4008_2104; // _IOW('!', 4, 8 bytes)

/// Puts a filter in force for this process and all it starts, for good, and returns the listener of the calls on which it
/// says USER_NOTIF (seccomp(2)): closed at exec. A call that was received is not broken off by a signal, where the kernel
/// can do that (5.19): else it would be made, and reported, twice.
pub fn install(program: &[Instruction]) -> Result<Fd, Errno> {
    #[repr(C)]
    struct SockFprog {
        len: u16,
        filter: *const Instruction,
    }
    const SECCOMP_SET_MODE_FILTER: usize = 1;
    const NEW_LISTENER: usize = 1 << 3;
    const WAIT_KILLABLE_RECV: usize = 1 << 5;
    let len = u16::try_from(program.len()).map_err(|_| Errno::EINVAL)?;
    let prog = SockFprog { len, filter: program.as_ptr() };
    let install = |flags| {
        // SAFETY: the kernel only reads the header and `len` instructions, and checks them.
        let ret =
            unsafe { syscall3::<{ nr::SECCOMP }>(SECCOMP_SET_MODE_FILTER, flags, &raw const prog as usize) };
        core::hint::black_box(&prog);
        Fd::new(ret)
    };
    match install(NEW_LISTENER | WAIT_KILLABLE_RECV) {
        Err(Errno::EINVAL) => install(NEW_LISTENER),
        other => other,
    }
}

/// Lets the kernel wake the one who waits for an answer on the processor that gives it (6.6): half the time of a call.
pub fn quick(listener: &Fd) -> Result<(), Errno> {
    const SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP: usize = 1;
    let (fd, flags) = (listener.arg(), SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
    // SAFETY: takes no memory: the flags are the argument itself.
    done(unsafe { syscall3::<{ nr::IOCTL }>(fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, flags) })
}

/// A call that waits for an answer: `struct seccomp_notif` with `struct seccomp_data` (linux/seccomp.h, 6.18).
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Waiting {
    /// What the answer is for.
    pub id: u64,
    /// The thread that waits, as this process sees it.
    pub pid: u32,
    flags: u32,
    /// The call's number.
    pub number: u32,
    /// The architecture, always the own one: the filter sees to that.
    pub arch: u32,
    ip: u64,
    /// The registers.
    pub args: [u64; 6],
}
const _: () = assert!(size_of::<Waiting>() == 80);

/// The next call that waits. Blocks when there is none, before Linux 6.11 even when nobody is left
/// who could make one: poll first. ENOENT: whoever made it has ended since.
pub fn receive(listener: &Fd) -> Result<Waiting, Errno> {
    let mut call = Waiting::default();
    let at = &raw mut call as usize;
    // SAFETY: the kernel wants 80 bytes of zeros and writes one struct seccomp_notif over them.
    done(unsafe { syscall3::<{ nr::IOCTL }>(listener.arg(), SECCOMP_IOCTL_NOTIF_RECV, at) })?;
    Ok(core::hint::black_box(call))
}

/// Answers a call: with an error, or, with `None`, by letting it go on (CONTINUE). The latter decides nothing: the caller's
/// memory may change before the kernel reads it again. ENOENT: whoever made it has ended since.
pub fn answer(listener: &Fd, id: u64, refused: Option<Errno>) -> Result<(), Errno> {
    #[repr(C)]
    struct Answer {
        id: u64,
        val: i64,
        error: i32,
        flags: u32,
    }
    const SECCOMP_USER_NOTIF_FLAG_CONTINUE: u32 = 1;
    let error = refused.map_or(0, |errno| -i32::from(errno.0));
    let flags = if refused.is_none() { SECCOMP_USER_NOTIF_FLAG_CONTINUE } else { 0 };
    let answer = Answer { id, val: 0, error, flags };
    let at = &raw const answer as usize;
    // SAFETY: the kernel only reads the 24 bytes of struct seccomp_notif_resp.
    let ret = unsafe { syscall3::<{ nr::IOCTL }>(listener.arg(), SECCOMP_IOCTL_NOTIF_SEND, at) };
    core::hint::black_box(&answer);
    done(ret)
}

/// Whether this call still waits: what was read of `pid` before is then of whoever made it, not of a process that has got
/// its number since.
pub fn waits(listener: &Fd, id: u64) -> bool {
    let at = &raw const id as usize;
    // SAFETY: the kernel only reads the 8 bytes of the id.
    let ret = unsafe { syscall3::<{ nr::IOCTL }>(listener.arg(), SECCOMP_IOCTL_NOTIF_ID_VALID, at) };
    core::hint::black_box(&id);
    done(ret).is_ok()
}

/// Reads the memory of another process from address `at` (process_vm_readv(2)); how many bytes of `buf` it fills.
pub fn memory(pid: u32, at: u64, buf: &mut [u8]) -> Result<usize, Errno> {
    let local = [buf.as_mut_ptr() as u64, buf.len() as u64];
    let remote = [at, buf.len() as u64];
    let (to, from) = (local.as_ptr() as usize, remote.as_ptr() as usize);
    // SAFETY: the kernel reads two struct iovec, one each, and writes at most `buf.len()` bytes into `buf`.
    let ret = unsafe { syscall6::<{ nr::PROCESS_VM_READV }>(pid as usize, to, 1, from, 1, 0) };
    core::hint::black_box((&local, &remote));
    value(ret).map(|got| got.min(buf.len()))
}
