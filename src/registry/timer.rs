//! The timer: ends what has a time to live, when that has come.
//!
//! It has one moment for each bucket in which anything will end, and a thread that sleeps until the first of them. The
//! thread is started when the first time is set, so a registry without times has none. What is to be ended stands
//! with the buckets (see `bucket::times`), and when to look at them in `State`: both outlive the thread.
//!
//! Order of locks: the turn or a bucket's lock before the timer's. The thread holds none when it ends something.

use super::{Registry, Shared, tell};
use crate::bucket::{Bucket, BucketSlot, Due, NEVER, Reason, Right, Times};
use crate::epoch::Pin;
use crate::error::Error;
use crate::slot::index_of;
use crate::supervisor::bell::Bell;
use crate::sync::{Arc, Mutex, MutexGuard, Ordering};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

/// So many keys of one bucket are ended before the others have their turn.
const KEYS: usize = 64;
/// How soon it looks again at a bucket whose keys somebody keeps from changing for long (an update function, a batch).
const AGAIN: Duration = Duration::from_millis(2);

pub(super) struct Timer {
    state: Mutex<State>,
    bell: Arc<Bell>,
    #[cfg(feature = "test-hooks")]
    pub(super) hooks: hooks::Clock,
}

#[derive(Default)]
struct State {
    /// Whose it is; 0 if nobody's.
    registry: u64,
    /// Moments, and the buckets to look at then: each stands here once, at its `planned`.
    plan: BTreeSet<(u64, u64)>,
    /// Buckets to look at again soon.
    again: Vec<u64>,
    /// There is a thread.
    begun: bool,
    /// The thread sleeps, and there is nothing to end.
    #[cfg(feature = "test-hooks")]
    resting: bool,
}

impl Timer {
    pub(super) fn new() -> Timer {
        Timer {
            state: Mutex::default(),
            bell: Arc::default(),
            #[cfg(feature = "test-hooks")]
            hooks: hooks::Clock::default(),
        }
    }

    /// The timer is that of a new registry.
    pub(super) fn start(&self, registry: u64) {
        #[cfg(feature = "test-hooks")]
        self.hooks.run();
        self.state.lock().registry = registry;
    }

    /// The moment that it is now.
    fn now(&self) -> u64 {
        #[cfg(feature = "test-hooks")]
        if let Some(now) = self.hooks.now() {
            return now;
        }
        monotonic()
    }

    /// Sees to it that there is a thread.
    fn watch(&'static self, shared: &'static Shared, registry: u64) -> Result<(), Error> {
        let mut state = self.state.lock();
        if state.registry != registry {
            return Err(Error::Dead);
        }
        if !state.begun {
            let run = move |_: &Bell| self.run(shared, registry);
            shared.threads.child(&format!("timer-{}", index_of(registry)), &self.bell, None, run)?;
            state.begun = true;
        }
        Ok(())
    }

    /// There is no thread any more, and will be none: nobody may set a time.
    pub(super) fn fail(&self, registry: u64) {
        let mut state = self.state.lock();
        state.begun &= state.registry != registry;
    }

    /// Puts an earlier moment into the plan.
    fn plan(&self, times: &Times, end: u64) {
        let mut state = self.state.lock();
        let planned = times.planned.load(Ordering::Relaxed); // Relaxed: written under this lock
        if state.registry != times.registry.id() || end >= planned {
            return;
        }
        let bucket = times.bucket;
        state.plan.remove(&(planned, bucket.id()));
        // It may have exited since, and then nobody would take it out.
        if bucket.check().is_ok() {
            state.plan.insert((end, bucket.id()));
            times.planned.store(end, Ordering::Release); // Release: see `Times::apply`
            if state.plan.first() == Some(&(end, bucket.id())) {
                self.bell.ring();
            }
        }
    }

    fn forget(&self, times: &Times) {
        let mut state = self.state.lock();
        let planned = times.planned.load(Ordering::Relaxed); // Relaxed: as above
        state.plan.remove(&(planned, times.bucket.id()));
    }

    /// Forgets all, for the registry has ended.
    pub(super) fn end(&self) {
        *self.state.lock() = State::default();
    }

    /// How often the thread was started anew.
    pub(super) fn restarts(&self) -> u64 {
        self.bell.restarts()
    }

    /// How many buckets it looks after.
    pub(super) fn planned(&self) -> usize {
        self.state.lock().plan.len()
    }

    /// The thread's life.
    fn run(&self, shared: &'static Shared, registry: u64) {
        crate::thread::keep_foreign_code_away();
        let mut state = self.state.lock();
        while state.registry == registry && !self.bell.is_told() {
            let now = self.now();
            match state.plan.first() {
                Some(&(end, bucket)) if end <= now => {
                    state.plan.pop_first();
                    forget_plan(Bucket::from_id(bucket), end);
                    let work =
                        || catch_unwind(AssertUnwindSafe(|| look(shared, Bucket::from_id(bucket), now)));
                    let looked = MutexGuard::unlocked(&mut state, work);
                    // Whoever comes after a panic finds the rest again.
                    if !matches!(looked, Ok(Look::Done)) {
                        state.again.push(bucket);
                    }
                    if let Err(panic) = looked {
                        drop(state);
                        resume_unwind(panic); // to the supervisor
                    }
                }
                next => {
                    let next = next.map_or(NEVER, |&(end, _)| end);
                    self.sleep(&mut state, now, next);
                }
            }
        }
    }

