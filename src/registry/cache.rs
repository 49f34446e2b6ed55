//! The versions that a thread looked at last.
//!
//! An `arc_swap::Cache` checks with one relaxed load that its version is still the newest, which is ten times cheaper
//! than `ArcSwap::load` and, above all, does not keep consecutive lookups from overlapping (30 to 45 ns each at a
//! million names). The price: a thread that stops looking keeps its last version alive, that is the names and nodes
//! that were current then, however many come and go afterwards; one version for each of up to [`WAYS`] registries,
//! until it looks again or ends. The memory is freed by the registry, never by the reader.

use super::Shared;
use crate::error::Error;
use crate::leave;
use crate::sync::Arc;
use crate::table::Version;
use arc_swap::ArcSwap;
use arc_swap::cache::Cache;
use std::cell::Cell;
use std::ptr;

/// Registries that a thread can use in turns without a miss, if their slots differ in the low bits.
const WAYS: usize = 4;

#[derive(Default)]
struct Way {
    /// 0 if the cache is empty.
    registry: u64,
    cache: Option<Cache<&'static ArcSwap<Version>, Arc<Version>>>,
}

type Ways = [Way; WAYS];

thread_local! {
    // Without a destructor, so that the hot path has no state to check: see `leave`.
    static CURRENT: Cell<*mut Ways> = const { Cell::new(ptr::null_mut()) };
}

/// Lets go of the thread's versions. Called when the thread ends.
pub(crate) fn leave_cache() {
    let ways = CURRENT.replace(ptr::null_mut());
    if !ways.is_null() {
        // SAFETY: made by a Box, and this thread's alone.
        drop(unsafe { Box::from_raw(ways) });
    }
}

/// Lets go of one registry's version.
pub(super) fn forget(registry: u64) {
    let ways = CURRENT.get();
    if !ways.is_null() {
        // SAFETY: this thread's alone.
        let way = unsafe { &mut (*ways)[registry as usize % WAYS] };
        if way.registry == registry {
            *way = Way::default();
        }
    }
}

/// Shows the newest version of a registry's table to `read`, which must be our own code: it is short, and never
/// comes back here.
#[inline(always)]
pub(super) fn with<R>(registry: u64, read: impl FnOnce(&Version) -> R) -> Result<R, Error> {
    let ways = CURRENT.get();
    if !ways.is_null() {
        // SAFETY: this thread's alone, and `read` does not come back here.
        let way = unsafe { &mut (*ways)[registry as usize % WAYS] };
        if way.registry == registry
            && let Some(cache) = &mut way.cache
        {
            let version = cache.load();
            // If not, it was stopped, and its memory serves another registry by now.
            if version.registry == registry {
                return Ok(read(version));
            }
        }
    }
    fill(registry, read)
}

/// As [`with`], for what is not in the cache.
#[cold]
#[inline(never)]
fn fill<R>(registry: u64, read: impl FnOnce(&Version) -> R) -> Result<R, Error> {
    let show = |version: &Version| {
        if version.registry == registry { Ok(read(version)) } else { Err(Error::Stopped) }
    };
    let current = &Shared::of(registry)?.current;
    if CURRENT.get().is_null() {
        if !leave::arrange() {
            return show(&current.load());
        }
        CURRENT.set(Box::into_raw(Box::default()));
    }
    // SAFETY: made by a Box above or before, this thread's alone, and `read` does not come back here.
    let way = unsafe { &mut (*CURRENT.get())[registry as usize % WAYS] };
    way.registry = registry;
    show(way.cache.insert(Cache::new(current)).load())
}
