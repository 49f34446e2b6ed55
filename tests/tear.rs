//! Snapshots are never torn: they show a batch as a whole or not at all, and a sequence of changes up to some point.

mod beside;

use beside::beside;
use kvreg::{Batch, Bucket, Cursor, Reason, Registry, Snapshot, Value};
use std::sync::atomic::{AtomicI64, Ordering};

fn number(value: &Value) -> i64 {
    let Value::Int(number) = value else { panic!("a number, not {value:?}") };
    *number
}

/// The number that all rows of a bucket's snapshot have; panics if they differ.
fn row(snapshot: Snapshot, rows: usize) -> i64 {
    let items = snapshot.items().unwrap();
    assert_eq!(items.len(), rows);
    let first = number(&items[0].1);
    let torn = items.iter().filter(|(_, value)| number(value) != first).count();
    assert_eq!(torn, 0, "of {rows} rows differ from the first, which is {first}");
    first
}

/// Puts `value` under all rows of the buckets, as one change.
fn replace_all(registry: Registry, buckets: &[Bucket], rows: usize, value: i64) {
    let mut batch = Batch::new(registry);
    for &bucket in buckets {
        (0..rows).for_each(|row| batch.put(bucket, row.to_le_bytes(), value).unwrap());
    }
    batch.commit().unwrap();
}

/// One thread replaces all rows by batches, others take snapshots.
fn batches_are_seen_as_a_whole(buckets: usize, rows: usize, batches: i64) {
    let registry = Registry::start().unwrap();
    let names: Vec<String> = (0..buckets).map(|i| format!("bucket {i}")).collect();
    let buckets = registry.create_many(&names).unwrap();
    replace_all(registry, &buckets, rows, 0);
    let committed = AtomicI64::new(0);
    let of_a_bucket = |round| {
        let before = committed.load(Ordering::Acquire);
        let snapshot = Snapshot::of_bucket(buckets[round as usize % buckets.len()]).unwrap();
        let after = committed.load(Ordering::Acquire);
        let shown = row(snapshot, rows);
        assert!((before..=after + 1).contains(&shown), "{shown} is not between {before} and {after}");
        snapshot.close().unwrap();
    };
    let of_the_registry = |_| {
        let snapshot = Snapshot::take(registry).unwrap();
        let shown: Vec<i64> = names
            .iter()
            .map(|name| {
                let part = snapshot.bucket(name).unwrap().unwrap();
                let shown = row(part, rows);
                part.close().unwrap();
                shown
            })
            .collect();
        assert!(shown.windows(2).all(|pair| pair[0] == pair[1]), "torn between buckets: {shown:?}");
        snapshot.close().unwrap();
    };
    beside(&[&of_a_bucket, &of_the_registry], || {
        for value in 1..=batches {
            replace_all(registry, &buckets, rows, value);
            committed.store(value, Ordering::Release);
            buckets.iter().for_each(|bucket| bucket.put(0_usize.to_le_bytes(), value).unwrap());
        }
    });
    registry.stop().unwrap();
}

#[test]
fn a_batch_of_a_hundred_rows_is_seen_as_a_whole() {
    batches_are_seen_as_a_whole(1, 100, 3_000);
}

#[test]
fn a_batch_of_ten_thousand_rows_is_seen_as_a_whole() {
    batches_are_seen_as_a_whole(1, 10_000, 30);
}

#[test]
#[ignore = "takes a minute in a debug build"]
fn a_batch_of_a_million_rows_is_seen_as_a_whole() {
    batches_are_seen_as_a_whole(1, 1_000_000, 5);
}

#[test]
fn a_batch_over_three_buckets_is_seen_as_a_whole() {
    batches_are_seen_as_a_whole(3, 100, 1_000);
    batches_are_seen_as_a_whole(3, 3_000, 20);
}

/// How many of the first numbers a registry's snapshot has, where number i stands in bucket i % `buckets`; panics if
/// it has one without those before it.
fn prefix(snapshot: Snapshot, buckets: i64) -> i64 {
    let mut numbers = Vec::new();
    for b in 0..buckets {
        let Some(part) = snapshot.bucket(b.to_string()).unwrap() else { continue };
        let mut cursor = Cursor::default();
        while let Some((key, value)) = part.next_item(&mut cursor).unwrap() {
            assert_eq!(key, number(&value).to_le_bytes());
            numbers.push(number(&value));
        }
        part.close().unwrap();
    }
    numbers.sort();
    assert!(numbers.iter().copied().eq(0..numbers.len() as i64), "not a prefix: {numbers:?}");
    numbers.len() as i64
}

