//! Attempts at files: /proc, descriptors that were left open, programs made and run, set-id bits, devices, room on a disk.
//!
//! Runs in: the payload program. In: paths, numbers of descriptors. Out: what the kernel said in the end.
use crate::calls::{HERE, nr, sys};
use crate::processes::sleep_ms;
use crate::{Attempt, Given, answer, void};

pub(crate) const O_WRONLY: usize = 1;
pub(crate) const O_RDWR: usize = 2;
const O_CREAT_TRUNC: usize = 0o1101;
const O_PATH: usize = 0o10_000_000;

/// A path put together from parts.
pub(crate) struct Joined([u8; 512], usize);

impl Joined {
    pub(crate) fn new(parts: &[&[u8]]) -> Self {
        let mut joined = Self([0; 512], 0);
        for byte in parts.iter().copied().flatten().take(511) {
            joined.0[joined.1] = *byte;
            joined.1 += 1;
        }
        joined
    }

    pub(crate) fn path(&self) -> usize {
        self.0.as_ptr() as usize
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0[..self.1]
    }

    /// `@` as the third byte, the first of a socket's name, is the NUL of a name without a file.
    pub(crate) fn abstracted(&mut self) {
        if self.0[2] == b'@' {
            self.0[2] = 0;
        }
    }
}

pub(crate) fn open(path: usize, flags: usize, mode: usize) -> isize {
    sys(nr::OPENAT, [HERE, path, flags, mode])
}

fn at(text: &core::ffi::CStr) -> usize {
    text.as_ptr() as usize
}

/// Reads from a file: at least one byte, or the kernel's word.
fn read(fd: isize) -> isize {
    let mut byte = [0u8; 4096];
    let got = if fd < 0 { fd } else { sys(nr::READ, [fd as usize, byte.as_mut_ptr() as usize, 4096]) };
    if got == 0 { -61 } else { got }
}

/// Copies this program to an open file.
fn copy_self(to: isize) -> isize {
    let from = open(at(c"/proc/self/exe"), 0, 0);
    let mut room = [0u8; 16384];
    loop {
        let got = sys(nr::READ, [from as usize, room.as_mut_ptr() as usize, room.len()]);
        if got <= 0 {
            return got;
        }
        let put = sys(nr::WRITE, [to as usize, room.as_ptr() as usize, got as usize]);
        if put < 0 {
            return put;
        }
    }
}

/// Becomes this program anew, which then says that the attempt succeeded; returns when that is refused.
fn become_it(dir: isize, path: usize, flags: usize, what: &core::ffi::CStr, name: &core::ffi::CStr) -> isize {
    let argv = [at(c"payload"), at(what), at(name), 0];
    let environment = [0usize];
    sys(nr::EXECVEAT, [dir as usize, path, argv.as_ptr() as usize, environment.as_ptr() as usize, flags])
}

fn execute(path: usize, what: &core::ffi::CStr, name: &core::ffi::CStr) -> isize {
    let argv = [at(c"payload"), at(what), at(name), 0];
    let environment = [0usize];
    sys(nr::EXECVE, [path, argv.as_ptr() as usize, environment.as_ptr() as usize])
}

fn memfd_exec(_: &Given<'_>) -> isize {
    let memory = sys(nr::MEMFD_CREATE, [at(c"payload"), 0]);
    if memory < 0 {
        return memory;
    }
    let copied = copy_self(memory);
    if copied < 0 { void(copied) } else { become_it(memory, at(c""), 0x1000, c"say", c"memfd.exec") }
}

fn empty_exec(_: &Given<'_>) -> isize {
    let own = open(at(c"/proc/self/exe"), O_PATH, 0);
    if own < 0 { void(own) } else { become_it(own, at(c""), 0x1000, c"say", c"exec.empty_path") }
}

/// Writes a program into the directory that is named, and runs it.
fn written(given: &Given<'_>) -> isize {
    let path = Joined::new(&[given.text(0), b"/made"]);
    let to = open(path.path(), O_CREAT_TRUNC, 0o755);
    let copied = if to < 0 { to } else { copy_self(to) };
    let _ = sys(nr::CLOSE, [to as usize]);
    if copied < 0 { void(copied) } else { execute(path.path(), c"say", c"exec.written") }
}

/// Becomes the program (argument 0), which then tries another attempt (1): whether it gained what its file promises.
fn exec_as(given: &Given<'_>) -> isize {
    let argv = [at(c"payload"), given.path(1), 0];
    let environment = [0usize];
    sys(nr::EXECVE, [given.path(0), argv.as_ptr() as usize, environment.as_ptr() as usize])
}

