//! Changes to a tree: insert, replace, remove, and the splits and merges that they need.

use super::node::{BITS, CAPACITY, CHAINED, FAN_OUT, Leaf, Node, tag_of};
use super::versions::Dead;
use super::{Entry, Tree};
use crate::pool;
use crate::sync::Ordering;
use std::ptr;

/// The way from the root to a leaf. Inner nodes have inner children only when they have 2^8, so there are at most 8.
struct Path {
    steps: [Step; (BITS / FAN_OUT) as usize],
    len: usize,
}

#[derive(Clone, Copy)]
struct Step {
    node: Node,
    /// Bits of the hash that were used up before this node.
    base: u32,
    /// The child that was taken.
    i: usize,
}

/// Neighbouring slots of one directory.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    width: usize,
}

impl Step {
    /// The slots that lead to the leaf of this depth.
    fn span(self, depth: u32) -> Span {
        let width = 1 << (self.base + self.node.fan_out() - depth);
        Span { start: self.i & !(width - 1), width }
    }
}

impl Path {
    fn last(&self) -> Option<Step> {
        self.len.checked_sub(1).map(|last| self.steps[last])
    }
}

/// Depth of a leaf.
///
/// # Safety
/// A leaf, alive.
unsafe fn depth(leaf: Node) -> u32 {
    // SAFETY: this function's contract.
    u32::from(unsafe { leaf.leaf() }.depth)
}

/// The first leaf of a chain that has room.
///
/// # Safety
/// A leaf, alive.
unsafe fn with_room(head: Node) -> Option<Node> {
    let mut node = head;
    loop {
        // SAFETY: this function's contract.
        let leaf = unsafe { node.leaf() };
        if leaf.len() < leaf.capacity() {
            return Some(node);
        }
        node = leaf.chain()?;
    }
}

impl<E: Entry> Tree<E> {
    /// Puts in an entry, whose birth is the current version.
    ///
    /// # Safety
    /// No entry of this key is in the tree, and `entry` is alive; it is the tree's from now on.
    pub(crate) unsafe fn insert(&mut self, hash: u64, entry: *const E) {
        self.len += 1;
        loop {
            // SAFETY: all that can be reached from the root is alive, and only this writer changes it.
            unsafe {
                let (mut path, head) = self.descend(hash);
                if let Some(leaf) = with_room(head) {
                    let own = self.own_leaf(&mut path, head, leaf).leaf();
                    let place = own.places(0).trailing_zeros() as usize;
                    put(own, place, hash, entry);
                    return;
                }
                if depth(head) == BITS {
                    return self.prepend(&mut path, head, hash, entry);
                }
                self.make_room(&mut path, head);
            }
        }
    }

    /// Puts an entry in the place of the one with this key, which is given back (it is not retired).
    ///
    /// # Safety
    /// `entry` is alive, has this key, and is the tree's from now on if the answer is not None.
    pub(crate) unsafe fn replace(&mut self, hash: u64, key: &[u8], entry: *const E) -> Option<*const E> {
        // SAFETY: all that can be reached from the root is alive, and only this writer changes it.
        unsafe {
            let (mut path, head) = self.descend(hash);
            let (leaf, place) = self.place_of(head, hash, key)?;
            let own = self.own_leaf(&mut path, head, leaf).leaf();
            // Release: publishes the entry. Acquire is not needed: only this writer writes.
            let old = own.slots[place].load(Ordering::Relaxed);
            own.slots[place].store(entry.expose_provenance(), Ordering::Release);
            Some(ptr::with_exposed_provenance(old))
        }
    }

