//! A captured role that sends whatever it is fed: the watcher's or the tracker's place in a whole daemon, for the tests.
//!
//! Runs in: a role's cage, started by the real warden, under audit/system/05-puppet.py. As the watcher it reads frames (length
//! in four bytes, then a datagram) from the log it is given and sends each to the tracker. As the tracker it sends each
//! datagram of its one control connection to the enforcer, and each of the enforcer's back. Not part of what is installed.
#![no_std]
#![no_main]

#[path = "../../shims/rt/mod.rs"]
mod rt;

use bailiff::shared::base::enter::enter;
use bailiff::shared::cages::{Role, cage};
use bailiff::shared::pure::bytes::decimal;
use bailiff::shared::pure::wire::batch::Batch;
use bailiff::shared::pure::wire::source::{Beat, Pulse};
use bailiff::shims::fd::Fd;
use bailiff::shims::io::{PollFd, ppoll, pread};
use bailiff::shims::process::Start;
use bailiff::shims::sockets;

fn main(start: &Start) -> u8 {
    let name = start.arg(0).unwrap_or(b"");
    let role = if name == b"bailiff-watcher" { Role::Watcher } else { Role::Tracker };
    let Some(uid) = start.arg(1).and_then(decimal).and_then(|uid| u32::try_from(uid).ok()) else {
        return 100;
    };
    let channel = Fd::given(0);
    let mut terms = [0u8; 4096];
    let _ = ppoll(&mut [PollFd::readable(&channel)], None);
    let told = match role {
        Role::Watcher => sockets::receive_with(&channel, &mut terms).map(|(len, _)| len),
        _ => sockets::receive(&channel, &mut terms, true),
    };
    if told != Ok(4096) || enter(cage(role), uid).is_err() {
        return 111;
    }
    let mut ready = Batch::<Pulse>::new();
    ready.push(&Pulse { beat: Beat::Ready, figure: 0 });
    let _ = sockets::send(&channel, ready.datagram(), true);
    if role == Role::Watcher { watcher(&channel) } else { tracker(&channel) }
}

/// Frames from the newest log to the tracker.
fn watcher(channel: &Fd) -> u8 {
    let (up, mut log, mut offset) = (Fd::given(1), None, 0u64);
    let mut buf = [0u8; 16384];
    loop {
        let _ = ppoll(&mut [PollFd::readable(channel)], Some(20_000_000));
        match sockets::receive_with(channel, &mut buf) {
            Ok((0, _)) => return 0,
            Ok((_, Some(fd))) => log = Some(fd),
            _ => {}
        }
        let Some(fd) = &log else { continue };
        let mut head = [0u8; 4];
        while pread(fd, &mut head, offset) == Ok(4) {
            let len = u32::from_le_bytes(head) as usize;
            let Some(body) = buf.get_mut(..len) else { return 101 };
            if pread(fd, body, offset + 4) != Ok(len) {
                break;
            }
            offset += 4 + len as u64;
            if sockets::send(&up, body, true).is_err() {
                return 0;
            }
        }
    }
}

/// Datagrams between one control connection and the enforcer.
fn tracker(channel: &Fd) -> u8 {
    let (enforcer, control, mut client) = (Fd::given(3), Fd::given(5), None::<Fd>);
    let mut buf = [0u8; 16384];
    loop {
        let mut slots = [
            PollFd::readable(channel),
            PollFd::readable(&control),
            PollFd::readable(&enforcer),
            PollFd::IDLE,
        ];
        if let (Some(fd), Some(slot)) = (&client, slots.last_mut()) {
            *slot = PollFd::readable(fd);
        }
        let _ = ppoll(&mut slots, Some(1_000_000_000));
        if sockets::receive(channel, &mut buf, false) == Ok(0) {
            return 0;
        }
        client = sockets::accept(&control).ok().or(client);
        while let Ok(len) = sockets::receive(&enforcer, &mut buf, false) {
            if len == 0 {
                return 0;
            }
            if let (Some(fd), Some(bytes)) = (&client, buf.get(..len)) {
                let _ = sockets::send(fd, bytes, true);
            }
        }
        let Some(fd) = &client else { continue };
        while let Ok(len) = sockets::receive(fd, &mut buf, false) {
            if len == 0 {
                client = None;
                break;
            }
            let _ = sockets::send(&enforcer, buf.get(..len).unwrap_or(&[]), true);
        }
    }
}
