//! From the ledger's records, in their order, to the bans they leave.
//!
//! Runs in: the tracker, at its start. In: records. Out: bans in the table; what could not be kept, counted.
use super::ban::{Ban, State};
use super::bans::Bans;
use super::bucket::Key;
use super::ledger_record::{Kind, Record};
use bailiff::shared::pure::wire::terms::Terms;

/// What a replay knows and finds.
#[derive(Debug)]
pub(crate) struct Replay<'a> {
    pub(crate) terms: &'a Terms,
    pub(crate) secret: &'a [u64; 2],
    pub(crate) bans: &'a mut Bans,
    /// The table of the last record that names one.
    pub(crate) table: [u8; 16],
    /// The newest time in any record.
    pub(crate) newest_s: u32,
    /// Bans of jails that are no longer there.
    pub(crate) gone: u64,
}

impl Replay<'_> {
    /// Takes one record.
    pub(crate) fn take(&mut self, record: &Record, now_s: u32) {
        let (kind, name, ban) = match record {
            Record::Table(id) => {
                self.table = *id;
                return;
            }
            Record::Ban(kind, name, ban) => (*kind, name, ban),
        };
        self.newest_s = self.newest_s.max(ban.since_s);
        let Some(jail) = self.terms.jails().iter().position(|jail| jail.name.padded() == name) else {
            self.gone = match kind {
                Kind::Held => self.gone.saturating_add(1),
                Kind::Lifted => self.gone.saturating_sub(1),
                Kind::Intent | Kind::Lift => self.gone,
            };
            return;
        };
        let ban = Ban { jail: jail as u8, ..*ban };
        let key = Key::new(self.secret, ban.jail, &ban.prefix);
        let before = self.bans.get(&key);
        // What is over needs no place, whatever was said of it.
        match (if ban.is_in_force(now_s) { kind } else { Kind::Lifted }, before) {
            (Kind::Held, _) => {
                self.bans.put(&key, &Ban { state: State::Synced, ..ban }, now_s);
            }
            (Kind::Intent, Some((place, held))) if held.state != State::Intent => {
                self.bans.set_state(place, State::Unsure);
            }
            (Kind::Intent, _) => {
                self.bans.put(&key, &Ban { state: State::Intent, ..ban }, now_s);
            }
            (Kind::Lift, Some((place, _))) => self.bans.set_state(place, State::Lifting),
            (Kind::Lift, None) => {
                self.bans.put(&key, &Ban { state: State::Lifting, ..ban }, now_s);
            }
            (Kind::Lifted, Some((place, _))) => self.bans.remove(place),
            (Kind::Lifted, None) => {}
        }
    }
}
