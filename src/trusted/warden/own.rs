//! The operator's own filters: reads their files, has them compiled, holds the image.
//!
//! Runs in: the warden, at start and reload. In: `filters/*.filter` beside the configuration, which nobody but root may be
//! able to write; the image that bailiff-compiler made of them, in its cage. Out: the image, for the configuration and the
//! watcher. Never: looks into a filter.
use super::config;
use super::roles::{Child, Programs, start};
use super::{SYSTEM, USAGE};
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
use bailiff::shims::files::{At, entries, entry, flags, open, stat};
use bailiff::shims::sockets::send;

/// The operator's own filters.
pub(crate) struct Own {
    names: [FilterName; OWN],
    count: usize,
    image: [u8; LONGEST],
    used: usize,
}

/// Where the files are, and whether none but root may be able to write them.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The configuration: the folder `filters` lies beside it.
    pub(crate) config: &'a [u8],
    pub(crate) strict: bool,
    pub(crate) log: &'a Log,
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
    pub(crate) fn find(&mut self, place: Place<'_>) -> bool {
        (self.names, self.count, self.used) = ([FilterName::EMPTY; OWN], 0, 0);
        let mut buf = [0; 300];
        let path = directory(place.config, &mut buf);
        let opened = match open(At::Cwd, path, flags::O_DIRECTORY, 0, 0) {
            Err(Errno::ENOENT) => return true,
            opened => opened.and_then(|directory| Ok((stat(&directory)?, directory))),
        };
        let (stat, directory) = match opened {
            Ok(opened) => opened,
            Err(errno) => return refused(place.log, path, errno.name()),
        };
        if place.strict && (stat.uid != 0 || stat.mode & 0o022 != 0) {
            return refused(place.log, path, "others than root can write it");
        }
        let mut buf = [0u8; 16384];
        loop {
            let len = match entries(&directory, &mut buf) {
                Ok(0) => return true,
                Ok(len) => len,
                Err(errno) => return refused(place.log, path, errno.name()),
            };
            let mut rest = buf.get(..len).unwrap_or(&[]);
            while let Some((file, behind)) = entry(rest) {
                if let Some(name) = file.strip_suffix(b".filter")
                    && !self.add(name, (path, file), place.log)
                {
                    return false;
                }
                rest = behind;
            }
        }
    }

    /// Puts a name into its place by the alphabet.
    fn add(&mut self, name: &[u8], (directory, entry): (&[u8], &[u8]), log: &Log) -> bool {
        let plain = |b: &u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        let taken = FilterName::new(name).filter(|_| !name.is_empty() && name.iter().all(plain));
        let Some(mut carried) = taken else {
            return refused(log, entry, "expected a name of at most 32 of a-z, 0-9, _ and - before .filter");
        };
        self.count = self.count.saturating_add(1);
        let Some(names) = self.names.get_mut(..self.count) else {
            return refused(log, directory, "more than 32 filters");
        };
        for slot in names {
            if *slot == FilterName::EMPTY || carried.bytes() < slot.bytes() {
                core::mem::swap(slot, &mut carried);
            }
        }
        true
    }

    /// Has the files compiled. The error is the exit code, and the reason was said.
    pub(crate) fn compile(
        &mut self,
        place: Place<'_>,
        programs: &Programs,
        launch: &Launch,
    ) -> Result<(), u8> {
        let stderr = Fd::given(2);
        let mut buf = [0; piece::LEN];
        let first = self.names.first().map_or(&[][..], |name| name.bytes());
        let name = piece::encode(Kind::Name, first, &mut buf).unwrap_or(&[]);
        let child = start(Role::Compiler, programs, launch, name, &[&stderr, &stderr]);
        stderr.leave_open();
        let channel = match child {
            Ok(Child { channel: Some(channel), .. }) => channel,
            Ok(_) => return Err(SYSTEM),
            Err(errno) => {
                place.log.refused(Level::Error, "bailiff-compiler cannot be started", errno);
                return Err(SYSTEM);
            }
        };
        for (index, name) in self.names.iter().enumerate().take(self.count) {
            give(place, name, index > 0, &channel)?;
        }
        // Where it has ended, nothing comes either.
        let _ = tell(&channel, Kind::End, &[]);
        match self.take(&channel) {
            Some(true) => Ok(()),
            Some(false) => Err(USAGE),
            None => {
                refused(
                    place.log,
                    b"filters",
                    "bailiff-compiler ended before it was done: it has 10 seconds and 64 MiB",
                );
                Err(SYSTEM)
            }
        }
    }

    /// Takes the image, up to its end. False: the filters are refused, and the compiler has said why.
    fn take(&mut self, channel: &Fd) -> Option<bool> {
        let mut buf = [0; piece::LEN];
        loop {
            let (kind, part) = piece::decode(receive(channel, &mut buf, true).ok()?)?;
            match kind {
                Kind::End => return Some(true),
                Kind::Refused => return Some(false),
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

/// Sends one file: its name, unless that was sent, and its text. A compiler that has ended is found out by its silence.
fn give(place: Place<'_>, name: &FilterName, named: bool, channel: &Fd) -> Result<(), u8> {
    let (mut head, mut buf) = ([0; 300], [0; 340]);
    let mut path = Text::new(&mut buf);
    path.bytes(directory(place.config, &mut head)).byte(b'/').bytes(name.bytes()).bytes(b".filter");
    let mut text = [0u8; config::MOST + 1];
    let text = config::bytes(path.finish(), place.strict, place.log, &mut text).ok_or(USAGE)?;
    if named {
        let _ = tell(channel, Kind::Name, name.bytes());
    }
    let _ = text.chunks(piece::MOST).try_for_each(|part| tell(channel, Kind::Text, part));
    Ok(())
}