    /// Sleeps until the next moment in the plan, or until that changes.
    fn sleep(&self, state: &mut MutexGuard<'_, State>, now: u64, next: u64) {
        let mut pause = (next != NEVER).then(|| Duration::from_nanos(next - now));
        #[cfg(feature = "test-hooks")]
        {
            pause = pause.filter(|_| self.hooks.now().is_none());
            state.resting = true;
            self.hooks.rest();
        }
        if !state.again.is_empty() {
            pause = Some(pause.map_or(AGAIN, |pause| pause.min(AGAIN)));
        }
        // Whatever it hears, or if it dies in its sleep: the plan is looked at.
        MutexGuard::unlocked(state, || self.bell.hear(pause.map(|pause| Instant::now() + pause)));
        #[cfg(feature = "test-hooks")]
        {
            state.resting = false;
        }
        for bucket in std::mem::take(&mut state.again) {
            state.plan.insert((0, bucket));
        }
    }
}

/// The moment for which the timer had this bucket in its plan, is no longer there. For who has the timer's lock.
fn forget_plan(bucket: Bucket, end: u64) {
    // One that is dead has no times.
    let _ = bucket.with_times(Right::Know, |times| {
        // Relaxed: written under this lock.
        if times.planned.load(Ordering::Relaxed) == end {
            times.planned.store(NEVER, Ordering::Release); // Release: see `Times::apply`
        }
    });
}

/// What came of looking at a bucket.
enum Look {
    Done,
    /// Something is due that could not be ended yet.
    Again,
}

/// Ends what is due in a bucket, and plans what comes next.
fn look(shared: &'static Shared, bucket: Bucket, now: u64) -> Look {
    let registry = match bucket.with_times(Right::Know, |times| (times.registry, times.is_over(now))) {
        Ok(Some((registry, false))) => registry,
        Ok(Some((registry, true))) => {
            // Whoever else stopped it meanwhile has done the work.
            let _ = super::stop_bucket(registry, bucket, Reason::Expired, &[]);
            return Look::Done;
        }
        Ok(None) | Err(_) => return Look::Done,
    };
    for _ in 0..KEYS {
        match bucket.end_next(now) {
            Ok(Due::Ended { key, revision }) => {
                tell::tell_of_key(shared, registry.id(), bucket.id(), &key, revision);
            }
            Ok(Due::Busy) => return Look::Again,
            Ok(Due::None) | Err(_) => break,
        }
    }
    bucket.plan();
    Look::Done
}

/// Tells the timer of a moment at which something ends in a bucket.
pub(crate) fn plan(times: &Times, end: u64) {
    // That of a registry that was stopped has nothing to do any more.
    if let Ok(shared) = Shared::of(times.registry.id()) {
        shared.timer.plan(times, end);
    }
}

/// Nothing ends by itself any more in a bucket that has exited under this pin.
pub(super) fn forget(slot: &BucketSlot, pin: &Pin) {
    if let Some(times) = slot.times(pin)
        && let Ok(shared) = Shared::of(times.registry.id())
    {
        shared.timer.forget(times);
    }
}

/// The moment that it is now, for who is about to set a time: from now on there is a thread.
pub(crate) fn begin(registry: Registry) -> Result<u64, Error> {
    let shared = Shared::of(registry.id()).map_err(|_| Error::Dead)?;
    shared.timer.watch(shared, registry.id())?;
    Ok(shared.timer.now())
}

/// The moment that it is now.
pub(crate) fn now(registry: Registry) -> Result<u64, Error> {
    Ok(Shared::of(registry.id()).map_err(|_| Error::Dead)?.timer.now())
}

/// Nanoseconds of a clock that nobody sets. It stands still while the machine is suspended.
fn monotonic() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes into a struct of ours; this clock is there on every system.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// For tests: a clock that stands still.
#[cfg(feature = "test-hooks")]
pub(super) mod hooks {
    use super::{Duration, Timer, monotonic};
    use crate::sync::{AtomicU64, Condvar, Ordering};

    #[derive(Default)]
    pub(in crate::registry) struct Clock {
        /// 0, or the moment at which it stands.
        now: AtomicU64,
        rested: Condvar,
    }

    impl Clock {
        pub(super) fn run(&self) {
            self.now.store(0, Ordering::Relaxed);
        }

        pub(super) fn now(&self) -> Option<u64> {
            Some(self.now.load(Ordering::Relaxed)).filter(|&now| now != 0)
        }

        pub(super) fn rest(&self) {
            self.rested.notify_all();
        }
    }

    impl Timer {
        pub(in crate::registry) fn freeze(&self) {
            let _state = self.state.lock();
            self.hooks.now.store(monotonic(), Ordering::Relaxed);
            self.bell.ring();
        }

        /// Returns when all has ended whose time has come by then.
        pub(in crate::registry) fn advance(&self, by: Duration) {
            let mut state = self.state.lock();
            let now = self.hooks.now().expect("it stands still");
            self.hooks.now.store(now + by.as_nanos() as u64, Ordering::Relaxed);
            state.resting = false;
            self.bell.ring();
            while !state.resting && state.begun {
                let _ = self.hooks.rested.wait_for(&mut state, Duration::from_millis(5));
            }
        }
    }
}
