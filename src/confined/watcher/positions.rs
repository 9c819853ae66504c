//! Where reading stopped, kept over a restart.
//!
//! Runs in: the watcher. In and out: its own state file on descriptor 4, 1,024 slots of 64 bytes. A slot is
//! written at one stroke and carries its own digest, so a torn one counts as none. Never: syncs; what a power
//! cut takes is read again.
//!
//! Which file a slot stands for is said by device, inode and birth time, never by a path or by its place in
//! the configuration: a name may mean another file tomorrow.
use bailiff::shared::pure::wire::cursor::{Get, Put};
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::io::{pread, pwrite};

/// Slots there are: one for each file that can be open at once.
pub(crate) const SLOTS: usize = 1024;
/// Bytes of a slot.
pub(crate) const SIZE: usize = 64;
/// Bytes of a slot before its digest.
const BODY: usize = SIZE - 8;

/// Which file: an inode number alone is given away again at once when a file is deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FileId {
    /// Device.
    pub(crate) dev: u64,
    /// Inode.
    pub(crate) ino: u64,
    /// Birth time in nanoseconds; 0 where the file system keeps none.
    pub(crate) btime_ns: u64,
}

/// How far a file was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Position {
    /// Which file.
    pub(crate) file: FileId,
    /// Everything before this byte was read, and what it accused of was sent.
    pub(crate) offset: u64,
    /// Digest of the bytes before `offset` (`tail::MARK` of them, or as many as there are).
    pub(crate) mark: u64,
    /// Whether `offset` lies within a line that is too long.
    pub(crate) skipping: bool,
    /// Which source read it: one file may be that of two, each with its own position.
    pub(crate) source: u8,
    /// When this was saved: wall clock, milliseconds since 1970.
    pub(crate) saved_ms: u64,
}

impl Position {
    /// The slot.
    pub(crate) fn encode(&self) -> [u8; SIZE] {
        let mut slot = [0u8; SIZE];
        let mut put = Put::new(&mut slot);
        put.u64(self.file.dev).u64(self.file.ino).u64(self.file.btime_ns).u64(self.offset);
        put.u64(self.mark).u64(self.saved_ms).u8(self.skipping.into()).u8(self.source).u16(0).u32(0);
        let sum = digest(slot.first_chunk::<BODY>().map_or(&[], |body| body));
        if let Some(place) = slot.last_chunk_mut::<8>() {
            *place = sum.to_le_bytes();
        }
        slot
    }

    /// The position in this slot; `None` when it is empty, torn or foreign.
    pub(crate) fn decode(slot: &[u8; SIZE]) -> Option<Self> {
        let sum = u64::from_le_bytes(*slot.last_chunk()?);
        let mut get = Get::new(slot);
        let file = FileId { dev: get.u64()?, ino: get.u64()?, btime_ns: get.u64()? };
        let (offset, mark, saved_ms) = (get.u64()?, get.u64()?, get.u64()?);
        let (skipping, source) = (get.u8()?, get.u8()?);
        let zero = get.u16()? == 0 && get.u32()? == 0;
        let sound = digest(slot.first_chunk::<BODY>()?) == sum && skipping < 2 && zero;
        sound.then_some(Self { file, offset, mark, skipping: skipping == 1, source, saved_ms })
    }
}

/// Sums bytes up, to tell one text from another that came in its place by chance. It is no secret and no
/// proof: who can write the log can write what he likes into it anyway.
pub(crate) fn digest(bytes: &[u8]) -> u64 {
    // The golden ratio's bits: odd, and without a pattern.
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0u8; 8];
    for (slot, b) in last.iter_mut().zip(rest) {
        *slot = *b;
    }
    let mut sum = FACTOR ^ bytes.len() as u64;
    for word in words.iter().chain([&last]) {
        sum = (sum ^ u64::from_le_bytes(*word)).wrapping_mul(FACTOR).rotate_left(29);
    }
    sum ^ sum >> 32
}

