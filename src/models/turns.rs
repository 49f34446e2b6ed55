//! The turn of a registry: creates and stops of several threads (`registry/turn`).

use super::{check, end, spawn, start};
use crate::bucket::Reason;
use crate::error::Error;

/// Two create one name: they get one bucket, which a third finds from then on.
#[test]
fn one_name_is_created_once() {
    check(|| {
        let (registry, _) = start(&[]);
        let other = spawn(move || registry.create("n").unwrap());
        let mine = registry.create("n").unwrap();
        assert_eq!(registry.lookup("n"), Ok(Some(mine)));
        assert_eq!(other.join().unwrap(), mine);
        assert_eq!(registry.count(), Ok(2));
        end(registry);
    });
}

/// A lookup beside a stop and a create never gives a bucket that had died before.
#[test]
fn a_lookup_beside_a_stop() {
    check(|| {
        let (registry, old) = start(&[("k", 1)]);
        let reader = spawn(move || {
            if old.check() == Err(Error::Dead) {
                assert_ne!(registry.lookup("b"), Ok(Some(old)), "a lookup gave a dead bucket");
            }
        });
        old.stop(Reason::Normal).unwrap();
        assert_eq!(registry.lookup("b"), Ok(None));
        let new = registry.create("b").unwrap();
        assert_ne!(new, old);
        assert_eq!(registry.lookup("b"), Ok(Some(new)));
        reader.join().unwrap();
        end(registry);
    });
}

/// Of two that stop a bucket, one does.
#[test]
fn a_bucket_is_stopped_once() {
    check(|| {
        let (registry, bucket) = start(&[("k", 1)]);
        let other = spawn(move || bucket.stop(Reason::Normal).is_ok());
        let me = bucket.stop(Reason::Normal).is_ok();
        assert_ne!(other.join().unwrap(), me);
        end(registry);
    });
}

/// Names that are created together are in a cut together.
#[test]
fn two_names_at_once_beside_a_cut() {
    check(|| {
        let (registry, _) = start(&[]);
        let many = spawn(move || registry.create_many(&["m", "n"]).unwrap());
        let snapshot = registry.snapshot().unwrap();
        let (m, n) = (snapshot.lookup("m").unwrap(), snapshot.lookup("n").unwrap());
        assert_eq!(m.is_some(), n.is_some(), "one of them without the other");
        assert_eq!(snapshot.count(), Ok(if m.is_some() { 3 } else { 1 }));
        snapshot.close().unwrap();
        many.join().unwrap();
        end(registry);
    });
}

/// Who creates one of them has the bucket that they get.
#[test]
fn two_names_at_once_beside_one_of_them() {
    check(|| {
        let (registry, _) = start(&[]);
        let other = spawn(move || registry.create("n").unwrap());
        let many = registry.create_many(&["m", "n"]).unwrap();
        assert_eq!(registry.lookup("n"), Ok(Some(many[1])));
        assert_eq!(many[1], other.join().unwrap());
        assert_eq!(registry.revision(), Ok(3));
        end(registry);
    });
}
