//! What can be done to a key in one step, besides put and delete.

use super::types::*;
use super::value::{self, NIL};
use super::{guard, name, optional, options, output};
use crate::bucket::{Bounds, Bucket, Update};
use crate::error::Error;
use core::ffi::{c_char, c_void};

/// Puts a value under a key that is not there: `KVREG_EXISTS` if it is.
///
/// Of many threads that do this at once with one key, one succeeds. Cost: that of a put.
///
/// @thread any; may block while another thread changes this bucket
/// @owner key and value stay the caller's
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_bucket_put_new(
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
    value: *const kvreg_value,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (key, value) = unsafe { (name(key, key_len)?, value::import(value)?) };
        Bucket::from_id(bucket).put_new(key, value)
    })
}

/// Deletes a key and gives what it had: `KVREG_NOT_FOUND` if there is none. On any error `*out` is nil.
///
/// Of many threads that do this at once with one key, one gets the value. Cost: that of a delete and a get.
///
/// @thread any; may block while another thread changes this bucket
/// @owner the value is the caller's, until kvreg_value_release
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_bucket_take(
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
    out: *mut kvreg_value,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (out, key) = unsafe { (output(out, NIL)?, name(key, key_len)?) };
        *out = value::export(Bucket::from_id(bucket).take(key)?.ok_or(Error::NotFound)?);
        Ok(())
    })
}

/// Puts a value under a key and gives what was there, or nil. `*existed` tells a key that was not there from one that
/// had nil; it may be NULL. `value` and `old` may be the same struct: what was in it is not released.
///
/// Cost: that of a put and a get.
///
/// @thread any; may block while another thread changes this bucket
/// @owner key and value stay the caller's; the old value is the caller's, until kvreg_value_release
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_bucket_swap(
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
    value: *const kvreg_value,
    old: *mut kvreg_value,
    existed: *mut bool,
) -> kvreg_status {
    guard(|| {
        // Read before anything is written: it may stand where the old value will.
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let value = unsafe { value::import(value) };
        // SAFETY: as above.
        let (old, existed, key) =
            unsafe { (output(old, NIL)?, optional(existed, false), name(key, key_len)?) };
        let was = Bucket::from_id(bucket).swap(key, value?)?;
        if let Some(existed) = existed {
            *existed = was.is_some();
        }
        *old = was.map_or(NIL, value::export);
        Ok(())
    })
}

/// Gets the value under a key and the key's revision, which belong together: `KVREG_NOT_FOUND`, revision 0 and nil if
/// there is none. `out` may be NULL.
///
/// A key's revision is that of its bucket at the key's last change; it is for kvreg_bucket_put_if_revision and
/// kvreg_bucket_delete_if_revision. Cost: that of a get.
///
/// @thread any; takes no lock, but waits for a thread that is just overwriting this number
/// @owner the value is the caller's, until kvreg_value_release
/// @fork works in the child, on what the bucket held at the fork
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_bucket_get_revision(
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
    out: *mut kvreg_value,
    revision: *mut u64,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (out, revision, key) = unsafe { (optional(out, NIL), output(revision, 0)?, name(key, key_len)?) };
        value::export_with_revision(Bucket::from_id(bucket).get_with_revision(key)?, out, revision)
    })
}

/// Puts a value if the key's revision is this one, or if it is 0 and there is no such key: else `KVREG_CONFLICT`, and
/// nothing is changed. `*out` is the key's new revision; it may be NULL.
///
/// Cost: that of a put.
///
/// @thread any; may block while another thread changes this bucket
/// @owner key and value stay the caller's
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_bucket_put_if_revision(
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
    revision: u64,
    value: *const kvreg_value,
    out: *mut u64,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (out, key, value) = unsafe { (optional(out, 0), name(key, key_len)?, value::import(value)?) };
        let new = Bucket::from_id(bucket).put_if_revision(key, revision, value)?;
        if let Some(out) = out {
            *out = new;
        }
        Ok(())
    })
}

/// Deletes a key if its revision is this one: else `KVREG_CONFLICT`, also if there is no such key.
///
/// Cost: that of a delete.
///
/// @thread any; may block while another thread changes this bucket
/// @owner the key stays the caller's
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_bucket_delete_if_revision(
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
    revision: u64,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let key = unsafe { name(key, key_len)? };
        Bucket::from_id(bucket).delete_if_revision(key, revision)
    })
}

