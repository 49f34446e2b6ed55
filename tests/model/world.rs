//! A registry with snapshots that are held, its model, and whether both show the same.

use super::plain::{Contents, Names, Plain, plain, plain_with_revision};
use super::{HELD, KEYS, NAMES, key, name};
use kvreg::{Bucket, Cursor, Error, Registry, Snapshot};
use std::collections::BTreeMap;

pub(crate) enum Held {
    OfRegistry(Snapshot, Names),
    OfBucket(Snapshot, Contents),
}

pub(crate) struct World {
    pub(crate) registry: Registry,
    pub(crate) model: Names,
    /// By slot; a slot may be empty.
    pub(crate) held: [Option<Held>; HELD],
    /// A bucket that was stopped last.
    pub(crate) dead: Option<Bucket>,
}

/// Keys for a snapshot to be asked for besides those that it has.
fn asked() -> impl Iterator<Item = Vec<u8>> {
    (0..KEYS + 2).step_by(7).map(key)
}

fn check_contents(snapshot: Snapshot, contents: &Contents) {
    assert_eq!(snapshot.count(), Ok(contents.items.len() as u64));
    assert_eq!(snapshot.revision(), Ok(contents.revision));
    let items = snapshot.items().unwrap();
    assert_eq!(items.len(), contents.items.len(), "each key once");
    let (mut cursor, mut steps) = (Cursor::default(), 0);
    while let Some((key, value)) = snapshot.next_item(&mut cursor).unwrap() {
        assert_eq!(Some(&Plain::of(&value)), contents.value(&key));
        steps += 1;
    }
    assert_eq!(steps, items.len());
    for (key, value) in items {
        let (expected, revision) = &contents.items[&key];
        assert_eq!(&Plain::of(&value), expected);
        let found = snapshot.get_with_revision(&key).unwrap();
        assert_eq!(plain_with_revision(found), Some((expected.clone(), *revision)));
    }
    for key in asked() {
        assert_eq!(plain(snapshot.get(&key).unwrap()).as_ref(), contents.value(&key));
    }
}

pub(crate) fn check_snapshot(held: &Held) {
    let (snapshot, names) = match held {
        Held::OfRegistry(snapshot, names) => (snapshot, names),
        Held::OfBucket(snapshot, contents) => return check_contents(*snapshot, contents),
    };
    assert_eq!(snapshot.count(), Ok(names.buckets.len() as u64));
    assert_eq!(snapshot.revision(), Ok(names.revision));
    let found: BTreeMap<Vec<u8>, u64> =
        snapshot.names().unwrap().into_iter().map(|(name, bucket)| (name, bucket.id())).collect();
    let expected: BTreeMap<Vec<u8>, u64> =
        names.buckets.iter().map(|(name, (id, _))| (name.clone(), *id)).collect();
    assert_eq!(found, expected);
    for name in (0..NAMES).map(name) {
        let expected = names.buckets.get(&name);
        assert_eq!(snapshot.lookup(&name).unwrap().map(Bucket::id), expected.map(|(id, _)| *id));
        let part = snapshot.bucket(&name).unwrap();
        assert_eq!(part.is_some(), expected.is_some());
        for key in asked() {
            let expected = expected.and_then(|(_, contents)| contents.value(&key));
            assert_eq!(plain(snapshot.get_in(&name, &key).unwrap()).as_ref(), expected);
        }
        if let (Some(part), Some((_, contents))) = (part, expected) {
            check_contents(part, contents);
            part.close().unwrap();
        }
    }
}

impl World {
    pub(crate) fn new() -> World {
        let registry = Registry::start().unwrap();
        World { registry, model: Names::default(), held: [const { None }; HELD], dead: None }
    }

    /// The bucket of this name and its model, or None if there is none, as both agree.
    pub(crate) fn bucket(&mut self, n: usize) -> Option<(Bucket, &mut Contents)> {
        let found = self.registry.lookup(name(n)).unwrap();
        let model = self.model.buckets.get_mut(&name(n));
        assert_eq!(found.map(Bucket::id), model.as_ref().map(|(id, _)| *id));
        Some((found?, &mut model?.1))
    }

    pub(crate) fn hold(&mut self, h: usize, held: Held) {
        self.close(h);
        self.held[h] = Some(held);
    }

    pub(crate) fn close(&mut self, h: usize) {
        let Some(held) = self.held[h].take() else { return };
        check_snapshot(&held);
        let (Held::OfRegistry(snapshot, _) | Held::OfBucket(snapshot, _)) = held;
        assert_eq!(snapshot.close(), Ok(()));
        assert_eq!((snapshot.close(), snapshot.count()), (Err(Error::Dead), Err(Error::Dead)));
    }

    pub(crate) fn check_bucket(&mut self, n: usize) {
        let Some((bucket, contents)) = self.bucket(n) else { return };
        assert_eq!(bucket.name(), Ok(name(n)));
        assert_eq!(bucket.count(), Ok(contents.items.len() as u64));
        assert_eq!(bucket.revision(), Ok(contents.revision));
        let items: BTreeMap<Vec<u8>, Plain> =
            bucket.items().unwrap().iter().map(|(key, value)| (key.clone(), Plain::of(value))).collect();
        assert!(items.iter().eq(contents.items.iter().map(|(key, (value, _))| (key, value))));
        for key in asked() {
            let found = bucket.get_with_revision(&key).unwrap();
            assert_eq!(plain_with_revision(found).as_ref(), contents.items.get(&key));
            let as_int = match contents.value(&key) {
                None => Ok(None),
                Some(Plain::Int(x)) => Ok(Some(*x)),
                Some(_) => Err(Error::WrongType),
            };
            assert_eq!(bucket.get_int(&key), as_int);
        }
    }

    pub(crate) fn check_all(&mut self) {
        assert_eq!(self.registry.count(), Ok(self.model.buckets.len() as u64));
        assert_eq!(self.registry.revision(), Ok(self.model.revision));
        (0..NAMES).for_each(|n| self.check_bucket(n));
        self.held.iter().flatten().for_each(check_snapshot);
        if let Some(dead) = self.dead {
            assert_eq!((dead.get("key"), dead.put("key", 1)), (Err(Error::Dead), Err(Error::Dead)));
            assert_eq!((dead.clear(), Snapshot::of_bucket(dead)), (Err(Error::Dead), Err(Error::Dead)));
        }
    }
}
