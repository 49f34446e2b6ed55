//! What every map under measurement can do, and kvreg's two: the table of names, and a bucket.

use kvreg::{Reason, Registry};
use std::sync::Arc;

/// A map from byte strings, as one thread holds it.
pub(crate) trait Map {
    const NAME: &'static str;
    /// What a read gives its caller to keep.
    type Found;

    fn get(&self, key: &[u8]) -> Option<Self::Found>;
    /// Adds a key that is not there.
    fn insert(&mut self, key: &[u8], value: i64);
    /// Changes the value of a key that is there.
    fn overwrite(&mut self, key: &[u8], value: i64);
    fn delete(&mut self, key: &[u8]);
}

/// A map whose clones are the same map, in other threads too.
pub(crate) trait Shared: Map + Clone + Send {}
impl<M: Map + Clone + Send> Shared for M {}

/// A registry, which is stopped with the last of its holders.
struct Running(Registry);

impl Running {
    fn start() -> Arc<Running> {
        Arc::new(Running(Registry::start().unwrap()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.stop().unwrap();
    }
}

/// kvreg as a map from names to buckets. The registry chooses the ids, so the values given here are not used.
#[derive(Clone)]
pub(crate) struct Table {
    registry: Registry,
    _running: Arc<Running>,
}

impl Default for Table {
    fn default() -> Table {
        let running = Running::start();
        Table { registry: running.0, _running: running }
    }
}

impl Map for Table {
    const NAME: &'static str = "kvreg";
    type Found = kvreg::Bucket;

    fn get(&self, key: &[u8]) -> Option<kvreg::Bucket> {
        self.registry.lookup(key).unwrap()
    }
    fn insert(&mut self, key: &[u8], _: i64) {
        self.registry.create(key).unwrap();
    }
    fn overwrite(&mut self, key: &[u8], _: i64) {
        self.registry.create(key).unwrap();
    }
    fn delete(&mut self, key: &[u8]) {
        if let Some(bucket) = self.get(key) {
            let _already_dead_if_another_thread_was_quicker = bucket.stop(Reason::Normal);
        }
    }
}

/// kvreg as a map from keys to numbers: one bucket.
#[derive(Clone)]
pub(crate) struct Bucket {
    bucket: kvreg::Bucket,
    _running: Arc<Running>,
}

impl Bucket {
    pub(crate) fn items(&self) -> Vec<(Vec<u8>, kvreg::Value)> {
        self.bucket.items().unwrap()
    }

    pub(crate) fn snapshot(&self) -> kvreg::Snapshot {
        self.bucket.snapshot().unwrap()
    }
}

impl Default for Bucket {
    fn default() -> Bucket {
        let running = Running::start();
        Bucket { bucket: running.0.create("bench").unwrap(), _running: running }
    }
}

impl Map for Bucket {
    const NAME: &'static str = "kvreg";
    type Found = i64;

    fn get(&self, key: &[u8]) -> Option<i64> {
        self.bucket.get_int(key).unwrap()
    }
    fn insert(&mut self, key: &[u8], value: i64) {
        self.bucket.put(key, value).unwrap();
    }
    fn overwrite(&mut self, key: &[u8], value: i64) {
        self.bucket.put(key, value).unwrap();
    }
    fn delete(&mut self, key: &[u8]) {
        self.bucket.delete(key).unwrap();
    }
}
