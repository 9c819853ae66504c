//! What a build script asks of cargo.
//!
//! Runs in: bailiff-cage, outside the cage, when the script has ended. In: the lines that it printed, its policy. Out: a denial for
//! each directive that reaches further than the script itself could. Never: changes a line; reads one otherwise than cargo
//! does (cargo 1.90, core/compiler/custom_build.rs): where lines, names and values end is the same.
use alloc::string::String;
use alloc::vec::Vec;

use bailiff::shims::files::{At, flags};

use crate::listen::process::own;
use crate::outcome::{Denial, Why};
use crate::policy::{Kind, Place, Policy};
use crate::step::paths::{absolute, is_below, open};
use crate::text::{said, shown};

/// Of rustc's, those whose value is a name, and no more to rustc.
const NAMES: [&str; 3] = ["rustc-cfg", "rustc-check-cfg", "rustc-link-lib"];
/// What variables of rustc's begin with that cargo and this program go by, outside of any cage.
const RESERVED: [&str; 9] = ["BAILIFF", "CARGO", "DEP_", "HOME", "LD_", "MAKE", "OUT_DIR", "PATH", "RUST"];
/// The kinds that may stand before a path to search.
const SEARCHED: [&[u8]; 5] = [b"all=", b"crate=", b"dependency=", b"framework=", b"native="];

/// The directives that this policy does not grant.
pub(crate) fn refused(printed: &[u8], policy: &Policy) -> Vec<Denial> {
    let mut denials: Vec<Denial> = Vec::new();
    for line in printed.split(|b| *b == b'\n').filter_map(|line| core::str::from_utf8(line).ok()) {
        let line = line.trim();
        let Some(text) = line.strip_prefix("cargo::").or_else(|| line.strip_prefix("cargo:")) else {
            continue;
        };
        let Some((name, value)) = text.split_once('=') else { continue };
        let Some(rule) = rule(name, value, policy) else { continue };
        if is_granted(text, policy)
            || denials
                .iter()
                .any(|known| known.call == name && known.path.as_deref() == Some(value.as_bytes()))
        {
            continue;
        }
        let allow = said(format_args!("directives = [\"{}\"]", shown(text.as_bytes()).replace('"', "\\\"")));
        denials.push(Denial {
            why: Why::Call,
            call: String::from(name),
            number: 0,
            args: [0; 6],
            path: Some(value.as_bytes().to_vec()),
            pid: 0,
            program: super::SCRIPT.to_vec(),
            rule: String::from(rule),
            allow,
            count: 1,
        });
    }
    denials
}

/// Whether the policy has this directive: as it is, or without the end of its value behind a `=`.
fn is_granted(text: &str, policy: &Policy) -> bool {
    policy.directives.iter().any(|granted| {
        text.as_bytes().strip_prefix(granted.as_slice()).is_some_and(|rest| matches!(rest, [] | [b'=', ..]))
    })
}

/// The rule against it, if there is one.
fn rule(name: &str, value: &str, policy: &Policy) -> Option<&'static str> {
    const SEARCH: &str = "a directive of cargo's: it leads to a place that the script cannot see itself";
    let foreign = |path: &str| (!is_seen(searched(path.as_bytes()), policy)).then_some(SEARCH);
    match name {
        "rustc-link-search" => foreign(value.trim_end()),
        "rustc-flags" => {
            let mut words = value.split_whitespace();
            while let Some(word) = words.next() {
                let (flag, rest) = word.split_at_checked(2)?;
                let path = if rest.is_empty() { words.next().unwrap_or_default() } else { rest };
                if flag == "-L" && foreign(path).is_some() {
                    return Some(SEARCH);
                }
            }
            None
        }
        "rustc-env" => RESERVED
            .iter()
            .any(|reserved| value.starts_with(reserved))
            .then_some("a directive of cargo's: cargo itself or the next cage goes by this variable"),
        name if name.starts_with("rustc-") && !NAMES.contains(&name) => {
            Some("a directive of cargo's: it adds to what the linker or the compiler is told")
        }
        _ => None,
    }
}

/// The directory of a path to search: of `-L`, and of the directive that becomes one.
pub(super) fn searched(path: &[u8]) -> &[u8] {
    SEARCHED.iter().find_map(|kind| path.strip_prefix(*kind)).unwrap_or(path)
}

/// Whether the script has this place in its own cage, behind all links; what is not there leads nowhere. The path is what the
/// next cage would make of it: `..` as text.
fn is_seen(path: &[u8], policy: &Policy) -> bool {
    let Some(path) = Some(path).filter(|path| path.starts_with(b"/")).and_then(|path| absolute(path).ok())
    else {
        return false;
    };
    let Ok(file) = open(At::Cwd, &path, flags::O_PATH, 0, 0) else { return true };
    let Some(real) = own(&file) else { return false };
    let holds = |place: &Place| matches!(&place.kind, Kind::Bind { source, .. } if is_below(&real, source));
    policy.places.iter().any(holds)
}
