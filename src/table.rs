//! The map from names to buckets, published as immutable versions.
//!
//! A [`Version`] maps a name straight to the bucket's id, so a lookup touches the version and the name's bytes and
//! nothing else. Versions share structure (see `tree`): publishing costs the path to what changed, whatever the size.
//! They are published through arc-swap; a superseded one stays on the table's list until the table is its only
//! holder, so the last reader that lets go of a version never frees anything.

use crate::hash::Hash;
use crate::name::Name;
use crate::sync::Arc;
use crate::tree::versions::{Dead, Versions};
use crate::tree::{Entry, Node, Tree, find, walk};
use arc_swap::ArcSwap;
use std::collections::VecDeque;
use std::ptr::NonNull;

/// The names and their buckets at one revision.
pub(crate) struct Version {
    root: Node,
    /// Counts the versions of one table, from 1.
    pub(crate) number: u64,
    hash: Hash,
    /// Whose table it is; 0 if nobody's.
    pub(crate) registry: u64,
    /// The registry was stopped; the version is empty.
    pub(crate) stopped: bool,
    pub(crate) count: u64,
    pub(crate) revision: u64,
}

impl Version {
    /// What a registry that does not run shows: no names.
    pub(crate) fn stopped(registry: u64) -> Version {
        Version {
            root: Node::empty(),
            number: 0,
            hash: Hash::random(),
            registry,
            stopped: true,
            count: 0,
            revision: 0,
        }
    }

    /// The id of the bucket of this name.
    #[inline(always)]
    pub(crate) fn find(&self, name: &[u8]) -> Option<u64> {
        // SAFETY: this version is held, so its table keeps all that its root leads to.
        unsafe { find::<Name>(self.root, self.hash.of(name), name).as_ref() }.map(|name| name.id)
    }

    /// Visits all names and the ids of their buckets, in no particular order.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(&[u8], u64)) {
        // SAFETY: as in `find`; what is published is frozen.
        unsafe { walk::<Name>(self.root, &mut |name| visit(Name::bytes(name), (*name).id)) }
    }
}

/// The working copy, and all versions that somebody may hold. Whoever has it is the only writer.
pub(crate) struct Table {
    tree: Tree<Name>,
    versions: Versions,
    hash: Hash,
    published: Arc<Version>,
    /// Versions that were published once, oldest first.
    superseded: VecDeque<Arc<Version>>,
    /// Versions that nobody holds, to be used for the next ones.
    spare: Vec<Arc<Version>>,
    /// What nobody can see any more.
    doomed: Vec<Dead>,
}

impl Table {
    /// An empty table, to be published in `cell`.
    pub(crate) fn new(registry: u64, cell: &ArcSwap<Version>) -> Table {
        let published = Arc::new(Version { stopped: false, ..Version::stopped(registry) });
        let before = cell.load_full();
        let mut table = Table {
            tree: Tree::published(),
            versions: Versions::default(),
            hash: published.hash.clone(),
            published,
            superseded: VecDeque::new(),
            spare: Vec::new(),
            doomed: Vec::new(),
        };
        table.publish(cell, 0);
        table.superseded.push_back(before); // what the cell showed until now: its readers must not free it either
        table
    }

    pub(crate) fn hash(&self, name: &[u8]) -> u64 {
        self.hash.of(name)
    }

    /// The number of the version that the working copy was last published as.
    pub(crate) fn published(&self) -> u64 {
        self.published.number
    }

    /// The id of the bucket of this name, in the working copy.
    pub(crate) fn find(&self, hash: u64, name: &[u8]) -> Option<u64> {
        // SAFETY: the working copy's root leads to what is alive, and only the caller changes it.
        unsafe { find::<Name>(self.tree.root, hash, name).as_ref() }.map(|name| name.id)
    }

    /// Adds a name that is not there.
    pub(crate) fn insert(&mut self, hash: u64, name: &[u8], id: u64) -> NonNull<Name> {
        let name = Name::new(name, hash, id, self.tree.version);
        // SAFETY: the name is new, and the caller looked for it before.
        unsafe { self.tree.insert(hash, name.as_ptr()) };
        name
    }

