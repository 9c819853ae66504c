//! Prints the privilege table's calls, one a line: `PROGRAM CALL`.
//!
//! Run by: audit/syscalls.sh, which compiles it against the library. In: `bailiff::shared::cages`. Out: for each program
//! the calls of its row, `enter` and `run` together, by the kernel's names.
use bailiff::shared::cages::{CAGED, LAUNCHER, WARDEN, cage};
use bailiff::shims::arch::NAMES;

/// The client runs in no cage: it may do whatever its operator may. Its row stands here, so that a new call of it is
/// seen by whoever reads the change.
const CLIENT: &str = "clock_gettime close connect exit_group fstatfs getdents64 getrandom mmap mprotect openat2 ppoll pread64 read \
    recvfrom sendto socket statx write";

fn main() {
    for role in CAGED {
        let row = cage(role);
        let program = row.program.to_str().unwrap_or("?");
        show(program, row.enter);
        show(program, row.run);
    }
    show("bailiff-launcher", LAUNCHER);
    show("bailiffd", WARDEN);
    for call in CLIENT.split_whitespace() {
        println!("bailiff {call}");
    }
}

fn show(program: &str, calls: &[u32]) {
    for number in calls {
        let named = NAMES.iter().find(|(n, _)| n == number);
        println!("{program} {}", named.map_or("?", |(_, name)| *name));
    }
}
