//! What is done with a bucket's keys. All values are numbers of 64 bits.

use crate::keys::{keys, picks};
use crate::maps::Bucket;
use crate::row::{Maps, Work};
use crate::sizes;
use criterion::Criterion;

pub(crate) fn rows(criterion: &mut Criterion) {
    for size in sizes(&[100, 1_000_000]) {
        let keys = keys(size);
        let mut maps = Maps::<Bucket, i64>::filled(&keys);
        let picks = [picks(&keys, 0), picks(&keys, 1)];
        for (work, what) in [
            (Work::Get, "get"),
            (Work::Put, "put"),
            (Work::GetPut, "get and put in turn"),
            (Work::DeleteInsert, "delete + insert"),
        ] {
            let name = format!("bucket/{size} keys/{what}");
            maps.row(criterion, &format!("{name}, 1 thread"), work, &picks[..1]);
            maps.row(criterion, &format!("{name}, 2 threads"), work, &picks);
        }
    }
}
