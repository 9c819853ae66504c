//! Many paths folded into few.
//!
//! Runs in: bailiff-cage. In: the paths that one run used, and how. Out: the fewest paths that hold them and little else.
//! Never: folds into a directory that holds what is a user's or the whole system's.
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::policy::Bytes;
use crate::step::glob;
use crate::step::paths::{is_below, parent};

/// A path that is needed, and for what.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Need {
    pub(crate) path: Bytes,
    pub(crate) write: bool,
    pub(crate) execute: bool,
}

/// From so many entries of a directory on, the directory is meant.
const MANY: usize = 8;
/// Directories of toolchains: whoever needs a part needs the next one tomorrow. As patterns from the root.
const WHOLE: [&[u8]; 17] = [
    b"usr/include",
    b"usr/lib/gcc",
    b"usr/libexec/gcc",
    b"usr/lib/*-linux-gnu",
    b"lib/*-linux-gnu",
    b"usr/lib/*-linux-gnu/perl*",
    b"usr/lib64",
    b"usr/lib/python*",
    b"usr/lib/llvm-*",
    b"usr/lib/node_modules",
    b"usr/lib/rustlib",
    b"usr/lib/jvm/*",
    b"usr/lib/go*",
    b"usr/share/perl*",
    b"usr/share/locale",
    b"usr/share/zoneinfo",
    b"**/.rustup/toolchains/*",
];
/// Never folded into: what lies in them is of many owners.
#[rustfmt::skip]
const NEVER: [&[u8]; 26] = [
    b"/", b"/bin", b"/boot", b"/dev", b"/etc", b"/home", b"/lib", b"/lib64", b"/media", b"/mnt", b"/opt", b"/proc",
    b"/root", b"/run", b"/sbin", b"/srv", b"/sys", b"/tmp", b"/usr", b"/usr/bin", b"/usr/lib", b"/usr/local/bin",
    b"/usr/sbin", b"/var", b"/var/lib", b"/var/tmp",
];

/// Folds; sorted, no path below another that serves for it.
pub(crate) fn fold(needs: &[Need]) -> Vec<Need> {
    let mut all: BTreeMap<Bytes, (bool, bool)> = BTreeMap::new();
    for need in needs {
        let path = whole(&need.path).unwrap_or(&need.path).to_vec();
        let (write, execute) = all.entry(path).or_default();
        *write |= need.write;
        *execute |= need.execute;
    }
    while let Some(directory) = crowded(&all) {
        let mut rights = (false, false);
        for (path, (write, execute)) in &all {
            if parent(path) == directory {
                rights = (rights.0 | write, rights.1 | execute);
            }
        }
        all.retain(|path, _| parent(path) != directory);
        let (write, execute) = all.entry(directory).or_default();
        (*write, *execute) = (*write | rights.0, *execute | rights.1);
    }
    let serves = |top: &Need, need: &Need| {
        top.path != need.path
            && is_below(&need.path, &top.path)
            && top.write >= need.write
            && top.execute >= need.execute
    };
    let all: Vec<Need> =
        all.into_iter().map(|(path, (write, execute))| Need { path, write, execute }).collect();
    all.iter().filter(|need| !all.iter().any(|top| serves(top, need))).cloned().collect()
}

/// The toolchain's directory that holds this path: the innermost that is known.
fn whole(path: &[u8]) -> Option<&[u8]> {
    let mut at = path;
    while at.len() > 1 {
        let below = at.strip_prefix(b"/").unwrap_or(at);
        if WHOLE.iter().any(|pattern| is_exactly(pattern, below)) {
            return Some(at);
        }
        at = parent(at);
    }
    None
}

/// Whether a pattern means this path and not just what is below it.
fn is_exactly(pattern: &[u8], path: &[u8]) -> bool {
    let (mut wanted, mut names) = (pattern.rsplit(|b| *b == b'/'), path.rsplit(|b| *b == b'/'));
    loop {
        match (wanted.next(), names.next()) {
            (None, None) => return true,
            (Some(b"**"), _) => return true,
            (Some(part), Some(name)) if glob::matches(part, name) => {}
            _ => return false,
        }
    }
}

/// A directory with many needed entries right in it.
fn crowded(all: &BTreeMap<Bytes, (bool, bool)>) -> Option<Bytes> {
    let mut counts: BTreeMap<&[u8], usize> = BTreeMap::new();
    for path in all.keys() {
        let count = counts.entry(parent(path)).or_default();
        *count = count.saturating_add(1);
    }
    let mut crowded =
        counts.into_iter().filter(|(top, n)| *n >= MANY && !NEVER.contains(top) && top.len() > 1);
    crowded.next_back().map(|(top, _)| top.to_vec())
}
