//! A listener's bounded queue of events.
//!
//! Who has the turn puts events in, and so in their order; it never waits. What there is no room for is dealt with as
//! the listener chose: the oldest are dropped and counted, or the queue takes no more, or it grows a little and those
//! who make changes wait for room when they have let go of the turn.

use super::bell::Bell;
use super::{Event, Monitor};
use crate::error::Error;
use crate::sync::{Condvar, Mutex, MutexGuard};
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// What happens to events that a full queue has no room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The oldest are dropped: a [`EventKind::Lost`](super::EventKind::Lost) says how many.
    #[default]
    DropOldest,
    /// Who makes a change waits for room, after the change and for so long at most; then as above.
    Block(Duration),
    /// The subscription ends: what is in the queue can still be taken, then comes a [`EventKind::Lost`](super::EventKind::Lost) of no count.
    Disconnect,
}

/// So many more than its capacity may be in a queue that is waited for: changes by many threads, made at the same time.
const GRACE: usize = 4096;

pub(super) struct Queue {
    state: Mutex<State>,
    /// There is something to take, or there is room.
    changed: Condvar,
    capacity: usize,
    overflow: Overflow,
}

#[derive(Default)]
struct State {
    events: VecDeque<Event>,
    /// Events that were dropped since the last one was taken, and the revision of the newest.
    lost: u64,
    lost_revision: u64,
    /// How many of them were the table's.
    lost_tables: u64,
    /// Events up to this revision are not for it.
    after: u64,
    /// How many were ever put in, dropped ones too.
    pushed: u64,
    /// How many threads wait.
    waiting: u32,
    /// Nobody made room in time, and nobody has taken anything since.
    stalled: bool,
    /// The monitors that tell it, and their buckets.
    monitors: HashMap<u64, u64>,
    end: Option<End>,
    bell: Option<Bell>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Nobody listens any more.
    Closed,
    /// The registry was stopped: what is in the queue can still be taken.
    Stopped,
    /// It was full: as above.
    Full,
}

impl Queue {
    pub(super) fn new(capacity: usize, overflow: Overflow) -> Queue {
        Queue { state: Mutex::default(), changed: Condvar::new(), capacity, overflow }
    }

    /// Puts an event in. Tells whether [`Queue::wake`] must be called.
    pub(super) fn push(&self, event: Event) -> bool {
        let mut state = self.state.lock();
        if state.end.is_some() || event.is_tables() && event.revision() <= state.after {
            return false;
        }
        state.pushed += 1;
        if state.events.len() >= self.capacity {
            match self.overflow {
                Overflow::Block(_) if state.events.len() < self.capacity.saturating_add(GRACE) => {}
                Overflow::Disconnect => {
                    state.end = Some(End::Full);
                    state.events.push_back(Event::lost(0, event.revision()));
                    return true;
                }
                _ => state.drop_oldest(),
            }
        }
        state.events.push_back(event);
        state.waiting != 0 || state.bell.as_ref().is_some_and(|bell| !bell.rings())
    }

