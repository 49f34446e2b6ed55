//! A name in a table: its bytes, the id of its bucket and the way to the bucket's contents, side by side.
//!
//! A lookup ends here: it compares the bytes and answers with the id next to them, so it touches neither the bucket
//! nor any count. The contents belong to the name, not to the bucket's slot, so that they live as long as a snapshot
//! shows the name.

use crate::bucket::Contents;
use crate::epoch::Pin;
use crate::error::Error;
use crate::pool;
use crate::sync::memory;
use crate::sync::{AtomicPtr, MODELLED, Ordering};
use crate::tree::Entry;
use core::ptr::{self, NonNull};
use std::alloc::{Layout, handle_alloc_error};

/// Names and keys are at most this many bytes long.
pub const MAX_LEN: usize = 65_535;

/// Names and keys of these lengths have short ways (see [`crate::tree::glimpse`]).
#[inline(always)]
pub(crate) fn is_short(len: usize) -> bool {
    (if MODELLED { 1 } else { 4 }..=32).contains(&len)
}

/// Most have one of these, for which the short ways are a little shorter.
#[cfg(feature = "capi")]
#[inline(always)]
pub(crate) fn is_usual(len: usize) -> bool {
    (if MODELLED { 1 } else { 4 }..=16).contains(&len)
}

/// The head of a name; its bytes follow it in memory.
#[repr(C)]
pub(crate) struct Name {
    birth: u64,
    /// The bucket.
    pub(crate) id: u64,
    /// NULL until the first change, or CLOSED if the bucket exits before it.
    contents: AtomicPtr<Contents>,
    len: u16,
    bytes: [u8; 0],
}

// SAFETY: what changes is atomic.
unsafe impl Sync for Name {}
// SAFETY: as above.
unsafe impl Send for Name {}

/// Stands for contents that nobody shall make.
const CLOSED: *mut Contents = ptr::without_provenance_mut(align_of::<Contents>());

impl Name {
    /// Makes a name that its table owns: [`Entry::release`] ends it. `bytes` has at most [`MAX_LEN`] bytes.
    #[inline]
    pub(crate) fn new(bytes: &[u8], id: u64, birth: u64) -> NonNull<Name> {
        let len = u16::try_from(bytes.len()).expect("checked at the boundary");
        let Some(name) = pool::take_entry(Name::size(bytes.len())) else {
            handle_alloc_error(Layout::new::<Name>())
        };
        let name = name.cast::<Name>();
        // SAFETY: freshly allocated for one head and `len` bytes after it, and nobody else knows it.
        unsafe {
            name.write(Name { birth, id, contents: AtomicPtr::new(ptr::null_mut()), len, bytes: [] });
            copy(bytes, (&raw mut (*name.as_ptr()).bytes).cast());
        }
        name
    }

    /// The contents, if anything was ever put in. They live as long as the name.
    #[inline(always)]
    pub(crate) fn contents<'p>(&self, _pin: &'p Pin) -> Option<&'p Contents> {
        // SAFETY: freed with the name, so alive while the pin is.
        self.contents_ptr().map(|contents| unsafe { contents.as_ref() })
    }

    fn contents_ptr(&self) -> Option<NonNull<Contents>> {
        // Acquire: see the contents that were published.
        NonNull::new(self.contents.load(Ordering::Acquire)).filter(|contents| contents.as_ptr() != CLOSED)
    }

    /// Gives the name these contents, if it has none; else gives those that it has, or [`Error::Dead`].
    pub(crate) fn set_contents(
        &self,
        made: NonNull<Contents>,
    ) -> Result<(), Result<NonNull<Contents>, Error>> {
        let (none, made) = (ptr::null_mut(), made.as_ptr());
        // AcqRel: publishes ours, or sees those that another thread made.
        match self.contents.compare_exchange(none, made, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Ok(()),
            Err(_) => Err(self.contents_ptr().ok_or(Error::Dead)),
        }
    }

    /// Closes the contents, those that there are and those that somebody might make. Only from within
    /// [`crate::cuts::Cuts::keep_closed`].
    pub(crate) fn close(&self) {
        // AcqRel: see the contents that somebody made.
        let none = ptr::null_mut();
        if self.contents.compare_exchange(none, CLOSED, Ordering::AcqRel, Ordering::Acquire).is_err()
            && let Some(contents) = self.contents_ptr()
        {
            // SAFETY: freed with the name.
            unsafe { contents.as_ref() }.close();
        }
    }

    /// How many bytes it has, for who may have written it just now: read as two bytes and no more. In place of a plain load
    /// the compiler takes four, and then the processor waits until the bytes behind the length, and all that was written
    /// before, are in the cache: two percent of a create.
    ///
    /// # Safety
    /// `this` is alive.
    #[inline(always)]
    unsafe fn len(this: *const Name) -> usize {
        // SAFETY: this function's contract.
        usize::from(unsafe { (&raw const (*this).len).read_volatile() })
    }

    /// In bytes.
    fn size(len: usize) -> usize {
        // At least the whole head with its padding, which short names then fill.
        size_of::<Name>().max(core::mem::offset_of!(Name, bytes) + len)
    }
}

