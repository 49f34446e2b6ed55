//! The wide radix tree over hashes that tables and buckets are made of.
//!
//! Inner nodes are small extendible directories (R. Fagin et al., 1979) of 2^k children, k <= 8, and k stands in the
//! low bits of the pointer to them, so a level costs one dependent load. Leaves hold up to 24 entries behind 16-bit
//! tags that are compared all at once; a tree of up to four is one small leaf of a single cache line. There are no
//! counts inside: every node has a birth, and a writer copies a node only if a held cut can see it (see
//! `cuts`). So copying a leaf is a copy of 256 bytes, and letting go of a snapshot is not the work of a reader.
//!
//! Measured alternatives (ratios to an unsynchronised hashbrown table, one run): this layout 1.07x at a million
//! names; fan-out 64 instead of 256 1.16x; tag and pointer in one word 1.17x; imbl's HAMT 2.1x; rpds' 6.9x.
//! Against this layout, gets of a million keys: all of an entry's row of a leaf in one line (tags of 8 bits beside 7
//! slots, the row chosen by the hash) 1.4x, and entries placed so that one line of slots can be fetched ahead instead of
//! three 1.1x: where the guess is wrong, a processor loses more than it gains by fetching fewer lines.
//!
//! A lookup in Rust of names of 16 to 24 bytes, as ratios to an unsynchronised hashbrown set of counted entries, before
//! and since such names have the short way (see [`glimpse`]) and much lies on huge pages (see `pool`): 1.28 and 1.19 at 100
//! names, 1.47 and 1.32 at 10,000, 1.13 and 0.84 at a million, 1.48 and 1.18 at ten million. What is left where all fits
//! the caches is the pin, the registry's slot and one level more. Asking for the keys of full leaves ahead, for a
//! `create_many` that will split them, gained nothing (see `registry/many`).
//!
//! Invariants:
//! 1. A reader that holds a root (by a cut or by a pin) finds every entry that was in the tree when the root was
//!    current, and never follows a pointer to freed memory.
//! 2. A node is changed in place only if its birth is later than the newest held cut.
//! 3. In place, an entry's slot is written before its tag, and an entry is never moved between slots; so a reader
//!    beside the writer finds every entry that is not being added or removed at that moment.
//! 4. All entries below a directory's slot `i` have the bits of `i` at that directory's place in their hash. A leaf
//!    of depth `d` holds exactly the entries of its `d` top bits; `2^(base + k - d)` slots of its directory lead to it.
//! 5. A leaf of depth 64 (all bits equal) holds 23 entries, and its last slot leads to another such leaf, or nowhere.
//! 6. A small leaf is a root.

pub(crate) mod cursor;
pub(crate) mod edit;
mod node;
mod spot;
#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;

use crate::cuts::Dead;
use crate::epoch::Garbage;
use crate::hash::Hash;
use crate::pool;
use crate::sync::Ordering;
use node::BITS;
pub(crate) use node::Node;
pub(crate) use spot::{Spot, find_in};
use std::ptr::{self, NonNull};

/// What a tree holds pointers to.
///
/// # Safety
/// `key` and `birth` never change for an entry.
pub(crate) unsafe trait Entry {
    /// # Safety
    /// `this` is alive.
    unsafe fn key<'a>(this: *const Self) -> &'a [u8];
    /// The number of the change that put it into the tree.
    ///
    /// # Safety
    /// `this` is alive.
    unsafe fn birth(this: *const Self) -> u64;
    /// The memory that it keeps, in bytes.
    ///
    /// # Safety
    /// `this` is alive.
    unsafe fn weight(this: *const Self) -> usize;
    /// Frees it.
    ///
    /// # Safety
    /// `this` is alive, and nobody uses it any more.
    unsafe fn release(this: *const Self);
}

