//! The kernel's error numbers.

/// An error of a system call: the kernel's number, 1 to 4095.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Errno(pub u16);

#[expect(missing_docs, reason = "each is the kernel's own name (asm-generic/errno-base.h, errno.h, 6.18)")]
impl Errno {
    pub const EPERM: Self = Self(1);
    pub const ENOENT: Self = Self(2);
    pub const EINTR: Self = Self(4);
    pub const EIO: Self = Self(5);
    pub const EBADF: Self = Self(9);
    pub const EAGAIN: Self = Self(11);
    pub const ENOMEM: Self = Self(12);
    pub const EACCES: Self = Self(13);
    pub const EBUSY: Self = Self(16);
    pub const EEXIST: Self = Self(17);
    pub const ENOTDIR: Self = Self(20);
    pub const EINVAL: Self = Self(22);
    pub const ENFILE: Self = Self(23);
    pub const ENOSPC: Self = Self(28);
    pub const EPIPE: Self = Self(32);
    pub const ENOSYS: Self = Self(38);
    pub const ELOOP: Self = Self(40);
    pub const EPROTO: Self = Self(71);
    pub const EMSGSIZE: Self = Self(90);
    pub const EOPNOTSUPP: Self = Self(95);
    pub const EADDRINUSE: Self = Self(98);
    pub const ENOBUFS: Self = Self(105);
    pub const ECONNREFUSED: Self = Self(111);

    /// The kernel's name of this number, where it is one of those named here; else an empty string.
    pub fn name(self) -> &'static str {
        match self.0 {
            1 => "EPERM",
            2 => "ENOENT",
            4 => "EINTR",
            5 => "EIO",
            9 => "EBADF",
            11 => "EAGAIN",
            12 => "ENOMEM",
            13 => "EACCES",
            16 => "EBUSY",
            17 => "EEXIST",
            20 => "ENOTDIR",
            22 => "EINVAL",
            23 => "ENFILE",
            28 => "ENOSPC",
            32 => "EPIPE",
            38 => "ENOSYS",
            40 => "ELOOP",
            71 => "EPROTO",
            90 => "EMSGSIZE",
            95 => "EOPNOTSUPP",
            98 => "EADDRINUSE",
            105 => "ENOBUFS",
            111 => "ECONNREFUSED",
            _ => "",
        }
    }
}

/// Splits what a call returned: -4095 to -1 are errors (syscall(2)), all else is a value.
#[inline(always)]
pub(super) fn value(ret: isize) -> Result<usize, Errno> {
    match ret {
        -4095..=-1 => Err(Errno(ret.unsigned_abs() as u16)),
        _ => Ok(ret as usize),
    }
}

/// The same for a call whose value means nothing.
#[inline(always)]
pub(super) fn done(ret: isize) -> Result<(), Errno> {
    value(ret).map(|_| ())
}
