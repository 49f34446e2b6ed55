//! A batch is one change: all of it is made, in its order, or nothing.

mod beside;

use beside::beside;
use kvreg::{Batch, Bucket, Error, Reason, Registry, Snapshot, Update, Value, ValueRef};
use std::sync::Barrier;
use std::thread;

fn start() -> (Registry, Bucket, Bucket) {
    let registry = Registry::start().unwrap();
    (registry, registry.create("a").unwrap(), registry.create("b").unwrap())
}

#[test]
fn a_batch_is_made_when_it_is_committed() {
    let (registry, a, b) = start();
    a.put("old", 1).unwrap();
    let mut batch = Batch::new(registry);
    assert!(batch.is_empty());
    let text = "a text that is too long to be stored beside its key";
    {
        let copied = text.to_string();
        batch.put(a, "text", &copied).unwrap(); // it need not live until the commit
    }
    batch.put(b, "int", 2).unwrap();
    batch.put(b, "", ()).unwrap();
    batch.delete(a, "old").unwrap();
    batch.delete(b, "was never there").unwrap();
    assert_eq!((batch.len(), batch.is_empty()), (5, false));
    assert_eq!((a.count(), a.get("text"), b.count()), (Ok(1), Ok(None), Ok(0)), "nothing yet");

    assert_eq!(batch.commit(), Ok(()));
    assert!(batch.is_empty(), "it can be used for the next one");
    assert_eq!(a.items(), Ok(vec![(b"text".to_vec(), ValueRef::Str(text).to_value().unwrap())]));
    assert_eq!((b.get_int("int"), b.get(""), b.count()), (Ok(Some(2)), Ok(Some(Value::Nil)), Ok(2)));
    assert_eq!((a.revision(), b.revision()), (Ok(2), Ok(1)), "one change for each bucket");

    assert_eq!(batch.commit(), Ok(()), "an empty one does nothing");
    batch.put(a, "forgotten", 1).unwrap();
    batch.clear();
    assert_eq!((batch.len(), batch.commit()), (0, Ok(())));
    assert_eq!((a.get("forgotten"), a.revision(), b.revision()), (Ok(None), Ok(2), Ok(1)));
    registry.stop().unwrap();
    assert_eq!(batch.commit(), Err(Error::Stopped));
}

#[test]
fn all_keys_of_a_batch_get_one_revision() {
    let (registry, a, b) = start();
    a.put("another", 1).unwrap();
    let mut batch = Batch::new(registry);
    for key in 0..100 {
        batch.put(a, key.to_string(), key).unwrap();
        batch.put(b, key.to_string(), key).unwrap();
    }
    batch.commit().unwrap();
    assert_eq!((a.revision(), b.revision()), (Ok(2), Ok(1)));
    for key in 0..100 {
        assert_eq!(a.get_with_revision(key.to_string()), Ok(Some((Value::Int(key), 2))));
        assert_eq!(b.get_with_revision(key.to_string()), Ok(Some((Value::Int(key), 1))));
    }
    assert_eq!(a.get_with_revision("another"), Ok(Some((Value::Int(1), 1))));
    assert_eq!(a.put_if_revision("7", 2, 0), Ok(3));
    registry.stop().unwrap();
}

#[test]
fn changes_to_one_key_are_made_in_their_order() {
    let (registry, a, b) = start();
    for (i, there) in [false, true].into_iter().enumerate() {
        for key in ["put twice", "put, delete", "delete, put", "delete twice"] {
            if there {
                a.put(key, "before").unwrap();
            }
        }
        let mut batch = Batch::new(registry);
        batch.put(a, "put twice", 1).unwrap();
        batch.put(a, "put, delete", 1).unwrap();
        batch.delete(a, "delete, put").unwrap();
        batch.delete(a, "delete twice").unwrap();
        batch.put(b, "put twice", 5).unwrap(); // another bucket's key of this name
        batch.put(a, "put twice", "the last one").unwrap();
        batch.delete(a, "put, delete").unwrap();
        batch.put(a, "delete, put", 2).unwrap();
        batch.delete(a, "delete twice").unwrap();
        batch.commit().unwrap();
        let last = ValueRef::Str("the last one").to_value().unwrap();
        assert_eq!(a.get("put twice"), Ok(Some(last)));
        assert_eq!((a.get("put, delete"), a.get("delete twice")), (Ok(None), Ok(None)));
        assert_eq!((a.get_int("delete, put"), a.count()), (Ok(Some(2)), Ok(2)));
        assert_eq!((b.get_int("put twice"), b.revision()), (Ok(Some(5)), Ok(i as u64 + 1)));
    }
    registry.stop().unwrap();
}

