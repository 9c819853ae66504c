//! The ledger: torn ends, snapshots, and crashes at every step of them.
use super::ban::{Ban, State};
use super::bans::Bans;
use super::compact::Flight;
use super::ledger::Ledger;
use super::ledger_record::{HEADER, Header, Kind, RECORD, Record, decode, encode};
use super::replay::Replay;
use super::slot::{GATHER, Slot};
use super::sync::Sync;
use super::{SECRET, all, ban, buckets, key, terms};
use bailiff::shared::pure::wire::terms::{NAME, Terms};
use bailiff::shims::fd::Fd;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

/// Two files that stay ours; the ledger gets copies of their descriptors.
struct Disk(File, File);

impl Disk {
    fn new(first: &[u8], second: &[u8]) -> Self {
        let file = |bytes: &[u8]| {
            let path = std::env::temp_dir().join(format!("ledger-{:?}", std::thread::current().id()));
            let file =
                File::options().read(true).write(true).create(true).truncate(true).open(&path).unwrap();
            std::fs::remove_file(path).unwrap();
            file.write_all_at(bytes, 0).unwrap();
            file
        };
        Self(file(first), file(second))
    }

    fn ledger(&self) -> Ledger {
        let slot = |file: &File| {
            let copy = file.try_clone().unwrap();
            let fd = Fd::given(u8::try_from(copy.as_raw_fd()).unwrap());
            let _ = std::mem::ManuallyDrop::new(copy);
            Slot::new(fd, Box::leak(vec![0; GATHER].into()))
        };
        Ledger::new([slot(&self.0), slot(&self.1)], Sync::new(None), false)
    }

    fn bytes(&self) -> [Vec<u8>; 2] {
        [&self.0, &self.1].map(|file| {
            let mut bytes = vec![0; file.metadata().unwrap().len() as usize];
            file.read_exact_at(&mut bytes, 0).unwrap();
            bytes
        })
    }
}

struct Left {
    bans: Vec<Ban>,
    table: [u8; 16],
    torn: u64,
    gone: u64,
}

fn open(ledger: &mut Ledger, bans: &mut Bans, terms: &Terms) -> ([u8; 16], u64) {
    let mut replay = Replay { terms, secret: &SECRET, bans, table: [0; 16], newest_s: 0, gone: 0 };
    ledger.open(&mut replay, 50).unwrap();
    (replay.table, replay.gone)
}

fn left(slots: &[Vec<u8>; 2], terms: &Terms) -> Left {
    let disk = Disk::new(&slots[0], &slots[1]);
    let (mut ledger, mut bans) = (disk.ledger(), Bans::new(buckets(1024)));
    let (table, gone) = open(&mut ledger, &mut bans, terms);
    Left { bans: all(&bans), table, torn: ledger.torn, gone }
}

fn note(ledger: &mut Ledger, kind: Kind, ban: &Ban) -> u64 {
    let mut name = [0; NAME];
    for (slot, b) in name.iter_mut().zip(format!("jail{}", ban.jail).bytes()) {
        *slot = b;
    }
    ledger.note(&Record::Ban(kind, name, *ban), matches!(kind, Kind::Held | Kind::Lift))
}

/// One turn as run.rs makes it; true while a snapshot is under way.
fn turn(ledger: &mut Ledger, bans: &Bans, terms: &Terms) {
    ledger.hear_bell();
    ledger.write();
    ledger.turn(bans, terms, 1);
}

#[test]
fn record_survives_and_nothing_else_does() {
    let name = *b"a-name-of-24-bytes-abcde";
    let one = Ban { jail: 0, ..ban(0, 77, State::Asked, 999) };
    for record in
        [Record::Ban(Kind::Intent, name, one), Record::Ban(Kind::Lifted, name, one), Record::Table([7; 16])]
    {
        let bytes = encode(&record, 5);
        assert_eq!(decode(&bytes, 5), Some(record));
        assert_eq!(decode(&bytes, 6), None, "another epoch");
        for bit in 0..RECORD * 8 {
            let mut torn = bytes;
            torn[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&torn, 5), None, "bit {bit}");
        }
    }
    let header = Header { epoch: 9, table: [3; 16] };
    assert_eq!(Header::decode(&header.encode()), Some(header));
    for len in 0..36 {
        assert_eq!(Header::decode(&header.encode()[..len]), None);
    }
    assert_eq!(Header::decode(&[0; HEADER]), None);
}

