//! Access: a weaker handle does what it may, and nothing else.

use kvreg::*;

fn make(registry: Registry, name: &str, access: Access) -> Bucket {
    let (bucket, created) = registry.create_with(name, Create { access, ..Create::default() }).unwrap();
    assert!(created);
    bucket.put("k", 1).unwrap();
    bucket
}

fn refuses_changes(bucket: Bucket) {
    let denied = Err(Error::AccessDenied);
    assert_eq!(bucket.put("k", 2), denied);
    assert_eq!(bucket.put("k", "longer than a number is"), denied);
    assert_eq!(bucket.put("new", 2), denied);
    assert_eq!(bucket.put_new("new", 2), denied);
    assert_eq!(bucket.delete("k"), Err(Error::AccessDenied));
    assert_eq!(bucket.delete("new"), Err(Error::AccessDenied));
    assert_eq!(bucket.take("k"), Err(Error::AccessDenied));
    assert_eq!(bucket.swap("k", 2), Err(Error::AccessDenied));
    assert_eq!(bucket.put_if_revision("k", 1, 2), Err(Error::AccessDenied));
    assert_eq!(bucket.delete_if_revision("k", 1), denied);
    assert_eq!(bucket.put_if_equal("k", 1, 2), denied);
    assert_eq!(bucket.put_if_equal("k", &*"x".repeat(10_000), 2), denied);
    assert_eq!(bucket.add("k", 1, Bounds::default()), Err(Error::AccessDenied));
    assert_eq!(bucket.update("k", |_| -> Update { panic!("not called") }), denied);
    assert_eq!(bucket.clear(), Err(Error::AccessDenied));
    assert_eq!(bucket.stop(Reason::Killed), denied);
    assert_eq!(bucket.give(None), denied);
    assert_eq!(bucket.set_heir(None), denied);
    let mut batch = Batch::new(bucket.registry().unwrap());
    batch.put(bucket, "k", 2).unwrap();
    assert_eq!(batch.commit(), denied);
}

fn refuses_reads(bucket: Bucket) {
    assert_eq!(bucket.get("k"), Err(Error::AccessDenied));
    assert_eq!(bucket.get_with_revision("k"), Err(Error::AccessDenied));
    assert_eq!(bucket.get_int("k"), Err(Error::AccessDenied));
    assert_eq!(bucket.get_float("k"), Err(Error::AccessDenied));
    assert_eq!(bucket.count(), Err(Error::AccessDenied));
    assert_eq!(bucket.revision(), Err(Error::AccessDenied));
    assert_eq!(bucket.items(), Err(Error::AccessDenied));
    assert_eq!(bucket.snapshot(), Err(Error::AccessDenied));
    assert_eq!(bucket.reader(), Err(Error::AccessDenied));
}

fn can_be_known(bucket: Bucket, registry: Registry, name: &str) {
    assert_eq!(bucket.check(), Ok(()));
    assert_eq!(bucket.name(), Ok(name.as_bytes().to_vec()));
    assert_eq!(bucket.registry(), Ok(registry));
    assert_eq!(bucket.owner(), Ok(None));
    assert_eq!(bucket.remaining(), Ok(None));
    let subscription = Subscription::open(registry, SubscribeOptions::default()).unwrap();
    Monitor::set(bucket, subscription).unwrap().cancel().unwrap();
    subscription.close().unwrap();
}

#[test]
fn a_protected_bucket_is_read_by_all_and_changed_by_its_maker() {
    let registry = Registry::start().unwrap();
    let full = make(registry, "p", Access::Protected);
    let found = registry.lookup("p").unwrap().unwrap();
    assert_ne!(found, full);
    assert_eq!((found.same(full), registry.create("p")), (Ok(true), Ok(found)));
    assert_eq!(registry.create_with("p", Create::default()), Ok((found, false)));
    assert_eq!(registry.create_many(&["p"]), Ok(vec![found]));
    assert_eq!(registry.buckets(), Ok(vec![(b"p".to_vec(), found)]));
    refuses_changes(found);
    can_be_known(found, registry, "p");
    full.put("k", 7).unwrap();
    assert_eq!(found.get("k"), Ok(Some(Value::Int(7))));
    assert_eq!(found.items(), full.items());
    assert_eq!(found.reader(), Ok(found));
    assert_eq!(full.reader(), Ok(found));
    let snapshot = registry.snapshot().unwrap();
    assert_eq!(snapshot.lookup("p"), Ok(Some(found)));
    assert_eq!(snapshot.get_in("p", "k"), Ok(Some(Value::Int(7))));
    snapshot.close().unwrap();
    full.stop(Reason::Normal).unwrap();
    assert_eq!((found.check(), found.put("k", 1)), (Err(Error::Dead), Err(Error::Dead)));
    assert_eq!(found.same(full), Ok(true), "also of those that exited");
    let next = registry.create("p").unwrap();
    assert_eq!((next.put("k", 1), next.same(full)), (Ok(()), Ok(false)));
    registry.stop().unwrap();
}

