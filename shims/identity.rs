//! Who a process is: user and group ids, capabilities, securebits.
use super::arch::{nr, syscall2, syscall3, syscall5};
use super::errno::{Errno, done, value};

/// Capabilities (linux/capability.h, 6.18) as bits.
#[expect(missing_docs, reason = "each is the kernel's own name: see capabilities(7)")]
pub mod cap {
    pub const CAP_CHOWN: u64 = 1 << 0;
    pub const CAP_DAC_READ_SEARCH: u64 = 1 << 2;
    pub const CAP_KILL: u64 = 1 << 5;
    pub const CAP_SETGID: u64 = 1 << 6;
    pub const CAP_SETUID: u64 = 1 << 7;
    pub const CAP_SETPCAP: u64 = 1 << 8;
    pub const CAP_NET_ADMIN: u64 = 1 << 12;
    pub const CAP_SYS_ADMIN: u64 = 1 << 21;
    pub const CAP_SYS_NICE: u64 = 1 << 23;
}

/// Becomes this user for good: real, effective and saved (setresuid(2)).
pub fn set_uid(uid: u32) -> Result<(), Errno> {
    // SAFETY: takes no memory.
    done(unsafe { syscall3::<{ nr::SETRESUID }>(uid as usize, uid as usize, uid as usize) })
}

/// Becomes this group for good: real, effective and saved (setresgid(2)).
pub fn set_gid(gid: u32) -> Result<(), Errno> {
    // SAFETY: takes no memory.
    done(unsafe { syscall3::<{ nr::SETRESGID }>(gid as usize, gid as usize, gid as usize) })
}

/// Gives up all supplementary groups (setgroups(2)).
pub fn clear_groups() -> Result<(), Errno> {
    // SAFETY: a list of length 0 is not read.
    done(unsafe { syscall2::<{ nr::SETGROUPS }>(0, 0) })
}

/// Real, effective and saved user id.
pub fn uids() -> Result<[u32; 3], Errno> {
    let mut ids = [0u32; 3];
    let [r, e, s] = [&raw mut ids[0] as usize, &raw mut ids[1] as usize, &raw mut ids[2] as usize];
    // SAFETY: the kernel writes three 32-bit ids, each into its own element of `ids`.
    done(unsafe { syscall3::<{ nr::GETRESUID }>(r, e, s) })?;
    Ok(core::hint::black_box(ids))
}

/// Real group id (getresgid(2)).
pub fn gid() -> Result<u32, Errno> {
    let mut ids = [0u32; 3];
    let [r, e, s] = [&raw mut ids[0] as usize, &raw mut ids[1] as usize, &raw mut ids[2] as usize];
    // SAFETY: the kernel writes three 32-bit ids, each into its own element of `ids`.
    done(unsafe { syscall3::<{ nr::GETRESGID }>(r, e, s) })?;
    let [real, ..] = core::hint::black_box(ids);
    Ok(real)
}

/// The three sets of a process's capabilities, as bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Capabilities {
    /// In force.
    pub effective: u64,
    /// May be put in force.
    pub permitted: u64,
    /// Kept over exec by a program that asks for them.
    pub inheritable: u64,
}

/// `_LINUX_CAPABILITY_VERSION_3` and pid 0: this process.
const CAPABILITY_HEADER: [u32; 2] = [0x2008_0522, 0];

/// This process's capabilities (capget(2)).
pub fn capabilities() -> Result<Capabilities, Errno> {
    let mut data = [0u32; 6];
    let (header, at) = (CAPABILITY_HEADER.as_ptr() as usize, data.as_mut_ptr() as usize);
    // SAFETY: the kernel reads the header (it writes to it only for an unknown version) and writes 24 bytes.
    done(unsafe { syscall2::<{ nr::CAPGET }>(header, at) })?;
    let [e0, p0, i0, e1, p1, i1] = core::hint::black_box(data);
    let join = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
    Ok(Capabilities { effective: join(e0, e1), permitted: join(p0, p1), inheritable: join(i0, i1) })
}

