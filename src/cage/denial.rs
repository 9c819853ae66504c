//! What is said of a refused call: the rule, the line of policy that would allow it, flags and addresses in words.
//!
//! Runs in: bailiff-cage, outside the cage. In: a call's number and registers, the policy's list of calls; of memory only a
//! socket's address. Out: text. Never: decides; the filter has.
use alloc::string::String;
use core::net::{Ipv4Addr, Ipv6Addr};

use crate::calls::Set;
use crate::calls::checks::Answer;
use crate::filter::{Fate, Grants};
use crate::policy::Calls;
use crate::text::{said, shown};

/// The rule that refuses this call, and the line of policy that would allow it. `None`: it is allowed.
pub(crate) fn rule(grants: &Grants, calls: &Calls, number: u32, args: &[u64; 6]) -> Option<(String, String)> {
    match grants.fate(number) {
        Fate::Allowed => None,
        Fate::Checked(check) => match check.answer(args) {
            Answer::Allow => None,
            Answer::Refuse { rule, allow } => {
                Some((said(format_args!("{rule}")), said(format_args!("{allow}"))))
            }
        },
        Fate::Refused => Some(listed(calls, number)),
    }
}

/// The rule on a call that the policy's list does not have.
fn listed(calls: &Calls, number: u32) -> (String, String) {
    let list = match calls {
        Calls::Static => "\"static\"",
        Calls::Default => "\"default\"",
        Calls::Listed(_) => "[...]",
    };
    let Some(name) = crate::calls::name(number) else {
        let rule =
            said(format_args!("calls = {list}: without call {number}, which is newer than this program"));
        return (rule, String::new());
    };
    let allow = match calls {
        Calls::Static if Set::DEFAULT.has(number) => said(format_args!("calls = \"default\"")),
        Calls::Listed(_) => said(format_args!("calls = [..., \"{name}\"]")),
        _ => said(format_args!("calls = [{list}, \"{name}\"]")),
    };
    (said(format_args!("calls = {list}: without {name}")), allow)
}

/// The rule on a path, and the line that would allow it: `key = ["PATH"]`.
pub(crate) fn line(key: &str, path: &[u8]) -> String {
    let path = shown(path).replace('"', "\\\"");
    said(format_args!("{key} = [\"{path}\"]"))
}

/// What the registers of a call say, in words, where that is more telling than a path.
pub(crate) fn words(name: &str, args: &[u64; 6]) -> Option<String> {
    let [a, b, c, ..] = *args;
    match name {
        "socket" | "socketpair" => Some(socket(a, b, c)),
        "clone" | "unshare" => Some(flags(a)),
        "setns" => Some(flags(b)),
        "ioctl" => Some(match b & 0xffff_ffff {
            0x540e => said(format_args!("TIOCSCTTY")),
            0x5412 => said(format_args!("TIOCSTI")),
            0x541c => said(format_args!("TIOCLINUX")),
            0x541d => said(format_args!("TIOCCONS")),
            0x5423 => said(format_args!("TIOCSETD")),
            other => said(format_args!("request {other:#x}")),
        }),
        "prctl" => Some(said(format_args!("option {}", a & 0xffff_ffff))),
        "personality" => Some(said(format_args!("{:#x}", a & 0xffff_ffff))),
        "ptrace" => Some(said(format_args!("request {}", a & 0xffff_ffff))),
        _ => None,
    }
}

fn socket(family: u64, kind: u64, protocol: u64) -> String {
    let mut text = match family & 0xffff_ffff {
        1 => said(format_args!("AF_UNIX")),
        2 => said(format_args!("AF_INET")),
        10 => said(format_args!("AF_INET6")),
        15 => said(format_args!("AF_KEY")),
        16 => said(format_args!("AF_NETLINK")),
        17 => said(format_args!("AF_PACKET")),
        31 => said(format_args!("AF_BLUETOOTH")),
        38 => said(format_args!("AF_ALG")),
        40 => said(format_args!("AF_VSOCK")),
        44 => said(format_args!("AF_XDP")),
        other => said(format_args!("family {other}")),
    };
    text += match kind & 0xf {
        1 => " SOCK_STREAM",
        2 => " SOCK_DGRAM",
        3 => " SOCK_RAW",
        5 => " SOCK_SEQPACKET",
        _ => "",
    };
    if protocol & 0xffff_ffff != 0 {
        text += &said(format_args!(" protocol {}", protocol & 0xffff_ffff));
    }
    text
}

/// Namespaces among the flags of clone, unshare and setns (linux/sched.h, 6.18).
pub(crate) fn flags(flags: u64) -> String {
    const NAMES: [(u64, &str); 8] = [
        (0x80, "CLONE_NEWTIME"),
        (0x2_0000, "CLONE_NEWNS"),
        (0x200_0000, "CLONE_NEWCGROUP"),
        (0x400_0000, "CLONE_NEWUTS"),
        (0x800_0000, "CLONE_NEWIPC"),
        (0x1000_0000, "CLONE_NEWUSER"),
        (0x2000_0000, "CLONE_NEWPID"),
        (0x4000_0000, "CLONE_NEWNET"),
    ];
    let mut text = String::new();
    for (bit, name) in NAMES {
        if flags & bit != 0 {
            text += if text.is_empty() { "" } else { " " };
            text += name;
        }
    }
    if text.is_empty() { said(format_args!("flags {flags:#x}")) } else { text }
}

/// A socket's address (`struct sockaddr`) in words.
pub(crate) fn address(bytes: &[u8]) -> Option<String> {
    let (family, rest) = bytes.split_first_chunk::<2>()?;
    let (port, rest) = rest.split_first_chunk::<2>().unwrap_or((&[0; 2], &[]));
    let port = u16::from_be_bytes(*port);
    Some(match u16::from_ne_bytes(*family) {
        1 => match unix(bytes) {
            Some(path) => said(format_args!("AF_UNIX {}", shown(path))),
            None => said(format_args!("AF_UNIX @{}", shown(bytes.get(3..).unwrap_or(&[])))),
        },
        2 => said(format_args!("AF_INET {}:{port}", Ipv4Addr::from(*rest.first_chunk::<4>()?))),
        10 => {
            let address = Ipv6Addr::from(*rest.get(4..)?.first_chunk::<16>()?);
            said(format_args!("AF_INET6 [{address}]:{port}"))
        }
        other => socket(other.into(), 0, 0),
    })
}

/// The path of a socket of the family unix; `None`: it has another family, or an abstract name.
pub(crate) fn unix(bytes: &[u8]) -> Option<&[u8]> {
    let path = bytes.strip_prefix(&1u16.to_ne_bytes())?;
    match path {
        [0, ..] => None,
        _ => path.split(|b| *b == 0).next(),
    }
}
