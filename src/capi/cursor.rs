//! Cursors: what a snapshot shows, one after the other.

use super::types::*;
use super::value::{self, NIL};
use super::{guard, optional, output};
use crate::error::Error;
use crate::snapshot::{Cursor, Snapshot};
use core::ffi::c_char;
use core::ptr;

/// Gives the next name and its bucket, in a registry's snapshot, and moves the cursor on: `KVREG_NOT_FOUND` at the end,
/// and from then on. `bucket` may be NULL. The bucket may have exited since.
///
/// From `KVREG_CURSOR_INIT` on, every name comes once, in no particular order, which is the same every time. The name's
/// bytes stay where they are until the snapshot is closed. After any other error the cursor is where it was.
///
/// Cost: O(log n).
///
/// @thread any; takes no lock; one thread at a time may use a cursor, many may use the snapshot
/// @owner the cursor is the caller's, the name the snapshot's
/// @fork works in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_snapshot_next_name(
    snapshot: kvreg_snapshot,
    cursor: *mut kvreg_cursor,
    name: *mut *const c_char,
    name_len: *mut usize,
    bucket: *mut kvreg_bucket,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (name, len, bucket, cursor) = unsafe {
            (output(name, ptr::null())?, output(name_len, 0)?, optional(bucket, 0), place(cursor)?)
        };
        let mut at = *cursor;
        let next = Snapshot::from_id(snapshot).next(&mut at, |name, id| (name.as_ptr(), name.len(), id))?;
        *cursor = at;
        let (bytes, bytes_len, id) = next.ok_or(Error::NotFound)?;
        (*name, *len) = (bytes.cast(), bytes_len);
        if let Some(bucket) = bucket {
            *bucket = id;
        }
        Ok(())
    })
}

/// Gives the next key and its value, in a bucket's snapshot, and moves the cursor on: `KVREG_NOT_FOUND` at the end, and
/// from then on. `value` may be NULL.
///
/// From `KVREG_CURSOR_INIT` on, every key comes once, in no particular order, which is the same every time. The key's
/// bytes stay where they are until the snapshot is closed. After any other error the cursor is where it was.
///
/// Cost: O(log n).
///
/// @thread any; takes no lock; one thread at a time may use a cursor, many may use the snapshot
/// @owner the cursor is the caller's, the key the snapshot's; the value is the caller's until kvreg_value_release
/// @fork works in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_snapshot_next(
    snapshot: kvreg_snapshot,
    cursor: *mut kvreg_cursor,
    key: *mut *const c_char,
    key_len: *mut usize,
    value: *mut kvreg_value,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (key, len, out, cursor) =
            unsafe { (output(key, ptr::null())?, output(key_len, 0)?, optional(value, NIL), place(cursor)?) };
        let (mut at, with_value) = (*cursor, out.is_some());
        let next = Snapshot::from_id(snapshot).next_in_bucket(&mut at, |key, item| {
            Ok((key.as_ptr(), key.len(), with_value.then(|| item.value()).transpose()?))
        })?;
        *cursor = at;
        let (bytes, bytes_len, value) = next.ok_or(Error::NotFound)?;
        (*key, *len) = (bytes.cast(), bytes_len);
        if let (Some(out), Some(value)) = (out, value) {
            *out = value::export(value);
        }
        Ok(())
    })
}

const _: () = assert!(
    size_of::<Cursor>() == size_of::<kvreg_cursor>() && align_of::<Cursor>() == align_of::<kvreg_cursor>()
);

/// # Safety
/// `cursor` is NULL or points to a cursor that nobody else uses during the call.
unsafe fn place<'a>(cursor: *mut kvreg_cursor) -> Result<&'a mut Cursor, Error> {
    // SAFETY: NULL or usable by this function's contract. A Cursor is two numbers, of which all are legal.
    unsafe { cursor.cast::<Cursor>().as_mut() }.ok_or(Error::InvalidArgument)
}
