//! The filter language: refusals by reason, generated code against the interpreter, random bytes.
use bailiff::shared::pure::addr::Addr;
use bailiff::shared::pure::filter::{FILTERS, Match, named};

mod agreement;
#[path = "../../filters/compiler/mod.rs"]
pub(crate) mod compiler;
mod linear;
#[path = "../../filters/rust/mod.rs"]
mod rust;
use bailiff::shared::pure::engine;

pub(crate) const ALL: u8 = u8::MAX;

/// What the patterns of a filter of form text make of a message without header.
pub(crate) fn scan_message(filter: u8, modes: u8, message: &[u8]) -> Option<Match> {
    engine::scan_message(filter, modes, Addr::default(), message)
}

const HEAD: &str = "filter t\nprogram t\nheader syslog\nlog /var/log/t\nport 1\nclass a b\nmode m = a\nmode n = a b\ndefault m\n";

/// The refusal of a filter with this body, without the head's lines counted.
fn refusal(body: &str) -> (usize, usize, String) {
    let lines = HEAD.lines().count();
    match compiler::read("t", &format!("{HEAD}{body}")) {
        Ok(_) => panic!("accepted:\n{body}"),
        Err(f) => (f.line - lines, f.col, f.reason),
    }
}

fn accepted(body: &str) {
    if let Err(f) = compiler::read("t", &format!("{HEAD}{body}")) {
        panic!("{f}\n{body}");
    }
}

const LINE: &str = "Nov 21 19:55:39 host t[1]: ";

#[test]
fn refuses_what_can_be_framed() {
    for (pattern, col, reason) in [
        (
            "x <word> from <addr>",
            5,
            "the address can be framed: an outsider may stretch this token, and the address",
        ),
        (
            "x <quoted> from <addr>",
            5,
            "the address can be framed: an outsider may stretch this token, and the address",
        ),
        (
            "x <?<word> >from <addr>",
            5,
            "the address can be framed: an outsider may stretch this token, and the address",
        ),
        (
            "x <text> from <addr> user <word>",
            29,
            "the address can be framed: free text stands before it, and an outsider",
        ),
        (
            "x <text> from <addr> user <text>",
            29,
            "the address can be framed: free text stands before it, and an outsider",
        ),
        ("x <text><addr>", 11, "the address can be framed: between it and the free text"),
        ("x <text> user=<name><addr>", 23, "the address can be framed: between it and the free text"),
        ("x <text> host:<addr>", 17, "the address can be framed: between it and the free text"),
        ("x <text> a<addr>", 13, "the address can be framed: between it and the free text"),
        (
            "x <once: from <addr> by <word>> <text>",
            27,
            "the address can be framed: an outsider may stretch this token inside",
        ),
        ("x <once:<addr> by> <text>", 11, "<once:...> opens with literal text and holds the address"),
        ("x <once: by> <addr>", 11, "<once:...> opens with literal text and holds the address"),
    ] {
        let got = refusal(&format!("pattern a\n  {pattern}\n  hit 192.0.2.1 {LINE}x\n"));
        assert_eq!((got.0, got.1), (2, col), "{pattern}: {}", got.2);
        assert!(got.2.starts_with(reason), "{pattern}: {}", got.2);
    }
}

#[test]
fn refuses_more_than_one_stretch_before_the_address() {
    let got = refusal("pattern a\n  x <text> y <text> from <addr>\n");
    assert_eq!(got, (2, 14, "more than one unbounded stretch before the address".to_owned()));
    let got = refusal("pattern a\n  x <text> y <once: from <addr> .><text>\n");
    assert_eq!(got.2, "more than one unbounded stretch before the address");
}

#[test]
fn refuses_a_frame_that_only_a_trial_shows() {
    // Each pattern alone is framed; together the second's free end imitates the first.
    let body = format!(
        "pattern a\n  bad <text> from <addr>\n  hit 192.0.2.1 {LINE}bad x from 192.0.2.1\n\
         pattern a\n  bad from <addr>: <text>\n  hit 192.0.2.2 {LINE}bad from 192.0.2.2: x\n"
    );
    let got = refusal(&body);
    assert_eq!(got.0, 5);
    assert_eq!(got.2, "the address can be framed, as in `bad from 192.0.2.2: bad x from 203.0.113.99`");
}

#[test]
fn refuses_a_pattern_that_no_example_reaches() {
    let got = refusal("pattern a\n  x from <addr>\n");
    assert_eq!(got, (2, 3, "no example reaches this pattern".to_owned()));
    let got = refusal(&format!("pattern a\n  x from <addr>\n  hit 192.0.2.1 {LINE}y from 192.0.2.1\n"));
    assert_eq!(got, (2, 3, "no example reaches this pattern".to_owned()));
    let got = refusal(&format!("pattern a\n  x from <addr>\n  miss {LINE}y from 192.0.2.1\n"));
    assert_eq!(got, (2, 3, "no example reaches this pattern".to_owned()));
}