/// Puts a value if the key has the one that is expected: the same type and equal (of floats, the same bits). Else
/// `KVREG_CONFLICT`, also if there is no such key, and nothing is changed.
///
/// Cost: that of a put and a comparison.
///
/// @thread any; may block while another thread changes this bucket
/// @owner key and values stay the caller's
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_bucket_put_if_equal(
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
    expected: *const kvreg_value,
    value: *const kvreg_value,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (key, expected, value) =
            unsafe { (name(key, key_len)?, value::import(expected)?, value::import(value)?) };
        Bucket::from_id(bucket).put_if_equal(key, expected, value)
    })
}

/// Adds to a number of type `KVREG_INT`, and gives the result; `out` may be NULL. A key that is not there counts as
/// `options->initial`. `KVREG_OUT_OF_RANGE` if the result would be less than `options->min` or more than `options->max`
/// (with `KVREG_ADD_CLAMP` it becomes that), `KVREG_WRONG_TYPE` for a value that is no int: nothing is changed then.
/// NULL options are the defaults: from 0 on, and as far as an int64_t goes.
///
/// Cost: that of kvreg_put_int.
///
/// @thread any; may block while another thread changes this bucket
/// @owner the key stays the caller's
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_bucket_add(
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
    by: i64,
    options: *const kvreg_add_options,
    out: *mut i64,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (out, key, options) = unsafe { (optional(out, 0), name(key, key_len)?, options::read(options)?) };
        let sum = Bucket::from_id(bucket).add(key, by, bounds(options)?)?;
        if let Some(out) = out {
            *out = sum;
        }
        Ok(())
    })
}

fn bounds(options: kvreg_add_options) -> Result<Bounds, Error> {
    let kvreg_add_options { initial, min, max, flags, .. } = options;
    if flags & !KVREG_ADD_CLAMP != 0 {
        return Err(Error::InvalidArgument);
    }
    Ok(Bounds { initial, min, max, clamp: flags & KVREG_ADD_CLAMP != 0 })
}

/// Lets a function make something of a key: see kvreg_update_function, and the rules about update functions above.
///
/// It is called once, in this thread, unless an argument is bad or the bucket has exited. `old` and what it shows stay
/// until this call returns, and so must the bytes that `*new_value` names; they are copied, and its `owner` is not
/// looked at. An answer that is none, or a new value that is not well-formed, gives `KVREG_INVALID_ARGUMENT`, and
/// nothing is changed; `KVREG_DEAD` if the bucket exits meanwhile. `destroy(data)` is called exactly once, before this
/// call returns and after the bucket can be changed again, also on every error; it may be NULL. Cost: that of a get and
/// a put, and the function.
///
/// @thread any; may block while another thread changes this bucket
/// @owner the key stays the caller's; data is given to destroy
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_bucket_update(
    bucket: kvreg_bucket,
    key: *const c_char,
    key_len: usize,
    function: kvreg_update_function,
    data: *mut c_void,
    destroy: kvreg_destroy_function,
) -> kvreg_status {
    let status = guard(|| {
        let function = function.ok_or(Error::InvalidArgument)?;
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let key = unsafe { name(key, key_len)? };
        let mut shown = None; // until the end: the new value may name its bytes
        Bucket::from_id(bucket).try_update(key, |old| {
            shown = old;
            let old = shown.as_ref().map(value::show);
            let mut new = NIL;
            // SAFETY: the caller's function, called as its type says; an exception that leaves it ends the process.
            match unsafe {
                function(data, old.as_ref().map_or(core::ptr::null(), core::ptr::from_ref), &mut new)
            } {
                KVREG_UPDATE_KEEP => Ok(Update::Keep),
                // SAFETY: the function filled it, or left it nil; its bytes stay until the call ends.
                KVREG_UPDATE_PUT => Ok(Update::Put(unsafe { value::import(&new)? })),
                KVREG_UPDATE_DELETE => Ok(Update::Delete),
                _ => Err(Error::InvalidArgument),
            }
        })
    });
    super::destroy(destroy, data);
    status
}
