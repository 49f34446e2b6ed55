//! Which frozen versions of a tree somebody may still hold, and what may be freed when they let go.
//!
//! The rule is that of ZFS' dead lists: what was replaced lies on the list of the newest version that can see it.
//! When a version is dropped, its list is either free, or goes to the next older version that is held, if that was
//! born late enough to see it. So the cost is that of what changed, and no count is kept in any node.
//!
//! Invariant: a thing on the list of version `v` was born at or before `v` and replaced after it, and `v` is the
//! newest held version of which this is true.

use super::{Entry, Node};
use std::ptr;

/// A node or an entry that was replaced.
#[derive(Clone, Copy)]
pub(crate) struct Dead {
    address: usize,
    /// The version it was born in; ENTRY is set for an entry.
    birth: u64,
}

const ENTRY: u64 = 1 << 63;

impl Dead {
    pub(super) fn of_node(node: Node, birth: u64) -> Dead {
        Dead { address: node.0, birth }
    }

    pub(super) fn of_entry<E: Entry>(entry: *const E, birth: u64) -> Dead {
        Dead { address: entry.expose_provenance(), birth: birth | ENTRY }
    }

    pub(super) fn entry<E>(self) -> Option<*const E> {
        (self.birth & ENTRY != 0).then(|| ptr::with_exposed_provenance(self.address))
    }

    pub(super) fn node(self) -> Node {
        Node(self.address)
    }

    /// The version in which it was put into the tree.
    pub(crate) fn birth(self) -> u64 {
        self.birth & !ENTRY
    }
}

/// The versions that somebody may hold, oldest first, each with its dead list.
#[derive(Default)]
pub(crate) struct Versions {
    held: Vec<(u64, Vec<Dead>)>,
    /// Empty lists that keep their memory, so that a steady churn allocates nothing.
    spare: Vec<Vec<Dead>>,
    /// How many things are on all lists.
    dead: usize,
}

impl Versions {
    /// The newest version that is held, or 0.
    pub(crate) fn newest(&self) -> u64 {
        self.held.last().map_or(0, |(version, _)| *version)
    }

    /// How many things wait for a version to be dropped.
    pub(crate) fn dead(&self) -> usize {
        self.dead
    }

    /// Holds a version, newer than all that are held.
    pub(crate) fn hold(&mut self, version: u64) {
        debug_assert!(version > self.newest());
        self.held.push((version, self.spare.pop().unwrap_or_default()));
    }

    /// Takes in what was replaced since the newest version was frozen, or gives back what nobody can see.
    pub(crate) fn bury(&mut self, dead: Dead) -> Option<Dead> {
        match self.held.last_mut() {
            Some((version, list)) if dead.birth() <= *version => {
                list.push(dead);
                self.dead += 1;
                None
            }
            _ => Some(dead),
        }
    }

    /// Lets go of a version, and adds to `free` what nobody can see any more. Cost: the things that were replaced while
    /// it was the newest held, if an older one is held; else O(1) where `free` is empty.
    pub(crate) fn drop_version(&mut self, version: u64, free: &mut Vec<Dead>) {
        let Ok(i) = self.held.binary_search_by_key(&version, |held| held.0) else { return };
        let (_, mut list) = self.held.remove(i);
        let before = free.len();
        match i.checked_sub(1) {
            None if free.is_empty() => std::mem::swap(free, &mut list),
            None => free.append(&mut list),
            Some(older) => {
                let (version, older) = &mut self.held[older];
                for dead in list.drain(..) {
                    if dead.birth() <= *version { older.push(dead) } else { free.push(dead) }
                }
            }
        }
        self.dead -= free.len() - before;
        if self.spare.len() < 16 {
            self.spare.push(list);
        }
    }
}
