//! Cargo's compiler and build scripts, each in a cage of its own.
//!
//! Runs in: bailiff-cage, by two other names. In: what cargo asks of rustc (`bailiff-cage-rustc` as RUSTC_WRAPPER), or of a
//! build script. Out: what rustc or the script makes; a build script's program becomes this one, with the script behind it.
//! Never: lets a build script write but below OUT_DIR; lets rustc, and the macros in it, write into another crate's files;
//! gives either a network, or a variable that cargo did not set.
//!
//! BAILIFF_CAGE_POLICY names a policy file whose tables [cage.rustc] and [cage.build-script] widen this, with reasons;
//! BAILIFF_CAGE_RECORD a file of records.
use alloc::string::String;
use alloc::vec::Vec;

use bailiff::shims::cage::{disk, tree};
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::{self, At, flags};
use bailiff::shims::io::pread;

use crate::conclude;
use crate::policy::{Bytes, Kind, Place, Policy, Watch};
use crate::root::c;
use crate::stage::copy;
use crate::step::absent::{excuse, quietly_absent};
use crate::step::paths::{absolute, directory, join, last, look, names, open, parent, pour, refused, whole};
use crate::tools::{self, Env};
use crate::words::{self, Request};

/// The name that makes this program a wrapper of rustc.
const WRAPPER: &[u8] = b"bailiff-cage-rustc";
/// What a wrapped build script ends in, behind the length of the script.
const MARK: &[u8; 16] = b"bailiff-cage/1\n\n";
/// The script's place in its cage.
const SCRIPT: &[u8] = b"/build-script";
/// What cargo sets, and what tells rustc how to speak.
const SET: [&[u8]; 8] =
    [b"CARGO", b"DEP_", b"OUT_DIR=", b"RUST", b"TERM=", b"SOURCE_DATE_EPOCH=", b"LANG=", b"LC_"];
/// Set for build scripts alone.
const SET_FOR_SCRIPTS: [&[u8]; 6] =
    [b"TARGET=", b"HOST=", b"NUM_JOBS=", b"OPT_LEVEL=", b"PROFILE=", b"DEBUG="];

/// What this program is to be, by the name that it was started by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    Rustc,
    Script,
}

/// `None`: it is itself.
pub(crate) fn part(name: &[u8]) -> Option<Part> {
    match last(name) {
        WRAPPER => Some(Part::Rustc),
        name if name.starts_with(b"build-script-") || name.starts_with(b"build_script_") => {
            Some(Part::Script)
        }
        _ => None,
    }
}

