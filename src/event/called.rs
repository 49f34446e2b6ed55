//! A handler's state, and those who wait for it.

use super::Overflow;
use super::call::{Function, Me, is_awaited, me};
use super::dispatcher::Dispatcher;
use super::filter::Wish;
use super::handler::{Handler, HandlerOptions, Mode};
use super::hub::Listener;
use super::queue::{End, Queue};
use super::waits::Wait;
use crate::error::Error;
use crate::fork;
use crate::handle::{self, Object, ObjectSlot};
use crate::log::{self, Level};
use crate::owner::{Tied, Ties};
use crate::registry::{self, Registry};
use crate::slot::{Kind, Slots, index_of};
use crate::sync::{Arc, AtomicU64, Condvar, Mutex, Ordering, global};
use crate::thread;
use std::time::{Duration, Instant};

global! {
    static HANDLERS: Slots<ObjectSlot<Called>> = Slots::new();
}

pub(crate) struct Called {
    pub(super) id: u64,
    pub(super) registry: Registry,
    wish: Arc<Wish>,
    pub(super) queue: Arc<Queue>,
    mode: Mode,
    pub(super) limit: Option<Duration>,
    pub(super) keep: bool,
    /// None when it was removed. Ended by whoever lets go of it last, without a lock.
    pub(super) function: Mutex<Option<Arc<Function>>>,
    pub(super) run: Mutex<Run>,
    /// A call has ended, or the right to run is free, or its thread is gone for good.
    pub(super) ended: Condvar,
    dispatcher: Dispatcher,
    owner: Option<Arc<Ties>>,
    pub(super) failures: AtomicU64,
    /// How long the longest call took, in nanoseconds.
    pub(super) slowest: AtomicU64,
}

#[derive(Default)]
pub(super) struct Run {
    /// Who runs it.
    pub(super) runner: Option<Me>,
    /// Since when the call lasts that is under way, or the next one is to come. There while somebody runs it.
    pub(super) since: Option<Instant>,
    /// It lasts longer than it may: nobody waits for it.
    pub(super) overdue: bool,
    /// How many events it has seen.
    pub(super) done: u64,
    pub(super) removed: bool,
}

impl Object for Called {
    const KIND: Kind = Kind::Handler;
    fn slots() -> &'static Slots<ObjectSlot<Called>> {
        &HANDLERS
    }
}

impl Called {
    /// One that nobody tells anything yet.
    pub(super) fn make(
        registry: Registry,
        options: HandlerOptions<'_>,
        function: Arc<Function>,
    ) -> Result<Arc<Called>, Error> {
        let HandlerOptions { filter, mode, limit, keep, capacity, owner } = options;
        let wish = Arc::new(Wish::new(registry, filter)?);
        let owner = owner.map(Ties::of).transpose()?;
        registry.with_table(|_, _| ())?; // before it costs an id
        if capacity == 0 {
            return Err(Error::InvalidArgument);
        }
        let make = |id| Called {
            id,
            registry,
            wish,
            queue: Arc::new(Queue::new(capacity, Overflow::DropOldest)),
            mode,
            limit,
            keep,
            function: Mutex::new(Some(function)),
            run: Mutex::default(),
            ended: Condvar::new(),
            dispatcher: Dispatcher::new(),
            owner,
            failures: AtomicU64::new(0),
            slowest: AtomicU64::new(0),
        };
        handle::get(handle::open(|id| Arc::new(make(id)))?)
    }

    /// From now on it is told.
    pub(super) fn begin(self: &Arc<Called>) -> Result<(), Error> {
        if self.mode == Mode::Asynchronous {
            self.dispatcher.begin(self)?;
        }
        registry::with_listeners(self.registry, |listeners| {
            if let Some(owner) = &self.owner {
                owner.tie(Tied::Handler(Handler::from_id(self.id)))?;
            }
            listeners.waits.add(Wait::Handler(Arc::clone(self)));
            let (wish, queue) = (Arc::clone(&self.wish), Arc::clone(&self.queue));
            let now = listeners.table.names.revision();
            listeners.hub.add(Listener { id: self.id, wish, queue }, now, now)
        })
    }

    /// How long its longest call took, in nanoseconds, how many have failed, and how often its thread was started anew.
    pub(super) fn figures(&self) -> [u64; 3] {
        // Relaxed: figures for people.
        let (slowest, failures) =
            (self.slowest.load(Ordering::Relaxed), self.failures.load(Ordering::Relaxed));
        [slowest, failures, self.dispatcher.restarts()]
    }

    /// If it is asynchronous, has it called soon for all that was published before this call.
    pub(super) fn call_own_thread(&self) {
        if self.mode == Mode::Asynchronous {
            self.call_thread();
        }
    }

    /// Sees to it that it has seen all that was published before this call, unless it is asynchronous.
    pub(super) fn settle(self: &Arc<Called>) {
        if self.mode == Mode::Asynchronous {
            return;
        }
        if thread::has_deadlines() {
            let _ = self.dispatcher.begin(self); // else the next one who may wait runs it
            self.call_thread();
        } else {
            self.wait_for(self.queue.pushed(), None);
        }
    }

    fn call_thread(&self) {
        if self.queue.is_due() {
            self.dispatcher.ring();
        }
    }

