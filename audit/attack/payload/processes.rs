//! Attempts at other processes, and at having too much: signals, daemons, bombs of processes, threads and memory, time.
//!
//! Runs in: the payload program. In: numbers of processes, how much is enough outside (so that nothing there is ever exhausted).
//! Out: what the kernel said in the end; how far a bomb came.
use crate::calls::{nr, peek, poke, sys, thread};
use crate::{Attempt, Given, digits, say, void};

/// A new process: 0 in it.
pub(crate) fn fork() -> isize {
    sys(nr::CLONE, [17, 0, 0, 0, 0])
}

pub(crate) fn leave() -> ! {
    loop {
        let _ = sys(nr::EXIT_GROUP, [0]);
    }
}

/// Ends the child, if this is one: the parent has the answer.
pub(crate) fn child(got: isize) -> isize {
    if got == 0 {
        leave();
    }
    got
}

pub(crate) fn sleep_ms(ms: usize) {
    let time = [ms / 1000, ms % 1000 * 1_000_000];
    let _ = sys(nr::PPOLL, [0, 0, time.as_ptr() as usize, 0, 0]);
}

fn ignore(signal: usize) {
    let ignored: [usize; 4] = [1, 0, 0, 0];
    let _ = sys(nr::RT_SIGACTION, [signal, ignored.as_ptr() as usize, 0, 8]);
}

fn came(to: usize) {
    say(&[b"# ", digits(to, &mut [0; 20]), b"\n"]);
}

/// Processes that sleep for a second, until there is no more or there are enough.
fn bomb(given: &Given<'_>) -> isize {
    for made in 0..given.number(0) {
        let pid = fork();
        if pid == 0 {
            sleep_ms(1000);
            leave();
        }
        if pid < 0 {
            came(made);
            return pid;
        }
    }
    0
}

fn thread_bomb(given: &Given<'_>) -> isize {
    for made in 0..given.number(0) {
        let got = thread();
        if got < 0 {
            came(made);
            return got;
        }
    }
    0
}

/// Memory in blocks of a megabyte, each touched every so many bytes.
fn memory(given: &Given<'_>, block: usize, step: usize, flags: usize) -> isize {
    for made in 0..given.number(0) {
        let at = sys(nr::MMAP, [0, block, 3, flags, usize::MAX, 0]);
        if at < 0 {
            came(made);
            return at;
        }
        for offset in (0..block).step_by(step) {
            poke(at as usize + offset, 1);
        }
    }
    0
}

fn memfd(given: &Given<'_>) -> isize {
    let fd = sys(nr::MEMFD_CREATE, [c"bomb".as_ptr() as usize, 0]);
    let block = [1u8; 16384];
    for _ in 0..given.number(0) * 64 {
        let put =
            if fd < 0 { fd } else { sys(nr::WRITE, [fd as usize, block.as_ptr() as usize, block.len()]) };
        if put < 0 {
            return put;
        }
    }
    0
}

/// Pairs of descriptors, each filled until it takes no more.
fn pairs(given: &Given<'_>, sockets: bool) -> isize {
    let block = [1u8; 4096];
    for made in 0..given.number(0) {
        let mut pair = [0u32; 2];
        let to = pair.as_mut_ptr() as usize;
        let got =
            if sockets { sys(nr::SOCKETPAIR, [1, 1 | 0o4000, 0, to]) } else { sys(nr::PIPE2, [to, 0o4000]) };
        if got < 0 {
            came(made);
            return got;
        }
        while sys(nr::WRITE, [pair[1] as usize, block.as_ptr() as usize, block.len()]) > 0 {}
    }
    0
}

/// A process without parent, session or output, that goes on for as long as is said.
fn daemon(given: &Given<'_>) -> isize {
    let first = fork();
    if first != 0 {
        let _ = sys(nr::WAIT4, [first.unsigned_abs(), 0, 0, 0]);
        return first;
    }
    let _ = sys(nr::SETSID, []);
    if fork() == 0 {
        for signal in [1, 2, 15] {
            ignore(signal);
        }
        for fd in 0..3 {
            let _ = sys(nr::CLOSE, [fd]);
        }
        sleep_ms(given.number(0));
    }
    leave();
}

