//! Log lines on descriptor 2, ready for the journal: `<N>program: text`, at most 512 bytes, one write each.
//!
//! Runs in: every daemon process. Never: writes a stranger's bytes unquoted (`Text::quoted`), waits for a reader longer
//! than write(2) does.
use crate::shared::pure::bytes::Text;
use crate::shims::errno::Errno;
use crate::shims::fd::Fd;
use crate::shims::io::write;

/// How grave a line is: the kernel's priorities (sd-daemon(3)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// The daemon cannot go on.
    Error = 3,
    /// Something is missing or lost.
    Warning = 4,
    /// What an operator wants to see once: start, stop, ban.
    Notice = 5,
    /// Single steps, when asked for.
    Info = 6,
}

/// Where this process's lines go.
#[derive(Debug)]
pub struct Log {
    fd: Fd,
    program: &'static str,
    /// Whether single steps are wanted.
    pub steps: bool,
}

impl Log {
    /// Lines of this program, on descriptor 2.
    pub fn new(program: &'static str) -> Self {
        Self { fd: Fd::given(2), program, steps: false }
    }

    /// Writes one line; `fill` appends its text. What does not fit in 512 bytes is cut and marked with `...`.
    pub fn line(&self, level: Level, fill: impl FnOnce(&mut Text<'_>)) {
        let mut buf = [0u8; 508];
        let mut text = Text::new(&mut buf);
        text.byte(b'<').byte(b'0'.wrapping_add(level as u8)).byte(b'>');
        text.bytes(self.program.as_bytes()).bytes(b": ");
        fill(&mut text);
        let cut = text.is_full();
        let body = text.finish();
        let mut out = [0u8; 512];
        let mut text = Text::new(&mut out);
        text.bytes(body).bytes(if cut { b"..." } else { b"" }).byte(b'\n');
        // A log that cannot be written is no reason to stop protecting.
        let _ = write(&self.fd, text.finish());
    }

    /// A line about one thing the kernel refused: `what: ENAME (N)`.
    pub fn refused(&self, level: Level, what: &str, errno: Errno) {
        self.line(level, |t| {
            t.bytes(what.as_bytes()).bytes(b": ").bytes(errno.name().as_bytes());
            t.bytes(b" (").dec(errno.0.into()).byte(b')');
        });
    }

    /// A line of fixed text.
    pub fn say(&self, level: Level, what: &str) {
        self.line(level, |t| {
            t.bytes(what.as_bytes());
        });
    }

    /// A line about a single step, if such are wanted.
    pub fn step(&self, fill: impl FnOnce(&mut Text<'_>)) {
        if self.steps {
            self.line(Level::Info, fill);
        }
    }
}
