//! The staging directory of a step: a copy of its declared inputs, and room for its outputs.
//!
//! Runs in: bailiff-cage. In: the project's directory, patterns of inputs, paths of outputs. Out: a directory that nobody
//! else may enter, the places that it takes in the cage, what was made in it. Never: gives the step a file of the project
//! itself; follows a link of the project's; leaves the directory behind when it ends by itself.
//!
//! Inputs are copies, whose bytes are hashed as they are copied: what the step reads is what the record says. All of it is
//! mounted read-only, but for the directories that outputs are made in; in these, each input is mounted read-only again.
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use bailiff::shared::pure::blake::Blake;
use bailiff::shims::cage::{disk, tree};
use bailiff::shims::clock;
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::{At, flags, lock, stat};
use bailiff::shims::identity;
use bailiff::shims::io;

use crate::policy::{Bytes, Kind, Place};
use crate::root::c;
use crate::step::paths::{self, BENEATH, Sort, is_below, join, link, parent, pour, refused};
use crate::text::said;

pub(crate) mod inputs;
pub(crate) mod outputs;

use inputs::Input;

/// What a staging directory's name begins with; such names are never inputs.
pub(crate) const MARK: &[u8] = b".bailiff-stage.";

/// ETIME: the time is over.
pub(crate) const LATE: Errno = Errno(62);

/// In which order the inputs are made: some file systems list a directory in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Order {
    Rising,
    Falling,
}

/// An input as the step gets it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Given {
    /// Path below the project.
    pub(crate) path: Bytes,
    pub(crate) hash: [u8; 32],
    pub(crate) size: u64,
}

/// What a stage is made of.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) project: &'a Fd,
    pub(crate) inputs: &'a [Input],
    pub(crate) outputs: &'a [Bytes],
    pub(crate) scratch: &'a [Bytes],
    /// The working directory below the project; empty: the project.
    pub(crate) cwd: &'a [u8],
    pub(crate) epoch: u64,
}

/// A staging directory; gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Stage {
    /// The directory that it is in, its name there.
    holder: Fd,
    name: Bytes,
    /// What is seen in the cage, as a path of the host.
    path: Bytes,
    pub(crate) work: Fd,
    /// Locked as long as this process lives.
    _outer: Fd,
    pub(crate) given: Vec<Given>,
    /// Each directory of the inputs and outputs, and whether outputs are made right in it. The project's own is empty.
    directories: BTreeMap<Bytes, bool>,
    /// Files and links.
    files: BTreeSet<Bytes>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = paths::remove(&self.holder, &self.name);
    }
}

impl Stage {
    /// Makes it in this directory of the host, an absolute path.
    pub(crate) fn make(plan: &Plan<'_>, holder: &[u8], order: Order) -> Result<Self, String> {
        let mut random = [0u8; 8];
        clock::random(&mut random).map_err(|e| refused(holder, "no random name for a stage", e))?;
        let name =
            said(format_args!("{}{:016x}", ".bailiff-stage.", u64::from_le_bytes(random))).into_bytes();
        let path = join(holder, &name);
        let holder = paths::directory(holder)?;
        sweep(&holder);
        // The outer one keeps everybody else out; what is in the cage is the inner one.
        make(&holder, &name, 0o700).map_err(|e| refused(&path, "cannot be made", e))?;
        let outer = paths::directory(&path)?;
        lock(&outer).map_err(|e| refused(&path, "cannot be locked", e))?;
        let made = make(&outer, b"work", 0o755).map_err(|e| refused(&path, "cannot be made", e));
        let path = join(&path, b"work");
        let (work, given) = (made.and_then(|()| paths::directory(&path))?, Vec::new());
        let (directories, files) = (BTreeMap::new(), BTreeSet::new());
        let mut stage = Self { holder, name, path, work, _outer: outer, given, directories, files };
        stage.lay(plan)?;
        stage.fill(plan, order)?;
        Ok(stage)
    }

