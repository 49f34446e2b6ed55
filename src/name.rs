//! A name in a table: its bytes, its hash and the id of its bucket, side by side, never changed once made.
//!
//! A lookup ends here: it compares the bytes and answers with the id next to them, so it touches neither the bucket
//! nor any count.

use crate::tree::Entry;
use core::ptr::NonNull;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};

/// Names and keys are at most this many bytes long.
pub const MAX_LEN: usize = 65_535;

/// The head of a name; its bytes follow it in memory.
#[repr(C)]
pub(crate) struct Name {
    birth: u64,
    hash: u64,
    /// The bucket.
    pub(crate) id: u64,
    len: u16,
    bytes: [u8; 0],
}

impl Name {
    /// Makes a name that its table owns: [`Entry::release`] ends it. `bytes` has at most [`MAX_LEN`] bytes.
    pub(crate) fn new(bytes: &[u8], hash: u64, id: u64, birth: u64) -> NonNull<Name> {
        let len = u16::try_from(bytes.len()).expect("checked at the boundary");
        let layout = Name::layout(bytes.len());
        // SAFETY: the layout has a size, that of the head at least.
        let Some(name) = NonNull::new(unsafe { alloc(layout) }.cast::<Name>()) else {
            handle_alloc_error(layout)
        };
        // SAFETY: freshly allocated for one head and `len` bytes after it, and nobody else knows it.
        unsafe {
            name.write(Name { birth, hash, id, len, bytes: [] });
            core::ptr::copy_nonoverlapping(
                bytes.as_ptr(),
                (&raw mut (*name.as_ptr()).bytes).cast(),
                bytes.len(),
            );
        }
        name
    }

    /// # Safety
    /// `name` came from [`Name::new`]: a reference to the head alone does not reach the bytes after it.
    #[inline(always)]
    pub(crate) unsafe fn bytes<'a>(name: *const Name) -> &'a [u8] {
        // SAFETY: `len` bytes were written after the head; see `new`.
        unsafe { core::slice::from_raw_parts((&raw const (*name).bytes).cast(), usize::from((*name).len)) }
    }

    fn layout(len: usize) -> Layout {
        // At least the whole head with its padding, which short names then fill.
        let size = size_of::<Name>().max(core::mem::offset_of!(Name, bytes) + len);
        Layout::from_size_align(size, align_of::<Name>()).expect("65,535 bytes and a head are no overflow")
    }
}

// SAFETY: `birth` and `hash` are constant, and `matches` is equality of the bytes.
unsafe impl Entry for Name {
    #[inline(always)]
    unsafe fn matches(this: *const Name, hash: u64, key: &[u8]) -> bool {
        // SAFETY: alive by this function's contract.
        unsafe { (*this).hash == hash && Name::bytes(this) == key }
    }

    unsafe fn hash(this: *const Name) -> u64 {
        // SAFETY: alive by this function's contract.
        unsafe { (*this).hash }
    }

    unsafe fn birth(this: *const Name) -> u64 {
        // SAFETY: alive by this function's contract.
        unsafe { (*this).birth }
    }

    unsafe fn release(this: *const Name) {
        // SAFETY: alive by this function's contract, and nobody uses it any more.
        unsafe { dealloc(this.cast_mut().cast(), Name::layout(usize::from((*this).len))) };
    }
}
