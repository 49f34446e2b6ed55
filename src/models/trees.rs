//! A reader beside a tree that changes its shape (`tree`, invariants 1 to 3): whatever the writer copies, splits and
//! merges, the reader finds every key that is not being added or removed.

use super::{check, end, spawn, start};
use crate::bucket::Bucket;
use crate::snapshot::Snapshot;
use crate::value::Value;

fn key(i: i64) -> String {
    format!("key {i}")
}

fn put(bucket: Bucket, i: i64) {
    bucket.put(key(i), i).unwrap();
}

/// `begin` keys are there; a writer makes them `to`, beside a reader of the first ones, which stay, and a cut.
fn reshape(begin: i64, to: i64) {
    check(move || {
        let (registry, bucket) = start(&[]);
        (0..begin).for_each(|i| put(bucket, i));
        let reader = spawn(move || {
            for i in 0..2 {
                assert_eq!(bucket.get_int(key(i)), Ok(Some(i)), "key {i} is not found");
            }
        });
        let writer = spawn(move || {
            (begin..to).for_each(|i| put(bucket, i));
            (to..begin).rev().for_each(|i| assert_eq!(bucket.delete(key(i)), Ok(true)));
        });
        if cfg!(shuttle) {
            let snapshot = Snapshot::of_bucket(bucket).unwrap();
            let seen = snapshot.count().unwrap() as i64;
            writer.join().unwrap();
            assert_eq!(snapshot.items().unwrap().len() as i64, seen);
            for i in 0..seen {
                assert_eq!(snapshot.get(key(i)), Ok(Some(Value::Int(i))), "key {i} of {seen}");
            }
            snapshot.close().unwrap();
        } else {
            writer.join().unwrap(); // a third that does as much would be too much for every interleaving
        }
        reader.join().unwrap();
        assert_eq!(bucket.items().unwrap().len() as i64, to);
        end(registry);
    });
}

/// A small leaf becomes a leaf.
#[test]
fn a_small_leaf_grows() {
    reshape(4, 5);
}

/// A leaf becomes a small leaf.
#[test]
fn a_leaf_shrinks() {
    reshape(5, 2);
}

/// A leaf is split, and a directory made for its halves.
#[test]
fn a_leaf_is_split() {
    reshape(24, 25);
}

/// Leaves are merged, down to one that is small.
#[test]
#[cfg(shuttle)]
fn leaves_are_merged() {
    reshape(26, 2);
}

/// Directories grow, and shrink again.
#[test]
#[cfg(shuttle)]
fn directories_grow() {
    reshape(40, 60);
}
