//! Subscriptions: events to be taken, by any thread and in its own time.

use super::filter::{Filter, Wish};
use super::hub::Listener;
use super::queue::{End, Overflow, Queue, deadline};
use super::waits::Wait;
use super::{Event, Monitor};
use crate::error::Error;
use crate::fork;
use crate::handle::{self, Object, ObjectSlot};
use crate::owner::{Owner, Tied, Ties};
use crate::registry::{self, Listeners, Registry};
use crate::slot::{Kind, Slots};
use crate::snapshot::Snapshot;
use crate::sync::{Arc, global};
use std::time::Duration;

/// How a subscription is made.
#[derive(Clone, Copy, Debug)]
pub struct SubscribeOptions<'a> {
    /// What it hears.
    pub filter: Filter<'a>,
    /// From when on.
    pub start: Start,
    /// How many events may wait to be taken: 1 at least.
    pub capacity: usize,
    /// What happens to more.
    pub overflow: Overflow,
    /// With whose end it is closed.
    pub owner: Option<Owner>,
}

impl Default for SubscribeOptions<'_> {
    fn default() -> Self {
        let (filter, start, overflow) = (Filter::default(), Start::Now, Overflow::default());
        SubscribeOptions { filter, start, capacity: 1024, overflow, owner: None }
    }
}

/// From when on a subscription hears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// All changes that are made after the call returned, and none that was made before it began.
    #[default]
    Now,
    /// All changes after this revision of the table: [`Error::OutOfRange`] if they are not all remembered any more,
    /// [`Error::InvalidArgument`] if it has not come yet.
    After(u64),
    /// All changes that this snapshot of the registry does not show: as above.
    Snapshot(Snapshot),
}

global! {
    static SUBSCRIPTIONS: Slots<ObjectSlot<Taker>> = Slots::new();
}

/// A subscription's state.
struct Taker {
    registry: Registry,
    wish: Arc<Wish>,
    queue: Arc<Queue>,
    owner: Option<Arc<Ties>>,
}

impl Object for Taker {
    const KIND: Kind = Kind::Subscription;
    fn slots() -> &'static Slots<ObjectSlot<Taker>> {
        &SUBSCRIPTIONS
    }
}

/// A handle of a subscription: a number. Copy it freely; [`Subscription::close`] ends it.
///
/// ```
/// use kvreg::{Error, EventKind, Filter, Monitor, Of, Reason, Registry, SubscribeOptions, Subscription};
/// use std::time::Duration;
///
/// let registry = Registry::start()?;
/// let users = Filter { of: Of::Prefix(b"user/"), ..Filter::default() };
/// let options = SubscribeOptions { filter: users, ..SubscribeOptions::default() };
/// let subscription = Subscription::open(registry, options)?;
/// let ada = registry.create("user/ada")?;
/// let monitor = Monitor::set(ada, subscription)?;
/// ada.crash("no milk")?;
///
/// let mut next = || subscription.next(Some(Duration::ZERO));
/// assert_eq!(next()?.kind(), EventKind::Create);
/// let exit = next()?;
/// assert_eq!((exit.reason(), exit.message()), (Some(Reason::Crash), &b"no milk"[..]));
/// assert_eq!(next()?.monitor(), Some(monitor));
/// assert_eq!(next().err(), Some(Error::TimedOut));
/// registry.stop()?;
/// # Ok::<(), kvreg::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subscription(u64);

