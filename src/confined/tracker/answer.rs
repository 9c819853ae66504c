//! The rows of status, list and explain, by number, so that a reply can stop anywhere and go on.
//!
//! Runs in: the tracker. In: a request and the number of the next row. Out: rows. Never: changes anything;
//! looks at more than a slice of the bans at a time.
use super::ban::Ban;
use super::control::{Job, Rows};
use super::tracker::Tracker;
use bailiff::shared::pure::addr::Prefix;
use bailiff::shared::pure::wire::batch::Batch;
use bailiff::shared::pure::wire::control::{ANY_JAIL, Ask, Done, Figure, JailRow, Reply, TallyRow};
use bailiff::shared::pure::wire::terms::JAILS;

/// Places looked at for one row of a list.
const SLICE: u32 = 512;
/// Rows, and slices without one, that go into one batch at most.
const STEPS: usize = 384;
/// First rows: of jails in every reply; then of sources and figures (status), bans (list), tallies and bans
/// (explain).
const SECOND: u32 = JAILS as u32;
const FIGURES: u32 = SECOND + 256;
const EXPLAIN_BANS: u32 = SECOND + JAILS as u32;

/// Row `n`, and what follows it.
enum Next {
    Row(Reply, u32),
    Nothing(u32),
    End,
}

impl Tracker {
    /// Fills a batch with the next rows; what is to be done once it is sent, `None` at the end.
    pub(crate) fn rows(&self, mut rows: Rows, batch: &mut Batch<Reply>) -> Option<Job> {
        if let Some(heard) = rows.heard.take() {
            batch.push(&heard);
        }
        for _ in 0..STEPS {
            if batch.is_full() {
                break;
            }
            match self.row(&rows) {
                Next::Nothing(next) => rows.cursor = next,
                Next::Row(row, next) => {
                    batch.push(&row);
                    rows.cursor = next;
                    if !matches!(row, Reply::Jail(_)) {
                        rows.count = rows.count.saturating_add(1);
                    }
                    if let (Ask::Explain, Reply::Ban(row)) = (rows.request.ask, row) {
                        let held = self.bans.get(&self.key(row.jail, &row.prefix));
                        return Some(held.map_or(Job::Rows(rows), |(_, ban)| Job::Ask(rows, ban)));
                    }
                }
                Next::End => {
                    batch.push(&Reply::Done(Done::Good(rows.count)));
                    return None;
                }
            }
        }
        Some(Job::Rows(rows))
    }

    fn row(&self, rows: &Rows) -> Next {
        let (ask, at) = (rows.request.ask, rows.cursor);
        match (ask, at) {
            (_, ..SECOND) => self.jail_row(at),
            (Ask::Status, ..FIGURES) => self.source_row(at),
            (Ask::Status, _) => self.figure_row(at),
            (Ask::List, _) => self.ban_row(rows),
            (_, ..EXPLAIN_BANS) => self.tally_row(rows),
            _ => self.explain_row(rows),
        }
    }

    fn jail_row(&self, at: u32) -> Next {
        let Some(jail) = self.terms.jails().get(at as usize) else { return Next::Nothing(SECOND) };
        let row = JailRow {
            jail: at as u8,
            filter: jail.filter,
            modes: jail.modes,
            name: *jail.name.padded(),
            maxretry: jail.maxretry.into(),
            findtime_s: jail.findtime_s,
            bantime_s: jail.bantime_s,
            bans: self.bans.of_jail(at as u8),
            attempts: self.counts.attempts.get(at as usize).copied().unwrap_or(0),
        };
        Next::Row(Reply::Jail(row), at.saturating_add(1))
    }

    fn source_row(&self, at: u32) -> Next {
        let next = at.saturating_add(1);
        let source = at.saturating_sub(SECOND) as usize;
        match self.tides.get(source).copied().flatten() {
            Some(tide) => Next::Row(Reply::Source(tide), next),
            None => Next::Nothing(next),
        }
    }