/// The entry with this key below `root`, or NULL. Wait-free: at most 8 levels for 64 bits of hash, then one leaf
/// (and, for keys whose hashes are equal in all bits, the leaves chained to it).
///
/// # Safety
/// `root` is kept alive by a cut or a pin.
#[inline(always)]
pub(crate) unsafe fn find<E: Entry>(root: Node, hash: u64, key: &[u8]) -> *const E {
    // SAFETY: by invariant 1 everything that can be reached from `root` is alive; by invariant 4 the index is in range.
    unsafe {
        if root.is_small() {
            return root.small().search(hash, key).map_or(ptr::null(), |(_, entry)| entry);
        }
        let mut node = root;
        let mut rest = hash;
        loop {
            let fan_out = node.fan_out();
            if fan_out == 0 {
                break;
            }
            let i = (rest >> (BITS - fan_out)) as usize;
            rest <<= fan_out;
            node = Node(node.child(i).load(Ordering::Acquire)); // Acquire: see the node that was published
        }
        node.prefetch_slots();
        loop {
            let leaf = node.leaf();
            if let Some((_, entry)) = leaf.search(hash, key) {
                return entry;
            }
            match leaf.chain() {
                None => return ptr::null(),
                Some(next) => node = next,
            }
        }
    }
}

/// As [`find`], but NULL too where one look at one entry does not tell: then ask [`find`].
///
/// What this is inlined into calls nothing, if the key's length is a usual one. So nothing of it is kept in registers
/// that a call would preserve, and a get takes three quarters of the instructions.
///
/// # Safety
/// As [`find`].
#[inline(always)]
pub(crate) unsafe fn glimpse<E: Entry>(root: Node, hash: u64, key: &[u8]) -> *const E {
    // SAFETY: as in `find`.
    unsafe {
        if root.is_small() {
            return root.small().glimpse(hash, key);
        }
        let mut node = root;
        let mut rest = hash;
        while node.fan_out() != 0 {
            let i = (rest >> (BITS - node.fan_out())) as usize;
            rest <<= node.fan_out();
            node = Node(node.child(i).load(Ordering::Acquire)); // as in `find`
        }
        node.prefetch_slots();
        node.leaf().glimpse(hash, key)
    }
}

/// Asks the memory for the leaf in which a hash is, to be looked at a little later.
///
/// # Safety
/// As [`find`].
pub(crate) unsafe fn prefetch(root: Node, hash: u64) {
    let leaf = leaf_of(root, hash);
    if !leaf.is_small() {
        leaf.prefetch_tags();
        leaf.prefetch_slots();
    }
}

/// The leaf in which a hash is.
#[inline(always)]
fn leaf_of(root: Node, hash: u64) -> Node {
    let (mut node, mut rest) = (root, hash);
    while !node.is_leaf() {
        let i = (rest >> (BITS - node.fan_out())) as usize;
        rest <<= node.fan_out();
        // SAFETY: by the callers' contracts everything that can be reached is alive; the index has `fan_out` bits.
        // Acquire: see the node that was published.
        node = Node(unsafe { node.child(i) }.load(Ordering::Acquire));
    }
    node
}

/// Visits every entry below `root`, in the order of their hashes' top bits.
///
/// # Safety
/// `root` is frozen, or kept alive by a pin and nobody changes it.
pub(crate) unsafe fn walk<E: Entry>(root: Node, visit: &mut dyn FnMut(*const E)) {
    // SAFETY: by this function's contract everything that can be reached is alive.
    unsafe {
        for_each_node(root, &mut |node| {
            for slot in node.slots() {
                let entry = ptr::with_exposed_provenance::<E>(slot.load(Ordering::Acquire)); // as in `find`
                if !entry.is_null() {
                    visit(entry);
                }
            }
        });
    }
}

/// Visits every node below `root` and then itself, each once.
///
/// # Safety
/// As [`walk`]. The visitor may free what it is given.
unsafe fn for_each_node(root: Node, visit: &mut dyn FnMut(Node)) {
    // SAFETY: by this function's contract everything that can be reached is alive. What follows a node in its chain,
    // and its children, are read before it is visited. Slots that lead to one child are neighbours.
    unsafe {
        if root.is_leaf() {
            let mut next = Some(root);
            while let Some(node) = next {
                next = node.next_in_chain();
                visit(node);
            }
            return;
        }
        let mut last = Node(0);
        for i in 0..1 << root.fan_out() {
            let child = Node(root.child(i).load(Ordering::Acquire)); // as in `find`
            if child != last {
                for_each_node(child, visit);
                last = child;
            }
        }
        visit(root);
    }
}

