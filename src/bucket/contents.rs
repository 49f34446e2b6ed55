//! A bucket's keys and values: a live map (see `live`) of items.
//!
//! # The designs that lost
//!
//! Before, each bucket had a `parking_lot` mutex around a tree with versions of its own, and a put searched twice, under
//! the lock. Ratios to an unsynchronised `absl::flat_hash_map` in the same run (medians of 5), at 100 keys:
//!
//! | | before | this |
//! |---|--:|--:|
//! | get | 1.4 | 0.9 |
//! | put of a number over a number | 2.7 | 1.1 |
//! | the same in two threads, against tbb's `concurrent_hash_map` | 3.0 | 0.4 |
//!
//! Tried besides: no lock at all for a number over a number (0.2 of absl's put less, but a change by revision or value
//! beside it would lose updates); items on cache lines of their own (a get of a million keys takes 1.1 times as long:
//! more memory, so more misses of the address translation).
//!
//! At a million keys a get and a put wait for one cache miss more than absl's, and fewer instructions do not shorten that.
//! What did is where nodes and items lie (see `pool`). Ratios to absl's, before and since, medians of one run:
//!
//! | | items from malloc, small pages | items from the pool, huge pages |
//! |---|--:|--:|
//! | get, 1 M keys | 1.39 | 1.16 |
//! | put of a number over a number, 1 M keys | 1.54 | 1.27 |
//! | lookup, 1 M names | 1.38 | 1.12 |
//! | create, to 1 M names | 0.58 | 0.48 |
//!
//! Two threads that overwrite at random in one bucket of a million keys need 1.2 times as long as in tbb's map, whose
//! elements have locks of their own: a bucket counts its changes in one revision, so its line goes from core to core at
//! every put, for about 50 ns. Tried against that, medians of 7 paired rounds: to fetch the lock's line for writing while
//! the key is searched (1.0 of the time, within the noise); to wait 40 ns instead of 0.9 us at first for who has the lock
//! (0.95 of the time, but 1.5 at 100 keys).

use super::Bucket;
use super::item::Item;
use super::times::Times;
use crate::cuts::Cuts;
use crate::hash::Hash;
use crate::live::Live;
use crate::pool;
use crate::registry::Registry;
use crate::sync::{MODELLED, Ordering, memory};
use std::ops::Deref;
use std::ptr::{self, NonNull};

#[repr(transparent)]
pub(crate) struct Contents(Live<Item>);

/// The pool's number of its size.
const SIZE: usize = 3;
const _: () = assert!(MODELLED || size_of::<Contents>() == pool::size_of_node(SIZE));

impl Contents {
    /// Contents without a key, to be freed with [`Contents::free`]. The cuts are those of its registry.
    pub(crate) fn make(hash: Hash, cuts: *const Cuts) -> NonNull<Contents> {
        let contents = pool::take(SIZE).cast::<Contents>();
        // SAFETY: of this size, aligned to a cache line, and ours.
        unsafe { contents.write(Contents(Live::new(hash, cuts))) };
        contents
    }

    /// Frees contents, or leaves that to whoever has their lock for long.
    ///
    /// # Safety
    /// Nobody can reach them any more, neither by a pin nor by a cut.
    pub(crate) unsafe fn free(contents: NonNull<Contents>) {
        // SAFETY: this function's contract; who abandons them to a holder does not touch them again.
        unsafe {
            if contents.as_ref().lock().abandon() {
                Contents::destroy(contents);
            }
        }
    }

    /// Ends a long hold of their lock.
    ///
    /// # Safety
    /// The caller has it, and does not touch them again.
    pub(crate) unsafe fn release_long(contents: NonNull<Contents>) {
        // SAFETY: this function's contract: they were kept alive by the hold; if they were abandoned, they are ours.
        unsafe {
            if contents.as_ref().lock().release_long() {
                Contents::destroy(contents);
            }
        }
    }

    /// # Safety
    /// As [`Contents::free`], and nobody has the lock.
    unsafe fn destroy(contents: NonNull<Contents>) {
        // SAFETY: this function's contract.
        unsafe {
            contents.as_ref().dismantle();
            let times = contents.as_ref().0.times().load(Ordering::Acquire); // Acquire: see what is in it
            if !times.is_null() {
                memory::give(times);
            }
            pool::give(SIZE, contents.cast());
        }
    }

    /// The memory that they keep, in bytes.
    pub(crate) fn weight(&self) -> usize {
        size_of::<Contents>() + self.0.weight() + self.times().map_or(0, Times::weight)
    }

    /// What ends by itself here, if anything ever was to.
    pub(crate) fn times(&self) -> Option<&Times> {
        // SAFETY: freed with the contents. Acquire: see what was published.
        unsafe { self.0.times().load(Ordering::Acquire).as_ref() }
    }

    /// The same, made if there is none: the contents are this bucket's.
    pub(super) fn times_or_new(&self, registry: Registry, bucket: Bucket) -> &Times {
        if let Some(times) = self.times() {
            return times;
        }
        let (none, made) = (ptr::null_mut(), memory::take(Times::new(registry, bucket)));
        // AcqRel: publishes ours, or sees those that another thread made.
        let times = match self.0.times().compare_exchange(none, made, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => made,
            Err(others) => {
                // SAFETY: nobody else ever saw ours.
                unsafe { memory::give(made) };
                others
            }
        };
        // SAFETY: freed with the contents.
        unsafe { &*times }
    }
}

impl Deref for Contents {
    type Target = Live<Item>;

    fn deref(&self) -> &Live<Item> {
        &self.0
    }
}
