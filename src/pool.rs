//! Memory for tree nodes and for entries, given back to the system by pages.
//!
//! malloc would give nodes 16-byte alignment, and a leaf that straddles cache lines costs a lookup one more miss. So
//! nodes are cut from chunks of 64 KiB, each of one size; a chunk knows how many of its nodes live, and when none does
//! its pages go back to the system (see `pages`). A slab allocator (J. Bonwick, "The Slab Allocator", 1994) in its
//! simplest form. One pool for the process: all tables and buckets share it.
//!
//! Names and items come from here too, so that they lie on huge pages where there are many of them, and for the 8
//! bytes that malloc adds to each. Threads have spare ones (see `spares`), since most changes need one.

mod helpers;
mod pages;
mod spares;

pub(crate) use helpers::{add_helper, call_helper, remove_helper};
pub(crate) use pages::stock;
pub(crate) use spares::{Spares, give_entry, take_entry};

use crate::sync::Mutex;
use pages::CHUNK;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::{self, NonNull};

/// Sizes are numbered by the node's fan-out: 0 is a leaf, k an inner node of 2^k children.
pub(crate) const SIZES: usize = 9;

const LINE: usize = 64;

/// Entries of up to this many bytes come from the pool, in steps of a word; larger ones are left to malloc.
const LARGEST: usize = 128;
const WORD: usize = 8;
/// The smallest entry.
const SMALLEST: usize = 32;
const ENTRY_SIZES: usize = (LARGEST - SMALLEST) / WORD + 1;

/// Bytes of a node of this size number, a multiple of the cache line.
pub(crate) const fn size_of_node(size: usize) -> usize {
    if size == 0 { 256 } else { (16_usize + (8 << size)).next_multiple_of(LINE) }
}

/// The head of a chunk, at its start; nodes follow from the next line on.
#[repr(C, align(64))]
struct Chunk {
    /// Freed nodes, linked through their first word.
    free: *mut u8,
    /// Where the nodes that were never used begin.
    fresh: usize,
    live: usize,
    /// Its place among the chunks that have room, or NONE.
    place: usize,
}

const NONE: usize = usize::MAX;

/// The chunks of one size that have room.
struct Class {
    size: usize,
    open: Vec<NonNull<Chunk>>,
}

// SAFETY: chunks belong to the pool, and its locks guard them; no thread owns one.
unsafe impl Send for Class {}

const fn class(size: usize) -> Mutex<Class> {
    Mutex::new(Class { size, open: Vec::new() })
}

const fn nodes(size: usize) -> Mutex<Class> {
    class(size_of_node(size))
}

static NODES: [Mutex<Class>; SIZES] =
    [nodes(0), nodes(1), nodes(2), nodes(3), nodes(4), nodes(5), nodes(6), nodes(7), nodes(8)];

/// From the smallest to [`LARGEST`], word by word.
static ENTRIES: [Mutex<Class>; ENTRY_SIZES] = [
    class(32),
    class(40),
    class(48),
    class(56),
    class(64),
    class(72),
    class(80),
    class(88),
    class(96),
    class(104),
    class(112),
    class(120),
    class(128),
];

/// Under AddressSanitizer each node is an allocation of its own: so it notices the use of a freed one, and finds what
/// nodes lead to when it looks for leaks.
const APART: bool = cfg!(kvreg_sanitize = "address");

/// A node of this size number, aligned to a cache line, its contents undefined. Aborts if the system has no memory.
pub(crate) fn take(size: usize) -> NonNull<u8> {
    if APART {
        let layout = layout_apart(size);
        // SAFETY: the layout has a size.
        return NonNull::new(unsafe { alloc(layout) }).unwrap_or_else(|| handle_alloc_error(layout));
    }
    NODES[size].lock().take().unwrap_or_else(|| handle_alloc_error(layout_apart(size)))
}

/// How many bytes nodes and entries have from the system.
pub(crate) fn bytes() -> u64 {
    pages::bytes() as u64
}

/// # Safety
/// `node` came from [`take`] with this size number, and nobody uses it any more.
pub(crate) unsafe fn give(size: usize, node: NonNull<u8>) {
    if APART {
        // SAFETY: this function's contract; `take` allocated it with this layout.
        return unsafe { dealloc(node.as_ptr(), layout_apart(size)) };
    }
    // SAFETY: this function's contract.
    unsafe { NODES[size].lock().give(node) }
}

fn layout_apart(size: usize) -> Layout {
    Layout::from_size_align(size_of_node(size), LINE).expect("a few KiB are no overflow")
}

impl Class {
    /// None if the system has no memory.
    fn take(&mut self) -> Option<NonNull<u8>> {
        let mut taken = None;
        self.take_some(1, |node| taken = Some(node));
        taken
    }

