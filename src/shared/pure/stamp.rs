//! Times that services write before their messages.
//!
//! Runs in: the watcher, the client's `test`, the filter compiler. In: one line, any bytes, hostile. Out: what
//! stands behind the time, and the time as written. Never: decides anything by a time's value: a line counts
//! when it is read.

/// A time as a line has it: local time of whoever wrote it; 0 where it does not say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stamp {
    /// Year, four digits; 0: not written.
    pub year: u16,
    /// Month, 1 to 12; 0: not written.
    pub month: u8,
    /// Day of the month, 1 to 31; 0: not written.
    pub day: u8,
    /// Hour, 0 to 23.
    pub hour: u8,
    /// Minute, 0 to 59.
    pub minute: u8,
    /// Second, 0 to 60.
    pub second: u8,
    /// Minutes east of UTC, if written.
    pub zone: Option<i16>,
    /// Seconds since 1970, for a stamp that is only that.
    pub epoch: Option<u64>,
}

/// The shapes of a time: `Y` year, `y` its last two digits, `M` month, `B` its English name, `D` day, `h` `m`
/// `s`; `W` a day of the week, `Z` a zone's name. Day and hour may be padded by a blank, or one digit. These
/// open with digits, by what stands behind the first of them.
fn shapes(behind: u8) -> &'static [&'static [u8]] {
    match behind {
        b'-' => &[b"Y-M-DTh:m:s", b"Y-M-D h:m:s", b"D-B-Y h:m:s", b"D-M-Y h:m:s", b"M-D h:m:s"],
        b'/' => &[b"Y/M/D h:m:s", b"D/B/Y:h:m:s", b"D/B/Y h:m:s", b"M/D/Y - h:m:s", b"M/D/Y h:m:s"],
        b' ' => &[b"D B Y h:m:s", b"yMD h:m:s"],
        b'.' => &[b"D.M.Y h:m:s", b"Y.M.D h:m:s"],
        b':' => &[b"Y:M:D-h:m:s", b"h:m:s"],
        _ => &[],
    }
}

/// Those that open with a name, by what stands behind that.
fn named_shapes(behind: u8) -> &'static [&'static [u8]] {
    match behind {
        b' ' => &[b"B D h:m:s", b"B D Y h:m:s", b"W B D h:m:s", b"Z B D h:m:s"],
        b'-' => &[b"B-D-y h:m:s"],
        _ => &[],
    }
}

const DAYS: [&[u8; 3]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];

/// Names of zones that stand behind a time, in minutes east of UTC. Not every word in capitals is one.
const ZONES: [(&[u8], i16); 13] = [
    (b"UTC", 0),
    (b"GMT", 0),
    (b"CEST", 120),
    (b"CET", 60),
    (b"BST", 60),
    (b"EEST", 180),
    (b"EET", 120),
    (b"MSK", 180),
    (b"EDT", -240),
    (b"EST", -300),
    (b"CDT", -300),
    (b"PDT", -420),
    (b"PST", -480),
];

/// A time at the start of the line, perhaps in brackets, and what stands behind it, a colon and blanks.
pub fn stamp(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let (stamp, rest) = match line.strip_prefix(b"[") {
        Some(inner) => {
            let (stamp, rest) = time(inner)?;
            (stamp, rest.strip_prefix(b"]")?)
        }
        None => time(line)?,
    };
    let rest = rest.strip_prefix(b":").unwrap_or(rest);
    match rest.first() {
        None | Some(b' ' | b'\t') => Some((stamp, blanks(rest))),
        _ => None,
    }
}

/// What stands behind spaces and tabs.
pub fn blanks(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', behind @ ..] = text {
        text = behind;
    }
    text
}

