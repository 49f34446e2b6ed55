//! Reads and changes while the registry's thread is suspended, dead, or has panicked, and while locks are held.

use kvreg::{Bucket, Error, Reason, Registry, Value, hooks};

fn start() -> (Registry, Bucket) {
    let registry = Registry::start().unwrap();
    let bucket = registry.create("shopping").unwrap();
    bucket.put("milk", 1).unwrap();
    bucket.put("note", "two litres").unwrap();
    (registry, bucket)
}

fn reads(registry: Registry, bucket: Bucket) {
    for _ in 0..1000 {
        assert_eq!(registry.lookup("shopping"), Ok(Some(bucket)));
        assert_eq!(registry.lookup("nope"), Ok(None));
        assert_eq!(registry.count(), Ok(1));
        assert_eq!(registry.buckets().unwrap().len(), 1);
        assert_eq!(bucket.get_int("milk"), Ok(Some(1)));
        assert!(matches!(bucket.get("note"), Ok(Some(Value::Str(text))) if &*text == "two litres"));
        assert_eq!(bucket.count(), Ok(2));
        assert_eq!(bucket.name().unwrap(), b"shopping");
    }
}

fn reads_in_other_threads(registry: Registry, bucket: Bucket) {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| reads(registry, bucket));
        }
    });
}

fn changes(registry: Registry) {
    // Enough to make garbage that the thread would be woken for.
    for i in 0..20_000 {
        let bucket = registry.create(format!("other {i}")).unwrap();
        bucket.put("i", i).unwrap();
        bucket.stop(Reason::Normal).unwrap();
        assert_eq!(registry.lookup(format!("other {i}")), Ok(None));
    }
}

#[test]
fn everything_goes_on_while_the_thread_is_suspended() {
    let (registry, bucket) = start();
    hooks::suspend_thread(registry).unwrap();
    reads(registry, bucket);
    reads_in_other_threads(registry, bucket);
    changes(registry);
    hooks::resume_thread(registry).unwrap();
    changes(registry);
    registry.stop().unwrap();
}

#[test]
fn a_registry_can_be_stopped_while_its_thread_is_suspended() {
    let (registry, bucket) = start();
    hooks::suspend_thread(registry).unwrap();
    registry.stop().unwrap();
    assert_eq!(bucket.get("milk"), Err(Error::Dead));
}

#[test]
fn everything_goes_on_when_the_thread_is_dead() {
    let (registry, bucket) = start();
    hooks::kill_thread(registry).unwrap();
    reads(registry, bucket);
    reads_in_other_threads(registry, bucket);
    changes(registry);
    registry.stop().unwrap();
    assert_eq!(registry.lookup("shopping"), Err(Error::Stopped));
}

#[test]
fn reads_take_neither_the_turn_nor_a_buckets_lock() {
    let (registry, bucket) = start();
    hooks::with_turn_held(registry, || {
        hooks::with_bucket_held(bucket, || {
            reads(registry, bucket);
            reads_in_other_threads(registry, bucket);
            assert_eq!(registry.create("shopping"), Ok(bucket), "create of an existing name is a read");
        })
    })
    .unwrap()
    .unwrap();
    registry.stop().unwrap();
}

#[test]
fn a_change_that_panicked_is_not_finished_by_the_thread() {
    let (registry, bucket) = start();
    hooks::suspend_thread(registry).unwrap();
    hooks::panic_in_next_create();
    assert!(std::panic::catch_unwind(|| registry.create("fails")).is_err());
    hooks::resume_thread(registry).unwrap(); // it looks for work, and finds what was left
    let other = registry.create("other").unwrap();
    assert_eq!(registry.lookup("fails"), Ok(None));
    assert_eq!(registry.lookup("other"), Ok(Some(other)));
    assert_eq!(registry.lookup("shopping"), Ok(Some(bucket)));
    assert_eq!((registry.count(), registry.revision()), (Ok(2), Ok(2)));
    registry.stop().unwrap();
}

#[test]
fn a_change_that_panics_leaves_the_table_as_it_was() {
    let (registry, bucket) = start();
    for i in 0..100 {
        registry.create(format!("name {i}")).unwrap();
    }
    let before = registry.revision().unwrap();
    for _ in 0..20 {
        hooks::panic_in_next_create();
        let name = b"fails";
        let mut out = 1;
        // SAFETY: valid pointers.
        let status = unsafe {
            kvreg::capi::registry::kvreg_create(registry.id(), name.as_ptr().cast(), name.len(), &mut out)
        };
        assert_eq!((status, out), (Error::Panicked.code(), 0));
        assert_eq!(registry.lookup("fails"), Ok(None));
        assert_eq!(registry.revision(), Ok(before));
    }
    assert_eq!(registry.lookup("shopping"), Ok(Some(bucket)));
    let now = registry.create("fails").unwrap();
    assert_eq!(registry.lookup("fails"), Ok(Some(now)));
    assert_eq!(registry.count(), Ok(102));
    for i in 0..100 {
        registry.lookup(format!("name {i}")).unwrap().expect("still there").stop(Reason::Normal).unwrap();
    }
    assert_eq!(registry.count(), Ok(2));
    registry.stop().unwrap();
}
