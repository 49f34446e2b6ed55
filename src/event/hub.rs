//! Who listens to a registry. The turn guards it; it is there from the first listener on.

use super::filter::{Whose, Wish};
use super::queue::{End, Queue};
use super::{Event, Record};
use crate::bucket::access;
use crate::error::Error;
use crate::sync::Arc;
use smallvec::SmallVec;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// Queues whose waiting threads must be woken when the turn has been let go of.
pub(crate) type Wakes = SmallVec<[Wake; 4]>;

/// See [`Wakes`].
pub(crate) struct Wake(Arc<Queue>);

impl Wake {
    pub(crate) fn now(self) {
        self.0.wake();
    }
}

#[derive(Clone)]
pub(super) struct Listener {
    /// That of the subscription or handler.
    pub(super) id: u64,
    pub(super) wish: Arc<Wish>,
    pub(super) queue: Arc<Queue>,
}

/// Monitors' ids, and where they tell.
type Monitors = SmallVec<[(u64, Arc<Queue>); 1]>;

pub(crate) struct Hub {
    /// All queues, by the ids of their listeners.
    queues: HashMap<u64, Arc<Queue>>,
    /// Those that want events of many names.
    listeners: Vec<Listener>,
    /// Those that want the events of one name, or of one bucket: however many they are, an event finds its own.
    by_name: HashMap<Box<[u8]>, Vec<Listener>>,
    by_bucket: HashMap<u64, Vec<Listener>>,
    /// By bucket.
    monitors: HashMap<u64, Monitors>,
    /// What happened last, without a gap.
    history: VecDeque<Event>,
    kept: usize,
    /// Threads to wake.
    wakes: Wakes,
}

impl Hub {
    /// One that remembers so many events.
    pub(crate) fn new(kept: usize) -> Box<Hub> {
        Box::new(Hub {
            queues: HashMap::new(),
            listeners: Vec::new(),
            by_name: HashMap::new(),
            by_bucket: HashMap::new(),
            monitors: HashMap::new(),
            history: VecDeque::new(),
            kept,
            wakes: Wakes::new(),
        })
    }

    /// Tells everyone who listens of a bucket that was created.
    #[cold]
    pub(crate) fn created(&mut self, bucket: u64, name: &[u8], revision: u64) {
        self.publish(Record::create(bucket, name.into(), revision));
    }

    /// Tells everyone who listens.
    #[cold]
    pub(crate) fn publish(&mut self, record: Record) {
        let event = Event::new(record);
        let record = &event.0;
        let one = self
            .by_name
            .get(&record.name)
            .into_iter()
            .chain(self.by_bucket.get(&access::full(record.bucket)))
            .flatten();
        for listener in self.listeners.iter().chain(one) {
            if listener.wish.wants(record) && listener.queue.push(event.clone()) {
                self.wakes.push(Wake(Arc::clone(&listener.queue)));
            }
        }
        if event.reason().is_some() {
            self.tell_monitors(&event);
        }
        if self.kept != 0 && event.is_tables() {
            if self.history.len() == self.kept {
                self.history.pop_front();
            }
            self.history.push_back(event);
        }
    }

    /// Tells the monitors of a bucket of its exit.
    pub(crate) fn tell_monitors(&mut self, exit: &Event) {
        for (monitor, queue) in self.monitors.remove(&access::full(exit.0.bucket)).into_iter().flatten() {
            if queue.push(exit.down(monitor)) {
                self.wakes.push(Wake(queue));
            }
        }
    }

    /// All queues and how much is in each, by the ids of their listeners.
    pub(crate) fn depths(&self) -> BTreeMap<u64, u64> {
        self.queues.iter().map(|(&id, queue)| (id, queue.len() as u64)).collect()
    }

    pub(crate) fn take_wakes(&mut self) -> Wakes {
        std::mem::take(&mut self.wakes)
    }

    /// Adds a listener that hears all that it wants from `after` on; `now` is the table's revision.
    pub(super) fn add(&mut self, listener: Listener, after: u64, now: u64) -> Result<(), Error> {
        if after > now {
            return Err(Error::InvalidArgument);
        }
        let missing = (now - after) as usize;
        if missing > self.history.len() {
            return Err(Error::OutOfRange);
        }
        let old = self.history.range(self.history.len() - missing..);
        listener.queue.fill(old.filter(|event| listener.wish.wants(&event.0)));
        self.queues.insert(listener.id, Arc::clone(&listener.queue));
        if listener.wish.is_any() {
            self.place(&listener.wish.of).push(listener);
        }
        Ok(())
    }

    fn place(&mut self, of: &Whose) -> &mut Vec<Listener> {
        match of {
            Whose::All | Whose::Prefix(_) => &mut self.listeners,
            Whose::Name(name) => self.by_name.entry(name.clone()).or_default(),
            Whose::Bucket(bucket) => self.by_bucket.entry(*bucket).or_default(),
        }
    }

    pub(super) fn remove(&mut self, id: u64, wish: &Wish) {
        self.queues.remove(&id);
        let place = self.place(&wish.of);
        place.retain(|listener| listener.id != id);
        if place.is_empty() {
            match &wish.of {
                Whose::Name(name) => drop(self.by_name.remove(name)),
                Whose::Bucket(bucket) => drop(self.by_bucket.remove(bucket)),
                _ => {}
            }
        }
    }

    /// Adds a monitor of a living bucket.
    pub(super) fn monitor(&mut self, bucket: u64, monitor: u64, queue: Arc<Queue>) {
        self.monitors.entry(bucket).or_default().push((monitor, queue));
    }

    pub(super) fn forget_monitor(&mut self, bucket: u64, monitor: u64) {
        if let Some(monitors) = self.monitors.get_mut(&bucket) {
            monitors.retain(|(id, _)| *id != monitor);
            if monitors.is_empty() {
                self.monitors.remove(&bucket);
            }
        }
    }

    /// How a bucket exited, by its full handle, if that is remembered.
    pub(super) fn exit_of(&self, bucket: u64) -> Option<&Event> {
        self.history
            .iter()
            .rev()
            .find(|event| access::full(event.0.bucket) == bucket && event.reason().is_some())
    }
}

impl Drop for Hub {
    /// The registry was stopped: nothing more will happen.
    fn drop(&mut self) {
        self.queues.values().for_each(|queue| queue.end(End::Stopped));
    }
}
