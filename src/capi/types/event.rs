//! Events, and how they are asked for.

use super::*;

/// Id of a subscription: events to be taken. To be ended with `kvreg_subscription_close`; from then on it answers
/// `KVREG_DEAD`.
pub type kvreg_subscription = u64;

/// Id of a monitor: the exit of one bucket, to be told once. It ends when that was taken, or with
/// `kvreg_monitor_cancel`; from then on it answers `KVREG_DEAD`.
pub type kvreg_monitor = u64;

/// Id of a handler: a function that is called for events. To be ended with `kvreg_handler_remove`; from then on it
/// answers `KVREG_DEAD`.
pub type kvreg_handler = u64;

/// An event: a bucket was created.
pub const KVREG_EVENT_CREATE: u32 = 1;
/// An event: a bucket exited; `reason` says why.
pub const KVREG_EVENT_EXIT: u32 = 2;
/// An event: `count` events were dropped here, the last of them of this revision. If `count` is 0 the subscription was
/// disconnected, and all from this revision on are missing.
pub const KVREG_EVENT_LOST: u32 = 3;
/// An event: a bucket exited that the monitor `count` was set on.
pub const KVREG_EVENT_DOWN: u32 = 4;

/// An event: the key `message` of a bucket was deleted, because its time to live had run out; `revision` is the bucket's.
pub const KVREG_EVENT_KEY_EXPIRED: u32 = 5;

/// For `events` in options: creates.
pub const KVREG_EVENTS_CREATE: u32 = 1;
/// For `events` in options: exits.
pub const KVREG_EVENTS_EXIT: u32 = 2;
/// For `events` in options: keys whose time to live ran out. They are not remembered for `KVREG_START_REVISION`. A
/// private bucket's come only with `KVREG_OF_BUCKET` and a handle that reads (else `KVREG_ACCESS_DENIED`).
pub const KVREG_EVENTS_KEYS: u32 = 4;

/// For `of` in options: events of all buckets.
pub const KVREG_OF_ALL: u32 = 0;
/// For `of` in options: of the buckets that have the name `name`, one after the other.
pub const KVREG_OF_NAME: u32 = 1;
/// For `of` in options: of the buckets whose names begin with `name`.
pub const KVREG_OF_PREFIX: u32 = 2;
/// For `of` in options: of the bucket `bucket`. One that has exited tells nothing more than what is remembered.
pub const KVREG_OF_BUCKET: u32 = 3;

/// For `overflow`: the oldest events are dropped; a `KVREG_EVENT_LOST` in their place says how many.
pub const KVREG_OVERFLOW_DROP: u32 = 0;
/// For `overflow`: who makes a change waits until there is room, but no longer than `block_ms`; then as
/// `KVREG_OVERFLOW_DROP`, and nobody waits again before something was taken. A stop of the registry waits, too. What
/// handlers, update functions, loaders and times to live do does not wait: for it the queue grows by up to 4,096 events.
/// Who takes the events and makes changes itself, in one thread, waits in vain when the queue is full: choose another.
pub const KVREG_OVERFLOW_BLOCK: u32 = 1;
/// For `overflow`: the subscription ends. What is in the queue can still be taken, then comes a `KVREG_EVENT_LOST` with
/// `count` 0, then `KVREG_STOPPED`.
pub const KVREG_OVERFLOW_DISCONNECT: u32 = 2;

/// For `start`: with the first change after the call.
pub const KVREG_START_NOW: u32 = 0;
/// For `start`: with the first change after the table's revision `revision`.
pub const KVREG_START_REVISION: u32 = 1;
/// For `start`: with the first change that `snapshot` does not show.
pub const KVREG_START_SNAPSHOT: u32 = 2;

/// For `mode`: the function is called before the call returns that made the change.
pub const KVREG_HANDLER_SYNC: u32 = 0;
/// For `mode`: the function is called soon, on a thread of the registry's that the handler has for itself.
pub const KVREG_HANDLER_ASYNC: u32 = 1;

/// For `flags`: the handler stays when its function has failed or taken too long; else it is removed then.
pub const KVREG_HANDLER_KEEP: u32 = 1;

