//! Times to live, of buckets and of their keys.

use super::types::*;
use super::{duration, guard, milliseconds, name, output, value};
use crate::batch::BatchHandle;
use crate::bucket::Bucket;
use crate::error::Error;
use core::ffi::c_char;

/// Gives a bucket a time to live from now on, in milliseconds; -1: for ever (as in all calls, what is longer than 500 years
/// is 500 years). When it has passed, the bucket exits with
/// `KVREG_REASON_EXPIRED`, without any call. `KVREG_DEAD` if its time has passed already; `KVREG_INVALID_ARGUMENT` for
/// any other negative time; `KVREG_IO` if the system gives no thread for the timer.
///
/// A time that is set again, to whatever moment, takes the place of the one before. Cost: O(log n) of the buckets that
/// have times.
///
/// @thread any; may block while another thread sets a time; works within an update function of this bucket
/// @owner nobody
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn kvreg_bucket_expire(bucket: kvreg_bucket, ttl_ms: i64) -> kvreg_status {
    guard(|| Bucket::from_id(bucket).expire(duration(ttl_ms)?))
}

/// Lets a bucket's time to live begin again, if it has one, as long as it was set last; and so for the time that it may be
/// unused. `KVREG_DEAD` if its time has passed already.
///
/// @thread any; takes no lock
/// @owner nobody
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn kvreg_bucket_touch(bucket: kvreg_bucket) -> kvreg_status {
    guard(|| Bucket::from_id(bucket).touch())
}

/// Tells how many milliseconds a bucket will live if nobody uses it, rounded up; -1: for ever. To ask is no use.
///
/// @thread any; takes no lock
/// @owner nobody
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_bucket_remaining(bucket: kvreg_bucket, out: *mut i64) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let out = unsafe { output(out, 0)? };
        *out = milliseconds(Bucket::from_id(bucket).remaining()?);
        Ok(())
    })
}

/// Puts a value under a key for a time, in milliseconds: when it has passed, the key is deleted, without any call, as a
/// change of its bucket; see the rules about times above. -1 is a plain put. The value is copied.
///
/// Cost: that of a put, and O(log n) of the keys that have times.
///
/// @thread any; may block while another thread changes this bucket
/// @owner key and value stay the caller's
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_bucket_put_for(
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
    value: *const kvreg_value,
    ttl_ms: i64,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (key, value) = unsafe { (name(key, key_len)?, value::import(value)?) };
        match duration(ttl_ms)? {
            Some(ttl) => Bucket::from_id(bucket).put_for(key, value, ttl),
            None => Bucket::from_id(bucket).put(key, value),
        }
    })
}

/// Gives a key a time to live from now on, in milliseconds; -1: for ever. `KVREG_NOT_FOUND` if there is no such key. The
/// value stays, and so do the revisions.
///
/// Cost: O(log n) of the bucket's keys.
///
/// @thread any; may block while another thread changes this bucket
/// @owner the key stays the caller's
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_bucket_expire_key(
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
    ttl_ms: i64,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let key = unsafe { name(key, key_len)? };
        found(Bucket::from_id(bucket).expire_key(key, duration(ttl_ms)?)?)
    })
}

/// Lets a key's time to live begin again, if it has one, as long as it was set last. `KVREG_NOT_FOUND` if there is no such
/// key.
///
/// Cost: O(log n) of the bucket's keys.
///
/// @thread any; may block while another thread changes this bucket
/// @owner the key stays the caller's
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_bucket_touch_key(
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let key = unsafe { name(key, key_len)? };
        found(Bucket::from_id(bucket).touch_key(key)?)
    })
}

/// Tells how many milliseconds a key will be there, rounded up; -1: for ever. `KVREG_NOT_FOUND` if there is no such key.
///
/// Cost: that of a get, and O(log n) of the keys that have times.
///
/// @thread any; may wait an instant for a thread that sets a time in this bucket
/// @owner the key stays the caller's
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_bucket_remaining_key(
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
    out: *mut i64,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (out, key) = unsafe { (output(out, 0)?, name(key, key_len)?) };
        *out = milliseconds(Bucket::from_id(bucket).remaining_key(key)?);
        Ok(())
    })
}

/// Adds a put for a time, in milliseconds, to a batch: the time begins with the commit. -1 is a plain put.
/// `KVREG_INVALID_ARGUMENT` if the bucket is of another registry.
///
/// @thread any; may block while another thread uses this batch; KVREG_DEADLOCK instead within an update function
/// @owner key and value stay the caller's
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_batch_put_for(
    batch: kvreg_batch,
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
    value: *const kvreg_value,
    ttl_ms: i64,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (key, value) = unsafe { (name(key, key_len)?, value::import(value)?) };
        let (bucket, ttl) = (Bucket::from_id(bucket), duration(ttl_ms)?);
        BatchHandle::from_id(batch).with(|batch| {
            batch.check(bucket)?;
            match ttl {
                Some(ttl) => batch.put_for(bucket, key, value, ttl),
                None => batch.put(bucket, key, value),
            }
        })
    })
}

fn found(found: bool) -> Result<(), Error> {
    if found { Ok(()) } else { Err(Error::NotFound) }
}
