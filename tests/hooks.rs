//! Reads and changes while the registry's thread is suspended, dead, or has panicked, and while locks are held.

use kvreg::{
    Bucket, Create, Error, Handler, HandlerOptions, Life, Mode, Options, Overflow, Owner, Reason, Registry,
    Snapshot, SubscribeOptions, Subscription, Value, hooks,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

fn start() -> (Registry, Bucket) {
    let registry = Registry::start().unwrap();
    let bucket = registry.create("shopping").unwrap();
    bucket.put("milk", 1).unwrap();
    bucket.put("note", "two litres").unwrap();
    (registry, bucket)
}

fn reads(registry: Registry, bucket: Bucket) {
    for _ in 0..1000 {
        assert_eq!(registry.lookup("shopping"), Ok(Some(bucket)));
        assert_eq!(registry.lookup("nope"), Ok(None));
        assert_eq!(registry.count(), Ok(1));
        assert_eq!(registry.buckets().unwrap().len(), 1);
        assert_eq!(bucket.get_int("milk"), Ok(Some(1)));
        assert!(matches!(bucket.get("note"), Ok(Some(Value::Str(text))) if &*text == "two litres"));
        assert_eq!(bucket.count(), Ok(2));
        assert_eq!(bucket.name().unwrap(), b"shopping");
    }
}

fn reads_in_other_threads(registry: Registry, bucket: Bucket) {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| reads(registry, bucket));
        }
    });
}

fn changes(registry: Registry) {
    // Enough to make garbage that the thread would be woken for.
    for i in 0..20_000 {
        let bucket = registry.create(format!("other {i}")).unwrap();
        bucket.put("i", i).unwrap();
        bucket.stop(Reason::Normal).unwrap();
        assert_eq!(registry.lookup(format!("other {i}")), Ok(None));
    }
}

#[test]
fn everything_goes_on_while_the_thread_is_suspended() {
    let (registry, bucket) = start();
    hooks::suspend_thread(registry).unwrap();
    reads(registry, bucket);
    reads_in_other_threads(registry, bucket);
    changes(registry);
    hooks::resume_thread(registry).unwrap();
    changes(registry);
    registry.stop().unwrap();
}

/// How many keys [`snapshot_and_change`] changes: so many things a snapshot keeps, and some nodes.
const KEPT: u64 = 110_000;

fn snapshot_and_change(registry: Registry, bucket: Bucket) -> Snapshot {
    let snapshot = Snapshot::take(registry).unwrap();
    for key in 0..KEPT {
        bucket.put(key.to_string(), key as i64).unwrap();
    }
    snapshot
}

/// Snapshots that were taken before the first is closed, and keep much: nobody who closes one sees to what they kept,
/// since it was there anyway. Who goes on taking and closing them while the thread does not run does, at some time.
#[test]
fn who_closes_snapshots_leaves_what_they_kept_to_the_thread_while_it_keeps_up() {
    let (registry, bucket) = start();
    let backlog = || registry.stats().unwrap().backlog;
    snapshot_and_change(registry, bucket).close().unwrap(); // all keys are there
    while backlog() != 0 {
        thread::yield_now();
    }
    hooks::suspend_thread(registry).unwrap();

    let snapshots = [(); 5].map(|()| snapshot_and_change(registry, bucket));
    for (snapshot, closed) in snapshots.into_iter().zip(1..) {
        snapshot.close().unwrap();
        assert!(backlog() >= closed * KEPT);
    }

    let most = backlog() + 4 * KEPT;
    let mut before = backlog();
    loop {
        snapshot_and_change(registry, bucket).close().unwrap();
        let now = backlog();
        assert!(now < most, "{now} things wait");
        if now < before {
            break; // it was seen to by who closed it
        }
        before = now;
    }

    hooks::resume_thread(registry).unwrap();
    registry.stop().unwrap();
}

#[test]
fn a_registry_can_be_stopped_while_its_thread_is_suspended() {
    let (registry, bucket) = start();
    hooks::suspend_thread(registry).unwrap();
    registry.stop().unwrap();
    assert_eq!(bucket.get("milk"), Err(Error::Dead));
}

