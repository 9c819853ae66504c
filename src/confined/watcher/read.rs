//! One block of one file, from its bytes to attempts.
//!
//! Runs in: the watcher. In: hostile bytes. Out: attempts into the harvest, counts into the source's tide.
//! Never: keeps a byte of a log when it returns, or lets one leave this process but into the log of single
//! steps, quoted.

use super::generations::{Generation, NOWHERE};
use super::harvest::Harvest;
use super::tail::{Block, Fill};
use bailiff::shared::base::channel::Fault;
use bailiff::shared::base::lines::{Line, Lines};
use bailiff::shared::base::log::{Level, Log};
use bailiff::shared::pure::engine;
use bailiff::shared::pure::filter::{FILTERS, Match};
use bailiff::shared::pure::image::{self, OwnFilter};
use bailiff::shared::pure::wire::attempt::Attempt;
use bailiff::shared::pure::wire::terms::{JAILS, NO_FILTER, Terms};
use bailiff::shims::clock::{monotonic_ns, realtime_ns};

/// Bytes of a line that the log of single steps shows.
const SHOWN: usize = 200;

/// A jail that reads a source.
#[derive(Clone, Copy, Debug)]
struct Reader<'a> {
    jail: u8,
    filter: u8,
    modes: u8,
    /// The filter, if it is one of the operator's own.
    own: Option<OwnFilter<'a>>,
}

/// The jails whose bits are set.
#[derive(Debug)]
struct Readers<'a> {
    list: [Reader<'a>; JAILS],
    count: usize,
    /// The headers that one of their filters knows.
    headers: u8,
}

impl<'a> Readers<'a> {
    fn new(terms: &Terms, own: &'a [u8], jails: u32) -> Self {
        let nobody = Reader { jail: 0, filter: NO_FILTER, modes: 0, own: None };
        let mut readers = Self { list: [nobody; JAILS], count: 0, headers: 0 };
        for (number, jail) in (0..=u8::MAX).zip(terms.jails()) {
            let reads = jails.checked_shr(number.into()).is_some_and(|bits| bits & 1 == 1);
            if let Some(reader) = readers.list.get_mut(readers.count).filter(|_| reads) {
                let place = usize::from(jail.filter);
                let own = place.checked_sub(FILTERS.len()).and_then(|at| image::filters(own).nth(at));
                *reader = Reader { jail: number, filter: jail.filter, modes: jail.modes, own };
                readers.count = readers.count.saturating_add(1);
                let built = FILTERS.get(place).map(|f| f.headers);
                readers.headers |= built.or(own.map(|f| f.headers)).unwrap_or(0);
            }
        }
        readers
    }

    fn list(&self) -> &[Reader<'a>] {
        self.list.get(..self.count).unwrap_or(&[])
    }
}

/// What reading needs beside the file.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    /// The configuration.
    pub(crate) terms: &'a Terms,
    /// The image of the operator's own filters.
    pub(crate) own: &'a [u8],
    /// Where attempts and counts go.
    pub(crate) harvest: &'a mut Harvest,
    /// Where log lines go.
    pub(crate) log: &'a Log,
}

impl Reading<'_> {
    /// Reads the next block of a file; how many bytes were done with. Afterwards the file is due if there is
    /// more to read, be it because the tracker has no room for what was found.
    pub(crate) fn block(&mut self, file: &mut Generation, buf: &mut [u8]) -> Result<usize, Fault> {
        let block = match file.tail.fill(buf) {
            Ok(Fill::Block(block)) => block,
            Ok(Fill::Cut(lost)) => {
                self.cut(file, lost);
                return Ok(0);
            }
            Err(errno) => {
                if !core::mem::replace(&mut file.refused, true) {
                    self.log.refused(Level::Warning, "cannot read a log file", errno);
                }
                file.due = false;
                return Ok(0);
            }
        };
        file.refused = false;
        let mut lines = Lines::new(block.data(), file.tail.skipping);
        let whole = self.sift(file, &block, &mut lines)?;
        let reach = if whole { lines.finish() } else { lines.pause() };
        let overlong = lines.overlong;
        self.harvest.tide(file.given.source, |tide| tide.overlong = tide.overlong.saturating_add(overlong));
        file.tail.advance(&block, reach);
        file.due = block.more || !whole;
        if block.grew && file.quiet_ns.is_some() {
            (file.quiet_ns, file.leaving) = (Some(monotonic_ns()), false);
        }
        Ok(reach.consumed)
    }

    /// Looks at the lines with the filter of each jail. False when the tracker has no room: the lines from
    /// here on are left.
    fn sift(&mut self, file: &Generation, block: &Block<'_>, lines: &mut Lines<'_>) -> Result<bool, Fault> {
        let readers = Readers::new(self.terms, self.own, file.given.jails);
        let (mut count, mut matches, mut time_ms) = (0u64, 0u64, None);
        let whole = loop {
            if !self.harvest.has_room(readers.count) && !self.harvest.send(false)? {
                break false;
            }
            let Some(line) = lines.next() else { break true };
            count = count.saturating_add(1);
            let mut matched = false;
            let read = engine::Line::new(readers.headers, line.bytes);
            for reader in readers.list() {
                let found = match &reader.own {
                    Some(own) => read.scan_own(own, reader.modes),
                    None => read.scan(reader.filter, reader.modes),
                };
                let Some(found) = found else { continue };
                // One look at the clock is enough for a block: it was read at one stroke.
                let time_ms = *time_ms.get_or_insert_with(|| realtime_ns() / 1_000_000);
                let (jail, source, offset) =
                    (reader.jail, file.given.source, file.tail.place(block, line.start));
                let Match { addr, rule, weight } = found;
                let attempt = Attempt { addr, time_ms, offset, jail, source, rule, weight };
                self.harvest.push(&attempt);
                self.show(&attempt, &line);
                matched = true;
            }
            matches = matches.saturating_add(matched.into());
        };
        self.harvest.lines = self.harvest.lines.saturating_add(count);
        self.harvest.tide(file.given.source, |tide| {
            tide.lines = tide.lines.saturating_add(count);
            tide.matches = tide.matches.saturating_add(matches);
        });
        Ok(whole)
    }

    fn show(&self, attempt: &Attempt, line: &Line<'_>) {
        self.log.step(|t| {
            t.bytes(b"line ").dec(attempt.source.into()).byte(b'@').dec(attempt.offset);
            t.bytes(b" jail ").dec(attempt.jail.into()).bytes(b" rule ").dec(attempt.rule.into());
            t.bytes(b" address ").addr(&attempt.addr).bytes(b": ");
            t.quoted(line.bytes.get(..SHOWN).unwrap_or(line.bytes));
        });
    }

    fn cut(&mut self, file: &mut Generation, lost: u64) {
        file.saved = NOWHERE;
        self.harvest.tide(file.given.source, |tide| {
            tide.truncations = tide.truncations.saturating_add(1);
            tide.lost_bytes = tide.lost_bytes.saturating_add(lost);
        });
        self.log.line(Level::Warning, |t| {
            t.bytes(b"source ").dec(file.given.source.into());
            t.bytes(b" was cut short and is read from its start; of what was not read ");
            t.dec(lost).bytes(b" bytes had been seen");
        });
    }
}
