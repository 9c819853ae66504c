//! The daemon's configuration, as far as this user may read it.
//!
//! Runs in: the client. In: the file, not trusted to be right. Out: `Settings`, or why there are none. Never:
//! needs the file: without it the sockets are looked for in their usual place.
use bailiff::shared::pure::filter::FILTERS;
use bailiff::shared::pure::settings::{self, Catalogue, Settings};
use bailiff::shims::errno::Errno;
use bailiff::shims::files::{At, flags, open};
use bailiff::shims::io::read as read_some;

/// Where it is when it is not named.
pub(crate) const FILE: &[u8] = b"/etc/bailiff/bailiff.toml";
/// Where the sockets are when there is no configuration.
pub(crate) const RUN: &[u8] = b"/run/bailiff";
/// Bytes of the longest file that is read, here and by the daemon.
pub(crate) const MOST: usize = 64 << 10;

/// Why there are no settings.
pub(crate) enum Unread {
    /// The kernel refused.
    Kernel(Errno),
    /// It is longer than `MOST`.
    Long,
    /// It is not a configuration.
    Fault(settings::Fault),
}

/// Reads the file; after an error, `to` is of no use. `own` is the image of the one filter of the operator's own that
/// matters: any other name may be one too, which is the daemon's to know.
pub(crate) fn read(file: &[u8], own: &[u8], to: &mut Settings) -> Result<(), Unread> {
    let mut buf = [0; MOST + 1];
    let text = bytes(file, &mut buf).map_err(Unread::Kernel)?.ok_or(Unread::Long)?;
    settings::read(text, Catalogue { built: FILTERS, own, loose: true }, to).map_err(Unread::Fault)
}

/// The bytes of a file; `None`: they are too many.
pub(crate) fn bytes<'a>(file: &[u8], buf: &'a mut [u8; MOST + 1]) -> Result<Option<&'a [u8]>, Errno> {
    let fd = open(At::Cwd, file, flags::O_NONBLOCK | flags::O_NOCTTY, 0, 0)?;
    let mut used = 0usize;
    while let Some(room) = buf.get_mut(used..).filter(|room| !room.is_empty()) {
        match read_some(&fd, room) {
            Ok(0) => return Ok(buf.get(..used)),
            Ok(got) => used = used.saturating_add(got),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(None)
}