    /// What is a directory, and in which of them outputs are made.
    fn lay(&mut self, plan: &Plan<'_>) -> Result<(), String> {
        let mut open = |directory: &[u8], outputs: bool| {
            let mut at = directory;
            while !at.is_empty() {
                at = parent(at);
                let _ = self.directories.entry(at.to_vec()).or_insert(false);
            }
            *self.directories.entry(directory.to_vec()).or_insert(false) |= outputs;
        };
        open(b"", false);
        open(plan.cwd, false);
        for input in plan.inputs {
            open(parent(&input.path), false);
            let _ = self.files.insert(input.path.clone());
        }
        let plain = plan.scratch.iter().filter(|path| !is_pattern(path));
        for output in plan.outputs.iter().chain(plain) {
            open(output.strip_suffix(b"/").unwrap_or(parent(output)), true);
        }
        for (directory, outputs) in self.directories.iter().filter(|(d, _)| !d.is_empty()) {
            make(&self.work, directory, 0o755).map_err(|e| self.wrong(directory, e))?;
            if *outputs {
                self.widen(directory)?;
            }
        }
        if self.directories.get(b"".as_slice()) == Some(&true) {
            self.widen(b".")?;
        }
        Ok(())
    }

    /// The step may be a user who owns nothing here; only the holder's owner and the cage come this far.
    fn widen(&self, directory: &[u8]) -> Result<(), String> {
        c(directory)
            .and_then(|name| disk::set_mode(At::Dir(&self.work), &name, 0o777))
            .map_err(|e| self.wrong(directory, e))
    }

    fn wrong(&self, path: &[u8], errno: Errno) -> String {
        refused(&join(&self.path, path), "cannot be staged", errno)
    }

    /// Copies the inputs.
    fn fill(&mut self, plan: &Plan<'_>, order: Order) -> Result<(), String> {
        let count = plan.inputs.len();
        for i in 0..count {
            let i = if order == Order::Rising { i } else { count.saturating_sub(i.saturating_add(1)) };
            let Some(input) = plan.inputs.get(i) else { continue };
            let (hash, size) = match input.sort {
                Sort::Link => self.link(plan, &input.path)?,
                _ => self.copy(plan, input)?,
            };
            self.date(&input.path, plan.epoch);
            self.given.push(Given { path: input.path.clone(), hash, size });
        }
        self.given.sort_by(|a, b| a.path.cmp(&b.path));
        for directory in self.directories.keys().rev() {
            let path = if directory.is_empty() { b"." } else { directory.as_slice() };
            self.date(path, plan.epoch);
        }
        Ok(())
    }

    /// What was made now would be another's at each run.
    fn date(&self, path: &[u8], epoch: u64) {
        let _ = c(path).and_then(|path| disk::set_time(At::Dir(&self.work), &path, epoch));
    }

    /// A link is a text: what it leads to is there only if it is an input too.
    fn link(&self, plan: &Plan<'_>, path: &[u8]) -> Result<([u8; 32], u64), String> {
        let text = link(At::Dir(plan.project), path).map_err(|e| refused(path, "cannot be read", e))?;
        c(&text)
            .and_then(|text| tree::make_link(&text, At::Dir(&self.work), &c(path)?))
            .map_err(|e| self.wrong(path, e))?;
        let mut hash = Blake::new();
        hash.update(&text);
        Ok((hash.finish(), text.len() as u64))
    }

    fn copy(&self, plan: &Plan<'_>, input: &Input) -> Result<([u8; 32], u64), String> {
        let open = flags::O_NOFOLLOW | flags::O_NONBLOCK | flags::O_NOCTTY;
        let from = paths::open(At::Dir(plan.project), &input.path, open, 0, BENEATH)
            .map_err(|e| refused(&input.path, "cannot be opened", e))?;
        let new = flags::O_WRONLY | flags::O_CREAT | flags::O_EXCL | flags::O_NOFOLLOW;
        let mode = if input.execute { 0o555 } else { 0o444 };
        let to = paths::open(At::Dir(&self.work), &input.path, new, mode, BENEATH)
            .map_err(|e| self.wrong(&input.path, e))?;
        copy(&from, Some(&to), u64::MAX).map_err(|e| refused(&input.path, "cannot be copied", e))
    }

