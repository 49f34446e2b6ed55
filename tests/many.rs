//! Many creates in one call: what they give, and what others see of them.

use kvreg::{Bucket, EventKind, Reason, Registry, Snapshot, SubscribeOptions, Subscription};
use std::collections::HashMap;
#[cfg(not(feature = "test-hooks"))]
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(not(feature = "test-hooks"))]
use std::thread;

/// Numbers that look random, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 as usize % sides
    }
}

/// Names of many lengths.
fn name(n: usize) -> String {
    format!("{n}{}", "+".repeat(n % 37))
}

/// What there must be.
#[derive(Default)]
struct Model {
    buckets: HashMap<usize, Bucket>,
    revision: u64,
    /// Names and revisions of all creates.
    told: Vec<(Vec<u8>, u64)>,
}

impl Model {
    fn create_many(&mut self, registry: Registry, wanted: &[usize]) {
        let names: Vec<_> = wanted.iter().map(|&n| name(n)).collect();
        let buckets = registry.create_many(&names).unwrap();
        assert_eq!(buckets.len(), wanted.len());
        for (&n, bucket) in wanted.iter().zip(buckets) {
            let known = *self.buckets.entry(n).or_insert_with(|| {
                self.revision += 1;
                self.told.push((name(n).into_bytes(), self.revision));
                bucket
            });
            assert_eq!(bucket, known, "{}", name(n));
            assert_eq!(bucket.check(), Ok(()));
            assert_eq!(bucket.name().unwrap(), name(n).into_bytes());
        }
    }

    fn check(&self, registry: Registry) {
        assert_eq!(registry.count(), Ok(self.buckets.len() as u64));
        assert_eq!(registry.revision(), Ok(self.revision));
        for (&n, &bucket) in &self.buckets {
            assert_eq!(registry.lookup(name(n)), Ok(Some(bucket)));
        }
    }
}

/// Groups of all sizes with names that are new, were there before, were stopped, or occur twice, while snapshots are held.
fn agrees_with_single_creates(names: usize, rounds: usize, listens: bool) {
    let registry = Registry::start().unwrap();
    let options = SubscribeOptions { capacity: 1_000_000, ..SubscribeOptions::default() };
    let subscription = listens.then(|| Subscription::open(registry, options).unwrap());
    let (mut model, mut dice) = (Model::default(), Dice(0x9e37_79b9_7f4a_7c15));
    let mut held: Vec<(Snapshot, HashMap<usize, Bucket>, u64)> = Vec::new();
    for _ in 0..rounds {
        let wanted: Vec<_> = (0..dice.roll(150)).map(|_| dice.roll(names)).collect();
        model.create_many(registry, &wanted);
        for _ in 0..dice.roll(60) {
            let n = dice.roll(names);
            if let Some(bucket) = model.buckets.remove(&n) {
                bucket.stop(Reason::Normal).unwrap();
                model.revision += 1;
            }
        }
        match dice.roll(4) {
            0 => held.push((registry.snapshot().unwrap(), model.buckets.clone(), model.revision)),
            1 if !held.is_empty() => {
                let (snapshot, buckets, revision) = held.swap_remove(dice.roll(held.len()));
                assert_eq!(snapshot.revision(), Ok(revision));
                assert_eq!(snapshot.count(), Ok(buckets.len() as u64));
                for n in 0..names {
                    assert_eq!(snapshot.lookup(name(n)), Ok(buckets.get(&n).copied()));
                }
                snapshot.close().unwrap();
            }
            _ => (),
        }
    }
    model.check(registry);
    if let Some(subscription) = subscription {
        let mut told = Vec::new();
        while subscription.pending() != Ok(0) {
            let event = subscription.next(None).unwrap();
            if event.kind() == EventKind::Create {
                told.push((event.name().to_vec(), event.revision()));
            }
        }
        assert!(told == model.told, "each create is told once, in the order of the names");
    }
    registry.stop().unwrap();
}

#[cfg(not(feature = "test-hooks"))] // where another test spoils the hash
#[test]
fn they_are_as_many_single_creates() {
    agrees_with_single_creates(40, 300, false);
    agrees_with_single_creates(20_000, 300, false);
    agrees_with_single_creates(2_000, 100, true);
}

