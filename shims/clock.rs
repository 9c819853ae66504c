//! Clocks and random bytes. There is no vDSO code: each is a real call.
use super::arch::{nr, syscall2, syscall3};
use super::errno::{Errno, value};

fn gettime(clock: usize) -> u64 {
    let mut time = [0u64; 2];
    // SAFETY: the kernel writes one struct timespec, two 64-bit words, into `time`.
    let _ = unsafe { syscall2::<{ nr::CLOCK_GETTIME }>(clock, time.as_mut_ptr() as usize) };
    let [s, ns] = core::hint::black_box(time);
    s.wrapping_mul(1_000_000_000).wrapping_add(ns)
}

/// Nanoseconds since 1970 by the wall clock (CLOCK_REALTIME), which may be set back.
pub fn realtime_ns() -> u64 {
    gettime(0)
}

/// Nanoseconds since boot that nobody can set (CLOCK_MONOTONIC); stands still in suspend.
pub fn monotonic_ns() -> u64 {
    gettime(1)
}

/// Fills `buf` with random bytes (getrandom(2)); at most 256, which come whole or not at all.
pub fn random(buf: &mut [u8]) -> Result<(), Errno> {
    let (at, len) = (buf.as_mut_ptr() as usize, buf.len());
    // SAFETY: the kernel writes at most `len` bytes into `buf`, which is exclusively ours.
    let got = value(unsafe { syscall3::<{ nr::GETRANDOM }>(at, len, 0) })?;
    if got == len { Ok(()) } else { Err(Errno::EIO) }
}
