//! Many at once: names, keys and values as packed lists (see `packed`).

use super::packed::{Dump, Packed};
use super::types::*;
use super::{guard, guard_len, output, slice, value};
use crate::batch::{self, Change};
use crate::bucket::{Bucket, Right};
use crate::error::Error;
use crate::registry::Registry;
use crate::snapshot::{Cursor, Snapshot};
use crate::value::Value;
use core::ffi::c_void;

/// Gives the buckets of many names, as one kvreg_create after the other would, for half their price. `names` is a packed
/// list: for each name u32 length and its bytes.
///
/// `out` has room for `capacity` ids, which must be enough for all names; it is filled in their order. If the list is
/// not well-formed or the room not enough, that is `KVREG_INVALID_ARGUMENT`, and nothing is created. On any other error
/// the names before it have their buckets: `*count` tells how many, also then.
///
/// @thread any; may block while another thread changes this registry, and for handlers: see Waiting above
/// @owner nobody: an id needs no release; the names are copied
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_create_many(
    registry: kvreg_registry,
    names: *const c_void,
    names_len: usize,
    out: *mut kvreg_bucket,
    capacity: usize,
    count: *mut usize,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (count, names) = unsafe { (output(count, 0)?, Packed(slice(names, names_len)?)) };
        let number = names.keys().try_fold(0, |n, name| name.map(|_| n + 1))?;
        if number > capacity || (out.is_null() && capacity != 0) {
            return Err(Error::InvalidArgument);
        }
        // They were all well-formed just now.
        Registry::from_id(registry).create_each(names.keys().map_while(Result::ok), |bucket| {
            // SAFETY: fewer than `number` were written, for which there is room.
            unsafe { out.add(*count).write(bucket.id()) };
            *count += 1;
        })
    })
}

/// Puts many values, as one change: all of them or, on an error, none; all keys get the same revision. `items` is a
/// packed list as kvreg_bucket_dump gives it: for each key u32 length, its bytes, u8 type, u32 length, the value's
/// bytes.
///
/// `*count` is the number of items; it may be NULL. A list that is not well-formed is `KVREG_INVALID_ARGUMENT`. If a key
/// occurs twice, the last one counts. To put into several buckets at once, or to delete too: kvreg_batch_new.
///
/// @thread any; may block while another thread changes this bucket
/// @owner the list stays the caller's
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_bucket_put_many(
    bucket: kvreg_bucket,
    items: *const c_void,
    items_len: usize,
    count: *mut usize,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (count, mut items) = unsafe { (super::optional(count, 0), Packed(slice(items, items_len)?)) };
        crate::fork::check()?;
        let bucket = Bucket::from_id(bucket);
        bucket.allows(Right::Write)?; // also if there are no items
        let mut changes = Vec::new();
        while !items.is_empty() {
            let (key, value) = (items.key()?, Some(items.value()?));
            changes.try_reserve(1).map_err(|_| Error::OutOfMemory)?;
            changes.push(Change { bucket: bucket.id(), key, value, ttl: None });
        }
        let number = changes.len();
        batch::commit(bucket.registry()?, changes)?;
        if let Some(count) = count {
            *count = number;
        }
        Ok(())
    })
}

/// Copies the values of many keys into the caller's memory. `keys` is a packed list: for each key u32 length and its
/// bytes.
///
/// For each key, in their order: u8 type, u32 length, the value's bytes, as in kvreg_bucket_dump; or `KVREG_NONE` and
/// length 0 if there is no such key. Each is as it was at some moment of the call, all at one moment are for
/// kvreg_snapshot_get_many. Gives the number of bytes that this takes, or a negative status; writes only if `capacity`
/// is enough. `buffer` may be NULL if `capacity` is 0. `KVREG_INVALID_ARGUMENT` if the list is not well-formed.
///
/// @thread any; takes no lock
/// @owner list and buffer are the caller's; nothing to release
/// @fork works in the child, on what the bucket held at the fork
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_bucket_get_many(
    bucket: kvreg_bucket,
    keys: *const c_void,
    keys_len: usize,
    buffer: *mut c_void,
    capacity: usize,
) -> i64 {
    guard_len(|| {
        let bucket = Bucket::from_id(bucket);
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let keys = unsafe { Packed(slice(keys, keys_len)?) };
        bucket.allows(Right::Read)?; // also if there are no keys
        let dump = get_many(keys, |key| bucket.get(key))?;
        // SAFETY: the caller passes a buffer of `capacity` bytes, as this function's comment in the header demands.
        unsafe { value::copy_whole(&dump, buffer, capacity) }
    })
}

/// As kvreg_bucket_get_many, from a bucket's snapshot: all values as they were at its moment.
///
/// @thread any; takes no lock
/// @owner list and buffer are the caller's; nothing to release
/// @fork works in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_snapshot_get_many(
    snapshot: kvreg_snapshot,
    keys: *const c_void,
    keys_len: usize,
    buffer: *mut c_void,
    capacity: usize,
) -> i64 {
    guard_len(|| {
        let snapshot = Snapshot::from_id(snapshot);
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let keys = unsafe { Packed(slice(keys, keys_len)?) };
        snapshot.next_in_bucket(&mut Cursor::default(), |_, _| Ok(()))?; // also if there are no keys
        let dump = get_many(keys, |key| snapshot.get(key))?;
        // SAFETY: the caller passes a buffer of `capacity` bytes, as this function's comment in the header demands.
        unsafe { value::copy_whole(&dump, buffer, capacity) }
    })
}

fn get_many(keys: Packed<'_>, get: impl Fn(&[u8]) -> Result<Option<Value>, Error>) -> Result<Vec<u8>, Error> {
    let mut dump = Dump::default();
    for key in keys.keys() {
        match get(key?)? {
            Some(value) => dump.value(&value),
            None => dump.none(),
        }
    }
    dump.finish()
}
