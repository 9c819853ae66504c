//! Attempts at the process's own chains: ids and capabilities, its filter, writable code, the terminal, arguments whose upper bits
//! or whose memory change what a check saw, other ways into the kernel.
//!
//! Runs in: the payload program. In: paths, numbers. Out: what the kernel said in the end.
use crate::calls::{HERE, nr, poke, run, sys};
use crate::files::open;
use crate::processes::fork;
use crate::{Attempt, Given, void};

const CAP_SYS_ADMIN: u32 = 1 << 21;
const HIGH: usize = 1 << 32;
const TIOCSTI: usize = 0x5412;

fn prctl(option: usize, a: usize, b: usize) -> isize {
    sys(nr::PRCTL, [option, a, b, 0, 0])
}

/// The six words of this process's capabilities.
fn capabilities() -> ([u32; 6], isize) {
    let (header, mut data) = ([0x2008_0522u32, 0], [0u32; 6]);
    let got = sys(nr::CAPGET, [header.as_ptr() as usize, data.as_mut_ptr() as usize]);
    (data, got)
}

/// Asks for CAP_SYS_ADMIN in these of the three sets (bits: effective, permitted, inheritable).
fn raise(sets: usize) -> isize {
    let (header, (mut data, _)) = ([0x2008_0522u32, 0], capabilities());
    for (set, low) in data.iter_mut().take(3).enumerate() {
        if sets >> set & 1 == 1 {
            *low |= CAP_SYS_ADMIN;
        }
    }
    sys(nr::CAPSET, [header.as_ptr() as usize, data.as_ptr() as usize])
}

/// 0 when it holds, else EPERM.
fn holds(what: bool) -> isize {
    if what { 0 } else { -1 }
}

/// A filter that lets everything pass.
const OPEN_FILTER: [u64; 1] = [0x7fff_0000_0000_0006];

fn filter(by_prctl: bool) -> isize {
    let program = [1usize, OPEN_FILTER.as_ptr() as usize];
    let at = program.as_ptr() as usize;
    if by_prctl { prctl(22, 2, at) } else { sys(nr::SECCOMP, [1, 0, at]) }
}

fn page(protection: usize) -> isize {
    sys(nr::MMAP, [0, 4096, protection, 0x22, usize::MAX, 0])
}

fn write_execute(_: &Given<'_>) -> isize {
    let at = page(7);
    if at < 0 { at } else { run(at as usize, true) }
}

fn write_then_execute(_: &Given<'_>) -> isize {
    let at = page(3);
    if at < 0 {
        return void(at);
    }
    for (i, byte) in crate::calls::CODE.iter().enumerate() {
        poke(at as usize + i, *byte);
    }
    let got = sys(nr::MPROTECT, [at as usize, 4096, 5]);
    if got < 0 { got } else { run(at as usize, false) }
}

/// Stands in the program's own code, to be written over.
#[inline(never)]
extern "C" fn victim() -> isize {
    core::hint::black_box(-1)
}

fn on_stack(_: &Given<'_>) -> isize {
    let code = core::hint::black_box([0u64; 4]);
    run(code.as_ptr() as usize, true)
}

/// prlimit(2) whose new limit lies where the low half of its address is zero, for another process.
fn limit_low(given: &Given<'_>) -> isize {
    let at = sys(nr::MMAP, [HIGH, 4096, 3, 0x10_0022, usize::MAX, 0]);
    if at < 0 {
        return void(at);
    }
    let limit = at as usize;
    poke(limit, 16);
    poke(limit + 8, 16);
    sys(nr::PRLIMIT64, [given.number(0), 7, limit, 0])
}

/// A path that another process changes all the time: `allowed` (argument 0), `secret` (1). 0 when the secret was ever opened.
fn swapped(given: &Given<'_>) -> isize {
    let mapped = sys(nr::MMAP, [0, 4096, 3, 0x21, usize::MAX, 0]);
    if mapped < 0 {
        return void(mapped);
    }
    let shared = mapped as usize;
    let put = |text: &[u8]| {
        for (i, byte) in text.iter().chain(&[0]).enumerate() {
            poke(shared + i, *byte);
        }
    };
    put(given.text(0));
    let pid = fork();
    if pid == 0 {
        loop {
            put(given.text(1));
            put(given.text(0));
        }
    }
    let mut got = -2;
    for _ in 0..20_000 {
        let fd = open(shared, 0, 0);
        let mut start = [0u8; 6];
        if fd >= 0 {
            let _ = sys(nr::READ, [fd as usize, start.as_mut_ptr() as usize, 6]);
            let _ = sys(nr::CLOSE, [fd as usize]);
        }
        if &start == b"secret" {
            got = 0;
            break;
        }
    }
    let _ = sys(nr::KILL, [pid as usize, 9]);
    got
}

