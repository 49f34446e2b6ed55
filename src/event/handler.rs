//! Handlers: functions that are called for each event, without any lock, turn or pin.
//!
//! A handler has a queue, and a right to run that one thread has at a time: so it sees events one by one, in their order.
//! Whoever makes a change runs the synchronous handlers, or waits for the thread that is just doing so, before its call
//! returns. An asynchronous handler has a thread of its own.
//!
//! From inside a handler nobody waits for a handler: a change made there is published at once, and whoever runs the
//! handlers tells of it when they return. So a handler that creates and stops buckets works, and cannot hang. Nor does
//! a thread wait that others may wait for, because it has a bucket for long or loads one ([`is_awaited`]).

use super::filter::{Filter, Wish};
use super::hub::Listener;
use super::queue::{End, Queue};
use super::waits::Wait;
use super::{Event, Overflow};
use crate::error::Error;
use crate::handle::{self, Object, ObjectSlot};
use crate::log::{self, Level};
use crate::owner::{Owner, Tied, Ties};
use crate::registry::{self, Registry, load};
use crate::slot::{Kind, Slots, index_of};
use crate::sync::{Arc, AtomicU64, Condvar, Mutex, Ordering, global, local};
use crate::{fork, lock};
use std::cell::Cell;
use std::os::unix::thread::JoinHandleExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What a handler runs. An error is a failure.
pub(super) type Function = dyn Fn(&Event) -> Result<(), Error> + Send + Sync;

/// When a handler runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Before the call that made the change returns, in that thread or one that makes another change.
    #[default]
    Synchronous,
    /// Soon, on a thread of its own.
    Asynchronous,
}

/// How a handler is added.
#[derive(Clone, Copy, Debug)]
pub struct HandlerOptions<'a> {
    /// What it is called for.
    pub filter: Filter<'a>,
    /// When it runs.
    pub mode: Mode,
    /// How long a call may take before those who wait for it go on. None: as long as it wants.
    pub limit: Option<Duration>,
    /// Whether it stays when it has failed or taken too long; else it is removed.
    pub keep: bool,
    /// How many events wait for it at most, 1 at least; then the oldest are dropped, and it is told how many.
    pub capacity: usize,
    /// With whose end it is removed.
    pub owner: Option<Owner>,
}

impl Default for HandlerOptions<'_> {
    fn default() -> Self {
        let (filter, mode) = (Filter::default(), Mode::default());
        HandlerOptions {
            filter,
            mode,
            limit: Some(Duration::from_secs(5)),
            keep: false,
            capacity: 65_536,
            owner: None,
        }
    }
}

global! {
    static HANDLERS: Slots<ObjectSlot<Called>> = Slots::new();
}

/// A handler's state.
pub(crate) struct Called {
    pub(super) id: u64,
    registry: Registry,
    wish: Arc<Wish>,
    queue: Arc<Queue>,
    mode: Mode,
    limit: Option<Duration>,
    keep: bool,
    /// None when it was removed. Ended by whoever lets go of it last, without a lock.
    function: Mutex<Option<Arc<Function>>>,
    run: Mutex<Run>,
    /// A call has ended, or the right to run is free.
    ended: Condvar,
    thread: Mutex<Option<JoinHandle<()>>>,
    owner: Option<Arc<Ties>>,
    failures: AtomicU64,
    /// How long the longest call took, in nanoseconds.
    slowest: AtomicU64,
}

#[derive(Default)]
struct Run {
    /// Who runs it.
    runner: Option<Me>,
    /// Since when the call lasts that is under way, or the next one is to come. There while somebody runs it.
    since: Option<Instant>,
    /// It lasts longer than it may: nobody waits for it.
    overdue: bool,
    /// How many events it has seen.
    done: u64,
    removed: bool,
}

impl Object for Called {
    const KIND: Kind = Kind::Handler;
    fn slots() -> &'static Slots<ObjectSlot<Called>> {
        &HANDLERS
    }
}

