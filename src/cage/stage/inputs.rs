//! Which files of the project a step's patterns mean.
//!
//! Runs in: bailiff-cage. In: patterns, the project's directory. Out: files and links, sorted. Never: follows a link; takes
//! what the step makes, or another step's stage; takes a fifo, socket or device.
use alloc::string::String;
use alloc::vec::Vec;

use bailiff::shims::fd::Fd;
use bailiff::shims::files::{At, flags};

use super::{MARK, holds, is_pattern};
use crate::policy::Bytes;
use crate::step::Step;
use crate::step::glob::{self, Fit};
use crate::step::paths::{BENEATH, Sort, join, look, names, open, refused, sort};
use crate::text::{said, shown};

/// Deepest directory that is looked into.
const DEEPEST: usize = 128;

/// A file or link that the patterns mean.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Input {
    /// Path below the project.
    pub(crate) path: Bytes,
    pub(crate) sort: Sort,
    /// Its owner may execute it.
    pub(crate) execute: bool,
}

/// Checks the texts, then looks through the project.
pub(crate) fn inputs(project: &Fd, step: &Step) -> Result<Vec<Input>, String> {
    let patterns = &step.inputs;
    for pattern in patterns {
        if let Some(fault) = glob::fault(pattern) {
            return Err(said(format_args!("in: {}: {fault}", shown(pattern))));
        }
        if !is_pattern(pattern) && step.outputs.iter().any(|output| holds(output, pattern)) {
            return Err(said(format_args!("in: {}: it is an output too", shown(pattern))));
        }
    }
    for (key, paths) in [("out", &step.outputs), ("scratch", &step.scratch)] {
        for path in paths {
            let fault = glob::fault(path.strip_suffix(b"/").unwrap_or(path));
            let fault =
                fault.or((key == "out" && is_pattern(path)).then_some("expected a path without `*` and `?`"));
            if let Some(fault) = fault {
                return Err(said(format_args!("{key}: {}: {fault}", shown(path))));
            }
        }
    }
    let made = step.outputs.iter().chain(step.scratch.iter().filter(|path| !is_pattern(path)));
    let made: Vec<&Bytes> = made.collect();
    let (found, used) = (Vec::new(), Vec::new());
    let mut search = Search { project, patterns, made, found, used };
    search.directory(b"", 0)?;
    for (i, pattern) in patterns.iter().enumerate() {
        if !search.used.contains(&i) {
            return Err(said(format_args!("in: {}: no file is meant by it", shown(pattern))));
        }
    }
    search.found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(search.found)
}

struct Search<'a> {
    project: &'a Fd,
    patterns: &'a [Bytes],
    /// Outputs and scratch.
    made: Vec<&'a Bytes>,
    found: Vec<Input>,
    /// Which patterns meant something, by number.
    used: Vec<usize>,
}

impl Search<'_> {
    fn directory(&mut self, path: &[u8], depth: usize) -> Result<(), String> {
        if depth > DEEPEST {
            return Err(said(format_args!("in: {}: more than {DEEPEST} directories deep", shown(path))));
        }
        let name = if path.is_empty() { b"." } else { path };
        let fd = open(At::Dir(self.project), name, flags::O_DIRECTORY | flags::O_NOFOLLOW, 0, BENEATH)
            .map_err(|e| refused(name, "cannot be opened", e))?;
        for entry in names(&fd).map_err(|e| refused(name, "cannot be listed", e))? {
            let at = join(path, &entry);
            if entry.starts_with(MARK) || self.made.iter().any(|made| holds(made, &at)) {
                continue;
            }
            self.entry(&fd, &entry, at, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, directory: &Fd, name: &[u8], at: Bytes, depth: usize) -> Result<(), String> {
        let fits = || self.patterns.iter().map(|pattern| glob::fit(pattern, &at));
        if fits().all(|fit| fit == Fit::No) {
            return Ok(());
        }
        let stat = look(At::Dir(directory), name).map_err(|e| refused(&at, "cannot be looked at", e))?;
        let sort = sort(stat.mode);
        if sort == Sort::Directory {
            return self.directory(&at, depth.saturating_add(1));
        }
        let meant: Vec<usize> =
            fits().enumerate().filter(|(_, fit)| *fit == Fit::Whole).map(|(i, _)| i).collect();
        if meant.is_empty() {
            return Ok(());
        }
        if sort == Sort::Special {
            return Err(said(format_args!("in: {}: a device, fifo or socket is no input", shown(&at))));
        }
        self.used.extend(meant.iter().filter(|i| !self.used.contains(i)).copied().collect::<Vec<_>>());
        self.found.push(Input { path: at, sort, execute: stat.mode & 0o100 != 0 });
        Ok(())
    }
}
