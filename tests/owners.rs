//! Owners: what is tied to one ends with it, exactly once, whatever else happens at that moment.

use kvreg::*;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

fn owned_by(owner: Owner) -> Create {
    Create { owner: Some(owner), ..Create::default() }
}

fn make(registry: Registry, name: &str, options: Create) -> Bucket {
    let (bucket, created) = registry.create_with(name, options).unwrap();
    assert!(created);
    bucket
}

#[test]
fn a_bucket_exits_with_its_owner_and_others_do_not() {
    let registries = [Registry::start().unwrap(), Registry::start().unwrap()];
    let (owner, other) = (Owner::open().unwrap(), Owner::open().unwrap());
    let mut mine = Vec::new();
    for registry in registries {
        mine.extend((0..50).map(|i| make(registry, &format!("mine {i}"), owned_by(owner))));
        make(registry, "other's", owned_by(other));
        registry.create("nobody's").unwrap();
    }
    assert_eq!((owner.count(), other.count()), (Ok(100), Ok(2)));
    assert_eq!(mine[0].owner(), Ok(Some(owner)));
    owner.close().unwrap();
    for bucket in mine {
        assert_eq!(bucket.check(), Err(Error::Dead));
        assert_eq!(bucket.owner(), Err(Error::Dead));
    }
    for registry in registries {
        assert_eq!(registry.lookup("mine 7"), Ok(None));
        assert_eq!(registry.count(), Ok(2));
        assert_eq!(registry.lookup("nobody's").unwrap().unwrap().owner(), Ok(None));
        registry.stop().unwrap();
    }
    assert_eq!(owner.check(), Err(Error::Dead));
    assert_eq!(owner.close(), Err(Error::Dead));
    assert_eq!(other.count(), Ok(0), "their registry took them");
    other.close().unwrap();
}

#[test]
fn an_exit_tells_that_the_owner_was_closed() {
    let registry = Registry::start().unwrap();
    let owner = Owner::open().unwrap();
    let subscription = Subscription::open(registry, SubscribeOptions::default()).unwrap();
    let bucket = make(registry, "b", owned_by(owner));
    owner.close().unwrap();
    let now = Some(std::time::Duration::ZERO);
    assert_eq!(subscription.next(now).unwrap().kind(), EventKind::Create);
    let exit = subscription.next(now).unwrap();
    assert_eq!((exit.bucket(), exit.reason()), (bucket, Some(Reason::OwnerClosed)));
    registry.stop().unwrap();
}

#[test]
fn options_count_only_for_who_makes_the_bucket() {
    let registry = Registry::start().unwrap();
    let owner = Owner::open().unwrap();
    let bucket = registry.create("b").unwrap();
    let options = Create { access: Access::Private, ..owned_by(owner) };
    assert_eq!(registry.create_with("b", options), Ok((bucket, false)));
    assert_eq!(bucket.owner(), Ok(None));
    owner.close().unwrap();
    assert_eq!(registry.create_with("b", options), Ok((bucket, false)), "the owner is not asked");
    assert_eq!(registry.create_with("new", options), Err(Error::Dead));
    let heir = Create { heir: Some(owner), ..Create::default() };
    assert_eq!(registry.create_with("new", heir), Err(Error::Dead));
    let never = owned_by(Owner::from_id(bucket.id()));
    assert_eq!(registry.create_with("new", never), Err(Error::BadHandle));
    assert_eq!(registry.lookup("new"), Ok(None), "none is made for a dead owner");
    assert_eq!(registry.revision(), Ok(1));
    registry.stop().unwrap();
    assert_eq!(registry.create_with("b", Create::default()), Err(Error::Stopped));
}

#[test]
fn a_bucket_that_is_given_away_belongs_to_the_new_owner() {
    let registry = Registry::start().unwrap();
    let (a, b) = (Owner::open().unwrap(), Owner::open().unwrap());
    let bucket = make(registry, "b", owned_by(a));
    bucket.give(Some(a)).unwrap();
    assert_eq!((a.count(), b.count()), (Ok(1), Ok(0)));
    bucket.give(Some(b)).unwrap();
    assert_eq!((a.count(), b.count()), (Ok(0), Ok(1)));
    a.close().unwrap();
    assert_eq!(bucket.check(), Ok(()));
    assert_eq!(bucket.give(Some(a)), Err(Error::Dead));
    assert_eq!(bucket.owner(), Ok(Some(b)), "a refused gift changes nothing");
    bucket.give(None).unwrap();
    b.close().unwrap();
    assert_eq!(bucket.owner(), Ok(None));
    let c = Owner::open().unwrap();
    registry.create("plain").unwrap().give(Some(c)).unwrap();
    c.close().unwrap();
    assert_eq!(registry.count(), Ok(1));
    registry.stop().unwrap();
    assert_eq!(bucket.give(None), Err(Error::Dead));
    assert_eq!(bucket.set_heir(None), Err(Error::Dead));
}

