//! Reads the configuration.
//!
//! Runs in: the warden. In: one file, which nobody but root may be able to write. Out: `Settings`, or one line that says
//! where and what was expected. Never: follows an include, expands anything.
use bailiff::shared::base::log::{Level, Log};
use bailiff::shared::pure::filter::FILTERS;
use bailiff::shared::pure::settings::{self, Catalogue, Settings};
use bailiff::shims::errno::Errno;
use bailiff::shims::files::{At, flags, open, stat};
use bailiff::shims::io::read;

/// Largest configuration: the parser's own bound.
pub(super) const MOST: usize = 64 << 10;

/// Reads `path` into `to`; `own` is the image of the operator's own filters, `None` before they are compiled. Says why
/// not, and answers false.
pub(crate) fn load(path: &[u8], strict: bool, log: &Log, own: Option<&[u8]>, to: &mut Settings) -> bool {
    let mut text = [0u8; MOST + 1];
    let Some(text) = bytes(path, strict, log, &mut text) else { return false };
    let catalogue = Catalogue { built: FILTERS, own: own.unwrap_or(&[]), loose: own.is_none() };
    match settings::read(text, catalogue, to) {
        Ok(()) => true,
        Err(fault) => {
            log.line(Level::Error, |t| fault.write(path, t));
            false
        }
    }
}

/// What stands in a file that nobody but root may be able to write; says why not.
pub(super) fn bytes<'a>(path: &[u8], strict: bool, log: &Log, text: &'a mut [u8]) -> Option<&'a [u8]> {
    match fill(path, strict, text) {
        Ok(len) => text.get(..len),
        Err((what, errno)) => {
            log.line(Level::Error, |t| {
                t.quoted(path)
                    .bytes(b": ")
                    .bytes(what.as_bytes())
                    .bytes(b": ")
                    .bytes(errno.name().as_bytes());
            });
            None
        }
    }
}

fn fill(path: &[u8], strict: bool, text: &mut [u8]) -> Result<usize, (&'static str, Errno)> {
    let fd = open(At::Cwd, path, flags::O_NONBLOCK | flags::O_NOCTTY, 0, 0)
        .map_err(|e| ("cannot be opened", e))?;
    let s = stat(&fd).map_err(|e| ("cannot be looked at", e))?;
    if !s.is_regular() {
        return Err(("not a regular file", Errno::EINVAL));
    }
    if strict && (s.uid != 0 || s.mode & 0o022 != 0) {
        return Err(("others than root can write it", Errno::EACCES));
    }
    let mut used = 0;
    while let Some(room) = text.get_mut(used..).filter(|room| !room.is_empty()) {
        match read(&fd, room) {
            Ok(0) => return Ok(used),
            Ok(got) => used = used.saturating_add(got),
            Err(errno) => return Err(("cannot be read", errno)),
        }
    }
    Err(("longer than 64 KiB", Errno::EINVAL))
}
