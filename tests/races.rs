//! Many threads at once: one name makes one bucket, a stopped bucket is never found, a value is never torn.

use kvreg::{Bucket, Error, Reason, Registry, Value};
use std::collections::HashSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

#[test]
fn sixty_four_threads_creating_one_name_make_one_bucket() {
    let registry = Registry::start().unwrap();
    for round in 0..50 {
        let name = format!("round {round}");
        let barrier = Barrier::new(64);
        let buckets: HashSet<Bucket> = thread::scope(|scope| {
            let create = || {
                barrier.wait();
                let bucket = registry.create(&name).unwrap();
                assert_eq!(registry.lookup(&name), Ok(Some(bucket)));
                bucket
            };
            let threads: Vec<_> = (0..64).map(|_| scope.spawn(create)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(buckets.len(), 1);
        assert_eq!(registry.revision(), Ok(round + 1), "each name was created once");
    }
    registry.stop().unwrap();
}

#[test]
fn threads_that_create_and_stop_leave_what_they_left() {
    let registry = Registry::start().unwrap();
    thread::scope(|scope| {
        for t in 0..8 {
            scope.spawn(move || {
                for i in 0..5_000 {
                    let name = format!("{t} {i}");
                    let bucket = registry.create(&name).unwrap();
                    bucket.put("i", i).unwrap();
                    if i % 3 != 0 {
                        bucket.stop(Reason::Normal).unwrap();
                        assert_eq!(registry.lookup(&name), Ok(None));
                    }
                }
            });
        }
    });
    let mut left = 0;
    for t in 0..8 {
        for i in 0..5_000 {
            let found = registry.lookup(format!("{t} {i}")).unwrap();
            assert_eq!(found.is_some(), i % 3 == 0);
            if let Some(bucket) = found {
                assert_eq!(bucket.get("i"), Ok(Some(Value::Int(i))));
                left += 1;
            }
        }
    }
    assert_eq!(registry.count(), Ok(left));
    registry.stop().unwrap();
}

/// The reference gives the dead bucket in 14.5 % of 20,000 tries.
#[test]
fn a_stopped_bucket_is_never_found() {
    const ROUNDS: u64 = 20_000;
    let registry = Registry::start().unwrap();
    let stopped = AtomicU64::new(0); // rounds whose bucket has been stopped
    let (dead_answers, answers) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    // What was stopped before we looked must not be found: each round's bucket has its round in it.
                    let round = stopped.load(Ordering::Acquire);
                    if round == ROUNDS {
                        return;
                    }
                    let Some(bucket) = registry.lookup("shopping").unwrap() else { continue };
                    answers.fetch_add(1, Ordering::Relaxed);
                    match bucket.get_int("round") {
                        Ok(Some(found)) if (found as u64) < round => {
                            dead_answers.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(_) => {}
                        // It died after we found it: so the stop had not returned when we looked.
                        Err(Error::Dead) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
        for round in 0..ROUNDS {
            let bucket = registry.create("shopping").unwrap();
            bucket.put("round", round as i64).unwrap();
            bucket.stop(Reason::Normal).unwrap();
            if registry.lookup("shopping").unwrap().is_some() {
                dead_answers.fetch_add(1, Ordering::Relaxed);
            }
            stopped.store(round + 1, Ordering::Release);
        }
    });
    assert_eq!(dead_answers.into_inner(), 0, "of {} answers", answers.into_inner());
    registry.stop().unwrap();
}

#[test]
fn values_are_never_torn_or_lost_while_they_change() {
    let registry = Registry::start().unwrap();
    let bucket = registry.create("bucket").unwrap();
    let word = |i: u64| format!("{i:08}").repeat(1 + i as usize % 40);
    bucket.put("text", word(0).as_str()).unwrap();
    bucket.put("always", 7).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let Ok(Some(Value::Str(text))) = bucket.get("text") else {
                        panic!("the text is always there")
                    };
                    let i: u64 = text[..8].parse().unwrap();
                    assert_eq!(*text, word(i));
                    assert_eq!(bucket.get_int("always"), Ok(Some(7)), "an untouched key is always there");
                }
            });
        }
        let writer = |from: u64| {
            for i in (from..40_000).step_by(2) {
                bucket.put("text", word(i).as_str()).unwrap();
                bucket.put(format!("key {}", i % 500), i as i64).unwrap(); // the tree splits …
                bucket.delete(format!("key {}", (i + 250) % 500)).unwrap(); // … and merges around them
            }
        };
        let other = scope.spawn(move || writer(1));
        writer(0);
        other.join().unwrap();
        done.store(true, Ordering::Relaxed);
    });
    registry.stop().unwrap();
}

#[test]
fn a_dump_shows_one_moment() {
    // The writer keeps the sum of all keys even in pairs of puts to one key at a time: in order, so that a dump sees
    // at most one key ahead of the next.
    const KEYS: i64 = 300;
    let registry = Registry::start().unwrap();
    let bucket = registry.create("bucket").unwrap();
    for key in 0..KEYS {
        bucket.put(key.to_le_bytes(), 0).unwrap();
    }
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            for _ in 0..300 {
                let mut items: Vec<(i64, i64)> = Vec::new();
                for (key, value) in bucket.items().unwrap() {
                    let Value::Int(value) = value else { panic!("a number") };
                    items.push((i64::from_le_bytes(key.try_into().unwrap()), value));
                }
                items.sort();
                assert_eq!(items.len() as i64, KEYS);
                // Rounds are written from the first key to the last: values never rise, and fall by one at most once.
                let falls = items.windows(2).filter(|pair| pair[0].1 != pair[1].1).count();
                assert!(falls <= 1 && items[0].1 - items[items.len() - 1].1 <= 1, "torn: {items:?}");
            }
        });
        let mut round = 0;
        while !reader.is_finished() {
            round += 1;
            for key in 0..KEYS {
                bucket.put(key.to_le_bytes(), round).unwrap();
            }
        }
    });
    registry.stop().unwrap();
}

#[test]
fn calls_that_meet_a_stop_finish_or_say_so() {
    for _ in 0..200 {
        let registry = Registry::start().unwrap();
        let barrier = Barrier::new(4);
        thread::scope(|scope| {
            for t in 0..3 {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    for i in 0.. {
                        let name = format!("{t} {i}");
                        let bucket = match registry.create(&name) {
                            Ok(bucket) => bucket,
                            Err(error) => return assert_eq!(error, Error::Stopped),
                        };
                        if let Err(error) = bucket.put("key", i) {
                            assert_eq!(error, Error::Dead);
                        }
                        if let Err(error) = registry.lookup(&name) {
                            assert_eq!(error, Error::Stopped);
                        }
                        if i % 2 == 0
                            && let Err(error) = bucket.stop(Reason::Killed)
                        {
                            assert_eq!(error, Error::Dead);
                        }
                    }
                });
            }
            barrier.wait();
            registry.create("last").unwrap();
            registry.stop().unwrap();
        });
        assert_eq!(registry.lookup("last"), Err(Error::Stopped));
    }
}