/// The state file.
#[derive(Debug)]
pub(crate) struct Positions {
    fd: Fd,
    slots: &'static mut [[u8; SIZE]],
    /// Slots of files that are open now, as bits.
    taken: [u64; SLOTS / 64],
    /// The newest time at which a watcher saved anything: it was alive then. `None`: there never was one.
    alive_ms: Option<u64>,
}

impl Positions {
    /// Reads the state file into these slots; what cannot be read counts as empty.
    pub(crate) fn load(fd: Fd, slots: &'static mut [[u8; SIZE]]) -> (Self, Result<(), Errno>) {
        let outcome = fill(&fd, slots.as_flattened_mut());
        let alive_ms = slots.iter().filter_map(Position::decode).map(|p| p.saved_ms).max();
        (Self { fd, slots, taken: [0; SLOTS / 64], alive_ms }, outcome)
    }

    /// How far this file was read for this source. Where none says so, the source may have another number
    /// since: then it is the least far of those that no open file has.
    pub(crate) fn find(&self, file: &FileId, source: u8) -> Option<Position> {
        let all =
            (0..=u16::MAX).zip(self.slots.iter()).filter_map(|(n, slot)| Some((n, Position::decode(slot)?)));
        let its = |(n, p): &(u16, Position)| p.file == *file && (p.source == source || !self.is_taken(*n));
        all.filter(its).map(|(_, p)| p).min_by_key(|p| (p.source != source, p.offset))
    }

    /// Whether this file was made after a watcher was last alive, so that nobody has read any of it.
    pub(crate) fn is_unread(&self, file: &FileId) -> bool {
        self.alive_ms.is_some_and(|alive| file.btime_ns / 1_000_000 > alive)
    }

    /// A slot for this file while it is open for this source: its own, else the one that has not been saved
    /// to for longest. `None` when every slot belongs to an open file.
    pub(crate) fn claim(&mut self, file: &FileId, source: u8) -> Option<u16> {
        let rank = |slot: &[u8; SIZE]| match Position::decode(slot) {
            Some(p) if p.file == *file => (u8::from(p.source != source), 0),
            None => (2, 0),
            Some(p) => (3, p.saved_ms),
        };
        let free = (0..=u16::MAX).zip(self.slots.iter()).filter(|(number, _)| !self.is_taken(*number));
        let (number, _) = free.min_by_key(|(_, slot)| rank(slot))?;
        self.set_taken(number, true);
        Some(number)
    }

    /// Gives a slot up; what it says stays until another file needs it.
    pub(crate) fn release(&mut self, number: u16) {
        self.set_taken(number, false);
    }

    /// Writes a position into its slot.
    pub(crate) fn save(&mut self, number: u16, position: &Position) -> Result<(), Errno> {
        let Some(slot) = self.slots.get_mut(usize::from(number)) else { return Ok(()) };
        *slot = position.encode();
        pwrite(&self.fd, slot, u64::from(number) * SIZE as u64).map(|_| ())
    }

    fn is_taken(&self, number: u16) -> bool {
        self.taken.get(usize::from(number / 64)).is_none_or(|word| word >> (number % 64) & 1 == 1)
    }

    fn set_taken(&mut self, number: u16, taken: bool) {
        if let Some(word) = self.taken.get_mut(usize::from(number / 64)) {
            let bit = 1u64 << (number % 64);
            *word = if taken { *word | bit } else { *word & !bit };
        }
    }
}

/// Reads from the start of the file until `room` is full or the file ends.
fn fill(fd: &Fd, room: &mut [u8]) -> Result<(), Errno> {
    let mut at = 0u64;
    let mut rest = room;
    while !rest.is_empty() {
        let got = pread(fd, rest, at)?;
        match rest.split_at_mut_checked(got) {
            Some((_, behind)) if got > 0 => rest = behind,
            _ => break,
        }
        at = at.saturating_add(got as u64);
    }
    Ok(())
}
