//! `test`, over a whole log: tallies against a naive count, shapes, the report, one line explained, the catalogue.
use super::choice::Choice;
use super::hits::kept;
use super::lint;
use super::look::default_modes;
use super::moment::Moment;
use super::patterns::catalogue;
use super::report::Report;
use super::shapes::{Shapes, is_grave, is_suspect};
use super::summary::summary;
use super::tallies::{Limits, Tallies};
use bailiff::shared::base::lines::LONGEST;
use bailiff::shared::pure::addr::Addr;
use bailiff::shared::pure::filter::{FILTERS, named};
use bailiff::shared::pure::form::{Form, Seen};
use bailiff::shared::pure::settings::{self, Catalogue, Settings};
use std::collections::BTreeMap;

/// 2026-11-21 22:03:40Z.
const NOW_S: u64 = 1_795_298_620;

fn at(s: u64) -> Option<Moment> {
    Moment::of(format!("{} x", 1_700_000_000 + s).as_bytes(), NOW_S)
}

fn settings(text: &str) -> Box<Settings> {
    let mut settings = Box::new(Settings::EMPTY);
    let catalogue = Catalogue { built: FILTERS, own: &[], loose: true };
    assert!(settings::read(text.as_bytes(), catalogue, &mut settings).is_ok());
    settings
}

#[test]
fn the_default_limits_are_the_configuration_s() {
    let settings = settings("[jail.sshd]\nenabled = true\n");
    let jail = settings.terms.jails().iter().find(|j| j.name.bytes() == b"sshd").unwrap();
    assert_eq!(Limits { jail: None, ..Limits::of(jail) }, Limits::DEFAULT);
}

#[test]
fn tallies_against_a_naive_count() {
    let limits = Limits { maxretry: 3, findtime_s: 60, bantime_s: 100, ..Limits::DEFAULT };
    let mut table = Tallies::new(3).unwrap();
    let mut dice = super::super::watcher::Dice(3);
    // Attempts; times that count; end of the ban; bans.
    let mut naive: BTreeMap<(u8, Addr), (u64, Vec<u64>, u64, u32)> = BTreeMap::new();
    let mut now = 0;
    for _ in 0..60_000 {
        now += dice.below(3);
        let (filter, weight) = (dice.below(2) as u8, 1 + dice.below(2) as u16);
        let last = dice.below(800);
        let addr = if last < 400 {
            Addr::v4([198, 51, (last / 256) as u8, last as u8])
        } else {
            Addr::parse(format!("2001:db8:0:{:x}::{:x}", last / 8, last % 8).as_bytes()).unwrap()
        };
        let one = naive.entry((filter, if addr.is_v4() { addr } else { addr.masked(64) })).or_default();
        one.0 += u64::from(weight);
        if now >= one.2 {
            one.1.extend(std::iter::repeat_n(now, weight.into()));
            one.1.retain(|time| now - time <= 60);
            if one.1.len() >= 3 {
                (one.1, one.2, one.3) = (Vec::new(), now + 100, one.3 + 1);
            }
        }
        table.note(filter, (addr, weight), at(now), &limits);
    }
    table.sort();
    for filter in [0, 1] {
        let tallies: Vec<_> = table.of(filter).collect();
        assert!(tallies.is_sorted_by(|a, b| a.attempts >= b.attempts));
        let found: BTreeMap<_, _> =
            tallies.iter().map(|t| (t.net().addr, (t.attempts, t.bans, t.several))).collect();
        let expected: BTreeMap<_, _> = naive
            .iter()
            .filter(|((f, _), _)| *f == filter)
            .map(|((_, addr), one)| (*addr, (one.0, one.3, !addr.is_v4())))
            .collect();
        assert_eq!(found, expected);
    }
    assert!(naive.values().any(|one| one.3 > 3) && table.untold == 0);
}

#[test]
fn a_full_table_counts_the_rest() {
    let mut table = Tallies::new(1).unwrap();
    let room = (1u32 << 17) - (1 << 14);
    for n in 0..room + 1000 {
        table.note(0, (Addr::v4(n.to_be_bytes()), 1), None, &Limits::DEFAULT);
        table.note(0, (Addr::v4([0; 4]), 1), None, &Limits::DEFAULT);
    }
    assert_eq!(table.untold, 1000);
    table.sort();
    assert_eq!(table.of(0).next().unwrap().attempts, u64::from(room) + 1001, "those that are there go on");
    assert_eq!(table.of(0).count(), room as usize);
}

