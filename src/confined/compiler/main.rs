//! bailiff-compiler: reads the operator's own filters, checks them as the build checks bailiff's, and makes an image of
//! them.
//!
//! Started by: the warden, through the launcher, with the uid it must find itself with as its argument; before the
//! roles, when /etc/bailiff/filters has a filter. Given: 0 the warden's channel, 1 and 2 the log. In: the text of filters,
//! which only root can write. Out: the image, or one line that says which file, line and column, and why; then it ends.
//! Never: sees a byte of a log, opens anything. It may run out of memory or panic: then the daemon does not start, or, at
//! a reload, goes on with the image it has.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

#[allow(dead_code, reason = "build.rs uses the rest")]
#[path = "../../../filters/compiler/mod.rs"]
mod compiler;
#[expect(unsafe_code, reason = "process entry")]
#[path = "../../../shims/rt/mod.rs"]
mod rt;

use alloc::string::String;
use alloc::vec::Vec;
use bailiff::shared::base::channel::{Fault, receive};
use bailiff::shared::base::enter::enter;
use bailiff::shared::base::log::{Level, Log};
use bailiff::shared::cages::{Role, cage};
use bailiff::shared::pure::bytes::{Text, decimal};
use bailiff::shared::pure::filter;
use bailiff::shared::pure::image::LONGEST;
use bailiff::shared::pure::wire::piece::{self, Kind};
use bailiff::shims::fd::Fd;
use bailiff::shims::heap::{self, Heap};
use bailiff::shims::process::Start;
use bailiff::shims::sockets::send;
use core::fmt::Write;

#[global_allocator]
static HEAP: Heap = Heap;

/// Memory for all it does: a filter of 64 KiB, its tokens, steps and examples take a few MiB.
const ROOM: usize = 64 << 20;

/// A filter's name and its text.
type File = (String, Vec<u8>);

fn main(start: &Start) -> u8 {
    let log = Log::new("compiler");
    let uid = start.arg(1).and_then(decimal).and_then(|uid| u32::try_from(uid).ok());
    let Some(uid) = uid else {
        log.say(Level::Error, "is started by bailiffd, with its uid as the argument");
        return 100;
    };
    if let Err(errno) = heap::map(ROOM) {
        log.refused(Level::Error, "memory", errno);
        return 111;
    }
    if let Err(open) = enter(cage(Role::Compiler), uid) {
        log.say(Level::Error, open.what());
        return 111;
    }
    compile(&Fd::given(0), &log)
}

/// From the warden's files to its image; the exit code.
fn compile(warden: &Fd, log: &Log) -> u8 {
    let files = match files(warden) {
        Ok(files) => files,
        // The warden has found that it cannot read one of them, and has said so.
        Err(Fault::Closed) => return 0,
        Err(_) => {
            log.say(Level::Error, "the warden sent what it never may");
            return 112;
        }
    };
    let Some(image) = image(&files, log) else {
        let _ = tell(warden, Kind::Refused, &[]);
        return 100;
    };
    let sent = image.chunks(piece::MOST).try_for_each(|part| tell(warden, Kind::Image, part));
    if sent.and_then(|()| tell(warden, Kind::End, &[])).is_some() { 0 } else { 111 }
}

fn tell(warden: &Fd, kind: Kind, part: &[u8]) -> Option<()> {
    let mut buf = [0; piece::LEN];
    send(warden, piece::encode(kind, part, &mut buf)?, true).ok().map(|_| ())
}

/// The files, as the warden sends them: a name, its text in pieces; at last an end.
fn files(warden: &Fd) -> Result<Vec<File>, Fault> {
    let mut files: Vec<File> = Vec::new();
    let mut buf = [0; piece::LEN];
    loop {
        let (kind, part) = piece::decode(receive(warden, &mut buf, true)?).ok_or(Fault::Breach)?;
        match (kind, files.last_mut()) {
            (Kind::Name, _) => {
                let name = String::from_utf8(part.to_vec()).map_err(|_| Fault::Breach)?;
                files.push((name, Vec::new()));
            }
            (Kind::Text, Some((_, text))) => text.extend_from_slice(part),
            (Kind::End, _) => return Ok(files),
            _ => return Err(Fault::Breach),
        }
    }
}

/// The image of all, or nothing, with the first refusal said.
fn image(files: &[File], log: &Log) -> Option<Vec<u8>> {
    let mut image = Vec::new();
    for (name, text) in files {
        if let Err(fault) = one(name, text, &mut image) {
            let mut reason = String::new();
            let _ = write!(reason, "filters/{name}.filter:{fault}");
            log.line(Level::Error, |t: &mut Text<'_>| {
                t.quoted(reason.as_bytes());
            });
            return None;
        }
    }
    Some(image)
}

fn one(name: &str, text: &[u8], image: &mut Vec<u8>) -> Result<(), compiler::Fault> {
    if filter::named(name.as_bytes()).is_some() {
        return compiler::fault(1, 1, "bailiff has a filter of this name: call yours by another");
    }
    let Ok(text) = core::str::from_utf8(text) else { return compiler::fault(1, 1, "not UTF-8") };
    let filter = compiler::read(name, text)?;
    compiler::image::append(image, &filter)?;
    if image.len() > LONGEST {
        return compiler::fault(1, 1, "all filters together are too large: 64 KiB of steps");
    }
    Ok(())
}
