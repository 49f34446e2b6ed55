//! The atomics and locks of the whole crate, in one place, so that the same code can run on others: those of a model
//! checker, which `models/sync.rs` gives it under the same names.

pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard};
pub(crate) use std::hint::spin_loop;
pub(crate) use std::sync::Arc;
pub(crate) use std::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, compiler_fence, fence,
};
pub(crate) use std::thread::{sleep, yield_now};

/// Those of the machine under a model checker too: for what has no part in any protocol.
pub(crate) mod plain {
    pub(crate) use std::sync::atomic::AtomicBool;
    #[cfg(feature = "capi")]
    pub(crate) use std::sync::atomic::AtomicPtr;
    #[cfg(any(test, feature = "test-hooks"))]
    pub(crate) use std::sync::atomic::AtomicU64;
}

/// The mailbox's channel.
pub(crate) mod channel {
    pub(crate) use crossbeam_channel::{Receiver, Sender, unbounded};
}

/// Whether a model checker runs this code.
pub(crate) const MODELLED: bool = false;

/// Memory that a model checker watches, so that it notices who uses what was freed.
pub(crate) mod memory {
    /// Says that somebody uses what lies here.
    #[inline(always)]
    pub(crate) fn used<T>(_place: *const T) {}

    /// A place for a value that is never freed.
    #[inline(always)]
    pub(crate) fn keep<T>(value: T) -> *mut T {
        Box::into_raw(Box::new(value))
    }

    /// A place for a value.
    #[inline(always)]
    pub(crate) fn take<T>(value: T) -> *mut T {
        Box::into_raw(Box::new(value))
    }

    /// Frees a value and its place.
    ///
    /// # Safety
    /// `place` came from [`take`], and nobody uses it any more.
    #[inline(always)]
    pub(crate) unsafe fn give<T>(place: *mut T) {
        // SAFETY: this function's contract.
        drop(unsafe { Box::from_raw(place) });
    }
}

/// Statics that a model checker makes anew for every run.
macro_rules! global {
    ($($statics:tt)*) => { $($statics)* };
}
pub(crate) use global;

/// A thread-local variable without a destructor.
macro_rules! local {
    ($($variable:tt)*) => { thread_local! { $($variable)* } };
}
pub(crate) use local;

/// A function that is `const`, unless a model checker's atomics are not.
macro_rules! constant {
    ($(#[$meta:meta])* $vis:vis fn $($function:tt)*) => { $(#[$meta])* $vis const fn $($function)* };
}
pub(crate) use constant;

/// An array of values that are made one by one.
macro_rules! each {
    ($value:expr; $len:expr) => {
        [const { $value }; $len]
    };
}
pub(crate) use each;

/// An acquire fence for what others released into `count`, after our own relaxed or release access to it.
///
/// ThreadSanitizer does not know fences and would report what they order, so it gets a load (as in std's Arc).
#[inline(always)]
pub(crate) fn fence_acquire(count: &AtomicUsize) {
    if cfg!(kvreg_sanitize = "thread") {
        count.load(Ordering::Acquire);
    } else {
        fence(Ordering::Acquire);
    }
}
