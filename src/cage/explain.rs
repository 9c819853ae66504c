//! What a program would get, in words, on this kernel, without running it.
//!
//! Runs in: bailiff-cage. In: a policy; what the kernel says of itself. Out: a page of text. Never: starts anything, or
//! tries anything but to look: `doctor` tries.
use alloc::ffi::CString;
use alloc::string::String;
use core::fmt::Arguments;

use bailiff::shims::cage::tree;
use bailiff::shims::confine::landlock_abi;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::{At, flags};
use bailiff::shims::identity;
use bailiff::shims::io::read;

use crate::conclude;
use crate::outcome::code::SETUP;
use crate::policy::{Calls, Kind, Net, Place, Policy, Watch};
use crate::step::{Step, WORK};
use crate::text::{said, shown};

mod declared;

/// The page while it is written; how many layers this kernel lacks, and how many paths of the policy the host lacks.
struct Page {
    text: String,
    missing: usize,
    absent: usize,
}

impl Page {
    fn line(&mut self, name: &str, what: Arguments<'_>) {
        self.text.push_str(&said(format_args!("{name:<12}{what}\n")));
    }

    /// A layer: there, or what that means.
    fn layer(&mut self, name: &str, is_there: bool, without: &str) {
        self.missing += usize::from(!is_there);
        let (state, why) = if is_there { ("ok", "") } else { ("MISSING: ", without) };
        self.text.push_str(&said(format_args!("  {name:<44}{state}{why}\n")));
    }

    /// What is said behind a path of the host.
    fn there(&mut self, path: &[u8]) -> &'static str {
        let is_there = exists(path);
        self.absent += usize::from(!is_there);
        if is_there { "" } else { " (NOT THERE)" }
    }
}

/// Prints the page; the exit code says whether the cage can be closed.
pub(crate) fn print(policy: &Policy) -> u8 {
    written(&page(policy, None))
}

/// The same for a build step.
pub(crate) fn print_step(policy: &Policy, step: &Step) -> u8 {
    written(&page(policy, Some(step)))
}

fn written((text, can): &(String, bool)) -> u8 {
    let told = conclude::print(text);
    if *can { told } else { SETUP }
}

/// The page, and whether the cage can be closed.
fn page(policy: &Policy, step: Option<&Step>) -> (String, bool) {
    let mut page = Page { text: String::new(), missing: 0, absent: 0 };
    rights(&mut page, policy);
    if let Some(step) = step {
        declared::lines(&mut page, step);
    }
    limits(&mut page, policy);
    layers(&mut page, policy);
    for (what, why) in &policy.reasons {
        page.line("widened", format_args!("{what}: {why}"));
    }
    let can = page.absent == 0 && (page.missing == 0 || policy.warn_missing);
    match (can, page.missing) {
        (true, 0) => page.line(
            "so",
            format_args!("it would run; `bailiff-cage doctor` tries what is only looked up here"),
        ),
        (true, n) => {
            page.line("so", format_args!("it would run without {n} of the layers, and say so (warn_missing)"))
        }
        (false, _) => page.line("so", format_args!("IT WOULD NOT RUN: something is missing")),
    }
    (page.text, can)
}

fn rights(page: &mut Page, policy: &Policy) {
    let mut command = String::new();
    for word in &policy.command {
        command.push_str(&said(format_args!("{} ", shown(word))));
    }
    let name = if policy.name.is_empty() { "flags alone" } else { policy.name.as_str() };
    page.line("policy", format_args!("{name}, BLAKE2b-256 {}", Hex(&policy.hash)));
    page.line(
        "command",
        format_args!("{}", if command.is_empty() { "(none yet)" } else { command.trim_end() }),
    );
    let cwd = if policy.cwd.is_empty() { WORK } else { &policy.cwd };
    page.line("in", format_args!("{}", shown(cwd)));
    match &policy.root {
        Some(root) => {
            let there = page.there(root);
            page.line("root", format_args!("{} of the host, read-only, with execution{there}", shown(root)));
        }
        None => page.line("root", format_args!("empty, in memory, read-only; and in it")),
    }
    for place in &policy.places {
        let there = if let Kind::Bind { source, .. } = &place.kind { page.there(source) } else { "" };
        page.text.push_str(&said(format_args!("  {:<30} {}{there}\n", shown(&place.path), Words(place))));
    }
    if policy.proc {
        page.text.push_str("  /proc                          its own processes, nothing of the system's\n");
    }
    if policy.dev {
        page.text.push_str("  /dev                           null zero full random urandom\n");
    }
    let mut env = String::new();
    for item in &policy.env {
        env.push_str(&shown(item.split(|b| *b == b'=').next().unwrap_or(item)));
        env.push(' ');
    }
    page.line("environment", format_args!("{}", if env.is_empty() { "nothing" } else { env.trim_end() }));
    network(page, policy);
    let watched = if policy.watch == Watch::Files { "; each path it asks for is noted" } else { "" };
    let size = crate::filter::program(policy).map(|program| program.len());
    let size = size.map_or_else(|why| why, |n| said(format_args!("a filter of {n} instructions")));
    let list = match &policy.calls {
        Calls::Static => said(format_args!("static: start, compute, read, write")),
        Calls::Default => {
            said(format_args!("default: processes, threads, files; nothing of the kernel's or of others'"))
        }
        Calls::Listed(names) => said(format_args!("{} listed", names.len())),
    };
    page.line("calls", format_args!("{list} ({size}); others are refused and named{watched}"));
}