    /// Takes out the entry with this key, which is given back (it is not retired).
    pub(crate) fn remove(&mut self, hash: u64, key: &[u8]) -> Option<*const E> {
        // SAFETY: all that can be reached from the root is alive, and only this writer changes it.
        unsafe {
            let (mut path, head) = self.descend(hash);
            let (leaf, place) = self.place_of(head, hash, key)?;
            self.len -= 1;
            let node = self.own_leaf(&mut path, head, leaf);
            let own = node.leaf();
            let old = own.slots[place].load(Ordering::Relaxed); // Relaxed: only this writer writes
            own.set_tag(place, 0);
            own.slots[place].store(0, Ordering::Release); // Release: after the tag, so that few readers look here
            own.set_len(own.len() - 1);
            if leaf == head && own.chain().is_none() && own.len() <= CAPACITY / 4 {
                self.merge(&mut path, node);
            }
            Some(ptr::with_exposed_provenance(old))
        }
    }

    /// Remembers an entry that was taken out, until no version sees it.
    ///
    /// # Safety
    /// `entry` is alive, and was taken out in this version.
    pub(crate) unsafe fn retire_entry(&mut self, entry: *const E) {
        // SAFETY: this function's contract.
        let birth = unsafe { E::birth(entry) };
        self.retired.push(Dead::of_entry(entry, birth));
    }

    /// # Safety
    /// The tree is consistent (this holds for all functions below, which are parts of one change).
    unsafe fn descend(&self, hash: u64) -> (Path, Node) {
        let none = Step { node: Node(0), base: 0, i: 0 };
        let mut path = Path { steps: [none; (BITS / FAN_OUT) as usize], len: 0 };
        let (mut node, mut base) = (self.root, 0);
        while node.fan_out() != 0 {
            let i = ((hash << base) >> (BITS - node.fan_out())) as usize;
            path.steps[path.len] = Step { node, base, i };
            path.len += 1;
            base += node.fan_out();
            // SAFETY: alive, and the index has `fan_out` bits. Relaxed: only this writer writes.
            node = Node(unsafe { node.child(i) }.load(Ordering::Relaxed));
        }
        (path, node)
    }

    /// The leaf and the place of a key, along the chain that `head` begins.
    unsafe fn place_of(&self, head: Node, hash: u64, key: &[u8]) -> Option<(Node, usize)> {
        let mut node = head;
        // SAFETY: leaves of this tree and their entries are alive.
        unsafe {
            loop {
                let leaf = node.leaf();
                if let Some((place, _)) = leaf.search::<E>(hash, key) {
                    return Some((node, place));
                }
                node = leaf.chain()?;
            }
        }
    }

    /// A node that may be changed: itself, or a copy if a frozen version sees it. The caller links the copy.
    unsafe fn own(&mut self, node: Node) -> Node {
        // SAFETY: alive.
        if unsafe { node.birth() } > self.frozen {
            return node;
        }
        let copy = self.take(node.fan_out());
        let words = pool::size_of_node(node.fan_out() as usize) / size_of::<u64>();
        // SAFETY: both have this size, and nobody else knows the copy. Nobody writes the original: a frozen version
        // sees it (invariant 2).
        unsafe {
            ptr::copy_nonoverlapping(node.address().cast::<u64>(), copy.as_ptr().cast(), words);
            copy.cast::<u64>().write(self.version);
            self.retire(node);
        }
        Node::new(copy, node.fan_out())
    }

    /// Makes the leaf `target` one that may be changed: `head`, which `path` leads to, or one chained to it.
    unsafe fn own_leaf(&mut self, path: &mut Path, head: Node, target: Node) -> Node {
        // SAFETY: alive; copies are linked at once.
        unsafe {
            let mut own = self.own(head);
            if own != head {
                self.relink(path, own);
            }
            let mut reached = head;
            while reached != target {
                let next = own.leaf().chain().expect("the target is in this chain");
                let own_next = self.own(next);
                if own_next != next {
                    own.leaf().slots[CHAINED].store(own_next.0, Ordering::Release); // Release: publishes the copy
                }
                (reached, own) = (next, own_next);
            }
            own
        }
    }

