//! Events, to be taken or called for.

use super::handler::Call;
use super::owner::some;
use super::types::*;
use super::{guard, name, options, output};
use crate::bucket::Bucket;
use crate::error::Error;
use crate::event::{Event, Filter, Monitor, Of, Overflow, Start, SubscribeOptions, Subscription};
use crate::registry::Registry;
use crate::snapshot::Snapshot;
use core::ffi::{c_char, c_void};
use core::ptr;
use std::time::Duration;

/// What `out` holds after an error, and every event after its release.
const NONE: kvreg_event = kvreg_event {
    kind: 0,
    reason: 0,
    revision: 0,
    count: 0,
    bucket: 0,
    name: ptr::null(),
    name_len: 0,
    message: ptr::null(),
    message_len: 0,
    owner: ptr::null(),
};

/// Subscribes to the events of a registry: see the rules about events above. NULL options are the defaults.
///
/// From this call on every change that the options ask for comes to the subscription's queue, once and in the order of
/// the table's revisions, and none that was made before. With `KVREG_START_REVISION` or `KVREG_START_SNAPSHOT` it begins
/// with an earlier change: `KVREG_OUT_OF_RANGE` if one since then is not remembered any more (`history` in
/// kvreg_options), `KVREG_INVALID_ARGUMENT` if the revision has not come yet, or the snapshot is another registry's.
/// Cost while it lives: each change of the registry that it asks for allocates an event.
///
/// @thread any; may block while another thread changes this registry
/// @owner the caller, who ends it with kvreg_subscription_close
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_subscribe(
    registry: kvreg_registry,
    options: *const kvreg_subscribe_options,
    out: *mut kvreg_subscription,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (out, options) = unsafe { (output(out, 0)?, options::read(options)?) };
        let kvreg_subscribe_options { events, of, name, name_len, bucket, .. } = options;
        // SAFETY: as above.
        let filter = unsafe { filter(events, of, name, name_len, bucket)? };
        let (start, capacity, overflow) =
            (start(&options)?, self::capacity(options.capacity)?, overflow(&options)?);
        let options = SubscribeOptions { filter, start, capacity, overflow, owner: some(options.owner) };
        *out = Subscription::open(Registry::from_id(registry), options)?.id();
        Ok(())
    })
}

/// Takes the next event: `KVREG_TIMED_OUT` if none came in time, `KVREG_STOPPED` if none will come, because the registry
/// was stopped, the subscription was closed while this call waited, or it was disconnected.
///
/// Waits `timeout_ms` milliseconds at most; 0: not at all, -1: for ever; other negative numbers are
/// `KVREG_INVALID_ARGUMENT`. Several threads may take from one subscription: each event goes to one of them.
///
/// @thread any; waits as long as it is told to; not for synchronous handlers
/// @owner the event is the caller's, until kvreg_event_release
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_subscription_next(
    subscription: kvreg_subscription,
    timeout_ms: i64,
    out: *mut kvreg_event,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let out = unsafe { output(out, NONE)? };
        *out = export(Subscription::from_id(subscription).next(timeout(timeout_ms)?)?);
        Ok(())
    })
}

/// Gives a file descriptor that is readable (`POLLIN`) while kvreg_subscription_next would not wait: for epoll, libuv,
/// asyncio and their like. It works level-triggered and edge-triggered, if every wake-up takes until `KVREG_TIMED_OUT`.
///
/// The first call makes it, later ones give the same: `KVREG_IO` if the system has none left. It ends with the
/// subscription: take it out of your loop before you close that. When no more events will come it stays readable.
///
/// @thread any
/// @owner the subscription: do not read from it, write to it or close it
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_subscription_fd(
    subscription: kvreg_subscription,
    out: *mut core::ffi::c_int,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let out = unsafe { output(out, -1)? };
        *out = Subscription::from_id(subscription).fd()?;
        Ok(())
    })
}

/// Tells how many events wait to be taken.
///
/// @thread any
/// @owner nobody
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_subscription_count(
    subscription: kvreg_subscription,
    out: *mut u64,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let out = unsafe { output(out, 0)? };
        *out = Subscription::from_id(subscription).pending()?;
        Ok(())
    })
}

