//! A lookup and a get of a number allocate nothing and free nothing, also beside a writer whose versions they let go.

use kvreg::{Reason, Registry};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

struct Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.set(CALLS.get() + 1);
        // SAFETY: this function's contract.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        CALLS.set(CALLS.get() + 1);
        // SAFETY: this function's contract.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn reads_neither_allocate_nor_free() {
    let registry = Registry::start().unwrap();
    let bucket = registry.create("name").unwrap();
    bucket.put("key", 7).unwrap();
    for i in 0..10_000 {
        registry.create(format!("name {i}")).unwrap();
    }
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for i in 0.. {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                registry.create(format!("other {i}")).unwrap().stop(Reason::Normal).unwrap();
                bucket.put(format!("key {}", i % 100), i).unwrap();
                bucket.delete(format!("key {}", (i + 50) % 100)).unwrap();
            }
        });
        // A thread's first reads set up its thread-local memory.
        registry.lookup("name").unwrap();
        bucket.get_int("key").unwrap();

        let before = CALLS.get();
        let mut revisions = 0;
        let mut last = 0;
        for _ in 0..300_000 {
            assert_eq!(registry.lookup("name"), Ok(Some(bucket)));
            assert_eq!(registry.lookup("nope"), Ok(None));
            assert_eq!(bucket.get_int("key"), Ok(Some(7)));
            let revision = registry.revision().unwrap();
            revisions += u64::from(revision != last);
            last = revision;
        }
        assert_eq!(CALLS.get(), before, "calls of the allocator, over {revisions} versions");
        assert!(revisions > 2, "the writer must have published meanwhile");
        done.store(true, Ordering::Relaxed);
    });
    registry.stop().unwrap();
}
