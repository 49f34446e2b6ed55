//! Process-wide names of registries.

use super::{Registry, Started};
use crate::error::Error;
use crate::sync::{Mutex, global};
use std::collections::BTreeMap;

global! {
    static NAMES: Mutex<BTreeMap<Box<[u8]>, Registry>> = Mutex::new(BTreeMap::new());
}

/// The registry that runs under this name, or else the one that `start` makes. Others that start a name wait.
pub(super) fn start(
    name: &[u8],
    start: impl FnOnce() -> Result<Registry, Error>,
) -> Result<(Registry, Started), Error> {
    let mut names = NAMES.lock();
    if let Some(&running) = names.get(name) {
        return Ok((running, Started::Before));
    }
    let registry = start()?;
    names.insert(name.into(), registry);
    Ok((registry, Started::Now))
}

/// The registry that runs under this name.
pub(super) fn find(name: &[u8]) -> Option<Registry> {
    NAMES.lock().get(name).copied()
}

/// The name of a registry.
pub(super) fn name_of(registry: Registry) -> Option<Vec<u8>> {
    let names = NAMES.lock();
    names.iter().find(|(_, running)| **running == registry).map(|(name, _)| name.to_vec())
}

/// Frees the name of a registry, if it has one.
pub(super) fn forget(registry: Registry) {
    NAMES.lock().retain(|_, running| *running != registry);
}