    /// Takes out this very name (another bucket may have one with the same bytes by now). Tells whether it was there.
    ///
    /// # Safety
    /// `name` came from [`Table::insert`] of this table, and is alive.
    pub(crate) unsafe fn remove(&mut self, name: *const Name) -> bool {
        // SAFETY: alive by this function's contract; what is taken out was alive in the tree.
        unsafe {
            let (hash, bytes, id) = (Name::hash(name), Name::bytes(name), (*name).id);
            if self.find(hash, bytes) != Some(id) {
                return false;
            }
            let taken = self.tree.remove(hash, bytes).expect("it was found");
            self.tree.retire_entry(taken);
        }
        true
    }

    /// Publishes the working copy as a new version, with `changes` more in its revision.
    pub(crate) fn publish(&mut self, cell: &ArcSwap<Version>, changes: u64) {
        while let Some(dead) = self.tree.retired.pop() {
            self.doomed.extend(self.versions.bury(dead));
        }
        let number = self.tree.freeze();
        self.versions.hold(number);
        let next = Version {
            root: self.tree.root,
            number,
            hash: self.hash.clone(),
            registry: self.published.registry,
            stopped: false,
            count: self.tree.len as u64,
            revision: self.published.revision + changes,
        };
        let next = match self.spare.pop() {
            Some(mut spare) => {
                *Arc::get_mut(&mut spare).expect("a spare version is held by nobody else") = next;
                spare
            }
            None => Arc::new(next),
        };
        cell.store(Arc::clone(&next));
        self.superseded.push_back(std::mem::replace(&mut self.published, next));
    }

    /// Goes back to what was last published, after a change that was not finished.
    pub(crate) fn roll_back(&mut self) {
        self.tree.root = self.published.root;
        self.tree.len = self.published.count as usize;
        self.tree.retired.clear(); // what the change replaced is still in use; what it added is lost
    }

    /// Looks at a few superseded versions whether anybody holds them, frees up to `budget` nodes that nobody can see,
    /// and puts such names into `limbo`: pinned threads may still read those.
    pub(crate) fn sweep(&mut self, budget: usize, mut limbo: impl FnMut(*const Name)) {
        for _ in 0..self.superseded.len().min(4) {
            let mut version = self.superseded.pop_front().expect("counted above");
            if Arc::get_mut(&mut version).is_some() {
                self.versions.drop_version(version.number, &mut self.doomed);
                if self.spare.len() < 8 {
                    self.spare.push(version);
                }
            } else {
                self.superseded.push_back(version);
            }
        }
        for _ in 0..self.doomed.len().min(budget) {
            let dead = self.doomed.pop().expect("counted above");
            // SAFETY: it is here because no version sees it, and each thing is retired once.
            unsafe { self.tree.free(dead, &mut limbo) };
        }
    }

    /// How many nodes and names are not freed yet although the newest version does not see them.
    pub(crate) fn garbage(&self) -> usize {
        self.versions.dead() + self.doomed.len()
    }

    /// Whether more waits to be freed than changes free along the way.
    pub(crate) fn is_behind(&self) -> bool {
        self.doomed.len() > 4096
    }

    /// Frees everything if no reader holds a version any more, and tells whether it did. `cell` shows another
    /// version by now, and the table is not used again.
    pub(crate) fn dissolve(&mut self, mut limbo: impl FnMut(*const Name)) -> bool {
        let mine = |version: &mut Arc<Version>| Arc::get_mut(version).is_some();
        if !mine(&mut self.published) || !self.superseded.iter_mut().all(mine) {
            return false;
        }
        while let Some(version) = self.superseded.pop_front() {
            self.versions.drop_version(version.number, &mut self.doomed);
        }
        self.versions.drop_version(self.published.number, &mut self.doomed);
        self.sweep(usize::MAX, &mut limbo);
        // SAFETY: no version is held, so nobody sees the tree; it is not used again.
        unsafe { self.tree.dismantle(&mut limbo) };
        true
    }
}
