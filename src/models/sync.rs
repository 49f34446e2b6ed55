//! In the place of `sync.rs` under a model checker: its atomics and locks under the same names, watched memory, and
//! faults that a test plants in them to see that a model finds them.

#[cfg(loom)]
use loom as checker;
#[cfg(all(shuttle, not(loom)))]
use shuttle as checker;

pub(crate) use checker::thread::yield_now;
use std::ops::{Deref, DerefMut};
pub(crate) use std::sync::Arc;
use std::sync::PoisonError;
pub(crate) use std::sync::atomic::Ordering;

#[path = "faults.rs"]
pub(crate) mod faults;
#[path = "memory.rs"]
pub(crate) mod memory;

use faults::Fault;

pub(crate) const MODELLED: bool = true;

/// Those of the machine: for what has no part in any protocol.
pub(crate) mod plain {
    #[cfg(feature = "capi")]
    pub(crate) use std::sync::atomic::AtomicPtr;
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64};
}

pub(crate) fn spin_loop() {
    yield_now();
}

pub(crate) fn sleep(_time: std::time::Duration) {
    yield_now();
}

global! {
    static FENCES: AtomicUsize = AtomicUsize::new(0);
}

/// loom switches threads at accesses only, so each fence begins with one, which orders nothing: then fences come in
/// every order.
#[track_caller]
pub(crate) fn fence(order: Ordering) {
    FENCES.fetch_add(0, Ordering::Relaxed);
    if faults::here() != Some(Fault::Missing) {
        checker::sync::atomic::fence(order);
    }
}

#[track_caller]
pub(crate) fn fence_acquire(_count: &AtomicUsize) {
    fence(Ordering::Acquire);
}

/// The order that is asked for, or none if a fault is planted at the caller's line.
#[track_caller]
fn order(asked: Ordering) -> Ordering {
    if faults::here() == Some(Fault::Weak) { Ordering::Relaxed } else { asked }
}

macro_rules! atomic {
    ($name:ident $(<$t:ident>)?, $value:ty, $zero:expr) => {
        pub(crate) struct $name $(<$t>)? (checker::sync::atomic::$name $(<$t>)?);

        impl $(<$t: 'static>)? Default for $name $(<$t>)? {
            fn default() -> Self {
                Self::new($zero)
            }
        }

        #[allow(dead_code)] // not every type is used in every way
        impl $(<$t: 'static>)? $name $(<$t>)? {
            #[track_caller]
            pub(crate) fn new(value: $value) -> Self {
                Self(checker::sync::atomic::$name::new(value))
            }

            #[track_caller]
            pub(crate) fn load(&self, asked: Ordering) -> $value {
                let value = self.0.load(order(asked));
                if faults::here() == Some(Fault::Missing) { $zero } else { value }
            }

            #[track_caller]
            pub(crate) fn store(&self, value: $value, asked: Ordering) {
                let late = faults::take_late();
                match faults::here() {
                    Some(Fault::Missing) => {}
                    Some(Fault::Late) => {
                        let place = std::ptr::from_ref(&self.0).expose_provenance();
                        faults::be_late(move || {
                            // SAFETY: what a thread stores into is there until its next store, in the code under test.
                            let place = unsafe {
                                &*std::ptr::with_exposed_provenance::<checker::sync::atomic::$name $(<$t>)?>(place)
                            };
                            place.store(value, asked);
                        });
                    }
                    _ => self.0.store(value, order(asked)),
                }
                late.into_iter().for_each(|store| store());
            }

            #[track_caller]
            pub(crate) fn swap(&self, value: $value, asked: Ordering) -> $value {
                self.0.swap(value, order(asked))
            }

            #[track_caller]
            pub(crate) fn compare_exchange(
                &self,
                old: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.0.compare_exchange(old, new, order(success), order(failure))
            }

            #[track_caller]
            pub(crate) fn compare_exchange_weak(
                &self,
                old: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.compare_exchange(old, new, success, failure)
            }

            #[track_caller]
            pub(crate) fn fetch_update(
                &self,
                success: Ordering,
                failure: Ordering,
                update: impl FnMut($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                self.0.fetch_update(order(success), order(failure), update)
            }
        }
    };
}

macro_rules! number {
    ($name:ident, $value:ty) => {
        atomic!($name, $value, 0);

        #[allow(dead_code)] // as above
        impl $name {
            #[track_caller]
            pub(crate) fn fetch_add(&self, value: $value, asked: Ordering) -> $value {
                self.0.fetch_add(value, order(asked))
            }

            #[track_caller]
            pub(crate) fn fetch_sub(&self, value: $value, asked: Ordering) -> $value {
                self.0.fetch_sub(value, order(asked))
            }

            #[track_caller]
            pub(crate) fn fetch_max(&self, value: $value, asked: Ordering) -> $value {
                self.0.fetch_max(value, order(asked))
            }

            #[track_caller]
            pub(crate) fn fetch_or(&self, value: $value, asked: Ordering) -> $value {
                self.0.fetch_or(value, order(asked))
            }
        }
    };
}

atomic!(AtomicPtr<T>, *mut T, std::ptr::null_mut());
atomic!(AtomicBool, bool, false);
number!(AtomicU8, u8);
number!(AtomicU32, u32);
number!(AtomicU64, u64);
number!(AtomicUsize, usize);

#[derive(Default)]
pub(crate) struct Mutex<T>(checker::sync::Mutex<T>);

/// Empty only while its condition is waited for, or while it is unlocked.
pub(crate) struct MutexGuard<'m, T> {
    mutex: &'m checker::sync::Mutex<T>,
    guard: Option<checker::sync::MutexGuard<'m, T>>,
}

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Mutex<T> {
        Mutex(checker::sync::Mutex::new(value))
    }

    #[track_caller]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        let guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        MutexGuard { mutex: &self.0, guard: Some(guard) }
    }

    #[track_caller]
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok().map(|guard| MutexGuard { mutex: &self.0, guard: Some(guard) })
    }
}

