//! The directory: what is registered is found until it is gone, and given back exactly once.

use kvreg::*;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

/// Counts how many live.
struct Thing<'a>(&'a AtomicU64, u64);

impl<'a> Thing<'a> {
    fn object(living: &'static AtomicU64, number: u64) -> Object {
        living.fetch_add(1, Ordering::Relaxed);
        Object::new(Arc::new(Thing(living, number)))
    }
}

impl Drop for Thing<'_> {
    fn drop(&mut self) {
        assert_ne!(self.0.fetch_sub(1, Ordering::Relaxed), 0, "given back once too often");
    }
}

/// A count of one test's own.
macro_rules! counter {
    () => {{
        static LIVING: AtomicU64 = AtomicU64::new(0);
        &LIVING
    }};
}

fn number(object: &Object) -> u64 {
    object.downcast::<Thing<'static>>().expect("a Thing").1
}

const DUPLICATE: Register = Register { owner: None, duplicate: true };

fn register(registry: Registry, key: &str, object: Object, options: Register) -> Entry {
    match registry.register("kind", key, object, options).unwrap() {
        Registration::New(entry) => entry,
        Registration::Taken(entry) => panic!("{key} is {entry:?}'s"),
    }
}

#[test]
fn what_is_registered_is_found_until_it_is_unregistered() {
    let (registry, living) = (Registry::start().unwrap(), counter!());
    let entry = register(registry, "a", Thing::object(living, 7), Register::default());
    let (found, object) = registry.whereis("kind", "a").unwrap().unwrap();
    assert_eq!((found, number(&object)), (entry, 7));
    assert!(object.downcast::<String>().is_none());
    assert_eq!(number(&entry.object().unwrap()), 7);
    assert_eq!(registry.whereis("kind", "b").map(|found| found.is_some()), Ok(false));
    assert_eq!(registry.whereis("other", "a").map(|found| found.is_some()), Ok(false));
    assert_eq!(registry.lookup("a"), Ok(None), "names of buckets are others");

    entry.unregister().unwrap();
    assert_eq!(living.load(Ordering::Relaxed), 1, "we have a reference");
    assert_eq!(number(&object), 7);
    drop(object);
    assert_eq!(living.load(Ordering::Relaxed), 0);
    assert_eq!(registry.whereis("kind", "a").map(|found| found.is_some()), Ok(false));
    assert_eq!((entry.unregister(), entry.check()), (Err(Error::Dead), Err(Error::Dead)));
    assert_eq!(entry.object().err(), Some(Error::Dead));
    let next = register(registry, "a", Thing::object(living, 8), Register::default());
    assert_ne!(next, entry);
    registry.stop().unwrap();
    assert_eq!(living.load(Ordering::Relaxed), 0);
}

#[test]
fn kinds_and_keys_do_not_run_together() {
    let (registry, living) = (Registry::start().unwrap(), counter!());
    let long = "x".repeat(65_535);
    let keys = [("ab", "c"), ("a", "bc"), ("", "abc"), ("abc", ""), ("", ""), ("a\0", "b"), ("a", "\0b")];
    let keys: Vec<_> = keys.into_iter().chain([(&*long, &*long), (&*long, ""), ("", &*long)]).collect();
    for (i, (kind, key)) in keys.iter().enumerate() {
        let object = Thing::object(living, i as u64);
        assert!(matches!(
            registry.register(kind, key, object, Register::default()),
            Ok(Registration::New(_))
        ));
    }
    for (i, (kind, key)) in keys.iter().enumerate() {
        assert_eq!(number(&registry.whereis(kind, key).unwrap().unwrap().1), i as u64);
    }
    let longer = "x".repeat(65_536);
    for (kind, key) in [(&*longer, ""), ("", &*longer)] {
        let object = Thing::object(living, 0);
        assert_eq!(registry.register(kind, key, object, DUPLICATE), Err(Error::InvalidArgument));
        assert_eq!(registry.whereis(kind, key).err(), Some(Error::InvalidArgument));
        assert_eq!(registry.entries(kind, key), Err(Error::InvalidArgument));
    }
    assert_eq!(living.load(Ordering::Relaxed), keys.len() as u64, "what was refused was given back");
    registry.stop().unwrap();
}

#[test]
fn a_taken_key_says_who_has_it() {
    let (registry, living) = (Registry::start().unwrap(), counter!());
    let first = register(registry, "unique", Thing::object(living, 1), Register::default());
    let oldest = register(registry, "many", Thing::object(living, 2), DUPLICATE);
    let second = register(registry, "many", Thing::object(living, 3), DUPLICATE);
    let again = |key, options| registry.register("kind", key, Thing::object(living, 9), options).unwrap();
    assert_eq!(again("unique", Register::default()), Registration::Taken(first));
    assert_eq!(again("unique", DUPLICATE), Registration::Taken(first));
    assert_eq!(again("many", Register::default()), Registration::Taken(oldest));
    assert_eq!(living.load(Ordering::Relaxed), 3);
    assert_eq!(registry.entries("kind", "many"), Ok(vec![oldest, second]));
    oldest.unregister().unwrap();
    assert_eq!(registry.whereis("kind", "many").unwrap().unwrap().0, second);
    second.unregister().unwrap();
    assert_eq!(registry.entries("kind", "many"), Ok(vec![]));
    register(registry, "many", Thing::object(living, 4), Register::default()); // unique now
    registry.stop().unwrap();
    assert_eq!(living.load(Ordering::Relaxed), 0);
}