    /// Links a leaf where the leaf of its depth was.
    unsafe fn relink(&mut self, path: &mut Path, leaf: Node) {
        // SAFETY: alive, and at the end of this path.
        unsafe {
            let span = path.last().map_or(Span { start: 0, width: 1 }, |step| step.span(depth(leaf)));
            self.link(path, path.len, span, leaf);
        }
    }

    /// Makes the directory at `level - 1` of the path lead to `child` in these slots, and copies upwards what a
    /// frozen version sees. Level 0 is the root.
    unsafe fn link(&mut self, path: &mut Path, mut level: usize, mut span: Span, mut child: Node) {
        while level > 0 {
            level -= 1;
            let node = path.steps[level].node;
            // SAFETY: alive, and the span lies within it.
            let own = unsafe {
                let own = self.own(node);
                for i in span.start..span.start + span.width {
                    own.child(i).store(child.0, Ordering::Release); // Release: publishes the child
                }
                own
            };
            if own == node {
                return;
            }
            path.steps[level].node = own;
            child = own;
            if level > 0 {
                span = Span { start: path.steps[level - 1].i, width: 1 };
            }
        }
        self.root = child;
    }

    /// Makes room where a full leaf is: splits it, or doubles its directory so that it can be split next.
    unsafe fn make_room(&mut self, path: &mut Path, leaf: Node) {
        // SAFETY: alive; the leaf is at the end of the path, full, and of a depth below 64.
        unsafe {
            let Some(last) = path.last() else {
                let (low, high) = self.split(leaf);
                self.root = self.new_inner(low, high);
                return self.retire(leaf);
            };
            let Span { start, width } = last.span(depth(leaf));
            if width > 1 {
                let (low, high) = self.split(leaf);
                self.link(path, path.len, Span { start, width: width / 2 }, low);
                self.link(path, path.len, Span { start: start + width / 2, width: width / 2 }, high);
                self.retire(leaf);
            } else if last.node.fan_out() < FAN_OUT {
                self.double(path, last.node);
            } else {
                let (low, high) = self.split(leaf);
                let inner = self.new_inner(low, high);
                self.link(path, path.len, Span { start, width: 1 }, inner);
                self.retire(leaf);
            }
        }
    }

    /// Two leaves with the entries of a full one, parted by their next bit.
    unsafe fn split(&mut self, leaf: Node) -> (Node, Node) {
        // SAFETY: alive.
        unsafe {
            let bit = BITS - 1 - depth(leaf);
            let mut halves = [self.new_leaf(depth(leaf) + 1), self.new_leaf(depth(leaf) + 1)];
            for slot in &leaf.leaf().slots {
                let entry = ptr::with_exposed_provenance::<E>(slot.load(Ordering::Relaxed)); // Relaxed: our own writes
                let hash = E::hash(entry);
                let half = &mut halves[(hash >> bit & 1) as usize];
                if half.leaf().len() == half.leaf().capacity() {
                    *half = self.chained_to(*half); // of depth 64: one entry less than the full leaf has
                }
                put(half.leaf(), half.leaf().len(), hash, entry);
            }
            (halves[0], halves[1])
        }
    }

    /// Replaces the last directory of the path by one of twice its size.
    unsafe fn double(&mut self, path: &mut Path, node: Node) {
        let fan_out = node.fan_out() + 1;
        let memory = self.take(fan_out);
        let larger = Node::new(memory, fan_out);
        // SAFETY: alive, and nobody else knows the larger one.
        unsafe {
            memory.cast::<[u64; 2]>().write([self.version, 0]);
            for i in 0..1 << node.fan_out() {
                let child = node.child(i).load(Ordering::Relaxed); // Relaxed: our own writes
                larger.child(2 * i).store(child, Ordering::Relaxed); // Relaxed: published by the link
                larger.child(2 * i + 1).store(child, Ordering::Relaxed);
            }
            self.link_in_place_of(path, larger);
            self.retire(node);
        }
    }

