//! `test`, line by line: which filter and mode, whose time, what became of a line; files cut into lines.
use super::choice::Choice;
use super::look::{Finding, default_modes, look};
use super::moment::Moment;
use super::out::Out;
use super::patterns::{Written, catalogue, reach, step};
use super::reading::{self, BLOCK};
use super::record::Records;
use bailiff::shared::base::lines::LONGEST;
use bailiff::shared::pure::engine;
use bailiff::shared::pure::filter::{FILTERS, named};
use bailiff::shims::fd::Fd;

/// 2026-11-21 22:03:40Z.
const NOW_S: u64 = 1_795_298_620;

fn choice(word: &str) -> Result<Choice, String> {
    Choice::parse(word.as_bytes(), b"").map_err(|wrong| wrong.to_string())
}

fn sshd() -> Written {
    choice("sshd").unwrap().filter.unwrap()
}

#[test]
fn choices() {
    let sshd = &FILTERS[usize::from(named(b"sshd").unwrap())];
    let ddos = sshd.mode(b"ddos").unwrap();
    let is = |word: &str| choice(word).map(|c| (c.filter.map(|w| w.number), c.modes, c.journal, c.idle));
    let number = named(b"sshd");
    for (word, modes, journal, idle) in [
        ("sshd", sshd.default_modes, false, false),
        ("sshd[]", sshd.default_modes, false, false),
        ("sshd[mode=ddos]", ddos, false, false),
        ("sshd[ mode = \"ddos\" , logtype=journal]", ddos, true, false),
        ("sshd[logtype=rfc5424,mode=ddos]", ddos, false, true),
        ("sshd[logging=syslog,type=1]", sshd.default_modes, false, true),
    ] {
        assert_eq!(is(word), Ok((number, modes, journal, idle)), "{word}");
    }
    let lists = "`bailiff filters` lists them";
    for (word, wrong) in [
        ("shd", format!("shd: expected a filter's name, such as sshd; {lists}")),
        ("no\x1bsuch", format!("no\\x1bsuch: expected a filter's name; {lists}")),
        ("sshd[mode=all]", "all: expected a mode of sshd: normal ddos extra aggressive pam".into()),
        ("sshd[maxretry=1]", "maxretry: expected one of the parameters mode, logtype, logging, type".into()),
        ("sshd[mode", "sshd[mode: expected FILTER or FILTER[KEY=VALUE,...]".into()),
        ("sshd[mode]", "mode: expected FILTER or FILTER[KEY=VALUE,...]".into()),
        ("/var/log/a", format!("/var/log/a: expected a filter's name, or its file, NAME.filter; {lists}")),
        ("no/such.filter[mode=x]", "no/such.filter: ENOENT, error 2".into()),
        (
            "./No.filter",
            "./No.filter: expected a name of at most 32 of a-z, 0-9, _ and - before .filter".into(),
        ),
    ] {
        let refusal = choice(word).unwrap_err();
        assert!(refusal == wrong || word == "shd" && refusal.contains("such as sshd"), "{word}: {refusal}");
    }
}

#[test]
fn moments() {
    for (line, time) in [
        ("Nov 21 19:55:39 host sshd[1]: x", Some("2026-11-21T19:55:39")),
        ("Nov 22 19:00:00 host sshd[1]: a day ahead, as zones differ", Some("2026-11-22T19:00:00")),
        ("Nov 23 19:55:39 host sshd[1]: not of this year", Some("2025-11-23T19:55:39")),
        ("Feb 29 00:00:01 host sshd[1]: of a leap year", Some("2024-02-29T00:00:01")),
        ("Feb 30 00:00:01 host sshd[1]: of no year", None),
        ("<38>Nov  1 01:02:03 host sshd[1]: x", Some("2026-11-01T01:02:03")),
        ("<38>1 2005-06-14T21:02:11.123456+02:00 host sshd 1 - - x", Some("2005-06-14T21:02:11+02:00")),
        ("2005-06-14T21:02:11Z host sshd[1]: x", Some("2005-06-14T21:02:11+00:00")),
        ("[Wed Jul 17 23:14:37 2013] [error] [client 192.0.2.1] x", Some("2013-07-17T23:14:37")),
        ("2012/04/09 11:53:29 [error] 2865#0: *66647 x", Some("2012-04-09T11:53:29")),
        (
            r#"192.0.2.1 - [1/Jan/1970:00:00:00 +0000] [10/Oct/2000:13:55:36 -0730] "GET / HTTP/1.0" 200 2 "-" "x""#,
            Some("2000-10-10T13:55:36-07:30"),
        ),
        ("@400000004c91b044077a9e94 dovecot-auth: x", Some("2010-09-16T05:50:50Z")),
        ("1386543500.000 x", Some("2013-12-08T22:58:20Z")),
        (
            r#"{"a":1,"timestamp":"2024-02-29T01:02:03.5Z","b":"2001-01-01 00:00:00"}"#,
            Some("2024-02-29T01:02:03+00:00"),
        ),
        ("t=2020-10-19T18:44:33+0200 lvl=eror", Some("2020-10-19T18:44:33+02:00")),
        ("<W>2015-11-29 16:38:01.818 1 => x", Some("2015-11-29T16:38:01")),
        ("11:53:29.123 no date", None),
        ("pid 1386543500 is no date", None),
        ("host sshd[1]: x", None),
        ("", None),
    ] {
        let moment = Moment::of(line.as_bytes(), NOW_S);
        assert_eq!(moment.map(|m| m.to_string()).as_deref(), time, "{line}");
        assert_eq!(moment.map(|m| Moment::unpack(m.pack())), moment, "{line}");
    }
    let seconds = |line: &str| Moment::of(line.as_bytes(), NOW_S).unwrap().seconds();
    assert_eq!(seconds("2026-11-21T22:03:40Z x"), NOW_S);
    assert_eq!(seconds("2026-11-21T23:03:40+01:00 x"), NOW_S);
    assert_eq!(seconds("2026-11-21T18:33:40-03:30 x"), NOW_S);
    assert_eq!(seconds("Nov 21 22:03:40 x"), NOW_S);
}

