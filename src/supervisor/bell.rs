//! A bell: where a thread sleeps until it has something to do or is told to stop.
//!
//! It belongs to what the thread does, not to the thread: what was rung for while there was none, the next one hears.

#[cfg(feature = "test-hooks")]
pub(crate) mod hooks;

use crate::sync::{AtomicBool, AtomicU64, Condvar, Mutex, Ordering};
use std::time::Instant;

/// What ended a sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// Return: this comes first, and stays.
    Stop,
    /// There is something to do.
    Ring,
    TimedOut,
}

#[derive(Default)]
pub(crate) struct Bell {
    stop: AtomicBool,
    /// Rung, and not heard yet.
    rung: AtomicBool,
    /// How many threads have begun.
    starts: AtomicU64,
    mutex: Mutex<()>,
    called: Condvar,
    #[cfg(feature = "test-hooks")]
    pub(crate) hooks: hooks::Hooks,
}

impl Bell {
    /// Wakes the sleeper, once until it has heard: that is a system call for whoever does it.
    pub(crate) fn ring(&self) {
        // AcqRel: what the caller left is seen by the sleeper, who clears this before it looks.
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.wake();
        }
    }

    /// Tells the sleeper to stop.
    pub(crate) fn tell(&self) {
        self.stop.store(true, Ordering::Release); // Release: pairs with `is_told`
        #[cfg(feature = "test-hooks")]
        self.hooks.resume();
        self.wake();
    }

    /// Under the mutex, so that it does not fall between a sleeper's last look and its sleep.
    fn wake(&self) {
        drop(self.mutex.lock());
        self.called.notify_all();
    }

    /// For a thread that begins: nobody has told it anything yet, and it has everything to look at.
    pub(super) fn reset(&self) {
        self.stop.store(false, Ordering::Relaxed); // Relaxed: the start of a thread publishes it
        self.rung.store(true, Ordering::Relaxed);
        self.starts.fetch_add(1, Ordering::Relaxed); // Relaxed: a figure
    }

    /// For the first thread of another child.
    pub(super) fn renew(&self) {
        self.starts.store(0, Ordering::Relaxed); // Relaxed: as above
    }

    /// How often its thread was started anew.
    pub(crate) fn restarts(&self) -> u64 {
        self.starts.load(Ordering::Relaxed).saturating_sub(1) // Relaxed: as above
    }

    pub(crate) fn is_told(&self) -> bool {
        self.stop.load(Ordering::Acquire) // Acquire: pairs with `tell`
    }

    /// Sleeps until it is told to stop, or the time comes: then false.
    pub(super) fn sleep(&self, until: Option<Instant>) -> bool {
        self.wait(until, || self.is_told().then_some(())).is_some()
    }

    /// Sleeps until there is something to do. A thread of kvreg's own dies in here if a test wants it to.
    pub(crate) fn hear(&self, until: Option<Instant>) -> Call {
        self.checkpoint();
        let look = || {
            if self.is_told() {
                return Some(Call::Stop);
            }
            // AcqRel: see what was left before it was rung.
            self.rung.swap(false, Ordering::AcqRel).then_some(Call::Ring)
        };
        let call = self.wait(until, look).unwrap_or(Call::TimedOut);
        self.checkpoint();
        call
    }

    fn wait<T>(&self, until: Option<Instant>, look: impl Fn() -> Option<T>) -> Option<T> {
        let mut guard = self.mutex.lock();
        loop {
            if let Some(seen) = look() {
                return Some(seen);
            }
            match until {
                None => self.called.wait(&mut guard),
                Some(until) if self.called.wait_until(&mut guard, until).timed_out() => return look(),
                Some(_) => {}
            }
        }
    }

    /// A place where a test may suspend the thread, or kill it. To be called often, while nothing is held.
    #[inline(always)]
    pub(crate) fn checkpoint(&self) {
        #[cfg(feature = "test-hooks")]
        self.hooks.obey();
    }
}
