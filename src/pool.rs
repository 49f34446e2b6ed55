//! Memory for tree nodes: cache-line aligned blocks of nine sizes, given back to the system by pages.
//!
//! malloc would give 16-byte alignment, and a leaf that straddles cache lines costs a lookup one more miss. So nodes
//! are cut from chunks of 64 KiB, each of one size; a chunk knows how many of its nodes live, and when none does its
//! pages go back to the system (its address range is kept for another chunk). A slab allocator (J. Bonwick, "The Slab
//! Allocator", 1994) in its simplest form. One pool for the process: all tables and buckets share it.

use crate::sync::{AtomicUsize, Mutex, Ordering};
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::{self, NonNull};

/// Sizes are numbered by the node's fan-out: 0 is a leaf, k an inner node of 2^k children.
pub(crate) const SIZES: usize = 9;

const CHUNK: usize = 64 << 10;
const REGION: usize = 2 << 20;
const LINE: usize = 64;

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
    Mutex::new(Class { size: size_of_node(size), open: Vec::new() })
}

/// Address ranges without a chunk; their pages are with the system.
struct Ranges(Vec<NonNull<u8>>);

// SAFETY: nobody uses these addresses.
unsafe impl Send for Ranges {}

static CLASSES: [Mutex<Class>; SIZES] =
    [class(0), class(1), class(2), class(3), class(4), class(5), class(6), class(7), class(8)];
/// How many chunks have pages from the system.
static CHUNKS: AtomicUsize = AtomicUsize::new(0);
static RANGES: Mutex<Ranges> = Mutex::new(Ranges(Vec::new()));

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
    CLASSES[size].lock().take()
}

/// How many bytes nodes have from the system.
pub(crate) fn bytes() -> u64 {
    (CHUNKS.load(Ordering::Relaxed) * CHUNK) as u64 // Relaxed: a figure
}

/// # Safety
/// `node` came from [`take`] with this size number, and nobody uses it any more.
pub(crate) unsafe fn give(size: usize, node: NonNull<u8>) {
    if APART {
        // SAFETY: this function's contract; `take` allocated it with this layout.
        return unsafe { dealloc(node.as_ptr(), layout_apart(size)) };
    }
    // SAFETY: this function's contract.
    unsafe { CLASSES[size].lock().give(node) }
}

fn layout_apart(size: usize) -> Layout {
    Layout::from_size_align(size_of_node(size), LINE).expect("a few KiB are no overflow")
}

impl Class {
    fn take(&mut self) -> NonNull<u8> {
        let chunk = match self.open.last() {
            Some(chunk) => chunk.as_ptr(),
            None => self.add_chunk(),
        };
        // SAFETY: an open chunk is initialised and has room; the lock that guards this class guards it too.
        unsafe {
            let node = if (*chunk).free.is_null() {
                let node = chunk.cast::<u8>().add((*chunk).fresh);
                (*chunk).fresh += self.size;
                node
            } else {
                let node = (*chunk).free;
                (*chunk).free = node.cast::<*mut u8>().read();
                node
            };
            (*chunk).live += 1;
            if (*chunk).free.is_null() && (*chunk).fresh + self.size > CHUNK {
                self.close(chunk);
            }
            NonNull::new_unchecked(node)
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
                give_back(NonNull::new_unchecked(chunk).cast());
            }
        }
    }

    #[cold]
    fn add_chunk(&mut self) -> *mut Chunk {
        let chunk = range().cast::<Chunk>();
        CHUNKS.fetch_add(1, Ordering::Relaxed); // Relaxed: a figure
        // SAFETY: a range is CHUNK bytes that nobody else uses, aligned to CHUNK.
        unsafe { chunk.write(Chunk { free: ptr::null_mut(), fresh: LINE, live: 0, place: self.open.len() }) };
        self.open.push(chunk);
        chunk.as_ptr()
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

/// CHUNK bytes of address space, aligned to CHUNK, readable and writable.
fn range() -> NonNull<u8> {
    let mut ranges = RANGES.lock();
    if let Some(range) = ranges.0.pop() {
        return range;
    }
    // SAFETY: an anonymous mapping at an address of the system's choice touches nothing that exists.
    let region = unsafe {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        libc::mmap(ptr::null_mut(), REGION + CHUNK, access, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)
    };
    if region == libc::MAP_FAILED {
        handle_alloc_error(Layout::new::<[u8; REGION]>());
    }
    let first = region.cast::<u8>().map_addr(|address| address.next_multiple_of(CHUNK));
    for i in (0..REGION / CHUNK).rev() {
        // SAFETY: the mapping is one chunk longer than a region, so all of an aligned region's chunks lie in it.
        ranges.0.push(unsafe { NonNull::new_unchecked(first.add(i * CHUNK)) });
    }
    ranges.0.pop().expect("a region has chunks")
}

/// # Safety
/// `range` came from [`range`], and nobody uses it any more.
unsafe fn give_back(range: NonNull<u8>) {
    // SAFETY: whole pages of our own mapping, whose contents nobody needs. If the system refuses, they stay resident.
    unsafe { libc::madvise(range.as_ptr().cast(), CHUNK, libc::MADV_DONTNEED) };
    CHUNKS.fetch_sub(1, Ordering::Relaxed); // Relaxed: as above
    RANGES.lock().0.push(range);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_aligned_apart_and_reused() {
        for size in 0..SIZES {
            let bytes = size_of_node(size);
            let mut nodes: Vec<_> = (0..2000).map(|_| take(size)).collect();
            for (i, node) in nodes.iter().enumerate() {
                assert_eq!(node.as_ptr().addr() % LINE, 0);
                // SAFETY: `bytes` bytes of it are ours.
                unsafe { ptr::write_bytes(node.as_ptr(), i as u8, bytes) };
            }
            for (i, node) in nodes.iter().enumerate() {
                // SAFETY: as above.
                let all = unsafe { std::slice::from_raw_parts(node.as_ptr(), bytes) };
                assert!(all.iter().all(|&byte| byte == i as u8), "size {size}, node {i} overlaps another");
            }
            nodes.sort();
            nodes.dedup();
            assert_eq!(nodes.len(), 2000);
            for node in nodes {
                // SAFETY: taken above, and not used any more.
                unsafe { give(size, node) };
            }
        }
    }
}
