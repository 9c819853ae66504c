//! Any bytes: no panic, and the work is bounded by the length of the line.
use super::super::crooked::Crooked;
use super::{ALL, scan_message};
use bailiff::shared::pure::addr::Addr;
use bailiff::shared::pure::{engine, header, peer, scan};

#[test]
fn random_bytes_never_panic_and_cost_linear_time() {
    let mut random = Crooked::new(11);
    for _ in 0..200_000 {
        let n = random.below(200) as usize;
        let line: Vec<u8> = (0..n).map(|_| random.next() as u8).collect();
        assert_eq!(engine::scan(0, ALL, &line), None);
        assert_eq!(scan_message(0, ALL, &line), None);
    }
    // Every token's worst filling, one megabyte of it: one walk takes milliseconds, a quadratic one an hour. The
    // bound on a message's length would end the reading at once, so the primitives are called here.
    fn group(m: &[u8]) -> Option<(Addr, &[u8])> {
        let (addr, m) = peer::addr(m)?;
        Some((addr, scan::number(m.strip_prefix(b" port ")?)?.strip_prefix(b" ssh2")?))
    }
    for unit in [
        " from ",
        " from 1.2.3.4 port 11111111111111111111",
        " from 1:1:1:1:1:1:1:",
        "\"",
        "\\",
        "1",
        ":",
        " ",
    ] {
        let line = unit.repeat((1 << 20) / unit.len()).into_bytes();
        let start = std::time::Instant::now();
        std::hint::black_box((
            scan::once(&line, b" from ", group),
            scan::find(&line, b" from ", group),
            scan::quoted(&line),
            scan::word(&line, b'x'),
            scan::word_back(&line, b'x'),
            header::syslog(&line),
        ));
        let took = start.elapsed();
        assert!(took.as_secs() < 10, "{unit:?}: {took:?}");
    }
}
