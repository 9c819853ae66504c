//! The sources: which log files are read for which jails, and which files they mean now.
//!
//! Runs in: the warden. In: configured paths; names of directory entries, compared with what was looked up and neither
//! forwarded nor logged. Out: `Source` records with an open descriptor, to the watcher. Never: reads a byte of a log.
//!
//! Every directory on the way to a log is watched for the name that is looked up in it. Whenever such a name changes, the
//! walk is done again; another file than before is a new generation of its source. A log that was renamed before it was ever
//! seen is found by following its renames, and one that was rotated while the daemon was down by its name.
use super::directories::Directories;
use super::former::former;
use super::walk::{Trust, Why, sibling, through_proc, walk};
use bailiff::shared::base::log::{Level, Log};
use bailiff::shared::pure::settings::{LOGS, Path, Settings};
use bailiff::shared::pure::wire::batch::Batch;
use bailiff::shared::pure::wire::source::{Source, Standing};
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::{At, Stat, flags, inotify, inotify_add_watch, inotify_rm_watch, open};
use bailiff::shims::sockets::send_with;

/// Most sources: the watcher has room for as many.
pub(crate) const SOURCES: usize = 256;
/// Files remembered per source, so that none is taken for a new one; of older ones the watch is given up.
const SEEN: usize = 8;

/// A file that was given to the watcher, and the watch on it.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Seen {
    /// Device, inode, birth time.
    identity: (u64, u64, u64),
    watch: u32,
}

/// Where the last name of a path was looked up.
struct Directory {
    fd: Fd,
    /// What the walk had met by then.
    trust: Trust,
    watch: u32,
}

/// One configured log and the files it has meant.
struct One {
    path: Path,
    jails: u32,
    generation: u32,
    /// The file that its path meant when it was last looked at.
    present: (u64, u64, u64),
    seen: [Seen; SEEN],
    /// Why there is no file now, once said.
    told: Option<Why>,
    directory: Option<Directory>,
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
            present: (0, 0, 0),
            seen: [Seen::default(); SEEN],
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
    pub(crate) fn look_at_all(&mut self, reader: &Reader<'_>, log: &Log) {
        for index in 0..self.count {
            self.look(index, reader, log);
        }
        self.started = true;
    }

    /// Takes the waiting directory events and looks again at the sources they touch.
    pub(crate) fn follow(&mut self, reader: &Reader<'_>, log: &Log) -> Result<(), Errno> {
        let change = self.directories.take()?;
        while let Some(file) = self.directories.renamed() {
            let index = usize::from(file.source);
            let directory = self.all.get(index).and_then(|one| one.directory.as_ref());
            if let Some(directory) = directory.filter(|d| d.watch == file.watch)
                && let Ok(file) = sibling(&directory.fd, file.name(), &directory.trust)
            {
                self.give(index, &file, Standing::Renamed, reader, log);
            }
        }
        for index in 0..self.count {
            if change.touches(index) {
                self.look(index, reader, log);
            }
        }
        Ok(())
    }

    /// Walks to one source's log and, if it is another file than before, gives it to the watcher.
    fn look(&mut self, index: usize, reader: &Reader<'_>, log: &Log) {
        let Some(one) = self.all.get(index) else { return };
        let path = one.path;
        let directories = &mut self.directories;
        directories.begin(index);
        let (mut last, mut name) = (None, Path::EMPTY);
        let found = walk(path.bytes(), self.strict, &mut |directory, part, trust| {
            let watch = directories.watch(index, directory, part);
            let fd = open(At::Dir(directory), b".", flags::O_PATH | flags::O_DIRECTORY, 0, 0).ok();
            last = fd.map(|fd| Directory { fd, trust: *trust, watch });
            name = Path::new(part).unwrap_or(Path::EMPTY);
        });
        directories.end();
        if let Some(errno) = directories.shortage() {
            log.refused(Level::Warning, "a directory cannot be watched (fs.inotify.max_user_watches)", errno);
        }
        if let Some(directory) = last.as_ref().filter(|_| !self.started) {
            self.give_former(index, directory, name.bytes(), reader, log);
        }
        if let Some(one) = self.all.get_mut(index) {
            one.directory = last;
        }
        match found {
            Ok(file) => self.give(index, &file, Standing::Made, reader, log),
            Err(why) => self.tell(index, why, log),
        }
    }

