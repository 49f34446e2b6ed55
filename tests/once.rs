//! Changes in one step: of many threads that try at once, exactly one has its way, and nothing is lost.

mod beside;

use beside::beside;
use kvreg::{Bounds, Bucket, Error, Registry, Value};
use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;

fn start() -> (Registry, Bucket) {
    let registry = Registry::start().unwrap();
    (registry, registry.create("bucket").unwrap())
}

/// Runs `work` in so many threads that begin at once, and gives what each makes of its number.
fn at_once<R: Send>(threads: i64, work: impl Fn(i64) -> R + Sync) -> Vec<R> {
    let barrier = Barrier::new(threads as usize);
    let work = |number| {
        barrier.wait();
        work(number)
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|number| scope.spawn(move || work(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn put_new_has_one_winner() {
    let (registry, bucket) = start();
    for round in 0..50_i64 {
        let key = round.to_le_bytes();
        let results = at_once(64, |number| (bucket.put_new(key, number), number));
        let winners: Vec<i64> =
            results.iter().filter(|(result, _)| result.is_ok()).map(|&(_, n)| n).collect();
        assert_eq!(winners.len(), 1);
        assert!(results.iter().all(|(result, _)| matches!(result, Ok(()) | Err(Error::Exists))));
        assert_eq!(bucket.get(key), Ok(Some(Value::Int(winners[0]))), "the others changed nothing");
        assert_eq!(bucket.revision(), Ok(round as u64 + 1), "nor did they count");
    }
    registry.stop().unwrap();
}

#[test]
fn put_new_works_again_after_a_delete() {
    let (registry, bucket) = start();
    for round in 0..100 {
        assert_eq!(bucket.put_new("key", round), Ok(()));
        assert_eq!(bucket.put_new("key", -1), Err(Error::Exists));
        assert_eq!(bucket.take("key"), Ok(Some(Value::Int(round))));
    }
    registry.stop().unwrap();
}

#[test]
fn what_is_taken_is_taken_by_one() {
    const KEYS: i64 = 2_000;
    let (registry, bucket) = start();
    for round in 0..3 {
        (0..KEYS).for_each(|key| bucket.put(key.to_le_bytes(), format!("{round} {key}").as_str()).unwrap());
        let taken = at_once(8, |_| {
            let take = |key: i64| bucket.take(key.to_le_bytes()).unwrap();
            (0..KEYS).filter_map(take).collect::<Vec<Value>>()
        });
        let all: Vec<String> = taken
            .into_iter()
            .flatten()
            .map(|value| if let Value::Str(text) = value { text.to_string() } else { panic!("{value:?}") })
            .collect();
        assert_eq!(all.len() as i64, KEYS);
        let expected: BTreeSet<String> = (0..KEYS).map(|key| format!("{round} {key}")).collect();
        assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), expected);
        assert_eq!(bucket.count(), Ok(0));
    }
    registry.stop().unwrap();
}

#[test]
fn what_is_swapped_out_is_got_by_one() {
    // Every value goes in once and comes out once, but for the last, which stays. Two types, so that some are
    // overwritten in place and some are not.
    const EACH: i64 = 5_000;
    let (registry, bucket) = start();
    let out = at_once(4, |thread| {
        let swap = |i: i64| {
            let value = thread * EACH + i;
            let old = if value % 3 == 0 {
                bucket.swap("key", value.to_string().as_str())
            } else {
                bucket.swap("key", value)
            };
            old.unwrap()
        };
        (0..EACH).filter_map(swap).collect::<Vec<Value>>()
    });
    let last = bucket.get("key").unwrap();
    let mut all: Vec<i64> = (out.into_iter().flatten().chain(last))
        .map(|value| match value {
            Value::Int(value) => value,
            Value::Str(text) => text.parse().unwrap(),
            other => panic!("{other:?}"),
        })
        .collect();
    all.sort();
    assert!(all.into_iter().eq(0..4 * EACH));
    registry.stop().unwrap();
}

#[test]
fn counters_of_compare_and_set_are_exact() {
    const EACH: i64 = 2_000;
    let (registry, bucket) = start();
    bucket.put("by value", 0).unwrap();
    at_once(8, |_| {
        for _ in 0..EACH {
            loop {
                // A key that is not there has revision 0.
                let (old, revision) = match bucket.get_with_revision("by revision").unwrap() {
                    Some((Value::Int(old), revision)) => (old, revision),
                    None => (0, 0),
                    other => panic!("{other:?}"),
                };
                match bucket.put_if_revision("by revision", revision, old + 1) {
                    Ok(new) => break assert!(new > revision),
                    Err(error) => assert_eq!(error, Error::Conflict),
                }
            }
            loop {
                let old = bucket.get_int("by value").unwrap().unwrap();
                match bucket.put_if_equal("by value", old, old + 1) {
                    Ok(()) => break,
                    Err(error) => assert_eq!(error, Error::Conflict),
                }
            }
        }
    });
    assert_eq!(bucket.get_int("by revision"), Ok(Some(8 * EACH)));
    assert_eq!(bucket.get_int("by value"), Ok(Some(8 * EACH)));
    registry.stop().unwrap();
}

#[test]
fn a_revision_tells_what_a_value_cannot() {
    let (registry, bucket) = start();
    assert_eq!(bucket.put_if_revision("key", 1, "A"), Err(Error::Conflict), "it is not there");
    let first = bucket.put_if_revision("key", 0, "A").unwrap();
    assert_eq!(bucket.put_if_revision("key", 0, "A"), Err(Error::Conflict), "it is there");
    bucket.put("key", "B").unwrap();
    bucket.put("key", "A").unwrap();
    // The value is A again: its equal sees no difference, its revision does.
    assert_eq!(bucket.put_if_revision("key", first, "C"), Err(Error::Conflict));
    assert_eq!(bucket.delete_if_revision("key", first), Err(Error::Conflict));
    assert_eq!(bucket.put_if_equal("key", "A", "C"), Ok(()));

    let (_, now) = bucket.get_with_revision("key").unwrap().unwrap();
    assert_eq!(now, bucket.revision().unwrap());
    bucket.put("other", 1).unwrap();
    assert_eq!(
        bucket.get_with_revision("key").unwrap().unwrap().1,
        now,
        "another key's change is not its own"
    );
    assert_eq!(bucket.delete_if_revision("key", now), Ok(()));
    assert_eq!(bucket.delete_if_revision("key", now), Err(Error::Conflict), "it is not there");
    assert_eq!(bucket.delete_if_revision("key", 0), Err(Error::Conflict), "not even with 0");
    // A key that comes back is another one, also if a number under it was overwritten in place.
    let again = bucket.put_if_revision("key", 0, 1).unwrap();
    bucket.put("key", 2).unwrap();
    bucket.put("key", 1).unwrap();
    assert!(again > now);
    assert_eq!(bucket.put_if_revision("key", again, 3), Err(Error::Conflict));
    registry.stop().unwrap();
}

#[test]
fn equal_means_the_same_type_and_the_same_bits() {
    let (registry, bucket) = start();
    bucket.put("int", 1).unwrap();
    assert_eq!(bucket.put_if_equal("int", 1.0, 2), Err(Error::Conflict));
    assert_eq!(bucket.put_if_equal("int", true, 2), Err(Error::Conflict));
    bucket.put("float", 0.0).unwrap();
    assert_eq!(bucket.put_if_equal("float", -0.0, 1), Err(Error::Conflict));
    bucket.put("float", f64::NAN).unwrap();
    assert_eq!(bucket.put_if_equal("float", f64::NAN, 1), Ok(()));
    for text in ["", "short", "a text that is much too long to be stored beside its key"] {
        bucket.put("text", text).unwrap();
        assert_eq!(bucket.put_if_equal("text", text.as_bytes(), 1), Err(Error::Conflict));
        assert_eq!(bucket.put_if_equal("text", format!("{text}.").as_str(), 1), Err(Error::Conflict));
        assert_eq!(bucket.put_if_equal("text", text, text.as_bytes()), Ok(()));
        assert_eq!(bucket.put_if_equal("text", text, 1), Err(Error::Conflict));
        assert_eq!(bucket.put_if_equal("text", text.as_bytes(), ()), Ok(()));
        assert_eq!(bucket.put_if_equal("text", (), text), Ok(()));
    }
    assert_eq!(bucket.put_if_equal("missing", (), 1), Err(Error::Conflict), "nothing is not nil");
    registry.stop().unwrap();
}

#[test]
fn sums_of_many_threads_are_exact() {
    const EACH: i64 = 100_000;
    let (registry, bucket) = start();
    let sums = at_once(8, |thread| {
        let mut last = 0;
        for i in 0..EACH {
            let sum = bucket.add("shared", 1, Bounds::default()).unwrap();
            assert!(sum > last, "one's own sums rise");
            last = sum;
            if i % 10 == 0 {
                bucket.add(thread.to_le_bytes(), -1, Bounds::default()).unwrap();
            }
        }
        last
    });
    assert_eq!(sums.into_iter().max(), Some(8 * EACH));
    assert_eq!(bucket.get_int("shared"), Ok(Some(8 * EACH)));
    for thread in 0..8_i64 {
        assert_eq!(bucket.get_int(thread.to_le_bytes()), Ok(Some(-EACH / 10)));
    }
    assert_eq!(bucket.revision(), Ok(8 * (EACH + EACH / 10) as u64));
    registry.stop().unwrap();
}

#[test]
fn a_limited_counter_stops_at_its_limits() {
    let (registry, bucket) = start();
    let refuse = Bounds { initial: 5, min: 0, max: 10, clamp: false };
    let clamp = Bounds { clamp: true, ..refuse };
    assert_eq!(bucket.add("refuse", 6, refuse), Err(Error::OutOfRange));
    assert_eq!((bucket.get("refuse"), bucket.revision()), (Ok(None), Ok(0)), "nothing was changed");
    assert_eq!(bucket.add("refuse", 5, refuse), Ok(10));
    assert_eq!(bucket.add("refuse", 1, refuse), Err(Error::OutOfRange));
    assert_eq!(bucket.add("refuse", -11, refuse), Err(Error::OutOfRange));
    assert_eq!(bucket.add("refuse", 0, refuse), Ok(10));
    assert_eq!(bucket.get_int("refuse"), Ok(Some(10)));

    assert_eq!(bucket.add("clamp", 6, clamp), Ok(10));
    assert_eq!(bucket.add("clamp", i64::MIN, clamp), Ok(0));
    assert_eq!(bucket.add("clamp", i64::MAX, clamp), Ok(10));

    let all = Bounds::default();
    assert_eq!(bucket.add("all", i64::MAX, all), Ok(i64::MAX));
    assert_eq!(bucket.add("all", 1, all), Err(Error::OutOfRange));
    assert_eq!(bucket.add("all", 1, Bounds { clamp: true, ..all }), Ok(i64::MAX));
    assert_eq!(bucket.add("all", i64::MIN, all), Ok(-1));
    assert_eq!(bucket.add("all", i64::MIN, all), Err(Error::OutOfRange));

    assert_eq!(bucket.add("all", 1, Bounds { min: 1, max: 0, ..all }), Err(Error::InvalidArgument));
    for other in [Value::Nil, Value::Bool(true), Value::Float(1.0)] {
        bucket.put("other", &other).unwrap();
        assert_eq!(bucket.add("other", 1, all), Err(Error::WrongType));
        assert_eq!(bucket.get("other"), Ok(Some(other)));
    }
    registry.stop().unwrap();
}

#[test]
fn a_limited_resource_is_given_out_as_often_as_there_is_of_it() {
    let (registry, bucket) = start();
    let bounds = Bounds { initial: 1_000, min: 0, max: 1_000, clamp: false };
    let got = at_once(8, |_| (0..500).filter(|_| bucket.add("tickets", -1, bounds).is_ok()).count());
    assert_eq!(got.into_iter().sum::<usize>(), 1_000);
    assert_eq!(bucket.get_int("tickets"), Ok(Some(0)));
    registry.stop().unwrap();
}

#[test]
fn a_value_and_its_revision_belong_together() {
    // One key, changed by one thread: its value is always its revision.
    let (registry, bucket) = start();
    let look = |_| {
        let Some((value, revision)) = bucket.get_with_revision("key").unwrap() else { return };
        let value = match value {
            Value::Int(value) => value,
            Value::Str(text) => text.parse().unwrap(),
            other => panic!("{other:?}"),
        };
        assert_eq!(value as u64, revision);
    };
    beside(&[&look, &look], || {
        for revision in 1..300_000_i64 {
            match revision % 100 {
                0 => bucket.put("key", revision.to_string().as_str()).unwrap(),
                _ => bucket.put("key", revision).unwrap(), // in place
            }
        }
    });
    registry.stop().unwrap();
}
