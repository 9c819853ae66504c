//! What is printed: bytes that leave in large writes.
//!
//! Runs in: the client. In: text that holds no control byte of a stranger (`show` and `json` see to it). Out:
//! the descriptor. Never: holds more than 64 KiB; passes over a write that failed.
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::filesystem;
use bailiff::shims::io::{PollFd, ppoll, write};

/// The file system of pseudo-terminals (`DEVPTS_SUPER_MAGIC`, linux/magic.h, 6.18).
const DEVPTS: u64 = 0x1cd1;

/// A descriptor with a buffer before it. What was written is there only after `flush` has said so.
pub(crate) struct Out {
    fd: Fd,
    buf: [u8; 65_536],
    used: usize,
}

impl Out {
    /// Nothing yet, on this descriptor.
    pub(crate) fn new(number: u8) -> Self {
        Self { fd: Fd::given(number), buf: [0; 65_536], used: 0 }
    }

    /// Whether a person looks on, at a terminal that is a window or a remote login.
    pub(crate) fn is_terminal(&self) -> bool {
        filesystem(&self.fd) == Ok(DEVPTS)
    }

    /// Writes what is held.
    pub(crate) fn flush(&mut self) -> Result<(), Errno> {
        let mut rest = self.buf.get(..self.used).unwrap_or(&[]);
        self.used = 0;
        while !rest.is_empty() {
            match write(&self.fd, rest) {
                Ok(0) => return Err(Errno::EIO),
                Ok(went) => rest = rest.get(went..).unwrap_or(&[]),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => _ = ppoll(&mut [PollFd::writable(&self.fd)], None),
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }
}

impl core::fmt::Write for Out {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let room = self.buf.get_mut(self.used..).unwrap_or(&mut []);
            let (here, behind) = rest.split_at_checked(room.len()).unwrap_or((rest, &[]));
            for (slot, b) in room.iter_mut().zip(here) {
                *slot = *b;
            }
            self.used = self.used.saturating_add(here.len());
            rest = behind;
            if !rest.is_empty() {
                self.flush().map_err(|_| core::fmt::Error)?;
            }
        }
        Ok(())
    }
}
