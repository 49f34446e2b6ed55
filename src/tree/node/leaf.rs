//! Leaves: entries behind tags that are compared all at once.

use super::{BITS, CAPACITY, CHAINED, FEW, Node, SMALL_SIZE};
use crate::name;
use crate::pool;
use crate::sync::{AtomicU8, AtomicU64, AtomicUsize, MODELLED, Ordering, constant, each};
use crate::tree::Entry;
use std::ptr::{self, NonNull};

#[repr(C, align(64))]
pub(in crate::tree) struct Leaf {
    pub(in crate::tree) birth: u64,
    /// How many top bits of the hash its entries share.
    pub(in crate::tree) depth: u8,
    /// How many entries it holds; for writers only.
    pub(super) len: AtomicU8,
    pub(super) tags: [AtomicU64; CAPACITY / 4],
    pub(in crate::tree) slots: [AtomicUsize; CAPACITY],
}

const _: () = assert!(MODELLED || size_of::<Leaf>() == 256 && size_of::<Leaf>() == pool::size_of_node(0));

/// The root of a tree of up to four entries: most buckets never need more.
#[repr(C, align(64))]
pub(in crate::tree) struct SmallLeaf {
    pub(super) birth: u64,
    pub(super) tags: AtomicU64,
    pub(in crate::tree) slots: [AtomicUsize; FEW],
}

const _: () = assert!(MODELLED || size_of::<SmallLeaf>() == pool::size_of_node(SMALL_SIZE));

/// The tag of a hash: of its low bits, which depths below 48 do not use. 0 marks a free place.
#[inline(always)]
pub(in crate::tree) fn tag_of(hash: u64) -> u16 {
    hash as u16 | 1
}

/// The entry that a slot leads to, if it has this key; else NULL.
///
/// # Safety
/// The entry is alive, if there is one.
#[inline(always)]
unsafe fn entry_with<E: Entry>(slot: &AtomicUsize, key: &[u8]) -> *const E {
    // Acquire: see the entry that was published.
    let entry = ptr::with_exposed_provenance::<E>(slot.load(Ordering::Acquire));
    // SAFETY: this function's contract.
    if !entry.is_null() && unsafe { name::equal(E::key(entry), key) } { entry } else { ptr::null() }
}

impl Leaf {
    /// Makes an empty leaf in its place: made elsewhere and moved there it takes longer.
    ///
    /// # Safety
    /// There is room for a leaf.
    pub(super) unsafe fn write(place: NonNull<Leaf>, birth: u64, depth: u32) {
        // SAFETY: this function's contract. All zero bytes are a leaf without entries; but a model's atomics are not zero.
        unsafe {
            if MODELLED {
                return place.write(Leaf::new(birth, depth));
            }
            place.write_bytes(0, 1);
            let leaf = place.as_ptr();
            (&raw mut (*leaf).birth).write(birth);
            (&raw mut (*leaf).depth).write(depth as u8);
        }
    }

    fn new(birth: u64, depth: u32) -> Leaf {
        Leaf {
            birth,
            depth: depth as u8,
            len: AtomicU8::new(0),
            tags: each![AtomicU64::new(0); CAPACITY / 4],
            slots: each![AtomicUsize::new(0); CAPACITY],
        }
    }

    /// A bit for each place that has this tag. A tag only says where to look; the slot behind it is what publishes an
    /// entry, so the loads need no order.
    #[inline(always)]
    pub(in crate::tree) fn places(&self, tag: u16) -> u32 {
        compare(&self.tags, tag)
    }

    /// The place and the entry of a key, if this leaf has it.
    ///
    /// # Safety
    /// The leaf's entries are alive.
    #[inline(always)]
    pub(in crate::tree) unsafe fn search<E: Entry>(
        &self,
        hash: u64,
        key: &[u8],
    ) -> Option<(usize, *const E)> {
        let mut places = self.places(tag_of(hash));
        while places != 0 {
            let place = places.trailing_zeros() as usize;
            places &= places - 1;
            // SAFETY: this function's contract.
            let entry = unsafe { entry_with::<E>(&self.slots[place], key) };
            if !entry.is_null() {
                return Some((place, entry));
            }
        }
        None
    }

