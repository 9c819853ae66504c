//! The warden's own cage: what it never uses is gone before it reads its first byte.
//!
//! Runs in: the warden, first of all. Out: a process with the capabilities and calls of its row. What is left *is* root
//! (docs/tcb.md): it opens logs and starts the roles. The filter is inherited, so it holds their calls too.
use bailiff::shared::base::enter::install;
use bailiff::shared::cages::{self, CAGED, LAUNCHER, WARDEN, WARDEN_CAPABILITIES};
use bailiff::shims::errno::Errno;
use bailiff::shims::identity::{self, Capabilities};

/// Closes the cage; names the step that failed.
pub(crate) fn close() -> Result<(), (&'static str, Errno)> {
    let step = |what: &'static str| move |errno| (what, errno);
    for bit in 0..64u32 {
        let kept = WARDEN_CAPABILITIES & 1u64.wrapping_shl(bit) != 0;
        if !kept && identity::drop_bound(bit) == Err(Errno::EINVAL) {
            break;
        }
    }
    let had = identity::capabilities().map_err(step("capget"))?;
    let kept = had.permitted & WARDEN_CAPABILITIES;
    let set = Capabilities { effective: kept, permitted: kept, inheritable: 0 };
    identity::set_capabilities(&set).map_err(step("capset"))?;
    identity::clear_ambient().map_err(step("ambient set"))?;
    identity::set_not_dumpable().map_err(step("dumpable"))?;
    identity::set_no_new_privs().map_err(step("no_new_privs"))?;
    let mut list = [(0, 0); 100];
    let mut used = 0;
    for calls in [WARDEN, LAUNCHER].into_iter().chain(CAGED.iter().flat_map(|role| {
        let row = cages::cage(*role);
        [row.enter, row.run]
    })) {
        for number in calls {
            used = cages::insert(&mut list, used, (*number, bailiff::shared::pure::bpf::ALLOW))
                .ok_or(("seccomp rules", Errno::EINVAL))?;
        }
    }
    let rules = list.get(..used).ok_or(("seccomp rules", Errno::EINVAL))?;
    install(rules).map_err(|open| (open.what(), Errno::EINVAL))?;
    let whole = identity::capabilities().map_err(step("capget"))? == set
        && identity::no_new_privs() == Ok(1)
        && identity::seccomp_mode() == Ok(2)
        && identity::dumpable() == Ok(0);
    if whole { Ok(()) } else { Err(("cage read back differs", Errno::EPERM)) }
}