impl Subscription {
    /// Subscribes to the events of a registry.
    pub fn open(registry: Registry, options: SubscribeOptions<'_>) -> Result<Subscription, Error> {
        fork::check()?;
        if options.capacity == 0 {
            return Err(Error::InvalidArgument);
        }
        registry.with_table(|_, _| ())?; // before it costs an id
        let wish = Arc::new(Wish::new(registry, options.filter)?);
        let queue = Arc::new(Queue::new(options.capacity, options.overflow));
        let owner = options.owner.map(Ties::of).transpose()?;
        let taker =
            Taker { registry, wish: Arc::clone(&wish), queue: Arc::clone(&queue), owner: owner.clone() };
        let id = handle::open(|_| Arc::new(taker))?;
        let added = registry::with_listeners(registry, |Listeners { hub, waits, table }| {
            let now = table.names.revision();
            let after = match options.start {
                Start::Now => now,
                Start::After(revision) => revision,
                Start::Snapshot(snapshot) => snapshot.revision_of(table)?,
            };
            owner.map_or(Ok(()), |owner| owner.tie(Tied::Subscription(Subscription(id))))?;
            hub.add(Listener { id, wish, queue: Arc::clone(&queue) }, after, now)?;
            if queue.blocks() {
                waits.add(Wait::Room { id, queue });
            }
            Ok(())
        });
        let subscription = Subscription(id);
        if added.is_err() {
            let _ = subscription.close(); // its owner may have been first
        }
        added.map(|()| subscription)
    }

    /// The handle with this number, which is checked when it is used.
    pub fn from_id(id: u64) -> Subscription {
        Subscription(id)
    }

    /// Its number: not 0, below 2^53.
    pub fn id(self) -> u64 {
        self.0
    }

    /// Takes the next event. Waits for one, for ever if no time is given: [`Error::TimedOut`] if none came, and
    /// [`Error::Stopped`] if there will be none, because the registry was stopped, the subscription was closed
    /// meanwhile, or its queue was full and it was to be disconnected then.
    pub fn next(self, wait: Option<Duration>) -> Result<Event, Error> {
        fork::check()?;
        let taker = handle::get::<Taker>(self.0)?;
        match wait {
            Some(Duration::ZERO) => taker.queue.try_next().map_err(|error| match error {
                Error::WouldBlock => Error::TimedOut,
                error => error,
            }),
            // Too far away for a clock is for ever.
            wait => taker.queue.next(wait.and_then(deadline)),
        }
    }

    /// How many events wait to be taken.
    pub fn pending(self) -> Result<u64, Error> {
        fork::check()?;
        Ok(handle::get::<Taker>(self.0)?.queue.len() as u64)
    }

    /// A file descriptor that is readable while there is something to take, a gap and the end included. It is the
    /// subscription's: wait for it, but do not read from it or close it.
    pub fn fd(self) -> Result<i32, Error> {
        fork::check()?;
        handle::get::<Taker>(self.0)?.queue.fd()
    }

    /// A snapshot of the registry, from which on the subscription goes on: what it shows is not told any more, and
    /// everything after it is.
    pub fn snapshot(self) -> Result<Snapshot, Error> {
        fork::check()?;
        let taker = handle::get::<Taker>(self.0)?;
        let snapshot = taker.registry.snapshot()?;
        taker.queue.start_after(snapshot.revision()?);
        Ok(snapshot)
    }

    /// Ends the subscription. Who waits for an event gets [`Error::Stopped`].
    pub fn close(self) -> Result<(), Error> {
        fork::check()?;
        let taker = handle::close::<Taker>(self.0)?;
        taker.queue.end(End::Closed);
        let monitors = taker.queue.take_monitors();
        let _ = registry::with_listeners(taker.registry, |Listeners { hub, waits, .. }| {
            waits.remove(self.0);
            hub.remove(self.0, &taker.wish);
            monitors.iter().for_each(|(&monitor, &bucket)| hub.forget_monitor(bucket, monitor));
            Ok(())
        }); // if the registry was stopped, it forgot them
        if let Some(owner) = &taker.owner {
            owner.untie(Tied::Subscription(self));
        }
        for monitor in monitors.into_keys() {
            Monitor::from_id(monitor).fire();
        }
        Ok(())
    }

    pub(super) fn queue(self) -> Result<(Registry, Arc<Queue>), Error> {
        let taker = handle::get::<Taker>(self.0)?;
        Ok((taker.registry, Arc::clone(&taker.queue)))
    }
}
