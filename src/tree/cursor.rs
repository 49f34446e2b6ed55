//! A place in the order of a frozen tree's entries, as two numbers: to go on later, from any thread.

use super::{Entry, Node, leaf_of};
use crate::sync::Ordering;
use std::ptr;

/// Everything before it was visited. The default is the beginning; any other numbers are some place, too.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
#[repr(C)]
pub(crate) struct Position {
    /// The leaf: it holds the entries whose hashes begin like this.
    hash: u64,
    /// Slots of the leaf, and of those chained to it, that are behind us; END if all leaves are.
    index: u64,
}

const END: u64 = u64::MAX;

/// The next entry below `root`, and moves the position behind it; None at the end, and from then on.
///
/// # Safety
/// `root` is frozen and kept alive.
pub(crate) unsafe fn next<E: Entry>(root: Node, at: &mut Position) -> Option<*const E> {
    while at.index != END {
        let leaf = leaf_of(root, at.hash);
        let mut passed = 0;
        let mut node = Some(leaf);
        while let Some(leaf) = node {
            // SAFETY: by this function's contract everything that can be reached is alive.
            for slot in unsafe { leaf.slots() } {
                let entry = ptr::with_exposed_provenance::<E>(slot.load(Ordering::Acquire)); // Acquire: see the entry
                passed += 1;
                if passed > at.index && !entry.is_null() {
                    at.index = passed;
                    return Some(entry);
                }
            }
            // SAFETY: as above.
            node = unsafe { leaf.next_in_chain() };
        }
        // SAFETY: as above.
        let last = at.hash | u64::MAX.checked_shr(unsafe { leaf.depth() }).unwrap_or(0);
        *at = last
            .checked_add(1)
            .map_or(Position { hash: last, index: END }, |hash| Position { hash, index: 0 });
    }
    None
}