#[test]
fn what_looks_like_a_failure() {
    for (text, grave) in [
        ("Failed login", true),
        ("LOGIN FAILURE", true),
        ("unauthenticated", false),
        ("pam authentication", true),
        ("bad password", true),
        ("a badc0de, 1bad", false),
        ("BAD", true),
        ("fai", false),
        ("connection refused", true),
        ("", false),
        ("session opened", false),
    ] {
        assert_eq!(is_grave(text.as_bytes()), grave, "{text}");
    }
    let seen = |text: &'static str| Seen { peer: Addr::default(), message: text.as_bytes(), times: 1 };
    assert!(is_suspect(Form::Text, &seen("login failed: 198.51.100.7")));
    assert!(!is_suspect(Form::Text, &seen("login failed: 198.51.100.7.example")));
    assert!(is_suspect(Form::Access, &seen("login failed")), "its form names the peer");
}

#[test]
fn shapes_are_grouped() {
    let mut shapes = Shapes::new().unwrap();
    for n in 0..300 {
        shapes
            .note(7, format!("login of u failed from 198.51.100.{}:{} (pid {n})", n % 256, n * 7).as_bytes());
        shapes.note(7, format!("error {n}: [2001:db8::{n:x}] x1y").as_bytes());
        shapes.note(7, format!("error {n}: [2001:db8::{n:x}] x1y").as_bytes());
        shapes.note(8, format!("bad {}", "b".repeat(n)).as_bytes());
    }
    let mut found = Vec::new();
    let more =
        shapes.of(7, 10, |n, sample| found.push((n, String::from_utf8(kept(sample).0.to_vec()).unwrap())));
    let expected = [(600, "error N: <addr> xNy"), (300, "login of u failed from <addr> (pid N)")];
    assert_eq!((found, more), (expected.map(|(n, text)| (n, text.to_string())).to_vec(), 0));
    let (mut count, mut cut) = (0, 0);
    let more = shapes.of(8, 10, |n, sample| {
        count += n;
        cut += u64::from(kept(sample).1);
    });
    // The shapes above 240 bytes are one.
    assert_eq!((more, cut), (238 - 10, 1));
    assert_eq!(count, 9 + 63);
}

const LOG: [&str; 8] = [
    "Nov 21 19:55:43 victim sshd[284]: Invalid user \x1b[31m from 198.51.100.66 port 59094",
    "Nov 21 19:55:44 victim sshd[284]: Failed password for root from 198.51.100.66 port 59094 ssh2",
    "Nov 21 19:55:45 victim sshd[284]: Failed password for root from 198.51.100.66 port 59094 ssh2",
    "Nov 21 19:55:45 victim sshd[284]: Failed password for root from 203.0.113.5 port 59094 ssh2",
    "Nov 21 19:55:47 host sshd[288]: Failed none for alice from 198.51.100.7 port 59098 ssh2",
    "Nov 21 19:55:48 host sshd[288]: Connection closed by 198.51.100.7 port 59098 [preauth]",
    "Nov 21 19:55:49 host sshd[288]: Something failed for 198.51.100.7 port 59098",
    "Nov 21 19:55:50 host CRON[288]: x",
];

