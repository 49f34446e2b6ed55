//! Models: small programs of two or three threads, of which a model checker runs every interleaving that matters
//! (loom: all with up to two preemptions, and every value that the memory model lets a load see) or very many (shuttle:
//! at random, every operation sequentially consistent). `tests/models.sh` runs them.
//!
//! The code under test is the real one. `sync` gives it the checker's atomics; memory is watched, so a model fails
//! when something is used after it was freed, or freed with nothing that orders it after its last use. What is not
//! modelled: the pool's and the allocator's own code, the registry's threads (their supervisor is), time, and membarrier: readers and writers fence, as
//! they do where the system has none. Such a fence also acquires, so an Acquire just before it cannot be shown to be
//! needed.

mod batches;
mod closing;
mod cuts;
mod events;
mod loads;
mod locks;
mod overwrite;
mod owners;
mod pins;
mod planted;
mod slots;
mod snapshots;
mod supervisors;
mod trees;
mod turns;

#[cfg(loom)]
use loom::thread;
#[cfg(loom)]
pub(crate) use loom::thread::JoinHandle;
#[cfg(all(shuttle, not(loom)))]
use shuttle::thread;
#[cfg(all(shuttle, not(loom)))]
pub(crate) use shuttle::thread::JoinHandle;

use crate::bucket::Bucket;
use crate::epoch;
use crate::owner;
use crate::registry::Registry;
use crate::sync::memory;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Starts a thread of a model.
pub(crate) fn spawn<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> JoinHandle<R> {
    thread::spawn(|| {
        let result = work();
        owner::leave();
        epoch::leave_record(); // a thread of loom's can be joined before its thread-local variables are gone
        result
    })
}

/// Runs a model again and again, and tells how often.
fn check(model: impl Fn() + Send + Sync + 'static) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let begin = std::time::Instant::now();
    let bounds = explore(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model();
        crate::thread::all_end();
        epoch::leave_record();
    });
    let thread = std::thread::current();
    let (name, runs, time) =
        (thread.name().unwrap_or("model"), runs.load(Ordering::Relaxed), begin.elapsed());
    println!("{name}: {runs} runs, {bounds}, {:.1} s", time.as_secs_f32());
}

/// A registry with one bucket, "b", that holds these ints.
fn start(keys: &[(&str, i64)]) -> (Registry, Bucket) {
    let registry = Registry::start().unwrap();
    let bucket = registry.create("b").unwrap();
    for &(key, value) in keys {
        bucket.put(key, value).unwrap();
    }
    (registry, bucket)
}

/// Ends a registry of which no snapshot is left, and finds that nothing else is either.
fn end(registry: Registry) {
    registry.stop().unwrap();
    epoch::flush();
    assert_eq!(memory::living(), 0, "blocks were never freed");
}

/// All interleavings with up to `LOOM_MAX_PREEMPTIONS` preemptions.
#[cfg(loom)]
fn explore(model: impl Fn() + Send + Sync + 'static) -> String {
    let mut builder = loom::model::Builder::new();
    let preemptions = *builder.preemption_bound.get_or_insert(2);
    builder.max_branches = builder.max_branches.max(20_000);
    builder.check(model);
    format!("all with {preemptions} preemptions")
}

/// `SHUTTLE_RUNS` schedules, half of them at random, half with few preemptions at random places.
#[cfg(all(shuttle, not(loom)))]
fn explore(model: impl Fn() + Send + Sync + 'static) -> String {
    use shuttle::scheduler::{PctScheduler, RandomScheduler};
    let runs = std::env::var("SHUTTLE_RUNS").map_or(20_000, |runs| runs.parse().expect("a number"));
    let mut config = shuttle::Config::new();
    config.silence_warnings = true;
    config.stack_size = 0x20000;
    let model = Arc::new(model);
    let other = Arc::clone(&model);
    shuttle::Runner::new(RandomScheduler::new(runs / 2), config.clone()).run(move || model());
    shuttle::Runner::new(PctScheduler::new(3, runs / 2), config).run(move || other());
    "at random".to_owned()
}
