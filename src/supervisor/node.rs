//! A supervisor: children in an order, and what is done when one ends.
//!
//! It has no thread. Who finds that something is to be done does it if nobody else is at it, else leaves it to that one:
//! the thread of a worker that ended starts the next, and if a failure concerns others, or is one too many, it ends them;
//! a call that stops a supervisor ends the workers itself. So there is no thread whose own end nobody would see, and a
//! restart waits for no other thread to be woken.
//!
//! Invariants:
//! 1. `busy` is the turn: who has it sees to children that ended and starts those that wait, until there are none. Who
//!    does not have it adds to `entries`, or takes out what it stopped itself, and changes phases of its own child.
//!    Nobody has it from inside a worker of the supervisor, or below: he might have to wait for his own end.
//! 2. A turn is never waited for upwards: a supervisor that gives up tells its parent only when it has let go of its own
//!    turn. Downwards the wait is bounded by the patience for each child. So nobody waits in a circle.
//! 3. No two threads do one worker's work at a time: one that does not end when it should is never started beside itself.
//! 4. The host's functions run with no lock and no turn held ([`Deeds`]).

use super::child::{Child, End};
use super::deeds::Deeds;
use super::entry::{self, Entry, Key, Phase};
use super::rules::{Limits, Recent, Restart, Strategy};
use crate::error::Error;
use crate::fork;
use crate::handle;
use crate::sync::{Arc, Condvar, Mutex, MutexGuard};
use crate::thread::Handle;
use std::sync::Weak;
use std::time::{Duration, Instant};

/// How far a supervisor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Life {
    /// It works.
    Running,
    /// It ends its children.
    Ending,
    /// It was ended in good order.
    Stopped,
    /// It gave up.
    Failed,
}

/// Hears why a supervisor gave up.
pub(super) type Told = dyn Fn(&str) + Send + Sync;

pub(crate) struct Node {
    /// 0 for one of kvreg's own.
    pub(super) id: u64,
    pub(super) name: Box<str>,
    pub(super) strategy: Strategy,
    pub(super) limits: Limits,
    pub(super) parent: Weak<Node>,
    /// How many supervisors are above it.
    pub(super) depth: usize,
    /// kvreg's own, called when it has given up, with the reason.
    pub(super) on_failure: Option<Box<Told>>,
    pub(super) state: Mutex<State>,
    pub(super) changed: Condvar,
}

pub(super) struct State {
    pub(super) life: Life,
    pub(super) busy: bool,
    pub(super) entries: Vec<Entry>,
    pub(super) recent: Recent,
    /// How many children are no longer here, and not dismissed yet.
    dismissing: usize,
    /// Which start of it this is.
    pub(super) start: u64,
    pub(super) restarts: u64,
    /// It has ended without some of its children, which run on.
    pub(super) left: bool,
    /// Why it gave up last.
    pub(super) reason: String,
    /// It will not run again.
    pub(super) over: Option<Life>,
}

pub(super) type Locked<'s> = MutexGuard<'s, State>;

impl State {
    pub(super) fn new() -> State {
        State {
            life: Life::Running,
            busy: false,
            entries: Vec::new(),
            recent: Recent::default(),
            dismissing: 0,
            start: 1,
            restarts: 0,
            left: false,
            reason: String::new(),
            over: None,
        }
    }

    fn place(&self, key: Key) -> Option<usize> {
        self.entries.iter().position(|entry| entry.member.key() == key)
    }

    pub(super) fn find(&mut self, key: Key) -> Option<&mut Entry> {
        self.place(key).map(|place| &mut self.entries[place])
    }

    pub(super) fn runs(&mut self, key: Key) -> bool {
        self.find(key).is_some_and(|entry| entry.is_running())
    }

    /// Takes a child out, for this thread to dismiss.
    pub(super) fn dismiss(&mut self, place: usize, node: &Arc<Node>, deeds: &mut Deeds) {
        self.dismissing += 1;
        deeds.dismiss(self.entries.remove(place).member, Arc::clone(node));
    }

    /// The same for all, the last first.
    pub(super) fn dismiss_all(&mut self, node: &Arc<Node>, deeds: &mut Deeds) {
        for place in (0..self.entries.len()).rev() {
            self.dismiss(place, node, deeds);
        }
    }
}

impl Node {
    /// A child is added, and started unless another thread is just seeing to the children, who then starts it.
    pub(super) fn add(self: &Arc<Node>, entry: Entry) -> Result<(), Error> {
        let (mut deeds, key) = (Deeds::default(), entry.member.key());
        let mut state = self.state.lock();
        if state.life != Life::Running {
            state.dismissing += 1;
            deeds.dismiss(entry.member, Arc::clone(self));
            return Err(Error::Stopped);
        }
        state.entries.push(entry);
        let Some(place) = state.place(key).filter(|_| !state.busy) else { return Ok(()) };
        if self.launch(&mut state.entries[place]).is_err() {
            state.dismiss(place, self, &mut deeds);
            return Err(Error::Io);
        }
        Ok(())
    }

    /// Told by a child's thread, or by a supervisor below, how its start with this number ended.
    pub(super) fn report(self: &Arc<Node>, key: Key, start: u64, end: End, deeds: &mut Deeds) {
        let mut state = self.state.lock();
        let running = state.life == Life::Running;
        let Some(entry) = state.find(key) else { return }; // it was left behind
        if entry.starts != start || !entry.is_running() {
            return; // whoever ended it meanwhile, or started it anew, has seen that it had ended
        }
        entry.phase = Phase::Over(end);
        if running {
            entry.handle = None; // it may have much to do yet: nobody waits for that
        }
        self.changed.notify_all(); // a child has ended
        if running && !state.busy {
            state.busy = true;
            self.serve(state, deeds);
        }
    }

