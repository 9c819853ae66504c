//! A captured role, for the tests: started by the launcher in a role's place, it closes the cage as that role does and then
//! makes whatever system call it is told to make.
//!
//! Runs in: a role's cage, under audit/system/04-captive.py. In: on descriptor 0 first the 4,096 bytes of terms, then orders of
//! 56 + n bytes: number and six arguments, 64 bits each, then bytes to which an argument may point (an argument with the
//! top bit set is an offset into them). Out: an answer of 8 bytes: what the kernel returned. Not part of what is installed.
#![no_std]
#![no_main]

#[path = "../../shims/rt/mod.rs"]
mod rt;

use bailiff::shared::base::enter::enter;
use bailiff::shared::cages::{Cage, ROLES, cage};
use bailiff::shared::pure::bytes::decimal;
use bailiff::shims::arch::nr::RECVFROM;
use bailiff::shims::fd::Fd;
use bailiff::shims::io::{PollFd, ppoll};
use bailiff::shims::process::Start;
use bailiff::shims::sockets;

/// The instruction with any number: what bailiff's own shims never offer.
fn any_call(number: usize, a: [usize; 6]) -> isize {
    let ret: isize;
    let [a0, a1, a2, a3, a4, a5] = a;
    // SAFETY: none is claimed: this process exists to do harm, and the cage is what is tested.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        core::arch::asm!("syscall", inlateout("rax") number => ret, in("rdi") a0, in("rsi") a1, in("rdx") a2,
            in("r10") a3, in("r8") a4, in("r9") a5, lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        core::arch::asm!("svc #0", in("x8") number, inlateout("x0") a0 => ret, in("x1") a1, in("x2") a2, in("x3") a3,
            in("x4") a4, in("x5") a5, options(nostack));
    }
    ret
}

/// The next datagram, by the one receiving call that each role has: the watcher's takes descriptors too.
fn take(row: &Cage, channel: &Fd, buf: &mut [u8]) -> usize {
    let _ = ppoll(&mut [PollFd::readable(channel)], None);
    match row.run.contains(&RECVFROM) {
        true => sockets::receive(channel, buf, true).unwrap_or(0),
        false => sockets::receive_with(channel, buf).map_or(0, |(len, _)| len),
    }
}

fn main(start: &Start) -> u8 {
    let name = start.arg(0).unwrap_or(b"");
    let row = ROLES.map(cage).into_iter().find(|row| row.program.to_bytes() == name);
    let uid = start.arg(1).and_then(decimal).and_then(|uid| u32::try_from(uid).ok());
    let (Some(row), Some(uid)) = (row, uid) else { return 100 };
    let channel = Fd::given(0);
    let mut terms = [0u8; 4096];
    if take(row, &channel, &mut terms) != 4096 || enter(row, uid).is_err() {
        return 111;
    }
    let mut order = [0u8; 8192];
    loop {
        let len = take(row, &channel, &mut order);
        if len == 0 {
            return 0;
        }
        let base = order.as_ptr() as usize;
        let mut words = [0usize; 7];
        for (word, bytes) in words.iter_mut().zip(order.get(..len).unwrap_or(&[]).as_chunks::<8>().0) {
            let value = u64::from_le_bytes(*bytes);
            *word = if value >> 63 == 1 { base + 56 + (value & 0xffff) as usize } else { value as usize };
            // Negative numbers (such as AT_FDCWD) come as 2^62 + n, because the top bit is taken.
            if value >> 62 == 1 {
                *word = (value << 2) as usize as isize as usize >> 2 | !0 << 62;
            }
        }
        let [number, args @ ..] = words;
        let answer = any_call(number, args);
        let _ = sockets::send(&channel, &answer.to_le_bytes(), true);
    }
}
