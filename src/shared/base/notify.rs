//! The subset of sd_notify(3) that a service needs: one datagram of `NAME=value` lines to the socket in NOTIFY_SOCKET.
//!
//! Runs in: the warden, which alone is the service's main process. Out: text of our own. Never: fails the daemon: a
//! service manager that does not listen loses a status line, no more.
use crate::shared::pure::bytes::Text;
use crate::shims::sockets::send_to;

/// Where the service manager listens, if there is one.
#[derive(Clone, Copy, Debug)]
pub struct Notify {
    socket: Option<&'static [u8]>,
}

impl Notify {
    /// `socket` is the value of NOTIFY_SOCKET: a path, or `@name`.
    pub fn new(socket: Option<&'static [u8]>) -> Self {
        Self { socket: socket.filter(|path| matches!(path, [b'/' | b'@', _, ..])) }
    }

    /// Sends one message; `fill` appends its lines.
    pub fn send(&self, fill: impl FnOnce(&mut Text<'_>)) {
        let Some(path) = self.socket else { return };
        let mut buf = [0u8; 256];
        let mut text = Text::new(&mut buf);
        fill(&mut text);
        let _ = send_to(path, text.finish());
    }

    /// Sends one line.
    pub fn say(&self, line: &str) {
        self.send(|t| {
            t.bytes(line.as_bytes());
        });
    }
}
