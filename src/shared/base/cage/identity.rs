//! Who a caged program is: another user, without capabilities but for those that were decided, and no way back.
//!
//! Runs in: the launcher and the child of bailiff-cage, as root or in a user namespace. In: `Who`. Out: the identity that
//! the program keeps. Never: leaves a capability in any set that was not named.
use super::Failed;
use crate::shims::errno::Errno;
use crate::shims::identity::{self, Capabilities, cap};

/// Who the program is to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Who {
    /// User and group to become; equal to the own ones where this user namespace maps no other.
    pub uid: u32,
    /// Likewise.
    pub gid: u32,
    /// Whether ids can be changed at all here.
    pub own_ids: bool,
    /// The capabilities it keeps.
    pub capabilities: u64,
}

/// Becomes this user with these capabilities, and reads all of it back.
pub fn become_user(who: &Who) -> Result<(), Failed> {
    let step = |what: &'static str| move |errno| Failed(what, errno);
    for bit in 0..64u32 {
        let bound = who.capabilities & 1u64.wrapping_shl(bit) != 0;
        // EINVAL: the kernel knows no capability of this number; there are none behind it either.
        if !bound && identity::drop_bound(bit) == Err(Errno::EINVAL) {
            break;
        }
    }
    if who.own_ids {
        identity::keep_capabilities().map_err(step("PR_SET_KEEPCAPS"))?;
        identity::clear_groups().map_err(step("setgroups"))?;
        identity::set_gid(who.gid).map_err(step("setresgid"))?;
        identity::set_uid(who.uid).map_err(step("setresuid"))?;
    }
    let last = who.capabilities | cap::CAP_SETPCAP;
    let set = Capabilities { effective: last, permitted: last, inheritable: who.capabilities };
    identity::set_capabilities(&set).map_err(step("capset"))?;
    for bit in (0..64u32).filter(|bit| who.capabilities & 1u64.wrapping_shl(*bit) != 0) {
        identity::raise_ambient(bit).map_err(step("PR_CAP_AMBIENT_RAISE"))?;
    }
    identity::set_securebits(identity::SECUREBITS).map_err(step("PR_SET_SECUREBITS"))?;
    let kept = who.capabilities;
    let set = Capabilities { effective: kept, permitted: kept, inheritable: kept };
    identity::set_capabilities(&set).map_err(step("capset"))?;
    identity::set_no_new_privs().map_err(step("PR_SET_NO_NEW_PRIVS"))?;
    let now = identity::capabilities().map_err(step("capget"))?;
    let ids = identity::uids().map_err(step("getresuid"))?;
    match now == set && ids == [who.uid; 3] {
        true => Ok(()),
        false => Err(Failed("identity read back differs", Errno::EPERM)),
    }
}
