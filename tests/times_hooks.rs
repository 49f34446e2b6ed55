//! Times to live by a clock that stands still until a test moves it: what ends, when, and once.

use kvreg::{
    Batch, Bounds, Bucket, Error, EventKind, Filter, Handler, HandlerOptions, Reason, Registry,
    SubscribeOptions, Subscription, Update, Value, ValueRef, hooks,
};
use std::collections::BTreeMap;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

fn start() -> (Registry, Bucket) {
    let registry = Registry::start().unwrap();
    hooks::freeze_clock(registry).unwrap();
    (registry, registry.create("bucket").unwrap())
}

fn pass(registry: Registry, milliseconds: u32) {
    hooks::advance_clock(registry, milliseconds * MS).unwrap();
}

fn left(bucket: Bucket, key: &str) -> Option<u128> {
    bucket.remaining_key(key).unwrap().map(|left| left.as_millis())
}

#[test]
fn a_bucket_lives_as_long_as_it_was_told() {
    let (registry, bucket) = start();
    assert_eq!(bucket.remaining(), Ok(None));
    bucket.expire(Some(10 * MS)).unwrap();
    assert_eq!(bucket.remaining(), Ok(Some(10 * MS)));
    pass(registry, 9);
    assert_eq!((bucket.check(), bucket.remaining()), (Ok(()), Ok(Some(MS))));
    assert_eq!(registry.lookup("bucket"), Ok(Some(bucket)));
    pass(registry, 1);
    assert_eq!((bucket.check(), registry.lookup("bucket")), (Err(Error::Dead), Ok(None)));
    assert_eq!((registry.revision(), registry.count()), (Ok(2), Ok(0)));
    for refused in [bucket.expire(None), bucket.touch(), bucket.remaining().map(drop)] {
        assert_eq!(refused, Err(Error::Dead));
    }
    assert_eq!(registry.create("bucket").unwrap().remaining(), Ok(None), "the next one has no time");
    registry.stop().unwrap();
}

#[test]
fn a_time_can_be_set_again_moved_and_taken_away() {
    let (registry, bucket) = start();
    bucket.expire(Some(10 * MS)).unwrap();
    bucket.expire(Some(100 * MS)).unwrap();
    pass(registry, 50);
    bucket.touch().unwrap();
    assert_eq!(bucket.remaining(), Ok(Some(100 * MS)));
    bucket.expire(Some(5 * MS)).unwrap();
    bucket.expire(None).unwrap();
    bucket.touch().unwrap();
    pass(registry, 1000);
    assert_eq!((bucket.check(), bucket.remaining()), (Ok(()), Ok(None)));
    bucket.expire(Some(5 * MS)).unwrap();
    pass(registry, 4);
    bucket.touch().unwrap();
    pass(registry, 4);
    assert_eq!(bucket.check(), Ok(()));
    pass(registry, 1);
    assert_eq!(bucket.check(), Err(Error::Dead));
    let now = registry.create("now").unwrap();
    now.expire(Some(Duration::ZERO)).unwrap();
    pass(registry, 1);
    assert_eq!(now.check(), Err(Error::Dead));
    let old = registry.create("old").unwrap();
    old.expire(Some(Duration::MAX)).unwrap();
    pass(registry, u32::MAX);
    assert!(old.remaining().unwrap().unwrap() > Duration::from_secs(400 * 366 * 24 * 3600));
    registry.stop().unwrap();
    assert_eq!(old.expire(Some(MS)), Err(Error::Dead));
}

