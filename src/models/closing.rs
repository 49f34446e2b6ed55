//! A bucket that exits beside its writers and its snapshots (`cuts`, invariant 4).

use super::{check, end, spawn, start};
use crate::bucket::Reason;
use crate::epoch;
use crate::error::Error;
use crate::snapshot::Snapshot;
use crate::sync::memory;
use crate::value::Value;

/// A late change to a bucket that exits is made or refused; a snapshot from before shows neither.
#[test]
fn a_late_change_beside_an_exit() {
    check(|| {
        let (registry, bucket) = start(&[("k", 1)]);
        let snapshot = Snapshot::take(registry).unwrap();
        let writer = spawn(move || assert!(matches!(bucket.put("k", 2), Ok(()) | Err(Error::Dead))));
        bucket.stop(Reason::Normal).unwrap();
        assert_eq!(registry.lookup("b"), Ok(None));
        assert_eq!(bucket.get("k"), Err(Error::Dead));
        assert_eq!(snapshot.get_in("b", "k"), Ok(Some(Value::Int(1))));
        writer.join().unwrap();
        assert_eq!(snapshot.get_in("b", "k"), Ok(Some(Value::Int(1))));
        snapshot.close().unwrap();
        end(registry);
    });
}

/// The same for a bucket that was empty: its contents are made late, or not at all.
#[test]
fn a_first_change_beside_an_exit() {
    check(|| {
        let (registry, bucket) = start(&[]);
        let snapshot = Snapshot::take(registry).unwrap();
        let writer = spawn(move || assert!(matches!(bucket.put("k", 1), Ok(()) | Err(Error::Dead))));
        bucket.stop(Reason::Normal).unwrap();
        assert_eq!(snapshot.get_in("b", "k"), Ok(None));
        writer.join().unwrap();
        assert_eq!(snapshot.get_in("b", "k"), Ok(None));
        snapshot.close().unwrap();
        end(registry);
    });
}

/// A late change to a bucket that has exited leaves nothing behind for a snapshot that was taken after the exit.
#[test]
fn a_late_change_beside_an_exit_and_a_cut() {
    check(|| {
        let (registry, bucket) = start(&[("k", 1)]);
        let writer = spawn(move || assert!(matches!(bucket.put("l", 2), Ok(()) | Err(Error::Dead))));
        bucket.stop(Reason::Normal).unwrap();
        let snapshot = Snapshot::take(registry).unwrap();
        assert_eq!(snapshot.get_in("b", "k"), Ok(None));
        writer.join().unwrap();
        epoch::flush(); // the bucket is gone by now
        snapshot.close().unwrap();
        end(registry);
    });
}

/// A snapshot is taken beside an exit and a late change: it shows the bucket as it was at one moment, or not at all.
#[test]
fn a_cut_beside_an_exit_and_a_late_change() {
    check(|| {
        let (registry, bucket) = start(&[("k", 1)]);
        let writer = spawn(move || assert!(matches!(bucket.put("k", 2), Ok(()) | Err(Error::Dead))));
        let stopper = spawn(move || bucket.stop(Reason::Normal).unwrap());
        let snapshot = Snapshot::take(registry).unwrap();
        let seen = snapshot.get_in("b", "k");
        assert!(matches!(seen, Ok(None | Some(Value::Int(1 | 2)))));
        writer.join().unwrap();
        assert_eq!(snapshot.get_in("b", "k"), seen, "a change leaked into the snapshot");
        stopper.join().unwrap();
        assert_eq!(snapshot.get_in("b", "k"), seen, "a change leaked into the snapshot");
        snapshot.close().unwrap();
        end(registry);
    });
}

/// A bucket's snapshot from before its exit is closed beside the exit and a late change: all is freed once.
#[test]
fn letting_go_beside_an_exit_and_a_late_change() {
    check(|| {
        let (registry, bucket) = start(&[("k", 1)]);
        let snapshot = Snapshot::of_bucket(bucket).unwrap();
        let writer = spawn(move || assert!(matches!(bucket.put("k", 2), Ok(()) | Err(Error::Dead))));
        let closer = spawn(move || snapshot.close().unwrap());
        bucket.stop(Reason::Normal).unwrap();
        writer.join().unwrap();
        closer.join().unwrap();
        end(registry);
    });
}

/// The registry stops beside a late change.
#[test]
fn a_late_change_beside_the_end() {
    check(|| {
        let (registry, bucket) = start(&[("k", 1)]);
        let writer = spawn(move || assert!(matches!(bucket.put("l", 2), Ok(()) | Err(Error::Dead))));
        registry.stop().unwrap();
        assert_eq!(bucket.get("k"), Err(Error::Dead));
        writer.join().unwrap();
        epoch::flush();
        assert_eq!(memory::living(), 0, "blocks were never freed");
    });
}
