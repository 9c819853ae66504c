//! Calls that are allowed with some arguments only.
//!
//! Runs in: bailiff-cage. In: nothing. Out: the checks, as data: filter.rs makes the filter of them, listen.rs finds in them
//! the rule that refused. Never: looks at memory; what lies there may change after the check.
//!
//! Width: the kernel takes many arguments as 32 bits and drops what stands above them (`int`, `unsigned int`, `umode_t`).
//! There only the low half counts: to compare more would let a call pass that the kernel sees as another (TIOCSTI + 2^32).
//! Pointers and `unsigned long` are compared whole: there a low half alone would be the trick.
use super::find;
use super::rules as r;
use crate::policy::Net;

/// Whether an argument, masked, is one of these values (`is`), or none of them.
pub(crate) struct Test {
    pub(crate) arg: u8,
    /// Beyond 32 bits: all 64 are compared.
    pub(crate) mask: u64,
    pub(crate) values: &'static [u64],
    pub(crate) is: bool,
}

/// What a clause says. The texts are the policy's words: the rule that refuses, and the line that would allow it (empty:
/// none would).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    Allow,
    Refuse { rule: &'static str, allow: &'static str },
}

/// When all tests hold, this is the answer.
pub(crate) struct Clause {
    pub(crate) when: &'static [Test],
    pub(crate) answer: Answer,
}

/// The first clause that holds answers.
pub(crate) struct Check {
    pub(crate) clauses: &'static [Clause],
    pub(crate) otherwise: Answer,
}

impl Check {
    pub(crate) fn answer(&self, args: &[u64; 6]) -> Answer {
        let holds = |test: &Test| {
            let arg = args.get(usize::from(test.arg)).copied().unwrap_or(0);
            test.values.contains(&(arg & test.mask)) == test.is
        };
        let clause = self.clauses.iter().find(|clause| clause.when.iter().all(holds));
        clause.map_or(self.otherwise, |clause| clause.answer)
    }
}

/// When a call has a check.
enum When {
    Always(&'static Check),
    /// One without network, one with.
    Net(&'static Check, &'static Check),
    /// One for `default`, one for `static`.
    Narrow(&'static Check, &'static Check),
    /// With `no_write_exec`; the same, and more, for `static`.
    NoWriteExec(&'static Check, &'static Check),
}

/// What a policy says that checks depend on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Given {
    pub(crate) net: Net,
    /// `calls = "static"`.
    pub(crate) narrow: bool,
    pub(crate) no_write_exec: bool,
}

/// A call's number, where this architecture has it, and its check.
type Row = (Option<u32>, When);

const fn row(name: &str, when: When) -> Row {
    (find(name.as_bytes(), 0, name.len()), when)
}

const fn always(name: &str, check: &'static Check) -> Row {
    row(name, When::Always(check))
}

static CHECKS: [Row; 23] = [
    always("clone", &r::CLONE),
    always("creat", &r::MODE_1),
    always("chmod", &r::MODE_1),
    always("fchmod", &r::MODE_1),
    always("fchmodat", &r::MODE_2),
    always("fchmodat2", &r::MODE_2),
    always("open", &r::OPEN_1),
    always("openat", &r::OPEN_2),
    always("mknod", &r::NODE_1),
    always("mknodat", &r::NODE_2),
    always("execveat", &r::EXECVEAT),
    always("personality", &r::PERSONALITY),
    always("prlimit64", &r::PRLIMIT),
    always("setresuid", &r::SETRES),
    always("setresgid", &r::SETRES),
    always("socketpair", &r::SOCKETPAIR),
    always("prctl", &r::PRCTL),
    row("ioctl", When::Narrow(&r::IOCTL, &r::IOCTL_STATIC)),
    row("socket", When::Net(&r::SOCKET, &r::SOCKET_INET)),
    row("mmap", When::NoWriteExec(&r::MAP, &r::MAP_STATIC)),
    row("mprotect", When::NoWriteExec(&r::PROTECT, &r::PROTECT_STATIC)),
    row("pkey_mprotect", When::NoWriteExec(&r::PROTECT, &r::PROTECT_STATIC)),
    row("shmat", When::NoWriteExec(&r::ATTACH, &r::ATTACH)),
];

/// The check that an allowed call has to pass.
pub(crate) fn check(number: u32, given: Given) -> Option<&'static Check> {
    let (_, when) = CHECKS.iter().find(|(has, _)| *has == Some(number))?;
    match when {
        When::Always(check) => Some(check),
        When::Net(without, with) => Some(if given.net == Net::None { without } else { with }),
        When::Narrow(wide, narrow) => Some(if given.narrow { narrow } else { wide }),
        When::NoWriteExec(_, narrow) if given.narrow => Some(narrow),
        When::NoWriteExec(check, _) => given.no_write_exec.then_some(check),
    }
}
