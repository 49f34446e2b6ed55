//! A bucket's keys and values: a live tree that readers walk under a pin while one writer at a time changes it.
//!
//! Invariants:
//! 1. `root` leads to the tree as it is; a pinned reader may follow it without a lock.
//! 2. What a change replaces waits in `limbo` for the pins, or on a version's dead list for a snapshot.
//! 3. Contents are freed when no pin can reach them and `users` is 0. Whoever counts itself among the users does so
//!    under a pin, so after the pins have gone nobody new can come.

use super::item::{Item, Payload};
use crate::epoch::{Limbo, Pin};
use crate::error::Error;
use crate::fork;
use crate::hash::Hash;
use crate::sync::{AtomicU32, AtomicU64, AtomicUsize, Mutex, MutexGuard, Ordering};
use crate::tree::versions::{Dead, Versions};
use crate::tree::{Entry, Node, Tree, find, walk, walk_unfinished};

/// Garbage is looked through when this many things of it have come together (fewer in a small bucket) …
const COLLECT_AT: usize = 64;
const COLLECT_SMALL_AT: usize = 8;
/// … or this many bytes.
pub(crate) const COLLECT_AT_WEIGHT: usize = 64 << 10;

pub(crate) struct Contents {
    root: AtomicUsize,
    count: AtomicU64,
    revision: AtomicU64,
    users: AtomicU32,
    hash: Hash,
    writer: Mutex<Writer>,
}

struct Writer {
    tree: Tree<Item>,
    versions: Versions,
    limbo: Limbo<Dead>,
    /// Bytes that the items in the tree keep.
    weight: usize,
    /// Bytes that dead items keep, counted since the limbo was last empty.
    dead_weight: usize,
    /// The bucket exited: no change may come any more.
    closed: bool,
}

// SAFETY: items are reached under a pin or by the one writer.
unsafe impl Send for Item {}
// SAFETY: what changes in an item is atomic.
unsafe impl Sync for Item {}
// SAFETY: nodes and entries that were replaced belong to whoever has the list.
unsafe impl Send for Dead {}

impl Contents {
    pub(crate) fn new() -> Contents {
        let tree = Tree::live();
        Contents {
            root: AtomicUsize::new(tree.root.to_raw()),
            count: AtomicU64::new(0),
            revision: AtomicU64::new(0),
            users: AtomicU32::new(0),
            hash: Hash::random(),
            writer: Mutex::new(Writer {
                tree,
                versions: Versions::default(),
                limbo: Limbo::new(),
                weight: 0,
                dead_weight: 0,
                closed: false,
            }),
        }
    }

    /// The item of a key, alive while the pin is.
    #[inline(always)]
    pub(super) fn find<'p>(&self, _pin: &'p Pin, key: &[u8]) -> Option<&'p Item> {
        // Acquire: see the nodes that the root leads to.
        let root = Node::from_raw(self.root.load(Ordering::Acquire));
        // SAFETY: the pin came before the root was read, so what it leads to is not freed while it lasts.
        unsafe { find::<Item>(root, self.hash.of(key), key).as_ref() }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire) // Acquire: whoever sees the count sees the change
    }

    pub(super) fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire) // as above
    }

    /// Puts a value under a key. The pin is what the caller found these contents under.
    pub(super) fn put(&self, pin: Pin, key: &[u8], payload: Payload) -> Result<(), Error> {
        let hash = self.hash.of(key);
        self.write(pin, |writer| {
            // SAFETY: only this writer changes the tree, so all that it leads to is alive.
            let old = unsafe { find::<Item>(writer.tree.root, hash, key).as_ref() };
            if old.is_some_and(|old| old.overwrite(writer.tree.frozen, &payload)) {
                return Ok(true);
            }
            let item = Item::new(key, hash, writer.tree.version, payload)?;
            // SAFETY: the item is new and has this key; what it replaces was alive in the tree.
            unsafe {
                writer.weight += item.as_ref().weight();
                match writer.tree.replace(hash, key, item.as_ptr()) {
                    Some(old) => writer.retire(old),
                    None => writer.tree.insert(hash, item.as_ptr()),
                }
            }
            Ok(true)
        })?;
        Ok(())
    }

    /// Deletes a key; tells whether it was there.
    pub(super) fn delete(&self, pin: Pin, key: &[u8]) -> Result<bool, Error> {
        let hash = self.hash.of(key);
        self.write(pin, |writer| {
            let old = writer.tree.remove(hash, key);
            if let Some(old) = old {
                // SAFETY: it was alive in the tree until now.
                unsafe { writer.retire(old) };
            }
            Ok(old.is_some())
        })
    }

    /// Visits all keys and values as they are at one revision. Writers wait only while it is frozen.
    pub(super) fn for_each(&self, pin: Pin, mut visit: impl FnMut(&[u8], &Item)) -> Result<(), Error> {
        if fork::check().is_err() {
            // No writer is left here, but for one that `fork` cut off in the middle of a change.
            let root = Node::from_raw(self.root.load(Ordering::Acquire)); // Acquire: as in `find`
            // SAFETY: the pin came before the root was read, and nobody changes the tree.
            unsafe { walk_unfinished::<Item>(root, 0, &mut |item| visit(Item::key(item), &*item)) };
            return Ok(());
        }
        let user = User::new(self, &pin);
        drop(pin);
        let (root, version) = {
            let mut writer = user.0.lock()?;
            let version = writer.tree.freeze();
            writer.versions.hold(version);
            (writer.tree.root, version)
        };
        let held = Held { contents: self, version };
        // SAFETY: the version is held, so all that its root leads to is alive and frozen, but for numbers in items
        // that are overwritten only if no version sees them.
        unsafe { walk::<Item>(root, &mut |item| visit(Item::key(item), &*item)) };
        drop(held);
        Ok(())
    }

    /// Ends all changes: waits for the one that runs, and lets no other begin. Gives the bytes that there are to free.
    pub(crate) fn close(&self) -> usize {
        let mut writer = self.writer.lock();
        writer.closed = true;
        writer.weight
    }

    /// Whether somebody uses these contents without a pin.
    pub(crate) fn in_use(&self) -> bool {
        self.users.load(Ordering::Acquire) != 0 // Acquire: what the last user did comes before the free
    }

    /// For tests: as a writer that takes its time.
    #[cfg(feature = "test-hooks")]
    pub(crate) fn with_writer_held<R>(&self, pin: Pin, work: impl FnOnce() -> R) -> Result<R, Error> {
        let user = User::new(self, &pin);
        drop(pin);
        let _writer = user.0.lock()?;
        Ok(work())
    }

    fn lock(&self) -> Result<MutexGuard<'_, Writer>, Error> {
        let writer = self.writer.lock();
        if writer.closed { Err(Error::Dead) } else { Ok(writer) }
    }

    /// Runs a change that tells whether it changed anything, and makes it visible.
    #[inline(always)]
    fn write(
        &self,
        pin: Pin,
        change: impl FnOnce(&mut Writer) -> Result<bool, Error>,
    ) -> Result<bool, Error> {
        if let Some(mut writer) = self.writer.try_lock() {
            if writer.closed {
                return Err(Error::Dead);
            }
            let changed = self.run(&mut writer, change)?;
            if writer.is_due() {
                // Our own pin would hold back what we want to free.
                let user = User::new(self, &pin);
                drop(pin);
                writer.collect();
                drop(writer);
                drop(user);
            }
            return Ok(changed);
        }
        // No pin is held while we wait: it would hold back all that is freed anywhere.
        let user = User::new(self, &pin);
        drop(pin);
        let mut writer = user.0.lock()?;
        let changed = self.run(&mut writer, change)?;
        if writer.is_due() {
            writer.collect();
        }
        Ok(changed)
    }

    #[inline(always)]
    fn run(
        &self,
        writer: &mut Writer,
        change: impl FnOnce(&mut Writer) -> Result<bool, Error>,
    ) -> Result<bool, Error> {
        let changed = change(writer)?;
        if changed {
            // Release: whoever sees the root sees the nodes; whoever sees the numbers sees the change.
            // Relaxed load: written under this lock only.
            self.root.store(writer.tree.root.to_raw(), Ordering::Release);
            self.count.store(writer.tree.len as u64, Ordering::Release);
            self.revision.store(self.revision.load(Ordering::Relaxed) + 1, Ordering::Release);
            writer.settle();
        }
        Ok(changed)
    }
}