#[test]
fn a_key_lives_as_long_as_it_was_told() {
    let (registry, bucket) = start();
    bucket.put("stays", 1).unwrap();
    for (key, value) in
        [("int", ValueRef::Int(1)), ("text", ValueRef::Str("some text")), ("nil", ValueRef::Nil)]
    {
        bucket.put_for(key, value, 10 * MS).unwrap();
        assert_eq!(left(bucket, key), Some(10));
    }
    assert_eq!((left(bucket, "stays"), bucket.remaining_key("nobody")), (None, Err(Error::NotFound)));
    let before = bucket.revision().unwrap();
    pass(registry, 9);
    assert_eq!((bucket.count(), left(bucket, "text")), (Ok(4), Some(1)));
    pass(registry, 1);
    assert_eq!((bucket.count(), bucket.get("int"), bucket.get("text")), (Ok(1), Ok(None), Ok(None)));
    assert_eq!(bucket.revision(), Ok(before + 3), "each is a change");
    assert_eq!(bucket.get_int("stays"), Ok(Some(1)));
    bucket.put_for("now", 1, Duration::ZERO).unwrap();
    pass(registry, 0);
    assert_eq!(bucket.get("now"), Ok(None));
    let long = vec![b'x'; kvreg::NAME_MAX + 1];
    for refused in [
        bucket.put_for(&long, 1, MS),
        bucket.expire_key(&long, Some(MS)).map(drop),
        bucket.expire_key(&long, None).map(drop),
        bucket.touch_key(&long).map(drop),
        bucket.remaining_key(&long).map(drop),
    ] {
        assert_eq!(refused, Err(Error::InvalidArgument));
    }
    registry.stop().unwrap();
}

#[test]
fn who_ends_a_time_and_who_keeps_it() {
    let (registry, bucket) = start();
    type Change = fn(Bucket);
    let ends: [(&str, Change); 7] = [
        ("put", |bucket| bucket.put("key", 2).unwrap()),
        ("put of another type", |bucket| bucket.put("key", "two").unwrap()),
        ("swap", |bucket| drop(bucket.swap("key", 2).unwrap())),
        ("expire_key", |bucket| assert!(bucket.expire_key("key", None).unwrap())),
        ("take and put_new", |bucket| {
            bucket.take("key").unwrap();
            bucket.put_new("key", 2).unwrap();
        }),
        ("batch", |bucket| {
            let mut batch = Batch::new(bucket.registry().unwrap());
            batch.put(bucket, "key", 2).unwrap();
            batch.commit().unwrap();
        }),
        ("clear and put", |bucket| {
            bucket.clear().unwrap();
            bucket.put("key", 2).unwrap();
        }),
    ];
    let keeps: [(&str, Change); 7] = [
        ("add", |bucket| assert!(bucket.add("key", 1, Bounds::default()).is_ok())),
        ("update", |bucket| bucket.update("key", |_| Update::Put(ValueRef::Str("two"))).unwrap()),
        ("update that keeps", |bucket| bucket.update("key", |_| Update::Keep).unwrap()),
        ("put_if_equal", |bucket| bucket.put_if_equal("key", 1, 2).unwrap()),
        ("put_if_revision", |bucket| {
            let (_, revision) = bucket.get_with_revision("key").unwrap().unwrap();
            bucket.put_if_revision("key", revision, "two").unwrap();
        }),
        ("put_new that fails", |bucket| assert_eq!(bucket.put_new("key", 2), Err(Error::Exists))),
        ("touch_key", |bucket| assert!(bucket.touch_key("key").unwrap())),
    ];
    for with_snapshot in [false, true] {
        for (how, ends, change) in
            ends.iter().map(|(how, f)| (how, true, f)).chain(keeps.iter().map(|(how, f)| (how, false, f)))
        {
            bucket.put_for("key", 1, 10 * MS).unwrap();
            let snapshot = with_snapshot.then(|| bucket.snapshot().unwrap());
            change(bucket);
            assert_eq!(left(bucket, "key"), if ends { None } else { Some(10) }, "{how}");
            pass(registry, 10);
            assert_eq!(bucket.get("key").unwrap().is_some(), ends, "{how}");
            if let Some(snapshot) = snapshot {
                assert_eq!(snapshot.get("key"), Ok(Some(Value::Int(1))), "{how}");
                snapshot.close().unwrap();
            }
        }
    }
    registry.stop().unwrap();
}

#[test]
fn a_time_on_a_key_is_no_change() {
    let (registry, bucket) = start();
    bucket.put("key", "some text").unwrap();
    let before = (bucket.revision(), bucket.get_with_revision("key"));
    assert_eq!(bucket.expire_key("key", Some(10 * MS)), Ok(true));
    assert_eq!((bucket.expire_key("nobody", Some(MS)), bucket.touch_key("nobody")), (Ok(false), Ok(false)));
    pass(registry, 5);
    assert_eq!((bucket.touch_key("key"), left(bucket, "key")), (Ok(true), Some(10)));
    assert_eq!((bucket.revision(), bucket.get_with_revision("key")), before);
    assert_eq!(bucket.expire_key("key", None), Ok(true));
    pass(registry, 100);
    assert_eq!((bucket.revision(), bucket.get_with_revision("key")), before);
    registry.stop().unwrap();
}

