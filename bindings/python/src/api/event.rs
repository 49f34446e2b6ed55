//! Subscriptions, their events, and monitors.

use super::{Status, bytes_of, done, parts};
use crate::core::table;
use crate::types::*;
use std::ptr;

/// How a subscription is made.
pub(crate) struct Wish<'a> {
    pub(crate) events: u32,
    /// What it is of, and the name or bucket that says so.
    pub(crate) of: u32,
    pub(crate) name: &'a [u8],
    pub(crate) bucket: u64,
    pub(crate) capacity: u64,
    pub(crate) overflow: u32,
    /// In milliseconds.
    pub(crate) block: i64,
    /// Where it starts, and the revision or snapshot that says so.
    pub(crate) start: u32,
    pub(crate) revision: u64,
    pub(crate) snapshot: u64,
    pub(crate) owner: u64,
}

/// An event from the core, given back on drop.
pub(crate) struct Event(kvreg_event);

// SAFETY: an event is released from any thread (kvreg.h, kvreg_event_release), and its bytes never change.
unsafe impl Send for Event {}

impl Event {
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

    /// Its numbers.
    pub(crate) fn raw(&self) -> &kvreg_event {
        &self.0
    }

    pub(crate) fn name(&self) -> &[u8] {
        // SAFETY: the core filled it, and the bytes stay until the release in `drop`.
        unsafe { bytes_of(&kvreg_slice { data: self.0.name, len: self.0.name_len }) }
    }

    pub(crate) fn message(&self) -> &[u8] {
        // SAFETY: as above.
        unsafe { bytes_of(&kvreg_slice { data: self.0.message, len: self.0.message_len }) }
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: an event of the core, or none.
        unsafe { (table().event_release)(&raw mut self.0) };
    }
}

pub(crate) fn subscribe(registry: u64, wish: &Wish<'_>) -> Result<u64, Status> {
    let &Wish {
        events,
        of,
        bucket,
        capacity,
        overflow,
        block: block_ms,
        start,
        revision,
        snapshot,
        owner,
        ..
    } = wish;
    let ((name, name_len), mut id) = (parts(wish.name), 0);
    let size = size_of::<kvreg_subscribe_options>();
    let options = kvreg_subscribe_options {
        size,
        events,
        of,
        name,
        name_len,
        bucket,
        capacity,
        overflow,
        start,
        block_ms,
        revision,
        snapshot,
        owner,
    };
    // SAFETY: all pointers are valid during the call, which keeps none of them.
    done(unsafe { (table().subscribe)(registry, &raw const options, &raw mut id) }).map(|()| id)
}

/// The next event; None if there was none in so many milliseconds.
pub(crate) fn next(subscription: u64, timeout: i64) -> Result<Option<Event>, Status> {
    let mut event = Event(Event::NONE);
    // SAFETY: the pointer is valid during the call.
    match unsafe { (table().subscription_next)(subscription, timeout, &raw mut event.0) } {
        KVREG_OK => Ok(Some(event)),
        KVREG_TIMED_OUT => Ok(None),
        status => Err(Status(status)),
    }
}

pub(crate) fn fd(subscription: u64) -> Result<i32, Status> {
    let mut fd = -1;
    // SAFETY: the pointer is valid during the call.
    done(unsafe { (table().subscription_fd)(subscription, &raw mut fd) }).map(|()| fd)
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
    count = subscription_count;
    snapshot = subscription_snapshot;
}

pub(crate) fn close(subscription: u64) -> Result<(), Status> {
    done((table().subscription_close)(subscription))
}

pub(crate) fn monitor(bucket: u64, subscription: u64) -> Result<u64, Status> {
    let mut id = 0;
    // SAFETY: takes any numbers, and the pointer is valid during the call.
    done(unsafe { (table().bucket_monitor)(bucket, subscription, &raw mut id) }).map(|()| id)
}

pub(crate) fn cancel(monitor: u64) -> Result<(), Status> {
    done((table().monitor_cancel)(monitor))
}

pub(crate) fn crash(bucket: u64, message: &[u8]) -> Result<(), Status> {
    let (data, len) = parts(message);
    // SAFETY: the pointer is valid during the call, which does not keep it.
    done(unsafe { (table().bucket_crash)(bucket, data, len) })
}

/// Waits so many milliseconds at most; -1: for ever.
pub(crate) fn sync(registry: u64, timeout: i64) -> Result<(), Status> {
    done((table().sync)(registry, timeout))
}
