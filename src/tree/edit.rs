//! Changes to a tree: put, remove, and the splits and merges that they need.

mod path;
mod room;
pub(crate) mod simple;
mod small;

use super::node::{BITS, CHAINED, FAN_OUT, FEW, Leaf, Node, SPARSE, tag_of};
use super::{Entry, dead_entry, free_entry, free_node, garbage_of_node, prefetch};
use crate::cuts::Dead;
use crate::hash::Hash;
use crate::sync::Ordering;
use path::{Path, Span, Step};
use smallvec::SmallVec;
use std::marker::PhantomData;
use std::ptr;

/// What an edit replaced: most replace at most two things.
pub(crate) type Retired = SmallVec<[Dead; 2]>;

/// A tree in the hands of its one writer, from the first change to the moment when the new root is shown. What was
/// replaced may be seen until then, so it is only remembered here.
pub(crate) struct Edit<E> {
    pub(crate) root: Node,
    /// The root when it began.
    before: Node,
    /// How many entries there are more than before …
    pub(crate) added: i64,
    /// … and how many bytes they keep.
    pub(crate) added_weight: i64,
    hash: Hash,
    /// The number that the changes belong to: the birth of what they make.
    number: u64,
    /// The newest cut that is held: nodes born in it or before are not changed.
    held: u64,
    /// Nobody sees what this edit makes until it is shown.
    hidden: bool,
    retired: Retired,
    _entries: PhantomData<*const E>,
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

impl<E: Entry> Edit<E> {
    /// Changes in place, beside readers, whatever no cut up to `held` sees.
    pub(crate) fn in_place(root: Node, hash: Hash, number: u64, held: u64) -> Edit<E> {
        Edit {
            root,
            before: root,
            added: 0,
            added_weight: 0,
            hash,
            number,
            held,
            hidden: false,
            retired: SmallVec::new(),
            _entries: PhantomData,
        }
    }

    /// Changes nothing that anybody sees. Every node and entry was born before `number`.
    pub(crate) fn hidden(root: Node, hash: Hash, number: u64) -> Edit<E> {
        Edit { hidden: true, ..Edit::in_place(root, hash, number, number - 1) }
    }

    /// Puts in an entry, in the place of the one with its key, which is retired and given back (a hidden edit may have
    /// freed it already).
    ///
    /// # Safety
    /// `entry` is alive, has this hash and this edit's number as its birth, and is the tree's from now on.
    pub(crate) unsafe fn put(&mut self, hash: u64, entry: *const E) -> Option<*const E> {
        // SAFETY: all that can be reached from the root is alive, and only this writer changes it.
        unsafe {
            let key = E::key(entry);
            self.added_weight += E::weight(entry) as i64;
            if self.root.is_small() {
                match self.put_small(hash, entry) {
                    Ok(old) => return old,
                    Err(()) => self.grow(),
                }
            }
            let (mut path, head) = self.descend(hash);
            if let Some((leaf, place)) = self.place_of(head, hash, key) {
                let own = self.own_leaf(&mut path, head, leaf).leaf();
                let old = own.slots[place].load(Ordering::Relaxed); // Relaxed: only this writer writes
                own.slots[place].store(entry.expose_provenance(), Ordering::Release); // Release: publishes the entry
                return Some(self.retire_entry(old));
            }
            self.insert(path, head, hash, entry);
            None
        }
    }

    /// As [`Edit::put`], for an entry whose key is not in the tree.
    ///
    /// # Safety
    /// As [`Edit::put`]; unless the edit is hidden, the entry may have been born before.
    #[inline(always)]
    pub(crate) unsafe fn add(&mut self, hash: u64, entry: *const E) {
        // SAFETY: this function's contract; all that can be reached from the root is alive.
        unsafe {
            if self.root.is_small() {
                self.put(hash, entry);
                return;
            }
            self.added_weight += E::weight(entry) as i64;
            let (path, head) = self.descend(hash);
            self.insert(path, head, hash, entry);
        }
    }

    unsafe fn insert(&mut self, mut path: Path, mut head: Node, hash: u64, entry: *const E) {
        self.added += 1;
        loop {
            // SAFETY: all that can be reached from the root is alive, and only this writer changes it.
            unsafe {
                if let Some(leaf) = with_room(head) {
                    let own = self.own_leaf(&mut path, head, leaf).leaf();
                    let place = own.places(0).trailing_zeros() as usize;
                    return put(own, place, hash, entry);
                }
                if head.depth() == BITS {
                    return self.prepend(&mut path, head, hash, entry);
                }
                self.make_room(&mut path, head);
                (path, head) = self.descend(hash);
            }
        }
    }

    /// Takes out the entry with this key, which is retired, after all nodes, and given back (as in
    /// [`Edit::put`]).
    pub(crate) fn remove(&mut self, hash: u64, key: &[u8]) -> Option<*const E> {
        // SAFETY: all that can be reached from the root is alive, and only this writer changes it.
        unsafe {
            if self.root.is_small() {
                return self.remove_small(hash, key);
            }
            let (mut path, head) = self.descend(hash);
            let (leaf, place) = self.place_of(head, hash, key)?;
            self.added -= 1;
            let node = self.own_leaf(&mut path, head, leaf);
            let own = node.leaf();
            let old = own.slots[place].load(Ordering::Relaxed); // Relaxed: only this writer writes
            own.set_tag(place, 0);
            own.slots[place].store(0, Ordering::Release); // Release: after the tag, so that few readers look here
            own.set_len(own.len() - 1);
            if leaf == head && own.chain().is_none() {
                self.merge_sparse(path, node, hash);
            }
            Some(self.retire_entry(old))
        }
    }

