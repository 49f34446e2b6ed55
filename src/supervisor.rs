//! Supervisors: they run workers, functions of the host on threads of kvreg's, and restart those that fail.
//!
//! As on the BEAM: a supervisor has its children in the order in which they were added, a strategy for failures, and a
//! limit beyond which it gives up; then it ends all its children, the last first, and that is a failure of its own for
//! the supervisor above. The registry's threads are children of such a supervisor, too.
//!
//! ```
//! use kvreg::{Restart, Supervisor, SupervisorOptions, WorkerOptions};
//! use std::sync::atomic::{AtomicU32, Ordering};
//! use std::sync::{Arc, mpsc};
//!
//! let supervisor = Supervisor::start(SupervisorOptions::default())?;
//! let (runs, (sender, receiver)) = (Arc::new(AtomicU32::new(0)), mpsc::channel());
//! let options = WorkerOptions { name: "till", restart: Restart::Transient, ..WorkerOptions::default() };
//! supervisor.add(options, move |worker| {
//!     if runs.fetch_add(1, Ordering::Relaxed) == 0 {
//!         return Err(1); // a failure: it is started again
//!     }
//!     sender.send("second try").unwrap();
//!     worker.wait(None).unwrap_err(); // sleeps until it is told to stop
//!     Ok(())
//! })?;
//! assert_eq!(receiver.recv(), Ok("second try"));
//! assert_eq!(supervisor.stats()?.restarts, 1);
//! supervisor.stop()?;
//! # Ok::<(), kvreg::Error>(())
//! ```

pub(crate) mod bell;
mod child;
mod deeds;
mod entry;
#[cfg(not(all(test, any(loom, shuttle))))]
mod inside;
mod node;
mod report;
mod rules;
mod turn;

use crate::bucket::checked;
use crate::error::Error;
use crate::fork;
use crate::handle::{self, Object, ObjectSlot};
use crate::slot::{Kind, Slots};
use crate::sync::{Arc, Condvar, Mutex, global};
use bell::Bell;
use child::{Child, Work};
use deeds::Deeds;
use entry::{Entry, Key, Member};
#[cfg(not(all(test, any(loom, shuttle))))]
pub(crate) use inside::{Inside, OwnThread};
pub use node::Life;
use node::{Node, State};
pub use report::{SupervisorStats, WorkerStats};
pub(crate) use rules::Limits;
pub use rules::{Restart, Strategy};
use std::sync::Weak;
use std::time::{Duration, Instant};

global! {
    static SUPERVISORS: Slots<ObjectSlot<Node>> = Slots::new();
    static WORKERS: Slots<ObjectSlot<Child>> = Slots::new();
}

impl Object for Node {
    const KIND: Kind = Kind::Supervisor;
    fn slots() -> &'static Slots<ObjectSlot<Node>> {
        &SUPERVISORS
    }
}

impl Object for Child {
    const KIND: Kind = Kind::Worker;
    fn slots() -> &'static Slots<ObjectSlot<Child>> {
        &WORKERS
    }
}

/// So many supervisors may be above another: what is done down a tree takes stack for each.
const MAX_DEPTH: usize = 100;

/// How a supervisor is started.
#[derive(Clone, Copy, Debug)]
pub struct SupervisorOptions<'a> {
    /// What the log calls it; 0 to 65,535 bytes. By default "supervisor".
    pub name: &'a str,
    /// What it does about a child that failed.
    pub strategy: Strategy,
    /// It gives up when there would be more restarts than this in the window. By default 3.
    pub max_restarts: u32,
    /// By default 5 s.
    pub window: Duration,
    /// Of which supervisor it is a child.
    pub parent: Option<Supervisor>,
    /// What its parent does when it gives up.
    pub restart: Restart,
}

impl Default for SupervisorOptions<'_> {
    fn default() -> Self {
        let Limits { max_restarts, window } = Limits::default();
        let (strategy, restart) = (Strategy::OneForOne, Restart::Permanent);
        SupervisorOptions { name: "supervisor", strategy, max_restarts, window, parent: None, restart }
    }
}

