//! Snapshots: a registry or a bucket at one moment.

use super::types::*;
use super::value::{self, NIL};
use super::{guard, guard_len, name, optional, output};
use crate::bucket::Bucket;
use crate::error::Error;
use crate::registry::Registry;
use crate::snapshot::Snapshot;
use core::ffi::{c_char, c_void};

/// Takes a snapshot of a registry: its names and the contents of all its buckets, as they are at one moment.
///
/// It holds back no writer. It costs the same for ten names as for ten million: less than a microsecond, beside writers
/// too. The first change to each part that it shows costs a copy.
///
/// @thread any; waits for changes under way in other threads, each of which takes an instant
/// @owner the caller, who ends it with kvreg_snapshot_close
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_snapshot_take(
    registry: kvreg_registry,
    out: *mut kvreg_snapshot,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let out = unsafe { output(out, 0)? };
        *out = Snapshot::take(Registry::from_id(registry))?.id();
        Ok(())
    })
}

/// Takes a snapshot of one bucket. Cost: that of kvreg_snapshot_take.
///
/// @thread any; waits for changes under way in other threads, each of which takes an instant
/// @owner the caller, who ends it with kvreg_snapshot_close
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_bucket_snapshot(
    bucket: kvreg_bucket,
    out: *mut kvreg_snapshot,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let out = unsafe { output(out, 0)? };
        *out = Snapshot::of_bucket(Bucket::from_id(bucket))?.id();
        Ok(())
    })
}

/// Gives the contents of one bucket in a registry's snapshot, at the same moment, as a snapshot of its own:
/// `KVREG_NOT_FOUND` if there was no such name. The bucket may have exited since.
///
/// @thread any
/// @owner the caller, who ends both with kvreg_snapshot_close, in any order
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_snapshot_bucket(
    snapshot: kvreg_snapshot,
    name: *const c_char,
    name_len: usize,
    out: *mut kvreg_snapshot,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (out, name) = unsafe { (output(out, 0)?, self::name(name, name_len)?) };
        *out = Snapshot::from_id(snapshot).bucket(name)?.ok_or(Error::NotFound)?.id();
        Ok(())
    })
}

/// Tells how many names or keys a snapshot has.
///
/// @thread any; wait-free
/// @owner nobody
/// @fork works in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_snapshot_count(snapshot: kvreg_snapshot, out: *mut u64) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let out = unsafe { output(out, 0)? };
        *out = Snapshot::from_id(snapshot).count()?;
        Ok(())
    })
}

/// Tells which revision of the table, or of the bucket, a snapshot shows.
///
/// @thread any; wait-free
/// @owner nobody
/// @fork works in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_snapshot_revision(snapshot: kvreg_snapshot, out: *mut u64) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let out = unsafe { output(out, 0)? };
        *out = Snapshot::from_id(snapshot).revision()?;
        Ok(())
    })
}

/// Finds the bucket that had this name, in a registry's snapshot: `KVREG_NOT_FOUND` if there was none. It may have
/// exited since; kvreg_snapshot_get_in and kvreg_snapshot_bucket show what it had. Cost: that of a lookup.
///
/// @thread any; wait-free
/// @owner nobody: an id needs no release
/// @fork works in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_snapshot_lookup(
    snapshot: kvreg_snapshot,
    name: *const c_char,
    name_len: usize,
    out: *mut kvreg_bucket,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (out, name) = unsafe { (output(out, 0)?, self::name(name, name_len)?) };
        *out = Snapshot::from_id(snapshot).lookup(name)?.ok_or(Error::NotFound)?.id();
        Ok(())
    })
}

/// Gets the value that a key had, in a bucket's snapshot: `KVREG_NOT_FOUND` if there was none. Cost: that of a get.
///
/// @thread any; takes no lock
/// @owner the caller, until kvreg_value_release; the bytes outlive the snapshot
/// @fork works in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_snapshot_get(
    snapshot: kvreg_snapshot,
    key: *const c_char,
    key_len: usize,
    out: *mut kvreg_value,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (out, key) = unsafe { (output(out, NIL)?, name(key, key_len)?) };
        *out = value::export(Snapshot::from_id(snapshot).get(key)?.ok_or(Error::NotFound)?);
        Ok(())
    })
}

/// Gets the value that a key had in a bucket, in a registry's snapshot: `KVREG_NOT_FOUND` if there was no such name, or
/// no such key in it. Cost: that of a lookup and a get.
///
/// @thread any; takes no lock
/// @owner the caller, until kvreg_value_release; the bytes outlive the snapshot
/// @fork works in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_snapshot_get_in(
    snapshot: kvreg_snapshot,
    name: *const c_char,
    name_len: usize,
    key: *const c_char,
    key_len: usize,
    out: *mut kvreg_value,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (out, name, key) =
            unsafe { (output(out, NIL)?, self::name(name, name_len)?, self::name(key, key_len)?) };
        *out = value::export(Snapshot::from_id(snapshot).get_in(name, key)?.ok_or(Error::NotFound)?);
        Ok(())
    })
}

/// Gets the value that a key had and its revision then, in a bucket's snapshot: `KVREG_NOT_FOUND`, revision 0 and nil if
/// there was none. `out` may be NULL. With kvreg_bucket_put_if_revision it tells whether the key has changed since.
///
/// @thread any; takes no lock
/// @owner the value is the caller's, until kvreg_value_release; its bytes outlive the snapshot
/// @fork works in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_snapshot_get_revision(
    snapshot: kvreg_snapshot,
    key: *const c_char,
    key_len: usize,
    out: *mut kvreg_value,
    revision: *mut u64,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (out, revision, key) = unsafe { (optional(out, NIL), output(revision, 0)?, name(key, key_len)?) };
        let found = Snapshot::from_id(snapshot).get_with_revision(key)?;
        value::export_with_revision(found, out, revision)
    })
}

/// Copies all that a snapshot shows into the caller's memory: as kvreg_registry_dump for a registry's, as
/// kvreg_bucket_dump for a bucket's.
///
/// Gives the number of bytes that this takes, or a negative status; writes only if `capacity` is enough. What it takes
/// never changes. `buffer` may be NULL if `capacity` is 0. Cost: O(number of names or keys).
///
/// @thread any; holds nobody back
/// @owner the buffer is the caller's
/// @fork works in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_snapshot_dump(
    snapshot: kvreg_snapshot,
    buffer: *mut c_void,
    capacity: usize,
) -> i64 {
    guard_len(|| {
        let dump = Snapshot::from_id(snapshot).dump()?;
        // SAFETY: the caller passes a buffer of `capacity` bytes, as this function's comment in the header demands.
        unsafe { value::copy_whole(&dump, buffer, capacity) }
    })
}

/// Ends a snapshot. Afterwards every call on it gives `KVREG_DEAD`, a second close too; a call that runs at this moment
/// in another thread finishes or gives that. Names and keys that it gave are no longer to be read.
///
/// What only this snapshot showed is freed in the background or, if much waits there, by this call. Closing the last
/// snapshot of a registry that was stopped frees everything that it showed, in this thread.
///
/// @thread any
/// @owner gives back what kvreg_snapshot_take, kvreg_bucket_snapshot or kvreg_snapshot_bucket made
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn kvreg_snapshot_close(snapshot: kvreg_snapshot) -> kvreg_status {
    guard(|| Snapshot::from_id(snapshot).close())
}
