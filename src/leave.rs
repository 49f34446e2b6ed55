//! Gives back what a thread holds when it ends.
//!
//! With a key of pthreads, not with the destructors of `thread_local!`: those run first, and never again. A thread
//! that makes its first call from a key's destructor (a C++ thread-local object of the host, a pool's farewell) would
//! hold what it got for ever. Keys that are set meanwhile get another pass, of which POSIX grants four.

use std::cell::Cell;
use std::ffi::c_void;
use std::sync::OnceLock;

/// In the last pass nothing may be kept: there is none after it.
const PASSES: u32 = 3;

thread_local! {
    // Without a destructor, so that it can be used while others run.
    static PASSED: Cell<u32> = const { Cell::new(0) };
}

/// Sees to it that this thread gives back what it holds. False if it is too late for that: then it must not hold
/// anything beyond a call.
pub(crate) fn arrange() -> bool {
    static KEY: OnceLock<Option<libc::pthread_key_t>> = OnceLock::new();
    let key = *KEY.get_or_init(|| {
        let mut key = 0;
        // SAFETY: `key` is writable, and the destructor is never unmapped.
        (unsafe { libc::pthread_key_create(&mut key, Some(leave)) } == 0).then_some(key)
    });
    // Any value but NULL asks for the destructor.
    let mark = std::ptr::from_ref(&KEY).cast::<c_void>();
    // SAFETY: the key is valid: keys are not deleted.
    PASSED.get() < PASSES && key.is_some_and(|key| unsafe { libc::pthread_setspecific(key, mark) } == 0)
}

extern "C" fn leave(_mark: *mut c_void) {
    PASSED.set(PASSED.get() + 1);
    crate::registry::leave_cache();
    crate::epoch::leave_record();
}
