//! The client's text: words in, tables, sentences and JSON out.
#![allow(dead_code, reason = "the tests use only a part of what the client does")]
#![allow(redundant_imports, reason = "without std, String and Vec have to be imported")]

#[path = "../../src/client/audit.rs"]
mod audit;
#[path = "../../src/client/canonical.rs"]
pub(crate) mod canonical;
#[path = "../../src/client/chain.rs"]
pub(crate) mod chain;
#[path = "../../src/client/choice.rs"]
mod choice;
#[path = "../../src/client/config.rs"]
mod config;
#[path = "../../src/client/evidence.rs"]
mod evidence;
#[path = "../../src/client/explain.rs"]
mod explain;
#[path = "../../src/client/filters.rs"]
mod filters;
#[path = "../../src/client/hits.rs"]
mod hits;
#[path = "../../src/client/json.rs"]
mod json;
#[path = "../../src/client/legend.rs"]
mod legend;
#[path = "../../src/client/lint.rs"]
mod lint;
#[path = "../../src/client/look.rs"]
mod look;
#[path = "../../src/client/moment.rs"]
mod moment;
#[path = "../../src/client/out.rs"]
mod out;
#[path = "../../src/client/outcome.rs"]
mod outcome;
#[path = "../../src/client/own.rs"]
mod own;
#[path = "../../src/client/patterns.rs"]
mod patterns;
#[path = "../../src/client/reading.rs"]
mod reading;
#[path = "../../src/client/record.rs"]
mod record;
#[path = "../../src/client/report.rs"]
mod report;
#[path = "../../src/client/shapes.rs"]
mod shapes;
#[path = "../../src/client/show.rs"]
mod show;
#[path = "../../src/client/summary.rs"]
mod summary;
#[path = "../../src/client/talk.rs"]
mod talk;
#[path = "../../src/client/tallies.rs"]
mod tallies;
#[path = "../../src/client/test.rs"]
mod test;
#[path = "../../src/client/time.rs"]
mod time;
#[path = "../../src/client/words.rs"]
mod words;

mod lines;
mod page;
mod records;
mod trial;

use super::filters::compiler;
use bailiff::shared::pure::addr::Prefix;
use bailiff::shared::pure::wire::control::{ANY_JAIL, Ask, Request};
use words::{Command, Verb, parse};

fn words<'a>(line: &'a str) -> Result<Command<'a>, String> {
    parse(line.split(' ').filter(|w| !w.is_empty()).map(str::as_bytes)).map_err(|usage| usage.to_string())
}

/// Dates by `date -u -d @SECONDS`.
#[test]
fn dates() {
    for (s, date) in [
        (0, "1970-01-01 00:00:00Z"),
        (951_782_399, "2000-02-28 23:59:59Z"),
        (951_782_400, "2000-02-29 00:00:00Z"),
        (951_868_800, "2000-03-01 00:00:00Z"),
        (1_795_298_999, "2026-11-21 22:09:59Z"),
        (4_107_542_400, "2100-03-01 00:00:00Z"),
        (4_107_542_399, "2100-02-28 23:59:59Z"),
        (253_402_300_799, "9999-12-31 23:59:59Z"),
    ] {
        assert_eq!(time::Utc(s).to_string(), date);
    }
    // A daemon gone mad must not end the client.
    assert!(time::Utc(u64::MAX).to_string().ends_with('Z'));
}

/// Every day of two centuries follows from the one before.
#[test]
fn calendar() {
    let (mut year, mut month, mut day) = (1970, 1, 1);
    for n in 0..200 * 365 {
        assert_eq!(time::Utc(n * 86_400).to_string(), format!("{year:04}-{month:02}-{day:02} 00:00:00Z"));
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
        (year, month, day) = match (month, day) {
            (12, 31) => (year + 1, 1, 1),
            (m, d) if d == days => (year, m + 1, 1),
            (m, d) => (year, m, d + 1),
        };
    }
}

#[test]
fn spans() {
    for (s, text) in
        [(0, "0s"), (59, "59s"), (600, "10m"), (598, "9m58s"), (129_600, "1d12h"), (90_061, "1d1h1m1s")]
    {
        assert_eq!(time::Span(s).to_string(), text);
        assert_eq!(time::duration(text.as_bytes()), (s != 0).then_some(s as u32), "{text}");
    }
    assert_eq!(time::Term(0).to_string(), "forever");
    assert_eq!(time::Until(0).to_string(), "for ever");
    assert_eq!(time::duration(b"forever"), Some(0));
    assert_eq!(time::duration(b"1w"), Some(604_800));
    assert_eq!(time::duration(b"365d"), Some(31_536_000));
    for wrong in
        ["", "10", "m", "10x", "1h1d", "1m1m", "-1s", "366d", "99999999999999999999s", "213503982334602d"]
    {
        assert_eq!(time::duration(wrong.as_bytes()), None, "{wrong}");
    }
}