    /// Merges a leaf that has few entries with its neighbour, if that has few too.
    unsafe fn merge(&mut self, path: &mut Path, leaf: Node) {
        let Some(last) = path.last() else { return };
        // SAFETY: alive; the leaf is at the end of the path.
        unsafe {
            let depth = depth(leaf);
            if depth == last.base {
                return; // it has the directory for itself, which a merge ended before it came to this
            }
            let Span { start, width } = last.span(depth);
            let buddy = Node(last.node.child(start ^ width).load(Ordering::Relaxed)); // Relaxed: our own writes
            if buddy.fan_out() != 0 || self::depth(buddy) != depth {
                return;
            }
            if leaf.leaf().len() + buddy.leaf().len() > CAPACITY / 2 || buddy.leaf().chain().is_some() {
                return;
            }
            let merged = self.new_leaf(depth - 1);
            for slot in leaf.leaf().slots.iter().chain(&buddy.leaf().slots) {
                let entry = ptr::with_exposed_provenance::<E>(slot.load(Ordering::Relaxed)); // Relaxed: as above
                if !entry.is_null() {
                    put(merged.leaf(), merged.leaf().len(), E::hash(entry), entry);
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
        }
    }

    /// Puts a node in the place of the last directory of the path.
    unsafe fn link_in_place_of(&mut self, path: &mut Path, node: Node) {
        let level = path.len - 1;
        let start = if level > 0 { path.steps[level - 1].i } else { 0 };
        // SAFETY: alive, and the slot leads to that directory alone.
        unsafe { self.link(path, level, Span { start, width: 1 }, node) };
    }

    /// Puts an entry before a full leaf of depth 64.
    unsafe fn prepend(&mut self, path: &mut Path, leaf: Node, hash: u64, entry: *const E) {
        // SAFETY: alive, and nobody else knows the new leaf.
        unsafe {
            let head = self.chained_to(leaf);
            put(head.leaf(), 0, hash, entry);
            self.relink(path, head);
        }
    }

    /// An empty leaf of depth 64 before another.
    unsafe fn chained_to(&mut self, next: Node) -> Node {
        let head = self.new_leaf(BITS);
        // SAFETY: alive, and nobody else knows the new leaf. Relaxed: published by the link.
        unsafe { head.leaf().slots[CHAINED].store(next.0, Ordering::Relaxed) };
        head
    }

    /// An empty leaf.
    pub(super) fn new_leaf(&mut self, depth: u32) -> Node {
        let memory = self.take(0);
        // SAFETY: a leaf's size, aligned, and ours; all zero is a valid leaf without entries.
        unsafe {
            memory.write_bytes(0, size_of::<Leaf>());
            let leaf = memory.cast::<Leaf>().as_mut();
            leaf.birth = self.version;
            leaf.depth = depth as u8;
        }
        Node::new(memory, 0)
    }

    /// A directory of two leaves.
    unsafe fn new_inner(&mut self, low: Node, high: Node) -> Node {
        let memory = self.take(1);
        let inner = Node::new(memory, 1);
        // SAFETY: a node of two children, and ours. Relaxed: published by the link.
        unsafe {
            memory.cast::<[u64; 2]>().write([self.version, 0]);
            inner.child(0).store(low.0, Ordering::Relaxed);
            inner.child(1).store(high.0, Ordering::Relaxed);
        }
        inner
    }

    /// Lets go of a node that was replaced.
    unsafe fn retire(&mut self, node: Node) {
        // SAFETY: alive; and if nobody ever saw it, nobody does now.
        unsafe {
            let birth = node.birth();
            if birth > self.frozen && !self.live {
                self.give(node);
            } else {
                self.retired.push(Dead::of_node(node, birth));
            }
        }
    }
}

/// Writes an entry into a free place of a leaf that may be changed.
fn put<E>(leaf: &Leaf, place: usize, hash: u64, entry: *const E) {
    leaf.slots[place].store(entry.expose_provenance(), Ordering::Release); // Release: publishes the entry
    leaf.set_tag(place, tag_of(hash));
    leaf.set_len(leaf.len() + 1);
}
