//! The system call instruction with any number, and what else no safe layer offers.
//!
//! Runs in: the payload program. In: numbers. Out: what the kernel returned. No block here keeps any contract: this program
//! exists to do harm, and the cage is what is tested.

/// Enters the kernel.
pub(crate) fn sys<const N: usize>(number: u32, given: [usize; N]) -> isize {
    let mut a = [0usize; 6];
    for (slot, value) in a.iter_mut().zip(given) {
        *slot = value;
    }
    let (ret, [a0, a1, a2, a3, a4, a5]): (isize, _) = (0, a);
    let mut ret = ret;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: none is claimed.
    unsafe {
        core::arch::asm!("syscall", inlateout("rax") number as usize => ret, in("rdi") a0, in("rsi") a1, in("rdx") a2,
            in("r10") a3, in("r8") a4, in("r9") a5, lateout("rcx") _, lateout("r11") _);
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: none is claimed.
    unsafe {
        core::arch::asm!("svc #0", in("x8") number as usize, inlateout("x0") a0 => ret, in("x1") a1, in("x2") a2,
            in("x3") a3, in("x4") a4, in("x5") a5);
    }
    core::hint::black_box(&mut ret);
    ret
}

/// Starts a thread that sleeps for ever and never touches the stack that it shares with this one.
pub(crate) fn thread() -> isize {
    const VM_FS_FILES_SIGHAND_THREAD_SYSVSEM: usize = 0x5_0f00;
    let ret: isize;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: none is claimed; the new thread only ever calls ppoll(2) without an end.
    unsafe {
        core::arch::asm!("syscall", "test rax, rax", "jnz 3f", "2:", "mov eax, 271", "xor edi, edi", "xor esi, esi",
            "xor edx, edx", "xor r10d, r10d", "syscall", "jmp 2b", "3:", inlateout("rax") nr::CLONE as usize => ret,
            in("rdi") VM_FS_FILES_SIGHAND_THREAD_SYSVSEM, in("rsi") 0, in("rdx") 0, in("r10") 0, in("r8") 0,
            lateout("rcx") _, lateout("r11") _);
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        core::arch::asm!("svc #0", "cbnz x0, 3f", "2:", "mov x8, 73", "mov x0, 0", "mov x1, 0", "mov x2, 0", "mov x3, 0",
            "svc #0", "b 2b", "3:", in("x8") nr::CLONE as usize,
            inlateout("x0") VM_FS_FILES_SIGHAND_THREAD_SYSVSEM => ret, in("x1") 0, in("x2") 0, in("x3") 0, in("x4") 0);
    }
    ret
}

/// `return 42` as instructions.
#[cfg(target_arch = "x86_64")]
pub(crate) const CODE: [u8; 8] = [0xb8, 42, 0, 0, 0, 0xc3, 0x90, 0x90];
#[cfg(target_arch = "aarch64")]
pub(crate) const CODE: [u8; 8] = [0x40, 0x05, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6];

/// Writes `CODE` to this address, if `write`, and runs what lies there: 42.
pub(crate) fn run(at: usize, write: bool) -> isize {
    if write {
        // SAFETY: none is claimed.
        unsafe { (at as *mut [u8; 8]).write_volatile(CODE) };
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: instructions are fetched anew.
    unsafe {
        core::arch::asm!("dc cvau, {a}", "dsb ish", "ic ivau, {a}", "dsb ish", "isb", a = in(reg) at);
    }
    // SAFETY: none is claimed.
    let code: extern "C" fn() -> isize = unsafe { core::mem::transmute(at) };
    code()
}

/// Enters the kernel as a 32-bit program does: number and three arguments.
#[cfg(target_arch = "x86_64")]
pub(crate) fn int80(number: usize, a: usize, b: usize) -> isize {
    let ret: i32;
    // SAFETY: none is claimed.
    unsafe {
        core::arch::asm!("xchg rbx, {a}", "int 0x80", "xchg rbx, {a}", a = inout(reg) a => _,
            inlateout("eax") number as u32 => ret, in("ecx") b, in("edx") 0, lateout("r8") _, lateout("r9") _,
            lateout("r10") _, lateout("r11") _);
    }
    ret as isize
}

/// time(2) by the page that the kernel maps for very old programs.
#[cfg(target_arch = "x86_64")]
pub(crate) fn vsyscall_time() -> isize {
    // SAFETY: none is claimed.
    let time: extern "C" fn(usize) -> isize = unsafe { core::mem::transmute(0xffff_ffff_ff60_0400_usize) };
    time(0)
}

/// One byte of memory.
pub(crate) fn poke(at: usize, byte: u8) {
    // SAFETY: none is claimed.
    unsafe { (at as *mut u8).write_volatile(byte) };
}

/// One byte of memory.
pub(crate) fn peek(at: usize) -> u8 {
    // SAFETY: none is claimed.
    unsafe { (at as *const u8).read_volatile() }
}

/// The current directory, for the *at calls.
pub(crate) const HERE: usize = -100isize as usize;

macro_rules! numbers {
    ($($name:ident = $x86:literal, $arm:literal;)*) => {
        /// asm/unistd_64.h and asm-generic/unistd.h, 6.18.
        pub(crate) mod nr {
            $(#[cfg(target_arch = "x86_64")] pub(crate) const $name: u32 = $x86;
              #[cfg(target_arch = "aarch64")] pub(crate) const $name: u32 = $arm;)*
        }
    };
}

#[rustfmt::skip]
numbers! {
    READ = 0, 63; WRITE = 1, 64; OPEN = 2, 4095; CLOSE = 3, 57; MMAP = 9, 222; MPROTECT = 10, 226;
    RT_SIGACTION = 13, 134; RT_SIGPROCMASK = 14, 135; IOCTL = 16, 29; PREAD64 = 17, 67; GETPID = 39, 172;
    SOCKET = 41, 198; CONNECT = 42, 203; SENDTO = 44, 206; SENDMSG = 46, 211; BIND = 49, 200; LISTEN = 50, 201;
    SOCKETPAIR = 53, 199; CLONE = 56, 220; EXECVE = 59, 221; WAIT4 = 61, 260; KILL = 62, 129; FTRUNCATE = 77, 46;
    CHDIR = 80, 49; FCHDIR = 81, 50; CREAT = 85, 4095; CHMOD = 90, 4095; FCHMOD = 91, 52; PTRACE = 101, 117;
    SYSLOG = 103, 116; SETUID = 105, 146; GETEUID = 107, 175; GETPPID = 110, 173; SETSID = 112, 157;
    GETGROUPS = 115, 158; SETGROUPS = 116, 159; CAPGET = 125, 90; CAPSET = 126, 91; MKNOD = 133, 4095;
    PERSONALITY = 135, 92; SETPRIORITY = 141, 140; SCHED_SETSCHEDULER = 144, 119; PIVOT_ROOT = 155, 41;
    PRCTL = 157, 167; CHROOT = 161, 51; ACCT = 163, 89; SETTIMEOFDAY = 164, 170; MOUNT = 165, 40; UMOUNT2 = 166, 39;
    SWAPON = 167, 224; REBOOT = 169, 142; IOPL = 172, 4095; IOPERM = 173, 4095; INIT_MODULE = 175, 105;
    QUOTACTL = 179, 60; CLOCK_GETTIME = 228, 113; EXIT_GROUP = 231, 94; TGKILL = 234, 131; KEXEC_LOAD = 246, 104;
    ADD_KEY = 248, 217; REQUEST_KEY = 249, 218; KEYCTL = 250, 219; OPENAT = 257, 56; MKDIRAT = 258, 34;
    MKNODAT = 259, 33; UNLINKAT = 263, 35; FCHMODAT = 268, 53; PPOLL = 271, 73; UNSHARE = 272, 97; PIPE2 = 293, 59;
    PERF_EVENT_OPEN = 298, 241; PRLIMIT64 = 302, 261; NAME_TO_HANDLE_AT = 303, 264; OPEN_BY_HANDLE_AT = 304, 265;
    SETNS = 308, 268; PROCESS_VM_READV = 310, 270; PROCESS_VM_WRITEV = 311, 271; KCMP = 312, 272; SECCOMP = 317, 277;
    MEMFD_CREATE = 319, 279; BPF = 321, 280; EXECVEAT = 322, 281; USERFAULTFD = 323, 282; STATX = 332, 291;
    IO_URING_SETUP = 425, 425; IO_URING_ENTER = 426, 426; IO_URING_REGISTER = 427, 427; OPEN_TREE = 428, 428;
    MOVE_MOUNT = 429, 429; FSOPEN = 430, 430; FSCONFIG = 431, 431; FSMOUNT = 432, 432; PIDFD_OPEN = 434, 434;
    CLONE3 = 435, 435; OPENAT2 = 437, 437; PIDFD_GETFD = 438, 438; MOUNT_SETATTR = 442, 442; FCHMODAT2 = 452, 452;
}

/// The kernel's names of its errors, by number.
#[rustfmt::skip]
pub(crate) const ERRNO: [&str; 134] = [
    "-", "EPERM", "ENOENT", "ESRCH", "EINTR", "EIO", "ENXIO", "E2BIG", "ENOEXEC", "EBADF", "ECHILD", "EAGAIN",
    "ENOMEM", "EACCES", "EFAULT", "ENOTBLK", "EBUSY", "EEXIST", "EXDEV", "ENODEV", "ENOTDIR", "EISDIR", "EINVAL",
    "ENFILE", "EMFILE", "ENOTTY", "ETXTBSY", "EFBIG", "ENOSPC", "ESPIPE", "EROFS", "EMLINK", "EPIPE", "EDOM",
    "ERANGE", "EDEADLK", "ENAMETOOLONG", "ENOLCK", "ENOSYS", "ENOTEMPTY", "ELOOP", "-", "ENOMSG", "EIDRM", "ECHRNG",
    "EL2NSYNC", "EL3HLT", "EL3RST", "ELNRNG", "EUNATCH", "ENOCSI", "EL2HLT", "EBADE", "EBADR", "EXFULL", "ENOANO",
    "EBADRQC", "EBADSLT", "-", "EBFONT", "ENOSTR", "ENODATA", "ETIME", "ENOSR", "ENONET", "ENOPKG", "EREMOTE",
    "ENOLINK", "EADV", "ESRMNT", "ECOMM", "EPROTO", "EMULTIHOP", "EDOTDOT", "EBADMSG", "EOVERFLOW", "ENOTUNIQ",
    "EBADFD", "EREMCHG", "ELIBACC", "ELIBBAD", "ELIBSCN", "ELIBMAX", "ELIBEXEC", "EILSEQ", "ERESTART", "ESTRPIPE",
    "EUSERS", "ENOTSOCK", "EDESTADDRREQ", "EMSGSIZE", "EPROTOTYPE", "ENOPROTOOPT", "EPROTONOSUPPORT",
    "ESOCKTNOSUPPORT", "EOPNOTSUPP", "EPFNOSUPPORT", "EAFNOSUPPORT", "EADDRINUSE", "EADDRNOTAVAIL", "ENETDOWN",
    "ENETUNREACH", "ENETRESET", "ECONNABORTED", "ECONNRESET", "ENOBUFS", "EISCONN", "ENOTCONN", "ESHUTDOWN",
    "ETOOMANYREFS", "ETIMEDOUT", "ECONNREFUSED", "EHOSTDOWN", "EHOSTUNREACH", "EALREADY", "EINPROGRESS", "ESTALE",
    "EUCLEAN", "ENOTNAM", "ENAVAIL", "EISNAM", "EREMOTEIO", "EDQUOT", "ENOMEDIUM", "EMEDIUMTYPE", "ECANCELED",
    "ENOKEY", "EKEYEXPIRED", "EKEYREVOKED", "EKEYREJECTED", "EOWNERDEAD", "ENOTRECOVERABLE", "ERFKILL", "-",
];
