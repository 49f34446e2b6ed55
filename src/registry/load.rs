//! Loads: a name that is not there is filled by a loader before anybody can look it up.
//!
//! One loader runs for a name at a time, in its caller's thread and outside of every lock. Whoever wants the same name
//! meanwhile waits for it and shares its answer, unless that would be for ever: then it is told at once. An answer is
//! kept only for those who wait for it.
//!
//! Invariants:
//! 1. A load is in `running` from before its loader runs until it has an answer. Its bucket is in the table before
//!    the answer is given, so who finds neither the name nor a load may begin one.
//! 2. A thread in `waiting` waits for a load that has no answer, or is about to wake. No thread begins to wait for a
//!    load that waits, through others, for what that thread loads.

use super::mailbox::Change;
use super::turn;
use super::{Registry, Shared};
use crate::bucket::{Bucket, Reason};
use crate::error::Error;
use crate::sync::{Arc, AtomicU64, Condvar, Mutex, MutexGuard, Ordering, global, local};
use crate::{fork, lock};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::time::{Duration, Instant};

/// What a loader, or the call itself, says if there is no bucket: the code of an [`Error`], or a negative number of the
/// loader's own.
pub(crate) type Code = i32;

type Key = (u64, Box<[u8]>);

/// A thread, by the address of something of its own.
type Thread = usize;

struct Load {
    key: Key,
    by: Thread,
    /// 0 until there is one; then the bucket's id, or a code. Written and read under the lock of all loads.
    answer: AtomicU64,
    answered: Condvar,
}

struct Loads {
    running: BTreeMap<Key, Arc<Load>>,
    /// Which threads wait, and for what.
    waiting: BTreeMap<Thread, Arc<Load>>,
}

global! {
    static LOADS: Mutex<Loads> = Mutex::new(Loads { running: BTreeMap::new(), waiting: BTreeMap::new() });
}

local! {
    static HERE: Cell<u8> = const { Cell::new(0) };
}

