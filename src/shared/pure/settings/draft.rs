//! Settings while they are being read: tables and keys go in, one after the other.
//!
//! Runs in: the warden. In: what `toml` read. Out: `Settings` that hold every bound, or the first `Fault`.
//! Never: leaves a field without a value; keeps a jail that is not enabled.

use super::fault::{Fault, What};
use super::{Filter, Jail, KEYS, Key, LOGS, Name, Path, Section, Settings, TABLES};
use crate::shared::pure::toml::{self, Spot, Str, Value};
use crate::shared::pure::wire::terms::{JAILS, MANUAL_NAME, NO_FILTER, Terms};

const START: Spot = Spot { line: 1, column: 1 };

/// Settings that are being read, and the jail whose section is open.
pub(super) struct Draft<'s> {
    catalogue: &'static [Filter],
    pub(super) settings: &'s mut Settings,
    section: Option<Section>,
    /// The open section's keys that were given, a bit for each of `KEYS`.
    seen: u32,
    /// The sections that there were.
    tables: [Option<(Section, Name)>; TABLES],
    pub(super) jail: Jail,
    pub(super) enabled: bool,
    spot: Spot,
    pub(super) filter: (Name, Spot),
    pub(super) mode: (Name, Spot),
    pub(super) logs: [Path; LOGS],
    /// Where each jail of the settings begins.
    spots: [Spot; JAILS],
}

impl<'s> Draft<'s> {
    /// These settings with every default set, and with the manual jail.
    pub(super) fn begin(catalogue: &'static [Filter], settings: &'s mut Settings) -> Result<Self, Fault> {
        settings.terms = Terms::EMPTY;
        settings.logs.fill([Path::EMPTY; LOGS]);
        settings.uid_base = None;
        let mut draft = Self {
            catalogue,
            settings,
            section: None,
            seen: 0,
            tables: [None; TABLES],
            jail: Jail::EMPTY,
            enabled: false,
            spot: START,
            filter: (Name::EMPTY, START),
            mode: (Name::EMPTY, START),
            logs: [Path::EMPTY; LOGS],
            spots: [START; JAILS],
        };
        for section in [Section::Daemon, Section::Guard, Section::Jail] {
            draft.defaults(section)?;
        }
        draft.jail.name = Name::new(MANUAL_NAME).unwrap_or(Name::EMPTY);
        draft.jail.filter = NO_FILTER;
        draft.keep()?;
        Ok(draft)
    }

    fn defaults(&mut self, section: Section) -> Result<(), Fault> {
        for key in KEYS.iter().filter(|k| k.section == section && !k.default.is_empty()) {
            self.put(key, START, toml::value(key.default)?)?;
        }
        Ok(())
    }

    fn put(&mut self, key: &'static Key, at: Spot, value: Value<'_>) -> Result<(), Fault> {
        key.kind.take(self, at, value).map_err(|spot| Fault { spot, what: What::Value(key) })
    }

    /// Opens a table.
    pub(super) fn table(&mut self, spot: Spot, section: Str<'_>, name: Option<Str<'_>>) -> Result<(), Fault> {
        self.close()?;
        let fault = |what| Fault { spot, what };
        let mut buf = [0; 16];
        let (section, name) = match name {
            None if section.is("daemon") => (Section::Daemon, Name::EMPTY),
            None if section.is("guard") => (Section::Guard, Name::EMPTY),
            Some(name) if section.is("jail") => {
                let name = name.copy(&mut buf).filter(|n| *n != MANUAL_NAME).and_then(Name::parse);
                (Section::Jail, name.ok_or(fault(What::Name))?)
            }
            _ => return Err(fault(What::NoSection)),
        };
        let this = Some((section, name));
        if self.tables.contains(&this) {
            return Err(fault(What::Again));
        }
        *self.tables.iter_mut().find(|t| t.is_none()).ok_or(fault(What::Many))? = this;
        (self.section, self.seen, self.spot) = (Some(section), 0, spot);
        if section == Section::Jail {
            self.jail = Jail { name, ..Jail::EMPTY };
            self.logs = [Path::EMPTY; LOGS];
            (self.filter, self.mode) = ((name, spot), (Name::EMPTY, spot));
            self.defaults(Section::Jail)?;
        }
        Ok(())
    }

