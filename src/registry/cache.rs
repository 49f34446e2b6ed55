//! The versions that a thread looked at last.
//!
//! An `arc_swap::Cache` checks with one relaxed load that its version is still the newest, which is ten times cheaper
//! than `ArcSwap::load` and, above all, does not keep consecutive lookups from overlapping (30 to 45 ns each at a
//! million names). The price: a thread that stops looking keeps its last version alive, that is the names and nodes
//! that were current then, however many come and go afterwards; one version for each of up to [`WAYS`] registries,
//! until it looks again or ends. The memory is freed by the registry, never by the reader.

use super::Shared;
use crate::error::Error;
use crate::sync::Arc;
use crate::table::Version;
use arc_swap::ArcSwap;
use arc_swap::cache::Cache;
use std::cell::UnsafeCell;

/// Registries that a thread can use in turns without a miss, if their slots differ in the low bits.
const WAYS: usize = 4;

struct Way {
    registry: u64,
    cache: Cache<&'static ArcSwap<Version>, Arc<Version>>,
}

thread_local! {
    static CACHE: UnsafeCell<[Option<Way>; WAYS]> = const { UnsafeCell::new([const { None }; WAYS]) };
}

/// Shows the newest version of a registry's table to `read`, which must be our own code: it is short, and never
/// comes back here.
#[inline(always)]
pub(super) fn with<R>(registry: u64, read: impl FnOnce(&Version) -> R) -> Result<R, Error> {
    let mut read = Some(read);
    let cached = CACHE.try_with(|ways| {
        // SAFETY: the cell is this thread's, and `read` does not come back here.
        let way = unsafe { &mut (*ways.get())[registry as usize % WAYS] };
        if way.as_ref().is_none_or(|way| way.registry != registry) {
            fill(way, registry)?;
        }
        let version = way.as_mut().expect("filled").cache.load();
        if version.registry != registry {
            *way = None; // stopped, and its memory serves another registry by now
            return Err(Error::Stopped);
        }
        Ok((read.take().expect("used once"))(version))
    });
    match cached {
        Ok(result) => result,
        Err(_) => with_exiting(registry, read.take().expect("not used")),
    }
}

#[cold]
#[inline(never)]
fn fill(way: &mut Option<Way>, registry: u64) -> Result<(), Error> {
    let cache = Cache::new(&Shared::of(registry)?.current);
    *way = Some(Way { registry, cache });
    Ok(())
}

/// For threads whose thread-local memory is gone already.
#[cold]
#[inline(never)]
fn with_exiting<R>(registry: u64, read: impl FnOnce(&Version) -> R) -> Result<R, Error> {
    let version = Shared::of(registry)?.current.load();
    if version.registry != registry { Err(Error::Stopped) } else { Ok(read(&version)) }
}
