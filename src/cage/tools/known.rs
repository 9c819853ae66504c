//! What is known of some tools: the directories that a toolchain lives in, and where a proxy's real program is.
//!
//! Runs in: bailiff-cage. In: the real path of a tool, the launcher's environment. Out: directories, further tools, paths
//! that they look for in vain. Never: runs anything.
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use bailiff::shims::files::At;

use super::Env;
use crate::policy::Bytes;
use crate::step::paths::{join, last, look, parent, whole};
use crate::text::{said, shown};

#[cfg(target_arch = "x86_64")]
const TRIPLE: &[u8] = b"x86_64-linux-gnu";
#[cfg(target_arch = "aarch64")]
const TRIPLE: &[u8] = b"aarch64-linux-gnu";
#[cfg(target_arch = "x86_64")]
const RUST_TRIPLE: &[u8] = b"-x86_64-unknown-linux-gnu";
#[cfg(target_arch = "aarch64")]
const RUST_TRIPLE: &[u8] = b"-aarch64-unknown-linux-gnu";

/// The loader's usual directories: Debian's, then everyone's.
#[cfg(target_arch = "x86_64")]
pub(super) const USUAL: [&[u8]; 7] = [
    b"/lib/x86_64-linux-gnu",
    b"/usr/lib/x86_64-linux-gnu",
    b"/lib64",
    b"/usr/lib64",
    b"/lib",
    b"/usr/lib",
    b"/usr/local/lib",
];
#[cfg(target_arch = "aarch64")]
pub(super) const USUAL: [&[u8]; 7] = [
    b"/lib/aarch64-linux-gnu",
    b"/usr/lib/aarch64-linux-gnu",
    b"/lib64",
    b"/usr/lib64",
    b"/lib",
    b"/usr/lib",
    b"/usr/local/lib",
];

/// What is known of a tool.
#[derive(Default)]
pub(super) struct Known {
    /// Whole, where they are there.
    pub(super) directories: Vec<Bytes>,
    /// Directories whose shared objects need libraries.
    pub(super) modules: Vec<Bytes>,
    pub(super) tools: Vec<&'static [u8]>,
    pub(super) absent: Vec<Bytes>,
}

/// What is known of the tool with this real path.
pub(super) fn known(real: &[u8]) -> Known {
    let (name, prefix) = (last(real), parent(parent(real)));
    let has = |part: &[u8]| name.windows(part.len()).any(|w| w == part);
    if has(b"gcc") || has(b"g++") {
        compiler(Vec::new())
    } else if has(b"clang") {
        // Its real place is such as /usr/lib/llvm-19/bin.
        compiler(if prefix == b"/usr" { Vec::new() } else { vec![prefix.to_vec()] })
    } else if name == b"rustc" || name == b"cargo" || name == b"rustdoc" {
        let own = matches!(prefix, b"/usr" | b"/usr/local");
        let directory = if own { join(prefix, b"lib/rustlib") } else { prefix.to_vec() };
        let absent: [&[u8]; 4] =
            [b"/etc/gitconfig", b"/home/.cargo", b"/home/.config/git", b"/home/.gitconfig"];
        let absent = absent.map(<[u8]>::to_vec).to_vec();
        Known { directories: vec![directory], absent, ..Known::default() }
    } else if name.starts_with(b"python") {
        let library = join(&join(prefix, b"lib"), name);
        let modules = vec![join(&library, b"lib-dynload")];
        let mut directories = vec![library];
        if prefix == b"/usr" {
            directories.push(b"/usr/lib/python3".to_vec());
        }
        let absent = vec![b"/home/.local".to_vec()];
        Known { directories, modules, absent, ..Known::default() }
    } else if name.starts_with(b"perl") {
        perl()
    } else if name == b"make" {
        Known { tools: vec![b"sh"], ..Known::default() }
    } else {
        Known::default()
    }
}

/// A C compiler: its programs, headers, start-up files and libraries; what assembles and links.
fn compiler(mut directories: Vec<Bytes>) -> Known {
    let own: [&[u8]; 5] =
        [b"/usr/lib/gcc", b"/usr/libexec/gcc", b"/usr/include", b"/usr/lib64", &join(b"/usr/lib", TRIPLE)];
    directories.extend(own.map(<[u8]>::to_vec));
    // What the linker's driver looks for and does without.
    let absent: [&[u8]; 5] =
        [b"/usr/bin/nm", b"/usr/bin/strip", b"/usr/local/include", b"/usr/local/lib", &join(b"/usr", TRIPLE)];
    Known {
        directories,
        tools: vec![b"as", b"ld"],
        absent: absent.map(<[u8]>::to_vec).to_vec(),
        ..Known::default()
    }
}

fn perl() -> Known {
    let mut known = Known::default();
    for directory in [join(b"/usr/lib", TRIPLE), b"/usr/share".to_vec()] {
        let Ok(fd) = crate::step::paths::directory(&directory) else { continue };
        let names = crate::step::paths::names(&fd).unwrap_or_default();
        known
            .directories
            .extend(names.iter().filter(|n| n.starts_with(b"perl")).map(|n| join(&directory, n)));
    }
    known.absent = vec![b"/etc/perl".to_vec(), b"/usr/local/lib".to_vec(), b"/usr/local/share".to_vec()];
    known
}

/// `$ORIGIN` in a search path is the directory of the file that has it (ld.so(8)).
pub(super) fn origin(path: &[u8], directory: &[u8]) -> Bytes {
    let mut made = Bytes::new();
    let mut rest = path;
    while let Some((b, more)) = rest.split_first() {
        let after = rest.strip_prefix(b"$ORIGIN").or_else(|| rest.strip_prefix(b"${ORIGIN}"));
        if let Some(after) = after {
            made.extend_from_slice(directory);
            rest = after;
        } else {
            made.push(*b);
            rest = more;
        }
    }
    made
}

/// The real program behind rustup's proxy of this name: of the toolchain that RUSTUP_TOOLCHAIN or rustup's settings name.
pub(super) fn toolchain(name: &[u8], env: Env<'_>) -> Result<Bytes, String> {
    let home = match (env(b"RUSTUP_HOME"), env(b"HOME")) {
        (Some(home), _) => home.to_vec(),
        (None, home) => join(home.unwrap_or(b"/root"), b".rustup"),
    };
    let chosen = match env(b"RUSTUP_TOOLCHAIN") {
        Some(name) => name.to_vec(),
        None => setting(&whole(&join(&home, b"settings.toml"), 1 << 20).unwrap_or_default()),
    };
    if chosen.is_empty() || chosen.contains(&b'/') {
        let home = shown(&home);
        return Err(said(format_args!("tools: {}: {home} has no default toolchain", shown(name))));
    }
    let toolchains = join(&home, b"toolchains");
    for chosen in [chosen.clone(), [chosen.as_slice(), RUST_TRIPLE].concat()] {
        let program = join(&join(&join(&toolchains, &chosen), b"bin"), name);
        if look(At::Cwd, &program).is_ok() {
            return Ok(program);
        }
    }
    let (name, chosen) = (shown(name), shown(&chosen));
    Err(said(format_args!("tools: {name}: rustup's toolchain {chosen} does not have it")))
}

/// `default_toolchain = "NAME"`.
fn setting(text: &[u8]) -> Bytes {
    let mut lines = text.split(|b| *b == b'\n');
    let value = lines.find_map(|line| line.trim_ascii().strip_prefix(b"default_toolchain"));
    value.and_then(|v| v.split(|b| *b == b'"').nth(1)).unwrap_or_default().to_vec()
}
