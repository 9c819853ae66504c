//! Lines out of blocks, against a naive model.
use super::Dice;
use bailiff::shared::base::lines::{LONGEST, Lines};
use bailiff::shims::arch::newline_mask;

#[test]
fn newline_mask_is_the_naive_one() {
    let mut dice = Dice(1);
    for round in 0..20_000u64 {
        // Bytes near the newline in value and in bits are the likely mistakes.
        let block: [u8; 64] = std::array::from_fn(|_| match dice.below(round % 7 + 2) {
            0 => b'\n',
            1 => b'\n' ^ 1 << dice.below(8),
            2 => b'\n'.wrapping_add(dice.below(3) as u8).wrapping_sub(1),
            _ => dice.below(256) as u8,
        });
        let naive = block.iter().rev().fold(0u64, |mask, b| mask << 1 | u64::from(*b == b'\n'));
        assert_eq!(newline_mask(&block), naive, "{block:?}");
    }
}

/// Lines and overlong lines of a whole text: with their places.
fn naive(text: &[u8]) -> (Vec<(usize, Vec<u8>)>, u64) {
    let (mut lines, mut overlong, mut start) = (Vec::new(), 0, 0);
    for (at, _) in text.iter().enumerate().filter(|(_, b)| **b == b'\n') {
        let line = &text[start..at];
        if line.len() > LONGEST {
            overlong += 1;
        } else {
            lines.push((start, line.strip_suffix(b"\r").unwrap_or(line).to_vec()));
        }
        start = at + 1;
    }
    if text.len() - start > LONGEST {
        overlong += 1;
    }
    (lines, overlong)
}

fn text(dice: &mut Dice, size: usize) -> Vec<u8> {
    let mut text = Vec::new();
    while text.len() < size {
        let len = match dice.below(12) {
            0 => 0,
            1 => LONGEST - 2 + dice.below(5) as usize,
            2 => 3 * LONGEST + dice.below(20_000) as usize,
            3 => 61 + dice.below(6) as usize,
            _ => dice.below(200) as usize,
        };
        let fill = dice.below(4);
        text.extend((0..len).map(|_| match (fill, dice.below(5)) {
            (0, 0) => 0u8,
            (1, 0) => b'\r',
            (2, 0) => dice.below(256) as u8,
            _ => b'x',
        }));
        if dice.below(3) == 0 {
            text.push(b'\r');
        }
        text.push(b'\n');
    }
    // Half a line at the end.
    text.extend(std::iter::repeat_n(b'h', dice.below(2 * LONGEST as u64) as usize));
    text
}

#[test]
fn lines_do_not_depend_on_how_they_came() {
    for seed in 1..80 {
        let mut dice = Dice(seed * 0x9e37_79b9);
        let text = text(&mut dice, 60_000);
        let (want, want_overlong) = naive(&text);
        let (mut got, mut overlong) = (Vec::new(), 0);
        let (mut offset, mut seen, mut skipping) = (0, 0, false);
        // The file grows by any number of bytes, a read brings at most a block, and there may be room for a
        // few lines only.
        while seen < text.len() || offset < seen {
            let step = if seed % 2 == 0 { (text.len() as u64 / 40).max(300) } else { 30_000 };
            seen = (seen + dice.below(step) as usize).min(text.len());
            let end = seen.min(offset + LONGEST + 1 + dice.below(40_000) as usize);
            let mut lines = Lines::new(&text[offset..end], skipping);
            let mut room = dice.below(50);
            let reach = loop {
                if room == 0 {
                    break lines.pause();
                }
                let Some(line) = lines.next() else { break lines.finish() };
                got.push((offset + line.start, line.bytes.to_vec()));
                room -= u64::from(seed % 3 == 0);
            };
            overlong += lines.overlong;
            (offset, skipping) = (offset + reach.consumed, reach.skipping);
            if seen == text.len() && reach.consumed == 0 && room > 0 {
                break;
            }
        }
        assert_eq!(got.len(), want.len(), "seed {seed}");
        assert!(got == want, "seed {seed}");
        assert_eq!(overlong, want_overlong, "seed {seed}");
    }
}

#[test]
fn a_line_counts_when_its_newline_comes() {
    let mut lines = Lines::new(b"one\r\ntwo\0\n\nthr", false);
    let got: Vec<_> = lines.by_ref().map(|l| (l.start, l.bytes)).collect();
    assert_eq!(got, [(0, &b"one"[..]), (5, b"two\0"), (10, b"")]);
    assert_eq!((lines.finish().consumed, lines.finish().skipping), (11, false));
}

#[test]
fn only_the_last_carriage_return_is_cut() {
    let got: Vec<_> = Lines::new(b"a\rb\r\r\n\r\n", false).map(|l| l.bytes).collect();
    assert_eq!(got, [&b"a\rb\r"[..], b""]);
}

#[test]
fn the_rest_of_a_long_line_is_no_line() {
    let long = vec![b'x'; LONGEST + 1];
    let mut lines = Lines::new(&long, false);
    assert_eq!(lines.next(), None);
    let reach = lines.finish();
    assert_eq!((reach.consumed, reach.skipping, lines.overlong), (long.len(), true, 1));
    let mut lines = Lines::new(b"from 192.0.2.1\nnext\n", true);
    assert_eq!(lines.next().map(|l| (l.start, l.bytes)), Some((15, &b"next"[..])));
    assert_eq!((lines.finish().skipping, lines.overlong), (false, 0));
}
