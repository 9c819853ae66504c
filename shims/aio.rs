//! fdatasync without waiting: the kernel's own queue (io_submit(2), IOCB_CMD_FDSYNC, Linux 4.18) and an eventfd.
use super::arch::{nr, syscall2, syscall3, syscall5};
use super::errno::{Errno, done, value};
use super::fd::Fd;

/// `struct iocb` (linux/aio_abi.h, 6.18), little-endian.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
struct Iocb {
    data: u64,
    key: u32,
    rw_flags: u32,
    lio_opcode: u16,
    reqprio: i16,
    fildes: u32,
    buf: u64,
    nbytes: u64,
    offset: i64,
    reserved2: u64,
    flags: u32,
    resfd: u32,
}
const _: () = assert!(size_of::<Iocb>() == 64);
const IOCB_CMD_FDSYNC: u16 = 3;
const IOCB_FLAG_RESFD: u32 = 1;

/// A sync that has ended: its token, and how.
pub type Ended = (u64, Result<(), Errno>);

/// A queue of at most 8 syncs under way; `bell` becomes readable when one has ended.
#[derive(Debug)]
pub struct SyncQueue {
    context: u64,
    /// Readable when a sync has ended.
    pub bell: Fd,
}

impl SyncQueue {
    /// Makes the queue (io_setup(2), eventfd2(2)).
    pub fn new() -> Result<Self, Errno> {
        const EFD_NONBLOCK_CLOEXEC: usize = 0o2_004_000;
        // SAFETY: takes no memory.
        let bell = Fd::new(unsafe { syscall2::<{ nr::EVENTFD2 }>(0, EFD_NONBLOCK_CLOEXEC) })?;
        let mut context = 0u64;
        // SAFETY: the kernel writes one 64-bit handle into `context`.
        done(unsafe { syscall2::<{ nr::IO_SETUP }>(8, &raw mut context as usize) })?;
        Ok(Self { context: core::hint::black_box(context), bell })
    }

    /// Starts an fdatasync of `fd`; `token` comes back with its end.
    pub fn start(&self, fd: &Fd, token: u64) -> Result<(), Errno> {
        let iocb = Iocb {
            data: token,
            lio_opcode: IOCB_CMD_FDSYNC,
            fildes: fd.number(),
            flags: IOCB_FLAG_RESFD,
            resfd: self.bell.number(),
            ..Iocb::default()
        };
        let list = [&raw const iocb as u64];
        let (context, at) = (self.context as usize, list.as_ptr() as usize);
        // SAFETY: the kernel copies one pointer and the iocb behind it before it returns; an FDSYNC names no buffer.
        let sent = value(unsafe { syscall3::<{ nr::IO_SUBMIT }>(context, 1, at) });
        core::hint::black_box(&iocb);
        if sent? == 1 { Ok(()) } else { Err(Errno::EAGAIN) }
    }

    /// The next sync that has ended; `None` when none has.
    pub fn ended(&self) -> Result<Option<Ended>, Errno> {
        let mut event = [0u64; 4];
        let now = [0u64; 2];
        let (context, at, time) = (self.context as usize, event.as_mut_ptr() as usize, now.as_ptr() as usize);
        // SAFETY: the kernel writes at most one struct io_event, four 64-bit words, and reads one struct timespec.
        let got = value(unsafe { syscall5::<{ nr::IO_GETEVENTS }>(context, 0, 1, at, time) })?;
        core::hint::black_box(&now);
        let [token, _, result, _] = core::hint::black_box(event);
        Ok((got == 1).then(|| (token, done(result as isize))))
    }
}
