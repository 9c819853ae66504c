//! One open file of a source: read from a position on, block by block.
//!
//! Runs in: the watcher. In: the file's bytes, hostile, through a descriptor that it was given. Out: blocks
//! that begin where a line begins. Never: opens, keeps bytes from one read to the next, asks the kernel
//! anything about the file while reading: the bytes before the position come with each read, and tell a file
//! that was cut short (copytruncate), even when it has grown beyond the position again.
//!
//! What stood in the file between the last read and the cut is lost by the nature of copytruncate. What had
//! been seen of it, an unfinished last line, is counted.
use super::positions::{FileId, Position, digest};
use bailiff::shared::base::lines::{LONGEST, Reach};
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::stat;
use bailiff::shims::io::pread;

/// Most bytes before the position whose digest is its mark.
pub(crate) const MARK: usize = 256;
/// Bytes of a block, with the mark's. A mark and a line of the longest kind fit, so every full
/// block brings the position forward.
pub(crate) const BLOCK: usize = 256 << 10;

/// What a read brought.
#[derive(Debug)]
pub(crate) enum Fill<'b> {
    /// A block.
    Block(Block<'b>),
    /// The file was cut short: the position is its start now. So many bytes that had been seen are lost.
    Cut(u64),
}

/// Bytes of a file around its position.
#[derive(Debug)]
pub(crate) struct Block<'b> {
    /// Bytes before the position, then those behind it.
    bytes: &'b [u8],
    /// How many lie before.
    before: usize,
    /// Of those behind, how many are a hole (see `Tail::hollow`).
    hole: usize,
    /// Whether there may be more in the file.
    pub(crate) more: bool,
    /// Whether the file ended further behind than when it was last read.
    pub(crate) grew: bool,
}

impl<'b> Block<'b> {
    /// The bytes not yet read, from the start of a line.
    pub(crate) fn data(&self) -> &'b [u8] {
        self.bytes.get(self.before.saturating_add(self.hole)..).unwrap_or(&[])
    }
}

/// A file and how far it was read.
#[derive(Debug)]
pub(crate) struct Tail {
    fd: Fd,
    /// Which file it is.
    pub(crate) file: FileId,
    offset: u64,
    mark: u64,
    /// Whether the position lies within a line that is too long.
    pub(crate) skipping: bool,
    /// Where the file ended when it was last read.
    seen: u64,
    /// Whether a run of zeros is expected: a writer that does not append goes on at its old place after a
    /// cut, and leaves a hole before it, which is no part of its next line.
    hollow: bool,
}

impl Tail {
    /// Reads from the first byte.
    pub(crate) fn whole(fd: Fd, file: FileId) -> Self {
        Self { fd, file, offset: 0, mark: digest(&[]), skipping: false, seen: 0, hollow: false }
    }

    /// Reads on where reading stopped. If the file is not what it was then, the first read says so.
    pub(crate) fn resume(fd: Fd, position: &Position) -> Self {
        let Position { file, offset, mark, skipping, .. } = *position;
        Self { fd, file, offset, mark, skipping, seen: offset, hollow: false }
    }

    /// Reads from this end on, or rather from the start of the line that was being written there.
    pub(crate) fn end(fd: Fd, file: FileId, size: u64, buf: &mut [u8]) -> Result<Self, Errno> {
        let from = size.saturating_sub((MARK + LONGEST + 1) as u64);
        let window = buf.get_mut(..size.saturating_sub(from) as usize).ok_or(Errno::EINVAL)?;
        let got = pread(&fd, window, from)?;
        let bytes = window.get(..got).unwrap_or(&[]);
        let start = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at.saturating_add(1));
        // A line that begins before the mark's bytes is longer than any that is read: its rest is skipped.
        let skipping = from > 0 && start < MARK;
        let done = bytes.get(..if skipping { got } else { start }).unwrap_or(&[]);
        let offset = from.saturating_add(done.len() as u64);
        Ok(Self { fd, file, offset, mark: mark(done), skipping, seen: offset, hollow: false })
    }

    /// Reads the next block into `buf` (`BLOCK` bytes).
    #[inline]
    pub(crate) fn fill<'b>(&mut self, buf: &'b mut [u8]) -> Result<Fill<'b>, Errno> {
        let before = self.offset.min(MARK as u64);
        let got = pread(&self.fd, buf, self.offset.saturating_sub(before))?;
        let more = got == buf.len();
        let bytes = buf.get(..got).unwrap_or(&[]);
        let Some((old, new)) =
            bytes.split_at_checked(before as usize).filter(|(old, _)| digest(old) == self.mark)
        else {
            return Ok(Fill::Cut(self.cut()));
        };
        let seen = core::mem::replace(&mut self.seen, self.offset.saturating_add(new.len() as u64));
        let hole = if self.hollow { zeros(new) } else { 0 };
        self.hollow &= hole == new.len();
        Ok(Fill::Block(Block { bytes, before: old.len(), hole, more, grew: self.seen > seen }))
    }

    /// Where byte `at` of the block's data lies in the file.
    #[inline]
    pub(crate) fn place(&self, block: &Block<'_>, at: usize) -> u64 {
        self.offset.saturating_add(block.hole as u64).saturating_add(at as u64)
    }

    /// Brings the position forward.
    #[inline]
    pub(crate) fn advance(&mut self, block: &Block<'_>, reach: Reach) {
        let done = block.before.saturating_add(block.hole).saturating_add(reach.consumed);
        self.offset = self.place(block, reach.consumed);
        self.mark = mark(block.bytes.get(..done).unwrap_or(&[]));
        self.skipping = reach.skipping;
    }

    /// Starts over at the first byte; how many bytes are known to be lost.
    fn cut(&mut self) -> u64 {
        let lost = self.seen.saturating_sub(self.offset);
        (self.offset, self.mark, self.skipping, self.seen, self.hollow) = (0, digest(&[]), false, 0, true);
        lost
    }

    /// Everything before this byte was read.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// How far it was read, as it is saved.
    pub(crate) fn position(&self, source: u8, saved_ms: u64) -> Position {
        let Self { file, offset, mark, skipping, .. } = *self;
        Position { file, offset, mark, skipping, source, saved_ms }
    }

    /// Whether the file has no name any more.
    pub(crate) fn is_deleted(&self) -> bool {
        stat(&self.fd).is_ok_and(|s| s.links == 0)
    }

    /// Bytes of the file that were not read.
    pub(crate) fn unread(&self) -> u64 {
        stat(&self.fd).map_or(0, |s| s.size.saturating_sub(self.offset))
    }
}

/// The mark of a position: the digest of the last bytes before it.
fn mark(before: &[u8]) -> u64 {
    digest(before.last_chunk::<MARK>().map_or(before, |last| last))
}

/// How many zeros it begins with: piece by piece, as a hole may be as long as the log was.
fn zeros(bytes: &[u8]) -> usize {
    let (pieces, _) = bytes.as_chunks::<64>();
    let whole = pieces.iter().take_while(|piece| **piece == [0; 64]).count().saturating_mul(64);
    let rest = bytes.get(whole..).unwrap_or(&[]);
    whole.saturating_add(rest.iter().take_while(|b| **b == 0).count())
}
