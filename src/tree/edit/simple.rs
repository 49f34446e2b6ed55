//! Changes of one entry in a leaf that no held cut sees and that is neither split nor merged: most changes. Everything
//! else is for an [`super::Edit`].

use super::put;
use crate::sync::{AtomicUsize, Ordering};
use crate::tree::node::{FEW, Node, SPARSE, tag_of};
use crate::tree::{Entry, leaf_of};

/// Puts in an entry whose key is not in the tree; tells whether it could.
///
/// # Safety
/// The caller is the writer of the tree below `root`, of which cuts up to `held` are held. The entry is alive, has this
/// hash, and is the tree's if it is put in.
#[inline(always)]
pub(crate) unsafe fn add<E: Entry>(root: Node, held: u64, hash: u64, entry: *const E) -> bool {
    // SAFETY: this function's contract.
    unsafe { add_to(leaf_of(root, hash), held, hash, entry) }
}

/// As [`add`], for who knows the leaf in which the hash is.
///
/// # Safety
/// As [`add`].
#[inline(always)]
pub(crate) unsafe fn add_to<E: Entry>(node: Node, held: u64, hash: u64, entry: *const E) -> bool {
    // SAFETY: what can be reached is alive, and only this writer changes it.
    unsafe {
        if node.birth() <= held {
            return false;
        }
        if node.is_small() {
            let small = node.small();
            let Some(place) = small.free_place() else { return false };
            small.slots[place].store(entry.expose_provenance(), Ordering::Release); // Release: publishes the entry
            small.set_tag(place, tag_of(hash));
            return true;
        }
        let leaf = node.leaf();
        if leaf.len() == leaf.capacity() {
            return false;
        }
        put(leaf, leaf.places(0).trailing_zeros() as usize, hash, entry);
        true
    }
}

/// Puts an entry in the place of another; tells whether it could.
///
/// # Safety
/// As [`add`], and both have one key, whose hash this is.
pub(crate) unsafe fn replace<E: Entry>(
    root: Node,
    held: u64,
    hash: u64,
    old: *const E,
    new: *const E,
) -> bool {
    let node = leaf_of(root, hash);
    // SAFETY: as in `add`.
    unsafe {
        if node.birth() <= held {
            return false;
        }
        let Some(place) = place_of(node, hash, old) else { return false };
        slot(node, place).store(new.expose_provenance(), Ordering::Release); // Release: publishes the entry
        true
    }
}

/// Takes out an entry; tells whether it could. The caller retires it.
///
/// # Safety
/// As [`add`]; the entry has this hash.
pub(crate) unsafe fn remove<E: Entry>(root: Node, held: u64, hash: u64, entry: *const E) -> bool {
    let node = leaf_of(root, hash);
    // SAFETY: as in `add`.
    unsafe {
        if node.birth() <= held || !node.is_small() && !stays(node.leaf().len(), node == root) {
            return false;
        }
        let Some(place) = place_of(node, hash, entry) else { return false };
        if node.is_small() {
            node.small().set_tag(place, 0);
        } else {
            node.leaf().set_tag(place, 0);
            node.leaf().set_len(node.leaf().len() - 1);
        }
        slot(node, place).store(0, Ordering::Release); // Release: after the tag, as in `Edit::remove`
        true
    }
}

/// Whether a leaf of so many entries need neither shrink nor be merged when it has one less.
fn stays(len: usize, is_root: bool) -> bool {
    len > 1 + if is_root { FEW / 2 } else { SPARSE }
}

/// # Safety
/// A leaf, alive.
unsafe fn place_of<E: Entry>(node: Node, hash: u64, entry: *const E) -> Option<usize> {
    let tagged = if node.is_small() {
        (1 << FEW) - 1
    } else {
        // SAFETY: this function's contract.
        unsafe { node.leaf() }.places(tag_of(hash))
    };
    let mut rest: u32 = tagged;
    while rest != 0 {
        let place = rest.trailing_zeros() as usize;
        rest &= rest - 1;
        // SAFETY: this function's contract. Relaxed: only this writer writes.
        if unsafe { slot(node, place) }.load(Ordering::Relaxed) == entry.addr() {
            return Some(place);
        }
    }
    None
}

/// # Safety
/// A leaf, alive, with so many places.
unsafe fn slot<'a>(node: Node, place: usize) -> &'a AtomicUsize {
    // SAFETY: this function's contract.
    unsafe { if node.is_small() { &node.small().slots[place] } else { &node.leaf().slots[place] } }
}
