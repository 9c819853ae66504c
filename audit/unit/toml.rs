//! The TOML subset: events with their places, and that no text makes the reader panic.
use bailiff::shared::pure::toml::{Event, LARGEST, Reader, Str, Value};

fn text(s: Str<'_>) -> String {
    String::from_utf8(s.bytes().collect()).unwrap()
}

fn shown(value: Value<'_>) -> String {
    match value {
        Value::Text(s) => format!("{:?}", text(s)),
        Value::Number(n) => n.to_string(),
        Value::Switch(on) => on.to_string(),
        Value::Array(mut items) => {
            let mut all = Vec::new();
            while let Some((spot, item)) = items.item().unwrap() {
                all.push(format!("{}:{} {}", spot.line, spot.column, shown(item)));
            }
            format!("[{}]", all.join(", "))
        }
    }
}

/// Every event on a line of its own, then the fault, if there is one.
fn read(input: &[u8]) -> String {
    let mut out = String::new();
    let mut reader = match Reader::new(input) {
        Ok(reader) => reader,
        Err(fault) => return format!("{}:{} ! {}", fault.spot.line, fault.spot.column, fault.expected),
    };
    loop {
        match reader.event() {
            Ok(None) => return out,
            Ok(Some(Event::Table { spot, section, name })) => {
                let name = name.map(|n| format!(" . {}", text(n))).unwrap_or_default();
                out += &format!("{}:{} [{}{name}]\n", spot.line, spot.column, text(section));
            }
            Ok(Some(Event::Entry { spot, key, at, value })) => {
                let (key, value) = (text(key), shown(value));
                out += &format!("{}:{} {key} = {}:{} {value}\n", spot.line, spot.column, at.line, at.column);
            }
            Err(fault) => {
                out += &format!("{}:{} ! {}", fault.spot.line, fault.spot.column, fault.expected);
                return out;
            }
        }
    }
}

#[test]
fn events_and_their_places() {
    let input = concat!(
        "# a comment, ö\r\n",
        "top = 1 # one\n",
        "[a]\n",
        "  \"k\\\"ey\" = \"tab\\tend\" # \"\n",
        "bare-key_1=1_000\r\n",
        "\n",
        "[ \"x y\" . b ]\n",
        "list = [ 1, # one\n  \"zwö\", 2,\r\n]\n",
        "none = []\n",
        "yes = true\n",
        "\"ö\" = false",
    );
    let expected = "\
2:1 top = 2:7 1
3:2 [a]
4:3 k\"ey = 4:13 \"tab\\tend\"
5:1 bare-key_1 = 5:12 1000
7:3 [x y . b]
8:1 list = 8:8 [8:10 1, 9:3 \"zwö\", 9:10 2]
11:1 none = 11:8 []
12:1 yes = 12:7 true
13:1 ö = 13:7 false
";
    assert_eq!(read(input.as_bytes()), expected);
}

#[test]
fn numbers() {
    for (input, expected) in [
        ("0", Some(0)),
        ("7", Some(7)),
        ("1_000_000", Some(1_000_000)),
        ("18446744073709551615", Some(u64::MAX)),
        ("18446744073709551616", None),
        ("00", None),
        ("0_1", None),
        ("1_", None),
        ("1__0", None),
        ("1e3", None),
        ("1.5", None),
        ("0b1", None),
        ("1-2", None),
        ("12:30", None),
    ] {
        let line = format!("k = {input}");
        let expected = match expected {
            Some(n) => format!("1:1 k = 1:5 {n}\n"),
            None => "1:5 ! a whole decimal number such as 1024, or \"text\" in quotes".to_string(),
        };
        assert_eq!(read(line.as_bytes()), expected, "{input}");
    }
}

#[test]
fn escapes() {
    assert_eq!(read(br#"k = "\b\t\n\f\r\"\\""#), "1:1 k = 1:5 \"\\u{8}\\t\\n\\u{c}\\r\\\"\\\\\"\n");
    for letter in ["u0041", "e", "0", "x41", "'", "/"] {
        let line = format!("k = \"\\{letter}\"");
        assert_eq!(read(line.as_bytes()), r#"1:7 ! one of b t n f r " \ behind a backslash"#, "{letter}");
    }
}

#[test]
fn copies_only_what_fits() {
    let mut reader = Reader::new(br#"k = "a\"b""#).unwrap();
    let Some(Event::Entry { value: Value::Text(s), .. }) = reader.event().unwrap() else { panic!("no text") };
    assert_eq!(s.copy(&mut [0; 3]), Some(&b"a\"b"[..]));
    assert_eq!(s.copy(&mut [0; 2]), None);
    assert!(s.is("a\"b") && !s.is("a\"") && !s.is("a\"bc"));
}

#[test]
fn size_bound() {
    let mut text = vec![b'#'; LARGEST];
    assert_eq!(read(&text), "");
    text.push(b'#');
    assert_eq!(read(&text), "1:1 ! at most 64 KiB of text");
}

/// 200,000 short texts of the bytes that mean something: no panic, an end, and every place inside the text.
#[test]
fn random_texts_end() {
    let alphabet = b"[[]]..\"\"\\\\==,,##\n\n\r\t  akz019_-+:{}'\xc3\xa4\x00\x7f\xff";
    let words: [&[u8]; 6] = [b"true", b"[a.b]\n", b"k = ", b"\"v\"", b"[1, 2]", b"\r\n"];
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |n: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 11) as usize % n
    };
    let mut whole = 0;
    for _ in 0..200_000 {
        let mut input = Vec::new();
        for _ in 0..random(24) {
            match random(5) {
                0 | 1 => input.extend_from_slice(words[random(words.len())]),
                _ => input.push(alphabet[random(alphabet.len())]),
            }
        }
        let Ok(mut reader) = Reader::new(&input) else { continue };
        let lines = input.iter().filter(|b| **b == b'\n').count() + 1;
        let mut events = 0;
        let end = loop {
            match reader.event() {
                Ok(Some(_)) => events += 1,
                Ok(None) => break None,
                Err(fault) => break Some(fault),
            }
            assert!(events <= input.len());
        };
        let inside = |at: (u32, u32)| at.0 as usize <= lines && at.1 as usize <= input.len() + 1;
        assert!(end.is_none_or(|f| inside((f.spot.line, f.spot.column))), "{input:?}");
        whole += usize::from(end.is_none() && events > 0);
    }
    assert!(whole > 1000, "only {whole} texts were whole: the generator is of no use");
}