/// Something that happened. It is yours until `kvreg_event_release`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct kvreg_event {
    /// `KVREG_EVENT_CREATE`, `_EXIT`, `_LOST`, `_DOWN` or `_KEY_EXPIRED`.
    pub kind: u32,
    /// Why the bucket exited: `KVREG_REASON_NORMAL` and so on.
    pub reason: u32,
    /// The table's revision that the change made; of a key, the bucket's.
    pub revision: u64,
    /// How many events a `KVREG_EVENT_LOST` stands for; the id of the monitor in a `KVREG_EVENT_DOWN`.
    pub count: u64,
    /// The bucket that it is about.
    pub bucket: kvreg_bucket,
    /// Its name; valid until `kvreg_event_release`.
    pub name: *const c_char,
    /// Length of the name in bytes.
    pub name_len: usize,
    /// What was said of a crash (`kvreg_bucket_crash`), or the key of a `KVREG_EVENT_KEY_EXPIRED`, else of length 0; valid
    /// until `kvreg_event_release`.
    pub message: *const c_char,
    /// Length of the message in bytes.
    pub message_len: usize,
    /// Keeps the event's bytes.
    pub owner: *const c_void,
}

/// How a subscription is made. Fill it with `KVREG_SUBSCRIBE_OPTIONS_INIT`, then set what you want.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct kvreg_subscribe_options {
    /// `sizeof(kvreg_subscribe_options)`; bytes beyond what this library knows must be zero.
    pub size: usize,
    /// `KVREG_EVENTS_CREATE`, `KVREG_EVENTS_EXIT`, `KVREG_EVENTS_KEYS`, or several of them; by default the first two. 0: it
    /// hears of monitors only.
    pub events: u32,
    /// `KVREG_OF_ALL` (the default), `KVREG_OF_NAME`, `KVREG_OF_PREFIX` or `KVREG_OF_BUCKET`.
    pub of: u32,
    /// A name or the beginning of names, for `of`.
    pub name: *const c_char,
    /// Length of `name` in bytes, 0 to 65,535.
    pub name_len: usize,
    /// A bucket, for `of`.
    pub bucket: kvreg_bucket,
    /// How many events may wait to be taken, 1 at least. By default 1,024.
    pub capacity: u64,
    /// What happens to more: `KVREG_OVERFLOW_DROP` (the default), `KVREG_OVERFLOW_BLOCK` or
    /// `KVREG_OVERFLOW_DISCONNECT`.
    pub overflow: u32,
    /// `KVREG_START_NOW` (the default), `KVREG_START_REVISION` or `KVREG_START_SNAPSHOT`.
    pub start: u32,
    /// For `KVREG_OVERFLOW_BLOCK`, in milliseconds: 0 or more. By default 1,000.
    pub block_ms: i64,
    /// For `KVREG_START_REVISION`.
    pub revision: u64,
    /// For `KVREG_START_SNAPSHOT`: a snapshot of the same registry.
    pub snapshot: kvreg_snapshot,
    /// The subscription is closed when this owner ends. By default 0: nobody's.
    pub owner: kvreg_owner,
}

/// How a handler is added. Fill it with `KVREG_HANDLER_OPTIONS_INIT`, then set what you want.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct kvreg_handler_options {
    /// `sizeof(kvreg_handler_options)`; bytes beyond what this library knows must be zero.
    pub size: usize,
    /// `KVREG_EVENTS_CREATE`, `KVREG_EVENTS_EXIT`, `KVREG_EVENTS_KEYS`, or several of them; by default the first two.
    pub events: u32,
    /// `KVREG_OF_ALL` (the default), `KVREG_OF_NAME`, `KVREG_OF_PREFIX` or `KVREG_OF_BUCKET`.
    pub of: u32,
    /// A name or the beginning of names, for `of`.
    pub name: *const c_char,
    /// Length of `name` in bytes, 0 to 65,535.
    pub name_len: usize,
    /// A bucket, for `of`.
    pub bucket: kvreg_bucket,
    /// `KVREG_HANDLER_SYNC` (the default) or `KVREG_HANDLER_ASYNC`.
    pub mode: u32,
    /// 0 or `KVREG_HANDLER_KEEP`.
    pub flags: u32,
    /// How long a call of the function may take before those who wait for it go on, in milliseconds; -1: as long as it
    /// wants. By default 5,000.
    pub limit_ms: i64,
    /// How many events may wait for the function, 1 at least; then the oldest are dropped, and it is told how many. By
    /// default 65,536.
    pub capacity: u64,
    /// The handler is removed when this owner ends. By default 0: nobody's.
    pub owner: kvreg_owner,
}

/// What a handler calls, or `kvreg_subscription_dispatch`. The event is kvreg's, and stays until the function returns.
/// 0 is success; anything else is a failure. It must return: an exception that leaves it ends the process.
pub type kvreg_event_function =
    Option<unsafe extern "C-unwind" fn(data: *mut c_void, event: *const kvreg_event) -> kvreg_status>;
