//! Descriptors: owned, closed when dropped.
use super::arch::{nr, syscall1, syscall3};
use super::errno::{Errno, done, value};

/// A descriptor of this process, closed when this value is dropped. Its number never leaves this layer but as a
/// number to print.
#[derive(Debug)]
pub struct Fd(pub(super) i32);

impl Fd {
    /// The descriptor that this program was started with under this number: a program is given its descriptors
    /// (docs/architecture.md lists them). If none is there, calls on it answer EBADF.
    pub fn given(number: u8) -> Self {
        Self(number.into())
    }

    /// The number, for text such as `/proc/self/fd/N` and log lines only.
    pub fn number(&self) -> u32 {
        self.0.unsigned_abs()
    }

    pub(super) fn arg(&self) -> usize {
        self.0 as usize
    }

    /// The descriptor a call has just returned.
    pub(super) fn new(ret: isize) -> Result<Self, Errno> {
        value(ret).map(|n| Self(n as i32))
    }

    /// Gives the descriptor up without closing it: it was never ours alone.
    pub fn leave_open(self) {
        let _ = core::mem::ManuallyDrop::new(self);
    }

    /// Makes `number` mean this open file too (dup3(2)), across exec unless `closing`.
    pub fn copy_to(&self, number: u8, closing: bool) -> Result<(), Errno> {
        let flags = if closing { 0o2_000_000 } else { 0 };
        // SAFETY: takes no memory; closing what `number` meant is the caller's plan: a child about to exec.
        done(unsafe { syscall3::<{ nr::DUP3 }>(self.arg(), number.into(), flags) })
    }

    /// Closes the descriptors from `first` on (close_range(2)), whoever may have opened them.
    pub fn close_from(first: u32) -> Result<(), Errno> {
        // SAFETY: takes no memory; descriptors closed under an `Fd` only make later calls on it answer EBADF.
        done(unsafe { syscall3::<{ nr::CLOSE_RANGE }>(first as usize, u32::MAX as usize, 0) })
    }
}

impl Drop for Fd {
    fn drop(&mut self) {
        // SAFETY: close(2) takes no memory; the number is ours and not used again.
        let _ = unsafe { syscall1::<{ nr::CLOSE }>(self.arg()) };
    }
}