#[test]
fn a_snapshot_shows_the_puts_up_to_some_point() {
    const BUCKETS: i64 = 37;
    for _ in 0..10 {
        let registry = Registry::start().unwrap();
        let put = AtomicI64::new(0);
        let look = |_| {
            let before = put.load(Ordering::Acquire);
            let snapshot = Snapshot::take(registry).unwrap();
            let after = put.load(Ordering::Acquire);
            let shown = prefix(snapshot, BUCKETS);
            assert!((before..=after + 1).contains(&shown), "{shown} is not between {before} and {after}");
            snapshot.close().unwrap();
        };
        beside(&[&look, &look], || {
            for i in 0..2_000 {
                let bucket = registry.create((i % BUCKETS).to_string()).unwrap(); // new, or the one that is there
                bucket.put(i.to_le_bytes(), i).unwrap();
                put.store(i + 1, Ordering::Release);
            }
        });
        registry.stop().unwrap();
    }
}

#[test]
fn a_snapshot_shows_the_changes_in_place_up_to_some_point() {
    // Counters that are raised one after the other, round after round: each is as high as the next, or one higher.
    const BUCKETS: usize = 7;
    let registry = Registry::start().unwrap();
    let buckets: Vec<Bucket> = (0..BUCKETS).map(|b| registry.create(b.to_string()).unwrap()).collect();
    buckets.iter().for_each(|bucket| bucket.put("number", 0).unwrap());
    let look = |_| {
        let snapshot = Snapshot::take(registry).unwrap();
        let shown: Vec<i64> = (0..BUCKETS)
            .map(|b| number(&snapshot.get_in(b.to_string(), "number").unwrap().expect("always there")))
            .collect();
        assert!(shown.is_sorted_by(|a, b| a >= b), "not in order: {shown:?}");
        assert!(shown[0] - shown[BUCKETS - 1] <= 1, "not up to one point: {shown:?}");
        snapshot.close().unwrap();
    };
    beside(&[&look, &look], || {
        for value in 1..=10_000 {
            buckets.iter().for_each(|bucket| bucket.put("number", value).unwrap());
        }
    });
    registry.stop().unwrap();
}

#[test]
fn a_snapshot_shows_what_moves_in_one_place() {
    // A ball that is put into the next bucket before it is taken from the last: there are one or two, side by side.
    const BUCKETS: i64 = 5;
    let registry = Registry::start().unwrap();
    let buckets: Vec<Bucket> = (0..BUCKETS).map(|b| registry.create(b.to_string()).unwrap()).collect();
    buckets[0].put("ball", "the ball").unwrap();
    let look = |_| {
        let snapshot = Snapshot::take(registry).unwrap();
        let places: Vec<i64> =
            (0..BUCKETS).filter(|b| snapshot.get_in(b.to_string(), "ball").unwrap().is_some()).collect();
        match places[..] {
            [_] => {}
            [a, b] => assert!(b - a == 1 || b - a == BUCKETS - 1, "{places:?}"),
            _ => panic!("{} balls", places.len()),
        }
        snapshot.close().unwrap();
    };
    beside(&[&look, &look], || {
        for i in 0..20_000 {
            buckets[(i + 1) % buckets.len()].put("ball", "the ball").unwrap();
            assert!(buckets[i % buckets.len()].delete("ball").unwrap());
        }
    });
    registry.stop().unwrap();
}

#[test]
fn a_snapshot_shows_the_names_up_to_some_point() {
    // Names are made in order and stopped in the same order: what is there is a row without gaps.
    let registry = Registry::start().unwrap();
    let look = |_| {
        let snapshot = Snapshot::take(registry).unwrap();
        let mut numbers: Vec<u32> = Vec::new();
        for (name, _) in snapshot.names().unwrap() {
            let i = u32::from_le_bytes(name.clone().try_into().unwrap());
            if snapshot.get_in(name, "put").unwrap().is_none() {
                continue; // seen between its create and its put: the newest
            }
            numbers.push(i);
        }
        numbers.sort();
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "a gap: {numbers:?}");
        assert!(snapshot.count().unwrap() <= numbers.len() as u64 + 1);
        snapshot.close().unwrap();
    };
    beside(&[&look, &look], || {
        for i in 0..10_000_u32 {
            registry.create(i.to_le_bytes()).unwrap().put("put", i).unwrap();
            if let Some(old) = i.checked_sub(50) {
                registry
                    .lookup(old.to_le_bytes())
                    .unwrap()
                    .expect("not stopped")
                    .stop(Reason::Normal)
                    .unwrap();
            }
        }
    });
    registry.stop().unwrap();
}
