//! Ways for a test to disturb a registry: feature `test-hooks`, never for production.

use super::{Registry, Shared};
use crate::bucket::Bucket;
use crate::error::Error;
use crate::event::Handler;
use crate::slot::index_of;
use crate::supervisor::bell::Bell;
use crate::supervisor::bell::hooks::Hooks;
use std::cell::Cell;
use std::time::Duration;

/// Suspends the registry's thread, and returns when it stands still.
pub fn suspend_thread(registry: Registry) -> Result<(), Error> {
    order(registry, &own(registry, "keeper"), Hooks::suspend)
}

/// Lets a suspended thread go on.
pub fn resume_thread(registry: Registry) -> Result<(), Error> {
    Shared::of(registry.0)?.keeper.bell.hooks.resume();
    Ok(())
}

/// Kills one of the registry's threads, "keeper" for the registry's own, at its next checkpoint, and returns when it
/// dies; the supervisor then does what it does. [`Error::NotFound`] if there is no such thread (any more).
pub fn kill_thread(registry: Registry, name: &str) -> Result<(), Error> {
    order(registry, &own(registry, name), Hooks::kill)
}

fn own(registry: Registry, name: &str) -> String {
    format!("{name}-{}", index_of(registry.0))
}

fn order(
    registry: Registry,
    name: &str,
    give: fn(&Hooks, &Bell, &dyn Fn() -> bool) -> bool,
) -> Result<(), Error> {
    let supervisor = Shared::of(registry.0)?.threads.supervisor().ok_or(Error::Stopped)?;
    let bell = supervisor.bell(name).ok_or(Error::NotFound)?;
    if give(&bell.hooks, &bell, &|| supervisor.has(&bell)) { Ok(()) } else { Err(Error::NotFound) }
}

/// As [`suspend_thread`], the thread of a handler of the registry's.
pub fn suspend_handler_thread(registry: Registry, handler: Handler) -> Result<(), Error> {
    order(registry, &format!("on-{}", index_of(handler.id())), Hooks::suspend)
}

/// As [`kill_thread`], the thread of a handler of the registry's.
pub fn kill_handler_thread(registry: Registry, handler: Handler) -> Result<(), Error> {
    order(registry, &format!("on-{}", index_of(handler.id())), Hooks::kill)
}

/// How often the registry's thread was started anew.
pub fn restarts(registry: Registry) -> Result<u64, Error> {
    Ok(Shared::of(registry.0)?.keeper.bell.restarts())
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