    /// The places that this stage takes below `at` in the cage, in the order in which they are to be mounted.
    pub(crate) fn places(&self, at: &[u8]) -> Vec<Place> {
        let mut places = Vec::new();
        let mut add = |path: &[u8], write: bool| {
            let source = join(&self.path, path);
            let kind = Kind::Bind { source, write, execute: true };
            places.push(Place { path: join(at, path), kind });
        };
        add(b"", false);
        for (directory, outputs) in &self.directories {
            let writable = self.is_writable(directory);
            if *outputs {
                add(directory, true);
            } else if writable && !directory.is_empty() {
                add(directory, false);
            }
        }
        for file in self.files.iter().filter(|file| self.directories.get(parent(file)) == Some(&true)) {
            add(file, false);
        }
        places
    }

    /// Whether the directory that holds this one is one that outputs are made in.
    fn is_writable(&self, directory: &[u8]) -> bool {
        self.directories.get(parent(directory)) == Some(&true)
    }

    /// Whether this is an input, or a directory that was there before the step ran.
    pub(crate) fn is_given(&self, path: &[u8]) -> bool {
        self.files.contains(path) || self.directories.contains_key(path)
    }

    /// The directories that outputs are made right in.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Bytes> {
        self.directories.iter().filter(|(_, outputs)| **outputs).map(|(directory, _)| directory)
    }
}

/// Takes away the stages of those who were killed: nobody holds their lock, and they are older than a minute, the time
/// between making one and locking it.
fn sweep(holder: &Fd) {
    const MINUTE_NS: u64 = 60_000_000_000;
    for name in paths::names(holder).unwrap_or_default().iter().filter(|name| name.starts_with(MARK)) {
        let Ok(stage) = paths::open(At::Dir(holder), name, flags::O_DIRECTORY, 0, BENEATH) else { continue };
        // In a directory that is everybody's another user's would change under our hands.
        let own = |uid| identity::uids().is_ok_and(|[own, ..]| own == uid);
        let old = stat(&stage)
            .is_ok_and(|s| own(s.uid) && clock::realtime_ns().saturating_sub(s.btime_ns) > MINUTE_NS);
        if old && lock(&stage).is_ok() {
            let _ = paths::remove(holder, name);
        }
    }
}

fn make(at: &Fd, name: &[u8], mode: u32) -> Result<(), Errno> {
    tree::make_directory(At::Dir(at), &c(name)?, mode)
}

/// Copies a file's bytes, or with `None` only looks at them: their BLAKE2b-256 and number. `LATE`: it is later than
/// `until_ns` (monotonic).
pub(crate) fn copy(from: &Fd, to: Option<&Fd>, until_ns: u64) -> Result<([u8; 32], u64), Errno> {
    let (mut hash, mut size) = (Blake::new(), 0u64);
    let mut buf = vec![0u8; 1 << 18];
    loop {
        if clock::monotonic_ns() > until_ns {
            return Err(LATE);
        }
        let got = match io::read(from, &mut buf) {
            Ok(0) => return Ok((hash.finish(), size)),
            Ok(got) => got,
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(errno),
        };
        let bytes = buf.get(..got).unwrap_or_default();
        hash.update(bytes);
        size = size.saturating_add(got as u64);
        if let Some(to) = to {
            pour(to, bytes)?;
        }
    }
}

/// Whether a text is more than a path.
pub(crate) fn is_pattern(text: &[u8]) -> bool {
    text.iter().any(|b| matches!(b, b'*' | b'?'))
}

/// Whether an output is this path or holds it.
pub(crate) fn holds(output: &[u8], path: &[u8]) -> bool {
    match output.strip_suffix(b"/") {
        Some(directory) => is_below(path, directory),
        None => output == path,
    }
}
