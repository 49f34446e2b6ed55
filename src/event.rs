//! Events: what happens to a registry's buckets, told in the order of the table's revisions.
//!
//! Whoever has the turn makes the event of its change, after the change is published, and puts it into the queue of
//! everyone who listens ([`hub`]); so all see one order, and whoever learns of an exit can no longer look the bucket
//! up. Nothing else happens under the turn: waiting threads are woken, handlers run and full queues are waited for when
//! it has been let go of.
//!
//! | | |
//! |---|---|
//! | `hub` | who listens to a registry, and what happened last |
//! | `queue`, `bell` | what waits to be taken, and the file descriptor that says so |
//! | `filter` | what a listener wants to hear |
//! | `subscription` | events to be taken |
//! | `monitor` | the exit of one bucket, into a subscription |
//! | `handler`, `called`, `call` | functions that are called: as they are added, who waits for them, and who calls them |
//! | `dispatcher` | a handler's own thread |
//! | `waits` | what a change waits for when the turn has been let go of |

mod bell;
mod call;
mod called;
#[cfg_attr(all(test, any(loom, shuttle)), path = "models/dispatcher.rs")]
mod dispatcher;
mod filter;
mod handler;
mod hub;
mod monitor;
mod queue;
mod subscription;
mod waits;

pub(crate) use call::is_awaited;
pub use filter::{Filter, Of};
pub use handler::{Handler, HandlerOptions, Mode};
pub(crate) use hub::{Hub, Wake};
pub use monitor::Monitor;
pub use queue::Overflow;
pub(crate) use queue::deadline;
pub use subscription::{Start, SubscribeOptions, Subscription};
pub(crate) use waits::Waits;

use crate::bucket::{Bucket, Reason};
use crate::sync::Arc;
use std::fmt;

/// What an event tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u32)]
pub enum EventKind {
    /// A bucket was created.
    Create = 1,
    /// A bucket exited.
    Exit = 2,
    /// Events were dropped, because the queue was full.
    Lost = 3,
    /// A bucket exited that a monitor was set on.
    Down = 4,
    /// A key of a bucket was deleted, because its time to live had run out.
    KeyExpired = 5,
}

/// Something that happened. A clone is the same event.
#[derive(Clone)]
pub struct Event(Arc<Record>);

pub(crate) struct Record {
    pub(crate) kind: EventKind,
    pub(crate) reason: Reason,
    pub(crate) revision: u64,
    /// How many were lost, or a monitor's id.
    pub(crate) count: u64,
    pub(crate) bucket: u64,
    pub(crate) name: Box<[u8]>,
    /// What was said of a crash, or a key.
    pub(crate) message: Box<[u8]>,
}

impl Event {
    pub(crate) fn new(record: Record) -> Event {
        Event(Arc::new(record))
    }

    /// The gap before the next event: so many were dropped, the last of them of this revision.
    pub(crate) fn lost(count: u64, revision: u64) -> Event {
        Event::new(Record { kind: EventKind::Lost, revision, count, ..Record::default() })
    }

    /// What a monitor tells when its bucket exited as this event says.
    pub(crate) fn down(&self, monitor: u64) -> Event {
        let Record { reason, revision, bucket, ref name, ref message, .. } = *self.0;
        let (name, message) = (name.clone(), message.clone());
        Event::new(Record { kind: EventKind::Down, reason, revision, count: monitor, bucket, name, message })
    }

    /// What it tells.
    pub fn kind(&self) -> EventKind {
        self.0.kind
    }

    /// The table's revision that the change made; of a gap, that of the last event that was dropped; of a key, the
    /// bucket's.
    pub fn revision(&self) -> u64 {
        self.0.revision
    }

    /// How many events a gap stands for. 0: the subscription was disconnected, and all later ones are missing.
    pub fn lost_count(&self) -> Option<u64> {
        (self.0.kind == EventKind::Lost).then_some(self.0.count)
    }

    /// The monitor that tells of this exit.
    pub fn monitor(&self) -> Option<Monitor> {
        (self.0.kind == EventKind::Down).then(|| Monitor::from_id(self.0.count))
    }

    /// The bucket that it is about. Nobody's in a gap.
    pub fn bucket(&self) -> Bucket {
        Bucket::from_id(self.0.bucket)
    }

    /// The bucket's name. Empty in a gap.
    pub fn name(&self) -> &[u8] {
        &self.0.name
    }

    /// Why a bucket exited.
    pub fn reason(&self) -> Option<Reason> {
        matches!(self.0.kind, EventKind::Exit | EventKind::Down).then_some(self.0.reason)
    }

    /// What was said of a crash; else empty.
    pub fn message(&self) -> &[u8] {
        if self.kind() == EventKind::KeyExpired { &[] } else { &self.0.message }
    }

    /// The key whose time ran out.
    pub fn key(&self) -> Option<&[u8]> {
        (self.kind() == EventKind::KeyExpired).then_some(&self.0.message)
    }

    /// Whether it tells of a change to the table, and so has a place among the table's revisions.
    fn is_tables(&self) -> bool {
        matches!(self.kind(), EventKind::Create | EventKind::Exit)
    }

    #[cfg(feature = "capi")]
    pub(crate) fn record(&self) -> &Record {
        &self.0
    }

    /// A hold on it as a pointer, to be given to [`Event::from_raw`].
    #[cfg(feature = "capi")]
    pub(crate) fn into_raw(self) -> *const Record {
        Arc::into_raw(self.0)
    }

    /// # Safety
    /// From [`Event::into_raw`], and given back once.
    #[cfg(feature = "capi")]
    pub(crate) unsafe fn from_raw(raw: *const Record) -> Event {
        // SAFETY: this function's contract.
        Event(unsafe { Arc::from_raw(raw) })
    }
}

impl Record {
    pub(crate) fn create(bucket: u64, name: Box<[u8]>, revision: u64) -> Record {
        Record { kind: EventKind::Create, revision, bucket, name, ..Record::default() }
    }

    pub(crate) fn key_expired(bucket: u64, name: Box<[u8]>, key: &[u8], revision: u64) -> Record {
        Record {
            kind: EventKind::KeyExpired,
            revision,
            bucket,
            name,
            message: key.into(),
            ..Record::default()
        }
    }

    pub(crate) fn exit(
        bucket: u64,
        name: Box<[u8]>,
        revision: u64,
        reason: Reason,
        message: &[u8],
    ) -> Record {
        let message = message.into();
        Record { kind: EventKind::Exit, reason, revision, bucket, name, message, ..Record::default() }
    }
}

impl Default for Record {
    fn default() -> Record {
        Record {
            kind: EventKind::Create,
            reason: Reason::Normal,
            revision: 0,
            count: 0,
            bucket: 0,
            name: Box::default(),
            message: Box::default(),
        }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Event");
        shown.field("kind", &self.kind()).field("revision", &self.revision());
        if let Some(count) = self.lost_count() {
            return shown.field("count", &count).finish();
        }
        shown.field("name", &String::from_utf8_lossy(self.name())).field("bucket", &self.bucket());
        if let Some(reason) = self.reason() {
            shown.field("reason", &reason);
        }
        shown.finish()
    }
}