fn time(text: &[u8]) -> Option<(Stamp, &[u8])> {
    // No shape has more than six letters or digits before something else.
    let behind = || text.iter().take(7).copied().find(|b| !b.is_ascii_alphanumeric());
    let shapes = match text.first()? {
        b'@' => return tai64n(text),
        b'0'..=b'9' if text.get(10).is_some_and(|b| matches!(b, b' ' | b'.')) && epoch(text).is_some() => {
            return epoch(text);
        }
        b'0'..=b'9' => shapes(behind()?),
        b'A'..=b'Z' => named_shapes(behind()?),
        _ => return None,
    };
    let (mut stamp, rest) = shapes.iter().find_map(|shape| shaped(shape, text))?;
    let rest = fraction(rest);
    let rest = if stamp.year == 0 { year_behind(&mut stamp, rest) } else { rest };
    Some(zoned(stamp, rest))
}

/// The time of this shape at the start of the text.
fn shaped<'a>(shape: &[u8], text: &'a [u8]) -> Option<(Stamp, &'a [u8])> {
    let mut stamp = Stamp::default();
    let mut rest = text;
    for piece in shape {
        rest = match piece {
            b'Y' => number(&mut stamp.year, 4, 4, 9999, rest)?,
            b'y' => number(&mut stamp.year, 2, 2, 99, rest)?,
            b'M' => small(&mut stamp.month, 2, 12, rest)?,
            b'D' => small(&mut stamp.day, 1, 31, rest.strip_prefix(b" ").unwrap_or(rest))?,
            b'h' => small(&mut stamp.hour, 1, 23, rest.strip_prefix(b" ").unwrap_or(rest))?,
            b'm' => small(&mut stamp.minute, 2, 59, rest)?,
            b's' => small(&mut stamp.second, 2, 60, rest)?,
            b'B' => month(&mut stamp, rest)?,
            b'W' => DAYS.iter().find_map(|d| rest.strip_prefix(*d))?,
            b'Z' => word(rest)?,
            other => rest.strip_prefix(&[*other])?,
        };
    }
    if stamp.year > 0 && stamp.year < 100 {
        stamp.year = stamp.year.saturating_add(2000);
    }
    Some((stamp, rest))
}

/// `least` to `most` digits of a number up to `max`.
fn number<'a>(to: &mut u16, least: u8, most: u8, max: u16, text: &'a [u8]) -> Option<&'a [u8]> {
    let (mut rest, mut value, mut digits) = (text, 0u16, 0u8);
    while let [b @ b'0'..=b'9', behind @ ..] = rest {
        if digits == most {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(u16::from(b.wrapping_sub(b'0')));
        digits = digits.wrapping_add(1);
        rest = behind;
    }
    *to = value;
    (digits >= least && value <= max).then_some(rest)
}

/// One or two digits.
fn small<'a>(to: &mut u8, least: u8, max: u8, text: &'a [u8]) -> Option<&'a [u8]> {
    let digit = |b: &u8| b.wrapping_sub(b'0');
    let rest = match text {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', rest @ ..] => {
            *to = digit(a).wrapping_mul(10).wrapping_add(digit(b));
            rest
        }
        [a @ b'0'..=b'9', rest @ ..] if least == 1 => {
            *to = digit(a);
            rest
        }
        _ => return None,
    };
    (*to <= max).then_some(rest)
}

fn month<'a>(stamp: &mut Stamp, text: &'a [u8]) -> Option<&'a [u8]> {
    let (name, rest) = text.split_first_chunk::<3>()?;
    stamp.month = match name {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    };
    Some(rest)
}

/// Two to five capital letters: a zone's name in front.
fn word(text: &[u8]) -> Option<&[u8]> {
    let capitals = text.iter().zip(0..6).take_while(|(b, _)| b.is_ascii_uppercase()).count();
    if (2..=5).contains(&capitals) { text.get(capitals..) } else { None }
}

/// Without a fraction of a second.
pub fn fraction(text: &[u8]) -> &[u8] {
    match text {
        [b'.' | b',', b'0'..=b'9', ..] => digits(text.get(1..).unwrap_or(&[])),
        _ => text,
    }
}

