//! Get-or-create with a loader: one loader per name, whose answer all share, whatever it does.

use kvreg::{Bucket, Error, Reason, Registry, Snapshot, Update, Value, ValueRef};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// For 100,000 names by hand: `KVREG_LOAD_NAMES=100000 cargo test --release --test load`.
fn names() -> usize {
    std::env::var("KVREG_LOAD_NAMES").map_or(300, |names| names.parse().expect("a number"))
}

fn never(_: Bucket) -> Result<(), Error> {
    panic!("the loader of a name that is there was called")
}

#[test]
fn the_loader_fills_what_nobody_sees_before() {
    let registry = Registry::start().unwrap();
    let mut inside = None;
    let load = |bucket: Bucket| {
        inside = Some(bucket);
        assert_eq!(registry.lookup("name"), Ok(None));
        assert_eq!((registry.count(), registry.revision()), (Ok(0), Ok(0)));
        assert_eq!(registry.buckets(), Ok(Vec::new()));
        assert_eq!(bucket.name().unwrap(), b"name");
        assert_eq!((bucket.registry(), bucket.check()), (Ok(registry), Ok(())));
        (0..100).for_each(|key| bucket.put(key.to_string(), key).unwrap());
        bucket.update("7", |_| Update::Delete)?;
        assert_eq!(bucket.items().unwrap().len(), 99);
        Ok(())
    };
    let bucket = registry.get_or_create("name", load).unwrap();
    assert_eq!(inside, Some(bucket));
    assert_eq!((registry.lookup("name"), registry.revision()), (Ok(Some(bucket)), Ok(1)));
    assert_eq!((bucket.count(), bucket.get_int("8")), (Ok(99), Ok(Some(8))));
    assert_eq!(registry.get_or_create("name", never), Ok(bucket));
    assert_eq!(registry.create("name"), Ok(bucket));
    bucket.stop(Reason::Normal).unwrap();
    let again = registry.get_or_create("name", |_| Ok(())).unwrap();
    assert_eq!(again.count(), Ok(0), "a loader that puts nothing makes an empty bucket");
    assert_eq!(registry.get_or_create(vec![b'x'; kvreg::NAME_MAX + 1], never), Err(Error::InvalidArgument));
    assert!(registry.get_or_create("", |_| Ok(())).is_ok());
    registry.stop().unwrap();
    assert_eq!(registry.get_or_create("name", never), Err(Error::Stopped));
    assert_eq!(Registry::from_id(7).get_or_create("name", never), Err(Error::BadHandle));
}

#[test]
fn of_many_threads_one_loads() {
    const THREADS: usize = 64;
    let (registry, names) = (Registry::start().unwrap(), names());
    let calls: Vec<AtomicU32> = (0..names).map(|_| AtomicU32::new(0)).collect();
    let begin = Barrier::new(THREADS);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                begin.wait();
                for (number, calls) in calls.iter().enumerate() {
                    let load = |bucket: Bucket| {
                        calls.fetch_add(1, Ordering::Relaxed);
                        bucket.put("number", number as i64)
                    };
                    let bucket = registry.get_or_create(number.to_string(), load).unwrap();
                    assert_eq!(bucket.get_int("number"), Ok(Some(number as i64)));
                    assert_eq!(registry.lookup(number.to_string()), Ok(Some(bucket)));
                }
            });
        }
    });
    assert!(calls.iter().all(|calls| calls.load(Ordering::Relaxed) == 1));
    assert_eq!((registry.count(), registry.revision()), (Ok(names as u64), Ok(names as u64)));
    println!("{names} names, {THREADS} threads: each loader ran once");
    registry.stop().unwrap();
}

#[test]
fn a_failure_is_not_kept() {
    let registry = Registry::start().unwrap();
    for error in [Error::Io, Error::NotFound, Error::TimedOut, Error::Failed] {
        let mut seen = None;
        let fail = |bucket: Bucket| {
            seen = Some(bucket);
            bucket.put("key", "a text that is too long to be stored beside its key")?;
            Err(error)
        };
        assert_eq!(registry.get_or_create("name", fail), Err(error));
        assert_eq!(seen.unwrap().check(), Err(Error::Dead));
        assert_eq!((registry.lookup("name"), registry.revision()), (Ok(None), Ok(0)));
    }
    let result =
        catch_unwind(AssertUnwindSafe(|| registry.get_or_create("name", |_| panic!("a test asked for it"))));
    assert!(result.is_err());
    assert!(registry.get_or_create("name", |_| Ok(())).is_ok());
    registry.stop().unwrap();
}