fn network(page: &mut Page, policy: &Policy) {
    let what = match (policy.net, &policy.net_path) {
        (Net::None, None) => {
            said(format_args!("none: a namespace of its own, no interface up, sockets of unix alone"))
        }
        (Net::None, Some(path)) => {
            let there = page.there(path);
            said(format_args!("none: the namespace {}{there}, sockets of unix alone", shown(path)))
        }
        (Net::Loopback, _) => {
            said(format_args!("loopback: a namespace of its own with lo; unix, inet, inet6"))
        }
        (Net::Host, _) => said(format_args!("THE HOST'S: unix, inet, inet6")),
    };
    page.line("network", format_args!("{what}"));
}

fn limits(page: &mut Page, policy: &Policy) {
    let limits = &policy.limits;
    let mut text = String::new();
    for (name, most, unit) in [
        ("wall", limits.wall_ms, "ms"),
        ("cpu", limits.cpu_s, "s"),
        ("memory", limits.memory.map(|n| n >> 10), "KiB of address space each"),
        ("file size", limits.file_size, "bytes"),
        ("processes", limits.processes, ""),
        ("descriptors", Some(limits.descriptors), ""),
    ] {
        let most = most.map_or_else(|| String::from("any"), |n| said(format_args!("{n} {unit}")));
        text.push_str(&said(format_args!("{name} {}, ", most.trim_end())));
    }
    page.line("limits", format_args!("{text}no core"));
    if !policy.keep.is_empty() {
        page.line("keeps", format_args!("descriptors {:?} of the launcher", policy.keep));
    }
    if let Some(hash) = &policy.expect_hash {
        page.line("expects", format_args!("a program with BLAKE2b-256 {}", Hex(hash)));
    }
    let told = if policy.strict { "a denied access fails it" } else { "a denied access is told" };
    let record = policy.record.as_deref().map_or_else(|| String::from("none"), shown);
    let only = if policy.append_only { " (append-only)" } else { "" };
    page.line("record", format_args!("{record}{only}; {told}"));
}

fn layers(page: &mut Page, policy: &Policy) {
    let is_root = identity::uids().is_ok_and(|[uid, ..]| uid == 0);
    page.line("layers", format_args!("as {}", if is_root { "root" } else { "a user without rights" }));
    for (kind, means) in [
        ("mnt", "no root of its own"),
        ("pid", "it sees and signals others"),
        ("net", "the host's network"),
        ("ipc", "the host's shared memory"),
        ("uts", "the host's name"),
        ("cgroup", "the host's groups"),
        ("time", "the host's uptime"),
    ] {
        if kind != "net" || policy.net != Net::Host {
            let path = said(format_args!("/proc/self/ns/{kind}"));
            page.layer(&said(format_args!("namespace {kind}")), exists(path.as_bytes()), means);
        }
    }
    if !is_root {
        let most = contents(c"/proc/sys/user/max_user_namespaces");
        let open = exists(b"/proc/self/ns/user") && most.trim() != "0";
        page.layer("namespace user", open, "without it only root can close a cage");
    }
    let abi = landlock_abi().ok().and_then(|abi| u32::try_from(abi).ok()).unwrap_or(0);
    let used = abi.min(policy.landlock.unwrap_or(7));
    for (least, what, without) in [
        (1, "files", "paths are closed by mounts alone"),
        (4, "TCP", "the network is closed by its namespace alone"),
        (6, "scopes", "abstract sockets and signals are closed by namespaces alone"),
    ] {
        page.layer(&said(format_args!("Landlock, version {used} of {abi}: {what}")), used >= least, without);
    }
    let actions = contents(c"/proc/sys/kernel/seccomp/actions_avail");
    let has = |action| actions.split_ascii_whitespace().any(|word| word == action);
    page.layer("seccomp: filter, whole process ended", has("kill_process"), "no list of calls");
    page.layer("seccomp: refused calls are named", has("user_notif"), "Linux 5.0 has it");
    page.layer("no_new_privs, capabilities, securebits", true, "");
    if policy.no_write_exec {
        page.text.push_str(
            "  no_write_exec (PR_SET_MDWE)                 asked for; `bailiff-cage doctor` tries it\n",
        );
    }
}

/// What is at a path of the cage.
struct Words<'a>(&'a Place);

impl core::fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match &self.0.kind {
            Kind::Bind { source, write, execute } => {
                let write = if *write { ", write" } else { "" };
                let execute = if *execute { ", execute" } else { "" };
                write!(f, "read{write}{execute}")?;
                if *source != self.0.path {
                    write!(f, "; the host's {}", shown(source))?;
                }
                Ok(())
            }
            Kind::Tmpfs { size, execute } => {
                let execute = if *execute { ", execute" } else { "" };
                write!(f, "read, write{execute}; in memory, at most {} KiB", size >> 10)
            }
            Kind::Link { to } => write!(f, "link to {}", shown(to)),
        }
    }
}

struct Hex<'a>(&'a [u8; 32]);

impl core::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

fn opened(path: &[u8], how: u64) -> Option<Fd> {
    tree::open(At::Cwd, &CString::new(path).ok()?, how, 0, 0).ok()
}

fn exists(path: &[u8]) -> bool {
    opened(path, flags::O_PATH).is_some()
}

/// A line of a file that the kernel makes.
fn contents(path: &core::ffi::CStr) -> String {
    let mut buf = [0u8; 256];
    let got = opened(path.to_bytes(), 0).and_then(|file| read(&file, &mut buf).ok()).unwrap_or(0);
    String::from_utf8_lossy(buf.get(..got).unwrap_or(&[])).into_owned()
}
