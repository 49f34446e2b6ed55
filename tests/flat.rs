//! Snapshots and batches that come and go leave nothing behind: memory stays flat. One test, so that nobody else uses memory.

mod beside;

use beside::beside;
use kvreg::{Batch, Create, Object, Owner, Register, Registration, Registry, Snapshot};
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::VecDeque;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

/// Counts the bytes that are allocated and not freed.
struct Counting(AtomicI64);

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0.fetch_add(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: this function's contract.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        self.0.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: this function's contract.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting(AtomicI64::new(0));

static REGISTRY: OnceLock<Registry> = OnceLock::new();

/// Bytes on the heap, and those of nodes, names and small items. Unlike resident memory it falls when something is freed.
fn heap() -> i64 {
    let nodes = REGISTRY.get().unwrap().stats().unwrap().node_bytes;
    ALLOCATOR.0.load(Ordering::Relaxed) + nodes as i64
}

/// Resident memory in bytes.
fn resident() -> i64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: i64 = pages.split_whitespace().nth(1).unwrap().parse().unwrap();
    // SAFETY: a plain call.
    pages * unsafe { libc::sysconf(libc::_SC_PAGESIZE) }
}

/// Snapshots after which everything has its size, and those that follow.
const WARM: usize = 1_000;
const MORE: usize = 10_000;
/// Room for what waits to be freed, and too little for half of what these snapshots see replaced.
const SLACK: i64 = 8 << 20;

/// Does `once` again and again. After each hundred times memory is as low as it was, or falls when the registry's
/// thread gets the time to free things.
fn stays_flat(what: &str, memory: fn() -> i64, mut once: impl FnMut()) {
    (0..WARM).for_each(|_| once());
    let first = memory();
    let falls = || {
        std::thread::yield_now();
        memory() <= first + SLACK
    };
    for i in 0..MORE {
        once();
        if i % 100 == 99 && memory() > first + SLACK {
            let flat = (0..100_000).any(|_| falls());
            assert!(flat, "{what}, {i}: {} KiB, then {} KiB", first >> 10, memory() >> 10);
        }
    }
}

#[test]
#[cfg_attr(kvreg_sanitize, ignore = "a sanitizer keeps for a while what is freed")]
fn snapshots_and_batches_that_come_and_go_leave_nothing_behind() {
    let registry = *REGISTRY.get_or_init(|| Registry::start().unwrap());
    let bucket = registry.create("bucket").unwrap();
    let text = "some text that is too long to be stored beside its key, so that it is counted";
    for key in 0..2_000 {
        bucket.put(format!("key {key}"), text).unwrap();
    }
    let write = |i: i64| {
        bucket.put(format!("key {}", i % 2_000), text).unwrap();
        bucket.put("number", i).unwrap();
        bucket.delete(format!("key {}", (i + 1_000) % 2_000)).unwrap();
        if i % 64 == 0 {
            let other = registry.create(format!("other {i}")).unwrap();
            other.put("key", text).unwrap();
            other.stop(kvreg::Reason::Normal).unwrap();
        }
    };
    // Each snapshot meets changes of its own, besides those of the other thread.
    let mut changes = 0;
    let mut change = || {
        changes += 1;
        (1..11).for_each(|i| bucket.put(format!("key {}", changes * i % 2_000), text).unwrap());
    };
    beside(&[&write], || {
        stays_flat("of a bucket", heap, || {
            let snapshot = Snapshot::of_bucket(bucket).unwrap();
            change();
            snapshot.close().unwrap();
        });
        stays_flat("of a registry", heap, || {
            let snapshot = Snapshot::take(registry).unwrap();
            change();
            snapshot.close().unwrap();
        });
        // Always the last eight, closed first in, first out.
        let mut held = VecDeque::new();
        stays_flat("eight at a time", heap, || {
            held.push_back(Snapshot::take(registry).unwrap());
            change();
            if held.len() > 8 {
                held.pop_front().unwrap().close().unwrap();
            }
        });
        held.into_iter().for_each(|snapshot| snapshot.close().unwrap());
    });

    // Without a writer beside: what each snapshot held is replaced as a whole, and cleared.
    stays_flat("over a bucket that is cleared", resident, || {
        let snapshot = Snapshot::take(registry).unwrap();
        let mut batch = Batch::new(registry);
        for key in 0..30_i64 {
            batch.put(bucket, key.to_le_bytes(), text).unwrap();
        }
        batch.commit().unwrap();
        bucket.clear().unwrap();
        snapshot.close().unwrap();
    });
    stays_flat("of keys that come and go within a batch", resident, || {
        for _ in 0..30 {
            let mut batch = Batch::new(registry);
            batch.put(bucket, "key", text).unwrap();
            batch.delete(bucket, "key").unwrap();
            batch.commit().unwrap();
        }
    });

    // One owner outlives all: what it owned and was stopped is forgotten. A hundred at a time: over a million in all.
    let owner = Owner::open().unwrap();
    let mut next = 0;
    for (what, memory) in [("of an owner, on the heap", heap as fn() -> i64), ("of an owner", resident)] {
        stays_flat(what, memory, || {
            for _ in 0..50 {
                next += 1;
                let name = format!("owned {next}");
                let options = Create { owner: Some(owner), ..Create::default() };
                registry.create_with(&name, options).unwrap().0.stop(kvreg::Reason::Normal).unwrap();
                let options = Register { owner: Some(owner), duplicate: next % 2 == 0 };
                let object = Object::new(std::sync::Arc::new(next));
                match registry.register("kind", &name, object, options).unwrap() {
                    Registration::New(entry) => entry.unregister().unwrap(),
                    Registration::Taken(_) => panic!("a new name"),
                }
            }
        });
    }
    owner.close().unwrap();
    registry.stop().unwrap();
}
