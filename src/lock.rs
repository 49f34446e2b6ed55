//! A lock in one word, for changes that take some ten nanoseconds, and for a few that take as long as they like.
//!
//! A short holder takes one atomic exchange and lets go with one store, like a spin lock; a short waiter spins, then
//! yields, then sleeps for moments. A long holder (foreign code decides what to put; a batch is built) marks the lock,
//! and whoever meets the mark sleeps until it is gone. So the usual change pays half of what a lock costs whose every
//! holder may be waited for in sleep.
//!
//! Invariants:
//! 1. A short holder is pinned, and runs no foreign code. While it holds the lock it waits only for locks (of the cuts, of
//!    memory) whose holders wait neither for such a lock nor for the end of a change.
//! 2. A long holder may be without a pin. What the lock guards is then kept alive by the lock: whoever would free it
//!    abandons it to the holder.
//!
//! # A design that was not built
//!
//! A lock that is biased to the thread that took it a thousand times in a row, which from then on takes it by a plain
//! store and has the lock taken away from it by a membarrier of whoever comes next. What it could gain at most was
//! measured first, with a plain load and store in the place of the exchange, which is right in one thread only. A put of a
//! number over a number by one thread, as a ratio to the exchange (medians of 16 rounds in one run), and the same build
//! against itself, which shows the noise:
//!
//! | keys | without exchange | the same build |
//! |--:|--:|--:|
//! | 100 | 0.94 | 1.00 |
//! | 10,000 | 0.93 | 0.99 |
//! | 1,000,000 | 0.99 | 1.00 |
//!
//! It is not the exchange that makes a put of a million keys wait for its cache misses. The bias itself would cost a part of
//! that again, at each lock a check of who has it, and at each cut a barrier in the threads that write.

use crate::epoch::{Patience, Pin, fence_after_exchange};
use crate::error::Error;
use crate::fork;
use crate::sync::{AtomicU32, Condvar, MODELLED, Mutex, Ordering, each, global, local};
use std::cell::Cell;
use std::ptr;
use std::time::{Duration, Instant};

#[repr(transparent)]
pub(crate) struct Lock(AtomicU32);

const FREE: u32 = 0;
const SHORT: u32 = 1;
const LONG: u32 = 2;
/// Added to LONG: what the lock guards is the holder's to free.
const ABANDONED: u32 = 4;

/// Somebody has the lock for long.
pub(crate) struct Busy;

/// Since when a call waits for long holders, if it does.
#[derive(Default)]
pub(crate) struct Waited(Option<Instant>);

impl Waited {
    /// None if that is beyond all time.
    fn deadline(&mut self, limit: Duration) -> Option<Instant> {
        self.0.get_or_insert_with(Instant::now).checked_add(limit)
    }
}

/// Where those sleep who wait for long holders, by the lock's address.
struct Lot {
    mutex: Mutex<()>,
    freed: Condvar,
}

const LOTS: usize = 16;
global! {
    static PARK: [Lot; LOTS] = each![Lot { mutex: Mutex::new(()), freed: Condvar::new() }; LOTS];
}

local! {
    /// How many locks this thread has for long.
    static LONG_HELD: Cell<u32> = const { Cell::new(0) };
}

impl Lock {
    pub(crate) fn new() -> Lock {
        Lock(AtomicU32::new(FREE))
    }