#[test]
fn a_loader_loads_others_but_not_itself() {
    let registry = Registry::start().unwrap();
    let load = |_| {
        assert_eq!(registry.get_or_create("a", never), Err(Error::Deadlock));
        let inner = registry.get_or_create("b", |_| {
            assert_eq!(registry.get_or_create("a", never), Err(Error::Deadlock));
            assert_eq!(registry.get_or_create("b", never), Err(Error::Deadlock));
            registry.get_or_create("c", |bucket| bucket.put("key", 1)).map(drop)
        })?;
        // In another registry the same name is another one.
        let other = Registry::start().unwrap();
        other.get_or_create("a", |_| Ok(()))?;
        other.stop()?;
        assert_eq!(registry.lookup("b"), Ok(Some(inner)));
        Ok(())
    };
    registry.get_or_create("a", load).unwrap();
    assert_eq!(registry.count(), Ok(3));
    registry.stop().unwrap();
}

#[test]
fn a_circle_of_threads_is_told_at_once() {
    const THREADS: usize = 5;
    let registry = Registry::start().unwrap();
    for _ in 0..20 {
        let all_inside = Barrier::new(THREADS);
        let turn = |number: usize| {
            registry.get_or_create(format!("name {number}"), |_| {
                all_inside.wait();
                registry.get_or_create(format!("name {}", (number + 1) % THREADS), never).map(drop)
            })
        };
        let answers: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|number| scope.spawn(move || turn(number))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        // Whoever would have closed the circle is told, and hands that on along it.
        assert!(answers.iter().all(|answer| *answer == Err(Error::Deadlock)), "{answers:?}");
        assert_eq!(registry.count(), Ok(0));
    }
    registry.stop().unwrap();
}

#[test]
fn other_names_and_plain_creates_do_not_wait() {
    let registry = Registry::start().unwrap();
    let ((inside, is_inside), (go_on, may_go_on)) = (channel(), channel::<()>());
    thread::scope(|scope| {
        let loaded = scope.spawn(move || {
            registry.get_or_create("slow", |bucket| {
                inside.send(bucket).unwrap();
                may_go_on.recv().unwrap();
                bucket.put("key", "loaded")
            })
        });
        let hidden: Bucket = is_inside.recv().unwrap();
        for name in ["a", "b", "c"] {
            registry.get_or_create(name, |bucket| bucket.put("key", 1)).unwrap();
        }
        let limit = Some(Duration::ZERO);
        assert_eq!(registry.get_or_create_within("slow", limit, never), Err(Error::TimedOut));
        let limit = Some(Duration::from_millis(1));
        assert_eq!(registry.get_or_create_within("slow", limit, never), Err(Error::TimedOut));
        let created = registry.create("slow").unwrap();
        assert_eq!(registry.get_or_create("slow", never), Ok(created), "a hit waits for nobody");
        hidden.put("key", "into the hidden one").unwrap();
        go_on.send(()).unwrap();
        assert_eq!(loaded.join().unwrap(), Ok(created));
        assert_eq!((hidden.check(), created.count()), (Err(Error::Dead), Ok(0)));
        assert_eq!((registry.count(), registry.revision()), (Ok(4), Ok(4)));
    });
    registry.stop().unwrap();
}

#[test]
fn a_loader_may_end_what_it_loads() {
    let registry = Registry::start().unwrap();
    let stopped = registry.get_or_create("name", |bucket| {
        bucket.put("key", 1)?;
        bucket.stop(Reason::Normal)?;
        assert_eq!(bucket.put("key", 1), Err(Error::Dead));
        assert_eq!(bucket.stop(Reason::Normal), Err(Error::Dead));
        Ok(())
    });
    assert_eq!((stopped, registry.lookup("name"), registry.revision()), (Err(Error::Dead), Ok(None), Ok(0)));
    let stopped = registry.get_or_create("name", |bucket| {
        bucket.put("key", 1)?;
        registry.stop()?;
        assert_eq!(bucket.get("key"), Err(Error::Dead));
        assert_eq!(bucket.put("key", 1), Err(Error::Dead));
        assert_eq!(registry.get_or_create("other", never), Err(Error::Stopped));
        Ok(())
    });
    assert_eq!(stopped, Err(Error::Stopped));
}

