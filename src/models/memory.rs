//! Memory that is watched: who uses what was freed, or frees what somebody may still use, ends the run. loom notices
//! the second even if the two happened in the right order this time, with nothing that orders them. Nothing is
//! given back to the system before the run has ended, so an address means one thing.

use super::global;
use std::alloc::Layout;
use std::collections::BTreeMap;

struct Block {
    layout: Layout,
    freed: bool,
    kept: bool,
    #[cfg(loom)]
    watch: loom::cell::UnsafeCell<()>,
}

/// By address. The lock is never held across a switch of threads.
#[derive(Default)]
struct Memory(parking_lot::Mutex<BTreeMap<usize, Block>>);

// SAFETY: blocks are looked at under the lock only.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Drop for Memory {
    fn drop(&mut self) {
        for (&address, block) in self.0.get_mut().iter() {
            // SAFETY: the run has ended, and every block came from the allocator with this layout.
            unsafe { std::alloc::dealloc(std::ptr::with_exposed_provenance_mut(address), block.layout) };
        }
    }
}

global! {
    static MEMORY: Memory = Memory::default();
}

/// # Safety
/// As that of the standard library.
pub(crate) unsafe fn alloc(layout: Layout) -> *mut u8 {
    // SAFETY: this function's contract.
    let place = unsafe { std::alloc::alloc(layout) };
    let block = Block {
        layout,
        freed: false,
        kept: false,
        #[cfg(loom)]
        watch: loom::cell::UnsafeCell::new(()),
    };
    MEMORY.0.lock().insert(place.expose_provenance(), block);
    place
}

/// # Safety
/// As that of the standard library.
pub(crate) unsafe fn dealloc(place: *mut u8, _layout: Layout) {
    let mut memory = MEMORY.0.lock();
    let block = memory.get_mut(&place.addr()).expect("it came from `alloc`");
    assert!(!std::mem::replace(&mut block.freed, true), "freed twice");
    #[cfg(loom)]
    block.watch.with_mut(|_| ());
}

/// Says that somebody uses what lies here, somewhere in a block or in none.
#[track_caller]
pub(crate) fn used<T>(place: *const T) {
    let memory = MEMORY.0.lock();
    let before = memory.range(..=place.addr()).next_back();
    if let Some((_, block)) = before.filter(|(begin, block)| place.addr() - *begin < block.layout.size()) {
        assert!(!block.freed, "used after it was freed");
        #[cfg(loom)]
        block.watch.with(|_| ());
    }
}

/// A place for a value that is freed only when the run ends.
pub(crate) fn keep<T>(value: T) -> *mut T {
    let place = take(value);
    let mut memory = MEMORY.0.lock();
    memory.get_mut(&place.addr()).expect("just taken").kept = true;
    place
}

/// A place for a value.
pub(crate) fn take<T>(value: T) -> *mut T {
    // SAFETY: made for the value.
    unsafe {
        let place = alloc(Layout::new::<T>()).cast::<T>();
        place.write(value);
        place
    }
}

/// Frees a value and its place.
///
/// # Safety
/// `place` came from [`take`], and nobody uses it any more.
pub(crate) unsafe fn give<T>(place: *mut T) {
    // SAFETY: this function's contract.
    unsafe {
        dealloc(place.cast(), Layout::new::<T>());
        place.drop_in_place();
    }
}

/// How many blocks there are, but for those that are never freed.
pub(crate) fn living() -> usize {
    MEMORY.0.lock().values().filter(|block| !block.freed && !block.kept).count()
}
