//! aarch64: the system call instruction and the numbers in use.

macro_rules! call {
    ($name:ident, $($arg:ident in $reg:tt),*) => {
        /// Enters the kernel with call number `N` and these arguments; returns what `x0` then holds. The number is
        /// part of the instruction text, so that a disassembly shows it beside each `svc`.
        ///
        /// # Safety
        /// The arguments must keep the contract of call `N` (its man page), and whatever memory the kernel reads or
        /// writes through them must be valid for that.
        #[inline(always)]
        pub unsafe fn $name<const N: u32>($($arg: usize),*) -> isize {
            let ret: isize;
            // SAFETY: the caller vouches for the call; `svc` itself changes x0 only, and no stack.
            unsafe {
                core::arch::asm!(
                    "mov x8, #{n}", "svc #0",
                    n = const N,
                    $(in($reg) $arg,)*
                    lateout("x0") ret, out("x8") _,
                    options(nostack)
                );
            }
            ret
        }
    };
}

call!(syscall0,);
call!(syscall1, a in "x0");
call!(syscall2, a in "x0", b in "x1");
call!(syscall3, a in "x0", b in "x1", c in "x2");
call!(syscall4, a in "x0", b in "x1", c in "x2", d in "x3");
call!(syscall5, a in "x0", b in "x1", c in "x2", d in "x3", e in "x4");
call!(syscall6, a in "x0", b in "x1", c in "x2", d in "x3", e in "x4", f in "x5");

/// `AUDIT_ARCH_AARCH64` (linux/audit.h, 6.18): what a seccomp filter must see as the architecture.
pub const AUDIT_ARCH: u32 = 0xc000_00b7;
/// aarch64 has no second numbering under this architecture; numbers from here on exist nowhere.
pub const FIRST_FOREIGN: u32 = 0x4000_0000;

/// One bit per byte of `block`, lowest first: set where the byte is a newline.
pub fn newline_mask(block: &[u8; 64]) -> u64 {
    let mut mask = 0u64;
    for chunk in block.as_chunks::<8>().0.iter().rev() {
        // A zero byte of x is a newline; the carry-free test marks exactly those (Hacker's Delight, 6-1).
        let x = u64::from_le_bytes(*chunk) ^ 0x0a0a_0a0a_0a0a_0a0a;
        let low = (x & 0x7f7f_7f7f_7f7f_7f7f).wrapping_add(0x7f7f_7f7f_7f7f_7f7f);
        let zero = !(low | x | 0x7f7f_7f7f_7f7f_7f7f);
        // Gathers the eight top bits into one byte.
        let bits = (zero >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        mask = mask << 8 | bits;
    }
    mask
}

macro_rules! numbers {
    ($($name:ident = $number:literal, $text:literal;)*) => {
        /// Numbers of the calls in use (include/uapi/asm-generic/unistd.h, 6.18).
        #[expect(missing_docs, reason = "each is the kernel's own name: see its man page")]
        pub mod nr {
            $(pub const $name: u32 = $number;)*
        }
        /// The same numbers with their names, in ascending order.
        pub const NAMES: &[(u32, &str)] = &[$(($number, $text)),*];
    };
}

numbers! {
    IO_SETUP = 0, "io_setup";
    IO_SUBMIT = 2, "io_submit";
    IO_GETEVENTS = 4, "io_getevents";
    FSETXATTR = 7, "fsetxattr";
    GETCWD = 17, "getcwd";
    EVENTFD2 = 19, "eventfd2";
    DUP3 = 24, "dup3";
    FCNTL = 25, "fcntl";
    INOTIFY_INIT1 = 26, "inotify_init1";
    INOTIFY_ADD_WATCH = 27, "inotify_add_watch";
    INOTIFY_RM_WATCH = 28, "inotify_rm_watch";
    IOCTL = 29, "ioctl";
    FLOCK = 32, "flock";
    MKNODAT = 33, "mknodat";
    MKDIRAT = 34, "mkdirat";
    UNLINKAT = 35, "unlinkat";
    SYMLINKAT = 36, "symlinkat";
    LINKAT = 37, "linkat";
    UMOUNT2 = 39, "umount2";
    MOUNT = 40, "mount";
    PIVOT_ROOT = 41, "pivot_root";
    FSTATFS = 44, "fstatfs";
    FTRUNCATE = 46, "ftruncate";
    FACCESSAT = 48, "faccessat";
    CHDIR = 49, "chdir";
    FCHMOD = 52, "fchmod";
    FCHMODAT = 53, "fchmodat";
    FCHOWNAT = 54, "fchownat";
    FCHOWN = 55, "fchown";
    CLOSE = 57, "close";
    PIPE2 = 59, "pipe2";
    GETDENTS64 = 61, "getdents64";
    LSEEK = 62, "lseek";
    READ = 63, "read";
    WRITE = 64, "write";
    PREAD64 = 67, "pread64";
    PWRITE64 = 68, "pwrite64";
    PPOLL = 73, "ppoll";
    SIGNALFD4 = 74, "signalfd4";
    READLINKAT = 78, "readlinkat";
    FDATASYNC = 83, "fdatasync";
    UTIMENSAT = 88, "utimensat";
    CAPGET = 90, "capget";
    CAPSET = 91, "capset";
    PERSONALITY = 92, "personality";
    EXIT_GROUP = 94, "exit_group";
    UNSHARE = 97, "unshare";
    NANOSLEEP = 101, "nanosleep";
    CLOCK_GETTIME = 113, "clock_gettime";
    SCHED_SETAFFINITY = 122, "sched_setaffinity";
    SCHED_GETAFFINITY = 123, "sched_getaffinity";
    KILL = 129, "kill";
    RT_SIGPROCMASK = 135, "rt_sigprocmask";
    SETPRIORITY = 140, "setpriority";
    SETRESUID = 147, "setresuid";
    GETRESUID = 148, "getresuid";
    SETRESGID = 149, "setresgid";
    GETRESGID = 150, "getresgid";
    SETPGID = 154, "setpgid";
    SETSID = 157, "setsid";
    GETGROUPS = 158, "getgroups";
    SETGROUPS = 159, "setgroups";
    UNAME = 160, "uname";
    SETHOSTNAME = 161, "sethostname";
    UMASK = 166, "umask";
    PRCTL = 167, "prctl";
    GETPID = 172, "getpid";
    GETPPID = 173, "getppid";
    SOCKET = 198, "socket";
    SOCKETPAIR = 199, "socketpair";
    BIND = 200, "bind";
    LISTEN = 201, "listen";
    CONNECT = 203, "connect";
    GETSOCKNAME = 204, "getsockname";
    SENDTO = 206, "sendto";
    RECVFROM = 207, "recvfrom";
    SETSOCKOPT = 208, "setsockopt";
    GETSOCKOPT = 209, "getsockopt";
    SENDMSG = 211, "sendmsg";
    RECVMSG = 212, "recvmsg";
    CLONE = 220, "clone";
    MMAP = 222, "mmap";
    MPROTECT = 226, "mprotect";
    ACCEPT4 = 242, "accept4";
    WAIT4 = 260, "wait4";
    PRLIMIT64 = 261, "prlimit64";
    SETNS = 268, "setns";
    PROCESS_VM_READV = 270, "process_vm_readv";
    RENAMEAT2 = 276, "renameat2";
    SECCOMP = 277, "seccomp";
    GETRANDOM = 278, "getrandom";
    EXECVEAT = 281, "execveat";
    COPY_FILE_RANGE = 285, "copy_file_range";
    STATX = 291, "statx";
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
