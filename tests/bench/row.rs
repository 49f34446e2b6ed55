//! One row: the same work on every map, one after the other.

use crate::keys::Key;
use crate::maps::{Map, Shared};
use crate::peers::{DashMap, Hashbrown, Papaya, RwLocked, Scc, Value};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What a row does with each key that was picked.
#[derive(Clone, Copy)]
pub(crate) enum Work {
    Get,
    Put,
    /// A get and a put in turn; each counts as one operation.
    GetPut,
    /// A delete and an insert of the same key, together one operation.
    DeleteInsert,
}

impl Work {
    /// Does it `count` times, going round the keys.
    fn run<M: Map>(self, map: &mut M, keys: &[Key], count: u64) {
        // One loop for each kind of work, so that what is measured does not ask which it is.
        match self {
            Work::Get => each(keys, count, |key, _| {
                black_box(map.get(key));
            }),
            Work::Put => each(keys, count, |key, i| map.overwrite(key, i)),
            Work::GetPut => each(keys, count, |key, i| {
                if i % 2 == 0 {
                    black_box(map.get(key));
                } else {
                    map.overwrite(key, i);
                }
            }),
            Work::DeleteInsert => each(keys, count, |key, i| {
                map.delete(key);
                map.insert(key, i);
            }),
        }
    }
}

fn each(keys: &[Key], count: u64, mut work: impl FnMut(&[u8], i64)) {
    let mut done = 0;
    while done < count as i64 {
        let round = keys.iter().zip(done..count as i64);
        done += keys.len() as i64;
        round.for_each(|(key, i)| work(key, i));
    }
}

/// One map of each kind, all with the same keys in them.
pub(crate) struct Maps<K, V> {
    kvreg: K,
    papaya: Papaya<V>,
    dashmap: DashMap<V>,
    scc: Scc<V>,
    rwlock: RwLocked<V>,
    hashbrown: Hashbrown<V>,
}

impl<K: Shared + Default, V: Value> Maps<K, V> {
    pub(crate) fn filled(keys: &[Key]) -> Maps<K, V> {
        Maps {
            kvreg: filled(keys),
            papaya: filled(keys),
            dashmap: filled(keys),
            scc: filled(keys),
            rwlock: filled(keys),
            hashbrown: filled(keys),
        }
    }

    /// Measures the work in as many threads as there are picks.
    pub(crate) fn row(&mut self, criterion: &mut Criterion, name: &str, work: Work, picks: &[Vec<Key>]) {
        let mut row = group(criterion, name);
        if let [picks] = picks {
            alone(&mut row, &mut self.hashbrown, work, picks);
        }
        together(&mut row, &self.kvreg, work, picks);
        together(&mut row, &self.papaya, work, picks);
        together(&mut row, &self.dashmap, work, picks);
        together(&mut row, &self.scc, work, picks);
        together(&mut row, &self.rwlock, work, picks);
        row.finish();
    }
}

/// A new map with these keys.
pub(crate) fn filled<M: Map + Default>(keys: &[Key]) -> M {
    let mut map = M::default();
    fill(&mut map, keys);
    map
}

pub(crate) fn fill<M: Map>(map: &mut M, keys: &[Key]) {
    each(keys, keys.len() as u64, |key, i| map.insert(key, i));
}

/// A row: the same number of operations in every sample, so that all of them have the same weight.
pub(crate) fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sampling_mode(SamplingMode::Flat);
    group
}

fn alone<M: Map>(row: &mut BenchmarkGroup<'_, WallTime>, map: &mut M, work: Work, picks: &[Key]) {
    row.bench_function(M::NAME, |bencher| {
        bencher.iter_custom(|count| {
            let start = Instant::now();
            work.run(map, picks, count);
            start.elapsed()
        });
    });
}

fn together<M: Shared>(row: &mut BenchmarkGroup<'_, WallTime>, map: &M, work: Work, picks: &[Vec<Key>]) {
    // A single thread needs no other: this one has the allocator's main arena, as hashbrown's row has.
    if let [picks] = picks {
        return alone(row, &mut map.clone(), work, picks);
    }
    row.bench_function(M::NAME, |bencher| {
        bencher.iter_custom(|count| race(map, picks, |map, picks| work.run(map, picks, count)));
    });
}

/// How long the threads take together, one for each of the picks, from the first one's start to the last one's end.
fn race<M: Shared>(map: &M, picks: &[Vec<Key>], work: impl Fn(&mut M, &[Key]) + Copy + Send) -> Duration {
    let line = &StartLine::new(picks.len());
    thread::scope(|scope| {
        let start = |picks| {
            let mut map = map.clone();
            scope.spawn(move || {
                line.wait();
                let start = Instant::now();
                work(&mut map, picks);
                (start, Instant::now())
            })
        };
        let threads: Vec<_> = picks.iter().map(|picks| start(picks.as_slice())).collect();
        let times: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        let first = times.iter().map(|&(start, _)| start).min().unwrap();
        let last = times.iter().map(|&(_, end)| end).max().unwrap();
        last - first
    })
}

/// A barrier that spins: the threads leave it together, where std's would have to wake all but one of them.
pub(crate) struct StartLine(AtomicUsize);

impl StartLine {
    pub(crate) fn new(threads: usize) -> StartLine {
        StartLine(AtomicUsize::new(threads))
    }

    pub(crate) fn wait(&self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
        let mut turns = 0_u32;
        while self.0.load(Ordering::Acquire) != 0 {
            turns += 1;
            // Somebody must have a processor to arrive on.
            if turns.is_multiple_of(1000) { thread::yield_now() } else { std::hint::spin_loop() }
        }
    }
}
