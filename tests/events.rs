//! Events: what subscriptions, monitors and handlers are told, and when.

use kvreg::*;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// Long enough that only what hangs takes longer.
const SOON: Option<Duration> = Some(Duration::from_secs(60));
const NOW: Option<Duration> = Some(Duration::ZERO);

fn subscribe(registry: Registry) -> Subscription {
    Subscription::open(registry, SubscribeOptions::default()).unwrap()
}

fn with(options: SubscribeOptions<'_>) -> (Registry, Subscription) {
    let registry = Registry::start().unwrap();
    (registry, Subscription::open(registry, options).unwrap())
}

/// What waits to be taken, as kind, revision and name.
fn told(subscription: Subscription) -> Vec<(EventKind, u64, String)> {
    let mut events = Vec::new();
    while let Ok(event) = subscription.next(NOW) {
        events.push((event.kind(), event.revision(), String::from_utf8_lossy(event.name()).into_owned()));
    }
    events
}

/// The guide's: "sends events on create and crash".
#[test]
fn creates_and_crashes_are_told() {
    let registry = Registry::start().unwrap();
    let subscription = subscribe(registry);
    let bucket = registry.create("shopping").unwrap();
    let event = subscription.next(SOON).unwrap();
    assert_eq!((event.kind(), event.name(), event.bucket()), (EventKind::Create, &b"shopping"[..], bucket));
    assert_eq!((event.revision(), event.reason()), (1, None));
    bucket.crash("no milk").unwrap();
    let event = subscription.next(SOON).unwrap();
    assert_eq!((event.kind(), event.name(), event.bucket()), (EventKind::Exit, &b"shopping"[..], bucket));
    assert_eq!(
        (event.revision(), event.reason(), event.message()),
        (2, Some(Reason::Crash), &b"no milk"[..])
    );
    assert_eq!(subscription.next(NOW).unwrap_err(), Error::TimedOut);
    registry.stop().unwrap();
}

/// The guide's: "removes buckets on exit", "removes bucket on crash".
#[test]
fn who_learns_of_an_exit_cannot_look_the_bucket_up() {
    let registry = Registry::start().unwrap();
    let options = SubscribeOptions { capacity: 1 << 20, ..SubscribeOptions::default() };
    let subscriptions: Vec<_> = (0..4).map(|_| Subscription::open(registry, options).unwrap()).collect();
    let handled = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&handled);
    Handler::add(registry, HandlerOptions::default(), move |event| {
        if event.kind() == EventKind::Exit {
            assert_eq!(registry.lookup(event.name()).unwrap(), None);
            count.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    })
    .unwrap();
    const EXITS: u64 = 100_000;
    thread::scope(|scope| {
        for subscription in &subscriptions {
            scope.spawn(|| {
                for _ in 0..EXITS {
                    let event = loop {
                        let event = subscription.next(SOON).unwrap();
                        if event.kind() == EventKind::Exit {
                            break event;
                        }
                    };
                    assert_eq!(event.bucket().check(), Err(Error::Dead));
                    assert_ne!(registry.lookup(event.name()).unwrap(), Some(event.bucket()));
                }
            });
        }
        for i in 0..EXITS {
            registry.create(format!("b{i}")).unwrap().stop(Reason::Killed).unwrap();
        }
    });
    assert_eq!(handled.load(Ordering::Relaxed), EXITS);
    registry.stop().unwrap();
}

/// The guide's: "monitors existing entries".
#[test]
fn a_monitor_tells_once_and_why() {
    let registry = Registry::start().unwrap();
    let bucket = registry.create("b").unwrap();
    let only_monitors = Filter { creates: false, exits: false, ..Filter::default() };
    let options = SubscribeOptions { filter: only_monitors, ..SubscribeOptions::default() };
    let subscription = Subscription::open(registry, options).unwrap();
    let (first, second) =
        (Monitor::set(bucket, subscription).unwrap(), Monitor::set(bucket, subscription).unwrap());
    registry.create("other").unwrap();
    bucket.stop(Reason::Killed).unwrap();
    for monitor in [first, second] {
        let event = subscription.next(SOON).unwrap();
        assert_eq!((event.kind(), event.monitor(), event.bucket()), (EventKind::Down, Some(monitor), bucket));
        assert_eq!((event.reason(), event.name()), (Some(Reason::Killed), &b"b"[..]));
        assert_eq!(monitor.cancel(), Err(Error::Dead), "its event was taken");
    }
    assert_eq!(subscription.next(NOW).unwrap_err(), Error::TimedOut);
    // It has exited already: the reason is remembered.
    let late = Monitor::set(bucket, subscription).unwrap();
    let event = subscription.next(SOON).unwrap();
    assert_eq!((event.monitor(), event.reason()), (Some(late), Some(Reason::Killed)));
    registry.stop().unwrap();
}

#[test]
fn a_monitor_of_a_bucket_that_nobody_remembers() {
    let registry = Registry::start().unwrap();
    let bucket = registry.create("b").unwrap();
    bucket.stop(Reason::Killed).unwrap();
    let subscription = subscribe(registry);
    Monitor::set(bucket, subscription).unwrap();
    let event = subscription.next(SOON).unwrap();
    assert_eq!((event.kind(), event.reason(), event.bucket()), (EventKind::Down, Some(Reason::Gone), bucket));
    let elsewhere = Registry::start().unwrap();
    let foreign = elsewhere.create("b").unwrap();
    assert_eq!(Monitor::set(foreign, subscription), Err(Error::InvalidArgument));
    assert_eq!(Monitor::set(Bucket::from_id(7), subscription), Err(Error::BadHandle));
    assert_eq!(Monitor::set(foreign, Subscription::from_id(foreign.id())), Err(Error::BadHandle));
    registry.stop().unwrap();
    elsewhere.stop().unwrap();
}

