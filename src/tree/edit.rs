//! Changes to a tree: put, remove, and the splits and merges that they need.

use super::node::{BITS, CAPACITY, CHAINED, FAN_OUT, FEW, Leaf, Node, tag_of};
use super::{Entry, free_entry, free_node, garbage_of_entry, garbage_of_node};
use crate::cuts::Dead;
use crate::hash::Hash;
use crate::sync::Ordering;
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
    /// The version that the changes belong to.
    version: u64,
    /// Nodes born in this version or before are not changed.
    frozen: u64,
    /// Nobody sees what this edit makes until it is shown.
    hidden: bool,
    retired: Retired,
    _entries: PhantomData<*const E>,
}

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
    /// Changes in place, beside readers, whatever no version up to `frozen` sees.
    pub(crate) fn in_place(root: Node, hash: Hash, version: u64, frozen: u64) -> Edit<E> {
        Edit {
            root,
            before: root,
            added: 0,
            added_weight: 0,
            hash,
            version,
            frozen,
            hidden: false,
            retired: SmallVec::new(),
            _entries: PhantomData,
        }
    }

    /// Changes nothing that anybody sees. Every node and entry was born before `version`.
    pub(crate) fn hidden(root: Node, hash: Hash, version: u64) -> Edit<E> {
        Edit { hidden: true, ..Edit::in_place(root, hash, version, version - 1) }
    }

    /// Puts in an entry, in the place of the one with its key, which is retired and given back.
    ///
    /// # Safety
    /// `entry` is alive, has this hash and this version as its birth, and is the tree's from now on.
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
    /// As [`Edit::put`].
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

    /// Takes out the entry with this key, which is retired, after all nodes, and given back.
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
                if path.len == 0 && own.len() <= FEW / 2 {
                    self.shrink(node);
                } else if own.len() <= CAPACITY / 4 {
                    self.merge(&mut path, node);
                }
            }
            Some(self.retire_entry(old))
        }
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
        // SAFETY: what was born in this version was made by this edit, and nobody else knows it.
        unsafe { abandon_below::<E>(self.root, self.version) };
    }

    /// Remembers an entry that was taken out, until no version sees it.
    unsafe fn retire_entry(&mut self, entry: usize) -> *const E {
        let entry = ptr::with_exposed_provenance::<E>(entry);
        // SAFETY: it was in the tree until now, so it is alive, and nobody else takes it out.
        unsafe {
            let birth = E::birth(entry);
            self.added_weight -= E::weight(entry) as i64;
            if self.hidden && birth == self.version {
                free_entry::<E>(entry.addr());
            } else {
                self.retired.push(Dead::new(birth, garbage_of_entry(entry)));
            }
        }
        entry
    }

    /// Puts an entry into the small leaf that is the root, if it has room.
    unsafe fn put_small(&mut self, hash: u64, entry: *const E) -> Result<Option<*const E>, ()> {
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

    unsafe fn remove_small(&mut self, hash: u64, key: &[u8]) -> Option<*const E> {
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
    unsafe fn grow(&mut self) {
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
    unsafe fn shrink(&mut self, leaf: Node) {
        let small = Node::new_small(self.version);
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
        // SAFETY: alive. Nobody writes the original: a frozen version sees it (invariant 2).
        unsafe {
            let copy = node.copy(self.version);
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
                self.root = Node::new_inner(self.version, 1, |i| [low, high][i]);
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
                let inner = Node::new_inner(self.version, 1, |i| [low, high][i]);
                self.link(path, path.len, Span { start, width: 1 }, inner);
                self.retire(leaf);
            }
        }
    }

    /// Two leaves with the entries of a full one, parted by their next bit.
    unsafe fn split(&mut self, leaf: Node) -> (Node, Node) {
        // SAFETY: alive.
        unsafe {
            let bit = BITS - 1 - leaf.depth();
            // All keys are looked at: their cache misses at once, not one after the other.
            leaf.prefetch_entries();
            let mut halves = [self.new_leaf(leaf.depth() + 1), self.new_leaf(leaf.depth() + 1)];
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

    /// Replaces the last directory of the path by one of twice its size.
    unsafe fn double(&mut self, path: &mut Path, node: Node) {
        // SAFETY: alive, and nobody else knows the larger one.
        unsafe {
            let child = |i| Node(node.child(i / 2).load(Ordering::Relaxed)); // Relaxed: our own writes
            let larger = Node::new_inner(self.version, node.fan_out() + 1, child);
            self.link_in_place_of(path, larger);
            self.retire(node);
        }
    }

    /// Merges a leaf that has few entries with its neighbour, if that has few too.
    unsafe fn merge(&mut self, path: &mut Path, leaf: Node) {
        let Some(last) = path.last() else { return };
        // SAFETY: alive; the leaf is at the end of the path.
        unsafe {
            let depth = leaf.depth();
            if depth == last.base {
                return; // it has the directory for itself, which a merge ended before it came to this
            }
            let Span { start, width } = last.span(depth);
            let buddy = Node(last.node.child(start ^ width).load(Ordering::Relaxed)); // Relaxed: our own writes
            if buddy.fan_out() != 0 || buddy.depth() != depth {
                return;
            }
            if leaf.leaf().len() + buddy.leaf().len() > CAPACITY / 2 || buddy.leaf().chain().is_some() {
                return;
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
        Node::new_leaf(self.version, depth)
    }

    /// Remembers a node that was replaced, until no version sees it.
    unsafe fn retire(&mut self, node: Node) {
        // SAFETY: alive, and replaced once.
        unsafe {
            let birth = node.birth();
            if self.hidden && birth == self.version {
                free_node(node.0);
            } else if !node.is_nobodys() {
                self.retired.push(Dead::new(birth, garbage_of_node(node)));
            }
        }
    }
}

/// Frees the nodes and entries below `node` that were born in `version`.
///
/// # Safety
/// Nobody else knows them, and nodes born before lead to none of them.
unsafe fn abandon_below<E: Entry>(node: Node, version: u64) {
    // SAFETY: this function's contract; each node is freed after what it leads to.
    unsafe {
        if node.birth() != version {
            return;
        }
        if node.is_leaf() {
            // Of a chain, those that were copied come first.
            let next = node.next_in_chain();
            for slot in node.slots() {
                let entry = ptr::with_exposed_provenance::<E>(slot.load(Ordering::Relaxed)); // Relaxed: our own writes
                if !entry.is_null() && E::birth(entry) == version {
                    E::release(entry);
                }
            }
            free_node(node.0);
            return next.into_iter().for_each(|next| abandon_below::<E>(next, version));
        }
        let mut last = Node(0);
        for i in 0..1 << node.fan_out() {
            let child = Node(node.child(i).load(Ordering::Relaxed)); // as above
            if child != last {
                abandon_below::<E>(child, version);
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