    /// Ends all children, the last first, and the supervisor, if need be for good. False if some were left behind.
    pub(super) fn halt(self: &Arc<Node>, for_good: bool, deeds: &mut Deeds) -> bool {
        let mut state = self.state.lock();
        while state.life == Life::Ending {
            self.changed.wait(&mut state); // somebody else is at it
        }
        let before = std::mem::replace(&mut state.life, Life::Ending);
        while state.busy {
            self.changed.wait(&mut state); // who has the turn sees that this is the end
        }
        state.busy = true;
        // One that has ended before may have left children behind, and some may have ended since.
        let all = self.end_all(&mut state, deeds) && !state.left;
        state.busy = false;
        state.life = if before == Life::Running { Life::Stopped } else { before };
        if for_good {
            state.over = state.over.or(Some(state.life));
        }
        self.changed.notify_all();
        all
    }

    /// Forgets all children and the id. To be called when it has ended for good, with nothing held. When it returns, no
    /// other thread is at the end of what the host gave for a child; unless this thread is at such an end itself, for
    /// which others may wait here, too.
    pub(super) fn dismiss(self: &Arc<Node>) {
        let mut deeds = Deeds::default();
        {
            let mut state = self.state.lock();
            if state.life == Life::Running {
                state.life = Life::Stopped; // nobody ever knew it
            }
            state.over = state.over.or(Some(state.life));
            state.dismiss_all(self, &mut deeds);
            self.changed.notify_all();
        }
        drop(deeds);
        if fork::check().is_err() {
            return; // a deed was to fork
        }
        if !entry::is_dismissing() {
            self.wait_for(&mut self.state.lock(), None, |state| state.dismissing == 0);
        }
        let _ = handle::close::<Node>(self.id); // it may have none, or be closed
    }

    /// A child was dismissed.
    pub(super) fn dismissed(&self) {
        self.state.lock().dismissing -= 1;
        self.changed.notify_all();
    }

    /// Marks a child as not to be started again.
    pub(super) fn forget(&self, key: Key) {
        if let Some(entry) = self.state.lock().find(key) {
            entry.removed = true;
        }
    }

    /// Takes out a supervisor below that was ended for good. Not by the turn: a worker may be who ended it.
    pub(super) fn remove(&self, key: Key) {
        let mut state = self.state.lock();
        let entry = state.place(key).map(|place| state.entries.remove(place));
        self.changed.notify_all();
        drop(state);
        drop(entry);
    }

    /// Ends a child for good. The bell of a worker that does not end in time goes on ringing.
    pub(super) fn stop_child(
        self: &Arc<Node>,
        child: &Child,
        patience: Option<Duration>,
    ) -> Result<(), Error> {
        let (mut deeds, key) = (Deeds::default(), Key::of(child));
        let mut state = self.state.lock();
        let entry = state.find(key).ok_or(Error::Dead)?;
        entry.removed = true;
        child.bell.tell();
        if child.is_here() {
            return Ok(());
        }
        entry.stoppers += 1;
        let ended = self.wait_for(&mut state, patience, |state| !state.runs(key));
        let Some(place) = state.place(key) else { return Ok(()) }; // the supervisor ended, or another call was first
        state.entries[place].stoppers -= 1;
        if !ended {
            return Err(Error::TimedOut);
        }
        state.dismiss(place, self, &mut deeds);
        self.changed.notify_all();
        drop(state);
        Ok(())
    }

    /// Tells a thread to stop, and forgets it; whoever has its handle may wait for its end.
    pub(super) fn let_go(self: &Arc<Node>, key: Key) -> Option<Handle> {
        let mut deeds = Deeds::default();
        let mut state = self.state.lock();
        let place = state.place(key)?;
        let entry = &mut state.entries[place];
        let handle = entry.handle.take();
        if let Some(bell) = entry.member.bell() {
            bell.tell(); // under the lock: it is not started anew after that
        }
        state.dismiss(place, self, &mut deeds);
        self.changed.notify_all();
        drop(state);
        handle
    }

    /// Starts all children of a supervisor below anew, but for temporary ones.
    pub(super) fn begin(self: &Arc<Node>, start: u64, deeds: &mut Deeds) -> Result<(), &'static str> {
        let mut state = self.state.lock();
        if state.over.is_some() || state.life == Life::Ending {
            return Err("it was stopped");
        }
        if state.entries.iter().any(Entry::is_running) {
            return Err("a worker of it was left behind and still runs");
        }
        state.life = Life::Running;
        state.start = start;
        state.recent.clear();
        for entry in &mut state.entries {
            entry.phase = Phase::Waiting;
            entry.removed |= entry.restart == Restart::Temporary && entry.starts != 0;
        }
        state.busy = true;
        self.serve(state, deeds);
        Ok(())
    }

    /// Sleeps until something is so, or the time is over.
    pub(super) fn wait_for(
        &self,
        state: &mut Locked<'_>,
        patience: Option<Duration>,
        so: impl Fn(&mut State) -> bool,
    ) -> bool {
        let until = patience.and_then(|patience| Instant::now().checked_add(patience));
        while !so(state) {
            match until {
                None => self.changed.wait(state),
                Some(until) if self.changed.wait_until(state, until).timed_out() => return so(state),
                Some(_) => {}
            }
        }
        true
    }

    /// Whether this thread does the work of one of its children, or of a child of these.
    pub(super) fn is_here(self: &Arc<Node>) -> bool {
        Child::with_current(|child| {
            let above = |node: &Arc<Node>| node.parent.upgrade();
            std::iter::successors(child.and_then(|child| child.node.upgrade()), above)
                .any(|node| Arc::ptr_eq(&node, self))
        })
    }
}
