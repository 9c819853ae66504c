//! One run that shows what a command needs, and the smallest policy for it.
//!
//! Runs in: bailiff-cage. In: a policy, as far as there is one; a command. Out: its run in a broad cage; on standard output
//! the lines that the policy lacks (`+`) and those that this run had no use for (`-`). Never: changes a file of the policy;
//! lets the command write where the policy does not.
//!
//! The broad cage: the host's root, read-only, the policy's writable places in it; every call let through and noted; the
//! policy's own network.
use alloc::string::String;
use alloc::vec::Vec;

use bailiff::shims::fd::Fd;
use bailiff::shims::files::At;

use crate::calls::Set;
use crate::conclude::{say, tell};
use crate::listen::files::joined;
use crate::outcome::{Denial, Outcome, Why};
use crate::policy::{Bytes, Calls, Kind, Place, Policy, Watch};
use crate::step::paths::{is_below, join, look, parent, pour, refused};
use crate::supervise;
use crate::text::{said, shown};
use crate::tools::loaders;
use crate::verdict::{Verdict, exit_code};

pub(crate) mod fold;

use fold::{Need, fold};

/// Runs the command once and prints what it needs. Answers the command's own exit code.
pub(crate) fn run(given: &Policy) -> Result<u8, String> {
    let mut broad = given.clone();
    broad.root = Some(b"/".to_vec());
    broad.places.retain(|place| match &place.kind {
        Kind::Bind { write, .. } => *write,
        Kind::Tmpfs { .. } => true,
        Kind::Link { .. } => false,
    });
    // Temporary files are nobody's need, unless it is there that the command works.
    let works_in =
        |top: &[u8]| is_below(&broad.cwd, top) || broad.places.iter().any(|p| is_below(&p.path, top));
    if !works_in(b"/tmp") {
        let kind = Kind::Tmpfs { size: broad.tmp_size, execute: false };
        broad.places.push(Place { path: b"/tmp".to_vec(), kind });
    }
    // What this set refuses is noted and let through: so each call that a list must name is named.
    (broad.calls, broad.watch, broad.learn) = (Calls::Static, Watch::Files, true);
    (broad.strict, broad.quiet) = (false, true);
    let outcome = supervise::run(&broad)?;
    say(&broad, &outcome);
    let text = policy(given, &broad, &outcome);
    let out = core::mem::ManuallyDrop::new(Fd::given(1));
    pour(&out, text.as_bytes()).map_err(|e| refused(b"standard output", "cannot be written", e))?;
    let refused = outcome.denials.iter().filter(|d| d.why == Why::ReadOnly).count();
    if refused > 0 {
        tell(
            "it was kept from writing: with the places under `rw` that are its own, it may need more; learn again",
        );
    }
    Ok(exit_code(&outcome, None, Verdict::Uncertain))
}

/// The policy's lines, each with its mark.
fn policy(given: &Policy, broad: &Policy, outcome: &Outcome) -> String {
    let needs = fold(&needs(broad, outcome));
    // What the command wrote may end without a line's end.
    let mut text = String::from("\n");
    let name = if given.name.is_empty() { "learned" } else { &given.name };
    text.push_str(&said(format_args!(" [cage.{name}]\n")));
    let command: Vec<String> = given.command.iter().map(|word| quoted(word)).collect();
    text.push_str(&said(format_args!(" run = [{}]\n", command.join(", "))));
    text.push_str(&said(format_args!(" cwd = {}\n", quoted(&given.cwd))));
    let had = |wanted: fn(bool, bool) -> bool| -> Vec<Bytes> {
        let binds = given.places.iter().filter_map(|place| match &place.kind {
            Kind::Bind { write, execute, .. } if wanted(*write, *execute) => Some(place.path.clone()),
            _ => None,
        });
        binds.collect()
    };
    let wanted = |wanted: fn(&Need) -> bool| -> Vec<Bytes> {
        needs.iter().filter(|need| wanted(need)).map(|need| need.path.clone()).collect()
    };
    list(&mut text, "exec", &had(|write, execute| !write && execute), &wanted(|n| !n.write && n.execute));
    list(&mut text, "ro", &had(|write, execute| !write && !execute), &wanted(|n| !n.write && !n.execute));
    list(&mut text, "rw", &had(|write, _| write), &wanted(|n| n.write));
    calls(&mut text, &given.calls, outcome);
    text.push_str(&said(format_args!(" net = \"{}\"\n", given.net.name())));
    text
}

