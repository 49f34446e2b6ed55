//! Loaders: one per name, whose answer all share (`registry/load`, `registry/hidden`).

use super::{check, end, spawn, start};
use crate::bucket::Reason;
use crate::error::Error;
use crate::registry::Registry;
use crate::registry::load::get_or_create;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Two load one name: one loader runs, and both get its bucket, which then has what it put in.
#[test]
fn one_name_is_loaded_once() {
    check(|| {
        let (registry, _) = start(&[]);
        let calls = Arc::new(AtomicU32::new(0));
        let load = |registry: Registry, calls: &AtomicU32| {
            let load = |bucket: crate::bucket::Bucket| {
                calls.fetch_add(1, Ordering::Relaxed);
                bucket.put("k", 1).map_err(Error::code)
            };
            get_or_create(registry, b"n", None, load).unwrap()
        };
        let other = {
            let calls = Arc::clone(&calls);
            spawn(move || load(registry, &calls))
        };
        let mine = load(registry, &calls);
        assert_eq!(mine.get_int("k"), Ok(Some(1)));
        assert_eq!(other.join().unwrap(), mine);
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        assert_eq!(registry.lookup("n"), Ok(Some(mine)));
        end(registry);
    });
}

/// A load beside a plain create of the same name: both get the same bucket, and the other one is freed.
#[test]
fn a_load_beside_a_create() {
    check(|| {
        let (registry, _) = start(&[]);
        let other = spawn(move || registry.create("n").unwrap());
        let mine =
            get_or_create(registry, b"n", None, |bucket| bucket.put("k", 1).map_err(Error::code)).unwrap();
        assert_eq!(registry.lookup("n"), Ok(Some(mine)));
        assert_eq!(other.join().unwrap(), mine);
        end(registry);
    });
}

/// The registry is stopped while it loads: the bucket dies with it, and is freed.
#[test]
fn a_load_beside_the_end() {
    check(|| {
        let (registry, bucket) = start(&[]);
        let other = spawn(move || {
            let load = |bucket: crate::bucket::Bucket| bucket.put("k", 1).map_err(Error::code);
            match get_or_create(registry, b"n", None, load) {
                Ok(bucket) => drop(bucket.stop(Reason::Normal)),
                Err(code) => assert!([Error::Stopped.code(), Error::Dead.code()].contains(&code)),
            }
        });
        bucket.stop(Reason::Normal).unwrap();
        let stopped = registry.stop();
        other.join().unwrap();
        stopped.unwrap();
        crate::epoch::flush();
        assert_eq!(crate::sync::memory::living(), 0, "blocks were never freed");
    });
}
