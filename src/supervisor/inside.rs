//! The supervisor of kvreg's own threads: one for each registry, without a handle.

use super::bell::Bell;
use super::child::{Child, Work};
use super::deeds::Deeds;
use super::entry::{Entry, Key, Member};
use super::node::{Node, State};
use super::rules::{Limits, Restart, Strategy};
use crate::error::Error;
use crate::sync::{Arc, Condvar, Mutex};
use crate::thread::Handle;
use std::os::unix::thread::JoinHandleExt;
use std::sync::Weak;
use std::time::Duration;

pub(crate) struct Inside(Arc<Node>);

/// A thread of kvreg's own, for who ends it before the others.
pub(crate) struct OwnThread(Arc<Child>);

impl OwnThread {
    /// Whether it is there, or will be when the next one is started: until all were ended, or too many have died.
    pub(crate) fn is_there(&self) -> bool {
        let key = Key::of(&*self.0);
        self.0.node.upgrade().is_some_and(|node| node.state.lock().find(key).is_some())
    }

    /// Tells it to stop; it is not started again. Waits for its end if it shall, unless it is the thread that calls.
    pub(crate) fn end(&self, wait: bool) {
        let Some(node) = self.0.node.upgrade() else { return };
        let thread = node.let_go(Key::of(&*self.0));
        thread.filter(|_| wait).into_iter().for_each(join);
    }
}

fn join(thread: Handle) {
    // Not by std's `current`: a thread that is past its thread-local destructors may stop a registry, too.
    // SAFETY: a plain call without arguments.
    if thread.as_pthread_t() != unsafe { libc::pthread_self() } {
        let _ = thread.join(); // it catches its own panics
    }
}

impl Inside {
    /// `on_failure` is called, with nothing held, when more threads died than the limits allow and all have ended.
    pub(crate) fn new(
        name: &str,
        limits: Limits,
        on_failure: impl Fn(&str) + Send + Sync + 'static,
    ) -> Inside {
        Inside(Arc::new(Node {
            id: 0,
            name: name.into(),
            strategy: Strategy::OneForOne,
            limits,
            parent: Weak::new(),
            depth: 0,
            on_failure: Some(Box::new(on_failure)),
            state: Mutex::new(State::new()),
            changed: Condvar::new(),
        }))
    }

    /// Starts a thread `kvreg-<name>`, which is started anew when it dies. It returns when its bell says
    /// [`Stop`](super::bell::Call::Stop); it must find all that it needs where it is kept for the next one, which has a
    /// [`Ring`](super::bell::Call::Ring) to begin with. Its end is waited for so long; None: for ever.
    /// [`Error::Stopped`] if too many threads have died, or all were ended.
    pub(crate) fn child(
        &self,
        name: &str,
        bell: &Arc<Bell>,
        patience: Option<Duration>,
        run: impl Fn(&Bell) + Send + Sync + 'static,
    ) -> Result<OwnThread, Error> {
        bell.renew();
        let (name, node, bell) = (name.into(), Arc::downgrade(&self.0), Arc::clone(bell));
        let child = Arc::new(Child { id: 0, name, node, bell });
        let thread = OwnThread(Arc::clone(&child));
        let work = Work(Box::new(move |child| {
            run(&child.bell);
            // A return that was not asked for is a failure, too: nobody is there any more.
            if child.bell.is_told() { Ok(()) } else { Err(1) }
        }));
        let member = Member::Worker { child, work: Arc::new(work) };
        self.0.add(Entry::new(member, Restart::Permanent, patience))?;
        Ok(thread)
    }

    /// Ends all threads, the last first, and waits for that; but not for the thread that calls, which then ends when it
    /// returns from what it does.
    pub(crate) fn end(&self) {
        let mut deeds = Deeds::default();
        self.0.halt(true, &mut deeds);
        let handles: Vec<_> =
            self.0.state.lock().entries.iter_mut().filter_map(|entry| entry.handle.take()).collect();
        handles.into_iter().for_each(join);
        drop(deeds);
        self.0.dismiss();
    }

    /// Why it gave up, if it did.
    pub(crate) fn reason(&self) -> String {
        self.0.state.lock().reason.clone()
    }

    /// Whether the thread with this bell is there, or will be.
    #[cfg(feature = "test-hooks")]
    pub(crate) fn has(&self, bell: &Arc<Bell>) -> bool {
        let with = |entry: &Entry| entry.member.bell().is_some_and(|other| Arc::ptr_eq(other, bell));
        self.0.state.lock().entries.iter().any(with)
    }

    /// The bell of the thread with this name.
    #[cfg(feature = "test-hooks")]
    pub(crate) fn bell(&self, name: &str) -> Option<Arc<Bell>> {
        let state = self.0.state.lock();
        let named =
            |entry: &&Entry| matches!(&entry.member, Member::Worker { child, .. } if &*child.name == name);
        state.entries.iter().find(named).and_then(|entry| entry.member.bell()).cloned()
    }
}
