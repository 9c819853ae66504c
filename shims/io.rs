//! Reading, writing and waiting.
use super::arch::{nr, syscall3, syscall4, syscall5};
use super::errno::{Errno, value};
use super::fd::Fd;

/// read(2): how many bytes came; 0 is the end.
#[inline]
pub fn read(fd: &Fd, buf: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel writes at most `len` bytes into `buf`, which is exclusively ours.
    let got = value(unsafe { syscall3::<{ nr::READ }>(fd.arg(), buf.as_mut_ptr() as usize, buf.len()) })?;
    Ok(got.min(buf.len()))
}

/// write(2): how many bytes went.
#[inline]
pub fn write(fd: &Fd, buf: &[u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel only reads `len` bytes of `buf`.
    value(unsafe { syscall3::<{ nr::WRITE }>(fd.arg(), buf.as_ptr() as usize, buf.len()) })
}

/// pread64(2): reads at `offset`.
#[inline]
pub fn pread(fd: &Fd, buf: &mut [u8], offset: u64) -> Result<usize, Errno> {
    let (at, len) = (buf.as_mut_ptr() as usize, buf.len());
    // SAFETY: the kernel writes at most `len` bytes into `buf`, which is exclusively ours.
    let got = value(unsafe { syscall4::<{ nr::PREAD64 }>(fd.arg(), at, len, offset as usize) })?;
    Ok(got.min(len))
}

/// pwrite64(2): writes at `offset`.
#[inline]
pub fn pwrite(fd: &Fd, buf: &[u8], offset: u64) -> Result<usize, Errno> {
    let (at, len) = (buf.as_ptr() as usize, buf.len());
    // SAFETY: the kernel only reads `len` bytes of `buf`.
    value(unsafe { syscall4::<{ nr::PWRITE64 }>(fd.arg(), at, len, offset as usize) })
}

/// `struct pollfd` (asm-generic/poll.h, 6.18).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PollFd {
    fd: i32,
    events: i16,
    revents: i16,
}
const _: () = assert!(size_of::<PollFd>() == 8);

const POLLIN: i16 = 1;
const POLLOUT: i16 = 4;

impl PollFd {
    /// A slot that waits for nothing.
    pub const IDLE: Self = Self { fd: -1, events: 0, revents: 0 };

    /// Waits until `fd` can be read, or its other end is gone.
    pub fn readable(fd: &Fd) -> Self {
        Self { fd: fd.0, events: POLLIN, revents: 0 }
    }

    /// Waits until `fd` can be written, or its other end is gone.
    pub fn writable(fd: &Fd) -> Self {
        Self { fd: fd.0, events: POLLOUT, revents: 0 }
    }

    /// Whether it ended with something to read on this slot.
    pub fn has_data(&self) -> bool {
        self.revents & POLLIN != 0
    }

    /// Whether the last wait ended with anything on this slot: data, room, hang-up or error.
    pub fn is_ready(&self) -> bool {
        self.revents != 0
    }
}

/// ppoll(2): waits until a slot is ready or `timeout_ns` has passed; returns how many slots are ready. No signal
/// mask is given: bailiff's programs have no signal handlers.
#[inline]
pub fn ppoll(slots: &mut [PollFd], timeout_ns: Option<u64>) -> Result<usize, Errno> {
    let mut time = [0u64; 2];
    let at = match timeout_ns {
        None => 0,
        Some(ns) => {
            time = [ns / 1_000_000_000, ns % 1_000_000_000];
            time.as_mut_ptr() as usize
        }
    };
    let (fds, n) = (slots.as_mut_ptr() as usize, slots.len());
    // SAFETY: `slots` and `time` are exclusively ours and live over the call; struct timespec is two 64-bit words.
    let ret = value(unsafe { syscall5::<{ nr::PPOLL }>(fds, n, at, 0, 0) });
    // The kernel has written `time`; keeping it in use until here keeps it alive.
    core::hint::black_box(&time);
    ret
}
