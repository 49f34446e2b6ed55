//! Snapshots and their cursors.

use super::{Held, NIL, Status, Value, bytes_of, done, number, parts};
use crate::core::table;
use crate::types::*;
use std::mem::MaybeUninit;

// In all of this file, the pointers that a call is given are valid while it runs, and it keeps none of them. Any number
// may be an id. Values that a call fills are released by `Held`.

/// Functions that fill one number.
macro_rules! ask {
    ($($name:ident = $function:ident;)*) => {$(
        pub(crate) fn $name(id: u64) -> Result<u64, Status> {
            let mut answer = 0;
            // SAFETY: see above.
            done(unsafe { (table().$function)(id, &raw mut answer) }).map(|()| answer)
        }
    )*};
}
ask! {
    take = snapshot_take;
    of_bucket = bucket_snapshot;
    count = snapshot_count;
    revision = snapshot_revision;
}

pub(crate) fn close(snapshot: u64) -> Result<(), Status> {
    // SAFETY: see above.
    done(unsafe { (table().snapshot_close)(snapshot) })
}

/// A bucket's snapshot, out of a registry's.
pub(crate) fn bucket(snapshot: u64, name: &[u8]) -> Result<u64, Status> {
    let ((name, len), mut id) = (parts(name), 0);
    // SAFETY: see above.
    done(unsafe { (table().snapshot_bucket)(snapshot, name, len, &raw mut id) }).map(|()| id)
}

/// The bucket that had this name.
pub(crate) fn lookup(snapshot: u64, name: &[u8]) -> Result<u64, Status> {
    let ((name, len), mut id) = (parts(name), 0);
    // SAFETY: see above.
    done(unsafe { (table().snapshot_lookup)(snapshot, name, len, &raw mut id) }).map(|()| id)
}

/// Shows the value; see `api::get`.
#[inline(always)]
pub(crate) fn get<R>(snapshot: u64, key: &[u8], show: impl FnOnce(Value<'_>) -> R) -> Result<R, Status> {
    let ((key, len), mut held) = (parts(key), Held(NIL));
    // SAFETY: see above.
    done(unsafe { (table().snapshot_get)(snapshot, key, len, &raw mut held.0) })?;
    Ok(show(held.value()))
}

/// The value that a key had and its revision, if there was such a key.
pub(crate) fn get_revision(snapshot: u64, key: &[u8]) -> Result<Option<(Held, u64)>, Status> {
    let ((key, len), mut held, mut revision) = (parts(key), Held(NIL), 0);
    // SAFETY: see above.
    match unsafe { (table().snapshot_get_revision)(snapshot, key, len, &raw mut held.0, &raw mut revision) } {
        KVREG_OK => Ok(Some((held, revision))),
        KVREG_NOT_FOUND => Ok(None),
        status => Err(Status(status)),
    }
}

/// The values of many keys; see `bulk::get_many`.
pub(crate) fn get_many(snapshot: u64, keys: &[u8], buffer: &mut [MaybeUninit<u8>]) -> Result<u64, Status> {
    let (pointer, room) = (buffer.as_mut_ptr().cast(), buffer.len());
    // SAFETY: see above; at most `room` bytes are written, which are ours.
    number(unsafe { (table().snapshot_get_many)(snapshot, keys.as_ptr().cast(), keys.len(), pointer, room) })
}

/// A place in a snapshot.
#[derive(Clone, Copy)]
pub(crate) struct Cursor(kvreg_cursor);

impl Cursor {
    pub(crate) const START: Cursor = Cursor(kvreg_cursor { position: [0, 0] });
}

/// The next name and its bucket's id, if there is one.
///
/// # Safety
/// The snapshot stays open for `'a`, unless the answer is not looked at.
pub(crate) unsafe fn next_name<'a>(
    snapshot: u64,
    cursor: &mut Cursor,
) -> Result<Option<(&'a [u8], u64)>, Status> {
    let (mut name, mut id) = (kvreg_slice { data: std::ptr::null(), len: 0 }, 0);
    let (data, len) = (&raw mut name.data, &raw mut name.len);
    // SAFETY: see above.
    match unsafe { (table().snapshot_next_name)(snapshot, &raw mut cursor.0, data, len, &raw mut id) } {
        // SAFETY: the core filled it, and the bytes stay by this function's own contract.
        KVREG_OK => Ok(Some((unsafe { bytes_of(&name) }, id))),
        KVREG_NOT_FOUND => Ok(None),
        status => Err(Status(status)),
    }
}

/// The next key, if there is one, and its value, if it is wanted (else nil).
///
/// # Safety
/// The snapshot stays open for `'a`, unless the key is not looked at.
#[inline]
pub(crate) unsafe fn next<'a>(
    snapshot: u64,
    cursor: &mut Cursor,
    want_value: bool,
) -> Result<Option<(&'a [u8], Held)>, Status> {
    let (mut key, mut held) = (kvreg_slice { data: std::ptr::null(), len: 0 }, Held(NIL));
    let value = if want_value { &raw mut held.0 } else { std::ptr::null_mut() };
    let (data, len) = (&raw mut key.data, &raw mut key.len);
    // SAFETY: see above; the value may be NULL.
    match unsafe { (table().snapshot_next)(snapshot, &raw mut cursor.0, data, len, value) } {
        // SAFETY: the core filled it, and the bytes stay by this function's own contract.
        KVREG_OK => Ok(Some((unsafe { bytes_of(&key) }, held))),
        KVREG_NOT_FOUND => Ok(None),
        status => Err(Status(status)),
    }
}
