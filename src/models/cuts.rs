//! Freeze, and let go, beside writers (`cuts`, invariants 1 to 3; `live`, invariants 1 and 2).

use super::{check, end, spawn, start};
use crate::bucket::Bucket;
use crate::error::Error;
use crate::snapshot::Snapshot;
use crate::value::Value;

/// The value under "k", which is a number that its writer took from the revision: all that a snapshot says agrees.
fn look(snapshot: Snapshot) -> i64 {
    let (value, revision) = snapshot.get_with_revision("k").unwrap().unwrap();
    assert_eq!(value, Value::Int(revision as i64));
    assert_eq!(snapshot.revision(), Ok(revision));
    assert_eq!(snapshot.count(), Ok(1));
    revision as i64
}

fn items(snapshot: Snapshot) -> usize {
    let items = snapshot.items().unwrap().len();
    assert_eq!(snapshot.count(), Ok(items as u64));
    items
}

fn put(bucket: Bucket, key: &str, value: i64) {
    bucket.put(key, value).unwrap();
}

/// A cut shows one moment for ever: a number that is overwritten in place before it, and copied after it.
#[test]
fn a_cut_beside_numbers_in_place() {
    check(|| {
        let (registry, bucket) = start(&[("k", 1)]);
        let writer = spawn(move || {
            put(bucket, "k", 2);
            put(bucket, "k", 3);
        });
        let snapshot = Snapshot::of_bucket(bucket).unwrap();
        let seen = look(snapshot);
        writer.join().unwrap();
        assert_eq!(look(snapshot), seen, "a change leaked into the snapshot");
        assert_eq!(bucket.get_int("k"), Ok(Some(3)));
        snapshot.close().unwrap();
        end(registry);
    });
}

/// The same for keys that come and go: the tree is changed in place before the cut, and copied after it.
#[test]
fn a_cut_beside_keys_that_come_and_go() {
    check(|| {
        let (registry, bucket) = start(&[("k", 1)]);
        let writer = spawn(move || {
            put(bucket, "l", 2);
            assert_eq!(bucket.delete("k"), Ok(true));
        });
        let snapshot = Snapshot::of_bucket(bucket).unwrap();
        let (k, l) = (snapshot.get("k").unwrap(), snapshot.get("l").unwrap());
        assert!(k.is_some() || l.is_some(), "no key at all was there at no moment");
        let seen = items(snapshot);
        assert_eq!(seen, usize::from(k.is_some()) + usize::from(l.is_some()));
        writer.join().unwrap();
        assert_eq!(items(snapshot), seen, "a change leaked into the snapshot");
        snapshot.close().unwrap();
        end(registry);
    });
}

/// The same for all keys at once.
#[test]
fn a_cut_beside_a_clear() {
    check(|| {
        let (registry, bucket) = start(&[("k", 1)]);
        let writer = spawn(move || assert_eq!(bucket.clear(), Ok(1)));
        let snapshot = Snapshot::of_bucket(bucket).unwrap();
        let (seen, revision) = (items(snapshot), snapshot.revision());
        writer.join().unwrap();
        assert_eq!(items(snapshot), seen, "a change leaked into the snapshot");
        assert_eq!((snapshot.revision(), revision), (Ok(2 - seen as u64), revision));
        snapshot.close().unwrap();
        end(registry);
    });
}

/// A cut of two buckets shows no effect without its cause.
#[test]
fn a_cut_beside_two_buckets() {
    check(|| {
        let (registry, first) = start(&[("k", 1)]);
        let second = registry.create("c").unwrap();
        put(second, "k", 1);
        let writer = spawn(move || {
            put(first, "k", 2);
            put(second, "k", 2);
        });
        let snapshot = Snapshot::take(registry).unwrap();
        let see = |name| snapshot.get_in(name, "k").unwrap().unwrap();
        let seen = (see("b"), see("c"));
        assert_ne!(seen, (Value::Int(1), Value::Int(2)), "the effect without its cause");
        writer.join().unwrap();
        assert_eq!((see("b"), see("c")), seen, "a change leaked into the snapshot");
        snapshot.close().unwrap();
        end(registry);
    });
}

