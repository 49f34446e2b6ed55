//! A name's lookup: what kvreg does more often than anything else.
//!
//! The peers have two forms of it. "id copied": the map leads to a number, and the caller takes a copy. "Arc cloned":
//! it leads to an object, and the caller takes a hold on it, without which the object might be gone at any time.
//! kvreg's answer is the same in both rows: the id is a copy, and using it after its bucket's end is an error, no
//! danger.

use crate::keys::{Key, keys, picks};
use crate::maps::Table;
use crate::peers::Value;
use crate::row::{Maps, Work};
use crate::sizes;
use criterion::Criterion;
use std::sync::Arc;

pub(crate) fn rows(criterion: &mut Criterion) {
    for size in sizes(&[100, 10_000, 1_000_000]) {
        let keys = keys(size);
        found_as::<i64>(criterion, "id copied", &keys);
        found_as::<Arc<i64>>(criterion, "Arc cloned", &keys);
    }
}

fn found_as<V: Value>(criterion: &mut Criterion, found: &str, keys: &[Key]) {
    let name = format!("lookup/{} names/{found}", keys.len());
    let mut maps = Maps::<Table, V>::filled(keys);
    let random = [picks(keys, 0), picks(keys, 1)];
    let one_name = [picks(&keys[..1], 0), picks(&keys[..1], 1)];
    maps.row(criterion, &format!("{name}, 1 thread"), Work::Get, &random[..1]);
    maps.row(criterion, &format!("{name}, 2 threads"), Work::Get, &random);
    maps.row(criterion, &format!("{name}, 2 threads, one name"), Work::Get, &one_name);
}