#[test]
fn a_cancelled_monitor_is_silent() {
    let registry = Registry::start().unwrap();
    let subscription = subscribe(registry);
    let (before, after) = (registry.create("before").unwrap(), registry.create("after").unwrap());
    let monitor = Monitor::set(before, subscription).unwrap();
    monitor.cancel().unwrap();
    assert_eq!(monitor.cancel(), Err(Error::Dead));
    let late = Monitor::set(after, subscription).unwrap();
    before.stop(Reason::Normal).unwrap();
    after.stop(Reason::Normal).unwrap();
    late.cancel().unwrap(); // its event is in the queue
    let kinds: Vec<_> = told(subscription).into_iter().map(|(kind, ..)| kind).collect();
    assert_eq!(kinds, [EventKind::Create, EventKind::Create, EventKind::Exit, EventKind::Exit]);
    registry.stop().unwrap();
}

#[test]
fn a_closed_subscription_ends_its_monitors() {
    let registry = Registry::start().unwrap();
    let bucket = registry.create("b").unwrap();
    let subscription = subscribe(registry);
    let monitor = Monitor::set(bucket, subscription).unwrap();
    subscription.close().unwrap();
    assert_eq!(monitor.cancel(), Err(Error::Dead));
    assert_eq!(subscription.close(), Err(Error::Dead));
    assert_eq!(subscription.next(NOW).unwrap_err(), Error::Dead);
    assert_eq!(Monitor::set(bucket, subscription), Err(Error::Dead));
    bucket.stop(Reason::Normal).unwrap();
    registry.stop().unwrap();
}

#[test]
fn a_stop_tells_of_every_bucket_and_then_the_end() {
    let registry = Registry::start().unwrap();
    let subscription = subscribe(registry);
    let names = ["a", "b", "c"];
    let buckets = names.map(|name| registry.create(name).unwrap());
    let monitor = Monitor::set(buckets[1], subscription).unwrap();
    let done = told(subscription);
    assert_eq!(done.len(), 3);
    registry.stop().unwrap();
    let mut exits = Vec::new();
    let mut downs = Vec::new();
    let end = loop {
        match subscription.next(SOON) {
            Ok(event) if event.kind() == EventKind::Down => downs.push(event.monitor()),
            Ok(event) => {
                assert_eq!((event.kind(), event.reason()), (EventKind::Exit, Some(Reason::Shutdown)));
                exits.push((event.revision(), event.name().to_vec()));
            }
            Err(error) => break error,
        }
    };
    assert_eq!((end, downs), (Error::Stopped, vec![Some(monitor)]));
    assert_eq!(exits.iter().map(|(revision, _)| *revision).collect::<Vec<_>>(), [4, 5, 6]);
    exits.sort_by(|a, b| a.1.cmp(&b.1));
    assert!(exits.iter().map(|(_, name)| &name[..]).eq(names.map(str::as_bytes)));
    assert_eq!(subscription.next(None).unwrap_err(), Error::Stopped);
    subscription.close().unwrap();
    assert_eq!(Subscription::open(registry, SubscribeOptions::default()), Err(Error::Stopped));
    assert_eq!(Handler::add(registry, HandlerOptions::default(), |_| Ok(())), Err(Error::Stopped));
    assert_eq!(registry.sync(None), Err(Error::Stopped));
}

#[test]
fn filters_by_name_prefix_bucket_and_kind() {
    let registry = Registry::start().unwrap();
    let open =
        |filter| Subscription::open(registry, SubscribeOptions { filter, ..Default::default() }).unwrap();
    let of = |of| Filter { of, ..Filter::default() };
    let bucket = registry.create("user/2").unwrap();
    let name = open(of(Of::Name(b"user/1")));
    let prefix = open(of(Of::Prefix(b"user/")));
    let one = open(of(Of::Bucket(bucket)));
    let exits = open(Filter { creates: false, ..Filter::default() });
    let first = registry.create("user/1").unwrap();
    registry.create("host/1").unwrap();
    first.stop(Reason::Normal).unwrap();
    bucket.stop(Reason::Normal).unwrap();
    registry.create("user/2").unwrap();
    let (create, exit) = (EventKind::Create, EventKind::Exit);
    let tell = |events: &[(EventKind, u64, &str)]| {
        events.iter().map(|&(kind, revision, name)| (kind, revision, name.to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(told(name), tell(&[(create, 2, "user/1"), (exit, 4, "user/1")]));
    let users = [(create, 2, "user/1"), (exit, 4, "user/1"), (exit, 5, "user/2"), (create, 6, "user/2")];
    assert_eq!(told(prefix), tell(&users));
    assert_eq!(told(one), tell(&[(exit, 5, "user/2")]));
    assert_eq!(told(exits), tell(&[(exit, 4, "user/1"), (exit, 5, "user/2")]));
    for subscription in [name, one] {
        subscription.close().unwrap();
    }
    registry.create("user/1").unwrap();
    assert_eq!(told(prefix).len(), 1);
    let long = vec![0; NAME_MAX + 1];
    let options = SubscribeOptions { filter: of(Of::Prefix(&long)), ..Default::default() };
    assert_eq!(Subscription::open(registry, options), Err(Error::InvalidArgument));
    registry.stop().unwrap();
}

#[test]
fn the_oldest_are_dropped_and_counted() {
    let (registry, subscription) = with(SubscribeOptions { capacity: 3, ..Default::default() });
    for i in 0..10 {
        registry.create(format!("b{i}")).unwrap();
    }
    assert_eq!(subscription.pending(), Ok(3));
    let gap = subscription.next(NOW).unwrap();
    assert_eq!((gap.kind(), gap.lost_count(), gap.revision()), (EventKind::Lost, Some(7), 7));
    let rest: Vec<_> = told(subscription).into_iter().map(|(_, revision, _)| revision).collect();
    assert_eq!(rest, [8, 9, 10]);
    let options = SubscribeOptions { capacity: 0, ..Default::default() };
    assert_eq!(Subscription::open(registry, options), Err(Error::InvalidArgument));
    registry.stop().unwrap();
}

#[test]
fn a_full_queue_can_end_the_subscription() {
    let overflow = Overflow::Disconnect;
    let (registry, subscription) = with(SubscribeOptions { capacity: 2, overflow, ..Default::default() });
    for i in 0..5 {
        registry.create(format!("b{i}")).unwrap();
    }
    assert_eq!(subscription.next(NOW).unwrap().revision(), 1);
    assert_eq!(subscription.next(NOW).unwrap().revision(), 2);
    let gap = subscription.next(NOW).unwrap();
    assert_eq!((gap.lost_count(), gap.revision()), (Some(0), 3));
    assert_eq!(subscription.next(None).unwrap_err(), Error::Stopped);
    // Another goes on from there.
    let options = SubscribeOptions { start: Start::After(2), ..Default::default() };
    let next = Subscription::open(registry, options).unwrap();
    assert_eq!(told(next).into_iter().map(|(_, revision, _)| revision).collect::<Vec<_>>(), [3, 4, 5]);
    registry.stop().unwrap();
}

#[test]
fn a_full_queue_can_hold_up_those_who_make_changes() {
    let overflow = Overflow::Block(SOON.unwrap());
    let (registry, subscription) = with(SubscribeOptions { capacity: 2, overflow, ..Default::default() });
    const ALL: u64 = 2_000;
    thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for i in 0..ALL / 4 {
                    registry.create(format!("b{thread}/{i}")).unwrap();
                }
            });
        }
        for revision in 1..=ALL {
            let event = subscription.next(SOON).unwrap();
            assert_eq!((event.kind(), event.revision()), (EventKind::Create, revision), "none is missing");
        }
    });
    subscription.close().unwrap(); // else the stop would wait for somebody to take its exits
    registry.stop().unwrap();
}