/// The whole of it; the exit code is rustc's or the script's own.
pub(crate) fn run(part: Part, args: &[&'static [u8]], env: Env<'_>) -> Result<u8, String> {
    files::umask(0o22);
    match part {
        Part::Rustc => rustc(args, env),
        Part::Script => script(args, env),
    }
}

/// rustc, as cargo calls it: the program first.
fn rustc(args: &[&'static [u8]], env: Env<'_>) -> Result<u8, String> {
    let compiler =
        args.first().ok_or_else(|| String::from("expected rustc and its arguments, as cargo gives them"))?;
    let mut cage = Cage::new(b"rustc", compiler, env)?;
    let flag =
        |name: &[u8]| args.windows(2).find(|pair| pair.first() == Some(&name)).and_then(|pair| pair.get(1));
    let option = |name: &[u8]| args.iter().find_map(|arg| arg.strip_prefix(name));
    cage.policy.command.extend(args.iter().skip(1).map(|arg| arg.to_vec()));
    let crate_name = flag(b"--crate-name").copied().unwrap_or_default();
    let stem = [crate_name, option(b"extra-filename=").unwrap_or_default()].concat();
    if let Some(package) = env(b"CARGO_MANIFEST_DIR") {
        cage.bind(package, false, false)?;
    }
    for pair in args.windows(2).filter(|pair| pair.first() == Some(&&b"-L"[..])) {
        let path = pair.get(1).copied().unwrap_or_default();
        let path = path
            .iter()
            .position(|b| *b == b'=')
            .and_then(|at| path.get(at.saturating_add(1)..))
            .unwrap_or(path);
        cage.bind(path, false, true)?;
    }
    if let Some(directory) = option(b"incremental=") {
        cage.bind(directory, true, false)?;
    }
    if let Some(out) = flag(b"--out-dir") {
        cage.outputs(out, &stem)?;
    }
    if let Some(out) = env(b"OUT_DIR") {
        cage.bind(out, false, false)?;
        cage.told_by_script(out);
    }
    let code = cage.run()?;
    if code == 0 && part(crate_name) == Some(Part::Script) {
        let out = flag(b"--out-dir").copied().unwrap_or_default();
        wrap(&join(out, &stem))?;
    }
    Ok(code)
}

/// A wrapped build script, as cargo calls it.
fn script(args: &[&'static [u8]], env: Env<'_>) -> Result<u8, String> {
    let missing = || String::from("expected OUT_DIR and CARGO_MANIFEST_DIR, as cargo sets them");
    let out = env(b"OUT_DIR").ok_or_else(missing)?;
    let package = env(b"CARGO_MANIFEST_DIR").ok_or_else(missing)?;
    let real = join(parent(out), b"build-script-caged");
    unwrap(&real)?;
    let mut cage = Cage::new(b"build-script", env(b"RUSTC").unwrap_or(b"rustc"), env)?;
    let source = absolute(&real)?;
    let kind = Kind::Bind { source, write: false, execute: true };
    cage.policy.places.push(Place { path: SCRIPT.to_vec(), kind });
    cage.policy.command = [SCRIPT.to_vec()].into_iter().chain(args.iter().map(|arg| arg.to_vec())).collect();
    cage.bind(package, false, true)?;
    cage.bind(out, true, false)?;
    cage.run()
}

struct Cage {
    policy: Policy,
    absent: Vec<Bytes>,
    /// The launcher's whole environment.
    environment: Vec<Bytes>,
}

impl Cage {
    /// With the compiler, and a C compiler for whoever links, in it.
    fn new(table: &'static [u8], compiler: &[u8], env: Env<'_>) -> Result<Self, String> {
        let mut words: Vec<&'static [u8]> = Vec::new();
        match env(b"BAILIFF_CAGE_POLICY") {
            Some(file) => words.extend([&b"--policy"[..], file, b"--cage", table]),
            None => words.extend([&b"--strict"[..], b"--watch", b"files"]),
        }
        if let Some(file) = env(b"BAILIFF_CAGE_RECORD") {
            words.extend([&b"--record"[..], file]);
        }
        words.extend([&b"--system=false"[..], b"--jobserver", b"--", b"rustc"]);
        // Cargo tells of its jobserver by a name of its own.
        let told = |name: &[u8]| match name {
            b"MAKEFLAGS" => env(b"CARGO_MAKEFLAGS").or_else(|| env(name)),
            _ => env(name),
        };
        let request = words::parse(words.into_iter(), &told)?;
        let Request::Run(mut policy) = request else {
            return Err(String::from("expected a policy to run with"));
        };
        let mut wanted = Vec::from([compiler.to_vec()]);
        wanted.extend(
            [&b"cc"[..], b"ar"].into_iter().filter(|tool| tools::is_there(tool, env)).map(<[u8]>::to_vec),
        );
        let tools = tools::close(&wanted, env)?;
        let own = core::mem::take(&mut policy.places);
        policy.places = tools::folded(own.into_iter().chain(tools.places.iter().cloned()).collect());
        policy.command = Vec::from([tools.named(compiler).cloned().unwrap_or_else(|| compiler.to_vec())]);
        policy.cwd = absolute(b".")?;
        let environment = whole(b"/proc/self/environ", 1 << 22).unwrap_or_default();
        let environment: Vec<Bytes> = environment.split(|b| *b == 0).map(<[u8]>::to_vec).collect();
        let kept = |e: &&Bytes| SET.iter().chain(&SET_FOR_SCRIPTS).any(|name| e.starts_with(name));
        policy.env.retain(|e| !e.starts_with(b"PATH="));
        policy.env.extend(environment.iter().filter(kept).cloned());
        policy.env.extend([[b"PATH=", tools.path().as_slice()].concat(), b"HOME=/tmp".to_vec()]);
        policy.watch = Watch::Files;
        Ok(Self { policy, absent: quietly_absent(&tools), environment })
    }

    /// A path of the host at its own place; what is not there is not bound.
    fn bind(&mut self, path: &[u8], write: bool, execute: bool) -> Result<(), String> {
        let path = absolute(path)?;
        let Ok(stat) = look(At::Cwd, &path) else { return Ok(()) };
        if write {
            // Files of cargo's belong to whoever calls cargo; root's own ids are worth nothing in a cage but these files.
            self.policy.user = Some((stat.uid, stat.uid));
            let what = String::from("user = \"0\"");
            if stat.uid == 0 && !self.policy.reasons.iter().any(|(known, _)| *known == what) {
                self.policy
                    .reasons
                    .push((what, String::from("the directories that cargo writes are root's")));
            }
        }
        let places = &mut self.policy.places;
        let known = places.iter().find(|place| place.path == path).map(|place| place.kind.clone());
        let (had_write, had_execute) = match known {
            Some(Kind::Bind { write, execute, .. }) => (write, execute),
            _ => (false, false),
        };
        places.retain(|place| place.path != path);
        let kind =
            Kind::Bind { source: path.clone(), write: write || had_write, execute: execute || had_execute };
        places.push(Place { path, kind });
        Ok(())
    }

    /// The directory that rustc writes to: what is another crate's in it is read-only.
    fn outputs(&mut self, path: &[u8], stem: &[u8]) -> Result<(), String> {
        self.bind(path, true, true)?;
        self.policy.passing = Some(absolute(path)?);
        let listed = names(&directory(path)?).map_err(|e| refused(path, "cannot be listed", e))?;
        let own = |name: &[u8]| name.windows(stem.len().max(1)).any(|part| part == stem);
        listed.iter().filter(|name| !own(name)).try_for_each(|name| self.bind(&join(path, name), false, true))
    }

    /// Variables that the crate's own build script had cargo set.
    fn told_by_script(&mut self, out: &[u8]) {
        let said = whole(&join(parent(out), b"output"), 1 << 22).unwrap_or_default();
        for line in said.split(|b| *b == b'\n') {
            let text =
                line.strip_prefix(b"cargo::rustc-env=").or_else(|| line.strip_prefix(b"cargo:rustc-env="));
            let Some(name) = text.and_then(|text| text.split(|b| *b == b'=').next()) else { continue };
            let set = |e: &&Bytes| e.strip_prefix(name).is_some_and(|rest| rest.starts_with(b"="));
            let found = self.environment.iter().find(set);
            self.policy.env.extend(found.cloned());
        }
    }

    fn run(mut self) -> Result<u8, String> {
        let cwd = self.policy.cwd.clone();
        if !self.policy.places.iter().any(|place| place.path == cwd) {
            // It works in a directory of which it may see parts only.
            let kind = Kind::Tmpfs { size: 1 << 16, execute: false };
            self.policy.places.push(Place { path: cwd, kind });
        }
        self.policy.places.sort_by(|a, b| a.path.cmp(&b.path));
        conclude::run(&self.policy, |outcome| excuse(outcome, &self.absent))
    }
}

/// Puts this program before a build script's, in one file.
fn wrap(path: &[u8]) -> Result<(), String> {
    let wrong = |e| refused(path, "the build script cannot be wrapped", e);
    let fresh = [path, b".bailiff-new"].concat();
    let done = || {
        let script = open(At::Cwd, path, 0, 0, 0)?;
        let own = open(At::Cwd, b"/proc/self/exe", 0, 0, 0)?;
        let to = create(&fresh)?;
        copy(&own, Some(&to))?;
        let (_, size) = copy(&script, Some(&to))?;
        pour(&to, &size.to_le_bytes())?;
        pour(&to, MARK)?;
        disk::rename(&directory_of(path)?, &c(last(&fresh))?, &c(last(path))?)
    };
    done().map_err(wrong)
}

/// Takes the script out of this program's own file.
fn unwrap(to: &[u8]) -> Result<(), String> {
    let done = || {
        let own = open(At::Cwd, b"/proc/self/exe", 0, 0, 0)?;
        let end = files::stat(&own)?.size;
        let mut tail = [0u8; 24];
        let at = end.checked_sub(24).ok_or(Errno::EINVAL)?;
        pread(&own, &mut tail, at)?;
        let (size, mark) = tail.split_first_chunk::<8>().ok_or(Errno::EINVAL)?;
        let from = at.checked_sub(u64::from_le_bytes(*size)).filter(|_| mark == MARK).ok_or(Errno::EINVAL)?;
        let (file, mut buf, mut at) = (create(to)?, alloc::vec![0u8; 1 << 16], from);
        let end = end.saturating_sub(24);
        while at < end {
            let most = usize::try_from(end.saturating_sub(at)).unwrap_or(buf.len()).min(buf.len());
            let got = pread(&own, buf.get_mut(..most).unwrap_or_default(), at)?;
            if got == 0 {
                return Err(Errno::EIO);
            }
            pour(&file, buf.get(..got).unwrap_or_default())?;
            at = at.saturating_add(got as u64);
        }
        Ok(())
    };
    done().map_err(|e| refused(to, "the build script cannot be taken out", e))
}

/// A program's file that was not there before.
fn create(path: &[u8]) -> Result<Fd, Errno> {
    let _ = disk::unlink(At::Cwd, &c(path)?, false);
    let how = flags::O_WRONLY | flags::O_CREAT | flags::O_EXCL | flags::O_NOFOLLOW;
    tree::open(At::Cwd, &c(path)?, how, 0o755, 0)
}

fn directory_of(path: &[u8]) -> Result<Fd, Errno> {
    open(At::Cwd, parent(path), flags::O_DIRECTORY, 0, 0)
}