/// What is done before a cut is taken is in it, beside another that is taken and let go of.
#[test]
fn two_cuts_beside_a_writer() {
    check(|| {
        let (registry, bucket) = start(&[("k", 1)]);
        let other = spawn(move || {
            put(bucket, "k", 2);
            let snapshot = Snapshot::of_bucket(bucket).unwrap();
            assert!(look(snapshot) >= 2, "a change that had ended is missing");
            snapshot
        });
        let snapshot = Snapshot::of_bucket(bucket).unwrap();
        assert!(look(snapshot) >= 1);
        snapshot.close().unwrap();
        other.join().unwrap().close().unwrap();
        end(registry);
    });
}

/// One of two cuts is let go of beside a writer: the other stays as it is, and nothing is lost or freed too early.
#[test]
fn letting_go_beside_a_writer() {
    check(|| {
        let (registry, bucket) = start(&[("k", 1)]);
        let old = Snapshot::of_bucket(bucket).unwrap();
        put(bucket, "k", 2);
        let new = Snapshot::of_bucket(bucket).unwrap();
        let writer = spawn(move || put(bucket, "k", 3));
        new.close().unwrap();
        assert_eq!(look(old), 1);
        writer.join().unwrap();
        assert_eq!(look(old), 1);
        assert_eq!(new.get("k"), Err(Error::Dead));
        old.close().unwrap();
        assert_eq!(bucket.get_int("k"), Ok(Some(3)));
        end(registry);
    });
}

/// An older cut is read while a writer makes a past for a newer one.
#[test]
fn an_older_cut_beside_a_writer() {
    check(|| {
        let (registry, bucket) = start(&[("k", 1)]);
        let old = Snapshot::of_bucket(bucket).unwrap();
        put(bucket, "k", 2);
        let new = Snapshot::of_bucket(bucket).unwrap();
        let writer = spawn(move || put(bucket, "k", 3));
        assert_eq!(look(old), 1);
        writer.join().unwrap();
        assert_eq!((look(old), look(new)), (1, 2));
        old.close().unwrap();
        new.close().unwrap();
        end(registry);
    });
}

/// A writer that finds a number which somebody else has raised finds the cuts below it, too.
#[test]
fn a_cut_beside_a_raise_and_a_writer() {
    check(|| {
        let (registry, bucket) = start(&[("k", 1)]);
        let writer = spawn(move || {
            put(bucket, "l", 2);
            assert_eq!(bucket.delete("k"), Ok(true));
        });
        let raiser = spawn(move || registry.with_table(|_, table| table.cuts.raise()).unwrap());
        let snapshot = Snapshot::of_bucket(bucket).unwrap();
        let seen = items(snapshot);
        assert_ne!(seen, 0, "no key at all was there at no moment");
        writer.join().unwrap();
        raiser.join().unwrap();
        assert_eq!(items(snapshot), seen, "a change leaked into the snapshot");
        snapshot.close().unwrap();
        end(registry);
    });
}

/// The last cut is let go of beside a writer, which may copy or change in place, and a live reader.
#[test]
fn letting_go_of_the_last_beside_a_writer_and_a_reader() {
    check(|| {
        let (registry, bucket) = start(&[("k", 1)]);
        let snapshot = Snapshot::of_bucket(bucket).unwrap();
        let writer = spawn(move || put(bucket, "k", 2));
        let reader = spawn(move || {
            let (value, revision) = bucket.get_with_revision("k").unwrap().unwrap();
            assert_eq!(value, Value::Int(revision as i64));
        });
        snapshot.close().unwrap();
        writer.join().unwrap();
        reader.join().unwrap();
        end(registry);
    });
}
