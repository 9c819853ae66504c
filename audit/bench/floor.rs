//! The floor: one process that does what must be done between a line and the kernel, and nothing else. It waits for
//! inotify, reads, finds `from ADDRESS` without looking at the rest, sends one batch and reads the acknowledgement. It has
//! no borders, counts nothing, keeps nothing: no daemon can be faster, and none should be it.
use super::kernel::Table;
use bailiff::shims::files::{inotify::IN_MODIFY, inotify_add_watch, inotify_init};
use bailiff::shims::io::{PollFd, ppoll, read};
use std::io::{Read, Seek, SeekFrom, Write};

pub(crate) fn run(log: &str) {
    let mut file = std::fs::File::open(log).expect("the log");
    file.seek(SeekFrom::End(0)).expect("its end");
    let events = inotify_init().expect("inotify");
    inotify_add_watch(&events, log.as_bytes(), IN_MODIFY).expect("a watch");
    let mut table = Table::new();
    println!("ready");
    std::io::stdout().flush().expect("standard output");
    let mut seen = [0u8; 4096];
    let mut buf = vec![0u8; 1 << 18];
    loop {
        ppoll(&mut [PollFd::readable(&events)], None).expect("ppoll");
        let _ = read(&events, &mut seen);
        let got = file.read(&mut buf).expect("the log");
        for line in buf[..got].split(|b| *b == b'\n') {
            if let Some(addr) = address(line) {
                table.ban(addr);
            }
        }
    }
}

/// What stands behind the first ` from `, if that is an IPv4 address.
fn address(line: &[u8]) -> Option<[u8; 4]> {
    let at = line.windows(6).position(|w| w == b" from ")? + 6;
    let text = line[at..].split(|b| *b == b' ').next()?;
    let addr: std::net::Ipv4Addr = std::str::from_utf8(text).ok()?.parse().ok()?;
    Some(addr.octets())
}
