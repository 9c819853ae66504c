//! Which user a caged program is.
//!
//! Runs in: bailiff-cage, as its caller. In: what the policy asks for; the launcher's own ids. Out: ids that no other process
//! has, where the launcher is root; else its own, in a user namespace, by any number there. Never: keeps root's.
use bailiff::shims::cage::{spawn, tree};
use bailiff::shims::errno::Errno;
use bailiff::shims::files::At;
use bailiff::shims::identity;
use bailiff::shims::io::pread;

/// User ids that nobody has: each run of root's takes one of its own from here on, by the launcher's process id.
const FIRST_ID: u32 = 0x6000_0000;

/// The launcher's own user and group.
pub(crate) fn own() -> Result<(u32, u32), Errno> {
    let [uid, ..] = identity::uids()?;
    Ok((uid, identity::gid()?))
}

/// Whether the launcher may change ids, and user and group of the program as it sees them. Without: the user namespace of the
/// cage gives the launcher's own another number, if one is wanted.
pub(crate) fn who(wanted: Option<(u32, u32)>, outside: (u32, u32)) -> (bool, (u32, u32)) {
    if outside.0 != 0 || !has_all_ids() {
        return (false, wanted.unwrap_or(outside));
    }
    let own = FIRST_ID.wrapping_add(spawn::own_number());
    (true, wanted.unwrap_or((own, own)))
}

/// Whether this user namespace has all user ids, so that root may become any.
fn has_all_ids() -> bool {
    let mut buf = [0u8; 64];
    let file = tree::open(At::Cwd, c"/proc/self/uid_map", 0, 0, 0);
    let got = file.and_then(|file| pread(&file, &mut buf, 0)).unwrap_or(0);
    let words = buf.get(..got).unwrap_or(&[]).split(|b| b.is_ascii_whitespace()).filter(|w| !w.is_empty());
    words.eq([&b"0"[..], b"0", b"4294967295"])
}