    /// Takes so many nodes, or as many as the system has memory for.
    #[inline(always)]
    fn take_some(&mut self, mut count: usize, mut visit: impl FnMut(NonNull<u8>)) {
        while count > 0 {
            let Some(chunk) = self.open.last().copied().or_else(|| self.add_chunk()) else { return };
            let (node, chunk) = (chunk.cast::<u8>(), chunk.as_ptr());
            // SAFETY: an open chunk is initialised and has room; the lock that guards this class guards it too. Nodes
            // are the chunk's, and no address of them is NULL.
            unsafe {
                let before = count;
                while count > 0
                    && let Some(node) = NonNull::new((*chunk).free)
                {
                    (*chunk).free = node.cast::<*mut u8>().read();
                    visit(node);
                    count -= 1;
                }
                while count > 0 && (*chunk).fresh + self.size <= CHUNK {
                    visit(node.add((*chunk).fresh));
                    (*chunk).fresh += self.size;
                    count -= 1;
                }
                (*chunk).live += before - count;
                if (*chunk).free.is_null() && (*chunk).fresh + self.size > CHUNK {
                    self.close(chunk);
                }
            }
        }
    }

    /// # Safety
    /// As [`give`].
    unsafe fn give(&mut self, node: NonNull<u8>) {
        let chunk = node.as_ptr().map_addr(|address| address & !(CHUNK - 1)).cast::<Chunk>();
        spoil(self.size, node);
        // SAFETY: chunks are aligned to their size, so this is the head of the node's chunk, which lives as long as
        // a node of it does; the lock that guards this class guards it.
        unsafe {
            node.cast::<*mut u8>().write((*chunk).free);
            (*chunk).free = node.as_ptr();
            (*chunk).live -= 1;
            if (*chunk).place == NONE {
                (*chunk).place = self.open.len();
                self.open.push(NonNull::new_unchecked(chunk));
            }
            // The last open chunk stays, so that a size used once in a while does not go back and forth.
            if (*chunk).live == 0 && self.open.len() > 1 {
                self.close(chunk);
                pages::give_back(NonNull::new_unchecked(chunk).cast());
            }
        }
    }

    #[cold]
    fn add_chunk(&mut self) -> Option<NonNull<Chunk>> {
        let chunk = pages::take()?.cast::<Chunk>();
        // SAFETY: a range is CHUNK bytes that nobody else uses, aligned to CHUNK.
        unsafe { chunk.write(Chunk { free: ptr::null_mut(), fresh: LINE, live: 0, place: self.open.len() }) };
        self.open.push(chunk);
        Some(chunk)
    }

    /// Takes a chunk from among those that have room.
    ///
    /// # Safety
    /// `chunk` is one of them.
    unsafe fn close(&mut self, chunk: *mut Chunk) {
        // SAFETY: this function's contract; places are kept up to date here and in `give` and `add_chunk` only.
        unsafe {
            let place = std::mem::replace(&mut (*chunk).place, NONE);
            self.open.swap_remove(place);
            if let Some(moved) = self.open.get(place) {
                (*moved.as_ptr()).place = place;
            }
        }
    }
}

/// In debug builds, makes whoever still uses a freed node stumble.
fn spoil(bytes: usize, node: NonNull<u8>) {
    if cfg!(debug_assertions) {
        // SAFETY: the node is ours again.
        unsafe { node.write_bytes(0xdb, bytes) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// That what is taken lies apart and comes back, for one size.
    fn check(bytes: usize, aligned: usize, take: impl Fn() -> NonNull<u8>, give: impl Fn(NonNull<u8>)) {
        let mut places: Vec<_> = (0..2000).map(|_| take()).collect();
        for (i, place) in places.iter().enumerate() {
            assert_eq!(place.as_ptr().addr() % aligned, 0);
            // SAFETY: `bytes` bytes of it are ours.
            unsafe { ptr::write_bytes(place.as_ptr(), i as u8, bytes) };
        }
        for (i, place) in places.iter().enumerate() {
            // SAFETY: as above.
            let all = unsafe { std::slice::from_raw_parts(place.as_ptr(), bytes) };
            assert!(all.iter().all(|&byte| byte == i as u8), "{bytes} bytes, {i} overlaps another");
        }
        places.sort();
        places.dedup();
        assert_eq!(places.len(), 2000);
        places.into_iter().for_each(give);
    }

    #[test]
    fn nodes_are_aligned_apart_and_reused() {
        for size in 0..SIZES {
            // SAFETY: taken with this size, and not used any more.
            check(size_of_node(size), LINE, || take(size), |node| unsafe { give(size, node) });
        }
    }

    #[test]
    fn entries_of_all_sizes_are_apart_and_reused_with_and_without_a_record() {
        for pinned_before in [false, true] {
            let work = move || {
                if pinned_before {
                    drop(crate::epoch::pin());
                }
                for bytes in [1, 31, 32, 33, 40, 41, 64, 100, 127, LARGEST, LARGEST + 1, 65_600] {
                    let take = || take_entry(bytes).unwrap();
                    // SAFETY: taken for so many bytes, and not used any more.
                    check(bytes, WORD, take, |entry| unsafe { give_entry(bytes, entry) });
                }
            };
            std::thread::spawn(work).join().unwrap();
        }
    }
}
