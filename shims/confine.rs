//! Closing doors: seccomp and Landlock.
use super::arch::{nr, syscall2, syscall3, syscall4};
use super::errno::{Errno, done, value};
use super::fd::Fd;

/// `struct sock_filter` (linux/filter.h, 6.18): one instruction of a seccomp program.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Instruction {
    /// Operation.
    pub code: u16,
    /// Instructions to skip when a comparison holds.
    pub jt: u8,
    /// Instructions to skip when it does not.
    pub jf: u8,
    /// Operand.
    pub k: u32,
}
const _: () = assert!(size_of::<Instruction>() == 8);

/// Puts a filter in force for this process and all it starts, for good (seccomp(2), SECCOMP_SET_MODE_FILTER).
pub fn seccomp(program: &[Instruction]) -> Result<(), Errno> {
    #[repr(C)]
    struct SockFprog {
        len: u16,
        filter: *const Instruction,
    }
    const SECCOMP_SET_MODE_FILTER: usize = 1;
    let len = u16::try_from(program.len()).map_err(|_| Errno::EINVAL)?;
    let prog = SockFprog { len, filter: program.as_ptr() };
    // SAFETY: the kernel only reads the header and `len` instructions, and checks them.
    let ret = unsafe { syscall3::<{ nr::SECCOMP }>(SECCOMP_SET_MODE_FILTER, 0, &raw const prog as usize) };
    core::hint::black_box(&prog);
    done(ret)
}

/// The Landlock version of this kernel (landlock(7)); ENOSYS or EOPNOTSUPP where it has none.
pub fn landlock_abi() -> Result<usize, Errno> {
    const LANDLOCK_CREATE_RULESET_VERSION: usize = 1;
    // SAFETY: with this flag nothing is read: the attribute is NULL with size 0.
    value(unsafe { syscall3::<{ nr::LANDLOCK_CREATE_RULESET }>(0, 0, LANDLOCK_CREATE_RULESET_VERSION) })
}

/// A Landlock ruleset that handles (so denies, but for its rules) these rights of files, TCP and scopes.
/// `words` says how many of the three this kernel's version knows.
pub fn landlock_ruleset(handled: [u64; 3], words: usize) -> Result<Fd, Errno> {
    let (at, size) = (handled.as_ptr() as usize, words.clamp(1, 3).wrapping_mul(8));
    // SAFETY: the kernel only reads `size` bytes, at most 24, of struct landlock_ruleset_attr.
    Fd::new(unsafe { syscall3::<{ nr::LANDLOCK_CREATE_RULESET }>(at, size, 0) })
}

/// Allows these rights of files on this one file (or below this one directory).
pub fn landlock_allow(ruleset: &Fd, rights: u64, file: &Fd) -> Result<(), Errno> {
    #[repr(C, packed)]
    struct PathBeneath {
        rights: u64,
        fd: i32,
    }
    const LANDLOCK_RULE_PATH_BENEATH: usize = 1;
    let rule = PathBeneath { rights, fd: file.0 };
    let at = &raw const rule as usize;
    // SAFETY: the kernel only reads the 12 bytes of struct landlock_path_beneath_attr.
    let ret =
        unsafe { syscall4::<{ nr::LANDLOCK_ADD_RULE }>(ruleset.arg(), LANDLOCK_RULE_PATH_BENEATH, at, 0) };
    core::hint::black_box(&rule);
    done(ret)
}

/// Puts a ruleset in force for this process and all it starts, for good.
pub fn landlock_restrict(ruleset: &Fd) -> Result<(), Errno> {
    // SAFETY: takes no memory.
    done(unsafe { syscall2::<{ nr::LANDLOCK_RESTRICT_SELF }>(ruleset.arg(), 0) })
}
