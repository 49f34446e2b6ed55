//! A snapshot shows one moment for as long as it is held, whatever happens to what it was taken of.

use kvreg::{Batch, Bounds, Bucket, Error, Reason, Registry, Snapshot, Update, Value, ValueRef};
use std::collections::BTreeMap;

const BUCKETS: i64 = 20;
const KEYS: i64 = 60;

/// The keys of a bucket with their values and revisions.
type Contents = BTreeMap<Vec<u8>, (Value, u64)>;
/// The names of a registry with their buckets and what these hold.
type Picture = BTreeMap<Vec<u8>, (Bucket, u64, Contents)>;

fn value(b: i64, k: i64) -> Value {
    let text = format!("{b} {k} ").repeat(1 + k as usize % 7);
    let value = match k % 6 {
        0 | 1 => ValueRef::Int(1000 * b + k),
        2 => ValueRef::Str(&text),
        3 => ValueRef::Bytes(text.as_bytes()),
        4 => ValueRef::Float(b as f64 / 8.0),
        _ => ValueRef::Bool(b % 2 == 0),
    };
    value.to_value().unwrap()
}

/// A registry with names, keys and values of all types, and what a snapshot of it must show.
fn filled() -> (Registry, Picture) {
    let registry = Registry::start().unwrap();
    let mut picture = Picture::new();
    for b in 0..BUCKETS {
        let bucket = registry.create(format!("bucket {b}")).unwrap();
        let mut contents = Contents::new();
        for k in 0..KEYS {
            bucket.put(format!("key {k}"), &value(b, k)).unwrap();
            contents.insert(format!("key {k}").into_bytes(), (value(b, k), k as u64 + 1));
        }
        picture.insert(format!("bucket {b}").into_bytes(), (bucket, KEYS as u64, contents));
    }
    (registry, picture)
}

fn contents(snapshot: Snapshot) -> Contents {
    let items = snapshot.items().unwrap();
    assert_eq!(snapshot.count(), Ok(items.len() as u64));
    let with_revision = |(key, value): (Vec<u8>, Value)| {
        let (found, revision) = snapshot.get_with_revision(&key).unwrap().expect("a key that was visited");
        assert_eq!(found, value);
        assert_eq!(snapshot.get(&key), Ok(Some(value)));
        (key, (found, revision))
    };
    let contents: Contents = items.into_iter().map(with_revision).collect();
    assert_eq!(snapshot.count(), Ok(contents.len() as u64), "every key once");
    contents
}

fn picture(snapshot: Snapshot) -> Picture {
    let of_bucket = |(name, bucket): (Vec<u8>, Bucket)| {
        assert_eq!(snapshot.lookup(&name), Ok(Some(bucket)));
        let inner = snapshot.bucket(&name).unwrap().expect("a name that was visited");
        let (revision, contents) = (inner.revision().unwrap(), contents(inner));
        for (key, (value, _)) in &contents {
            assert_eq!(snapshot.get_in(&name, key).as_ref(), Ok(&Some(value.clone())));
        }
        inner.close().unwrap();
        (name, (bucket, revision, contents))
    };
    let names = snapshot.names().unwrap();
    assert_eq!(snapshot.count(), Ok(names.len() as u64));
    let picture: Picture = names.into_iter().map(of_bucket).collect();
    assert_eq!(snapshot.count(), Ok(picture.len() as u64), "every name once");
    picture
}

/// Changes of every kind to what [`filled`] made, each of which leaves the registry running.
const CHANGES: [fn(Registry); 12] = [
    |registry| each(registry, |b, bucket| bucket.put("key 0", b).unwrap()), // in place, were it not for the snapshot
    |registry| each(registry, |b, bucket| bucket.put("key 0", -b).unwrap()), // in place
    |registry| each(registry, |_, bucket| bucket.put("key 2", "another text").unwrap()),
    |registry| each(registry, |_, bucket| bucket.put("key 3", false).unwrap()),
    |registry| {
        each(registry, |_, bucket| {
            for k in 0..500 {
                bucket.put(format!("more {k}"), k).unwrap();
            }
        });
    },
    |registry| each(registry, |_, bucket| assert!(bucket.delete("key 1").unwrap())),
    |registry| each(registry, |_, bucket| assert!(bucket.take("key 6").unwrap().is_some())),
    |registry| {
        each(registry, |_, bucket| {
            bucket.add("key 7", 1, Bounds::default()).unwrap();
            bucket.swap("key 8", "swapped").unwrap();
            bucket.update("key 9", |_| Update::Put(ValueRef::Nil)).unwrap();
        });
    },
    |registry| {
        let mut batch = Batch::new(registry);
        each(registry, |b, bucket| {
            batch.put(bucket, "key 12", b).unwrap();
            batch.delete(bucket, "key 13").unwrap();
            batch.put(bucket, "new", b).unwrap();
            batch.commit().unwrap(); // one by one
        });
    },
    |registry| registry.lookup("bucket 0").unwrap().unwrap().clear().map(drop).unwrap(),
    |registry| {
        for b in 0..100 {
            registry.create(format!("new {b}")).unwrap().put("key 0", b).unwrap();
        }
    },
    |registry| {
        for b in 1..10 {
            registry.lookup(format!("bucket {b}")).unwrap().unwrap().stop(Reason::Killed).unwrap();
        }
        registry.create("bucket 1").unwrap().put("key 0", "not the one that had the name").unwrap();
    },
];

