//! What the fuzzer found once (audit/fuzz), each as the smallest input that shows it.
use super::filters::compiler;
use bailiff::shared::pure::addr::Addr;
use bailiff::shared::pure::peer;
use bailiff::shared::pure::program::is_own;
use bailiff::shared::pure::steps::{op, take};

#[test]
fn each_piece_of_a_program_name_must_stand() {
    assert!(is_own(b"a**b", b"a-b") && is_own(b"a**b*c", b"a-b-c") && is_own(b"**", b""));
    assert!(!is_own(b"a**b*c", b"a-c"), "what stands between two `*` and a third was not looked for");
}

#[test]
fn hexadecimal_groups_are_no_ipv4_address_with_a_port() {
    let text = b"::ffff:192f:f:10";
    let whole = Addr::parse(text).map(|addr| (addr, &b""[..]));
    assert!(whole.is_some() && peer::addr_may_port(text) == whole && peer::addr_may_port_back(text) == whole);
    assert_eq!((peer::addr_port(text), peer::addr_port_back(text)), (None, None));
    let mapped = Some((Addr::v4([192, 0, 2, 1]), &b""[..]));
    assert_eq!(peer::addr_port_back(b"::ffff:192.0.2.1:22"), mapped);
    let dotted = b"::ffff:192.0.2.1.22";
    assert_eq!((peer::addr_dot_port(dotted), peer::addr_dot_port_back(dotted)), (None, None));
}

/// So many searches within each other, each for any place, the innermost for a number.
fn nested(searches: usize) -> Vec<u8> {
    (0..searches).fold(vec![op::NUMBER], |inner, _| {
        let length = u16::try_from(inner.len()).unwrap().to_le_bytes();
        [&[op::ONCE, 0], &length[..], &inner].concat()
    })
}

#[test]
fn steps_search_nothing_within_a_search() {
    assert_eq!(take(&nested(1), b"a7", &mut ()), Some(None));
    assert_eq!(take(&nested(2), b"a7", &mut ()), None);
    // At once: six would take a year, and thousands no stack has room for.
    let line = [b'a'; 8192];
    assert_eq!(take(&nested(6), &line, &mut ()), None);
    assert_eq!(take(&nested(10_000), &line, &mut ()), None);
    // Nor what has no bound of its own.
    let blanks = [op::FIND, 0, 1, 0, op::BLANKS, op::TEXT];
    assert_eq!(take(&blanks, b"a b", &mut ()), None);
}

#[test]
fn the_trial_of_hostile_lines_has_an_end() {
    let words = " a".repeat(900);
    let text = format!(
        "filter t\nheader raw\nclass a\nmode m = a\ndefault m\npattern a\n  x <once:b <addr> c><text>\n  \
         hit 192.0.2.1 x{words} b 192.0.2.1 c{words}\n"
    );
    let refusal = compiler::read("t", &text).err().expect("refused");
    assert_eq!((refusal.line, refusal.col), (7, 3));
    assert!(refusal.reason.starts_with("the trial of hostile lines is too long"), "{refusal}");
}