    /// Puts in what happened before it was there, however much that is.
    pub(super) fn fill<'e>(&self, events: impl Iterator<Item = &'e Event>) {
        let mut state = self.state.lock();
        state.events.extend(events.cloned());
        state.pushed = state.events.len() as u64;
    }

    /// Wakes those who wait. Not under the turn: it is a system call.
    pub(super) fn wake(&self) {
        let mut state = self.state.lock();
        state.ring();
        let waiting = state.waiting != 0;
        drop(state);
        if waiting {
            self.changed.notify_all(); // for an event
        }
    }

    /// Waits for room, if that is what was chosen; but a second time only for who takes something. What is too much in
    /// the end is dropped.
    pub(super) fn wait_for_room(&self) {
        let Overflow::Block(limit) = self.overflow else { return };
        let mut state = self.state.lock();
        let until = deadline(limit);
        while state.events.len() > self.capacity && state.end.is_none() && !state.stalled {
            let in_time = self.wait(&mut state, until);
            state.stalled = !in_time && state.events.len() > self.capacity;
        }
        while state.events.len() > self.capacity {
            state.drop_oldest();
        }
    }

    pub(super) fn blocks(&self) -> bool {
        matches!(self.overflow, Overflow::Block(_))
    }

    /// The next event; waits for one until the deadline, or for ever. [`Error::TimedOut`] if there is none by then,
    /// [`Error::Stopped`] if there will be none.
    pub(super) fn next(&self, deadline: Option<Instant>) -> Result<Event, Error> {
        let mut state = self.state.lock();
        loop {
            match state.take() {
                Err(Error::WouldBlock) => {}
                result => {
                    self.taken(state);
                    return result;
                }
            }
            if !self.wait(&mut state, deadline) {
                return Err(Error::TimedOut);
            }
        }
    }

    /// As [`Queue::next`]; [`Error::WouldBlock`] instead of waiting.
    pub(super) fn try_next(&self) -> Result<Event, Error> {
        let mut state = self.state.lock();
        let result = state.take();
        self.taken(state);
        result
    }

    /// After events were taken out: there may be room now.
    fn taken(&self, state: MutexGuard<'_, State>) {
        let wake = self.blocks() && state.waiting != 0 && state.events.len() <= self.capacity;
        drop(state);
        if wake {
            self.changed.notify_all();
        }
    }

    /// Waits for a change until the deadline; false if it has passed.
    fn wait(&self, state: &mut MutexGuard<'_, State>, deadline: Option<Instant>) -> bool {
        state.waiting += 1;
        let in_time = match deadline {
            None => {
                self.changed.wait(state);
                true
            }
            Some(deadline) => !self.changed.wait_until(state, deadline).timed_out(),
        };
        state.waiting -= 1;
        in_time
    }

    /// Nothing is put in any more. What is in it can still be taken, unless nobody listens any more.
    pub(super) fn end(&self, end: End) {
        let mut state = self.state.lock();
        if end == End::Closed {
            state.events.clear();
            (state.lost, state.lost_tables) = (0, 0);
        }
        if state.end != Some(End::Closed) {
            state.end = Some(end);
        }
        state.ring(); // wakes who still polls
        // At once, and not when the last thread has let go of the queue: a process has few descriptors.
        let bell = if end == End::Closed { state.bell.take() } else { None };
        drop(state);
        drop(bell);
        self.changed.notify_all();
    }

    /// Leaves out what happened up to this revision, also what will be put in yet.
    pub(super) fn start_after(&self, revision: u64) {
        let mut state = self.state.lock();
        state.after = state.after.max(revision);
        state.events.retain(|event| event.revision() > revision || !event.is_tables());
        if state.lost_revision <= revision {
            state.lost -= std::mem::take(&mut state.lost_tables); // the others are not shown by any snapshot
        }
        state.ring();
        self.taken(state);
    }

    /// A monitor of a bucket will tell this queue: an error if it can not.
    pub(super) fn expect(&self, monitor: Monitor, bucket: u64) -> Result<(), Error> {
        let mut state = self.state.lock();
        match state.end {
            None => drop(state.monitors.insert(monitor.id(), bucket)),
            Some(End::Closed) => return Err(Error::Dead),
            Some(End::Stopped | End::Full) => return Err(Error::Stopped),
        }
        Ok(())
    }

    /// Takes out what a monitor told, or will tell.
    pub(super) fn forget(&self, monitor: Monitor) {
        let mut state = self.state.lock();
        state.monitors.remove(&monitor.id());
        state.events.retain(|event| event.monitor() != Some(monitor));
        state.ring();
        self.taken(state);
    }

    /// The monitors that have not told yet, and their buckets, which are forgotten.
    pub(super) fn take_monitors(&self) -> HashMap<u64, u64> {
        std::mem::take(&mut self.state.lock().monitors)
    }

    pub(super) fn len(&self) -> usize {
        self.state.lock().events.len()
    }

    /// Whether a handler has something to do: there are events, or it is to end because nothing more will come.
    pub(super) fn is_due(&self) -> bool {
        let state = self.state.lock();
        !state.events.is_empty() || state.end == Some(End::Stopped)
    }

    /// Whether the registry was stopped, and all is taken.
    pub(super) fn is_over(&self) -> bool {
        let state = self.state.lock();
        state.events.is_empty() && state.lost == 0 && state.end == Some(End::Stopped)
    }

    /// How many events were ever put in.
    pub(super) fn pushed(&self) -> u64 {
        self.state.lock().pushed
    }

    /// A file descriptor that is readable while [`Queue::next`] would not wait.
    pub(super) fn fd(&self) -> Result<i32, Error> {
        let mut state = self.state.lock();
        if state.end == Some(End::Closed) {
            return Err(Error::Dead);
        }
        if state.bell.is_none() {
            state.bell = Some(Bell::new()?);
            state.ring();
        }
        Ok(state.bell.as_ref().expect("made above").fd())
    }
}

impl State {
    fn take(&mut self) -> Result<Event, Error> {
        let event = if self.lost != 0 {
            self.lost_tables = 0;
            Some(Event::lost(std::mem::take(&mut self.lost), self.lost_revision))
        } else {
            self.pop()
        };
        self.stalled &= event.is_none();
        self.ring();
        event.ok_or(if self.end.is_some() { Error::Stopped } else { Error::WouldBlock })
    }

    /// The oldest event, unless its monitor was cancelled.
    fn pop(&mut self) -> Option<Event> {
        loop {
            let event = self.events.pop_front()?;
            let Some(monitor) = event.monitor() else { return Some(event) };
            self.monitors.remove(&monitor.id());
            if monitor.fire() {
                return Some(event);
            }
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(event) = self.pop() {
            self.lost += 1;
            if event.is_tables() {
                self.lost_tables += 1;
                self.lost_revision = event.revision();
            }
        }
    }

    fn ring(&mut self) {
        let rings = self.lost != 0 || !self.events.is_empty() || self.end.is_some();
        if let Some(bell) = &mut self.bell {
            bell.set(rings);
        }
    }
}

/// None if it is too far away for a clock.
pub(crate) fn deadline(time: Duration) -> Option<Instant> {
    Instant::now().checked_add(time)
}
