//! `audit`: whether the records of bailiff-cage are whole, and which runs were widened.
//!
//! Runs in: the client, with its user's rights. In: a file of records, hostile, of any length, with lines of any
//! length. Out: how many records, the hash of the last; or the first line that breaks the chain, and why. Never: holds
//! a line.
//!
//! A chain shows that no line was changed, taken out or put in before the last one. That lines are gone at its end can
//! only be seen by who has noted the last hash elsewhere.
use super::canonical::KEPT;
use super::chain::{Chain, Hex, Why};
use super::json::Str;
use super::out::Out;
use super::outcome::{Error, GOOD, SYSTEM, USAGE};
use super::show::Quoted;
use super::words::Command;
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::{At, flags, open};
use bailiff::shims::io::{ppoll, read};
use bailiff::shims::slots::slots;
use core::fmt::{Result as Printed, Write};

/// The chain breaks.
const BROKEN: u8 = 1;
/// Bytes that are read at once.
const BLOCK: usize = 1 << 18;
/// How often, and how long each time, the end of a line is waited for: somebody may be writing it.
const PATIENCE: u32 = 10;
const PAUSE_NS: u64 = 20_000_000;

/// `audit verify FILE`, `audit list-widened FILE`; the exit code.
pub(crate) fn audit(command: &Command<'_>, out: &mut Out, err: &mut Out) -> u8 {
    let (list, file) = match command.operands {
        [Some(b"verify"), Some(file)] => (false, file),
        [Some(b"list-widened"), Some(file)] => (true, file),
        _ => {
            let _ = writeln!(err, "bailiff: expected verify or list-widened, and a file, behind audit");
            return USAGE;
        }
    };
    let mut audit = Audit { list, json: command.json, file, chain: Chain::new(), out };
    match audit.read() {
        Ok(()) => audit.say(None),
        Err(Stop::Broken(why)) => audit.say(Some(why)),
        Err(Stop::Kernel(errno)) => {
            let _ = writeln!(err, "bailiff: {}: {}", Quoted(file), Error(errno));
            SYSTEM
        }
        Err(Stop::Page) => SYSTEM,
    }
}

/// Why reading has ended early.
enum Stop {
    Broken((u64, Why)),
    Kernel(Errno),
    Page,
}

/// An audit under way.
struct Audit<'a> {
    /// Whether the runs that were widened are to be shown.
    list: bool,
    json: bool,
    file: &'a [u8],
    chain: Chain,
    out: &'a mut Out,
}

impl Audit<'_> {
    fn read(&mut self) -> Result<(), Stop> {
        let fd = match self.file {
            b"-" => Fd::given(0),
            file => open(At::Cwd, file, flags::O_NOCTTY, 0, 0).map_err(Stop::Kernel)?,
        };
        let buf = slots(BLOCK).map_err(Stop::Kernel)?;
        let mut patience = PATIENCE;
        loop {
            match read(&fd, buf) {
                Ok(0) if patience == 0 || self.chain.line.len() == 0 => {
                    return self.chain.finish().map_err(Stop::Broken);
                }
                Ok(0) => {
                    patience = patience.saturating_sub(1);
                    let _ = ppoll(&mut [], Some(PAUSE_NS));
                }
                Ok(got) => {
                    patience = PATIENCE;
                    self.take(buf.get(..got).unwrap_or(&[]))?;
                }
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(Stop::Kernel(errno)),
            }
        }
    }

    /// One block: ends of lines and what is between them.
    fn take(&mut self, block: &[u8]) -> Result<(), Stop> {
        for (nth, piece) in block.split(|b| *b == b'\n').enumerate() {
            if nth > 0 {
                if self.chain.end().map_err(Stop::Broken)? {
                    self.show().map_err(|_| Stop::Page)?;
                }
                self.chain.next();
            }
            self.chain.piece(piece).map_err(Stop::Broken)?;
        }
        Ok(())
    }

    /// Shows the run of this line, if it was widened. Canonical text is safe to print as it is.
    fn show(&mut self) -> Printed {
        let value = |key| match core::str::from_utf8(self.chain.line.value(key)) {
            // What was cut off is no JSON any more.
            Ok(text) if text.len() < KEPT || !self.json => text,
            _ => "null",
        };
        let [learn, name, net] = ["learn", "name", "net"].map(value);
        let [reasons, started, verdict] = ["reasons", "started", "verdict"].map(value);
        if !self.list || (learn != "true" && net != "\"host\"" && reasons == "[]") {
            return Ok(());
        }
        let line = self.chain.lines;
        if !self.json {
            return writeln!(self.out, "line {line}: {started} {name} net={net} verdict={verdict} {reasons}");
        }
        write!(self.out, "{{\"line\":{line},\"started\":{started},\"name\":{name},\"net\":{net},")?;
        writeln!(self.out, "\"verdict\":{verdict},\"learn\":{learn},\"reasons\":{reasons}}}")
    }

    /// The last word; the exit code.
    fn say(&mut self, broken: Option<(u64, Why)>) -> u8 {
        let (Chain { records, torn, .. }, last) = (&self.chain, self.chain.last());
        let said = match (broken, self.json) {
            (None, false) => write!(self.out, "{}: whole: {records} records, ", Quoted(self.file))
                .and_then(|()| if *torn == 0 { Ok(()) } else { write!(self.out, "{torn} torn and sealed, ") })
                .and_then(|()| writeln!(self.out, "last hash {}", Hex(&last))),
            (Some((line, why)), false) => writeln!(self.out, "{}: line {line}: {why}", Quoted(self.file)),
            (_, true) => self.say_json(broken),
        };
        match (said, broken) {
            (Err(_), _) => SYSTEM,
            (Ok(()), None) => GOOD,
            (Ok(()), Some(_)) => BROKEN,
        }
    }

    fn say_json(&mut self, broken: Option<(u64, Why)>) -> Printed {
        let (Chain { records, torn, .. }, w) = (&self.chain, &mut *self.out);
        let last = self.chain.last();
        write!(w, "{{\"file\":{},\"whole\":{},", Str(self.file), broken.is_none())?;
        write!(w, "\"records\":{records},\"torn\":{torn},\"last_hash\":\"{}\"", Hex(&last))?;
        match broken {
            // The words hold a quote only where an escape is expected.
            Some((line, why)) => {
                write!(w, ",\"line\":{line},\"why\":\"")?;
                write!(Escaped(w), "{why}")?;
                writeln!(w, "\"}}")
            }
            None => writeln!(w, ",\"line\":null,\"why\":null}}"),
        }
    }
}

/// Text of our own within a JSON string.
struct Escaped<'a>(&'a mut Out);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> Printed {
        text.chars().try_for_each(|c| match c {
            '"' | '\\' => write!(self.0, "\\{c}"),
            _ => self.0.write_char(c),
        })
    }
}
