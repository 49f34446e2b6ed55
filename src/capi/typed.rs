//! Keys to values of one type, in registers or in the caller's memory.

use super::types::*;
use super::{guard, guard_len, name, output, slice, usual, value};
use crate::bucket::{Bucket, Item, Overwrite};
use crate::epoch::Patience;
use crate::error::Error;
use crate::value::ValueRef;
use core::ffi::{c_char, c_void};

/// Puts a number of type `KVREG_INT`. Over a number of that type it is one store into place, as with kvreg_put.
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
    unsafe { put(bucket, key, key_len, value) }
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
    // SAFETY: this function's contract is that of `get`.
    unsafe { get(bucket, key, key_len, out) }
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
    unsafe { put(bucket, key, key_len, value) }
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
    // SAFETY: this function's contract is that of `get`.
    unsafe { get(bucket, key, key_len, out) }
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

/// A type of number.
trait Number: Into<ValueRef<'static>> + Copy + Default {
    fn in_item(item: &Item) -> Result<Self, Error>;
}

impl Number for i64 {
    #[inline(always)]
    fn in_item(item: &Item) -> Result<i64, Error> {
        item.int()
    }
}

impl Number for f64 {
    #[inline(always)]
    fn in_item(item: &Item) -> Result<f64, Error> {
        item.float()
    }
}

/// # Safety
/// `key` points to `key_len` readable bytes, and `out` to a place for a number; each may be NULL and is refused.
#[inline(always)]
unsafe fn get<N: Number>(
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
    out: *mut N,
) -> kvreg_status {
    // SAFETY: this function's contract; what is called at the end has the same.
    unsafe {
        if !out.is_null()
            && let Some(key) = usual(key, key_len)
            && let Some(Ok(number)) = Bucket::from_id(bucket).glimpse(key, N::in_item)
        {
            out.write(number);
            return KVREG_OK;
        }
        get_otherwise(bucket, key, key_len, out)
    }
}

/// By itself, so that the short way has no part in what the calls of this one cost.
#[inline(never)]
unsafe extern "C" fn get_otherwise<N: Number>(
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
    out: *mut N,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, by the contract of `get`.
        let (out, key) = unsafe { (output(out, N::default())?, name(key, key_len)?) };
        *out = Bucket::from_id(bucket).read(key, N::in_item)?.ok_or(Error::NotFound)??;
        Ok(())
    })
}

/// # Safety
/// `key` points to `key_len` readable bytes, or is NULL and refused.
#[inline(always)]
unsafe fn put<N: Number>(bucket: kvreg_bucket, key: *const c_char, key_len: usize, value: N) -> kvreg_status {
    // SAFETY: this function's contract; what is called at the end has the same.
    unsafe {
        let overwrite = |key: &[u8]| Bucket::from_id(bucket).overwrite::<false>(key, value.into());
        match usual(key, key_len).map(overwrite) {
            Some(Overwrite::Done) => KVREG_OK,
            Some(Overwrite::Unusual) => put_otherwise::<N, false>(bucket, key, key_len, value),
            Some(Overwrite::Contended) => put_in_turn(bucket, key, key_len, value),
            None => put_otherwise::<N, true>(bucket, key, key_len, value),
        }
    }
}

/// As [`get_otherwise`]. Lets whoever is changing the bucket go on for some microseconds: two that take turns at every
/// put need twice the time of two that put some each.
#[inline(never)]
unsafe extern "C" fn put_in_turn<N: Number>(
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
    value: N,
) -> kvreg_status {
    /// After that, a long holder may be slept for.
    const TIMES: usize = 8;
    let mut patience = Patience::new();
    for _ in 0..TIMES {
        (0..2).for_each(|_| patience.lose());
        // SAFETY: this function's contract is that of `usual`.
        let Some(key) = (unsafe { usual(key, key_len) }) else { break };
        match Bucket::from_id(bucket).overwrite::<false>(key, value.into()) {
            Overwrite::Done => return KVREG_OK,
            Overwrite::Contended => {}
            Overwrite::Unusual => break,
        }
    }
    // SAFETY: this function's contract is the same.
    unsafe { put_otherwise::<N, true>(bucket, key, key_len, value) }
}

/// As [`get_otherwise`].
#[inline(never)]
unsafe extern "C" fn put_otherwise<N: Number, const OVER: bool>(
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
    value: N,
) -> kvreg_status {
    guard(|| {
        // SAFETY: this function's contract is that of `name`.
        let (bucket, key) = (Bucket::from_id(bucket), unsafe { name(key, key_len)? });
        if OVER && bucket.overwrite::<true>(key, value.into()) == Overwrite::Done {
            return Ok(());
        }
        bucket.put_anew(key, value.into())
    })
}