#[test]
fn a_batch_puts_for_a_time() {
    let (registry, bucket) = start();
    let other = registry.create("other").unwrap();
    let mut batch = Batch::new(registry);
    batch.put_for(bucket, "a", 1, 10 * MS).unwrap();
    batch.put_for(other, "a", "text", 20 * MS).unwrap();
    batch.put_for(other, "b", 1, MS).unwrap();
    batch.put(other, "b", 2).unwrap();
    batch.put_for(other, "c", 1, MS).unwrap();
    batch.delete(other, "c").unwrap();
    batch.put(other, "d", 1).unwrap();
    batch.put_for(other, "d", 2, 5 * MS).unwrap();
    pass(registry, 50); // the time begins with the commit
    batch.commit().unwrap();
    assert_eq!((left(bucket, "a"), left(other, "a"), left(other, "b")), (Some(10), Some(20), None));
    pass(registry, 5);
    assert_eq!((bucket.count(), other.count(), other.get("d")), (Ok(1), Ok(2), Ok(None)));
    pass(registry, 5);
    assert_eq!((bucket.count(), other.count()), (Ok(0), Ok(2)));
    pass(registry, 10);
    assert_eq!((other.get("a"), other.get_int("b")), (Ok(None), Ok(Some(2))));
    registry.stop().unwrap();
}

#[test]
fn snapshots_show_what_has_ended_since() {
    let (registry, bucket) = start();
    let other = registry.create("other").unwrap();
    for key in 0..1000 {
        bucket.put_for(key.to_string(), key, 10 * MS).unwrap();
    }
    other.expire(Some(10 * MS)).unwrap();
    let snapshot = registry.snapshot().unwrap();
    pass(registry, 10);
    assert_eq!((bucket.count(), registry.lookup("other")), (Ok(0), Ok(None)));
    assert_eq!(snapshot.bucket("bucket").unwrap().unwrap().items().unwrap().len(), 1000);
    assert_eq!(snapshot.lookup("other"), Ok(Some(other)));
    snapshot.close().unwrap();
    registry.stop().unwrap();
}

/// The same pseudo-random numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Many changes in any order leave what a simple map with times would hold.
#[test]
fn times_are_those_of_a_model() {
    for (seed, mask) in [(1, u64::MAX), (2, u64::MAX), (3, 0xf << 60), (4, 0)] {
        hooks::weaken_hash(mask);
        let (registry, bucket) = start();
        hooks::weaken_hash(u64::MAX);
        let (mut random, mut now, mut model) =
            (Random(seed), 0, BTreeMap::<String, (i64, Option<u64>, u64)>::new());
        for step in 0..6_000_i64 {
            let (key, ttl) = (random.below(40).to_string(), random.below(30));
            let time = ttl as u32 * MS;
            let entry = model.get(&key).copied();
            match random.below(11) {
                0 | 1 => {
                    bucket.put_for(&key, step, time).unwrap();
                    model.insert(key, (step, Some(now + ttl), ttl));
                }
                2 => {
                    bucket.put(&key, step).unwrap();
                    model.insert(key, (step, None, 0));
                }
                3 => {
                    let sum = bucket.add(&key, 1, Bounds::default()).unwrap();
                    let entry = entry.unwrap_or((0, None, 0));
                    assert_eq!(sum, entry.0 + 1);
                    model.insert(key, (sum, entry.1, entry.2));
                }
                4 => assert_eq!(bucket.delete(&key), Ok(model.remove(&key).is_some())),
                5 => {
                    assert_eq!(bucket.expire_key(&key, Some(time)), Ok(entry.is_some()));
                    model.entry(key).and_modify(|entry| (entry.1, entry.2) = (Some(now + ttl), ttl));
                }
                6 => {
                    assert_eq!(bucket.expire_key(&key, None), Ok(entry.is_some()));
                    model.entry(key).and_modify(|entry| entry.1 = None);
                }
                7 => {
                    assert_eq!(bucket.touch_key(&key), Ok(entry.is_some()));
                    model.entry(key).and_modify(|entry| entry.1 = entry.1.map(|_| now + entry.2));
                }
                8 if random.below(40) == 0 => {
                    assert_eq!(bucket.clear(), Ok(model.len() as u64));
                    model.clear();
                }
                9 if random.below(20) == 0 => bucket.snapshot().unwrap().close().unwrap(),
                _ => {
                    now += 1;
                    pass(registry, 1);
                }
            }
            // What is due now ends now.
            pass(registry, 0);
            model.retain(|_, entry| entry.1.is_none_or(|end| end > now));
            assert_eq!(bucket.count(), Ok(model.len() as u64), "seed {seed}, step {step}");
        }
        for (key, (value, end, _)) in &model {
            assert_eq!(
                (bucket.get_int(key), left(bucket, key)),
                (Ok(Some(*value)), end.map(|end| u128::from(end - now)))
            );
        }
        registry.stop().unwrap();
    }
}

