//! How a map was, for the cuts that still show it.

use super::State;
use crate::epoch::Garbage;
use crate::sync::{AtomicPtr, Ordering, memory};
use std::ptr;

/// How a map was from one change to the next, for a cut in between.
pub(crate) struct Past {
    /// The number of the change that made it so.
    pub(super) from: u64,
    pub(super) state: State,
    /// The one before.
    pub(super) next: AtomicPtr<Past>,
    /// Where the list begins.
    pub(super) list: *const AtomicPtr<Past>,
}

impl Past {
    /// The number from which on it was like this.
    ///
    /// # Safety
    /// Alive.
    pub(crate) unsafe fn birth(past: *const Past) -> u64 {
        // SAFETY: this function's contract.
        unsafe { (*past).from }
    }

    /// Puts it before the others of its map.
    ///
    /// # Safety
    /// New, and nobody else links or unlinks meanwhile.
    pub(crate) unsafe fn link(past: *const Past) {
        // SAFETY: this function's contract; the map is alive, since somebody changes it.
        unsafe {
            let list = &*(*past).list;
            (*past).next.store(list.load(Ordering::Relaxed), Ordering::Relaxed); // Relaxed: published by the next line
            list.store(past.cast_mut(), Ordering::Release); // Release: publishes it
        }
    }

    /// Takes it out of its list, and gives it to be freed when no pin sees it any more.
    ///
    /// # Safety
    /// Linked, and nobody else links or unlinks meanwhile. Its map is alive: it is freed only after the last cut that
    /// sees one of its pasts is gone (see `cuts`).
    pub(crate) unsafe fn unlink(past: *const Past) -> Garbage {
        unsafe fn free(past: usize) {
            // SAFETY: made in `first_touch`, and retired once.
            unsafe { memory::give(ptr::with_exposed_provenance_mut::<Past>(past)) };
        }
        // SAFETY: this function's contract.
        unsafe {
            let mut place = &*(*past).list;
            loop {
                memory::used(place);
                let at = place.load(Ordering::Relaxed); // Relaxed: written by those who take turns
                if ptr::eq(at, past) {
                    break;
                }
                place = &(*at).next;
            }
            place.store((*past).next.load(Ordering::Relaxed), Ordering::Release); // Release: publishes the next
            Garbage::new(past.expose_provenance(), free, size_of::<Past>())
        }
    }
}
