//! Files that grow, are cut and refilled; positions; queues of generations.
use super::generations::{FILES, Generation, Generations};
use super::harvest::Harvest;
use super::positions::{FileId, Position, Positions, SIZE, SLOTS, digest};
use super::tail::{BLOCK, Fill, MARK, Tail};
use super::{Dice, empty, fd};
use bailiff::shared::base::lines::{LONGEST, Lines};
use bailiff::shared::pure::addr::Addr;
use bailiff::shared::pure::wire::attempt::{Attempt, Tide};
use bailiff::shared::pure::wire::batch::records;
use bailiff::shared::pure::wire::source::{Source, Standing};
use bailiff::shims::sockets;
use std::fs::File;
use std::os::unix::fs::FileExt;

const ID: FileId = FileId { dev: 1, ino: 2, btime_ns: 3 };

fn append(file: &File, bytes: &[u8]) {
    file.write_all_at(bytes, file.metadata().unwrap().len()).unwrap();
}

/// The lines that are new, and what cuts were met on the way: bytes that had been seen.
fn read(tail: &mut Tail) -> (Vec<Vec<u8>>, Vec<u64>) {
    let mut buf = vec![0; BLOCK];
    let (mut got, mut cuts) = (Vec::new(), Vec::new());
    loop {
        let block = match tail.fill(&mut buf).unwrap() {
            Fill::Cut(lost) => {
                cuts.push(lost);
                continue;
            }
            Fill::Block(block) => block,
        };
        let mut lines = Lines::new(block.data(), tail.skipping);
        got.extend(lines.by_ref().map(|l| l.bytes.to_vec()));
        let reach = lines.finish();
        tail.advance(&block, reach);
        if !block.more {
            return (got, cuts);
        }
    }
}

fn numbers(range: std::ops::Range<u32>) -> Vec<u8> {
    range.map(|n| format!("line {n}\n")).collect::<String>().into_bytes()
}

#[test]
fn a_growing_file_is_read_once() {
    let file = empty();
    let mut tail = Tail::whole(fd(&file), ID);
    let all = numbers(0..100_000);
    let (mut got, mut dice, mut at) = (0, Dice(5), 0);
    while at < all.len() {
        let end = all.len().min(at + dice.below(if at < 100_000 { 40 } else { 700_000 }) as usize);
        append(&file, &all[at..end]);
        at = end;
        let (lines, cuts) = read(&mut tail);
        assert!(cuts.is_empty());
        for line in lines {
            assert_eq!(line, format!("line {got}").into_bytes());
            got += 1;
        }
    }
    assert_eq!((got, tail.offset()), (100_000, all.len() as u64));
}

#[test]
fn a_cut_is_seen() {
    // Refilled less far than it was read, exactly as far, and further: by other lines each time.
    for refill in [0, 1, 10, 99, 100, 101, 5000] {
        for read_before in [1, 20, 100, 3000] {
            let file = empty();
            let mut tail = Tail::whole(fd(&file), ID);
            append(&file, &numbers(10_000..10_000 + read_before));
            append(&file, b"half");
            assert_eq!(read(&mut tail).0.len(), read_before as usize);
            file.set_len(0).unwrap();
            append(&file, &numbers(20_000..20_000 + refill));
            let (lines, cuts) = read(&mut tail);
            assert_eq!((lines.len(), cuts), (refill as usize, vec![4]), "{refill} {read_before}");
            append(&file, &numbers(1..2));
            assert_eq!(read(&mut tail).0, [b"line 1"]);
        }
    }
}

#[test]
fn a_cut_within_a_long_line_ends_it() {
    let file = empty();
    let mut tail = Tail::whole(fd(&file), ID);
    append(&file, &vec![b'x'; LONGEST + 100]);
    assert_eq!(read(&mut tail).0.len(), 0);
    assert!(tail.skipping);
    file.set_len(0).unwrap();
    append(&file, &numbers(1..3));
    assert_eq!(read(&mut tail).0.len(), 2);
}

#[test]
fn a_hole_is_no_part_of_a_line() {
    let file = empty();
    let mut tail = Tail::whole(fd(&file), ID);
    append(&file, &numbers(0..100_000));
    let size = file.metadata().unwrap().len();
    assert_eq!(read(&mut tail).0.len(), 100_000);
    file.set_len(0).unwrap();
    assert_eq!(read(&mut tail), (vec![], vec![0]));
    file.write_all_at(b"one\ntwo\n\0three\n", size).unwrap();
    assert_eq!(read(&mut tail).0, [&b"one"[..], b"two", b"\0three"]);
}

