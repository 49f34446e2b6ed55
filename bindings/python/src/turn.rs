//! Who waits for a bucket's turn must not hold what the turn's holder needs.
//!
//! A change waits while another thread changes the same bucket. That takes an instant, and is best waited for with the
//! GIL in hand: to let it go and take it back costs as much as the change. But the function of `Bucket.update_with` is
//! Python code and needs the GIL while it has the turn: as long as there is such a call, changes let go of the GIL.

use pyo3::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// How many calls of `update_with` there are. It goes up under the GIL only, before the GIL is let go: so who holds
/// the GIL and reads 0 knows that nobody waits for it with a turn in hand, and that nobody will until it lets go.
static UPDATES: AtomicUsize = AtomicUsize::new(0);

/// Makes a change that may have to wait for a turn.
#[inline]
pub(crate) fn change<T: Send>(py: Python<'_>, change: impl FnOnce() -> T + Send) -> T {
    // Without a GIL nothing orders the count and the call, and what stops all threads (a garbage collection) would
    // wait for this one.
    if cfg!(Py_GIL_DISABLED) || UPDATES.load(Relaxed) != 0 { py.detach(change) } else { change() }
}

/// A call of `update_with`.
pub(crate) struct Update(());

impl Update {
    pub(crate) fn begin(_py: Python<'_>) -> Self {
        UPDATES.fetch_add(1, Relaxed);
        Update(())
    }
}

impl Drop for Update {
    fn drop(&mut self) {
        UPDATES.fetch_sub(1, Relaxed);
    }
}
