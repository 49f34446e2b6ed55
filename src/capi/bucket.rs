//! Buckets: keys to values, and the bucket's life.

use super::types::*;
use super::value::{self, NIL};
use super::{guard, guard_len, name, output, slice};
use crate::bucket::{Bucket, Reason};
use crate::error::Error;
use crate::value::ValueRef;
use core::ffi::{c_char, c_void};

/// Puts a value under a key, in place of the one that was there. The value is copied.
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
/// Text and bytes are handed out without a copy; release the value with kvreg_value_release. Takes no lock and waits
/// for no thread. Cost: O(1).
///
/// @thread any; wait-free
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

/// Puts a number of type `KVREG_INT`. Over a number of that type it is one store into place.
///
/// @thread any; may block while another thread changes this bucket
/// @owner the key stays the caller's
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_put_int(
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
    value: i64,
) -> kvreg_status {
    // SAFETY: this function's contract is that of `put`.
    unsafe { put(bucket, key, key_len, ValueRef::Int(value)) }
}

/// Gets a number of type `KVREG_INT`; `KVREG_WRONG_TYPE` for any other. On any error `*out` is 0.
///
/// @thread any; wait-free
/// @owner nothing to release
/// @fork works in the child, on what the bucket held at the fork
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_get_int(
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
    out: *mut i64,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (out, key) = unsafe { (output(out, 0)?, name(key, key_len)?) };
        *out = Bucket::from_id(bucket).get_int(key)?.ok_or(Error::NotFound)?;
        Ok(())
    })
}

/// Puts a number of type `KVREG_FLOAT`.
///
/// @thread any; may block while another thread changes this bucket
/// @owner the key stays the caller's
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_put_float(
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
    value: f64,
) -> kvreg_status {
    // SAFETY: this function's contract is that of `put`.
    unsafe { put(bucket, key, key_len, ValueRef::Float(value)) }
}

/// Gets a number of type `KVREG_FLOAT`; `KVREG_WRONG_TYPE` for any other. On any error `*out` is 0.
///
/// @thread any; wait-free
/// @owner nothing to release
/// @fork works in the child, on what the bucket held at the fork
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_get_float(
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
    out: *mut f64,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (out, key) = unsafe { (output(out, 0.0)?, name(key, key_len)?) };
        *out = Bucket::from_id(bucket).get_float(key)?.ok_or(Error::NotFound)?;
        Ok(())
    })
}

/// Puts text, which must be UTF-8 (`KVREG_INVALID_ARGUMENT` if not). NUL may occur in it.
///
/// @thread any; may block while another thread changes this bucket
/// @owner key and text stay the caller's
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_put_str(
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
    text: *const c_char,
    text_len: usize,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (key, text) = unsafe { (name(key, key_len)?, slice(text.cast(), text_len)?) };
        Bucket::from_id(bucket).put(key, value::text(text)?)
    })
}

/// Puts bytes of any kind.
///
/// @thread any; may block while another thread changes this bucket
/// @owner key and data stay the caller's
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_put_bytes(
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
    data: *const c_void,
    data_len: usize,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (key, data) = unsafe { (name(key, key_len)?, slice(data, data_len)?) };
        Bucket::from_id(bucket).put(key, ValueRef::Bytes(data))
    })
}

/// Copies text or bytes into the caller's buffer: gives their full length in bytes, or a negative status
/// (`KVREG_WRONG_TYPE` for a value that is neither), and copies min(length, capacity) bytes. No NUL is added.
/// `buffer` may be NULL if `capacity` is 0.
///
/// @thread any; wait-free
/// @owner the buffer is the caller's; nothing to release
/// @fork works in the child, on what the bucket held at the fork
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_get_bytes(
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
    buffer: *mut c_void,
    capacity: usize,
) -> i64 {
    guard_len(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let key = unsafe { name(key, key_len)? };
        // SAFETY: the caller passes a buffer of `capacity` bytes, as this function's comment in the header demands.
        let copy = |bytes: &[u8]| unsafe { value::copy_part(bytes, buffer, capacity) };
        Bucket::from_id(bucket).read_bytes(key, copy)?.ok_or(Error::NotFound)?
    })
}

/// Ends a bucket. When the call returns, no lookup in any thread gives it, and every call on it gives `KVREG_DEAD`,
/// as does a second stop. Its contents are released. Its name is free for a new bucket, which gets another id.
///
/// The reason is `KVREG_REASON_NORMAL`, `_SHUTDOWN`, `_KILLED` or `_CRASH`; the other two are for kvreg to give.
///
/// @thread any; may block while another thread changes this registry or this bucket
/// @owner ends the bucket; values that were got from it stay valid until their release
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn kvreg_bucket_stop(bucket: kvreg_bucket, reason: kvreg_reason) -> kvreg_status {
    guard(|| Bucket::from_id(bucket).stop(Reason::from_caller(reason)?))
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

/// Tells a bucket's revision: the number of changes (puts and deletes) that it has seen, from 0.
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
/// text or bytes, of which a dump holds at most 4 GiB each (else KVREG_OUT_OF_MEMORY). Gives the number of bytes that this takes, or a negative status; writes only if `capacity` is
/// enough, so ask with capacity 0 first, and ask again if the answer has grown. `buffer` may be NULL if `capacity`
/// is 0. Writers are held back for an instant only, whatever the size. Cost: O(number of keys).
///
/// @thread any; may block for an instant while another thread changes this bucket
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

/// # Safety
/// `key` points to `key_len` readable bytes, or is NULL and refused.
#[inline(always)]
unsafe fn put(bucket: kvreg_bucket, key: *const c_char, key_len: usize, value: ValueRef<'_>) -> kvreg_status {
    guard(|| {
        // SAFETY: this function's contract is that of `name`.
        let key = unsafe { name(key, key_len)? };
        Bucket::from_id(bucket).put(key, value)
    })
}
