//! Events: queues, monitors and handlers beside changes (`event`).

use super::{check, end, spawn, start};
use crate::bucket::Reason;
use crate::error::Error;
use crate::event::{EventKind, Handler, HandlerOptions, Monitor, SubscribeOptions, Subscription};
use crate::registry::Registry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

const NOW: Option<Duration> = Some(Duration::ZERO);

fn subscribe(registry: Registry) -> Subscription {
    Subscription::open(registry, SubscribeOptions::default()).unwrap()
}

/// Whoever waits for an event is woken by it: if a wake-up were lost, the model would stand still.
#[test]
fn who_waits_for_an_event_is_woken() {
    check(|| {
        let (registry, bucket) = start(&[]);
        let subscription = subscribe(registry);
        let other = spawn(move || bucket.stop(Reason::Normal));
        let event = subscription.next(None).unwrap();
        assert_eq!((event.kind(), event.bucket()), (EventKind::Exit, bucket));
        assert_eq!(registry.lookup("b"), Ok(None), "the table had changed before");
        other.join().unwrap().unwrap();
        subscription.close().unwrap();
        end(registry);
    });
}

/// Two make changes: each finds that the handler has seen its own when the call returns, one at a time and in order.
#[test]
fn a_handler_ran_before_the_call_returns() {
    check(|| {
        let registry = Registry::start().unwrap();
        let seen = Arc::new(AtomicU64::new(0));
        let (count, inside) = (Arc::clone(&seen), AtomicBool::new(false));
        Handler::add(registry, HandlerOptions::default(), move |event| {
            assert!(!inside.swap(true, Ordering::Relaxed));
            assert_eq!(count.load(Ordering::Relaxed) + 1, event.revision());
            crate::sync::yield_now();
            count.store(event.revision(), Ordering::Relaxed);
            inside.store(false, Ordering::Relaxed);
            Ok(())
        })
        .unwrap();
        let create = move |name, seen: &AtomicU64| {
            let before = registry.revision().unwrap();
            registry.create(name).unwrap();
            assert!(seen.load(Ordering::Relaxed) > before);
        };
        let others = Arc::clone(&seen);
        let other = spawn(move || create("one", &others));
        create("two", &seen);
        other.join().unwrap();
        assert_eq!(seen.load(Ordering::Relaxed), 2);
        end(registry);
    });
}

/// A monitor's event is taken, or the monitor is cancelled: never both, and never neither.
#[test]
fn a_monitor_tells_or_is_cancelled() {
    check(|| {
        let (registry, bucket) = start(&[]);
        let subscription = subscribe(registry);
        let monitor = Monitor::set(bucket, subscription).unwrap();
        let other = spawn(move || bucket.stop(Reason::Killed).unwrap());
        let cancelled = monitor.cancel();
        other.join().unwrap();
        assert_eq!(cancelled, Ok(()));
        let events: Vec<_> = std::iter::from_fn(|| subscription.next(NOW).ok()).collect();
        assert!(events.iter().all(|event| event.kind() != EventKind::Down), "it was cancelled");
        subscription.close().unwrap();
        end(registry);
    });
}

/// The same beside somebody who takes it.
#[test]
fn a_monitor_is_taken_or_cancelled() {
    check(|| {
        let (registry, bucket) = start(&[]);
        let subscription = subscribe(registry);
        let monitor = Monitor::set(bucket, subscription).unwrap();
        bucket.stop(Reason::Killed).unwrap();
        let taker = spawn(move || {
            std::iter::from_fn(|| subscription.next(NOW).ok()).any(|event| event.kind() == EventKind::Down)
        });
        let cancelled = monitor.cancel();
        assert_eq!(taker.join().unwrap(), cancelled == Err(Error::Dead));
        subscription.close().unwrap();
        end(registry);
    });
}

/// A bucket exits while a monitor is set on it: it tells in any case.
#[test]
fn a_monitor_is_set_beside_an_exit() {
    check(|| {
        let (registry, bucket) = start(&[]);
        let subscription = subscribe(registry);
        let other = spawn(move || bucket.stop(Reason::Killed).unwrap());
        let monitor = Monitor::set(bucket, subscription).unwrap();
        let down =
            std::iter::from_fn(|| subscription.next(None).ok()).find(|event| event.monitor().is_some());
        assert_eq!(
            down.map(|event| (event.monitor(), event.reason())),
            Some((Some(monitor), Some(Reason::Killed)))
        );
        other.join().unwrap();
        subscription.close().unwrap();
        end(registry);
    });
}

/// After its removal a handler's function is not running and is gone, whatever happened meanwhile.
#[test]
fn a_handler_is_removed_beside_a_change() {
    check(|| {
        let registry = Registry::start().unwrap();
        let running = Arc::new(AtomicBool::new(false));
        let runs = Arc::clone(&running);
        let handler = Handler::add(registry, HandlerOptions::default(), move |_| {
            runs.store(true, Ordering::Relaxed);
            crate::sync::yield_now();
            runs.store(false, Ordering::Relaxed);
            Ok(())
        })
        .unwrap();
        let other = spawn(move || {
            handler.remove().unwrap();
            assert!(!running.load(Ordering::Relaxed));
            assert_eq!(Arc::strong_count(&running), 1);
        });
        registry.create("n").unwrap();
        other.join().unwrap();
        end(registry);
    });
}

/// Who subscribes from a snapshot hears of every change once, in the snapshot or as an event.
#[test]
fn a_snapshot_and_the_events_after_it() {
    check(|| {
        let registry = Registry::start().unwrap();
        let subscription = subscribe(registry);
        let other = spawn(move || registry.create("n").unwrap());
        let snapshot = subscription.snapshot().unwrap();
        other.join().unwrap();
        let events = std::iter::from_fn(|| subscription.next(NOW).ok()).count() as u64;
        assert_eq!(snapshot.count().unwrap() + events, 1);
        snapshot.close().unwrap();
        subscription.close().unwrap();
        end(registry);
    });
}