#[test]
fn snapshots_and_batches_know_a_bucket_that_is_loaded() {
    let registry = Registry::start().unwrap();
    registry.create("other").unwrap();
    let mut snapshots = Vec::new();
    let mut fail = true;
    let mut load = |bucket: Bucket| {
        bucket.put("key", 1)?;
        snapshots.push(registry.snapshot()?);
        snapshots.push(bucket.snapshot()?);
        bucket.put("key", 2)?;
        let mut batch = kvreg::Batch::new(registry);
        batch.put(bucket, "key", 3)?;
        batch.commit()?;
        (0..1000).for_each(|key| bucket.put(key.to_string(), "text").unwrap());
        bucket.clear()?;
        if std::mem::take(&mut fail) { Err(Error::Io) } else { bucket.put("key", 4) }
    };
    assert_eq!(registry.get_or_create("name", &mut load), Err(Error::Io));
    let bucket = registry.get_or_create("name", &mut load).unwrap();
    bucket.put("key", 5).unwrap();
    bucket.stop(Reason::Normal).unwrap();
    registry.stop().unwrap();
    for pair in snapshots.chunks(2) {
        let &[whole, part] = pair else { panic!("two of each") };
        let one = |snapshot: Snapshot| snapshot.get("key");
        assert_eq!(whole.get_in("name", "key"), Ok(None), "the name came later, or never");
        assert_eq!((whole.count(), one(part), part.count()), (Ok(1), Ok(Some(Value::Int(1))), Ok(1)));
        part.close().unwrap();
        whole.close().unwrap();
    }
}

#[test]
fn who_has_a_bucket_for_long_does_not_wait_for_a_loader() {
    let registry = Registry::start().unwrap();
    let bucket = registry.create("bucket").unwrap();
    let update = |_| {
        // It may load …
        registry.get_or_create("mine", |mine| mine.put("key", 1)).unwrap();
        Update::Put(ValueRef::Int(1))
    };
    bucket.update("key", update).unwrap();
    let ((inside, is_inside), (go_on, may_go_on)) = (channel(), channel::<()>());
    thread::scope(|scope| {
        let loaded = scope.spawn(move || {
            registry.get_or_create("theirs", |_| {
                inside.send(()).unwrap();
                may_go_on.recv().unwrap();
                bucket.put("key", 2)
            })
        });
        is_inside.recv().unwrap();
        // … but not wait: that loader may want this bucket.
        let update = |_| {
            assert_eq!(registry.get_or_create("theirs", never), Err(Error::Deadlock));
            Update::Keep
        };
        bucket.update("key", update).unwrap();
        go_on.send(()).unwrap();
        loaded.join().unwrap().unwrap();
    });
    assert_eq!(bucket.get_int("key"), Ok(Some(2)));
    registry.stop().unwrap();
}

#[test]
fn loads_beside_stops_and_creates() {
    // Whatever happens to the names meanwhile, every answer is one of those that are promised, and nothing hangs.
    let registry = Registry::start().unwrap();
    let load = |number: usize| {
        let loaded = registry.get_or_create(number.to_string(), |bucket| {
            if number.is_multiple_of(7) { Err(Error::Io) } else { bucket.put("key", number as i64) }
        });
        match loaded {
            Ok(bucket) => assert!(matches!(bucket.get_int("key"), Ok(Some(_) | None) | Err(Error::Dead))),
            Err(error) => {
                assert_eq!(error, if number.is_multiple_of(7) { Error::Io } else { Error::Stopped })
            }
        }
    };
    thread::scope(|scope| {
        for thread in 0..6 {
            scope.spawn(move || {
                for round in 0..2_000 {
                    let number = round % 20;
                    match thread {
                        0 => drop(registry.create(number.to_string()).unwrap()),
                        1 | 2 => match registry.lookup(number.to_string()).unwrap() {
                            Some(bucket) => drop(bucket.stop(Reason::Normal)),
                            None => thread::yield_now(),
                        },
                        _ => load(number),
                    }
                }
            });
        }
    });
    registry.stop().unwrap();
}
