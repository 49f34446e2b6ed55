//! In the place of `pool.rs` under a model checker, whose atomics are larger: plain memory, watched.

use crate::sync::{AtomicUsize, memory};
use std::alloc::Layout;
use std::ptr::NonNull;

/// Bytes of a node of this size number: a leaf of 24 entries, or 2^k children after two words.
pub(crate) const fn size_of_node(size: usize) -> usize {
    let words = if size == 0 { 40 } else { (2_usize + (1 << size)).next_multiple_of(8) };
    words * size_of::<AtomicUsize>()
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size_of_node(size), 64).expect("a small size")
}

pub(crate) fn take(size: usize) -> NonNull<u8> {
    // SAFETY: a node has a size.
    NonNull::new(unsafe { memory::alloc(layout(size)) }).expect("there is memory")
}

/// # Safety
/// `node` came from [`take`] with this size number, and nobody uses it any more.
pub(crate) unsafe fn give(size: usize, node: NonNull<u8>) {
    // SAFETY: this function's contract.
    unsafe { memory::dealloc(node.as_ptr(), layout(size)) };
}

/// In a model there is none.
pub(crate) fn call_helper() -> bool {
    false
}

/// In a model nobody has any.
#[derive(Default)]
pub(crate) struct Spares;

impl Spares {
    pub(crate) fn give_up(&mut self) {}
}

fn layout_of_entry(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, align_of::<AtomicUsize>()).expect("a small size")
}

pub(crate) fn take_entry(bytes: usize) -> Option<NonNull<u8>> {
    // SAFETY: an entry has a size.
    NonNull::new(unsafe { memory::alloc(layout_of_entry(bytes)) })
}

/// # Safety
/// `entry` came from [`take_entry`] for so many bytes, and nobody uses it any more.
pub(crate) unsafe fn give_entry(bytes: usize, entry: NonNull<u8>) {
    // SAFETY: this function's contract.
    unsafe { memory::dealloc(entry.as_ptr(), layout_of_entry(bytes)) };
}
