//! Buckets: keys to values, and the bucket's life.

use super::types::*;
use super::value::{self, NIL};
use super::{guard, guard_len, name, optional, output};
use crate::bucket::{Bucket, Reason};
use crate::error::Error;
use core::ffi::{c_char, c_void};

/// Puts a value under a key, in place of the one that was there. The value is copied.
///
/// Cost: O(log n), and the copy. Over a nil, bool, int or float of the same type it is one store into place, unless a
/// snapshot shows that.
///
/// @thread any; may block while another thread changes this bucket
/// @owner key and value stay the caller's
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_put(
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
    value: *const kvreg_value,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (key, value) = unsafe { (name(key, key_len)?, value::import(value)?) };
        Bucket::from_id(bucket).put(key, value)
    })
}

/// Gets the value under a key: `KVREG_NOT_FOUND` if there is none. On any error `*out` is nil.
///
/// Release text and bytes with kvreg_value_release. More than 22 bytes of them are handed out without a copy; up to 22
/// are stored with their key, so memory for a copy is allocated (kvreg_get_bytes copies them without). Takes no lock and
/// waits for no thread. Cost: O(log n).
///
/// @thread any; wait-free, but for that allocation
/// @owner the caller, until kvreg_value_release; the bytes outlive the bucket and the registry
/// @fork works in the child, on what the bucket held at the fork
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_get(
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
    out: *mut kvreg_value,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (out, key) = unsafe { (output(out, NIL)?, name(key, key_len)?) };
        *out = value::export(Bucket::from_id(bucket).get(key)?.ok_or(Error::NotFound)?);
        Ok(())
    })
}

/// Deletes a key and its value: `KVREG_NOT_FOUND` if there is none.
///
/// @thread any; may block while another thread changes this bucket
/// @owner the key stays the caller's
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_delete(
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let key = unsafe { name(key, key_len)? };
        if Bucket::from_id(bucket).delete(key)? { Ok(()) } else { Err(Error::NotFound) }
    })
}

/// Deletes all keys, as one change. `*count` is how many there were; it may be NULL.
///
/// Cost: O(1), whatever the size; what the keys held is freed in the background.
///
/// @thread any; may block while another thread changes this bucket
/// @owner values that were got from it stay valid until their release
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_bucket_clear(bucket: kvreg_bucket, count: *mut u64) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let count = unsafe { optional(count, 0) };
        let number = Bucket::from_id(bucket).clear()?;
        if let Some(count) = count {
            *count = number;
        }
        Ok(())
    })
}

/// Ends a bucket. When the call returns, no lookup in any thread gives it, and every call on it gives `KVREG_DEAD`,
/// as does a second stop. Its contents are released. Its name is free for a new bucket, which gets another id.
///
/// The reason is `KVREG_REASON_NORMAL`, `_SHUTDOWN`, `_KILLED` or `_CRASH`; the others are for kvreg to give.
///
/// @thread any; may block while another thread changes this registry, and for handlers: see Waiting above
/// @owner ends the bucket; values that were got from it stay valid until their release
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn kvreg_bucket_stop(bucket: kvreg_bucket, reason: kvreg_reason) -> kvreg_status {
    guard(|| Bucket::from_id(bucket).stop(Reason::from_caller(reason)?))
}

/// As kvreg_bucket_stop with `KVREG_REASON_CRASH`, and says what happened: those who watch get the message with the
/// event. It is 0 to 65,535 bytes of any kind, by convention UTF-8.
///
/// @thread any; may block while another thread changes this registry, and for handlers: see Waiting above
/// @owner ends the bucket; the message is copied
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_bucket_crash(
    bucket: kvreg_bucket,
    message: *const c_char,
    message_len: usize,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let message = unsafe { name(message, message_len)? };
        Bucket::from_id(bucket).crash(message)
    })
}

/// Tells whether a bucket lives: `KVREG_OK`, `KVREG_DEAD`, or `KVREG_BAD_HANDLE` if it never was one.
///
/// @thread any; wait-free
/// @owner nobody
/// @fork works in the child, as it was at the fork
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn kvreg_bucket_check(bucket: kvreg_bucket) -> kvreg_status {
    guard(|| Bucket::from_id(bucket).check())
}

/// Copies a bucket's name into the caller's buffer: gives its length (0 to 65,535), or a negative status, and copies
/// min(length, capacity) bytes. `buffer` may be NULL if `capacity` is 0.
///
/// @thread any; wait-free
/// @owner the buffer is the caller's
/// @fork works in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_bucket_name(
    bucket: kvreg_bucket,
    buffer: *mut c_void,
    capacity: usize,
) -> i64 {
    guard_len(|| {
        // SAFETY: the caller passes a buffer of `capacity` bytes, as this function's comment in the header demands.
        Bucket::from_id(bucket).read_name(|name| unsafe { value::copy_part(name, buffer, capacity) })?
    })
}

/// Tells which registry a bucket belongs to.
///
/// @thread any; wait-free
/// @owner nobody
/// @fork works in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_bucket_registry(
    bucket: kvreg_bucket,
    out: *mut kvreg_registry,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let out = unsafe { output(out, 0)? };
        *out = Bucket::from_id(bucket).registry()?.id();
        Ok(())
    })
}

/// Tells how many keys a bucket has.
///
/// @thread any; wait-free
/// @owner nobody
/// @fork works in the child, on what the bucket held at the fork
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_bucket_count(bucket: kvreg_bucket, out: *mut u64) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let out = unsafe { output(out, 0)? };
        *out = Bucket::from_id(bucket).count()?;
        Ok(())
    })
}

/// Tells a bucket's revision: the number of changes that it has seen, from 0. A clear, a batch, and a
/// kvreg_bucket_put_many are one change each.
///
/// @thread any; wait-free
/// @owner nobody
/// @fork works in the child, on what the bucket held at the fork
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_bucket_revision(bucket: kvreg_bucket, out: *mut u64) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let out = unsafe { output(out, 0)? };
        *out = Bucket::from_id(bucket).revision()?;
        Ok(())
    })
}

/// Copies all keys and values of a bucket, as they are at one revision, into the caller's memory.
///
/// For each key: u32 length, the key's bytes, u8 type, u32 length, the value's bytes, all little-endian and without
/// padding, in no particular order. The value's bytes: none for nil; 1 for a bool; 8 for an int or a float; else the
/// text or bytes, of which a dump holds at most 4 GiB each (else KVREG_OUT_OF_MEMORY). Gives the number of bytes that
/// this takes, or a negative status; writes only if `capacity` is enough, so ask with capacity 0 first, and ask again if
/// the answer has grown. `buffer` may be NULL if `capacity` is 0. It takes a snapshot for the time of the call, so no
/// writer is held back. Cost: O(number of keys).
///
/// @thread any; waits for changes under way in other threads, each of which takes an instant
/// @owner the buffer is the caller's
/// @fork works in the child, on what the bucket held at the fork
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_bucket_dump(
    bucket: kvreg_bucket,
    buffer: *mut c_void,
    capacity: usize,
) -> i64 {
    guard_len(|| {
        let dump = Bucket::from_id(bucket).dump()?;
        // SAFETY: the caller passes a buffer of `capacity` bytes, as this function's comment in the header demands.
        unsafe { value::copy_whole(&dump, buffer, capacity) }
    })
}
