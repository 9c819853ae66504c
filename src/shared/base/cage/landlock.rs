//! Landlock: denies every right of files, of TCP and of scopes that this kernel's version knows, but for the rights that
//! were decided.
//!
//! Runs in: the launcher, the child of bailiff-cage. In: descriptors and the rights on what lies beneath each. Out: a domain
//! with no other right. Never: passes over what is missing: each is told to the caller, who lets it go or ends.
use super::Failed;
use crate::shims::confine::{landlock_abi, landlock_allow, landlock_restrict, landlock_ruleset};
use crate::shims::errno::Errno;
use crate::shims::fd::Fd;

/// EXECUTE (linux/landlock.h, 6.18).
pub const EXECUTE: u64 = 1;
/// WRITE_FILE.
pub const WRITE_FILE: u64 = 2;
/// READ_FILE.
pub const READ_FILE: u64 = 4;
/// READ_DIR.
pub const READ_DIR: u64 = 8;
/// WRITE_FILE, REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_REG, MAKE_SOCK, MAKE_FIFO, MAKE_SYM, REFER and TRUNCATE: what a
/// directory to be written needs; never MAKE_CHAR or MAKE_BLOCK.
pub const WRITE: u64 =
    WRITE_FILE | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 12 | 1 << 13 | 1 << 14;
/// IOCTL_DEV.
pub const IOCTL_DEV: u64 = 1 << 15;
/// Of these, the ones that make sense on a file that is no directory.
const OF_A_FILE: u64 = EXECUTE | WRITE_FILE | READ_FILE | 1 << 14 | IOCTL_DEV;
/// BIND_TCP and CONNECT_TCP (version 4).
pub const TCP: u64 = 3;
/// ABSTRACT_UNIX_SOCKET and SIGNAL (version 6).
const SCOPES: u64 = 3;
/// The newest version that this code was written for: a newer kernel does not change what a cage means.
pub const NEWEST: usize = 7;

/// The rights of files that a version knows: 13 at first, then REFER, TRUNCATE, IOCTL_DEV.
fn file_rights(abi: usize) -> u64 {
    match abi {
        0 => 0,
        1 => (1 << 13) - 1,
        2 => (1 << 14) - 1,
        3 | 4 => (1 << 15) - 1,
        _ => (1 << 16) - 1,
    }
}

/// One right: what may be done to this file, or to all that lies beneath this directory.
#[derive(Clone, Copy, Debug)]
pub struct Rule<'a> {
    /// `EXECUTE`, `READ_FILE`, ...
    pub rights: u64,
    /// The file or directory.
    pub file: &'a Fd,
    /// Which of the two: a file has fewer rights.
    pub is_directory: bool,
}

/// Closes the domain. `tcp` is the rights of TCP that are denied: `TCP`, or 0. `missing` is told what this kernel lacks, and
/// decides whether to go on. The version in force: 0 for none.
pub fn close(
    rules: &[Rule<'_>],
    tcp: u64,
    newest: usize,
    mut missing: impl FnMut(&'static str, Errno) -> Result<(), Failed>,
) -> Result<usize, Failed> {
    let step = |what: &'static str| move |errno| Failed(what, errno);
    let abi = match landlock_abi() {
        Ok(abi) => abi.min(newest),
        Err(errno) => return missing("missing: Landlock (Linux 5.13, in lsm=)", errno).map(|()| 0),
    };
    for (least, what) in
        [(4, "missing: Landlock for TCP (Linux 6.7)"), (6, "missing: Landlock scopes (Linux 6.12)")]
    {
        if abi < least {
            missing(what, Errno::EOPNOTSUPP)?;
        }
    }
    let words = if abi >= 6 { 3 } else { 1 + usize::from(abi >= 4) };
    let known = file_rights(abi);
    let ruleset = landlock_ruleset([known, tcp, SCOPES], words).map_err(step("landlock_create_ruleset"))?;
    for rule in rules {
        let rights = rule.rights & known & if rule.is_directory { u64::MAX } else { OF_A_FILE };
        landlock_allow(&ruleset, rights, rule.file).map_err(step("landlock_add_rule"))?;
    }
    landlock_restrict(&ruleset).map_err(step("landlock_restrict_self"))?;
    Ok(abi)
}
