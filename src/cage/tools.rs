//! Tools of a step, closed over what they need: interpreter, libraries, links on the way, a toolchain's own directories.
//!
//! Runs in: bailiff-cage. In: names of tools, the launcher's PATH, files that nobody vouches for. Out: places for the cage's
//! root, where each tool is. Never: runs a tool to ask it; takes a directory that `known` does not name.
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::{At, flags};

use crate::policy::{Bytes, Kind, Place};
use crate::step::paths::{join, last, link, look, open, parent, refused, whole};
use crate::text::{said, shown};

mod cache;
mod elf;
mod known;
mod places;

use cache::Cache;
pub(crate) use places::{folded, loaders};

use elf::{Fault, Form, Needs};

/// A value of the launcher's own environment.
pub(crate) type Env<'a> = &'a dyn Fn(&[u8]) -> Option<&'static [u8]>;

/// Most links that one path may go through (as the kernel: MAXSYMLINKS).
const MOST_LINKS: usize = 40;
/// Most files that the tools of one step may need, directories aside.
const MOST_FILES: usize = 4096;

/// Links of the root that programs are called through.
const TOP: [&[u8]; 4] = [b"/bin", b"/lib", b"/lib64", b"/sbin"];

/// What the tools need.
#[derive(Debug, Default)]
pub(crate) struct Closure {
    /// Sorted; none lies below a directory that is bound whole.
    pub(crate) places: Vec<Place>,
    /// Each tool as it was named, and its path.
    pub(crate) found: Vec<(Bytes, Bytes)>,
    /// What these tools look for where it need not be.
    pub(crate) absent: Vec<Bytes>,
}

impl Closure {
    /// PATH for the cage: the directories of the tools, each once.
    pub(crate) fn path(&self) -> Bytes {
        let mut directories: Vec<&[u8]> = Vec::new();
        for (_, path) in &self.found {
            if !directories.contains(&parent(path)) {
                directories.push(parent(path));
            }
        }
        directories.join(&b':')
    }

    /// Where the tool of this name is.
    pub(crate) fn named(&self, name: &[u8]) -> Option<&Bytes> {
        self.found.iter().find(|(tool, path)| tool == name || last(path) == name).map(|(_, path)| path)
    }
}

/// Closes these tools.
pub(crate) fn close(tools: &[Bytes], env: Env<'_>) -> Result<Closure, String> {
    let cache = whole(b"/etc/ld.so.cache", 16 << 20).unwrap_or_default();
    let mut closing =
        Closing { env, cache: Cache(cache), seen: BTreeSet::new(), done: Closure::default(), shared: false };
    for tool in tools {
        let path = closing.search(tool)?;
        closing.tool(tool, &path)?;
    }
    // Where /bin and the like are links, programs are called by either name.
    for top in TOP {
        if look(At::Cwd, top).is_ok_and(|stat| stat.is_link()) {
            let _ = closing.resolve(top, true);
        }
    }
    if closing.shared && look(At::Cwd, b"/etc/ld.so.cache").is_ok() {
        closing.real(b"/etc/ld.so.cache", false)?;
    }
    let mut done = closing.done;
    done.places = folded(done.places);
    Ok(done)
}

struct Closing<'a> {
    env: Env<'a>,
    cache: Cache,
    /// Paths that were taken, as they were asked for.
    seen: BTreeSet<Bytes>,
    done: Closure,
    /// Whether anything needs a loader.
    shared: bool,
}