#[test]
fn replay_follows_the_order() {
    let terms = terms(&[(5, 600), (5, 600)]);
    let disk = Disk::new(&[], &[]);
    let (mut ledger, mut bans) = (disk.ledger(), Bans::new(buckets(64)));
    open(&mut ledger, &mut bans, &terms);
    let held = |n| ban(1, n, State::Synced, 900);
    for (kind, n) in [
        (Kind::Intent, 1),
        (Kind::Intent, 2),
        (Kind::Held, 2),
        (Kind::Held, 3),
        (Kind::Intent, 3),
        (Kind::Held, 4),
        (Kind::Lift, 4),
        (Kind::Held, 5),
        (Kind::Lift, 5),
        (Kind::Lifted, 5),
        (Kind::Intent, 6),
        (Kind::Lifted, 6),
    ] {
        note(&mut ledger, kind, &held(n));
    }
    note(&mut ledger, Kind::Held, &ban(7, 8, State::Synced, 900));
    // Over at the time of the replay: it needs no place.
    note(&mut ledger, Kind::Held, &ban(1, 9, State::Synced, 7));
    ledger.note(&Record::Table([9; 16]), true);
    ledger.write();
    let got = left(&disk.bytes(), &terms);
    let states: Vec<State> = got.bans.iter().map(|ban| ban.state).collect();
    assert_eq!(states, [State::Intent, State::Synced, State::Unsure, State::Lifting]);
    assert_eq!((got.table, got.torn, got.gone), ([9; 16], 0, 1));
    assert_eq!(got.bans[1], held(2));
}

#[test]
fn torn_at_every_byte_of_the_last_record() {
    let terms = terms(&[(5, 600)]);
    let disk = Disk::new(&[], &[]);
    let (mut ledger, mut bans) = (disk.ledger(), Bans::new(buckets(64)));
    open(&mut ledger, &mut bans, &terms);
    for n in 0..700 {
        note(&mut ledger, Kind::Held, &ban(0, n, State::Synced, 900));
    }
    ledger.write();
    let [whole, _] = disk.bytes();
    assert_eq!(whole.len(), HEADER + 700 * RECORD);
    for cut in 0..=RECORD {
        let short = whole[..whole.len() - cut].to_vec();
        let got = left(&[short.clone(), Vec::new()], &terms);
        assert_eq!(got.bans.len(), if cut == 0 { 700 } else { 699 }, "{cut} bytes cut");
        assert_eq!(got.torn, u64::from(cut > 0 && cut < RECORD));
        // What is appended after such a start is read by the next.
        let disk = Disk::new(&[], &short);
        let (mut ledger, mut bans) = (disk.ledger(), Bans::new(buckets(256)));
        open(&mut ledger, &mut bans, &terms);
        note(&mut ledger, Kind::Held, &ban(0, 5_000, State::Synced, 900));
        ledger.write();
        let again = left(&disk.bytes(), &terms);
        assert_eq!((again.bans.len(), again.torn), (got.bans.len() + 1, 0), "{cut} bytes cut");
    }
    for at in [HEADER + 3 * RECORD + 10, HEADER + 600 * RECORD] {
        let mut bad = whole.clone();
        bad[at] ^= 1;
        let got = left(&[bad, Vec::new()], &terms);
        assert_eq!((got.bans.len(), got.torn), ((at - HEADER) / RECORD, 1));
    }
}

#[test]
fn garbage_in_both_slots_starts_afresh() {
    let terms = terms(&[(5, 600)]);
    let got = left(&[vec![1; 9_000], b"junk".to_vec()], &terms);
    assert_eq!((got.bans.len(), got.torn), (0, 2));
    let got = left(&[Vec::new(), Vec::new()], &terms);
    assert_eq!((got.bans.len(), got.torn), (0, 0));
}

