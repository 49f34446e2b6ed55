//! Times to live by the real clock: these tests wait for what must happen, however long it takes.

use kvreg::{Bucket, Error, EventKind, Filter, Reason, Registry, SubscribeOptions, Subscription};
use std::thread;
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);

/// Only so that a failure is a failure and no hang.
fn wait_for(what: &str, mut happened: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !happened() {
        assert!(begin.elapsed() < Duration::from_secs(60), "{what} did not happen");
        thread::yield_now();
    }
}

fn start() -> (Registry, Bucket) {
    let registry = Registry::start().unwrap();
    (registry, registry.create("bucket").unwrap())
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

#[test]
fn what_has_a_time_ends_without_a_call() {
    let (registry, bucket) = start();
    bucket.put_for("short", 1, 5 * MS).unwrap();
    bucket.put_for("long", 1, Duration::from_secs(3600)).unwrap();
    bucket.put("for ever", 1).unwrap();
    wait_for("the end of a key", || bucket.count() == Ok(2));
    assert_eq!(bucket.get("short"), Ok(None));
    bucket.expire(Some(5 * MS)).unwrap();
    // First it goes out of the table, then it dies.
    wait_for("the end of a bucket", || bucket.check() == Err(Error::Dead));
    assert_eq!((registry.lookup("bucket"), registry.revision()), (Ok(None), Ok(2)));
    registry.stop().unwrap();
}

#[test]
fn nothing_ends_before_its_time() {
    let (registry, bucket) = start();
    for round in 0..200_u32 {
        let (ttl, begin) = ((round % 5) * MS, Instant::now());
        bucket.put_for("key", round, ttl).unwrap();
        wait_for("the end of a key", || bucket.count() == Ok(0));
        assert!(begin.elapsed() >= ttl);
    }
    registry.stop().unwrap();
}

/// Of so many keys 10,000 end each second. To see how late the first 100,000 of a million are told, by hand:
/// `KVREG_TIMES_KEYS=1000000 cargo test --release --test times each_key -- --nocapture`.
#[test]
fn each_key_is_told_once_and_not_before_its_time() {
    let keys = std::env::var("KVREG_TIMES_KEYS").map_or(2_000, |keys| keys.parse().expect("a number"));
    let (registry, bucket) = start();
    let filter = Filter { creates: false, exits: false, keys: true, ..Filter::default() };
    let options = SubscribeOptions { filter, capacity: keys, ..SubscribeOptions::default() };
    let subscription = Subscription::open(registry, options).unwrap();
    let first = Instant::now() + 3 * Duration::from_micros(keys as u64);
    let put = |key: usize| {
        let now = Instant::now();
        let ttl = (first + key as u32 * Duration::from_micros(100)).saturating_duration_since(now);
        bucket.put_for(key.to_string(), 1, ttl).unwrap();
        Some(now + ttl)
    };
    let mut due: Vec<Option<Instant>> = (0..keys).map(put).collect();
    let take = |_| {
        let event = subscription.next(Some(Duration::from_secs(60))).unwrap();
        let now = Instant::now();
        assert_eq!(event.kind(), EventKind::KeyExpired);
        let key: usize = std::str::from_utf8(event.key().unwrap()).unwrap().parse().unwrap();
        now.checked_duration_since(due[key].take().expect("the first time")).expect("not too early")
    };
    let mut late: Vec<Duration> = (0..keys.min(100_000)).map(take).collect();
    late.sort();
    let at = |part: usize| late[(late.len() - 1) * part / 1000];
    println!(
        "{keys} keys: told {:?} late in the median, {:?} at p99, {:?} at most",
        at(500),
        at(990),
        at(1000)
    );
    registry.stop().unwrap();
}

#[test]
fn an_earlier_time_wakes_the_timer() {
    let (registry, bucket) = start();
    let others: Vec<Bucket> = (0..10).map(|i| registry.create(i.to_string()).unwrap()).collect();
    for other in &others {
        other.expire(Some(Duration::from_secs(3600))).unwrap();
    }
    for _ in 0..20 {
        bucket.put_for("key", 1, Duration::from_secs(3600)).unwrap();
        bucket.expire_key("key", Some(MS)).unwrap();
        wait_for("the end of a key", || bucket.count() == Ok(0));
    }
    others[3].expire(Some(MS)).unwrap();
    wait_for("the end of a bucket", || registry.count() == Ok(10));
    registry.stop().unwrap();
}

#[test]
fn a_registry_is_stopped_while_things_end() {
    for round in 0..30 {
        let (registry, bucket) = start();
        for key in 0..200_u32 {
            bucket.put_for(key.to_string(), key, (key % 3) * MS).unwrap();
            registry.create(key.to_string()).unwrap().expire(Some((key % 5) * MS)).unwrap();
        }
        if round % 2 == 0 {
            let _ = bucket.stop(Reason::Normal); // its time may have come
        }
        registry.stop().unwrap();
        assert_eq!(bucket.put_for("key", 1, MS), Err(Error::Dead));
    }
}

#[test]
fn a_registry_without_times_has_no_timer() {
    // Alone in this process it would be one thread; others may start theirs meanwhile, but none of them ends twice.
    let (registry, bucket) = start();
    bucket.put("key", 1).unwrap();
    assert_eq!((bucket.touch(), bucket.touch_key("key")), (Ok(()), Ok(true)));
    assert_eq!((bucket.expire(None), bucket.expire_key("key", None)), (Ok(()), Ok(true)));
    assert_eq!((bucket.remaining(), bucket.remaining_key("key")), (Ok(None), Ok(None)));
    let name = format!("kvreg-timer-{}", registry.id() & 0xfff_ffff);
    let has_timer = || {
        std::fs::read_dir("/proc/self/task").unwrap().any(|task| {
            let comm = task.map(|task| task.path().join("comm"));
            comm.is_ok_and(|comm| std::fs::read_to_string(comm).is_ok_and(|comm| comm.trim() == name))
        })
    };
    assert!(threads() > 1 && !has_timer());
    bucket.expire(Some(Duration::from_secs(3600))).unwrap();
    wait_for("the start of a thread", has_timer);
    registry.stop().unwrap();
    assert!(!has_timer());
}
