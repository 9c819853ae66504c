//! x86_64: the system call instruction and the numbers in use.

macro_rules! call {
    ($name:ident, $($arg:ident in $reg:tt),*) => {
        /// Enters the kernel with call number `N` and these arguments; returns what `rax` then holds. The number is
        /// part of the instruction text, so that a disassembly shows it beside each `syscall`.
        ///
        /// # Safety
        /// The arguments must keep the contract of call `N` (its man page), and whatever memory the kernel reads or
        /// writes through them must be valid for that.
        #[inline(always)]
        pub unsafe fn $name<const N: u32>($($arg: usize),*) -> isize {
            let ret: isize;
            // SAFETY: the caller vouches for the call; `syscall` itself changes rax, rcx and r11 only, and no stack.
            unsafe {
                core::arch::asm!(
                    "mov eax, {n}", "syscall",
                    n = const N,
                    $(in($reg) $arg,)*
                    lateout("rax") ret, lateout("rcx") _, lateout("r11") _,
                    options(nostack)
                );
            }
            ret
        }
    };
}

call!(syscall0,);
call!(syscall1, a in "rdi");
call!(syscall2, a in "rdi", b in "rsi");
call!(syscall3, a in "rdi", b in "rsi", c in "rdx");
call!(syscall4, a in "rdi", b in "rsi", c in "rdx", d in "r10");
call!(syscall5, a in "rdi", b in "rsi", c in "rdx", d in "r10", e in "r8");
call!(syscall6, a in "rdi", b in "rsi", c in "rdx", d in "r10", e in "r8", f in "r9");

/// `AUDIT_ARCH_X86_64` (linux/audit.h, 6.18): what a seccomp filter must see as the architecture.
pub const AUDIT_ARCH: u32 = 0xc000_003e;
/// Numbers from here on are the x32 ABI's (`__X32_SYSCALL_BIT`, asm/unistd.h): never ours.
pub const FIRST_FOREIGN: u32 = 0x4000_0000;

/// One bit per byte of `block`, lowest first: set where the byte is a newline.
pub fn newline_mask(block: &[u8; 64]) -> u64 {
    // SAFETY: SSE2 is part of the x86_64 baseline, so the target feature is always there.
    unsafe { newline_mask_sse2(block) }
}

#[target_feature(enable = "sse2")]
fn newline_mask_sse2(block: &[u8; 64]) -> u64 {
    use core::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi8};
    let newline = _mm_set1_epi8(b'\n' as i8);
    let mut mask = 0u64;
    for half in block.as_chunks::<16>().0.iter().rev() {
        let (low, high) = half.split_at(8);
        let [low, high] = [low, high].map(|b| b.first_chunk().map_or(0, |b| i64::from_le_bytes(*b)));
        let equal = _mm_cmpeq_epi8(_mm_set_epi64x(high, low), newline);
        mask = mask << 16 | (_mm_movemask_epi8(equal) as u64 & 0xffff);
    }
    mask
}

macro_rules! numbers {
    ($($name:ident = $number:literal, $text:literal;)*) => {
        /// Numbers of the calls in use (arch/x86/include/generated/uapi/asm/unistd_64.h, 6.18).
        #[expect(missing_docs, reason = "each is the kernel's own name: see its man page")]
        pub mod nr {
            $(pub const $name: u32 = $number;)*
        }
        /// The same numbers with their names, in ascending order.
        pub const NAMES: &[(u32, &str)] = &[$(($number, $text)),*];
    };
}

