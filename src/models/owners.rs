//! Owners (`owner`, `registry/owned`): an owner's end beside what is done to its buckets at that moment.

use super::{check, end, spawn, start};
use crate::bucket::{Bucket, Reason};
use crate::error::Error;
use crate::owner::Owner;
use crate::registry::{Create, Registry};

fn owned(registry: Registry, owner: Owner) -> Result<Bucket, Error> {
    registry.create_with("n", Create { owner: Some(owner), ..Create::default() }).map(|(bucket, _)| bucket)
}

/// Either the bucket is made and ends with its owner, or it is not made.
#[test]
fn a_close_beside_a_create() {
    check(|| {
        let (registry, _) = start(&[]);
        let owner = Owner::open().unwrap();
        let other = spawn(move || owned(registry, owner));
        owner.close().unwrap();
        match other.join().unwrap() {
            Ok(bucket) => assert_eq!(bucket.check(), Err(Error::Dead)),
            Err(error) => assert_eq!((error, registry.revision()), (Error::Dead, Ok(1))),
        }
        assert_eq!(registry.lookup("n"), Ok(None));
        end(registry);
    });
}

/// Either it is given away in time, or it is dead.
#[test]
fn a_close_beside_a_gift() {
    check(|| {
        let (registry, _) = start(&[]);
        let (owner, next) = (Owner::open().unwrap(), Owner::open().unwrap());
        let bucket = owned(registry, owner).unwrap();
        let other = spawn(move || bucket.give(Some(next)));
        owner.close().unwrap();
        let given = other.join().unwrap();
        assert_eq!(given, bucket.check());
        assert_eq!(next.count(), Ok(u64::from(given.is_ok())));
        next.close().unwrap();
        assert_eq!(bucket.check(), Err(Error::Dead));
        end(registry);
    });
}

/// It exits once, and both find it gone.
#[test]
fn a_close_beside_a_stop() {
    check(|| {
        let (registry, _) = start(&[]);
        let owner = Owner::open().unwrap();
        let bucket = owned(registry, owner).unwrap();
        let other = spawn(move || {
            let _ = bucket.stop(Reason::Normal); // or it was too late
            assert_eq!(bucket.check(), Err(Error::Dead));
        });
        owner.close().unwrap();
        assert_eq!((bucket.check(), registry.lookup("n")), (Err(Error::Dead), Ok(None)));
        other.join().unwrap();
        assert_eq!(registry.revision(), Ok(3));
        end(registry);
    });
}

/// The owner's end waits for a registry's that has begun.
#[test]
fn a_close_beside_the_registrys_end() {
    check(|| {
        let (registry, _) = start(&[]);
        let owner = Owner::open().unwrap();
        let bucket = owned(registry, owner).unwrap();
        let other = spawn(move || {
            owner.close().unwrap();
            assert_eq!(bucket.check(), Err(Error::Dead));
        });
        registry.stop().unwrap();
        other.join().unwrap();
    });
}
