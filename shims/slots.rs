//! Memory that is mapped once, at start, and stays.
use super::arch::{nr, syscall6};
use super::errno::{Errno, value};

/// Types of which all zero bytes are a valid value.
///
/// # Safety
/// Implement only for integers, arrays of such, and `repr(C)` or plain structs made of them alone.
pub unsafe trait Zeroed: Copy + 'static {}

// SAFETY: zero is a valid u8.
unsafe impl Zeroed for u8 {}
// SAFETY: zero is a valid u32.
unsafe impl Zeroed for u32 {}
// SAFETY: zero is a valid u64.
unsafe impl Zeroed for u64 {}
// SAFETY: an array of valid values is valid.
unsafe impl<T: Zeroed, const N: usize> Zeroed for [T; N] {}

/// Maps `count` zeroed values for the life of the process (mmap(2), private, anonymous), and has their pages resident
/// at once: a first touch costs 2 to 11 us, and a ban would wait for it.
pub fn slots<T: Zeroed>(count: usize) -> Result<&'static mut [T], Errno> {
    const PROT_READ_WRITE: usize = 3;
    const MAP_PRIVATE_ANONYMOUS_POPULATE: usize = 0x8022;
    let bytes = size_of::<T>().checked_mul(count.max(1)).ok_or(Errno::ENOMEM)?;
    // SAFETY: asks for a new mapping at an address the kernel chooses; touches no memory of ours.
    let ret = unsafe {
        syscall6::<{ nr::MMAP }>(0, bytes, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS_POPULATE, usize::MAX, 0)
    };
    let at = value(ret)? as *mut T;
    // SAFETY: the mapping is new (no alias), page-aligned, `count` values long, never unmapped, and all zero,
    // which `Zeroed` says is a valid value.
    Ok(unsafe { core::slice::from_raw_parts_mut(at, count) })
}