#[test]
fn entries_end_with_their_owner_or_their_registry() {
    let (registry, living) = (Registry::start().unwrap(), counter!());
    let other = Registry::start().unwrap();
    let owner = Owner::open().unwrap();
    let owned = Register { owner: Some(owner), duplicate: true };
    for i in 0..100 {
        register(registry, "key", Thing::object(living, i), if i % 2 == 0 { owned } else { DUPLICATE });
        register(other, &format!("{i}"), Thing::object(living, i), owned);
    }
    assert_eq!(owner.count(), Ok(150));
    owner.close().unwrap();
    assert_eq!(living.load(Ordering::Relaxed), 50);
    assert_eq!(other.whereis("kind", "7").map(|found| found.is_some()), Ok(false));
    let left = registry.entries("kind", "key").unwrap();
    let numbers: Vec<u64> = left.iter().map(|entry| number(&entry.object().unwrap())).collect();
    assert_eq!(numbers, (1..100).step_by(2).collect::<Vec<_>>());
    let refused = registry.register("kind", "new", Thing::object(living, 0), owned);
    assert_eq!(refused, Err(Error::Dead));

    let owner = Owner::open().unwrap();
    register(registry, "last", Thing::object(living, 0), Register { owner: Some(owner), duplicate: false });
    registry.stop().unwrap();
    assert_eq!((living.load(Ordering::Relaxed), owner.count()), (0, Ok(0)));
    assert!(left.iter().all(|entry| entry.check() == Err(Error::Dead)));
    assert_eq!(left[0].unregister(), Err(Error::Dead));
    assert_eq!(registry.whereis("kind", "key").err(), Some(Error::Stopped));
    assert_eq!(registry.entries("kind", "key"), Err(Error::Stopped));
    assert_eq!(registry.dispatch("kind", "key", |_, _| {}), Err(Error::Stopped));
    let refused = registry.register("kind", "new", Thing::object(living, 0), DUPLICATE);
    assert_eq!(refused, Err(Error::Stopped));
    other.stop().unwrap();
    owner.close().unwrap();
}

#[test]
fn a_dispatch_sees_each_entry_once_whatever_its_function_does() {
    let (registry, living) = (Registry::start().unwrap(), counter!());
    assert_eq!(registry.dispatch("kind", "key", |_, _| panic!("there is none")), Ok(0));
    let entries: Vec<Entry> =
        (0..200).map(|i| register(registry, "key", Thing::object(living, i), DUPLICATE)).collect();
    let mut seen = Vec::new();
    let count = registry.dispatch("kind", "key", |entry, object| {
        let i = number(object);
        assert_eq!(entry, entries[i as usize]);
        seen.push(i);
        register(registry, "key", Thing::object(living, 1000 + i), DUPLICATE); // comes too late
        if i.is_multiple_of(2) {
            entries[i as usize + 1].unregister().unwrap(); // is left out
            entry.unregister().unwrap();
            assert_eq!(number(object), i, "it is kept while it is used");
        }
    });
    assert_eq!(count, Ok(100));
    assert_eq!(seen, (0..200).step_by(2).collect::<Vec<_>>());
    assert_eq!(registry.entries("kind", "key").unwrap().len(), 100);
    let mut count = 0;
    let done = registry.dispatch("kind", "key", |_, _| {
        count += 1;
        if count == 10 {
            registry.stop().unwrap();
        }
    });
    assert_eq!((done, count), (Ok(10), 10), "none is left after a stop");
    assert_eq!(living.load(Ordering::Relaxed), 0);
}

/// The end of an object may do anything: here it registers, unregisters and stops.
#[test]
fn an_objects_end_may_make_every_call() {
    struct Ends(Registry, Option<Entry>, Option<Owner>);
    impl Drop for Ends {
        fn drop(&mut self) {
            let Ends(registry, entry, owner) = *self;
            let next = Object::new(Arc::new(()));
            assert!(matches!(
                registry.register("next", "a", next, DUPLICATE),
                Ok(Registration::New(_)) | Err(Error::Stopped)
            ));
            let _ = registry.create("a").and_then(|bucket| bucket.stop(Reason::Normal));
            let _ = registry.whereis("kind", "a");
            if let Some(entry) = entry {
                entry.unregister().unwrap();
            }
            if let Some(owner) = owner {
                assert_eq!(owner.close(), Err(Error::Dead), "it is being closed");
                registry.stop().unwrap();
            }
        }
    }
    let registry = Registry::start().unwrap();
    let owner = Owner::open().unwrap();
    let owned = Register { owner: Some(owner), duplicate: true };
    let ends = |entry, owner| Object::new(Arc::new(Ends(registry, entry, owner)));
    let first = register(registry, "a", ends(None, None), DUPLICATE);
    register(registry, "a", ends(Some(first), None), DUPLICATE).unregister().unwrap();
    assert_eq!(first.check(), Err(Error::Dead));
    register(registry, "a", ends(None, None), owned);
    register(registry, "b", ends(None, Some(owner)), owned);
    register(registry, "c", ends(None, None), owned);
    owner.close().unwrap();
    assert_eq!(registry.stop(), Err(Error::Stopped));
}