/// What was read, executed and written, and what was kept from being written, as paths.
fn needs(broad: &Policy, outcome: &Outcome) -> Vec<Need> {
    let writable =
        |path: &[u8]| broad.places.iter().find(|p| is_writable(&p.kind) && is_below(path, &p.path));
    let mut needs = Vec::new();
    for access in outcome.accesses.iter().filter(|access| !is_kernels(&access.path)) {
        match writable(&access.path) {
            Some(Place { kind: Kind::Tmpfs { .. }, .. }) => {}
            Some(place) => {
                needs.push(Need { path: place.path.clone(), write: true, execute: access.execute })
            }
            None => used(&mut needs, &access.path, access.execute),
        }
    }
    for denial in outcome.denials.iter().filter(|d| d.why == Why::ReadOnly) {
        let Some(path) = &denial.path else { continue };
        // What is not there yet is made in its directory.
        let is_there = denial.call.starts_with("open") && look(At::Cwd, path).is_ok();
        let path = if is_there { path.as_slice() } else { parent(path) };
        needs.push(Need { path: path.to_vec(), write: true, execute: false });
    }
    if let Some(path) = outcome.accesses.iter().find(|a| a.execute).map(|a| &a.path) {
        // The launcher opened the program itself: by the name that it was given.
        let name = broad.command.first().map_or(&b""[..], Vec::as_slice);
        let asked = if name.contains(&b'/') { joined(&broad.cwd, name) } else { on_path(broad, name) };
        used(&mut needs, if asked.is_empty() { path } else { &asked }, true);
    }
    needs
}

/// A file that was read or executed. Whatever holds code is executed, be it by a loader; the kernel's own loaders are
/// opened by nobody else.
fn used(needs: &mut Vec<Need>, path: &[u8], execute: bool) {
    let loaders =
        if look(At::Cwd, path).is_ok_and(|stat| stat.is_directory()) { None } else { loaders(path) };
    needs.push(Need { path: path.to_vec(), write: false, execute: execute || loaders.is_some() });
    for loader in loaders.unwrap_or_default() {
        needs.push(Need { path: loader, write: false, execute: true });
    }
}

/// Where the program is that PATH of the cage finds.
fn on_path(broad: &Policy, name: &[u8]) -> Bytes {
    let path = broad.env.iter().find_map(|e| e.strip_prefix(b"PATH=")).unwrap_or(b"/usr/bin:/bin");
    let places = path.split(|b| *b == b':').filter(|place| place.starts_with(b"/"));
    places.map(|place| join(place, name)).find(|path| look(At::Cwd, path).is_ok()).unwrap_or_default()
}

fn is_writable(kind: &Kind) -> bool {
    matches!(kind, Kind::Bind { write: true, .. } | Kind::Tmpfs { .. })
}

/// Whether this is not a file of a file system: it has keys of its own.
fn is_kernels(path: &[u8]) -> bool {
    [&b"/proc"[..], b"/dev", b"/sys"].iter().any(|top| is_below(path, top))
}

/// `key = [...]` with a line for each path: needed and there, needed and missing, there and not needed.
fn list(text: &mut String, key: &str, had: &[Bytes], wanted: &[Bytes]) {
    let mut lines: Vec<(&Bytes, char)> = Vec::new();
    for path in wanted {
        lines.push((path, if had.contains(path) { ' ' } else { '+' }));
    }
    for path in had.iter().filter(|path| !wanted.contains(path)) {
        lines.push((path, '-'));
    }
    if lines.is_empty() {
        return;
    }
    lines.sort();
    let mark = if had.is_empty() { '+' } else { ' ' };
    text.push_str(&said(format_args!("{mark}{key} = [\n")));
    for (path, mark) in lines {
        text.push_str(&said(format_args!("{mark}  {},\n", quoted(path))));
    }
    text.push_str(&said(format_args!("{mark}]\n")));
}

/// The calls, each by its name, beyond those of the smallest set.
fn calls(text: &mut String, given: &Calls, outcome: &Outcome) {
    let refused = || outcome.denials.iter().filter(|d| d.why == Why::Call);
    // What `static` has of a call is widened by `default` (of ioctl by its name, too), or by nothing.
    let is_narrow = |d: &&Denial| d.call != "ioctl" && Set::STATIC.has(d.number);
    let base = match refused().any(|d| is_narrow(&d) && !d.allow.is_empty()) {
        true => "default",
        false => "static",
    };
    let beyond = refused().filter(|d| !is_narrow(d) && (base == "static" || !Set::DEFAULT.has(d.number)));
    let mut names: Vec<&str> = beyond.map(|d| d.call.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let old = match given {
        Calls::Static => String::from("\"static\""),
        Calls::Default => String::from("\"default\""),
        Calls::Listed(names) => listed(&names.iter().map(String::as_str).collect::<Vec<_>>()),
    };
    let new = match names.as_slice() {
        [] => quoted(base.as_bytes()),
        names => listed(&[&[base], names].concat()),
    };
    if old == new {
        text.push_str(&said(format_args!(" calls = {old}\n")));
    } else {
        text.push_str(&said(format_args!("-calls = {old}\n+calls = {new}\n")));
    }
}

fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| quoted(name.as_bytes())).collect();
    said(format_args!("[{}]", quoted.join(", ")))
}

/// A text as the policy writes it. What is not ASCII has no place there, and is shown as what it is.
fn quoted(text: &[u8]) -> String {
    let mut made = String::from("\"");
    for b in text {
        match b {
            b'"' => made.push_str("\\\""),
            b'\\' => made.push_str("\\\\"),
            _ => made.push_str(&shown(&[*b])),
        }
    }
    made.push('"');
    made
}