/// Takes a snapshot of the registry from which on the subscription goes on: the events of what it shows are dropped
/// from the queue, and all later ones come. So whoever copies the snapshot and then takes events misses nothing, and is
/// told nothing twice. Cost: that of kvreg_snapshot_take, and of the events that wait.
///
/// @thread any; waits for changes under way in other threads, each of which takes an instant
/// @owner the caller, who ends the snapshot with kvreg_snapshot_close
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_subscription_snapshot(
    subscription: kvreg_subscription,
    out: *mut kvreg_snapshot,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let out = unsafe { output(out, 0)? };
        *out = Subscription::from_id(subscription).snapshot()?.id();
        Ok(())
    })
}

/// Lends this thread to a subscription: takes its events, one after the other, and calls the function for each, until
/// the function answers with something else than 0 (which is this call's answer; make it a `KVREG_…` status or a
/// positive number of your own), or none comes for `timeout_ms` milliseconds (`KVREG_TIMED_OUT`; -1: waits for ever), or
/// none will come (`KVREG_STOPPED`).
///
/// The function runs without any lock: it may make every call, this one and kvreg_subscription_close too.
/// `destroy(data)` is called exactly once, before this call returns, also on every error; it may be NULL.
///
/// @thread any; waits as long as it is told to
/// @owner data is given to destroy; the events are kvreg's
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_subscription_dispatch(
    subscription: kvreg_subscription,
    timeout_ms: i64,
    function: kvreg_event_function,
    data: *mut c_void,
    destroy: kvreg_destroy_function,
) -> kvreg_status {
    let call = Call { function, data, destroy };
    let mut answer = KVREG_OK;
    let status = guard(|| {
        let timeout = timeout(timeout_ms)?;
        while answer == KVREG_OK {
            call.check()?;
            answer = call.now(&Subscription::from_id(subscription).next(timeout)?);
        }
        Ok(())
    });
    if status == KVREG_OK { answer } else { status }
}

/// Ends a subscription: what is in its queue is dropped, threads that wait for an event get `KVREG_STOPPED`, and its
/// monitors are over.
///
/// @thread any; may block while another thread changes the registry
/// @owner gives back what kvreg_subscribe made; events that were taken stay valid until their release
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn kvreg_subscription_close(subscription: kvreg_subscription) -> kvreg_status {
    guard(|| Subscription::from_id(subscription).close())
}

/// Gives back an event that kvreg_subscription_next has filled, and leaves it empty; a second call does nothing.
/// Harmless for NULL.
///
/// @thread any, also another than the one that took the event
/// @owner ends the caller's hold on the event's bytes
/// @fork works in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_event_release(event: *mut kvreg_event) {
    let _ = guard(|| {
        // SAFETY: the caller passes NULL or an event that kvreg_subscription_next filled, as the header demands.
        if let Some(event) = unsafe { event.as_mut() } {
            let owner = core::mem::replace(event, NONE).owner;
            if !owner.is_null() {
                // SAFETY: a non-NULL owner was made by `export`, and it is given back once: the event is empty now.
                drop(unsafe { Event::from_raw(owner.cast()) });
            }
        }
        Ok(())
    });
}

/// Lets a subscription know when a bucket exits, and why: one `KVREG_EVENT_DOWN`, whatever else it subscribed to. If the
/// bucket has exited already the event comes at once; its reason is `KVREG_REASON_GONE` if it is not remembered.
/// `KVREG_STOPPED` if the subscription was disconnected, so that it can tell of nothing any more.
///
/// The bucket and the subscription must be of one registry, else `KVREG_INVALID_ARGUMENT`. Several monitors of one
/// bucket each tell. Cost: O(1); if the bucket has exited, O(number of events that are remembered).
///
/// @thread any; may block while another thread changes this registry
/// @owner the subscription: the monitor ends when its event was taken, and with the subscription
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_bucket_monitor(
    bucket: kvreg_bucket,
    subscription: kvreg_subscription,
    out: *mut kvreg_monitor,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let out = unsafe { output(out, 0)? };
        *out = Monitor::set(Bucket::from_id(bucket), Subscription::from_id(subscription))?.id();
        Ok(())
    })
}

