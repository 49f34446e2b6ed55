//! Batches.

use super::{Status, Value, done, parts, plain};
use crate::core::table;

pub(crate) fn new(registry: u64) -> Result<u64, Status> {
    let mut id = 0;
    // SAFETY: takes any number, and the pointer is valid during the call.
    done(unsafe { (table().batch_new)(registry, &raw mut id) }).map(|()| id)
}

/// The time to live is in milliseconds; -1 stands for ever.
pub(crate) fn put(batch: u64, bucket: u64, key: &[u8], value: Value<'_>, ttl: i64) -> Result<(), Status> {
    let ((key, len), value) = (parts(key), plain(value)?);
    // SAFETY: all pointers are valid during the call, which keeps none of them.
    done(unsafe { (table().batch_put_for)(batch, bucket, key, len, &raw const value, ttl) })
}

pub(crate) fn delete(batch: u64, bucket: u64, key: &[u8]) -> Result<(), Status> {
    let (key, len) = parts(key);
    // SAFETY: the pointer is valid during the call, which does not keep it.
    done(unsafe { (table().batch_delete)(batch, bucket, key, len) })
}

pub(crate) fn commit(batch: u64) -> Result<(), Status> {
    // SAFETY: takes any number.
    done(unsafe { (table().batch_commit)(batch) })
}

pub(crate) fn clear(batch: u64) -> Result<(), Status> {
    // SAFETY: takes any number.
    done(unsafe { (table().batch_clear)(batch) })
}

pub(crate) fn count(batch: u64) -> Result<u64, Status> {
    let mut answer = 0;
    // SAFETY: takes any number, and the pointer is valid during the call.
    done(unsafe { (table().batch_count)(batch, &raw mut answer) }).map(|()| answer)
}

pub(crate) fn close(batch: u64) -> Result<(), Status> {
    // SAFETY: takes any number.
    done(unsafe { (table().batch_close)(batch) })
}
