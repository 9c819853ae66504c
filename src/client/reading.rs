//! From a file to lines, block by block.
//!
//! Runs in: the client. In: a log that its user may read, or a pipe, any bytes, hostile. Out: each line, in
//! order, the last one also where no newline ends it; a word on how far it has come, on a terminal. Never: holds
//! more than one block.
use super::out::Out;
use bailiff::shared::base::lines::{LONGEST, Lines};
use bailiff::shims::clock::monotonic_ns;
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::stat;
use bailiff::shims::io::read;
use core::cell::Cell;
use core::fmt::{Error, Write};

/// Bytes of a block: several of the longest lines.
pub(crate) const BLOCK: usize = 4 * LONGEST;

/// Time between two words on the progress.
const SECOND_NS: u64 = 1_000_000_000;

/// Why reading has ended early.
pub(crate) enum Fault {
    /// The file cannot be read.
    Kernel(Errno),
    /// The answer cannot be written.
    Page,
}

impl From<Error> for Fault {
    fn from(_: Error) -> Self {
        Self::Page
    }
}

/// One line: its bytes, or that it is longer than the watcher takes.
pub(crate) type Each<'e> = &'e mut dyn FnMut(Option<&[u8]>) -> Result<(), Error>;

/// Hands over each line of this file. `buf` is a block; `err` is told of the progress.
pub(crate) fn lines(fd: &Fd, buf: &mut [u8], err: &mut Out, each: Each<'_>) -> Result<(), Fault> {
    let (mut used, mut skipping) = (0, false);
    let mut progress = Progress::new(fd, err);
    loop {
        let got = fill(fd, buf.get_mut(used..buf.len().saturating_sub(1)).unwrap_or(&mut []))?;
        used = used.saturating_add(got);
        if got == 0 && buf.get(..used).is_some_and(|b| b.last().is_some_and(|b| *b != b'\n')) {
            // The end of the file ends its last line.
            buf.iter_mut().skip(used).take(1).for_each(|b| *b = b'\n');
            used = used.saturating_add(1);
        }
        let data = buf.get(..used).unwrap_or(&[]);
        let mut found = Lines::new(data, skipping);
        let (mut told, mut count) = (0, 0u64);
        while let Some(line) = found.next() {
            for _ in core::mem::replace(&mut told, found.overlong)..found.overlong {
                each(None)?;
            }
            each(Some(line.bytes))?;
            count = count.saturating_add(1);
        }
        let reach = found.finish();
        for _ in told..found.overlong {
            each(None)?;
        }
        skipping = reach.skipping;
        progress.step(got, count, err);
        if got == 0 {
            progress.end(err);
            return Ok(());
        }
        used = forward(buf, reach.consumed, used);
    }
}

fn fill(fd: &Fd, room: &mut [u8]) -> Result<usize, Fault> {
    loop {
        match read(fd, room) {
            Err(Errno::EINTR) => {}
            got => return got.map_err(Fault::Kernel),
        }
    }
}

/// Moves the line that is not whole to the front; how long it is.
fn forward(buf: &mut [u8], from: usize, to: usize) -> usize {
    let cells = Cell::from_mut(buf).as_slice_of_cells();
    let line = cells.get(from..to).unwrap_or(&[]);
    cells.iter().zip(line).for_each(|(slot, b)| slot.set(b.get()));
    line.len()
}

/// How far the reading has come.
struct Progress {
    /// Whether somebody looks on.
    on: bool,
    /// Bytes there are, if the file says so, and those that were read.
    size: u64,
    read: u64,
    lines: u64,
    since_ns: u64,
    told_ns: u64,
}

impl Progress {
    fn new(fd: &Fd, err: &Out) -> Self {
        let size = stat(fd).map_or(0, |s| if s.is_regular() { s.size } else { 0 });
        let now_ns = monotonic_ns();
        Self { on: err.is_terminal(), size, read: 0, lines: 0, since_ns: now_ns, told_ns: now_ns }
    }

    fn step(&mut self, bytes: usize, lines: u64, err: &mut Out) {
        self.read = self.read.saturating_add(bytes as u64);
        self.lines = self.lines.saturating_add(lines);
        let now_ns = if self.on { monotonic_ns() } else { 0 };
        if now_ns.saturating_sub(self.told_ns) < SECOND_NS || !self.on {
            return;
        }
        self.told_ns = now_ns;
        let passed_ms = now_ns.saturating_sub(self.since_ns) / 1_000_000;
        let rate = self.lines.saturating_mul(1000).checked_div(passed_ms).unwrap_or(0);
        let percent = self.read.saturating_mul(100).checked_div(self.size).unwrap_or(100).min(100);
        let _ = match self.size {
            0 => write!(err, "\r{} lines, {rate} lines/s ", self.lines),
            _ => write!(err, "\r{percent}%, {rate} lines/s "),
        };
        let _ = err.flush();
    }

    /// Wipes the word.
    fn end(&self, err: &mut Out) {
        if self.told_ns != self.since_ns {
            let _ = err.write_str("\r\x1b[K");
        }
    }
}
