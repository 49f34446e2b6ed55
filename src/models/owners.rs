//! Owners (`owner`, `registry/owned`, `directory`): an owner's end beside what is done to its things at that moment.

use super::{check, end, spawn, start};
use crate::bucket::{Bucket, Reason};
use crate::directory::{Object, Register, Registration};
use crate::error::Error;
use crate::owner::Owner;
use crate::registry::{Create, Registry};
use std::sync::Arc;

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

/// An object that is found is not given back meanwhile, and it is given back once.
#[test]
fn a_find_beside_ends() {
    check(|| {
        let (registry, _) = start(&[]);
        let owner = Owner::open().unwrap();
        let object = Arc::new(());
        let options = Register { owner: Some(owner), duplicate: false };
        let Ok(Registration::New(entry)) =
            registry.register("kind", "key", Object::new(Arc::clone(&object)), options)
        else {
            panic!("a new key")
        };
        let other = spawn(move || {
            if let Some((_, found)) = registry.whereis("kind", "key").unwrap() {
                assert!(found.downcast::<()>().is_some());
            }
            let _ = entry.unregister(); // or it was too late
            assert_eq!(entry.check(), Err(Error::Dead));
        });
        owner.close().unwrap();
        assert_eq!(entry.check(), Err(Error::Dead));
        assert!(registry.whereis("kind", "key").unwrap().is_none());
        other.join().unwrap();
        assert_eq!(Arc::strong_count(&object), 1);
        end(registry);
    });
}
