//! Landlock: denies every right of files, of TCP and of scopes that this kernel's version knows, but for executing the
//! one program.
//!
//! Runs in: the launcher. In: the program's descriptor. Out: a domain without rights. Never: passes over what is missing.
use super::Failed;
use bailiff::shared::base::log::{Level, Log};
use bailiff::shared::pure::wire::source::Launch;
use bailiff::shims::confine::{landlock_abi, landlock_allow, landlock_restrict, landlock_ruleset};
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::{At, flags, open};

const EXECUTE: u64 = 1;
const READ_FILE: u64 = 4;
/// BIND_TCP and CONNECT_TCP (version 4).
const TCP: u64 = 3;
/// ABSTRACT_UNIX_SOCKET and SIGNAL (version 6).
const SCOPES: u64 = 3;

/// The rights of files that a version knows (linux/landlock.h, 6.18): 13 at first, then REFER, TRUNCATE, IOCTL_DEV.
fn file_rights(abi: usize) -> u64 {
    match abi {
        0 => 0,
        1 => (1 << 13) - 1,
        2 => (1 << 14) - 1,
        3 | 4 => (1 << 15) - 1,
        _ => (1 << 16) - 1,
    }
}

/// Closes the domain and proves it: afterwards not even the empty root can be opened.
pub(super) fn close(program: &Fd, launch: &Launch, log: &Log) -> Result<(), Failed> {
    let step = |what: &'static str| move |errno| Failed(what, errno);
    let abi = match landlock_abi() {
        Ok(abi) => abi,
        Err(errno) if launch.warn => {
            log.refused(Level::Warning, "missing: Landlock (Linux 5.13, in lsm=)", errno);
            return Ok(());
        }
        Err(errno) => {
            return Err(Failed("missing: Landlock (Linux 5.13, in lsm=); see daemon.missing", errno));
        }
    };
    for (least, what) in
        [(4, "missing: Landlock for TCP (Linux 6.7)"), (6, "missing: Landlock scopes (Linux 6.12)")]
    {
        if abi < least && launch.warn {
            log.say(Level::Warning, what);
        } else if abi < least {
            return Err(Failed(what, Errno::EOPNOTSUPP));
        }
    }
    let words = if abi >= 6 { 3 } else { 1 + usize::from(abi >= 4) };
    let ruleset =
        landlock_ruleset([file_rights(abi), TCP, SCOPES], words).map_err(step("landlock_create_ruleset"))?;
    landlock_allow(&ruleset, EXECUTE | READ_FILE, program).map_err(step("landlock_add_rule"))?;
    landlock_restrict(&ruleset).map_err(step("landlock_restrict_self"))?;
    drop(ruleset);
    match open(At::Cwd, b"/", flags::O_DIRECTORY, 0, 0) {
        Err(Errno::EACCES) => Ok(()),
        _ => Err(Failed("Landlock read back: the root could be opened", Errno::EPERM)),
    }
}
