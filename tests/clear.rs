//! Clear deletes all keys as one change, also beside readers, writers and snapshots.

mod beside;

use beside::beside;
use kvreg::{Error, Reason, Registry, Snapshot, Value};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

#[test]
fn clear_is_one_change_that_deletes_all() {
    let registry = Registry::start().unwrap();
    for keys in [0_u64, 1, 2, 24, 25, 63, 64, 65, 1000, 5000] {
        let bucket = registry.create("bucket").unwrap();
        for round in 1..4 {
            (0..keys).for_each(|key| bucket.put(key.to_le_bytes(), "some text").unwrap());
            let before = bucket.revision().unwrap();
            assert_eq!(bucket.clear(), Ok(keys));
            assert_eq!(bucket.clear(), Ok(0));
            assert_eq!(
                bucket.revision(),
                Ok(before + u64::from(keys > 0)),
                "an empty bucket does not change"
            );
            assert_eq!((bucket.count(), bucket.items()), (Ok(0), Ok(vec![])));
            assert_eq!(bucket.get(0_u64.to_le_bytes()), Ok(None));
            bucket.put("key", round).unwrap();
            assert_eq!(bucket.get_with_revision("key").unwrap().unwrap().1, bucket.revision().unwrap());
            assert_eq!(bucket.take("key"), Ok(Some(Value::Int(round.into()))));
        }
        bucket.stop(Reason::Normal).unwrap();
        assert_eq!(bucket.clear(), Err(Error::Dead));
    }
    registry.stop().unwrap();
}

#[test]
fn snapshots_keep_what_was_cleared() {
    // Filled and cleared again and again, with a snapshot before and after each: closed from either end.
    for keys in [1, 20, 64, 65, 300] {
        for oldest_first in [true, false] {
            let registry = Registry::start().unwrap();
            let bucket = registry.create("bucket").unwrap();
            let mut held = Vec::new();
            for round in 0..10 {
                (0..keys).for_each(|key| bucket.put(key.to_string(), round).unwrap());
                held.push((Snapshot::of_bucket(bucket).unwrap(), round, keys as usize));
                if round % 3 == 1 {
                    (0..keys / 2).for_each(|key| bucket.put(key.to_string(), -1).unwrap());
                }
                assert_eq!(bucket.clear(), Ok(keys as u64));
                held.push((Snapshot::of_bucket(bucket).unwrap(), round, 0));
                if round == 7 {
                    bucket.put("last", 1).unwrap();
                    bucket.stop(Reason::Normal).unwrap();
                    break;
                }
            }
            if oldest_first {
                held.reverse();
            }
            while let Some(&(snapshot, ..)) = held.last() {
                for &(snapshot, round, keys) in &held {
                    let items: BTreeMap<_, _> = snapshot.items().unwrap().into_iter().collect();
                    assert_eq!(items.len(), keys);
                    assert!(items.values().all(|value| value == &Value::Int(round)));
                }
                snapshot.close().unwrap();
                held.pop();
                registry.create("other").unwrap().put("key", 1).unwrap();
            }
            registry.stop().unwrap();
        }
    }
}

#[test]
fn readers_see_all_or_nothing_of_a_clear() {
    // Each round fills the bucket in order and clears it: what a reader sees is the first so many keys, all of one
    // round.
    const KEYS: i64 = 200;
    let registry = Registry::start().unwrap();
    let bucket = registry.create("bucket").unwrap();
    let check = |items: Vec<(Vec<u8>, Value)>| {
        let mut seen = BTreeMap::new();
        for (key, value) in items {
            let Value::Int(round) = value else { panic!("{value:?}") };
            seen.insert(i64::from_le_bytes(key.try_into().unwrap()), round);
        }
        assert!(seen.keys().copied().eq(0..seen.len() as i64), "not the first so many: {seen:?}");
        assert!(
            seen.values().all(|round| Some(round) == seen.values().next()),
            "of several rounds: {seen:?}"
        );
    };
    let walks = |_| check(bucket.items().unwrap());
    let looks = |i: i64| {
        let snapshot = Snapshot::of_bucket(bucket).unwrap();
        let first = snapshot.items().unwrap();
        let key = (i % KEYS).to_le_bytes();
        // A get beside them: any moment's value is the right one.
        assert!(matches!(bucket.get(key), Ok(None | Some(Value::Int(_)))));
        assert_eq!(snapshot.get(key).unwrap().is_some(), first.iter().any(|(found, _)| found[..] == key));
        assert_eq!(snapshot.items().unwrap(), first);
        check(first);
        snapshot.close().unwrap();
    };
    beside(&[&walks, &looks], || {
        for round in 0..500_i64 {
            let keys = KEYS - round % 7 * 25;
            (0..keys).for_each(|key| bucket.put(key.to_le_bytes(), round).unwrap());
            assert_eq!(bucket.clear(), Ok(keys as u64));
        }
    });
    registry.stop().unwrap();
}

#[test]
fn what_writers_put_is_cleared_or_left() {
    // Nothing is lost or counted twice: what was put was cleared, taken or is still there.
    for snapshots in [false, true] {
        let registry = Registry::start().unwrap();
        let bucket = registry.create("bucket").unwrap();
        let (put, taken) = (AtomicU64::new(0), AtomicU64::new(0));
        let writes = |i: i64| {
            bucket.put_new(i.to_le_bytes(), "some text").unwrap();
            put.fetch_add(1, Ordering::Relaxed);
            let found = bucket.delete((i / 2).to_le_bytes()).unwrap();
            taken.fetch_add(found.into(), Ordering::Relaxed);
        };
        let mut cleared = 0;
        beside(&[&writes], || {
            let mut rounds = 0;
            while rounds < 300 {
                let snapshot = snapshots.then(|| Snapshot::of_bucket(bucket).unwrap());
                cleared += bucket.clear().unwrap();
                rounds += u64::from(cleared > rounds);
                if let Some(snapshot) = snapshot {
                    assert_eq!(snapshot.items().unwrap().len() as u64, snapshot.count().unwrap());
                    snapshot.close().unwrap();
                }
            }
        });
        let left = bucket.count().unwrap();
        assert_eq!(put.into_inner(), taken.into_inner() + cleared + left);
        assert_eq!(bucket.items().unwrap().len() as u64, left);
        registry.stop().unwrap();
    }
}

#[test]
fn a_clear_meets_the_end_of_its_bucket() {
    let registry = Registry::start().unwrap();
    let last = AtomicU64::new(registry.create("bucket 0").unwrap().id());
    let clears = |_| {
        let bucket = kvreg::Bucket::from_id(last.load(Ordering::Acquire));
        match bucket.clear() {
            Ok(count) => assert!(count <= 100),
            Err(error) => assert_eq!(error, Error::Dead),
        }
    };
    beside(&[&clears, &clears], || {
        for round in 1..2_000 {
            let bucket = registry.create(format!("bucket {round}")).unwrap();
            last.store(bucket.id(), Ordering::Release);
            let snapshot = (round % 3 == 0).then(|| Snapshot::take(registry).unwrap());
            (0..100).for_each(|key| bucket.put(key.to_string(), "some text").unwrap());
            bucket.stop(Reason::Normal).unwrap();
            if let Some(snapshot) = snapshot {
                assert_eq!(snapshot.get_in(format!("bucket {round}"), "1"), Ok(None));
                snapshot.close().unwrap();
            }
        }
    });
    registry.stop().unwrap();
}
