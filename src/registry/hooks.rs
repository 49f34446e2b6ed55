//! Ways for a test to disturb a registry: feature `test-hooks`, never for production.

use super::{Registry, Shared};
use crate::bucket::Bucket;
use crate::error::Error;
use std::cell::Cell;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

#[derive(Default, PartialEq, Clone, Copy)]
enum Order {
    #[default]
    Run,
    Suspend,
    Suspended,
    Die,
}

/// What a test wants of the thread.
#[derive(Default)]
pub(super) struct Hooks {
    order: Mutex<Order>,
    changed: Condvar,
}

impl Hooks {
    pub(super) fn new() -> Hooks {
        Hooks::default()
    }

    /// Called by the thread whenever it wakes. Tells whether it must die.
    pub(super) fn checkpoint(&self) -> bool {
        let mut order = self.order.lock().unwrap();
        if *order == Order::Suspend {
            *order = Order::Suspended;
            self.changed.notify_all();
        }
        while *order == Order::Suspended {
            order = self.changed.wait(order).unwrap();
        }
        std::mem::take(&mut *order) == Order::Die
    }

    pub(super) fn resume(&self) {
        let mut order = self.order.lock().unwrap();
        if *order != Order::Die {
            *order = Order::Run;
        }
        self.changed.notify_all();
    }
}

/// Suspends the registry's thread, and returns when it stands still.
pub fn suspend_thread(registry: Registry) -> Result<(), Error> {
    let keeper = &Shared::of(registry.0)?.keeper;
    let mut order = keeper.hooks.order.lock().unwrap();
    *order = Order::Suspend;
    while *order == Order::Suspend {
        // Again and again: a thread that waits for readers takes a wake-up for itself.
        if let Some(thread) = keeper.thread() {
            thread.unpark();
        }
        order = keeper.hooks.changed.wait_timeout(order, Duration::from_millis(1)).unwrap().0;
    }
    Ok(())
}

/// Lets a suspended thread go on.
pub fn resume_thread(registry: Registry) -> Result<(), Error> {
    Shared::of(registry.0)?.keeper.hooks.resume();
    Ok(())
}

/// Kills the registry's thread, and returns when it is gone. The registry is not told.
pub fn kill_thread(registry: Registry) -> Result<(), Error> {
    let keeper = &Shared::of(registry.0)?.keeper;
    let Some(thread) = keeper.thread.lock().take() else { return Ok(()) };
    *keeper.hooks.order.lock().unwrap() = Order::Die;
    while !thread.is_finished() {
        thread.thread().unpark(); // as above
        std::thread::yield_now();
    }
    thread.join().map_err(|_| Error::Panicked)
}

/// Runs `work` while this thread has the right to change the registry's table: nobody else can.
pub fn with_turn_held<R>(registry: Registry, work: impl FnOnce() -> R) -> Result<R, Error> {
    let _turn = Shared::of(registry.0)?.turn.lock();
    Ok(work())
}

/// Runs `work` while this thread has the right to change the bucket's contents: nobody else can.
pub fn with_bucket_held<R>(bucket: Bucket, work: impl FnOnce() -> R) -> Result<R, Error> {
    bucket.with_writer_held(work)
}

/// Makes the registry's clock stand still: times to live pass by [`advance_clock`] only.
pub fn freeze_clock(registry: Registry) -> Result<(), Error> {
    Shared::of(registry.0)?.timer.freeze();
    Ok(())
}

/// Moves a clock that stands still, and returns when all has ended whose time has come by then.
pub fn advance_clock(registry: Registry, by: Duration) -> Result<(), Error> {
    Shared::of(registry.0)?.timer.advance(by);
    Ok(())
}

/// How many buckets the timer looks after.
pub fn planned_buckets(registry: Registry) -> Result<usize, Error> {
    Ok(Shared::of(registry.0)?.timer.planned())
}

/// Kills the timer's thread. The registry is not told.
pub fn kill_timer(registry: Registry) -> Result<(), Error> {
    Shared::of(registry.0)?.timer.kill();
    Ok(())
}

/// How many threads wait for a loader of another one.
pub fn waiting_for_loads() -> usize {
    super::load::waiting()
}

/// Makes registries that start from now on use only the bits of the mask of their hashes: `u64::MAX` for all.
pub fn weaken_hash(mask: u64) {
    crate::hash::weak::set_mask(mask);
}

thread_local! {
    static PANIC: Cell<bool> = const { Cell::new(false) };
}

/// Makes the next create that this thread applies panic.
pub fn panic_in_next_create() {
    PANIC.set(true);
}

pub(super) fn maybe_panic() {
    assert!(!PANIC.take(), "a test asked for this panic");
}
