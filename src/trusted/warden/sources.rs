//! The sources: which log files are read for which jails, and which files they mean now.
//!
//! Runs in: the warden. In: configured paths; names of directory entries, compared with what was looked up and neither
//! forwarded nor logged. Out: `Source` records with an open descriptor, to the watcher. Never: reads a byte of a log.
//!
//! Every directory on the way to a log is watched for the name that is looked up in it. Whenever such a name changes, the
//! walk is done again; a file not seen before is a new generation of its source. A log that was renamed before it was ever
//! seen is found by following its renames.
use super::directories::{Change, Directories};
use super::walk::{Trust, Why, sibling, through_proc, walk};
use bailiff::shared::base::log::{Level, Log};
use bailiff::shared::pure::settings::{LOGS, Path, Settings};
use bailiff::shared::pure::wire::batch::Batch;
use bailiff::shared::pure::wire::source::{Source, Standing};
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::{At, Stat, flags, inotify, inotify_add_watch, open};
use bailiff::shims::sockets::send_with;

/// Most sources: the watcher has room for as many.
pub(crate) const SOURCES: usize = 256;
/// Identities remembered per source, so that a file is not taken for a new one.
const SEEN: usize = 8;

/// One configured log and the files it has meant.
struct One {
    path: Path,
    jails: u32,
    generation: u32,
    seen: [(u64, u64, u64); SEEN],
    /// Why there is no file now, once said.
    told: Option<Why>,
    /// The directory in which the last name was looked up, and what the walk had met by then.
    directory: Option<(Fd, Trust)>,
}

/// All sources.
pub(crate) struct Sources {
    all: [One; SOURCES],
    count: usize,
    directories: Directories,
    strict: bool,
    /// Whether the first look is over: files found later are read from their first byte.
    started: bool,
}

/// What the watcher is reached by: its channel, and its inotify instance, to which only the warden adds watches.
pub(crate) struct Reader<'a> {
    pub(crate) channel: &'a Fd,
    pub(crate) files: &'a Fd,
}

impl Sources {
    /// The distinct logs of all jails, in the order of the configuration: the client numbers them the same way.
    pub(crate) fn new(settings: &Settings, strict: bool) -> Result<Self, Errno> {
        let none = |_| One {
            path: Path::EMPTY,
            jails: 0,
            generation: 0,
            seen: [(0, 0, 0); SEEN],
            told: None,
            directory: None,
        };
        let all = core::array::from_fn(none);
        let mut new = Self { all, count: 0, directories: Directories::new()?, strict, started: false };
        for jail in 0..settings.terms.jails().len() {
            for path in settings.logs(jail).take(LOGS) {
                new.add(path, 1u32.wrapping_shl(jail as u32));
            }
        }
        Ok(new)
    }

