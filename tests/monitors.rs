//! Monitors: one bucket's exit, told once.

use kvreg::*;
use std::time::Duration;

/// Long enough that only what hangs takes longer.
const SOON: Option<Duration> = Some(Duration::from_secs(60));
const NOW: Option<Duration> = Some(Duration::ZERO);

fn subscribe(registry: Registry) -> Subscription {
    Subscription::open(registry, SubscribeOptions::default()).unwrap()
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
    let kinds: Vec<_> =
        std::iter::from_fn(|| subscription.next(NOW).ok()).map(|event| event.kind()).collect();
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
fn a_subscription_that_has_ended_takes_no_monitors() {
    let overflow = Overflow::Disconnect;
    let registry = Registry::start().unwrap();
    let options = SubscribeOptions { capacity: 1, overflow, ..Default::default() };
    let subscription = Subscription::open(registry, options).unwrap();
    let bucket = registry.create("a").unwrap();
    registry.create("b").unwrap();
    assert_eq!(Monitor::set(bucket, subscription), Err(Error::Stopped));
    subscription.close().unwrap();
    assert_eq!(Monitor::set(bucket, subscription), Err(Error::Dead));
    registry.stop().unwrap();
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
