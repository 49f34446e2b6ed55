//! The functions of the core with Rust types. This is the only place that calls them.

pub(crate) mod batch;
pub(crate) mod bulk;
pub(crate) mod change;
pub(crate) mod entry;
pub(crate) mod event;
pub(crate) mod load;
pub(crate) mod owner;
pub(crate) mod snapshot;
pub(crate) mod supervisor;
pub(crate) mod time;

use crate::core::table;
use crate::types::*;
use std::ffi::{CStr, c_char, c_void};

/// An error of the core: never `KVREG_OK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status(pub(crate) i32);

/// A value whose text or bytes belong to somebody else.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// UTF-8 by the core's promise.
    Str(&'a [u8]),
    Bytes(&'a [u8]),
    /// A type that a later core brought.
    Unknown(u32),
}

/// A value from the core, given back on drop.
pub(crate) struct Held(kvreg_value);

// SAFETY: a value is released from any thread (kvreg.h, kvreg_value_release), and its bytes never change.
unsafe impl Send for Held {}

const NIL: kvreg_value =
    kvreg_value { r#type: KVREG_NIL, flags: 0, r#as: kvreg_payload { integer: 0 }, owner: std::ptr::null() };

impl Held {
    #[inline]
    pub(crate) fn value(&self) -> Value<'_> {
        // SAFETY: the value came from the core, and lives until the release in `drop`.
        unsafe { read(&self.0) }
    }
}

impl Drop for Held {
    #[inline]
    fn drop(&mut self) {
        if !self.0.owner.is_null() {
            // SAFETY: the value came from the core, and is given back once.
            unsafe { (table().value_release)(&raw mut self.0) };
        }
    }
}

/// # Safety
/// `value` is one that the core filled, and its bytes live for `'a`.
#[inline]
unsafe fn read<'a>(value: &kvreg_value) -> Value<'a> {
    // SAFETY: the core fills the member that the type names; the bytes live by this function's own contract.
    unsafe {
        match value.r#type {
            KVREG_NIL => Value::Nil,
            KVREG_BOOL => Value::Bool(value.r#as.boolean),
            KVREG_INT => Value::Int(value.r#as.integer),
            KVREG_FLOAT => Value::Float(value.r#as.real),
            KVREG_STR => Value::Str(bytes_of(&value.r#as.bytes)),
            KVREG_BYTES => Value::Bytes(bytes_of(&value.r#as.bytes)),
            other => Value::Unknown(other),
        }
    }
}

/// A value as the core takes it; its text or bytes stay whose they are.
fn plain(value: Value<'_>) -> Result<kvreg_value, Status> {
    let bytes = |r#type, bytes: &[u8]| {
        let (data, len) = parts(bytes);
        kvreg_value { r#type, r#as: kvreg_payload { bytes: kvreg_slice { data, len } }, ..NIL }
    };
    Ok(match value {
        Value::Nil => NIL,
        Value::Bool(boolean) => kvreg_value { r#type: KVREG_BOOL, r#as: kvreg_payload { boolean }, ..NIL },
        Value::Int(integer) => kvreg_value { r#type: KVREG_INT, r#as: kvreg_payload { integer }, ..NIL },
        Value::Float(real) => kvreg_value { r#type: KVREG_FLOAT, r#as: kvreg_payload { real }, ..NIL },
        Value::Str(text) => bytes(KVREG_STR, text),
        Value::Bytes(data) => bytes(KVREG_BYTES, data),
        Value::Unknown(_) => return Err(Status(KVREG_UNSUPPORTED)),
    })
}

/// # Safety
/// `slice` is one that the core filled, and its bytes live for `'a`.
unsafe fn bytes_of<'a>(slice: &kvreg_slice) -> &'a [u8] {
    if slice.len == 0 {
        return &[]; // the pointer may be NULL
    }
    // SAFETY: by this function's own contract.
    unsafe { std::slice::from_raw_parts(slice.data.cast(), slice.len) }
}

#[inline]
fn done(status: kvreg_status) -> Result<(), Status> {
    if status == KVREG_OK { Ok(()) } else { Err(Status(status)) }
}

/// A length or an id, or a negative status.
#[inline]
fn number(answer: i64) -> Result<u64, Status> {
    u64::try_from(answer).map_err(|_| Status(answer as i32))
}

#[inline]
fn parts(bytes: &[u8]) -> (*const c_char, usize) {
    (bytes.as_ptr().cast(), bytes.len())
}

/// The registry's id, and whether this call started it (a process-wide name may have been running).
pub(crate) fn start(
    name: Option<&[u8]>,
    history: u64,
    max_restarts: u32,
    restart_window_ms: u64,
    busy_ms: i64,
) -> Result<(u64, bool), Status> {
    let (name, name_len) = name.map_or((std::ptr::null(), 0), parts);
    let options = kvreg_options {
        size: size_of::<kvreg_options>(),
        name,
        name_len,
        history,
        max_restarts,
        restart_window_ms,
        busy_ms,
    };
    let mut id = 0;
    // SAFETY: all pointers are valid during the call, which keeps none of them.
    match unsafe { (table().start)(&raw const options, &raw mut id) } {
        KVREG_OK => Ok((id, true)),
        KVREG_EXISTS => Ok((id, false)),
        status => Err(Status(status)),
    }
}

/// The registry that runs under this process-wide name.
pub(crate) fn find(name: &[u8]) -> Result<u64, Status> {
    let ((name, len), mut id) = (parts(name), 0);
    // SAFETY: all pointers are valid during the call, which keeps none of them.
    done(unsafe { (table().registry_find)(name, len, &raw mut id) }).map(|()| id)
}

pub(crate) fn create(registry: u64, name: &[u8]) -> Result<u64, Status> {
    let ((name, len), mut id) = (parts(name), 0);
    // SAFETY: all pointers are valid during the call, which keeps none of them.
    done(unsafe { (table().create)(registry, name, len, &raw mut id) }).map(|()| id)
}

#[inline]
pub(crate) fn lookup(registry: u64, name: &[u8]) -> Result<u64, Status> {
    let (name, len) = parts(name);
    // SAFETY: the pointer is valid during the call, which does not keep it.
    number(unsafe { (table().lookup_id)(registry, name, len) })
}

pub(crate) fn stop(registry: u64) -> Result<(), Status> {
    // SAFETY: takes any number.
    done(unsafe { (table().stop)(registry) })
}

/// Functions that fill one number.
macro_rules! ask {
    ($($name:ident = $function:ident;)*) => {$(
        pub(crate) fn $name(id: u64) -> Result<u64, Status> {
            let mut answer = 0;
            // SAFETY: takes any number as id, and the pointer is valid during the call.
            done(unsafe { (table().$function)(id, &raw mut answer) }).map(|()| answer)
        }
    )*};
}
ask! {
    registry_count = registry_count;
    registry_revision = registry_revision;
    registry_of = bucket_registry;
    count = bucket_count;
    revision = bucket_revision;
}

/// Functions that write into a buffer and answer with the full length.
macro_rules! fill {
    ($($name:ident = $function:ident;)*) => {$(
        /// Writes only as much as there is room for (or nothing), and answers with the length of all.
        pub(crate) fn $name(id: u64, buffer: &mut [std::mem::MaybeUninit<u8>]) -> Result<u64, Status> {
            let (pointer, room) = (buffer.as_mut_ptr().cast::<c_void>(), buffer.len());
            // SAFETY: takes any number as id, and writes at most `room` bytes, which are ours.
            number(unsafe { (table().$function)(id, pointer, room) })
        }
    )*};
}
fill! {
    registry_dump = registry_dump;
    dump = bucket_dump;
    name = bucket_name;
    registry_name = registry_name;
}

/// Shows the value where the core has written it: to move it first would read in one go what was written in parts,
/// for which the processor has to wait, as long as for all the rest.
#[inline(always)]
pub(crate) fn get<R>(bucket: u64, key: &[u8], show: impl FnOnce(Value<'_>) -> R) -> Result<R, Status> {
    let ((key, len), mut held) = (parts(key), Held(NIL));
    // SAFETY: all pointers are valid during the call, which keeps none of them; the result is released by `Held`.
    done(unsafe { (table().get)(bucket, key, len, &raw mut held.0) })?;
    Ok(show(held.value()))
}

/// Whether there is such a key, without touching its value.
pub(crate) fn contains(bucket: u64, key: &[u8]) -> Result<bool, Status> {
    let (key, len) = parts(key);
    // SAFETY: the key is valid during the call, and with no capacity nothing is written.
    match number(unsafe { (table().get_bytes)(bucket, key, len, std::ptr::null_mut(), 0) }) {
        Ok(_) | Err(Status(KVREG_WRONG_TYPE)) => Ok(true),
        Err(Status(KVREG_NOT_FOUND)) => Ok(false),
        Err(status) => Err(status),
    }
}

pub(crate) fn put(bucket: u64, key: &[u8], value: Value<'_>) -> Result<(), Status> {
    let ((key, key_len), table) = (parts(key), table());
    match value {
        // SAFETY: all pointers are valid during the call, which keeps none of them. (So in all below.)
        Value::Int(value) => done(unsafe { (table.put_int)(bucket, key, key_len, value) }),
        // SAFETY: see above.
        Value::Float(value) => done(unsafe { (table.put_float)(bucket, key, key_len, value) }),
        Value::Str(text) => {
            let (text, len) = parts(text);
            // SAFETY: see above.
            done(unsafe { (table.put_str)(bucket, key, key_len, text, len) })
        }
        Value::Bytes(bytes) => {
            let (data, len) = parts(bytes);
            // SAFETY: see above.
            done(unsafe { (table.put_bytes)(bucket, key, key_len, data.cast(), len) })
        }
        other => {
            let value = plain(other)?;
            // SAFETY: see above.
            done(unsafe { (table.put)(bucket, key, key_len, &raw const value) })
        }
    }
}

pub(crate) fn delete(bucket: u64, key: &[u8]) -> Result<(), Status> {
    let (key, len) = parts(key);
    // SAFETY: the pointer is valid during the call, which does not keep it.
    done(unsafe { (table().delete_key)(bucket, key, len) })
}

pub(crate) fn bucket_stop(bucket: u64, reason: kvreg_reason) -> Result<(), Status> {
    // SAFETY: takes any numbers.
    done(unsafe { (table().bucket_stop)(bucket, reason) })
}

pub(crate) fn check(bucket: u64) -> Result<(), Status> {
    // SAFETY: takes any number.
    done(unsafe { (table().bucket_check)(bucket) })
}

/// One plain sentence about a status.
pub(crate) fn message(status: Status) -> String {
    // SAFETY: takes any number, and answers with C text that lives for ever.
    unsafe { CStr::from_ptr((table().status_message)(status.0)) }.to_string_lossy().into_owned()
}