#[test]
fn a_bucket_that_nobody_uses_ends() {
    use kvreg::{Access, Create};
    let (registry, _) = start();
    let make = |name: &str, access, ttl: Option<u32>| {
        let ttl = ttl.map(|ttl| ttl * MS);
        registry.create_with(name, Create { access, ttl, idle: Some(10 * MS), ..Create::default() }).unwrap()
    };
    let (used, true) = make("used", Access::Public, None) else { panic!("it was there") };
    assert_eq!(make("used", Access::Public, Some(1)), (used, false));
    assert_eq!((registry.lookup("used"), used.remaining()), (Ok(Some(used)), Ok(Some(10 * MS))));
    let (unused, _) = make("unused", Access::Public, None);
    let (short, _) = make("short", Access::Public, Some(25));
    let (protected, _) = make("protected", Access::Protected, None);
    let reader = registry.lookup("protected").unwrap().unwrap();
    assert!(reader != protected && reader.same(protected).unwrap());
    assert_eq!(reader.put("key", 1), Err(Error::AccessDenied));
    let uses: [fn(Bucket); 8] = [
        |bucket| drop(bucket.get("key").unwrap()),
        |bucket| bucket.put("key", 1).unwrap(),
        |bucket| assert_eq!(bucket.count(), Ok(1)),
        |bucket| bucket.update("key", |_| Update::Keep).unwrap(),
        |bucket| bucket.snapshot().unwrap().close().unwrap(),
        |bucket| drop(bucket.items().unwrap()),
        |bucket| bucket.touch().unwrap(),
        |bucket| assert!(bucket.expire_key("key", None).unwrap()),
    ];
    for (number, each) in uses.iter().enumerate() {
        pass(registry, 9);
        each(used);
        drop(reader.get("key").unwrap());
        if number < 2 {
            short.put("key", 1).unwrap();
        }
        assert_eq!((used.remaining(), reader.remaining()), (Ok(Some(10 * MS)), Ok(Some(10 * MS))));
        // None of these is a use.
        for bucket in [unused, short] {
            assert_eq!(bucket.check().is_ok(), bucket.name().is_ok());
            let _ = (bucket.registry(), bucket.remaining(), registry.lookup("unused"));
        }
        assert_eq!(unused.check().is_ok(), number == 0);
        assert_eq!(short.check().is_ok(), number < 2, "its time to live is over");
    }
    pass(registry, 10);
    assert_eq!((used.check(), reader.check()), (Err(Error::Dead), Err(Error::Dead)));
    // A handle that says so of a bucket that is not tracked was never given to anybody.
    let plain = registry.create("plain").unwrap();
    let number = plain.id() + (18 << 48);
    assert_eq!(Bucket::from_id(number).check(), Err(Error::BadHandle));
    registry.stop().unwrap();
}

#[test]
fn the_timer_remembers_each_bucket_once() {
    let (registry, bucket) = start();
    for round in 0..100_000_u32 {
        bucket.put_for("key", round, (round % 1000 + 1000) * MS).unwrap();
        bucket.expire(Some((100_000 - round) * MS)).unwrap();
    }
    assert_eq!(hooks::planned_buckets(registry), Ok(1));
    for round in 0..1000 {
        let short = registry.create(round.to_string()).unwrap();
        short.put_for("key", 1, 1000 * MS).unwrap();
        short.expire(Some(2000 * MS)).unwrap();
        short.stop(Reason::Normal).unwrap();
        let loaded = registry.get_or_create(round.to_string(), |bucket| {
            bucket.expire(Some(MS))?;
            Err(Error::Io)
        });
        assert_eq!(loaded, Err(Error::Io));
    }
    assert_eq!(hooks::planned_buckets(registry), Ok(1), "one that exited is forgotten");
    registry.stop().unwrap();
}

