//! The types and constants of the C interface, and nothing else: this file is also compiled into the bindings, so
//! that the function table has one definition in Rust. It uses `core` only.
#![allow(non_camel_case_types)]

use core::ffi::{c_char, c_void};

/// Id of a registry: never 0 when valid, below 2^53 (exact in a double), never given to another registry.
pub type kvreg_registry = u64;

/// Id of a bucket: a plain number like a pid, to be copied, stored and passed on freely; there is nothing to free.
/// After the bucket's exit it answers `KVREG_DEAD`, and no other bucket ever gets it.
pub type kvreg_bucket = u64;

/// What a call answers: `KVREG_OK` (0) or an error, always negative. A status says everything; there is no "last error".
pub type kvreg_status = i32;

/// Done.
pub const KVREG_OK: i32 = 0;
/// No such name or key.
pub const KVREG_NOT_FOUND: i32 = -1;
/// The process-wide name is taken.
pub const KVREG_EXISTS: i32 = -2;
/// A NULL pointer, a name of more than 65,535 bytes, text that is not UTF-8, or an unknown flag or option.
pub const KVREG_INVALID_ARGUMENT: i32 = -3;
/// Not a handle of this kind, or not one that was ever given out.
pub const KVREG_BAD_HANDLE: i32 = -4;
/// The bucket exited.
pub const KVREG_DEAD: i32 = -5;
/// The registry was stopped.
pub const KVREG_STOPPED: i32 = -6;
/// The value has another type.
pub const KVREG_WRONG_TYPE: i32 = -7;
/// Compare-and-set lost.
pub const KVREG_CONFLICT: i32 = -8;
/// A counter would leave its range.
pub const KVREG_OUT_OF_RANGE: i32 = -9;
/// The call would wait for itself.
pub const KVREG_DEADLOCK: i32 = -10;
/// The time given was not enough.
pub const KVREG_TIMED_OUT: i32 = -11;
/// The call would have to wait, and was asked not to.
pub const KVREG_WOULD_BLOCK: i32 = -12;
/// A change was asked for in the child of a fork.
pub const KVREG_FORKED: i32 = -13;
/// The handle does not allow it.
pub const KVREG_ACCESS_DENIED: i32 = -14;
/// A defect inside kvreg was caught; nothing was changed.
pub const KVREG_PANICKED: i32 = -15;
/// No memory; nothing was changed.
pub const KVREG_OUT_OF_MEMORY: i32 = -16;
/// The system refused an input or output operation.
pub const KVREG_IO: i32 = -17;
/// Stored data is damaged.
pub const KVREG_CORRUPT: i32 = -18;
/// Not available in this build or on this system.
pub const KVREG_UNSUPPORTED: i32 = -19;

/// Why a bucket exits.
pub type kvreg_reason = u32;

/// It was done.
pub const KVREG_REASON_NORMAL: u32 = 0;
/// It was told to, as part of an ordered end.
pub const KVREG_REASON_SHUTDOWN: u32 = 1;
/// It was ended by force.
pub const KVREG_REASON_KILLED: u32 = 2;
/// It failed.
pub const KVREG_REASON_CRASH: u32 = 3;
/// Its owner ended. Given by kvreg only.
pub const KVREG_REASON_OWNER_CLOSED: u32 = 4;
/// Its time to live ran out. Given by kvreg only.
pub const KVREG_REASON_EXPIRED: u32 = 5;

/// A value of type nil; `as` means nothing.
pub const KVREG_NIL: u32 = 0;
/// A truth value, in `as.boolean`.
pub const KVREG_BOOL: u32 = 1;
/// A signed number of 64 bits, in `as.integer`.
pub const KVREG_INT: u32 = 2;
/// A double, in `as.real`; every bit pattern is kept.
pub const KVREG_FLOAT: u32 = 3;
/// UTF-8 text, in `as.bytes`; NUL may occur in it, and none is added after it.
pub const KVREG_STR: u32 = 4;
/// Bytes of any kind, in `as.bytes`.
pub const KVREG_BYTES: u32 = 5;

