//! Monitors: the exit of one bucket, told once, into a subscription.

use super::queue::Queue;
use super::{Event, EventKind, Record, Subscription};
use crate::bucket::{Bucket, Reason, access};
use crate::error::Error;
use crate::fork;
use crate::handle::{self, Object, ObjectSlot};
use crate::registry::{self, Listeners, Registry};
use crate::slot::{Kind, Slots};
use crate::sync::{Arc, global};

global! {
    static MONITORS: Slots<ObjectSlot<Watch>> = Slots::new();
}

/// A monitor whose event was not taken yet.
pub(super) struct Watch {
    registry: Registry,
    bucket: u64,
    queue: Arc<Queue>,
}

impl Object for Watch {
    const KIND: Kind = Kind::Monitor;
    fn slots() -> &'static Slots<ObjectSlot<Watch>> {
        &MONITORS
    }
}

/// A handle of a monitor: a number. Copy it freely. It is over when its event was taken, or with [`Monitor::cancel`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Monitor(u64);

impl Monitor {
    /// Tells a subscription when a bucket exits, and why: at once, if it has exited. The reason of an exit that is not
    /// remembered is [`Reason::Gone`]. [`Error::Stopped`] if the subscription will tell of nothing any more.
    pub fn set(bucket: Bucket, subscription: Subscription) -> Result<Monitor, Error> {
        fork::check()?;
        if let Err(error @ Error::BadHandle) = bucket.check() {
            return Err(error);
        }
        let (registry, queue) = subscription.queue()?;
        let full = access::full(bucket.id());
        let watch = Watch { registry, bucket: full, queue: Arc::clone(&queue) };
        let monitor = Monitor(handle::open(|_| Arc::new(watch))?);
        let set = registry::with_listeners(registry, |Listeners { hub, .. }| {
            queue.expect(monitor, full)?;
            match bucket.registry() {
                Ok(own) if own == registry => hub.monitor(full, monitor.0, Arc::clone(&queue)),
                Ok(_) => return Err(Error::InvalidArgument),
                Err(_) => {
                    queue.push(hub.exit_of(full).unwrap_or(&gone(bucket)).down(monitor.0));
                }
            }
            Ok(())
        });
        if let Err(error) = set {
            queue.forget(monitor);
            let _ = handle::close::<Watch>(monitor.0);
            return Err(error);
        }
        queue.wake();
        Ok(monitor)
    }

    /// The handle with this number, which is checked when it is used.
    pub fn from_id(id: u64) -> Monitor {
        Monitor(id)
    }

    /// Its number: not 0, below 2^53.
    pub fn id(self) -> u64 {
        self.0
    }

    /// Ends the monitor: when this returns, nobody will take its event. [`Error::Dead`] if somebody has.
    pub fn cancel(self) -> Result<(), Error> {
        fork::check()?;
        let watch = handle::close::<Watch>(self.0)?;
        let _ = registry::with_listeners(watch.registry, |listeners| {
            listeners.hub.forget_monitor(watch.bucket, self.0);
            Ok(())
        }); // if the registry was stopped, it forgot it
        watch.queue.forget(self);
        Ok(())
    }

    /// Its event is taken; false if it was cancelled. Does not pin: who has the turn drops events of a full queue, pinned.
    pub(super) fn fire(self) -> bool {
        handle::end::<Watch>(self.0)
    }
}

/// The exit of a bucket that nobody remembers.
fn gone(bucket: Bucket) -> Event {
    Event::new(Record {
        kind: EventKind::Exit,
        reason: Reason::Gone,
        bucket: bucket.id(),
        ..Record::default()
    })
}
