//! Threads that do what no caller should wait for: those of the registries.

use crate::supervisor::bell::Bell;
use crate::sync::{Arc, Mutex};

static HELPERS: Mutex<Vec<Arc<Bell>>> = Mutex::new(Vec::new());

/// From now on this bell may be rung: whoever hears it calls [`stock`](super::stock) and
/// [`tidy_when_quiet`](crate::epoch::tidy_when_quiet).
pub(crate) fn add_helper(bell: &Arc<Bell>) {
    HELPERS.lock().push(Arc::clone(bell));
}

pub(crate) fn remove_helper(bell: &Arc<Bell>) {
    HELPERS.lock().retain(|helper| !Arc::ptr_eq(helper, bell));
}

/// Rings a bell: one after the other, since a thread may be suspended. False if there is none.
pub(crate) fn call_helper() -> bool {
    let mut helpers = HELPERS.lock();
    if !helpers.is_empty() {
        helpers.rotate_left(1);
    }
    let helper = helpers.last().cloned();
    drop(helpers);
    helper.inspect(|bell| bell.ring()).is_some()
}