#[test]
fn reading_goes_on_after_a_restart() {
    let mut dice = Dice(9);
    for round in 0..80 {
        let file = empty();
        let size = dice.below(300_000) as usize;
        let mut text = Vec::new();
        while text.len() < size {
            text.extend(std::iter::repeat_n(
                b'a' + (round % 20) as u8,
                dice.below(LONGEST as u64 + 30_000) as usize,
            ));
            text.push(b'\n');
        }
        let cut = dice.below(text.len() as u64 + 1) as usize;
        let want = text.split_inclusive(|b| *b == b'\n').filter(|l| l.len() <= LONGEST + 1).count();
        append(&file, &text[..cut]);
        let mut first = Tail::whole(fd(&file), ID);
        let before = read(&mut first).0.len();
        let position = Position::decode(&first.position(0, 7).encode()).unwrap();
        append(&file, &text[cut..]);
        let mut second = Tail::resume(fd(&file), &position);
        let (after, cuts) = read(&mut second);
        assert_eq!((before + after.len(), cuts.len()), (want, 0), "round {round}");
        // Cut while nobody read: from the start.
        if first.offset() > 0 {
            file.set_len(0).unwrap();
            append(&file, b"new\n");
            assert_eq!(read(&mut Tail::resume(fd(&file), &position)), (vec![b"new".to_vec()], vec![0]));
        }
    }
}

#[test]
fn the_end_is_where_the_last_line_begins() {
    for (old, new, want) in [
        (&b""[..], &b"a\n"[..], &[&b"a"[..]][..]),
        (b"old\n", b"a\n", &[b"a"]),
        (b"old\nhal", b"f\na\n", &[b"half", b"a"]),
        (b"hal", b"f\na\n", &[b"half", b"a"]),
    ] {
        for lines_before in [0, 1, 5000] {
            let file = empty();
            append(&file, &numbers(0..lines_before));
            append(&file, old);
            // What is written after the warden looked is new, even if it is there when the watcher looks.
            let opened_at = file.metadata().unwrap().len();
            append(&file, new);
            let mut buf = vec![0; BLOCK];
            let mut tail = Tail::end(fd(&file), ID, opened_at, &mut buf).unwrap();
            let (lines, cuts) = read(&mut tail);
            assert!(cuts.is_empty());
            assert_eq!(lines, want);
        }
    }
}

#[test]
fn the_end_of_a_long_line_is_no_line() {
    for before in [LONGEST - 3, LONGEST - 2, LONGEST, LONGEST + MARK, LONGEST + MARK + 2, 2 * LONGEST] {
        for line_before in [false, true] {
            let file = empty();
            append(&file, if line_before { b"old\n" } else { b"" });
            append(&file, &vec![b'x'; before]);
            let mut buf = vec![0; BLOCK];
            let mut tail = Tail::end(fd(&file), ID, file.metadata().unwrap().len(), &mut buf).unwrap();
            append(&file, b"end\nnext\n");
            let lines = read(&mut tail).0;
            let whole = usize::from(before + 3 <= LONGEST);
            assert_eq!(lines.len(), 1 + whole, "{before} {line_before}");
            assert_eq!(lines.last().unwrap(), b"next");
        }
    }
}

fn position(dice: &mut Dice) -> Position {
    let mut some = || dice.below(u64::MAX);
    let file = FileId { dev: some(), ino: some(), btime_ns: some() };
    Position { file, offset: some(), mark: some(), skipping: some() % 2 == 0, source: 0, saved_ms: some() }
}

#[test]
fn a_torn_position_is_none() {
    let mut dice = Dice(3);
    assert_eq!(Position::decode(&[0; SIZE]), None);
    for _ in 0..2000 {
        let (old, new) = (position(&mut dice), position(&mut dice));
        let (a, b) = (old.encode(), new.encode());
        assert_eq!(Position::decode(&a), Some(old));
        for cut in 1..SIZE {
            let mut torn = b;
            torn[cut..].copy_from_slice(&a[cut..]);
            assert!(Position::decode(&torn).is_none_or(|p| p == old || p == new), "{cut}");
            assert_eq!(Position::decode(&torn).is_some(), torn == a || torn == b);
        }
        let mut flipped = a;
        flipped[dice.below(SIZE as u64) as usize] ^= 1 << dice.below(8);
        assert_eq!(Position::decode(&flipped), None);
    }
}

#[test]
fn digests_differ() {
    let texts: Vec<Vec<u8>> =
        (0..3000u32).map(|n| format!("Nov 21 19:55:47 host sshd[{n}]: x").into_bytes()).collect();
    let mut all: Vec<u64> = texts.iter().map(|t| digest(t)).collect();
    all.extend((0..300).map(|n| digest(&vec![0; n])));
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 3300);
}

fn load(file: &File) -> Positions {
    let (positions, outcome) =
        Positions::load(fd(file), Box::leak(vec![[0; SIZE]; SLOTS].into_boxed_slice()));
    assert_eq!(outcome, Ok(()));
    positions
}

