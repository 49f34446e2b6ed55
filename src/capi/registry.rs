//! Registries: start, names to buckets, stop.

use super::event::timeout;
use super::types::*;
use super::{guard, guard_len, name, optional, options, output, owner, usual, value};
use crate::error::Error;
use crate::registry::{Options, Registry, Started};
use core::ffi::{c_char, c_void};
use std::time::Duration;

/// Starts a registry: an empty table of names, with a thread of its own for the work that no caller waits for.
///
/// With `options->name` it is process-wide: starting that name again gives `KVREG_EXISTS` and the running registry
/// in `*out`, from any language and shared object of this process; kvreg_registry_find starts none. NULL options are the defaults (no name).
/// `KVREG_IO` if the system gives no thread.
///
/// Should one of the registry's threads die, of a defect inside kvreg, it is started anew, and nobody notices. If that
/// happens more than `max_restarts` times within `restart_window_ms`, the registry makes no more changes to its table:
/// kvreg_create of a new name and kvreg_bucket_stop give `KVREG_STOPPED`. What had a time to live stays, and nothing gets
/// a new one (`KVREG_STOPPED`, too). Lookups, gets, puts and snapshots go on, and kvreg_stop ends it. kvreg_registry_stats and the log tell.
///
/// @thread any; may block for the start of a thread
/// @owner the caller, who ends it with kvreg_stop; the name is copied
/// @fork KVREG_FORKED in the child of a process that had started a registry
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_start(
    options: *const kvreg_options,
    out: *mut kvreg_registry,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (out, options) = unsafe { (output(out, 0)?, start_options(options)?) };
        let (registry, started) = Registry::start_with(options)?;
        *out = registry.id();
        if started == Started::Now { Ok(()) } else { Err(Error::Exists) }
    })
}

/// Finds the registry that runs under this process-wide name, without starting one: `KVREG_NOT_FOUND` if there is none.
///
/// @thread any; may block while another thread starts one with a name
/// @owner nobody: who started it ends it; the name is not kept
/// @fork KVREG_FORKED in the child of a process that had started a registry
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_registry_find(
    name: *const c_char,
    name_len: usize,
    out: *mut kvreg_registry,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (out, name) = unsafe { (output(out, 0)?, self::name(name, name_len)?) };
        *out = Registry::named(name)?.ok_or(Error::NotFound)?.id();
        Ok(())
    })
}

/// Copies a registry's process-wide name into the caller's buffer: gives its length (0 to 65,535), `KVREG_NOT_FOUND` if it
/// has none, or another negative status, and copies min(length, capacity) bytes. `buffer` may be NULL if `capacity` is 0.
///
/// @thread any; may block while another thread starts one with a name
/// @owner the buffer is the caller's
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_registry_name(
    registry: kvreg_registry,
    buffer: *mut c_void,
    capacity: usize,
) -> i64 {
    guard_len(|| {
        let name = Registry::from_id(registry).name()?.ok_or(Error::NotFound)?;
        // SAFETY: the caller passes a buffer of `capacity` bytes, as this function's comment in the header demands.
        unsafe { value::copy_part(&name, buffer, capacity) }
    })
}

/// Gives the bucket of this name, and makes it first if there is none.
///
/// When the call returns, every thread sees the bucket. However many threads create one name, there is one bucket.
/// It never gives a bucket that exited. Cost: that of a lookup if the name is there, else O(log n) without waiting for
/// another thread to be woken, however many threads read. For many names at once: kvreg_create_many.
///
/// @thread any; may block while another thread changes this registry, and for handlers: see Waiting above
/// @owner nobody: an id needs no release; the name is copied
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_create(
    registry: kvreg_registry,
    name: *const c_char,
    name_len: usize,
    out: *mut kvreg_bucket,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (out, name) = unsafe { (output(out, 0)?, self::name(name, name_len)?) };
        *out = Registry::from_id(registry).create(name)?.id();
        Ok(())
    })
}

/// As kvreg_create, and says how the bucket is made: its owner, its heir, and what others may do with it.
///
/// The options count only if this call makes the bucket, which `*created` tells (it may be NULL). Then `*out` is a full
/// handle, also of a protected or private bucket, which its name does not lead to; else it is what kvreg_lookup gives.
/// With an owner or heir that was closed it gives `KVREG_DEAD`, and makes none. NULL options are the defaults: public,
/// and nobody's.
///
/// @thread any; may block while another thread changes this registry, and for handlers: see Waiting above
/// @owner options->owner, if it is not 0; an id needs no release; the name is copied
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_create_with(
    registry: kvreg_registry,
    name: *const c_char,
    name_len: usize,
    options: *const kvreg_bucket_options,
    out: *mut kvreg_bucket,
    created: *mut bool,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (created, out) = unsafe { (optional(created, false), output(out, 0)?) };
        // SAFETY: as above.
        let (name, options) = unsafe { (self::name(name, name_len)?, options::read(options)?) };
        let (bucket, made) = Registry::from_id(registry).create_with(name, owner::create(options)?)?;
        *out = bucket.id();
        if let Some(created) = created {
            *created = made;
        }
        Ok(())
    })
}

/// Finds the bucket of this name: `KVREG_NOT_FOUND` if there is none, `KVREG_STOPPED` if the registry was stopped.
///
/// Takes no lock, waits for no thread, makes no system call, allocates nothing (but for a thread's first lookup,
/// which sets up some thread-local memory), and works while the registry thread is suspended or dead. Cost:
/// O(log n), however many threads read or write.
///
/// @thread any; wait-free
/// @owner nobody: an id needs no release
/// @fork works in the child, on the table as it was at the fork
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_lookup(
    registry: kvreg_registry,
    name: *const c_char,
    name_len: usize,
    out: *mut kvreg_bucket,
) -> kvreg_status {
    // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
    unsafe {
        if !out.is_null()
            && let Some(name) = usual(name, name_len)
            && let Some(id) = Registry::from_id(registry).glimpse(name)
        {
            out.write(id);
            return KVREG_OK;
        }
        lookup_otherwise(registry, name, name_len, out)
    }
}

