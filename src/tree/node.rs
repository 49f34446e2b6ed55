//! The two kinds of node: directories and leaves. The invariants are those of the tree.

use super::Entry;
use crate::pool;
use crate::sync::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::ptr::{self, NonNull};

/// Entries in a leaf.
pub(super) const CAPACITY: usize = 24;
/// Entries in a leaf of depth 64, whose last slot is a link.
pub(super) const CHAINED: usize = CAPACITY - 1;
/// The largest directory has 2^8 children.
pub(super) const FAN_OUT: u32 = 8;
/// Bits of a hash.
pub(super) const BITS: u32 = 64;

/// Pointer to a node, with the fan-out k in its low six bits (0: a leaf).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Node(pub(super) usize);

#[repr(C, align(64))]
pub(super) struct Leaf {
    pub(super) birth: u64,
    /// How many top bits of the hash its entries share.
    pub(super) depth: u8,
    /// How many entries it holds; for writers only.
    len: AtomicU8,
    tags: [AtomicU64; CAPACITY / 4],
    pub(super) slots: [AtomicUsize; CAPACITY],
}

const _: () = assert!(size_of::<Leaf>() == 256 && size_of::<Leaf>() == pool::size_of_node(0));

/// The tag of a hash: its low bits, which depths below 48 do not use. 0 marks a free place.
#[inline(always)]
pub(super) fn tag_of(hash: u64) -> u16 {
    (hash as u16).max(1)
}

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

    /// The root of a tree without entries that belongs to nobody and is never freed.
    pub(crate) fn empty() -> Node {
        static EMPTY: Leaf = Leaf {
            birth: 0,
            depth: 0,
            len: AtomicU8::new(0),
            tags: [const { AtomicU64::new(0) }; CAPACITY / 4],
            slots: [const { AtomicUsize::new(0) }; CAPACITY],
        };
        Node((&raw const EMPTY).expose_provenance())
    }

    pub(super) fn new(node: NonNull<u8>, fan_out: u32) -> Node {
        Node(node.as_ptr().expose_provenance() | fan_out as usize)
    }

    /// # Safety
    /// A leaf, alive.
    #[inline(always)]
    pub(super) unsafe fn leaf<'a>(self) -> &'a Leaf {
        // SAFETY: this function's contract; a leaf is an aligned, initialised Leaf.
        unsafe { &*self.address().cast::<Leaf>() }
    }

    /// # Safety
    /// An inner node, alive, and `i < 2^fan_out`.
    #[inline(always)]
    pub(super) unsafe fn child<'a>(self, i: usize) -> &'a AtomicUsize {
        // SAFETY: this function's contract; children follow the birth and a spare word.
        unsafe { &*self.address().cast::<AtomicUsize>().add(2 + i) }
    }

    /// # Safety
    /// Alive.
    pub(super) unsafe fn birth(self) -> u64 {
        // SAFETY: this function's contract; every node begins with its birth.
        unsafe { *self.address().cast::<u64>() }
    }
}

impl Leaf {
    /// A bit for each place that has this tag.
    #[inline(always)]
    pub(super) fn places(&self, tag: u16) -> u32 {
        let words = std::array::from_fn(|i| {
            // Relaxed: a tag only says where to look; the slot behind it is what publishes an entry.
            self.tags[i].load(Ordering::Relaxed)
        });
        compare(words, tag)
    }

    /// The place and the entry of a key, if this leaf has it.
    ///
    /// # Safety
    /// The leaf's entries are alive.
    #[inline(always)]
    pub(super) unsafe fn search<E: Entry>(&self, hash: u64, key: &[u8]) -> Option<(usize, *const E)> {
        let mut places = self.places(tag_of(hash));
        while places != 0 {
            let place = places.trailing_zeros() as usize;
            places &= places - 1;
            // Acquire: see the entry that was published.
            let entry = ptr::with_exposed_provenance::<E>(self.slots[place].load(Ordering::Acquire));
            // SAFETY: this function's contract.
            if !entry.is_null() && unsafe { E::matches(entry, hash, key) } {
                return Some((place, entry));
            }
        }
        None
    }

    pub(super) fn set_tag(&self, place: usize, tag: u16) {
        let word = &self.tags[place / 4];
        let shift = 16 * (place % 4);
        // Relaxed load: only the writer writes. Release: a reader that finds the tag finds the slot, on machines that
        // order dependent loads; elsewhere it may miss an entry that is being added, as if it had come earlier.
        let rest = word.load(Ordering::Relaxed) & !(0xffff << shift);
        word.store(rest | u64::from(tag) << shift, Ordering::Release);
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.len.load(Ordering::Relaxed)) // Relaxed: writers only, who take turns
    }

    pub(super) fn set_len(&self, len: usize) {
        self.len.store(len as u8, Ordering::Relaxed); // as above
    }

    /// The next leaf of equal hashes, if this is one of depth 64.
    #[inline(always)]
    pub(super) fn chain(&self) -> Option<Node> {
        if u32::from(self.depth) < BITS {
            return None;
        }
        let next = self.slots[CHAINED].load(Ordering::Acquire); // Acquire: see the leaf that was published
        (next != 0).then_some(Node(next))
    }

    /// How many places for entries there are.
    pub(super) fn capacity(&self) -> usize {
        if u32::from(self.depth) < BITS { CAPACITY } else { CHAINED }
    }
}

/// A bit for each of the 24 tags that equals `tag`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn compare(words: [u64; CAPACITY / 4], tag: u16) -> u32 {
    use std::arch::x86_64::{
        _mm_cmpeq_epi16, _mm_movemask_epi8, _mm_packs_epi16, _mm_set_epi64x, _mm_set1_epi16,
        _mm_setzero_si128,
    };
    // SAFETY: SSE2 is part of x86-64.
    unsafe {
        let tag = _mm_set1_epi16(tag as i16);
        let pair = |i: usize| _mm_cmpeq_epi16(_mm_set_epi64x(words[i + 1] as i64, words[i] as i64), tag);
        let low = _mm_movemask_epi8(_mm_packs_epi16(pair(0), pair(2))) as u32;
        let high = _mm_movemask_epi8(_mm_packs_epi16(pair(4), _mm_setzero_si128())) as u32;
        low | high << 16
    }
}

/// A bit for each of the 24 tags that equals `tag`.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn compare(words: [u64; CAPACITY / 4], tag: u16) -> u32 {
    let mut mask = 0;
    for (i, word) in words.into_iter().enumerate() {
        for j in 0..4 {
            mask |= u32::from((word >> (16 * j)) as u16 == tag) << (4 * i + j);
        }
    }
    mask
}