/// Nobody takes anything: it costs one limit, not one for each change.
#[test]
fn a_subscriber_that_has_stopped_taking_holds_nobody_up_for_ever() {
    let overflow = Overflow::Block(Duration::from_millis(20));
    let (registry, subscription) = with(SubscribeOptions { capacity: 1, overflow, ..Default::default() });
    for i in 0..1_000 {
        registry.create(format!("b{i}")).unwrap();
    }
    assert_eq!(subscription.next(NOW).unwrap().lost_count(), Some(999));
    assert_eq!(subscription.next(NOW).unwrap().revision(), 1_000);
    registry.stop().unwrap();
}

#[test]
fn what_is_remembered_can_be_heard_later() {
    let options = Options { history: Some(4), ..Options::default() };
    let registry = Registry::start_with(options).unwrap().0;
    for i in 0..6 {
        registry.create(format!("b{i}")).unwrap();
    }
    let from = |start| Subscription::open(registry, SubscribeOptions { start, ..Default::default() });
    let revisions = |subscription| told(subscription).into_iter().map(|(_, r, _)| r).collect::<Vec<_>>();
    assert_eq!(revisions(from(Start::After(2)).unwrap()), [3, 4, 5, 6]);
    assert_eq!(revisions(from(Start::After(6)).unwrap()), []);
    assert_eq!(from(Start::After(1)), Err(Error::OutOfRange));
    assert_eq!(from(Start::After(7)), Err(Error::InvalidArgument));
    let snapshot = registry.snapshot().unwrap();
    registry.create("b6").unwrap();
    let subscription = from(Start::Snapshot(snapshot)).unwrap();
    registry.create("b7").unwrap();
    assert_eq!(revisions(subscription), [7, 8]);
    let part = registry.create("b7").unwrap().snapshot().unwrap();
    assert_eq!(from(Start::Snapshot(part)), Err(Error::BadHandle));
    let elsewhere = Registry::start().unwrap();
    let foreign = elsewhere.snapshot().unwrap();
    assert_eq!(from(Start::Snapshot(foreign)), Err(Error::InvalidArgument));
    for snapshot in [snapshot, part, foreign] {
        snapshot.close().unwrap();
    }
    elsewhere.stop().unwrap();
    registry.stop().unwrap();
}

/// A copy that is kept up by events is the table, at every revision at which it is looked at.
#[test]
fn a_snapshot_and_the_events_after_it_are_the_table() {
    let registry = Registry::start().unwrap();
    for i in 0..100 {
        registry.create(format!("b{i}")).unwrap();
    }
    let overflow = Overflow::Block(SOON.unwrap());
    let options = SubscribeOptions { capacity: 64, overflow, ..Default::default() };
    let subscription = Subscription::open(registry, options).unwrap();
    const CHANGES: u64 = 20_000;
    thread::scope(|scope| {
        for thread in 0..2_u64 {
            scope.spawn(move || {
                for i in 0..CHANGES / 2 {
                    let name = format!("b{}", (i * 7919 + thread * 31) % 300);
                    match registry.lookup(&name).unwrap() {
                        None => drop(registry.create(&name)),
                        Some(bucket) => drop(bucket.stop(Reason::Normal)),
                    }
                }
                registry.create(format!("end {thread}")).unwrap();
            });
        }
        let names = |snapshot: Snapshot| -> BTreeMap<Vec<u8>, Bucket> {
            let names = snapshot.names().unwrap().into_iter().collect();
            snapshot.close().unwrap();
            names
        };
        let snapshot = subscription.snapshot().unwrap();
        let (mut at, mut copy) = (snapshot.revision().unwrap(), names(snapshot));
        let (mut taken, mut ends, mut compared, mut next) = (0, 0, 0, None);
        while ends < 2 {
            let event = subscription.next(SOON).unwrap();
            at += 1;
            assert_eq!(event.revision(), at, "no gap, nothing twice");
            if event.kind() == EventKind::Create {
                assert_eq!(copy.insert(event.name().to_vec(), event.bucket()), None);
                ends += u64::from(event.name().starts_with(b"end"));
            } else {
                assert_eq!(event.kind(), EventKind::Exit);
                assert_eq!(copy.remove(event.name()), Some(event.bucket()));
            }
            taken += 1;
            if taken % 1_000 == 0 && next.is_none() {
                next = Some(registry.snapshot().unwrap()); // of now, to which we have to catch up
            }
            if let Some(now) = next.take_if(|now| now.revision() == Ok(at)) {
                assert!(names(now) == copy);
                compared += 1;
            }
        }
        assert_eq!(registry.revision(), Ok(at), "all that happened was told");
        assert!(names(registry.snapshot().unwrap()) == copy);
        assert!(compared > 5, "{compared} of {taken} events");
    });
    subscription.close().unwrap();
    registry.stop().unwrap();
}

