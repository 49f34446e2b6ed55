//! An overwrite in place beside readers that want the value and its revision (`bucket/item`).

use super::{check, end, spawn, start};
use crate::bucket::{Item, Payload};
use crate::sync::{AtomicU64, Ordering, global};
use crate::tree::Entry;
use crate::value::{Value, ValueRef};
use std::ptr::NonNull;

struct Shared(NonNull<Item>);

// SAFETY: an item is shared by all threads.
unsafe impl Send for Shared {}

/// The value and the revision are of one change, and no reader goes back in time.
#[test]
fn value_and_revision_are_of_one_change() {
    check(|| {
        let number = |value| Payload::new(ValueRef::Int(value)).unwrap();
        let item = Item::new(b"k", 1, 1, number(1)).unwrap();
        let shared = Shared(item);
        let reader = spawn(move || {
            let shared = shared;
            let mut last = 0;
            for _ in 0..2 {
                // SAFETY: alive until this thread was joined.
                let (value, revision) = unsafe { shared.0.as_ref() }.value_and_revision().unwrap();
                assert_eq!(value, Value::Int(revision as i64));
                assert!(revision >= last);
                last = revision;
            }
        });
        // SAFETY: alive.
        let item = unsafe { item.as_ref() };
        assert!(item.takes(0, number(2).number().unwrap()));
        for value in [2, 3] {
            item.overwrite(number(value as i64).number().unwrap(), value);
        }
        reader.join().unwrap();
        // SAFETY: nobody uses it any more.
        unsafe { Item::release(item) };
    });
}

/// Whoever reads a number that was put in place sees what its writer did before.
#[test]
fn a_number_brings_its_past_along() {
    global! {
        static BEFORE: AtomicU64 = AtomicU64::new(0);
    }
    check(|| {
        let (registry, bucket) = start(&[("k", 1)]);
        let reader = spawn(move || {
            let (value, revision) = bucket.get_with_revision("k").unwrap().unwrap();
            assert_eq!(value, Value::Int(revision as i64));
            if bucket.get_int("k") == Ok(Some(2)) {
                assert_eq!(BEFORE.load(Ordering::Relaxed), 1);
            }
            if bucket.revision() == Ok(2) {
                assert_eq!(bucket.get_int("k"), Ok(Some(2)));
            }
        });
        BEFORE.store(1, Ordering::Relaxed);
        bucket.put("k", 2).unwrap();
        reader.join().unwrap();
        end(registry);
    });
}
