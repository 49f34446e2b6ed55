//! What is left of stopped registries while readers still hold a version or a pin: freed at a later start or stop, or
//! when a thread that used kvreg ends.

use super::garbage::{self, Garbage};
use crate::epoch::Limbo;
use crate::fork;
use crate::sync::{AtomicBool, Mutex, Ordering};
use crate::table::Table;

pub(super) struct Remains {
    table: Option<Table>,
    limbo: Limbo<Garbage>,
}

/// Whether there are any.
static ANY: AtomicBool = AtomicBool::new(false);
static REMAINS: Mutex<Vec<Remains>> = Mutex::new(Vec::new());

impl Remains {
    pub(super) fn new(table: Option<Table>, limbo: Limbo<Garbage>) -> Remains {
        Remains { table, limbo }
    }

    /// Frees what can be, and tells whether anything is left.
    fn sweep(&mut self) -> bool {
        let limbo = &mut self.limbo;
        if self.table.as_mut().is_some_and(|table| table.dissolve(|name| limbo.push(Garbage::Name(name)))) {
            self.table = None;
        }
        garbage::collect(limbo, drop);
        self.table.is_some() || !self.limbo.is_empty()
    }
}

/// Frees what can be freed of a registry that was stopped, and keeps the rest for later.
pub(super) fn leave(mut remains: Remains) {
    sweep();
    if remains.sweep() {
        let mut all = REMAINS.lock();
        all.push(remains);
        ANY.store(true, Ordering::Relaxed); // under the lock, as in `sweep`
    }
}

/// Tries again what could not be freed before.
pub(crate) fn sweep() {
    // Relaxed: if we miss some, the next one finds them. In a forked child nobody may take the lock.
    if ANY.load(Ordering::Relaxed) && fork::check().is_ok() {
        let mut remains = REMAINS.lock();
        remains.retain_mut(Remains::sweep);
        ANY.store(!remains.is_empty(), Ordering::Relaxed);
    }
}