#[test]
fn threads_that_wait_are_woken_by_an_event_and_by_a_close() {
    let registry = Registry::start().unwrap();
    let subscription = subscribe(registry);
    thread::scope(|scope| {
        let waiter = scope.spawn(move || subscription.next(None).map(|event| event.revision()));
        registry.create("b").unwrap();
        assert_eq!(waiter.join().unwrap(), Ok(1));
        let closed = scope.spawn(move || subscription.next(None).map(|event| event.revision()));
        while subscription.close().is_err() {}
        assert!(matches!(closed.join().unwrap(), Err(Error::Stopped | Error::Dead)));
    });
    registry.stop().unwrap();
}

#[test]
fn the_descriptor_is_readable_while_there_is_something() {
    let registry = Registry::start().unwrap();
    let subscription = subscribe(registry);
    registry.create("before").unwrap();
    let fd = subscription.fd().unwrap();
    assert_eq!(subscription.fd(), Ok(fd));
    let readable = |wait: i32| {
        let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        // SAFETY: one descriptor.
        unsafe { libc::poll(&mut poll, 1, wait) == 1 }
    };
    assert!(readable(0));
    subscription.next(NOW).unwrap();
    assert!(!readable(0));
    thread::scope(|scope| {
        scope.spawn(move || registry.create("b").unwrap());
        assert!(readable(60_000));
    });
    registry.create("c").unwrap();
    subscription.next(NOW).unwrap();
    assert!(readable(0), "one is left");
    subscription.next(NOW).unwrap();
    assert!(!readable(0));
    registry.stop().unwrap();
    assert!(readable(0));
    while subscription.next(NOW).is_ok() {}
    assert!(readable(0), "the end can be taken for ever");
    subscription.close().unwrap();
}

#[test]
fn synchronous_handlers_ran_before_the_call_returns() {
    let registry = Registry::start().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let handler = {
        let seen = Arc::clone(&seen);
        Handler::add(registry, HandlerOptions::default(), move |event| {
            seen.lock().unwrap().push(event.revision());
            Ok(())
        })
        .unwrap()
    };
    const EACH: u64 = 500;
    thread::scope(|scope| {
        for thread in 0..4 {
            let seen = &seen;
            scope.spawn(move || {
                for i in 0..EACH {
                    let bucket = registry.create(format!("{thread}/{i}")).unwrap();
                    let count = seen.lock().unwrap().len() as u64;
                    bucket.stop(Reason::Normal).unwrap();
                    assert!(seen.lock().unwrap().len() as u64 > count, "this exit was seen");
                }
            });
        }
    });
    let names: Vec<String> = (0..100).map(|i| format!("many{i}")).collect();
    registry.create_many(&names).unwrap();
    assert_eq!(seen.lock().unwrap().len() as u64, 8 * EACH + 100);
    assert!(seen.lock().unwrap().iter().copied().eq(1..=8 * EACH + 100), "in the table's order");
    handler.remove().unwrap();
    assert_eq!(handler.remove(), Err(Error::Dead));
    registry.create("after").unwrap();
    assert_eq!(seen.lock().unwrap().len() as u64, 8 * EACH + 100);
    assert_eq!(Arc::strong_count(&seen), 1, "the function is gone");
    registry.stop().unwrap();
}

/// The reference hangs for five seconds here, and then does it.
#[test]
fn a_handler_may_create_and_stop_on_its_own_registry() {
    let registry = Registry::start().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    Handler::add(registry, HandlerOptions::default(), move |event| {
        let name = String::from_utf8(event.name().to_vec()).unwrap();
        log.lock().unwrap().push((event.kind(), name.clone()));
        if event.kind() == EventKind::Create && name.len() < 4 {
            let inner = registry.create(format!("{name}+"))?;
            assert_eq!(registry.lookup(format!("{name}+"))?, Some(inner));
            event.bucket().stop(Reason::Normal)?;
        }
        assert_eq!(registry.sync(None), Err(Error::Deadlock));
        Ok(())
    })
    .unwrap();
    registry.create("a").unwrap();
    let (create, exit) = (EventKind::Create, EventKind::Exit);
    let expected = [
        (create, "a"),
        (create, "a+"),
        (exit, "a"),
        (create, "a++"),
        (exit, "a+"),
        (create, "a+++"),
        (exit, "a++"),
    ];
    let expected: Vec<_> = expected.iter().map(|&(kind, name)| (kind, name.to_owned())).collect();
    assert_eq!(*seen.lock().unwrap(), expected);
    registry.stop().unwrap();
}

/// Two handlers in two threads create on each other's registries, and wait for nobody.
#[test]
fn handlers_that_create_crosswise_do_not_hang() {
    let registries = [Registry::start().unwrap(), Registry::start().unwrap()];
    for (mine, other) in [(0, 1), (1, 0)] {
        Handler::add(registries[mine], HandlerOptions::default(), move |event| {
            if event.kind() == EventKind::Create && !event.name().starts_with(b"echo") {
                let name = [b"echo", event.name()].concat();
                registries[other].create(&name)?.stop(Reason::Normal)?;
            }
            Ok(())
        })
        .unwrap();
    }
    thread::scope(|scope| {
        for registry in registries {
            scope.spawn(move || {
                for i in 0..2_000 {
                    registry.create(format!("{i}")).unwrap();
                }
            });
        }
    });
    for registry in registries {
        registry.sync(SOON).unwrap();
        assert_eq!(registry.count(), Ok(2_000));
        registry.stop().unwrap();
    }
}