impl Closing<'_> {
    fn search(&self, tool: &[u8]) -> Result<Bytes, String> {
        search(tool, self.env)
    }

    /// One tool: itself, what it needs, and what is known of its kind.
    fn tool(&mut self, name: &[u8], path: &[u8]) -> Result<(), String> {
        let mut path = path.to_vec();
        let mut real = self.resolve(&path, false)?;
        if last(&real) == b"rustup" {
            path = known::toolchain(last(name), self.env)?;
            real = self.resolve(&path, false)?;
        }
        if !self.done.found.iter().any(|(_, p)| *p == path) {
            self.done.found.push((name.to_vec(), path.clone()));
        }
        self.program(&path, b"")?;
        let known = known::known(&real);
        for directory in known.directories {
            if look(At::Cwd, &directory).is_ok() {
                self.real(&directory, true)?;
            }
        }
        for directory in known.modules {
            self.modules(&directory)?;
        }
        self.done.absent.extend(known.absent);
        for also in known.tools {
            if self.done.named(also).is_none() {
                let path = self.search(also)?;
                self.tool(also, &path)?;
            }
        }
        Ok(())
    }

    /// The shared objects of a directory that is there already.
    fn modules(&mut self, directory: &[u8]) -> Result<(), String> {
        let Ok(fd) = open(At::Cwd, directory, flags::O_DIRECTORY, 0, 0) else { return Ok(()) };
        let names = crate::step::paths::names(&fd).map_err(|e| refused(directory, "cannot be listed", e))?;
        for name in names.iter().filter(|name| name.ends_with(b".so")) {
            self.program(&join(directory, name), b"")?;
        }
        Ok(())
    }

    /// A program, script or library, and all that it names; `inherited` is the search path of what loads it.
    fn program(&mut self, path: &[u8], inherited: &[u8]) -> Result<(), String> {
        if !self.seen.insert(path.to_vec()) {
            return Ok(());
        }
        if self.seen.len() > MOST_FILES {
            return Err(said(format_args!("tools: they need more than {MOST_FILES} files")));
        }
        let real = self.real(path, true)?;
        match elf::form(&opened(&real)?).map_err(|fault| wrong(&real, fault))? {
            Form::Other => Err(said(format_args!("tools: {}: neither a program nor a script", shown(&real)))),
            Form::Script { interpreter, argument } => self.script(&interpreter, &argument),
            Form::Elf(needs) => self.elf(&real, &needs, inherited),
        }
    }

    /// A script's interpreter; behind `env`, the program that it would find.
    fn script(&mut self, interpreter: &[u8], argument: &[u8]) -> Result<(), String> {
        self.tool(interpreter, interpreter)?;
        if last(interpreter) != b"env" {
            return Ok(());
        }
        let words = argument.split(|b| matches!(b, b' ' | b'\t'));
        let program = words.into_iter().find(|w| !w.is_empty() && !w.starts_with(b"-") && !w.contains(&b'='));
        let Some(program) = program else { return Ok(()) };
        let path = self.search(program)?;
        self.tool(program, &path)
    }

    fn elf(&mut self, real: &[u8], needs: &Needs, inherited: &[u8]) -> Result<(), String> {
        if let Some(interpreter) = &needs.interpreter {
            self.shared = true;
            let _ = self.seen.insert(interpreter.clone());
            let _ = self.real(interpreter, true)?;
        }
        let own = known::origin(&needs.path, parent(real));
        let path = [own.as_slice(), inherited].join(&b':');
        for library in &needs.libraries {
            let Some(found) = self.library(library, &path) else {
                let (file, library) = (shown(real), shown(library));
                return Err(said(format_args!("tools: {file}: needs {library}, which is not found")));
            };
            self.program(&found, &path)?;
        }
        Ok(())
    }

    /// Where the loader would find a library (ld.so(8)): the files' own path, the cache, the usual directories.
    fn library(&self, name: &[u8], path: &[u8]) -> Option<Bytes> {
        let there = |path: &Bytes| open(At::Cwd, path, flags::O_PATH, 0, 0).is_ok();
        if name.contains(&b'/') {
            return Some(name.to_vec()).filter(there);
        }
        let own =
            path.split(|b| *b == b':').filter(|d| d.starts_with(b"/")).map(|d| join(d, name)).find(there);
        own.or_else(|| self.cache.find(name).map(<[u8]>::to_vec).filter(there))
            .or_else(|| known::USUAL.iter().map(|directory| join(directory, name)).find(there))
    }

    /// Puts a file or directory, and the links on the way to it, into the root; its real path.
    fn real(&mut self, path: &[u8], execute: bool) -> Result<Bytes, String> {
        let real = self.resolve(path, true)?;
        let kind = Kind::Bind { source: real.clone(), write: false, execute };
        if !self.done.places.iter().any(|p| p.path == real) {
            self.done.places.push(Place { path: real.clone(), kind });
        }
        Ok(real)
    }

    /// The path behind all links; with `keep`, each link is a place of the cage too.
    fn resolve(&mut self, path: &[u8], keep: bool) -> Result<Bytes, String> {
        let mut rest: Vec<Bytes> = path.rsplit(|b| *b == b'/').map(<[u8]>::to_vec).collect();
        let (mut real, mut links) = (Bytes::from(b"/"), 0usize);
        while let Some(name) = rest.pop() {
            match name.as_slice() {
                b"" | b"." => continue,
                b".." => real = parent(&real).to_vec(),
                _ => {
                    let at = join(&real, &name);
                    let stat = look(At::Cwd, &at).map_err(|e| refused(path, "cannot be found", e))?;
                    if !stat.is_link() {
                        real = at;
                        continue;
                    }
                    links = links.saturating_add(1);
                    if links > MOST_LINKS {
                        return Err(refused(path, "cannot be found", Errno::ELOOP));
                    }
                    let to = link(At::Cwd, &at).map_err(|e| refused(&at, "cannot be read", e))?;
                    if to.starts_with(b"/") {
                        real = Bytes::from(b"/");
                    }
                    rest.extend(to.rsplit(|b| *b == b'/').map(<[u8]>::to_vec));
                    if keep && !self.done.places.iter().any(|p| p.path == at) {
                        self.done.places.push(Place { path: at, kind: Kind::Link { to } });
                    }
                }
            }
        }
        Ok(real)
    }
}

/// Whether there is such a tool.
pub(crate) fn is_there(tool: &[u8], env: Env<'_>) -> bool {
    search(tool, env).is_ok()
}

/// Where a tool is: on PATH, or where its own path says.
fn search(tool: &[u8], env: Env<'_>) -> Result<Bytes, String> {
    if tool.starts_with(b"/") {
        return Ok(tool.to_vec());
    }
    if tool.is_empty() || tool.contains(&b'/') {
        return Err(said(format_args!("tools: {}: expected a name or an absolute path", shown(tool))));
    }
    let path = env(b"PATH").unwrap_or(b"/usr/bin:/bin");
    for directory in path.split(|b| *b == b':').filter(|d| d.starts_with(b"/")) {
        let candidate = join(directory, tool);
        if open(At::Cwd, &candidate, flags::O_PATH, 0, 0).is_ok() {
            return Ok(candidate);
        }
    }
    Err(said(format_args!("tools: {}: not found on PATH", shown(tool))))
}

fn opened(path: &[u8]) -> Result<Fd, String> {
    open(At::Cwd, path, flags::O_NONBLOCK | flags::O_NOCTTY, 0, 0)
        .map_err(|e| refused(path, "cannot be opened", e))
}

fn wrong(path: &[u8], fault: Fault) -> String {
    match fault {
        Fault::Kernel(errno) => refused(path, "cannot be read", errno),
        Fault::Bad(what) => said(format_args!("{}: {what}", shown(path))),
    }
}
