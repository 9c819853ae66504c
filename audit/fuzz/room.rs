//! Memory as bailiff-compiler has it (shims/heap.rs): a stack of blocks with an end, of which only the last comes back.
//!
//! Part of: the target `parser`. In: allocations. Out: blocks; none when the room is full, which ends the process. Outside
//! of an opened room: the system's memory. Never: ships.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The room's memory, taken once: its start, the next block, the end; `NEXT` is 0 while no room is open.
static START: AtomicUsize = AtomicUsize::new(0);
static NEXT: AtomicUsize = AtomicUsize::new(0);
static END: AtomicUsize = AtomicUsize::new(0);

/// The allocator.
pub(crate) struct Room;

/// Opens an empty room of so many bytes: the same one each time.
pub(crate) fn open(bytes: usize) {
    if START.load(Relaxed) == 0 {
        let layout = Layout::from_size_align(bytes, 4096).expect("a layout");
        // SAFETY: the layout's size is not zero.
        let start = unsafe { System.alloc(layout) } as usize;
        assert!(start > 0, "no memory for the room");
        START.store(start, Relaxed);
        END.store(start + bytes, Relaxed);
    }
    NEXT.store(START.load(Relaxed), Relaxed);
}

/// Closes the room: what was taken in it must be gone by now.
pub(crate) fn close() {
    NEXT.store(0, Relaxed);
}

fn is_inside(block: *mut u8) -> bool {
    (START.load(Relaxed)..END.load(Relaxed)).contains(&(block as usize))
}

// SAFETY: a block of the room overlaps none that was handed out since it was opened and not given back; the target has one
// thread. Any other block is the system's.
unsafe impl GlobalAlloc for Room {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let next = NEXT.load(Relaxed);
        if next == 0 {
            // SAFETY: the caller's own contract.
            return unsafe { System.alloc(layout) };
        }
        let start = next.next_multiple_of(layout.align());
        match start.checked_add(layout.size()) {
            Some(after) if after <= END.load(Relaxed) => {
                NEXT.store(after, Relaxed);
                start as *mut u8
            }
            _ => core::ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if !is_inside(block) {
            // SAFETY: the caller's own contract: it is a block of the system's.
            unsafe { System.dealloc(block, layout) }
        } else if block as usize + layout.size() == NEXT.load(Relaxed) {
            NEXT.store(block as usize, Relaxed);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let start = block as usize;
        if is_inside(block)
            && start + layout.size() == NEXT.load(Relaxed)
            && start + size <= END.load(Relaxed)
        {
            NEXT.store(start + size, Relaxed);
            return block;
        }
        let wanted = Layout::from_size_align(size, layout.align()).expect("a layout");
        // SAFETY: the caller's own contract: a valid layout of a size that is not zero.
        let fresh = unsafe { self.alloc(wanted) };
        if !fresh.is_null() {
            // SAFETY: both blocks are at least so long, and they do not overlap.
            unsafe { core::ptr::copy_nonoverlapping(block, fresh, layout.size().min(size)) };
            // SAFETY: the caller's own contract: nobody uses the old block from here on.
            unsafe { self.dealloc(block, layout) };
        }
        fresh
    }
}