/// The lines of the examples of a filter's file.
fn examples(written: &Written) -> impl Iterator<Item = &'static str> + use<> {
    written.text.lines().filter_map(|line| {
        let (word, rest) = line.trim().split_once(' ')?;
        match word.split('[').next()? {
            "hit" => Some(rest.trim_start().split_once(' ')?.1.trim_start()),
            "miss" => Some(rest.trim_start()),
            _ => None,
        }
    })
}

/// What the daemon's code makes of every example, the patterns' steps make of it too.
#[test]
fn patterns_agree_with_the_engine() {
    let (mut hits, mut ignored) = (0, 0);
    for written in catalogue() {
        let Written { number, filter, .. } = written;
        let modes = filter.modes.iter().map(|m| m.bits).chain([u8::MAX]);
        for (line, modes) in examples(&written).flat_map(|l| modes.clone().map(move |m| (l, m))) {
            let choice = Choice { filter: Some(written), modes, ..Choice::ALL };
            let found = engine::scan(number, modes, line.as_bytes());
            let finding = look(&written, &choice, line.as_bytes());
            assert_eq!(found, if let Finding::Taken(found) = finding { Some(found) } else { None });
            let line_of = engine::Line::new(filter.headers, line.as_bytes());
            let Some(seen) = line_of.seen(filter.headers, number, filter) else {
                assert_eq!(finding, Finding::Foreign, "{line}");
                continue;
            };
            let mut takers = written.patterns().filter(|(_, rule, _)| rule.modes & modes != 0);
            let taker = takers.find_map(|(at, rule, p)| Some((at, rule, p.takes(filter.form, &seen)?)));
            match (taker, finding) {
                (Some((at, rule, addr)), Finding::Taken(found)) => {
                    assert_eq!((at, addr, rule.weight > 0), (found.rule, Some(found.addr), true), "{line}");
                    hits += 1;
                }
                (Some((_, rule, _)), Finding::Ignored(by)) => {
                    assert_eq!((rule.line, rule.weight), (by, 0), "{line}");
                    ignored += 1;
                }
                (None, Finding::Untaken(_)) => {}
                other => panic!("{}: {other:?}: {line}", filter.name),
            }
        }
    }
    assert!(hits > 200 && ignored > 5, "{hits} hits, {ignored} ignored");
}

/// Every pattern's steps are cut at their ends, and `reach` reads what the pattern takes to its end.
#[test]
fn steps_are_whole() {
    assert_eq!(catalogue().count(), FILTERS.len());
    for written in catalogue() {
        assert_eq!(written.patterns().count(), written.filter.rules.len());
        for part in written.patterns().flat_map(|(_, _, pattern)| pattern.parts) {
            let mut rest = part.code;
            while let Some((_, behind)) = step(rest) {
                rest = behind;
            }
            assert_eq!(rest, b"", "{}", written.filter.name);
        }
    }
    let sshd = sshd();
    for line in examples(&sshd) {
        let choice = choice("sshd").unwrap();
        let Finding::Taken(found) = look(&sshd, &choice, line.as_bytes()) else { continue };
        let (_, _, pattern) = sshd.patterns().find(|(at, ..)| *at == found.rule).unwrap();
        let message = super::look::seen(&sshd, false, line.as_bytes()).unwrap().message;
        let reach = reach(pattern.parts[0].code, message);
        assert_eq!((reach.stop, reach.left), (None, &b""[..]), "{line}");
    }
}

/// With logtype=journal: an entry's header, else the filter's own, else the bare message.
#[test]
fn journal_entries() {
    let choice = choice("sshd[logtype=journal]").unwrap();
    for (line, taken) in [
        ("sshd[7]: Invalid user ghost from 198.51.100.7 port 4", true),
        ("host sshd[7]: Invalid user ghost from 198.51.100.7 port 4", true),
        ("Nov 21 19:55:39 host sshd[7]: Invalid user ghost from 198.51.100.7 port 4", true),
        ("Invalid user ghost from 198.51.100.7 port 4", true),
        ("host cron[7]: Invalid user ghost from 198.51.100.7 port 4", false),
    ] {
        assert_eq!(matches!(look(&sshd(), &choice, line.as_bytes()), Finding::Taken(_)), taken, "{line}");
    }
}

