//! What is left of stopped registries while readers still hold a version or a pin: freed at a later start or stop.

use super::turn::Garbage;
use crate::bucket::{BUCKETS, Contents};
use crate::epoch::Limbo;
use crate::name::Name;
use crate::sync::Mutex;
use crate::table::Table;
use crate::tree::Entry;

pub(super) struct Remains {
    table: Option<Table>,
    names: Limbo<*const Name>,
    limbo: Limbo<Garbage>,
}

// SAFETY: whoever has the remains is the only one who will free them.
unsafe impl Send for Remains {}

static REMAINS: Mutex<Vec<Remains>> = Mutex::new(Vec::new());

impl Remains {
    pub(super) fn new(table: Option<Table>, mut limbo: Limbo<Garbage>, large: Vec<*mut Contents>) -> Remains {
        large.into_iter().for_each(|contents| limbo.push(Garbage::Contents(contents)));
        Remains { table, names: Limbo::new(), limbo }
    }

    /// Frees what can be, and tells whether anything is left.
    fn sweep(&mut self) -> bool {
        if self.table.as_mut().is_some_and(|table| table.dissolve(&mut self.names)) {
            self.table = None;
        }
        // SAFETY: no version and no pin shows it any more, and each name is retired once.
        self.names.collect(|name| unsafe { Name::release(name) });
        let mut busy = Vec::new();
        self.limbo.collect(|garbage| match garbage {
            // SAFETY: as above.
            Garbage::Name(name) => unsafe { Name::release(name) },
            Garbage::Slot(index) => BUCKETS.give(index),
            // SAFETY: closed, and no pin leads to it any more; freed once, and only if nobody uses it.
            Garbage::Contents(contents) if unsafe { (*contents).in_use() } => busy.push(contents),
            // SAFETY: as above.
            Garbage::Contents(contents) => drop(unsafe { Box::from_raw(contents) }),
        });
        busy.into_iter().for_each(|contents| self.limbo.push(Garbage::Contents(contents)));
        self.table.is_some() || !self.names.is_empty() || !self.limbo.is_empty()
    }
}

/// Frees what can be freed of a registry that was stopped, and keeps the rest for later.
pub(super) fn leave(mut remains: Remains) {
    sweep();
    if remains.sweep() {
        REMAINS.lock().push(remains);
    }
}

/// Tries again what could not be freed before.
pub(super) fn sweep() {
    REMAINS.lock().retain_mut(Remains::sweep);
}