#[test]
fn a_thread_that_died_is_started_anew() {
    let (registry, bucket) = start();
    hooks::kill_thread(registry, "keeper").unwrap();
    reads(registry, bucket);
    reads_in_other_threads(registry, bucket);
    changes(registry);
    hooks::kill_thread(registry, "keeper").unwrap(); // by now there is the next one, to be killed
    while registry.stats().unwrap().keeper_restarts != 2 {
        thread::yield_now(); // the second is just being started
    }
    assert_eq!(hooks::kill_thread(registry, "nobody"), Err(Error::NotFound));
    registry.stop().unwrap();
    assert_eq!(registry.lookup("shopping"), Err(Error::Stopped));
}

/// The guide's "monitors existing entries": the registry is killed, the next one has the same table, and tells when a bucket
/// dies that was there before.
#[test]
fn monitors_existing_entries() {
    let (registry, bucket) = start();
    let subscription = Subscription::open(registry, SubscribeOptions::default()).unwrap();
    hooks::kill_thread(registry, "keeper").unwrap();
    while registry.stats().unwrap().keeper_restarts != 1 {
        thread::yield_now();
    }
    assert_eq!(registry.lookup("shopping"), Ok(Some(bucket)));
    assert_eq!(bucket.get_int("milk"), Ok(Some(1)));
    bucket.stop(Reason::Shutdown).unwrap();
    let event = subscription.next(None).unwrap();
    assert_eq!((event.name(), event.bucket()), (&b"shopping"[..], bucket));
    assert_eq!((event.reason(), registry.lookup("shopping")), (Some(Reason::Shutdown), Ok(None)));
    assert_eq!(subscription.pending(), Ok(0), "once");
    registry.stop().unwrap();
}

#[test]
fn a_registry_whose_threads_die_too_often_makes_no_more_changes() {
    let options =
        Options { max_restarts: 2, restart_window: Duration::from_secs(10_000), ..Options::default() };
    let (registry, _) = Registry::start_with(options).unwrap();
    let bucket = registry.create("shopping").unwrap();
    bucket.put("milk", 1).unwrap();
    bucket.put("note", "two litres").unwrap();
    let subscription = Subscription::open(registry, SubscribeOptions::default()).unwrap();
    for _ in 0..3 {
        hooks::kill_thread(registry, "keeper").unwrap();
    }
    while registry.stats().unwrap().life != Life::Failed {
        thread::yield_now();
    }
    assert_eq!(registry.create("one more"), Err(Error::Stopped));
    assert!(registry.stats().unwrap().reason.starts_with("thread keeper-"));
    reads(registry, bucket);
    reads_in_other_threads(registry, bucket);
    assert_eq!(registry.create("shopping"), Ok(bucket), "it is there");
    assert_eq!(registry.create_many(&["shopping", "shopping"]), Ok(vec![bucket, bucket]));
    assert_eq!(registry.create_many(&["shopping", "b"]), Err(Error::Stopped));
    assert_eq!(registry.get_or_create("a", |_| Ok(())), Err(Error::Stopped));
    assert_eq!(bucket.stop(Reason::Normal), Err(Error::Stopped), "and not dead");
    assert_eq!(bucket.check(), Ok(()));
    bucket.put("eggs", 12).unwrap();
    let snapshot = registry.snapshot().unwrap();
    bucket.put("eggs", 13).unwrap();
    assert_eq!(snapshot.get_in("shopping", "eggs"), Ok(Some(Value::Int(12))));
    snapshot.close().unwrap();
    assert_eq!(bucket.get_int("eggs"), Ok(Some(13)));
    assert_eq!(bucket.put_for("tea", 1, Duration::from_secs(1)), Err(Error::Stopped), "nobody would end it");
    assert_eq!(subscription.next(Some(Duration::ZERO)).err(), Some(Error::TimedOut));
    assert_eq!(hooks::kill_thread(registry, "keeper"), Err(Error::NotFound));
    let text = registry.describe().unwrap();
    assert!(text.starts_with("state failed\n") && text.contains("\nreason thread keeper-"), "{text}");
    registry.stop().unwrap();
    assert_eq!(bucket.check(), Err(Error::Dead));
    assert_eq!(subscription.next(None).unwrap().reason(), Some(Reason::Shutdown));
}