    fn figure_row(&self, at: u32) -> Next {
        let (tallies, tally_room) = self.tallies.filling();
        let counts = &self.counts;
        let all = [
            (Figure::Uptime, self.now_ns.saturating_sub(self.started_ns) / 1_000_000_000),
            (Figure::Bans, self.bans.count().into()),
            (Figure::BanRoom, self.bans.room().into()),
            (Figure::Tallies, tallies.into()),
            (Figure::TallyRoom, tally_room.into()),
            (Figure::TalliesEvicted, self.tallies.evicted),
            (Figure::BansEvicted, self.bans.evicted),
            (Figure::Attempts, counts.attempts.iter().fold(0, |sum, n| sum.saturating_add(*n))),
            (Figure::Backward, self.tallies.backward),
            (Figure::Verdicts, self.window.verdicts()),
            (Figure::Refused, counts.refused),
            (Figure::KernelRefused, counts.kernel_refused),
            (Figure::Healed, counts.healed),
            (Figure::LedgerRecords, self.ledger.records()),
            (Figure::LedgerTorn, self.ledger.torn),
            (Figure::DryRun, self.terms.dry_run.into()),
            (Figure::IntentsDropped, counts.intents_dropped),
            (Figure::BansOfGoneJails, counts.gone_jails),
            (Figure::Unanswered, self.window.unanswered()),
            (Figure::Already, counts.already),
        ];
        match all.get(at.saturating_sub(FIGURES) as usize) {
            Some((figure, value)) => Next::Row(Reply::Figure(*figure as u8, *value), at.saturating_add(1)),
            None => Next::End,
        }
    }

    fn ban(&self, ban: &Ban) -> Reply {
        Reply::Ban(ban.row(self.ledger.keeps() && self.ledger.is_quiet()))
    }

    fn ban_row(&self, rows: &Rows) -> Next {
        let at = rows.cursor.saturating_sub(SECOND);
        if at >= self.bans.room() {
            return Next::End;
        }
        let (request, now_s) = (&rows.request, self.clock.now_s());
        let named = |jail: u8| {
            let name = self.terms.jails().get(usize::from(jail)).map(|jail| jail.name.padded());
            request.jail == ANY_JAIL || name == Some(&request.jail)
        };
        match self
            .bans
            .from(at, at.saturating_add(SLICE))
            .find(|(_, ban)| ban.is_in_force(now_s) && named(ban.jail))
        {
            Some((place, ban)) => Next::Row(self.ban(&ban), place.0.saturating_add(SECOND + 1)),
            None => Next::Nothing(rows.cursor.saturating_add(SLICE)),
        }
    }

    /// For each jail, the tally of the network that is counted.
    fn tally_row(&self, rows: &Rows) -> Next {
        let (next, jail) = (rows.cursor.saturating_add(1), rows.cursor.saturating_sub(SECOND) as u8);
        let Some(limits) = self.terms.jails().get(usize::from(jail)) else {
            return Next::Nothing(EXPLAIN_BANS);
        };
        let prefix = self.counted(limits, rows.request.prefix.addr);
        let place = self.tallies.find(&self.key(jail, &prefix));
        match place.and_then(|place| self.tallies.within(place, self.clock.tick(u64::MAX))) {
            Some((failures, age)) => {
                let newest_ms = self.clock.now_ms().saturating_sub(u64::from(age) * 125 / 2);
                Next::Row(Reply::Tally(TallyRow { prefix, jail, failures, newest_ms }), next)
            }
            None => Next::Nothing(next),
        }
    }

    /// For each jail, the bans of every length that has a set.
    fn explain_row(&self, rows: &Rows) -> Next {
        let (next, step) = (rows.cursor.saturating_add(1), rows.cursor.saturating_sub(EXPLAIN_BANS));
        let jail = (step / 3) as u8;
        if usize::from(jail) >= self.terms.jails().len() {
            return Next::End;
        }
        let addr = rows.request.prefix.addr;
        let lens: &[u8] = if addr.is_v4() { &[32, 24] } else { &[128, 64, 48] };
        let Some(len) = lens.get((step % 3) as usize).copied() else { return Next::Nothing(next) };
        let held = self.bans.get(&self.key(jail, &Prefix::around(addr, len)));
        match held.filter(|(_, ban)| ban.is_in_force(self.clock.now_s())) {
            Some((_, ban)) => Next::Row(self.ban(&ban), next),
            None => Next::Nothing(next),
        }
    }
}
