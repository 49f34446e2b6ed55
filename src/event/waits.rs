//! What a change waits for when the turn has been let go of: that synchronous handlers ran, and for room in queues.

use super::call::is_awaited;
use super::called::Called;
use super::queue::Queue;
use crate::sync::{Arc, AtomicBool, Mutex, Ordering};
use crate::{fork, thread};
use std::time::Instant;

/// A registry's.
pub(crate) struct Waits {
    /// Whether there is any.
    any: AtomicBool,
    list: Mutex<Arc<Vec<Wait>>>,
}

#[derive(Clone)]
pub(super) enum Wait {
    Handler(Arc<Called>),
    Room { id: u64, queue: Arc<Queue> },
}

impl Wait {
    fn id(&self) -> u64 {
        match self {
            Wait::Handler(called) => called.id,
            Wait::Room { id, .. } => *id,
        }
    }
}

impl Waits {
    pub(crate) fn new() -> Waits {
        Waits { any: AtomicBool::new(false), list: Mutex::default() }
    }

    /// Waits for what the caller's change has to wait for. The caller has no turn.
    #[inline(always)]
    pub(crate) fn settle(&self) {
        // Relaxed: who makes a change under the turn, or has its answer, sees what was added under the turn before.
        if self.any.load(Ordering::Relaxed) {
            self.settle_all();
        }
    }

    /// All there is to wait for. Those that have a thread of their own are called, first: none of them has to wait until
    /// another is done.
    fn called(&self) -> Arc<Vec<Wait>> {
        let list = Arc::clone(&self.list.lock());
        for wait in list.iter() {
            if let Wait::Handler(called) = wait {
                called.call_own_thread();
            }
        }
        list
    }

    #[cold]
    fn settle_all(&self) {
        let list = self.called();
        for wait in list.iter() {
            match wait {
                Wait::Handler(called) => called.settle(),
                // Who should make room may be waiting for us, or those for whom a timer runs.
                Wait::Room { .. } if is_awaited() || thread::has_deadlines() => {}
                Wait::Room { queue, .. } => queue.wait_for_room(),
            }
            if fork::check().is_err() {
                return; // a handler has forked: the locks may be anybody's
            }
        }
    }

    /// Waits until all handlers have seen what was published, asynchronous ones too; false if that takes longer, or one of
    /// them takes longer than it may.
    pub(crate) fn settle_until(&self, deadline: Option<Instant>) -> bool {
        let list = self.called();
        let mut all = true;
        for wait in list.iter() {
            if let Wait::Handler(called) = wait {
                all &= called.settle_until(deadline); // and the others nevertheless: they have seen it then
            }
            if fork::check().is_err() {
                break; // as above
            }
        }
        all
    }

    /// Adds one. Under the turn, before it is told of any change.
    pub(super) fn add(&self, wait: Wait) {
        Arc::make_mut(&mut self.list.lock()).push(wait);
        self.any.store(true, Ordering::Relaxed); // see `settle`
    }

    pub(super) fn remove(&self, id: u64) {
        let mut list = self.list.lock();
        Arc::make_mut(&mut list).retain(|wait| wait.id() != id);
        self.any.store(!list.is_empty(), Ordering::Relaxed); // whoever still looks finds nothing
    }

    /// The ids of all handlers; of each, how long its longest call took in nanoseconds, how many have failed, and how often
    /// its thread was started anew.
    pub(crate) fn figures(&self) -> Vec<(u64, [u64; 3])> {
        let list = Arc::clone(&self.list.lock());
        let figures = |wait: &Wait| match wait {
            Wait::Handler(called) => Some((called.id, called.figures())),
            Wait::Room { .. } => None,
        };
        list.iter().filter_map(figures).collect()
    }

    /// Takes all handlers out.
    pub(crate) fn take(&self) -> Vec<Arc<Called>> {
        let list = std::mem::take(&mut *self.list.lock());
        self.any.store(false, Ordering::Relaxed); // as above
        let handler = |wait: &Wait| match wait {
            Wait::Handler(called) => Some(Arc::clone(called)),
            Wait::Room { .. } => None,
        };
        list.iter().filter_map(handler).collect()
    }
}
