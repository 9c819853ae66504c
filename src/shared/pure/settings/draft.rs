//! Settings while they are being read: tables and keys go in, one after the other.
//!
//! Runs in: the warden. In: what `toml` read. Out: `Settings` that hold every bound, or the first `Fault`.
//! Never: leaves a field without a value; keeps a jail that is not enabled.

use super::fault::{Fault, What};
use super::{Catalogue, DAEMON, FilterName, GUARD, JAIL, Jail, KEYS, LOGS, Name, Path, Settings, TABLES};
use crate::shared::pure::toml::{self, Spot, Str, Value};
use crate::shared::pure::wire::terms::{JAILS, MANUAL_NAME, NAME, NO_FILTER, Terms};

const START: Spot = Spot { line: 1, column: 1 };
const SECTION: &str = "[daemon], [guard] or [jail.NAME]";
const LOOSE: &str = "a section such as [jail.sshd] before the first key";
const ONCE: &str = "each key and each section once, this one is here again";
const A_NAME: &str = "a jail's name: at most 24 of a-z, 0-9, _ and -, and not manual";
const MANY: &str = "at most 31 jails that are enabled, and at most 128 sections";
const NO_LOGS: &str = "logs in this jail, as its filter knows of none";
const INSIST: &str = "insist = true in this jail: others can forge the lines of its filter (bailiff filters show NAME says how)";
const IDLE: &str = "a section such as [jail.sshd] with enabled = true, no jail is enabled";
const ADMITTED: &str = "bantime, prefix4 and prefix6 within max_bantime, widest4 and widest6 of [guard]";
const FITTING: &str = "more memory, or a smaller max_bans";

