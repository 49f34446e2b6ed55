//! The types and constants of the C interface, and nothing else: this file is also compiled into the bindings, so
//! that the function table has one definition in Rust. It uses `core` only.
#![allow(non_camel_case_types)]

use core::ffi::{c_char, c_void};

#[path = "types/event.rs"]
mod event;
#[path = "types/table.rs"]
mod table;

pub use event::*;
pub use table::kvreg_api;

/// Id of a registry: never 0 when valid, below 2^53 (exact in a double), never given to another registry.
pub type kvreg_registry = u64;

/// Id of a bucket: a plain number like a pid, to be copied, stored and passed on freely; there is nothing to free.
/// After the bucket's exit it answers `KVREG_DEAD`, and no other bucket ever gets it.
pub type kvreg_bucket = u64;

/// Id of a snapshot: a registry or a bucket as it was at one moment. To be ended with `kvreg_snapshot_close`; from then
/// on it answers `KVREG_DEAD`.
pub type kvreg_snapshot = u64;

/// Id of a batch: changes that are collected to be made as one. To be ended with `kvreg_batch_close`; from then on it
/// answers `KVREG_DEAD`.
pub type kvreg_batch = u64;

/// Id of an owner: a lifetime that buckets are tied to. To be ended with `kvreg_owner_close`; from then on it answers
/// `KVREG_DEAD`. 0 stands for "nobody" where an owner may be left out.
pub type kvreg_owner = u64;

/// Id of an entry: an object that is registered. It ends with `kvreg_unregister`, its owner or its registry; from then on
/// it answers `KVREG_DEAD`.
pub type kvreg_entry = u64;
/// Id of a supervisor. To be ended with `kvreg_supervisor_stop`; from then on it answers `KVREG_STOPPED`.
pub type kvreg_supervisor = u64;

/// Id of a worker. There is nothing to free: when the worker is over it answers `KVREG_DEAD`.
pub type kvreg_worker = u64;

/// What a call answers: `KVREG_OK` (0) or an error, always negative. A status says everything; there is no "last error".
pub type kvreg_status = i32;

/// Done.
pub const KVREG_OK: i32 = 0;
/// No such name or key.
pub const KVREG_NOT_FOUND: i32 = -1;
/// The key is there already, or the process-wide name is taken.
pub const KVREG_EXISTS: i32 = -2;
/// A NULL pointer, a name of more than 65,535 bytes, text that is not UTF-8, a list that is not well-formed, or an
/// unknown flag or option.
pub const KVREG_INVALID_ARGUMENT: i32 = -3;
/// Not a handle of this kind, or not one that was ever given out.
pub const KVREG_BAD_HANDLE: i32 = -4;
/// The bucket exited, or the snapshot, batch or owner was closed.
pub const KVREG_DEAD: i32 = -5;
/// The registry was stopped.
pub const KVREG_STOPPED: i32 = -6;
/// The value has another type.
pub const KVREG_WRONG_TYPE: i32 = -7;
/// The key has another revision or value than the one expected.
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
/// A function of the program's own failed: what a loader of another language says that raised an exception.
pub const KVREG_FAILED: i32 = -20;

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
/// It had exited before anybody asked, and why is not remembered. Given by kvreg only.
pub const KVREG_REASON_GONE: u32 = 6;

/// Everybody reads and writes.
pub const KVREG_ACCESS_PUBLIC: u32 = 0;
/// Everybody reads; only the handle that kvreg_create_with gave writes, too.
pub const KVREG_ACCESS_PROTECTED: u32 = 1;
/// Only the handle that kvreg_create_with gave reads and writes. Others tell name, registry, owner and life.
pub const KVREG_ACCESS_PRIVATE: u32 = 2;

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
/// In the answer of `kvreg_bucket_get_many`, in place of a type: there is no such key. No value has this type.
pub const KVREG_NONE: u32 = 255;

/// An update function's answer: the key stays as it is.
pub const KVREG_UPDATE_KEEP: u32 = 0;
/// An update function's answer: `*new_value` is put under the key.
pub const KVREG_UPDATE_PUT: u32 = 1;
/// An update function's answer: the key is deleted.
pub const KVREG_UPDATE_DELETE: u32 = 2;

/// For `kvreg_register`: others may be registered under the same kind and key, if they are duplicates too.
pub const KVREG_REGISTER_DUPLICATE: u32 = 1;

/// For `kvreg_bucket_add`: a result beyond the limits becomes the limit, instead of `KVREG_OUT_OF_RANGE`.
pub const KVREG_ADD_CLAMP: u32 = 1;