#[test]
fn an_asynchronous_handler_is_called_on_its_own_thread() {
    let registry = Registry::start().unwrap();
    let me = thread::current().id();
    let (send, receive) = mpsc::channel();
    let options = HandlerOptions { mode: Mode::Asynchronous, ..Default::default() };
    let handler = Handler::add(registry, options, move |event| {
        assert_ne!(thread::current().id(), me);
        send.send(event.revision()).unwrap();
        Ok(())
    })
    .unwrap();
    for i in 0..100 {
        registry.create(format!("b{i}")).unwrap();
    }
    registry.sync(SOON).unwrap();
    assert_eq!(receive.try_iter().count(), 100, "a sync waits for asynchronous ones too");
    handler.remove().unwrap();
    assert!(matches!(receive.try_recv(), Err(mpsc::TryRecvError::Disconnected)));
    registry.stop().unwrap();
}

#[test]
fn an_asynchronous_handler_does_not_wait_for_a_slow_one_that_was_added_before_it() {
    let registry = Registry::start().unwrap();
    let (heard, hears) = mpsc::channel();
    let hears = Mutex::new(hears);
    let options = HandlerOptions { limit: None, ..Default::default() };
    // It returns when the other one was called for the same event.
    let slow =
        move |_: &Event| hears.lock().unwrap().recv_timeout(SOON.unwrap()).map_err(|_| Error::TimedOut);
    let slow = Handler::add(registry, options, slow).unwrap();
    let options = HandlerOptions { mode: Mode::Asynchronous, ..Default::default() };
    Handler::add(registry, options, move |_| heard.send(()).map_err(|_| Error::Failed)).unwrap();
    for name in ["a", "b", "c"] {
        registry.create(name).unwrap();
        registry.sync(SOON).unwrap();
    }
    slow.remove().unwrap(); // it has not failed
    registry.stop().unwrap();
}

#[test]
fn a_handler_that_fails_is_removed_and_the_others_go_on() {
    let registry = Registry::start().unwrap();
    let calls = [const { AtomicU64::new(0) }; 3].map(Arc::new);
    let add = |i: usize, keep: bool, answer: fn() -> Result<(), Error>| {
        let calls = Arc::clone(&calls[i]);
        let options = HandlerOptions { keep, ..Default::default() };
        Handler::add(registry, options, move |_| {
            calls.fetch_add(1, Ordering::Relaxed);
            answer()
        })
        .unwrap()
    };
    let failing = add(0, false, || Err(Error::NotFound));
    let panicking = add(1, true, || std::panic::resume_unwind(Box::new(())));
    let fine = add(2, false, || Ok(()));
    for i in 0..3 {
        registry.create(format!("b{i}")).unwrap();
    }
    assert_eq!(calls.each_ref().map(|calls| calls.load(Ordering::Relaxed)), [1, 3, 3]);
    assert_eq!(failing.remove(), Err(Error::Dead));
    panicking.remove().unwrap();
    fine.remove().unwrap();
    registry.stop().unwrap();
}

#[test]
fn a_remover_waits_no_longer_than_a_call_may_take() {
    let registry = Registry::start().unwrap();
    let (entered, release) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let options = HandlerOptions { limit: Some(Duration::from_millis(30)), keep: true, ..Default::default() };
    let handler = {
        let (entered, release) = (Arc::clone(&entered), Arc::clone(&release));
        Handler::add(registry, options, move |_| {
            entered.wait();
            release.wait();
            Ok(())
        })
        .unwrap()
    };
    thread::scope(|scope| {
        scope.spawn(move || registry.create("first").unwrap());
        entered.wait();
        assert_eq!(handler.remove(), Err(Error::TimedOut));
        assert_eq!(handler.remove(), Err(Error::Dead));
        registry.create("second").unwrap();
        release.wait();
    });
    assert_eq!(Arc::strong_count(&release), 1);
    registry.stop().unwrap();
}

/// Nobody waits for a handler that does not return; it is removed, and its function ends when it does return.
#[test]
fn a_handler_that_hangs_holds_others_up_once() {
    let registry = Registry::start().unwrap();
    let (entered, release) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let options = HandlerOptions { limit: Some(Duration::from_millis(30)), ..Default::default() };
    let handler = {
        let (entered, release) = (Arc::clone(&entered), Arc::clone(&release));
        Handler::add(registry, options, move |_| {
            entered.wait();
            release.wait();
            Ok(())
        })
        .unwrap()
    };
    thread::scope(|scope| {
        scope.spawn(move || registry.create("first").unwrap());
        entered.wait();
        for i in 0..100 {
            registry.create(format!("b{i}")).unwrap();
        }
        assert_eq!(handler.remove(), Err(Error::Dead), "it was removed");
        assert_eq!(Arc::strong_count(&release), 2, "its function is running still");
        release.wait();
    });
    assert_eq!(Arc::strong_count(&release), 1);
    registry.stop().unwrap();
}

#[test]
fn a_handler_removes_itself_and_a_remover_waits() {
    let registry = Registry::start().unwrap();
    let own = Arc::new(Mutex::new(None::<Handler>));
    let mine = Arc::clone(&own);
    let handler = Handler::add(registry, HandlerOptions::default(), move |_| {
        mine.lock().unwrap().take().unwrap().remove()
    })
    .unwrap();
    *own.lock().unwrap() = Some(handler);
    registry.create("b").unwrap();
    registry.create("c").unwrap();
    assert_eq!(Arc::strong_count(&own), 1);

    let (entered, running) = (Arc::new(Barrier::new(2)), Arc::new(AtomicU64::new(0)));
    let (at, runs) = (Arc::clone(&entered), Arc::clone(&running));
    let handler = Handler::add(registry, HandlerOptions::default(), move |_| {
        runs.store(1, Ordering::SeqCst);
        at.wait();
        let until = Instant::now() + Duration::from_millis(20);
        while Instant::now() < until {}
        runs.store(0, Ordering::SeqCst);
        Ok(())
    })
    .unwrap();
    thread::scope(|scope| {
        scope.spawn(move || registry.create("d").unwrap());
        entered.wait();
        handler.remove().unwrap();
        assert_eq!(running.load(Ordering::SeqCst), 0, "it is not running any more");
    });
    registry.stop().unwrap();
}