/// A registry whose threads died for good, and in which everything is as `prepare` left it.
fn failed<R>(prepare: impl FnOnce(Registry) -> R) -> (Registry, R) {
    let options = Options { max_restarts: 0, ..Options::default() };
    let (registry, _) = Registry::start_with(options).unwrap();
    let prepared = prepare(registry);
    hooks::kill_thread(registry, "keeper").unwrap();
    while registry.stats().unwrap().life != Life::Failed {
        thread::yield_now();
    }
    (registry, prepared)
}

#[test]
fn an_owner_that_ends_is_told_what_lives_on() {
    let (owner, heir) = (Owner::open().unwrap(), Owner::open().unwrap());
    let make = |registry: Registry, name, heir| {
        registry.create_with(name, Create { owner: Some(owner), heir, ..Create::default() }).unwrap().0
    };
    let (registry, (stays, passes, subscription)) = failed(|registry| {
        let options = SubscribeOptions { owner: Some(owner), ..SubscribeOptions::default() };
        let subscription = Subscription::open(registry, options).unwrap();
        (make(registry, "stays", None), make(registry, "passes", Some(heir)), subscription)
    });
    let healthy = Registry::start().unwrap();
    let goes = make(healthy, "goes", None);
    assert_eq!(owner.count(), Ok(4));
    assert_eq!(owner.close(), Err(Error::Stopped), "not all that it had could end");
    assert_eq!((owner.check(), owner.close()), (Err(Error::Dead), Err(Error::Dead)));
    assert_eq!((goes.check(), healthy.lookup("goes")), (Err(Error::Dead), Ok(None)));
    assert_eq!(subscription.next(None).err(), Some(Error::Dead));
    assert_eq!((stays.check(), registry.lookup("stays")), (Ok(()), Ok(Some(stays))));
    assert_eq!(
        (passes.owner(), heir.count()),
        (Ok(Some(heir)), Ok(1)),
        "to give it away does not change the table"
    );
    stays.give(Some(heir)).unwrap();
    assert_eq!(heir.count(), Ok(2));
    registry.stop().unwrap();
    assert_eq!((stays.check(), heir.count()), (Err(Error::Dead), Ok(0)));
    heir.close().unwrap();
    healthy.stop().unwrap();
}

/// What had a time stays, and can be asked and renewed; nothing gets a new one, since nobody would end it.
#[test]
fn times_do_not_pass_when_the_threads_are_gone() {
    let long = Duration::from_secs(10_000);
    let (registry, bucket) = failed(|registry| {
        let bucket = registry.create("session").unwrap();
        bucket.expire(Some(long)).unwrap();
        bucket.put_for("key", 1, long).unwrap();
        bucket
    });
    assert_eq!(bucket.expire(Some(Duration::ZERO)), Err(Error::Stopped));
    assert_eq!(bucket.expire_key("key", Some(Duration::ZERO)), Err(Error::Stopped));
    assert_eq!(bucket.put_for("new", 1, long), Err(Error::Stopped));
    assert_eq!(bucket.get("new"), Ok(None));
    bucket.touch().unwrap();
    assert_eq!(bucket.touch_key("key"), Ok(true));
    assert!(
        bucket.remaining().unwrap().unwrap() <= long && bucket.remaining_key("key").unwrap().unwrap() <= long
    );
    assert_eq!(bucket.expire_key("key", None), Ok(true));
    assert_eq!((bucket.get_int("key"), bucket.remaining_key("key")), (Ok(Some(1)), Ok(None)));
    registry.stop().unwrap();
}

/// A handler with a thread of its own, and how many events it has seen.
fn count_events(registry: Registry) -> (Handler, Arc<AtomicU64>) {
    let seen = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&seen);
    let options =
        HandlerOptions { mode: Mode::Asynchronous, capacity: usize::MAX, ..HandlerOptions::default() };
    let handler = Handler::add(registry, options, move |event| {
        assert_eq!(event.revision(), count.fetch_add(1, Ordering::Relaxed) + 1);
        Ok(())
    });
    (handler.unwrap(), seen)
}