/// How a worker is run.
#[derive(Clone, Copy, Debug)]
pub struct WorkerOptions<'a> {
    /// What the log and, in its first bytes, the system call it; 0 to 65,535 bytes. By default "worker".
    pub name: &'a str,
    /// Which of its ends are followed by another start.
    pub restart: Restart,
    /// How long its end is waited for when it is told to stop; None: for ever. By default 5 s. A thread cannot be killed
    /// safely: one that does not end in time is left behind, and the log says so.
    pub patience: Option<Duration>,
}

impl Default for WorkerOptions<'_> {
    fn default() -> Self {
        let patience = Some(Duration::from_secs(5));
        WorkerOptions { name: "worker", restart: Restart::Permanent, patience }
    }
}

/// A handle of a supervisor: a number. Copy it freely; [`Supervisor::stop`] ends the supervisor.
///
/// ```
/// use kvreg::{Supervisor, SupervisorOptions, WorkerOptions};
/// use std::sync::mpsc::channel;
///
/// let (begun, begins) = channel();
/// let shop = Supervisor::start(SupervisorOptions::default())?;
/// shop.add(WorkerOptions { name: "till", ..WorkerOptions::default() }, move |worker| {
///     let restarts = worker.stats().unwrap().restarts;
///     begun.send(restarts).unwrap();
///     if restarts == 0 {
///         return Err(1); // a failure, as a panic would be: it is started again
///     }
///     let _ = worker.wait(None); // until it is told to stop
///     Ok(())
/// })?;
/// assert_eq!((begins.recv(), begins.recv()), (Ok(0), Ok(1)));
/// shop.stop()?; // when this returns, it has ended
/// # Ok::<(), kvreg::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Supervisor(u64);

/// A handle of a worker: a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Worker(u64);

/// Which child of a supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChildId {
    /// A worker.
    Worker(Worker),
    /// A supervisor below.
    Supervisor(Supervisor),
}

impl ChildId {
    /// Its number.
    pub fn id(self) -> u64 {
        match self {
            ChildId::Worker(worker) => worker.0,
            ChildId::Supervisor(supervisor) => supervisor.0,
        }
    }
}

impl Supervisor {
    /// Starts a supervisor without children. [`Error::OutOfRange`] if there are 100 above it already.
    pub fn start(options: SupervisorOptions<'_>) -> Result<Supervisor, Error> {
        fork::check()?;
        fork::watch();
        let SupervisorOptions { name, strategy, max_restarts, window, parent, restart } = options;
        checked(name.as_bytes())?;
        let above = parent.map(Supervisor::node).transpose()?;
        let depth = above.as_ref().map_or(0, |above| above.depth + 1);
        if depth > MAX_DEPTH {
            return Err(Error::OutOfRange);
        }
        let mut made = None;
        let id = handle::open(|id| {
            let node = Arc::new(Node {
                id,
                name: name.into(),
                strategy,
                limits: Limits { max_restarts, window },
                parent: above.as_ref().map_or(Weak::new(), Arc::downgrade),
                depth,
                on_failure: None,
                state: Mutex::new(State::new()),
                changed: Condvar::new(),
            });
            made = Some(Arc::clone(&node));
            node
        })?;
        if let (Some(above), Some(node)) = (above, made) {
            above.add(Entry::new(Member::Node(node), restart, None))?;
        }
        Ok(Supervisor(id))
    }

    /// The handle with this number, which is checked when it is used.
    pub fn from_id(id: u64) -> Supervisor {
        Supervisor(id)
    }

    /// Its number: not 0, below 2^53.
    pub fn id(self) -> u64 {
        self.0
    }

    /// Adds a worker and starts it. It does its work once for each start, on a thread of its own: `Ok` is its normal
    /// end, `Err` with a status, or a panic, its failure. It returns soon after [`Worker::wait`] says that it shall.
    /// [`Error::Stopped`] if the supervisor has ended, or the one above is just restarting it, [`Error::Io`] if the system gives no thread.
    pub fn add(
        self,
        options: WorkerOptions<'_>,
        work: impl Fn(Worker) -> Result<(), i32> + Send + Sync + 'static,
    ) -> Result<Worker, Error> {
        fork::check()?;
        let work = Work(Box::new(move |child| work(Worker(child.id))));
        let WorkerOptions { name, restart, patience } = options;
        checked(name.as_bytes())?;
        let node = self.node()?;
        let mut made = None;
        let id = handle::open(|id| {
            let (name, node, bell) = (name.into(), Arc::downgrade(&node), Arc::new(Bell::default()));
            let child = Arc::new(Child { id, name, node, bell });
            made = Some(Arc::clone(&child));
            child
        })?;
        let child = made.expect("it was made");
        node.add(Entry::new(Member::Worker { child, work: Arc::new(work) }, restart, patience))?;
        Ok(Worker(id))
    }

