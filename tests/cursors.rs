//! A cursor visits every entry of a snapshot once, from any thread, in as many parts as one likes.

use kvreg::{Bucket, Cursor, Registry, Snapshot, Value};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::thread;

/// Sizes around those of the tree's nodes.
const SIZES: [i64; 10] = [0, 1, 2, 23, 24, 25, 26, 100, 1000, 5000];

fn with_keys(registry: Registry, keys: i64) -> Bucket {
    let bucket = registry.create(format!("{keys} keys")).unwrap();
    for key in 0..keys {
        bucket.put(key.to_le_bytes(), key).unwrap();
    }
    bucket
}

/// Changes everything that a snapshot of the bucket shows.
fn disturb(bucket: Bucket, keys: i64) {
    for key in 0..keys {
        match key % 3 {
            0 => bucket.put(key.to_le_bytes(), -1).unwrap(),
            1 => assert!(bucket.delete(key.to_le_bytes()).unwrap()),
            _ => bucket.put((-key).to_le_bytes(), -1).unwrap(),
        }
    }
}

/// The number of an entry, which is both its key and its value.
fn number((key, value): (Vec<u8>, Value)) -> i64 {
    let number = i64::from_le_bytes(key.try_into().unwrap());
    assert_eq!(value, Value::Int(number));
    number
}

fn visit_all(snapshot: Snapshot) -> Vec<i64> {
    let mut cursor = Cursor::default();
    let mut seen = Vec::new();
    while let Some(item) = snapshot.next_item(&mut cursor).unwrap() {
        seen.push(number(item));
    }
    for _ in 0..3 {
        assert_eq!(snapshot.next_item(&mut cursor), Ok(None), "the end stays the end");
    }
    seen
}

#[test]
fn every_key_is_visited_once_while_the_bucket_changes() {
    let registry = Registry::start().unwrap();
    for keys in SIZES {
        let bucket = with_keys(registry, keys);
        let snapshot = Snapshot::of_bucket(bucket).unwrap();
        let before = visit_all(snapshot);
        assert_eq!(before.len() as i64, keys, "each key once");
        assert_eq!(before.iter().copied().collect::<BTreeSet<_>>(), (0..keys).collect());

        // With a change before every step, and at the end an empty bucket.
        let mut cursor = Cursor::default();
        disturb(bucket, keys);
        for (i, &expected) in before.iter().enumerate() {
            assert_eq!(snapshot.next_item(&mut cursor).unwrap().map(number), Some(expected));
            bucket.put((i as i64).to_le_bytes(), -2).unwrap();
        }
        bucket.clear().unwrap();
        assert_eq!(snapshot.next_item(&mut cursor), Ok(None));
        assert_eq!(visit_all(snapshot), before, "the order is the snapshot's");
        snapshot.close().unwrap();
    }
    registry.stop().unwrap();
}

#[test]
fn every_name_is_visited_once_while_the_registry_changes() {
    for names in SIZES {
        let registry = Registry::start().unwrap();
        let name = |i: i64| format!("name {i}").into_bytes();
        let all: BTreeSet<_> = (0..names).map(|i| (name(i), registry.create(name(i)).unwrap())).collect();
        let snapshot = Snapshot::take(registry).unwrap();
        let (mut cursor, mut seen) = (Cursor::default(), Vec::new());
        while let Some(found) = snapshot.next_name(&mut cursor).unwrap() {
            let i = seen.len() as i64;
            registry.create(name(names + i)).unwrap();
            registry.lookup(name(i)).unwrap().expect("not yet stopped").stop(kvreg::Reason::Normal).unwrap();
            seen.push(found);
        }
        assert_eq!(seen.len() as i64, names, "each name once");
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), all);
        registry.stop().unwrap();
        assert_eq!(snapshot.next_name(&mut cursor), Ok(None), "the end stays the end");
        snapshot.close().unwrap();
    }
}

#[test]
fn a_copied_cursor_goes_on_from_where_it_was_copied() {
    let registry = Registry::start().unwrap();
    let keys = 300;
    let bucket = with_keys(registry, keys);
    let snapshot = Snapshot::of_bucket(bucket).unwrap();
    let all = visit_all(snapshot);
    disturb(bucket, keys);

    let mut copies = vec![Cursor::default()];
    let mut cursor = Cursor::default();
    while snapshot.next_item(&mut cursor).unwrap().is_some() {
        copies.push(cursor);
    }
    assert_eq!(copies.iter().filter(|&&copy| copy == Cursor::default()).count(), 1, "a step moves it");
    // From the last to the first, each from another thread, and through another snapshot of the same moment.
    for (i, mut copy) in copies.into_iter().enumerate().rev() {
        let step = || snapshot.next_item(&mut copy).unwrap().map(number);
        let found = thread::scope(|scope| scope.spawn(step).join().unwrap());
        assert_eq!(found, all.get(i).copied());
    }
    registry.stop().unwrap();
    snapshot.close().unwrap();
}

#[test]
fn threads_share_a_cursor() {
    let registry = Registry::start().unwrap();
    let keys = 3000;
    let bucket = with_keys(registry, keys);
    let snapshot = Snapshot::of_bucket(bucket).unwrap();
    let shared = Mutex::new((Cursor::default(), Vec::new()));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let (cursor, seen) = &mut *shared.lock().unwrap();
                    let Some(item) = snapshot.next_item(cursor).unwrap() else { return };
                    seen.push(number(item));
                }
            });
        }
        disturb(bucket, keys);
    });
    assert_eq!(shared.into_inner().unwrap().1, visit_all(snapshot));
    snapshot.close().unwrap();
    registry.stop().unwrap();
}

#[test]
fn any_numbers_are_a_cursor() {
    let registry = Registry::start().unwrap();
    let edges = [0, 1, 2, 23, 24, 25, 1 << 31, 1 << 32, 1 << 60, 1 << 63, u64::MAX - 1, u64::MAX];
    let mut numbers: Vec<[u64; 2]> = edges.iter().flat_map(|&a| edges.map(|b| [a, b])).collect();
    let mut random = 1u64;
    for _ in 0..500 {
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        numbers.push([random, random >> 58]);
    }
    for keys in SIZES {
        let bucket = with_keys(registry, keys);
        let (part, whole) = (Snapshot::of_bucket(bucket).unwrap(), Snapshot::take(registry).unwrap());
        let names = whole.count().unwrap();
        for &pair in numbers.iter().take(if keys > 100 { 200 } else { numbers.len() }) {
            // SAFETY: a cursor is two numbers, which C and other languages keep as such.
            let cursor = unsafe { std::mem::transmute::<[u64; 2], Cursor>(pair) };
            let (mut at, mut seen) = (cursor, BTreeSet::new());
            while let Some(item) = part.next_item(&mut at).unwrap() {
                assert!(seen.insert(number(item)), "no key twice, from anywhere");
            }
            assert!(seen.iter().all(|key| (0..keys).contains(key)));
            let (mut at, mut found) = (cursor, 0);
            while whole.next_name(&mut at).unwrap().is_some() {
                found += 1;
            }
            assert!(found <= names);
        }
        part.close().unwrap();
        whole.close().unwrap();
    }
    registry.stop().unwrap();
}