/// Its thread dies with events in the queue, and is not started anew: who waits for the handler runs it.
#[test]
fn events_of_a_handler_whose_thread_died_for_good_are_not_lost() {
    for by_stop in [false, true] {
        let options = Options { max_restarts: 0, ..Options::default() };
        let (registry, _) = Registry::start_with(options).unwrap();
        let (handler, seen) = count_events(registry);
        registry.create("first").unwrap();
        registry.sync(None).unwrap();
        assert_eq!(seen.load(Ordering::Relaxed), 1);
        hooks::suspend_handler_thread(registry, handler).unwrap();
        for i in 0..5 {
            registry.create(format!("{i}")).unwrap();
        }
        assert_eq!(seen.load(Ordering::Relaxed), 1);
        hooks::kill_handler_thread(registry, handler).unwrap();
        while registry.stats().unwrap().life != Life::Failed {
            thread::yield_now();
        }
        assert!(registry.stats().unwrap().reason.starts_with("thread on-"));
        if !by_stop {
            registry.sync(None).unwrap();
            assert_eq!(seen.load(Ordering::Relaxed), 6);
            handler.remove().unwrap();
            registry.stop().unwrap();
            assert_eq!(seen.load(Ordering::Relaxed), 6);
        } else {
            registry.stop().unwrap();
            assert_eq!(seen.load(Ordering::Relaxed), 12, "six creates and six exits");
        }
        assert_eq!(handler.remove(), Err(Error::Dead));
        assert_eq!(Arc::strong_count(&seen), 1, "the function is gone");
    }
}

#[test]
fn a_wait_for_a_handler_ends_when_its_thread_dies_for_good() {
    let options = Options { max_restarts: 0, ..Options::default() };
    let (registry, _) = Registry::start_with(options).unwrap();
    let (handler, seen) = count_events(registry);
    hooks::suspend_handler_thread(registry, handler).unwrap();
    registry.create("one").unwrap();
    thread::scope(|scope| {
        scope.spawn(|| registry.sync(None).unwrap());
        hooks::kill_handler_thread(registry, handler).unwrap();
    });
    assert_eq!(seen.load(Ordering::Relaxed), 1);
    registry.stop().unwrap();
}