// SAFETY: bytes and birth are constant.
unsafe impl Entry for Name {
    /// For the whole of what came from [`Name::new`]: a reference to the head alone does not reach the bytes after it.
    #[inline(always)]
    unsafe fn key<'a>(this: *const Name) -> &'a [u8] {
        memory::used(this);
        // SAFETY: `len` bytes were written after the head; see `new`.
        unsafe { core::slice::from_raw_parts((&raw const (*this).bytes).cast(), usize::from((*this).len)) }
    }

    unsafe fn birth(this: *const Name) -> u64 {
        // SAFETY: alive by this function's contract.
        unsafe { (*this).birth }
    }

    unsafe fn weight(this: *const Name) -> usize {
        // SAFETY: alive by this function's contract, and so are its contents.
        unsafe {
            let contents = (*this).contents_ptr().map_or(0, |contents| contents.as_ref().weight());
            Name::size(Name::len(this)) + contents
        }
    }

    unsafe fn release(this: *const Name) {
        // SAFETY: alive by this function's contract, and nobody uses it or its contents any more.
        unsafe {
            if let Some(contents) = (*this).contents_ptr() {
                Contents::free(contents);
            }
            let size = Name::size(usize::from((*this).len));
            pool::give_entry(size, NonNull::new_unchecked(this.cast_mut().cast()));
        }
    }
}

/// Whether two names or keys are equal. Most have 4 to 32 bytes, and are compared in two or four loads that overlap: a
/// call of memcmp would cost more.
#[inline(always)]
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    let len = a.len();
    if len != b.len() {
        return false;
    }
    let (a, b) = (a.as_ptr(), b.as_ptr());
    // SAFETY: `i + size_of::<T>() <= len` for every load below.
    unsafe {
        let eight =
            |i: usize| a.add(i).cast::<u64>().read_unaligned() ^ b.add(i).cast::<u64>().read_unaligned();
        let four =
            |i: usize| a.add(i).cast::<u32>().read_unaligned() ^ b.add(i).cast::<u32>().read_unaligned();
        match len {
            8..=16 => eight(0) | eight(len - 8) == 0,
            4..=7 => four(0) | four(len - 4) == 0,
            17..=32 => eight(0) | eight(8) | eight(len - 16) | eight(len - 8) == 0,
            _ => long(a, b, len),
        }
    }
}

/// Copies a name or key, as [`equal`] compares them.
///
/// # Safety
/// As many bytes can be written at `to`, which is elsewhere.
#[inline(always)]
pub(crate) unsafe fn copy(bytes: &[u8], to: *mut u8) {
    let (len, from) = (bytes.len(), bytes.as_ptr());
    // SAFETY: this function's contract; `i + size_of::<T>() <= len` for every load and store below.
    unsafe {
        let eight =
            |i: usize| to.add(i).cast::<u64>().write_unaligned(from.add(i).cast::<u64>().read_unaligned());
        let four =
            |i: usize| to.add(i).cast::<u32>().write_unaligned(from.add(i).cast::<u32>().read_unaligned());
        match len {
            8..=16 => {
                eight(0);
                eight(len - 8);
            }
            4..=7 => {
                four(0);
                four(len - 4);
            }
            17..=32 => {
                eight(0);
                eight(8);
                eight(len - 16);
                eight(len - 8);
            }
            _ => ptr::copy_nonoverlapping(from, to, len),
        }
    }
}

/// # Safety
/// `len` bytes can be read at both.
#[inline(never)]
unsafe fn long(a: *const u8, b: *const u8, len: usize) -> bool {
    // SAFETY: this function's contract.
    unsafe { core::slice::from_raw_parts(a, len) == core::slice::from_raw_parts(b, len) }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn copies_of_all_lengths_are_equal_to_what_was_copied_and_write_nothing_else() {
        let bytes: Vec<u8> = (1..=80).collect();
        for len in 0..=bytes.len() {
            let mut to = [0; 81];
            // SAFETY: there is room for as many.
            unsafe { copy(&bytes[..len], to.as_mut_ptr()) };
            assert!(equal(&to[..len], &bytes[..len]), "{len}");
            assert!(to[len..].iter().all(|&byte| byte == 0), "{len}");
            for i in 0..len {
                to[i] ^= 0x80;
                assert!(!equal(&to[..len], &bytes[..len]), "{len}: {i}");
                to[i] ^= 0x80;
            }
        }
    }
}
