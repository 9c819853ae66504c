//! The file that a cage executes.
//!
//! Runs in: bailiff-cage, outside the cage. In: the open file that the cage's first process found, inside. Out: its hash, and
//! why it is not executed. Never: looks at another file of the same name: this very descriptor is executed.
use alloc::vec::Vec;

use bailiff::shared::pure::blake::Blake;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::stat;
use bailiff::shims::io::pread;

use crate::policy::Policy;

/// BLAKE2b-256 and size.
pub(crate) fn hash(program: &Fd) -> ([u8; 32], u64) {
    let (mut blake, mut buf, mut at) = (Blake::new(), Vec::new(), 0u64);
    if !is_file(program) {
        return ([0; 32], 0);
    }
    buf.resize(64 << 10, 0u8);
    while let Ok(got @ 1..) = pread(program, &mut buf, at) {
        blake.update(buf.get(..got).unwrap_or(&[]));
        at = at.saturating_add(got as u64);
    }
    (blake.finish(), at)
}

/// A device has no end that a hash could come to.
fn is_file(program: &Fd) -> bool {
    stat(program).is_ok_and(|stat| stat.is_regular())
}

/// Why this file is not executed.
pub(crate) fn refused(program: &Fd, hash: &[u8; 32], policy: &Policy) -> Option<&'static str> {
    if !is_file(program) {
        return Some("the program is no regular file");
    }
    if policy.expect_hash.is_some_and(|expected| expected != *hash) {
        return Some("expect_hash: the program's file has another");
    }
    if policy.no_write_exec && writes_code(program).unwrap_or(false) {
        return Some("no_write_exec: the program asks for memory that is written and executed");
    }
    None
}

/// Whether an ELF file has a segment that is writable and executable, or wants to execute its stack: the kernel grants both
/// at exec, and PR_SET_MDWE does not hinder it (`Elf64_Ehdr`, `Elf64_Phdr`, linux/elf.h, 6.18).
fn writes_code(program: &Fd) -> Option<bool> {
    const PT_LOAD: u32 = 1;
    const PT_GNU_STACK: u32 = 0x6474_e551;
    const X: u32 = 1;
    const W: u32 = 2;
    let mut head = [0u8; 64];
    if pread(program, &mut head, 0) != Ok(64) || !head.starts_with(b"\x7fELF") {
        return Some(false);
    }
    let table = u64::from_le_bytes(*head.get(32..)?.first_chunk()?);
    let count = u16::from_le_bytes(*head.get(56..)?.first_chunk()?);
    for nth in 0..u64::from(count) {
        let mut entry = [0u8; 8];
        if pread(program, &mut entry, table.checked_add(nth * 56)?) != Ok(8) {
            return Some(false);
        }
        let kind = u32::from_le_bytes(*entry.first_chunk()?);
        let flags = u32::from_le_bytes(*entry.get(4..)?.first_chunk()?);
        if kind == PT_LOAD && flags & (W | X) == W | X || kind == PT_GNU_STACK && flags & X != 0 {
            return Some(true);
        }
    }
    Some(false)
}