/// As kvreg_lookup, in one register: the bucket's id (positive), or the negative status.
///
/// @thread any; wait-free
/// @owner nobody: an id needs no release
/// @fork works in the child, on the table as it was at the fork
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_lookup_id(
    registry: kvreg_registry,
    name: *const c_char,
    name_len: usize,
) -> i64 {
    // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
    unsafe {
        let glimpse = |name: &[u8]| Registry::from_id(registry).glimpse(name);
        match usual(name, name_len).and_then(glimpse) {
            Some(id) => id.cast_signed(),
            None => lookup_id_otherwise(registry, name, name_len),
        }
    }
}

/// Ends a registry: its table empties, every bucket exits with `KVREG_REASON_SHUTDOWN`, its thread ends, and its
/// process-wide name is free again.
///
/// Afterwards every call on it gives `KVREG_STOPPED` (a second stop too), and every call on one of its buckets
/// `KVREG_DEAD`. Calls that run at this moment finish or give one of the two. Cost: O(number of names).
///
/// @thread any; blocks until the registry's thread has ended, and for handlers: see Waiting above
/// @owner gives back what kvreg_start made; values that were got from its buckets stay valid until their release
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn kvreg_stop(registry: kvreg_registry) -> kvreg_status {
    guard(|| Registry::from_id(registry).stop())
}

/// Tells how many names the table has.
///
/// @thread any; wait-free
/// @owner nobody
/// @fork works in the child, on the table as it was at the fork
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_registry_count(registry: kvreg_registry, out: *mut u64) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let out = unsafe { output(out, 0)? };
        *out = Registry::from_id(registry).count()?;
        Ok(())
    })
}

/// Tells the table's revision: the number of changes (creates and exits) that it has seen, from 0.
///
/// @thread any; wait-free
/// @owner nobody
/// @fork works in the child, on the table as it was at the fork
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_registry_revision(registry: kvreg_registry, out: *mut u64) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let out = unsafe { output(out, 0)? };
        *out = Registry::from_id(registry).revision()?;
        Ok(())
    })
}

/// Copies all names and their buckets, as they are at one revision, into the caller's memory.
///
/// For each name: u32 length, the name's bytes, u64 bucket id, all little-endian and without padding, in no
/// particular order. Gives the number of bytes that this takes, or a negative status; writes only if `capacity` is
/// enough, so ask with capacity 0 first, and ask again if the answer has grown. `buffer` may be NULL if `capacity`
/// is 0. It takes a snapshot for the time of the call, so no writer is held back. Cost: O(number of names).
///
/// @thread any; waits for changes under way in other threads, each of which takes an instant
/// @owner the buffer is the caller's
/// @fork works in the child, on the table as it was at the fork
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_registry_dump(
    registry: kvreg_registry,
    buffer: *mut c_void,
    capacity: usize,
) -> i64 {
    guard_len(|| {
        let dump = Registry::from_id(registry).dump()?;
        // SAFETY: the caller passes a buffer of `capacity` bytes, as this function's comment in the header demands.
        unsafe { super::value::copy_whole(&dump, buffer, capacity) }
    })
}

/// # Safety
/// `options` is NULL or points to `options->size` readable bytes, and the name in it is readable.
unsafe fn start_options<'a>(options: *const kvreg_options) -> Result<Options<'a>, Error> {
    // SAFETY: this function's contract.
    let options = unsafe { super::options::read(options)? };
    let history = match usize::try_from(options.history).map_err(|_| Error::InvalidArgument)? {
        0 => None,
        number => Some(number),
    };
    let kvreg_options { name: data, name_len, max_restarts, restart_window_ms, .. } = options;
    // SAFETY: the name is readable by this function's contract.
    let name = if data.is_null() && name_len == 0 { None } else { Some(unsafe { name(data, name_len)? }) };
    let restart_window = Duration::from_millis(restart_window_ms);
    Ok(Options { name, history, max_restarts, restart_window, busy_timeout: timeout(options.busy_ms)? })
}

/// By itself, so that the short way has no part in what the calls of this one cost.
#[inline(never)]
unsafe extern "C" fn lookup_otherwise(
    registry: kvreg_registry,
    name: *const c_char,
    name_len: usize,
    out: *mut kvreg_bucket,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, by the contract of kvreg_lookup.
        let (out, name) = unsafe { (output(out, 0)?, self::name(name, name_len)?) };
        *out = find(registry, name)?;
        Ok(())
    })
}

/// As [`lookup_otherwise`].
#[inline(never)]
unsafe extern "C" fn lookup_id_otherwise(
    registry: kvreg_registry,
    name: *const c_char,
    name_len: usize,
) -> i64 {
    guard_len(|| {
        // SAFETY: the caller passes NULL or a valid pointer, by the contract of kvreg_lookup_id.
        find(registry, unsafe { self::name(name, name_len)? })
    })
}

#[inline(always)]
fn find(registry: kvreg_registry, name: &[u8]) -> Result<u64, Error> {
    match Registry::from_id(registry).find(name) {
        id @ 1.. => Ok(id.cast_unsigned()),
        code => Err(Error::from_code(code as i32).unwrap_or(Error::Panicked)),
    }
}