#[test]
fn a_batch_that_fails_changes_nothing() {
    let (registry, a, dead) = start();
    let (other, foreign, _) = start();
    a.put("key", 1).unwrap();
    dead.put("key", 1).unwrap();
    dead.stop(Reason::Normal).unwrap();
    for (bucket, error) in [
        (dead, Error::Dead),
        (foreign, Error::InvalidArgument),
        (Bucket::from_id(0), Error::BadHandle),
        (Bucket::from_id(registry.id()), Error::BadHandle),
    ] {
        let mut batch = Batch::new(registry);
        batch.put(a, "key", 2).unwrap();
        batch.put(a, "new", 2).unwrap();
        batch.put(bucket, "key", 2).unwrap();
        batch.delete(a, "key").unwrap();
        for _ in 0..2 {
            assert_eq!(batch.commit(), Err(error));
            assert_eq!(batch.len(), 4, "it stays as it is");
            assert_eq!((a.get_int("key"), a.get("new"), a.revision()), (Ok(Some(1)), Ok(None), Ok(1)));
        }
    }
    assert_eq!((foreign.get("key"), foreign.revision()), (Ok(None), Ok(0)));
    let mut batch = Batch::new(registry);
    let long = vec![b'x'; kvreg::NAME_MAX + 1];
    assert_eq!(batch.put(a, &long, 1), Err(Error::InvalidArgument));
    assert_eq!(batch.delete(a, &long), Err(Error::InvalidArgument));
    assert!(batch.is_empty());
    batch.put(a, &long[1..], 1).unwrap();
    batch.commit().unwrap();
    a.put("key", 3).unwrap(); // and nothing was left locked
    other.stop().unwrap();
    registry.stop().unwrap();
    batch.put(a, "key", 4).unwrap();
    assert!(matches!(batch.commit(), Err(Error::Dead | Error::Stopped)));
}

#[test]
fn a_large_batch_is_one_change() {
    const KEYS: i64 = 50_000;
    let (registry, a, b) = start();
    let mut batch = Batch::new(registry);
    for round in 1..=3 {
        for key in 0..KEYS {
            batch.put(a, key.to_le_bytes(), key * round).unwrap();
            if round == 2 {
                batch.delete(b, key.to_le_bytes())
            } else {
                batch.put(b, key.to_le_bytes(), key)
            }
            .unwrap();
        }
        batch.commit().unwrap();
        assert_eq!((a.revision(), b.revision()), (Ok(round as u64), Ok(round as u64)));
        assert_eq!((a.count(), b.count()), (Ok(KEYS as u64), Ok(if round == 2 { 0 } else { KEYS as u64 })));
        assert!((0..KEYS).all(|key| a.get_int(key.to_le_bytes()) == Ok(Some(key * round))));
    }
    registry.stop().unwrap();
}

#[test]
fn batches_in_opposite_orders_neither_hang_nor_fail() {
    const EACH: i64 = 3_000;
    let registry = Registry::start().unwrap();
    let buckets = registry.create_many(&["a", "b", "c", "d"]).unwrap();
    // Each batch writes its own number everywhere: so all buckets always have the same one.
    let commit = |thread: i64, order: &[usize]| {
        for i in 0..EACH {
            let mut batch = Batch::new(registry);
            order.iter().for_each(|&at| batch.put(buckets[at], "number", thread * EACH + i).unwrap());
            assert_eq!(batch.commit(), Ok(()));
        }
    };
    let look = |_| {
        let snapshot = Snapshot::take(registry).unwrap();
        let first = snapshot.get_in("a", "number").unwrap();
        assert!(["b", "c", "d"].iter().all(|name| snapshot.get_in(name, "number").unwrap() == first));
        snapshot.close().unwrap();
    };
    beside(&[&look], || {
        thread::scope(|scope| {
            scope.spawn(|| commit(0, &[0, 1, 2, 3]));
            scope.spawn(|| commit(1, &[3, 2, 1, 0]));
            scope.spawn(|| commit(2, &[1, 3, 0, 2]));
        });
    });
    buckets.iter().for_each(|bucket| assert_eq!(bucket.revision(), Ok(3 * EACH as u64)));
    registry.stop().unwrap();
}

