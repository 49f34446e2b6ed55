//! The C interface: one file per noun, each function "check, call, return".
//!
//! Every entry goes through `guard` (or `guard_len`), so no panic leaves the library, and takes its pointers
//! through the functions below, so that NULL and over-long names are refused in one place. `include/kvreg.h` is
//! generated from these files by cbindgen (see `build.rs`), and is the manual for C.

// What callers must keep to is said once for all functions, in the header's rules and each function's four lines; a
// "Safety" heading would end up in the C manual.
#![allow(clippy::missing_safety_doc)]

pub mod api;
pub mod batch;
pub mod bucket;
pub mod bulk;
pub mod change;
pub mod cursor;
pub mod entry;
pub mod event;
mod fill;
pub mod handler;
pub mod load;
mod options;
pub mod owner;
pub(crate) mod packed;
pub mod registry;
pub mod snapshot;
pub mod stats;
pub mod status;
pub mod supervisor;
pub mod time;
pub mod typed;
pub mod types;
pub mod value;

use crate::error::Error;
use core::ffi::{c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use types::{KVREG_OK, kvreg_status};

/// Runs the body of an entry and turns its result into a status; a panic becomes `KVREG_PANICKED`.
#[inline(always)]
fn guard(body: impl FnOnce() -> Result<(), Error>) -> kvreg_status {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => KVREG_OK,
        Ok(Err(error)) => error.code(),
        Err(_) => Error::Panicked.code(),
    }
}

/// As [`guard`], for entries that answer with the status of a function of the caller's.
#[inline(always)]
fn guard_code(body: impl FnOnce() -> Result<(), kvreg_status>) -> kvreg_status {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => KVREG_OK,
        Ok(Err(status)) => status,
        Err(_) => Error::Panicked.code(),
    }
}

/// As [`guard`], for entries that answer with a length or an id in one register.
#[inline(always)]
fn guard_len(body: impl FnOnce() -> Result<u64, Error>) -> i64 {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(number)) => number as i64,
        Ok(Err(error)) => i64::from(error.code()),
        Err(_) => i64::from(Error::Panicked.code()),
    }
}

/// Ends what a function was given as its data.
fn destroy(destroy: types::kvreg_destroy_function, data: *mut c_void) {
    if let Some(destroy) = destroy {
        let _ = guard(|| {
            // SAFETY: the caller's function, called as its type says, and once.
            unsafe { destroy(data) };
            Ok(())
        });
    }
}

/// A time in milliseconds; -1 is for ever.
fn duration(milliseconds: i64) -> Result<Option<Duration>, Error> {
    match milliseconds {
        -1 => Ok(None),
        _ => u64::try_from(milliseconds)
            .map(|milliseconds| Some(Duration::from_millis(milliseconds)))
            .map_err(|_| Error::InvalidArgument),
    }
}

/// The other way round, rounded up, so that nothing is left only when no time is.
fn milliseconds(time: Option<Duration>) -> i64 {
    time.map_or(-1, |time| i64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX))
}

/// The bytes that a caller names by pointer and length. NULL is allowed where `len` is 0.
///
/// # Safety
/// `data` is NULL or points to `len` readable bytes that nobody changes during the call.
#[inline(always)]
unsafe fn slice<'a>(data: *const c_void, len: usize) -> Result<&'a [u8], Error> {
    if data.is_null() {
        return if len == 0 { Ok(&[]) } else { Err(Error::InvalidArgument) };
    }
    if len > isize::MAX as usize {
        return Err(Error::InvalidArgument);
    }
    // SAFETY: not NULL, not longer than an object can be, and readable by this function's own contract.
    Ok(unsafe { core::slice::from_raw_parts(data.cast(), len) })
}

/// A name or key: as [`slice()`], and refused before a byte is read when it is longer than 65,535 bytes.
///
/// # Safety
/// As [`slice()`].
#[inline(always)]
unsafe fn name<'a>(data: *const c_char, len: usize) -> Result<&'a [u8], Error> {
    if len > crate::name::MAX_LEN {
        return Err(Error::InvalidArgument);
    }
    // SAFETY: this function's contract is that of `slice`.
    unsafe { slice(data.cast(), len) }
}

/// A name or key of a usual length, for the short ways; None for any other, and for NULL.
///
/// # Safety
/// As [`slice()`].
#[inline(always)]
unsafe fn usual<'a>(data: *const c_char, len: usize) -> Option<&'a [u8]> {
    if data.is_null() || !crate::name::is_usual(len) {
        return None;
    }
    // SAFETY: not NULL, short, and readable by this function's own contract.
    Some(unsafe { core::slice::from_raw_parts(data.cast(), len) })
}

/// The place for a result, set to `empty` so that it is defined whatever happens next.
///
/// # Safety
/// `out` is NULL or points to writable memory for a `T`, which nobody else uses during the call.
#[inline(always)]
unsafe fn output<'a, T>(out: *mut T, empty: T) -> Result<&'a mut T, Error> {
    if out.is_null() {
        return Err(Error::InvalidArgument);
    }
    // SAFETY: not NULL, and writable and ours by this function's own contract; `write` does not read what was there.
    unsafe {
        out.write(empty);
        Ok(&mut *out)
    }
}

/// A result that the caller may not want.
///
/// # Safety
/// As [`output`].
#[inline(always)]
unsafe fn optional<'a, T>(out: *mut T, empty: T) -> Option<&'a mut T> {
    // SAFETY: this function's contract is that of `output`, whose only error is NULL.
    unsafe { output(out, empty) }.ok()
}

/// A time to wait, in milliseconds: -1 is for ever.
fn span(timeout_ms: i64) -> Result<Option<Duration>, Error> {
    match u64::try_from(timeout_ms) {
        Ok(timeout) => Ok(Some(Duration::from_millis(timeout))),
        Err(_) if timeout_ms == -1 => Ok(None),
        Err(_) => Err(Error::InvalidArgument),
    }
}
