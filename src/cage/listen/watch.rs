//! Files of calls that are allowed: which were used, which were missed, which could not be written or executed.
//!
//! Runs in: bailiff-cage, outside the cage, with `watch = "files"`; else of exec alone. In: paths in the caller's memory, the cage's root and the
//! host's. Out: accesses and denials, for the record. Never: changes what the call does: mounts and Landlock decide that, and
//! the path may be another one by then.
use alloc::ffi::CString;
use core::ffi::CStr;

use bailiff::shims::cage::disk::{NO_EXEC, READ_ONLY, filesystem};
use bailiff::shims::cage::notify::{self, Waiting};
use bailiff::shims::cage::tree::open;
use bailiff::shims::errno::Errno;
use bailiff::shims::fd::Fd;
use bailiff::shims::files::{At, flags, stat};

use super::files::{Use, Wants, is_dispensable, is_own, joined, uses};
use super::{Listener, denied, process};
use crate::denial;
use crate::outcome::Why;
use crate::policy::{Bytes, Watch};
use crate::step::HOME;
use crate::step::paths::{is_below, parent};
use crate::text::said;

impl Listener {
    /// An allowed call of which the files are noted.
    pub(super) fn look(&mut self, call: &Waiting, name: &str) {
        let mut args = call.args;
        if name == "openat2" {
            args[2] = process::word(call.pid, args[2]).unwrap_or(0);
        }
        if name == "connect" {
            let bytes = process::bytes(call.pid, args[1], args[2].min(110) as usize);
            if let Some(path) = denial::unix(&bytes).filter(|path| !path.is_empty()) {
                let path = process::absolute(call.pid, -100, path);
                self.judge(call, name, path, Wants::Write, true);
            }
            return;
        }
        for file in uses(name, &args) {
            let Use { wants, follow, .. } = file;
            self.judge(call, name, process::path(call.pid, &file), wants, follow);
        }
    }

    /// What `path` means inside.
    fn inside(&self, path: &[u8], follow: bool) -> Result<Fd, Errno> {
        let root = self.root.as_ref().ok_or(Errno::EACCES)?;
        let path = CString::new(path).map_err(|_| Errno::EINVAL)?;
        meant(Some(root), &path, follow)
    }

    /// Notes that a file was used; or that it was missed, or could not be written or executed.
    fn judge(&mut self, call: &Waiting, name: &str, path: Option<Bytes>, wants: Wants, follow: bool) {
        let root = if self.root.is_none() { process::root(call.pid) } else { None };
        // Only now is what was read the caller's, and not another's who got its number.
        let Some(path) = path.filter(|_| notify::waits(&self.fd, call.id)) else { return };
        self.root = self.root.take().or(root);
        let file = match self.inside(&path, follow) {
            Ok(file) => file,
            Err(Errno::ENOENT | Errno::ENOTDIR) => return self.missed(call, name, &path, wants, follow),
            Err(_) => return,
        };
        let refused = match wants {
            Wants::Remove | Wants::Replace => self.holds(parent(&path), READ_ONLY).then_some(Why::ReadOnly),
            Wants::Write | Wants::Create | Wants::Link => {
                is_forbidden(&file, READ_ONLY).then_some(Why::ReadOnly)
            }
            Wants::Execute => is_forbidden(&file, NO_EXEC).then_some(Why::Call),
            Wants::Look | Wants::Read | Wants::Entry => None,
        };
        match refused {
            Some(why) => self.deny_path(call, name, why, wants, &path),
            None => self.used(path, &file, wants),
        }
    }

    /// Whether the mount of this directory forbids that.
    fn holds(&self, directory: &[u8], what: u64) -> bool {
        self.inside(directory, true).is_ok_and(|directory| is_forbidden(&directory, what))
    }

    /// What is asked for, and what it leads to.
    fn used(&mut self, path: Bytes, file: &Fd, wants: Wants) {
        // To look at a directory needs nothing of what is in it.
        if wants == Wants::Look && stat(file).is_ok_and(|file| file.is_directory()) {
            return;
        }
        let write = matches!(wants, Wants::Write | Wants::Create | Wants::Remove | Wants::Replace);
        let execute = wants == Wants::Execute;
        if let Some(real) = process::own(file).filter(|real| *real != path) {
            self.note(real, write, execute);
        }
        if !path.split(|b| *b == b'/').any(|part| part == b"..") {
            self.note(path, write, execute);
        }
    }

