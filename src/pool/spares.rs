//! Entries that a thread has in reserve, so that it takes the pool's locks once for some of them.

use super::{APART, ENTRIES, ENTRY_SIZES, LARGEST, SMALLEST, WORD, spoil};
use crate::epoch;
use std::alloc::{Layout, alloc, dealloc};
use std::ptr::NonNull;

/// So many are taken at once; who has as many gives half of them back. Few: each keeps its chunk from the system.
const SOME: usize = 16;

/// A thread's spare entries, by their size.
#[derive(Default)]
pub(crate) struct Spares([Stack; ENTRY_SIZES]);

/// Spare entries of one size: the first `len` places.
#[derive(Default)]
struct Stack {
    len: usize,
    entries: [Option<NonNull<u8>>; SOME],
}

impl Stack {
    #[inline(always)]
    fn pop(&mut self) -> Option<NonNull<u8>> {
        self.len = self.len.checked_sub(1)?;
        self.entries[self.len % SOME]
    }

    /// It has room.
    #[inline(always)]
    fn push(&mut self, entry: NonNull<u8>) {
        self.entries[self.len % SOME] = Some(entry);
        self.len += 1;
    }

    /// Takes out the oldest.
    fn drain(&mut self, count: usize) -> impl Iterator<Item = NonNull<u8>> {
        let taken = self.entries;
        self.entries.rotate_left(count);
        self.len -= count;
        taken.into_iter().take(count).flatten()
    }
}

/// Memory for an entry of so many bytes, aligned to a word, its contents undefined. None if there is none.
#[inline(never)]
pub(crate) fn take_entry(bytes: usize) -> Option<NonNull<u8>> {
    let Some(size) = size_of_entry(bytes) else {
        // SAFETY: an entry has a size.
        return NonNull::new(unsafe { alloc(layout(bytes)) });
    };
    epoch::with_spares(|spares| match spares {
        Some(Spares(spares)) => match spares[size].pop() {
            Some(entry) => Some(entry),
            None => refill(&mut spares[size], size),
        },
        None => ENTRIES[size].lock().take(),
    })
}

/// # Safety
/// `entry` came from [`take_entry`] for so many bytes, and nobody uses it any more.
#[inline(never)]
pub(crate) unsafe fn give_entry(bytes: usize, entry: NonNull<u8>) {
    let Some(size) = size_of_entry(bytes) else {
        // SAFETY: this function's contract.
        return unsafe { dealloc(entry.as_ptr(), layout(bytes)) };
    };
    epoch::with_spares(|spares| match spares {
        Some(Spares(spares)) => {
            if spares[size].len == SOME {
                give_back(spares[size].drain(SOME / 2), size);
            }
            spoil(bytes, entry);
            spares[size].push(entry);
        }
        None => give_back(std::iter::once(entry), size),
    });
}

impl Spares {
    /// Gives all back.
    pub(crate) fn give_up(&mut self) {
        for (size, spares) in self.0.iter_mut().enumerate().filter(|(_, spares)| spares.len != 0) {
            give_back(spares.drain(spares.len), size);
        }
    }
}

/// The number of the size, if entries of so many bytes are the pool's.
fn size_of_entry(bytes: usize) -> Option<usize> {
    (bytes <= LARGEST && !APART).then(|| bytes.saturating_sub(SMALLEST).div_ceil(WORD))
}

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, WORD).expect("65,535 bytes and a head are no overflow")
}

#[inline(never)]
fn refill(spares: &mut Stack, size: usize) -> Option<NonNull<u8>> {
    let mut class = ENTRIES[size].lock();
    class.take_some(SOME, |entry| spares.push(entry));
    spares.entries[..spares.len].reverse(); // the first comes first
    spares.pop()
}

#[inline(never)]
fn give_back(entries: impl Iterator<Item = NonNull<u8>>, size: usize) {
    let mut class = ENTRIES[size].lock();
    // SAFETY: entries of this size, which their owner gave.
    entries.for_each(|entry| unsafe { class.give(entry) });
}
