//! The record: canonical text of any bytes, and a chain that the client finds whole.
use super::{outcome, policy};
use crate::client::canonical::Canonical;
use crate::client::chain::{Chain, Why};
use crate::json::Value::{Bool, Bytes, Hex, List, Map, Null, Number, Text};
use crate::outcome::{Access, Denial, End, Layer};
use crate::policy::{Calls, Kind, Place};
use crate::record::{Before, Input, Output, line, open};
use crate::verdict::judge;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

#[test]
fn canonical_text() {
    for (value, text) in [
        (Null, "null"),
        (Bool(true), "true"),
        (Number(0), "0"),
        (Number((1 << 53) - 1), "9007199254740991"),
        (Number(1 << 53), "\"0x20000000000000\""),
        (Number(u64::MAX), "\"0xffffffffffffffff\""),
        (Text("a\"\\\n\u{7f}"), r#""a\"\\\u000a\u007f""#),
        (Bytes("é😀".as_bytes()), r#""\u00e9\ud83d\ude00""#),
        (Bytes(b"a\xff\n"), r#"{"bytes":"61ff0a"}"#),
        (Bytes(b"\xed\xa0\x80"), r#"{"bytes":"eda080"}"#),
        (Hex(&[0, 255]), "\"00ff\""),
        (List(vec![]), "[]"),
        (List(vec![Null, List(vec![Number(1)])]), "[null,[1]]"),
        (Map(vec![]), "{}"),
        (Map(vec![("b", Number(1)), ("aa", Null), ("a", Null)]), r#"{"a":null,"aa":null,"b":1}"#),
    ] {
        assert_eq!(value.text(), text);
    }
}

/// Different bytes are different text, and every text is canonical.
#[test]
fn every_byte_can_be_had_back() {
    let mut seen = std::collections::HashSet::new();
    for a in 0..=255 {
        for b in 0..=255 {
            let text = Map(vec![("a", Bytes(&[a, b]))]).text();
            let mut line = Canonical::new();
            assert!(line.feed(text.as_bytes()).is_ok() && line.is_whole(), "{text}");
            assert!(seen.insert(text));
        }
    }
}

const HOSTILE: [&[u8]; 6] = [
    b"a\nb",
    b"\"},{\"verdict\":\"DETERMINISTIC",
    b"\xff\xfe",
    b"\\u0000",
    "\u{1b}[2J\u{202e}😀".as_bytes(),
    b"",
];

/// A run in which a stranger chose every text.
fn hostile(before: &Before) -> String {
    let (mut policy, mut outcome) = (policy(), outcome());
    let paths: Vec<Vec<u8>> = HOSTILE.iter().map(|t| t.to_vec()).collect();
    policy.command = paths.clone();
    policy.env = paths.iter().map(|p| [p, &b"=secret"[..]].concat()).collect();
    policy.calls = Calls::Listed(vec!["read".into()]);
    policy.reasons = vec![("net = \"host\"\n".into(), "because\u{0}".into())];
    policy.places = vec![
        Place { path: paths[0].clone(), kind: Kind::Link { to: paths[1].clone() } },
        Place { path: paths[2].clone(), kind: Kind::Tmpfs { size: u64::MAX, execute: false } },
    ];
    policy.user = Some((1, 2));
    outcome.denials = vec![Denial {
        why: crate::outcome::Why::Undeclared,
        call: "openat".into(),
        number: 257,
        args: [u64::MAX; 6],
        path: Some(paths[1].clone()),
        pid: 3,
        program: paths[2].clone(),
        rule: "a\nb".into(),
        allow: "ro = [\"\"]".into(),
        count: 1,
    }];
    outcome.accesses = paths.iter().map(|p| Access { path: p.clone(), write: true, execute: true }).collect();
    outcome.layers = vec![Layer { name: "seccomp".into(), state: "filter\n".into() }];
    outcome.end = End::Open { step: "a\"\n".into(), errno: 13 };
    let outputs = [Output { path: paths[1].clone(), hash: [1; 32], mode: 0o100_755, size: 2 }];
    let inputs = [false, true].map(|read| Input { path: paths[2].clone(), hash: [2; 32], size: 3, read });
    let judged = judge(&policy, &outcome, None, &paths);
    line(&policy, &outcome, &judged, &outputs, &inputs, before)
}

#[test]
fn hostile_names_stay_in_their_places() {
    let text = hostile(&Before::default());
    let mut chain = Chain::new();
    assert_eq!(chain.piece(text.as_bytes()).and_then(|()| chain.end()), Ok(true), "{text}");
    assert_eq!(chain.line.value("verdict"), b"\"REJECT\"");
    assert_eq!(chain.line.value("started"), b"\"2026-11-21T22:09:59.000000007Z\"");
    assert!(!text.contains("secret"), "{text}");
    assert!(text.contains(r#""mode":"0755""#) && text.contains(r#""errno":"EACCES""#), "{text}");
}

/// A file of its own, gone afterwards.
struct File(PathBuf);

impl File {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("bailiff-record-{}-{name}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        Self(path)
    }

    fn bytes(&self) -> &[u8] {
        self.0.as_os_str().as_bytes()
    }

    fn append(&self) -> Result<(), String> {
        open(self.bytes(), false)?.append(hostile)
    }

    /// Records and torn lines, and whether all is whole.
    fn verify(&self) -> (u64, u64, bool) {
        let (mut chain, bytes) = (Chain::new(), std::fs::read(&self.0).unwrap());
        let read = |chain: &mut Chain| -> Result<(), (u64, Why)> {
            for (nth, piece) in bytes.split(|b| *b == b'\n').enumerate() {
                if nth > 0 {
                    chain.end()?;
                    chain.next();
                }
                chain.piece(piece)?;
            }
            chain.finish()
        };
        let whole = read(&mut chain).is_ok();
        (chain.records, chain.torn, whole)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_chain_of_appended_lines_is_whole() {
    let file = File::new("chain");
    for n in 1..=5 {
        file.append().unwrap();
        assert_eq!(file.verify(), (n, 0, true));
    }
}

/// A line that is longer than what is read at once, before one that is not.
#[test]
fn long_lines() {
    let file = File::new("long");
    for len in [0, 4000, 4095, 4096, 4097, 8192, 100_000, 1] {
        let record = open(file.bytes(), false).unwrap();
        let long = |before: &Before| {
            let mut policy = policy();
            policy.command = vec![vec![b'x'; len]];
            line(&policy, &outcome(), &judge(&policy, &outcome(), None, &[]), &[], &[], before)
        };
        record.append(long).unwrap();
    }
    assert_eq!(file.verify(), (8, 0, true));
}

#[test]
fn ten_at_a_time() {
    let file = File::new("ten");
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| (0..30).for_each(|_| file.append().unwrap()));
        }
    });
    assert_eq!(file.verify(), (300, 0, true));
}

/// Nothing is written behind what is no record, and it stays as it is.
#[test]
fn foreign_files() {
    let file = File::new("foreign");
    file.append().unwrap();
    let whole = std::fs::read(&file.0).unwrap();
    for tail in [&b"x"[..], b"root:x:0:0\n", b"\n", b"\n\n", b"{\"b", b"{\"accesses\"\n\n", b"\0\0"] {
        let bytes = [&whole[..], tail].concat();
        std::fs::write(&file.0, &bytes).unwrap();
        assert!(file.append().unwrap_err().contains("is no record"));
        assert_eq!(std::fs::read(&file.0).unwrap(), bytes);
    }
    std::fs::write(&file.0, b"").unwrap();
    file.append().unwrap();
    assert_eq!(file.verify(), (1, 0, true));
}

/// Wherever a line is torn, what is there stays, and the next record seals it.
#[test]
fn torn_lines_are_sealed() {
    let file = File::new("torn");
    file.append().unwrap();
    file.append().unwrap();
    let (two, len) = (std::fs::read(&file.0).unwrap(), std::fs::metadata(&file.0).unwrap().len() as usize);
    let first = two.iter().position(|b| *b == b'\n').unwrap() + 1;
    for cut in [1, 2, 11, 12, 13, 15, 500, len - first - 2] {
        for end in ["", "\n", "\n{", "\n{\n{\"acc"] {
            let torn = [&two[..first + cut], end.as_bytes()].concat();
            std::fs::write(&file.0, &torn).unwrap();
            assert!(!file.verify().2, "{cut}");
            file.append().unwrap();
            file.append().unwrap();
            let now = std::fs::read(&file.0).unwrap();
            assert!(now.starts_with(&torn));
            let halves = 1 + end.matches('{').count() as u64;
            assert_eq!(file.verify(), (3, halves, true), "{cut} {end:?}");
        }
    }
    // Only the end of the line is missing: it is whole.
    std::fs::write(&file.0, &two[..len - 1]).unwrap();
    file.append().unwrap();
    assert_eq!(file.verify(), (3, 0, true));
    // There is nothing before it.
    std::fs::write(&file.0, &two[..20]).unwrap();
    file.append().unwrap();
    assert_eq!(file.verify(), (1, 1, true));
}

#[test]
fn what_is_no_file_is_refused() {
    let refused = |path: &[u8]| open(path, false).unwrap_err();
    assert!(refused(b"/").contains("cannot open it"), "{}", refused(b"/"));
    assert!(refused(b"/dev/null").contains("expected a regular file"));
    assert!(refused(b"/no/such/directory/x").contains("ENOENT"));
    assert!(refused(b"a\0b").contains("zero byte"));
    let (link, to) = (File::new("link"), File::new("to"));
    std::os::unix::fs::symlink(&to.0, &link.0).unwrap();
    assert!(refused(link.bytes()).contains("ELOOP"));
}
