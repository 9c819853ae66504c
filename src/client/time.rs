//! Times as an operator reads and writes them.
//!
//! Runs in: the client. In: seconds from the daemon, a duration from the command line. Out: `2026-11-21
//! 22:10:00Z`, `9m58s`; seconds. Never: knows a time zone, a leap second or a locale.
use bailiff::shared::pure::bytes::{Text, decimal};
use bailiff::shared::pure::date::civil;
use bailiff::shared::pure::wire::terms::LONGEST_S;
use core::fmt::{Display, Formatter, Result};

pub(crate) const DAY_S: u64 = 86_400;
const UNITS: [(u8, u64); 4] = [(b'd', DAY_S), (b'h', 3600), (b'm', 60), (b's', 1)];

/// A moment, in seconds since 1970, printed as a date of UTC.
#[derive(Clone, Copy)]
pub(crate) struct Utc(pub(crate) u64);

/// When a ban ends; 0 is never.
#[derive(Clone, Copy)]
pub(crate) struct Until(pub(crate) u64);

/// A length of time in seconds, printed as the configuration takes it: `1d12h`, `9m58s`, `0s`.
#[derive(Clone, Copy)]
pub(crate) struct Span(pub(crate) u64);

/// How long a ban lasts, in seconds; 0 is for ever.
#[derive(Clone, Copy)]
pub(crate) struct Term(pub(crate) u64);

impl Display for Utc {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let (year, month, day) = civil(self.0 / DAY_S);
        let s = self.0 % DAY_S;
        let mut buf = [0; 48];
        let mut text = Text::new(&mut buf);
        text.dec(year).byte(b'-');
        for (value, behind) in
            [(month, b'-'), (day, b' '), (s / 3600, b':'), (s / 60 % 60, b':'), (s % 60, b'Z')]
        {
            text.dec(value / 10).dec(value % 10).byte(behind);
        }
        pad(f, text)
    }
}

impl Display for Until {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.0 == 0 { f.pad("for ever") } else { Utc(self.0).fmt(f) }
    }
}

impl Display for Span {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let mut buf = [0; 48];
        let mut text = Text::new(&mut buf);
        let mut rest = self.0;
        for (unit, size) in UNITS {
            if rest >= size || size == 1 && self.0 == 0 {
                text.dec(rest / size).byte(unit);
            }
            rest %= size;
        }
        pad(f, text)
    }
}

impl Display for Term {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.0 == 0 { f.pad("forever") } else { Span(self.0).fmt(f) }
    }
}

/// Writes ASCII text in the width that was asked for.
pub(crate) fn pad(f: &mut Formatter<'_>, text: Text<'_>) -> Result {
    f.pad(core::str::from_utf8(text.finish()).unwrap_or("?"))
}

/// A duration as the configuration takes it: numbers with w, d, h, m or s behind them, the larger unit first,
/// 1 s to 365 days; `forever` is 0.
pub(crate) fn duration(text: &[u8]) -> Option<u32> {
    let (mut rest, mut total) = (text, 0u64);
    if text == b"forever" {
        return Some(0);
    }
    for (unit, size) in [(b'w', 7 * DAY_S)].into_iter().chain(UNITS) {
        let Some(at) = rest.iter().position(|b| *b == unit) else { continue };
        let (number, behind) = rest.split_at_checked(at)?;
        total = total.checked_add(decimal(number)?.checked_mul(size)?)?;
        rest = behind.get(1..)?;
    }
    let total = u32::try_from(total).ok().filter(|s| (1..=LONGEST_S).contains(s))?;
    rest.is_empty().then_some(total)
}