#[test]
fn refuses_an_example_that_does_not_hold() {
    let good = format!("pattern a\n  x from <addr>\n  hit 192.0.2.1 {LINE}x from 192.0.2.1\n");
    accepted(&good);
    for (example, col, reason) in [
        (format!("hit 192.0.2.2 {LINE}x from 192.0.2.1"), 7, "another address is read"),
        (format!("hit 192.0.2.1 {LINE}x from host.example"), 7, "nobody is accused"),
        (format!("hit[m] 192.0.2.1 {LINE}x from"), 10, "nobody is accused"),
        (
            "hit 192.0.2.1 Nov 21 19:55:39 host u[1]: x from 192.0.2.1".to_owned(),
            7,
            "no header of one of the filter's programs",
        ),
    ] {
        let got = refusal(&format!("{good}  {example}\n"));
        assert_eq!((got.0, got.1), (4, col), "{example}");
        assert_eq!(got.2, format!("this example does not hold: {reason}"));
    }
    let got = refusal(&format!("{good}ignore\n  y <text>\n  miss {LINE}y z\n  miss {LINE}z\n"));
    assert_eq!(got.2, "this example does not hold: the pattern does not take the line");
    let got = refusal(&format!(
        "{good}  hit 192.0.2.2 {LINE}x 192.0.2.2\npattern a\n  x <addr>\n  hit 192.0.2.3 {LINE}x 192.0.2.3\n"
    ));
    assert_eq!(got.2, "this example does not hold: the pattern of line 15 takes it");
}

#[test]
fn refuses_a_line_that_must_not_match() {
    let good = format!("pattern a\n  x from <addr>\n  hit 192.0.2.1 {LINE}x from 192.0.2.1\n");
    let got = refusal(&format!("{good}  miss {LINE}x from 192.0.2.2\n"));
    assert_eq!(got, (4, 8, "this line must not match, but the pattern of line 11 takes it".to_owned()));
    let got = refusal(&format!("{good}miss {LINE}x from 192.0.2.2\n"));
    assert_eq!(got, (4, 6, "this line must not match, but the pattern of line 11 takes it".to_owned()));
    let b = good.replace("pattern a", "pattern b");
    accepted(&format!("{b}  miss[m] {LINE}x from 192.0.2.2\n"));
    assert!(
        refusal(&format!("{b}  miss[n] {LINE}x from 192.0.2.2\n")).2.starts_with("this line must not match")
    );
}

#[test]
fn refuses_a_pattern_that_can_never_win() {
    let one = format!("pattern a\n  x <text> from <addr>\n  hit 192.0.2.1 {LINE}x y from 192.0.2.1\n");
    let got = refusal(&format!("{one}{one}"));
    assert_eq!(got, (5, 3, "this pattern can never win: the one of line 11 takes its lines".to_owned()));
    let got =
        refusal(&format!("{one}pattern a\n  x y from <addr>\n  hit 192.0.2.1 {LINE}x y from 192.0.2.1\n"));
    assert_eq!(got, (5, 3, "this pattern can never win: the one of line 11 takes its lines".to_owned()));
    let got = refusal("pattern a\n  x <no|none> <addr>\n");
    assert_eq!(got.2, "the alternative `none` can never win: an earlier one takes it");
}