/// Settings that are being read, and the jail whose section is open.
pub(super) struct Draft<'s> {
    catalogue: Catalogue<'s>,
    pub(super) settings: &'s mut Settings,
    /// The open section, where its name begins, and a bit for each of `KEYS` that it gave.
    section: &'static str,
    spot: Spot,
    seen: u32,
    /// Where the value begins that is being taken.
    pub(super) at: Spot,
    /// The sections that there were.
    tables: [(&'static str, Name); TABLES],
    pub(super) jail: Jail,
    pub(super) enabled: bool,
    pub(super) insist: bool,
    pub(super) filter: (FilterName, Spot),
    pub(super) mode: (Name, Spot),
    pub(super) logs: [Path; LOGS],
    /// Where each jail of the settings begins.
    spots: [Spot; JAILS],
}

impl<'s> Draft<'s> {
    /// These settings with every default set, and with the manual jail.
    pub(super) fn begin(catalogue: Catalogue<'s>, settings: &'s mut Settings) -> Result<Self, Fault> {
        settings.terms = Terms::EMPTY;
        settings.logs.fill([Path::EMPTY; LOGS]);
        settings.uid_base = None;
        let mut draft = Self {
            catalogue,
            settings,
            section: "",
            spot: START,
            seen: 0,
            at: START,
            tables: [("", Name::EMPTY); TABLES],
            jail: Jail::EMPTY,
            enabled: false,
            insist: false,
            filter: (FilterName::EMPTY, START),
            mode: (Name::EMPTY, START),
            logs: [Path::EMPTY; LOGS],
            spots: [START; JAILS],
        };
        for section in [DAEMON, GUARD, JAIL] {
            draft.defaults(section)?;
        }
        draft.jail.name = Name::new(MANUAL_NAME).unwrap_or(Name::EMPTY);
        draft.jail.filter = NO_FILTER;
        draft.keep()?;
        Ok(draft)
    }

    fn defaults(&mut self, section: &str) -> Result<(), Fault> {
        for key in KEYS.iter().filter(|k| k.section == section && !k.default.is_empty()) {
            let taken = key.take(self, START, toml::value(key.default)?);
            taken.map_err(|spot| Fault { spot, what: What::Value(key) })?;
        }
        Ok(())
    }

    /// Ends the open section and opens this one.
    pub(super) fn table(&mut self, spot: Spot, section: Str<'_>, name: Option<Str<'_>>) -> Result<(), Fault> {
        self.close()?;
        let mut buf = [0; NAME];
        let this = match name {
            None if section.is("daemon") => (DAEMON, Name::EMPTY),
            None if section.is("guard") => (GUARD, Name::EMPTY),
            Some(name) if section.is("jail") => {
                let name = name.copy(&mut buf).filter(|n| *n != MANUAL_NAME).and_then(Name::parse);
                (JAIL, name.ok_or(wrong(spot, A_NAME))?)
            }
            _ => return Err(wrong(spot, SECTION)),
        };
        if self.tables.contains(&this) {
            return Err(wrong(spot, ONCE));
        }
        *self.tables.iter_mut().find(|t| t.0.is_empty()).ok_or(wrong(spot, MANY))? = this;
        (self.section, self.spot, self.seen) = (this.0, spot, 0);
        if this.0 == JAIL {
            self.jail = Jail { name: this.1, ..Jail::EMPTY };
            self.logs = [Path::EMPTY; LOGS];
            let own_name = FilterName::new(this.1.bytes()).unwrap_or(FilterName::EMPTY);
            (self.filter, self.mode) = ((own_name, spot), (Name::EMPTY, spot));
            self.defaults(JAIL)?;
        }
        Ok(())
    }

    /// Takes a key of the open section.
    pub(super) fn entry(&mut self, at: (Spot, Spot), name: Str<'_>, value: Value<'_>) -> Result<(), Fault> {
        let (spot, value_spot) = at;
        if self.section.is_empty() {
            return Err(wrong(spot, LOOSE));
        }
        let found = (0..).zip(&KEYS).find(|(_, k)| k.section == self.section && name.is(k.name));
        let (place, key) = found.ok_or(Fault { spot, what: What::NoKey(self.section) })?;
        let bit = 1u32.wrapping_shl(place);
        if self.seen & bit != 0 {
            return Err(wrong(spot, ONCE));
        }
        self.seen |= bit;
        key.take(self, value_spot, value).map_err(|spot| Fault { spot, what: What::Value(key) })
    }

    /// Ends the open section: a jail's filter, mode and logs are looked up, and it is kept if it is enabled.
    fn close(&mut self) -> Result<(), Fault> {
        if self.section != JAIL {
            return Ok(());
        }
        let name = self.filter.0.bytes();
        let no_filter = Fault { spot: self.filter.1, what: What::NoFilter };
        let facts = self.catalogue.facts(name, self.mode.0.bytes(), &mut self.logs).ok_or(no_filter)?;
        (self.jail.filter, self.jail.modes) = (facts.place, facts.modes);
        if facts.modes == 0 && !self.catalogue.loose {
            return Err(Fault { spot: self.mode.1, what: What::NoMode(facts.built) });
        }
        if self.logs.first() == Some(&Path::EMPTY) && !self.catalogue.loose {
            return Err(wrong(self.spot, NO_LOGS));
        }
        if facts.is_forged && self.enabled && !self.insist {
            return Err(wrong(self.spot, INSIST));
        }
        if self.enabled { self.keep() } else { Ok(()) }
    }

    /// Puts the jail into the settings.
    fn keep(&mut self) -> Result<(), Fault> {
        let many = wrong(self.spot, MANY);
        let count = &mut self.settings.terms.jail_count;
        let place = usize::from(*count);
        *count = count.saturating_add(1);
        *self.settings.terms.jails.get_mut(place).ok_or(many)? = self.jail;
        *self.settings.logs.get_mut(place).ok_or(many)? = self.logs;
        *self.spots.get_mut(place).ok_or(many)? = self.spot;
        Ok(())
    }

    /// Ends the last section, and judges what can be judged only when all is read.
    pub(super) fn finish(mut self) -> Result<(), Fault> {
        self.close()?;
        let terms = &mut self.settings.terms;
        if terms.jail_count < 2 {
            return Err(wrong(START, IDLE));
        }
        let (max_s, widest6) = (terms.max_bantime_s, terms.widest6);
        if let Some(manual) = terms.jails.first_mut() {
            manual.bantime_s = if max_s == 0 { manual.bantime_s } else { manual.bantime_s.min(max_s) };
            manual.prefix6 = if widest6 > manual.prefix6 { 128 } else { manual.prefix6 };
        }
        let mut jails = terms.jails().iter().zip(self.spots);
        if let Some((_, spot)) = jails.find(|(jail, _)| !terms.admits(jail)) {
            return Err(wrong(spot, ADMITTED));
        }
        if self.settings.fits() { Ok(()) } else { Err(wrong(START, FITTING)) }
    }
}

fn wrong(spot: Spot, expected: &'static str) -> Fault {
    Fault { spot, what: What::Expected(expected) }
}

/// Puts a value into its place, if there is one.
pub(super) fn put<T>(place: &mut T, value: Option<T>) -> Option<()> {
    *place = value?;
    Some(())
}

/// Puts what is not yet in the list into this place of it.
pub(super) fn put_new<T: PartialEq>(list: &mut [T], place: usize, value: T) -> Option<()> {
    let known = list.contains(&value);
    put(list.get_mut(place).filter(|_| !known)?, Some(value))
}