    /// The entry of a key, if it is the first with this tag; else NULL.
    ///
    /// # Safety
    /// The leaf's entries are alive.
    #[inline(always)]
    pub(in crate::tree) unsafe fn glimpse<E: Entry>(&self, hash: u64, key: &[u8]) -> *const E {
        let places = self.places(tag_of(hash));
        if places == 0 {
            return ptr::null();
        }
        // SAFETY: there are no more places than slots; then this function's contract.
        unsafe { entry_with(self.slots.get_unchecked(places.trailing_zeros() as usize), key) }
    }

    pub(in crate::tree) fn set_tag(&self, place: usize, tag: u16) {
        set_tag(&self.tags[place / 4], place, tag);
    }

    /// Writes some entries, one for each bit of `some`, into this leaf, which is empty and known to nobody else.
    pub(in crate::tree) fn fill(&self, entries: &[usize; CAPACITY], hashes: &[u64; CAPACITY], mut some: u32) {
        // Relaxed, all of it: the link to the leaf publishes it.
        let (mut len, mut tags) = (0, 0);
        while some != 0 {
            let i = some.trailing_zeros() as usize;
            some &= some - 1;
            self.slots[len].store(entries[i], Ordering::Relaxed);
            tags |= u64::from(tag_of(hashes[i])) << (16 * (len % 4));
            if len % 4 == 3 {
                self.tags[len / 4].store(std::mem::take(&mut tags), Ordering::Relaxed);
            }
            len += 1;
        }
        if tags != 0 {
            self.tags[len / 4].store(tags, Ordering::Relaxed);
        }
        self.set_len(len);
    }

    pub(in crate::tree) fn len(&self) -> usize {
        usize::from(self.len.load(Ordering::Relaxed)) // Relaxed: writers only, who take turns
    }

    pub(in crate::tree) fn set_len(&self, len: usize) {
        self.len.store(len as u8, Ordering::Relaxed); // as above
    }

    /// The next leaf of equal hashes, if this is one of depth 64.
    #[inline(always)]
    pub(in crate::tree) fn chain(&self) -> Option<Node> {
        if u32::from(self.depth) < BITS {
            return None;
        }
        let next = self.slots[CHAINED].load(Ordering::Acquire); // Acquire: see the leaf that was published
        (next != 0).then_some(Node(next))
    }

    /// How many places for entries there are.
    pub(in crate::tree) fn capacity(&self) -> usize {
        if u32::from(self.depth) < BITS { CAPACITY } else { CHAINED }
    }
}

impl SmallLeaf {
    constant! {
        pub(in crate::tree) fn new(birth: u64) -> SmallLeaf {
            SmallLeaf { birth, tags: AtomicU64::new(0), slots: each![AtomicUsize::new(0); FEW] }
        }
    }

    /// The place and the entry of a key, if this leaf has it.
    ///
    /// # Safety
    /// The leaf's entries are alive.
    #[inline(always)]
    pub(in crate::tree) unsafe fn search<E: Entry>(
        &self,
        hash: u64,
        key: &[u8],
    ) -> Option<(usize, *const E)> {
        let tags = self.tags.load(Ordering::Relaxed); // Relaxed: as in `Leaf::places`
        for place in 0..FEW {
            if (tags >> (16 * place)) as u16 != tag_of(hash) {
                continue;
            }
            // SAFETY: this function's contract.
            let entry = unsafe { entry_with::<E>(&self.slots[place], key) };
            if !entry.is_null() {
                return Some((place, entry));
            }
        }
        None
    }