    /// Takes a key of the open table.
    pub(super) fn entry(
        &mut self,
        spot: Spot,
        name: Str<'_>,
        at: Spot,
        value: Value<'_>,
    ) -> Result<(), Fault> {
        let fault = |what| Fault { spot, what };
        let section = self.section.ok_or(fault(What::Loose))?;
        let mut keys = (0..).zip(&KEYS);
        let found = keys.find(|(_, k)| k.section == section && name.is(k.name));
        let (place, key) = found.ok_or(fault(What::NoKey(section)))?;
        let bit = 1u32.wrapping_shl(place);
        if self.seen & bit != 0 {
            return Err(fault(What::Again));
        }
        self.seen |= bit;
        self.put(key, at, value)
    }

    /// Ends the open section: a jail's filter, mode and logs are looked up, and it is kept if it is enabled.
    fn close(&mut self) -> Result<(), Fault> {
        if self.section != Some(Section::Jail) {
            return Ok(());
        }
        let is_it = |(_, f): &(u8, &Filter)| f.name.as_bytes() == self.filter.0.bytes();
        let no_filter = Fault { spot: self.filter.1, what: What::NoFilter(self.catalogue) };
        let (place, filter) = (0..NO_FILTER).zip(self.catalogue).find(is_it).ok_or(no_filter)?;
        self.jail.filter = place;
        self.jail.modes = filter.default_modes;
        if self.mode.0 != Name::EMPTY {
            let mode = filter.modes.iter().find(|m| m.name.as_bytes() == self.mode.0.bytes());
            self.jail.modes = mode.ok_or(Fault { spot: self.mode.1, what: What::NoMode(filter) })?.bits;
        }
        if self.logs.first() == Some(&Path::EMPTY) {
            for (slot, log) in self.logs.iter_mut().zip(filter.logs) {
                *slot = Path::new(log.as_bytes()).unwrap_or(Path::EMPTY);
            }
        }
        if self.logs.first() == Some(&Path::EMPTY) {
            return Err(Fault { spot: self.spot, what: What::NoLogs });
        }
        if self.enabled { self.keep() } else { Ok(()) }
    }

    /// Puts the jail into the settings.
    fn keep(&mut self) -> Result<(), Fault> {
        let many = Fault { spot: self.spot, what: What::Many };
        let count = &mut self.settings.terms.jail_count;
        let place = usize::from(*count);
        *count = count.saturating_add(1);
        *self.settings.terms.jails.get_mut(place).ok_or(many)? = self.jail;
        *self.settings.logs.get_mut(place).ok_or(many)? = self.logs;
        *self.spots.get_mut(place).ok_or(many)? = self.spot;
        Ok(())
    }

    /// Ends the last table, and judges what can be judged only when all is read.
    pub(super) fn finish(mut self) -> Result<(), Fault> {
        self.close()?;
        let terms = &mut self.settings.terms;
        if terms.jail_count < 2 {
            return Err(Fault { spot: START, what: What::Idle });
        }
        let (max_s, widest6) = (terms.max_bantime_s, terms.widest6);
        if let Some(manual) = terms.jails.first_mut() {
            manual.bantime_s = if max_s == 0 { manual.bantime_s } else { manual.bantime_s.min(max_s) };
            manual.prefix6 = if widest6 > manual.prefix6 { 128 } else { manual.prefix6 };
        }
        for (jail, spot) in terms.jails().iter().zip(self.spots) {
            if !terms.admits(jail) {
                return Err(Fault { spot, what: What::Guard });
            }
        }
        if self.settings.fits() { Ok(()) } else { Err(Fault { spot: START, what: What::Memory }) }
    }
}
