//! The kinds of node: directories, leaves and small leaves. The invariants are those of the tree.

mod leaf;

pub(super) use leaf::{Leaf, SmallLeaf, tag_of};

use crate::pool;
use crate::prefetch::prefetch;
#[cfg(all(test, any(loom, shuttle)))]
use crate::sync::{AtomicU8, AtomicU64};
use crate::sync::{AtomicUsize, Ordering, global, memory};
use std::ptr;

/// Entries in a leaf.
pub(super) const CAPACITY: usize = 24;
/// A leaf with so few entries is merged with its neighbour, if that has few too: far fewer than a split leaves, so that
/// keys which come and go do not split and merge leaves all the time.
pub(super) const SPARSE: usize = CAPACITY / 8;
/// Entries in a leaf of depth 64, whose last slot is a link.
pub(super) const CHAINED: usize = CAPACITY - 1;
/// Entries in a small leaf.
pub(super) const FEW: usize = 4;
/// The largest directory has 2^8 children.
pub(super) const FAN_OUT: u32 = 8;
/// Bits of a hash.
pub(super) const BITS: u32 = 64;

/// Pointer to a node, with the fan-out k in its low six bits (0: a leaf; SMALL: a small leaf).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Node(pub(super) usize);

const SMALL: usize = 63;
/// The pool's number of a small leaf's size.
const SMALL_SIZE: usize = 1;

impl Node {
    /// As a number, to be kept in an atomic.
    #[inline(always)]
    pub(crate) fn to_raw(self) -> usize {
        self.0
    }

    /// From a number that came from [`Node::to_raw`].
    #[inline(always)]
    pub(crate) fn from_raw(raw: usize) -> Node {
        Node(raw)
    }

    #[inline(always)]
    pub(super) fn fan_out(self) -> u32 {
        (self.0 & 63) as u32
    }

    #[inline(always)]
    pub(super) fn address(self) -> *mut u8 {
        ptr::with_exposed_provenance_mut(self.0 & !63)
    }

    /// The root of a tree without entries that belongs to nobody, is never freed and never changed (its birth is
    /// before every cut).
    pub(crate) fn empty() -> Node {
        global! {
            static EMPTY: SmallLeaf = SmallLeaf::new(0);
        }
        Node(ptr::from_ref::<SmallLeaf>(&EMPTY).expose_provenance() | SMALL)
    }

    /// Whether it is the one that [`Node::empty`] gives.
    pub(super) fn is_nobodys(self) -> bool {
        // SAFETY: whoever has a node keeps it alive.
        self.is_small() && unsafe { self.birth() } == 0
    }

    #[inline(always)]
    pub(super) fn is_small(self) -> bool {
        self.0 & SMALL == SMALL
    }

    #[inline(always)]
    pub(super) fn is_leaf(self) -> bool {
        self.fan_out() == 0 || self.is_small()
    }

    /// The places for entries: none in a directory.
    ///
    /// # Safety
    /// Alive.
    pub(super) unsafe fn slots<'a>(self) -> &'a [AtomicUsize] {
        // SAFETY: this function's contract.
        unsafe {
            match self.fan_out() {
                _ if self.is_small() => &self.small().slots,
                0 => &self.leaf().slots[..self.leaf().capacity()],
                _ => &[],
            }
        }
    }

    /// The leaf after this leaf of equal hashes.
    ///
    /// # Safety
    /// A leaf, alive.
    pub(super) unsafe fn next_in_chain(self) -> Option<Node> {
        // SAFETY: this function's contract.
        if self.is_small() { None } else { unsafe { self.leaf() }.chain() }
    }

    /// How many top bits of the hash a leaf's entries share.
    ///
    /// # Safety
    /// A leaf, alive.
    pub(super) unsafe fn depth(self) -> u32 {
        // SAFETY: this function's contract.
        if self.is_small() { 0 } else { u32::from(unsafe { self.leaf() }.depth) }
    }

    /// Asks the memory for the lines of a leaf where its entries' addresses are, so that they come along with the tags
    /// and not after them.
    #[inline(always)]
    pub(super) fn prefetch_slots(self) {
        for line in 1..4 {
            prefetch(self.address().wrapping_add(64 * line));
        }
    }

    /// Asks the memory for the line of a leaf in which this place is.
    #[inline(always)]
    pub(super) fn prefetch_slot(self, place: usize) {
        prefetch(self.address().wrapping_add(64 + 8 * place));
    }

    /// Asks the memory for the entries of a leaf: for the lengths and the beginnings of their keys, most of which are in one
    /// line.
    ///
    /// # Safety
    /// A leaf, alive.
    pub(super) unsafe fn prefetch_entries(self) {
        // SAFETY: this function's contract.
        for slot in unsafe { self.slots() } {
            let entry = ptr::without_provenance::<u8>(slot.load(Ordering::Relaxed)); // Relaxed: a hint
            prefetch(entry.wrapping_add(24));
            prefetch(entry.wrapping_add(39));
        }
    }