    /// Gives what has a rotated log's name: the watcher reads on in those that it knows.
    fn give_former(
        &mut self,
        index: usize,
        directory: &Directory,
        name: &[u8],
        reader: &Reader<'_>,
        log: &Log,
    ) {
        let outcome = former(&directory.fd, name, &mut |name| {
            if let Ok(file) = sibling(&directory.fd, name, &directory.trust) {
                self.give(index, &file, Standing::Former, reader, log);
            }
        });
        if let Err(errno) = outcome {
            log.refused(Level::Warning, "a directory cannot be searched for rotated logs", errno);
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

    /// Sets the watch on the open file itself, then sends it down: what is written from now on is seen. The watcher has
    /// those already that were seen before, but for one that is the present file again.
    fn give(&mut self, index: usize, file: &(Fd, Stat), standing: Standing, reader: &Reader<'_>, log: &Log) {
        let (fd, stat) = file;
        let identity = (stat.dev, stat.ino, stat.btime_ns);
        let Some(one) = self.all.get_mut(index) else { return };
        let is_known = one.seen.iter().any(|s| s.identity == identity);
        if standing.is_present() {
            one.told = None;
            if core::mem::replace(&mut one.present, identity) == identity {
                return;
            }
        } else if is_known {
            return;
        }
        one.generation = one.generation.wrapping_add(1);
        let mut record = Source {
            source: index as u8,
            standing,
            watch: 0,
            jails: one.jails,
            generation: one.generation,
            dev: stat.dev,
            ino: stat.ino,
            btime_ns: stat.btime_ns,
            size: stat.size,
        };
        if standing == Standing::Made && (is_known || !self.started) {
            record.standing = Standing::Found;
        }
        let path = one.path;
        log.step(|t| {
            t.bytes(b"source ").quoted(path.bytes()).bytes(b" generation ").dec(record.generation.into());
        });
        record.watch = self.watch(index, identity, fd, reader, log);
        let mut message = Batch::<Source>::new();
        message.push(&record);
        match send_with(reader.channel, message.datagram(), fd) {
            // A watcher that cannot be reached has ended: that is told by SIGCHLD.
            Ok(_) | Err(Errno::EPIPE) => {}
            Err(errno) => log.refused(Level::Warning, "a source could not be given to the watcher", errno),
        }
    }

    /// Watches an open file, and gives up the watch on the one that is remembered no longer. 0 when no watch could be had:
    /// the watcher looks at every file now and then.
    fn watch(
        &mut self,
        index: usize,
        identity: (u64, u64, u64),
        fd: &Fd,
        reader: &Reader<'_>,
        log: &Log,
    ) -> u32 {
        let mask = inotify::IN_MODIFY | inotify::IN_ATTRIB | inotify::IN_MASK_ADD;
        let added = inotify_add_watch(reader.files, through_proc(fd, &mut [0u8; 32]), mask);
        if let Err(errno) = added {
            log.refused(Level::Warning, "a log cannot be watched (fs.inotify.max_user_watches)", errno);
        }
        let new = Seen { identity, watch: added.unwrap_or(0) };
        let Some(one) = self.all.get_mut(index) else { return 0 };
        if let Some(known) = one.seen.iter_mut().find(|s| s.identity == identity) {
            *known = new;
            return new.watch;
        }
        one.seen.rotate_right(1);
        let Some(first) = one.seen.first_mut() else { return 0 };
        let old = core::mem::replace(first, new).watch;
        let seen = |one: &One| one.seen.iter().any(|s| s.watch == old);
        if old != 0 && !self.all.iter().take(self.count).any(seen) {
            // Refused if the file is gone: then so is the watch.
            let _ = inotify_rm_watch(reader.files, old);
        }
        new.watch
    }
}
