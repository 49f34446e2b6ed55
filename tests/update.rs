//! Update functions: foreign code that decides what becomes of a key, as slowly and as badly as it likes.

use kvreg::{Batch, Bounds, Bucket, Error, Options, Reason, Registry, Snapshot, Update, Value, ValueRef};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

fn start() -> (Registry, Bucket) {
    let registry = Registry::start().unwrap();
    (registry, registry.create("bucket").unwrap())
}

fn int(value: Option<Value>) -> i64 {
    match value {
        None => 0,
        Some(Value::Int(value)) => value,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_update_puts_deletes_or_keeps() {
    let (registry, bucket) = start();
    let update = |expected: Option<Value>, update: Update<'_>| {
        let mut called = 0;
        let result = bucket.update("key", |old| {
            called += 1;
            assert_eq!(old, expected);
            update
        });
        assert_eq!((result, called), (Ok(()), 1));
        (bucket.get("key").unwrap(), bucket.count().unwrap(), bucket.revision().unwrap())
    };
    let text = "a text that is too long to be stored beside its key";
    let value = ValueRef::Str(text).to_value().unwrap();
    assert_eq!(update(None, Update::Keep), (None, 0, 0));
    assert_eq!(update(None, Update::Delete), (None, 0, 0));
    assert_eq!(update(None, Update::Put(ValueRef::Int(1))), (Some(Value::Int(1)), 1, 1));
    assert_eq!(update(Some(Value::Int(1)), Update::Keep), (Some(Value::Int(1)), 1, 1));
    assert_eq!(update(Some(Value::Int(1)), Update::Put(ValueRef::Int(2))), (Some(Value::Int(2)), 1, 2));
    assert_eq!(update(Some(Value::Int(2)), Update::Put(ValueRef::Str(text))), (Some(value.clone()), 1, 3));
    assert_eq!(update(Some(value), Update::Delete), (None, 0, 4));
    let refused = bucket.update(vec![b'x'; kvreg::NAME_MAX + 1], |_| panic!("not called"));
    assert_eq!(refused, Err(Error::InvalidArgument));
    registry.stop().unwrap();
    assert_eq!(bucket.update("key", |_| panic!("not called")), Err(Error::Dead));
}

#[test]
fn sums_of_many_threads_are_exact() {
    const EACH: i64 = 5_000;
    let (registry, bucket) = start();
    thread::scope(|scope| {
        for t in 0..8 {
            scope.spawn(move || {
                for _ in 0..EACH {
                    let add = |old| Update::Put(ValueRef::Int(int(old) + 1));
                    match t % 4 {
                        0 => drop(bucket.add("sum", 1, Bounds::default()).unwrap()),
                        _ => bucket.update("sum", add).unwrap(),
                    }
                }
            });
        }
    });
    assert_eq!(bucket.get_int("sum"), Ok(Some(8 * EACH)));
    registry.stop().unwrap();
}

#[test]
fn a_function_that_panics_leaves_everything_as_it_was() {
    let (registry, bucket) = start();
    bucket.put("key", "old").unwrap();
    for key in ["key", "missing"] {
        let (value, revision) = (bucket.get(key), bucket.revision());
        let result = catch_unwind(AssertUnwindSafe(|| bucket.update(key, |_| panic!("a test asked for it"))));
        assert!(result.is_err());
        assert_eq!((bucket.get(key), bucket.revision()), (value, revision));
    }
    // Neither this thread nor another one finds the bucket taken.
    bucket.put("key", "new").unwrap();
    thread::scope(|scope| scope.spawn(|| bucket.put("key", "newer").unwrap()).join().unwrap());
    bucket.update("key", |_| Update::Delete).unwrap();
    assert_eq!(bucket.count(), Ok(0));
    // With one inside another, too.
    let other = registry.create("other").unwrap();
    let inner = || {
        bucket.update("key", |_| other.update("key", |_| panic!("as above")).map(|()| Update::Keep).unwrap())
    };
    assert!(catch_unwind(AssertUnwindSafe(inner)).is_err());
    bucket.put("key", 1).unwrap();
    other.put("key", 1).unwrap();
    registry.stop().unwrap();
}

#[test]
fn a_function_may_read_everything() {
    let (registry, bucket) = start();
    let other = registry.create("other").unwrap();
    bucket.put("key", 1).unwrap();
    bucket.put("text", "text").unwrap();
    other.put("key", 3).unwrap();
    let read = |_| {
        assert_eq!(bucket.get_int("key"), Ok(Some(1)));
        assert_eq!((bucket.count(), bucket.revision()), (Ok(2), Ok(2)));
        assert_eq!(bucket.items().unwrap().len(), 2);
        assert_eq!(other.get_int("key"), Ok(Some(3)));
        assert_eq!(registry.lookup("bucket"), Ok(Some(bucket)));
        assert_eq!(registry.buckets().unwrap().len(), 2);
        let (whole, part) = (Snapshot::take(registry).unwrap(), Snapshot::of_bucket(bucket).unwrap());
        assert_eq!(whole.get_in("bucket", "key"), Ok(Some(Value::Int(1))));
        assert_eq!(part.items().unwrap().len(), 2);
        whole.close().unwrap();
        part.close().unwrap();
        Update::Put(ValueRef::Int(2))
    };
    bucket.update("key", read).unwrap();
    assert_eq!(bucket.get_int("key"), Ok(Some(2)));
    registry.stop().unwrap();
}

#[test]
fn a_function_may_change_everything_but_its_own_bucket() {
    let (registry, bucket) = start();
    let other = registry.create("other").unwrap();
    bucket.put("key", 1).unwrap();
    let mut snapshot = None;
    let change = |_| {
        let mut batch = Batch::new(registry);
        batch.put(bucket, "batch", 1).unwrap();
        batch.put(other, "batch", 1).unwrap();
        for refused in [
            bucket.put("key", 2),
            bucket.put("another", 2),
            bucket.put_new("another", 2),
            bucket.take("key").map(drop),
            bucket.swap("key", 2).map(drop),
            bucket.delete("key").map(drop),
            bucket.add("key", 1, Bounds::default()).map(drop),
            bucket.put_if_revision("key", 1, 2).map(drop),
            bucket.put_if_equal("key", 1, 2),
            bucket.update("key", |_| panic!("not called")),
            bucket.clear().map(drop),
            batch.commit(),
        ] {
            assert_eq!(refused, Err(Error::Deadlock));
        }
        assert_eq!(other.get("batch"), Ok(None), "nothing of the batch was made");
        other.put("key", 1).unwrap();
        other.update("key", |old| Update::Put(ValueRef::Int(int(old) + 1))).unwrap();
        let mut batch = Batch::new(registry);
        batch.put(other, "batch", 2).unwrap();
        batch.commit().unwrap();
        registry.create("new").unwrap().put("key", 1).unwrap();
        registry.create("newer").unwrap().stop(Reason::Normal).unwrap();
        snapshot = Some(Snapshot::take(registry).unwrap());
        Update::Put(ValueRef::Int(3))
    };
    bucket.update("key", change).unwrap();
    assert_eq!((bucket.get_int("key"), bucket.revision()), (Ok(Some(3)), Ok(2)));
    assert_eq!((other.get_int("key"), other.get_int("batch")), (Ok(Some(2)), Ok(Some(2))));
    assert_eq!(registry.count(), Ok(3));
    let snapshot = snapshot.unwrap();
    assert_eq!(snapshot.get_in("bucket", "key"), Ok(Some(Value::Int(1))), "it came before the update");
    snapshot.close().unwrap();
    bucket.put("key", 4).unwrap();
    registry.stop().unwrap();
}

#[test]
fn readers_and_other_buckets_do_not_wait_for_a_function() {
    let (registry, bucket) = start();
    let other = registry.create("other").unwrap();
    (0..100).for_each(|key| bucket.put(key.to_string(), 1).unwrap());
    let ((inside, is_inside), (go_on, may_go_on)) = (channel(), channel::<()>());
    thread::scope(|scope| {
        let slow = move |_| {
            inside.send(()).unwrap();
            may_go_on.recv().unwrap();
            Update::Put(ValueRef::Int(2))
        };
        scope.spawn(move || bucket.update("1", slow).unwrap());
        is_inside.recv().unwrap();
        for round in 0..100 {
            assert_eq!(bucket.get_int("1"), Ok(Some(1)));
            assert_eq!(bucket.get_with_revision("1"), Ok(Some((Value::Int(1), 2))));
            assert_eq!(bucket.items().unwrap().len(), 100);
            let snapshot = Snapshot::take(registry).unwrap();
            assert_eq!(snapshot.get_in("bucket", "1"), Ok(Some(Value::Int(1))));
            snapshot.close().unwrap();
            other.put("key", round).unwrap();
            other.update("key", |old| Update::Put(ValueRef::Int(int(old)))).unwrap();
            registry.create("third").unwrap().stop(Reason::Normal).unwrap();
        }
        // Writers of this bucket wait, and then find what the function made.
        let waits = scope.spawn(move || bucket.add("1", 10, Bounds::default()).unwrap());
        go_on.send(()).unwrap();
        let sum = waits.join().unwrap();
        assert_eq!(sum, 12);
    });
    registry.stop().unwrap();
}

#[test]
fn functions_that_cross_do_not_hang() {
    // Two threads, each with one bucket, want the other's: each gets in or is told, and whoever is told goes on.
    let registry = Registry::start().unwrap();
    let buckets = [registry.create("a").unwrap(), registry.create("b").unwrap()];
    let mut refused = 0;
    for round in 0..200 {
        let both_inside = Barrier::new(2);
        let cross = |mine: usize| {
            let mut inner = Err(Error::NotFound);
            let meet = round % 2 == 0; // else as it comes
            let outer = buckets[mine].update("outer", |old| {
                if meet {
                    both_inside.wait();
                }
                let add = |old: Option<Value>| Update::Put(ValueRef::Int(int(old) + 1));
                inner = buckets[1 - mine].update("inner", add);
                if meet {
                    both_inside.wait();
                }
                add(old)
            });
            assert_eq!(outer, Ok(()));
            assert!(matches!(inner, Ok(()) | Err(Error::Deadlock)), "{inner:?}");
            assert!(!meet || inner == Err(Error::Deadlock), "the other one was inside all the time");
            i64::from(inner.is_err())
        };
        refused += thread::scope(|scope| {
            let other = scope.spawn(|| cross(1));
            cross(0) + other.join().unwrap()
        });
    }
    let outer: i64 = buckets.iter().map(|bucket| bucket.get_int("outer").unwrap().unwrap()).sum();
    let inner: i64 = buckets.iter().map(|bucket| bucket.get_int("inner").unwrap().unwrap_or(0)).sum();
    assert_eq!((outer, inner + refused), (400, 400));
    registry.stop().unwrap();
}

#[test]
fn a_function_may_end_what_it_works_on() {
    let ends: [fn(Bucket); 3] = [
        |bucket| bucket.stop(Reason::Normal).unwrap(),
        |bucket| bucket.registry().unwrap().stop().unwrap(),
        |bucket| thread::scope(|scope| scope.spawn(|| bucket.stop(Reason::Killed).unwrap()).join().unwrap()),
    ];
    for end in ends {
        for with_snapshot in [false, true] {
            for made in [Update::Keep, Update::Put(ValueRef::Int(2)), Update::Delete] {
                let (registry, bucket) = start();
                (0..1000).for_each(|key| bucket.put(key.to_string(), "some text").unwrap());
                let snapshot = with_snapshot.then(|| Snapshot::take(registry).unwrap());
                let result = bucket.update("1", |_| {
                    end(bucket);
                    assert_eq!(bucket.get("1"), Err(Error::Dead));
                    made
                });
                assert!(result == Err(Error::Dead) || (result, made) == (Ok(()), Update::Keep), "{result:?}");
                if let Some(snapshot) = snapshot {
                    let part = snapshot.bucket("bucket").unwrap().unwrap();
                    assert_eq!(part.items().unwrap().len(), 1000);
                    assert_eq!(part.get("1").unwrap(), Some(ValueRef::Str("some text").to_value().unwrap()));
                    part.close().unwrap();
                    snapshot.close().unwrap();
                }
                if let Ok(again) = registry.create("bucket") {
                    assert_eq!(again.count(), Ok(0));
                    registry.stop().unwrap();
                }
            }
        }
    }
}

#[test]
fn those_who_wait_for_a_function_learn_that_the_bucket_ended() {
    for _ in 0..50 {
        let (registry, bucket) = start();
        bucket.put("key", 1).unwrap();
        let (inside, is_inside) = channel();
        thread::scope(|scope| {
            let waits = move || {
                is_inside.recv().unwrap();
                bucket.put("key", 2)
            };
            let waits = scope.spawn(waits);
            let result = bucket.update("key", |_| {
                inside.send(()).unwrap();
                bucket.stop(Reason::Normal).unwrap();
                Update::Put(ValueRef::Int(3))
            });
            assert_eq!(result, Err(Error::Dead));
            assert_eq!(waits.join().unwrap(), Err(Error::Dead));
        });
        registry.stop().unwrap();
    }
}

#[test]
fn a_change_waits_no_longer_for_a_function_than_the_options_say() {
    for busy_timeout in [Duration::ZERO, Duration::from_millis(20)] {
        let options = Options { busy_timeout: Some(busy_timeout), ..Options::default() };
        let (registry, _) = Registry::start_with(options).unwrap();
        let (bucket, free) = (registry.create("bucket").unwrap(), registry.create("free").unwrap());
        bucket.put("key", 1).unwrap();
        free.put("key", 1).unwrap();
        let change_all = move || {
            let timed_out = Err(Error::TimedOut);
            assert_eq!(bucket.put("key", 2), timed_out, "over a number of its type");
            assert_eq!(bucket.put("key", "text"), timed_out);
            assert_eq!(bucket.put("new", 2), timed_out);
            assert_eq!(bucket.delete("key").map(drop), timed_out);
            assert_eq!(bucket.add("key", 1, Bounds::default()).map(drop), timed_out);
            assert_eq!(bucket.update("key", |_| panic!("not called")), timed_out);
            assert_eq!(bucket.clear().map(drop), timed_out);
            let mut batch = Batch::new(registry);
            batch.put(free, "key", 2).unwrap();
            batch.put(bucket, "key", 2).unwrap();
            assert_eq!(batch.commit().map(drop), timed_out);
            // Nothing is held by what was given up, and nobody else is concerned.
            assert_eq!((free.get_int("key"), free.put("key", 3)), (Ok(Some(1)), Ok(())));
            assert_eq!(bucket.get_int("key"), Ok(Some(1)));
        };
        let update = |_: Option<Value>| {
            thread::spawn(change_all).join().unwrap();
            Update::Put(ValueRef::Int(7))
        };
        assert_eq!(bucket.update("key", update), Ok(()));
        assert_eq!((bucket.get_int("key"), bucket.count(), bucket.revision()), (Ok(Some(7)), Ok(1), Ok(2)));
        assert_eq!(bucket.put("key", 8), Ok(()));
        registry.stop().unwrap();
    }
}
