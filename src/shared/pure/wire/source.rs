//! What the warden tells its children: `Launch` to the launcher, `Source` (with a descriptor) to the watcher, `Pulse`
//! to all, and back.
use super::batch::Record;
use super::cursor::{Get, Put};

/// How to start one role: read by the launcher, never by the role.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Launch {
    /// User and group to become; equal to the launcher's own where this user namespace maps no other.
    pub uid: u32,
    /// Likewise.
    pub gid: u32,
    /// Whether ids can be changed at all here.
    pub own_ids: bool,
    /// Whether a missing kernel feature is only warned of.
    pub warn: bool,
    /// Most bytes of address space.
    pub memory: u64,
}

impl Record for Launch {
    const KIND: u8 = b'L';
    const SIZE: usize = 24;

    fn put(&self, to: &mut Put<'_>) {
        to.u32(self.uid)
            .u32(self.gid)
            .u8(self.own_ids.into())
            .u8(self.warn.into())
            .u16(0)
            .u32(0)
            .u64(self.memory);
    }

    fn get(from: &mut Get<'_>) -> Option<Self> {
        let (uid, gid, own_ids, warn) = (from.u32()?, from.u32()?, from.u8()?, from.u8()?);
        let zero = from.u16()? == 0 && from.u32()? == 0;
        let memory = from.u64()?;
        let sound = zero && own_ids < 2 && warn < 2;
        sound.then_some(Self { uid, gid, own_ids: own_ids == 1, warn: warn == 1, memory })
    }
}

/// What a file is to its source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Its present file, there before anybody looked: read from where reading stopped, else from its end.
    Found = 0,
    /// Its present file, come since: read from where reading stopped, else from its first byte.
    Made = 1,
    /// Its present file for so short a time that it was renamed before it was seen: read from its first byte.
    Renamed = 2,
    /// A file beside it with a rotated log's name: read from where reading stopped, else not at all.
    Former = 3,
}

/// A file to be read for a source; its open descriptor comes in the same datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Source {
    /// Which source: the place of its path among the configured ones.
    pub source: u8,
    /// What it is to its source, and so where reading begins.
    pub standing: Standing,
    /// The watch that the warden set on this open file in the watcher's inotify instance.
    pub watch: u32,
    /// Jails that read this source, as bits by their place in the terms.
    pub jails: u32,
    /// Counts up with each file of this source.
    pub generation: u32,
    /// Device, inode and birth time: which file it is.
    pub dev: u64,
    /// Likewise.
    pub ino: u64,
    /// Likewise.
    pub btime_ns: u64,
    /// Its length when the warden opened it: what was written since is new, even if the watcher takes it later.
    pub size: u64,
}

impl Record for Source {
    const KIND: u8 = b'S';
    const SIZE: usize = 48;

    fn put(&self, to: &mut Put<'_>) {
        to.u8(self.source)
            .u8(self.standing as u8)
            .u16(0)
            .u32(self.watch)
            .u32(self.jails)
            .u32(self.generation);
        to.u64(self.dev).u64(self.ino).u64(self.btime_ns).u64(self.size);
    }

    fn get(from: &mut Get<'_>) -> Option<Self> {
        let source = from.u8()?;
        let standing = match from.u8()? {
            0 => Standing::Found,
            1 => Standing::Made,
            2 => Standing::Renamed,
            3 => Standing::Former,
            _ => return None,
        };
        let zero = from.u16()?;
        let got = Self {
            source,
            standing,
            watch: from.u32()?,
            jails: from.u32()?,
            generation: from.u32()?,
            dev: from.u64()?,
            ino: from.u64()?,
            btime_ns: from.u64()?,
            size: from.u64()?,
        };
        (zero == 0).then_some(got)
    }
}

impl Standing {
    /// Whether the source's name means this file now.
    pub fn is_present(self) -> bool {
        matches!(self, Self::Found | Self::Made)
    }

    /// Whether all of it is news, if no position of it was saved.
    pub fn is_whole(self) -> bool {
        matches!(self, Self::Made | Self::Renamed)
    }
}

/// What a pulse says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Beat {
    /// Role -> warden, once: the cage is closed, the role works.
    Ready = 1,
    /// Warden -> role: are you there?
    Ping = 2,
    /// Role -> warden, from the loop that does the work.
    Pong = 3,
    /// Warden -> watcher: every source has been given that there was at the start.
    Given = 4,
}

/// A sign of life. `figure` is the number of bans in force (tracker) or of lines read (watcher).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pulse {
    /// What it says.
    pub beat: Beat,
    /// For the status line.
    pub figure: u64,
}

impl Record for Pulse {
    const KIND: u8 = b'P';
    const SIZE: usize = 16;

    fn put(&self, to: &mut Put<'_>) {
        to.u64(self.beat as u64).u64(self.figure);
    }

    fn get(from: &mut Get<'_>) -> Option<Self> {
        let beat = match from.u64()? {
            1 => Beat::Ready,
            2 => Beat::Ping,
            3 => Beat::Pong,
            4 => Beat::Given,
            _ => return None,
        };
        Some(Self { beat, figure: from.u64()? })
    }
}
