//! A registry's directory: objects of others under composite keys, a kind and a key.
//!
//! An entry holds one reference to a foreign object, and gives it back when it is gone and nobody uses it any more.
//! What an entry is known by is an id like all others. Keys are spread over some shards with a lock each; what a lock
//! guards is done in an instant, and nothing of others (retain, release, a function that is dispatched to) is ever
//! called under it.
//!
//! A key is unique or has any number of duplicates, which stand in the order in which they were registered: one of many
//! thousands is found and removed as quickly as one of a few.

mod entry;
mod object;

pub use entry::{Entry, Register, Registration};
pub use object::Object;
#[cfg(feature = "capi")]
pub(crate) use object::Raw;

use crate::error::Error;
use crate::fork;
use crate::handle;
use crate::sync::{Arc, MODELLED, Mutex};
use entry::Record;
use smallvec::SmallVec;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::hash_map::{Entry as Place, HashMap, RandomState};
use std::hash::BuildHasher;

const SHARDS: usize = if MODELLED { 1 } else { 16 };
/// So many entries of one key are taken at once, to be used without the lock.
const CHUNK: usize = 64;

pub(crate) struct Directory {
    random: RandomState,
    shards: [Mutex<Shard>; SHARDS],
}

/// Never shrinks to less than its registry needed at most; the next registry of the slot begins with an empty one.
#[derive(Default)]
struct Shard {
    /// Whose it is; 0 if nobody's.
    registry: u64,
    /// The number of the next entry.
    next: Number,
    groups: HashMap<Arc<[u8]>, Group>,
}

/// The entries of one key.
enum Group {
    Unique(Row),
    /// By their numbers. Never empty.
    Duplicate(BTreeMap<Number, Row>),
}

/// Where an entry stands among those of its shard.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Number(u64);

const FIRST: Number = Number(0);

