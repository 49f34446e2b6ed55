//! The end of a snapshot: afterwards it is dead, for everybody at once.

mod beside;

use beside::beside;
use kvreg::{Bucket, Error, Registry, Snapshot, Value};
use std::sync::atomic::{AtomicU64, Ordering};

#[test]
fn a_closed_snapshot_is_dead_and_another_kind_is_a_bad_handle() {
    let registry = Registry::start().unwrap();
    let bucket = registry.create("bucket").unwrap();
    bucket.put("key", 1).unwrap();
    let (whole, part) = (Snapshot::take(registry).unwrap(), Snapshot::of_bucket(bucket).unwrap());
    assert_ne!(whole, part);

    let of_a_registry = |snapshot: Snapshot| {
        [
            snapshot.lookup("bucket").err(),
            snapshot.bucket("bucket").err(),
            snapshot.get_in("bucket", "key").err(),
            snapshot.names().err(),
            snapshot.next_name(&mut Default::default()).err(),
        ]
    };
    let of_a_bucket = |snapshot: Snapshot| {
        [
            snapshot.get("key").err(),
            snapshot.get_with_revision("key").err(),
            snapshot.items().err(),
            snapshot.next_item(&mut Default::default()).err(),
        ]
    };
    let of_both = |snapshot: Snapshot| [snapshot.count().err(), snapshot.revision().err()];
    assert_eq!((of_a_registry(whole), of_both(whole)), ([None; 5], [None; 2]));
    assert_eq!((of_a_bucket(part), of_both(part)), ([None; 4], [None; 2]));
    assert_eq!(of_a_registry(part), [Some(Error::BadHandle); 5]);
    assert_eq!(of_a_bucket(whole), [Some(Error::BadHandle); 4]);
    let long = vec![b'x'; kvreg::NAME_MAX + 1];
    assert_eq!(whole.lookup(&long), Err(Error::InvalidArgument));
    assert_eq!(part.get(&long), Err(Error::InvalidArgument));

    for snapshot in [whole, part] {
        snapshot.close().unwrap();
        assert_eq!(snapshot.close(), Err(Error::Dead));
        assert_eq!(of_a_registry(snapshot), [Some(Error::Dead); 5]);
        assert_eq!(of_a_bucket(snapshot), [Some(Error::Dead); 4]);
        assert_eq!(of_both(snapshot), [Some(Error::Dead); 2]);
    }
    for id in [0, 1, u64::MAX, registry.id(), bucket.id()] {
        let wrong = Snapshot::from_id(id);
        assert_eq!(wrong.close(), Err(Error::BadHandle));
        assert_eq!(of_both(wrong), [Some(Error::BadHandle); 2]);
    }
    assert_eq!(Snapshot::take(Registry::from_id(bucket.id())), Err(Error::BadHandle));
    assert_eq!(Snapshot::of_bucket(Bucket::from_id(whole.id())), Err(Error::BadHandle));
    registry.stop().unwrap();
}

#[test]
fn readers_of_a_snapshot_that_is_closed_are_told_so() {
    const ROUNDS: i64 = 1000;
    let registry = Registry::start().unwrap();
    let bucket = registry.create("bucket").unwrap();
    let (current, closes) = (AtomicU64::new(0), AtomicU64::new(0));
    let close = |snapshot: Snapshot| {
        if let Err(error) = snapshot.close() {
            return assert_eq!(error, Error::Dead);
        }
        closes.fetch_add(1, Ordering::Relaxed);
    };
    // Every snapshot has one number under all keys.
    let read = |_| {
        let snapshot = Snapshot::from_id(current.load(Ordering::Acquire));
        let Ok(Some(first)) = snapshot.get("0") else { return };
        for key in ["1", "2", "3"] {
            match snapshot.get_with_revision(key) {
                Ok(found) => assert_eq!(found.map(|(value, _)| value).as_ref(), Some(&first)),
                Err(error) => assert_eq!(error, Error::Dead),
            }
        }
        match snapshot.items() {
            Ok(items) => {
                assert!(items.len() == 100 && items.iter().all(|(_, value)| value == &first), "{items:?}");
            }
            Err(error) => assert_eq!(error, Error::Dead),
        }
        // Sometimes a reader closes it.
        if matches!(first, Value::Int(round) if round % 4 == 0) {
            close(snapshot);
        }
    };
    beside(&[&read, &read], || {
        for round in 0..ROUNDS {
            for key in 0..100 {
                bucket.put(key.to_string(), round).unwrap();
            }
            let snapshot = Snapshot::of_bucket(bucket).unwrap();
            current.store(snapshot.id(), Ordering::Release);
            // What it showed changes before, while and after it is closed.
            for key in 0..100 {
                bucket.put(key.to_string(), -1 - round).unwrap();
                if key == 50 {
                    close(snapshot);
                }
            }
        }
    });
    assert_eq!(closes.into_inner(), ROUNDS as u64, "each was closed once");
    registry.stop().unwrap();
}

#[test]
fn a_snapshot_is_closed_beside_a_walk_that_ends_well() {
    // A walk holds what it shows: it finishes, or does not begin.
    let registry = Registry::start().unwrap();
    let bucket = registry.create("bucket").unwrap();
    let current = AtomicU64::new(0);
    let walk = |_| match Snapshot::from_id(current.load(Ordering::Acquire)).names() {
        Ok(names) => assert_eq!(names.len(), 200),
        Err(error) => assert!(matches!(error, Error::Dead | Error::BadHandle), "{error}"),
    };
    let names: Vec<String> = (1..200).map(|i| format!("name {i}")).collect();
    registry.create_many(&names).unwrap();
    beside(&[&walk, &walk], || {
        for _ in 0..1000 {
            let snapshot = Snapshot::take(registry).unwrap();
            current.store(snapshot.id(), Ordering::Release);
            let other = registry.create("other").unwrap();
            other.put("key", 1).unwrap();
            snapshot.close().unwrap();
            other.stop(kvreg::Reason::Normal).unwrap();
        }
    });
    assert_eq!(bucket.check(), Ok(()));
    registry.stop().unwrap();
}
