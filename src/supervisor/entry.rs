//! What a supervisor knows of a child.

use super::bell::Bell;
use super::child::{Child, End, Work};
use super::node::Node;
use super::rules::Restart;
use crate::handle;
use crate::sync::Arc;
use crate::sync::local;
use crate::thread::Handle;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

local! {
    /// Whether this thread runs the end of what the host gave for a child.
    static DISMISSING: Cell<bool> = const { Cell::new(false) };
}

pub(super) fn is_dismissing() -> bool {
    DISMISSING.with(Cell::get)
}

pub(super) enum Member {
    Worker { child: Arc<Child>, work: Arc<Work> },
    Node(Arc<Node>),
}

/// Which member: its address.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(*const ());

impl Key {
    pub(super) fn of<T>(member: &T) -> Key {
        Key(std::ptr::from_ref(member).cast())
    }
}

pub(super) enum Phase {
    /// To be started.
    Waiting,
    Running,
    /// Ended, and not seen to.
    Over(End),
    Idle,
}

pub(super) struct Entry {
    pub(super) member: Member,
    pub(super) restart: Restart,
    /// How long its end is waited for; None: for ever.
    pub(super) patience: Option<Duration>,
    pub(super) phase: Phase,
    /// It was told to end, and did not in time.
    pub(super) left: bool,
    /// It is not started again.
    pub(super) removed: bool,
    /// So many calls wait for its end, the first of which dismisses it.
    pub(super) stoppers: u32,
    pub(super) starts: u64,
    /// Of its last end.
    pub(super) status: i32,
    pub(super) handle: Option<Handle>,
}

impl Member {
    pub(super) fn key(&self) -> Key {
        match self {
            Member::Worker { child, .. } => Key::of(&**child),
            Member::Node(node) => Key::of(&**node),
        }
    }

    /// As a record names it.
    pub(super) fn label(&self) -> String {
        match self {
            Member::Worker { child, .. } if child.id == 0 => format!("thread {}", child.name),
            Member::Worker { child, .. } => format!("worker {}", child.name),
            Member::Node(node) => format!("supervisor {}", node.name),
        }
    }

    pub(super) fn bell(&self) -> Option<&Arc<Bell>> {
        match self {
            Member::Worker { child, .. } => Some(&child.bell),
            Member::Node(_) => None,
        }
    }

    /// Ends its id and what the host gave for it. To be called with nothing held.
    pub(super) fn dismiss(self) {
        match self {
            Member::Worker { child, work } => {
                let _ = handle::close::<Child>(child.id); // it may have none
                if child.id != 0 {
                    child.bell.tell(); // threads of the worker's own may still wait for its end
                }
                let before = DISMISSING.with(|dismissing| dismissing.replace(true));
                let _ = catch_unwind(AssertUnwindSafe(|| drop(work)));
                DISMISSING.with(|dismissing| dismissing.set(before));
            }
            Member::Node(node) => node.dismiss(),
        }
    }
}

impl Entry {
    pub(super) fn new(member: Member, restart: Restart, patience: Option<Duration>) -> Entry {
        let mut entry = Entry {
            member,
            restart,
            patience,
            phase: Phase::Waiting,
            left: false,
            removed: false,
            stoppers: 0,
            starts: 0,
            status: 0,
            handle: None,
        };
        if let Member::Node(_) = entry.member {
            entry.begin(); // it has nothing to start yet
        }
        entry
    }

    /// Says that it is started, for which time.
    pub(super) fn begin(&mut self) -> u64 {
        self.starts += 1;
        self.left = false;
        self.phase = Phase::Running;
        self.starts
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running)
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.phase, Phase::Waiting) && !self.removed
    }

    /// Whether it ended and whoever has the turn must see to it.
    pub(super) fn is_over(&self) -> bool {
        if self.removed {
            !self.is_running() && self.stoppers == 0
        } else {
            matches!(self.phase, Phase::Over(_))
        }
    }

    /// Takes down how it ended, if it did, and gives that.
    pub(super) fn settle(&mut self) -> Option<End> {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Over(end) => {
                self.status = end.status();
                Some(end)
            }
            _ => None,
        }
    }
}
