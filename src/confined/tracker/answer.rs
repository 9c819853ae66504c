//! The rows of status, list and explain, by number, so that a reply can stop anywhere and go on.
//!
//! Runs in: the tracker. In: a request and the number of the next row. Out: rows. Never: changes anything;
//! looks at more than a slice of the bans at a time.
use super::bucket::WAYS;
use super::connection::{Job, Rows};
use super::policy;
use super::tracker::Tracker;
use bailiff::shared::pure::addr::Prefix;
use bailiff::shared::pure::wire::batch::Batch;
use bailiff::shared::pure::wire::control::{ANY_JAIL, Ask, Done, Figure, JailRow, Reply, TallyRow};
use bailiff::shared::pure::wire::terms::JAILS;

/// Buckets looked at for one row of a list.
const SLICE: u32 = 64;
/// Rows, and slices without one, that go into one batch at most.
const STEPS: usize = 384;
/// First rows: of jails in every reply; then of sources and figures (status), bans (list), tallies and bans
/// (explain).
const SECOND: u32 = JAILS as u32;
const FIGURES: u32 = SECOND + 256;
const EXPLAIN_BANS: u32 = SECOND + 2 * JAILS as u32;

/// Row `n`, and what follows it.
enum Next {
    Row(Reply, u32),
    Nothing(u32),
    End,
}

impl Tracker {
    /// Fills a batch with the next rows; what is to be done once it is sent.
    pub(crate) fn rows(&self, mut rows: Rows, batch: &mut Batch<Reply>) -> Job {
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
                    if rows.request.ask == Ask::Explain && matches!(row, Reply::Ban(_)) {
                        return self.ask_kernel(rows, row);
                    }
                }
                Next::End => {
                    batch.push(&Reply::Done(Done::Good(rows.count)));
                    return Job::Free;
                }
            }
        }
        Job::Rows(rows)
    }

    fn ask_kernel(&self, rows: Rows, row: Reply) -> Job {
        let Reply::Ban(row) = row else { return Job::Rows(rows) };
        match self.bans.get(&self.key(row.jail, &row.prefix)) {
            Some((_, ban)) => Job::Ask(rows, ban),
            None => Job::Rows(rows),
        }
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
        let number = at.saturating_sub(FIGURES).saturating_add(1);
        match self.figure(number) {
            Some((figure, value)) => Next::Row(Reply::Figure(figure as u8, value), at.saturating_add(1)),
            None => Next::End,
        }
    }

    fn figure(&self, number: u32) -> Option<(Figure, u64)> {
        let (tallies, tally_room) = self.tallies.filling();
        let counts = &self.counts;
        Some(match number {
            1 => (Figure::Uptime, self.now_ns.saturating_sub(self.started_ns) / 1_000_000_000),
            2 => (Figure::Bans, self.bans.count().into()),
            3 => (Figure::BanRoom, self.bans.room().into()),
            4 => (Figure::Tallies, tallies.into()),
            5 => (Figure::TallyRoom, tally_room.into()),
            6 => (Figure::TalliesEvicted, self.tallies.evicted),
            7 => (Figure::BansEvicted, self.bans.evicted),
            8 => (Figure::Attempts, counts.attempts.iter().fold(0, |sum, n| sum.saturating_add(*n))),
            9 => (Figure::Backward, self.tallies.backward),
            10 => (Figure::Verdicts, self.window.verdicts()),
            11 => (Figure::Refused, counts.refused),
            12 => (Figure::KernelRefused, counts.kernel_refused),
            13 => (Figure::Healed, counts.healed),
            14 => (Figure::LedgerRecords, self.ledger.records()),
            15 => (Figure::LedgerTorn, self.ledger.torn),
            16 => (Figure::DryRun, self.terms.dry_run.into()),
            17 => (Figure::IntentsDropped, counts.intents_dropped),
            18 => (Figure::BansOfGoneJails, counts.gone_jails),
            19 => (Figure::Unanswered, self.window.unanswered()),
            20 => (Figure::Already, counts.already),
            _ => return None,
        })
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
        match self.bans.from(at, SLICE).find(|(_, ban)| ban.is_in_force(now_s) && named(ban.jail)) {
            Some((place, ban)) => Next::Row(Reply::Ban(ban.row()), place.0.saturating_add(SECOND + 1)),
            None => Next::Nothing(rows.cursor.saturating_add(SLICE * WAYS as u32)),
        }
    }

    /// For each jail, the tally of the network that counts as one, and that of the address alone.
    fn tally_row(&self, rows: &Rows) -> Next {
        let (next, step) = (rows.cursor.saturating_add(1), rows.cursor.saturating_sub(SECOND));
        let addr = rows.request.prefix.addr;
        let Some(jail) = self.terms.jails().get((step / 2) as usize) else {
            return Next::Nothing(EXPLAIN_BANS);
        };
        let (wide, alone) = (policy::counted(jail, addr), policy::alone(addr));
        let is_alone = step % 2 == 1;
        if is_alone && wide == alone {
            return Next::Nothing(next);
        }
        let (prefix, number) = (if is_alone { alone } else { wide }, (step / 2) as u8);
        let tick = self.clock.tick(u64::MAX);
        let place = self.tallies.find(&self.key(number, &prefix));
        match place.and_then(|place| self.tallies.within(place, tick)) {
            Some((failures, age)) if failures > 0 => {
                let newest_ms = self.clock.now_ms().saturating_sub(u64::from(age) * 125 / 2);
                Next::Row(Reply::Tally(TallyRow { prefix, jail: number, failures, newest_ms }), next)
            }
            _ => Next::Nothing(next),
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
        let len = match (addr.is_v4(), step % 3) {
            (true, 0) => 32,
            (true, 1) => 24,
            (false, 0) => 128,
            (false, 1) => 64,
            (false, _) => 48,
            (true, _) => return Next::Nothing(next),
        };
        let held = self.bans.get(&self.key(jail, &Prefix::around(addr, len)));
        match held.filter(|(_, ban)| ban.is_in_force(self.clock.now_s())) {
            Some((_, ban)) => Next::Row(Reply::Ban(ban.row()), next),
            None => Next::Nothing(next),
        }
    }
}