local! {
    /// How many loaders this thread is in.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Whether this thread loads something, for which others may wait.
pub(crate) fn is_loading() -> bool {
    DEPTH.with(Cell::get) != 0
}

fn this_thread() -> Thread {
    HERE.with(|here| ptr::from_ref(here).addr())
}

impl Load {
    fn answer(&self) -> Option<Result<Bucket, Code>> {
        let raw = self.answer.load(Ordering::Relaxed).cast_signed(); // Relaxed: read under the lock
        match raw {
            0 => None,
            id @ 1.. => Some(Ok(Bucket::from_id(id.cast_unsigned()))),
            code => Some(Err(code as Code)),
        }
    }

    /// Gives the answer to all who wait, unless they have one.
    fn end(&self, loads: &mut Loads, answer: Result<Bucket, Code>) {
        if self.answer().is_none() {
            let raw = answer.map_or_else(|code| i64::from(code).cast_unsigned(), Bucket::id);
            self.answer.store(raw, Ordering::Relaxed); // Relaxed: written under the lock
            loads.running.remove(&self.key);
            self.answered.notify_all();
        }
    }
}

impl Loads {
    /// Whether this thread would wait for itself, if it waited for this load.
    fn is_circle(&self, load: &Arc<Load>) -> bool {
        let (me, mut load) = (this_thread(), load);
        loop {
            if load.by == me {
                return true;
            }
            match self.waiting.get(&load.by) {
                Some(next) if next.answer().is_none() => load = next,
                _ => return false,
            }
        }
    }
}

/// The bucket of this name, which `loader` fills first if there is none. `patience` is for who waits for another's
/// loader; None is for ever.
pub(crate) fn get_or_create(
    registry: Registry,
    name: &[u8],
    patience: Option<Duration>,
    loader: impl FnOnce(Bucket) -> Result<(), Code>,
) -> Result<Bucket, Code> {
    fork::check()?;
    if let Some(found) = find(registry, name)? {
        return Ok(found);
    }
    let load = {
        let mut loads = LOADS.lock();
        let key = (registry.id(), name.into());
        if let Some(load) = loads.running.get(&key) {
            let load = Arc::clone(load);
            return wait(loads, &load, patience);
        }
        if let Some(found) = find(registry, name)? {
            return Ok(found); // one has just been loaded
        }
        let answer = AtomicU64::new(0);
        let load = Arc::new(Load { key, by: this_thread(), answer, answered: Condvar::new() });
        loads.running.insert(load.key.clone(), Arc::clone(&load));
        load
    };
    DEPTH.with(|depth| depth.set(depth.get() + 1));
    let result = catch_unwind(AssertUnwindSafe(|| fill(registry, name, loader)));
    DEPTH.with(|depth| depth.set(depth.get() - 1));
    if fork::check().is_err() {
        return result.unwrap_or_else(|panic| resume_unwind(panic)); // it has forked: the locks may be anybody's
    }
    let answer = result.as_ref().map_or(Err(Error::Panicked.code()), |answer| *answer);
    load.end(&mut LOADS.lock(), answer);
    // While it loaded it waited for no handler, which may have been waiting for the load. It may have changed something
    // also if it failed.
    if let Ok(shared) = Shared::of(registry.id()) {
        shared.waits.settle();
    }
    result.unwrap_or_else(|panic| resume_unwind(panic))
}

fn find(registry: Registry, name: &[u8]) -> Result<Option<Bucket>, Code> {
    match registry.find(name) {
        id @ 1.. => Ok(Some(Bucket::from_id(id.cast_unsigned()))),
        code if code == i64::from(Error::NotFound.code()) => Ok(None),
        code => Err(code as Code),
    }
}

/// Waits for another thread's load.
fn wait(
    mut loads: MutexGuard<'_, Loads>,
    load: &Arc<Load>,
    patience: Option<Duration>,
) -> Result<Bucket, Code> {
    // Who has a bucket for long might be what the loader waits for.
    if lock::is_held_long() || loads.is_circle(load) {
        return Err(Error::Deadlock.code());
    }
    // A time beyond all clocks is for ever.
    let end = patience.and_then(|patience| Instant::now().checked_add(patience));
    loads.waiting.insert(this_thread(), Arc::clone(load));
    let answer = loop {
        if let Some(answer) = load.answer() {
            break answer;
        }
        match end.map(|end| end.saturating_duration_since(Instant::now())) {
            None => load.answered.wait(&mut loads),
            Some(Duration::ZERO) => break Err(Error::TimedOut.code()),
            Some(left) => {
                let _ = load.answered.wait_for(&mut loads, left); // it is looked at again in any case
            }
        }
    };
    loads.waiting.remove(&this_thread());
    answer
}

/// A bucket that nobody can look up. If it is dropped, it dies unseen.
struct Hidden {
    registry: Registry,
    bucket: Bucket,
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // It, or its registry, may have been stopped.
        let _ = super::stop_bucket(self.registry, self.bucket, Reason::Shutdown, &[]);
    }
}

/// Makes a bucket, lets the loader fill it, and puts it into the table. If one of its name is there by now, that is
/// the answer.
fn fill(
    registry: Registry,
    name: &[u8],
    loader: impl FnOnce(Bucket) -> Result<(), Code>,
) -> Result<Bucket, Code> {
    let change = |change| turn::change(Shared::of(registry.id())?, registry.id(), change);
    let bucket = Bucket::from_id(change(Change::Hide { name })?);
    let hidden = Hidden { registry, bucket };
    loader(bucket)?;
    fork::check()?; // it may have forked
    let shown = change(Change::Show { bucket: bucket.id() })?;
    std::mem::forget(hidden);
    Ok(Bucket::from_id(shown))
}

/// Tells those who wait for a load of a registry that it was stopped. A loader that runs finds out by itself.
pub(super) fn forget(registry: Registry) {
    let mut loads = LOADS.lock();
    let first: Key = (registry.id(), Box::default());
    let of_it = loads.running.range(first..).take_while(|((id, _), _)| *id == registry.id());
    let of_it: Vec<Arc<Load>> = of_it.map(|(_, load)| Arc::clone(load)).collect();
    of_it.iter().for_each(|load| load.end(&mut loads, Err(Error::Stopped.code())));
}

/// How many threads wait.
#[cfg(feature = "test-hooks")]
pub(super) fn waiting() -> usize {
    LOADS.lock().waiting.len()
}
