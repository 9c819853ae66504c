//! What is printed for people and for programs.
use super::legend::Legend;
use super::talk::Answer;
use super::{explain, json, outcome, show, words};
use bailiff::shared::pure::addr::{Addr, Prefix};
use bailiff::shared::pure::filter::{FILTERS, named};
use bailiff::shared::pure::settings::{Path, Settings};
use bailiff::shared::pure::wire::attempt::Tide;
use bailiff::shared::pure::wire::control::{
    ANY_JAIL, Ask, BanRow, Done, Figure, Held, JailRow, Origin, Reply, TallyRow,
};
use bailiff::shared::pure::wire::verdict::Refusal;

const NOW_S: u64 = 1_795_298_620;

fn net(text: &str) -> Prefix {
    Prefix::parse(text.as_bytes()).unwrap()
}

fn jail(jail: u8, filter: u8, name: &[u8]) -> JailRow {
    let mut padded = ANY_JAIL;
    padded[..name.len()].copy_from_slice(name);
    let modes = FILTERS.get(usize::from(filter)).map_or(0, |f| f.default_modes);
    let (maxretry, findtime_s, bantime_s) = (5, 600, 600);
    JailRow { jail, filter, modes, name: padded, maxretry, findtime_s, bantime_s, bans: 11, attempts: 3021 }
}

fn ban(prefix: &str) -> BanRow {
    BanRow {
        prefix: net(prefix),
        jail: 1,
        origin: Origin::Filter,
        held: Held::Synced,
        source: 1,
        rule: 0,
        failures: 5,
        offset: 0,
        since_s: NOW_S - 10,
        end_s: NOW_S + 598,
    }
}

fn by_hand(prefix: &str) -> BanRow {
    BanRow { jail: 0, origin: Origin::Operator, held: Held::Kernel, end_s: 0, ..ban(prefix) }
}

/// The manual jail, sshd, and one whose name would harm a terminal; what else is given.
fn answer(more: &[Reply]) -> Answer {
    let mut answer = Answer::EMPTY;
    let sshd = named(b"sshd").unwrap();
    for row in [jail(0, 255, b"manual"), jail(1, sshd, b"sshd"), jail(2, sshd, b"a\x1b[0m\"\\\xff\xc3\xa9")] {
        answer.take(&Reply::Jail(row)).unwrap();
    }
    for reply in more {
        answer.take(reply).unwrap();
    }
    answer
}

/// Two jails on `/a/log` and `/b/log`, the second on `/c/log` too; 203.0.113.0/24 is never banned.
fn settings() -> Box<Settings> {
    let mut settings = Box::new(Settings::EMPTY);
    settings.terms.jail_count = 3;
    settings.terms.never_count = 1;
    settings.terms.never_ban[0] = net("203.0.113.0/24");
    for (jail, path) in [(1, ["/a/log", "/b/log"]), (2, ["/b/log", "/c/log"])] {
        for (slot, path) in settings.logs[jail].iter_mut().zip(path) {
            *slot = Path::new(path.as_bytes()).unwrap();
        }
    }
    settings
}

