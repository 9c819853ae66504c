//! Memory for `alloc`, for programs that run for a moment and end: a stack of blocks at a fixed place. No byte of the image
//! is written: the place of the next block lies in the memory itself.
use super::arch::{nr, syscall6};
use super::errno::{Errno, value};
use core::alloc::{GlobalAlloc, Layout};

/// Where it lies: far from where the kernel puts an image, a stack or a mapping on both architectures (64 GiB, within the 39 bits of the smallest).
const AT: usize = 1 << 36;

/// The allocator: one per program, as its `#[global_allocator]`. Before `map` it has nothing to give.
#[derive(Debug)]
pub struct Heap;

/// Where the next block begins, and where the memory ends.
#[derive(Clone, Copy)]
struct Top {
    next: usize,
    end: usize,
}

/// Maps the memory (mmap(2), private, anonymous, at `AT` and nowhere else): `bytes` of it, whose pages come when they are
/// touched. Once, before the first allocation.
pub fn map(bytes: usize) -> Result<(), Errno> {
    const PROT_READ_WRITE: usize = 3;
    const MAP_PRIVATE_ANONYMOUS_NORESERVE_FIXED_NOREPLACE: usize = 0x10_4022;
    // SAFETY: asks for a new mapping where nothing is mapped (FIXED_NOREPLACE: EEXIST otherwise).
    let ret = unsafe {
        syscall6::<{ nr::MMAP }>(
            AT,
            bytes,
            PROT_READ_WRITE,
            MAP_PRIVATE_ANONYMOUS_NORESERVE_FIXED_NOREPLACE,
            usize::MAX,
            0,
        )
    };
    let at = value(ret)?;
    let top = Top { next: at + size_of::<Top>(), end: at.saturating_add(bytes) };
    // SAFETY: the mapping is new, page-aligned and longer than a `Top`.
    unsafe { (at as *mut Top).write(top) };
    Ok(())
}

// SAFETY: `alloc` hands out parts of one mapping that overlap no part handed out before and not given back; there is one
// thread. A program that allocates before `map` is ended by the kernel, at an address where nothing is.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let top = AT as *mut Top;
        // SAFETY: `map` wrote a `Top` there.
        let Top { next, end } = unsafe { top.read() };
        let Some(start) = next.checked_next_multiple_of(layout.align()) else { return core::ptr::null_mut() };
        match start.checked_add(layout.size()) {
            Some(after) if after <= end => {
                // SAFETY: as above; there is one thread.
                unsafe { top.write(Top { next: after, end }) };
                start as *mut u8
            }
            _ => core::ptr::null_mut(),
        }
    }

    /// The last block's memory comes back; any other's stays until the program ends.
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let top = AT as *mut Top;
        // SAFETY: `map` wrote a `Top` there.
        let Top { next, end } = unsafe { top.read() };
        if (block as usize).checked_add(layout.size()) == Some(next) {
            // SAFETY: as above; there is one thread.
            unsafe { top.write(Top { next: block as usize, end }) };
        }
    }

    /// The last block grows and shrinks where it is.
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let top = AT as *mut Top;
        // SAFETY: `map` wrote a `Top` there.
        let Top { next, end } = unsafe { top.read() };
        let (start, old) = (block as usize, layout.size());
        if start.checked_add(old) == Some(next) && start.checked_add(size).is_some_and(|after| after <= end) {
            // SAFETY: as above; there is one thread.
            unsafe { top.write(Top { next: start.saturating_add(size), end }) };
            return block;
        }
        let Ok(wanted) = Layout::from_size_align(size, layout.align()) else { return core::ptr::null_mut() };
        // SAFETY: the caller's own contract: a valid layout of a size that is not zero.
        let fresh = unsafe { self.alloc(wanted) };
        if !fresh.is_null() {
            // SAFETY: both blocks are at least so long, and they do not overlap: the old one was not given back.
            unsafe { core::ptr::copy_nonoverlapping(block, fresh, old.min(size)) };
        }
        fresh
    }
}