/// As [`walk`], below a root that a writer left in the middle of a change: there, some slots of a directory may lead
/// to a leaf that others have left already, so an entry counts only where its hash leads.
///
/// # Safety
/// `root` is kept alive by a pin, nobody changes it any more, and `base` bits were used up before it.
pub(crate) unsafe fn walk_unfinished<E: Entry>(
    hash: Hash,
    root: Node,
    base: u32,
    visit: &mut dyn FnMut(*const E),
) {
    // SAFETY: by this function's contract everything that can be reached is alive.
    unsafe {
        if root.is_leaf() {
            return walk(root, visit);
        }
        let fan_out = root.fan_out();
        for i in 0..1 << fan_out {
            let child = Node(root.child(i).load(Ordering::Acquire)); // as in `find`
            if !child.is_leaf() {
                walk_unfinished(hash, child, base + fan_out, visit);
                continue;
            }
            walk::<E>(child, &mut |entry| {
                if (hash.of(E::key(entry)) << base) >> (BITS - fan_out) == i as u64 {
                    visit(entry);
                }
            });
        }
    }
}

/// Visits all nodes below `root` and all entries, each once and after what it leads to.
///
/// # Safety
/// They are alive, and nobody changes them. The visitor may free them.
pub(crate) unsafe fn visit_all<E: Entry>(root: Node, visit: &mut dyn FnMut(Dead)) {
    // SAFETY: this function's contract; each node is visited once, and each entry is in one slot.
    unsafe {
        for_each_node(root, &mut |node| {
            for slot in node.slots() {
                // Relaxed: nobody changes it.
                let entry = ptr::with_exposed_provenance::<E>(slot.load(Ordering::Relaxed));
                if !entry.is_null() {
                    visit(dead_entry(entry));
                }
            }
            if !node.is_nobodys() {
                visit(Dead::new(node.birth(), garbage_of_node(node)));
            }
        });
    }
}

/// Frees all nodes below `root`, and all entries.
///
/// # Safety
/// Nobody sees any of them any more.
pub(crate) unsafe fn dismantle<E: Entry>(root: Node) {
    // SAFETY: this function's contract.
    unsafe { visit_all::<E>(root, &mut |dead| dead.free()) }
}

/// An entry that was taken out, as what it will be when nobody sees it.
///
/// # Safety
/// It is alive, and given out once.
#[inline(always)]
pub(crate) unsafe fn dead_entry<E: Entry>(entry: *const E) -> Dead {
    // SAFETY: this function's contract.
    unsafe { Dead::new(E::birth(entry), garbage_of_entry(entry)) }
}

/// How to free an entry that was taken out.
///
/// # Safety
/// It is alive, and given out once.
pub(crate) unsafe fn garbage_of_entry<E: Entry>(entry: *const E) -> Garbage {
    // SAFETY: this function's contract.
    unsafe { Garbage::new(entry.expose_provenance(), free_entry::<E>, E::weight(entry)) }
}

/// How to free a node that was replaced.
///
/// # Safety
/// It is alive, and given out once.
unsafe fn garbage_of_node(node: Node) -> Garbage {
    // SAFETY: this function's contract.
    unsafe { Garbage::new(node.0, free_node, pool::size_of_node(node.size())) }
}

/// # Safety
/// `address` is that of an entry that is alive, and nobody uses it any more.
unsafe fn free_entry<E: Entry>(address: usize) {
    // SAFETY: this function's contract.
    unsafe { E::release(ptr::with_exposed_provenance(address)) };
}

/// # Safety
/// `node` is alive, and nobody uses it any more.
unsafe fn free_node(node: usize) {
    let node = Node(node);
    // SAFETY: this function's contract; a node's address is never NULL.
    unsafe { pool::give(node.size(), NonNull::new_unchecked(node.address())) };
}
