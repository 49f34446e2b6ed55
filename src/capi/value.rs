//! Values across the C interface.

use super::types::*;
use super::{guard, slice};
use crate::error::Error;
use crate::value::{Blob, Text, Value, ValueRef};
use core::ffi::c_void;

/// An empty value: what `out` holds after an error, and every value after its release.
pub(super) const NIL: kvreg_value =
    kvreg_value { r#type: KVREG_NIL, flags: 0, r#as: kvreg_payload { integer: 0 }, owner: core::ptr::null() };

/// Gives back a value that kvreg_get, or another call that gives one, has filled, and leaves it nil; a second call does
/// nothing. Needed for `KVREG_STR` and `KVREG_BYTES` only, harmless for the rest and for NULL.
///
/// @thread any, also another than the one that got the value
/// @owner ends the caller's hold on `as.bytes`
/// @fork works in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_value_release(value: *mut kvreg_value) {
    let _ = guard(|| {
        // SAFETY: the caller passes NULL or a value that kvreg_get filled, as the header demands.
        if let Some(value) = unsafe { value.as_mut() } {
            let owner = core::mem::replace(value, NIL).owner;
            if !owner.is_null() {
                // SAFETY: a non-NULL owner was made by `export`, and it is given back once: the value is nil now.
                drop(unsafe { Blob::from_raw(owner) });
            }
        }
        Ok(())
    });
}

/// The value that a caller passes in, borrowed until the call ends.
///
/// # Safety
/// `value` is NULL or readable, and so are the bytes that it names.
pub(super) unsafe fn import<'a>(value: *const kvreg_value) -> Result<ValueRef<'a>, Error> {
    // SAFETY: NULL or readable by this function's contract.
    let value = unsafe { value.as_ref() }.ok_or(Error::InvalidArgument)?;
    if value.flags != 0 {
        return Err(Error::InvalidArgument);
    }
    // SAFETY: every bit pattern is a valid i64, f64 and slice; a boolean is read as the byte that it is.
    unsafe {
        match value.r#type {
            KVREG_NIL => Ok(ValueRef::Nil),
            KVREG_BOOL => Ok(ValueRef::Bool((&raw const value.r#as.boolean).cast::<u8>().read() != 0)),
            KVREG_INT => Ok(ValueRef::Int(value.r#as.integer)),
            KVREG_FLOAT => Ok(ValueRef::Float(value.r#as.real)),
            KVREG_STR => text(slice(value.r#as.bytes.data.cast(), value.r#as.bytes.len)?),
            KVREG_BYTES => Ok(ValueRef::Bytes(slice(value.r#as.bytes.data.cast(), value.r#as.bytes.len)?)),
            _ => Err(Error::InvalidArgument),
        }
    }
}

/// Text from a caller, refused unless it is UTF-8.
pub(super) fn text(bytes: &[u8]) -> Result<ValueRef<'_>, Error> {
    core::str::from_utf8(bytes).map(ValueRef::Str).map_err(|_| Error::InvalidArgument)
}

/// The value that a caller gets, who then holds its bytes until kvreg_value_release.
pub(super) fn export(value: Value) -> kvreg_value {
    match value {
        Value::Nil => NIL,
        Value::Bool(boolean) => kvreg_value { r#type: KVREG_BOOL, r#as: kvreg_payload { boolean }, ..NIL },
        Value::Int(integer) => kvreg_value { r#type: KVREG_INT, r#as: kvreg_payload { integer }, ..NIL },
        Value::Float(real) => kvreg_value { r#type: KVREG_FLOAT, r#as: kvreg_payload { real }, ..NIL },
        Value::Str(text) => export_blob(KVREG_STR, Text::into_blob(text)),
        Value::Bytes(blob) => export_blob(KVREG_BYTES, blob),
    }
}

/// Writes what a key has to `out`, if it is wanted, and the key's revision.
pub(super) fn export_with_revision(
    found: Option<(Value, u64)>,
    out: Option<&mut kvreg_value>,
    revision: &mut u64,
) -> Result<(), Error> {
    let (value, number) = found.ok_or(Error::NotFound)?;
    *revision = number;
    if let Some(out) = out {
        *out = export(value);
    }
    Ok(())
}

/// A value that somebody else holds meanwhile: there is nothing to release.
pub(super) fn show(value: &Value) -> kvreg_value {
    let bytes = |kind, bytes: &[u8]| {
        let bytes = kvreg_slice { data: bytes.as_ptr().cast(), len: bytes.len() };
        kvreg_value { r#type: kind, r#as: kvreg_payload { bytes }, ..NIL }
    };
    match value {
        Value::Str(text) => bytes(KVREG_STR, text.as_bytes()),
        Value::Bytes(blob) => bytes(KVREG_BYTES, blob),
        number => export(number.clone()),
    }
}

fn export_blob(kind: u32, blob: Blob) -> kvreg_value {
    let bytes = kvreg_slice { data: blob.as_ptr().cast(), len: blob.len() };
    kvreg_value { r#type: kind, r#as: kvreg_payload { bytes }, owner: Blob::into_raw(blob), ..NIL }
}

/// Copies the first `capacity` bytes of `from`, and answers with its full length.
///
/// # Safety
/// `buffer` points to `capacity` writable bytes; it may be NULL if `capacity` is 0.
pub(super) unsafe fn copy_part(from: &[u8], buffer: *mut c_void, capacity: usize) -> Result<u64, Error> {
    if buffer.is_null() && capacity != 0 {
        return Err(Error::InvalidArgument);
    }
    let n = from.len().min(capacity);
    if n != 0 {
        // SAFETY: `n` bytes are readable in `from` and writable in `buffer`, and the caller's memory is not ours.
        unsafe { core::ptr::copy_nonoverlapping(from.as_ptr(), buffer.cast(), n) };
    }
    Ok(from.len() as u64)
}

/// Copies all of `from` or, if it does not fit, nothing, and answers with its length.
///
/// # Safety
/// As [`copy_part`].
pub(super) unsafe fn copy_whole(from: &[u8], buffer: *mut c_void, capacity: usize) -> Result<u64, Error> {
    if buffer.is_null() && capacity != 0 {
        return Err(Error::InvalidArgument);
    }
    let room = if from.len() <= capacity { capacity } else { 0 };
    // SAFETY: `room` is `capacity` or 0, and this function's contract is that of `copy_part`.
    unsafe { copy_part(from, buffer, room) }
}