#[test]
fn a_handler_may_stop_its_registry_and_is_told_of_all_exits() {
    for mode in [Mode::Synchronous, Mode::Asynchronous] {
        let registry = Registry::start().unwrap();
        let exits = [const { AtomicU64::new(0) }; 2].map(Arc::new);
        let (count, other_count) = (Arc::clone(&exits[0]), Arc::clone(&exits[1]));
        Handler::add(registry, HandlerOptions { mode, ..Default::default() }, move |event| {
            match event.kind() {
                EventKind::Create if event.name() == b"last" => registry.stop()?,
                EventKind::Create => {}
                _ => drop(count.fetch_add(1, Ordering::Relaxed)),
            }
            Ok(())
        })
        .unwrap();
        let (told, all_told) = mpsc::channel::<()>();
        let options = HandlerOptions { mode: Mode::Asynchronous, ..Default::default() };
        Handler::add(registry, options, move |event| {
            let _ends_with_this_function = &told;
            if event.kind() == EventKind::Exit {
                other_count.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        })
        .unwrap();
        let subscription = subscribe(registry);
        for name in ["first", "second", "last"] {
            registry.create(name).unwrap();
        }
        let kinds: Vec<_> = (0..6).map(|_| subscription.next(SOON).unwrap().kind()).collect();
        assert_eq!(kinds[2..], [EventKind::Create, EventKind::Exit, EventKind::Exit, EventKind::Exit]);
        assert_eq!(subscription.next(SOON).unwrap_err(), Error::Stopped);
        assert_eq!(registry.create("c"), Err(Error::Stopped));
        assert!(all_told.recv().is_err(), "the other handler's function has ended");
        assert_eq!(exits[1].load(Ordering::Relaxed), 3);
        if mode == Mode::Synchronous {
            assert_eq!(exits[0].load(Ordering::Relaxed), 3);
            assert_eq!(Arc::strong_count(&exits[0]), 1);
        }
        subscription.close().unwrap();
    }
}

/// What a remover may rely on: it is the function's end, whoever was running it.
#[test]
fn a_removed_handlers_function_has_ended() {
    struct Hold(Arc<AtomicU64>);
    impl Drop for Hold {
        fn drop(&mut self) {
            for _ in 0..3 {
                thread::yield_now(); // so that others have the time to go on too early
            }
            self.0.store(1, Ordering::Relaxed);
        }
    }
    let registry = Registry::start().unwrap();
    for mode in [Mode::Synchronous, Mode::Asynchronous] {
        let stop = Arc::new(AtomicU64::new(0));
        thread::scope(|scope| {
            let stopped = &stop;
            scope.spawn(move || {
                for i in 0.. {
                    registry.create(format!("{i}")).unwrap().stop(Reason::Normal).unwrap();
                    if stopped.load(Ordering::Relaxed) != 0 {
                        break;
                    }
                }
            });
            for _ in 0..1_000 {
                let held = Arc::new(AtomicU64::new(0));
                let hold = Hold(Arc::clone(&held));
                let options = HandlerOptions { mode, ..Default::default() };
                let handler = Handler::add(registry, options, move |_| {
                    let _in_use = &hold;
                    Ok(())
                })
                .unwrap();
                thread::yield_now();
                handler.remove().unwrap();
                assert_eq!(held.load(Ordering::Relaxed), 1);
            }
            stop.store(1, Ordering::Relaxed);
        });
    }
    registry.stop().unwrap();
}

/// The limit counts for each call, also for who has been waiting since an earlier one.
#[test]
fn who_waits_for_a_second_call_does_not_wait_for_ever() {
    for _ in 0..20 {
        let registry = Registry::start().unwrap();
        let release = Arc::new(Barrier::new(2));
        let options = HandlerOptions { limit: Some(Duration::from_millis(20)), ..Default::default() };
        let (at, second) = (Arc::clone(&release), Arc::new(AtomicU64::new(0)));
        let calls = Arc::clone(&second);
        Handler::add(registry, options, move |event| {
            if event.name() == b"first" {
                while registry.revision()? < 2 {
                    thread::yield_now();
                }
            } else if event.name() == b"second" {
                calls.store(1, Ordering::Relaxed);
                at.wait();
            }
            Ok(())
        })
        .unwrap();
        let (done, two_are_done) = mpsc::channel();
        thread::scope(|scope| {
            for (after, name) in ["first", "second", "third"].into_iter().enumerate() {
                let done = done.clone();
                scope.spawn(move || {
                    while registry.revision().unwrap() < after as u64 {
                        thread::yield_now();
                    }
                    registry.create(name).unwrap();
                    done.send(()).unwrap();
                });
            }
            // All but the one that runs it.
            two_are_done.recv().unwrap();
            two_are_done.recv().unwrap();
            if second.load(Ordering::Relaxed) == 1 {
                release.wait();
            }
        });
        registry.stop().unwrap();
    }
}

/// A thread for which a handler waits does not wait for the handler, however long that may take.
#[test]
fn loaders_and_update_functions_do_not_wait_for_handlers_that_wait_for_them() {
    let registry = Registry::start().unwrap();
    let bucket = registry.create("b").unwrap();
    let (entered, loading) = (Arc::new(Barrier::new(2)), Arc::clone(&Arc::new(Barrier::new(2))));
    let options = HandlerOptions { limit: None, ..Default::default() };
    let (at, begun) = (Arc::clone(&entered), Arc::clone(&loading));
    let handler = Handler::add(registry, options, move |event| match event.name() {
        b"load" => {
            begun.wait();
            at.wait();
            registry.get_or_create("loaded", |_| panic!("another thread loads it")).map(drop)
        }
        b"update" => {
            begun.wait();
            at.wait();
            bucket.put("key", 1)
        }
        _ => Ok(()),
    })
    .unwrap();
    thread::scope(|scope| {
        let changing = scope.spawn(move || registry.create("load").unwrap());
        let loaded = registry.get_or_create("loaded", |_| {
            loading.wait();
            entered.wait();
            registry.create("x")?;
            assert_eq!(handler.remove(), Err(Error::Deadlock));
            assert_eq!(registry.sync(None), Err(Error::Deadlock));
            Ok(())
        });
        loaded.unwrap();
        changing.join().unwrap();
        let changing = scope.spawn(move || registry.create("update").unwrap());
        bucket
            .update("key", |_| {
                loading.wait();
                entered.wait();
                registry.create("y").unwrap();
                assert_eq!(registry.sync(None), Err(Error::Deadlock));
                Update::Put(ValueRef::Int(2))
            })
            .unwrap();
        changing.join().unwrap();
    });
    registry.sync(SOON).unwrap();
    handler.remove().unwrap();
    assert_eq!(bucket.get("key"), Ok(Some(Value::Int(1))));
    registry.stop().unwrap();
}

/// What a loader has changed, handlers have heard of when the load is over, whatever became of that.
#[test]
fn who_loaded_waits_for_handlers_also_if_the_load_failed() {
    let registry = Registry::start().unwrap();
    let (entered, release) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (at, go_on, names) = (Arc::clone(&entered), Arc::clone(&release), Arc::clone(&seen));
    let options = HandlerOptions { limit: None, ..Default::default() };
    Handler::add(registry, options, move |event| {
        if event.name() == b"held" && event.kind() == EventKind::Create {
            at.wait();
            go_on.wait();
            (0..100).for_each(|_| thread::yield_now()); // so that who does not wait is first
        }
        names.lock().unwrap().push(event.name().to_vec());
        Ok(())
    })
    .unwrap();
    let round = |fails: bool| {
        thread::scope(|scope| {
            let held = scope.spawn(move || registry.create("held").unwrap().stop(Reason::Normal));
            entered.wait();
            let load = |_| {
                registry.create("made inside")?.stop(Reason::Normal)?; // another thread is in the handler
                release.wait();
                if fails { Err(Error::Failed) } else { panic!("a loader that panics") }
            };
            let loaded = std::panic::catch_unwind(AssertUnwindSafe(|| registry.get_or_create("never", load)));
            let seen = std::mem::take(&mut *seen.lock().unwrap());
            held.join().unwrap().unwrap();
            assert_eq!(loaded.ok(), fails.then_some(Err(Error::Failed)));
            assert_eq!(
                seen.iter().filter(|name| *name == b"made inside").count(),
                2,
                "its create and its exit"
            );
        });
    };
    round(true);
    round(false);
    registry.stop().unwrap();
}

/// A snapshot makes room, too.
#[test]
fn who_waits_for_room_is_woken_by_a_snapshot() {
    let overflow = Overflow::Block(Duration::MAX);
    let (registry, subscription) = with(SubscribeOptions { capacity: 1, overflow, ..Default::default() });
    registry.create("a").unwrap();
    thread::scope(|scope| {
        scope.spawn(move || registry.create("b").unwrap());
        while registry.revision().unwrap() < 2 {
            thread::yield_now();
        }
        let snapshot = subscription.snapshot().unwrap();
        assert_eq!(snapshot.revision(), Ok(2));
        snapshot.close().unwrap();
    });
    registry.create("c").unwrap();
    let bucket = registry.lookup("a").unwrap().unwrap();
    thread::scope(|scope| {
        let changing = scope.spawn(move || registry.create("d").unwrap());
        let monitor = Monitor::set(bucket, subscription).unwrap();
        while registry.revision().unwrap() < 4 {
            thread::yield_now();
        }
        monitor.cancel().unwrap();
        assert_eq!(subscription.next(SOON).unwrap().revision(), 3);
        changing.join().unwrap();
    });
    assert_eq!(told(subscription), [(EventKind::Create, 4, "d".to_owned())]);
    subscription.close().unwrap();
    registry.stop().unwrap();
}

/// Nobody takes anything, and times to live end all the same.
#[test]
fn a_timer_does_not_wait_for_room() {
    let filter = Filter { of: Of::Name(b"full"), ..Filter::default() };
    let overflow = Overflow::Block(Duration::MAX);
    let (registry, full) =
        with(SubscribeOptions { filter, capacity: 1, overflow, ..SubscribeOptions::default() });
    let others = subscribe(registry);
    for name in ["full", "first", "second"] {
        registry.create(name).unwrap().expire(Some(Duration::from_millis(1))).unwrap();
    }
    let exits = std::iter::from_fn(|| others.next(SOON).ok()).filter(|event| event.kind() == EventKind::Exit);
    assert!(exits.take(3).all(|event| event.reason() == Some(Reason::Expired)));
    assert_eq!(full.pending(), Ok(2));
    full.close().unwrap();
    registry.stop().unwrap();
}

#[test]
fn a_subscription_that_has_ended_takes_no_monitors() {
    let overflow = Overflow::Disconnect;
    let (registry, subscription) = with(SubscribeOptions { capacity: 1, overflow, ..Default::default() });
    let bucket = registry.create("a").unwrap();
    registry.create("b").unwrap();
    assert_eq!(Monitor::set(bucket, subscription), Err(Error::Stopped));
    subscription.close().unwrap();
    assert_eq!(Monitor::set(bucket, subscription), Err(Error::Dead));
    registry.stop().unwrap();
}

#[test]
fn a_filters_bucket_is_checked() {
    let (registry, other) = (Registry::start().unwrap(), Registry::start().unwrap());
    let (dead, foreign) = (registry.create("b").unwrap(), other.create("b").unwrap());
    dead.stop(Reason::Normal).unwrap();
    let open = |bucket| {
        let filter = Filter { of: Of::Bucket(bucket), ..Filter::default() };
        Subscription::open(registry, SubscribeOptions { filter, ..Default::default() })
    };
    assert_eq!(open(foreign), Err(Error::InvalidArgument));
    assert_eq!(open(Bucket::from_id(registry.id())), Err(Error::BadHandle));
    open(dead).unwrap().close().unwrap();
    registry.stop().unwrap();
    other.stop().unwrap();
}

#[test]
fn a_thread_that_ends_may_use_everything() {
    struct Late(Registry, Subscription);
    impl Drop for Late {
        fn drop(&mut self) {
            let Late(registry, subscription) = *self;
            let handler = Handler::add(registry, HandlerOptions::default(), |_| Ok(())).unwrap();
            let bucket = registry.create("late").unwrap();
            let monitor = Monitor::set(bucket, subscription).unwrap();
            bucket.stop(Reason::Normal).unwrap();
            monitor.cancel().unwrap();
            handler.remove().unwrap();
            registry.sync(SOON).unwrap();
            assert_eq!(subscription.next(NOW).unwrap().kind(), EventKind::Create);
            subscription.close().unwrap();
        }
    }
    thread_local! {
        static LATE: std::cell::RefCell<Option<Late>> = const { std::cell::RefCell::new(None) };
    }
    let registry = Registry::start().unwrap();
    let subscription = subscribe(registry);
    thread::spawn(move || LATE.with(|late| *late.borrow_mut() = Some(Late(registry, subscription))))
        .join()
        .unwrap();
    assert_eq!(subscription.close(), Err(Error::Dead), "the thread closed it");
    registry.stop().unwrap();
}

#[test]
fn subscriptions_and_handlers_end_with_their_owner() {
    let registry = Registry::start().unwrap();
    let owner = Owner::open().unwrap();
    let bucket = registry.create_with("b", Create { owner: Some(owner), ..Default::default() }).unwrap().0;
    let options = SubscribeOptions { owner: Some(owner), ..Default::default() };
    let subscription = Subscription::open(registry, options).unwrap();
    let outlives = subscribe(registry);
    let alive = Arc::new(());
    let held = Arc::clone(&alive);
    let options = HandlerOptions { owner: Some(owner), ..Default::default() };
    let handler = Handler::add(registry, options, move |_| {
        let _held = &held;
        Ok(())
    })
    .unwrap();
    assert_eq!(owner.count(), Ok(3));
    thread::scope(|scope| {
        let waiter = scope.spawn(move || {
            while subscription.next(None).is_ok() {}
            subscription.next(NOW).unwrap_err()
        });
        owner.close().unwrap();
        assert_eq!(waiter.join().unwrap(), Error::Dead);
    });
    assert_eq!((handler.remove(), Arc::strong_count(&alive)), (Err(Error::Dead), 1));
    let exit = outlives.next(SOON).unwrap();
    assert_eq!((exit.bucket(), exit.reason()), (bucket, Some(Reason::OwnerClosed)));
    // Nothing is tied to an owner that has ended, and nothing of a living one that has ended itself.
    let options = SubscribeOptions { owner: Some(owner), ..Default::default() };
    assert_eq!(Subscription::open(registry, options), Err(Error::Dead));
    let options = HandlerOptions { owner: Some(owner), ..Default::default() };
    assert_eq!(Handler::add(registry, options, |_| Ok(())), Err(Error::Dead));
    let owner = Owner::open().unwrap();
    let options = SubscribeOptions { owner: Some(owner), ..Default::default() };
    Subscription::open(registry, options).unwrap().close().unwrap();
    let options = HandlerOptions { owner: Some(owner), ..Default::default() };
    Handler::add(registry, options, |_| Ok(())).unwrap().remove().unwrap();
    Handler::add(registry, options, |_| Ok(())).unwrap();
    assert_eq!(owner.count(), Ok(1));
    registry.stop().unwrap();
    assert_eq!(owner.count(), Ok(0));
    owner.close().unwrap();
}

/// An owner that ends in a handler, while another handler of it runs elsewhere, waits for nobody.
#[test]
fn an_owner_ends_inside_a_handler() {
    let (one, two) = (Registry::start().unwrap(), Registry::start().unwrap());
    let owner = Owner::open().unwrap();
    let (entered, release) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (at, until) = (Arc::clone(&entered), Arc::clone(&release));
    let options = HandlerOptions { owner: Some(owner), ..Default::default() };
    Handler::add(one, options, move |_| {
        at.wait();
        until.wait();
        Ok(())
    })
    .unwrap();
    Handler::add(two, HandlerOptions::default(), move |_| owner.close()).unwrap();
    thread::scope(|scope| {
        scope.spawn(move || one.create("b").unwrap());
        entered.wait();
        two.create("b").unwrap();
        assert_eq!(owner.check(), Err(Error::Dead));
        release.wait();
    });
    assert_eq!(Arc::strong_count(&release), 1);
    one.stop().unwrap();
    two.stop().unwrap();
}

/// A bucket's weaker handles are the bucket to those who watch.
#[test]
fn a_monitor_through_a_reader() {
    let registry = Registry::start().unwrap();
    let options = Create { access: Access::Private, ..Default::default() };
    let bucket = registry.create_with("b", options).unwrap().0;
    let seen = registry.lookup("b").unwrap().unwrap();
    let filter = Filter { of: Of::Bucket(bucket), ..Default::default() };
    let subscription =
        Subscription::open(registry, SubscribeOptions { filter, ..Default::default() }).unwrap();
    Monitor::set(seen, subscription).unwrap();
    Monitor::set(bucket.reader().unwrap(), subscription).unwrap();
    bucket.stop(Reason::Normal).unwrap();
    for kind in [EventKind::Exit, EventKind::Down, EventKind::Down] {
        let event = subscription.next(SOON).unwrap();
        assert_eq!((event.kind(), event.bucket()), (kind, seen));
    }
    registry.stop().unwrap();
}