fn each(registry: Registry, mut change: impl FnMut(i64, Bucket)) {
    for b in 0..BUCKETS {
        change(b, registry.lookup(format!("bucket {b}")).unwrap().expect("not yet stopped"));
    }
}

#[test]
fn a_registrys_snapshot_shows_one_moment_while_everything_changes() {
    let (registry, before) = filled();
    let revision = registry.revision().unwrap();
    let snapshot = Snapshot::take(registry).unwrap();
    assert_eq!(picture(snapshot), before);
    for (i, change) in CHANGES.iter().enumerate() {
        change(registry);
        assert_eq!(picture(snapshot), before, "after change {i}");
    }
    registry.stop().unwrap();
    assert_eq!(picture(snapshot), before, "it outlives the registry");
    assert_eq!(snapshot.revision(), Ok(revision));
    assert_eq!(snapshot.lookup("new 1"), Ok(None));
    assert_eq!(snapshot.get_in("new 1", "key 0"), Ok(None));
    assert_eq!(snapshot.get_in("bucket 1", "new"), Ok(None));
    assert_eq!(snapshot.bucket("new 1"), Ok(None));
    snapshot.close().unwrap();
}

#[test]
fn a_buckets_snapshot_shows_one_moment_and_outlives_the_bucket() {
    let (registry, before) = filled();
    let (bucket, revision, then) = before[b"bucket 1".as_slice()].clone();
    let snapshot = Snapshot::of_bucket(bucket).unwrap();
    for change in CHANGES {
        change(registry); // the last one stops the bucket
        assert_eq!(contents(snapshot), then);
    }
    assert_eq!(Snapshot::of_bucket(bucket), Err(Error::Dead));
    registry.stop().unwrap();
    assert_eq!(contents(snapshot), then);
    assert_eq!((snapshot.revision(), snapshot.get("more 1")), (Ok(revision), Ok(None)));
    snapshot.close().unwrap();
    assert_eq!(Snapshot::take(registry), Err(Error::Stopped));
}

#[test]
fn a_bucket_out_of_a_registrys_snapshot_is_a_snapshot_of_its_own() {
    let (registry, before) = filled();
    let whole = Snapshot::take(registry).unwrap();
    let first = whole.bucket("bucket 3").unwrap().unwrap();
    let second = whole.bucket("bucket 3").unwrap().unwrap();
    CHANGES.iter().for_each(|change| change(registry));
    whole.close().unwrap();
    assert_eq!(
        contents(first),
        before[b"bucket 3".as_slice()].2,
        "the bucket has exited, the whole is closed"
    );
    first.close().unwrap();
    registry.stop().unwrap();
    assert_eq!(contents(second), before[b"bucket 3".as_slice()].2);
    second.close().unwrap();
    assert_eq!(whole.bucket("bucket 3"), Err(Error::Dead));
}

#[test]
fn a_snapshot_of_nothing_is_empty() {
    let registry = Registry::start().unwrap();
    let whole = Snapshot::take(registry).unwrap();
    let bucket = registry.create("bucket").unwrap();
    let empty = Snapshot::of_bucket(bucket).unwrap();
    let with_empty = Snapshot::take(registry).unwrap();
    bucket.put("key", 1).unwrap();
    assert_eq!((whole.count(), whole.revision(), whole.names()), (Ok(0), Ok(0), Ok(vec![])));
    assert_eq!((empty.count(), empty.revision(), empty.items()), (Ok(0), Ok(0), Ok(vec![])));
    assert_eq!(with_empty.get_in("bucket", "key"), Ok(None));
    assert_eq!(picture(with_empty), Picture::from([(b"bucket".to_vec(), (bucket, 0, Contents::new()))]));
    registry.stop().unwrap();
    for snapshot in [whole, empty, with_empty] {
        snapshot.close().unwrap();
    }
}

/// All orders of the numbers below `n`.
fn orders(n: usize) -> Vec<Vec<usize>> {
    let Some(last) = n.checked_sub(1) else { return vec![vec![]] };
    let insert = |order: Vec<usize>| {
        (0..n).map(move |at| {
            let mut order = order.clone();
            order.insert(at, last);
            order
        })
    };
    orders(last).into_iter().flat_map(insert).collect()
}

#[test]
fn snapshots_of_several_moments_are_closed_in_any_order() {
    const HELD: usize = 4;
    for order in orders(HELD) {
        let (registry, _) = filled();
        let mut held: Vec<Option<(Snapshot, Picture)>> = Vec::new();
        let mut changes = CHANGES.iter();
        for _ in 0..HELD {
            let snapshot = Snapshot::take(registry).unwrap();
            held.push(Some((snapshot, picture(snapshot))));
            changes.by_ref().take(2).for_each(|change| change(registry));
        }
        for (at, change) in order.into_iter().zip(changes) {
            held[at].take().unwrap().0.close().unwrap();
            change(registry);
            for (snapshot, then) in held.iter().flatten() {
                assert_eq!(&picture(*snapshot), then);
            }
        }
        registry.stop().unwrap();
    }
}
