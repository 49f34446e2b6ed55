//! Where a key is, or would be: found ahead for some keys, which are then added one after the other.

use super::node::{BITS, CAPACITY};
use super::{Entry, Node, leaf_of};
use std::ptr;

/// The hash of a key, and the leaf in which that was a moment ago.
#[derive(Clone, Copy)]
pub(crate) struct Spot {
    pub(crate) hash: u64,
    leaf: Node,
}

impl Spot {
    /// That of no key.
    pub(crate) fn nowhere() -> Spot {
        Spot { hash: 0, leaf: Node::empty() }
    }

    /// Finds the spot of a hash, and asks the memory for the head of its leaf.
    ///
    /// # Safety
    /// `root` is kept alive by a pin, which lasts as long as the spot is used; meanwhile nobody frees nodes at once, and
    /// entries are added only.
    #[inline(always)]
    pub(crate) unsafe fn ask(root: Node, hash: u64) -> Spot {
        let leaf = leaf_of(root, hash);
        leaf.prefetch_tags();
        Spot { hash, leaf }
    }

    /// Asks the memory for the line in which an entry that is added here will be. Not for the other two of the leaf,
    /// which few keys need.
    #[inline(always)]
    pub(crate) fn ask_for_place(self) {
        if !self.leaf.is_small() {
            // SAFETY: alive by the contract of `ask`.
            unsafe { self.leaf.prefetch_slot(self.leaf.leaf().len()) }
        }
    }

    /// The leaf in which the hash is now.
    ///
    /// # Safety
    /// The caller is the writer of the tree below `root`, which is the one that was asked, and of which cuts up to `held`
    /// are held.
    #[inline(always)]
    pub(crate) unsafe fn leaf(self, root: Node, held: u64) -> Node {
        // SAFETY: alive by the contract of `ask`.
        if unsafe { self.is_current(held) } { self.leaf } else { leaf_of(root, self.hash) }
    }

    /// Whether the leaf is in the tree for sure: one that was split is full and stays so, one that was copied is seen by a
    /// cut, and only small ones and those of depth 64 make room in other ways.
    unsafe fn is_current(self, held: u64) -> bool {
        // SAFETY: alive by the contract of `ask`.
        unsafe {
            !self.leaf.is_small()
                && self.leaf.birth() > held
                && self.leaf.leaf().len() < CAPACITY
                && self.leaf.depth() < BITS
        }
    }
}

/// As [`super::find`], for who knows the leaf in which the hash is.
///
/// # Safety
/// The leaf is alive, and so are its entries.
#[inline(always)]
pub(crate) unsafe fn find_in<E: Entry>(leaf: Node, hash: u64, key: &[u8]) -> *const E {
    let mut next = Some(leaf);
    while let Some(node) = next {
        // SAFETY: this function's contract.
        unsafe {
            let found =
                if node.is_small() { node.small().search(hash, key) } else { node.leaf().search(hash, key) };
            if let Some((_, entry)) = found {
                return entry;
            }
            next = node.next_in_chain();
        }
    }
    ptr::null()
}