    /// Merges a leaf, in which this hash is, with its neighbour if both have few entries, and what comes of that with its
    /// own: nothing may be taken out of it ever again.
    unsafe fn merge_sparse(&mut self, mut path: Path, mut leaf: Node, hash: u64) {
        // SAFETY: alive; the leaf is at the end of the path.
        unsafe {
            loop {
                let len = leaf.leaf().len();
                if path.len == 0 && len <= FEW / 2 {
                    return self.shrink(leaf);
                }
                if len > SPARSE || !self.merge(&mut path, leaf) {
                    return;
                }
                (path, leaf) = self.descend(hash);
            }
        }
    }

    /// Asks the memory for the leaf in which a hash is.
    pub(crate) fn prefetch(&self, hash: u64) {
        // SAFETY: what can be reached from the root is alive.
        unsafe { prefetch(self.root, hash) }
    }

    /// Whether anything was put or deleted. Only for a hidden edit: its first change gives the tree another root.
    pub(crate) fn has_changes(&self) -> bool {
        debug_assert!(self.hidden);
        self.root != self.before
    }

    /// What was replaced. The caller has shown the new root: from now on nobody finds it but through a cut or an older
    /// pin.
    pub(crate) fn into_retired(self) -> Retired {
        self.retired
    }

    /// Undoes a hidden edit: frees what it made.
    ///
    /// # Safety
    /// It was not shown.
    pub(crate) unsafe fn abandon(self) {
        debug_assert!(self.hidden);
        // SAFETY: what was born in this number was made by this edit, and nobody else knows it.
        unsafe { abandon_below::<E>(self.root, self.number) };
    }

    /// Remembers an entry that was taken out, until no cut sees it.
    unsafe fn retire_entry(&mut self, entry: usize) -> *const E {
        let entry = ptr::with_exposed_provenance::<E>(entry);
        // SAFETY: it was in the tree until now, so it is alive, and nobody else takes it out.
        unsafe {
            let birth = E::birth(entry);
            self.added_weight -= E::weight(entry) as i64;
            if self.hidden && birth == self.number {
                free_entry::<E>(entry.addr());
            } else {
                self.retired.push(dead_entry(entry));
            }
        }
        entry
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

    /// A node that may be changed: itself, or a copy if a held cut sees it. The caller links the copy.
    unsafe fn own(&mut self, node: Node) -> Node {
        // SAFETY: alive.
        if unsafe { node.birth() } > self.held {
            return node;
        }
        // SAFETY: alive. Nobody writes the original: a held cut sees it (invariant 2).
        unsafe {
            let copy = node.copy(self.number);
            self.retire(node);
            copy
        }
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
            let span = path.last().map_or(Span { start: 0, width: 1 }, |step| step.span(leaf.depth()));
            self.link(path, path.len, span, leaf);
        }
    }

    /// Makes the directory at `level - 1` of the path lead to `child` in these slots, and copies upwards what a
    /// held cut sees. Level 0 is the root.
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

    /// An empty leaf.
    pub(super) fn new_leaf(&mut self, depth: u32) -> Node {
        Node::new_leaf(self.number, depth)
    }

    /// Remembers a node that was replaced, until no cut sees it.
    unsafe fn retire(&mut self, node: Node) {
        // SAFETY: alive, and replaced once.
        unsafe {
            let birth = node.birth();
            if self.hidden && birth == self.number {
                free_node(node.0);
            } else if !node.is_nobodys() {
                self.retired.push(Dead::new(birth, garbage_of_node(node)));
            }
        }
    }
}

/// Frees the nodes and entries below `node` that were born in `number`.
///
/// # Safety
/// Nobody else knows them, and nodes born before lead to none of them.
unsafe fn abandon_below<E: Entry>(node: Node, number: u64) {
    // SAFETY: this function's contract; each node is freed after what it leads to.
    unsafe {
        if node.birth() != number {
            return;
        }
        if node.is_leaf() {
            // Of a chain, those that were copied come first.
            let next = node.next_in_chain();
            for slot in node.slots() {
                let entry = ptr::with_exposed_provenance::<E>(slot.load(Ordering::Relaxed)); // Relaxed: our own writes
                if !entry.is_null() && E::birth(entry) == number {
                    E::release(entry);
                }
            }
            free_node(node.0);
            return next.into_iter().for_each(|next| abandon_below::<E>(next, number));
        }
        let mut last = Node(0);
        for i in 0..1 << node.fan_out() {
            let child = Node(node.child(i).load(Ordering::Relaxed)); // as above
            if child != last {
                abandon_below::<E>(child, number);
                last = child;
            }
        }
        free_node(node.0);
    }
}

/// Writes an entry into a free place of a leaf that may be changed.
fn put<E>(leaf: &Leaf, place: usize, hash: u64, entry: *const E) {
    leaf.slots[place].store(entry.expose_provenance(), Ordering::Release); // Release: publishes the entry
    leaf.set_tag(place, tag_of(hash));
    leaf.set_len(leaf.len() + 1);
}
