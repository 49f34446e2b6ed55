//! A tree against a model: random changes in place and hidden, held cuts, good hashes and bad ones.

use super::cursor::{self, Position};
use super::*;
use crate::cuts::{Cuts, Now};
use crate::epoch::{self, Pin};
use crate::live::Live;
use crate::sync::{Arc, AtomicU64};
use crate::tree::edit::Retired;
use std::collections::BTreeMap;

struct Pair {
    birth: u64,
    key: [u8; 4],
    value: u64,
    living: Arc<AtomicU64>,
}

impl Pair {
    fn make(key: [u8; 4], value: u64, birth: u64, living: &Arc<AtomicU64>) -> *const Pair {
        living.fetch_add(1, Ordering::Relaxed);
        let living = Arc::clone(living);
        Box::into_raw(Box::new(Pair { birth, key, value, living }))
    }
}

// SAFETY: `birth` and `key` are constant.
unsafe impl Entry for Pair {
    unsafe fn key<'a>(this: *const Pair) -> &'a [u8] {
        // SAFETY: alive by this function's contract.
        unsafe { &(*this).key }
    }
    unsafe fn birth(this: *const Pair) -> u64 {
        // SAFETY: as above.
        unsafe { (*this).birth }
    }
    unsafe fn weight(_this: *const Pair) -> usize {
        size_of::<Pair>()
    }
    unsafe fn release(this: *const Pair) {
        // SAFETY: as above, and made by a Box.
        let pair = unsafe { Box::from_raw(this.cast_mut()) };
        pair.living.fetch_sub(1, Ordering::Relaxed);
    }
}

type Model = BTreeMap<[u8; 4], u64>;

/// A live map of pairs, and what it and its held cuts must show.
struct Subject {
    cuts: Box<Cuts>,
    map: Box<Live<Pair>>, // never moved, as its pasts know where it is
    model: Model,
    held: Vec<(u64, Model)>,
    living: Arc<AtomicU64>,
}

impl Subject {
    fn new(hash: Hash) -> Subject {
        let cuts = Box::new(Cuts::new());
        let map = Box::new(Live::new(hash, &raw const *cuts));
        let living = Arc::default();
        Subject { cuts, map, model: Model::new(), held: Vec::new(), living }
    }

    fn change(&mut self, change: impl FnOnce(&Live<Pair>, &Pin, Now, &mut Retired)) {
        let pin = epoch::pin();
        let writing = pin.announce();
        let now = self.cuts.now(&writing);
        self.map.touch(now).unwrap();
        let mut retired = Retired::new();
        change(&self.map, &pin, now, &mut retired);
        drop(writing);
        drop(pin);
        retired.into_iter().filter_map(|dead| self.cuts.keep(now, dead)).for_each(epoch::retire);
    }

    fn put(&mut self, key: [u8; 4], value: u64) {
        let living = Arc::clone(&self.living);
        self.change(|map, pin, now, retired| {
            let old = map.find(pin, &key).map_or(ptr::null(), ptr::from_ref);
            // SAFETY: new, and the old one is this key's.
            unsafe {
                map.put(now, map.hash().of(&key), old, Pair::make(key, value, now.number, &living), retired)
            }
        });
        self.model.insert(key, value);
    }

    fn delete(&mut self, key: [u8; 4]) {
        let mut found = false;
        self.change(|map, pin, now, retired| {
            let Some(pair) = map.find(pin, &key) else { return };
            found = true;
            // SAFETY: it is there.
            unsafe { map.remove(now, map.hash().of(&key), pair, retired) }
        });
        assert_eq!(found, self.model.remove(&key).is_some());
    }

    /// Many changes at once, shown or given up.
    fn batch(&mut self, changes: &[([u8; 4], Option<u64>)], shown: bool) {
        let number = self.cuts.raise();
        let mut edit = self.map.hidden_edit(number);
        let mut model = self.model.clone();
        for &(key, value) in changes {
            let hash = self.map.hash().of(&key);
            match value {
                // SAFETY: new.
                Some(value) => unsafe {
                    edit.put(hash, Pair::make(key, value, number, &self.living));
                    model.insert(key, value);
                },
                None => {
                    assert_eq!(edit.remove(hash, &key).is_some(), model.remove(&key).is_some());
                }
            }
        }
        if !shown {
            // SAFETY: it is not shown.
            return unsafe { edit.abandon() };
        }
        let pin = epoch::pin();
        let writing = pin.announce();
        let now = self.cuts.now(&writing);
        self.map.touch(now).unwrap();
        self.map.show(&edit);
        drop(writing);
        let dead = edit.into_retired().into_iter();
        dead.filter_map(|dead| self.cuts.keep(now, dead)).for_each(epoch::retire);
        self.model = model;
    }

    fn hold(&mut self) {
        self.held.push((self.cuts.take(), self.model.clone()));
    }

    fn let_go(&mut self, i: usize) {
        let (cut, _) = self.held.swap_remove(i);
        self.cuts.let_go(cut);
    }

    fn check_held(&self, i: usize) {
        let (cut, model) = &self.held[i];
        let state = self.map.at(&epoch::pin(), *cut);
        assert_eq!(state.count, model.len() as u64);
        self.check(state.root, model);
    }