    /// As [`Called::settle`], but waits for asynchronous ones too; tells whether it has seen all, or was removed.
    pub(super) fn settle_until(self: &Arc<Called>, deadline: Option<Instant>) -> bool {
        self.call_own_thread(); // for what was published since it was called first
        self.wait_for(self.queue.pushed(), deadline)
    }

    /// Waits until so many events were seen, and tells whether they were.
    fn wait_for(&self, events: u64, until: Option<Instant>) -> bool {
        let enough = |run: &Run| run.done >= events || run.removed;
        // After a fork within a call the lock may be anybody's.
        self.wait(until, enough) && (fork::check().is_err() || enough(&self.run.lock()))
    }

    /// Whether any thread may run it: not while it has one of its own for that.
    fn is_anyones(&self) -> bool {
        self.mode == Mode::Synchronous || !self.dispatcher.is_there()
    }

    /// Waits until it is `enough`, and runs the handler for that if it may; not beyond the deadline, nor for a call that
    /// takes longer than it may.
    fn wait(&self, until: Option<Instant>, enough: impl Fn(&Run) -> bool) -> bool {
        loop {
            if self.is_anyones() {
                self.drain(|| {});
            }
            if fork::check().is_err() {
                return true; // it has forked; nobody else is here
            }
            let mut run = self.run.lock();
            if enough(&run) || run.overdue || is_awaited() {
                return true;
            }
            // Under the lock: its thread, when it is gone for good, wakes us under it.
            if run.runner.is_none() && self.is_anyones() {
                continue;
            }
            let limit = run.since.zip(self.limit).and_then(|(since, limit)| since.checked_add(limit));
            match limit.into_iter().chain(until).min() {
                None => self.ended.wait(&mut run),
                Some(time) if !self.ended.wait_until(&mut run, time).timed_out() => {}
                Some(_) if until.is_some_and(|until| until <= Instant::now()) => return false,
                Some(_) => {
                    // The same call still, or one that began since then?
                    let over = |since: Instant| self.limit.is_some_and(|limit| since.elapsed() >= limit);
                    run.overdue = run.since.is_some_and(over);
                    let overdue = run.overdue;
                    run.removed |= overdue && !self.keep;
                    drop(run);
                    if overdue {
                        self.write("takes longer than it may");
                    }
                    if overdue && !self.keep {
                        let _ = self.leave(); // another may have been first
                        return true; // whoever runs it ends its function
                    }
                }
            }
        }
    }

    /// Tells the log. To be called with nothing held.
    pub(super) fn write(&self, what: &str) {
        let (registry, handler) = (index_of(self.registry.id()), index_of(self.id));
        let then = if self.keep { "" } else { "; it is removed" };
        log::write(Level::Warn, &format!("registry {registry}: handler {handler} {what}{then}"));
    }

    /// From now on it does not run, but for the call that is under way.
    pub(super) fn forbid(&self) {
        self.run.lock().removed = true;
    }

    /// The same. Waits for a call under way in another thread as long as that may take, and tells whether it has ended.
    pub(super) fn silence(&self) -> Result<bool, Error> {
        let mut run = self.run.lock();
        let me = me();
        let elsewhere = |run: &Run| run.runner.is_some_and(|runner| runner != me);
        if elsewhere(&run) && is_awaited() {
            return Err(Error::Deadlock);
        }
        run.removed = true;
        let since = run.since.unwrap_or_else(Instant::now);
        let limit = self.limit.and_then(|limit| since.checked_add(limit));
        while elsewhere(&run) {
            match limit {
                None => self.ended.wait(&mut run),
                Some(limit) if self.ended.wait_until(&mut run, limit).timed_out() => break,
                Some(_) => {}
            }
        }
        Ok(!elsewhere(&run))
    }

    /// Takes it out of everything that knows it, and ends its function.
    pub(super) fn leave(&self) -> Result<(), Error> {
        handle::close::<Called>(self.id)?;
        self.queue.end(End::Closed);
        let _ = registry::with_listeners(self.registry, |listeners| {
            listeners.waits.remove(self.id);
            listeners.hub.remove(self.id, &self.wish);
            Ok(())
        }); // if the registry was stopped, it forgot it
        self.end();
        Ok(())
    }

    /// The registry was stopped, and told of everything. Who must not wait leaves the rest to the thread that runs it.
    pub(crate) fn end_with_registry(&self) {
        if fork::check().is_err() {
            return; // another handler has forked: see `drain`
        }
        self.queue.end(End::Stopped);
        self.dispatcher.ring();
        self.wait(None, |run| run.removed && run.runner.is_none());
        if fork::check().is_err() {
            return; // see `drain`
        }
        let _ = handle::close::<Called>(self.id); // it may be gone already
        if is_awaited() {
            self.dispatcher.end(false);
        } else {
            self.forbid(); // if it hangs
            self.queue.end(End::Closed);
            self.end();
        }
    }

    /// Tells its owner that it has ended.
    pub(super) fn untie(&self) {
        if let Some(owner) = &self.owner {
            owner.untie(Tied::Handler(Handler::from_id(self.id)));
        }
    }

    fn end(&self) {
        self.untie();
        let function = self.function.lock().take();
        drop(function); // which may be foreign code: without the lock
        if fork::check().is_err() {
            return; // see `drain`
        }
        // A thread that is in a call ends by itself after it.
        let idle = self.run.lock().runner.is_none();
        self.dispatcher.end(idle);
    }
}
