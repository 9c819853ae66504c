//! What the configuration knows of filters: those compiled in, and the operator's own.
//!
//! Runs in: the warden, the client. In: the catalogue, the image of the operator's own filters, a name. Out: what a jail
//! needs to know of its filter.

use super::text::path;
use super::{LOGS, Path};
use crate::shared::pure::filter::Filter;
use crate::shared::pure::image;
use crate::shared::pure::wire::terms::NO_FILTER;

/// All filters there are.
#[derive(Clone, Copy)]
pub struct Catalogue<'a> {
    /// Those compiled in.
    pub built: &'static [Filter],
    /// The operator's own, numbered behind them.
    pub own: &'a [u8],
    /// Whether any other name is taken too, for one of the operator's own: a first reading, before these are
    /// compiled, for what stands beside the jails.
    pub loose: bool,
}

/// What a jail needs to know of its filter.
pub(super) struct Facts {
    /// Its place among all filters.
    pub(super) place: u8,
    /// The bits of the mode; 0: there is none of this name.
    pub(super) modes: u8,
    /// Whether its lines can be forged.
    pub(super) is_forged: bool,
    /// The filter, if it is compiled in.
    pub(super) built: Option<&'static Filter>,
}

impl Catalogue<'_> {
    /// The facts of the filter of this name in this mode (empty: its own choice). Where no logs are named, its own are
    /// put there. `None`: there is none of this name.
    pub(super) fn facts(&self, name: &[u8], mode: &[u8], logs: &mut [Path; LOGS]) -> Option<Facts> {
        let no_logs = logs.first() == Some(&Path::EMPTY);
        if let Some((place, filter)) = (0..NO_FILTER).zip(self.built).find(|(_, f)| f.name.as_bytes() == name)
        {
            if no_logs {
                put(logs, filter.logs.iter());
            }
            let modes = if mode.is_empty() { Some(filter.default_modes) } else { filter.mode(mode) };
            let is_forged = !filter.forged.is_empty();
            return Some(Facts { place, modes: modes.unwrap_or(0), is_forged, built: Some(filter) });
        }
        let numbers = (0..NO_FILTER).skip(self.built.len());
        let found = numbers.zip(image::filters(self.own)).find(|(_, f)| f.name == name);
        let Some((place, filter)) = found else {
            let unknown = Facts { place: 0, modes: 0, is_forged: false, built: None };
            return self.loose.then_some(unknown);
        };
        if no_logs {
            put(logs, filter.logs());
        }
        let modes = if mode.is_empty() { Some(filter.default_modes) } else { filter.mode(mode) };
        Some(Facts { place, modes: modes.unwrap_or(0), is_forged: !filter.forged.is_empty(), built: None })
    }
}

/// Only what the configuration could say too: the image comes from a process that has no privilege.
fn put<T: AsRef<[u8]>>(logs: &mut [Path; LOGS], from: impl Iterator<Item = T>) {
    for (slot, log) in logs.iter_mut().zip(from.filter_map(|log| path(log.as_ref()))) {
        *slot = log;
    }
}