    fn check_now(&self) {
        assert_eq!(self.map.count(), self.model.len() as u64);
        assert_eq!(self.map.weight(), self.model.len() * size_of::<Pair>());
        let root = self.map.root(&epoch::pin());
        self.check(root, &self.model);
    }

    fn find(&self, root: Node, key: [u8; 4]) -> Option<u64> {
        // SAFETY: the root is the current one, or held.
        unsafe { find::<Pair>(root, self.map.hash().of(&key), &key).as_ref() }.map(|pair| pair.value)
    }

    fn check(&self, root: Node, model: &Model) {
        let mut seen = Model::new();
        let mut see = |pair: *const Pair| {
            // SAFETY: it is in a tree.
            let pair = unsafe { &*pair };
            assert!(seen.insert(pair.key, pair.value).is_none(), "seen twice");
        };
        // SAFETY: the root is the current one, or held.
        unsafe { walk::<Pair>(root, &mut see) };
        assert_eq!(&seen, model);
        seen.clear();
        let mut at = Position::default();
        // SAFETY: as above.
        while let Some(pair) = unsafe { cursor::next::<Pair>(root, &mut at) } {
            // SAFETY: it is in the tree.
            let pair = unsafe { &*pair };
            assert!(seen.insert(pair.key, pair.value).is_none(), "seen twice by a cursor");
        }
        assert_eq!(&seen, model);
        // SAFETY: as above.
        assert!(unsafe { cursor::next::<Pair>(root, &mut at) }.is_none(), "the end stays the end");
        for (&key, &value) in model {
            assert_eq!(self.find(root, key), Some(value));
        }
        let mut seen = 0;
        // SAFETY: as above, and nobody changes the tree meanwhile.
        unsafe { walk_unfinished::<Pair>(self.map.hash(), root, 0, &mut |_| seen += 1) };
        assert_eq!(seen, model.len());
    }

    fn end(mut self) {
        while !self.held.is_empty() {
            let i = self.held.len() / 2;
            self.check_held(i);
            self.let_go(i);
            self.cuts.tidy();
        }
        while self.living.load(Ordering::Relaxed) != self.model.len() as u64 {
            self.cuts.tidy();
            epoch::flush(); // other tests may be pinned for a moment
        }
        // SAFETY: nobody sees the map, and it is not used again.
        unsafe {
            self.map.dismantle();
            self.cuts.dismantle();
        }
        assert_eq!(self.living.load(Ordering::Relaxed), 0, "every entry is freed once");
    }
}

fn run(hash: Hash, keys: u32, steps: u32, seed: u64) {
    let mut s = Subject::new(hash);
    assert_eq!(s.find(Node::empty(), *b"none"), None);
    let mut x = seed;
    let mut random = move || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x
    };
    for step in 0..steps {
        let mut key = || ((random() >> 20) as u32 % keys).to_le_bytes();
        let (key, others) = (key(), [key(), key(), key(), key(), key(), key(), key(), key()]);
        // The tree grows for a while, then shrinks, so that it splits and merges.
        let grow = if (step / (steps / 4).max(1)).is_multiple_of(2) { 80 } else { 25 };
        match random() % 100 {
            0 if s.held.len() < 5 => s.hold(),
            1 if !s.held.is_empty() => {
                let i = random() as usize % s.held.len();
                s.check_held(i);
                s.let_go(i);
            }
            2 => _ = s.cuts.tidy(),
            3 => {
                let change = |key| (key, (random() % 100 < grow).then(&mut random));
                s.batch(&others.map(change), !random().is_multiple_of(4));
            }
            dice if dice < grow => s.put(key, random()),
            _ => s.delete(key),
        }
        let root = s.map.root(&epoch::pin());
        assert_eq!(s.find(root, key), s.model.get(&key).copied(), "seed {seed}, step {step}");
        assert_eq!(s.map.count(), s.model.len() as u64);
    }
    s.check_now();
    s.end();
}

#[test]
fn agrees_with_a_map() {
    for seed in 1..=8 {
        run(Hash::random(), 3000, 20_000, seed);
        run(Hash::random(), 40, 5_000, seed);
        run(Hash::random(), 6, 2_000, seed);
    }
}

#[test]
fn agrees_with_a_map_when_many_keys_have_one_hash() {
    for seed in 1..=5 {
        run(Hash::weakened(!0 << 60), 400, 6_000, seed); // 16 hashes, apart at the top
        run(Hash::weakened(15), 400, 6_000, seed); // 16 hashes, apart at the bottom only
        run(Hash::weakened(0), 100, 3_000, seed);
    }
}

#[test]
fn a_large_tree_shrinks_to_a_small_leaf() {
    let mut s = Subject::new(Hash::random());
    for i in 0..100_000u32 {
        s.put(i.to_le_bytes(), 0);
    }
    s.check_now();
    for i in 0..100_000u32 {
        s.delete(i.to_le_bytes());
    }
    let root = s.map.root(&epoch::pin());
    assert!(root.is_small(), "an empty tree is one small leaf");
    s.end();
}
