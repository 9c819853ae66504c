//! Rooms of 16 failure times each, for jails whose maxretry is more than a tally holds by itself.
//!
//! Runs in: the tracker. In and out: times. Never: allocates: there are as many rooms as the tallies can ask
//! for.

/// Times in one room.
pub(crate) const TIMES: u32 = 16;
/// Bytes of one room.
pub(crate) const ROOM_BYTES: u64 = TIMES as u64 * 4;

/// Rooms that a tally needs at most for this maxretry, when a tally itself holds `own` times.
pub(crate) fn rooms_for(maxretry: u8, own: u32) -> u32 {
    if u32::from(maxretry) <= own { 0 } else { u32::from(maxretry).div_ceil(TIMES) }
}

/// The rooms, and which are free.
#[derive(Debug)]
pub(crate) struct Slab {
    rooms: &'static mut [[u32; TIMES as usize]],
    /// Rooms from here on were never used.
    fresh: u32,
    /// The first room given back, plus 1; its first word leads on.
    free: u32,
}

impl Slab {
    /// All free.
    pub(crate) fn new(rooms: &'static mut [[u32; TIMES as usize]]) -> Self {
        Self { rooms, fresh: 0, free: 0 }
    }

    /// A free room.
    pub(crate) fn take(&mut self) -> Option<u32> {
        let Some(room) = self.free.checked_sub(1) else {
            let room = self.fresh;
            self.rooms.get(room as usize)?;
            self.fresh = room.wrapping_add(1);
            return Some(room);
        };
        self.free = *self.rooms.get(room as usize)?.first()?;
        Some(room)
    }

    /// Gives a room back.
    pub(crate) fn give(&mut self, room: u32) {
        if let Some([next, ..]) = self.rooms.get_mut(room as usize) {
            *next = self.free;
            self.free = room.wrapping_add(1);
        }
    }

    /// A time in a room.
    pub(crate) fn time(&self, room: u32, at: u32) -> Option<u32> {
        self.rooms.get(room as usize)?.get(at as usize).copied()
    }

    /// The same, to be set.
    pub(crate) fn set(&mut self, room: u32, at: u32, time: u32) {
        if let Some(slot) = self.rooms.get_mut(room as usize).and_then(|r| r.get_mut(at as usize)) {
            *slot = time;
        }
    }
}
