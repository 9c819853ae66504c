//! Pseudo-random choices from a fixed seed, so that a failure comes again: xorshift64.

pub(crate) struct Crooked(u64);

impl Crooked {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub(crate) fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }

    /// One to three small changes: a byte changed, bytes cut out, a piece of another line put in.
    pub(crate) fn spoil(&mut self, line: &mut Vec<u8>, others: &[&str]) {
        for _ in 0..=self.below(3) {
            let at = self.below(line.len() as u64 + 1) as usize;
            let end = (at + self.below(12) as usize).min(line.len());
            match self.below(4) {
                0 if at < line.len() => line[at] = self.next() as u8,
                1 => drop(line.drain(at..end)),
                _ => {
                    let other = self.pick(others).as_bytes();
                    let from = self.below(other.len() as u64) as usize;
                    let to = (from + self.below(40) as usize).min(other.len());
                    drop(line.splice(at..at, other[from..to].iter().copied()));
                }
            }
        }
    }
}