#[test]
fn a_loader_sets_times() {
    let (registry, _) = start();
    let load = |bucket: Bucket| {
        bucket.put_for("key", 1, 5 * MS)?;
        bucket.expire(Some(10 * MS))
    };
    let loaded = registry.get_or_create("name", load).unwrap();
    pass(registry, 5);
    assert_eq!((loaded.count(), loaded.check()), (Ok(0), Ok(())));
    pass(registry, 5);
    assert_eq!((loaded.check(), registry.lookup("name")), (Err(Error::Dead), Ok(None)));
    let late = registry.get_or_create("name", |bucket| {
        bucket.expire(Some(MS))?;
        pass(registry, 1);
        Ok(())
    });
    assert_eq!((late, registry.lookup("name")), (Err(Error::Dead), Ok(None)));
    registry.stop().unwrap();
}

#[test]
fn an_update_function_holds_back_its_own_buckets_keys_only() {
    let (registry, bucket) = start();
    let other = registry.create("other").unwrap();
    bucket.put_for("key", 1, 5 * MS).unwrap();
    bucket.put_for("mine", 1, 5 * MS).unwrap();
    other.put_for("key", 1, 5 * MS).unwrap();
    let update = |old| {
        assert_eq!(old, Some(Value::Int(1)));
        assert_eq!(left(bucket, "mine"), Some(5), "to look is no change");
        assert_eq!(bucket.expire_key("mine", Some(MS)), Err(Error::Deadlock));
        assert_eq!(bucket.put_for("mine", 2, MS), Err(Error::Deadlock));
        pass(registry, 5);
        assert_eq!((other.count(), bucket.count()), (Ok(0), Ok(2)));
        bucket.expire(Some(1000 * MS)).unwrap();
        Update::Put(ValueRef::Int(2))
    };
    bucket.update("key", update).unwrap();
    // The timer comes back by the real clock, for which this test has no other way than to wait.
    while bucket.count().unwrap() != 0 {
        thread::yield_now();
    }
    // A bucket ends even so.
    bucket.put("key", 1).unwrap();
    let update = |_| {
        pass(registry, 1000);
        assert_eq!(bucket.check(), Err(Error::Dead));
        Update::Put(ValueRef::Int(2))
    };
    assert_eq!(bucket.update("key", update), Err(Error::Dead));
    registry.stop().unwrap();
}

#[test]
fn times_survive_the_death_of_the_thread() {
    let (registry, bucket) = start();
    bucket.put_for("a", 1, 5 * MS).unwrap();
    bucket.put_for("b", 1, 50 * MS).unwrap();
    hooks::kill_thread(registry, "timer").unwrap();
    pass(registry, 10);
    assert_eq!((bucket.count(), bucket.get("a")), (Ok(1), Ok(None)), "the next one goes on");
    hooks::kill_thread(registry, "timer").unwrap();
    bucket.put_for("c", 1, 50 * MS).unwrap();
    pass(registry, 50);
    assert_eq!(bucket.count(), Ok(0));
    registry.stop().unwrap();
}

#[test]
fn changes_beside_the_timer() {
    let (registry, bucket) = start();
    let (done, is_done) = channel();
    thread::scope(|scope| {
        for thread in 0..3 {
            let done = done.clone();
            scope.spawn(move || {
                for round in 0..20_000_u32 {
                    let key = (round % 50).to_string();
                    match (round + thread) % 5 {
                        0 | 1 => bucket.put_for(&key, round, (round % 7) * MS).unwrap(),
                        2 => drop(bucket.add(&key, 1, Bounds::default()).unwrap()),
                        3 => bucket.put(&key, round).unwrap(),
                        _ => drop(bucket.delete(&key).unwrap()),
                    }
                }
                done.send(()).unwrap();
            });
        }
        drop(done);
        while is_done.try_recv() != Err(std::sync::mpsc::TryRecvError::Disconnected) {
            pass(registry, 1);
            bucket.snapshot().unwrap().close().unwrap();
        }
    });
    pass(registry, 10);
    for (key, _) in bucket.items().unwrap() {
        assert_eq!(bucket.remaining_key(&key), Ok(None));
        bucket.delete(&key).unwrap();
    }
    assert_eq!(bucket.count(), Ok(0));
    registry.stop().unwrap();
}