numbers! {
    READ = 0, "read";
    WRITE = 1, "write";
    CLOSE = 3, "close";
    LSEEK = 8, "lseek";
    MMAP = 9, "mmap";
    MPROTECT = 10, "mprotect";
    RT_SIGPROCMASK = 14, "rt_sigprocmask";
    IOCTL = 16, "ioctl";
    PREAD64 = 17, "pread64";
    PWRITE64 = 18, "pwrite64";
    NANOSLEEP = 35, "nanosleep";
    GETPID = 39, "getpid";
    SOCKET = 41, "socket";
    CONNECT = 42, "connect";
    SENDTO = 44, "sendto";
    RECVFROM = 45, "recvfrom";
    SENDMSG = 46, "sendmsg";
    RECVMSG = 47, "recvmsg";
    BIND = 49, "bind";
    LISTEN = 50, "listen";
    GETSOCKNAME = 51, "getsockname";
    SOCKETPAIR = 53, "socketpair";
    SETSOCKOPT = 54, "setsockopt";
    GETSOCKOPT = 55, "getsockopt";
    CLONE = 56, "clone";
    WAIT4 = 61, "wait4";
    KILL = 62, "kill";
    UNAME = 63, "uname";
    FCNTL = 72, "fcntl";
    FLOCK = 73, "flock";
    FDATASYNC = 75, "fdatasync";
    FTRUNCATE = 77, "ftruncate";
    GETCWD = 79, "getcwd";
    CHDIR = 80, "chdir";
    FCHMOD = 91, "fchmod";
    FCHOWN = 93, "fchown";
    UMASK = 95, "umask";
    SETPGID = 109, "setpgid";
    GETPPID = 110, "getppid";
    SETSID = 112, "setsid";
    GETGROUPS = 115, "getgroups";
    SETGROUPS = 116, "setgroups";
    SETRESUID = 117, "setresuid";
    GETRESUID = 118, "getresuid";
    SETRESGID = 119, "setresgid";
    GETRESGID = 120, "getresgid";
    CAPGET = 125, "capget";
    CAPSET = 126, "capset";
    PERSONALITY = 135, "personality";
    FSTATFS = 138, "fstatfs";
    SETPRIORITY = 141, "setpriority";
    PIVOT_ROOT = 155, "pivot_root";
    PRCTL = 157, "prctl";
    MOUNT = 165, "mount";
    UMOUNT2 = 166, "umount2";
    SETHOSTNAME = 170, "sethostname";
    FSETXATTR = 190, "fsetxattr";
    SCHED_SETAFFINITY = 203, "sched_setaffinity";
    SCHED_GETAFFINITY = 204, "sched_getaffinity";
    IO_SETUP = 206, "io_setup";
    IO_GETEVENTS = 208, "io_getevents";
    IO_SUBMIT = 209, "io_submit";
    GETDENTS64 = 217, "getdents64";
    CLOCK_GETTIME = 228, "clock_gettime";
    EXIT_GROUP = 231, "exit_group";
    INOTIFY_ADD_WATCH = 254, "inotify_add_watch";
    INOTIFY_RM_WATCH = 255, "inotify_rm_watch";
    MKDIRAT = 258, "mkdirat";
    MKNODAT = 259, "mknodat";
    FCHOWNAT = 260, "fchownat";
    UNLINKAT = 263, "unlinkat";
    LINKAT = 265, "linkat";
    SYMLINKAT = 266, "symlinkat";
    READLINKAT = 267, "readlinkat";
    FCHMODAT = 268, "fchmodat";
    FACCESSAT = 269, "faccessat";
    PPOLL = 271, "ppoll";
    UNSHARE = 272, "unshare";
    UTIMENSAT = 280, "utimensat";
    ACCEPT4 = 288, "accept4";
    SIGNALFD4 = 289, "signalfd4";
    EVENTFD2 = 290, "eventfd2";
    DUP3 = 292, "dup3";
    PIPE2 = 293, "pipe2";
    INOTIFY_INIT1 = 294, "inotify_init1";
    PRLIMIT64 = 302, "prlimit64";
    SETNS = 308, "setns";
    PROCESS_VM_READV = 310, "process_vm_readv";
    RENAMEAT2 = 316, "renameat2";
    SECCOMP = 317, "seccomp";
    GETRANDOM = 318, "getrandom";
    EXECVEAT = 322, "execveat";
    COPY_FILE_RANGE = 326, "copy_file_range";
    STATX = 332, "statx";
    PIDFD_SEND_SIGNAL = 424, "pidfd_send_signal";
    OPEN_TREE = 428, "open_tree";
    MOVE_MOUNT = 429, "move_mount";
    FSOPEN = 430, "fsopen";
    FSCONFIG = 431, "fsconfig";
    FSMOUNT = 432, "fsmount";
    PIDFD_OPEN = 434, "pidfd_open";
    CLONE3 = 435, "clone3";
    CLOSE_RANGE = 436, "close_range";
    OPENAT2 = 437, "openat2";
    PIDFD_GETFD = 438, "pidfd_getfd";
    MOUNT_SETATTR = 442, "mount_setattr";
    LANDLOCK_CREATE_RULESET = 444, "landlock_create_ruleset";
    LANDLOCK_ADD_RULE = 445, "landlock_add_rule";
    LANDLOCK_RESTRICT_SELF = 446, "landlock_restrict_self";
}