/// What a supervisor does about a child that failed: it restarts that child.
pub const KVREG_STRATEGY_ONE_FOR_ONE: u32 = 0;
/// It ends all children, the last first, and starts them again in their order.
pub const KVREG_STRATEGY_ONE_FOR_ALL: u32 = 1;
/// It does so with that child and those that were added after it.
pub const KVREG_STRATEGY_REST_FOR_ONE: u32 = 2;

/// Which ends of a child are followed by another start: all of them.
pub const KVREG_RESTART_PERMANENT: u32 = 0;
/// Failures. A worker that ended normally is over; but a supervisor that restarts it together with others runs it again.
pub const KVREG_RESTART_TRANSIENT: u32 = 1;
/// None: the child is over when it ends, however it does, also with its supervisor.
pub const KVREG_RESTART_TEMPORARY: u32 = 2;

/// How something stands: it works.
pub const KVREG_STATE_RUNNING: u32 = 0;
/// It was told to stop, and has not ended.
pub const KVREG_STATE_ENDING: u32 = 1;
/// It ended, or does not run at the moment.
pub const KVREG_STATE_STOPPED: u32 = 2;
/// It gave up.
pub const KVREG_STATE_FAILED: u32 = 3;

/// How much a record of the log matters: it tells what happens in good order, too: that registries are started and stopped.
pub const KVREG_LOG_DEBUG: u32 = 0;
/// Something was restarted.
pub const KVREG_LOG_INFO: u32 = 1;
/// Something failed or is late.
pub const KVREG_LOG_WARN: u32 = 2;
/// Something was given up.
pub const KVREG_LOG_ERROR: u32 = 3;

/// Names and keys are 0 to this many bytes long.
pub const KVREG_NAME_MAX: u32 = 65535;

/// The number that `kvreg_api_get` asks for; it changes only when a program built against an older table would break.
pub const KVREG_ABI_MAJOR: u32 = 0;
/// Grows with every function that is appended to the table.
pub const KVREG_ABI_MINOR: u32 = 3;

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
    /// How many events are remembered for subscriptions that begin in the past (`KVREG_START_REVISION`). 0, the default:
    /// 1,024, but only from the first subscription or handler on, so that nothing is spent where there is none.
    pub history: u64,
    /// When a thread of the registry's dies (those of asynchronous handlers are among them), it is started anew and nobody
    /// notices. If that would be more often than this within the window, the registry gives up: it makes no more changes
    /// to its table (`KVREG_STOPPED`), reads go on, and what such handlers have not seen they are told in `kvreg_sync` and
    /// `kvreg_stop`. By default 3.
    pub max_restarts: u32,
    /// In milliseconds. By default 5000.
    pub restart_window_ms: u64,
    /// How many milliseconds a change to a bucket waits while an update function or a commit in another thread has that
    /// bucket: then it gives `KVREG_TIMED_OUT`, and has changed nothing. 0: it does not wait; -1, the default: for ever;
    /// other negative numbers are `KVREG_INVALID_ARGUMENT`.
    pub busy_ms: i64,
}

/// How a bucket is made. Fill it with `KVREG_BUCKET_OPTIONS_INIT`, then set what you want.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct kvreg_bucket_options {
    /// `sizeof(kvreg_bucket_options)`; bytes beyond what this library knows must be zero.
    pub size: usize,
    /// Whose it is: it exits when this owner ends. 0: nobody's.
    pub owner: kvreg_owner,
    /// To whom it passes when its owner ends, in place of its exit; see kvreg_bucket_set_heir. 0: to nobody.
    pub heir: kvreg_owner,
    /// `KVREG_ACCESS_PUBLIC`, `_PROTECTED` or `_PRIVATE`.
    pub access: u32,
    /// 0; anything else is refused.
    pub flags: u32,
    /// How long it lives, in milliseconds; -1: for ever, which is the default. See kvreg_bucket_expire.
    pub ttl_ms: i64,
    /// How long it lives when nobody uses it, in milliseconds; -1: for ever, which is the default. A use is every call
    /// that reads or changes its contents; not a lookup, nor to ask for its name, registry, life or time. Reads of such
    /// a bucket look at a clock, and take some 25 nanoseconds longer.
    pub idle_ms: i64,
}

/// Takes a reference to an object, or gives one back. It may be called in any thread, is called without any lock of
/// kvreg's, and may make every call. It must return: an exception that leaves it ends the process.
pub type kvreg_count_function = Option<unsafe extern "C-unwind" fn(pointer: *mut c_void)>;

/// A reference to an object of the caller's. The functions are both there or both NULL: then the caller sees to it that
/// the object lives as long as anybody uses it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct kvreg_object {
    /// The object; kvreg never looks at what is there.
    pub pointer: *mut c_void,
    /// Takes another reference.
    pub retain: kvreg_count_function,
    /// Gives one back.
    pub release: kvreg_count_function,
}

