//! The calls of handlers: one thread at a time has the right to run one.

use super::Event;
use super::called::Called;
use super::handler::Handler;
use crate::error::Error;
use crate::handle;
use crate::registry::load;
use crate::sync::{Ordering, local};
use crate::{fork, lock};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// What a handler runs. An error is a failure.
pub(super) type Function = dyn Fn(&Event) -> Result<(), Error> + Send + Sync;

local! {
    /// How many handlers this thread is in. Without a destructor, so that it is there as long as the thread.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// A thread, as long as it lives. Not std's, which is not there any more when a thread ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Me(usize);

pub(super) fn me() -> Me {
    Me(DEPTH.with(|depth| std::ptr::from_ref(depth).addr()))
}

/// Does what counts as running a handler, and does not unwind.
fn as_handler<R>(work: impl FnOnce() -> R) -> R {
    DEPTH.with(|depth| depth.set(depth.get() + 1));
    let result = work();
    DEPTH.with(|depth| depth.set(depth.get() - 1));
    result
}

/// Whether this thread runs a handler.
fn in_handler() -> bool {
    DEPTH.with(Cell::get) != 0
}

/// Whether others may be waiting for this thread: it runs a handler, has a bucket for long, or loads one. If it waited for
/// a handler or for room, it might wait for one of them, and so for itself.
pub(crate) fn is_awaited() -> bool {
    in_handler() || lock::is_held_long() || load::is_loading()
}

/// The right to run a handler, given up when this is dropped.
struct Right<'c>(&'c Called);

impl Drop for Right<'_> {
    fn drop(&mut self) {
        if fork::check().is_err() {
            return; // see `drain`
        }
        let mut run = self.0.run.lock();
        (run.runner, run.since) = (None, None);
        drop(run);
        self.0.ended.notify_all();
    }
}

impl Called {
    /// Calls the function for all events that there are, and ends it after the last one of all, unless another thread is
    /// doing that. `between` is called with nothing of it held but the right, and may panic.
    ///
    /// After a fork within the function the locks may be anybody's: in the child nothing is touched any more.
    pub(super) fn drain(&self, between: impl Fn()) {
        while self.queue.is_due()
            && let Some(right) = self.take_right()
        {
            while self.call_next() {
                between();
            }
            if fork::check().is_err() {
                return;
            }
            if self.queue.is_over() {
                let _ = handle::close::<Called>(self.id); // it may be gone already
                self.untie();
                let last = self.function.lock().take();
                drop(last); // foreign code: before the right is given up, which who removes it waits for
                if fork::check().is_err() {
                    return;
                }
                self.forbid();
            }
            drop(right);
            // Who put something in meanwhile found us running, and left it to us: look again.
        }
    }

    fn take_right(&self) -> Option<Right<'_>> {
        let mut run = self.run.lock();
        if run.runner.is_some() || run.removed {
            return None;
        }
        (run.runner, run.since) = (Some(me()), Some(Instant::now()));
        Some(Right(self))
    }

    /// Calls the function for the next event; tells whether it may be called again.
    fn call_next(&self) -> bool {
        // The hold on it keeps it alive if it is removed from within. It ends here then: foreign code.
        let Some(function) = self.function.lock().clone() else { return false };
        let Ok(event) = self.queue.try_next() else { return false };
        self.call(&*function, &event)
    }

    fn call(&self, function: &Function, event: &Event) -> bool {
        let begin = Instant::now();
        self.run.lock().since = Some(begin);
        let result = as_handler(|| catch_unwind(AssertUnwindSafe(|| function(event))));
        if fork::check().is_err() {
            return false; // see `drain`
        }
        let time = begin.elapsed();
        self.slowest.fetch_max(time.as_nanos() as u64, Ordering::Relaxed); // a figure for people
        let failed = !matches!(result, Ok(Ok(())));
        if failed {
            self.failures.fetch_add(1, Ordering::Relaxed); // as above
        }
        let mut run = self.run.lock();
        run.done += event.lost_count().unwrap_or(1);
        run.since = Some(begin + time);
        run.overdue = false;
        let removed = run.removed;
        drop(run);
        self.ended.notify_all();
        let slow = self.limit.is_some_and(|limit| time >= limit);
        let ends = !removed && !self.keep && (failed || slow);
        if failed || slow {
            // The host's code, too: it must not wait for this handler, which goes on when it returns.
            as_handler(|| self.write(if failed { "failed" } else { "took longer than it may" }));
        }
        if ends {
            let _ = Handler::from_id(self.id).remove(); // another may have been first
        }
        !removed && !ends
    }
}
