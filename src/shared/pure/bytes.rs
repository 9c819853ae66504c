//! Numbers and text in bytes, without `core::fmt`.
//!
//! Runs in: every program. In: bytes from anywhere, not trusted. Out: numbers; text in a caller's buffer.
//! Never: writes outside the buffer, wraps a number, lets a control byte of a stranger through to a terminal.

/// A whole unsigned decimal number, digits only; `None` when empty, too large or anything else is there.
pub fn decimal(text: &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for b in text {
        let digit = b.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(digit.into())?;
    }
    (!text.is_empty()).then_some(value)
}

/// Where this byte stands first, looking at eight bytes at a time.
#[inline]
pub fn position(text: &[u8], byte: u8) -> Option<usize> {
    let (words, rest) = text.as_chunks::<8>();
    let mut at = 0usize;
    for word in words {
        let found = equal(word, byte);
        if found != 0 {
            return at.checked_add((found.trailing_zeros() / 8) as usize);
        }
        at = at.wrapping_add(8);
    }
    // What is shorter than a word is looked at with the end of the last one.
    let Some(last) = text.last_chunk() else { return rest.iter().position(|b| *b == byte) };
    match equal(last, byte) {
        0 => None,
        found => text.len().checked_sub(8)?.checked_add((found.trailing_zeros() / 8) as usize),
    }
}

/// Where one of two bytes stands first in a short piece.
#[inline]
pub fn first_of(piece: &[u8; 32], one: u8, other: u8) -> Option<usize> {
    let mut at = 0usize;
    for word in piece.as_chunks::<8>().0 {
        let found = equal(word, one) | equal(word, other);
        if found != 0 {
            return at.checked_add((found.trailing_zeros() / 8) as usize);
        }
        at = at.wrapping_add(8);
    }
    None
}

/// How many digits these bytes begin with.
#[inline]
pub fn leading_digits(word: &[u8; 8]) -> usize {
    no_digits(word).trailing_zeros() as usize / 8
}

/// How many digits these bytes end with.
#[inline]
pub fn trailing_digits(word: &[u8; 8]) -> usize {
    no_digits(word).leading_zeros() as usize / 8
}

/// The highest bit of each byte that is no digit.
#[inline]
fn no_digits(word: &[u8; 8]) -> u64 {
    let values = u64::from_le_bytes(*word) ^ u64::from_le_bytes([b'0'; 8]);
    // It is above 9 now: it, or its lower bits and 118, have the highest bit.
    let sums = (values & u64::from_le_bytes([0x7f; 8])).wrapping_add(u64::from_le_bytes([0x76; 8]));
    (values | sums) & u64::from_le_bytes([0x80; 8])
}

/// The highest bit of the first byte that is this one, and perhaps bits above it; 0: none is.
#[inline]
fn equal(word: &[u8; 8], byte: u8) -> u64 {
    let differs = u64::from_le_bytes(*word) ^ u64::from_le_bytes([byte; 8]);
    differs.wrapping_sub(u64::from_le_bytes([0x01; 8])) & !differs & u64::from_le_bytes([0x80; 8])
}

/// One to four hexadecimal digits.
pub fn hex16(text: &[u8]) -> Option<u16> {
    let mut value = 0u16;
    if text.is_empty() || text.len() > 4 {
        return None;
    }
    for b in text {
        let digit = match b {
            b'0'..=b'9' => b - b'0',
            b'a'..=b'f' => b - b'a' + 10,
            b'A'..=b'F' => b - b'A' + 10,
            _ => return None,
        };
        value = value.wrapping_shl(4) | u16::from(digit);
    }
    Some(value)
}

/// Text that grows in a fixed buffer. What does not fit is left out, and `full` says so.
#[derive(Debug)]
pub struct Text<'a> {
    buf: &'a mut [u8],
    len: usize,
    full: bool,
}

impl<'a> Text<'a> {
    /// Empty text in this buffer.
    pub fn new(buf: &'a mut [u8]) -> Self {
        Self { buf, len: 0, full: false }
    }

    /// Appends one byte as it is.
    pub fn byte(&mut self, b: u8) -> &mut Self {
        match self.buf.get_mut(self.len) {
            Some(slot) => {
                *slot = b;
                self.len = self.len.wrapping_add(1);
            }
            None => self.full = true,
        }
        self
    }

    /// Appends bytes as they are: only for text of our own.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        for b in bytes {
            self.byte(*b);
        }
        self
    }

    /// Appends a stranger's bytes: everything but printable ASCII, and the backslash, as `\xNN`.
    pub fn quoted(&mut self, bytes: &[u8]) -> &mut Self {
        for b in bytes {
            match b {
                b' '..=b'~' if *b != b'\\' => self.byte(*b),
                _ => self.bytes(b"\\x").hex(u64::from(*b), 2),
            };
        }
        self
    }

    /// Appends a decimal number.
    pub fn dec(&mut self, value: u64) -> &mut Self {
        let mut digits = [0u8; 20];
        let mut rest = value;
        let mut used = 0;
        for slot in digits.iter_mut().rev() {
            *slot = b'0'.wrapping_add((rest % 10) as u8);
            rest /= 10;
            used += 1;
            if rest == 0 {
                break;
            }
        }
        let skip = digits.len().saturating_sub(used);
        self.bytes(digits.get(skip..).unwrap_or(&[]))
    }

    /// Appends a hexadecimal number of at least `width` (1 to 16) digits.
    pub fn hex(&mut self, value: u64, width: u32) -> &mut Self {
        for place in (0..16u32).rev() {
            let rest = value >> (place * 4);
            if rest != 0 || place < width {
                let digit = (rest & 15) as u8;
                self.byte(if digit < 10 { b'0' + digit } else { b'a' - 10 + digit });
            }
        }
        self
    }

    /// Appends an address in canonical text.
    pub fn addr(&mut self, addr: &super::addr::Addr) -> &mut Self {
        let mut buf = [0; 40];
        self.bytes(addr.write(&mut buf))
    }

    /// Appends a network: the bare address where the length is the family's whole, else `ADDRESS/LEN`.
    pub fn prefix(&mut self, prefix: &super::addr::Prefix) -> &mut Self {
        self.addr(&prefix.addr);
        if prefix.len != prefix.addr.bits() {
            self.byte(b'/').dec(prefix.len.into());
        }
        self
    }

    /// How many bytes it holds.
    pub fn length(&self) -> usize {
        self.len
    }

    /// Whether something was left out.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// What was written.
    pub fn finish(self) -> &'a [u8] {
        let Self { buf, len, .. } = self;
        buf.get(..len).unwrap_or(&[])
    }
}
