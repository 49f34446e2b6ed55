//! A tree against a model: random changes, held versions, good hashes and bad ones.

use super::versions::{Dead, Versions};
use super::*;
use std::collections::BTreeMap;

struct Pair {
    birth: u64,
    hash: u64,
    key: [u8; 4],
    value: u64,
}

// SAFETY: `birth` and `hash` are constant, and `matches` is equality of the keys, of which `hash` is a function.
unsafe impl Entry for Pair {
    unsafe fn matches(this: *const Pair, hash: u64, key: &[u8]) -> bool {
        // SAFETY: alive by this function's contract.
        unsafe { (*this).hash == hash && (*this).key == *key }
    }
    unsafe fn hash(this: *const Pair) -> u64 {
        // SAFETY: as above.
        unsafe { (*this).hash }
    }
    unsafe fn birth(this: *const Pair) -> u64 {
        // SAFETY: as above.
        unsafe { (*this).birth }
    }
    unsafe fn release(this: *const Pair) {
        // SAFETY: as above, and made by a Box.
        drop(unsafe { Box::from_raw(this.cast_mut()) });
    }
}

type Model = BTreeMap<[u8; 4], u64>;

struct Subject {
    tree: Tree<Pair>,
    versions: Versions,
    model: Model,
    held: Vec<(u64, Node, Model)>,
    hash: fn(&[u8]) -> u64,
}

fn good(key: &[u8]) -> u64 {
    let mut x = u64::from(u32::from_le_bytes(key.try_into().unwrap())) ^ 0x9e37_79b9_7f4a_7c15;
    for _ in 0..3 {
        x = (x ^ x >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    }
    x ^ x >> 32
}

impl Subject {
    fn find(&self, root: Node, key: [u8; 4]) -> Option<u64> {
        // SAFETY: the root is the current one, or held.
        unsafe { find::<Pair>(root, (self.hash)(&key), &key).as_ref() }.map(|pair| pair.value)
    }

    fn put(&mut self, key: [u8; 4], value: u64) {
        let hash = (self.hash)(&key);
        let pair = Box::into_raw(Box::new(Pair { birth: self.tree.version, hash, key, value }));
        // SAFETY: the pair is new; what it replaces was alive in the tree.
        unsafe {
            match self.tree.replace(hash, &key, pair) {
                Some(old) => self.tree.retire_entry(old),
                None => self.tree.insert(hash, pair),
            }
        }
        self.model.insert(key, value);
    }

    fn delete(&mut self, key: [u8; 4]) {
        let old = self.tree.remove((self.hash)(&key), &key);
        assert_eq!(old.is_some(), self.model.remove(&key).is_some());
        if let Some(old) = old {
            // SAFETY: it was alive in the tree until now.
            unsafe { self.tree.retire_entry(old) };
        }
    }

    fn hold(&mut self) {
        self.settle();
        let version = self.tree.freeze();
        self.versions.hold(version);
        self.held.push((version, self.tree.root, self.model.clone()));
    }

    fn let_go(&mut self, i: usize) {
        self.settle();
        let (version, ..) = self.held.swap_remove(i);
        let mut freed: Vec<Dead> = Vec::new();
        self.versions.drop_version(version, &mut freed);
        self.tree.frozen = self.versions.newest();
        self.free(freed);
    }

    fn settle(&mut self) {
        let mut freed = Vec::new();
        while let Some(dead) = self.tree.retired.pop() {
            freed.extend(self.versions.bury(dead));
        }
        self.free(freed);
    }

    fn free(&mut self, freed: Vec<Dead>) {
        for dead in freed {
            // SAFETY: no version sees it, and nobody reads beside this test.
            unsafe { self.tree.free(dead, |pair| Pair::release(pair)) };
        }
    }

    fn check(&self, root: Node, model: &Model) {
        let mut seen = Model::new();
        // SAFETY: the root is the current one, or held.
        unsafe {
            walk::<Pair>(root, &mut |pair| {
                assert!(seen.insert((*pair).key, (*pair).value).is_none(), "seen twice")
            });
        }
        assert_eq!(&seen, model);
        for (&key, &value) in model {
            assert_eq!(self.find(root, key), Some(value));
        }
        let mut seen = 0;
        // SAFETY: as above, and nobody changes the tree meanwhile.
        unsafe { walk_unfinished::<Pair>(root, 0, &mut |_| seen += 1) };
        assert_eq!(seen, model.len());
    }
}

fn run(mut tree: Tree<Pair>, hash: fn(&[u8]) -> u64, keys: u32, steps: u32, seed: u64) {
    tree.settle_check();
    let mut s = Subject { tree, versions: Versions::default(), model: Model::new(), held: Vec::new(), hash };
    let mut x = seed;
    let mut random = move || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x
    };
    for step in 0..steps {
        let key = ((random() >> 20) as u32 % keys).to_le_bytes();
        // The tree grows for a while, then shrinks, so that it splits and merges.
        let grow = if (step / (steps / 4).max(1)).is_multiple_of(2) { 80 } else { 25 };
        match random() % 100 {
            0 if s.held.len() < 5 => s.hold(),
            1 if !s.held.is_empty() => {
                let i = random() as usize % s.held.len();
                s.check(s.held[i].1, &s.held[i].2);
                s.let_go(i);
            }
            dice if dice < grow => s.put(key, random()),
            _ => s.delete(key),
        }
        assert_eq!(s.find(s.tree.root, key), s.model.get(&key).copied(), "seed {seed}, step {step}");
        assert_eq!(s.tree.len, s.model.len());
    }
    s.check(s.tree.root, &s.model);
    while !s.held.is_empty() {
        let i = s.held.len() / 2;
        s.check(s.held[i].1, &s.held[i].2);
        s.let_go(i);
    }
    s.settle();
    assert_eq!(s.versions.dead(), 0, "something is on a dead list that no version holds");
    // SAFETY: nobody sees the tree, and it is not used again.
    unsafe { s.tree.dismantle(&mut |pair| Pair::release(pair)) };
}

