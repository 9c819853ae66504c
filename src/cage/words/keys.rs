//! The one table of keys: what each is called, in which tables it may stand, what it is when nobody says it, what it
//! may be and where it goes. A flag is the same name with dashes.
//!
//! Runs in: bailiff-cage. In: single values as text. Out: fields of a `Draft`. Never: takes a value out of its bounds.
//! A test holds the manual page against the table.
use alloc::string::String;
use alloc::vec::Vec;

use bailiff::shared::pure::bytes::decimal;

use crate::calls;
use crate::policy::{Kind, Net, Place, Watch};

use super::draft::{Draft, For};
use super::value::{absolute, hash, limit, pair, plain, size, time_ms, user, variable};

/// How a value is written in a policy file; as a flag every value is a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// `true` or `false`; as a flag without a value it is `true`.
    Switch,
    /// A string.
    Text,
    /// A number, or a string.
    Number,
    /// An array of strings (and numbers), or one of them alone; as a flag once for each item.
    List,
}

/// Where a key may stand: on the command line, in `[cage.NAME]`, in `[step.NAME]`, in `[request.NAME]` and
/// `[grant.NAME]`; and whether it is left out of the policy's hash.
pub(crate) const FLAG: u8 = 1;
pub(crate) const CAGE: u8 = 2;
pub(crate) const STEP: u8 = 4;
pub(crate) const ASK: u8 = 8;
pub(crate) const UNHASHED: u8 = 16;

/// A key.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) places: u8,
    /// What it is when it is not given, as one item; empty where that depends.
    pub(crate) default: &'static str,
    pub(crate) form: Form,
    pub(crate) expected: &'static str,
    put: fn(&mut Draft, &[u8]) -> Option<()>,
}

impl Key {
    /// Takes one value, or one item of an array; `None`: it is not what was expected.
    pub(crate) fn take(&self, to: &mut Draft, text: &[u8]) -> Option<()> {
        (self.put)(to, text)
    }

    /// What it is when nobody says it; empty where that depends.
    pub(crate) fn default_for(&self, whom: For) -> &'static [u8] {
        let step = STEP_DEFAULTS.iter().find(|(name, _)| *name == self.name);
        match (whom, step) {
            (For::Step, Some((_, value))) => value,
            // step.rs knows the tools, and so the path.
            (For::Step, None) if self.name == "env" => b"",
            _ => self.default.as_bytes(),
        }
    }

    pub(crate) fn is_in(&self, places: u8) -> bool {
        self.places & places != 0
    }
}

use Form::{List, Number, Switch, Text};

type Put = fn(&mut Draft, &[u8]) -> Option<()>;

