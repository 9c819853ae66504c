//! A program closes its own cage: its first act after start, before its first input byte.
//!
//! Runs in: watcher, tracker, enforcer. In: its row of `cages` and the uid it was told to expect. Out: nothing, or why not.
//! The launcher has closed the outer cage already; exec made the process dumpable again and kept the ambient set,
//! and the outer filter still allows execveat: all this ends here, and everything is read back and compared.
use crate::shared::cages::{Cage, rules};
use crate::shared::pure::bpf;
use crate::shims::arch;
use crate::shims::confine::{Instruction, seccomp};
use crate::shims::errno::Errno;
use crate::shims::identity::{self, Capabilities};
use crate::shims::process::{Limit, limit};

/// What was not as it must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Open {
    /// The kernel refused a step.
    Kernel(&'static str, Errno),
    /// Read back, this was not what the row says.
    Differs(&'static str),
}

impl Open {
    /// What it was, for the log.
    pub fn what(&self) -> &'static str {
        match self {
            Self::Kernel(what, _) | Self::Differs(what) => what,
        }
    }
}

/// Closes the inner cage. On return every call but those of `cage.run` is refused or fatal.
pub fn enter(cage: &Cage, uid: u32) -> Result<(), Open> {
    let kernel = |what| move |errno| Open::Kernel(what, errno);
    identity::set_not_dumpable().map_err(kernel("dumpable"))?;
    identity::clear_ambient().map_err(kernel("ambient set"))?;
    let kept = Capabilities { effective: cage.capabilities, permitted: cage.capabilities, inheritable: 0 };
    identity::set_capabilities(&kept).map_err(kernel("capabilities"))?;
    read_back(cage, uid, &kept)?;
    filter(cage)?;
    // The filter answers EPERM to the calls of `cage.enter`: if it does not, it is not in force.
    match identity::dumpable() {
        Err(Errno::EPERM) => Ok(()),
        _ => Err(Open::Differs("seccomp filter")),
    }
}

fn read_back(cage: &Cage, uid: u32, kept: &Capabilities) -> Result<(), Open> {
    let kernel = |what| move |errno| Open::Kernel(what, errno);
    let checks = [
        ("dumpable", identity::dumpable().map_err(kernel("dumpable"))? == 0),
        ("no_new_privs", identity::no_new_privs().map_err(kernel("no_new_privs"))? == 1),
        ("outer seccomp filter", identity::seccomp_mode().map_err(kernel("seccomp"))? == 2),
        ("securebits", identity::securebits().map_err(kernel("securebits"))? == identity::SECUREBITS),
        ("capabilities", identity::capabilities().map_err(kernel("capabilities"))? == *kept),
        ("uid", identity::uids().map_err(kernel("uid"))? == [uid; 3]),
        ("RLIMIT_CORE", limit(Limit::Core).map_err(kernel("RLIMIT_CORE"))? == 0),
        ("RLIMIT_NPROC", limit(Limit::Nproc).map_err(kernel("RLIMIT_NPROC"))? == 0),
        ("RLIMIT_NOFILE", limit(Limit::Nofile).map_err(kernel("RLIMIT_NOFILE"))? == cage.descriptors),
        ("RLIMIT_CPU", cage.seconds.is_none_or(|most| limit(Limit::Cpu) == Ok(most))),
        ("RLIMIT_AS", cage.memory.is_none_or(|most| limit(Limit::As) == Ok(most))),
    ];
    match checks.into_iter().find(|(_, holds)| !holds) {
        Some((what, _)) => Err(Open::Differs(what)),
        None => Ok(()),
    }
}

fn filter(cage: &Cage) -> Result<(), Open> {
    let mut list = [(0, 0); 100];
    let used = rules(cage, true, &[], &mut list).ok_or(Open::Differs("seccomp rules"))?;
    install(list.get(..used).unwrap_or(&[]))
}

/// Puts the filter of these rules in force.
pub fn install(rules: &[bpf::Rule]) -> Result<(), Open> {
    let mut codes = [(0, 0, 0, 0); bpf::MOST];
    let length = bpf::program(arch::AUDIT_ARCH, arch::FIRST_FOREIGN, rules, &mut codes)
        .ok_or(Open::Differs("seccomp rules"))?;
    let mut program = [Instruction::default(); bpf::MOST];
    for (slot, (code, jt, jf, k)) in program.iter_mut().zip(codes) {
        *slot = Instruction { code, jt, jf, k };
    }
    let program = program.get(..length).ok_or(Open::Differs("seccomp rules"))?;
    seccomp(program).map_err(|errno| Open::Kernel("seccomp", errno))
}
