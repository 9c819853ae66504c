//! Several records of one kind in one datagram: 8 bytes of head (kind, count, zeros), then the records.
use super::cursor::{Get, Put};

/// Most records in one datagram.
pub const MOST: usize = 128;
/// Bytes of the head.
pub const HEAD: usize = 8;

/// A record of a fixed size, with one encoding.
pub trait Record: Sized {
    /// First byte of a datagram of such records.
    const KIND: u8;
    /// Bytes of one record.
    const SIZE: usize;
    /// Writes all fields.
    fn put(&self, to: &mut Put<'_>);
    /// Reads all fields; `None` when one has a value that it never may have.
    fn get(from: &mut Get<'_>) -> Option<Self>;
}

/// Room for a datagram of records of at most 64 bytes.
pub const ROOM: usize = HEAD + MOST * 64;

/// A datagram that grows by records.
#[derive(Debug)]
pub struct Batch<R: Record> {
    bytes: [u8; ROOM],
    count: u8,
    kind: core::marker::PhantomData<R>,
}

impl<R: Record> Default for Batch<R> {
    fn default() -> Self {
        Self { bytes: [0; ROOM], count: 0, kind: core::marker::PhantomData }
    }
}

impl<R: Record> Batch<R> {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many records it holds.
    pub fn count(&self) -> usize {
        self.count.into()
    }

    /// Whether no further record fits.
    pub fn is_full(&self) -> bool {
        self.count() >= MOST
    }

    /// Appends a record; a full batch stays as it is and answers false.
    pub fn push(&mut self, record: &R) -> bool {
        let at = HEAD + self.count() * R::SIZE;
        let Some(room) = self.bytes.get_mut(at..).and_then(|b| b.get_mut(..R::SIZE)) else { return false };
        if usize::from(self.count) >= MOST {
            return false;
        }
        record.put(&mut Put::new(room));
        self.count = self.count.wrapping_add(1);
        true
    }

    /// The datagram.
    pub fn datagram(&mut self) -> &[u8] {
        let len = HEAD + self.count() * R::SIZE;
        Put::new(&mut self.bytes).u8(R::KIND).u8(self.count);
        self.bytes.get(..len).unwrap_or(&[])
    }

    /// Starts over.
    pub fn clear(&mut self) {
        self.count = 0;
    }
}

/// The records of a datagram, or `None` when its kind, size or head is not exactly that of a batch of `R` with at
/// least one record. Each record is decoded as it is asked for: `Some(None)` is a record with an impossible value.
pub fn records<R: Record>(datagram: &[u8]) -> Option<impl Iterator<Item = Option<R>> + '_> {
    let (head, body) = datagram.split_at_checked(HEAD)?;
    let [kind, count, rest @ ..] = head else { return None };
    let count = usize::from(*count);
    let sound = *kind == R::KIND && rest.iter().all(|b| *b == 0) && (1..=MOST).contains(&count);
    let whole = sound && body.len() == count * R::SIZE;
    whole.then(|| body.chunks(R::SIZE).map(|record| R::get(&mut Get::new(record))))
}
