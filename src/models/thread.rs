//! In the place of `thread.rs` under a model checker: threads of the checker's.

use super::models::{self, JoinHandle};
use crate::error::Error;
use crate::sync::global;

/// Nobody needs it.
pub(crate) struct Handle;

/// Those that were started. The lock is never held across a switch of threads.
#[derive(Default)]
struct Started(parking_lot::Mutex<Vec<JoinHandle<()>>>);

global! {
    static STARTED: Started = Started::default();
}

pub(crate) fn start(_name: String, work: impl FnOnce() + Send + 'static) -> Result<Handle, Error> {
    let handle = models::spawn(work);
    STARTED.0.lock().push(handle);
    Ok(Handle)
}

/// Waits until all that were started have ended: a model's statics end with its first thread.
pub(crate) fn all_end() {
    let next = || STARTED.0.lock().pop();
    while let Some(thread) = next() {
        thread.join().unwrap();
    }
}

pub(crate) fn has_deadlines() -> bool {
    false
}