impl Tree<Pair> {
    /// An empty tree finds nothing.
    fn settle_check(&mut self) {
        // SAFETY: the current root.
        assert!(unsafe { find::<Pair>(self.root, 1, b"none") }.is_null());
    }
}

#[test]
fn agrees_with_a_map() {
    for seed in 1..=8 {
        run(Tree::published(), good, 3000, 20_000, seed);
        run(Tree::live(), good, 3000, 20_000, seed);
        run(Tree::live(), good, 40, 5_000, seed);
    }
}

#[test]
fn agrees_with_a_map_when_many_keys_have_one_hash() {
    for seed in 1..=5 {
        run(Tree::published(), |key| good(key) & !0 << 60, 400, 6_000, seed); // 16 hashes, apart at the top
        run(Tree::live(), |key| good(key) & 15, 400, 6_000, seed); // 16 hashes, apart at the bottom only
        run(Tree::live(), |_| 0, 100, 3_000, seed);
        run(Tree::published(), |_| u64::MAX, 100, 3_000, seed);
    }
}

#[test]
fn a_large_tree_shrinks_to_a_leaf() {
    let mut s = Subject {
        tree: Tree::live(),
        versions: Versions::default(),
        model: Model::new(),
        held: Vec::new(),
        hash: good,
    };
    for i in 0..100_000u32 {
        s.put(i.to_le_bytes(), 0);
        s.settle();
    }
    for i in 0..100_000u32 {
        s.delete(i.to_le_bytes());
        s.settle();
    }
    assert_eq!(s.tree.len, 0);
    let mut nodes = 0;
    count(s.tree.root, &mut nodes);
    assert_eq!(nodes, 1, "an empty tree is one leaf");
    // SAFETY: nobody sees the tree, and it is not used again.
    unsafe { s.tree.dismantle(&mut |pair| Pair::release(pair)) };
}

fn count(node: Node, nodes: &mut usize) {
    *nodes += 1;
    let mut last = Node(0);
    for i in 0..if node.fan_out() == 0 { 0 } else { 1 << node.fan_out() } {
        // SAFETY: nobody changes the tree.
        let child = Node(unsafe { node.child(i) }.load(Ordering::Relaxed));
        if child != last {
            count(child, nodes);
            last = child;
        }
    }
}