#[test]
fn positions_come_back() {
    let file = empty();
    let mut dice = Dice(11);
    let mut positions = load(&file);
    assert_eq!(positions.find(&ID, 0), None);
    assert!(!positions.is_unread(&FileId { btime_ns: u64::MAX, ..ID }), "the first start reads no old file");
    let all: Vec<Position> =
        (0..SLOTS as u64).map(|n| Position { saved_ms: 1000 + n, ..position(&mut dice) }).collect();
    for p in &all {
        let slot = positions.claim(&p.file, 0).unwrap();
        positions.save(slot, p).unwrap();
    }
    assert_eq!(positions.claim(&ID, 0), None, "every slot belongs to an open file");
    // One slot torn.
    file.write_all_at(b"torn", 5 * SIZE as u64 + 20).unwrap();
    let mut positions = load(&file);
    for (n, p) in all.iter().enumerate() {
        assert_eq!(positions.find(&p.file, 0), (n != 5).then_some(*p));
    }
    let newest = 1000 + SLOTS as u64 - 1;
    assert!(positions.is_unread(&FileId { btime_ns: (newest + 1) * 1_000_000, ..ID }));
    assert!(!positions.is_unread(&FileId { btime_ns: newest * 1_000_000 + 999_999, ..ID }));
    assert!(!positions.is_unread(&FileId { btime_ns: 0, ..ID }));
    assert_eq!(positions.claim(&all[77].file, 0), Some(77), "its own slot");
    assert_eq!(positions.claim(&ID, 0), Some(5), "an empty one");
    assert_eq!(positions.claim(&ID, 0), Some(0), "the one saved to least lately");
    positions.release(5);
    assert_eq!(positions.claim(&ID, 0), Some(5));
    // The same file for two sources.
    let of = |source, offset| Position { file: ID, source, offset, ..all[0] };
    positions.save(5, &of(0, 900)).unwrap();
    assert_eq!(positions.find(&ID, 1), None, "that of an open file is another source's own");
    let slot = positions.claim(&ID, 1).unwrap();
    positions.save(slot, &of(1, 700)).unwrap();
    assert_eq!((positions.find(&ID, 0), positions.find(&ID, 1)), (Some(of(0, 900)), Some(of(1, 700))));
    positions.release(5);
    assert_eq!(positions.find(&ID, 2), Some(of(0, 900)));
    positions.release(slot);
    assert_eq!(positions.find(&ID, 2), Some(of(1, 700)), "sources may be numbered otherwise since");
}

fn given(source: u8, generation: u32) -> Source {
    let (dev, ino, btime_ns) = (1, u64::from(generation), 1);
    Source {
        source,
        standing: Standing::Made,
        watch: generation,
        jails: 2,
        generation,
        dev,
        ino,
        btime_ns,
        size: 0,
    }
}

fn generation(file: &File, source: u8, number: u32) -> Generation {
    let given = given(source, number);
    Generation::new(Tail::whole(fd(file), super::generations::file(&given)), given, None)
}

#[test]
fn a_generation_retires_when_its_successor_comes() {
    let file = empty();
    let mut all = Generations::default();
    for number in 0..6 {
        assert!(all.add(generation(&file, 7, number), 100 + u64::from(number)));
    }
    assert!(all.add(generation(&file, 8, 0), 500));
    let quiet: Vec<_> = all.iter().map(|g| g.quiet_ns).collect();
    assert_eq!(quiet, [Some(101), Some(102), Some(103), Some(104), Some(105), None, None]);
    assert_eq!(all.outlived(), None, "their ends were not seen yet");
    all.iter_mut().for_each(|g| g.due = false);
    assert_eq!(all.outlived(), Some(0), "four newer ones");
    all.remove(0);
    assert_eq!(all.outlived(), Some(1));
    all.remove(1);
    assert_eq!(all.outlived(), None);
    assert_eq!(all.longest_quiet(), Some(2));
    all.at(4).unwrap().leaving = true;
    assert_eq!(all.outlived(), Some(4));
    assert!(!all.holds(&given(7, 0), 550) && !all.holds(&given(9, 5), 550));
    // One that was renamed before it was seen is old at once, and retires nobody.
    let mut late = generation(&file, 7, 9);
    late.given.standing = Standing::Renamed;
    assert!(all.add(late, 600));
    assert_eq!(all.at(0).unwrap().quiet_ns, Some(600));
    assert_eq!(all.at(5).unwrap().quiet_ns, None);
    // An old one that is the present file again.
    let again = Source { generation: 10, ..given(7, 3) };
    assert!(all.holds(&Source { ino: 3, standing: Standing::Former, ..again }, 700));
    assert_eq!(all.at(3).unwrap().quiet_ns, Some(104));
    assert!(all.holds(&again, 700));
    let quiet: Vec<_> = all.iter().map(|g| (g.given.ino, g.quiet_ns)).collect();
    assert_eq!(quiet, [(9, Some(600)), (2, Some(103)), (3, None), (4, Some(105)), (5, Some(700)), (0, None)]);
    assert!(all.is_open(7) && all.is_open(8) && !all.is_open(9));
}