#[test]
fn an_heir_that_lives_gets_the_bucket_once() {
    let registry = Registry::start().unwrap();
    let [a, b, c] = [(); 3].map(|()| Owner::open().unwrap());
    let bucket = make(registry, "b", Create { heir: Some(b), ..owned_by(a) });
    bucket.put("k", 1).unwrap();
    let childless = make(registry, "childless", Create { heir: Some(c), ..owned_by(a) });
    childless.set_heir(None).unwrap();
    let widow = make(registry, "widow", Create { heir: Some(c), ..owned_by(a) });
    let own = make(registry, "own", Create { heir: Some(a), ..owned_by(a) });
    c.close().unwrap();
    assert_eq!(widow.check(), Ok(()), "an heir's end is not the bucket's");
    assert_eq!(widow.set_heir(Some(c)), Err(Error::Dead));
    a.close().unwrap();
    assert_eq!((bucket.owner(), bucket.get_int("k")), (Ok(Some(b)), Ok(Some(1))));
    assert_eq!(registry.lookup("b"), Ok(Some(bucket)));
    for gone in [childless, widow, own] {
        assert_eq!(gone.check(), Err(Error::Dead));
    }
    b.close().unwrap();
    assert_eq!(bucket.check(), Err(Error::Dead), "it has no heir any more");
    assert_eq!(registry.count(), Ok(0));
    registry.stop().unwrap();
}

#[test]
fn a_thread_has_an_owner_that_ends_with_it() {
    let registry = Registry::start().unwrap();
    let (bucket, closed) = thread::spawn(move || {
        let closed = Owner::of_thread().unwrap();
        assert_eq!(Owner::of_thread(), Ok(closed));
        closed.close().unwrap();
        let own = Owner::of_thread().unwrap();
        assert_ne!(own, closed, "another one, after a close");
        (make(registry, "thread's", owned_by(own)), closed)
    })
    .join()
    .unwrap();
    // join() may return before the thread's last destructors have run.
    while bucket.check().is_ok() {
        thread::yield_now();
    }
    assert_eq!(closed.check(), Err(Error::Dead));
    assert_eq!(registry.lookup("thread's"), Ok(None));
    registry.stop().unwrap();
}

/// Whoever ends it, an owned bucket exits once and leaves its owner, and nobody finds it after the owner's end.
#[test]
fn ends_that_meet_end_a_bucket_once() {
    let registry = Registry::start().unwrap();
    for round in 0..3_000 {
        let before = registry.revision().unwrap();
        let (owner, next) = (Owner::open().unwrap(), Owner::open().unwrap());
        let bucket = make(registry, "b", owned_by(owner));
        let barrier = Barrier::new(4);
        thread::scope(|scope| {
            let closer = || {
                barrier.wait();
                owner.close()
            };
            let (first, second) = (scope.spawn(closer), scope.spawn(closer));
            let other = scope.spawn(|| {
                barrier.wait();
                match round % 3 {
                    0 => bucket.stop(Reason::Normal),
                    1 => bucket.give(Some(next)),
                    _ => registry.create_with("b", owned_by(next)).map(|_| ()),
                }
            });
            barrier.wait();
            let closes = [first.join().unwrap(), second.join().unwrap()];
            assert!(closes.contains(&Ok(())) && closes.contains(&Err(Error::Dead)), "{closes:?}");
            let other = other.join().unwrap();
            assert!(other.is_ok() || other == Err(Error::Dead), "{other:?}");
            if round % 3 == 1 {
                assert_eq!(other.is_ok(), bucket.check().is_ok(), "it was given away, or it is dead");
            } else {
                assert_eq!(bucket.check(), Err(Error::Dead));
            }
        });
        next.close().unwrap();
        assert_eq!(registry.count(), Ok(0));
        let buckets = if registry.revision().unwrap() - before == 2 { 1 } else { 2 };
        assert_eq!(registry.revision().unwrap() - before, 2 * buckets, "each was created and exited once");
    }
    registry.stop().unwrap();
}

