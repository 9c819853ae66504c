//! One of the ledger's two files: a header, then records, appended.
//!
//! Runs in: the tracker. In: encoded records; the file it was given. Out: one write per turn. Never: opens,
//! renames, syncs.
use super::ledger_record::{HEADER, Header, RECORD, Record, decode};
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::truncate;
use bailiff::shims::io::{pread, pwrite};

/// Bytes that gather for one write: 455 records, 32 KiB.
pub(crate) const GATHER: usize = 455 * RECORD;

/// A slot.
#[derive(Debug)]
pub(crate) struct Slot {
    /// Its file.
    pub(crate) fd: Fd,
    end: u64,
    gather: &'static mut [u8],
    used: usize,
}

impl Slot {
    /// The slot in this file; `gather` is `GATHER` bytes.
    pub(crate) fn new(fd: Fd, gather: &'static mut [u8]) -> Self {
        Self { fd, end: HEADER as u64, gather, used: 0 }
    }

    /// How many records it holds.
    pub(crate) fn records(&self) -> u64 {
        self.end.saturating_sub(HEADER as u64) / RECORD as u64
    }

    /// Its header, if it has a whole one; and whether anything stands there at all.
    pub(crate) fn header(&mut self) -> (Option<Header>, bool) {
        let sector = self.gather.get_mut(..HEADER).unwrap_or(&mut []);
        let got = pread(&self.fd, sector, 0).unwrap_or(0);
        (sector.get(..got).and_then(Header::decode), got > 0)
    }

    /// Reads all records to the first that is torn or of another epoch, and cuts the slot there. Whether
    /// there was one.
    pub(crate) fn read(&mut self, epoch: u64, mut take: impl FnMut(&Record)) -> Result<bool, Errno> {
        self.end = HEADER as u64;
        loop {
            let got = pread(&self.fd, self.gather, self.end)?;
            let (records, rest) = self.gather.get(..got).unwrap_or(&[]).as_chunks::<RECORD>();
            let mut whole = 0u64;
            for record in records.iter().map_while(|bytes| decode(bytes, epoch)) {
                take(&record);
                whole = whole.saturating_add(1);
            }
            self.end = self.end.saturating_add(whole.saturating_mul(RECORD as u64));
            let torn = whole < records.len() as u64 || got < self.gather.len() && !rest.is_empty();
            if torn {
                truncate(&self.fd, self.end)?;
            }
            if torn || got < RECORD {
                return Ok(torn);
            }
        }
    }

    /// Empties it: no header, no record.
    pub(crate) fn empty(&mut self) -> Result<(), Errno> {
        self.used = 0;
        self.end = HEADER as u64;
        truncate(&self.fd, 0)
    }

    /// Writes its header.
    pub(crate) fn seal(&self, header: &Header) -> Result<(), Errno> {
        match pwrite(&self.fd, &header.encode(), 0)? {
            HEADER => Ok(()),
            _ => Err(Errno::ENOSPC),
        }
    }

    /// Appends a record, in memory; writes what has gathered when there is no more room.
    pub(crate) fn append(&mut self, record: &[u8; RECORD]) -> Result<(), Errno> {
        if self.used >= self.gather.len() {
            self.write()?;
        }
        let room = self.gather.get_mut(self.used..).unwrap_or(&mut []);
        for (slot, b) in room.iter_mut().zip(record) {
            *slot = *b;
        }
        self.used = self.used.saturating_add(RECORD);
        Ok(())
    }

    /// Writes what has gathered. What cannot be written is given up; the next record stands where it would
    /// have stood.
    pub(crate) fn write(&mut self) -> Result<(), Errno> {
        let mut left = self.gather.get(..core::mem::take(&mut self.used)).unwrap_or(&[]);
        let mut at = self.end;
        while !left.is_empty() {
            let wrote = pwrite(&self.fd, left, at)?;
            left = left.get(wrote..).filter(|_| wrote > 0).ok_or(Errno::ENOSPC)?;
            at = at.saturating_add(wrote as u64);
        }
        self.end = at;
        Ok(())
    }
}