#[test]
fn a_private_bucket_is_for_its_maker() {
    let registry = Registry::start().unwrap();
    let full = make(registry, "p", Access::Private);
    make(registry, "public", Access::Public);
    let sealed = registry.lookup("p").unwrap().unwrap();
    refuses_changes(sealed);
    refuses_reads(sealed);
    can_be_known(sealed, registry, "p");
    let snapshot = registry.snapshot().unwrap();
    assert_eq!(snapshot.lookup("p"), Ok(Some(sealed)));
    assert_eq!(snapshot.get_in("p", "k"), Err(Error::AccessDenied));
    assert_eq!(snapshot.bucket("p"), Err(Error::AccessDenied));
    assert_eq!(snapshot.get_in("public", "k"), Ok(Some(Value::Int(1))));
    snapshot.close().unwrap();

    let own = full.snapshot().unwrap();
    assert_eq!(own.get("k"), Ok(Some(Value::Int(1))));
    own.close().unwrap();
    let reader = full.reader().unwrap();
    assert_eq!(reader.get("k"), Ok(Some(Value::Int(1))));
    refuses_changes(reader);
    assert_eq!((reader.same(sealed), full.same(sealed)), (Ok(true), Ok(true)));
    registry.stop().unwrap();
    assert_eq!(sealed.check(), Err(Error::Dead));
}

#[test]
fn a_batch_takes_what_its_handles_allow() {
    let registry = Registry::start().unwrap();
    let full = make(registry, "p", Access::Protected);
    let found = registry.lookup("p").unwrap().unwrap();
    let plain = registry.create("plain").unwrap();
    let mut batch = Batch::new(registry);
    batch.put(full, "k", 2).unwrap();
    batch.put(plain, "k", 2).unwrap();
    batch.put(found, "k", 3).unwrap();
    assert_eq!(batch.commit(), Err(Error::AccessDenied), "a full handle does not lend its rights");
    assert_eq!((full.get_int("k"), plain.count()), (Ok(Some(1)), Ok(0)));
    batch.clear();
    batch.put(full, "k", 2).unwrap();
    batch.put(plain, "k", 2).unwrap();
    batch.commit().unwrap();
    assert_eq!(found.get_int("k"), Ok(Some(2)));
    registry.stop().unwrap();
}

/// Handles that nobody was given: other kinds of the same slot.
#[test]
fn invented_handles_are_bad() {
    let registry = Registry::start().unwrap();
    let public = make(registry, "public", Access::Public);
    let private = make(registry, "private", Access::Private);
    let sealed = registry.lookup("private").unwrap().unwrap();
    let kind = |bucket: Bucket, kind: u64| Bucket::from_id(bucket.id() & ((1 << 48) - 1) | kind << 48);
    assert_eq!((kind(private, 18), kind(private, 2)), (sealed, private));
    assert_eq!(kind(public, 17), public.reader().unwrap());
    for number in (0..32).filter(|number| ![2, 17].contains(number)) {
        for result in [kind(public, number).check(), kind(public, number).put("k", 2)] {
            assert_eq!(result, Err(Error::BadHandle), "kind {number}");
        }
    }
    assert_eq!(kind(private, 19).check(), Err(Error::BadHandle));
    assert_eq!(public.same(kind(public, 18)), Err(Error::BadHandle));
    assert_eq!(public.same(Bucket::from_id(0)), Err(Error::BadHandle));
    private.stop(Reason::Normal).unwrap();
    assert_eq!(sealed.check(), Err(Error::Dead));
    assert_eq!(kind(private, 19).check(), Err(Error::BadHandle));
    registry.stop().unwrap();
}

/// Events show the handle that lookups give; what watches a bucket may be set through any of its handles.
#[test]
fn events_are_the_buckets_whatever_handle_is_watched() {
    let registry = Registry::start().unwrap();
    let open = |filter| {
        Subscription::open(registry, SubscribeOptions { filter, ..SubscribeOptions::default() }).unwrap()
    };
    let all = open(Filter::default());
    let full = make(registry, "p", Access::Private);
    let sealed = registry.lookup("p").unwrap().unwrap();
    let of = |bucket| open(Filter { of: Of::Bucket(bucket), ..Filter::default() });
    let (of_full, of_sealed) = (of(full), of(sealed));
    let monitors = open(Filter { creates: false, exits: false, ..Filter::default() });
    Monitor::set(full, monitors).unwrap();
    Monitor::set(sealed, monitors).unwrap();
    full.stop(Reason::Killed).unwrap();
    Monitor::set(sealed, monitors).unwrap();
    let take = |from: Subscription| from.next(Some(std::time::Duration::ZERO)).unwrap();
    assert_eq!(take(all).kind(), EventKind::Create);
    for from in [all, of_full, of_sealed, monitors, monitors, monitors] {
        let event = take(from);
        assert_eq!((event.bucket(), event.reason()), (sealed, Some(Reason::Killed)));
    }
    registry.stop().unwrap();
}