/// Threads create for an owner until it is closed: none of their buckets outlives it.
#[test]
fn nothing_is_made_for_an_owner_that_ended() {
    let registry = Registry::start().unwrap();
    for round in 0..300 {
        let owner = Owner::open().unwrap();
        let made = AtomicU64::new(0);
        thread::scope(|scope| {
            for t in 0..3 {
                let made = &made;
                scope.spawn(move || {
                    for i in 0.. {
                        match registry.create_with(format!("{round} {t} {i}"), owned_by(owner)) {
                            Ok(_) => made.fetch_add(1, Ordering::Relaxed),
                            Err(error) => return assert_eq!(error, Error::Dead),
                        };
                    }
                });
            }
            while made.load(Ordering::Relaxed) < 20 {
                thread::yield_now();
            }
            owner.close().unwrap();
        });
        assert_eq!(registry.count(), Ok(0));
    }
    registry.stop().unwrap();
}

#[test]
fn an_owner_and_a_registry_that_end_together_leave_nothing() {
    for _ in 0..300 {
        let registry = Registry::start().unwrap();
        let (owner, other) = (Owner::open().unwrap(), Owner::open().unwrap());
        let buckets: Vec<Bucket> = (0..50)
            .map(|i| make(registry, &format!("{i}"), owned_by(if i % 2 == 0 { owner } else { other })))
            .collect();
        let barrier = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                barrier.wait();
                owner.close().unwrap();
                for bucket in buckets.iter().step_by(2) {
                    assert_eq!(bucket.check(), Err(Error::Dead));
                }
            });
            barrier.wait();
            registry.stop().unwrap();
        });
        assert_eq!(other.count(), Ok(0));
        other.close().unwrap();
    }
}

#[test]
fn a_bucket_that_is_being_loaded_may_be_given_away() {
    let registry = Registry::start().unwrap();
    let owner = Owner::open().unwrap();
    let failed = registry.get_or_create("b", |bucket| {
        bucket.give(Some(owner))?;
        Err(Error::Failed)
    });
    assert_eq!((failed, owner.count()), (Err(Error::Failed), Ok(0)), "it died unseen, and is forgotten");
    let loaded = registry.get_or_create("b", |bucket| bucket.give(Some(owner))).unwrap();
    assert_eq!((loaded.owner(), owner.count()), (Ok(Some(owner)), Ok(1)));
    let closed = registry.get_or_create("c", |bucket| {
        bucket.give(Some(owner))?;
        owner.close()
    });
    assert_eq!((closed, registry.count()), (Err(Error::Dead), Ok(0)));
    registry.stop().unwrap();
}

/// A synchronous handler may close an owner, also the one whose end it is told of.
#[test]
fn owners_are_closed_within_handlers() {
    let registry = Registry::start().unwrap();
    let (first, second) = (Owner::open().unwrap(), Owner::open().unwrap());
    let (a, b) = (make(registry, "a", owned_by(first)), make(registry, "b", owned_by(second)));
    Handler::add(registry, HandlerOptions::default(), move |event| {
        if event.bucket() == a {
            assert_eq!(first.close(), Err(Error::Dead), "it is being closed");
            second.close()?;
            assert_eq!(b.check(), Err(Error::Dead));
        }
        Ok(())
    })
    .unwrap();
    first.close().unwrap();
    assert_eq!((second.check(), registry.count()), (Err(Error::Dead), Ok(0)));
    registry.stop().unwrap();
}

#[test]
fn buckets_that_come_and_go_leave_nothing_with_a_living_owner() {
    let registry = Registry::start().unwrap();
    let owner = Owner::open().unwrap();
    let keep = make(registry, "keep", owned_by(owner));
    for i in 0..100_000 {
        make(registry, &format!("{i}"), owned_by(owner)).stop(Reason::Normal).unwrap();
    }
    assert_eq!(owner.count(), Ok(1));
    owner.close().unwrap();
    assert_eq!(keep.check(), Err(Error::Dead));
    registry.stop().unwrap();
}

#[test]
fn an_owner_of_very_many_ends_beside_others_work() {
    const MANY: usize = 150_000;
    let registry = Registry::start().unwrap();
    let owner = Owner::open().unwrap();
    for i in 0..MANY {
        make(registry, &format!("{i}"), owned_by(owner));
    }
    assert_eq!(owner.count(), Ok(MANY as u64));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for i in 0.. {
                let (bucket, _) = registry.create_with("other", Create::default()).unwrap();
                bucket.put("i", i).unwrap();
                bucket.stop(Reason::Normal).unwrap();
                if done.load(Ordering::Relaxed) {
                    return;
                }
            }
        });
        let begin = std::time::Instant::now();
        owner.close().unwrap();
        println!("{MANY} buckets exited with their owner in {:?}", begin.elapsed());
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(registry.count(), Ok(0));
    registry.stop().unwrap();
}