/// Names and keys are 0 to this many bytes long.
pub const KVREG_NAME_MAX: u32 = 65535;

/// The number that `kvreg_api_get` asks for; it changes only when a program built against an older table would break.
pub const KVREG_ABI_MAJOR: u32 = 0;
/// Grows with every function that is appended to the table.
pub const KVREG_ABI_MINOR: u32 = 1;

/// How a registry is started. Fill it with `KVREG_OPTIONS_INIT`, then set what you want: later fields are appended,
/// and `size` tells which of them the caller knows.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct kvreg_options {
    /// `sizeof(kvreg_options)`; bytes beyond what this library knows must be zero.
    pub size: usize,
    /// A process-wide name under which other languages and libraries of this process find the registry, or NULL.
    pub name: *const c_char,
    /// Length of `name` in bytes, 0 to 65,535.
    pub name_len: usize,
}

/// A run of bytes; it need not end in NUL.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct kvreg_slice {
    /// First byte. May be NULL when `len` is 0.
    pub data: *const c_char,
    /// Number of bytes.
    pub len: usize,
}

/// What a value holds; `type` of the `kvreg_value` says which member counts.
#[repr(C)]
#[derive(Clone, Copy)]
pub union kvreg_payload {
    /// For `KVREG_BOOL`.
    pub boolean: bool,
    /// For `KVREG_INT`.
    pub integer: i64,
    /// For `KVREG_FLOAT`.
    pub real: f64,
    /// For `KVREG_STR` and `KVREG_BYTES`.
    pub bytes: kvreg_slice,
}

/// A typed value. One that you pass in is copied before the call returns; one that you got is yours until
/// `kvreg_value_release`, and until then its bytes stay what they were, whatever happens to the bucket.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvreg_value {
    /// `KVREG_NIL`, `KVREG_BOOL`, `KVREG_INT`, `KVREG_FLOAT`, `KVREG_STR` or `KVREG_BYTES`.
    pub r#type: u32,
    /// 0; anything else is refused.
    pub flags: u32,
    /// The content.
    pub r#as: kvreg_payload,
    /// Keeps `as.bytes` alive until `kvreg_value_release`; not looked at in values that you pass in.
    pub owner: *const c_void,
}