const fn key(
    (name, places): (&'static str, u8),
    default: &'static str,
    form: Form,
    put: Put,
    expected: &'static str,
) -> Key {
    Key { name, places, default, form, expected, put }
}

const ALL: u8 = FLAG | CAGE | STEP;
const SWITCH: &str = "true or false";
const SIZE: &str = "a size such as \"512M\" (memory at least 1M), or \"none\"";
const BIND: &str = "PATH or PATH:INSIDE, but not / (that is root)";
const DAY_MS: u64 = 86_400_000;
const MOST_MS: u64 = 31 * DAY_MS;
const MOST: u64 = 1 << 50;

/// Every key there is, by name.
#[rustfmt::skip]
pub(crate) static KEYS: [Key; 43] = [
    // Paths that a step may look for and that are not there.
    key(("absent", STEP | ASK), "", List, |d, t| push(&mut d.step.absent, plain(t)), "an absolute path"),
    // The kernel's append-only flag on the record that this run makes.
    key(("append_only", ALL | UNHASHED), "false", Switch, |d, t| put(&mut d.policy.append_only, switch(t)), SWITCH),
    // The project's directory, where it is not the policy file's.
    key(("base", STEP), "", Text, |d, t| put(&mut d.step.base, absolute(&d.base, t)), "a directory"),
    // The list of system calls.
    key(("calls", ALL | ASK), "", List, |d, t| push(&mut d.calls, call(t)), "static, default, or names of system calls"),
    key(("cpu", ALL), "none", Text, |d, t| put(&mut d.policy.limits.cpu_s, limit(t, seconds, (1, MOST_MS / 1000))), "processor time in whole seconds such as \"10s\", or \"none\""),
    key(("cwd", ALL), "", Text, |d, t| put(&mut d.cwd, plain(t).map(Some)), "an absolute path inside the cage"),
    key(("descriptors", ALL), "256", Number, |d, t| put(&mut d.policy.limits.descriptors, number(t, (8, 1 << 20))), "a number, 8 to 1048576"),
    // What cargo may be asked by a build script.
    key(("directives", CAGE), "", List, |d, t| push(&mut d.policy.directives, filled(t)), "a directive of cargo's: rustc-NAME, or rustc-NAME=VALUE"),
    key(("env", ALL | ASK), "PATH=/usr/bin:/bin", List, variables, "NAME (the launcher's value) or NAME=VALUE"),
    // SOURCE_DATE_EPOCH.
    key(("epoch", STEP), "", Number, |d, t| put(&mut d.step.epoch, number(t, (0, u32::MAX.into())).map(Some)), "seconds since 1970, 0 to 4294967295"),
    key(("exec", ALL | ASK), "", List, |d, t| bind(d, t, false, true), BIND),
    key(("expect_hash", ALL), "", Text, |d, t| put(&mut d.policy.expect_hash, hash(t).map(Some)), "64 hexadecimal digits, as b2sum -l 256 prints them"),
    key(("file_size", ALL), "none", Number, |d, t| put(&mut d.policy.limits.file_size, limit(t, size, (0, MOST))), SIZE),
    key(("in", STEP | ASK), "", List, |d, t| push(&mut d.step.inputs, relative(t)), "a pattern of paths below the policy file's directory"),
    // make's jobserver: its descriptors, and MAKEFLAGS.
    key(("jobserver", ALL), "false", Switch, |d, t| put(&mut d.jobserver, switch(t)), SWITCH),
    key(("keep_fd", ALL), "", List, |d, t| push(&mut d.policy.keep, number(t, (3, 199))?.try_into().ok()), "a descriptor's number, 3 to 199"),
    key(("landlock", ALL), "", Number, |d, t| put(&mut d.policy.landlock, number(t, (1, 7))?.try_into().ok().map(Some)), "a version of Landlock, 1 to 7"),
    // Address space of each process.
    key(("memory", ALL), "none", Number, |d, t| put(&mut d.policy.limits.memory, limit(t, size, (1 << 20, MOST))), SIZE),
    key(("net", ALL | ASK), "none", Text, |d, t| put(&mut d.policy.net, net(t)), "\"none\", \"loopback\" or \"host\""),
    key(("no_dev", ALL), "false", Switch, |d, t| put(&mut d.policy.dev, switch(t).map(|no| !no)), SWITCH),
    key(("no_proc", ALL), "false", Switch, |d, t| put(&mut d.policy.proc, switch(t).map(|no| !no)), SWITCH),
    key(("no_write_exec", ALL), "false", Switch, |d, t| put(&mut d.policy.no_write_exec, switch(t)), SWITCH),
    key(("out", STEP), "", List, |d, t| push(&mut d.step.outputs, relative(t)), "a path below the policy file's directory; a directory with / at its end"),
    // An empty network namespace that is used instead of a new one.
    key(("pinned_net", ALL), "", Text, |d, t| put(&mut d.policy.net_path, absolute(&d.base, t).map(Some)), "a path such as \"/run/bailiff/empty.net\""),
    key(("processes", ALL), "256", Number, |d, t| put(&mut d.policy.limits.processes, limit(t, decimal, (1, 1 << 22))), "a number, 1 to 4194304, or \"none\""),
    key(("quiet", ALL | UNHASHED), "false", Switch, |d, t| put(&mut d.policy.quiet, switch(t)), SWITCH),
    key(("reason", ALL | ASK), "", Text, reason, "why, in at most 500 bytes"),
    key(("record", ALL | UNHASHED), "", Text, |d, t| put(&mut d.policy.record, absolute(&d.base, t).map(Some)), "a file"),
    // Files of dependencies whose tables [request.NAME] ask.
    key(("requests", STEP), "", List, |d, t| push(&mut d.asking, relative(t)), "a policy file below this one's directory"),
    key(("ro", ALL | ASK), "", List, |d, t| bind(d, t, false, false), BIND),
    key(("root", ALL), "", Text, |d, t| put(&mut d.policy.root, absolute(&d.base, t).map(Some)), "a directory"),
    key(("run", CAGE | STEP), "", List, |d, t| push(&mut d.policy.command, Some(t.to_vec())), "a program and its arguments"),
    key(("rw", ALL), "", List, |d, t| bind(d, t, true, false), BIND),
    // Where the step may write what nobody needs afterwards.
    key(("scratch", STEP), "", List, |d, t| push(&mut d.step.scratch, relative(t)), "a path below the policy file's directory; a directory with / at its end; a pattern"),
    key(("status_fd", FLAG | UNHASHED), "", Number, |d, t| put(&mut d.policy.status_fd, number(t, (1, 255))?.try_into().ok().map(Some)), "a descriptor's number, 1 to 255"),
    // A denied access makes the verdict REJECT even if the program ignored it.
    key(("strict", ALL), "false", Switch, |d, t| put(&mut d.policy.strict, switch(t)), SWITCH),
    // The system's programs and libraries.
    key(("system", ALL), "", Switch, |d, t| put(&mut d.system, switch(t).map(Some)), SWITCH),
    // Size of /tmp.
    key(("tmp", ALL), "64M", Number, |d, t| put(&mut d.policy.tmp_size, size(t).filter(|n| (1 << 16..=MOST).contains(n))), "a size such as \"64M\", at least 64K"),
    key(("tools", STEP | ASK), "", List, |d, t| push(&mut d.step.tools, filled(t)), "a program's name or absolute path"),
    key(("user", ALL), "", Text, |d, t| put(&mut d.policy.user, user(t).map(Some)), "\"UID\" or \"UID:GID\", in numbers"),
    key(("wall", ALL), "none", Text, |d, t| put(&mut d.policy.limits.wall_ms, limit(t, time_ms, (1, MOST_MS))), "a time such as \"60s\", at most 31d, or \"none\""),
    key(("warn_missing", ALL), "false", Switch, |d, t| put(&mut d.policy.warn_missing, switch(t)), SWITCH),
    // Whether files are watched too.
    key(("watch", ALL), "calls", Text, |d, t| put(&mut d.policy.watch, watch(t)), "\"calls\" or \"files\""),
];

/// The key of this name that may stand in these places.
pub(crate) fn named(name: &[u8], places: u8) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.is_in(places) && key.name.as_bytes() == name)
}

