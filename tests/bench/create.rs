//! Names created one after the other, from none to all. Every map copies the name.
//!
//! The peers keep a number under it. kvreg makes a bucket that is alive, and every thread has it when the call
//! returns.

use crate::keys::{Key, keys};
use crate::maps::{Map, Table};
use crate::peers::{DashMap, Hashbrown, Papaya, RwLocked, Scc};
use crate::row::{fill, group};
use crate::sizes;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use std::time::Instant;

pub(crate) fn rows(criterion: &mut Criterion) {
    for size in sizes(&[10_000, 100_000, 1_000_000]) {
        let keys = keys(size);
        let mut row = group(criterion, &format!("create/from none/{size} names"));
        // An iteration is a whole fill; the plots divide it by this.
        row.throughput(Throughput::Elements(size as u64));
        create::<Hashbrown<i64>>(&mut row, &keys);
        create::<Table>(&mut row, &keys);
        create::<Papaya<i64>>(&mut row, &keys);
        create::<DashMap<i64>>(&mut row, &keys);
        create::<Scc<i64>>(&mut row, &keys);
        create::<RwLocked<i64>>(&mut row, &keys);
        row.finish();
    }
}

fn create<M: Map + Default>(row: &mut BenchmarkGroup<'_, WallTime>, keys: &[Key]) {
    let round = || {
        let mut map = M::default();
        let start = Instant::now();
        fill(&mut map, keys);
        start.elapsed() // and the map is dropped beside the clock
    };
    row.bench_function(M::NAME, |bencher| {
        bencher.iter_custom(|rounds| (0..rounds).map(|_| round()).sum());
    });
}