    /// Ends a supervisor: its children are told to stop, the last first, and each has ended, or its time is over, before
    /// the next is told. Afterwards every call on it gives [`Error::Stopped`], and every call on a worker of it
    /// [`Error::Dead`]. [`Error::TimedOut`] if workers were left behind: they were told to stop, run on, and are nobody's.
    /// [`Error::Deadlock`] from a worker below it.
    pub fn stop(self) -> Result<(), Error> {
        fork::check()?;
        let node = self.node()?;
        if node.is_here() {
            return Err(Error::Deadlock);
        }
        let (mut deeds, key) = (Deeds::default(), Key::of(&*node));
        let parent = node.parent.upgrade();
        if let Some(parent) = &parent {
            parent.forget(key); // first: it is not started again
        }
        let all = node.halt(true, &mut deeds);
        drop(deeds);
        fork::check()?; // a deed may have been to fork
        node.dismiss();
        fork::check()?;
        if let Some(parent) = parent {
            parent.remove(key);
        }
        if all { Ok(()) } else { Err(Error::TimedOut) }
    }

    /// Waits until it has ended for good, [`Life::Stopped`] or [`Life::Failed`]. What its parent restarts has not.
    /// [`Error::TimedOut`] if it runs, [`Error::Deadlock`] from a worker below it, unless the time is zero.
    pub fn wait(self, timeout: Option<Duration>) -> Result<Life, Error> {
        fork::check()?;
        let node = self.node()?;
        if timeout != Some(Duration::ZERO) && node.is_here() {
            return Err(Error::Deadlock);
        }
        let mut state = node.state.lock();
        node.wait_for(&mut state, timeout, |state| state.over.is_some());
        state.over.ok_or(Error::TimedOut)
    }

    fn node(self) -> Result<Arc<Node>, Error> {
        handle::get(self.0).map_err(|error| if error == Error::Dead { Error::Stopped } else { error })
    }
}

impl Worker {
    /// The handle with this number, which is checked when it is used.
    pub fn from_id(id: u64) -> Worker {
        Worker(id)
    }

    /// Its number: not 0, below 2^53.
    pub fn id(self) -> u64 {
        self.0
    }

    /// For the worker: sleeps until it shall stop ([`Error::Stopped`]) or the time is over ([`Error::TimedOut`]; None:
    /// for ever). Never `Ok`.
    pub fn wait(self, timeout: Option<Duration>) -> Result<(), Error> {
        fork::check()?;
        let own = Child::with_current(|child| {
            child.filter(|child| child.id == self.0).map(|child| Arc::clone(&child.bell))
        });
        let bell = own.map_or_else(|| self.child().map(|child| Arc::clone(&child.bell)), Ok)?;
        // A time that no clock reaches is for ever.
        let told = match timeout {
            Some(Duration::ZERO) => bell.is_told(),
            _ => bell.sleep(timeout.and_then(|timeout| Instant::now().checked_add(timeout))),
        };
        Err(if told { Error::Stopped } else { Error::TimedOut })
    }

    /// Ends the worker for good: it is told to stop, and not started again. [`Error::TimedOut`] if it has not ended in
    /// time: then it goes on until it returns, and the call can be made again. From itself it returns at once, and the
    /// worker ends when it returns.
    pub fn stop(self, timeout: Option<Duration>) -> Result<(), Error> {
        fork::check()?;
        let child = self.child()?;
        child.node.upgrade().ok_or(Error::Dead)?.stop_child(&child, timeout)
    }

    fn child(self) -> Result<Arc<Child>, Error> {
        handle::get(self.0)
    }
}
