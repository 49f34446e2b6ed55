//! What `fork` leaves behind: a child that has the memory but not the threads.
//!
//! In the child any lock may be held by a thread that no longer exists, so nothing there may take one: changes are
//! refused, reads (which take none) go on. The mark is set by a handler that the first start installs, so a process
//! that forks before it uses kvreg is not concerned.

use crate::error::Error;
use crate::sync::Ordering;
use crate::sync::plain::AtomicBool;

static FORKED: AtomicBool = AtomicBool::new(false);
static INSTALLED: AtomicBool = AtomicBool::new(false);

/// Sees to it that children know that they are. Called by every start, before it takes any lock.
///
/// Not a `Once`: a child that was forked while another thread ran it would wait for that thread for ever. Two threads
/// may both install the handler, which harms nobody.
pub(crate) fn watch() {
    // Relaxed: nothing is read on the strength of it.
    if !INSTALLED.load(Ordering::Relaxed) {
        // SAFETY: the handler is async-signal-safe (one atomic store), and this library is never unmapped.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        INSTALLED.store(true, Ordering::Relaxed);
    }
}

extern "C" fn in_child() {
    // Relaxed: the child has one thread, and those that it makes come after this in its order.
    FORKED.store(true, Ordering::Relaxed);
}

/// Refuses a change in the child.
#[inline(always)]
pub(crate) fn check() -> Result<(), Error> {
    // Relaxed: set before any other code of the child runs.
    if FORKED.load(Ordering::Relaxed) { Err(Error::Forked) } else { Ok(()) }
}
