//! Handlers: functions that are called for each event, without any lock, turn or pin.
//!
//! A handler has a queue, and a right to run that one thread has at a time: so it sees events one by one, in their order.
//! Whoever makes a change runs the synchronous handlers, or waits for the thread that is just doing so, before its call
//! returns. An asynchronous handler has a thread of its own ([`dispatcher`](super::dispatcher)).
//!
//! From inside a handler nobody waits for a handler: a change made there is published at once, and whoever runs the
//! handlers tells of it when they return. So a handler that creates and stops buckets works, and cannot hang. Nor does
//! a thread wait that others may wait for, because it has a bucket for long or loads one ([`is_awaited`](super::is_awaited)).

use super::Event;
use super::called::Called;
use super::filter::Filter;
use crate::error::Error;
use crate::fork;
use crate::handle;
use crate::owner::Owner;
use crate::registry::Registry;
use crate::sync::Arc;
use std::time::Duration;

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

/// A handle of a handler: a number. Copy it freely; [`Handler::remove`] ends the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handler(u64);

impl Handler {
    /// Calls a function for the events of a registry from now on.
    ///
    /// ```
    /// use kvreg::{Handler, HandlerOptions, Registry};
    /// use std::sync::{Arc, Mutex};
    ///
    /// let registry = Registry::start()?;
    /// let log = Arc::new(Mutex::new(Vec::new()));
    /// let lines = Arc::clone(&log);
    /// let handler = Handler::add(registry, HandlerOptions::default(), move |event| {
    ///     lines.lock().unwrap().push((event.kind(), event.name().to_vec()));
    ///     Ok(())
    /// })?;
    /// registry.create("ada")?;
    /// assert_eq!(log.lock().unwrap().len(), 1, "it ran before the call returned");
    /// handler.remove()?;
    /// registry.stop()?;
    /// # Ok::<(), kvreg::Error>(())
    /// ```
    pub fn add(
        registry: Registry,
        options: HandlerOptions<'_>,
        function: impl Fn(&Event) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Result<Handler, Error> {
        fork::check()?;
        let called = Called::make(registry, options, Arc::new(function))?;
        let added = called.begin();
        if added.is_err() {
            let _ = Handler(called.id).remove(); // its owner may have been first
        }
        added.map(|()| Handler(called.id))
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
                called.forbid();
                called.leave()
            }
            result => result,
        }
    }
}
