//! The test cases of the "ETS" chapter of Elixir's "Mix and OTP" guide; those about events are in `events` and `hooks`.

use kvreg::{Error, Options, Reason, Registry, Started, Value};

fn registry() -> Registry {
    Registry::start().expect("a registry starts")
}

#[test]
fn spawns_buckets() {
    let registry = registry();
    assert_eq!(registry.lookup("shopping"), Ok(None));

    registry.create("shopping").unwrap();
    let bucket = registry.lookup("shopping").unwrap().expect("created");
    bucket.put("milk", 1).unwrap();
    assert_eq!(bucket.get("milk"), Ok(Some(Value::Int(1))));
    registry.stop().unwrap();
}

#[test]
fn create_is_a_call_not_a_cast() {
    let registry = registry();
    for i in 0..10_000 {
        let name = format!("bucket {i}");
        let bucket = registry.create(&name).unwrap();
        assert_eq!(registry.lookup(&name), Ok(Some(bucket)), "when create returns, the bucket is there");
    }
    assert_eq!(registry.count(), Ok(10_000));
    assert_eq!(registry.revision(), Ok(10_000));
    registry.stop().unwrap();
}

#[test]
fn create_of_an_existing_name_gives_the_same_bucket() {
    let registry = registry();
    let bucket = registry.create("shopping").unwrap();
    assert_eq!(registry.create("shopping"), Ok(bucket));
    assert_eq!(registry.revision(), Ok(1), "nothing was changed by the second");
    registry.stop().unwrap();
}

#[test]
fn removes_buckets_on_exit() {
    let registry = registry();
    let bucket = registry.create("shopping").unwrap();
    bucket.stop(Reason::Normal).unwrap();
    assert_eq!(registry.lookup("shopping"), Ok(None), "stop is synchronous");
    assert_eq!(bucket.get("milk"), Err(Error::Dead));
    assert_eq!(bucket.stop(Reason::Normal), Err(Error::Dead));
    registry.stop().unwrap();
}

#[test]
fn removes_bucket_on_crash() {
    let registry = registry();
    for reason in [Reason::Shutdown, Reason::Killed, Reason::Crash] {
        let bucket = registry.create("shopping").unwrap();
        bucket.stop(reason).unwrap();
        assert_eq!(registry.lookup("shopping"), Ok(None));
        let next = registry.create("shopping").unwrap();
        assert_ne!(next, bucket, "a name is used again, a handle never");
        assert_eq!(bucket.put("milk", 1), Err(Error::Dead));
        assert_eq!(next.get("milk"), Ok(None), "the next bucket starts empty");
        next.stop(Reason::Normal).unwrap();
    }
    registry.stop().unwrap();
}

#[test]
fn stop_ends_the_registry_and_its_buckets() {
    let registry = registry();
    let bucket = registry.create("shopping").unwrap();
    bucket.put("milk", "two litres").unwrap();
    let milk = bucket.get("milk").unwrap().unwrap();
    registry.stop().unwrap();
    assert_eq!(registry.lookup("shopping"), Err(Error::Stopped));
    assert_eq!(registry.lookup("nope"), Err(Error::Stopped));
    assert_eq!(registry.create("shopping"), Err(Error::Stopped));
    assert_eq!(registry.count(), Err(Error::Stopped));
    assert_eq!(registry.stop(), Err(Error::Stopped));
    assert_eq!(bucket.get("milk"), Err(Error::Dead));
    assert_eq!(bucket.stop(Reason::Normal), Err(Error::Dead));
    assert!(matches!(milk, Value::Str(text) if &*text == "two litres"), "a value outlives its registry");
}

#[test]
fn a_process_wide_name_leads_to_one_registry() {
    let options = Options { name: Some(b"the guide's"), ..Options::default() };
    let (first, started) = Registry::start_with(options).unwrap();
    assert_eq!(started, Started::Now);
    assert_eq!(Registry::start_with(options), Ok((first, Started::Before)));
    assert_eq!(Registry::named("the guide's"), Ok(Some(first)));
    assert_eq!(first.name(), Ok(Some(b"the guide's".to_vec())));
    first.stop().unwrap();
    assert_eq!((Registry::named("the guide's"), first.name()), (Ok(None), Err(Error::Stopped)));
    assert_eq!(Registry::named(vec![b'x'; kvreg::NAME_MAX + 1]), Err(Error::InvalidArgument));
    let nameless = registry();
    assert_eq!(nameless.name(), Ok(None));
    nameless.stop().unwrap();
    let (second, started) = Registry::start_with(options).unwrap();
    assert_eq!(started, Started::Now, "a stopped registry gives its name back");
    assert_ne!(second, first);
    assert_eq!(first.lookup("shopping"), Err(Error::Stopped));
    second.stop().unwrap();
}

#[test]
fn a_bucket_knows_its_name_registry_and_contents() {
    let registry = registry();
    let bucket = registry.create(b"caf\xe9\0".as_slice()).unwrap();
    assert_eq!(bucket.name(), Ok(b"caf\xe9\0".to_vec()), "names are bytes of any kind");
    assert_eq!(bucket.registry(), Ok(registry));
    assert_eq!((bucket.count(), bucket.revision()), (Ok(0), Ok(0)));
    for i in 0..1000 {
        bucket.put(format!("key {i}"), i).unwrap();
    }
    assert_eq!(bucket.delete("key 7"), Ok(true));
    assert_eq!(bucket.delete("key 7"), Ok(false));
    assert_eq!((bucket.count(), bucket.revision()), (Ok(999), Ok(1001)));
    let mut items = bucket.items().unwrap();
    items.sort_by_key(|(_, value)| if let Value::Int(i) = value { *i } else { -1 });
    let all: Vec<_> =
        (0..1000).filter(|&i| i != 7).map(|i| (format!("key {i}").into_bytes(), Value::Int(i))).collect();
    assert_eq!(items, all);
    assert_eq!(registry.buckets(), Ok(vec![(b"caf\xe9\0".to_vec(), bucket)]));
    registry.stop().unwrap();
}
