//! Cargo's compiler and build scripts, each in a cage of its own.
//!
//! Runs in: bailiff-cage, by two other names. In: what cargo asks of rustc (`bailiff-cage-rustc` as RUSTC_WRAPPER), or of a
//! build script. Out: what rustc or the script makes; a build script's program becomes this one, with the script behind it.
//! Never: lets a build script write but below OUT_DIR, or have cargo do more than it could itself; lets rustc, and the macros in
//! it, write into files that another crate has there already; gives either a network, or a variable that cargo did not set.
//!
//! BAILIFF_CAGE_POLICY names a policy file whose tables [cage.rustc] and [cage.build-script] widen this, with reasons;
//! BAILIFF_CAGE_RECORD a file of records.
use alloc::string::String;
use alloc::vec::Vec;
use core::mem::ManuallyDrop;

use bailiff::shims::cage::disk;
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::{self, At};

use crate::conclude;
use crate::outcome::{Outcome, code};
use crate::policy::{Bytes, Kind, Place, Policy, Watch};
use crate::root::c;
use crate::step::absent::{excuse, quietly_absent};
use crate::step::paths::{absolute, directory, join, last, look, names, parent, pour, refused, whole};
use crate::tools::{self, Env};
use crate::words::{self, Request};

pub(crate) mod directives;
mod wrapped;

use wrapped::{create, unwrap, wrap};

/// The name that makes this program a wrapper of rustc.
const WRAPPER: &[u8] = b"bailiff-cage-rustc";
/// The script's place in its cage.
const SCRIPT: &[u8] = b"/build-script";
/// What cargo sets, and what tells rustc how to speak; not all that begins with CARGO: so do tokens of registries.
#[rustfmt::skip]
const SET: [&[u8]; 25] = [
    b"CARGO=", b"CARGO_BIN_", b"CARGO_CFG_", b"CARGO_CRATE_NAME=", b"CARGO_ENCODED_RUSTFLAGS=", b"CARGO_FEATURE_",
    b"CARGO_MAKEFLAGS=", b"CARGO_MANIFEST_", b"CARGO_PKG_", b"CARGO_PRIMARY_PACKAGE=", b"CARGO_RUSTC_CURRENT_DIR=",
    b"CARGO_TARGET_TMPDIR=", b"DEBUG=", b"DEP_", b"HOST=", b"LANG=", b"LC_", b"NUM_JOBS=", b"OPT_LEVEL=", b"OUT_DIR=",
    b"PROFILE=", b"RUST", b"SOURCE_DATE_EPOCH=", b"TARGET=", b"TERM=",
];
/// Where the true standard output is while a build script has another.
const OUTPUT: u8 = 202;
/// As much as a build script may print.
const MOST_PRINTED: usize = 16 << 20;

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
        cage.bind(directives::searched(pair.get(1).copied().unwrap_or_default()), false, true)?;
    }
    if let Some(directory) = option(b"incremental=") {
        let own = [crate_name, b"-"].concat();
        cage.outputs(directory, |name| name.starts_with(&own))?;
    }
    if let Some(out) = flag(b"--out-dir") {
        cage.outputs(out, |name| name.windows(stem.len().max(1)).any(|part| part == stem))?;
    }
    if let Some(out) = env(b"OUT_DIR") {
        cage.bind(out, false, false)?;
        cage.told_by_script(out);
    }
    let code = cage.run(|_, _| {})?;
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
    let output = |number: u8| ManuallyDrop::new(Fd::given(number));
    let wrong = |e| refused(out, "no place for what the build script prints", e);
    let printed = join(parent(out), b"build-script-printed");
    let file = create(&printed).map_err(wrong)?;
    let _ = disk::unlink(At::Cwd, &c(&printed).map_err(wrong)?, false);
    output(1).copy_to(OUTPUT, true).and_then(|()| file.copy_to(1, false)).map_err(wrong)?;
    let mut said = Err(Errno::EIO);
    let mut granted = false;
    let code = cage.run(|policy, outcome| {
        said = whole(b"/proc/self/fd/1", MOST_PRINTED);
        let denials = directives::refused(said.as_deref().unwrap_or_default(), policy);
        granted = denials.is_empty();
        outcome.denials.extend(denials);
    })?;
    output(OUTPUT).copy_to(1, false).map_err(wrong)?;
    // Whatever the policy says of denials: cargo does what it reads.
    if !granted {
        return Ok(if code == 0 { code::REJECT } else { code });
    }
    pour(&output(1), &said.map_err(wrong)?).map_err(wrong)?;
    Ok(code)
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
        let kept = |e: &&Bytes| SET.iter().any(|name| e.starts_with(name));
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

    /// A directory that rustc writes to: what is there already and another crate's is read-only.
    fn outputs(&mut self, path: &[u8], own: impl Fn(&[u8]) -> bool) -> Result<(), String> {
        self.bind(path, true, true)?;
        self.policy.passing = Some(absolute(path)?);
        let Ok(directory) = directory(path) else { return Ok(()) };
        let listed = names(&directory).map_err(|e| refused(path, "cannot be listed", e))?;
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

    fn run(mut self, look: impl FnOnce(&Policy, &mut Outcome)) -> Result<u8, String> {
        let cwd = self.policy.cwd.clone();
        if !self.policy.places.iter().any(|place| place.path == cwd) {
            // It works in a directory of which it may see parts only.
            let kind = Kind::Tmpfs { size: 1 << 16, execute: false };
            self.policy.places.push(Place { path: cwd, kind });
        }
        self.policy.places.sort_by(|a, b| a.path.cmp(&b.path));
        conclude::run(&self.policy, |outcome| {
            excuse(outcome, &self.absent);
            look(&self.policy, outcome);
        })
    }
}
