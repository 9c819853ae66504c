//! The tracker's log lines.
//!
//! Runs in: the tracker. In: bans, refusals. Out: lines of our own words, addresses and numbers. Never: a
//! stranger's text.
use super::ban::Ban;
use bailiff::shared::base::log::{Level, Log};
use bailiff::shared::pure::addr::Prefix;
use bailiff::shared::pure::bytes::Text;
use bailiff::shared::pure::wire::control::Origin;
use bailiff::shared::pure::wire::terms::Terms;

/// Year, month and day of a day since 1970-01-01, to 2106.
fn civil(mut day: u32) -> (u32, u32, u32) {
    for year in 1970..2107u32 {
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let lengths = [31, 28 + u32::from(is_leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        for (month, length) in (1..13).zip(lengths) {
            if day < length {
                return (year, month, day + 1);
            }
            day -= length;
        }
    }
    (2107, 1, 1)
}

fn two(text: &mut Text<'_>, before: u8, value: u32) {
    text.byte(before).byte(b'0' + (value / 10 % 10) as u8).byte(b'0' + (value % 10) as u8);
}

/// A time as `2026-11-21T22:10:00Z`.
pub(crate) fn time(text: &mut Text<'_>, time_s: u32) {
    let (year, month, day) = civil(time_s / 86_400);
    let s = time_s % 86_400;
    text.dec(year.into());
    two(text, b'-', month);
    two(text, b'-', day);
    two(text, b'T', s / 3600);
    two(text, b':', s / 60 % 60);
    two(text, b':', s % 60);
    text.byte(b'Z');
}

/// ` 198.51.100.7 jail sshd`.
pub(crate) fn whom(text: &mut Text<'_>, terms: &Terms, jail: u8, prefix: &Prefix) {
    let name = terms.jails().get(usize::from(jail)).map_or(&b"?"[..], |jail| jail.name.bytes());
    text.byte(b' ').prefix(prefix).bytes(b" jail ").bytes(name);
}

/// ` failures 5 rule 3 until 2026-11-21T22:10:00Z`, the first part only for a filter's ban.
fn what(text: &mut Text<'_>, ban: &Ban) {
    if ban.origin == Origin::Filter {
        text.bytes(b" failures ").dec(ban.failures.into()).bytes(b" rule ").dec(ban.rule.into());
    }
    if ban.end_s == 0 {
        text.bytes(b" for ever");
    } else {
        time(text.bytes(b" until "), ban.end_s);
    }
}

/// A ban is held.
pub(crate) fn banned(log: &Log, terms: &Terms, ban: &Ban) {
    log.line(Level::Notice, |t| {
        whom(t.bytes(b"banned"), terms, ban.jail, &ban.prefix);
        what(t, ban);
        if ban.origin == Origin::Operator {
            t.bytes(b" by uid ").dec(ban.offset);
        }
        t.bytes(if terms.dry_run { b" (dry run)" } else { b"" });
    });
}

/// A ban was lifted.
pub(crate) fn unbanned(log: &Log, terms: &Terms, ban: &Ban, uid: u32) {
    log.line(Level::Notice, |t| {
        whom(t.bytes(b"unbanned"), terms, ban.jail, &ban.prefix);
        t.bytes(b" by uid ").dec(uid.into());
    });
}

/// A ban is over.
pub(crate) fn ended(log: &Log, terms: &Terms, ban: &Ban) {
    log.line(Level::Notice, |t| whom(t.bytes(b"ban ended"), terms, ban.jail, &ban.prefix));
}

/// A verdict came to nothing.
pub(crate) fn refused(log: &Log, terms: &Terms, ban: &Ban, why: &str) {
    log.line(Level::Notice, |t| {
        whom(t.bytes(b"refused"), terms, ban.jail, &ban.prefix);
        t.bytes(b": ").bytes(why.as_bytes());
    });
}

/// `text: N`.
pub(crate) fn counted(log: &Log, level: Level, what: &str, count: u64) {
    log.line(level, |t| {
        t.bytes(what.as_bytes()).bytes(b": ").dec(count);
    });
}