/// How an object is registered. Fill it with `KVREG_REGISTER_OPTIONS_INIT`, then set what you want.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct kvreg_register_options {
    /// `sizeof(kvreg_register_options)`; bytes beyond what this library knows must be zero.
    pub size: usize,
    /// Whose it is: it is unregistered when this owner ends. 0: nobody's.
    pub owner: kvreg_owner,
    /// 0 or `KVREG_REGISTER_DUPLICATE`.
    pub flags: u32,
}

/// What `kvreg_dispatch` calls for an entry and its object.
pub type kvreg_dispatch_function =
    Option<unsafe extern "C-unwind" fn(data: *mut c_void, entry: kvreg_entry, pointer: *mut c_void)>;

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

/// How a number is added to. Fill it with `KVREG_ADD_OPTIONS_INIT`, then set what you want.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct kvreg_add_options {
    /// `sizeof(kvreg_add_options)`; bytes beyond what this library knows must be zero.
    pub size: usize,
    /// What a key that is not there counts as, before the addition. By default 0.
    pub initial: i64,
    /// The smallest result. By default `INT64_MIN`.
    pub min: i64,
    /// The largest result, not below `min`. By default `INT64_MAX`.
    pub max: i64,
    /// 0 or `KVREG_ADD_CLAMP`.
    pub flags: u32,
}

/// A place in the order in which a snapshot is visited. It is yours: copy it, store it, drop it. Begin with
/// `KVREG_CURSOR_INIT`; whatever numbers stand in it, they are some place.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct kvreg_cursor {
    /// kvreg's own.
    pub position: [u64; 2],
}

/// What `kvreg_bucket_update` calls. `old` is what the key has, NULL if there is no such key; `*new_value` is nil, to be
/// filled before `KVREG_UPDATE_PUT` is answered. The other answers are `KVREG_UPDATE_KEEP` and `KVREG_UPDATE_DELETE`.
/// It must return: an exception that leaves it ends the process.
pub type kvreg_update_function = Option<
    unsafe extern "C-unwind" fn(
        data: *mut c_void,
        old: *const kvreg_value,
        new_value: *mut kvreg_value,
    ) -> u32,
>;

/// How `kvreg_get_or_create` waits. Fill it with `KVREG_LOAD_OPTIONS_INIT`, then set what you want.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct kvreg_load_options {
    /// `sizeof(kvreg_load_options)`; bytes beyond what this library knows must be zero.
    pub size: usize,
    /// How long to wait for the loader of another thread, in milliseconds; 0: not at all, -1: for ever, which is the
    /// default. The caller's own loader takes as long as it takes.
    pub timeout_ms: i64,
}

/// What `kvreg_get_or_create` calls in the caller's thread, outside of every lock, to fill a bucket that is alive and that
/// no lookup finds yet. It may do anything: put into the bucket, load other names, change other buckets. `KVREG_OK` puts
/// the bucket into the table, with what it has by then; a negative number, one of kvreg's or any other, is the answer
/// of all who wait for this name, and the bucket dies unseen; a positive one is `KVREG_INVALID_ARGUMENT`. It must return:
/// an exception that leaves it ends the process.
pub type kvreg_loader_function =
    Option<unsafe extern "C-unwind" fn(data: *mut c_void, bucket: kvreg_bucket) -> kvreg_status>;

/// Ends what a function was given as its `data`. May be NULL where it is asked for.
pub type kvreg_destroy_function = Option<unsafe extern "C-unwind" fn(data: *mut c_void)>;

/// How a supervisor is started. Fill it with `KVREG_SUPERVISOR_OPTIONS_INIT`, then set what you want.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct kvreg_supervisor_options {
    /// `sizeof(kvreg_supervisor_options)`; bytes beyond what this library knows must be zero.
    pub size: usize,
    /// What the log calls it, or NULL for "supervisor".
    pub name: *const c_char,
    /// Length of `name` in bytes, 0 to 65,535.
    pub name_len: usize,
    /// `KVREG_STRATEGY_ONE_FOR_ONE` (the default), `_ONE_FOR_ALL` or `_REST_FOR_ONE`.
    pub strategy: u32,
    /// It gives up when there would be more restarts than this within `window_ms`. By default 3; 0 allows none.
    pub max_restarts: u32,
    /// In milliseconds. By default 5000.
    pub window_ms: u64,
    /// The supervisor whose child it becomes, or 0.
    pub parent: kvreg_supervisor,
    /// What the parent does when it gives up: `KVREG_RESTART_PERMANENT` (the default), `_TRANSIENT` or `_TEMPORARY`.
    pub restart: u32,
}