/// Every function of this library in one table, for bindings that find the library at run time. The head (to
/// `version`) never changes; functions are only ever appended, and `size` tells how many there are.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvreg_api {
    /// `KVREG_ABI_MAJOR` of the library.
    pub abi_major: u32,
    /// `KVREG_ABI_MINOR` of the library.
    pub abi_minor: u32,
    /// Size of this table in bytes.
    pub size: usize,
    /// A random number of this loaded copy: two tables with one number are one core.
    pub instance_id: u64,
    /// As `kvreg_version()`.
    pub version: *const c_char,
    /// `kvreg_start`
    pub start: unsafe extern "C" fn(options: *const kvreg_options, out: *mut kvreg_registry) -> kvreg_status,
    /// `kvreg_create`
    pub create: unsafe extern "C" fn(
        registry: kvreg_registry,
        name: *const c_char,
        name_len: usize,
        out: *mut kvreg_bucket,
    ) -> kvreg_status,
    /// `kvreg_lookup`
    pub lookup: unsafe extern "C" fn(
        registry: kvreg_registry,
        name: *const c_char,
        name_len: usize,
        out: *mut kvreg_bucket,
    ) -> kvreg_status,
    /// `kvreg_lookup_id`
    pub lookup_id:
        unsafe extern "C" fn(registry: kvreg_registry, name: *const c_char, name_len: usize) -> i64,
    /// `kvreg_stop`
    pub stop: unsafe extern "C" fn(registry: kvreg_registry) -> kvreg_status,
    /// `kvreg_registry_count`
    pub registry_count: unsafe extern "C" fn(registry: kvreg_registry, out: *mut u64) -> kvreg_status,
    /// `kvreg_registry_revision`
    pub registry_revision: unsafe extern "C" fn(registry: kvreg_registry, out: *mut u64) -> kvreg_status,
    /// `kvreg_registry_dump`
    pub registry_dump:
        unsafe extern "C" fn(registry: kvreg_registry, buffer: *mut c_void, capacity: usize) -> i64,
    /// `kvreg_put`
    pub put: unsafe extern "C" fn(
        bucket: kvreg_bucket,
        key: *const c_char,
        key_len: usize,
        value: *const kvreg_value,
    ) -> kvreg_status,
    /// `kvreg_get`
    pub get: unsafe extern "C" fn(
        bucket: kvreg_bucket,
        key: *const c_char,
        key_len: usize,
        out: *mut kvreg_value,
    ) -> kvreg_status,
    /// `kvreg_delete`
    pub delete_key:
        unsafe extern "C" fn(bucket: kvreg_bucket, key: *const c_char, key_len: usize) -> kvreg_status,
    /// `kvreg_put_int`
    pub put_int: unsafe extern "C" fn(
        bucket: kvreg_bucket,
        key: *const c_char,
        key_len: usize,
        value: i64,
    ) -> kvreg_status,
    /// `kvreg_get_int`
    pub get_int: unsafe extern "C" fn(
        bucket: kvreg_bucket,
        key: *const c_char,
        key_len: usize,
        out: *mut i64,
    ) -> kvreg_status,
    /// `kvreg_put_float`
    pub put_float: unsafe extern "C" fn(
        bucket: kvreg_bucket,
        key: *const c_char,
        key_len: usize,
        value: f64,
    ) -> kvreg_status,
    /// `kvreg_get_float`
    pub get_float: unsafe extern "C" fn(
        bucket: kvreg_bucket,
        key: *const c_char,
        key_len: usize,
        out: *mut f64,
    ) -> kvreg_status,
    /// `kvreg_put_str`
    pub put_str: unsafe extern "C" fn(
        bucket: kvreg_bucket,
        key: *const c_char,
        key_len: usize,
        text: *const c_char,
        text_len: usize,
    ) -> kvreg_status,
    /// `kvreg_put_bytes`
    pub put_bytes: unsafe extern "C" fn(
        bucket: kvreg_bucket,
        key: *const c_char,
        key_len: usize,
        data: *const c_void,
        data_len: usize,
    ) -> kvreg_status,
    /// `kvreg_get_bytes`
    pub get_bytes: unsafe extern "C" fn(
        bucket: kvreg_bucket,
        key: *const c_char,
        key_len: usize,
        buffer: *mut c_void,
        capacity: usize,
    ) -> i64,
    /// `kvreg_bucket_stop`
    pub bucket_stop: unsafe extern "C" fn(bucket: kvreg_bucket, reason: kvreg_reason) -> kvreg_status,
    /// `kvreg_bucket_check`
    pub bucket_check: unsafe extern "C" fn(bucket: kvreg_bucket) -> kvreg_status,
    /// `kvreg_bucket_name`
    pub bucket_name: unsafe extern "C" fn(bucket: kvreg_bucket, buffer: *mut c_void, capacity: usize) -> i64,
    /// `kvreg_bucket_registry`
    pub bucket_registry: unsafe extern "C" fn(bucket: kvreg_bucket, out: *mut kvreg_registry) -> kvreg_status,
    /// `kvreg_bucket_count`
    pub bucket_count: unsafe extern "C" fn(bucket: kvreg_bucket, out: *mut u64) -> kvreg_status,
    /// `kvreg_bucket_revision`
    pub bucket_revision: unsafe extern "C" fn(bucket: kvreg_bucket, out: *mut u64) -> kvreg_status,
    /// `kvreg_bucket_dump`
    pub bucket_dump: unsafe extern "C" fn(bucket: kvreg_bucket, buffer: *mut c_void, capacity: usize) -> i64,
    /// `kvreg_value_release`
    pub value_release: unsafe extern "C" fn(value: *mut kvreg_value),
    /// `kvreg_status_name`
    pub status_name: unsafe extern "C" fn(status: kvreg_status) -> *const c_char,
    /// `kvreg_status_message`
    pub status_message: unsafe extern "C" fn(status: kvreg_status) -> *const c_char,
}