    /// Asks the memory for the line of a leaf where its tags are.
    pub(super) fn prefetch_tags(self) {
        prefetch(self.address());
    }

    /// The pool's number of its size.
    pub(super) fn size(self) -> usize {
        if self.is_small() { SMALL_SIZE } else { self.fan_out() as usize }
    }

    /// A small leaf without entries.
    pub(super) fn new_small(birth: u64) -> Node {
        let memory = pool::take(SMALL_SIZE);
        // SAFETY: a small leaf's size, aligned, and ours.
        unsafe { memory.cast().write(SmallLeaf::new(birth)) };
        Node(memory.as_ptr().expose_provenance() | SMALL)
    }

    /// A leaf without entries.
    pub(super) fn new_leaf(birth: u64, depth: u32) -> Node {
        let memory = pool::take(0);
        // SAFETY: a leaf's size, aligned, and ours.
        unsafe { Leaf::write(memory.cast(), birth, depth) };
        Node(memory.as_ptr().expose_provenance())
    }

    /// A directory with these children.
    pub(super) fn new_inner(birth: u64, fan_out: u32, child: impl Fn(usize) -> Node) -> Node {
        let memory = pool::take(fan_out as usize);
        // SAFETY: a node of this many children, after the birth and a spare word, and ours.
        unsafe {
            memory.cast::<[u64; 2]>().write([birth, 0]);
            for i in 0..1 << fan_out {
                memory.cast::<AtomicUsize>().add(2 + i).write(AtomicUsize::new(child(i).0));
            }
        }
        Node(memory.as_ptr().expose_provenance() | fan_out as usize)
    }

    /// Another node like it, but for its birth.
    ///
    /// # Safety
    /// Alive, and nobody writes it.
    pub(super) unsafe fn copy(self, birth: u64) -> Node {
        let copy = pool::take(self.size());
        // SAFETY: both have this size, and nobody else knows the copy. It begins with its birth.
        unsafe {
            #[cfg(not(all(test, any(loom, shuttle))))]
            {
                let words = pool::size_of_node(self.size()) / size_of::<u64>();
                ptr::copy_nonoverlapping(self.address().cast::<u64>(), copy.as_ptr().cast(), words);
            }
            #[cfg(all(test, any(loom, shuttle)))]
            self.copy_one_by_one(copy);
            copy.cast::<u64>().write(birth);
        }
        Node(copy.as_ptr().expose_provenance() | self.0 & 63)
    }

    /// A model's atomics cannot be copied as bytes.
    #[cfg(all(test, any(loom, shuttle)))]
    unsafe fn copy_one_by_one(self, copy: ptr::NonNull<u8>) {
        let word = |from: &AtomicUsize| AtomicUsize::new(from.load(Ordering::Relaxed));
        let tags = |from: &AtomicU64| AtomicU64::new(from.load(Ordering::Relaxed));
        // SAFETY: as in `copy`.
        unsafe {
            if self.is_small() {
                let SmallLeaf { birth, tags: from, slots } = self.small();
                copy.cast().write(SmallLeaf {
                    birth: *birth,
                    tags: tags(from),
                    slots: slots.each_ref().map(word),
                });
            } else if self.is_leaf() {
                let Leaf { birth, depth, len, tags: from, slots } = self.leaf();
                let len = AtomicU8::new(len.load(Ordering::Relaxed));
                let (tags, slots) = (from.each_ref().map(tags), slots.each_ref().map(word));
                copy.cast().write(Leaf { birth: *birth, depth: *depth, len, tags, slots });
            } else {
                for i in 0..1 << self.fan_out() {
                    copy.cast::<AtomicUsize>().add(2 + i).write(word(self.child(i)));
                }
            }
        }
    }

    /// # Safety
    /// A leaf, alive.
    #[inline(always)]
    pub(super) unsafe fn leaf<'a>(self) -> &'a Leaf {
        memory::used(self.address());
        // SAFETY: this function's contract; a leaf is an aligned, initialised Leaf.
        unsafe { &*self.address().cast::<Leaf>() }
    }

    /// # Safety
    /// A small leaf, alive.
    #[inline(always)]
    pub(super) unsafe fn small<'a>(self) -> &'a SmallLeaf {
        memory::used(self.address());
        // SAFETY: this function's contract; a small leaf is an aligned, initialised SmallLeaf.
        unsafe { &*self.address().cast::<SmallLeaf>() }
    }

    /// # Safety
    /// An inner node, alive, and `i < 2^fan_out`.
    #[inline(always)]
    pub(super) unsafe fn child<'a>(self, i: usize) -> &'a AtomicUsize {
        memory::used(self.address());
        // SAFETY: this function's contract; children follow the birth and a spare word.
        unsafe { &*self.address().cast::<AtomicUsize>().add(2 + i) }
    }

    /// # Safety
    /// Alive.
    pub(super) unsafe fn birth(self) -> u64 {
        memory::used(self.address());
        // SAFETY: this function's contract; every node begins with its birth.
        unsafe { *self.address().cast::<u64>() }
    }
}
