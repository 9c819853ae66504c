//! The operator's own filters: reads their files, has them compiled, holds the image.
//!
//! Runs in: the warden, at start and reload. In: `filters/*.filter` beside the configuration, which nobody but root may be
//! able to write; the image that bailiff-compiler made of them, in its cage. Out: the image, for the configuration and the
//! watcher. Never: looks into a filter.
use super::config;
use super::former::next;
use super::roles::{Child, Programs, start};
use bailiff::shared::base::channel::receive;
use bailiff::shared::base::log::{Level, Log};
use bailiff::shared::cages::Role;
use bailiff::shared::pure::bytes::Text;
use bailiff::shared::pure::image::{LONGEST, OWN};
use bailiff::shared::pure::settings::FilterName;
use bailiff::shared::pure::wire::piece::{self, Kind};
use bailiff::shared::pure::wire::source::Launch;
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::{At, entries, flags, open};
use bailiff::shims::sockets::send;

/// The operator's own filters.
pub(crate) struct Own {
    names: [FilterName; OWN],
    count: usize,
    image: [u8; LONGEST],
    used: usize,
}

impl Own {
    pub(crate) const NONE: Self =
        Self { names: [FilterName::EMPTY; OWN], count: 0, image: [0; LONGEST], used: 0 };

    /// The image; empty: there is none.
    pub(crate) fn image(&self) -> &[u8] {
        self.image.get(..self.used).unwrap_or(&[])
    }

    /// Whether there are files to compile.
    pub(crate) fn is_any(&self) -> bool {
        self.count > 0
    }

    /// Finds the files. False, with the reason said, where they cannot be looked at or are too many.
    pub(crate) fn find(&mut self, config: &[u8], log: &Log) -> bool {
        (self.count, self.used) = (0, 0);
        let mut buf = [0; 300];
        let path = directory(config, &mut buf);
        let directory = match open(At::Cwd, path, flags::O_DIRECTORY, 0, 0) {
            Ok(directory) => directory,
            Err(Errno::ENOENT) => return true,
            Err(errno) => return refused(log, path, errno.name()),
        };
        let mut buf = [0u8; 16384];
        loop {
            let len = match entries(&directory, &mut buf) {
                Ok(0) => return true,
                Ok(len) => len,
                Err(errno) => return refused(log, path, errno.name()),
            };
            let mut rest = buf.get(..len).unwrap_or(&[]);
            while let Some((entry, behind)) = next(rest) {
                if let Some(name) = entry.strip_suffix(b".filter")
                    && !self.add(name)
                {
                    return refused(log, path, "at most 32 filters, each name at most 32 of a-z, 0-9, _ and -");
                }
                rest = behind;
            }
        }
    }

    /// Puts a name into its place by the alphabet.
    fn add(&mut self, name: &[u8]) -> bool {
        let plain = |b: &u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        let Some(mut carried) = FilterName::new(name).filter(|_| name.iter().all(plain)) else { return false };
        self.count = self.count.saturating_add(1);
        let Some(names) = self.names.get_mut(..self.count) else { return false };
        for slot in names {
            if *slot == FilterName::EMPTY || carried.bytes() < slot.bytes() {
                core::mem::swap(slot, &mut carried);
            }
        }
        true
    }

    /// Has the files compiled. False, with the reason said, where one is refused.
    pub(crate) fn compile(
        &mut self,
        config: &[u8],
        strict: bool,
        log: &Log,
        programs: &Programs,
        launch: &Launch,
    ) -> bool {
        let stderr = Fd::given(2);
        let mut buf = [0; piece::LEN];
        let first = self.names.first().map_or(&[][..], |name| name.bytes());
        let name = piece::encode(Kind::Name, first, &mut buf).unwrap_or(&[]);
        let child = start(Role::Compiler, programs, launch, name, &[&stderr, &stderr]);
        stderr.leave_open();
        let Ok(Child { channel: Some(channel), .. }) = child else {
            return refused(log, b"bailiff-compiler", "cannot be started");
        };
        for (place, name) in self.names.iter().enumerate().take(self.count) {
            if place > 0 && tell(&channel, Kind::Name, name.bytes()).is_none() {
                return false;
            }
            if !give(config, name, strict, log, &channel) {
                return false;
            }
        }
        let sent = tell(&channel, Kind::End, &[]);
        if sent.and_then(|()| self.take(&channel)).is_some() {
            return true;
        }
        // What the compiler refused, it has said itself.
        self.used = 0;
        refused(log, b"filters", "the operator's own filters are refused")
    }

    /// Takes the image, up to its end.
    fn take(&mut self, channel: &Fd) -> Option<()> {
        let mut buf = [0; piece::LEN];
        loop {
            let (kind, part) = piece::decode(receive(channel, &mut buf, true).ok()?)?;
            match kind {
                Kind::End => return Some(()),
                Kind::Image => {
                    let end = self.used.checked_add(part.len())?;
                    for (slot, b) in self.image.get_mut(self.used..end)?.iter_mut().zip(part) {
                        *slot = *b;
                    }
                    self.used = end;
                }
                Kind::Name | Kind::Text => return None,
            }
        }
    }

    /// Sends the image to the watcher.
    pub(crate) fn hand_down(&self, channel: &Fd) -> Result<(), Errno> {
        let mut parts = self.image().chunks(piece::MOST);
        parts.try_for_each(|part| tell(channel, Kind::Image, part)).ok_or(Errno::EPIPE)
    }
}

fn refused(log: &Log, what: &[u8], why: &str) -> bool {
    log.line(Level::Error, |t| {
        t.quoted(what).bytes(b": ").bytes(why.as_bytes());
    });
    false
}

fn tell(channel: &Fd, kind: Kind, part: &[u8]) -> Option<()> {
    let mut buf = [0; piece::LEN];
    send(channel, piece::encode(kind, part, &mut buf)?, true).ok().map(|_| ())
}

/// `filters` beside the configuration.
fn directory<'a>(config: &[u8], out: &'a mut [u8; 300]) -> &'a [u8] {
    let slash = config.iter().rposition(|b| *b == b'/');
    let parent = slash.and_then(|at| config.get(..=at)).unwrap_or(b"");
    let mut text = Text::new(out);
    text.bytes(parent).bytes(b"filters");
    text.finish()
}

/// Sends the text of one file.
fn give(config: &[u8], name: &FilterName, strict: bool, log: &Log, channel: &Fd) -> bool {
    let (mut head, mut buf) = ([0; 300], [0; 340]);
    let mut path = Text::new(&mut buf);
    path.bytes(directory(config, &mut head)).byte(b'/').bytes(name.bytes()).bytes(b".filter");
    let path = path.finish();
    let mut text = [0u8; config::MOST + 1];
    let len = match config::bytes(path, strict, &mut text) {
        Ok(len) => len,
        Err((what, errno)) => {
            return refused(log, path, what) || refused(log, path, errno.name());
        }
    };
    let text = text.get(..len).unwrap_or(&[]);
    text.chunks(piece::MOST).try_for_each(|part| tell(channel, Kind::Text, part)).is_some()
}
