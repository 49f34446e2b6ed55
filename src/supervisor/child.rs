//! A child: its identity, what it does, and the thread that does it.

use super::bell::Bell;
use super::deeds::Deeds;
use super::entry::Key;
use super::node::Node;
use crate::error::Error;
use crate::fork;
use crate::sync::{Arc, local};
use crate::thread::{self, Handle};
use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Weak;

/// What a child is known by. It holds nothing of the host's, so that anybody may drop it anywhere.
pub(crate) struct Child {
    /// 0 for a thread of kvreg's own.
    pub(super) id: u64,
    pub(super) name: Box<str>,
    pub(super) node: Weak<Node>,
    pub(super) bell: Arc<Bell>,
}

type Function = dyn Fn(&Child) -> Result<(), i32> + Send + Sync;

/// What a worker does, again at every start.
pub(super) struct Work(pub(super) Box<Function>);

/// How a child ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    Normal,
    /// With this status.
    Failed(i32),
    Panicked(String),
    /// A supervisor below gave up.
    GaveUp(String),
    /// The system gave no thread, or the child still runs.
    NotStarted(&'static str),
}

impl End {
    pub(super) fn status(&self) -> i32 {
        match self {
            End::Normal => 0,
            End::Failed(status) => *status,
            End::Panicked(_) => Error::Panicked.code(),
            End::GaveUp(_) => Error::Stopped.code(),
            End::NotStarted(_) => Error::Io.code(),
        }
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            End::Normal => write!(f, "ended"),
            End::Failed(status) => write!(f, "failed with status {status}"),
            End::Panicked(message) => write!(f, "panicked: {message}"),
            End::GaveUp(reason) => write!(f, "gave up: {reason}"),
            End::NotStarted(why) => write!(f, "could not be started: {why}"),
        }
    }
}

local! {
    /// The child whose work this thread does; without a destructor, so that it can be asked while others run.
    static CURRENT: Cell<*const Child> = const { Cell::new(ptr::null()) };
}

impl Child {
    /// Whether this thread does the child's work.
    pub(super) fn is_here(&self) -> bool {
        ptr::eq(CURRENT.with(Cell::get), self)
    }

    /// What this thread does the work of. The borrow ends before the thread's work does.
    pub(super) fn with_current<R>(look: impl FnOnce(Option<&Child>) -> R) -> R {
        // SAFETY: set while the thread holds the child, as below.
        look(unsafe { CURRENT.with(Cell::get).as_ref() })
    }

    /// Starts the thread that does the work once and then says so. `start` is the number of its starts.
    pub(super) fn start(
        self: &Arc<Child>,
        node: &Arc<Node>,
        work: Arc<Work>,
        start: u64,
    ) -> Result<Handle, Error> {
        let (child, node) = (Arc::clone(self), Arc::clone(node));
        let name = format!("kvreg-{}", self.name.replace('\0', "?")); // std refuses a NUL
        thread::start(name, move || {
            CURRENT.with(|current| current.set(&*child));
            let result = catch_unwind(AssertUnwindSafe(|| (work.0)(&child)));
            CURRENT.with(|current| current.set(ptr::null()));
            if fork::check().is_err() {
                return std::mem::forget(work); // the child of a fork supervises nothing
            }
            let mut deeds = Deeds::default();
            // First: if it was left behind, this is the last count. Else it is told of before who waits for its end
            // goes on, who then has the last count.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(work)));
            node.report(Key::of(&*child), start, end_of(result), &mut deeds);
        })
    }
}

fn end_of(result: Result<Result<(), i32>, Box<dyn Any + Send>>) -> End {
    match result {
        Ok(Ok(())) => End::Normal,
        Ok(Err(status)) => End::Failed(status),
        Err(panic) => {
            let message = message_of(&*panic);
            // The end of what was thrown is the host's code, and may panic again.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(panic)));
            End::Panicked(message)
        }
    }
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    #[cfg(feature = "test-hooks")]
    if panic.is::<super::bell::hooks::Killed>() {
        return "killed by a test".to_owned();
    }
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "without a message".to_owned(),
    }
}