/// What a slot may be after the power is lost: what it is now, what it was at its last sync, or its header of
/// now before what it was at its last sync.
fn forms(now: &[u8], durable: &[u8]) -> Vec<Vec<u8>> {
    let mut mixed = durable.to_vec();
    mixed.resize(durable.len().max(now.len()), 0);
    let header = now.len().min(HEADER);
    mixed[..header].copy_from_slice(&now[..header]);
    let mut forms = vec![now.to_vec(), durable.to_vec(), mixed];
    forms.dedup();
    forms
}

/// Plays a ledger through a snapshot, with bans and unbans at every step. After each step the machine may
/// lose its power; then every ban that was told as synced must be there, and none whose end was.
#[test]
fn a_snapshot_loses_nothing_wherever_it_ends() {
    let terms = terms(&[(5, 600)]);
    let disk = Disk::new(&[], &[]);
    let (mut ledger, mut bans) = (disk.ledger(), Bans::new(buckets(512)));
    open(&mut ledger, &mut bans, &terms);
    let mut told: Vec<(u64, u32, bool)> = Vec::new();
    let act = |ledger: &mut Ledger, bans: &mut Bans, told: &mut Vec<(u64, u32, bool)>, n: u32| {
        let one = ban(0, n, State::Synced, 9_000);
        bans.put(&key(0, n), &one, 0).unwrap();
        told.push((note(ledger, Kind::Held, &one), n, true));
        if n.is_multiple_of(3) {
            let gone = ban(0, n - 2, State::Lifting, 9_000);
            let place = bans.find(&key(0, n - 2)).unwrap();
            bans.remove(place);
            note(ledger, Kind::Lift, &gone);
            told.push((note(ledger, Kind::Lifted, &gone), n - 2, false));
        }
    };
    for n in 1..=300 {
        act(&mut ledger, &mut bans, &mut told, n);
    }
    // Enough dead records to be worth a snapshot.
    for _ in 0..67_000 {
        note(&mut ledger, Kind::Held, &ban(0, 2, State::Synced, 9_000));
    }
    let mut durable = [Vec::new(), Vec::new()];
    let (mut steps, mut seals) = (0, 0);
    for n in 301..313 {
        act(&mut ledger, &mut bans, &mut told, n);
        let records = ledger.records();
        turn(&mut ledger, &bans, &terms);
        seals += u32::from(ledger.records() + 1_000 < records);
        let now = disk.bytes();
        // The newest that was said of each ban, where that is settled.
        let newest: BTreeMap<u32, (u64, bool)> = told.iter().map(|t| (t.1, (t.0, t.2))).collect();
        let must = newest.iter().filter(|(_, (record, _))| ledger.is_settled(*record));
        assert!(ledger.keeps());
        let forms = [0, 1].map(|s| forms(&now[s], &durable[s]));
        for (mix, slots) in
            forms[0].iter().flat_map(|a| forms[1].iter().map(move |b| [a.clone(), b.clone()])).enumerate()
        {
            let bans = left(&slots, &terms).bans;
            let held: BTreeSet<_> =
                bans.iter().filter(|b| b.state == State::Synced).map(|b| b.prefix.addr).collect();
            for (n, (_, there)) in must.clone() {
                assert_eq!(
                    held.contains(&super::address(*n).addr),
                    *there,
                    "ban {n} in step {steps}, mix {mix}"
                );
            }
        }
        // Without a queue each sync is over when `turn` returns.
        for (slot, bytes) in now.iter().enumerate() {
            if ledger.deadline_ns(1) == Some(1) && synced_slot(&ledger, &disk) == Some(slot) {
                durable[slot] = bytes.clone();
            }
        }
        steps += 1;
    }
    assert_eq!((steps, seals), (12, 1), "the snapshot was made");
    let end = left(&disk.bytes(), &terms);
    assert_eq!(end.bans.len(), all(&bans).len());
}

/// Which file the sync that has just been made was of.
fn synced_slot(ledger: &Ledger, disk: &Disk) -> Option<usize> {
    let [slot, other] = &ledger.slots;
    let number = match ledger.flight? {
        Flight::Group(_) => slot.fd.number(),
        _ => other.fd.number(),
    };
    let same = |file: &File| {
        use std::os::unix::fs::MetadataExt;
        let own = std::fs::metadata(format!("/proc/self/fd/{number}")).unwrap();
        own.ino() == file.metadata().unwrap().ino()
    };
    [&disk.0, &disk.1].iter().position(|file| same(file))
}