/// What a step is instead, when nobody says otherwise.
const STEP_DEFAULTS: [(&str, &[u8]); 3] = [("strict", b"true"), ("wall", b"10m"), ("watch", b"files")];

fn put<T>(place: &mut T, value: Option<T>) -> Option<()> {
    *place = value?;
    Some(())
}

fn push<T>(list: &mut Vec<T>, item: Option<T>) -> Option<()> {
    list.push(item?);
    Some(())
}

fn switch(text: &[u8]) -> Option<bool> {
    match text {
        b"true" => Some(true),
        b"false" => Some(false),
        _ => None,
    }
}

fn number(text: &[u8], bounds: (u64, u64)) -> Option<u64> {
    limit(text, decimal, bounds).flatten()
}

fn seconds(text: &[u8]) -> Option<u64> {
    time_ms(text).filter(|ms| ms.is_multiple_of(1000)).map(|ms| ms / 1000)
}

fn filled(text: &[u8]) -> Option<Vec<u8>> {
    (!text.is_empty()).then(|| text.to_vec())
}

/// A path or pattern that stays below its directory.
fn relative(text: &[u8]) -> Option<Vec<u8>> {
    let inside = !text.starts_with(b"/") && text.split(|b| *b == b'/').all(|name| name != b"..");
    filled(text).filter(|_| inside)
}

fn net(text: &[u8]) -> Option<Net> {
    [Net::None, Net::Loopback, Net::Host].into_iter().find(|net| net.name().as_bytes() == text)
}

fn watch(text: &[u8]) -> Option<Watch> {
    match text {
        b"calls" => Some(Watch::Calls),
        b"files" => Some(Watch::Files),
        _ => None,
    }
}

/// A set's name, or a system call's.
fn call(text: &[u8]) -> Option<String> {
    let name = core::str::from_utf8(text).ok()?;
    (matches!(name, "static" | "default") || calls::number(name).is_some()).then(|| name.into())
}

fn reason(to: &mut Draft, text: &[u8]) -> Option<()> {
    let text = text.trim_ascii();
    let whole = (1..=500).contains(&text.len()) && !text.iter().any(u8::is_ascii_control);
    put(&mut to.reason, core::str::from_utf8(text).ok().filter(|_| whole).map(|text| Some(text.into())))
}

/// The last value of a name holds.
fn variables(to: &mut Draft, text: &[u8]) -> Option<()> {
    let name = variable(text)?;
    to.policy.env.retain(|item| variable(item) != Some(name));
    push(&mut to.policy.env, Some(text.to_vec()))
}

/// What is said of one path adds up; of two things at one place the last holds.
fn bind(to: &mut Draft, text: &[u8], write: bool, execute: bool) -> Option<()> {
    let (source, path) = pair(&to.base, text)?;
    let places = &mut to.policy.places;
    let same = |place: &Place| match &place.kind {
        Kind::Bind { source: other, write, execute } if *other == source => (*write, *execute),
        _ => (false, false),
    };
    let (writes, executes) = places.iter().find(|place| place.path == path).map_or((false, false), same);
    places.retain(|place| place.path != path);
    let kind = Kind::Bind { source, write: write || writes, execute: execute || executes };
    push(places, Some(Place { path, kind }).filter(|place| place.path != b"/"))
}