#[test]
fn refuses_errors_of_form() {
    for (body, at, reason) in [
        ("pattern a\n  x <adr>\n", (2, 5), "`<adr>` is no token; a literal `<` is written `\\<`"),
        ("pattern a\n  x <addr\n", (2, 5), "`<` without its `>`"),
        ("pattern a\n  x <?y\n", (2, 8), "`<` without its `>`"),
        ("pattern a\n  x > <addr>\n", (2, 5), "`>` without its `<`; a literal one is written `\\>`"),
        ("pattern a\n  x \\y\n", (2, 6), "an unknown escape; there are \\< \\> \\| \\\\ \\s"),
        ("pattern a\n  x <?> <addr>\n", (2, 5), "an empty part"),
        (
            "pattern a\n  x <a|> <addr>\n",
            (2, 5),
            "an empty alternative; an optional part is written `<?...>`",
        ),
        (
            "pattern a\n  x\n",
            (2, 3),
            "no address: a pattern that counts needs one <addr>, <addr:port>, <addr:port?> or <addr.port>",
        ),
        (
            "pattern a\n  x <addr> <addr>\n",
            (2, 12),
            "a second address: only one peer is accused; write <ip> for another",
        ),
        ("pattern a\n  x <?<addr>>\n", (2, 7), "an optional part holds no address and no free text"),
        (
            "pattern a\n  <text> x <addr>\n",
            (2, 3),
            "a pattern opens with what the service writes: literal text, an address, a name",
        ),
        (
            "pattern a\n  x <text> y \"<quoted> from <addr>\n",
            (2, 15),
            "<quoted> cannot be read from the end of the line",
        ),
        (
            "pattern a\n  x <addr> <text><word><text>\n",
            (2, 18),
            "what stands between two <text> opens with literal text, and nobody stretches it",
        ),
        ("pattern c\n  x <addr>\n", (1, 9), "`c` is no class of this filter"),
        ("pattern a weight 0\n  x <addr>\n", (1, 9), "a weight is a number from 1 to 60"),
        ("pattern a\nport 1\n", (1, 1), "the pattern's text must follow, indented"),
        ("  x <addr>\n", (1, 3), "an indented line belongs to a pattern, and there is none above it"),
        ("ports 22\n", (1, 1), "unknown word `ports`"),
        ("port 65536\n", (1, 6), "`65536` is no port"),
        ("log auth.log\n", (1, 5), "a log is an absolute path, and there are at most eight"),
        ("header json\n", (1, 8), "an unknown header; there are: syslog, time, raw"),
        (
            "form xml\n",
            (1, 6),
            "an unknown form; there are: text, access, apache, nginx, json, logfmt, json logfmt",
        ),
        (
            "pattern a\n  x <not y> <addr>\n",
            (2, 5),
            "beside <not X> must stand literal text that holds one of its bytes, or the end",
        ),
        ("filter u\n", (1, 8), "the name must be the file's"),
        ("pattern a\n  x <addr>\n  hits 192.0.2.1 x\n", (3, 3), "expected `hit ADDRESS LINE` or `miss LINE`"),
        ("pattern a\n  x <addr>\n  miss[z] x\n", (3, 7), "`z` is no mode of this filter"),
    ] {
        let got = refusal(body);
        assert_eq!((got.0, got.1), at, "{body}: {}", got.2);
        assert_eq!(got.2, reason, "{body}");
    }
    assert_eq!(compiler::read("t", "filter t\n").err().map(|f| f.reason), Some("no `header`".to_owned()));
}

#[test]
fn the_refusal_names_file_line_and_column() {
    let dir = std::env::temp_dir().join(format!("bailiff-filters-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("t.filter"), format!("{HEAD}pattern a\n  x <word> <addr>\n")).unwrap();
    let refusal = rust::compile(&dir, &dir).unwrap_err();
    std::fs::remove_dir_all(&dir).unwrap();
    let expected = format!("{}:11:5: the address can be framed", dir.join("t.filter").display());
    assert!(refusal.starts_with(&expected), "{refusal}");
}

#[test]
fn every_token_is_read_from_both_ends() {
    let tokens = "<number> <hex> <name> <a|b> <ip> <ip:port> <?o ><word> <addr:port>";
    let text = "12 de:ad a.b-c_d b 192.0.2.5 [192.0.2.6]:7 o w [2001:db8::1]:9";
    for (pattern, message) in [
        (
            format!("x {} , <addr:port>", tokens.replace(" <addr:port>", "")),
            text.replace(" [2001:db8::1]:9", " , [2001:db8::1]:9"),
        ),
        (format!("x <text> | {}", tokens), format!("free text | {text}")),
    ] {
        // Read forwards a <word> before the address is refused, so the first form ends in free text.
        let front = pattern.replace("<?o ><word> ", "<?o >w ").replace("x <text> \\| ", "x ");
        let pattern = if pattern.contains("<text>") {
            pattern.replace(" | ", " \\| ")
        } else {
            front.replace("<word>", "w")
        };
        accepted(&format!("pattern a\n  {pattern}\n  hit 2001:db8::1 {LINE}x {message}\n"));
    }
    accepted(&format!(
        "pattern a\n  x <addr> <word>;<quoted> <text>a<number>b<text>c\n  hit 192.0.2.1 {LINE}x 192.0.2.1 w;\"q \\\" r\" .. a1b .. c\n"
    ));
}

#[test]
fn names_find_their_filter() {
    let at = named(b"sshd").unwrap();
    let sshd = &FILTERS[usize::from(at)];
    assert_eq!((sshd.name, sshd.ports, sshd.default_modes), ("sshd", &[22u16][..], 1));
    assert_eq!(sshd.mode(b"aggressive"), Some(7));
    assert_eq!(sshd.mode(b"nonsense"), None);
    assert_eq!(named(b"nonsense"), None);
}

/// The filters as the compiler reads them, beside those it generated.
pub(crate) fn sources() -> Vec<compiler::parse::Filter> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/filters");
    let read = |f: &bailiff::shared::pure::filter::Filter| {
        let text = std::fs::read_to_string(format!("{dir}/{}.filter", f.name)).unwrap();
        compiler::parse::parse(f.name, &text).unwrap()
    };
    FILTERS.iter().map(read).collect()
}