/// Whatever the hash: names that fall together in leaves, chains and along deep paths.
#[cfg(feature = "test-hooks")]
#[test]
fn they_are_as_many_single_creates_whatever_the_hash() {
    for mask in [0, 15, !0 << 60, !0 << 1] {
        kvreg::hooks::weaken_hash(mask);
        agrees_with_single_creates(400, 100, false);
    }
    kvreg::hooks::weaken_hash(u64::MAX);
}

/// A create that fails in the middle leaves those before it, and nothing is lost of what was taken for the others.
#[cfg(feature = "test-hooks")]
#[test]
fn a_panic_leaves_the_registry_as_it_was() {
    let registry = Registry::start().unwrap();
    let there = registry.create("there").unwrap();
    kvreg::hooks::panic_in_next_create();
    let all = ["there", "a", "b"];
    assert!(std::panic::catch_unwind(|| registry.create_many(&all)).is_err());
    assert_eq!((registry.count(), registry.revision()), (Ok(1), Ok(1)));
    let buckets = registry.create_many(&all).unwrap();
    assert_eq!((buckets[0], registry.count(), registry.revision()), (there, Ok(3), Ok(3)));
    registry.snapshot().unwrap().close().unwrap(); // nobody is in the middle of a change
    registry.stop().unwrap();
}

#[test]
fn no_names_and_names_that_are_there_change_nothing() {
    let registry = Registry::start().unwrap();
    assert_eq!(registry.create_many::<&str>(&[]), Ok(vec![]));
    let buckets = registry.create_many(&["a", "", "a", "b"]).unwrap();
    assert_eq!(buckets[0], buckets[2]);
    assert_eq!(registry.revision(), Ok(3));
    let snapshot = registry.snapshot().unwrap();
    assert_eq!(registry.create_many(&["b", "a", ""]), Ok(vec![buckets[3], buckets[0], buckets[1]]));
    assert_eq!(registry.revision(), Ok(3));
    snapshot.close().unwrap();
    registry.stop().unwrap();
}

/// Each group is one change to those who take snapshots: they see all of it or nothing.
#[cfg(not(feature = "test-hooks"))] // where another test spoils the hash
#[test]
fn a_snapshot_sees_all_of_a_group_or_nothing() {
    const GROUP: usize = 64;
    let registry = Registry::start().unwrap();
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = 0;
            // Acquire: all creates come before it.
            while !is_done.load(Ordering::Acquire) {
                let snapshot = registry.snapshot().unwrap();
                let (count, revision) = (snapshot.count().unwrap(), snapshot.revision().unwrap());
                assert_eq!((count, count % GROUP as u64), (revision, 0));
                for n in 0..count as usize {
                    assert!(snapshot.lookup(format!("name {n}")).unwrap().is_some());
                }
                assert_eq!(snapshot.lookup(format!("name {count}")), Ok(None));
                snapshot.close().unwrap();
                seen += 1;
            }
            seen
        });
        for group in 0..100 {
            let names: Vec<_> = (0..GROUP).map(|i| format!("name {}", GROUP * group + i)).collect();
            registry.create_many(&names).unwrap();
        }
        is_done.store(true, Ordering::Release);
        reader.join().unwrap();
    });
    registry.stop().unwrap();
}

/// Two that create the same names get the same buckets, each of which was made once.
#[cfg(not(feature = "test-hooks"))] // where another test spoils the hash
#[test]
fn two_that_create_the_same_names_agree() {
    let registry = Registry::start().unwrap();
    let names: Vec<_> = (0..10_000).map(name).collect();
    let create =
        || names.chunks(100).flat_map(|some| registry.create_many(some).unwrap()).collect::<Vec<_>>();
    let (one, other) = thread::scope(|scope| {
        let other = scope.spawn(create);
        (create(), other.join().unwrap())
    });
    assert_eq!(one, other);
    assert_eq!((registry.count(), registry.revision()), (Ok(10_000), Ok(10_000)));
    registry.stop().unwrap();
}