/// What is printed for these lines.
fn records(word: &str, lines: &[Option<&[u8]>]) -> String {
    let (choice, modes) =
        (if word.is_empty() { Choice::ALL } else { choice(word).unwrap() }, default_modes());
    let mut records = Records::new(&choice, &modes, NOW_S);
    let mut text = String::new();
    lines.iter().for_each(|line| records.write(&mut text, *line).unwrap());
    assert!(text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\n')), "{text:?}");
    text
}

#[test]
fn one_object_a_line() {
    let number = named(b"sshd").unwrap();
    let line =
        b"Nov 21 19:55:43 victim sshd[284]: Invalid user gh\xff\"\\\x1bost from 198.51.100.66 port 59094";
    let found = engine::scan(number, 255, line).unwrap();
    let rule = &FILTERS[usize::from(number)].rules[usize::from(found.rule)];
    let text = records(
        "sshd",
        &[
            Some(line),
            Some(b"Nov 21 19:55:47 host sshd[288]: Failed none for alice from 198.51.100.7 port 59098 ssh2"),
            Some(b"Nov 21 19:55:47 host sshd[288]: Server listening on 0.0.0.0 port 22."),
            Some(b"host CRON[1]: x"),
            None,
        ],
    );
    let none = r#""match":false,"address":null,"filter":null,"pattern":null,"line":null,"weight":null"#;
    let mut rules = FILTERS[usize::from(number)].rules.iter();
    let ignored = rules.find(|r| r.weight == 0 && r.text.contains("none")).unwrap().line;
    let expected = format!(
        r#"{{"n":1,"match":true,"address":"198.51.100.66","filter":"sshd","pattern":"{}","line":{},"weight":1,"time":"2026-11-21T19:55:43"}}
{{"n":2,{none},"time":"2026-11-21T19:55:47","why":"ignored by line {ignored}"}}
{{"n":3,{none},"time":"2026-11-21T19:55:47","why":"no pattern takes it"}}
{{"n":4,{none},"time":null,"why":"no header of this service"}}
{{"n":5,{none},"time":null,"why":"longer than {LONGEST} bytes"}}
"#,
        rule.text, rule.line
    );
    assert_eq!(text, expected);
    let all = records("", &[Some(line), Some(b"x")]);
    assert!(all.starts_with(r#"{"n":1,"match":true,"address":"198.51.100.66","filter":"sshd""#), "{all}");
    assert!(all.ends_with("\"why\":\"no pattern takes it\"}\n"), "{all}");
}

/// Files of all lengths around a block's end, through a pipe and as they are, against a naive cut.
#[test]
fn files_are_cut_into_lines() {
    let mut dice = super::super::watcher::Dice(7);
    for round in 0..30 {
        let mut bytes = Vec::new();
        for _ in 0..dice.below(80) {
            let length = match dice.below(16) {
                0 => LONGEST as u64 - 1 + dice.below(4),
                1 => dice.below(4 * LONGEST as u64),
                _ => dice.below(300),
            };
            bytes.extend((0..length).map(|_| b'a' + dice.below(26) as u8));
            bytes.extend(if dice.below(4) == 0 { &b"\r\n"[..] } else { b"\n" });
        }
        bytes.truncate(bytes.len().saturating_sub(dice.below(3) as usize));
        let naive: Vec<Option<Vec<u8>>> = bytes
            .split_inclusive(|b| *b == b'\n')
            .map(|line| line.strip_suffix(b"\n").unwrap_or(line))
            .map(|line| (line.len() <= LONGEST).then(|| line.strip_suffix(b"\r").unwrap_or(line).to_vec()))
            .collect();
        let mut file = super::super::watcher::empty();
        std::io::Write::write_all(&mut file, &bytes).unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        assert_eq!(cut(&super::super::watcher::fd(&file)), naive, "round {round}");
        let (reader, mut writer) = std::io::pipe().unwrap();
        let sent = std::thread::spawn(move || {
            bytes.chunks(1000 + round).for_each(|part| std::io::Write::write_all(&mut writer, part).unwrap());
        });
        let reader = std::os::fd::IntoRawFd::into_raw_fd(reader);
        assert_eq!(cut(&Fd::given(reader.try_into().unwrap())), naive, "round {round}");
        sent.join().unwrap();
    }
}

fn cut(fd: &Fd) -> Vec<Option<Vec<u8>>> {
    let null = std::os::fd::IntoRawFd::into_raw_fd(std::fs::File::create("/dev/null").unwrap());
    let (mut buf, mut err, mut lines) = (vec![0; BLOCK], Out::new(null.try_into().unwrap()), Vec::new());
    let read = reading::lines(fd, &mut buf, &mut err, &mut |line| {
        lines.push(line.map(<[u8]>::to_vec));
        Ok(())
    });
    assert!(read.is_ok());
    lines
}
