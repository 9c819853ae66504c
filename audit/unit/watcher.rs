//! The watcher's parts: lines against a naive model, files cut and refilled, torn positions, queues of
//! generations.
#![allow(dead_code, clippy::duplicate_mod, reason = "the program uses more of its parts than these tests do")]

#[path = "../../src/confined/watcher/generations.rs"]
mod generations;
#[path = "../../src/confined/watcher/harvest.rs"]
mod harvest;
#[path = "../../src/confined/watcher/positions.rs"]
mod positions;
#[path = "../../src/confined/watcher/tail.rs"]
mod tail;

mod watcher_files;
mod watcher_lines;

/// Numbers without order, the same in each run (xorshift).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// A descriptor of the watcher's kind for a file of the test's.
pub(crate) fn fd(file: &std::fs::File) -> bailiff::shims::fd::Fd {
    use std::os::fd::IntoRawFd;
    let number = file.try_clone().unwrap().into_raw_fd();
    bailiff::shims::fd::Fd::given(number.try_into().unwrap())
}

/// An empty file of its own, without a name, open for reading and writing.
pub(crate) fn empty() -> std::fs::File {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("bailiff-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    let file = std::fs::File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    file
}