impl Number {
    fn next(self) -> Number {
        Number(self.0 + 1)
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Number) -> Ordering {
        #[cfg(all(test, not(any(loom, shuttle))))]
        tests::COMPARED.set(tests::COMPARED.get() + 1);
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

struct Row {
    number: Number,
    entry: u64,
    record: Arc<Record>,
    object: Arc<Object>,
}

impl Group {
    fn first(&self) -> &Row {
        match self {
            Group::Unique(row) => row,
            Group::Duplicate(rows) => rows.first_key_value().expect("never empty").1,
        }
    }

    fn get(&self, number: Number) -> Option<&Row> {
        match self {
            Group::Unique(row) => Some(row).filter(|row| row.number == number),
            Group::Duplicate(rows) => rows.get(&number),
        }
    }

    fn len(&self) -> usize {
        match self {
            Group::Unique(_) => 1,
            Group::Duplicate(rows) => rows.len(),
        }
    }

    /// Those from a number on.
    fn rows(&self, from: Number) -> impl Iterator<Item = &Row> {
        let (one, many) = match self {
            Group::Unique(row) => (Some(row).filter(|row| row.number >= from), None),
            Group::Duplicate(rows) => (None, Some(rows.range(from..).map(|(_, row)| row))),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    fn into_one(self) -> Option<Row> {
        self.into_rows().next()
    }

    fn into_rows(self) -> impl Iterator<Item = Row> {
        let (one, many) = match self {
            Group::Unique(row) => (Some(row), None),
            Group::Duplicate(rows) => (None, Some(rows.into_values())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}

/// A kind and a key in one run of bytes, which no other kind and key give.
struct Key(SmallVec<[u8; 64]>);

impl Key {
    fn new(kind: &[u8], key: &[u8]) -> Key {
        let mut bytes = SmallVec::with_capacity(8 + kind.len() + key.len());
        bytes.extend_from_slice(&(kind.len() as u64).to_le_bytes());
        bytes.extend_from_slice(kind);
        bytes.extend_from_slice(key);
        Key(bytes)
    }
}

impl Directory {
    pub(crate) fn new() -> Directory {
        Directory {
            random: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::new(Shard::default())),
        }
    }

    /// Makes it that of a registry that is about to run.
    pub(crate) fn begin(&self, registry: u64) {
        for shard in &self.shards {
            shard.lock().registry = registry;
        }
    }

    /// Unregisters all, for a registry that has ended. In the child of a fork that a release made, the rest stays.
    pub(crate) fn end(&self, registry: u64) {
        for shard in &self.shards {
            let groups = {
                let mut shard = shard.lock();
                if shard.registry != registry {
                    continue;
                }
                shard.registry = 0;
                shard
                    .groups
                    .values()
                    .flat_map(|group| group.rows(FIRST))
                    .for_each(|row| Record::kill(row.entry));
                std::mem::take(&mut shard.groups)
            };
            for row in groups.into_values().flat_map(Group::into_rows) {
                row.record.bury(row.entry);
                drop(row); // may call out
                if fork::check().is_err() {
                    return;
                }
            }
        }
    }

    /// Shows the shard of a key to `work`, which calls nothing of others.
    fn with<R>(
        &self,
        registry: u64,
        key: &[u8],
        work: impl FnOnce(&mut Shard) -> Result<R, Error>,
    ) -> Result<R, Error> {
        #[allow(clippy::modulo_one, reason = "a model has one")]
        let shard = self.random.hash_one(key) as usize % SHARDS;
        let mut shard = self.shards[shard].lock();
        if shard.registry != registry {
            return Err(Error::Stopped);
        }
        work(&mut shard)
    }

    /// Adds an entry: its id, or the id of the one that has the key. On an error the object is left where it is.
    fn add(
        &self,
        registry: u64,
        key: &Key,
        object: &mut Option<Object>,
        options: &entry::Terms,
    ) -> Result<Result<u64, u64>, Error> {
        let mut refused = None;
        let result = self.with(registry, &key.0, |shard| {
            let key: Arc<[u8]> = match shard.groups.get_key_value(&key.0[..]) {
                Some((_, group)) if !options.duplicate || matches!(group, Group::Unique(_)) => {
                    return Ok(Err(group.first().entry));
                }
                Some((key, _)) => Arc::clone(key),
                None => Arc::from(&key.0[..]),
            };
            let number = shard.next;
            let record =
                Arc::new(Record { registry, key: Arc::clone(&key), number, owner: options.owner.clone() });
            let entry = handle::open(|_| Arc::clone(&record))?;
            if let Err(error) = options.tie(entry) {
                refused = Some(entry);
                return Err(error);
            }
            shard.next = number.next();
            let object = Arc::new(object.take().expect("given by who registers"));
            let row = Row { number, entry, record, object };
            match shard.groups.entry(key) {
                Place::Vacant(place) if options.duplicate => {
                    place.insert(Group::Duplicate(BTreeMap::from([(number, row)])));
                }
                Place::Vacant(place) => {
                    place.insert(Group::Unique(row));
                }
                Place::Occupied(mut place) => match place.get_mut() {
                    Group::Duplicate(rows) => {
                        rows.insert(number, row);
                    }
                    Group::Unique(_) => unreachable!("refused above"),
                },
            }
            Ok(Ok(entry))
        });
        if let Some(entry) = refused {
            let _ = handle::close::<Record>(entry); // nobody knows it
        }
        result
    }

    /// Takes an entry out: None if somebody else did.
    fn remove(&self, record: &Record) -> Result<Option<Row>, Error> {
        self.with(record.registry, &record.key, |shard| {
            let Place::Occupied(mut place) = shard.groups.entry(Arc::clone(&record.key)) else {
                return Ok(None);
            };
            let row = match place.get_mut() {
                Group::Duplicate(rows) if rows.len() > 1 => rows.remove(&record.number),
                group => group.get(record.number).is_some().then(|| place.remove()).and_then(Group::into_one),
            };
            row.iter().for_each(|row| Record::kill(row.entry));
            Ok(row)
        })
    }

    /// The first entry of a key.
    fn first(&self, registry: u64, key: &Key) -> Result<Option<(u64, Arc<Object>)>, Error> {
        self.with(registry, &key.0, |shard| {
            let row = shard.groups.get(&key.0[..]).map(Group::first);
            Ok(row.map(|row| (row.entry, Arc::clone(&row.object))))
        })
    }

    fn object(&self, record: &Record) -> Result<Option<Arc<Object>>, Error> {
        self.with(record.registry, &record.key, |shard| {
            let row = shard.groups.get(&record.key).and_then(|group| group.get(record.number));
            Ok(row.map(|row| Arc::clone(&row.object)))
        })
    }

    /// The number that the next entry beside a key's gets.
    fn next(&self, registry: u64, key: &Key) -> Result<Number, Error> {
        self.with(registry, &key.0, |shard| Ok(shard.next))
    }

    /// Some entries of a key between two numbers.
    fn some(&self, registry: u64, key: &Key, from: Number, until: Number) -> Result<Chunk, Error> {
        self.with(registry, &key.0, |shard| {
            let rows = shard.groups.get(&key.0[..]).into_iter().flat_map(|group| group.rows(from));
            let rows = rows.take_while(|row| row.number < until).take(CHUNK);
            Ok(rows.map(|row| (row.number, row.entry, Arc::clone(&row.object))).collect())
        })
    }

    /// How many entries a key has; `visit` sees the ids of the first of them.
    fn list(
        &self,
        registry: u64,
        key: &Key,
        most: usize,
        mut visit: impl FnMut(u64),
    ) -> Result<usize, Error> {
        self.with(registry, &key.0, |shard| {
            let Some(group) = shard.groups.get(&key.0[..]) else { return Ok(0) };
            group.rows(FIRST).take(most).for_each(|row| visit(row.entry));
            Ok(group.len())
        })
    }
}

type Chunk = Vec<(Number, u64, Arc<Object>)>;

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local! {
        /// How many numbers this thread compared.
        pub(super) static COMPARED: Cell<u64> = const { Cell::new(0) };
    }

    /// How many numbers are compared to take out one of so many entries of one key.
    fn compared(entries: u64) -> u64 {
        let registry = crate::Registry::start().unwrap();
        let options = Register { duplicate: true, ..Register::default() };
        let entries: Vec<Entry> = (0..entries)
            .map(|_| match registry.register("kind", "key", Object::new(Arc::new(())), options).unwrap() {
                Registration::New(entry) | Registration::Taken(entry) => entry,
            })
            .collect();
        COMPARED.set(0);
        let some = entries.iter().skip(entries.len() / 3).step_by(7).take(100);
        let count = some.map(|entry| entry.unregister().unwrap()).count() as u64;
        let compared = COMPARED.get() / count;
        registry.stop().unwrap();
        compared
    }

    #[test]
    fn an_end_among_very_many_of_one_key_looks_at_few() {
        let (few, many) = (compared(1_500), compared(150_000));
        assert!(few > 0 && many < 200 && many < 3 * few, "{few} and {many}");
    }
}
