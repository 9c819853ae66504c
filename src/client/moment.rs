//! When a line was written, as it says itself.
//!
//! Runs in: the client. In: one line of a log, any bytes, hostile; the present year. Out: ISO 8601 as the line
//! has it: local time, with the zone where the line names one. Never: knows which zone a line without one
//! means, decides what the daemon counts: that counts when it reads.
use super::time::{DAY_S, pad};
use bailiff::shared::pure::bytes::Text;
use bailiff::shared::pure::date::civil;
use bailiff::shared::pure::field;
use bailiff::shared::pure::stamp::{Stamp, digits, stamp};
use core::fmt::{Display, Formatter, Result};

/// A line's own time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Moment {
    /// Seconds since 1970 by the clock of whoever wrote the line.
    local_s: u64,
    zone: Zone,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Zone {
    Unsaid,
    /// The line has seconds since 1970, or TAI64N.
    Utc,
    /// Minutes east of UTC.
    East(i16),
}

/// Keys under which services put the time of a JSON line.
const KEYS: [&[u8]; 6] = [b"time", b"timestamp", b"@timestamp", b"ts", b"StartLocal", b"date"];

/// Bytes within which a date is looked for that does not stand at the start.
const DATED_MAX: usize = 128;

impl Moment {
    /// The time that this line says it was written at.
    pub(crate) fn of(line: &[u8], now_s: u64) -> Option<Self> {
        let bare = without_priority(line);
        let read = |text: &[u8]| Self::new(&stamp(text)?.0, now_s);
        let versioned = || read(bare.strip_prefix(b"1 ")?);
        let of_request = || read(bracketed(bare)?);
        let of_field = || read(keyed(bare)?);
        let anywhere = || Self::new(&dated(bare)?, now_s);
        read(bare).or_else(versioned).or_else(of_request).or_else(of_field).or_else(anywhere)
    }

    /// A time as written. Without a year: of the latest year that does not put it into the future, but for a
    /// day, as zones differ.
    fn new(stamp: &Stamp, now_s: u64) -> Option<Self> {
        if let Some(local_s) = stamp.epoch {
            return Some(Self { local_s, zone: Zone::Utc });
        }
        let latest = now_s.saturating_add(DAY_S);
        let (year, ..) = civil(latest / DAY_S);
        let local_s = match stamp.year {
            0 => (0..9).find_map(|ago| seconds(stamp, year.checked_sub(ago)?).filter(|s| *s <= latest))?,
            year => seconds(stamp, year.into())?,
        };
        Some(Self { local_s, zone: stamp.zone.map_or(Zone::Unsaid, Zone::East) })
    }

    /// Seconds since 1970; by the clock of whoever wrote it where no zone is named.
    pub(crate) fn seconds(self) -> u64 {
        match self.zone {
            Zone::East(minutes) => self.local_s.saturating_add_signed(i64::from(minutes).saturating_mul(-60)),
            _ => self.local_s,
        }
    }

    /// The same in one word.
    pub(crate) fn pack(self) -> u64 {
        let zone = match self.zone {
            Zone::Unsaid => 0,
            Zone::Utc => 1,
            Zone::East(minutes) => 10_000u16.saturating_add_signed(minutes),
        };
        self.local_s << 16 | u64::from(zone)
    }

    /// What was packed.
    pub(crate) fn unpack(word: u64) -> Self {
        let zone = match (word & 0xffff) as u16 {
            0 => Zone::Unsaid,
            1 => Zone::Utc,
            other => Zone::East((other as i16).saturating_sub(10_000)),
        };
        Self { local_s: word >> 16, zone }
    }
}

impl Display for Moment {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let (year, month, day) = civil(self.local_s / DAY_S);
        let s = self.local_s % DAY_S;
        let mut buf = [0; 48];
        let mut text = Text::new(&mut buf);
        let two = |text: &mut Text<'_>, value: u64| _ = text.dec(value / 10).dec(value % 10);
        text.dec(year / 1000).dec(year / 100 % 10);
        two(&mut text, year % 100);
        for (before, value) in
            [(b'-', month), (b'-', day), (b'T', s / 3600), (b':', s / 60 % 60), (b':', s % 60)]
        {
            two(text.byte(before), value);
        }
        match self.zone {
            Zone::Unsaid => {}
            Zone::Utc => _ = text.byte(b'Z'),
            Zone::East(minutes) => {
                let east = u64::from(minutes.unsigned_abs());
                two(text.byte(if minutes < 0 { b'-' } else { b'+' }), east / 60);
                two(text.byte(b':'), east % 60);
            }
        }
        pad(f, text)
    }
}

/// Seconds since 1970 of this stamp in this year, if there is such a day.
fn seconds(stamp: &Stamp, year: u64) -> Option<u64> {
    let (month, day) = (u64::from(stamp.month), u64::from(stamp.day));
    let days = days(year, month, day)?;
    if civil(days) != (year, month, day) {
        return None;
    }
    let of_day = u64::from(stamp.hour) * 3600 + u64::from(stamp.minute) * 60 + u64::from(stamp.second);
    Some(days * DAY_S + of_day)
}

/// Days since 1970-01-01: Howard Hinnant's `days_from_civil` for years from 1970 on; `civil` is its inverse.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = year.checked_sub((month <= 2).into())?;
    let (era, of_era) = (year / 400, year % 400);
    let from_march = if month > 2 { month - 3 } else { month.checked_add(9)? };
    let of_year = (153 * from_march + 2) / 5 + day.checked_sub(1)?;
    (era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year).checked_sub(719_468)
}

fn without_priority(line: &[u8]) -> &[u8] {
    let Some(inner) = line.strip_prefix(b"<") else { return line };
    digits(inner).strip_prefix(b">").unwrap_or(line)
}

/// From the `[` on of the time that an access log has before the request: `ADDR - USER [TIME] "GET ...`.
fn bracketed(line: &[u8]) -> Option<&[u8]> {
    let request = line.windows(3).position(|w| w == b"] \"")?;
    let before = line.get(..request)?;
    line.get(before.iter().rposition(|b| *b == b'[')?..)
}

/// The time among the fields of a JSON line, which may stand behind a header.
fn keyed(line: &[u8]) -> Option<&[u8]> {
    let object = line.get(line.iter().position(|b| *b == b'{')?..)?;
    KEYS.iter().find_map(|key| field::json(object, &[key]))
}

/// The first date among the first bytes of a line whose service puts something else before it.
fn dated(line: &[u8]) -> Option<Stamp> {
    let head = line.get(..DATED_MAX).unwrap_or(line);
    let mut in_word = false;
    head.iter().enumerate().find_map(|(at, b)| {
        let begins = b.is_ascii_digit() && !in_word;
        in_word = b.is_ascii_alphanumeric();
        let text = line.get(at..).filter(|_| begins)?;
        let is_of_time =
            |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b' ' | b':' | b'.' | b',' | b'/' | b'+' | b'-');
        let end = text.iter().position(|b| !is_of_time(b)).unwrap_or(text.len());
        let (stamp, _) = stamp(text.get(..end)?)?;
        (stamp.month > 0).then_some(stamp)
    })
}
