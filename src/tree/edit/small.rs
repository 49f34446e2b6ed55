//! Changes to a tree that is one small leaf, and what it becomes when that is too small.

use super::{Edit, put};
use crate::sync::Ordering;
use crate::tree::Entry;
use crate::tree::node::{Node, tag_of};
use std::ptr;

impl<E: Entry> Edit<E> {
    /// Puts an entry into the small leaf that is the root, if it has room.
    pub(super) unsafe fn put_small(&mut self, hash: u64, entry: *const E) -> Result<Option<*const E>, ()> {
        // SAFETY: alive; the copy is the root at once.
        unsafe {
            let found = self.root.small().search::<E>(hash, E::key(entry));
            let place = found.map(|found| found.0).or_else(|| self.root.small().free_place()).ok_or(())?;
            self.root = self.own(self.root);
            let small = self.root.small();
            let old = small.slots[place].load(Ordering::Relaxed); // Relaxed: only this writer writes
            small.slots[place].store(entry.expose_provenance(), Ordering::Release); // Release: publishes the entry
            if old != 0 {
                return Ok(Some(self.retire_entry(old)));
            }
            small.set_tag(place, tag_of(hash));
            self.added += 1;
            Ok(None)
        }
    }

    pub(super) unsafe fn remove_small(&mut self, hash: u64, key: &[u8]) -> Option<*const E> {
        // SAFETY: alive; the copy is the root at once.
        unsafe {
            let (place, old) = self.root.small().search::<E>(hash, key)?;
            self.root = self.own(self.root);
            self.root.small().set_tag(place, 0);
            self.root.small().slots[place].store(0, Ordering::Release); // Release: as in `remove`
            self.added -= 1;
            Some(self.retire_entry(old.expose_provenance()))
        }
    }

    /// Makes the full small leaf that is the root a leaf.
    pub(super) unsafe fn grow(&mut self) {
        let leaf = self.new_leaf(0);
        // SAFETY: alive, and nobody else knows the new leaf.
        unsafe {
            for slot in &self.root.small().slots {
                let entry = ptr::with_exposed_provenance::<E>(slot.load(Ordering::Relaxed)); // Relaxed: our own writes
                put(leaf.leaf(), leaf.leaf().len(), self.hash.of(E::key(entry)), entry);
            }
            let small = std::mem::replace(&mut self.root, leaf);
            self.retire(small);
        }
    }

    /// Makes the leaf that is the root, and has few entries, a small leaf.
    pub(super) unsafe fn shrink(&mut self, leaf: Node) {
        let small = Node::new_small(self.number);
        // SAFETY: alive, and nobody else knows the new leaf.
        unsafe {
            for slot in leaf.slots() {
                let entry = slot.load(Ordering::Relaxed); // Relaxed: our own writes
                if entry != 0 {
                    let hash = self.hash.of(E::key(ptr::with_exposed_provenance::<E>(entry)));
                    let place = small.small().free_place().expect("there are few");
                    small.small().slots[place].store(entry, Ordering::Relaxed); // Relaxed: published by the root
                    small.small().set_tag(place, tag_of(hash));
                }
            }
            self.root = small;
            self.retire(leaf);
        }
    }
}
