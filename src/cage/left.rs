//! Processes that go on when the program has ended.
//!
//! Runs in: the first process of the cage. In: the cage's own /proc, where it has one. Out: their programs, told to the
//! launcher. Never: waits for them longer than a moment: they end with the cage.
use alloc::vec::Vec;

use bailiff::shims::cage::spawn;
use bailiff::shims::errno::Errno;
use bailiff::shims::files::{At, readlink};
use bailiff::shims::io::ppoll;

use crate::inside::tell;
use crate::policy::Bytes;
use crate::step::paths;

/// There is no such process.
const ESRCH: Errno = Errno(3);
/// How often, each millisecond, it is asked whether they are gone.
const MOMENT: u32 = 50;
/// As much of their paths as one message holds.
const MOST: usize = 400;

/// Tells which programs are left, if any are.
pub(crate) fn tell_left() {
    for _ in 0..MOMENT {
        while let Ok(Some(_)) = spawn::reap(false) {}
        // Everybody but the first process itself; nobody: ESRCH.
        if spawn::kill(-1, 0) == Err(ESRCH) {
            return;
        }
        let _ = ppoll(&mut [], Some(1_000_000));
    }
    let listed =
        paths::directory(b"/proc").ok().and_then(|proc| paths::names(&proc).ok()).unwrap_or_default();
    let mut names: Vec<Bytes> = listed.iter().filter_map(|number| program(number)).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        names.push(b"a process".to_vec());
    }
    let text = names.join(&0);
    tell(b'R', text.get(..MOST).unwrap_or(&text));
}

/// The program of the process with this number; `None`: it is the first one, or it cannot be known.
fn program(number: &[u8]) -> Option<Bytes> {
    if number == b"1" || !number.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut path = [0u8; 256];
    let got = readlink(At::Cwd, &[b"/proc/", number, b"/exe"].concat(), &mut path).ok()?;
    path.get(..got).map(<[u8]>::to_vec)
}