impl<T> MutexGuard<'_, T> {
    #[track_caller]
    pub(crate) fn unlocked<R>(guard: &mut Self, work: impl FnOnce() -> R) -> R {
        drop(guard.guard.take());
        let result = work();
        guard.guard = Some(guard.mutex.lock().unwrap_or_else(PoisonError::into_inner));
        result
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.guard.as_ref().expect("nobody waits")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.guard.as_mut().expect("nobody waits")
    }
}

/// A channel, in the place of crossbeam's: a queue under a lock.
pub(crate) mod channel {
    use super::{Arc, Mutex};
    use std::collections::VecDeque;

    pub(crate) struct Sender<T>(Arc<Mutex<VecDeque<T>>>);
    pub(crate) struct Receiver<T>(Arc<Mutex<VecDeque<T>>>);

    pub(crate) fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
        let queue = Arc::new(Mutex::new(VecDeque::new()));
        (Sender(Arc::clone(&queue)), Receiver(queue))
    }

    impl<T> Sender<T> {
        pub(crate) fn send(&self, thing: T) -> Result<(), &str> {
            self.0.lock().push_back(thing);
            Ok(())
        }
    }

    impl<T> Receiver<T> {
        pub(crate) fn len(&self) -> usize {
            self.0.lock().len()
        }

        pub(crate) fn try_recv(&self) -> Result<T, ()> {
            self.0.lock().pop_front().ok_or(())
        }
    }
}

pub(crate) struct InTime;

impl InTime {
    pub(crate) fn timed_out(&self) -> bool {
        false
    }
}

#[derive(Default)]
pub(crate) struct Condvar(checker::sync::Condvar);

impl Condvar {
    pub(crate) fn new() -> Condvar {
        Condvar::default()
    }

    #[track_caller]
    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let inner = guard.guard.take().expect("nobody waits");
        guard.guard = Some(self.0.wait(inner).unwrap_or_else(PoisonError::into_inner));
    }

    /// In a model no time ever runs out.
    #[track_caller]
    pub(crate) fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, _time: std::time::Duration) -> InTime {
        self.wait(guard);
        InTime
    }

    /// Models have no time: it never runs out.
    #[track_caller]
    pub(crate) fn wait_until<T>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        _deadline: std::time::Instant,
    ) -> InTime {
        self.wait(guard);
        InTime
    }

    #[track_caller]
    pub(crate) fn notify_all(&self) {
        if faults::here() != Some(Fault::Missing) {
            self.0.notify_all();
        }
    }
}

macro_rules! global {
    () => {};
    ($(#[$meta:meta])* pub(crate) static $name:ident: $type:ty = $value:expr; $($rest:tt)*) => {
        $crate::sync::lazy_static! { $(#[$meta])* pub(crate) static ref $name: $type = $value; }
        $crate::sync::global! { $($rest)* }
    };
    ($(#[$meta:meta])* static $name:ident: $type:ty = $value:expr; $($rest:tt)*) => {
        $crate::sync::lazy_static! { $(#[$meta])* static ref $name: $type = $value; }
        $crate::sync::global! { $($rest)* }
    };
}
pub(crate) use checker::lazy_static;
pub(crate) use global;

/// loom does not know initial values in `const` blocks.
macro_rules! local {
    ($(#[$meta:meta])* static $name:ident: $type:ty = const { $value:expr };) => {
        $crate::sync::thread_local! { $(#[$meta])* static $name: $type = $value; }
    };
}
pub(crate) use checker::thread_local;
pub(crate) use local;

macro_rules! constant {
    ($($function:tt)*) => { $($function)* };
}
pub(crate) use constant;

macro_rules! each {
    ($value:expr; $len:expr) => {
        std::array::from_fn::<_, { $len }, _>(|_| $value)
    };
}
pub(crate) use each;