/// Sleeps, deaf to every signal that can be ignored.
fn deaf(given: &Given<'_>) -> isize {
    for signal in 1..32 {
        ignore(signal);
    }
    let _ = daemon(given);
    say(&[b"# here\n"]);
    sleep_ms(given.number(0));
    0
}

fn spin(given: &Given<'_>) -> isize {
    let mut now = [0usize; 2];
    ignore(24);
    while now[0] < given.number(0) {
        for _ in 0..100_000 {
            core::hint::spin_loop();
        }
        // CLOCK_PROCESS_CPUTIME_ID
        let _ = sys(nr::CLOCK_GETTIME, [2, now.as_mut_ptr() as usize]);
    }
    0
}

fn blocked(_: &Given<'_>) -> isize {
    let mut byte = 0u8;
    sys(nr::READ, [0, (&raw mut byte) as usize, 1])
}

/// Refused calls, each with other arguments: what the launcher has to remember of them.
fn flood(given: &Given<'_>) -> isize {
    (0..given.number(0)).map(|i| sys(nr::KCMP, [i, i, i, i, i])).fold(0, isize::min)
}

/// Ends by a signal of its own.
fn end_by(given: &Given<'_>) -> isize {
    let unblocked = [0usize];
    let _ = sys(nr::RT_SIGPROCMASK, [2, unblocked.as_ptr() as usize, 0, 8]);
    sys(nr::KILL, [sys(nr::GETPID, []) as usize, given.number(0)])
}

fn realtime(_: &Given<'_>) -> isize {
    let priority = [1u32];
    sys(nr::SCHED_SETSCHEDULER, [0, 1, priority.as_ptr() as usize])
}

/// Writes beyond the first page of the address space, which is there only where everything may be mapped.
fn null_page(_: &Given<'_>) -> isize {
    let at = sys(nr::MMAP, [0, 4096, 3, 0x32, usize::MAX, 0]);
    if at < 0 { at } else { peek(1).into() }
}

pub(crate) const ATTEMPTS: &[(&str, Attempt)] = &[
    ("kill.all", |_| sys(nr::KILL, [usize::MAX, 0])),
    ("kill.all_dead", |_| sys(nr::KILL, [usize::MAX, 9])),
    ("kill.pid", |given| sys(nr::KILL, [given.number(0), given.number(1)])),
    ("kill.thread", |given| sys(nr::TGKILL, [given.number(0), given.number(0), 0])),
    ("kill.parent", |given| sys(nr::KILL, [sys(nr::GETPPID, []) as usize, given.number(0)])),
    ("kill.group", |given| sys(nr::KILL, [0, given.number(0)])),
    ("flood.calls", flood),
    ("end.by", end_by),
    ("end.with", |given| {
        let _ = sys(nr::EXIT_GROUP, [given.number(0)]);
        void(-1)
    }),
    ("daemon.leave", daemon),
    ("daemon.deaf", deaf),
    ("sleep", |given| {
        sleep_ms(given.number(0));
        0
    }),
    ("cpu.spin", spin),
    ("cpu.blocked", blocked),
    ("cpu.nice", |_| sys(nr::SETPRIORITY, [0, 0, -5isize as usize])),
    ("cpu.realtime", realtime),
    ("bomb.fork", bomb),
    ("bomb.thread", thread_bomb),
    ("memory.anonymous", |given| memory(given, 1 << 20, 4096, 0x22)),
    ("memory.shared", |given| memory(given, 1 << 20, 4096, 0x21)),
    ("memory.tables", |given| memory(given, 1 << 30, 1 << 21, 0x4022)),
    ("memory.memfd", memfd),
    ("memory.pipes", |given| pairs(given, false)),
    ("memory.sockets", |given| pairs(given, true)),
    ("memory.null", null_page),
];
