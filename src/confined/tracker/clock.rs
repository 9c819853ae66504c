//! The tracker's time: the wall clock, and ticks for the windows that no setting of that clock can bend.
//!
//! Runs in: the tracker. In: the wall clock; times of attempts, not trusted. Out: seconds, milliseconds,
//! ticks. Never: lets an attempt lie in the future, runs backwards.

/// A clock that is set back by more than this is said to have been set back.
const STEP_MS: u64 = 2_000;

/// Findtime in ticks of 1/16 second. A tick is what a tally's times are exact to; 2^32 of them are 8.5 years.
pub(crate) fn ticks(seconds: u32) -> u32 {
    seconds.saturating_mul(16)
}

/// What time it is.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Clock {
    now_ms: u64,
    shift_ms: u64,
}

impl Clock {
    /// Takes a reading of the wall clock; by how many seconds it was set back since the last one.
    pub(crate) fn set(&mut self, now_ms: u64) -> u32 {
        let back = self.now_ms.saturating_sub(now_ms);
        if back > STEP_MS {
            self.shift_ms = self.shift_ms.saturating_add(back);
            self.now_ms = now_ms;
            return seconds(back);
        }
        self.now_ms = self.now_ms.max(now_ms);
        0
    }

    /// Milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Seconds since 1970.
    pub(crate) fn now_s(&self) -> u32 {
        seconds(self.now_ms)
    }

    /// This time in ticks, which go on where the clock was set back; a time in the future is now.
    pub(crate) fn tick(&self, time_ms: u64) -> u32 {
        let ms = time_ms.min(self.now_ms).saturating_add(self.shift_ms);
        (ms.wrapping_mul(2) / 125) as u32
    }
}

/// Milliseconds as whole seconds, in 32 bits: until the year 2106.
fn seconds(ms: u64) -> u32 {
    u32::try_from(ms / 1000).unwrap_or(u32::MAX)
}
