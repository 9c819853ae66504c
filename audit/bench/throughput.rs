//! A log that comes all at once: how long until the daemon has worked through it.
use super::kernel::Events;
use bailiff::shared::pure::addr::{Addr, Prefix};
use bailiff::shared::pure::wire::batch::{Batch, ROOM, records};
use bailiff::shared::pure::wire::control::{ANY_JAIL, Ask, Done, Figure, Reply, Request};
use bailiff::shims::sockets;
use std::io::Write as _;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// What `status` counts.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
struct Status {
    lines: u64,
    matches: u64,
    attempts: u64,
    already: u64,
    bans: u64,
    unanswered: u64,
}

fn status(socket: &str) -> Status {
    let fd = sockets::connect(socket.as_bytes()).expect("the read socket");
    let mut batch = Batch::new();
    let prefix = Prefix { addr: Addr([0; 16]), len: 0 };
    batch.push(&Request { ask: Ask::Status, prefix, jail: ANY_JAIL, duration_s: 0 });
    sockets::send(&fd, batch.datagram(), true).expect("a request");
    let (mut found, mut buf) = (Status::default(), [0u8; ROOM]);
    loop {
        let len = sockets::receive(&fd, &mut buf, true).expect("a reply");
        for reply in records::<Reply>(&buf[..len]).expect("records") {
            match reply.expect("a record") {
                Reply::Source(tide) => {
                    (found.lines, found.matches) = (found.lines + tide.lines, found.matches + tide.matches)
                }
                Reply::Figure(number, value) => match number {
                    n if n == Figure::Attempts as u8 => found.attempts = value,
                    n if n == Figure::Already as u8 => found.already = value,
                    n if n == Figure::Bans as u8 => found.bans = value,
                    n if n == Figure::Unanswered as u8 => found.unanswered = value,
                    _ => (),
                },
                Reply::Done(Done::Good(_)) => return found,
                Reply::Done(other) => panic!("status: {other:?}"),
                _ => (),
            }
        }
    }
}

/// Appends the file; until so many lines more are counted, and every match among them, and every verdict answered.
pub(crate) fn append(log: &str, path: &str, socket: &str, lines: u64) {
    super::stand_aside();
    let text = std::fs::read(path).expect("the file");
    let mut file = std::fs::File::options().append(true).open(log).expect("the log");
    let before = status(socket);
    let start = Instant::now();
    file.write_all(&text).expect("the log");
    let written = start.elapsed();
    let mut slowest = Duration::ZERO;
    let (now, took) = loop {
        std::thread::sleep(Duration::from_millis(2));
        let asked = Instant::now();
        let now = status(socket);
        slowest = slowest.max(asked.elapsed());
        let is_counted = now.lines - before.lines >= lines
            && now.attempts - before.attempts >= now.matches - before.matches;
        if is_counted && now.unanswered == 0 || start.elapsed() > PATIENCE {
            break (now, start.elapsed());
        }
    };
    println!(
        "{{\"seconds\": {:.4}, \"written\": {:.4}, \"lines\": {}, \"matches\": {}, \"bans\": {}, \"status_ms\": {:.1}}}",
        took.as_secs_f64(),
        written.as_secs_f64(),
        now.lines - before.lines,
        now.matches - before.matches,
        now.bans - before.bans,
        slowest.as_secs_f64() * 1000.0
    );
}

/// Appends the file and a few failures of an address that is not in it; until that one is banned. What was not read
/// before it is not read at all: every daemon here reads in order.
pub(crate) fn sentinel(log: &str, stamp: &str, path: &str) {
    super::stand_aside();
    let mut text = std::fs::read(path).expect("the file");
    for n in 0..10 {
        let port = 1024 + n;
        let line =
            format!("{stamp} web01 sshd[77]: Failed password for root from 203.0.113.77 port {port} ssh2\n");
        text.extend(line.bytes());
    }
    let mut file = std::fs::File::options().append(true).open(log).expect("the log");
    let mut events = Events::new();
    let start = Instant::now();
    file.write_all(&text).expect("the log");
    let mut is_banned = false;
    while !is_banned && start.elapsed() < PATIENCE {
        match events.next([203, 0, 113, 77]) {
            Some(found) => is_banned = found,
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    }
    println!("{{\"seconds\": {:.4}, \"banned\": {is_banned}}}", start.elapsed().as_secs_f64());
}