    /// A path that is not there inside.
    fn missed(&mut self, call: &Waiting, name: &str, path: &[u8], wants: Wants, follow: bool) {
        let makes = matches!(wants, Wants::Create | Wants::Entry | Wants::Replace);
        let changes = makes || wants == Wants::Write;
        let idle = wants == Wants::Remove || if changes { is_own(path) } else { is_dispensable(path) };
        if self.policy.watch == Watch::Calls || idle {
            return;
        }
        if makes && self.inside(parent(path), true).is_ok() {
            if self.holds(parent(path), READ_ONLY) {
                self.deny_path(call, name, Why::ReadOnly, wants, path);
            } else {
                // It is about to be made.
                self.note(path.to_vec(), true, false);
            }
            return;
        }
        if name.starts_with("mkdir") && self.grows(parent(path)) {
            return;
        }
        let outside = self.twin(path).unwrap_or_else(|| path.to_vec());
        let wanted = if makes { parent(&outside).to_vec() } else { outside };
        let Ok(wanted) = CString::new(wanted) else { return };
        let Ok(found) = meant(None, &wanted, follow || makes) else { return };
        // To ask for a directory tells no more than that it is missing.
        let idle = wants == Wants::Look && stat(&found).is_ok_and(|file| file.is_directory());
        if idle {
            return;
        }
        if changes {
            return self.deny_path(call, name, Why::ReadOnly, wants, path);
        }
        let missing = if follow { self.dangles(path) } else { None };
        self.deny_path(call, name, Why::Undeclared, wants, missing.as_deref().unwrap_or(path));
    }

    /// Whether the nearest directory that is there may be written: then this one can be made step by step (`mkdir -p`).
    fn grows(&self, path: &[u8]) -> bool {
        let mut at = path;
        while at.len() > 1 {
            if let Ok(directory) = self.inside(at, true) {
                return !is_forbidden(&directory, READ_ONLY);
            }
            at = parent(at);
        }
        false
    }

    /// Where on the host what is missing at this path is to be looked for, if not at the same one.
    fn twin(&self, path: &[u8]) -> Option<Bytes> {
        let home = self.policy.home.as_ref().map(|home| (HOME, home));
        let twin = self.policy.twin.as_ref().map(|(inside, outside)| (inside.as_slice(), outside));
        twin.into_iter()
            .chain(home)
            .filter(|(inside, _)| is_below(path, inside))
            .find_map(|(inside, outside)| Some(joined(outside, &[b".", path.strip_prefix(inside)?].concat())))
    }

    /// What is missing at the end of a chain of links that are there.
    fn dangles(&self, path: &[u8]) -> Option<Bytes> {
        let mut at = None;
        // As many links as the kernel follows.
        for _ in 0..40 {
            let link = at.as_deref().unwrap_or(path);
            let Ok(file) = self.inside(link, false) else { break };
            let next = joined(parent(link), &process::target(&file)?);
            at = Some(next);
        }
        at
    }

    fn deny_path(&mut self, call: &Waiting, name: &str, why: Why, wants: Wants, path: &[u8]) {
        let rule = match why {
            Why::Call => "not executable inside",
            Why::ReadOnly => "read-only inside",
            Why::Undeclared => "not declared: there outside, missing inside",
        };
        let key = match wants {
            Wants::Look | Wants::Read => "ro",
            Wants::Execute => "exec",
            Wants::Write | Wants::Create | Wants::Entry | Wants::Link | Wants::Remove | Wants::Replace => {
                "rw"
            }
        };
        let rule = (said(format_args!("{rule}")), denial::line(key, path));
        let mut denial = denied(why, name, call, rule);
        denial.path = Some(path.to_vec());
        self.deny(call, denial);
    }
}

/// What `path` means, without opening it: below `root` as if that were `/`, or in this process's own root. `follow`: also a
/// symbolic link at its end.
fn meant(root: Option<&Fd>, path: &CStr, follow: bool) -> Result<Fd, Errno> {
    const RESOLVE_IN_ROOT: u64 = 0x10;
    let how = flags::O_PATH | if follow { 0 } else { flags::O_NOFOLLOW };
    match root {
        Some(root) => open(At::Dir(root), path, how, 0, RESOLVE_IN_ROOT),
        None => open(At::Cwd, path, how, 0, 0),
    }
}

/// Whether the mount of this file forbids that. Devices, pipes and sockets are written wherever they lie; a file without a
/// bit for it is executed nowhere.
fn is_forbidden(file: &Fd, what: u64) -> bool {
    let Ok(stat) = stat(file) else { return false };
    let counts = match what {
        NO_EXEC => stat.is_regular() && stat.mode & 0o111 != 0,
        _ => stat.is_regular() || stat.is_directory(),
    };
    counts && filesystem(file).is_ok_and(|(_, flags)| flags & what != 0)
}
