//! One call on both the library and the model.

use super::plain::{Contents, Plain, plain};
use super::world::{Held, World, check_snapshot};
use super::{Op, key, name};
use kvreg::{Batch, Bounds, Bucket, Error, Reason, Snapshot, Update};

impl World {
    pub(crate) fn apply(&mut self, op: Op) {
        match op {
            Op::Create(n) => self.create(n),
            Op::Stop(n) => self.stop(n),
            Op::Batch(changes) => self.batch(changes),
            Op::Snapshot(h) => {
                let held = Held::OfRegistry(Snapshot::take(self.registry).unwrap(), self.model.clone());
                self.hold(h, held);
            }
            Op::SnapshotOfBucket(h, n) => {
                let Some((bucket, contents)) = self.bucket(n) else { return };
                let held = Held::OfBucket(Snapshot::of_bucket(bucket).unwrap(), contents.clone());
                self.hold(h, held);
            }
            Op::BucketOfSnapshot(h, n) => {
                let Some(Held::OfRegistry(snapshot, names)) = &self.held[h] else { return };
                let Some(part) = snapshot.bucket(name(n)).unwrap() else { return };
                let held = Held::OfBucket(part, names.buckets[&name(n)].1.clone());
                self.hold(h, held);
            }
            Op::Close(h) => self.close(h),
            Op::Look(h) => self.held[h].iter().for_each(check_snapshot),
            Op::LookAtBucket(n) => self.check_bucket(n),
            Op::Put(n, ..)
            | Op::PutNew(n, ..)
            | Op::Swap(n, ..)
            | Op::PutIfRevision(n, ..)
            | Op::PutIfEqual(n, ..)
            | Op::DeleteIfRevision(n, ..)
            | Op::Delete(n, _)
            | Op::Take(n, _)
            | Op::Add(n, ..)
            | Op::Update(n, ..)
            | Op::Fill(n, _)
            | Op::Clear(n) => {
                if let Some((bucket, model)) = self.bucket(n) {
                    change(bucket, model, op);
                }
            }
        }
    }

    fn create(&mut self, n: usize) {
        let bucket = self.registry.create(name(n)).unwrap();
        let model = &mut self.model;
        let (id, _) = model.buckets.entry(name(n)).or_insert_with(|| {
            model.revision += 1;
            (bucket.id(), Contents::default())
        });
        assert_eq!(*id, bucket.id());
    }

    fn stop(&mut self, n: usize) {
        let Some((bucket, _)) = self.bucket(n) else { return };
        assert_eq!(bucket.stop(Reason::Normal), Ok(()));
        assert_eq!(bucket.stop(Reason::Normal), Err(Error::Dead));
        self.model.buckets.remove(&name(n));
        self.model.revision += 1;
        self.dead = Some(bucket);
    }

    fn batch(&mut self, changes: Vec<(usize, usize, Option<Plain>)>) {
        let mut batch = Batch::new(self.registry);
        let before = self.model.clone();
        for (n, k, value) in changes {
            let Some((bucket, model)) = self.bucket(n) else { continue };
            match value {
                Some(value) => {
                    batch.put(bucket, key(k), value.to_ref()).unwrap();
                    model.put(&key(k), value);
                }
                None => {
                    batch.delete(bucket, key(k)).unwrap();
                    model.delete(&key(k));
                }
            }
        }
        assert_eq!(batch.commit(), Ok(()));
        // It is one change for each bucket that it changed.
        for (name, (id, after)) in &mut self.model.buckets {
            let before = &before.buckets[name].1;
            if after.items == before.items {
                // Whether keys that came and went within the batch are a change is not said.
                after.revision = Bucket::from_id(*id).revision().unwrap();
                assert!(after.revision - before.revision <= 1);
            } else {
                after.revision = before.revision + 1;
                after.items.values_mut().for_each(|(_, revision)| *revision = after.revision.min(*revision));
            }
        }
    }
}

