//! System calls: their names, and the sets that a policy speaks of.
//!
//! Runs in: bailiff-cage. In: nothing. Out: names, numbers, sets. Never: asks the kernel.
use crate::words::value::distance;

#[cfg(any(target_arch = "aarch64", test))]
#[cfg_attr(test, allow(dead_code, reason = "the tests read the other architecture's table too"))]
pub(crate) mod aarch64;
pub(crate) mod checks;
pub(crate) mod rules;
#[cfg(any(target_arch = "x86_64", test))]
pub(crate) mod x86_64;

#[cfg(target_arch = "aarch64")]
use aarch64::NAMES;
#[cfg(target_arch = "x86_64")]
use x86_64::NAMES;

/// Numbers from here on have no name.
pub(crate) const MOST: usize = 512;

/// What stands in every set: without these no program ends, no signal handler returns, and the launcher's own child could not
/// say, behind the filter, that exec failed.
const ALWAYS: Set = set("exit exit_group rt_sigreturn restart_syscall write");

/// `static`: what a program without processes, threads and sockets calls, whether it was linked statically or dynamically,
/// with glibc or musl: to start, compute, read and write files. The exec that starts it is the launcher's.
const STATIC: Set = set(
    "read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek close close_range \
     open openat stat fstat lstat newfstatat statx statfs fstatfs access faccessat faccessat2 readlink readlinkat \
     getdents getdents64 unlink unlinkat getcwd chdir fchdir umask creat ftruncate fsync fdatasync fadvise64 readahead sendfile \
     copy_file_range fcntl ioctl dup dup2 dup3 poll ppoll select pselect6 \
     mmap munmap mremap mprotect madvise msync mincore brk map_shadow_stack mseal \
     rt_sigaction rt_sigprocmask rt_sigpending rt_sigsuspend rt_sigtimedwait sigaltstack pause tkill tgkill \
     alarm getitimer setitimer nanosleep clock_nanosleep clock_gettime clock_getres gettimeofday time times \
     getpid gettid getppid getpgrp getpgid getsid getuid geteuid getgid getegid getresuid getresgid getgroups \
     getrlimit prlimit64 getrusage sysinfo uname getcpu sched_getaffinity sched_yield getrandom \
     arch_prctl prctl set_tid_address set_robust_list rseq futex membarrier",
);

/// What `default` has beyond `static`: processes, threads, the tree of files, pipes, events, sockets of the families that
/// the network allows. What compilers, make, shells, interpreters and test suites call. Left out: what reaches into other
/// processes, namespaces, mounts, keys, clocks, modules, devices or identities; what runs code or opens files past these
/// checks (io_uring, bpf, memfd_create, handles); what only measures the kernel. clone3 and openat2 hide their arguments in
/// memory, which a filter cannot read: they do not exist here, and libraries call clone and openat instead.
const MORE: Set = set(
    "clone fork vfork execve execveat wait4 waitid kill rt_sigqueueinfo rt_tgsigqueueinfo signalfd \
     signalfd4 setpgid setsid getpriority setpriority sched_setaffinity sched_getparam sched_setparam \
     sched_getscheduler sched_setscheduler sched_get_priority_max sched_get_priority_min sched_rr_get_interval \
     sched_getattr sched_setattr ioprio_get ioprio_set setrlimit setresuid setresgid capget personality pidfd_send_signal \
     mkdir mkdirat rmdir rename renameat renameat2 link linkat symlink symlinkat mknod mknodat \
     chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat truncate fallocate utime utimes utimensat futimesat \
     flock sync syncfs sync_file_range getxattr lgetxattr fgetxattr getxattrat listxattr llistxattr flistxattr \
     listxattrat file_getattr cachestat inotify_init inotify_init1 inotify_add_watch inotify_rm_watch \
     pipe pipe2 splice tee vmsplice eventfd eventfd2 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait \
     epoll_pwait2 timerfd_create timerfd_settime timerfd_gettime timer_create timer_settime timer_gettime \
     timer_getoverrun timer_delete futex_waitv futex_wake futex_wait futex_requeue \
     socket socketpair bind listen accept accept4 connect getsockname getpeername getsockopt setsockopt shutdown \
     sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg \
     mlock mlock2 munlock mlockall munlockall pkey_alloc pkey_free pkey_mprotect mbind get_mempolicy set_mempolicy \
     shmget shmat shmctl shmdt semget semop semctl semtimedop msgget msgsnd msgrcv msgctl mq_open mq_unlink \
     mq_timedsend mq_timedreceive mq_notify mq_getsetattr \
     landlock_create_ruleset landlock_add_rule landlock_restrict_self",
);