/// Who asked for it hears of each key that ends, and of the bucket, in this order and once.
#[test]
fn what_ends_is_told() {
    let (registry, bucket) = start();
    let keys = Filter { keys: true, ..Filter::default() };
    let open =
        |filter| Subscription::open(registry, SubscribeOptions { filter, ..Default::default() }).unwrap();
    let (all, tables) = (open(keys), open(Filter::default()));
    bucket.put_for("short", 1, MS).unwrap();
    bucket.put_for("long", 2, 20 * MS).unwrap();
    bucket.put_for("cleared", 3, 2 * MS).unwrap();
    bucket.put("cleared", 4).unwrap();
    bucket.expire(Some(30 * MS)).unwrap();
    let names = |subscription: Subscription| {
        let events = std::iter::from_fn(|| subscription.next(Some(Duration::ZERO)).ok());
        events
            .map(|event| (event.kind(), event.key().map(<[u8]>::to_vec), event.reason()))
            .collect::<Vec<_>>()
    };
    pass(registry, 10);
    let event = all.next(Some(Duration::ZERO)).unwrap();
    assert_eq!((event.kind(), event.key()), (EventKind::KeyExpired, Some(&b"short"[..])));
    assert_eq!((event.name(), event.bucket(), event.revision()), (&b"bucket"[..], bucket, 5));
    assert_eq!(event.message(), b"");
    pass(registry, 10);
    pass(registry, 100);
    let exit = (EventKind::Exit, None, Some(Reason::Expired));
    assert_eq!(names(all), [(EventKind::KeyExpired, Some(b"long".to_vec()), None), exit.clone()]);
    assert_eq!(names(tables), [exit]);
    registry.stop().unwrap();
}

/// What ends in a bucket before anybody can look it up is nobody's business.
#[test]
fn a_bucket_that_is_loaded_tells_of_no_keys() {
    let (registry, _) = start();
    let filter = Filter { keys: true, ..Filter::default() };
    let options = SubscribeOptions { filter, ..SubscribeOptions::default() };
    let subscription = Subscription::open(registry, options).unwrap();
    let load = |bucket: Bucket| {
        bucket.put_for("before", 1, MS)?;
        bucket.put_for("after", 1, 2 * MS)?;
        pass(registry, 1);
        assert_eq!((bucket.get("before"), bucket.count()), (Ok(None), Ok(1)));
        Ok(())
    };
    let loaded = registry.get_or_create("loaded", load).unwrap();
    pass(registry, 1);
    for (kind, key) in [(EventKind::Create, None), (EventKind::KeyExpired, Some(&b"after"[..]))] {
        let event = subscription.next(Some(Duration::ZERO)).unwrap();
        assert_eq!((event.kind(), event.bucket(), event.key()), (kind, loaded, key));
    }
    assert_eq!(subscription.pending(), Ok(0));
    registry.stop().unwrap();
}

/// The timer has deadlines to keep: handlers run on other threads.
#[test]
fn a_handler_does_not_hold_up_the_timer() {
    let (registry, bucket) = start();
    let other = registry.create("other").unwrap();
    let (entered, seen) = channel();
    let (release, wait) = channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    Handler::add(registry, HandlerOptions::default(), move |event| {
        entered.send((event.bucket(), event.reason(), thread::current().name().map(str::to_owned))).unwrap();
        wait.lock().unwrap().recv().unwrap();
        Ok(())
    })
    .unwrap();
    bucket.expire(Some(MS)).unwrap();
    other.expire(Some(2 * MS)).unwrap();
    pass(registry, 10);
    assert_eq!((bucket.check(), other.check()), (Err(Error::Dead), Err(Error::Dead)));
    for expired in [bucket, other] {
        let (bucket, reason, thread) = seen.recv().unwrap();
        assert_eq!((bucket, reason), (expired, Some(Reason::Expired)));
        assert!(!thread.unwrap().ends_with("time"));
        release.send(()).unwrap();
    }
    registry.stop().unwrap();
}