/// However many stand under one key, an end looks at a few of them only: what it costs does not grow with their number.
#[test]
fn a_hundred_and_fifty_thousand_entries_of_one_key_end_one_by_one() {
    const MANY: u64 = 150_000;
    let (registry, living) = (Registry::start().unwrap(), counter!());
    let owners: Vec<Owner> = (0..2).map(|_| Owner::open().unwrap()).collect();
    let entries: Vec<Entry> = (0..MANY)
        .map(|i| {
            let owner = Some(owners[i as usize % 2]);
            register(registry, "key", Thing::object(living, i), Register { owner, duplicate: true })
        })
        .collect();
    let begin = std::time::Instant::now();
    for i in (0..MANY as usize).rev().step_by(50) {
        entries[i].unregister().unwrap();
    }
    let (each, begin) = (begin.elapsed() / (MANY as u32 / 50), std::time::Instant::now());
    owners[0].close().unwrap();
    println!("{each:?} for one of {MANY}, {:?} for half of them", begin.elapsed());
    let left = registry.entries("kind", "key").unwrap();
    assert_eq!(left.len() as u64, living.load(Ordering::Relaxed));
    assert!(left.iter().all(|entry| number(&entry.object().unwrap()) % 2 == 1));
    registry.stop().unwrap();
    assert_eq!(living.load(Ordering::Relaxed), 0);
}

/// Many threads register, look, dispatch, unregister and close: nothing is lost, found dead, or given back twice.
#[test]
fn threads_that_share_keys_give_everything_back_once() {
    let (registry, living) = (Registry::start().unwrap(), counter!());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    if let Some((entry, object)) = registry.whereis("kind", "many").unwrap() {
                        assert!(number(&object) > 0);
                        let _ = entry.object().map(|object| number(&object));
                    }
                    let mut seen = HashSet::new();
                    registry.dispatch("kind", "many", |entry, _| assert!(seen.insert(entry))).unwrap();
                }
            });
        }
        let workers: Vec<_> = (1..4)
            .map(|t| {
                scope.spawn(move || {
                    for i in 0..400 {
                        let owner = Owner::open().unwrap();
                        let owned = Register { owner: Some(owner), duplicate: true };
                        let mine = [owned, DUPLICATE, owned, DUPLICATE]
                            .map(|options| register(registry, "many", Thing::object(living, t), options));
                        let unique = registry
                            .register("kind", "one", Thing::object(living, t), Register::default())
                            .unwrap();
                        owner.close().unwrap();
                        assert_eq!(mine[0].check(), Err(Error::Dead));
                        mine[1].unregister().unwrap();
                        if i % 10 != 0 {
                            mine[3].unregister().unwrap();
                        }
                        if let Registration::New(entry) = unique {
                            assert_eq!(registry.whereis("kind", "one").unwrap().unwrap().0, entry);
                            entry.unregister().unwrap();
                        }
                    }
                })
            })
            .collect();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(registry.entries("kind", "many").unwrap().len(), 3 * 40);
    assert_eq!(living.load(Ordering::Relaxed), 3 * 40);
    registry.stop().unwrap();
    assert_eq!(living.load(Ordering::Relaxed), 0);
}

#[test]
fn ends_that_meet_end_an_entry_once() {
    let living = counter!();
    for round in 0..1_500 {
        let registry = Registry::start().unwrap();
        let owner = Owner::open().unwrap();
        let options = Register { owner: Some(owner), duplicate: round % 2 == 0 };
        let entry = register(registry, "key", Thing::object(living, 1), options);
        let barrier = Barrier::new(3);
        let ends = Mutex::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                barrier.wait();
                owner.close().unwrap();
                assert_eq!(entry.check(), Err(Error::Dead));
            });
            scope.spawn(|| {
                barrier.wait();
                match entry.unregister() {
                    Ok(()) => *ends.lock().unwrap() += 1,
                    Err(error) => assert_eq!(error, Error::Dead),
                }
            });
            barrier.wait();
            registry.stop().unwrap();
        });
        assert!(*ends.lock().unwrap() <= 1);
        assert_eq!(entry.check(), Err(Error::Dead));
        assert_eq!(living.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn entries_that_come_and_go_leave_nothing_with_a_living_owner() {
    let (registry, living) = (Registry::start().unwrap(), counter!());
    let owner = Owner::open().unwrap();
    for i in 0..100_000 {
        let options = Register { owner: Some(owner), duplicate: i % 2 == 0 };
        register(registry, &format!("{i}"), Thing::object(living, i), options).unregister().unwrap();
    }
    assert_eq!((owner.count(), living.load(Ordering::Relaxed)), (Ok(0), 0));
    owner.close().unwrap();
    registry.stop().unwrap();
}