    /// The entry of a key, if it is the first with this tag; else NULL.
    ///
    /// # Safety
    /// The leaf's entries are alive.
    #[inline(always)]
    pub(in crate::tree) unsafe fn glimpse<E: Entry>(&self, hash: u64, key: &[u8]) -> *const E {
        /// The lowest bit of each tag.
        const ONES: u64 = 0x0001_0001_0001_0001;
        let tags = self.tags.load(Ordering::Relaxed); // Relaxed: as in `Leaf::places`
        let other = tags ^ (u64::from(tag_of(hash)) * ONES);
        // The lowest bit that is set is in the first tag that is equal: only above that may there be wrong ones.
        let places = other.wrapping_sub(ONES) & !other & ONES << 15;
        if places == 0 {
            return ptr::null();
        }
        // SAFETY: there are as many slots as tags; then this function's contract.
        unsafe { entry_with(self.slots.get_unchecked(places.trailing_zeros() as usize / 16), key) }
    }

    /// A place without an entry.
    pub(in crate::tree) fn free_place(&self) -> Option<usize> {
        let tags = self.tags.load(Ordering::Relaxed); // Relaxed: only the writer writes
        (0..FEW).find(|place| (tags >> (16 * place)) as u16 == 0)
    }

    pub(in crate::tree) fn set_tag(&self, place: usize, tag: u16) {
        set_tag(&self.tags, place, tag);
    }
}

/// Relaxed load: only the writer writes. Release: a reader that finds the tag finds the slot, on machines that order
/// dependent loads; elsewhere it may miss an entry that is being added, as if it had come earlier.
fn set_tag(word: &AtomicU64, place: usize, tag: u16) {
    let shift = 16 * (place % 4);
    let rest = word.load(Ordering::Relaxed) & !(0xffff << shift);
    word.store(rest | u64::from(tag) << shift, Ordering::Release);
}

/// A bit for each of the 24 tags that equals `tag`.
#[cfg(all(target_arch = "x86_64", not(all(test, any(loom, shuttle)))))]
#[inline(always)]
fn compare(tags: &[AtomicU64; CAPACITY / 4], tag: u16) -> u32 {
    use std::arch::asm;
    use std::arch::x86_64::{_mm_movemask_epi8, _mm_packs_epi16, _mm_set1_epi16, _mm_setzero_si128};
    // In assembly, because a writer may store beside these loads: to the compiler a plain load of two atomics at once
    // would be a race. To the machine it is two loads, each of which sees some value that was stored.
    // SAFETY: SSE2 is part of x86-64. 48 bytes of the array, which is aligned to 16 in the leaf.
    unsafe {
        let tag = _mm_set1_epi16(tag as i16);
        let (mut first, mut second, mut third) = (tag, tag, tag);
        asm!(
            "pcmpeqw {first}, xmmword ptr [{tags}]",
            "pcmpeqw {second}, xmmword ptr [{tags} + 16]",
            "pcmpeqw {third}, xmmword ptr [{tags} + 32]",
            tags = in(reg) tags,
            first = inout(xmm_reg) first,
            second = inout(xmm_reg) second,
            third = inout(xmm_reg) third,
            options(nostack, preserves_flags, readonly),
        );
        let low = _mm_movemask_epi8(_mm_packs_epi16(first, second)) as u32;
        let high = _mm_movemask_epi8(_mm_packs_epi16(third, _mm_setzero_si128())) as u32;
        low | high << 16
    }
}

/// A bit for each of the 24 tags that equals `tag`.
#[cfg(any(not(target_arch = "x86_64"), all(test, any(loom, shuttle))))]
#[inline(always)]
fn compare(tags: &[AtomicU64; CAPACITY / 4], tag: u16) -> u32 {
    let mut mask = 0;
    for (i, word) in tags.iter().enumerate() {
        let word = word.load(Ordering::Relaxed); // Relaxed: see `places`
        for j in 0..4 {
            mask |= u32::from((word >> (16 * j)) as u16 == tag) << (4 * i + j);
        }
    }
    mask
}
