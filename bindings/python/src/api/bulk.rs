//! Many at once, as packed lists (kvreg.h, "Packed lists").

use super::{Status, done, number};
use crate::core::table;
use std::mem::MaybeUninit;

/// The buckets of so many packed names.
pub(crate) fn create_many(registry: u64, names: &[u8], number: usize) -> Result<Vec<u64>, Status> {
    let (mut ids, mut made) = (vec![0; number], 0);
    let (list, len) = (names.as_ptr().cast(), names.len());
    // SAFETY: all pointers are valid during the call, which keeps none of them; there is room for `number` ids.
    done(unsafe { (table().create_many)(registry, list, len, ids.as_mut_ptr(), number, &raw mut made) })?;
    ids.truncate(made);
    Ok(ids)
}

/// Puts packed items.
pub(crate) fn put_many(bucket: u64, items: &[u8]) -> Result<(), Status> {
    let (list, len) = (items.as_ptr().cast(), items.len());
    // SAFETY: the list is valid during the call, which does not keep it; the count may be NULL.
    done(unsafe { (table().bucket_put_many)(bucket, list, len, std::ptr::null_mut()) })
}

/// The values of packed keys. Writes only if there is room, and answers with the length of all.
pub(crate) fn get_many(bucket: u64, keys: &[u8], buffer: &mut [MaybeUninit<u8>]) -> Result<u64, Status> {
    let (pointer, room) = (buffer.as_mut_ptr().cast(), buffer.len());
    // SAFETY: takes any number as id; the list is valid during the call; at most `room` bytes are written, which are
    // ours.
    number(unsafe { (table().bucket_get_many)(bucket, keys.as_ptr().cast(), keys.len(), pointer, room) })
}
