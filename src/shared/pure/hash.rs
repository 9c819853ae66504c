//! Hashes: SipHash-1-3 with a key, for tables that strangers fill, and CRC-32C, for records that may be torn.
//!
//! Runs in: the tracker, the watcher. In: bytes. Out: a number. Never: protects anything against who knows
//! the key.

fn round(v: &mut [u64; 4]) {
    let [a, b, c, d] = v;
    *a = a.wrapping_add(*b);
    *c = c.wrapping_add(*d);
    *b = b.rotate_left(13) ^ *a;
    *d = d.rotate_left(16) ^ *c;
    *a = a.rotate_left(32);
    *c = c.wrapping_add(*b);
    *a = a.wrapping_add(*d);
    *b = b.rotate_left(17) ^ *c;
    *d = d.rotate_left(21) ^ *a;
    *c = c.rotate_left(32);
}

/// SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF"): who does not know the key cannot
/// choose inputs that collide more often than by chance.
#[inline]
pub fn siphash(key: &[u64; 2], bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0u8; 8];
    for (slot, b) in last.iter_mut().zip(rest) {
        *slot = *b;
    }
    // The length fills the last byte: fewer than eight bytes are in `rest`.
    let end = u64::from_le_bytes(last) | (bytes.len() as u64) << 56;
    siphash_words(key, words.iter().map(|w| u64::from_le_bytes(*w)).chain(core::iter::once(end)))
}

/// [`siphash`] of bytes that are words already; the last has what is left of them, and in its last byte their number.
#[inline]
pub fn siphash_words(key: &[u64; 2], words: impl Iterator<Item = u64>) -> u64 {
    let [k0, k1] = *key;
    let mut v = [
        k0 ^ 0x736f_6d65_7073_6575,
        k1 ^ 0x646f_7261_6e64_6f6d,
        k0 ^ 0x6c79_6765_6e65_7261,
        k1 ^ 0x7465_6462_7974_6573,
    ];
    for m in words {
        v[3] ^= m;
        round(&mut v);
        v[0] ^= m;
    }
    v[2] ^= 0xff;
    for _ in 0..3 {
        round(&mut v);
    }
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

/// The Castagnoli polynomial, bits reversed (RFC 3720, section 12.1).
const CASTAGNOLI: u32 = 0x82f6_3b78;

const CRC: [u32; 256] = {
    let mut table = [0u32; 256];
    let mut i = 0;
    while i < 256 {
        let mut crc = i as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ CASTAGNOLI } else { crc >> 1 };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
};

/// CRC-32C (RFC 3720, section 12.1).
pub fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, b| {
        let [low, ..] = crc.to_le_bytes();
        crc >> 8 ^ CRC[usize::from(low ^ b)]
    })
}
