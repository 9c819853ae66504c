//! Who the role is: another user, without capabilities but for those of its row, and no way back.
//!
//! Runs in: the launcher, as root or as the only user of a user namespace. In: the row and the launch record. Out: the
//! identity that the role keeps. Never: leaves a capability in any set that the row does not name.
use super::Failed;
use bailiff::shared::cages::Cage;
use bailiff::shared::pure::wire::source::Launch;
use bailiff::shims::errno::Errno;
use bailiff::shims::identity::{self, Capabilities, cap};

/// Becomes the launch record's user with the row's capabilities, and reads all of it back.
pub(super) fn become_user(row: &Cage, launch: &Launch) -> Result<(), Failed> {
    let step = |what: &'static str| move |errno| Failed(what, errno);
    for bit in 0..64u32 {
        let bound = row.capabilities & 1u64.wrapping_shl(bit) != 0;
        // EINVAL: the kernel knows no capability of this number; there are none behind it either.
        if !bound && identity::drop_bound(bit) == Err(Errno::EINVAL) {
            break;
        }
    }
    if launch.own_ids {
        identity::keep_capabilities().map_err(step("PR_SET_KEEPCAPS"))?;
        identity::clear_groups().map_err(step("setgroups"))?;
        identity::set_gid(launch.gid).map_err(step("setresgid"))?;
        identity::set_uid(launch.uid).map_err(step("setresuid"))?;
    }
    let last = row.capabilities | cap::CAP_SETPCAP;
    let set = Capabilities { effective: last, permitted: last, inheritable: row.capabilities };
    identity::set_capabilities(&set).map_err(step("capset"))?;
    for bit in (0..64u32).filter(|bit| row.capabilities & 1u64.wrapping_shl(*bit) != 0) {
        identity::raise_ambient(bit).map_err(step("PR_CAP_AMBIENT_RAISE"))?;
    }
    identity::set_securebits(identity::SECUREBITS).map_err(step("PR_SET_SECUREBITS"))?;
    let kept = row.capabilities;
    let set = Capabilities { effective: kept, permitted: kept, inheritable: kept };
    identity::set_capabilities(&set).map_err(step("capset"))?;
    identity::set_no_new_privs().map_err(step("PR_SET_NO_NEW_PRIVS"))?;
    let now = identity::capabilities().map_err(step("capget"))?;
    let ids = identity::uids().map_err(step("getresuid"))?;
    match now == set && ids == [launch.uid; 3] {
        true => Ok(()),
        false => Err(Failed("identity read back differs", Errno::EPERM)),
    }
}
