//! BLAKE2b-256 (RFC 7693): the content hash of files and records, the same as `b2sum -l 256` prints.
//!
//! Runs in: bailiff-cage, the client. In: bytes, in pieces of any length. Out: 32 bytes. Never: has a key.

/// Bytes that are hashed at once.
const BLOCK: usize = 128;

/// The fractional parts of the square roots of the first eight primes (RFC 7693, section 2.6).
const IV: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

/// In which order each round takes the words of the block (RFC 7693, section 2.7); rounds 10 and 11 are 0 and 1 again.
const SIGMA: [[usize; 16]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
    [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
    [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
    [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
    [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
    [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
    [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
    [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];

/// A hash under way.
#[derive(Clone, Debug)]
pub struct Blake {
    state: [u64; 8],
    /// The newest bytes, the first `used` of them: the last block is hashed otherwise, and any may be the last.
    held: [u8; BLOCK],
    used: usize,
    /// Bytes that were hashed.
    total: u128,
}

impl Blake {
    /// No bytes yet.
    pub const fn new() -> Self {
        let mut state = IV;
        // The parameter block (section 2.5): 32 bytes of hash, no key, fan-out and depth 1.
        state[0] ^= 0x0101_0020;
        Self { state, held: [0; BLOCK], used: 0, total: 0 }
    }

    /// More bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        let room = BLOCK.saturating_sub(self.used);
        let Some((first, rest)) = bytes.split_at_checked(room).filter(|(_, rest)| !rest.is_empty()) else {
            return self.hold(bytes);
        };
        self.hold(first);
        let held = self.held;
        self.block(&held);
        self.used = 0;
        let (blocks, tail) = rest.as_chunks::<BLOCK>();
        match blocks.split_last() {
            Some((last, blocks)) if tail.is_empty() => {
                blocks.iter().for_each(|block| self.block(block));
                self.hold(last);
            }
            _ => {
                blocks.iter().for_each(|block| self.block(block));
                self.hold(tail);
            }
        }
    }

    /// The hash of all bytes.
    pub fn finish(mut self) -> [u8; 32] {
        self.total = self.total.wrapping_add(self.used as u128);
        self.held.iter_mut().skip(self.used).for_each(|b| *b = 0);
        compress(&mut self.state, &self.held, self.total, true);
        let mut hash = [0; 32];
        for (slot, word) in hash.as_chunks_mut::<8>().0.iter_mut().zip(self.state) {
            *slot = word.to_le_bytes();
        }
        hash
    }

    fn hold(&mut self, bytes: &[u8]) {
        self.held.iter_mut().skip(self.used).zip(bytes).for_each(|(slot, b)| *slot = *b);
        self.used = self.used.saturating_add(bytes.len());
    }

    fn block(&mut self, block: &[u8; BLOCK]) {
        self.total = self.total.wrapping_add(BLOCK as u128);
        compress(&mut self.state, block, self.total, false);
    }
}

impl Default for Blake {
    fn default() -> Self {
        Self::new()
    }
}

/// The hash of these bytes.
pub fn hash(bytes: &[u8]) -> [u8; 32] {
    let mut blake = Blake::new();
    blake.update(bytes);
    blake.finish()
}

/// The compression function F (section 3.2).
fn compress(state: &mut [u64; 8], block: &[u8; BLOCK], total: u128, last: bool) {
    let mut m = [0; 16];
    for (word, bytes) in m.iter_mut().zip(block.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    let mut v = [0; 16];
    for (word, from) in v.iter_mut().zip(state.iter().chain(&IV)) {
        *word = *from;
    }
    v[12] ^= total as u64;
    v[13] ^= (total >> 64) as u64;
    if last {
        v[14] = !v[14];
    }
    round::<0>(&mut v, &m);
    round::<1>(&mut v, &m);
    round::<2>(&mut v, &m);
    round::<3>(&mut v, &m);
    round::<4>(&mut v, &m);
    round::<5>(&mut v, &m);
    round::<6>(&mut v, &m);
    round::<7>(&mut v, &m);
    round::<8>(&mut v, &m);
    round::<9>(&mut v, &m);
    round::<0>(&mut v, &m);
    round::<1>(&mut v, &m);
    let (low, high) = v.split_at(8);
    for ((word, a), b) in state.iter_mut().zip(low).zip(high) {
        *word ^= a ^ b;
    }
}

/// Columns, then diagonals. `R` is known where this is compiled, so each word is taken from a fixed place.
#[inline(always)]
fn round<const R: usize>(v: &mut [u64; 16], m: &[u64; 16]) {
    let s = const { SIGMA[R] };
    mix(v, [0, 4, 8, 12], m[s[0] & 15], m[s[1] & 15]);
    mix(v, [1, 5, 9, 13], m[s[2] & 15], m[s[3] & 15]);
    mix(v, [2, 6, 10, 14], m[s[4] & 15], m[s[5] & 15]);
    mix(v, [3, 7, 11, 15], m[s[6] & 15], m[s[7] & 15]);
    mix(v, [0, 5, 10, 15], m[s[8] & 15], m[s[9] & 15]);
    mix(v, [1, 6, 11, 12], m[s[10] & 15], m[s[11] & 15]);
    mix(v, [2, 7, 8, 13], m[s[12] & 15], m[s[13] & 15]);
    mix(v, [3, 4, 9, 14], m[s[14] & 15], m[s[15] & 15]);
}

/// The mixing function G (section 3.1).
#[inline(always)]
fn mix(v: &mut [u64; 16], [a, b, c, d]: [usize; 4], x: u64, y: u64) {
    let [a, b, c, d] = [a & 15, b & 15, c & 15, d & 15];
    v[a] = v[a].wrapping_add(v[b]).wrapping_add(x);
    v[d] = (v[d] ^ v[a]).rotate_right(32);
    v[c] = v[c].wrapping_add(v[d]);
    v[b] = (v[b] ^ v[c]).rotate_right(24);
    v[a] = v[a].wrapping_add(v[b]).wrapping_add(y);
    v[d] = (v[d] ^ v[a]).rotate_right(16);
    v[c] = v[c].wrapping_add(v[d]);
    v[b] = (v[b] ^ v[c]).rotate_right(63);
}
