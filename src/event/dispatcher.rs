//! A handler's own thread: a child of its registry's supervisor, which starts it anew when it dies.
//!
//! An asynchronous handler has one from the beginning, so that a slow one holds up nobody else's. A synchronous one gets
//! it when one of the registry's threads makes a change that it must hear of: those have no time for foreign code.
//! When too many of the registry's threads have died, there is none any more: then whoever waits for the handler runs it.

use super::called::Called;
use crate::error::Error;
use crate::fork;
use crate::registry;
use crate::slot::index_of;
use crate::supervisor::OwnThread;
use crate::supervisor::bell::{Bell, Call};
use crate::sync::{Arc, AtomicBool, Mutex, Ordering};

pub(super) struct Dispatcher {
    bell: Arc<Bell>,
    begun: AtomicBool,
    thread: Mutex<Option<OwnThread>>,
}

/// Held by what the thread does, and so until it will not be done again.
struct Work(Arc<Called>);

impl Drop for Work {
    /// Wakes those who wait for the handler: they may run it now.
    fn drop(&mut self) {
        if fork::check().is_ok() {
            drop(self.0.run.lock()); // not between their last look and their sleep
            self.0.ended.notify_all();
        }
    }
}

impl Dispatcher {
    pub(super) fn new() -> Dispatcher {
        Dispatcher { bell: Arc::default(), begun: AtomicBool::new(false), thread: Mutex::default() }
    }

    /// Sees to it that the handler, which has this dispatcher, has a thread.
    pub(super) fn begin(&self, called: &Arc<Called>) -> Result<(), Error> {
        // Relaxed: it says only who does it.
        if self.begun.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let work = Work(Arc::clone(called));
        let name = format!("on-{}", index_of(called.id));
        // Without a lock: it may have to end what died, which may be foreign code.
        let thread = registry::employ(called.registry, &name, &self.bell, move |bell| work.0.dispatch(bell));
        match thread {
            Ok(thread) => *self.thread.lock() = Some(thread),
            Err(error) => {
                self.begun.store(false, Ordering::Relaxed); // as above
                return Err(error);
            }
        }
        if called.run.lock().removed {
            self.end(false); // who removed it may not have found the thread
        }
        Ok(())
    }

    /// Has the thread look whether there is something to do.
    pub(super) fn ring(&self) {
        self.bell.ring();
    }

    /// Whether there is a thread, or will be one after one that died.
    pub(super) fn is_there(&self) -> bool {
        self.thread.lock().as_ref().is_some_and(OwnThread::is_there)
    }

    /// Ends the thread, and waits for that if it shall and another thread calls.
    pub(super) fn end(&self, wait: bool) {
        let thread = self.thread.lock().take();
        if let Some(thread) = thread {
            thread.end(wait);
        }
    }

    /// How often the thread was started anew.
    pub(super) fn restarts(&self) -> u64 {
        self.bell.restarts()
    }
}

impl Called {
    /// The thread's life.
    fn dispatch(&self, bell: &Bell) {
        loop {
            let call = bell.hear(None);
            self.drain(|| bell.checkpoint());
            if call == Call::Stop || fork::check().is_err() {
                return; // or it has forked, and is all that the child has
            }
        }
    }
}