impl Writer {
    /// Remembers an item that was taken out.
    ///
    /// # Safety
    /// It was alive in the tree until now.
    unsafe fn retire(&mut self, item: *const Item) {
        // SAFETY: this function's contract.
        unsafe {
            let weight = (*item).weight();
            self.weight -= weight;
            self.dead_weight += weight;
            self.tree.retire_entry(item);
        }
    }

    /// Sees to what a change replaced. The root was shown to readers since.
    #[inline]
    fn settle(&mut self) {
        while let Some(dead) = self.tree.retired.pop() {
            if let Some(dead) = self.versions.bury(dead) {
                self.limbo.push(dead);
            }
        }
    }

    /// Whether it is time to look through the garbage.
    #[inline]
    fn is_due(&self) -> bool {
        // What is heavy is looked at with every change until the pins that held it back have ended.
        self.limbo.unsealed() >= COLLECT_AT.min(COLLECT_SMALL_AT + self.tree.len)
            || self.dead_weight >= COLLECT_AT_WEIGHT && !self.limbo.is_empty()
    }

    /// Frees what neither a version nor a pin sees any more.
    #[cold]
    fn collect(&mut self) {
        let tree = &mut self.tree;
        // SAFETY: no version and no pin sees it any more, and each thing is retired once.
        self.limbo.collect(|dead| unsafe { tree.free(dead, |item| Item::release(item)) });
        if self.limbo.is_empty() {
            self.dead_weight = 0;
        }
    }
}

impl Drop for Contents {
    fn drop(&mut self) {
        let writer = self.writer.get_mut();
        // SAFETY: nobody can reach these contents any more, and no version is held: its holder would be a user.
        unsafe {
            for dead in writer.limbo.drain() {
                writer.tree.free(dead, |item| Item::release(item));
            }
            writer.tree.dismantle(&mut |item| Item::release(item));
        }
    }
}

/// Keeps contents from being freed without a pin.
struct User<'a>(&'a Contents);

impl<'a> User<'a> {
    fn new(contents: &'a Contents, _pin: &Pin) -> User<'a> {
        // Relaxed: the pin keeps the contents until it ends, and its end (Release) comes after this.
        contents.users.fetch_add(1, Ordering::Relaxed);
        User(contents)
    }
}

impl Drop for User<'_> {
    fn drop(&mut self) {
        self.0.users.fetch_sub(1, Ordering::Release); // Release: what we did comes before the free
    }
}

/// A frozen version, let go of when this ends.
struct Held<'a> {
    contents: &'a Contents,
    version: u64,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut writer = self.contents.writer.lock(); // also of contents that were closed meanwhile
        let Writer { tree, versions, limbo, .. } = &mut *writer;
        let mut free = Vec::new();
        versions.drop_version(self.version, &mut free);
        free.into_iter().for_each(|dead| limbo.push(dead));
        tree.frozen = versions.newest();
        if writer.is_due() {
            writer.collect();
        }
    }
}
