//! Splits, merges, and directories that grow.

use super::path::{Path, Span};
use super::{Edit, put};
use crate::sync::Ordering;
use crate::tree::Entry;
use crate::tree::node::{BITS, CAPACITY, CHAINED, FAN_OUT, Node};
use std::ptr;

impl<E: Entry> Edit<E> {
    /// Makes room where a full leaf is: splits it, or doubles its directory so that it can be split next.
    pub(super) unsafe fn make_room(&mut self, path: &mut Path, leaf: Node) {
        // SAFETY: alive; the leaf is at the end of the path, full, and of a depth below 64.
        unsafe {
            let Some(last) = path.last() else {
                let (low, high) = self.split(leaf);
                self.root = Node::new_inner(self.number, 1, |i| [low, high][i]);
                return self.retire(leaf);
            };
            let Span { start, width } = last.span(leaf.depth());
            if width > 1 {
                let (low, high) = self.split(leaf);
                self.link(path, path.len, Span { start, width: width / 2 }, low);
                self.link(path, path.len, Span { start: start + width / 2, width: width / 2 }, high);
                self.retire(leaf);
            } else if last.node.fan_out() < FAN_OUT {
                self.double(path, last.node);
            } else {
                let (low, high) = self.split(leaf);
                let inner = Node::new_inner(self.number, 1, |i| [low, high][i]);
                self.link(path, path.len, Span { start, width: 1 }, inner);
                self.retire(leaf);
            }
        }
    }

    /// Two leaves with the entries of a full one, parted by their next bit.
    pub(super) unsafe fn split(&mut self, leaf: Node) -> (Node, Node) {
        // SAFETY: alive.
        unsafe {
            let bit = BITS - 1 - leaf.depth();
            // All keys are looked at: their cache misses at once, not one after the other.
            leaf.prefetch_entries();
            let mut halves = [self.new_leaf(leaf.depth() + 1), self.new_leaf(leaf.depth() + 1)];
            if leaf.depth() + 1 < BITS {
                self.share_out(leaf, bit, &halves);
                return (halves[0], halves[1]);
            }
            for slot in &leaf.leaf().slots {
                let entry = ptr::with_exposed_provenance::<E>(slot.load(Ordering::Relaxed)); // Relaxed: our own writes
                let hash = self.hash.of(E::key(entry));
                let half = &mut halves[(hash >> bit & 1) as usize];
                if half.leaf().len() == half.leaf().capacity() {
                    *half = self.chained_to(*half); // of depth 64: one entry less than the full leaf has
                }
                put(half.leaf(), half.leaf().len(), hash, entry);
            }
            (halves[0], halves[1])
        }
    }

    /// Writes the entries of a full leaf into two new ones, parted by this bit. (One after the other, each with its tag and
    /// count in memory, as [`put`] does it, a split took 1.6 of the time.)
    unsafe fn share_out(&self, leaf: Node, bit: u32, halves: &[Node; 2]) {
        let (mut entries, mut hashes, mut upper) = ([0; CAPACITY], [0; CAPACITY], 0_u32);
        // SAFETY: alive, and so are the entries; nobody else knows the halves, whose depth is below 64.
        unsafe {
            for (i, slot) in leaf.leaf().slots.iter().enumerate() {
                entries[i] = slot.load(Ordering::Relaxed); // Relaxed: our own writes
                hashes[i] = self.hash.of(E::key(ptr::with_exposed_provenance(entries[i])));
                upper |= ((hashes[i] >> bit & 1) as u32) << i;
            }
            let lower = !upper & ((1 << CAPACITY) - 1);
            halves[0].leaf().fill(&entries, &hashes, lower);
            halves[1].leaf().fill(&entries, &hashes, upper);
        }
    }

    /// Replaces the last directory of the path by one of twice its size.
    pub(super) unsafe fn double(&mut self, path: &mut Path, node: Node) {
        // SAFETY: alive, and nobody else knows the larger one.
        unsafe {
            let child = |i| Node(node.child(i / 2).load(Ordering::Relaxed)); // Relaxed: our own writes
            let larger = Node::new_inner(self.number, node.fan_out() + 1, child);
            self.link_in_place_of(path, larger);
            self.retire(node);
        }
    }

    /// Merges a leaf that has few entries with its neighbour, if that has few too; tells whether it did.
    pub(super) unsafe fn merge(&mut self, path: &mut Path, leaf: Node) -> bool {
        let Some(last) = path.last() else { return false };
        // SAFETY: alive; the leaf is at the end of the path.
        unsafe {
            let depth = leaf.depth();
            if depth == last.base {
                return false; // it has the directory for itself, which a merge ended before it came to this
            }
            let Span { start, width } = last.span(depth);
            let buddy = Node(last.node.child(start ^ width).load(Ordering::Relaxed)); // Relaxed: our own writes
            if buddy.fan_out() != 0 || buddy.depth() != depth {
                return false;
            }
            if leaf.leaf().len() + buddy.leaf().len() > CAPACITY / 2 || buddy.leaf().chain().is_some() {
                return false;
            }
            let merged = self.new_leaf(depth - 1);
            for slot in leaf.leaf().slots.iter().chain(&buddy.leaf().slots) {
                let entry = ptr::with_exposed_provenance::<E>(slot.load(Ordering::Relaxed)); // Relaxed: as above
                if !entry.is_null() {
                    put(merged.leaf(), merged.leaf().len(), self.hash.of(E::key(entry)), entry);
                }
            }
            if depth - 1 == last.base {
                self.link_in_place_of(path, merged);
                self.retire(last.node);
            } else {
                self.link(path, path.len, Span { start: start & !(2 * width - 1), width: 2 * width }, merged);
            }
            self.retire(leaf);
            self.retire(buddy);
            true
        }
    }

    /// Puts a node in the place of the last directory of the path.
    pub(super) unsafe fn link_in_place_of(&mut self, path: &mut Path, node: Node) {
        let level = path.len - 1;
        let start = if level > 0 { path.steps[level - 1].i } else { 0 };
        // SAFETY: alive, and the slot leads to that directory alone.
        unsafe { self.link(path, level, Span { start, width: 1 }, node) };
    }

    /// Puts an entry before a full leaf of depth 64.
    pub(super) unsafe fn prepend(&mut self, path: &mut Path, leaf: Node, hash: u64, entry: *const E) {
        // SAFETY: alive, and nobody else knows the new leaf.
        unsafe {
            let head = self.chained_to(leaf);
            put(head.leaf(), 0, hash, entry);
            self.relink(path, head);
        }
    }

    /// An empty leaf of depth 64 before another.
    pub(super) unsafe fn chained_to(&mut self, next: Node) -> Node {
        let head = self.new_leaf(BITS);
        // SAFETY: alive, and nobody else knows the new leaf. Relaxed: published by the link.
        unsafe { head.leaf().slots[CHAINED].store(next.0, Ordering::Relaxed) };
        head
    }
}