/// Takes the terminal on descriptor 0 as its own.
fn take_terminal(_: &Given<'_>) -> isize {
    let _ = sys(nr::SETSID, []);
    sys(nr::IOCTL, [0, 0x540e, 1])
}

fn high_mode(given: &Given<'_>) -> isize {
    sys(nr::PERSONALITY, [given.number(0) * HIGH + 0x40_0000])
}

/// Two calls at once: an error of the second counts.
fn ambient(_: &Given<'_>) -> isize {
    let _ = raise(0b100);
    prctl(47, 2, 21)
}

fn groups(_: &Given<'_>) -> isize {
    holds(sys(nr::GETGROUPS, [0, 0]) > 0)
}

fn set_groups(_: &Given<'_>) -> isize {
    let list = [0u32];
    sys(nr::SETGROUPS, [1, list.as_ptr() as usize])
}

fn any_capability(_: &Given<'_>) -> isize {
    let (data, got) = capabilities();
    if got < 0 { void(got) } else { holds(data.iter().any(|word| *word != 0)) }
}

/// Who is asked by the daemons of a terminal: what the first word of the environment says is the test's.
fn environment(given: &Given<'_>) -> isize {
    holds(given.has(given.text(0)))
}

pub(crate) const ATTEMPTS: &[(&str, Attempt)] = &[
    #[cfg(target_arch = "x86_64")]
    ("abi.int80", |_| crate::calls::int80(20, 0, 0)),
    #[cfg(target_arch = "x86_64")]
    ("abi.socketcall", |_| {
        let low = sys(nr::MMAP, [0, 4096, 3, 0x62, usize::MAX, 0]);
        if low < 0 {
            return void(low);
        }
        poke(low as usize, 2);
        poke(low as usize + 4, 1);
        crate::calls::int80(102, 1, low as usize)
    }),
    #[cfg(target_arch = "x86_64")]
    ("abi.x32", |_| sys(0x4000_0000 | nr::GETPID, [])),
    #[cfg(target_arch = "x86_64")]
    ("abi.vsyscall", |_| crate::calls::vsyscall_time()),
    ("args.prlimit_low", limit_low),
    ("args.personality_high", high_mode),
    ("args.socket_high", |_| sys(nr::SOCKET, [HIGH + 16, 3, 0])),
    ("args.prctl_high", |_| sys(nr::PRCTL, [HIGH + 4, 1, 0, 0, 0])),
    ("args.swapped", swapped),
    ("tty.sti", |_| sys(nr::IOCTL, [0, TIOCSTI, c"x".as_ptr() as usize])),
    ("tty.sti_high", |_| sys(nr::IOCTL, [0, HIGH + TIOCSTI, c"x".as_ptr() as usize])),
    ("tty.linux", |_| sys(nr::IOCTL, [0, 0x541c, c"\x06".as_ptr() as usize])),
    ("tty.take", take_terminal),
    ("tty.open", |_| open(c"/dev/tty".as_ptr() as usize, 2, 0)),
    ("self.seccomp", |_| filter(false)),
    ("self.prctl_seccomp", |_| filter(true)),
    ("self.dumpable", |_| prctl(4, 1, 0)),
    ("self.parent_death", |_| prctl(1, 0, 0)),
    ("self.new_privileges", |_| holds(prctl(39, 0, 0) == 0)),
    ("self.personality", |_| sys(nr::PERSONALITY, [0x40_0000])),
    ("self.is_dumpable", |_| holds(prctl(3, 0, 0) == 1)),
    ("wx.mmap", write_execute),
    ("wx.mprotect", write_then_execute),
    ("wx.code", |_| run(victim as *const () as usize, true)),
    ("wx.stack", on_stack),
    ("env.has", environment),
    ("id.capset", |_| raise(0b11)),
    ("id.ambient", ambient),
    ("id.caps", any_capability),
    ("id.bound", |_| holds((0..=40).any(|cap| prctl(23, cap, 0) == 1))),
    ("id.securebits", |_| holds(prctl(27, 0, 0) & 0b1110_1111 != 0b1110_1111)),
    ("id.setuid", |given| sys(nr::SETUID, [given.number(0)])),
    ("id.is_root", |_| holds(sys(nr::GETEUID, []) == 0)),
    ("id.groups", groups),
    ("id.setgroups", set_groups),
    ("dir.up", |given| {
        for _ in 0..64 {
            let _ = sys(nr::CHDIR, [c"..".as_ptr() as usize]);
        }
        sys(nr::OPENAT, [HERE, given.path(0) + 1, 0, 0])
    }),
];