    fn add(&mut self, path: &Path, jail: u32) {
        let known = self.all.iter_mut().take(self.count).find(|one| one.path == *path);
        if let Some(one) = known {
            one.jails |= jail;
        } else if let Some(one) = self.all.get_mut(self.count) {
            (one.path, one.jails) = (*path, jail);
            self.count = self.count.wrapping_add(1);
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The descriptor that becomes readable when a watched name changes.
    pub(crate) fn bell(&self) -> &Fd {
        self.directories.bell()
    }

    /// Looks at every source: the first time, and when events were lost.
    pub(crate) fn look_at_all(&mut self, reader: &Reader<'_>, log: &Log) -> Result<(), Errno> {
        for index in 0..self.count {
            self.look(index, reader, log)?;
        }
        self.started = true;
        Ok(())
    }

    /// Takes the waiting directory events and looks again at the sources they touch.
    pub(crate) fn follow(&mut self, reader: &Reader<'_>, log: &Log) -> Result<(), Errno> {
        let change = self.directories.take()?;
        self.renamed(&change, reader, log)?;
        for index in 0..self.count {
            if change.touches(index) {
                self.look(index, reader, log)?;
            }
        }
        Ok(())
    }

    /// Files that were logs and were renamed: one that was never seen is given too, before its successor.
    fn renamed(&mut self, change: &Change, reader: &Reader<'_>, log: &Log) -> Result<(), Errno> {
        for file in change.renamed() {
            let index = usize::from(file.source);
            let Some((directory, trust)) = self.all.get(index).and_then(|one| one.directory.as_ref()) else {
                continue;
            };
            if let Ok((fd, stat)) = sibling(directory, file.name(), trust) {
                self.give(index, &fd, &stat, reader, log)?;
            }
        }
        Ok(())
    }

    /// Walks to one source's log and, if it is a file not seen before, gives it to the watcher.
    fn look(&mut self, index: usize, reader: &Reader<'_>, log: &Log) -> Result<(), Errno> {
        let Some(one) = self.all.get(index) else { return Ok(()) };
        let path = one.path;
        let directories = &mut self.directories;
        directories.forget(index);
        let mut last = None;
        let found = walk(path.bytes(), self.strict, &mut |directory, name, trust| {
            directories.watch(index, directory, name);
            last = open(At::Dir(directory), b".", flags::O_PATH | flags::O_DIRECTORY, 0, 0)
                .ok()
                .map(|fd| (fd, *trust));
        });
        if let Some(errno) = self.directories.shortage() {
            log.refused(Level::Warning, "a directory cannot be watched (fs.inotify.max_user_watches)", errno);
        }
        if let Some(one) = self.all.get_mut(index) {
            one.directory = last;
        }
        match found {
            Ok((fd, stat)) => self.give(index, &fd, &stat, reader, log),
            Err(why) => {
                self.tell(index, why, log);
                Ok(())
            }
        }
    }

    fn tell(&mut self, index: usize, why: Why, log: &Log) {
        let Some(one) = self.all.get_mut(index).filter(|one| one.told != Some(why)) else { return };
        one.told = Some(why);
        log.line(Level::Warning, |t| {
            t.bytes(b"source ").quoted(one.path.bytes()).bytes(b": ").bytes(why.text().as_bytes());
            if let Why::Kernel(errno) = why {
                t.bytes(b": ").bytes(errno.name().as_bytes()).bytes(b" (").dec(errno.0.into()).byte(b')');
            }
        });
    }

    /// Sets the watch on the open file itself, then sends it down: what is written from now on is seen.
    fn give(
        &mut self,
        index: usize,
        fd: &Fd,
        stat: &Stat,
        reader: &Reader<'_>,
        log: &Log,
    ) -> Result<(), Errno> {
        let whole = self.started;
        let Some(one) = self.all.get_mut(index) else { return Ok(()) };
        let identity = (stat.dev, stat.ino, stat.btime_ns);
        one.told = None;
        if one.seen.contains(&identity) {
            return Ok(());
        }
        let mask = inotify::IN_MODIFY | inotify::IN_ATTRIB | inotify::IN_MASK_ADD;
        let mut buf = [0u8; 32];
        let watch = inotify_add_watch(reader.files, through_proc(fd, &mut buf), mask)?;
        one.seen.rotate_right(1);
        if let Some(first) = one.seen.first_mut() {
            *first = identity;
        }
        one.generation = one.generation.wrapping_add(1);
        let mut record = Batch::<Source>::new();
        record.push(&Source {
            source: index as u8,
            standing: if whole { Standing::Made } else { Standing::Found },
            watch,
            jails: one.jails,
            generation: one.generation,
            dev: stat.dev,
            ino: stat.ino,
            btime_ns: stat.btime_ns,
        });
        let generation = one.generation;
        log.step(|t| {
            t.bytes(b"source ").quoted(one.path.bytes()).bytes(b" generation ").dec(generation.into());
        });
        send_with(reader.channel, record.datagram(), fd).map(|_| ())
    }
}
