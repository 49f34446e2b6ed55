//! kvreg beside the maps that a Rust program would use in its place, on the same keys in the same run.
//!
//! ```sh
//! cargo bench                                  # everything; compare figures of one run only
//! cargo bench -- "lookup/1000000 names"        # rows whose name contains this
//! KVREG_BENCH_QUICK=1 cargo bench              # does it all still run? Small sizes; no figures to keep
//! python3 tests/bench/plot.py                  # target/criterion -> tests/bench/plots: a table and charts
//! ```
//!
//! A row is a group of criterion, and each map is a benchmark in it. All maps exist and are filled at the same time,
//! and a row's maps are measured one right after the other. With two threads, the time is that of one operation in
//! each of them: what a thread waits, not what the machine gets done.
//!
//! hashbrown alone is not synchronised: the reference of the rows with one thread, and absent from the others.

mod bucket;
mod create;
mod keys;
mod lookup;
mod maps;
mod peers;
mod row;
mod snapshot;

use criterion::Criterion;
use std::time::Duration;

/// Largest size in a run that only asks whether everything works.
const QUICK_MAX: usize = 10_000;

fn main() {
    let mut criterion = criterion().without_plots().configure_from_args();
    lookup::rows(&mut criterion);
    create::rows(&mut criterion);
    bucket::rows(&mut criterion);
    snapshot::rows(&mut criterion);
    criterion.final_summary();
}

fn criterion() -> Criterion {
    let (samples, warm_up, measurement) = if quick() { (10, 10, 50) } else { (20, 500, 2000) };
    let criterion = if quick() { Criterion::default().nresamples(2000) } else { Criterion::default() };
    criterion
        .sample_size(samples)
        .warm_up_time(Duration::from_millis(warm_up))
        .measurement_time(Duration::from_millis(measurement))
}

/// Asked for, or not started by `cargo bench`: `cargo test --benches` runs every row once, in a debug build.
fn quick() -> bool {
    std::env::var_os("KVREG_BENCH_QUICK").is_some() || !std::env::args().any(|argument| argument == "--bench")
}

/// Those of the sizes that this run has time for.
fn sizes(all: &[usize]) -> impl Iterator<Item = usize> {
    all.iter().copied().filter(|&size| !quick() || size <= QUICK_MAX)
}