/// CVE-2019-5736: holds the program of a process (argument 1) and becomes another one (argument 0), which writes to it.
fn exe_later(given: &Given<'_>) -> isize {
    let held = open(given.path(1), O_PATH, 0);
    let mut room = [0u8; 20];
    let number = Joined::new(&[crate::digits(held.unsigned_abs(), &mut room)]);
    let argv = [at(c"payload"), at(c"exe.write"), number.path(), 0];
    let environment = [0usize];
    let list = argv.as_ptr() as usize;
    if held < 0 { held } else { void(sys(nr::EXECVE, [given.path(0), list, environment.as_ptr() as usize])) }
}

/// Opens for writing what is held, as soon as nobody runs it.
fn exe_write(given: &Given<'_>) -> isize {
    let link = Joined::new(&[b"/proc/self/fd/", given.text(0)]);
    for _ in 0..20 {
        let got = open(link.path(), O_WRONLY, 0);
        if got != -26 {
            return got;
        }
        sleep_ms(25);
    }
    -26
}

/// A file of the working directory that is first made, to have something to change.
fn own_file(name: &core::ffi::CStr) -> isize {
    open(at(name), 0o102, 0o644)
}

/// How the file's mode stands now: EPERM unless a set-id bit is on it.
fn is_set_id(fd: isize, got: isize) -> isize {
    let mut stat = [0u64; 32];
    let read = sys(nr::STATX, [fd as usize, at(c""), 0x1000, 0xfff, stat.as_mut_ptr() as usize]);
    let mode = stat[3] >> 32 & 0o6000;
    if got >= 0 && read >= 0 && mode == 0 { -1 } else { got }
}

fn chmod(number: u32, mode: usize) -> isize {
    let fd = own_file(c"mine");
    let got = match number {
        nr::FCHMOD => sys(number, [fd as usize, mode]),
        _ => sys(number, [HERE, at(c"mine"), mode, 0]),
    };
    if fd < 0 { void(fd) } else { is_set_id(fd, got) }
}

/// The same by openat2(2), whose mode no filter can see.
fn open_set_id_beneath(_: &Given<'_>) -> isize {
    let how: [u64; 3] = [0o102, 0o4755, 0];
    let fd = sys(nr::OPENAT2, [HERE, at(c"born2"), how.as_ptr() as usize, 24]);
    is_set_id(fd, fd)
}

/// The calls that only the older architecture has, without a directory.
#[cfg(target_arch = "x86_64")]
fn old_call(number: u32, args: [usize; 3]) -> isize {
    let _ = own_file(c"mine");
    let got = sys(number, args);
    is_set_id(open(args[0], 0, 0), got)
}

fn open_set_id(_: &Given<'_>) -> isize {
    let fd = open(at(c"born"), 0o102, 0o4755);
    is_set_id(fd, fd)
}

fn inodes(given: &Given<'_>) -> isize {
    let mut made = 0;
    while made < given.number(1) {
        let mut room = [0u8; 20];
        let path = Joined::new(&[given.text(0), b"/", crate::digits(made, &mut room)]);
        let fd = open(path.path(), 0o102, 0o600);
        if fd < 0 {
            return fd;
        }
        let _ = sys(nr::CLOSE, [fd as usize]);
        made += 1;
    }
    0
}

fn fill(given: &Given<'_>) -> isize {
    let path = Joined::new(&[given.text(0), b"/full"]);
    let fd = open(path.path(), 0o1102, 0o600);
    let block = [b'x'; 16384];
    for _ in 0..given.number(1) * 64 {
        let put = sys(nr::WRITE, [fd as usize, block.as_ptr() as usize, block.len()]);
        if put <= 0 {
            return put;
        }
    }
    0
}

fn sparse(given: &Given<'_>) -> isize {
    let path = Joined::new(&[given.text(0), b"/sparse"]);
    let fd = open(path.path(), 0o1102, 0o600);
    let ignore: [usize; 4] = [1, 0, 0, 0];
    let _ = sys(nr::RT_SIGACTION, [25, ignore.as_ptr() as usize, 0, 8]);
    if fd < 0 { void(fd) } else { sys(nr::FTRUNCATE, [fd as usize, 1 << 60]) }
}

