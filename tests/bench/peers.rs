//! The peers. Each owns its keys as `Box<[u8]>`, hashes with foldhash's `quality` form under a random seed, as kvreg
//! does, and is asked in the way that suits it best.

use crate::maps::Map;
use foldhash::quality::RandomState;
use parking_lot::RwLock;
use std::sync::Arc;

type Name = Box<[u8]>;
type HashMap<V> = hashbrown::HashMap<Name, V, RandomState>;

/// What a peer keeps under a key: a number, or an `Arc` in the place of an object.
pub(crate) trait Value: From<i64> + Clone + Send + Sync + 'static {}
impl<V: From<i64> + Clone + Send + Sync + 'static> Value for V {}

/// The reference: what the work costs when nobody else may look. Not `Clone`, so no two threads share it.
pub(crate) struct Hashbrown<V>(pub(crate) HashMap<V>);

impl<V> Default for Hashbrown<V> {
    fn default() -> Self {
        Hashbrown(HashMap::default())
    }
}

impl<V: Value> Map for Hashbrown<V> {
    const NAME: &'static str = "hashbrown";
    type Found = V;

    fn get(&self, key: &[u8]) -> Option<V> {
        self.0.get(key).cloned()
    }
    fn insert(&mut self, key: &[u8], value: i64) {
        self.0.insert(key.into(), value.into());
    }
    fn overwrite(&mut self, key: &[u8], value: i64) {
        *self.0.get_mut(key).unwrap() = value.into();
    }
    fn delete(&mut self, key: &[u8]) {
        self.0.remove(key);
    }
}

/// The synchronised peers are shared as programs share them. (Derived, `Default` and `Clone` would ask them of `V`.)
macro_rules! shared {
    ($($peer:ident, $map:ty;)*) => {
        $(
            pub(crate) struct $peer<V>(pub(crate) Arc<$map>);

            impl<V: Value> Default for $peer<V> {
                fn default() -> Self {
                    $peer(Arc::default())
                }
            }

            impl<V> Clone for $peer<V> {
                fn clone(&self) -> Self {
                    $peer(Arc::clone(&self.0))
                }
            }
        )*
    };
}
shared! {
    RwLocked, RwLock<HashMap<V>>;
    DashMap, dashmap::DashMap<Name, V, RandomState>;
    Papaya, papaya::HashMap<Name, V, RandomState>;
    Scc, scc::HashMap<Name, V, RandomState>;
}

impl<V: Value> Map for RwLocked<V> {
    const NAME: &'static str = "RwLock";
    type Found = V;

    fn get(&self, key: &[u8]) -> Option<V> {
        self.0.read().get(key).cloned()
    }
    fn insert(&mut self, key: &[u8], value: i64) {
        // Allocated before the lock is taken, so that nobody waits for the allocator.
        let (key, value) = (key.into(), value.into());
        self.0.write().insert(key, value);
    }
    fn overwrite(&mut self, key: &[u8], value: i64) {
        *self.0.write().get_mut(key).unwrap() = value.into();
    }
    fn delete(&mut self, key: &[u8]) {
        // Freed after the lock is given back.
        let _entry = self.0.write().remove_entry(key);
    }
}

impl<V: Value> Map for DashMap<V> {
    const NAME: &'static str = "DashMap";
    type Found = V;

    fn get(&self, key: &[u8]) -> Option<V> {
        self.0.get(key).map(|found| found.value().clone())
    }
    fn insert(&mut self, key: &[u8], value: i64) {
        self.0.insert(key.into(), value.into());
    }
    fn overwrite(&mut self, key: &[u8], value: i64) {
        *self.0.get_mut(key).unwrap() = value.into();
    }
    fn delete(&mut self, key: &[u8]) {
        self.0.remove(key);
    }
}

impl<V: Value> Map for Papaya<V> {
    const NAME: &'static str = "papaya";
    type Found = V;

    fn get(&self, key: &[u8]) -> Option<V> {
        self.0.pin().get(key).cloned()
    }
    fn insert(&mut self, key: &[u8], value: i64) {
        self.0.pin().insert(key.into(), value.into());
    }
    /// Its entries never change: every way to a new value makes a new entry, from a key that it can keep.
    fn overwrite(&mut self, key: &[u8], value: i64) {
        self.0.pin().insert(key.into(), value.into());
    }
    fn delete(&mut self, key: &[u8]) {
        self.0.pin().remove(key);
    }
}

impl<V: Value> Map for Scc<V> {
    const NAME: &'static str = "scc";
    type Found = V;

    fn get(&self, key: &[u8]) -> Option<V> {
        self.0.read_sync(key, |_, value| value.clone())
    }
    fn insert(&mut self, key: &[u8], value: i64) {
        let _refused_if_another_thread_was_quicker = self.0.insert_sync(key.into(), value.into());
    }
    fn overwrite(&mut self, key: &[u8], value: i64) {
        self.0.update_sync(key, |_, old| *old = value.into()).unwrap();
    }
    fn delete(&mut self, key: &[u8]) {
        self.0.remove_sync(key);
    }
}
