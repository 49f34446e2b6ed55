//! All of the public API against a plain model: the same calls on both must give the same answers.

mod apply;
mod plain;
mod world;

use plain::Plain;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use world::World;

const NAMES: usize = 5;
const KEYS: usize = 120;
const HELD: usize = 4;

#[derive(Clone, Debug)]
enum Op {
    Create(usize),
    Stop(usize),
    Put(usize, usize, Plain),
    PutNew(usize, usize, Plain),
    Swap(usize, usize, Plain),
    PutIfRevision(usize, usize, bool, Plain),
    PutIfEqual(usize, usize, bool, Plain),
    DeleteIfRevision(usize, usize, bool),
    Delete(usize, usize),
    Take(usize, usize),
    Add(usize, usize, i64),
    Update(usize, usize, Option<Option<Plain>>),
    Fill(usize, usize),
    Clear(usize),
    Batch(Vec<(usize, usize, Option<Plain>)>),
    Snapshot(usize),
    SnapshotOfBucket(usize, usize),
    BucketOfSnapshot(usize, usize),
    Close(usize),
    Look(usize),
    LookAtBucket(usize),
}

fn values() -> impl Strategy<Value = Plain> {
    prop_oneof![
        1 => Just(Plain::Nil),
        1 => any::<bool>().prop_map(Plain::Bool),
        6 => any::<i64>().prop_map(Plain::Int),
        2 => any::<i32>().prop_map(|x| Plain::Float(x.into())),
        3 => (0..60_usize).prop_map(|len| Plain::Str("é".repeat(len))),
        2 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Plain::Bytes),
    ]
}

fn ops() -> impl Strategy<Value = Op> {
    let (name, key, held) = (0..NAMES, 0..KEYS, 0..HELD);
    let at = (name.clone(), key.clone());
    let change = (name.clone(), key.clone(), prop::option::weighted(0.7, values()));
    prop_oneof![
        6 => name.clone().prop_map(Op::Create),
        2 => name.clone().prop_map(Op::Stop),
        20 => (at.clone(), values()).prop_map(|((n, k), v)| Op::Put(n, k, v)),
        3 => (at.clone(), values()).prop_map(|((n, k), v)| Op::PutNew(n, k, v)),
        3 => (at.clone(), values()).prop_map(|((n, k), v)| Op::Swap(n, k, v)),
        3 => (at.clone(), any::<bool>(), values()).prop_map(|((n, k), b, v)| Op::PutIfRevision(n, k, b, v)),
        3 => (at.clone(), any::<bool>(), values()).prop_map(|((n, k), b, v)| Op::PutIfEqual(n, k, b, v)),
        3 => (at.clone(), any::<bool>()).prop_map(|((n, k), b)| Op::DeleteIfRevision(n, k, b)),
        8 => at.clone().prop_map(|(n, k)| Op::Delete(n, k)),
        4 => at.clone().prop_map(|(n, k)| Op::Take(n, k)),
        6 => (at.clone(), -9..10_i64).prop_map(|((n, k), by)| Op::Add(n, k, by)),
        4 => (at.clone(), prop::option::of(prop::option::of(values()))).prop_map(|((n, k), u)| Op::Update(n, k, u)),
        6 => (name.clone(), 0..=KEYS).prop_map(|(n, keys)| Op::Fill(n, keys)),
        2 => name.clone().prop_map(Op::Clear),
        4 => prop::collection::vec(change, 0..40).prop_map(Op::Batch),
        5 => held.clone().prop_map(Op::Snapshot),
        3 => (held.clone(), name.clone()).prop_map(|(h, n)| Op::SnapshotOfBucket(h, n)),
        2 => (held.clone(), name.clone()).prop_map(|(h, n)| Op::BucketOfSnapshot(h, n)),
        4 => held.clone().prop_map(Op::Close),
        3 => held.prop_map(Op::Look),
        3 => name.prop_map(Op::LookAtBucket),
    ]
}

fn name(n: usize) -> Vec<u8> {
    format!("name {n}").into_bytes()
}

/// Keys of many lengths, the empty one among them.
fn key(k: usize) -> Vec<u8> {
    let text = k.to_string();
    if k == 0 { vec![] } else { text.repeat(1 + k % 5).into_bytes() }
}

fn agrees(ops: Vec<Op>) {
    let mut world = World::new();
    for op in ops {
        world.apply(op);
    }
    world.check_all();
    world.registry.stop().unwrap();
    (0..HELD).for_each(|h| world.close(h)); // what is still held outlives the registry
}

fn agrees_often(cases: u32) {
    // Failures are not written into files: the case is printed.
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    let sequences = prop::collection::vec(ops(), 1..200);
    TestRunner::new(config)
        .run(&sequences, |ops| {
            agrees(ops);
            Ok(())
        })
        .unwrap();
}

#[cfg(not(feature = "test-hooks"))]
#[test]
fn everything_agrees_with_a_model() {
    agrees_often(200);
}

/// Hashes of which few bits are left, so that keys fall together in leaves, chains and along deep paths.
#[cfg(feature = "test-hooks")]
#[test]
fn everything_agrees_with_a_model_whatever_the_hash() {
    for mask in [0, 15, !0 << 60, !0] {
        kvreg::hooks::weaken_hash(mask);
        agrees_often(60);
    }
}
