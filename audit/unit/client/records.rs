//! What `audit verify` takes for a line, and for a chain.
use super::canonical::{Canonical, Fault};
use super::chain::{Chain, Why};
use bailiff::shared::pure::blake::hash;

fn read(line: &str) -> Result<Canonical, Fault> {
    let mut canonical = Canonical::new();
    line.as_bytes().chunks(3).try_for_each(|piece| canonical.feed(piece))?;
    let short = Fault { at: canonical.len() + 1, expected: "the rest" };
    if canonical.is_whole() { Ok(canonical) } else { Err(short) }
}

#[test]
fn canonical() {
    for line in [
        "{}",
        r#"{"a":1}"#,
        r#"{"a":0,"b":9007199254740991}"#,
        r#"{"a":[],"aa":[[],{},[1,"",true,false,null]],"ab":{"a":"","b":{}},"b_":"x"}"#,
        r#"{"a":"\"\\\u000a\u007f\u00e9\ud83d\ude00"}"#,
        r#"{"_":[[[[[[[0]]]]]]]}"#,
    ] {
        assert!(read(line).is_ok(), "{line}: {:?}", read(line).err());
    }
}

/// Each with the byte at which it is seen.
#[test]
fn not_canonical() {
    for (line, at) in [
        ("", 1),
        ("[]", 1),
        ("1", 1),
        ("{", 2),
        ("{} ", 3),
        (r#"{ "a":1}"#, 2),
        (r#"{"a": 1}"#, 6),
        (r#"{"a":1,}"#, 8),
        (r#"{"a":[1,]}"#, 9),
        (r#"{"a":1 }"#, 7),
        (r#"{"a":1]"#, 7),
        (r#"{"a":[1}"#, 8),
        (r#"{"a":01}"#, 7),
        (r#"{"a":-1}"#, 6),
        (r#"{"a":1.5}"#, 7),
        (r#"{"a":1e3}"#, 7),
        (r#"{"a":9007199254740992}"#, 21),
        (r#"{"a":99999999999999999999999999}"#, 21),
        (r#"{"a":tru}"#, 9),
        (r#"{"a":nil}"#, 7),
        // Keys: in order, each once, of letters.
        (r#"{"b":1,"a":1}"#, 10),
        (r#"{"a":1,"a":1}"#, 10),
        (r#"{"ab":1,"a":1}"#, 11),
        (r#"{"":1}"#, 3),
        (r#"{"A":1}"#, 3),
        (r#"{"\u0061":1}"#, 3),
        (r#"{"aaaaaaaaaaaaaaaaaaaaaaaaa":1}"#, 27),
        // Strings: one way to write each.
        ("{\"a\":\"\t\"}", 7),
        ("{\"a\":\"\u{e9}\"}", 7),
        ("{\"a\":\"\x7f\"}", 7),
        (r#"{"a":"\n"}"#, 8),
        (r#"{"a":"\/"}"#, 8),
        (r#"{"a":"\u0041"}"#, 12),
        (r#"{"a":"\u0022"}"#, 12),
        (r#"{"a":"\u00E9"}"#, 11),
        (r#"{"a":"\u00e"}"#, 12),
        (r#"{"a":"\ud83d"}"#, 13),
        (r#"{"a":"\ud83dx"}"#, 13),
        (r#"{"a":"\ud83d\""}"#, 14),
        (r#"{"a":"\ud83d\u0041"}"#, 18),
        (r#"{"a":"\ude00"}"#, 12),
        (r#"{"_":[[[[[[[[0]]]]]]]]}"#, 13),
    ] {
        assert_eq!(read(line).err().map(|fault| fault.at), Some(at), "{line}");
    }
}

#[test]
fn values() {
    let line = r#"{"argv":["net"],"end":{"net":"inner"},"learn":false,"name":"a\u000a","net":"host","reasons":[{"reason":"}]\""}]}"#;
    let read = read(line).unwrap();
    for (key, value) in [
        ("learn", "false"),
        ("name", r#""a\u000a""#),
        ("net", r#""host""#),
        ("reasons", r#"[{"reason":"}]\""}]"#),
        ("verdict", "null"),
        ("argv", "null"),
    ] {
        assert_eq!(read.value(key), value.as_bytes(), "{key}");
    }
}

fn record(nth: usize, previous: &[u8; 32], torn: &str) -> String {
    let previous: String = previous.iter().map(|b| format!("{b:02x}")).collect();
    format!(r#"{{"argv":[{nth}],"prev_hash":"{previous}","schema":"bailiff-cage/1","torn":{torn}}}"#)
}

fn of(line: &str) -> [u8; 32] {
    hash(line.as_bytes())
}

fn chain(count: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for nth in 0..count {
        let last = lines.last().map_or([0; 32], |line| of(line));
        lines.push(record(nth, &last, "null"));
    }
    lines
}

/// Records and torn lines that were found whole; where and why the chain breaks.
type Found = (u64, u64, Option<(u64, Why)>);

fn verify(lines: &[String]) -> Found {
    let mut chain = Chain::new();
    let read = |chain: &mut Chain| {
        for line in lines {
            line.as_bytes().chunks(50).try_for_each(|piece| chain.piece(piece))?;
            chain.end()?;
            chain.next();
        }
        chain.finish()
    };
    let broken = read(&mut chain).err();
    (chain.records, chain.torn, broken)
}

#[test]
fn chained() {
    let whole = chain(9);
    assert_eq!(verify(&whole), (9, 0, None));
    assert_eq!(verify(&[]), (0, 0, None));
    let breaks = |line: u64, before: &str| (line - 1, 0, Some((line, Why::Previous(of(before)))));
    let edited = |edit: fn(&mut Vec<String>)| {
        let mut lines = whole.clone();
        edit(&mut lines);
        verify(&lines)
    };
    let changed = whole[3].replace("[3]", "[33]");
    assert_eq!(edited(|lines| lines[3] = lines[3].replace("[3]", "[33]")), breaks(5, &changed));
    assert_eq!(edited(|lines| _ = lines.remove(3)), breaks(4, &whole[2]));
    assert_eq!(edited(|lines| lines.swap(3, 4)), breaks(4, &whole[2]));
    assert_eq!(edited(|lines| lines.insert(3, lines[2].clone())), breaks(4, &whole[2]));
    assert_eq!(edited(|lines| _ = lines.remove(0)), (0, 0, Some((1, Why::Previous([0; 32])))));
    let other = edited(|lines| lines[5] = lines[5].replace("cage/1", "cage/2"));
    assert_eq!(other, (5, 0, Some((6, Why::Schema))));
    let spaced = edited(|lines| lines[5] = lines[5].replace("[5],", "[5], "));
    assert!(matches!(spaced, (5, 0, Some((6, Why::Form(_))))));
    // The end of a chain can be taken away unseen.
    assert_eq!(edited(|lines| lines.truncate(5)), (5, 0, None));
}

/// What is torn is whole only before a record that says so.
#[test]
fn torn() {
    let whole = chain(3);
    for cut in [1, 7, whole[2].len() - 1] {
        let half = whole[2][..cut].to_string();
        let text = format!("{}\n{half}", whole[1]);
        let says = |torn: usize| record(3, &of(&text), &torn.to_string());
        let lines = |rest: &[String]| [&whole[..2], std::slice::from_ref(&half), rest].concat();
        let broken = (2, 0, Some((3, Why::Torn(cut as u64))));
        assert_eq!(verify(&lines(&[])), broken);
        assert_eq!(verify(&lines(&[says(cut)])), (3, 1, None));
        assert_eq!(verify(&lines(&[says(cut), record(4, &of(&says(cut)), "null")])), (4, 1, None));
        assert_eq!(verify(&lines(&[record(3, &of(&text), "null")])), broken);
        assert_eq!(verify(&lines(&[says(cut + 1)])), broken);
        assert_eq!(verify(&lines(&["junk".into()])), broken);
        assert_eq!(verify(&lines(&[record(3, &of(&whole[1]), &cut.to_string())])), broken);
        // The record before is covered, too.
        let mut changed = lines(&[says(cut)]);
        changed[1] = changed[1].replace("[1]", "[7]");
        assert_eq!(verify(&changed), broken);
        // Torn twice: so was the line that was to seal it.
        let again = says(cut)[..40].to_string();
        let twice = record(4, &of(&format!("{text}\n{again}")), &(cut + 41).to_string());
        assert_eq!(verify(&lines(&[again.clone(), twice])), (3, 2, None));
        assert_eq!(
            verify(&lines(std::slice::from_ref(&again))),
            (2, 0, Some((3, Why::Torn(cut as u64 + 41))))
        );
    }
    // At the file's beginning.
    let first = whole[0][..9].to_string();
    assert_eq!(verify(&[first.clone(), record(1, &of(&first), "9")]), (1, 1, None));
    // Nothing is torn.
    let lies = [whole[0].clone(), record(1, &of(&whole[0]), "0")];
    assert_eq!(verify(&lies), (1, 0, Some((2, Why::Said))));
}
