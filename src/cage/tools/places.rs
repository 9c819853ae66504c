//! Places without those that others hold; what a program needs of the kernel.
//!
//! Runs in: bailiff-cage. In: places, files. Out: fewer places; loaders. Never: widens what may be done at a path.
use alloc::vec::Vec;

use super::elf::{self, Form};
use super::opened;
use crate::policy::{Bytes, Kind, Place};
use crate::step::paths::is_below;

/// What the kernel opens by itself to run this file; `None`: it is neither a program, nor a library, nor a script.
pub(crate) fn loaders(path: &[u8]) -> Option<Vec<Bytes>> {
    match elf::form(&opened(path).ok()?).ok()? {
        Form::Other => None,
        Form::Elf(needs) => Some(needs.interpreter.into_iter().collect()),
        Form::Script { interpreter, .. } => {
            // Another script cannot be a script's interpreter for long: the kernel goes four deep.
            let own = elf::form(&opened(&interpreter).ok()?).ok()?;
            let loader = if let Form::Elf(needs) = own { needs.interpreter } else { None };
            Some([interpreter].into_iter().chain(loader).collect())
        }
    }
}

/// Sorted, each place once, without what lies below a directory that is there whole.
pub(crate) fn folded(mut places: Vec<Place>) -> Vec<Place> {
    places.sort_by(|a, b| a.path.cmp(&b.path));
    let mut kept: Vec<Place> = Vec::new();
    for place in places {
        let covers = |p: &Place| match (&p.kind, &place.kind) {
            (Kind::Bind { source, execute, .. }, Kind::Bind { source: own, write, execute: needed }) => {
                let same = *source == p.path && *own == place.path;
                same && is_below(&place.path, &p.path) && *execute >= *needed && !write
            }
            (Kind::Bind { source, .. }, Kind::Link { .. }) => {
                *source == p.path && is_below(&place.path, &p.path)
            }
            (Kind::Link { .. }, Kind::Link { .. }) => p.path == place.path,
            _ => false,
        };
        if !kept.iter().any(covers) {
            kept.push(place);
        }
    }
    kept
}
