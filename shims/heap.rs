//! Memory for `alloc`, for programs that run for a moment and end: blocks of powers of two at a fixed place, those given
//! back kept by their size. No byte of the image is written: what the allocator knows lies in the memory itself.
use super::arch::{nr, syscall6};
use super::errno::{Errno, value};
use core::alloc::{GlobalAlloc, Layout};

/// Where it lies: far from where the kernel puts an image, a stack or a mapping on both architectures (64 GiB, within the
/// 39 bits of the smallest).
const AT: usize = 1 << 36;
/// The smallest block, and what every block is aligned to: more than any type of `alloc` asks for.
const LEAST: usize = 16;

/// The allocator: one per program, as its `#[global_allocator]`. Before `map` it has nothing to give.
#[derive(Debug)]
pub struct Heap;

/// What the allocator knows.
#[repr(align(16))]
struct Top {
    /// Where the next new block begins, and where the memory ends.
    next: usize,
    end: usize,
    /// The blocks of each power of two that were given back: the newest one's address, which holds that of the one before;
    /// 0 is none.
    free: [usize; 48],
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
    let top = Top { next: at.saturating_add(size_of::<Top>()), end: at.saturating_add(bytes), free: [0; 48] };
    // SAFETY: the mapping is new, page-aligned and longer than a `Top`.
    unsafe { (at as *mut Top).write(top) };
    Ok(())
}

/// What the allocator knows; each caller is done with it before it calls another.
fn top() -> &'static mut Top {
    // SAFETY: `map` wrote a `Top` there, and there is one thread. A program that allocates before `map` is ended by the
    // kernel: nothing is there.
    unsafe { &mut *(AT as *mut Top) }
}

/// Which power of two this takes.
fn power(layout: Layout) -> Option<usize> {
    let size = layout.size().max(LEAST).checked_next_power_of_two()?;
    (layout.align() <= LEAST).then_some(size.trailing_zeros() as usize)
}

/// A block that was given back, or a new one.
fn block(layout: Layout) -> Option<*mut u8> {
    let (power, top) = (power(layout)?, top());
    let free = top.free.get_mut(power)?;
    let block = *free;
    if block != 0 {
        // SAFETY: a block that was given back is ours, aligned, and begins with the address that `dealloc` wrote.
        *free = unsafe { (block as *const usize).read() };
        return Some(block as *mut u8);
    }
    let after = top.next.checked_add(1 << power).filter(|after| *after <= top.end)?;
    Some(core::mem::replace(&mut top.next, after) as *mut u8)
}

// SAFETY: `block` hands out parts of one mapping, of at least the size asked for and aligned to `LEAST`, that overlap no part
// handed out before and not given back; there is one thread.
unsafe impl GlobalAlloc for Heap {
    /// # Safety
    /// As `GlobalAlloc::alloc` says: a size that is not zero.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        block(layout).unwrap_or(core::ptr::null_mut())
    }

    /// # Safety
    /// As `GlobalAlloc::dealloc` says: a block from here, with its own layout.
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some(free) = power(layout).and_then(|power| top().free.get_mut(power)) else { return };
        // SAFETY: the block came from `block`, so it holds and is aligned for an address, and nobody uses it any more.
        unsafe { block.cast::<usize>().write(*free) };
        *free = block as usize;
    }

    /// A block that has room stays where it is.
    ///
    /// # Safety
    /// As `GlobalAlloc::realloc` says: a block from here, with its own layout, and a size that is not zero.
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Ok(wanted) = Layout::from_size_align(size, layout.align()) else { return core::ptr::null_mut() };
        if power(wanted) == power(layout) {
            return block;
        }
        // SAFETY: the caller's own contract: a valid layout of a size that is not zero.
        let fresh = unsafe { self.alloc(wanted) };
        if !fresh.is_null() {
            // SAFETY: both blocks are at least so long, and they do not overlap: the old one was not given back.
            unsafe { core::ptr::copy_nonoverlapping(block, fresh, layout.size().min(size)) };
            // SAFETY: the caller gives the old block up; this is its layout.
            unsafe { self.dealloc(block, layout) };
        }
        fresh
    }
}
