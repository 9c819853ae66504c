//! Fields into and out of a record's bytes, little-endian, in order.

/// Writes fields one after another; what does not fit is left out (each record's size is tested).
#[derive(Debug)]
pub struct Put<'a>(&'a mut [u8]);

impl<'a> Put<'a> {
    /// At the start of this record.
    pub fn new(record: &'a mut [u8]) -> Self {
        Self(record)
    }

    /// Some bytes.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        let rest = core::mem::take(&mut self.0);
        if let Some((field, rest)) = rest.split_at_mut_checked(bytes.len()) {
            for (slot, b) in field.iter_mut().zip(bytes) {
                *slot = *b;
            }
            self.0 = rest;
        }
        self
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes(&[value])
    }

    /// Two bytes.
    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// Four bytes.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// Eight bytes.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }
}

/// Reads fields one after another; `None` behind the end.
#[derive(Debug)]
pub struct Get<'a>(&'a [u8]);

impl<'a> Get<'a> {
    /// At the start of this record.
    pub fn new(record: &'a [u8]) -> Self {
        Self(record)
    }

    /// Some bytes.
    pub fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    /// One byte.
    pub fn u8(&mut self) -> Option<u8> {
        self.bytes().map(u8::from_le_bytes)
    }

    /// Two bytes.
    pub fn u16(&mut self) -> Option<u16> {
        self.bytes().map(u16::from_le_bytes)
    }

    /// Four bytes.
    pub fn u32(&mut self) -> Option<u32> {
        self.bytes().map(u32::from_le_bytes)
    }

    /// Eight bytes.
    pub fn u64(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_le_bytes)
    }

    /// The rest, if it is all zero: reserved room must be.
    pub fn end(&self) -> Option<()> {
        self.0.iter().all(|b| *b == 0).then_some(())
    }
}
