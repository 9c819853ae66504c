//! One block of one file, from its bytes to attempts.
//!
//! Runs in: the watcher. In: hostile bytes. Out: attempts into the harvest, counts into the source's tide. Never: keeps a
//! byte of a log when it returns, or lets one leave this process but into the log of single steps, quoted.
use super::filters::scan;
use super::generations::Generation;
use super::harvest::Harvest;
use super::lines::{Line, Lines};
use super::tail::{Block, Fill};
use bailiff::shared::base::channel::Fault;
use bailiff::shared::base::log::{Level, Log};
use bailiff::shared::pure::filter::Match;
use bailiff::shared::pure::wire::attempt::Attempt;
use bailiff::shared::pure::wire::terms::{JAILS, NO_FILTER, Terms};
use bailiff::shims::clock::{monotonic_ns, realtime_ns};

/// Bytes of a line that the log of single steps shows.
const SHOWN: usize = 200;

/// A jail that reads a source.
#[derive(Clone, Copy, Debug)]
struct Reader {
    jail: u8,
    filter: u8,
    modes: u8,
}

/// The jails whose bits are set.
#[derive(Debug)]
struct Readers {
    list: [Reader; JAILS],
    count: usize,
}

impl Readers {
    fn new(terms: &Terms, jails: u32) -> Self {
        let mut readers = Self { list: [Reader { jail: 0, filter: NO_FILTER, modes: 0 }; JAILS], count: 0 };
        for (number, jail) in (0u8..).zip(terms.jails()) {
            let reads = jails.checked_shr(number.into()).is_some_and(|bits| bits & 1 == 1);
            if let Some(reader) = readers.list.get_mut(readers.count).filter(|_| reads) {
                *reader = Reader { jail: number, filter: jail.filter, modes: jail.modes };
                readers.count = readers.count.saturating_add(1);
            }
        }
        readers
    }

    fn list(&self) -> &[Reader] {
        self.list.get(..self.count).unwrap_or(&[])
    }
}

/// Reads the next block of a file; how many bytes were done with. Afterwards the file is due if there is more to read,
/// be it because the tracker has no room for what was found.
pub(crate) fn read(
    file: &mut Generation, buf: &mut [u8], terms: &Terms, harvest: &mut Harvest, log: &Log,
) -> Result<usize, Fault> {
    let block = match file.tail.fill(buf) {
        Ok(Fill::Block(block)) => block,
        Ok(Fill::Cut(lost)) => {
            cut(file.given.source, lost, harvest, log);
            return Ok(0);
        }
        Err(errno) => {
            if !core::mem::replace(&mut file.refused, true) {
                log.refused(Level::Warning, "cannot read a log file", errno);
            }
            file.due = false;
            return Ok(0);
        }
    };
    file.refused = false;
    let mut lines = Lines::new(block.data(), file.tail.skipping);
    let whole = sift(file, &block, &mut lines, terms, harvest, log)?;
    let reach = if whole { lines.finish() } else { lines.pause() };
    harvest.tide(file.given.source, |tide| tide.overlong = tide.overlong.saturating_add(lines.overlong));
    file.tail.advance(&block, reach);
    file.due = block.more || !whole;
    if block.grew && file.quiet_ns.is_some() {
        (file.quiet_ns, file.leaving) = (Some(monotonic_ns()), false);
    }
    Ok(reach.consumed)
}

/// Looks at the lines with the filter of each jail. False when the tracker has no room: the lines from here on are left.
fn sift(
    file: &Generation, block: &Block<'_>, lines: &mut Lines<'_>, terms: &Terms, harvest: &mut Harvest, log: &Log,
) -> Result<bool, Fault> {
    let readers = Readers::new(terms, file.given.jails);
    let readers = readers.list();
    let (mut count, mut matches, mut time_ms) = (0u64, 0u64, None);
    let whole = loop {
        if !harvest.has_room(readers.len()) && !harvest.send(false)? {
            break false;
        }
        let Some(line) = lines.next() else { break true };
        count = count.saturating_add(1);
        let mut matched = false;
        for reader in readers {
            let Some(found) = scan(reader.filter, reader.modes, line.bytes) else { continue };
            // One look at the clock is enough for a block: it was read at one stroke.
            let time_ms = *time_ms.get_or_insert_with(|| realtime_ns() / 1_000_000);
            let (jail, source, offset) = (reader.jail, file.given.source, file.tail.place(block, line.start));
            let Match { addr, rule, weight } = found;
            let attempt = Attempt { addr, time_ms, offset, jail, source, rule, weight };
            harvest.push(&attempt);
            show(&attempt, &line, log);
            matched = true;
        }
        matches = matches.saturating_add(matched.into());
    };
    harvest.lines = harvest.lines.saturating_add(count);
    harvest.tide(file.given.source, |tide| {
        tide.lines = tide.lines.saturating_add(count);
        tide.matches = tide.matches.saturating_add(matches);
    });
    Ok(whole)
}

fn show(attempt: &Attempt, line: &Line<'_>, log: &Log) {
    log.step(|t| {
        t.bytes(b"line ").dec(attempt.source.into()).byte(b'@').dec(attempt.offset);
        t.bytes(b" jail ").dec(attempt.jail.into()).bytes(b" rule ").dec(attempt.rule.into());
        t.bytes(b" address ").addr(&attempt.addr).bytes(b": ");
        t.quoted(line.bytes.get(..SHOWN).unwrap_or(line.bytes));
    });
}

fn cut(source: u8, lost: u64, harvest: &mut Harvest, log: &Log) {
    harvest.tide(source, |tide| {
        tide.truncations = tide.truncations.saturating_add(1);
        tide.lost_bytes = tide.lost_bytes.saturating_add(lost);
    });
    log.line(Level::Warning, |t| {
        t.bytes(b"source ").dec(source.into()).bytes(b" was cut short: reading it from its start; ");
        t.dec(lost).bytes(b" bytes that were seen are lost, and what came after them unseen");
    });
}