fn page(answer: &Answer, write: impl Fn(&mut String, &Legend<'_>) -> std::fmt::Result) -> String {
    let settings = settings();
    let mut text = String::new();
    write(&mut text, &Legend { answer, settings: Some(&settings), now_s: NOW_S }).unwrap();
    assert!(text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\n')), "{text:?}");
    text
}

#[test]
fn sources_have_the_numbers_of_the_distinct_logs() {
    let (settings, answer) = (settings(), answer(&[]));
    let legend = Legend { answer: &answer, settings: Some(&settings), now_s: 0 };
    let paths =
        [0, 1, 2, 3].map(|n| legend.source(n).map(|p| String::from_utf8(p.bytes().to_vec()).unwrap()));
    assert_eq!(paths, [Some("/a/log".into()), Some("/b/log".into()), Some("/c/log".into()), None]);
    assert_eq!(Legend { settings: None, ..legend }.source(0), None);
    assert_eq!(show::Log(&Legend { settings: None, ..legend }, 0).to_string(), "source 0");
    // A jail whose logs only the daemon knows: what is numbered from there on is not known.
    for (jail, known) in [(1, 0), (2, 2)] {
        let mut settings = settings.clone();
        settings.logs[jail].fill(Path::EMPTY);
        let legend = Legend { settings: Some(&settings), ..legend };
        assert_eq!((0..4).filter(|n| legend.source(*n).is_some()).count(), known);
    }
}

#[test]
fn list_for_people() {
    let answer = answer(&[]);
    let text = page(&answer, |w, legend| {
        show::head(w)?;
        show::ban(w, legend, &ban("198.51.100.7"))?;
        show::ban(w, legend, &by_hand("2001:db8:1234:5678::/64"))?;
        show::ban(w, legend, &BanRow { jail: 2, held: Held::Asked, end_s: 1, ..ban("198.51.100.0/24") })
    });
    let expected = r#"
ADDRESS                  JAIL             UNTIL                         LEFT FAILURES  ORIGIN   STATE
198.51.100.7             sshd             2026-11-21 22:13:38Z         9m58s        5  filter   synced
2001:db8:1234:5678::/64  manual           for ever                         -        -  operator kernel
198.51.100.0/24          a\x1b[0m"\x5c\xff\xc3\xa9 1970-01-01 00:00:01Z            0s        5  filter   asked
"#;
    assert_eq!(text, expected.trim_start());
}

#[test]
fn list_for_programs() {
    let answer = answer(&[]);
    let text = page(&answer, |w, legend| {
        json::ban(w, legend, &ban("198.51.100.7"), 0)?;
        json::ban(w, legend, &BanRow { jail: 2, ..by_hand("198.51.100.0/24") }, 1)?;
        json::end(w, 2)
    });
    let expected = r#"
[
{"address":"198.51.100.7","length":32,"jail":"sshd","origin":"filter","state":"synced","since_s":1795298610,"until_s":1795299218,"left_s":598,"failures":5,"rule":0,"source":1,"offset":0},
{"address":"198.51.100.0","length":24,"jail":"a\u001b[0m\"\\\ufffd\u00e9","origin":"operator","state":"kernel","since_s":1795298610,"until_s":null,"left_s":null,"failures":null,"rule":null,"source":null,"offset":null}
]
"#;
    assert_eq!(text, expected.trim_start());
    assert_eq!(page(&answer, |w, _| json::end(w, 0)), "[]\n");
}

fn tide(source: u8, open: bool, lines: u64, matches: u64) -> Reply {
    Reply::Source(Tide { source, open, lines, matches, overlong: 1, truncations: 2, lost_bytes: 3 })
}

fn figures(dry: u64) -> [Reply; 7] {
    [
        Reply::Figure(Figure::Uptime as u8, 183_845),
        Reply::Figure(Figure::Bans as u8, 12),
        Reply::Figure(Figure::DryRun as u8, dry),
        Reply::Figure(200, 9),
        tide(0, true, 1_203_040, 77),
        tide(1, false, 0, 0),
        tide(9, true, 55, 0),
    ]
}

#[test]
fn status_for_people() {
    let text = page(&answer(&figures(1)), |w, legend| show::status(w, legend));
    let expected = r#"
bailiff has been up for 2d3h4m5s; bans in force: 12
dry run: nothing is written to the firewall

JAIL             FILTER           MODE             BANS   ATTEMPTS MAXRETRY  FINDTIME   BANTIME
manual           -                -                  11       3021        -         -         -
sshd             sshd             normal             11       3021        5       10m       10m
a\x1b[0m"\x5c\xff\xc3\xa9 sshd             normal             11       3021        5       10m       10m

STATE       LINES     MATCHES  OVERLONG  TRUNCATED  LOST BYTES  SOURCE
open      1203040          77         1          2           3  /a/log
absent          0           0         1          2           3  /b/log
       ^ no such file now; it will be read from its first byte once it is made
open           55           0         1          2           3  source 9
       ^ lines, but no match so far: is this the service's log, and does the jail's filter fit?

FIGURE                                 VALUE
bans                                      12
"#;
    assert_eq!(text, expected.trim_start());
}

#[test]
fn status_for_programs() {
    let text = page(&answer(&figures(0)), |w, legend| json::status(w, legend));
    let expected = r#"
{"uptime_s":183845,"dry_run":false,
"figures":{"bans":12},
"jails":[
{"jail":"manual","filter":null,"mode":null,"bans":11,"attempts":3021,"maxretry":null,"findtime_s":null,"bantime_s":null},
{"jail":"sshd","filter":"sshd","mode":"normal","bans":11,"attempts":3021,"maxretry":5,"findtime_s":600,"bantime_s":600},
{"jail":"a\u001b[0m\"\\\ufffd\u00e9","filter":"sshd","mode":"normal","bans":11,"attempts":3021,"maxretry":5,"findtime_s":600,"bantime_s":600}],
"sources":[
{"source":0,"path":"/a/log","open":true,"lines":1203040,"matches":77,"overlong":1,"truncations":2,"lost_bytes":3},
{"source":1,"path":"/b/log","open":false,"lines":0,"matches":0,"overlong":1,"truncations":2,"lost_bytes":3},
{"source":9,"path":null,"open":true,"lines":55,"matches":0,"overlong":1,"truncations":2,"lost_bytes":3}]}
"#;
    assert_eq!(text, expected.trim_start());
}

#[test]
fn explain_for_people() {
    let rule = &FILTERS[usize::from(named(b"sshd").unwrap())].rules[0];
    let both = answer(&[
        Reply::Ban(ban("198.51.100.7")),
        Reply::Ban(by_hand("198.51.100.0/24")),
        Reply::Kernel(1, net("198.51.100.7"), Some(597)),
        Reply::Kernel(0, net("198.51.100.0/24"), None),
        Reply::Kernel(2, net("198.51.100.7"), Some(1)),
    ]);
    let text = page(&both, |w, legend| explain::explain(w, legend, &Addr::v4([198, 51, 100, 7])));
    let expected = format!(
        r#"
198.51.100.7 is banned in sshd since 2026-11-21 22:03:30Z until 2026-11-21 22:13:38Z (9m58s left).
5 failures decided it, the last by the rule filters/sshd.filter:{}
    {}
which took the line at byte 0 of /b/log (not there any more, or not to be read by you).
It is acknowledged by the kernel and synced. The kernel holds it for 9m57s more.
198.51.100.7 lies in 198.51.100.0/24, which is banned in manual since 2026-11-21 22:03:30Z for ever.
An operator asked for it.
It is acknowledged by the kernel, not yet synced to the ledger. The kernel does NOT hold it now.
The kernel holds 198.51.100.7 in a\x1b[0m"\x5c\xff\xc3\xa9, of which the ledger does not know.
"#,
        rule.line, rule.text
    );
    assert_eq!(text, expected.trim_start());
}

#[test]
fn explain_what_is_not_banned() {
    let tally = TallyRow { prefix: net("203.0.113.9"), jail: 1, failures: 3, newest_ms: NOW_S * 1000 + 7 };
    let answer = answer(&[Reply::Tally(tally)]);
    let addr = Addr::v4([203, 0, 113, 9]);
    let expected = "203.0.113.9 is not banned.\n\
        203.0.113.9 has 3 failures of 5 within 10m in sshd, the newest at 2026-11-21 22:03:40Z.\n\
        It is never banned: never_ban of the configuration names 203.0.113.0/24.\n";
    assert_eq!(page(&answer, |w, legend| explain::explain(w, legend, &addr)), expected);
    let expected = r#"
{"address":"203.0.113.9","banned":false,"never_ban":"203.0.113.0/24",
"bans":[],
"tallies":[
{"address":"203.0.113.9","length":32,"jail":"sshd","failures":3,"maxretry":5,"newest_ms":1795298620007}]}
"#;
    assert_eq!(page(&answer, |w, legend| json::explain(w, legend, &addr)), expected.trim_start());
}

#[test]
fn evidence_is_the_line_that_names_the_network() {
    let dir = std::env::temp_dir().join(format!("bailiff-evidence-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join("log");
    std::fs::write(
        &path,
        b"first from ::ffff:198.51.100.7: x\r\nport 198.51.100.7:22.\nno address\nopen 198.51.100.7",
    )
    .unwrap();
    let mut buf = [0; super::evidence::ROOM];
    let mut line = |offset, network: &str| {
        let bytes = path.to_str().unwrap().as_bytes();
        super::evidence::line(bytes, offset, &net(network), &mut buf).map(|l| (l.text.to_vec(), l.suffix))
    };
    let first = Some((b"first from ::ffff:198.51.100.7: x".to_vec(), ""));
    assert_eq!(line(0, "198.51.100.7"), first);
    assert_eq!(line(0, "198.51.100.0/24"), first);
    assert_eq!(line(0, "198.51.101.0/24"), None, "another network");
    assert_eq!(line(1, "198.51.100.7"), None, "not the start of a line");
    assert_eq!(line(35, "198.51.100.7"), Some((b"port 198.51.100.7:22.".to_vec(), "")));
    assert_eq!(line(57, "198.51.100.7"), None, "a line without an address");
    assert_eq!(line(68, "198.51.100.7"), None, "a line that has not ended");
    assert_eq!(line(9999, "198.51.100.7"), None, "beyond the end");
    std::fs::rename(&path, dir.join("log.1")).unwrap();
    assert_eq!(line(35, "198.51.100.7"), Some((b"port 198.51.100.7:22.".to_vec(), ".1")));
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn outcomes() {
    let run = |line: &'static str, done: Done, rows: &[Reply]| {
        let command = words::parse(line.split(' ').map(str::as_bytes)).unwrap();
        let code = outcome::code(command.ask(), done).0;
        let text = page(&answer(rows), |w, legend| match done {
            Done::Good(n) if code == 0 => outcome::success(w, legend, &command, n),
            _ => outcome::failure(w, &command, done),
        });
        (code, text)
    };
    let until = Reply::Ban(BanRow { jail: 0, ..ban("198.51.100.7") });
    for (line, done, rows, code, text) in [
        (
            "ban 198.51.100.7",
            Done::Good(1),
            &[until][..],
            0,
            "banned 198.51.100.7 in manual until 2026-11-21 22:13:38Z, acknowledged by the kernel and synced",
        ),
        (
            "ban 198.51.100.7 --for forever",
            Done::Good(1),
            &[Reply::Ban(BanRow { end_s: 0, held: Held::Asked, ..ban("198.51.100.7") })],
            0,
            "banned 198.51.100.7 in manual for ever, not yet acknowledged by the kernel",
        ),
        (
            "ban 198.51.100.1",
            Done::Refused(Refusal::Gateway),
            &[],
            2,
            "refused: 198.51.100.1 is this host's gateway",
        ),
        (
            "ban 198.51.100.0/24",
            Done::Refused(Refusal::Gateway),
            &[],
            2,
            "refused: 198.51.100.0/24 holds this host's gateway",
        ),
        (
            "ban 198.51.100.1",
            Done::Refused(Refusal::NeverBan),
            &[],
            2,
            "refused: 198.51.100.1 meets a never-ban network of the configuration",
        ),
        ("ban 198.51.100.1", Done::Kernel(28), &[], 111, "the kernel refused: ENOSPC, error 28"),
        ("ban 198.51.100.1", Done::Kernel(999), &[], 111, "the kernel refused: error 999"),
        (
            "ban 198.51.100.1 --jail x",
            Done::NoJail,
            &[],
            100,
            "x: expected a jail that the daemon has; `bailiff jails` names them",
        ),
        (
            "unban 198.51.100.1 --jail sshd",
            Done::Absent,
            &[],
            1,
            "not banned: 198.51.100.1 in sshd; `bailiff explain` tells what is known of an address",
        ),
        (
            "unban 198.51.100.1",
            Done::Good(0),
            &[],
            1,
            "not banned: 198.51.100.1; `bailiff explain` tells what is known of an address",
        ),
        ("unban 198.51.100.1", Done::Good(2), &[], 0, "unbanned 198.51.100.1 in every jail: 2 bans"),
        (
            "unban 198.51.100.7",
            Done::Good(1),
            &[Reply::Ban(ban("198.51.100.7"))],
            0,
            "unbanned 198.51.100.7 in sshd",
        ),
        ("ban 198.51.100.7", Done::Busy, &[], 111, "the daemon has too much under way; try again"),
    ] {
        assert_eq!(run(line, done, rows), (code, format!("{text}\n")), "{line} {done:?}");
    }
    assert_eq!(outcome::code(Ask::Explain, Done::Absent).0, 0);
    assert_eq!(outcome::code(Ask::Ban, Done::Dry).0, 0);
}
