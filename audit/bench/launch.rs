//! The floor of a launch: what every cage must do, and nothing else. Five namespaces, a root, a user without rights, a filter
//! of thirty calls, exec. No first process of its own, no /proc, no /dev, no Landlock, no record, nothing read back.
//!
//! Run by audit/bench/cage.py, as root: `bailiff-launch-floor ROOT NET PROGRAM`, NET a network namespace, PROGRAM a path in ROOT.
#![no_std]
#![no_main]

#[path = "../../shims/rt/mod.rs"]
mod rt;

use bailiff::shims::arch::{AUDIT_ARCH, nr};
use bailiff::shims::cage::spawn::{self, List, Side};
use bailiff::shims::cage::tree;
use bailiff::shims::confine::{Instruction, seccomp};
use bailiff::shims::errno::Errno;
use bailiff::shims::files::{At, flags};
use bailiff::shims::identity;
use bailiff::shims::process::{End, Start, namespace};
use core::ffi::CStr;

const NOBODY: u32 = 65_534;
/// The calls of the filter: so many from the beginning of the table, and four more.
const CALLS: u32 = 26;

fn main(start: &Start) -> u8 {
    use namespace::*;
    let mut room = [[0u8; 256]; 3];
    let mut words = [c""; 3];
    for (i, (room, word)) in room.iter_mut().zip(&mut words).enumerate() {
        let text = start.arg(i + 1).unwrap_or(b"");
        if text.is_empty() || text.len() >= room.len() {
            return 100;
        }
        room[..text.len()].copy_from_slice(text);
        *word = CStr::from_bytes_until_nul(room).unwrap_or(c"");
    }
    let [root, net, program] = words;
    let all = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
    let Ok(net) = tree::open(At::Cwd, net, 0, 0, 0) else { return 101 };
    match spawn::fork(all) {
        Ok(Side::Child) => {
            let _ = tree::enter(&net, CLONE_NEWNET).and_then(|()| become_program(root, program));
            102
        }
        Ok(Side::Parent(_)) => match spawn::reap(true) {
            Ok(Some((_, End::Exit(code), _))) => code,
            _ => 103,
        },
        Err(_) => 104,
    }
}

fn become_program(root: &CStr, program: &CStr) -> Result<(), Errno> {
    tree::make_private()?;
    let copy = tree::copy_tree(root)?;
    tree::attach(&copy, &tree::open(At::Cwd, root, flags::O_PATH, 0, 0)?)?;
    tree::change_directory(root)?;
    tree::pivot_here()?;
    for bit in 0..=40 {
        identity::drop_bound(bit)?;
    }
    identity::clear_groups()?;
    identity::set_gid(NOBODY)?;
    identity::set_uid(NOBODY)?;
    identity::set_no_new_privs()?;
    let program = tree::open(At::Cwd, program, 0, 0, 0)?;
    let (mut argv, mut env) = ([0; 2], [0; 1]);
    let lists = List::new(&[c"floor"], &mut argv).zip(List::new(&[], &mut env));
    let Some((argv, env)) = lists else { return Err(Errno::EINVAL) };
    seccomp(&filter())?;
    Err(spawn::exec(&program, &argv, &env))
}

/// Architecture, number, and each call with an answer of its own, one after another.
fn filter() -> [Instruction; 65] {
    const LOAD: u16 = 0x20;
    const EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const ALLOW: u32 = 0x7fff_0000;
    const KILL: u32 = 0x8000_0000;
    let mut all = [Instruction { code: RETURN, jt: 0, jf: 0, k: KILL }; 65];
    let put =
        |at: usize, code, jf, k, all: &mut [Instruction; 65]| all[at] = Instruction { code, jt: 0, jf, k };
    put(0, LOAD, 0, 4, &mut all);
    put(1, EQUAL, 62, AUDIT_ARCH, &mut all);
    put(2, LOAD, 0, 0, &mut all);
    let ends = [nr::EXECVEAT, nr::EXIT_GROUP, nr::OPENAT2, nr::CLOSE_RANGE];
    for (i, call) in (0..CALLS).chain(ends).enumerate() {
        put(3 + 2 * i, EQUAL, 1, call, &mut all);
        put(4 + 2 * i, RETURN, 0, ALLOW, &mut all);
    }
    all
}
