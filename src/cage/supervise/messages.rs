//! What the cage's first process says, and the program's before it execs.
//!
//! Runs in: bailiff-cage, outside the cage. In: messages on one channel, with descriptors. Out: the run, changed by them. Never:
//! takes a word of theirs for more than a word to print, but for the number of the listener in a process that they gave.
use alloc::string::String;

use bailiff::shims::cage::spawn;
use bailiff::shims::fd::Fd;
use bailiff::shims::sockets;

use super::Run;
use crate::executed;
use crate::listen::Listener;
use crate::namespaces;
use crate::outcome::{End, Layer};
use crate::text::said;

impl Run<'_> {
    /// All that have come.
    pub(super) fn messages(&mut self) {
        let mut buf = [0u8; 512];
        while let Ok((got, given)) = sockets::receive_with(&self.channel, &mut buf) {
            let Some((kind, text)) = buf.get(..got).unwrap_or(&[]).split_first() else {
                self.is_over = true;
                return;
            };
            let text = text.to_vec();
            self.message(*kind, &text, given);
        }
    }

    /// One message of the first process, or of the program's before it execs.
    fn message(&mut self, kind: u8, text: &[u8], given: Option<Fd>) {
        let (before, behind) = match text.iter().position(|b| *b == 0) {
            Some(at) => (text.get(..at).unwrap_or(&[]), text.get(at + 1..).unwrap_or(&[])),
            None => (text, &[][..]),
        };
        let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match (kind, given) {
            (b'P', Some(program)) => self.look(&program),
            (b'T', Some(process)) => {
                self.program = Some(process);
                self.listen();
            }
            (b'L', _) => self.layers(text),
            (b'M', _) => self.outcome.missing.push(words(text)),
            (b'R', _) => self.outcome.left = text.split(|b| *b == 0).map(<[u8]>::to_vec).collect(),
            (b'E', _) => {
                let errno = bailiff::shared::pure::bytes::decimal(before).unwrap_or(0);
                let errno = u16::try_from(errno).unwrap_or(0);
                self.end.get_or_insert(End::Open { step: words(behind), errno });
                self.kill();
            }
            (b'N', _) => {
                self.number = bailiff::shared::pure::bytes::decimal(text).and_then(|n| u32::try_from(n).ok());
                self.listen();
            }
            (b'I', _) => self.stands_by = true,
            (b'D', _) => {
                self.said = match text {
                    [b'x', code] => Some(End::Exit(*code)),
                    [b's', signal] => Some(End::Signal(*signal)),
                    _ => None,
                };
            }
            _ => {}
        }
    }

    /// What the program's process has read back, a line each.
    fn layers(&mut self, text: &[u8]) {
        for line in text.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
            let mut words = line.splitn(2, |b| *b == 0).map(|w| String::from_utf8_lossy(w).into_owned());
            let (name, state) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            self.outcome.layers.push(Layer { name, state });
        }
    }

    /// Takes the listener out of the program's process, once both are known; whichever message came first.
    fn listen(&mut self) {
        let (Some(program), Some(number)) = (&self.program, self.number) else { return };
        match spawn::fetch(program, number) {
            Ok(fd) => self.listener = Some(Listener::new(fd, self.policy)),
            Err(errno) => {
                self.end.get_or_insert(End::Open { step: String::from("pidfd_getfd"), errno: errno.0 });
                self.kill();
            }
        }
    }

    /// Looks at the very file that will be executed, and at the namespaces that it will be in, while the cage is being
    /// closed.
    fn look(&mut self, program: &Fd) {
        (self.outcome.program_hash, self.outcome.program_size) = executed::hash(program);
        if let Some(step) = executed::refused(program, &self.outcome.program_hash, self.policy) {
            self.end = Some(End::Open { step: String::from(step), errno: 0 });
            self.kill();
        }
        let state = namespaces::separate(
            &namespaces::of(&said(format_args!("{}", self.first.pid)), true),
            &self.namespaces,
        );
        self.outcome.layers.push(Layer { name: String::from("namespaces"), state });
    }
}
