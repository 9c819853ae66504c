//! The namespaces that a cage has of its own, read back.
//!
//! Runs in: bailiff-cage, outside the cage. In: the host's /proc, where the kernel tells them. Out: the kinds that differ from
//! the launcher's own. Never: asks the cage.
use alloc::string::String;
use alloc::vec::Vec;

use bailiff::shims::files::{At, readlink};

use crate::policy::Bytes;
use crate::text::said;

/// The kernel's names of the kinds (namespaces(7)).
const KINDS: [&str; 8] = ["mnt", "pid", "net", "ipc", "uts", "cgroup", "time", "user"];

/// Those of this process (`self`, or a number), by kind; empty where /proc does not show them. `children`: those that a
/// process it makes is in.
pub(crate) fn of(process: &str, children: bool) -> Vec<Bytes> {
    let shown = |kind: &&str| {
        let mut buf = [0u8; 64];
        let late = if children && matches!(*kind, "pid" | "time") { "_for_children" } else { "" };
        let path = said(format_args!("/proc/{process}/ns/{kind}{late}"));
        let got = readlink(At::Cwd, path.as_bytes(), &mut buf).unwrap_or(0);
        buf.get(..got).unwrap_or(&[]).to_vec()
    };
    KINDS.iter().map(shown).collect()
}

/// The kinds of which the cage has one that the launcher does not have.
pub(crate) fn separate(inside: &[Bytes], outside: &[Bytes]) -> String {
    let pairs = KINDS.iter().zip(inside.iter().zip(outside));
    let own = pairs.filter(|(_, (inside, outside))| !inside.is_empty() && inside != outside);
    let names: Vec<&str> = own.map(|(kind, _)| *kind).collect();
    if names.is_empty() { String::from("unknown: no /proc") } else { names.join(" ") }
}