local! {
    /// How many handlers this thread is in. Without a destructor, so that it is there as long as the thread.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// A thread, as long as it lives. Not std's, which is not there any more when a thread ends.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Me(usize);

fn me() -> Me {
    Me(DEPTH.with(|depth| std::ptr::from_ref(depth).addr()))
}

/// Whether this thread runs a handler.
pub(crate) fn in_handler() -> bool {
    DEPTH.with(Cell::get) != 0
}

/// Whether others may be waiting for this thread: it runs a handler, has a bucket for long, or loads one. If it waited for
/// a handler or for room, it might wait for one of them, and so for itself.
pub(crate) fn is_awaited() -> bool {
    in_handler() || lock::is_held_long() || load::is_loading()
}

/// A handle of a handler: a number. Copy it freely; [`Handler::remove`] ends the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handler(u64);

impl Handler {
    /// Calls a function for the events of a registry from now on.
    pub fn add(
        registry: Registry,
        options: HandlerOptions<'_>,
        function: impl Fn(&Event) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Result<Handler, Error> {
        fork::check()?;
        let wish = Arc::new(Wish::new(registry, options.filter)?);
        let function: Arc<Function> = Arc::new(function);
        let owner = options.owner.map(Ties::of).transpose()?;
        registry.with_table(|_, _| ())?; // before it costs an id
        if options.capacity == 0 {
            return Err(Error::InvalidArgument);
        }
        let make = |id| Called {
            id,
            registry,
            wish,
            queue: Arc::new(Queue::new(options.capacity, Overflow::DropOldest)),
            mode: options.mode,
            limit: options.limit,
            keep: options.keep,
            function: Mutex::new(Some(function)),
            run: Mutex::default(),
            ended: Condvar::new(),
            thread: Mutex::default(),
            owner,
            failures: AtomicU64::new(0),
            slowest: AtomicU64::new(0),
        };
        let id = handle::open(|id| Arc::new(make(id)))?;
        let called = handle::get::<Called>(id)?;
        let added = called.begin();
        if added.is_err() {
            let _ = Handler(id).remove(); // its owner may have been first
        }
        added.map(|()| Handler(id))
    }

    /// The handle with this number, which is checked when it is used.
    pub fn from_id(id: u64) -> Handler {
        Handler(id)
    }

    /// Its number: not 0, below 2^53.
    pub fn id(self) -> u64 {
        self.0
    }

    /// Ends the handler: when this returns, its function is not running and never will again, unless it is the function
    /// itself that calls this. [`Error::Deadlock`], and nothing is done, if the function runs in another thread and this
    /// one must not wait for it: in another handler, in an update function, in a loader. [`Error::TimedOut`] if the call
    /// that is under way takes longer than it may: it is the last, and the function ends with it.
    pub fn remove(self) -> Result<(), Error> {
        fork::check()?;
        let called = handle::get::<Called>(self.0)?;
        let ended = called.silence()?;
        called.leave()?;
        ended.then_some(()).ok_or(Error::TimedOut)
    }

    /// As [`Handler::remove`]; where that would be a deadlock, the call that is under way goes on and is the last.
    pub(crate) fn remove_or_leave(self) -> Result<(), Error> {
        match self.remove() {
            Err(Error::Deadlock) => {
                let called = handle::get::<Called>(self.0)?;
                called.run.lock().removed = true;
                called.leave()
            }
            result => result,
        }
    }
}

impl Called {
    fn begin(self: &Arc<Called>) -> Result<(), Error> {
        if self.mode == Mode::Asynchronous {
            self.summon()?;
        }
        registry::with_listeners(self.registry, |listeners| {
            if let Some(owner) = &self.owner {
                owner.tie(Tied::Handler(Handler(self.id)))?;
            }
            listeners.waits.add(Wait::Handler(Arc::clone(self)));
            let (wish, queue) = (Arc::clone(&self.wish), Arc::clone(&self.queue));
            let now = listeners.table.names.revision();
            listeners.hub.add(Listener { id: self.id, wish, queue }, now, now)
        })
    }

    /// How long its longest call took, in nanoseconds, and how many have failed.
    pub(super) fn figures(&self) -> (u64, u64) {
        // Relaxed: figures for people.
        (self.slowest.load(Ordering::Relaxed), self.failures.load(Ordering::Relaxed))
    }

    /// Sees to it that it has seen all that was published before this call.
    pub(super) fn settle(self: &Arc<Called>) {
        if self.mode == Mode::Asynchronous {
            return; // its thread was woken
        }
        if crate::thread::has_deadlines() {
            let _ = self.summon();
        } else {
            self.wait_for(self.queue.pushed(), None, true);
        }
    }

    /// As [`Called::settle`], for asynchronous ones too; false if that takes longer.
    pub(super) fn settle_until(self: &Arc<Called>, deadline: Option<Instant>) -> bool {
        self.wait_for(self.queue.pushed(), deadline, self.mode == Mode::Synchronous)
    }

    /// Waits until so many events were seen.
    fn wait_for(&self, events: u64, until: Option<Instant>, may_run: bool) -> bool {
        self.wait(until, may_run, |run| run.done >= events || run.removed)
    }

    /// Waits until it is `enough`, and runs the handler for that if it may; not beyond the deadline, nor for a call that
    /// takes longer than it may.
    fn wait(&self, until: Option<Instant>, may_run: bool, enough: impl Fn(&Run) -> bool) -> bool {
        loop {
            if may_run {
                self.drain();
            }
            if fork::check().is_err() {
                return true; // it has forked; nobody else is here
            }
            let mut run = self.run.lock();
            if enough(&run) || run.overdue || is_awaited() {
                return true;
            }
            if may_run && run.runner.is_none() {
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

    /// Calls the function for all events that there are, and ends it after the last one of all, unless another thread is
    /// doing that.
    pub(super) fn drain(&self) {
        while self.queue.is_due() && self.take_right() {
            // Its hold on the function keeps that alive if it is removed from within.
            let function = self.function.lock().clone();
            while let Some(function) = &function
                && let Ok(event) = self.queue.try_next()
                && self.call(&**function, &event)
            {}
            if fork::check().is_err() {
                return; // it has forked: the locks may be anybody's
            }
            let over = self.queue.is_over();
            let last = if over { self.function.lock().take() } else { None };
            if over {
                let _ = handle::close::<Called>(self.id); // it may be gone already
                self.untie();
            }
            // Foreign code, if it is the last hold. Before the right is given up: who removes it waits for that.
            drop((function, last));
            if fork::check().is_err() {
                return; // as above
            }
            let mut run = self.run.lock();
            (run.runner, run.since) = (None, None);
            run.removed |= over;
            drop(run);
            self.ended.notify_all(); // the right to run is free
            // Who put something in meanwhile found us running, and left it to us: look again.
        }
    }

    /// Waits until no other thread runs it.
    fn wait_for_right(&self) {
        let mut run = self.run.lock();
        while run.runner.is_some() {
            self.ended.wait(&mut run);
        }
    }

    fn take_right(&self) -> bool {
        let mut run = self.run.lock();
        let free = run.runner.is_none() && !run.removed;
        if free {
            (run.runner, run.since) = (Some(me()), Some(Instant::now()));
        }
        free
    }

    /// Calls the function for one event; tells whether it may be called again.
    fn call(&self, function: &Function, event: &Event) -> bool {
        let begin = Instant::now();
        self.run.lock().since = Some(begin);
        DEPTH.with(|depth| depth.set(depth.get() + 1));
        let result = catch_unwind(AssertUnwindSafe(|| function(event)));
        DEPTH.with(|depth| depth.set(depth.get() - 1));
        if fork::check().is_err() {
            return false; // see `drain`
        }
        let time = begin.elapsed();
        self.slowest.fetch_max(time.as_nanos() as u64, Ordering::Relaxed); // a figure for people
        let failed = !matches!(result, Ok(Ok(())));
        if failed {
            self.failures.fetch_add(1, Ordering::Relaxed); // as above
        }
        let mut run = self.run.lock();
        run.done += event.lost_count().unwrap_or(1);
        run.since = Some(begin + time);
        run.overdue = false;
        let removed = run.removed;
        drop(run);
        self.ended.notify_all();
        let slow = self.limit.is_some_and(|limit| time >= limit);
        let ends = !removed && !self.keep && (failed || slow);
        if failed || slow {
            self.write(if failed { "failed" } else { "took longer than it may" });
        }
        if ends {
            let _ = Handler(self.id).remove(); // another may have been first
        }
        !removed && !ends
    }

    /// Tells the log. To be called with nothing held.
    fn write(&self, what: &str) {
        let (registry, handler) = (index_of(self.registry.id()), index_of(self.id));
        let then = if self.keep { "" } else { "; it is removed" };
        log::write(Level::Warn, &format!("registry {registry}: handler {handler} {what}{then}"));
    }

    /// From now on it does not run. Waits for a call under way in another thread as long as that may take, and tells
    /// whether it has ended.
    fn silence(&self) -> Result<bool, Error> {
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
    fn leave(&self) -> Result<(), Error> {
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
        let may_run = self.mode == Mode::Synchronous;
        self.wait(None, may_run, |run| run.removed && run.runner.is_none());
        if fork::check().is_err() {
            return; // see `drain`
        }
        let _ = handle::close::<Called>(self.id); // it may be gone already
        if !is_awaited() {
            self.run.lock().removed = true; // if it hangs
            self.queue.end(End::Closed);
            self.end();
        }
    }

    /// Tells its owner that it has ended.
    fn untie(&self) {
        if let Some(owner) = &self.owner {
            owner.untie(Tied::Handler(Handler(self.id)));
        }
    }

    fn end(&self) {
        self.untie();
        let function = self.function.lock().take();
        drop(function); // which may be foreign code: without the lock
        if fork::check().is_err() {
            return; // see `drain`
        }
        let Some(thread) = self.thread.lock().take() else { return };
        // SAFETY: a plain call without arguments.
        let mine = thread.as_pthread_t() == unsafe { libc::pthread_self() };
        // One that is in a call ends by itself after it.
        if !mine && self.run.lock().runner.is_none() {
            let _ = thread.join(); // it catches panics
        }
    }

    /// Gives it a thread of its own, if it has none, that calls the function whenever there is an event.
    fn summon(self: &Arc<Called>) -> Result<(), Error> {
        let mut thread = self.thread.lock();
        if thread.is_none() {
            let called = Arc::clone(self);
            let name = format!("kvreg-on-{}", self.id & 0xfff_ffff);
            *thread = Some(crate::thread::start(name, move || {
                while called.queue.wait_for_some() {
                    called.drain();
                    if fork::check().is_err() {
                        return; // it has forked, and is all that the child has
                    }
                    called.wait_for_right();
                }
                called.drain(); // ends it, if the registry was stopped
            })?);
        }
        Ok(())
    }
}
