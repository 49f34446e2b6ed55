//! A snapshot's handle and the table behind it: read, held again, closed and outlived by others (`snapshot`, `table`).

use super::{check, end, spawn, start};
use crate::epoch;
use crate::error::Error;
use crate::snapshot::Snapshot;
use crate::sync::memory;
use crate::value::Value;

/// Who reads a snapshot that is closed meanwhile gets what it showed, or learns that it is closed; not what writers do
/// as soon as they need not copy any more.
#[test]
fn a_read_beside_a_close_and_a_writer() {
    check(|| {
        let (registry, bucket) = start(&[("k", 1)]);
        let snapshot = Snapshot::of_bucket(bucket).unwrap();
        let reader = spawn(move || {
            assert!(matches!(snapshot.get("k"), Ok(Some(Value::Int(1))) | Err(Error::Dead)));
        });
        snapshot.close().unwrap();
        bucket.put("k", 2).unwrap();
        reader.join().unwrap();
        end(registry);
    });
}

/// The same with a writer that learns only from the cuts that it need not copy any more.
#[test]
fn a_read_beside_a_close_and_another_writer() {
    check(|| {
        let (registry, bucket) = start(&[("k", 1)]);
        let snapshot = Snapshot::of_bucket(bucket).unwrap();
        let reader = spawn(move || {
            assert!(matches!(snapshot.get("k"), Ok(Some(Value::Int(1))) | Err(Error::Dead)));
        });
        let writer = spawn(move || assert_eq!(bucket.delete("k"), Ok(true)));
        snapshot.close().unwrap();
        reader.join().unwrap();
        writer.join().unwrap();
        end(registry);
    });
}

/// The same beside a delete, which the reader may notice by a tag that is gone, in a load that orders nothing.
#[test]
fn a_read_beside_a_close_and_a_delete() {
    check(|| {
        let (registry, bucket) = start(&[("k", 1)]);
        let snapshot = Snapshot::of_bucket(bucket).unwrap();
        let reader = spawn(move || {
            assert!(matches!(snapshot.get("k"), Ok(Some(Value::Int(1))) | Err(Error::Dead)));
        });
        snapshot.close().unwrap();
        assert_eq!(bucket.delete("k"), Ok(true));
        reader.join().unwrap();
        end(registry);
    });
}

/// The same for a walk over all items, for which the snapshot is held once more.
#[test]
fn a_walk_beside_a_close_and_a_writer() {
    check(|| {
        let (registry, bucket) = start(&[("k", 1)]);
        let snapshot = Snapshot::of_bucket(bucket).unwrap();
        let reader = spawn(move || match snapshot.items() {
            Ok(items) => assert_eq!(items, [(b"k".to_vec(), Value::Int(1))]),
            Err(error) => assert_eq!(error, Error::Dead),
        });
        snapshot.close().unwrap();
        bucket.put("k", 2).unwrap();
        reader.join().unwrap();
        end(registry);
    });
}

/// Of two that close a snapshot, one does; its cut and its slot are given back once.
#[test]
fn a_snapshot_is_closed_once() {
    check(|| {
        let (registry, bucket) = start(&[("k", 1)]);
        let snapshot = Snapshot::of_bucket(bucket).unwrap();
        let other = spawn(move || snapshot.close().is_ok());
        let me = snapshot.close().is_ok();
        assert_ne!(me, other.join().unwrap());
        end(registry);
    });
}

/// A snapshot is taken while its registry stops: it is refused, or shows everything and outlives the registry.
#[test]
fn taken_while_the_registry_stops() {
    check(|| {
        let (registry, bucket) = start(&[("k", 1)]);
        let other = spawn(move || match Snapshot::of_bucket(bucket) {
            Ok(snapshot) => {
                assert_eq!(snapshot.get("k"), Ok(Some(Value::Int(1))));
                snapshot.close().unwrap();
            }
            Err(error) => assert_eq!(error, Error::Dead),
        });
        registry.stop().unwrap();
        other.join().unwrap();
        epoch::flush();
        assert_eq!(memory::living(), 0, "whoever was last frees the table");
    });
}

/// A registry stops while its last snapshot is closed, and a third still reads that.
#[test]
fn closed_while_the_registry_stops() {
    check(|| {
        let (registry, bucket) = start(&[("k", 1)]);
        let snapshot = Snapshot::of_bucket(bucket).unwrap();
        bucket.put("k", 2).unwrap();
        let reader = spawn(move || {
            assert!(matches!(snapshot.get("k"), Ok(Some(Value::Int(1))) | Err(Error::Dead)));
        });
        let closer = spawn(move || snapshot.close().unwrap());
        registry.stop().unwrap();
        closer.join().unwrap();
        reader.join().unwrap();
        epoch::flush();
        assert_eq!(memory::living(), 0, "whoever was last frees the table");
    });
}