/// Calls by number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Set([u64; MOST / 64]);

impl Set {
    /// The calls of every set.
    pub(crate) const ALWAYS: Self = ALWAYS;
    /// `calls = "static"`.
    pub(crate) const STATIC: Self = ALWAYS.and(STATIC);
    /// `calls = "default"`.
    pub(crate) const DEFAULT: Self = Self::STATIC.and(MORE);

    /// Whether it has this call.
    pub(crate) fn has(&self, number: u32) -> bool {
        let word = self.0.get(number as usize / 64);
        word.is_some_and(|word| word >> (number % 64) & 1 != 0)
    }

    /// Puts a call in.
    pub(crate) fn put(&mut self, number: u32) {
        if let Some(word) = self.0.get_mut(number as usize / 64) {
            *word |= 1 << (number % 64);
        }
    }

    /// The calls of both.
    pub(crate) const fn and(mut self, other: Self) -> Self {
        let mut at = 0;
        while at < self.0.len() {
            self.0[at] |= other.0[at];
            at += 1;
        }
        self
    }
}

/// The kernel's name of this call.
pub(crate) fn name(number: u32) -> Option<&'static str> {
    let spot = SPOTS.get(number as usize)?;
    let (_, names) = NAMES.get(usize::from(spot.row))?;
    names.get(spot.from.into()..spot.to.into()).filter(|name| !name.is_empty())
}

/// The number of the call with this name.
pub(crate) fn number(name: &str) -> Option<u32> {
    find(name.as_bytes(), 0, name.len())
}

/// All calls, by number.
pub(crate) fn all() -> impl Iterator<Item = (u32, &'static str)> {
    (0..MOST as u32).filter_map(|number| Some((number, name(number)?)))
}

/// The name that this was meant to be, perhaps: at most two letters are other ones.
pub(crate) fn nearest(wrong: &str) -> Option<&'static str> {
    let near = |(_, name)| Some((distance(wrong.as_bytes(), str::as_bytes(name)), name));
    let (distance, name) = all().filter_map(near).min()?;
    (distance <= 2).then_some(name)
}

/// Where a name stands: in which row of `NAMES`, from where to where. The kernel's numbers lead to it without a table of
/// pointers, which would have to be relocated at each start.
#[derive(Clone, Copy)]
struct Spot {
    row: u8,
    from: u16,
    to: u16,
}

static SPOTS: [Spot; MOST] = SPOT;
const SPOT: [Spot; MOST] = {
    let mut spots = [Spot { row: 0, from: 0, to: 0 }; MOST];
    let mut row = 0;
    while row < NAMES.len() {
        let (mut number, names) = NAMES[row];
        let (mut from, mut to) = (0, 0);
        while to <= names.len() {
            if to == names.len() || names.as_bytes()[to] == b' ' {
                spots[number as usize] = Spot { row: row as u8, from: from as u16, to: to as u16 };
                (number, from) = (number + 1, to + 1);
            }
            to += 1;
        }
        row += 1;
    }
    spots
};

/// The number of the call whose name stands in `text` from `start` to `end`.
const fn find(text: &[u8], start: usize, end: usize) -> Option<u32> {
    let mut number = 0;
    while number < MOST {
        let spot = SPOT[number];
        let (name, from) = (NAMES[spot.row as usize].1.as_bytes(), spot.from as usize);
        let long = spot.to as usize - from;
        if long == end - start && long != 0 {
            let mut at = 0;
            while at < long && name[from + at] == text[start + at] {
                at += 1;
            }
            if at == long {
                return Some(number as u32);
            }
        }
        number += 1;
    }
    None
}

/// The set of these names; those that this architecture lacks stay out.
pub(crate) const fn set(names: &str) -> Set {
    let names = names.as_bytes();
    let (mut from, mut to, mut set) = (0, 0, Set([0; MOST / 64]));
    while to <= names.len() {
        if to == names.len() || names[to] == b' ' {
            if let Some(number) = find(names, from, to) {
                set.0[number as usize / 64] |= 1 << (number % 64);
            }
            from = to + 1;
        }
        to += 1;
    }
    set
}
