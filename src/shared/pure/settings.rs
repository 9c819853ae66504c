//! The configuration: what `bailiff.toml` says, with every value within its bounds.
//!
//! Runs in: the warden. In: the file's text, from the administrator. Out: `Settings`, or the first `Fault`
//! with its line, its column and what was expected. Never: opens a file, guesses what was meant, passes over
//! an unknown key.

mod catalogue;
mod draft;
mod fault;
mod keys;
mod text;

pub use self::catalogue::Catalogue;
use self::draft::Draft;
pub use self::fault::{Fault, What};
pub use self::keys::{DAEMON, GUARD, JAIL, KEYS, Key};
use super::toml::{Event, Reader};
use super::wire::terms::{JAILS, Terms, Word};
pub use super::wire::terms::{Jail, Name};

/// An absolute path of at most 255 bytes, with a zero behind it.
pub type Path = Word<256>;
/// A filter's name.
pub type FilterName = Word<32>;
/// The name of a group of accounts; empty is no group.
pub type Group = Word<32>;
/// Log files one jail can name.
pub const LOGS: usize = 8;
/// What one ban may cost in all processes together, in bytes: an upper bound, which `fits` relies on.
pub const BAN_BYTES: u64 = 128;
/// Sections one configuration can have, those of jails that are not enabled among them.
pub const TABLES: usize = 128;

/// What to do when the kernel lacks something that a cage uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Missing {
    /// Do not start.
    Refuse,
    /// Start, and say what is missing.
    Warn,
}

/// On which CPU watcher, tracker and enforcer run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cpu {
    /// On one that the warden chooses.
    Auto,
    /// Wherever the kernel puts them.
    Any,
    /// On this one: 0 to 1023.
    One(u16),
}

/// The whole configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// What every role is told; `dry_run`, `boot_id` and `own` are not set here.
    pub terms: Terms,
    /// The log files of each jail of `terms`; empty paths behind.
    pub logs: [[Path; LOGS]; JAILS],
    /// The directory of the ledger.
    pub state: Path,
    /// The directory of the sockets.
    pub run: Path,
    /// What to do when the kernel lacks something.
    pub missing: Missing,
    /// Where the roles run.
    pub cpu: Cpu,
    /// The first of the roles' user ids; `None` looks the accounts up by name.
    pub uid_base: Option<u32>,
    /// Who may use `read.sock`.
    pub readers: Group,
    /// Who may use `control.sock`.
    pub operators: Group,
}

impl Settings {
    /// Settings without a jail and without any value, to be filled by `read`.
    pub const EMPTY: Self = Self {
        terms: Terms::EMPTY,
        logs: [[Path::EMPTY; LOGS]; JAILS],
        state: Path::EMPTY,
        run: Path::EMPTY,
        missing: Missing::Refuse,
        cpu: Cpu::Auto,
        uid_base: None,
        readers: Group::EMPTY,
        operators: Group::EMPTY,
    };

    /// The log files of the jail in this place.
    pub fn logs(&self, jail: usize) -> impl Iterator<Item = &Path> {
        self.logs.get(jail).into_iter().flatten().take_while(|p| **p != Path::EMPTY)
    }

    /// Whether the ceiling of memory leaves room for `max_bans` bans, at `BAN_BYTES` each.
    pub fn fits(&self) -> bool {
        u64::from(self.terms.max_bans).saturating_mul(BAN_BYTES) <= self.terms.memory
    }
}

impl Terms {
    /// What the roles are told of these settings.
    pub fn from_settings(settings: &Settings, dry_run: bool, boot_id: [u8; 16], own: u32) -> Self {
        Self { dry_run, boot_id, own, ..settings.terms }
    }
}

/// Fills `to` with what this text says and, where it says nothing, with the defaults. After a fault, `to` is
/// of no use.
pub fn read(text: &[u8], catalogue: Catalogue<'_>, to: &mut Settings) -> Result<(), Fault> {
    let mut draft = Draft::begin(catalogue, to)?;
    let mut reader = Reader::new(text)?;
    while let Some(event) = reader.event()? {
        match event {
            Event::Table { spot, section, name } => draft.table(spot, section, name)?,
            Event::Entry { spot, key, at, value } => draft.entry((spot, at), key, value)?,
        }
    }
    draft.finish()
}