/// Sets this process's capabilities (capset(2)).
pub fn set_capabilities(c: &Capabilities) -> Result<(), Errno> {
    let half = |set: u64| [set as u32, (set >> 32) as u32];
    let ([e0, e1], [p0, p1], [i0, i1]) = (half(c.effective), half(c.permitted), half(c.inheritable));
    let data = [e0, p0, i0, e1, p1, i1];
    let (header, at) = (CAPABILITY_HEADER.as_ptr() as usize, data.as_ptr() as usize);
    // SAFETY: the kernel only reads the header and 24 bytes of data.
    done(unsafe { syscall2::<{ nr::CAPSET }>(header, at) })
}

/// prctl(2) with plain numbers.
#[inline(always)]
fn prctl(option: usize, a: usize, b: usize) -> Result<usize, Errno> {
    // SAFETY: every option used here takes numbers only.
    value(unsafe { syscall5::<{ nr::PRCTL }>(option, a, b, 0, 0) })
}

/// Makes /proc/PID and ptrace of this process root's alone, and forbids core files (PR_SET_DUMPABLE 0).
pub fn set_not_dumpable() -> Result<(), Errno> {
    prctl(4, 0, 0).map(|_| ())
}

/// PR_GET_DUMPABLE: 0 when not.
pub fn dumpable() -> Result<usize, Errno> {
    prctl(3, 0, 0)
}

/// From now on no exec gives privileges (PR_SET_NO_NEW_PRIVS); cannot be undone.
pub fn set_no_new_privs() -> Result<(), Errno> {
    prctl(38, 1, 0).map(|_| ())
}

/// PR_GET_NO_NEW_PRIVS: 1 when set.
pub fn no_new_privs() -> Result<usize, Errno> {
    prctl(39, 0, 0)
}

/// PR_GET_SECCOMP: 2 when a filter is in force.
pub fn seccomp_mode() -> Result<usize, Errno> {
    prctl(21, 0, 0)
}

/// Keeps the permitted set when the uid changes from 0 (PR_SET_KEEPCAPS); exec clears this.
pub fn keep_capabilities() -> Result<(), Errno> {
    prctl(8, 1, 0).map(|_| ())
}

/// Takes a capability, by its bit, out of the bounding set (PR_CAPBSET_DROP): no exec ever brings it back.
pub fn drop_bound(bit: u32) -> Result<(), Errno> {
    prctl(24, bit as usize, 0).map(|_| ())
}

/// Puts a capability, by its bit, into the ambient set, which exec keeps (PR_CAP_AMBIENT_RAISE).
pub fn raise_ambient(bit: u32) -> Result<(), Errno> {
    prctl(47, 2, bit as usize).map(|_| ())
}

/// Empties the ambient set (PR_CAP_AMBIENT_CLEAR_ALL).
pub fn clear_ambient() -> Result<(), Errno> {
    prctl(47, 4, 0).map(|_| ())
}

/// Whether a capability, by its bit, is in the ambient set.
pub fn is_ambient(bit: u32) -> Result<bool, Errno> {
    prctl(47, 1, bit as usize).map(|v| v != 0)
}

/// NOROOT, NO_SETUID_FIXUP, KEEP_CAPS off and NO_CAP_AMBIENT_RAISE, each with its lock (linux/securebits.h, 6.18):
/// uid 0 means nothing any more, and none of this can be undone.
pub const SECUREBITS: usize = 0b1110_1111;

/// PR_SET_SECUREBITS.
pub fn set_securebits(bits: usize) -> Result<(), Errno> {
    prctl(28, bits, 0).map(|_| ())
}

/// PR_GET_SECUREBITS.
pub fn securebits() -> Result<usize, Errno> {
    prctl(27, 0, 0)
}

/// PR_SET_MDWE: no mapping becomes executable that was writable (Linux 6.3); EINVAL before.
pub fn set_no_write_exec() -> Result<(), Errno> {
    prctl(65, 1, 0).map(|_| ())
}
