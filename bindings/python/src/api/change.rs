//! What can be done to a key in one step, besides put and delete; and to all of them.

use super::{Held, NIL, Status, Value, done, parts, plain, read};
use crate::core::table;
use crate::types::*;
use std::ffi::c_void;

// In all of this file, the pointers that a call is given are valid while it runs, and it keeps none of them. Values
// that it fills are released by `Held`.

/// Whether the key was new, and so has the value now.
pub(crate) fn put_new(bucket: u64, key: &[u8], value: Value<'_>) -> Result<bool, Status> {
    let ((key, len), value) = (parts(key), plain(value)?);
    // SAFETY: see above.
    match unsafe { (table().bucket_put_new)(bucket, key, len, &raw const value) } {
        KVREG_OK => Ok(true),
        KVREG_EXISTS => Ok(false),
        status => Err(Status(status)),
    }
}

/// What the deleted key had, if there was one.
pub(crate) fn take(bucket: u64, key: &[u8]) -> Result<Option<Held>, Status> {
    let ((key, len), mut held) = (parts(key), Held(NIL));
    // SAFETY: see above.
    match unsafe { (table().bucket_take)(bucket, key, len, &raw mut held.0) } {
        KVREG_OK => Ok(Some(held)),
        KVREG_NOT_FOUND => Ok(None),
        status => Err(Status(status)),
    }
}

/// What was there before, if anything was.
pub(crate) fn swap(bucket: u64, key: &[u8], value: Value<'_>) -> Result<Option<Held>, Status> {
    let ((key, len), value, mut old, mut existed) = (parts(key), plain(value)?, Held(NIL), false);
    // SAFETY: see above.
    done(unsafe {
        (table().bucket_swap)(bucket, key, len, &raw const value, &raw mut old.0, &raw mut existed)
    })?;
    Ok(existed.then_some(old))
}

/// The value and its revision, if there is such a key.
pub(crate) fn get_revision(bucket: u64, key: &[u8]) -> Result<Option<(Held, u64)>, Status> {
    let ((key, len), mut held, mut revision) = (parts(key), Held(NIL), 0);
    // SAFETY: see above.
    match unsafe { (table().bucket_get_revision)(bucket, key, len, &raw mut held.0, &raw mut revision) } {
        KVREG_OK => Ok(Some((held, revision))),
        KVREG_NOT_FOUND => Ok(None),
        status => Err(Status(status)),
    }
}

/// The key's new revision.
pub(crate) fn put_if_revision(
    bucket: u64,
    key: &[u8],
    revision: u64,
    value: Value<'_>,
) -> Result<u64, Status> {
    let ((key, len), value, mut new) = (parts(key), plain(value)?, 0);
    // SAFETY: see above.
    done(unsafe {
        (table().bucket_put_if_revision)(bucket, key, len, revision, &raw const value, &raw mut new)
    })?;
    Ok(new)
}

pub(crate) fn delete_if_revision(bucket: u64, key: &[u8], revision: u64) -> Result<(), Status> {
    let (key, len) = parts(key);
    // SAFETY: see above.
    done(unsafe { (table().bucket_delete_if_revision)(bucket, key, len, revision) })
}

pub(crate) fn put_if_equal(
    bucket: u64,
    key: &[u8],
    expected: Value<'_>,
    value: Value<'_>,
) -> Result<(), Status> {
    let ((key, len), expected, value) = (parts(key), plain(expected)?, plain(value)?);
    // SAFETY: see above.
    done(unsafe { (table().bucket_put_if_equal)(bucket, key, len, &raw const expected, &raw const value) })
}

/// How `add` adds.
pub(crate) struct Bounds {
    pub(crate) initial: i64,
    pub(crate) min: i64,
    pub(crate) max: i64,
    pub(crate) clamp: bool,
}

/// The sum.
pub(crate) fn add(bucket: u64, key: &[u8], by: i64, bounds: &Bounds) -> Result<i64, Status> {
    let ((key, len), mut sum) = (parts(key), 0);
    let &Bounds { initial, min, max, clamp } = bounds;
    let flags = if clamp { KVREG_ADD_CLAMP } else { 0 };
    let options = kvreg_add_options { size: size_of::<kvreg_add_options>(), initial, min, max, flags };
    // SAFETY: see above.
    done(unsafe { (table().bucket_add)(bucket, key, len, by, &raw const options, &raw mut sum) })?;
    Ok(sum)
}

pub(crate) fn clear(bucket: u64) -> Result<(), Status> {
    // SAFETY: takes any number, and the count may be NULL.
    done(unsafe { (table().bucket_clear)(bucket, std::ptr::null_mut()) })
}

/// What an update makes of a key.
pub(crate) enum Made<'a> {
    Keep,
    Put(Value<'a>),
    Delete,
}

/// Decides what becomes of a key. What it puts must live as long as it does itself.
pub(crate) trait Maker {
    /// Must not panic: that would end the process.
    fn make(&mut self, old: Option<Value<'_>>) -> Made<'_>;
}

/// Lets the maker decide, while no other change can come to the bucket.
pub(crate) fn update<M: Maker>(bucket: u64, key: &[u8], maker: &mut M) -> Result<(), Status> {
    /// # Safety
    /// Called by the core only, within `update`: `data` is its maker, and both values are the core's or NULL.
    unsafe extern "C-unwind" fn call<M: Maker>(
        data: *mut c_void,
        old: *const kvreg_value,
        new_value: *mut kvreg_value,
    ) -> u32 {
        // SAFETY: by this function's own contract. The core calls it once, so nothing else refers to the maker.
        let (maker, old) = unsafe { (&mut *data.cast::<M>(), old.as_ref().map(|old| read(old))) };
        match maker.make(old) {
            Made::Keep => KVREG_UPDATE_KEEP,
            Made::Delete => KVREG_UPDATE_DELETE,
            Made::Put(value) => match plain(value) {
                Ok(value) => {
                    // SAFETY: the core gives a value to be filled; what it names outlives the maker's own borrow.
                    unsafe { new_value.write(value) };
                    KVREG_UPDATE_PUT
                }
                Err(_) => u32::MAX, // no answer at all, which the core refuses
            },
        }
    }
    let (key, len) = parts(key);
    // SAFETY: see above; the maker is borrowed until the call has returned.
    done(unsafe {
        let data = std::ptr::from_mut(maker).cast();
        (table().bucket_update)(bucket, key, len, Some(call::<M>), data, None)
    })
}