/// Kills the threads of a registry again and again while others create, stop, look up, snapshot and set times: nobody
/// notices.
#[test]
fn nobody_notices_that_threads_die() {
    const KILLS: usize = 10_000;
    let options = Options { max_restarts: u32::MAX, ..Options::default() };
    let (registry, _) = Registry::start_with(options).unwrap();
    let kept: Vec<Bucket> = (0..100).map(|i| registry.create(format!("kept {i}")).unwrap()).collect();
    for (i, bucket) in kept.iter().enumerate() {
        bucket.put("i", i as i64).unwrap();
    }
    let timed = registry.create("timed").unwrap();
    timed.put_for("first", 1, Duration::ZERO).unwrap(); // so that there is a timer
    let subscription = Subscription::open(
        registry,
        SubscribeOptions {
            overflow: Overflow::Block(Duration::from_secs(1000)),
            ..SubscribeOptions::default()
        },
    )
    .unwrap();
    let handled = Arc::new(AtomicU64::new(registry.revision().unwrap()));
    let count = Arc::clone(&handled);
    let options =
        HandlerOptions { mode: Mode::Asynchronous, capacity: usize::MAX, ..HandlerOptions::default() };
    let handler = Handler::add(registry, options, move |event| {
        let last = count.fetch_add(1, Ordering::Relaxed);
        if event.revision() == last + 1 { Ok(()) } else { Err(Error::Failed) }
    })
    .unwrap();
    let before = registry.revision().unwrap();
    let (end, told) = (AtomicBool::new(false), AtomicU64::new(before));
    let running = || !end.load(Ordering::Relaxed);
    thread::scope(|scope| {
        scope.spawn(|| {
            // Every event, in order and without a gap.
            while let Ok(event) = subscription.next(None) {
                if event.reason() == Some(Reason::Shutdown) {
                    return;
                }
                assert_eq!(event.revision(), told.fetch_add(1, Ordering::Relaxed) + 1);
            }
        });
        thread::scope(|load| {
            load.spawn(|| {
                for i in (0..100).cycle().take_while(|_| running()) {
                    assert_eq!(registry.lookup(format!("kept {i}")), Ok(Some(kept[i])));
                    assert_eq!(kept[i].get_int("i"), Ok(Some(i as i64)));
                }
            });
            load.spawn(|| {
                for i in (0_u64..).take_while(|_| running()) {
                    let name = format!("new {}", i % 50);
                    let bucket = registry.create(&name).unwrap();
                    (0..40).for_each(|key| bucket.put(format!("{key}"), "some text").unwrap());
                    assert_eq!(registry.lookup(&name), Ok(Some(bucket)));
                    bucket.stop(Reason::Normal).unwrap();
                    assert_eq!(registry.lookup(&name), Ok(None));
                }
            });
            load.spawn(|| {
                while running() {
                    let snapshot = registry.snapshot().unwrap();
                    kept[0].put("text", "another text").unwrap();
                    assert_eq!(snapshot.get_in("kept 7", "i"), Ok(Some(Value::Int(7))));
                    snapshot.close().unwrap();
                    timed.put_for("soon", 1, Duration::from_micros(50)).unwrap();
                }
            });
            for i in 0..KILLS {
                // Some at a moment of others' work, and not when the thread has just begun.
                let begin = registry.revision().unwrap() + u64::from(i % 20 < 2);
                while registry.revision().unwrap() < begin {
                    thread::yield_now();
                }
                match i % 4 {
                    3 => hooks::kill_thread(registry, "timer"),
                    2 => hooks::kill_handler_thread(registry, handler),
                    _ => hooks::kill_thread(registry, "keeper"),
                }
                .unwrap();
            }
            end.store(true, Ordering::Relaxed);
        });
        while told.load(Ordering::Relaxed) != registry.revision().unwrap() {
            thread::yield_now();
        }
        // What was left for the threads to do is done.
        while timed.count() != Ok(0) || registry.stats().unwrap().untidy {
            thread::yield_now();
        }
        registry.sync(None).unwrap();
        assert_eq!(handled.load(Ordering::Relaxed), registry.revision().unwrap());
        let stats = registry.stats().unwrap();
        assert_eq!(stats.handler_failures, 0, "every event once, in order");
        assert_eq!((stats.life, stats.names, stats.snapshots), (Life::Running, 101, 0));
        let restarts = stats.keeper_restarts + stats.timer_restarts + stats.handler_restarts;
        assert!(restarts >= KILLS as u64 - 3, "{stats:?}");
        registry.stop().unwrap();
    });
    assert_eq!(kept[0].check(), Err(Error::Dead));
}

/// Enough that regions of memory are made ready for more, and given up again.
fn fill_and_clear(bucket: Bucket) {
    const KEYS: i64 = 100_000;
    for i in 0..KEYS {
        bucket.put(format!("{i:080}"), i).unwrap();
    }
    for i in 0..KEYS {
        assert_eq!(bucket.get_int(format!("{i:080}")), Ok(Some(i)));
    }
    assert_eq!(bucket.clear(), Ok(KEYS as u64));
}

#[test]
fn memory_comes_and_goes_whatever_becomes_of_the_threads_that_make_it_ready() {
    let options = Options { max_restarts: u32::MAX, ..Options::default() };
    let (registry, _) = Registry::start_with(options).unwrap();
    let bucket = registry.create("bucket").unwrap();
    hooks::suspend_thread(registry).unwrap();
    fill_and_clear(bucket);
    hooks::resume_thread(registry).unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                hooks::kill_thread(registry, "keeper").unwrap();
            }
        });
        fill_and_clear(bucket);
        stop.store(true, Ordering::Relaxed);
    });
    let (failed, bucket) = failed(|registry| registry.create("bucket").unwrap());
    registry.stop().unwrap(); // so that there may be no such thread at all
    fill_and_clear(bucket);
    failed.stop().unwrap();
}