#[test]
fn batches_wait_for_update_functions_and_these_for_batches() {
    const EACH: i64 = 3_000;
    let (registry, a, b) = start();
    let add = |old: Option<Value>| match old {
        Some(Value::Int(old)) => Update::Put(ValueRef::Int(old + 1)),
        _ => Update::Put(ValueRef::Int(1)),
    };
    let barrier = Barrier::new(3);
    thread::scope(|scope| {
        for bucket in [a, b] {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                (0..EACH).for_each(|_| bucket.update("sum", add).unwrap());
            });
        }
        barrier.wait();
        for i in 0..EACH {
            let mut batch = Batch::new(registry);
            batch.put(b, "batch", i).unwrap();
            batch.put(a, "batch", i).unwrap();
            assert_eq!(batch.commit(), Ok(()));
        }
    });
    for bucket in [a, b] {
        assert_eq!((bucket.get_int("sum"), bucket.revision()), (Ok(Some(EACH)), Ok(2 * EACH as u64)));
    }
    registry.stop().unwrap();
}

#[test]
fn a_batch_from_an_update_function_is_made_or_refused() {
    let (registry, a, b) = start();
    let commit = |buckets: &[Bucket]| {
        let mut batch = Batch::new(registry);
        buckets.iter().for_each(|&bucket| batch.put(bucket, "batch", 1).unwrap());
        batch.commit()
    };
    a.update("key", |_| {
        assert_eq!(commit(&[a]), Err(Error::Deadlock));
        assert_eq!(commit(&[a, b]), Err(Error::Deadlock));
        assert_eq!(commit(&[b, a]), Err(Error::Deadlock));
        assert_eq!((a.get("batch"), b.get("batch")), (Ok(None), Ok(None)));
        assert_eq!(commit(&[b]), Ok(()));
        assert_eq!(b.get_int("batch"), Ok(Some(1)));
        Update::Keep
    })
    .unwrap();
    assert_eq!((a.revision(), b.revision()), (Ok(0), Ok(1)));
    assert_eq!(commit(&[a, b]), Ok(()), "nothing was left locked");
    registry.stop().unwrap();
}

#[test]
fn a_batch_meets_the_end_of_a_bucket() {
    // Of a batch over two buckets one exits at any moment: then nothing was made, or all before it.
    let registry = Registry::start().unwrap();
    let stays = registry.create("stays").unwrap();
    for round in 0..1_000 {
        let ends = registry.create("ends").unwrap();
        ends.put("key", round).unwrap();
        let barrier = Barrier::new(2);
        let (result, snapshot) = thread::scope(|scope| {
            let commits = scope.spawn(|| {
                let mut batch = Batch::new(registry);
                batch.put(stays, "key", round).unwrap();
                batch.put(ends, "batch", round).unwrap();
                barrier.wait();
                batch.commit()
            });
            barrier.wait();
            let snapshot = (round % 2 == 0).then(|| Snapshot::take(registry).unwrap());
            ends.stop(Reason::Normal).unwrap();
            (commits.join().unwrap(), snapshot)
        });
        let made = stays.get_int("key").unwrap() == Some(round);
        assert_eq!(result, if made { Ok(()) } else { Err(Error::Dead) });
        if let Some(snapshot) = snapshot {
            let shown = ["stays", "ends"].map(|name| {
                let key = if name == "ends" { "batch" } else { "key" };
                snapshot.get_in(name, key).unwrap() == Some(Value::Int(round))
            });
            assert_eq!(shown[0], shown[1], "all of the batch or nothing");
            snapshot.close().unwrap();
        }
    }
    registry.stop().unwrap();
}