    /// Takes the lock for a moment. What came before is ordered before the loads that follow (see
    /// [`Pin::announce_early`]).
    #[inline(always)]
    pub(crate) fn acquire(&self, pin: &Pin) -> Result<Held<'_>, Busy> {
        match self.try_acquire(pin) {
            Some(held) => Ok(held),
            None if contend(self, SHORT) => {
                fence_after_exchange();
                Ok(Held(self))
            }
            None => Err(Busy),
        }
    }

    /// As [`Lock::acquire`], if nobody has the lock. Calls nothing.
    #[inline(always)]
    pub(crate) fn try_acquire(&self, _pin: &Pin) -> Option<Held<'_>> {
        // Acquire: see what the last holder did. Relaxed failure: nothing is read.
        self.0.compare_exchange(FREE, SHORT, Ordering::Acquire, Ordering::Relaxed).ok()?;
        fence_after_exchange();
        Some(Held(self))
    }

    /// Takes the lock for as long as the caller likes: until [`Lock::release_long`].
    pub(crate) fn acquire_long(&self, _pin: &Pin) -> Result<(), Busy> {
        if !contend(self, LONG) {
            return Err(Busy);
        }
        LONG_HELD.with(|held| held.set(held.get() + 1));
        Ok(())
    }

    /// Waits until nobody has the lock for long, or refuses if this thread has one: then it might wait for itself. The
    /// pin ends before it sleeps, so afterwards the lock may be gone. Of the locks that the thread has, `in_order` were
    /// taken in an order that everybody keeps, so that they are no danger. Gives [`Error::TimedOut`] when it was `limit`
    /// since the call first waited.
    pub(crate) fn wait(
        &self,
        pin: Pin,
        in_order: u32,
        limit: Option<Duration>,
        waited: &mut Waited,
    ) -> Result<(), Error> {
        if LONG_HELD.with(Cell::get) != in_order {
            return Err(Error::Deadlock);
        }
        let deadline = limit.and_then(|limit| waited.deadline(limit));
        let lot = self.lot();
        let mut guard = lot.mutex.lock();
        // Under the mutex, which the holder takes before it wakes us.
        let busy = self.0.load(Ordering::Relaxed) & LONG != 0;
        drop(pin);
        match deadline {
            _ if !busy => Ok(()),
            None => {
                lot.freed.wait(&mut guard);
                Ok(())
            }
            Some(deadline) if lot.freed.wait_until(&mut guard, deadline).timed_out() => Err(Error::TimedOut),
            Some(_) => Ok(()),
        }
    }

    /// Ends a long hold. True if what the lock guards was abandoned meanwhile: the caller frees it.
    pub(crate) fn release_long(&self) -> bool {
        LONG_HELD.with(|held| held.set(held.get() - 1));
        if fork::check().is_err() {
            self.0.store(FREE, Ordering::Relaxed); // nobody is left who waits
            return false;
        }
        let lot = self.lot(); // before the lock is free: it may be gone at once
        // Release: the next holder sees what we did. Acquire: see what came before it was abandoned.
        let abandoned = self.0.swap(FREE, Ordering::AcqRel) & ABANDONED != 0;
        drop(lot.mutex.lock());
        lot.freed.notify_all();
        abandoned
    }

    /// Asks whether the caller may free what the lock guards, which nobody can reach any more. If not, the holder will.
    pub(crate) fn abandon(&self) -> bool {
        // AcqRel: whoever frees sees what the other did.
        self.0.fetch_or(ABANDONED, Ordering::AcqRel) & LONG == 0
    }

    fn lot(&self) -> &'static Lot {
        // A model needs the same lot in every run.
        &PARK[if MODELLED { 0 } else { ptr::from_ref(self).addr() / 64 % LOTS }]
    }
}

/// Whether this thread has a lock for long: then it must not wait for what others may have who wait for that lock.
pub(crate) fn is_held_long() -> bool {
    LONG_HELD.with(Cell::get) != 0
}

/// Takes a lock that may have a short holder; false if it has a long one.
///
/// With C's calling convention, because such a function cannot unwind: what calls it needs no landing pad.
#[cold]
extern "C" fn contend(lock: &Lock, state: u32) -> bool {
    let mut patience = Patience::new();
    loop {
        match lock.0.load(Ordering::Relaxed) {
            FREE => {
                // As in `try_acquire`.
                if lock.0.compare_exchange_weak(FREE, state, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                    return true;
                }
            }
            SHORT => patience.lose(),
            _ => return false,
        }
    }
}

/// A short hold.
pub(crate) struct Held<'l>(&'l Lock);

impl Drop for Held<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.0.0.store(FREE, Ordering::Release); // Release: the next holder sees what we did
    }
}