/// Registries are stopped while their threads are being killed, so that some give up just then: the stop ends them all, the
/// handler has seen all that happened, and its function is gone.
#[test]
fn a_registry_is_stopped_while_its_threads_are_killed() {
    for round in 0..300_u32 {
        let max_restarts = [u32::MAX, 0, 1, 5][round as usize % 4];
        let (registry, _) = Registry::start_with(Options { max_restarts, ..Options::default() }).unwrap();
        let (handler, seen) = count_events(registry);
        let timed = registry.create("timed").unwrap();
        let _ = timed.put_for("key", 1, Duration::from_secs(1000));
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            for name in ["keeper", "timer", "handler"] {
                let stop = &stop;
                scope.spawn(move || {
                    let mut kills = 0;
                    let kill = || match name {
                        "handler" => hooks::kill_handler_thread(registry, handler),
                        name => hooks::kill_thread(registry, name),
                    };
                    while kill() == Ok(()) {
                        kills += 1;
                        stop.fetch_or(kills >= round % 7, Ordering::Relaxed);
                    }
                    stop.store(true, Ordering::Relaxed);
                });
            }
            while !stop.load(Ordering::Relaxed) {
                thread::yield_now();
            }
            registry.stop().unwrap();
        });
        assert_eq!(timed.check(), Err(Error::Dead));
        assert_eq!(seen.load(Ordering::Relaxed), 2, "one create and one exit");
        assert_eq!(Arc::strong_count(&seen), 1, "the function is gone");
    }
}

#[test]
fn reads_take_neither_the_turn_nor_a_buckets_lock() {
    let (registry, bucket) = start();
    hooks::with_turn_held(registry, || {
        hooks::with_bucket_held(bucket, || {
            reads(registry, bucket);
            reads_in_other_threads(registry, bucket);
            assert_eq!(registry.create("shopping"), Ok(bucket), "create of an existing name is a read");
        })
    })
    .unwrap()
    .unwrap();
    registry.stop().unwrap();
}

#[test]
fn a_change_that_panicked_is_not_finished_by_the_thread() {
    let (registry, bucket) = start();
    hooks::suspend_thread(registry).unwrap();
    hooks::panic_in_next_create();
    assert!(std::panic::catch_unwind(|| registry.create("fails")).is_err());
    hooks::resume_thread(registry).unwrap(); // it looks for work, and finds what was left
    let other = registry.create("other").unwrap();
    assert_eq!(registry.lookup("fails"), Ok(None));
    assert_eq!(registry.lookup("other"), Ok(Some(other)));
    assert_eq!(registry.lookup("shopping"), Ok(Some(bucket)));
    assert_eq!((registry.count(), registry.revision()), (Ok(2), Ok(2)));
    registry.stop().unwrap();
}

#[test]
fn a_change_that_panics_leaves_the_table_as_it_was() {
    let (registry, bucket) = start();
    for i in 0..100 {
        registry.create(format!("name {i}")).unwrap();
    }
    let before = registry.revision().unwrap();
    for _ in 0..20 {
        hooks::panic_in_next_create();
        let name = b"fails";
        let mut out = 1;
        // SAFETY: valid pointers.
        let status = unsafe {
            kvreg::capi::registry::kvreg_create(registry.id(), name.as_ptr().cast(), name.len(), &mut out)
        };
        assert_eq!((status, out), (Error::Panicked.code(), 0));
        assert_eq!(registry.lookup("fails"), Ok(None));
        assert_eq!(registry.revision(), Ok(before));
    }
    assert_eq!(registry.lookup("shopping"), Ok(Some(bucket)));
    let now = registry.create("fails").unwrap();
    assert_eq!(registry.lookup("fails"), Ok(Some(now)));
    assert_eq!(registry.count(), Ok(102));
    for i in 0..100 {
        registry.lookup(format!("name {i}")).unwrap().expect("still there").stop(Reason::Normal).unwrap();
    }
    assert_eq!(registry.count(), Ok(2));
    registry.stop().unwrap();
}