#[test]
fn requests() {
    let request = |ask, prefix: &str, jail: &[u8], duration_s| {
        let mut name = ANY_JAIL;
        name[..jail.len()].copy_from_slice(jail);
        let prefix =
            if prefix.is_empty() { Prefix::default() } else { Prefix::parse(prefix.as_bytes()).unwrap() };
        Request { ask, prefix, jail: name, duration_s }
    };
    for (line, expected) in [
        ("status", request(Ask::Status, "", b"", 0)),
        ("jails", request(Ask::Status, "", b"", 0)),
        ("list", request(Ask::List, "", b"", 0)),
        ("--jail sshd list", request(Ask::List, "", b"sshd", 0)),
        ("explain 198.51.100.7", request(Ask::Explain, "198.51.100.7/32", b"", 0)),
        ("explain ::ffff:198.51.100.7", request(Ask::Explain, "198.51.100.7/32", b"", 0)),
        ("ban 198.51.100.7", request(Ask::Ban, "198.51.100.7", b"", 77)),
        ("ban --for 1d12h 2001:db8::/48 --jail sshd", request(Ask::Ban, "2001:db8::/48", b"sshd", 129_600)),
        ("ban 2001:db8::1 --for forever", request(Ask::Ban, "2001:db8::1", b"", 0)),
        ("unban 198.51.100.0/24", request(Ask::Unban, "198.51.100.0/24", b"", 0)),
    ] {
        assert_eq!(words(line).unwrap().request(77), expected, "{line}");
    }
    let all = words("--config a --socket b --json list").unwrap();
    assert_eq!((all.config, all.socket, all.json), (Some(&b"a"[..]), Some(&b"b"[..]), true));
    assert_eq!(words("--help ban").unwrap().verb, Verb::Help);
    assert_eq!(words("version").unwrap().verb, Verb::Version);
    let test = words("test sshd[mode=ddos] - --all --json").unwrap();
    assert_eq!((test.verb, test.operands), (Verb::Test, [Some(&b"sshd[mode=ddos]"[..]), Some(b"-")]));
    assert!(test.all && test.json);
    assert_eq!(words("test sshd --line -x").unwrap().line, Some(&b"-x"[..]));
    assert_eq!(words("audit verify f").unwrap().operands, [Some(&b"verify"[..]), Some(b"f")]);
    assert_eq!(words("filters show sshd").unwrap().operands, [Some(&b"show"[..]), Some(b"sshd")]);
}

#[test]
fn usage() {
    let network =
        "expected an address, or a network such as 198.51.100.0/24 with no bit set behind its length"
            .to_string();
    for (line, expected) in [
        (
            "",
            "expected status, jails, list, explain, ban, unban, test, filters, audit, version or help".into(),
        ),
        (
            "bam",
            "bam: expected status, jails, list, explain, ban, unban, test, filters, audit, version or help"
                .into(),
        ),
        ("ban", network.clone()),
        ("ban 198.51.100.7/24", format!("198.51.100.7/24: {network}")),
        ("ban 198.51.100.7/33", format!("198.51.100.7/33: {network}")),
        ("unban example.org", format!("example.org: {network}")),
        ("ban \u{1b}[31m", format!("\\x1b[31m: {network}")),
        (
            "explain 198.51.100.0/24",
            "198.51.100.0/24: expected an address such as 198.51.100.7 or 2001:db8::7".into(),
        ),
        ("ban 198.51.100.7 10m", "10m: expected nothing behind the address".into()),
        ("status now", "now: expected nothing but options behind it".into()),
        ("status --jail sshd", "--jail: expected it with list, ban or unban only".into()),
        ("unban 198.51.100.7 --for 10m", "--for: expected it with ban only".into()),
        (
            "ban 198.51.100.7 --for 10",
            "10: expected behind --for a duration such as 10m or 1d12h, 1s to 365d, or forever".into(),
        ),
        ("list --jail", "expected a jail's name behind --jail: at most 24 of a-z, 0-9, _ and -".into()),
        (
            "list --jail Sshd",
            "Sshd: expected a jail's name behind --jail: at most 24 of a-z, 0-9, _ and -".into(),
        ),
        ("list --jail a --jail b", "--jail: expected each option once".into()),
        ("list --all", "--all: expected it with test only".into()),
        ("list --long", "--long: expected --config, --socket, --json, --jail, --for, --all or --line".into()),
        ("test a b c", "c: expected at most a filter and a file behind test".into()),
        ("audit verify a b", "b: expected verify or list-widened, and a file, behind audit".into()),
        ("test --line", "expected a line of a log behind --line".into()),
        ("test --line x", "--line: expected it with test and a filter only".into()),
        ("test sshd - --line x", "--line: expected it with test and a filter only".into()),
        ("ban 198.51.100.7 --line x", "--line: expected it with test and a filter only".into()),
        (
            "filters show sshd now",
            "now: expected nothing, or show or check and a filter, behind filters".into(),
        ),
    ] {
        assert_eq!(words(line), Err(expected), "{line}");
    }
}