/// How a worker is run. Fill it with `KVREG_WORKER_OPTIONS_INIT`, then set what you want.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct kvreg_worker_options {
    /// `sizeof(kvreg_worker_options)`; bytes beyond what this library knows must be zero.
    pub size: usize,
    /// What the log calls it and, after `kvreg-`, as far as 15 bytes go, the system its thread; or NULL for "worker".
    pub name: *const c_char,
    /// Length of `name` in bytes, 0 to 65,535.
    pub name_len: usize,
    /// How long its supervisor waits for it when it is told to stop, in milliseconds: 0 not at all, -1 for ever. By
    /// default 5000. A worker that does not end in time is left behind.
    pub timeout_ms: i64,
    /// `KVREG_RESTART_PERMANENT` (the default), `_TRANSIENT` or `_TEMPORARY`.
    pub restart: u32,
}

/// How a supervisor stands. Fill it with `KVREG_SUPERVISOR_INFO_INIT`: `size` tells how much of it the caller knows.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct kvreg_supervisor_info {
    /// `sizeof(kvreg_supervisor_info)`; what this library does not know is set to zero.
    pub size: usize,
    /// `KVREG_STATE_RUNNING`, `_ENDING`, `_STOPPED` or `_FAILED`.
    pub state: u32,
    /// `KVREG_STRATEGY_ONE_FOR_ONE`, `_ONE_FOR_ALL` or `_REST_FOR_ONE`.
    pub strategy: u32,
    /// How many children it has.
    pub children: u64,
    /// How many of them run.
    pub running: u64,
    /// How many of these were told to stop, and did not in time.
    pub left_behind: u64,
    /// How often it restarted something.
    pub restarts: u64,
}

/// How a worker stands. Fill it with `KVREG_WORKER_INFO_INIT`: `size` tells how much of it the caller knows.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct kvreg_worker_info {
    /// `sizeof(kvreg_worker_info)`; what this library does not know is set to zero.
    pub size: usize,
    /// `KVREG_STATE_RUNNING`, `_ENDING` or `_STOPPED`.
    pub state: u32,
    /// `KVREG_RESTART_PERMANENT`, `_TRANSIENT` or `_TEMPORARY`.
    pub restart: u32,
    /// How often it was started again.
    pub restarts: u64,
    /// What its function returned last; 0 before that. `KVREG_IO` if the system gave it no thread.
    pub status: i32,
}

/// What a worker does, once for each start, on a thread of its own (`kvreg-…`, all signals blocked, on any of the
/// process' CPUs). 0 is its normal end, anything else a failure. It must return soon after `kvreg_worker_wait` says that
/// it shall: nothing else can end it. An exception that leaves it ends the process; `longjmp` and `pthread_exit` must not
/// leave it.
pub type kvreg_worker_function =
    Option<unsafe extern "C-unwind" fn(data: *mut c_void, worker: kvreg_worker) -> i32>;

/// How a registry stands. Fill it with `KVREG_STATS_INIT`: `size` tells how much of it the caller knows.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct kvreg_stats {
    /// `sizeof(kvreg_stats)`; what this library does not know is set to zero.
    pub size: usize,
    /// `KVREG_STATE_RUNNING`, or `KVREG_STATE_FAILED` if it makes no more changes to its table.
    pub state: u32,
    /// 1 if something is to be freed by the registry's thread, else 0.
    pub untidy: u32,
    /// How many names the table has.
    pub names: u64,
    /// How many changes (creates and exits) the table has seen.
    pub revision: u64,
    /// How many snapshots are held, counting those that were taken out of another one.
    pub snapshots: u64,
    /// How many things wait to be sorted out and freed since their snapshots were closed.
    pub backlog: u64,
    /// How many changes wait for the turn to change the table.
    pub mailbox: u64,
    /// How often the registry's thread was started anew.
    pub keeper_restarts: u64,
    /// How often the thread was that ends what has a time to live.
    pub timer_restarts: u64,
    /// In how many buckets anything has a time to live.
    pub timed_buckets: u64,
    /// How many subscriptions there are.
    pub subscriptions: u64,
    /// How many handlers.
    pub handlers: u64,
    /// How many events wait in the queues of both.
    pub queued: u64,
    /// How many of them in the longest queue.
    pub longest_queue: u64,
    /// How long the longest call of a handler took, in nanoseconds, of the handlers that there are.
    pub slowest_handler_ns: u64,
    /// How many calls of these handlers failed.
    pub handler_failures: u64,
    /// Bytes of memory that the nodes, names and small items of all registries of this process have from the system.
    pub node_bytes: u64,
    /// How often threads of these handlers were started anew.
    pub handler_restarts: u64,
}

/// What gets the records of the log: a level (`KVREG_LOG_...`) and a line of text, which is UTF-8, does not end in NUL, and
/// is valid during the call.
pub type kvreg_log_function =
    Option<unsafe extern "C-unwind" fn(data: *mut c_void, level: u32, text: *const c_char, text_len: usize)>;
