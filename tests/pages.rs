//! Memory of names and keys goes back to the system, and the next ones take no more of it. One test, so that nobody else
//! uses memory.

use kvreg::{Bucket, Reason, Registry};

const KEYS: i64 = if cfg!(kvreg_sanitize) { 50_000 } else { 500_000 };

fn fill(registry: Registry, bucket: Bucket) {
    for i in 0..KEYS {
        bucket.put(format!("key {i}"), i).unwrap();
        if i % 4 == 0 {
            registry.create(format!("name {i}")).unwrap();
        }
    }
}

fn check(registry: Registry, bucket: Bucket) {
    for i in 0..KEYS {
        assert_eq!(bucket.get_int(format!("key {i}")), Ok(Some(i)));
        if i % 4 == 0 {
            assert!(registry.lookup(format!("name {i}")).unwrap().is_some());
        }
    }
}

/// Bytes of address space.
fn mapped() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = pages.split_whitespace().next().unwrap().parse().unwrap();
    pages * 4096
}

#[test]
#[cfg_attr(kvreg_sanitize = "address", ignore = "there all memory is malloc's")]
fn memory_of_names_and_keys_goes_back_to_the_system() {
    let keeper = Registry::start().unwrap(); // outlives the others
    let bytes = || keeper.stats().unwrap().node_bytes;
    let mut most = 0;
    for round in 0..4 {
        let registry = Registry::start().unwrap();
        let bucket = registry.create("bucket").unwrap();
        fill(registry, bucket);
        check(registry, bucket);
        assert!(bytes() > KEYS as u64 * 48, "{} bytes for {KEYS} keys", bytes());
        if round % 2 == 0 {
            bucket.stop(Reason::Normal).unwrap();
        }
        registry.stop().unwrap();
        // The last of it waits for the next changes of somebody.
        let other = keeper.create("other").unwrap();
        for i in 0.. {
            if bytes() < 1 << 20 {
                break;
            }
            assert!(i < 10_000_000, "{} bytes stay", bytes());
            other.put(format!("key {}", i % 8), "text").unwrap();
            std::thread::yield_now();
        }
        other.stop(Reason::Normal).unwrap();
        if round == 1 {
            most = mapped();
        }
        // A sanitizer maps memory of its own.
        let flat = cfg!(kvreg_sanitize) || mapped() <= most + (16 << 20);
        assert!(round < 2 || flat, "{} then {}", most, mapped());
    }
    keeper.stop().unwrap();
}
