//! A bucket's lock: short holders, long ones and those who wait for them (`lock`).

use super::{check, end, spawn, start};
use crate::bucket::{Bounds, Bucket, Long, Reason, Update};
use crate::error::Error;
use crate::value::{Value, ValueRef};

fn add(bucket: Bucket) {
    bucket.add("k", 1, Bounds::default()).unwrap();
}

/// Two short changes take turns: no step is lost.
#[test]
fn short_holders_take_turns() {
    check(|| {
        let (registry, bucket) = start(&[("k", 0)]);
        let other = spawn(move || add(bucket));
        add(bucket);
        other.join().unwrap();
        assert_eq!(bucket.get_int("k"), Ok(Some(2)));
        end(registry);
    });
}

/// Whoever waits for a long holder is woken: if a wake-up were lost, the model would stand still.
#[test]
fn who_waits_for_a_long_holder_is_woken() {
    check(|| {
        let (registry, bucket) = start(&[("k", 0)]);
        let others = [(); 2].map(|()| spawn(move || add(bucket)));
        let update = |old| match old {
            Some(Value::Int(old)) => Update::Put(ValueRef::Int(old + 1)),
            _ => Update::Keep,
        };
        bucket.update("k", update).unwrap();
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(bucket.get_int("k"), Ok(Some(3)));
        end(registry);
    });
}

/// The same of two long holders.
#[test]
fn long_holders_take_turns() {
    check(|| {
        let (registry, bucket) = start(&[("k", 0)]);
        let clear = spawn(move || bucket.clear().unwrap());
        let held = Long::take(bucket.id()).unwrap();
        drop(held);
        assert_eq!(clear.join().unwrap(), 1);
        assert_eq!(bucket.count(), Ok(0));
        end(registry);
    });
}

/// A bucket exits while somebody holds its lock for long: its contents live as long as the hold, and are freed once.
#[test]
fn an_exit_beside_a_long_holder() {
    check(|| {
        let (registry, bucket) = start(&[("k", 1)]);
        let holder = spawn(move || match Long::take(bucket.id()) {
            Ok(long) => assert_eq!(long.contents().count(), 1),
            Err(error) => assert_eq!(error, Error::Dead),
        });
        bucket.stop(Reason::Normal).unwrap();
        crate::epoch::flush();
        holder.join().unwrap();
        end(registry);
    });
}
