//! All entries as they were at one moment, read while another thread overwrites them one by one.
//!
//! papaya, DashMap and scc have no rows: an iteration over them sees some of the changes made meanwhile and not
//! others, and they offer nothing that does not. A lock around the map gives its users a copy. hashbrown has no
//! writer beside it: its row is the price of the copy alone.
//!
//! The second group takes what would be read, and lets go of it: a snapshot is a value that costs the same at every size,
//! a copy does not.

use crate::keys::{Key, keys, picks};
use crate::maps::{Bucket, Map, Shared};
use crate::peers::{Hashbrown, RwLocked};
use crate::row::{StartLine, filled, group};
use crate::sizes;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};
use kvreg::Value;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

pub(crate) fn rows(criterion: &mut Criterion) {
    for size in sizes(&[100, 10_000, 1_000_000]) {
        let keys = keys(size);
        let picks = picks(&keys, 0);
        let mut row = group(criterion, &format!("snapshot/all entries copied and read/{size} keys"));

        let hashbrown: Hashbrown<i64> = filled(&keys);
        row.bench_function(Hashbrown::<i64>::NAME, |bencher| {
            bencher.iter(|| hashbrown.0.clone().values().sum::<i64>());
        });
        beside_a_writer::<Bucket>(&mut row, &keys, &picks, |bucket| {
            let number = |value: &Value| if let Value::Int(number) = value { *number } else { 0 };
            bucket.items().iter().map(|(_, value)| number(value)).sum()
        });
        beside_a_writer::<RwLocked<i64>>(&mut row, &keys, &picks, |map| {
            let copy = map.0.read().clone();
            copy.values().sum()
        });
        row.finish();

        let mut row = group(criterion, &format!("snapshot/taken and let go/{size} keys"));
        row.bench_function(Hashbrown::<i64>::NAME, |bencher| bencher.iter(|| black_box(hashbrown.0.clone())));
        beside_a_writer::<Bucket>(&mut row, &keys, &picks, |bucket| {
            let snapshot = bucket.snapshot();
            let id = snapshot.id();
            snapshot.close().expect("it was taken just now");
            id as i64
        });
        beside_a_writer::<RwLocked<i64>>(&mut row, &keys, &picks, |map| map.0.read().clone().len() as i64);
        row.finish();
    }
}

fn beside_a_writer<M: Shared + Default>(
    row: &mut BenchmarkGroup<'_, WallTime>,
    keys: &[Key],
    picks: &[Key],
    read: impl Fn(&M) -> i64,
) {
    let map: M = filled(keys);
    row.bench_function(M::NAME, |bencher| {
        let (line, end) = (StartLine::new(2), AtomicBool::new(false));
        let mut writer = map.clone();
        thread::scope(|scope| {
            scope.spawn(|| {
                line.wait();
                for key in picks.iter().cycle().take_while(|_| !end.load(Ordering::Relaxed)) {
                    writer.overwrite(key, 1);
                }
            });
            line.wait();
            bencher.iter(|| black_box(read(&map)));
            end.store(true, Ordering::Relaxed);
        });
    });
}
