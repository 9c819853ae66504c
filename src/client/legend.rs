//! What the numbers in a record stand for.
//!
//! Runs in: the client. In: the jails as the daemon sent them, the configuration if it could be read, the
//! catalogue of filters. Out: names, rules, paths. Never: trusts a number to have a meaning.
use super::talk::Answer;
use bailiff::shared::pure::addr::{Addr, Prefix};
use bailiff::shared::pure::filter::{FILTERS, Filter, Rule};
use bailiff::shared::pure::settings::{Path, Settings};
use bailiff::shared::pure::wire::control::{BanRow, JailRow, Origin};
use bailiff::shared::pure::wire::terms::MANUAL;

/// Names for numbers.
#[derive(Clone, Copy)]
pub(crate) struct Legend<'a> {
    /// The jails that the daemon has.
    pub(crate) answer: &'a Answer,
    /// The configuration, if it could be read.
    pub(crate) settings: Option<&'a Settings>,
    /// Now, in seconds since 1970.
    pub(crate) now_s: u64,
}

impl<'a> Legend<'a> {
    /// A jail's name: as the daemon says, else as the configuration says, else `?`.
    pub(crate) fn jail(&self, number: u8) -> &'a [u8] {
        let configured = || Some(self.settings?.terms.jails().get(usize::from(number))?.name.bytes());
        self.answer.jail(number).map(name).or_else(configured).unwrap_or(b"?")
    }

    /// The rule that decided a ban, and its filter.
    pub(crate) fn rule(&self, ban: &BanRow) -> Option<(&'static Filter, &'static Rule)> {
        let filter = filter(self.answer.jail(ban.jail)?).filter(|_| ban.origin == Origin::Filter)?;
        Some((filter, filter.rules.get(usize::from(ban.rule))?))
    }

    /// The path of a source. Sources are numbered in the order of the distinct log paths over the jails. They are not known
    /// from the first jail on whose logs one of the operator's own filters names: only the daemon has read that.
    pub(crate) fn source(&self, number: u8) -> Option<&'a Path> {
        let settings = self.settings?;
        let is_known = |jail: &usize| *jail == MANUAL || settings.logs(*jail).next().is_some();
        let jails = || (0..settings.terms.jails().len()).take_while(is_known);
        let paths = || jails().flat_map(|jail| settings.logs(jail));
        let distinct = paths().enumerate().filter(|(i, path)| !paths().take(*i).any(|p| p == *path));
        distinct.map(|(_, path)| path).nth(number.into())
    }

    /// The configuration's never-ban network that holds this address.
    pub(crate) fn never_ban(&self, addr: &Addr) -> Option<&'a Prefix> {
        self.settings?.terms.never_ban().iter().find(|p| p.holds(addr))
    }

    /// Seconds until a ban ends; `None` is for ever.
    pub(crate) fn left_s(&self, ban: &BanRow) -> Option<u64> {
        (ban.end_s != 0).then(|| ban.end_s.saturating_sub(self.now_s))
    }
}

/// A jail's name without the zeros behind it.
pub(crate) fn name(jail: &JailRow) -> &[u8] {
    jail.name.split(|b| *b == 0).next().unwrap_or(&[])
}

/// A jail's filter; `None` for the manual jail, and for one that this client does not know.
pub(crate) fn filter(jail: &JailRow) -> Option<&'static Filter> {
    FILTERS.get(usize::from(jail.filter))
}

/// The name of the mode that a jail's filter is in.
pub(crate) fn mode(jail: &JailRow) -> Option<&'static str> {
    filter(jail)?.modes.iter().find(|m| m.bits == jail.modes).map(|m| m.name)
}
