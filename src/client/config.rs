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
/// The longest file that is read.
const ROOM: usize = 65_536;

/// Why there are no settings.
pub(crate) enum Unread {
    /// The kernel refused.
    Kernel(Errno),
    /// It is longer than 64 KiB.
    Long,
    /// It is not a configuration.
    Fault(settings::Fault),
}

/// Reads the file; after an error, `to` is of no use.
pub(crate) fn read(file: &[u8], to: &mut Settings) -> Result<(), Unread> {
    let fd = open(At::Cwd, file, flags::O_NONBLOCK | flags::O_NOCTTY, 0, 0).map_err(Unread::Kernel)?;
    let (mut buf, mut used) = ([0; ROOM], 0usize);
    loop {
        let room = buf.get_mut(used..).unwrap_or(&mut []);
        if room.is_empty() {
            return Err(Unread::Long);
        }
        match read_some(&fd, room) {
            Ok(0) => break,
            Ok(got) => used = used.saturating_add(got),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(Unread::Kernel(errno)),
        }
    }
    // The operator's own filters are the daemon's to know: any name may be one.
    let catalogue = Catalogue { built: FILTERS, own: &[], loose: true };
    settings::read(buf.get(..used).unwrap_or(&[]), catalogue, to).map_err(Unread::Fault)
}
