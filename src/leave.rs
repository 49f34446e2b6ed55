//! Gives back what a thread holds when it ends.
//!
//! With a key of pthreads, not with the destructors of `thread_local!`: those run first, and never again. A thread
//! that makes its first call from a key's destructor (a C++ thread-local object of the host, a pool's farewell) would
//! hold what it got for ever. Keys that are set meanwhile get another pass, of which POSIX grants four.

use crate::sync::{AtomicU64, Ordering};
use std::cell::Cell;
use std::ffi::c_void;

/// In the last pass nothing may be kept: there is none after it.
const PASSES: u32 = 3;

thread_local! {
    // Without a destructor, so that it can be used while others run.
    static PASSED: Cell<u32> = const { Cell::new(0) };
}

/// Sees to it that this thread gives back what it holds. False if it is too late for that: then it must not hold
/// anything beyond a call.
pub(crate) fn arrange() -> bool {
    // Any value but NULL asks for the destructor.
    let mark = std::ptr::from_ref(&KEY).cast::<c_void>();
    // SAFETY: the key is valid: the one that is published is not deleted.
    PASSED.get() < PASSES && key().is_some_and(|key| unsafe { libc::pthread_setspecific(key, mark) } == 0)
}

/// NONE, or the key. Not a `Once`: a child that was forked while another thread ran it would wait for ever.
static KEY: AtomicU64 = AtomicU64::new(NONE);
const NONE: u64 = u64::MAX;

fn key() -> Option<libc::pthread_key_t> {
    let published = KEY.load(Ordering::Relaxed); // Relaxed: the key is all there is to it
    if published != NONE {
        return Some(published as libc::pthread_key_t);
    }
    let mut key = 0;
    // SAFETY: `key` is writable, and the destructor is never unmapped.
    if unsafe { libc::pthread_key_create(&mut key, Some(leave)) } != 0 {
        return None;
    }
    match KEY.compare_exchange(NONE, u64::from(key), Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => Some(key),
        Err(published) => {
            // SAFETY: made above, and nobody else knows it.
            unsafe { libc::pthread_key_delete(key) };
            Some(published as libc::pthread_key_t)
        }
    }
}

extern "C" fn leave(_mark: *mut c_void) {
    PASSED.set(PASSED.get() + 1);
    crate::owner::leave(); // first: it pins
    crate::epoch::leave_record();
}