/// A change to a bucket that is alive.
fn change(bucket: Bucket, model: &mut Contents, op: Op) {
    match op {
        Op::Put(_, k, value) => {
            assert_eq!(bucket.put(key(k), value.to_ref()), Ok(()));
            model.put(&key(k), value);
        }
        Op::PutNew(_, k, value) => {
            let result = bucket.put_new(key(k), value.to_ref());
            if model.value(&key(k)).is_some() {
                assert_eq!(result, Err(Error::Exists));
            } else {
                assert_eq!(result, Ok(()));
                model.put(&key(k), value);
            }
        }
        Op::Swap(_, k, value) => {
            let old = bucket.swap(key(k), value.to_ref()).unwrap();
            assert_eq!(plain(old).as_ref(), model.value(&key(k)));
            model.put(&key(k), value);
        }
        Op::PutIfRevision(_, k, right, value) => {
            let revision = model.items.get(&key(k)).map_or(0, |(_, revision)| *revision);
            let result = bucket.put_if_revision(key(k), revision + u64::from(!right), value.to_ref());
            if right {
                model.put(&key(k), value);
                assert_eq!(result, Ok(model.revision));
            } else {
                assert_eq!(result, Err(Error::Conflict));
            }
        }
        Op::PutIfEqual(_, k, right, value) => {
            let old = model.value(&key(k)).cloned();
            let expected = if right { old.clone().unwrap_or(Plain::Nil) } else { value.clone() };
            let result = bucket.put_if_equal(key(k), expected.to_ref(), value.to_ref());
            if old == Some(expected) {
                assert_eq!(result, Ok(()));
                model.put(&key(k), value);
            } else {
                assert_eq!(result, Err(Error::Conflict));
            }
        }
        Op::DeleteIfRevision(_, k, right) => {
            let revision = model.items.get(&key(k)).map_or(0, |(_, revision)| *revision);
            let result = bucket.delete_if_revision(key(k), revision + u64::from(!right));
            let there = right && model.delete(&key(k)).is_some();
            assert_eq!(result, if there { Ok(()) } else { Err(Error::Conflict) });
        }
        Op::Delete(_, k) => assert_eq!(bucket.delete(key(k)), Ok(model.delete(&key(k)).is_some())),
        Op::Take(_, k) => assert_eq!(plain(bucket.take(key(k)).unwrap()), model.delete(&key(k))),
        Op::Add(_, k, by) => {
            let result = bucket.add(key(k), by, Bounds { initial: 7, ..Bounds::default() });
            let expected = match model.value(&key(k)) {
                None => Ok(7 + by),
                Some(Plain::Int(old)) => old.checked_add(by).ok_or(Error::OutOfRange),
                Some(_) => Err(Error::WrongType),
            };
            assert_eq!(result, expected);
            if let Ok(sum) = expected {
                model.put(&key(k), Plain::Int(sum));
            }
        }
        Op::Update(_, k, made) => {
            let step = match &made {
                None => Update::Keep,
                Some(None) => Update::Delete,
                Some(Some(value)) => Update::Put(value.to_ref()),
            };
            let mut seen = None;
            let result = bucket.update(key(k), |old| {
                seen = old;
                step
            });
            assert_eq!((result, plain(seen).as_ref()), (Ok(()), model.value(&key(k))));
            match made {
                None => {}
                Some(None) => drop(model.delete(&key(k))),
                Some(Some(value)) => model.put(&key(k), value),
            }
        }
        Op::Fill(_, keys) => {
            for k in 0..keys {
                bucket.put(key(k), k as i64).unwrap();
                model.put(&key(k), Plain::Int(k as i64));
            }
        }
        Op::Clear(_) => {
            assert_eq!(bucket.clear(), Ok(model.items.len() as u64));
            model.revision += u64::from(!model.items.is_empty());
            model.items.clear();
        }
        _ => unreachable!("not a change to one bucket: {op:?}"),
    }
}