/// What stands behind the digits.
pub fn digits(mut text: &[u8]) -> &[u8] {
    while let [b'0'..=b'9', behind @ ..] = text {
        text = behind;
    }
    text
}

/// ` 2013` behind a time that named no year: `Wed Jul 17 23:14:37 2013`.
fn year_behind<'a>(stamp: &mut Stamp, text: &'a [u8]) -> &'a [u8] {
    let Some(inner) = text.strip_prefix(b" ") else { return text };
    let mut year = 0;
    match number(&mut year, 4, 4, 9999, inner) {
        Some(rest) if year > 1900 && rest.first().is_none_or(|b| matches!(b, b' ' | b']' | b':')) => {
            stamp.year = year;
            rest
        }
        _ => text,
    }
}

/// `Z`, `+01:00`, `+0100`, `-01`, each with or without a blank before it, or a zone's name.
fn zoned(mut stamp: Stamp, text: &[u8]) -> (Stamp, &[u8]) {
    let inner = text.strip_prefix(b" ").unwrap_or(text);
    if inner.first().is_none_or(|b| b.is_ascii_lowercase()) {
        return (stamp, text);
    }
    let ends = |rest: &[u8]| rest.first().is_none_or(|b| matches!(b, b' ' | b']' | b':' | b'\t'));
    let (zone, rest) = match inner {
        [b'Z', rest @ ..] => (Some(0), rest),
        [sign @ (b'+' | b'-'), a @ b'0'..=b'9', b @ b'0'..=b'9', rest @ ..] => {
            let hours =
                i16::from(a.wrapping_sub(b'0')).wrapping_mul(10).wrapping_add((b.wrapping_sub(b'0')).into());
            let (minutes, rest) = match rest {
                [b':', c @ b'0'..=b'9', d @ b'0'..=b'9', rest @ ..]
                | [c @ b'0'..=b'9', d @ b'0'..=b'9', rest @ ..] => {
                    let tens = i16::from(c.wrapping_sub(b'0')).wrapping_mul(10);
                    (tens.wrapping_add(d.wrapping_sub(b'0').into()), rest)
                }
                _ => (0, rest),
            };
            let all = hours.wrapping_mul(60).wrapping_add(minutes);
            (Some(if *sign == b'-' { all.wrapping_neg() } else { all }), rest)
        }
        _ => match ZONES.iter().find_map(|(name, zone)| Some((*zone, inner.strip_prefix(*name)?))) {
            Some((zone, rest)) => (Some(zone), rest),
            None => (None, text),
        },
    };
    if zone.is_none() || !ends(rest) {
        return (stamp, text);
    }
    stamp.zone = zone;
    (stamp, rest)
}

/// Ten digits: seconds since 1970, with or without a fraction.
fn epoch(text: &[u8]) -> Option<(Stamp, &[u8])> {
    let (seconds, rest) = text.split_at_checked(10)?;
    let stamp = Stamp { epoch: super::bytes::decimal(seconds), ..Stamp::default() };
    stamp.epoch.is_some().then_some((stamp, fraction(rest)))
}

/// `@` and 24 hexadecimal digits: seconds since 1970 above 2^62 + 10, and nanoseconds (cr.yp.to/libtai/tai64.html).
fn tai64n(text: &[u8]) -> Option<(Stamp, &[u8])> {
    let (label, rest) = text.strip_prefix(b"@")?.split_first_chunk::<24>()?;
    let mut seconds = 0u64;
    for (digit, place) in label.iter().zip(0u8..) {
        let value = char::from(*digit).to_digit(16)?;
        if place < 16 {
            seconds = seconds.wrapping_shl(4) | u64::from(value);
        }
    }
    let epoch = seconds.checked_sub((1 << 62) + 10);
    Some((Stamp { epoch, ..Stamp::default() }, rest))
}