fn deep(given: &Given<'_>) -> isize {
    let _ = sys(nr::CHDIR, [given.path(0)]);
    for _ in 0..given.number(1) {
        let made = sys(nr::MKDIRAT, [HERE, at(c"d"), 0o700]);
        let gone = sys(nr::CHDIR, [at(c"d")]);
        if made < 0 || gone < 0 {
            return made.min(gone);
        }
    }
    0
}

/// Whether a line of /proc/kallsyms begins with another digit than 0.
fn kallsyms(_: &Given<'_>) -> isize {
    let fd = open(at(c"/proc/kallsyms"), 0, 0);
    let mut line = [0u8; 16];
    let got = if fd < 0 { fd } else { sys(nr::READ, [fd as usize, line.as_mut_ptr() as usize, 16]) };
    if got > 0 && line.iter().all(|b| *b == b'0') { -1 } else { got }
}

/// A file named in every way that a report could trip over.
fn odd_names(given: &Given<'_>) -> isize {
    let mut got = 0;
    for name in
        [&b"new\nline"[..], b"quo\"te", b"esc\x1b[31m", b"bad\xff\xfe", b"back\\slash", b"},{\"verdict\":\"X"]
    {
        let path = Joined::new(&[given.text(0), b"/", name]);
        got = open(path.path(), 0o102, 0o644).min(got);
    }
    let long = Joined::new(&[given.text(0), b"/", &[b'l'; 255]]);
    open(long.path(), 0o102, 0o644).min(got)
}

pub(crate) const ATTEMPTS: &[(&str, Attempt)] = &[
    ("say", |given| {
        answer(given.text(0), 0);
        crate::processes::leave()
    }),
    ("open.read", |given| read(open(given.path(0), 0, 0))),
    ("open.write", |given| open(given.path(0), O_WRONLY, 0)),
    ("open.both", |given| open(given.path(0), O_RDWR, 0)),
    ("open.make", |given| open(given.path(0), 0o102, 0o644)),
    ("open.remove", |given| sys(nr::UNLINKAT, [HERE, given.path(0), 0])),
    ("proc.kallsyms", kallsyms),
    ("fd.read", |given| {
        let mut byte = 0u8;
        sys(nr::PREAD64, [given.number(0), (&raw mut byte) as usize, 1, 0])
    }),
    ("fd.beneath", |given| read(sys(nr::OPENAT, [given.number(0), given.path(1), 0, 0]))),
    ("memfd.exec", memfd_exec),
    ("exec.empty_path", empty_exec),
    ("exec.written", written),
    ("exec.file", |given| execute(given.path(0), c"say", c"exec.file")),
    ("exe.later", exe_later),
    ("exe.write", exe_write),
    ("exec.as", exec_as),
    ("suid.fchmod", |_| chmod(nr::FCHMOD, 0o4755)),
    ("suid.fchmodat", |_| chmod(nr::FCHMODAT, 0o4755)),
    ("suid.fchmodat2", |_| chmod(nr::FCHMODAT2, 0o6755)),
    ("suid.chmod_high", |_| chmod(nr::FCHMODAT, 1 << 32 | 1 << 16 | 0o4755)),
    ("suid.open", open_set_id),
    ("suid.openat2", open_set_id_beneath),
    #[cfg(target_arch = "x86_64")]
    ("suid.old_open", |_| old_call(nr::OPEN, [at(c"old1"), 0o102, 0o4755])),
    #[cfg(target_arch = "x86_64")]
    ("suid.old_creat", |_| old_call(nr::CREAT, [at(c"old2"), 0o4755, 0])),
    #[cfg(target_arch = "x86_64")]
    ("suid.old_chmod", |_| old_call(nr::CHMOD, [at(c"mine"), 0o4755, 0])),
    #[cfg(target_arch = "x86_64")]
    ("suid.old_mknod", |_| old_call(nr::MKNOD, [at(c"old3"), 0o104_755, 0])),
    ("suid.mknod", |_| {
        let made = sys(nr::MKNODAT, [HERE, at(c"node"), 0o104_755, 0]);
        if made < 0 { made } else { is_set_id(open(at(c"node"), 0, 0), made) }
    }),
    ("dev.mknod", |_| sys(nr::MKNODAT, [HERE, at(c"device"), 0o020_666, 1 << 8 | 3])),
    ("disk.inodes", inodes),
    ("disk.fill", fill),
    ("disk.sparse", sparse),
    ("disk.deep", deep),
    ("names.odd", odd_names),
];
