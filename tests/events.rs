//! Events: what subscriptions are told, and when.

use kvreg::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

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
