//! How a program starts and what the compiler needs at run time: `_start`, relocation, RELRO, the memcpy family, the
//! panic handler. Included by the root file of each program (`#[path]`), never part of the library.
//!
//! `_start` is assembly, because before relocation no Rust may run: it walks `_DYNAMIC`, applies the RELATIVE
//! relocations and nothing else (any other kind is an illegal instruction at once), then calls `begin`.
#[cfg(target_arch = "aarch64")]
#[path = "aarch64.rs"]
mod arch;
#[cfg(target_arch = "x86_64")]
#[path = "x86_64.rs"]
mod arch;

use bailiff::shims::arch::{nr, syscall3};
use bailiff::shims::process::{Start, exit};

/// `Elf64_Phdr` (linux/elf.h, 6.18).
#[repr(C)]
#[derive(Clone, Copy)]
struct Phdr {
    kind: u32,
    flags: u32,
    offset: u64,
    vaddr: u64,
    paddr: u64,
    filesz: u64,
    memsz: u64,
    align: u64,
}
const _: () = assert!(size_of::<Phdr>() == 56);

/// Exit code when the image cannot be made read-only: the system failed us, not the operator.
const SYSTEM: u8 = 111;

/// First Rust to run. `sp` is the stack as the kernel made it, `base` the address of the ELF header.
///
/// # Safety
/// Called once, by `_start`, with exactly these two.
unsafe extern "C" fn begin(sp: *const usize, base: *const u8) -> ! {
    // SAFETY: `_start` hands on the kernel's stack pointer untouched.
    let start = unsafe { Start::new(sp) };
    // SAFETY: `sp` and `base` are what this function was given.
    if !unsafe { relro(sp, base) } {
        exit(SYSTEM);
    }
    exit(crate::main(&start))
}

/// Makes the relocated data read-only (PT_GNU_RELRO): nobody else does it for a program without a loader.
///
/// # Safety
/// `sp` is the kernel's stack pointer, `base` the address of this image's ELF header.
unsafe fn relro(sp: *const usize, base: *const u8) -> bool {
    const PT_GNU_RELRO: u32 = 0x6474_e552;
    const PROT_READ: usize = 1;
    // SAFETY: as above.
    let page = unsafe { page_size(sp) };
    // SAFETY: offset 32 of the ELF header is e_phoff, mapped with the first segment.
    let offset = unsafe { base.wrapping_add(32).cast::<u64>().read() } as usize;
    // SAFETY: offset 56 of the ELF header is e_phnum.
    let count = unsafe { base.wrapping_add(56).cast::<u16>().read() };
    for i in 0..usize::from(count) {
        let at = base.wrapping_add(offset).cast::<Phdr>().wrapping_add(i);
        // SAFETY: the program headers lie in the first segment, `count` of them.
        let header = unsafe { at.read() };
        if header.kind != PT_GNU_RELRO {
            continue;
        }
        let mask = !page.wrapping_sub(1);
        let from = (base as usize).wrapping_add(header.vaddr as usize) & mask;
        let end = (base as usize).wrapping_add(header.vaddr as usize).wrapping_add(header.memsz as usize);
        let to = end.wrapping_add(page).wrapping_sub(1) & mask;
        // SAFETY: the range lies in this image's own writable segment, which holds RELRO data only: the programs
        // have no `static mut`, and the linker pads the segment to the page.
        let ret = unsafe { syscall3::<{ nr::MPROTECT }>(from, to.wrapping_sub(from), PROT_READ) };
        return ret == 0;
    }
    true
}

/// AT_PAGESZ of the auxiliary vector (getauxval(3)).
///
/// # Safety
/// `sp` is the kernel's stack pointer.
unsafe fn page_size(sp: *const usize) -> usize {
    const AT_PAGESZ: usize = 6;
    let mut at = sp;
    // argc, argv and its NULL, then the environment and its NULL, then pairs up to AT_NULL.
    for list in 0..2 {
        at = at.wrapping_add(1);
        // SAFETY: the walk stays within the kernel's lists: each ends in NULL, where it stops.
        while unsafe { at.read() } != 0 {
            at = at.wrapping_add(1);
        }
        let _ = list;
    }
    at = at.wrapping_add(1);
    loop {
        // SAFETY: as above; the auxiliary vector ends in AT_NULL.
        let kind = unsafe { at.read() };
        if kind == AT_PAGESZ {
            // SAFETY: each entry is two words.
            return unsafe { at.wrapping_add(1).read() };
        }
        if kind == 0 {
            return 4096;
        }
        at = at.wrapping_add(2);
    }
}

#[cfg(feature = "prove-no-panic")]
unsafe extern "C" {
    fn a_panic_is_reachable() -> !;
}

/// No panic is reachable in the daemon's programs: with the feature `prove-no-panic` this handler calls a function
/// that does not exist, so a reachable panic does not link (audit/panics.sh).
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    #[cfg(feature = "prove-no-panic")]
    // SAFETY: never runs: where this call is reachable the program does not link.
    unsafe {
        a_panic_is_reachable()
    }
    #[cfg(not(feature = "prove-no-panic"))]
    exit(101)
}