/// Ends a monitor: when this returns `KVREG_OK`, nobody has taken its event and nobody will, also if the bucket exited.
/// `KVREG_DEAD` if somebody took it.
///
/// @thread any; may block while another thread changes this registry
/// @owner gives back what kvreg_bucket_monitor made
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn kvreg_monitor_cancel(monitor: kvreg_monitor) -> kvreg_status {
    guard(|| Monitor::from_id(monitor).cancel())
}

/// An event that stays kvreg's.
pub(super) fn show(event: &Event) -> kvreg_event {
    let record = event.record();
    kvreg_event {
        kind: record.kind as u32,
        reason: record.reason as u32,
        revision: record.revision,
        count: record.count,
        bucket: record.bucket,
        name: record.name.as_ptr().cast(),
        name_len: record.name.len(),
        message: record.message.as_ptr().cast(),
        message_len: record.message.len(),
        owner: ptr::null(),
    }
}

/// An event that becomes the caller's.
fn export(event: Event) -> kvreg_event {
    let shown = show(&event);
    kvreg_event { owner: event.into_raw().cast(), ..shown }
}

/// None: for ever.
pub(super) fn timeout(milliseconds: i64) -> Result<Option<Duration>, Error> {
    match milliseconds {
        -1 => Ok(None),
        0.. => Ok(Some(Duration::from_millis(milliseconds.cast_unsigned()))),
        _ => Err(Error::InvalidArgument),
    }
}

pub(super) fn capacity(number: u64) -> Result<usize, Error> {
    usize::try_from(number).map_err(|_| Error::InvalidArgument)
}

/// # Safety
/// As [`name()`].
pub(super) unsafe fn filter<'a>(
    events: u32,
    of: u32,
    name: *const c_char,
    name_len: usize,
    bucket: kvreg_bucket,
) -> Result<Filter<'a>, Error> {
    if events & !(KVREG_EVENTS_CREATE | KVREG_EVENTS_EXIT | KVREG_EVENTS_KEYS) != 0 {
        return Err(Error::InvalidArgument);
    }
    // SAFETY: this function's contract.
    let name = unsafe { self::name(name, name_len)? };
    let of = match of {
        KVREG_OF_ALL => Of::All,
        KVREG_OF_NAME => Of::Name(name),
        KVREG_OF_PREFIX => Of::Prefix(name),
        KVREG_OF_BUCKET => Of::Bucket(Bucket::from_id(bucket)),
        _ => return Err(Error::InvalidArgument),
    };
    let wants = |kind| events & kind != 0;
    let (creates, exits) = (wants(KVREG_EVENTS_CREATE), wants(KVREG_EVENTS_EXIT));
    Ok(Filter { creates, exits, keys: wants(KVREG_EVENTS_KEYS), of })
}

fn start(options: &kvreg_subscribe_options) -> Result<Start, Error> {
    match options.start {
        KVREG_START_NOW => Ok(Start::Now),
        KVREG_START_REVISION => Ok(Start::After(options.revision)),
        KVREG_START_SNAPSHOT => Ok(Start::Snapshot(Snapshot::from_id(options.snapshot))),
        _ => Err(Error::InvalidArgument),
    }
}

fn overflow(options: &kvreg_subscribe_options) -> Result<Overflow, Error> {
    match options.overflow {
        KVREG_OVERFLOW_DROP => Ok(Overflow::DropOldest),
        KVREG_OVERFLOW_BLOCK => {
            let limit = u64::try_from(options.block_ms).map_err(|_| Error::InvalidArgument)?;
            Ok(Overflow::Block(Duration::from_millis(limit)))
        }
        KVREG_OVERFLOW_DISCONNECT => Ok(Overflow::Disconnect),
        _ => Err(Error::InvalidArgument),
    }
}