#[test]
fn the_oldest_are_surplus_in_whatever_order_they_come() {
    let file = empty();
    let mut all = Generations::default();
    // The last but one and the last present file; then four that were renamed before they were seen.
    for (number, (standing, birth)) in [(Standing::Made, 50), (Standing::Made, 60)]
        .into_iter()
        .chain((10..14).map(|n| (Standing::Renamed, n)))
        .enumerate()
    {
        let mut new = generation(&file, 7, number as u32);
        (new.given.standing, new.given.btime_ns, new.due) = (standing, birth, false);
        assert!(all.add(new, 100));
    }
    all.iter_mut().for_each(|g| g.due = false);
    let mut gone = Vec::new();
    while let Some(place) = all.outlived() {
        gone.push(all.remove(place).unwrap().given.btime_ns);
    }
    assert_eq!(gone, [10, 11]);
}

#[test]
fn each_due_file_gets_its_turn() {
    let file = empty();
    let mut all = Generations::default();
    for source in 0..5 {
        all.add(generation(&file, source, 0), 0);
    }
    let turns: Vec<_> = (0..7).map(|_| all.next_due()).collect();
    assert_eq!(turns, [0, 1, 2, 3, 4, 0, 1].map(Some));
    all.at(3).unwrap().due = false;
    all.remove(2);
    assert_eq!((all.next_due(), all.next_due()), (Some(4), Some(0)));
    all.iter_mut().for_each(|g| g.due = false);
    assert!(!all.is_due() && all.next_due().is_none());
    all.wake_all();
    assert!(all.is_due());
}

#[test]
fn a_full_table_takes_no_more() {
    // No file is needed: nothing is read, and nothing is closed.
    let mut all = std::mem::ManuallyDrop::new(Generations::default());
    let new = |n: u32| {
        let given = given((n % 256) as u8, n);
        let none = bailiff::shims::fd::Fd::given(255);
        Generation::new(Tail::whole(none, super::generations::file(&given)), given, None)
    };
    for n in 0..FILES as u32 {
        assert!(!all.is_full() && all.add(new(n), u64::from(n)));
    }
    assert!(all.is_full());
    assert_eq!(all.longest_quiet(), Some(0));
}

fn attempt(offset: u64) -> Attempt {
    Attempt { addr: Addr([9; 16]), time_ms: 1, offset, jail: 1, source: 3, rule: 4, weight: 1 }
}

#[test]
fn a_harvest_waits_for_room_and_loses_nothing() {
    let (ours, theirs) = sockets::pair().unwrap();
    let mut harvest = Harvest::new(ours);
    let mut pushed = 0;
    while !harvest.stuck {
        while harvest.has_room(1) {
            harvest.push(&attempt(pushed));
            pushed += 1;
        }
        harvest.send(false).unwrap();
    }
    assert!(!harvest.is_sent() && !harvest.is_free().unwrap());
    harvest.tide(3, |t| t.lines = 5);
    harvest.tell(false).unwrap();
    assert!(harvest.is_untold(), "no room for the tide either");
    let (mut buf, mut got) = ([0; 9000], 0);
    loop {
        let Ok(len) = sockets::receive(&theirs, &mut buf, false) else {
            if harvest.is_sent() {
                break;
            }
            assert!(harvest.is_free().unwrap());
            continue;
        };
        for record in records::<Attempt>(&buf[..len]).unwrap() {
            assert_eq!(record.unwrap(), attempt(got));
            got += 1;
        }
    }
    assert_eq!(got, pushed);
    // More tides than a datagram holds.
    for source in 0..=255 {
        harvest.tide(source, |t| t.matches = 1);
    }
    harvest.tide(9, |_| ());
    harvest.tell(false).unwrap();
    assert!(!harvest.is_untold());
    let mut told = Vec::new();
    while let Ok(len) = sockets::receive(&theirs, &mut buf, false) {
        told.extend(records::<Tide>(&buf[..len]).unwrap().map(Option::unwrap));
    }
    assert_eq!(told.iter().map(|t| t.source).collect::<Vec<_>>(), (0..=255).collect::<Vec<_>>());
    assert_eq!((told[3].lines, told[3].matches, told[4].lines), (5, 1, 0));
    drop(theirs);
    harvest.push(&attempt(0));
    assert_eq!(harvest.send(false), Err(bailiff::shared::base::channel::Fault::Closed));
}