fn report(lines: &[&str], settings: Option<&Settings>) -> String {
    let (choice, modes) = (Choice::parse(b"sshd", b"").unwrap(), default_modes());
    let mut report = Report::new(&choice, &modes, settings, NOW_S).unwrap();
    lines.iter().for_each(|line| report.take(Some(line.as_bytes())));
    report.take(None);
    let mut text = String::new();
    summary(&mut text, &mut report, false).unwrap();
    assert!(text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\n')), "{text:?}");
    text
}

fn rule_of(line: &str) -> (u16, &'static str) {
    let number = named(b"sshd").unwrap();
    let found = bailiff::shared::pure::engine::scan(number, 255, line.as_bytes()).unwrap();
    let rule = &FILTERS[usize::from(number)].rules[usize::from(found.rule)];
    (rule.line, rule.text)
}

#[test]
fn report_for_people() {
    let settings = settings(
        "[guard]\nnever_ban = [\"203.0.113.0/24\"]\n\
         [jail.ssh]\nenabled = true\nfilter = \"sshd\"\nmode = \"ddos\"\nmaxretry = 3\n\
         [jail.mine]\nenabled = true\nfilter = \"one-of-my-own\"\nlogs = [\"/x\"]\n",
    );
    let ((failed, failed_text), (invalid, invalid_text)) = (rule_of(LOG[1]), rule_of(LOG[0]));
    let expected = format!(
        r#"
sshd, mode normal
           9 lines
           4 match
           1 are of its service, and ignored on purpose
           2 are of its service, and no pattern takes them; 1 of them count in another mode
           1 are of others
           1 are longer than {LONGEST} bytes, and never looked at

        HITS  PATTERN, by its line in filters/sshd.filter, and one line that it took
           3  {failed}: {failed_text}
                  Nov 21 19:55:44 victim sshd[284]: Failed password for root from 198.51.100.66 port 59094 ssh2
           1  {invalid}: {invalid_text}
                  Nov 21 19:55:43 victim sshd[284]: Invalid user \x1b[31m from 198.51.100.66 port 59094

ADDRESS                                   ATTEMPTS  FIRST                     LAST                      WOULD BE BANNED
198.51.100.66                                    3  2026-11-21T19:55:43       2026-11-21T19:55:45       yes
203.0.113.5                                      1  2026-11-21T19:55:45       2026-11-21T19:55:45       never: never_ban names it

With the limits of jail ssh (3 failures within 10m, bans of 10m): 1 of 2 would have been banned; bans in all: 1.
Jail ssh has mode ddos: see `bailiff test sshd[mode=ddos]`.

Lines of sshd that no pattern takes and that look like failures, by their shape:
           1  Something failed for <addr> port N

verdict: 4 of 9 lines match; 1 more look like failures: does the filter lack a pattern, or is it the mode?
"#
    );
    assert_eq!(report(&LOG, Some(&settings)), expected.trim_start());
    let timeless = report(&["<38>sshd[1]: x", "Nov 21 19:55:43 victim sshd[2]: y"], None);
    assert!(
        timeless.ends_with("verdict: nothing matches, though there are lines of the service\n"),
        "{timeless}"
    );
    let foreign = report(&["GET /"], None);
    assert!(foreign.ends_with("no line is of the service: is this its log?\n"), "{foreign}");
}

fn explained(word: &str, line: &str) -> (bool, String) {
    let (choice, mut text) = (Choice::parse(word.as_bytes(), b"").unwrap(), String::new());
    let counts = lint::lint(&mut text, &choice, &choice.filter.unwrap(), line.as_bytes(), NOW_S).unwrap();
    assert!(text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\n')), "{text:?}");
    (counts, text)
}

#[test]
fn one_line_explained() {
    let (rule, text) = rule_of(LOG[1]);
    let head = "filter   sshd, mode normal\ntime     2026-11-21T19:55:44\n\
                header   syslog; the program is sshd, this service's; the filter knows: syslog\n";
    let expected = format!(
        "{head}message  Failed password for root from 198.51.100.66 port 59094 ssh2\n\
         taken by filters/sshd.filter:{rule}\n         {text}\n\
         address  198.51.100.66, read from the end of the message\ncounts   1\n"
    );
    assert_eq!(explained("sshd", LOG[1]), (true, expected));
    let named = LOG[1].replace("198.51.100.66", "gh\x1bost.example");
    let expected = format!(
        "{head}message  Failed password for root from gh\\x1bost.example port 59094 ssh2\n\
         no match furthest got filters/sshd.filter:{rule}\n         {text}\n\
         expected an address, and no host name\n\
         \x20        before which stands: password for root from gh\\x1bost.example\n"
    );
    assert_eq!(explained("sshd", &named), (false, expected));
    let other_mode = "in other modes:\n         sshd[mode=ddos]\n         sshd[mode=aggressive]\n";
    for (line, part) in [
        (LOG[7], "\nmessage  none: no header of this service stands there,"),
        (LOG[4], "\nignored  by filters/sshd.filter:"),
        (LOG[5], other_mode),
        (LOG[6], "\nno match no pattern begins, or ends, like this message\n"),
    ] {
        let (counts, text) = explained("sshd", line);
        assert!(!counts && text.contains(part), "{text}");
    }
}

/// Whatever a line holds, explaining it ends, for every filter.
#[test]
fn any_line_can_be_explained() {
    let mut dice = super::super::watcher::Dice(11);
    for written in catalogue() {
        let lines: Vec<&str> = written.text.lines().filter(|l| l.len() > 20).collect();
        for _ in 0..20 {
            let line = lines[dice.below(lines.len() as u64) as usize].trim();
            let line = line.split_once(' ').map_or(line, |(_, rest)| rest);
            let cut: String =
                line.chars().skip(dice.below(30) as usize).take(dice.below(200) as usize).collect();
            explained(written.filter.name, line);
            explained(written.filter.name, &cut);
        }
    }
}

#[test]
fn the_catalogue_has_the_files() {
    for written in catalogue() {
        let path = format!("{}/filters/{}.filter", env!("CARGO_MANIFEST_DIR"), written.filter.name);
        assert_eq!(written.text, std::fs::read_to_string(path).unwrap());
    }
}
