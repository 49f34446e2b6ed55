//! Batches: many changes as one (`batch`).

use super::{check, end, spawn, start};
use crate::batch::Batch;
use crate::bucket::Reason;
use crate::error::Error;
use crate::snapshot::Snapshot;
use crate::value::Value;

/// A snapshot shows all of a batch or nothing.
#[test]
fn a_cut_beside_a_batch() {
    check(|| {
        let (registry, first) = start(&[("k", 1)]);
        let second = registry.create("c").unwrap();
        second.put("k", 1).unwrap();
        let mut batch = Batch::new(registry);
        batch.put(first, "k", 2).unwrap();
        batch.put(second, "k", 2).unwrap();
        let committer = spawn(move || batch.commit().unwrap());
        let snapshot = Snapshot::take(registry).unwrap();
        let see = |name| snapshot.get_in(name, "k").unwrap().unwrap();
        let seen = see("b");
        assert_eq!(see("c"), seen, "half a batch");
        committer.join().unwrap();
        assert_eq!((see("b"), see("c")), (seen.clone(), seen), "a batch leaked into the snapshot");
        snapshot.close().unwrap();
        end(registry);
    });
}

/// A batch beside a change of the same bucket: both are made, one after the other.
#[test]
fn a_batch_beside_a_change() {
    check(|| {
        let (registry, bucket) = start(&[("k", 1)]);
        let mut batch = Batch::new(registry);
        batch.put(bucket, "l", 1).unwrap();
        let writer = spawn(move || bucket.put("m", 1).unwrap());
        batch.commit().unwrap();
        writer.join().unwrap();
        assert_eq!(bucket.count(), Ok(3));
        assert_eq!(bucket.revision(), Ok(3));
        end(registry);
    });
}

/// A batch beside an exit of one of its buckets, with a snapshot from before: all is done or nothing.
#[test]
fn a_batch_beside_an_exit() {
    check(|| {
        let (registry, first) = start(&[("k", 1)]);
        let second = registry.create("c").unwrap();
        second.put("k", 1).unwrap();
        let snapshot = Snapshot::take(registry).unwrap();
        let mut batch = Batch::new(registry);
        batch.put(first, "k", 2).unwrap();
        batch.put(second, "k", 2).unwrap();
        let stopper = spawn(move || first.stop(Reason::Normal).unwrap());
        let done = batch.commit();
        assert!(matches!(done, Ok(()) | Err(Error::Dead)));
        assert_eq!(second.get_int("k"), Ok(Some(if done.is_ok() { 2 } else { 1 })));
        assert_eq!(snapshot.get_in("b", "k"), Ok(Some(Value::Int(1))));
        stopper.join().unwrap();
        snapshot.close().unwrap();
        end(registry);
    });
}
