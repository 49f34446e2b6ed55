//! What kvreg has to say for itself: the restart of a thread, a worker that failed, a supervisor that gave up. The host
//! sets one function for all of it; without one there is silence.
//!
//! The function runs in the thread in which the thing happened, when that holds nothing of kvreg's.

use crate::fork;
use crate::sync::{Arc, Mutex, global};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How much a record matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Level {
    /// What happens in good order, too: that registries are started and stopped.
    Debug = 0,
    /// Something was restarted.
    Info = 1,
    /// Something failed or is late.
    Warn = 2,
    /// Something was given up.
    Error = 3,
}

impl Level {
    /// As text: "debug", "info", "warn" or "error".
    pub fn name(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}

/// What a host gets records with.
type Function = dyn Fn(Level, &str) + Send + Sync;

struct Sink {
    least: Level,
    function: Box<Function>,
}

global! {
    static SINK: Mutex<Option<Arc<Sink>>> = Mutex::new(None);
}

thread_local! {
    /// Whether this thread runs the function: what that does is not written down, else it might never end.
    static WRITING: Cell<bool> = const { Cell::new(false) };
}

/// Gives all records from this level on to a function, from now on and in place of the one before, which is dropped when
/// no thread runs it any more. It may be called by many threads at a time, and may call all of kvreg; what happens in
/// such calls is not written down. What it panics with is swallowed.
pub fn set_log(least: Level, function: impl Fn(Level, &str) + Send + Sync + 'static) {
    set(Some(Arc::new(Sink { least, function: Box::new(function) })));
}

/// Silence, as in the beginning.
pub fn clear_log() {
    set(None);
}

fn set(sink: Option<Arc<Sink>>) {
    if fork::check().is_ok() {
        let before = std::mem::replace(&mut *SINK.lock(), sink);
        // Outside the lock: its end is the host's code.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(before)));
    }
}

/// Writes a record down. To be called while nothing is held.
pub(crate) fn write(level: Level, text: &str) {
    if fork::check().is_err() || WRITING.get() {
        return;
    }
    let sink = SINK.lock().clone();
    if let Some(sink) = sink.filter(|sink| sink.least <= level) {
        WRITING.set(true);
        let _ = catch_unwind(AssertUnwindSafe(|| {
            (sink.function)(level, text);
            drop(sink);
        }));
        WRITING.set(false);
    }
}
